//! JKS, the store that Java had first: big-endian numbers, and a digest over all of it.
//!
//! ```text
//! FEEDFEED  version  count
//!   1  alias  time  length  EncryptedPrivateKeyInfo  count  certificate …      a private key
//!   2  alias  time  certificate                                                one that is trusted
//! SHA-1 of the password, "Mighty Aphrodite" and all before
//! ```
//! A certificate is its type (since version 2), its length and its bytes.

use rustls::pki_types::CertificateDer;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::{Access, CertificateEntry, Contents, KeyBytes, KeyEntry};
use crate::StoreProblem;
use crate::der::{Reader, tag};

const PRIVATE_KEY: u32 = 1;
const TRUSTED: u32 = 2;
const DIGEST: usize = 20;

/// Of the one way in which its keys are protected.
const PROTECTION: &[u8] = &[0x2b, 6, 1, 4, 1, 42, 2, 17, 1, 1];

/// A private key that is still encrypted.
struct Protected<'a> {
    alias: String,
    info: &'a [u8],
    chain: Vec<CertificateDer<'static>>,
}

pub(super) fn read(bytes: &[u8], access: Access<'_>) -> Result<Contents, StoreProblem> {
    let (store, seal) = bytes
        .len()
        .checked_sub(DIGEST)
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or_else(|| broken("it ends too soon"))?;
    let (protected, certificates) = entries(store)?;
    if let Some(password) = access.password {
        let password = characters(password);
        let digest = Sha1::new()
            .chain_update(&*password)
            .chain_update(b"Mighty Aphrodite")
            .chain_update(store);
        if digest.finalize().as_slice() != seal {
            // The password that opens a key is the right one: then it is the store that is not.
            let opens = protected
                .iter()
                .any(|key| unprotect(key.info, &password).is_ok_and(|key| key.is_some()));
            return Err(if opens {
                broken("its digest does not fit, and its password does: somebody changed it")
            } else {
                StoreProblem::WrongPassword
            });
        }
    }
    let keys = protected.into_iter().map(|key| open(key, access)).collect::<Result<_, _>>()?;
    Ok(Contents { keys, certificates })
}

fn entries(store: &[u8]) -> Result<(Vec<Protected<'_>>, Vec<CertificateEntry>), StoreProblem> {
    let mut rest = Numbers(store);
    rest.u32()?;
    let version = rest.u32()?;
    if !(1..=2).contains(&version) {
        return Err(broken(&format!("its version is {version}, and only 1 and 2 are known")));
    }
    let count = rest.u32()?;
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    // However many it claims: each takes bytes, and there are no more than there are.
    for _ in 0..count {
        let kind = rest.u32()?;
        let alias = rest.text()?;
        rest.take(8)?;
        match kind {
            PRIVATE_KEY => {
                let info = rest.bytes()?;
                let chain_length = rest.u32()?;
                let mut chain = Vec::new();
                for _ in 0..chain_length {
                    chain.push(rest.certificate(version)?);
                }
                keys.push(Protected { alias, info, chain });
            }
            TRUSTED => {
                let certificate = rest.certificate(version)?;
                certificates.push(CertificateEntry {
                    alias: Some(alias),
                    certificate,
                    is_trusted: true,
                });
            }
            other => {
                return Err(broken(&format!(
                    "an entry is of the kind {other}, and only 1 and 2 are known"
                )));
            }
        }
    }
    if rest.0.is_empty() {
        Ok((keys, certificates))
    } else {
        Err(broken("there is more behind its last entry"))
    }
}

fn open(key: Protected<'_>, access: Access<'_>) -> Result<KeyEntry, StoreProblem> {
    let Protected { alias, info, chain } = key;
    let entry = |key| Ok(KeyEntry { alias: Some(alias.clone()), key, chain });
    if !access.wants_keys {
        return entry(KeyBytes::Unread);
    }
    let Some(password) = access.for_key() else {
        return Err(StoreProblem::KeyPasswordMissing { alias: Some(alias) });
    };
    match unprotect(info, &characters(password))? {
        Some(key) => entry(KeyBytes::Pkcs8(key)),
        None => Err(StoreProblem::WrongKeyPassword { alias: Some(alias) }),
    }
}

/// Takes Java's own protection off a key: a salt, the key behind a stream of digests, and a digest of the key. Nothing
/// if the password is wrong.
fn unprotect(info: &[u8], password: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreProblem> {
    let unreadable = |_| broken("a private key is not in the form of JKS");
    let mut info = Reader::new(info).sequence().map_err(unreadable)?;
    let algorithm =
        info.sequence().and_then(|mut algorithm| algorithm.oid()).map_err(unreadable)?;
    if algorithm != PROTECTION {
        return Err(broken("a private key is protected by another algorithm than that of JKS"));
    }
    let protected = info.expect(tag::OCTET_STRING).map_err(unreadable)?;
    let too_short = || broken("a private key ends too soon");
    let (salt, rest) = protected.split_at_checked(DIGEST).ok_or_else(too_short)?;
    let length = rest.len().checked_sub(DIGEST).ok_or_else(too_short)?;
    let (encrypted, check) = rest.split_at_checked(length).ok_or_else(too_short)?;
    let mut key = Zeroizing::new(encrypted.to_vec());
    let mut stream = Zeroizing::new(salt.to_vec());
    for part in key.chunks_mut(DIGEST) {
        let next = Sha1::new().chain_update(password).chain_update(&*stream).finalize();
        stream.copy_from_slice(&next);
        for (byte, mask) in part.iter_mut().zip(stream.iter()) {
            *byte ^= mask;
        }
    }
    let digest = Sha1::new().chain_update(password).chain_update(&*key).finalize();
    Ok((digest.as_slice() == check).then_some(key))
}

/// A password as JKS takes it: UTF-16, big-endian.
fn characters(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len()));
    bytes.extend(password.encode_utf16().flat_map(u16::to_be_bytes));
    bytes
}

fn broken(detail: &str) -> StoreProblem {
    StoreProblem::Broken { detail: detail.to_owned() }
}

/// What Java's `DataOutputStream` has written.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreProblem> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| broken("it ends too soon"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, StoreProblem> {
        Ok(self.take(4)?.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    fn bytes(&mut self) -> Result<&'a [u8], StoreProblem> {
        let length = self.u32()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Java's text has two bytes of length, and is UTF-8 but for what aliases do not have.
    fn text(&mut self) -> Result<String, StoreProblem> {
        let length = self.take(2)?.iter().fold(0, |number, &byte| number << 8 | usize::from(byte));
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, StoreProblem> {
        if version == 2 {
            let kind = self.text()?;
            if kind != "X.509" {
                return Err(broken("a certificate is not of the type X.509"));
            }
        }
        Ok(CertificateDer::from(self.bytes()?.to_vec()))
    }
}
