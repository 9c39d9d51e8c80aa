//! What is derived from the password (RFC 5802, section 3).

use alloc::vec::Vec;

use hmac::digest::Digest;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::ScramHash;

/// Knows the signature that a server with the right password sends.
pub(super) enum Verifier {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Verifier {
    /// In constant time.
    pub(super) fn accepts(self, signature: &[u8]) -> bool {
        match self {
            Self::Sha256(mac) => mac.verify_slice(signature).is_ok(),
            Self::Sha512(mac) => mac.verify_slice(signature).is_ok(),
        }
    }
}

/// The client's proof, and what will know the server's.
pub(super) fn prove(
    hash: ScramHash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    exchange: &str,
) -> (Vec<u8>, Verifier) {
    match hash {
        ScramHash::Sha256 => {
            let (proof, mac) = of::<Sha256, 32>(password, salt, iterations, exchange);
            (proof, Verifier::Sha256(mac))
        }
        ScramHash::Sha512 => {
            let (proof, mac) = of::<Sha512, 64>(password, salt, iterations, exchange);
            (proof, Verifier::Sha512(mac))
        }
    }
}

/// `N` is the hash's length.
fn of<D: EagerHash + Digest, const N: usize>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    exchange: &str,
) -> (Vec<u8>, Hmac<D>)
where
    Hmac<D>: Mac + KeyInit,
{
    let mut salted = Zeroizing::new([0; N]);
    pbkdf2::pbkdf2_hmac::<D>(password, salt, iterations, &mut *salted);
    let mut client_key = keyed::<D>(&*salted, b"Client Key").finalize().into_bytes();
    let mut stored_key = <D as Digest>::digest(&client_key);
    let mut signature = keyed::<D>(&stored_key, exchange.as_bytes()).finalize().into_bytes();
    let proof = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
    let mut server_key = keyed::<D>(&*salted, b"Server Key").finalize().into_bytes();
    let verifier = keyed::<D>(&server_key, exchange.as_bytes());
    // With proof and signature, which went over the wire or might have, the key comes back.
    for secret in [&mut client_key, &mut signature, &mut server_key] {
        secret.as_mut_slice().zeroize();
    }
    stored_key.as_mut_slice().zeroize();
    (proof, verifier)
}

/// HMAC with a key, after a first text.
fn keyed<D: EagerHash>(key: &[u8], text: &[u8]) -> Hmac<D>
where
    Hmac<D>: Mac + KeyInit,
{
    let mac = <Hmac<D> as KeyInit>::new_from_slice(key).ok();
    mac.expect("HMAC takes keys of any length").chain_update(text)
}
