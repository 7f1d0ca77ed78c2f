//! Dates as HTTP writes them. (RFC 9110 §5.6.7)
//!
//! ```text
//!   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate: the only one that is written
//!   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850: obsolete
//!   Sun Nov  6 08:49:37 1994          asctime of C: obsolete
//! ```

use base::Wall;

use crate::list;

/// How long a date is in the one format that is written.
pub const LEN: usize = 29;

/// The first second that can be written: 0000-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200;
/// The last second that can be written: 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

const SECONDS_A_DAY: i64 = 86_400;
const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Writes a date as `Sun, 06 Nov 1994 08:49:37 GMT`. Years are kept within 0000 and 9999.
pub fn emit(date: Wall) -> [u8; LEN] {
    let Wall(seconds) = date;
    let seconds = seconds.clamp(FIRST, LAST);
    let (days, second) = (seconds.div_euclid(SECONDS_A_DAY), seconds.rem_euclid(SECONDS_A_DAY));
    let (year, month, day) = civil_from_days(days);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = days.rem_euclid(7) as usize * 3;
    out[..3].copy_from_slice(WEEKDAYS.get(weekday..weekday + 3).unwrap_or(b"???"));
    put_two(&mut out, 5, day);
    let name = (month as usize - 1) * 3;
    out[8..11].copy_from_slice(MONTHS.get(name..name + 3).unwrap_or(b"???"));
    put_two(&mut out, 12, year / 100);
    put_two(&mut out, 14, year % 100);
    put_two(&mut out, 17, (second / 3600) as u32);
    put_two(&mut out, 20, (second / 60 % 60) as u32);
    put_two(&mut out, 23, (second % 60) as u32);
    out
}

/// Reads a date in any of the three formats, where nobody knows what time it is: two-digit years
/// are those from 1970 to 2069.
pub fn parse(value: &[u8]) -> Option<Wall> {
    const END_OF_2019: Wall = Wall(1_577_836_799);
    parse_at(value, END_OF_2019)
}

/// Reads a date in any of the three formats; nothing when it is in none, or never was.
///
/// Names are case-sensitive and every byte counts. A weekday must be one but need not be the
/// date's: it adds nothing, and old programs get it wrong. A two-digit year that would be more than
/// 50 years after `now` is one of the past. A leap second is the first second of the next day,
/// because [`Wall`] has none.
pub fn parse_at(value: &[u8], now: Wall) -> Option<Wall> {
    match value {
        [_, _, _, b',', ..] => parse_imf(value),
        [_, _, _, b' ', ..] => parse_asctime(value),
        _ => parse_rfc850(value, now),
    }
}

fn parse_imf(value: &[u8]) -> Option<Wall> {
    let value: &[u8; LEN] = value.try_into().ok()?;
    let [w0, w1, w2, b',', b' ', d0, d1, b' ', rest @ ..] = value else { return None };
    let [m0, m1, m2, b' ', y0, y1, y2, y3, b' ', time @ .., b' ', b'G', b'M', b'T'] = rest else {
        return None;
    };
    position_of(WEEKDAYS, &[*w0, *w1, *w2])?;
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    let month = position_of(MONTHS, &[*m0, *m1, *m2])? + 1;
    wall((year, month, two(*d0, *d1)?), time_of_day(time)?)
}

fn parse_asctime(value: &[u8]) -> Option<Wall> {
    let value: &[u8; 24] = value.try_into().ok()?;
    let [w0, w1, w2, b' ', m0, m1, m2, b' ', d0, d1, b' ', rest @ ..] = value else { return None };
    let [time @ .., b' ', y0, y1, y2, y3] = rest else { return None };
    position_of(WEEKDAYS, &[*w0, *w1, *w2])?;
    let month = position_of(MONTHS, &[*m0, *m1, *m2])? + 1;
    let day = two(if *d0 == b' ' { b'0' } else { *d0 }, *d1)?;
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    wall((year, month, day), time_of_day(time)?)
}

fn parse_rfc850(value: &[u8], now: Wall) -> Option<Wall> {
    const WEEKDAYS_IN_FULL: [&[u8]; 7] =
        [b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday"];
    let comma = value.iter().position(|&b| b == b',')?;
    let (weekday, rest) = value.split_at_checked(comma)?;
    if !WEEKDAYS_IN_FULL.contains(&weekday) {
        return None;
    }
    let rest: &[u8; 24] = rest.try_into().ok()?;
    let [b',', b' ', d0, d1, b'-', m0, m1, m2, b'-', y0, y1, b' ', rest @ ..] = rest else {
        return None;
    };
    let [time @ .., b' ', b'G', b'M', b'T'] = rest else { return None };
    let month = position_of(MONTHS, &[*m0, *m1, *m2])? + 1;
    let (day, time) = (two(*d0, *d1)?, time_of_day(time)?);
    let year = whole_year(two(*y0, *y1)?, (month, day, time), now)?;
    wall((year, month, day), time)
}

/// The last year with these two digits in which the date is at most 50 years after `now`.
fn whole_year(two_digits: u32, in_year: (u32, u32, i64), now: Wall) -> Option<u32> {
    let Wall(seconds) = now;
    let seconds = seconds.clamp(FIRST, LAST);
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_A_DAY));
    let last = (year + 50, (month, day, seconds.rem_euclid(SECONDS_A_DAY)));
    let first_of_century = year - year % 100;
    [first_of_century + 100, first_of_century, first_of_century.saturating_sub(100)]
        .into_iter()
        .map(|century| century + two_digits)
        .find(|year| (*year, in_year) <= last)
}

/// Reads `08:49:37` as seconds since midnight.
fn time_of_day(time: &[u8; 8]) -> Option<i64> {
    let [h0, h1, b':', m0, m1, b':', s0, s1] = time else { return None };
    let (hour, minute, second) = (two(*h0, *h1)?, two(*m0, *m1)?, two(*s0, *s1)?);
    // RFC 9110 §5.6.7: a leap second is 23:59:60 and no other.
    let is_leap = (hour, minute, second) == (23, 59, 60);
    (hour < 24 && minute < 60 && (second < 60 || is_leap))
        .then(|| i64::from(hour * 3600 + minute * 60 + second))
}

/// The date, if it ever was.
fn wall(date: (u32, u32, u32), time: i64) -> Option<Wall> {
    let days = days_from_civil(date);
    // A day that its month does not have comes back as one of the next.
    if civil_from_days(days) != date {
        return None;
    }
    Some(Wall(days * SECONDS_A_DAY + time))
}

/// Which of the three-letter `names` this is, from zero.
fn position_of(names: &[u8], name: &[u8; 3]) -> Option<u32> {
    let at = names.as_chunks::<3>().0.iter().position(|other| other == name)?;
    u32::try_from(at).ok()
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    Some(u32::from(list::digit(tens)?) * 10 + u32::from(list::digit(ones)?))
}

fn put_two(out: &mut [u8; LEN], at: usize, n: u32) {
    if let Some([tens, ones]) = out.get_mut(at..at + 2) {
        *tens = b'0' + (n / 10) as u8;
        *ones = b'0' + (n % 10) as u8;
    }
}

/// The year, month and day of the Gregorian calendar, `days` after 1970-01-01; for years from 0 on.
pub fn civil_from_days(days: i64) -> (u32, u32, u32) {
    // Counted in eras of 400 years that begin on 1 March, so that a leap day is a year's last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097) as u32);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + i64::from(year_of_era) + i64::from(month <= 2);
    (year as u32, month, day)
}

/// How many days after 1970-01-01 the date is: the way back.
fn days_from_civil((year, month, day): (u32, u32, u32)) -> i64 {
    let shifted_year = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
