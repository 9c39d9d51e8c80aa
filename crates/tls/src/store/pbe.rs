//! Encryption by passwords, as keys and stores have it: PBES2 (RFC 8018) and the older ways of PKCS#12 (RFC 7292,
//! appendices B and C).

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt as _, InnerIvInit as _, KeyInit, KeyIvInit as _,
};
use des::TdesEde3;
use hmac::Hmac;
use rc2::Rc2;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::StoreProblem;
use crate::der::{Malformed, Reader, dotted, tag};

/// Why something cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// What comes out is not what was encrypted.
    WrongPassword,
    Malformed,
    Unsupported(String),
    TooManyIterations {
        iterations: u64,
        most: u32,
    },
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Failure {
    /// The problem that it is for a store; `wrong_password` says whose the password is.
    pub(super) fn into_problem(self, what: &str, wrong_password: StoreProblem) -> StoreProblem {
        match self {
            Self::WrongPassword => wrong_password,
            Self::Malformed => StoreProblem::Broken {
                detail: format!("what {what} is encrypted by cannot be read"),
            },
            Self::Unsupported(algorithm) => StoreProblem::Unsupported {
                what: format!("{what} is encrypted by {algorithm}, which"),
                remedy: "encrypt it anew with PBES2, AES-256-CBC and HmacSHA256, as openssl and keytool do by themselves",
            },
            Self::TooManyIterations { iterations, most } => {
                StoreProblem::TooManyIterations { iterations, most }
            }
        }
    }
}

/// The iterations that a store may still ask for, in all its parts together.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    most: u32,
}

impl Budget {
    pub(super) fn new(most: u32) -> Self {
        Self { left: most, most }
    }

    pub(super) fn spend(&mut self, iterations: u64) -> Result<u32, Failure> {
        let wanted = u32::try_from(iterations).ok().filter(|&wanted| wanted <= self.left);
        let Some(wanted) = wanted else {
            return Err(Failure::TooManyIterations { iterations, most: self.most });
        };
        if wanted == 0 {
            return Err(Failure::Malformed);
        }
        self.left -= wanted;
        Ok(wanted)
    }
}

/// Hash functions that keys are derived by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the identifier of the hash itself.
    pub(super) fn of_digest(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x2b, 0x0e, 3, 2, 26] => Some(Self::Sha1),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, number] => match number {
                1 => Some(Self::Sha256),
                2 => Some(Self::Sha384),
                3 => Some(Self::Sha512),
                4 => Some(Self::Sha224),
                _ => None,
            },
            _ => None,
        }
    }

    /// By the identifier of HMAC with it.
    pub(super) fn of_hmac(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, number] => match number {
                7 => Some(Self::Sha1),
                8 => Some(Self::Sha224),
                9 => Some(Self::Sha256),
                10 => Some(Self::Sha384),
                11 => Some(Self::Sha512),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many bytes it gives.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// What a key of PKCS#12's own derivation is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

mod oid {
    pub(super) const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
    pub(super) const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
    /// Of which the last number is one of those that follow.
    pub(super) const PKCS12_PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
    pub(super) const TRIPLE_DES: u8 = 3;
    pub(super) const DOUBLE_DES: u8 = 4;
    pub(super) const RC2_128: u8 = 5;
    pub(super) const RC2_40: u8 = 6;
    pub(super) const DES_EDE3_CBC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7];
    /// Of which the last number says the size of the key.
    pub(super) const AES_CBC: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1];
}

/// Decrypts an `EncryptedPrivateKeyInfo` (RFC 5958), and gives the PKCS#8 key in it.
pub(super) fn decrypt_key(
    encrypted: &[u8],
    password: &str,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut info = Reader::new(encrypted).sequence()?;
    let algorithm = info.sequence()?;
    let key = decrypt(algorithm, info.expect(tag::OCTET_STRING)?, password, budget)?;
    // A wrong key now and then leaves a padding that looks right.
    match Reader::new(&key).sequence().and_then(|mut key| key.unsigned()) {
        Ok(_) => Ok(key),
        Err(_) => Err(Failure::WrongPassword),
    }
}

/// Decrypts what was encrypted by `algorithm`: the content of an `AlgorithmIdentifier`.
pub(super) fn decrypt(
    mut algorithm: Reader<'_>,
    data: &[u8],
    password: &str,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let id = algorithm.oid()?;
    if id == oid::PBES2 {
        return pbes2(algorithm.sequence()?, data, password, budget);
    }
    let Some((&number, oid::PKCS12_PBE)) = id.split_last() else {
        return Err(Failure::Unsupported(name_of(id)));
    };
    if !(oid::TRIPLE_DES..=oid::RC2_40).contains(&number) {
        return Err(Failure::Unsupported(name_of(id)));
    }
    let mut parameters = algorithm.sequence()?;
    let salt = parameters.expect(tag::OCTET_STRING)?;
    let rounds = budget.spend(parameters.unsigned()?)?;
    let password = bmp_string(password);
    let derive = |purpose, size| pkcs12_derive(Hash::Sha1, &password, salt, rounds, purpose, size);
    let iv = derive(Purpose::Iv, 8);
    match number {
        oid::TRIPLE_DES => decrypt_cbc::<TdesEde3>(&derive(Purpose::Key, 24), &iv, data),
        oid::DOUBLE_DES => {
            // Two keys, the first of which is the third as well.
            let mut key = derive(Purpose::Key, 16);
            let first = Zeroizing::new(key.get(..8).unwrap_or_default().to_vec());
            key.extend_from_slice(&first);
            decrypt_cbc::<TdesEde3>(&key, &iv, data)
        }
        oid::RC2_128 => decrypt_rc2(&derive(Purpose::Key, 16), &iv, data),
        _ => decrypt_rc2(&derive(Purpose::Key, 5), &iv, data),
    }
}

fn pbes2(
    mut parameters: Reader<'_>,
    data: &[u8],
    password: &str,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (derivation, mut cipher) = (parameters.sequence()?, parameters.sequence()?);
    let cipher_id = cipher.oid()?;
    let size = match cipher_id.split_last() {
        Some((2, oid::AES_CBC)) => 16,
        Some((22, oid::AES_CBC)) => 24,
        Some((42, oid::AES_CBC)) => 32,
        _ if cipher_id == oid::DES_EDE3_CBC => 24,
        _ => return Err(Failure::Unsupported(name_of(cipher_id))),
    };
    let iv = cipher.expect(tag::OCTET_STRING)?;
    let key = pbkdf2(derivation, password.as_bytes(), size, budget)?;
    match cipher_id {
        oid::DES_EDE3_CBC => decrypt_cbc::<TdesEde3>(&key, iv, data),
        _ if size == 16 => decrypt_cbc::<Aes128>(&key, iv, data),
        _ if size == 24 => decrypt_cbc::<Aes192>(&key, iv, data),
        _ => decrypt_cbc::<Aes256>(&key, iv, data),
    }
}

/// Derives a key of `size` bytes as an `AlgorithmIdentifier` of PBKDF2 says.
pub(super) fn pbkdf2(
    mut algorithm: Reader<'_>,
    password: &[u8],
    size: usize,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let id = algorithm.oid()?;
    if id != oid::PBKDF2 {
        return Err(Failure::Unsupported(name_of(id)));
    }
    let mut parameters = algorithm.sequence()?;
    let salt = parameters.expect(tag::OCTET_STRING)?;
    let rounds = parameters.unsigned()?;
    if parameters.peek() == Some(tag::INTEGER) && parameters.unsigned()? != size as u64 {
        return Err(Failure::Malformed);
    }
    let hash = if parameters.is_empty() {
        Hash::Sha1
    } else {
        let id = parameters.sequence()?.oid()?;
        Hash::of_hmac(id).ok_or_else(|| Failure::Unsupported(name_of(id)))?
    };
    let rounds = budget.spend(rounds)?;
    let mut key = Zeroizing::new(vec![0; size]);
    let derived = match hash {
        Hash::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, rounds, &mut key),
        Hash::Sha224 => pbkdf2::pbkdf2::<Hmac<Sha224>>(password, salt, rounds, &mut key),
        Hash::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, rounds, &mut key),
        Hash::Sha384 => pbkdf2::pbkdf2::<Hmac<Sha384>>(password, salt, rounds, &mut key),
        Hash::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, rounds, &mut key),
    };
    // HMAC takes keys of any length.
    derived.map_err(|_| Failure::Malformed)?;
    Ok(key)
}

/// The key derivation of PKCS#12 (RFC 7292, B.2), from a password as [`bmp_string`] gives it.
pub(super) fn pkcs12_derive(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    purpose: Purpose,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    match hash {
        Hash::Sha1 => derive::<Sha1>(64, password, salt, rounds, purpose, size),
        Hash::Sha224 => derive::<Sha224>(64, password, salt, rounds, purpose, size),
        Hash::Sha256 => derive::<Sha256>(64, password, salt, rounds, purpose, size),
        Hash::Sha384 => derive::<Sha384>(128, password, salt, rounds, purpose, size),
        Hash::Sha512 => derive::<Sha512>(128, password, salt, rounds, purpose, size),
    }
}

fn derive<D: Digest>(
    block: usize,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    purpose: Purpose,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let length = bytes.len().div_ceil(block) * block;
        bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { length }).collect()
    };
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new([filled(salt), filled(password)].concat());
    let mut key = Zeroizing::new(Vec::with_capacity(size + 64));
    while key.len() < size {
        let mut digest = D::new().chain_update(&diversifier).chain_update(&*input).finalize();
        for _ in 1..rounds {
            digest = D::digest(&digest);
        }
        key.extend_from_slice(&digest);
        let addend: Vec<u8> = digest.iter().copied().cycle().take(block).collect();
        for part in input.chunks_exact_mut(block) {
            // The sum of two big-endian numbers, and one.
            let mut carry = 1;
            for (byte, added) in part.iter_mut().zip(&addend).rev() {
                let sum = u16::from(*byte) + u16::from(*added) + carry;
                *byte = (sum & 0xff) as u8;
                carry = sum >> 8;
            }
        }
    }
    key.truncate(size);
    key
}

/// A password as PKCS#12's own derivation takes it: UTF-16, big-endian, with a zero at its end.
pub(super) fn bmp_string(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
    bytes.extend(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
    bytes
}

fn decrypt_cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let decryptor = Decryptor::<C>::new_from_slices(key, iv).map_err(|_| Failure::Malformed)?;
    without_padding(data, |buffer| decryptor.decrypt_padded::<Pkcs7>(buffer).ok().map(<[u8]>::len))
}

fn decrypt_rc2(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let cipher = Rc2::new_with_eff_key_len(key, 8 * key.len());
    let decryptor = Decryptor::inner_iv_slice_init(cipher, iv).map_err(|_| Failure::Malformed)?;
    without_padding(data, |buffer| decryptor.decrypt_padded::<Pkcs7>(buffer).ok().map(<[u8]>::len))
}

/// Decrypts a copy of `data` in place.
fn without_padding(
    data: &[u8],
    decrypt: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut buffer = Zeroizing::new(data.to_vec());
    let length = decrypt(&mut buffer).ok_or(Failure::WrongPassword)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The name of an algorithm that is not supported.
fn name_of(oid: &[u8]) -> String {
    let name = match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 3] => "PBEWithMD5AndDES",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 10] => "PBEWithSHA1AndDES",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 1 | 2] => "PBEWithSHA1AndRC4",
        [0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11] => "scrypt",
        [0x2b, 6, 1, 4, 1, 42, 2, 17, 1, 1] => "the key protection of JKS",
        [0x2b, 6, 1, 4, 1, 42, 2, 19, 1] => "the key protection of JCEKS",
        other => return format!("the algorithm {}", dotted(other)),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_all_parts_together() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.spend(60), Ok(60));
        assert_eq!(budget.spend(41), Err(Failure::TooManyIterations { iterations: 41, most: 100 }));
        assert_eq!(budget.spend(40), Ok(40));
        assert_eq!(budget.spend(0), Err(Failure::Malformed));
        let enormous = Failure::TooManyIterations { iterations: u64::MAX, most: 100 };
        assert_eq!(budget.spend(u64::MAX), Err(enormous));
    }

    /// The values that PKCS#12's derivation is usually tried with: "smeg" and "queeg".
    #[test]
    fn keys_are_derived_as_pkcs12_says() {
        let smeg = bmp_string("smeg");
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let key = pkcs12_derive(Hash::Sha1, &smeg, &salt, 1, Purpose::Key, 24);
        assert_eq!(
            key.as_slice(),
            [
                0x8a, 0xaa, 0xe6, 0x29, 0x7b, 0x6c, 0xb0, 0x46, 0x42, 0xab, 0x5b, 0x07, 0x78, 0x51,
                0x28, 0x4e, 0xb7, 0x12, 0x8f, 0x1a, 0x2a, 0x7f, 0xbc, 0xa3
            ]
        );
        let iv = pkcs12_derive(Hash::Sha1, &smeg, &salt, 1, Purpose::Iv, 8);
        assert_eq!(iv.as_slice(), [0x79, 0x99, 0x3d, 0xfe, 0x04, 0x8d, 0x3b, 0x76]);
    }
}
