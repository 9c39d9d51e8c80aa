//! Moments as certificates tell them: seconds since 1970, in UTC.

use std::fmt::Write as _;

const SECONDS_PER_DAY: u64 = 86_400;

/// The second of a civil time; `None` where there is no such time, or it is before 1970.
pub(crate) fn from_civil(date: (u64, u64, u64), time: (u64, u64, u64)) -> Option<u64> {
    let ((year, month, day), (hour, minute, second)) = (date, time);
    let is_valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    is_valid.then(|| {
        days_since_1970(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second
    })
}

/// `2026-11-21 18:05:00 UTC`.
pub(crate) fn display(seconds: u64) -> String {
    let (year, month, day) = date_of(seconds / SECONDS_PER_DAY);
    let time = seconds % SECONDS_PER_DAY;
    let mut text = String::new();
    let _ = write!(
        text,
        "{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        time / 3600,
        time / 60 % 60,
        time % 60
    );
    text
}

/// Counts years from March, so that the leap day is the last of its year.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

fn date_of(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_400_YEARS: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    (era * 400 + year + u64::from(month < 3), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back_as_the_calendar_tells_them() {
        for (date, time, seconds, text) in [
            ((1970, 1, 1), (0, 0, 0), 0, "1970-01-01 00:00:00 UTC"),
            ((2000, 2, 29), (23, 59, 59), 951_868_799, "2000-02-29 23:59:59 UTC"),
            ((2026, 11, 21), (18, 5, 0), 1_795_284_300, "2026-11-21 18:05:00 UTC"),
            ((2100, 3, 1), (0, 0, 0), 4_107_542_400, "2100-03-01 00:00:00 UTC"),
            ((9999, 12, 31), (23, 59, 59), 253_402_300_799, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(from_civil(date, time), Some(seconds), "{text}");
            assert_eq!(display(seconds), text);
        }
    }

    #[test]
    fn there_is_no_thirteenth_month_and_no_time_before_1970() {
        assert_eq!(from_civil((2026, 13, 1), (0, 0, 0)), None);
        assert_eq!(from_civil((1969, 12, 31), (23, 59, 59)), None);
        assert_eq!(from_civil((2026, 1, 1), (24, 0, 0)), None);
    }
}
