use base::Wall;
use proptest::prelude::*;

use crate::date::{LEN, emit, parse, parse_at};

/// 1994-11-06T08:49:37Z, the RFC's own example.
const EXAMPLE: Wall = Wall(784_111_777);
/// 2026-01-01T00:00:00Z.
const NOW: Wall = Wall(1_767_225_600);

//= test RFC 9110 §5.6.7: all three formats are read, and one is written.
#[test]
fn three_formats_are_one_date() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ] {
        assert_eq!(parse(text.as_bytes()), Some(EXAMPLE), "{text}");
        assert_eq!(parse_at(text.as_bytes(), NOW), Some(EXAMPLE), "{text}");
    }
    assert_eq!(&emit(EXAMPLE), b"Sun, 06 Nov 1994 08:49:37 GMT");
}

//= test RFC 9110 §5.6.7: dates are case-sensitive, and every byte of them counts.
#[test]
fn what_is_no_date() {
    for text in [
        "",
        ",",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 NOV 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "unM, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1996 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 32 Jan 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 23:59:61 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Someday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov   08:49:37 1994",
        "Mon Feb 30 08:49:37 1994",
        "0",
        "784111777",
    ] {
        assert_eq!(parse_at(text.as_bytes(), NOW), None, "{text}");
    }
}

#[test]
fn the_weekday_need_not_be_the_dates() {
    assert_eq!(parse(b"Mon, 06 Nov 1994 08:49:37 GMT"), Some(EXAMPLE));
    assert_eq!(parse(b"Monday, 06-Nov-94 08:49:37 GMT"), Some(EXAMPLE));
}

#[test]
fn leap_days_and_leap_seconds() {
    assert_eq!(parse(b"Tue, 29 Feb 2000 00:00:00 GMT"), Some(Wall(951_782_400)));
    let leap = parse(b"Sat, 31 Dec 2016 23:59:60 GMT");
    assert_eq!(leap, parse(b"Sun, 01 Jan 2017 00:00:00 GMT"));
    assert!(leap.is_some());
}

//= test RFC 9110 §5.6.7: a two-digit year that would be more than 50 years ahead is one of the past.
#[test]
fn two_digit_years() {
    let year_of = |text: &str, now: &str| {
        let now = parse(now.as_bytes()).unwrap();
        let date = parse_at(text.as_bytes(), now)?;
        Some(String::from_utf8_lossy(&emit(date)[12..16]).into_owned())
    };
    let now = "Thu, 01 Jan 2026 00:00:00 GMT";
    for (text, year) in [
        ("Thursday, 01-Jan-26 00:00:00 GMT", "2026"),
        ("Thursday, 31-Dec-75 23:59:59 GMT", "2075"),
        ("Thursday, 01-Jan-76 00:00:00 GMT", "2076"),
        ("Thursday, 01-Jan-76 00:00:01 GMT", "1976"),
        ("Thursday, 01-Jan-77 00:00:00 GMT", "1977"),
        ("Thursday, 01-Jan-99 00:00:00 GMT", "1999"),
        ("Thursday, 01-Jan-00 00:00:00 GMT", "2000"),
    ] {
        assert_eq!(year_of(text, now).as_deref(), Some(year), "{text}");
    }
    let late = "Thu, 01 Jan 2099 00:00:00 GMT";
    assert_eq!(year_of("Thursday, 01-Jan-10 00:00:00 GMT", late).as_deref(), Some("2110"));
    assert_eq!(year_of("Thursday, 01-Jan-98 00:00:00 GMT", late).as_deref(), Some("2098"));
    // 2100 is no leap year, and 2000 was.
    assert_eq!(year_of("Thursday, 29-Feb-00 00:00:00 GMT", late), None);
    assert_eq!(year_of("Thursday, 29-Feb-00 00:00:00 GMT", now).as_deref(), Some("2000"));

    assert_eq!(&emit(parse(b"Thursday, 31-Dec-69 23:59:59 GMT").unwrap())[12..16], b"2069");
    assert_eq!(&emit(parse(b"Thursday, 01-Jan-70 00:00:00 GMT").unwrap())[12..16], b"1970");
}

#[test]
fn the_first_and_the_last() {
    let (first, last) = (Wall(-62_167_219_200), Wall(253_402_300_799));
    assert_eq!(&emit(first), b"Sat, 01 Jan 0000 00:00:00 GMT");
    assert_eq!(&emit(last), b"Fri, 31 Dec 9999 23:59:59 GMT");
    for (date, edge) in [(Wall(i64::MIN), first), (Wall(i64::MAX), last)] {
        assert_eq!(emit(date), emit(edge));
        assert_eq!(parse(&emit(edge)), Some(edge));
        // Whatever the clock says, reading does not panic.
        parse_at(b"Sunday, 06-Nov-94 08:49:37 GMT", date);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in -62_167_219_200_i64..=253_402_300_799) {
        let text = emit(Wall(seconds));
        prop_assert_eq!(text.len(), LEN);
        prop_assert_eq!(parse(&text), Some(Wall(seconds)));
        // The other formats say the same; asctime has the same parts in another order.
        let text = str::from_utf8(&text).unwrap();
        let asctime = format!("{} {} {:>2} {} {}", &text[..3], &text[8..11],
            text[5..7].trim_start_matches('0'), &text[17..25], &text[12..16]);
        prop_assert_eq!(parse(asctime.as_bytes()), Some(Wall(seconds)));
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40), now in any::<i64>()) {
        parse_at(&bytes, Wall(now));
    }

    #[test]
    fn one_wrong_byte_is_no_panic(
        seconds in -62_167_219_200_i64..=253_402_300_799, at in 0..LEN, byte in any::<u8>()
    ) {
        let mut text = emit(Wall(seconds));
        text[at] = byte;
        if let Some(date) = parse(&text) {
            prop_assert_eq!(&emit(date)[5..], &text[5..], "all but the weekday is written alike");
        }
    }
}
