//! The encryption types of Kerberos that are still good: AES with SHA-1 (RFC 3962), AES with SHA-2 (RFC 8009).

mod cts;
mod derive;

use alloc::vec::Vec;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use crate::KerberosError;

/// What AES works on, and how much chance stands before each plaintext.
pub(crate) const BLOCK: usize = 16;

/// A Kerberos encryption type, with the checksum that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EncryptionType {
    /// `aes128-cts-hmac-sha1-96` (17)
    Aes128Sha1,
    /// `aes256-cts-hmac-sha1-96` (18)
    Aes256Sha1,
    /// `aes128-cts-hmac-sha256-128` (19)
    Aes128Sha256,
    /// `aes256-cts-hmac-sha384-192` (20)
    Aes256Sha384,
}

impl EncryptionType {
    /// The best first.
    pub const ALL: [Self; 4] =
        [Self::Aes256Sha384, Self::Aes128Sha256, Self::Aes256Sha1, Self::Aes128Sha1];

    /// By its number, if it is one of these; older ones (DES, RC4) are broken (RFC 6649, RFC 8429).
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its number at IANA.
    pub const fn number(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 17,
            Self::Aes256Sha1 => 18,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
        }
    }

    /// Its name, as `kadmin` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Self::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Self::Aes128Sha256 => "aes128-cts-hmac-sha256-128",
            Self::Aes256Sha384 => "aes256-cts-hmac-sha384-192",
        }
    }

    /// The checksum's number at IANA.
    pub(crate) const fn checksum_number(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 15,
            Self::Aes256Sha1 => 16,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
        }
    }

    /// The bytes of a key.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha256 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha384 => 32,
        }
    }

    /// The bytes of a checksum.
    pub(crate) const fn checksum_length(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha256 => 16,
            Self::Aes256Sha384 => 24,
        }
    }
}

impl fmt::Display for EncryptionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A key: wiped when dropped, never shown.
#[derive(Clone)]
pub struct Key {
    kind: EncryptionType,
    bytes: Zeroizing<Vec<u8>>,
}

/// What a key is derived for (RFC 3961, section 5.3).
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Checksum = 0x99,
    Encryption = 0xaa,
    Integrity = 0x55,
}

impl Key {
    /// `None` if the bytes are not as many as the type needs.
    pub fn new(kind: EncryptionType, bytes: &[u8]) -> Option<Self> {
        let bytes = (bytes.len() == kind.key_length()).then(|| Zeroizing::new(bytes.to_vec()))?;
        Some(Self { kind, bytes })
    }

    /// Its type.
    pub fn kind(&self) -> EncryptionType {
        self.kind
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts with integrity, for this usage (RFC 4120, section 7.5.1). The confounder is of fresh randomness.
    pub(crate) fn encrypt(&self, usage: u32, confounder: [u8; BLOCK], plain: &[u8]) -> Vec<u8> {
        let length = BLOCK + plain.len();
        let mut data = Vec::with_capacity(length + self.kind.checksum_length());
        data.extend_from_slice(&confounder);
        data.extend_from_slice(plain);
        let before = self.is_sha1().then(|| self.mac(usage, Purpose::Integrity, &[&data]));
        cts::encrypt(&self.derived(usage, Purpose::Encryption), &mut data);
        let mac =
            before.unwrap_or_else(|| self.mac(usage, Purpose::Integrity, &[&[0; BLOCK], &data]));
        data.extend_from_slice(&mac);
        data
    }

    /// What has been encrypted so. `what` names it in the error.
    pub(crate) fn decrypt(
        &self,
        usage: u32,
        cipher: &[u8],
        what: &'static str,
    ) -> Result<Zeroizing<Vec<u8>>, KerberosError> {
        let broken = KerberosError::Integrity { what };
        let length = cipher.len().checked_sub(self.kind.checksum_length());
        let Some(length) = length.filter(|length| *length >= BLOCK) else { return Err(broken) };
        let (data, mac) = cipher.split_at(length);
        let integrity = Purpose::Integrity;
        if !self.is_sha1() && !self.verify(usage, integrity, &[&[0; BLOCK], data], mac) {
            return Err(broken);
        }
        let mut plain = Zeroizing::new(data.to_vec());
        cts::decrypt(&self.derived(usage, Purpose::Encryption), &mut plain);
        if self.is_sha1() && !self.verify(usage, integrity, &[&plain], mac) {
            return Err(broken);
        }
        // In place, so that no copy stays behind.
        plain.copy_within(BLOCK.., 0);
        plain.truncate(length - BLOCK);
        Ok(plain)
    }

    /// The checksum of these parts together.
    pub(crate) fn checksum(&self, usage: u32, parts: &[&[u8]]) -> Vec<u8> {
        self.mac(usage, Purpose::Checksum, parts)
    }

    /// In constant time.
    pub(crate) fn verify_checksum(&self, usage: u32, parts: &[&[u8]], checksum: &[u8]) -> bool {
        self.verify(usage, Purpose::Checksum, parts, checksum)
    }

    fn is_sha1(&self) -> bool {
        matches!(self.kind, EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1)
    }

    fn derived(&self, usage: u32, purpose: Purpose) -> Zeroizing<Vec<u8>> {
        let [a, b, c, d] = usage.to_be_bytes();
        let constant = [a, b, c, d, purpose as u8];
        match self.kind {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                derive::simplified(&self.bytes, &constant)
            }
            EncryptionType::Aes128Sha256 => {
                derive::by_hmac::<Hmac<Sha256>>(&self.bytes, &constant, 16)
            }
            EncryptionType::Aes256Sha384 => {
                let length = if matches!(purpose, Purpose::Encryption) { 32 } else { 24 };
                derive::by_hmac::<Hmac<Sha384>>(&self.bytes, &constant, length)
            }
        }
    }

    fn mac(&self, usage: u32, purpose: Purpose, parts: &[&[u8]]) -> Vec<u8> {
        let key = self.derived(usage, purpose);
        let mut mac = match self.kind {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                fed::<Hmac<Sha1>>(&key, parts).finalize().into_bytes().to_vec()
            }
            EncryptionType::Aes128Sha256 => {
                fed::<Hmac<Sha256>>(&key, parts).finalize().into_bytes().to_vec()
            }
            EncryptionType::Aes256Sha384 => {
                fed::<Hmac<Sha384>>(&key, parts).finalize().into_bytes().to_vec()
            }
        };
        mac.truncate(self.kind.checksum_length());
        mac
    }

    fn verify(&self, usage: u32, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> bool {
        // The comparison takes any beginning, even an empty one.
        if mac.len() != self.kind.checksum_length() {
            return false;
        }
        let key = self.derived(usage, purpose);
        match self.kind {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                fed::<Hmac<Sha1>>(&key, parts).verify_truncated_left(mac).is_ok()
            }
            EncryptionType::Aes128Sha256 => {
                fed::<Hmac<Sha256>>(&key, parts).verify_truncated_left(mac).is_ok()
            }
            EncryptionType::Aes256Sha384 => {
                fed::<Hmac<Sha384>>(&key, parts).verify_truncated_left(mac).is_ok()
            }
        }
    }
}

fn fed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} [hidden])", self.kind)
    }
}

#[cfg(test)]
mod tests;
