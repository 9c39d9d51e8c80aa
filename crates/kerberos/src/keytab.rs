//! Keytabs: files with keys of principals.

use alloc::vec::Vec;

use crate::binary::{Bytes, text};
use crate::{EncryptionType, KerberosError, Key, Principal};

const WHAT: &str = "keytab";

/// A file with the keys of principals, as `ktadd` and `ktutil` write it (version 2 of the format).
#[derive(Debug, Clone)]
pub struct Keytab {
    entries: Vec<KeytabEntry>,
}

/// A principal's key.
#[derive(Debug, Clone)]
pub struct KeytabEntry {
    /// Whose it is.
    pub principal: Principal,
    /// How many times the key has been changed, modulo 2^32.
    pub version: u32,
    /// The number of the encryption type.
    pub number: i32,
    /// The key, if its type is one of [`EncryptionType`].
    pub key: Option<Key>,
}

impl Keytab {
    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Version`] for another version of the format, [`KerberosError::Malformed`] for what ends too early.
    pub fn parse(bytes: &[u8]) -> Result<Self, KerberosError> {
        let malformed = KerberosError::Malformed { what: WHAT };
        let mut file = Bytes(bytes);
        match file.u16().ok_or(malformed.clone())? {
            0x0502 => {}
            found => return Err(KerberosError::Version { what: WHAT, found }),
        }
        let mut entries = Vec::new();
        while !file.0.is_empty() {
            let size = file.u32().ok_or(malformed.clone())? as i32;
            if size == 0 {
                break;
            }
            let length = size.unsigned_abs() as usize;
            let entry = file.take(length).ok_or(malformed.clone())?;
            // What has been removed leaves a hole.
            if size > 0 {
                entries.push(read(entry).ok_or(malformed.clone())?);
            }
        }
        Ok(Self { entries })
    }

    /// Everything in it, in its order.
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// The newest keys of a principal, one for each type that is known here, the best first.
    pub fn keys_of(&self, principal: &Principal) -> Vec<Key> {
        let keys = EncryptionType::ALL.iter().filter_map(|kind| {
            let keys = self.entries.iter().filter(|entry| entry.principal == *principal);
            let keys = keys.filter(|entry| entry.number == kind.number() && entry.key.is_some());
            keys.max_by_key(|entry| entry.version)?.key.clone()
        });
        keys.collect()
    }
}

fn read(entry: &[u8]) -> Option<KeytabEntry> {
    let mut entry = Bytes(entry);
    let count = entry.u16()?;
    let realm = text(entry.short()?)?;
    let parts = (0..count).map(|_| text(entry.short()?)).collect::<Option<Vec<_>>>()?;
    let _kind = entry.u32()?;
    let _written = entry.u32()?;
    let version = u32::from(entry.u8()?);
    let number = i32::from(entry.u16()?);
    let bytes = entry.short()?;
    // Where there is room for it, the whole version stands behind.
    let version = entry.u32().filter(|version| *version != 0).unwrap_or(version);
    let key = match EncryptionType::from_number(number) {
        Some(kind) => Some(Key::new(kind, bytes)?),
        None => None,
    };
    Some(KeytabEntry { principal: Principal::from_parts(parts, realm), version, number, key })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A keytab as MIT's tools write it.
    pub(crate) fn written(entries: &[(&Principal, u32, i32, &[u8])]) -> Vec<u8> {
        let short = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        let mut file = alloc::vec![5, 2];
        for (principal, version, number, key) in entries {
            let mut entry = (principal.parts().count() as u16).to_be_bytes().to_vec();
            entry.extend(short(principal.realm().as_bytes()));
            principal.parts().for_each(|part| entry.extend(short(part.as_bytes())));
            entry.extend([0, 0, 0, 1, 0, 0, 0, 0, *version as u8]);
            entry.extend((*number as u16).to_be_bytes());
            entry.extend(short(key));
            entry.extend(version.to_be_bytes());
            file.extend((entry.len() as u32).to_be_bytes());
            file.extend(entry);
        }
        file
    }

    #[test]
    fn of_a_principals_keys_the_newest_count_and_the_best_come_first() {
        let alice = Principal::parse("alice@R", None).unwrap();
        let bob = Principal::parse("bob/x@R", None).unwrap();
        let mut file = written(&[
            (&alice, 1, 17, &[1; 16]),
            (&alice, 300, 17, &[2; 16]),
            (&alice, 3, 23, &[3; 16]),
            (&bob, 1, 18, &[4; 32]),
            (&alice, 2, 20, &[5; 32]),
        ]);
        // A hole, and what stands behind the end.
        file.extend([0xff, 0xff, 0xff, 0xfe, 9, 9, 0, 0, 0, 0, 7]);
        let keytab = Keytab::parse(&file).unwrap();
        assert_eq!(keytab.entries().len(), 5);
        let keys = keytab.keys_of(&alice);
        let shown: Vec<_> = keys.iter().map(|key| (key.kind().number(), key.bytes()[0])).collect();
        assert_eq!(shown, [(20, 5), (17, 2)]);
        assert_eq!(keytab.keys_of(&bob).len(), 1);
    }

    #[test]
    fn what_is_cut_or_of_another_format_is_refused() {
        let alice = Principal::parse("alice@R", None).unwrap();
        let file = written(&[(&alice, 1, 17, &[1; 16])]);
        for length in (0..file.len()).filter(|length| *length != 2) {
            assert!(Keytab::parse(&file[..length]).is_err(), "{length} bytes");
        }
        let version = KerberosError::Version { what: WHAT, found: 0x0501 };
        assert_eq!(Keytab::parse(&[5, 1]).unwrap_err(), version);
        let file = written(&[(&alice, 1, 18, &[1; 16])]);
        assert!(Keytab::parse(&file).is_err(), "a key of the wrong length");
    }
}
