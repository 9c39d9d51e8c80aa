//! Dates as AWS writes them.

use std::time::SystemTime;

use crate::clock::from_millis;

/// `2026-11-21T20:15:00Z`, perhaps with a fraction (RFC 3339 in UTC, which is all that AWS writes).
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim().strip_suffix('Z').or_else(|| text.trim().strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    let is_valid = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && !fraction.is_empty()
        && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    is_valid.then(|| from_millis(seconds * 1_000))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let is_number =
            !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days since 1970, of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March, so that the leap day is the last of one.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.saturating_sub(719_469)
}

/// `20261121T201500Z`, and its first eight characters for the day alone.
pub(super) fn basic(seconds_since_1970: u64) -> String {
    let (day, rest) = (seconds_since_1970 / 86_400, seconds_since_1970 % 86_400);
    let (mut year, mut left) = (1970, day);
    let is_leap = |year: u64| days(year, 3, 1) - days(year, 2, 28) == 2;
    let length = |year: u64| if is_leap(year) { 366 } else { 365 };
    while left >= length(year) && year < 9_999 {
        left -= length(year);
        year += 1;
    }
    let start = |month: u64| days(year, month, 1);
    let month = (1..=12).rev().find(|&month| start(month) <= day).unwrap_or(1);
    let day = (day - start(month)).min(30) + 1;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::millis;

    #[test]
    fn dates_are_read_and_written() {
        for (text, seconds, written) in [
            ("1970-01-01T00:00:00Z", 0, "19700101T000000Z"),
            ("2000-02-29T23:59:59Z", 951_868_799, "20000229T235959Z"),
            ("2017-05-17T15:09:54Z", 1_495_033_794, "20170517T150954Z"),
            ("2024-12-31T00:00:00.999Z", 1_735_603_200, "20241231T000000Z"),
            ("2026-11-21T20:15:00+00:00", 1_795_292_100, "20261121T201500Z"),
            ("2100-03-01T00:00:00Z", 4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(parse(text).map(millis), Some(seconds * 1_000), "{text}");
            assert_eq!(basic(seconds), written);
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T00:00Z",
            "99999-11-21T00:00:00Z",
            "2026-11-21T00:00:00",
            "2026-11-21T00:00:00.Z",
            "-026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.xZ",
            "2026-11-21T00:00:00:00Z",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(basic(u64::MAX / 2).starts_with("9999"));
    }
}
