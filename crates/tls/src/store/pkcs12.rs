//! PKCS#12 (RFC 7292), as `keytool`, OpenSSL and others write it: sealed by a password, in parts that are encrypted each
//! in its own way.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::CertificateDer;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::ber;
use super::pbe::{self, Budget, Failure, Hash, Purpose};
use super::{Access, CertificateEntry, Contents, KeyBytes, KeyEntry};
use crate::der::{self, Malformed, Reader, dotted, tag};
use crate::{CertificateInfo, StoreProblem};

/// The most private keys. They may share certificates, which each then has for itself.
const MOST_KEYS: usize = 32;

/// The most certificates of a key's chain.
const MOST_CHAIN: usize = 32;

/// The most bytes of a key's chain: more than fits into a handshake.
const MOST_CHAIN_BYTES: usize = 1 << 16;

mod oid {
    pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    pub(super) const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
    /// Of which the last number says what is in the bag.
    pub(super) const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
    pub(super) const KEY: u8 = 1;
    pub(super) const SHROUDED_KEY: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 3;
    pub(super) const NESTED: u8 = 6;
    pub(super) const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
    pub(super) const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 20];
    pub(super) const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 21];
    /// Java's mark of what is there to be trusted.
    pub(super) const TRUSTED_KEY_USAGE: &[u8] =
        &[0x60, 0x86, 0x48, 1, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 1, 1];
    pub(super) const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 14];
}

/// What is said of a bag.
#[derive(Default)]
struct Attributes {
    alias: Option<String>,
    key_id: Option<Vec<u8>>,
    is_trusted: bool,
}

struct KeyBag {
    key: KeyBytes,
    attributes: Attributes,
}

struct CertificateBag {
    certificate: CertificateDer<'static>,
    attributes: Attributes,
}

/// A store while it is read.
struct Reading<'a> {
    access: Access<'a>,
    budget: Budget,
    /// Whether the seal has shown that the password is the store's.
    is_password_proven: bool,
    keys: Vec<KeyBag>,
    certificates: Vec<CertificateBag>,
}

pub(super) fn read(bytes: &[u8], access: Access<'_>) -> Result<Contents, StoreProblem> {
    let bytes = ber::to_der(bytes).map_err(|_| broken("it is not in BER, which PKCS#12 is in"))?;
    let mut reading = Reading {
        access,
        budget: Budget::new(access.most_iterations),
        is_password_proven: false,
        keys: Vec::new(),
        certificates: Vec::new(),
    };
    reading.store(&bytes)?;
    Ok(assemble(reading.keys, reading.certificates))
}

impl Reading<'_> {
    fn store(&mut self, bytes: &[u8]) -> Result<(), StoreProblem> {
        let not_one = |_| broken("it does not begin like PKCS#12");
        let mut store = Reader::new(bytes).sequence().map_err(not_one)?;
        let version = store.unsigned().map_err(not_one)?;
        if version != 3 {
            return Err(broken(&format!("its version is {version}, and only 3 is known")));
        }
        let mut safe = store.sequence().map_err(unreadable("its contents"))?;
        let kind = safe.oid().map_err(unreadable("its contents"))?;
        if kind != oid::DATA {
            return Err(StoreProblem::Unsupported {
                what: "a seal by a public key".to_owned(),
                remedy: "seal the store by a password, as openssl and keytool do",
            });
        }
        let parts = octets(&mut safe).map_err(unreadable("its contents"))?;
        if let (Some(password), false) = (self.access.password, store.is_empty()) {
            let seal = store.sequence().map_err(unreadable("its seal"))?;
            match self.is_sealed_by(seal, &parts, password) {
                Ok(true) => self.is_password_proven = true,
                Ok(false) => return Err(StoreProblem::WrongPassword),
                Err(failure) => {
                    return Err(failure.into_problem("its seal", StoreProblem::WrongPassword));
                }
            }
        }
        self.parts(&parts)
    }

    /// Whether the seal (`MacData`) over `parts` is that of this password.
    fn is_sealed_by(
        &mut self,
        mut seal: Reader<'_>,
        parts: &[u8],
        password: &str,
    ) -> Result<bool, Failure> {
        let mut digest = seal.sequence()?;
        let mut algorithm = digest.sequence()?;
        let expected = digest.expect(tag::OCTET_STRING)?;
        let id = algorithm.oid()?;
        if id == oid::PBMAC1 {
            let mut parameters = algorithm.sequence()?;
            let (derivation, mac_id) = (parameters.sequence()?, parameters.sequence()?.oid()?);
            let hash = Hash::of_hmac(mac_id).ok_or_else(|| unknown(mac_id))?;
            let size = key_length(derivation)?;
            let key = pbe::pbkdf2(derivation, password.as_bytes(), size, &mut self.budget)?;
            return Ok(is_mac(hash, &key, parts, expected));
        }
        let hash = Hash::of_digest(id).ok_or_else(|| unknown(id))?;
        let salt = seal.expect(tag::OCTET_STRING)?;
        let rounds = if seal.is_empty() { 1 } else { seal.unsigned()? };
        let is_of = |password: &[u8], budget: &mut Budget| -> Result<bool, Failure> {
            let rounds = budget.spend(rounds)?;
            let key = pbe::pkcs12_derive(hash, password, salt, rounds, Purpose::Mac, hash.size());
            Ok(is_mac(hash, &key, parts, expected))
        };
        if is_of(&pbe::bmp_string(password), &mut self.budget)? {
            return Ok(true);
        }
        // Some programs take an empty password for none at all.
        Ok(password.is_empty() && is_of(&[], &mut self.budget)?)
    }

    /// The parts of the store (`AuthenticatedSafe`).
    fn parts(&mut self, parts: &[u8]) -> Result<(), StoreProblem> {
        let parts = ber::to_der(parts).map_err(unreadable("its contents"))?;
        let mut parts = Reader::new(&parts).sequence().map_err(unreadable("its contents"))?;
        while !parts.is_empty() {
            let mut part = parts.sequence().map_err(unreadable("a part of it"))?;
            match part.oid().map_err(unreadable("a part of it"))? {
                oid::DATA => {
                    let bags = octets(&mut part).map_err(unreadable("a part of it"))?;
                    self.bags(&bags)?;
                }
                oid::ENCRYPTED_DATA => {
                    let bags = self.decrypt(part)?;
                    self.bags(&bags)?;
                }
                other => {
                    return Err(StoreProblem::Unsupported {
                        what: format!("a part of the kind {}", dotted(other)),
                        remedy: "encrypt the store by a password, as openssl and keytool do",
                    });
                }
            }
        }
        Ok(())
    }

    /// A part that is encrypted as a whole: most often that with the certificates.
    fn decrypt(&mut self, mut part: Reader<'_>) -> Result<Zeroizing<Vec<u8>>, StoreProblem> {
        let mut read = || -> der::Result<_> {
            let mut data = part.enter(tag::explicit(0))?.sequence()?;
            data.unsigned()?;
            let mut content = data.sequence()?;
            content.oid()?;
            let algorithm = content.sequence()?;
            // Written in pieces of one, it has not lost its constructed tag before.
            let encrypted = match content.any()? {
                (0x80, encrypted) => encrypted,
                (0xa0, pieces) => Reader::new(pieces).expect(tag::OCTET_STRING)?,
                _ => return Err(Malformed),
            };
            Ok((algorithm, encrypted))
        };
        let (algorithm, encrypted) = read().map_err(unreadable("an encrypted part of it"))?;
        let Some(password) = self.access.password else {
            return Err(StoreProblem::PasswordMissing);
        };
        let wrong_password = if self.is_password_proven {
            broken("a part of it cannot be decrypted by the password that its seal is of")
        } else {
            StoreProblem::WrongPassword
        };
        pbe::decrypt(algorithm, encrypted, password, &mut self.budget)
            .map_err(|failure| failure.into_problem("a part of it", wrong_password))
    }

    /// Keys and certificates (`SafeContents`); bags in bags follow after the others.
    fn bags(&mut self, bags: &[u8]) -> Result<(), StoreProblem> {
        let bags = ber::to_der(bags).map_err(unreadable("a part of it"))?;
        let mut todo = vec![Reader::new(&bags).sequence().map_err(unreadable("a part of it"))?];
        while let Some(mut bags) = todo.pop() {
            while !bags.is_empty() {
                let nested = self.bag(&mut bags)?;
                todo.extend(nested);
            }
        }
        Ok(())
    }

    /// One key or certificate; gives those within, if it is a bag of bags. What else there is (secret keys, revocation
    /// lists) is none of a TLS client's business.
    fn bag<'b>(&mut self, bags: &mut Reader<'b>) -> Result<Option<Reader<'b>>, StoreProblem> {
        let read = |bags: &mut Reader<'b>| -> der::Result<_> {
            let mut bag = bags.sequence()?;
            Ok((bag.oid()?, bag.expect(tag::explicit(0))?, attributes(&mut bag)?))
        };
        let (kind, value, attributes) = read(bags).map_err(unreadable("an entry"))?;
        let Some((&kind, oid::BAG)) = kind.split_last() else { return Ok(None) };
        if matches!(kind, oid::KEY | oid::SHROUDED_KEY) && self.keys.len() == MOST_KEYS {
            return Err(StoreProblem::SeveralKeys { keys: MOST_KEYS + 1 });
        }
        match kind {
            oid::KEY => {
                let key = KeyBytes::Pkcs8(Zeroizing::new(value.to_vec()));
                self.keys.push(KeyBag { key, attributes });
            }
            oid::SHROUDED_KEY => {
                let key = self.shrouded_key(value, &attributes)?;
                self.keys.push(KeyBag { key, attributes });
            }
            oid::CERTIFICATE => {
                let certificate = certificate(value).map_err(unreadable("a certificate"))?;
                self.certificates.extend(
                    certificate.map(|certificate| CertificateBag { certificate, attributes }),
                );
            }
            oid::NESTED => {
                return Reader::new(value).sequence().map(Some).map_err(unreadable("an entry"));
            }
            _ => {}
        }
        Ok(None)
    }

    fn shrouded_key(
        &mut self,
        encrypted: &[u8],
        attributes: &Attributes,
    ) -> Result<KeyBytes, StoreProblem> {
        if !self.access.wants_keys {
            return Ok(KeyBytes::Unread);
        }
        let alias = attributes.alias.clone();
        let Some(password) = self.access.for_key() else {
            return Err(StoreProblem::KeyPasswordMissing { alias });
        };
        pbe::decrypt_key(encrypted, password, &mut self.budget).map(KeyBytes::Pkcs8).map_err(
            |failure| {
                failure.into_problem("its private key", StoreProblem::WrongKeyPassword { alias })
            },
        )
    }
}

/// Gives each key its certificates: its own by the identifier that both have, then issuer by issuer.
fn assemble(keys: Vec<KeyBag>, certificates: Vec<CertificateBag>) -> Contents {
    let infos: Vec<Option<CertificateInfo>> =
        certificates.iter().map(|bag| CertificateInfo::from_der(&bag.certificate)).collect();
    let mut is_used = vec![false; certificates.len()];
    let is_alone = keys.len() == 1;
    let mut entries = Vec::new();
    for KeyBag { key, attributes } in keys {
        let by_id = certificates.iter().position(|bag| {
            attributes.key_id.is_some() && bag.attributes.key_id == attributes.key_id
        });
        let first = by_id.or_else(|| {
            let own = || certificates.iter().position(|bag| !bag.attributes.is_trusted);
            if is_alone { own() } else { None }
        });
        let mut chain = Vec::new();
        let mut bytes = 0;
        let mut next = first;
        while let Some(at) = next.take() {
            let Some(bag) = certificates.get(at) else { break };
            bytes += bag.certificate.len();
            let is_too_long = chain.len() == MOST_CHAIN || bytes > MOST_CHAIN_BYTES;
            if is_too_long || chain.contains(&bag.certificate) {
                break;
            }
            chain.push(bag.certificate.clone());
            if let Some(used) = is_used.get_mut(at) {
                *used = true;
            }
            let info = infos.get(at).and_then(Option::as_ref).filter(|info| !info.is_self_issued());
            next = info.and_then(|info| {
                infos.iter().position(|other| {
                    other.as_ref().is_some_and(|other| other.raw_subject() == info.raw_issuer())
                })
            });
        }
        entries.push(KeyEntry { alias: attributes.alias, key, chain });
    }
    let listed = certificates.into_iter().zip(is_used).filter(|(bag, is_used)| {
        // What is marked is there for its own sake, whatever chain it is in.
        bag.attributes.is_trusted || !is_used
    });
    let certificates = listed
        .map(|(bag, _)| CertificateEntry {
            alias: bag.attributes.alias,
            certificate: bag.certificate,
            is_trusted: bag.attributes.is_trusted,
        })
        .collect();
    Contents { keys: entries, certificates }
}

/// The content of `[0] { OCTET STRING }`.
fn octets<'a>(part: &mut Reader<'a>) -> der::Result<Cow<'a, [u8]>> {
    let mut content = part.enter(tag::explicit(0))?;
    match content.any()? {
        (tag::OCTET_STRING, octets) => Ok(Cow::Borrowed(octets)),
        // In pieces, with lengths before each.
        (0x24, pieces) => {
            let mut pieces = Reader::new(pieces);
            let mut whole = Vec::new();
            while !pieces.is_empty() {
                whole.extend_from_slice(pieces.expect(tag::OCTET_STRING)?);
            }
            Ok(Cow::Owned(whole))
        }
        _ => Err(Malformed),
    }
}

/// An X.509 certificate; nothing for the other kind, which nobody uses.
fn certificate(bag: &[u8]) -> der::Result<Option<CertificateDer<'static>>> {
    let mut bag = Reader::new(bag).sequence()?;
    if bag.oid()? != oid::X509 {
        return Ok(None);
    }
    let certificate = bag.enter(tag::explicit(0))?.expect(tag::OCTET_STRING)?;
    Ok(Some(CertificateDer::from(certificate.to_vec())))
}

fn attributes(bag: &mut Reader<'_>) -> der::Result<Attributes> {
    let mut found = Attributes::default();
    let Some(set) = bag.optional(tag::SET)? else { return Ok(found) };
    let mut set = Reader::new(set);
    while !set.is_empty() {
        let mut attribute = set.sequence()?;
        let (kind, mut values) = (attribute.oid()?, attribute.enter(tag::SET)?);
        match kind {
            oid::FRIENDLY_NAME => {
                let units = values.expect(tag::BMP_STRING)?.chunks_exact(2);
                let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let text =
                    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
                found.alias = Some(text.collect());
            }
            oid::LOCAL_KEY_ID => found.key_id = Some(values.expect(tag::OCTET_STRING)?.to_vec()),
            oid::TRUSTED_KEY_USAGE => found.is_trusted = true,
            _ => {}
        }
    }
    Ok(found)
}

/// The length of the key that PBMAC1 derives: it must be told (RFC 9579, 5), and is a few bytes.
fn key_length(mut derivation: Reader<'_>) -> Result<usize, Failure> {
    derivation.oid()?;
    let mut parameters = derivation.sequence()?;
    parameters.expect(tag::OCTET_STRING)?;
    parameters.unsigned()?;
    let length = parameters.unsigned()?;
    if (20..=64).contains(&length) { Ok(length as usize) } else { Err(Failure::Malformed) }
}

fn is_mac(hash: Hash, key: &[u8], message: &[u8], expected: &[u8]) -> bool {
    match hash {
        Hash::Sha1 => verify::<Hmac<Sha1>>(key, message, expected),
        Hash::Sha224 => verify::<Hmac<Sha224>>(key, message, expected),
        Hash::Sha256 => verify::<Hmac<Sha256>>(key, message, expected),
        Hash::Sha384 => verify::<Hmac<Sha384>>(key, message, expected),
        Hash::Sha512 => verify::<Hmac<Sha512>>(key, message, expected),
    }
}

fn verify<M: Mac + KeyInit>(key: &[u8], message: &[u8], expected: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(expected).is_ok())
}

fn unknown(id: &[u8]) -> Failure {
    Failure::Unsupported(format!("the algorithm {}", dotted(id)))
}

fn broken(detail: &str) -> StoreProblem {
    StoreProblem::Broken { detail: detail.to_owned() }
}

fn unreadable(what: &'static str) -> impl Fn(Malformed) -> StoreProblem {
    move |_| broken(&format!("{what} cannot be read"))
}
