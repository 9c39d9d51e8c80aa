//! What a certificate says of itself, for people and for errors. Who trusts it decides rustls, not this.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::der::{self, Malformed, Reader, tag};
use crate::time;

/// What an X.509 certificate says: whose it is, who signed it, for how long, for which hosts.
///
/// Nothing of it is proven by being here. Text of it is shown with control characters escaped, and cut where it is
/// absurdly long, since a certificate may come from anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    subject: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    version: u64,
    not_before: u64,
    not_after: u64,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    is_ca: bool,
    purposes: Option<Vec<Vec<u8>>>,
}

/// The most characters of one part of a name that are shown.
const MOST_SHOWN: usize = 120;

/// The most names of a certificate that are kept.
const MOST_NAMES: usize = 1000;

mod oid {
    pub(super) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    pub(super) const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 37, 0];
    pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
}

impl CertificateInfo {
    /// Reads a certificate in DER; `None` if it is none.
    pub fn from_der(certificate: &[u8]) -> Option<Self> {
        Self::parse(certificate).ok()
    }

    /// Whose it is, the most specific part first: `CN=broker-1, O=Example`.
    pub fn subject(&self) -> String {
        display_name(&self.subject)
    }

    /// Who signed it.
    pub fn issuer(&self) -> String {
        display_name(&self.issuer)
    }

    /// Its number among its issuer's certificates, as hexadecimal digits.
    pub fn serial(&self) -> String {
        self.serial.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// From when on it is valid.
    pub fn not_before(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.not_before)
    }

    /// Up to when it is valid.
    pub fn not_after(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.not_after)
    }

    /// From when on it is valid, as text: `2026-01-01 00:00:00 UTC`.
    pub fn valid_from(&self) -> String {
        time::display(self.not_before)
    }

    /// Up to when it is valid, as text: `2027-01-01 00:00:00 UTC`.
    pub fn valid_until(&self) -> String {
        time::display(self.not_after)
    }

    /// From when to when it is valid, as text: `2026-01-01 00:00:00 UTC to 2027-01-01 00:00:00 UTC`.
    pub fn validity(&self) -> String {
        format!("{} to {}", self.valid_from(), self.valid_until())
    }

    /// The host names that it is for, with wildcards as they stand in it. At most 1,000 are kept.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The addresses that it is for. At most 1,000 are kept.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// The common name of its subject, which older certificates have in place of [`Self::dns_names`].
    pub fn common_name(&self) -> Option<String> {
        let mut common_name = None;
        let _ = each_attribute(&self.subject, |oid, value| {
            if oid == oid::COMMON_NAME {
                common_name = Some(text(value));
            }
        });
        common_name
    }

    /// Whether it may sign others.
    pub fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// Whether its issuer is itself.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// The version of X.509 that it is of: 3 for whatever was made in this century's second decade or later.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Every host name and address that it is for, as they may be shown.
    pub fn names(&self) -> Vec<String> {
        let addresses = self.ip_addresses.iter().map(IpAddr::to_string);
        self.dns_names.iter().map(|name| shown(name)).chain(addresses).collect()
    }

    /// The subject in DER.
    pub(crate) fn raw_subject(&self) -> &[u8] {
        &self.subject
    }

    /// The issuer in DER.
    pub(crate) fn raw_issuer(&self) -> &[u8] {
        &self.issuer
    }

    pub(crate) fn valid_seconds(&self) -> (u64, u64) {
        (self.not_before, self.not_after)
    }

    /// Whether it may vouch for others where it is trusted: a CA's, or one from before there were extensions that say.
    pub(crate) fn may_be_anchor(&self) -> bool {
        self.is_ca || self.version < 3
    }

    /// Whether it may be a server's by its extended key usage.
    pub(crate) fn may_be_server(&self) -> bool {
        self.purposes.as_ref().is_none_or(|purposes| {
            purposes.iter().any(|oid| oid == oid::SERVER_AUTH || oid == oid::ANY_PURPOSE)
        })
    }

    fn parse(certificate: &[u8]) -> der::Result<Self> {
        let mut tbs = Reader::new(certificate).sequence()?.sequence()?;
        let version = match tbs.optional(tag::explicit(0))? {
            Some(version) => Reader::new(version).unsigned()? + 1,
            None => 1,
        };
        let serial = tbs.expect(tag::INTEGER)?.to_vec();
        tbs.sequence()?;
        let issuer = name(&mut tbs)?;
        let mut validity = tbs.sequence()?;
        let (not_before, not_after) = (moment(&mut validity)?, moment(&mut validity)?);
        let subject = name(&mut tbs)?;
        let mut info = Self {
            subject,
            issuer,
            serial: serial.into_iter().take(32).collect(),
            version,
            not_before,
            not_after,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            is_ca: false,
            purposes: None,
        };
        tbs.sequence()?;
        tbs.optional(tag::implicit(1))?;
        tbs.optional(tag::implicit(2))?;
        if let Some(extensions) = tbs.optional(tag::explicit(3))? {
            let mut extensions = Reader::new(extensions).sequence()?;
            while !extensions.is_empty() {
                let mut extension = extensions.sequence()?;
                let oid = extension.oid()?;
                extension.optional(tag::BOOLEAN)?;
                info.extension(oid, extension.expect(tag::OCTET_STRING)?)?;
            }
        }
        Ok(info)
    }

    fn extension(&mut self, oid: &[u8], value: &[u8]) -> der::Result<()> {
        match oid {
            oid::BASIC_CONSTRAINTS => {
                let is_ca = Reader::new(value).sequence()?.optional(tag::BOOLEAN)?;
                self.is_ca = is_ca.is_some_and(|value| value != [0]);
            }
            oid::EXTENDED_KEY_USAGE => {
                let mut list = Reader::new(value).sequence()?;
                let mut purposes = Vec::new();
                while !list.is_empty() {
                    purposes.push(list.oid()?.to_vec());
                }
                self.purposes = Some(purposes);
            }
            oid::SUBJECT_ALT_NAME => {
                let mut names = Reader::new(value).sequence()?;
                while !names.is_empty()
                    && self.dns_names.len() + self.ip_addresses.len() < MOST_NAMES
                {
                    let (kind, name) = names.any()?;
                    if kind == tag::implicit(2) {
                        self.dns_names.push(String::from_utf8_lossy(name).into_owned());
                    } else if kind == tag::implicit(7) {
                        self.ip_addresses.extend(address(name));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateInfo({self})")
    }
}

/// `CN=broker-1, issued by CN=ca, valid … to …, for broker-1.example`.
impl fmt::Display for CertificateInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, issued by {}, valid {}", self.subject(), self.issuer(), self.validity())?;
        let names = self.names();
        if names.is_empty() { Ok(()) } else { write!(f, ", for {}", enumerate(&names)) }
    }
}

/// The public key of a certificate, without what says which kind it is.
pub(crate) fn public_key(certificate: &[u8]) -> der::Result<&[u8]> {
    let mut tbs = Reader::new(certificate).sequence()?.sequence()?;
    tbs.optional(tag::explicit(0))?;
    tbs.expect(tag::INTEGER)?;
    // Algorithm, issuer, validity, subject.
    for _ in 0..4 {
        tbs.sequence()?;
    }
    let mut info = tbs.sequence()?;
    info.sequence()?;
    match info.expect(tag::BIT_STRING)?.split_first() {
        Some((0, key)) => Ok(key),
        _ => Err(Malformed),
    }
}

/// A few of `names`, and how many more there are.
pub(crate) fn enumerate(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        let _ = write!(text, " and {} more", names.len() - MOST);
    }
    text
}

/// A distinguished name in DER as text; `(no name)` for an empty one.
pub(crate) fn display_name(name: &[u8]) -> String {
    let mut parts = Vec::new();
    let read = each_attribute(name, |oid, value| {
        let kind = match oid {
            oid::COMMON_NAME => "CN".to_owned(),
            [0x55, 4, 5] => "serialNumber".to_owned(),
            [0x55, 4, 6] => "C".to_owned(),
            [0x55, 4, 7] => "L".to_owned(),
            [0x55, 4, 8] => "ST".to_owned(),
            [0x55, 4, 9] => "STREET".to_owned(),
            [0x55, 4, 10] => "O".to_owned(),
            [0x55, 4, 11] => "OU".to_owned(),
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID".to_owned(),
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC".to_owned(),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress".to_owned(),
            other => der::dotted(other),
        };
        if parts.len() < 32 {
            parts.push(format!("{kind}={}", shown(&text(value))));
        }
    });
    if read.is_err() {
        return "(unreadable name)".to_owned();
    }
    if parts.is_empty() {
        return "(no name)".to_owned();
    }
    parts.reverse();
    parts.join(", ")
}

/// Calls `attribute` with the kind and the value of each part of a name, the least specific first.
fn each_attribute<'a>(
    name: &'a [u8],
    mut attribute: impl FnMut(&'a [u8], (u8, &'a [u8])),
) -> der::Result<()> {
    let mut sets = Reader::new(name).sequence()?;
    while !sets.is_empty() {
        let mut set = sets.enter(tag::SET)?;
        while !set.is_empty() {
            let mut pair = set.sequence()?;
            let oid = pair.oid()?;
            let value = pair.any()?;
            attribute(oid, value);
        }
    }
    Ok(())
}

/// A string of any of ASN.1's kinds.
fn text((kind, value): (u8, &[u8])) -> String {
    if kind == tag::BMP_STRING {
        let units = value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(value).into_owned()
    }
}

/// Text from somebody else's certificate as it may stand in an error or a log.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MOST_SHOWN)
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// A name, whole with its tag, as names are compared.
fn name(reader: &mut Reader<'_>) -> der::Result<Vec<u8>> {
    let (kind, _, whole) = reader.whole()?;
    if kind == tag::SEQUENCE { Ok(whole.to_vec()) } else { Err(Malformed) }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|b| IpAddr::V4(Ipv4Addr::from(b)));
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b)));
    v4().or_else(v6)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5), as seconds since 1970.
fn moment(reader: &mut Reader<'_>) -> der::Result<u64> {
    let (kind, text) = reader.any()?;
    let year_digits = match kind {
        tag::UTC_TIME => 2,
        tag::GENERALIZED_TIME => 4,
        _ => return Err(Malformed),
    };
    let digits = text.strip_suffix(b"Z").ok_or(Malformed)?;
    if digits.len() != year_digits + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let number = |range: std::ops::Range<usize>| {
        digits[range].iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    let mut year = number(0..year_digits);
    if year_digits == 2 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let at = |index: usize| number(year_digits + 2 * index..year_digits + 2 * index + 2);
    // Before 1970 is as long ago as matters.
    if year < 1970 {
        return Ok(0);
    }
    time::from_civil((year, at(0), at(1)), (at(2), at(3), at(4))).ok_or(Malformed)
}
