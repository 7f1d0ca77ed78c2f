//! Dates as HTTP writes them. (RFC 9110 §5.6.7)

use base::Wall;

/// How long a date is in the one format that is written.
pub const LEN: usize = 29;

const SECONDS_A_DAY: i64 = 86_400;
const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Writes a date as `Sun, 06 Nov 1994 08:49:37 GMT`. Years are kept within 0000 and 9999.
pub fn emit(date: Wall) -> [u8; LEN] {
    let Wall(seconds) = date;
    let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
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

fn put_two(out: &mut [u8; LEN], at: usize, n: u32) {
    if let Some([tens, ones]) = out.get_mut(at..at + 2) {
        *tens = b'0' + (n / 10) as u8;
        *ones = b'0' + (n % 10) as u8;
    }
}

/// The year, month and day of the Gregorian calendar, `days` after 1970-01-01.
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    // Counted in eras of 400 years that begin on 1 March, so that a leap day is a year's last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097) as u32);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era as u32 * 400 + year_of_era + u32::from(month <= 2);
    (year, month, day)
}
