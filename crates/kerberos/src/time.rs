//! Kerberos' times: `19700101000000Z`, in UTC and whole seconds.

use alloc::format;
use core::time::Duration;

use crate::der::{self, GENERALIZED_TIME, Written};

const DAY: i64 = 86_400;

/// Seconds since 1970, as the protocol writes them.
pub(crate) fn written(seconds: i64) -> Written {
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    der::element(GENERALIZED_TIME, text.as_bytes())
}

/// The reverse.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.len() == 14)?;
    let number = |from: usize, to: usize| {
        digits[from..to].iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| 10 * number + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let holds = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    holds.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// Whole seconds of a time since 1970.
pub(crate) fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// A time since 1970 of whole seconds; what is before is then.
pub(crate) fn duration(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Days since 1970 of a date of the Gregorian calendar: years begin with March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, more) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + more, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "19700101000000Z"),
            (951_827_696, "20000229123456Z"),
            (2_145_916_799, "20371231235959Z"),
            (4_107_542_400, "21000301000000Z"),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(seconds));
            assert_eq!(&written(seconds)[2..], text.as_bytes());
        }
        for day in -800_000..800_000_i64 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "Z", "19700101000000", "1970010100000xZ", "19701301000000Z", "19700101240000Z"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
