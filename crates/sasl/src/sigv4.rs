//! AWS Signature Version 4 in the query string, for a GET without a body.

use alloc::string::String;
use core::fmt;
use core::fmt::Write as _;
use core::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::msk_iam::AwsCredentials;

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The digest of no body.
const NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request to be signed; its path is `/`.
pub(crate) struct Request<'a> {
    pub(crate) credentials: &'a AwsCredentials,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) host: &'a str,
    /// The only parameter of its own; its name sorts before `X-Amz-`.
    pub(crate) parameter: (&'a str, &'a str),
    pub(crate) time: Time,
    pub(crate) lifetime_seconds: u32,
}

impl Request<'_> {
    /// `key/day/region/service/aws4_request`
    pub(crate) fn credential(&self) -> String {
        let mut credential = self.credentials.access_key_id.clone();
        credential.push('/');
        credential + &self.scope()
    }

    /// In hexadecimal digits.
    pub(crate) fn signature(&self) -> String {
        let time = &self.time;
        let request = Sha256::digest(self.canonical().as_bytes());
        let request = Hex(&request);
        let mut text = String::from(ALGORITHM);
        // Writing to a text cannot fail.
        let _ = write!(text, "\n{time}\n{}\n{request}", self.scope());
        let secret = self.credentials.secret_access_key.expose();
        let first = Zeroizing::new([b"AWS4", secret].concat());
        let parts = [&time.day(), self.region, self.service, "aws4_request"];
        let start = keyed(&first, parts[0]);
        let key = parts[1..].iter().fold(start, |key, part| keyed(&*key, part));
        let mut signature = String::new();
        let _ = write!(signature, "{}", Hex(&*keyed(&*key, &text)));
        signature
    }

    fn scope(&self) -> String {
        let mut scope = self.time.day();
        for part in ["/", self.region, "/", self.service, "/aws4_request"] {
            scope.push_str(part);
        }
        scope
    }

    /// The parameters come in the order of their names.
    fn canonical(&self) -> Zeroizing<String> {
        let (name, value) = self.parameter;
        let Self { host, time, lifetime_seconds, .. } = self;
        let credential = self.credential();
        let token = self.credentials.session_token.as_ref().and_then(|token| token.expose_str());
        // Room for all of it, escaped, so that no part of the token is left behind where it grows.
        let lengths = [name, value, host, &credential, token.unwrap_or_default()].map(str::len);
        let room = 512 + 3 * lengths.iter().sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(room));
        let _ = write!(
            text,
            "GET\n/\n{}={}&X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={time}&X-Amz-Expires={lifetime_seconds}",
            Escaped(name),
            Escaped(value),
            Escaped(&credential),
        );
        if let Some(token) = token {
            let _ = write!(text, "&X-Amz-Security-Token={}", Escaped(token));
        }
        let _ = write!(text, "&X-Amz-SignedHeaders=host\nhost:{host}\n\nhost\n{NO_BODY}");
        text
    }
}

fn keyed(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    Zeroizing::new(mac.chain_update(text).finalize().into_bytes().into())
}

/// A point of time of a year of four digits, as `20201022T235959Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time {
    seconds: u64,
}

impl Time {
    /// `None` from the year 10,000 on.
    pub(crate) fn new(since_1970: Duration) -> Option<Self> {
        const YEAR_10_000: u64 = 253_402_300_800;
        let seconds = since_1970.as_secs();
        (seconds < YEAR_10_000).then_some(Self { seconds })
    }

    /// `20201022`
    fn day(self) -> String {
        let (year, month, day) = date(self.seconds / 86_400);
        let mut text = String::new();
        let _ = write!(text, "{year:04}{month:02}{day:02}");
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, rest) = (self.seconds / 3_600 % 24, self.seconds % 3_600);
        write!(f, "{}T{hours:02}{:02}{:02}Z", self.day(), rest / 60, rest % 60)
    }
}

/// Year, month and day of the Gregorian calendar.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    // Days since 1 March of the year 0, so that the leap day ends a year, in cycles of 400 years.
    let days = days_since_1970 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months of 31, 30, 31, 30, 31 days, over and over, from March on.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, is_next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * cycle + year + is_next_year, month, day)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                f.write_char(byte.into())
            } else {
                write!(f, "%{byte:02X}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let text = |seconds| format!("{}", Time::new(Duration::from_secs(seconds)).unwrap());
        assert_eq!(text(0), "19700101T000000Z");
        assert_eq!(text(951_782_399), "20000228T235959Z");
        assert_eq!(text(951_782_400), "20000229T000000Z");
        assert_eq!(text(4_107_542_399), "21000228T235959Z");
        assert_eq!(text(4_107_542_400), "21000301T000000Z");
        assert_eq!(text(253_402_300_799), "99991231T235959Z");
        assert_eq!(Time::new(Duration::from_secs(253_402_300_800)), None);
        assert_eq!(Time::new(Duration::MAX), None);
    }

    #[test]
    fn days_follow_one_another() {
        let mut expected = (1970, 1, 1);
        for day in 0..400_000 {
            assert_eq!(date(day), expected);
            let (year, month, last) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, last) {
                (12, 31) => (year + 1, 1, 1),
                _ if last == days => (year, month + 1, 1),
                _ => (year, month, last + 1),
            };
        }
    }

    #[test]
    fn what_is_reserved_is_escaped() {
        assert_eq!(format!("{}", Escaped("aZ09-_.~ /+é")), "aZ09-_.~%20%2F%2B%C3%A9");
    }
}
