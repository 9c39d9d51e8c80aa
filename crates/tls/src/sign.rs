//! Signatures by a private key of a store, for what authenticates beside TLS: assertions for authorization servers.

use rustls::SignatureScheme;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use crate::der::{self, Malformed, Reader, tag};
use crate::provider::provider;
use crate::secret::Secret;
use crate::store::KeyBytes;
use crate::{Store, StoreProblem, TlsError};

/// How something is signed, by the names and in the forms of JSON Web Signatures (RFC 7518, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RS256: RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// ES256: ECDSA with SHA-256 on the curve P-256. The signature's two numbers are of 32 bytes each.
    EcdsaP256Sha256,
}

impl SignatureAlgorithm {
    fn scheme(self) -> SignatureScheme {
        match self {
            Self::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        }
    }

    fn wants(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "an RSA key",
            Self::EcdsaP256Sha256 => "a key on the curve P-256",
        }
    }
}

impl Store {
    /// Signs by its one private key, which is read, decrypted with `key_password` (else with the store's own) and forgotten.
    ///
    /// # Errors
    ///
    /// [`TlsError::File`] and [`TlsError::Store`]: it cannot be read, has no private key or several, or one that does not sign in this way.
    pub fn sign(
        &self,
        key_password: Option<&str>,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, TlsError> {
        const PURPOSE: &str = "private key";
        let unusable =
            |detail: String| TlsError::store(&self.name(PURPOSE), StoreProblem::Key { detail });
        let key = match self.lone_key(PURPOSE, key_password.map(Secret::new).as_ref())? {
            KeyBytes::Pkcs8(key) => PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec())),
            KeyBytes::Pkcs1(key) => PrivateKeyDer::from(PrivatePkcs1KeyDer::from(key.to_vec())),
            KeyBytes::Sec1(key) => PrivateKeyDer::from(PrivateSec1KeyDer::from(key.to_vec())),
            KeyBytes::Unread => return Err(unusable("it was not read".to_owned())),
        };
        let key = provider()?.key_provider.load_private_key(key);
        let signature = key
            .map_err(|error| error.to_string())
            .and_then(|key| {
                let signer = key.choose_scheme(&[algorithm.scheme()]);
                signer.ok_or_else(|| format!("signing so takes {}", algorithm.wants()))
            })
            .and_then(|signer| signer.sign(message).map_err(|error| error.to_string()))
            .map_err(unusable)?;
        match algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => Ok(signature),
            SignatureAlgorithm::EcdsaP256Sha256 => fixed(&signature)
                .map_err(|Malformed| unusable("its signature is in no known form".to_owned())),
        }
    }
}

/// From the DER of X.509 (RFC 3279) to two numbers of 32 bytes.
fn fixed(signature: &[u8]) -> der::Result<Vec<u8>> {
    let mut numbers = Reader::new(signature).sequence()?;
    let mut fixed = Vec::with_capacity(64);
    for _ in 0..2 {
        let number = numbers.expect(tag::INTEGER)?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let padding = 32_usize.checked_sub(number.len()).ok_or(Malformed)?;
        fixed.resize(fixed.len() + padding, 0);
        fixed.extend_from_slice(number);
    }
    Ok(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_signature_are_brought_to_32_bytes() {
        let mut der = vec![0x30, 38, 2, 1, 7, 2, 33, 0];
        der.extend([0xff; 32]);
        let expected = [vec![0; 31], vec![7], vec![0xff; 32]].concat();
        assert_eq!(fixed(&der), Ok(expected));
        assert_eq!(fixed(&der[..20]), Err(Malformed));
        assert_eq!(fixed(&[0x30, 0]), Err(Malformed));
    }
}
