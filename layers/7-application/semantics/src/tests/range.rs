use expect_test::expect;
use message::{Fields, Name};
use proptest::prelude::*;
use serde_json::Value;

use super::{fields, film, vectors, with_cx};
use crate::byteranges::{Boundary, Byteranges};
use crate::content_range::ContentRange;
use crate::range::{self, ByteRange, RANGES_MAX, Selection, select};

fn part(first: u64, last: u64) -> ByteRange {
    ByteRange::new(first, last).unwrap()
}

fn one(first: u64, last: u64) -> Selection {
    Selection::One(part(first, last))
}

fn several(parts: &[(u64, u64)]) -> Selection {
    Selection::Several(parts.iter().map(|(first, last)| part(*first, *last)).collect())
}

#[track_caller]
fn check(value: &str, length: u64, want: Selection) {
    let fields: Fields = [(Name::Range, value)].into_iter().collect();
    assert_eq!(with_cx(|cx| select(cx, &fields, length)), want, "{value} of {length}");
}

//= test RFC 9110 §14.1.2: from, to, both included; open; the last so many.
#[test]
fn one_range() {
    check("bytes=0-499", 10_000, one(0, 499));
    check("bytes=500-999", 10_000, one(500, 999));
    check("bytes=-500", 10_000, one(9_500, 9_999));
    check("bytes=9500-", 10_000, one(9_500, 9_999));
    check("bytes=0-0", 10_000, one(0, 0));
    check("bytes=-1", 10_000, one(9_999, 9_999));
    check("bytes=0-", 10_000, one(0, 9_999));
    check("bytes=00000000000000000000000001-2", 10_000, one(1, 2));
}

//= test RFC 9110 §14.1.2: what lies beyond the end is cut off; a suffix that is too long is all.
#[test]
fn ranges_end_where_the_representation_does() {
    check("bytes=0-99999", 100, one(0, 99));
    check("bytes=99-100", 100, one(99, 99));
    check("bytes=-100000", 100, one(0, 99));
}

//= test RFC 9110 §14.1.2: numbers may be larger than any that we can hold.
#[test]
fn numbers_of_any_size() {
    let huge = "99999999999999999999999999999999999999";
    check(&format!("bytes=5-{huge}"), 100, one(5, 99));
    check(&format!("bytes=-{huge}"), 100, one(0, 99));
    check(&format!("bytes={huge}-"), 100, Selection::Unsatisfiable);
    check(&format!("bytes={huge}-{huge}"), u64::MAX, Selection::Unsatisfiable);
    check("bytes=0-18446744073709551615", u64::MAX, one(0, u64::MAX - 1));
    check("bytes=-18446744073709551615", u64::MAX, one(0, u64::MAX - 1));
}

//= test RFC 9110 §14.1.2: satisfiable when one begins within, or is a suffix of something.
//= test RFC 9110 §15.5.17: 416 when none is.
#[test]
fn what_cannot_be_satisfied() {
    check("bytes=100-", 100, Selection::Unsatisfiable);
    check("bytes=100-200,300-", 100, Selection::Unsatisfiable);
    check("bytes=-0", 100, Selection::Unsatisfiable);
    check("bytes=-0,-00", 100, Selection::Unsatisfiable);
    check("bytes=100-200,0-1,-0", 100, one(0, 1));
}

//= test RFC 9110 §14.1.2: of an empty representation only a suffix can be satisfied.
//= test RFC 9110 §14.4: no Content-Range says "nothing", so the whole is sent, which is nothing.
#[test]
fn an_empty_representation() {
    check("bytes=0-", 0, Selection::Unsatisfiable);
    check("bytes=0-0,5-", 0, Selection::Unsatisfiable);
    check("bytes=-0", 0, Selection::Unsatisfiable);
    check("bytes=-5", 0, Selection::Whole);
    check("bytes=0-1,-5", 0, Selection::Whole);
}

//= test RFC 9110 §14.1.1: one range that is not valid spoils the set.
//= test RFC 9110 §14.2: a Range that is not valid may be ignored, and is.
#[test]
fn what_is_malformed_is_ignored() {
    for bad in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "=0-1",
        "bytes 0-1",
        "bytes=-",
        "bytes=1",
        "bytes=1-0",
        "bytes=0-1,5-4",
        "bytes=0-1,x",
        "bytes=a-b",
        "bytes=0--1",
        "bytes=--1",
        "bytes=0-1-2",
        "bytes=+0-1",
        "bytes=0 -1",
        "bytes=0- 1",
        "bytes=0x0-1",
        "bytes=0-1;2-3",
        "bytes=\"0-1\"",
        "bytes =0-1",
        "bytes=0-1, 2-3 4-5",
    ] {
        check(bad, 100, Selection::Whole);
    }
}

//= test RFC 9110 §14.2: a unit that is not understood is ignored.
//= test RFC 9110 §14.1: the names of units have no case.
#[test]
fn units() {
    check("items=0-1", 100, Selection::Whole);
    check("none=0-1", 100, Selection::Whole);
    check("BYTES=0-1", 100, one(0, 1));
}

#[test]
fn several_lines_are_not_one_list() {
    let twice = fields("Range: bytes=0-1 | Range: bytes=4-5");
    assert_eq!(with_cx(|cx| select(cx, &twice, 100)), Selection::Whole);
    assert_eq!(with_cx(|cx| select(cx, &fields(""), 100)), Selection::Whole);
}

//= test RFC 9110 §15.3.7.2: the parts come in the order in which they were asked for.
//= test RFC 9110 §5.6.1.2: empty elements are passed over.
#[test]
fn several_ranges_in_the_order_of_the_request() {
    check("bytes=0-0,-1", 10_000, several(&[(0, 0), (9_999, 9_999)]));
    check("bytes=-1,0-0", 10_000, several(&[(9_999, 9_999), (0, 0)]));
    check("bytes=500-600,700-799,0-10", 1_000, several(&[(500, 600), (700, 799), (0, 10)]));
    check("bytes= ,0-0 ,, 200-200\t,", 1_000, several(&[(0, 0), (200, 200)]));
    check("bytes=0-0,5000-,200-200", 1_000, several(&[(0, 0), (200, 200)]));
}

//= test RFC 9110 §15.3.7.2: ranges that overlap, or stand closer than a part costs, are joined.
#[test]
fn what_is_close_is_joined() {
    check("bytes=0-499,400-999", 10_000, one(0, 999));
    check("bytes=0-499,500-999", 10_000, one(0, 999));
    check("bytes=0-10,90-99", 10_000, one(0, 99));
    check("bytes=0-10,91-99", 10_000, several(&[(0, 10), (91, 99)]));
    check("bytes=0-999,100-200", 10_000, one(0, 999));
    check("bytes=5000-5001,10-20,0-30", 10_000, several(&[(5_000, 5_001), (0, 30)]));
    check("bytes=100-200,5000-5001,0-50", 10_000, several(&[(0, 200), (5_000, 5_001)]));
}

//= test RFC 9110 §14.2: more than two that overlap, or many small ones without order, are ignored.
//= test RFC 9110 §17.15: sets that are made to cost much are ignored.
#[test]
fn abuse_gets_the_whole() {
    check("bytes=0-99,50-149,100-199", 10_000, Selection::Whole);
    check("bytes=0-99,99-199,199-299", 10_000, Selection::Whole);
    check("bytes=0-999,10-20,500-600", 10_000, Selection::Whole);
    check("bytes=0-,0-,0-", 10_000, Selection::Whole);
    check("bytes=0-,0-", 10_000, one(0, 9_999));

    let spaced = |order: &mut dyn Iterator<Item = usize>| {
        let ranges: Vec<_> = order.map(|n| format!("{}-{}", n * 200, n * 200)).collect();
        format!("bytes={}", ranges.join(","))
    };
    let places = |n: usize| (0..n).map(|n| (n as u64 * 200, n as u64 * 200)).collect::<Vec<_>>();
    let reversed = |n: usize| places(n).into_iter().rev().collect::<Vec<_>>();
    check(&spaced(&mut (0..RANGES_MAX)), 100_000, several(&places(RANGES_MAX)));
    check(&spaced(&mut (0..RANGES_MAX + 1)), 100_000, Selection::Whole);
    check(&spaced(&mut (0..8).rev()), 100_000, several(&reversed(8)));
    check(&spaced(&mut (0..9).rev()), 100_000, Selection::Whole);
}

#[test]
fn the_film_says_why() {
    let too_many = format!("bytes={}", "0-0,".repeat(RANGES_MAX + 1));
    let mut films = String::new();
    for (value, length) in [
        ("bytes=0-9,20-29", 100),
        ("bytes=200-", 100),
        ("bytes=9-0", 100),
        ("lines=9-10", 100),
        ("bytes=-7", 0),
        ("bytes=0-,0-,0-", 100),
        (&too_many, 100),
    ] {
        let fields: Fields = [(Name::Range, value)].into_iter().collect();
        films.push_str(&film(|cx| select(cx, &fields, length)));
    }
    expect![[r#"
        Selected requested=2 sent=1 of_length=100
        => One(ByteRange { first: 0, last: 29 })
        Decided what="range not satisfiable" because=NoRangeSatisfiable
        => Unsatisfiable
        Ignored field=Range because=RangeMalformed
        => Whole
        Ignored field=Range because=RangeUnitUnknown
        => Whole
        Ignored field=Range because=EmptyRepresentation
        => Whole
        Ignored field=Range because=TooManyOverlaps
        => Whole
        Ignored field=Range because=TooManyRanges
        => Whole
    "#]]
    .assert_eq(&films);
}

//= test RFC 9110 §14.4: the parts of a representation, whose length may not be known.
#[test]
fn content_range_as_it_stands_on_the_wire() {
    let with = |first, last, complete| ContentRange::Part { range: part(first, last), complete };
    for (value, want) in [
        ("bytes 42-1233/1234", with(42, 1_233, Some(1_234))),
        ("bytes 42-1233/*", with(42, 1_233, None)),
        ("bytes 0-0/1", with(0, 0, Some(1))),
        ("bytes */1234", ContentRange::Unsatisfied { complete: 1_234 }),
        ("bytes */0", ContentRange::Unsatisfied { complete: 0 }),
    ] {
        assert_eq!(ContentRange::parse(value.as_bytes()), Ok(want));
        assert_eq!(want.to_string(), value);
    }
    assert_eq!(ContentRange::parse(b" Bytes 0-1/9 "), Ok(with(0, 1, Some(9))));
}

//= test RFC 9110 §14.4: not valid when the range ends before it begins, or not before the whole.
#[test]
fn a_content_range_that_is_not_valid() {
    for bad in [
        "",
        "bytes",
        "bytes ",
        "bytes 0-1",
        "bytes 0-1/",
        "bytes /5",
        "bytes */*",
        "bytes *",
        "bytes 5-4/9",
        "bytes 0-9/9",
        "bytes 0-9/5",
        "bytes 0-/9",
        "bytes -9/9",
        "bytes=0-1/9",
        "items 0-1/9",
        "bytes 0-1/9/9",
        "bytes  0-1/9",
        "bytes 0 -1/9",
        "bytes +0-1/9",
        "bytes 0-18446744073709551615/*",
        "bytes 0-1/18446744073709551616",
        "bytes 0-1/9 x",
    ] {
        assert!(ContentRange::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

//= test RFC 9110 §15.3.7.2: each part says its type and its place; the response has no place.
//= test RFC 2046 §5.1.1: the line break before a delimiter belongs to it.
#[test]
fn a_body_of_several_parts() {
    let content: Vec<u8> = (0..100).map(|n| b'0' + n % 10).collect();
    let ranges = [part(95, 99), part(0, 2)];
    let body = with_cx(|cx| {
        let content_type = Some(&b"text/plain"[..]);
        let boundary = Boundary::draw(cx);
        Byteranges { boundary, content_type, complete: 100, ranges: &ranges }
    });
    expect!["multipart/byteranges; boundary=0Cwtni445Fc7xaXBrvRNv09g"]
        .assert_eq(&String::from_utf8(body.response_content_type()).unwrap());
    let sent = sent(&body, &content);
    expect![[r#"
        --0Cwtni445Fc7xaXBrvRNv09g
        Content-Type: text/plain
        Content-Range: bytes 95-99/100

        56789
        --0Cwtni445Fc7xaXBrvRNv09g
        Content-Type: text/plain
        Content-Range: bytes 0-2/100

        012
        --0Cwtni445Fc7xaXBrvRNv09g--
    "#]]
    .assert_eq(&String::from_utf8(sent.clone()).unwrap().replace('\r', ""));
    assert_eq!(body.content_length(), sent.len() as u64);
}

/// The body as a server would send it.
fn sent(body: &Byteranges<'_>, content: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for (index, range) in body.ranges.iter().enumerate() {
        body.part_head(index, &mut sent);
        sent.extend_from_slice(&content[range.first() as usize..=range.last() as usize]);
    }
    body.closing(&mut sent);
    sent
}

/// Reads such a body as a client would, by its boundary alone.
fn received(body: &str, boundary: &str) -> Vec<(String, String)> {
    let body = format!("\r\n{body}");
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = body.split(&delimiter);
    assert_eq!(parts.next(), Some(""), "nothing before the first delimiter");
    let mut parts: Vec<_> = parts.collect();
    assert_eq!(parts.pop(), Some("--\r\n"), "the last delimiter");
    let parts = parts.iter().map(|part| part.strip_prefix("\r\n").unwrap());
    let (heads, contents): (Vec<_>, Vec<_>) =
        parts.map(|part| part.split_once("\r\n\r\n").unwrap()).unzip();
    let place = |head: &str| head.split_once("Content-Range: ").unwrap().1.to_owned();
    heads.into_iter().map(place).zip(contents.into_iter().map(str::to_owned)).collect()
}

#[test]
fn boundaries_differ() {
    with_cx(|cx| {
        let drawn: Vec<_> = (0..100).map(|_| Boundary::draw(cx)).collect();
        for (index, boundary) in drawn.iter().enumerate() {
            assert!(boundary.as_bytes().iter().all(u8::is_ascii_alphanumeric));
            assert!(!drawn[..index].contains(boundary));
        }
    });
}

/// Recorded answers of a parser that other servers use.
#[test]
fn agrees_with_a_parser_that_others_use() {
    let Some(Value::Array(cases)) = vectors("range-parser.json") else { return };
    let mut checked = 0;
    for case in cases {
        let (header, size) = (case["header"].as_str().unwrap(), case["size"].as_u64().unwrap());
        if is_exception(header) {
            check(header, size, Selection::Whole);
            continue;
        }
        let set = header.strip_prefix("bytes=").unwrap_or("");
        let ours = range::satisfiable(set.as_bytes(), size).map(|(ranges, _)| ranges);
        let ours = match ours {
            Err(_) => serde_json::json!(-2),
            Ok(ranges) if ranges.is_empty() => serde_json::json!(-1),
            Ok(ranges) => {
                let joined = |ranges| range::coalesced(range::sorted(ranges), 0);
                let parts = if case["combine"] == true { joined(&ranges) } else { ranges };
                let parts: Vec<_> = parts.iter().map(|r| [r.first(), r.last()]).collect();
                serde_json::json!({ "type": "bytes", "ranges": parts })
            }
        };
        assert_eq!(ours, case["result"], "{header}");
        checked += 1;
    }
    assert!(checked > 30, "only {checked}");
}

fn is_exception(header: &str) -> bool {
    //= exception: RFC 9110 §14.1.1: a range that is not valid spoils the set; theirs leaves it out.
    let spoilt =
        header.contains(',') && ["abc", "x-", "xyz"].iter().any(|bad| header.contains(bad));
    //= exception: RFC 9110 §14.1.1: a range that ends before it begins is not valid; theirs calls it
    //= unsatisfiable.
    let reversed = header == "bytes=500-20";
    //= exception: RFC 9110 §14.2: a unit that is not understood is ignored; theirs reads on.
    let unit = header == "items=0-5";
    spoilt || reversed || unit
}

/// A range as it is asked for, and the bytes that it means, one by one.
#[derive(Clone, Debug)]
enum Asked {
    FromTo(u64, u64),
    From(u64),
    Last(u64),
}

impl Asked {
    fn written(&self) -> String {
        match self {
            Self::FromTo(first, last) => format!("{first}-{last}"),
            Self::From(first) => format!("{first}-"),
            Self::Last(count) => format!("-{count}"),
        }
    }

    fn has(&self, byte: u64, length: u64) -> bool {
        match *self {
            Self::FromTo(first, last) => first <= byte && byte <= last,
            Self::From(first) => first <= byte,
            Self::Last(count) => byte + count >= length,
        }
    }
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let one = prop_oneof![
        (0..1200_u64, 0..300_u64).prop_map(|(first, more)| Asked::FromTo(first, first + more)),
        (0..1200_u64).prop_map(Asked::From),
        (0..1200_u64).prop_map(Asked::Last),
    ];
    proptest::collection::vec(one, 1..10)
}

fn written(asked: &[Asked]) -> String {
    asked.iter().map(Asked::written).collect::<Vec<_>>().join(",")
}

proptest! {
    #[test]
    fn parts_cover_exactly_what_is_asked_for(asked in asked(), length in 0..1000_u64) {
        let Ok((ranges, requested)) = range::satisfiable(written(&asked).as_bytes(), length) else {
            prop_assert_eq!(length, 0);
            return Ok(());
        };
        prop_assert_eq!(requested, asked.len());
        let is_asked = |byte: u64| asked.iter().any(|asked| asked.has(byte, length));
        let is_in = |parts: &[ByteRange], byte: u64|
            parts.iter().filter(|part| part.first() <= byte && byte <= part.last()).count();

        let exact = range::coalesced(range::sorted(&ranges), 0);
        for byte in 0..length + 10 {
            prop_assert_eq!(is_in(&exact, byte), usize::from(byte < length && is_asked(byte)));
        }

        // With a gap, what is added stands between what was asked for, and is never longer.
        let joined = range::coalesced(range::sorted(&ranges), 79);
        let mut run = 0;
        for byte in 0..length + 10 {
            let (inside, wanted) = (is_in(&joined, byte), byte < length && is_asked(byte));
            prop_assert!(inside <= 1 && inside >= usize::from(wanted));
            run = if inside == 1 && !wanted { run + 1 } else { 0 };
            prop_assert!(run < 80 && (run == 0 || byte < length));
        }
        let mut sorted = joined;
        sorted.sort_by_key(|part| part.first());
        prop_assert!(sorted.windows(2).all(|two| two[1].first() - two[0].last() > 80));
    }

    #[test]
    fn parts_keep_the_order_of_the_request(asked in asked(), length in 1..1000_u64) {
        let Ok((ranges, _)) = range::satisfiable(written(&asked).as_bytes(), length) else {
            return Ok(());
        };
        let parts = range::coalesced(range::sorted(&ranges), 79);
        let place = |part: &ByteRange| ranges.iter()
            .position(|range| part.first() <= range.first() && range.last() <= part.last());
        let places: Vec<_> = parts.iter().map(|part| place(part).unwrap()).collect();
        prop_assert!(places.is_sorted());
    }

    #[test]
    fn a_body_has_the_length_that_was_announced(
        asked in asked(),
        content in proptest::collection::vec(b'a'..=b'z', 1..1000),
        content_type in proptest::option::of("[a-z]{1,9}/[a-z]{1,9}"),
    ) {
        let length = content.len() as u64;
        let Ok((ranges, _)) = range::satisfiable(written(&asked).as_bytes(), length) else {
            return Ok(());
        };
        let ranges = range::coalesced(range::sorted(&ranges), 0);
        let body = Byteranges {
            boundary: with_cx(Boundary::draw),
            content_type: content_type.as_deref().map(str::as_bytes),
            complete: length,
            ranges: &ranges,
        };
        let sent = sent(&body, &content);
        prop_assert_eq!(body.content_length(), sent.len() as u64);
        if ranges.is_empty() {
            return Ok(());
        }
        let boundary = str::from_utf8(body.boundary.as_bytes()).unwrap();
        let parts = received(str::from_utf8(&sent).unwrap(), boundary);
        prop_assert_eq!(parts.len(), ranges.len());
        for ((place, bytes), range) in parts.iter().zip(&ranges) {
            let place = ContentRange::parse(place.as_bytes());
            prop_assert_eq!(place, Ok(ContentRange::of(*range, length)));
            let want = &content[range.first() as usize..=range.last() as usize];
            prop_assert_eq!(bytes.as_bytes(), want);
        }
    }

    #[test]
    fn heads_have_their_length_for_every_number(first: u64, more: u64, beyond: u64) {
        let Some(range) = ByteRange::new(first, first.saturating_add(more)) else { return Ok(()) };
        let complete = range.last().saturating_add(1).saturating_add(beyond);
        let body = Byteranges {
            boundary: with_cx(Boundary::draw),
            content_type: None,
            complete,
            ranges: &[range],
        };
        let mut around = Vec::new();
        body.part_head(0, &mut around);
        body.part_head(1, &mut around);
        body.closing(&mut around);
        let announced = u128::from(around.len() as u64) + u128::from(range.length());
        prop_assert_eq!(u128::from(body.content_length()), announced.min(u128::from(u64::MAX)));
    }

    #[test]
    fn a_content_range_is_read_back(first: u64, more: u64, beyond in proptest::option::of(1..u64::MAX)) {
        let Some(range) = ByteRange::new(first, first.saturating_add(more)) else { return Ok(()) };
        let complete = beyond.map(|beyond| range.last().saturating_add(beyond));
        let part = ContentRange::Part { range, complete };
        prop_assert_eq!(ContentRange::parse(part.to_string().as_bytes()), Ok(part));
    }

    #[test]
    fn strangers_cannot_make_it_panic(set in "[-0-9, \t\"xb=]{0,60}", length: u64) {
        for value in [set.clone(), format!("bytes={set}"), format!("bytes {set}")] {
            let fields: Fields = [(Name::Range, &value)].into_iter().collect();
            if let Selection::Several(parts) = with_cx(|cx| select(cx, &fields, length)) {
                prop_assert!((2..=RANGES_MAX).contains(&parts.len()));
            }
            let _ = ContentRange::parse(value.as_bytes());
        }
    }
}
