//! Tokens: JSON Web Signatures in compact form, ES256 for what is issued, RS256 for assertions.

use std::fmt;
use std::io;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey,
};
use serde_json::{Value, json};

/// The name of the key in the key set.
const KEY_ID: &str = "tests";

/// A private key that signs tokens.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// A new key, as PKCS#8.
    pub(super) fn generate() -> io::Result<Vec<u8>> {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        pkcs8.map(|pkcs8| pkcs8.as_ref().to_vec()).map_err(|_| io::Error::other("no randomness"))
    }

    pub(super) fn new(pkcs8: &[u8]) -> io::Result<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random);
        let pair = pair.map_err(|e| io::Error::other(format!("the provider's key: {e}")))?;
        Ok(Self { pair, random })
    }

    /// The public key as a key set (RFC 7517).
    pub(super) fn jwks(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.pair.public_key().as_ref();
        let (x, y) = (encode_base64(&point[1..33]), encode_base64(&point[33..65]));
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID, "x": x, "y": y,
        }]})
    }

    pub(super) fn sign(&self, claims: &Value) -> io::Result<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": KEY_ID}).to_string();
        let signed =
            [header, claims.to_string()].map(|part| encode_base64(part.as_bytes())).join(".");
        let signature = self.pair.sign(&self.random, signed.as_bytes());
        let signature = signature.map_err(|_| io::Error::other("cannot sign"))?;
        Ok(format!("{signed}.{}", encode_base64(signature.as_ref())))
    }
}

/// The public key of a client that signs assertions.
#[derive(Debug)]
pub(super) struct AssertionKey(Vec<u8>);

impl AssertionKey {
    /// Takes an RSA key in a `SubjectPublicKeyInfo`: what is behind the 24 bytes that name the algorithm
    /// is the key, at the lengths that RSA has today.
    pub(super) fn new(info: &[u8]) -> io::Result<Self> {
        let key = info.get(24..).filter(|key| key.starts_with(&[0x30, 0x82]));
        key.map(|key| Self(key.to_vec()))
            .ok_or(io::Error::other("no RSA key of 2,048 bits or more"))
    }

    /// The claims of an assertion, or why it is not believed.
    pub(super) fn verify(&self, assertion: &str) -> Result<Value, String> {
        let cut = || "no token in compact form".to_owned();
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(cut)?;
        let (header, claims) = signed.split_once('.').ok_or_else(cut)?;
        let json = |part: &str| {
            let bytes = decode_base64(part)?;
            serde_json::from_slice::<Value>(&bytes).ok()
        };
        let header = json(header).ok_or_else(cut)?;
        if header["alg"] != "RS256" {
            return Err(format!("algorithm {}, not RS256", header["alg"]));
        }
        let signature = decode_base64(signature).ok_or_else(cut)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "the signature is wrong".to_owned())?;
        json(claims).ok_or_else(cut)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs, without padding (RFC 7515).
fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

/// Either alphabet of base64, padded or not; `None` if it is neither.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let byte = match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => byte,
        };
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_there_and_back() {
        for length in 0..9 {
            let bytes: Vec<u8> = (0..length).map(|n| 251 - n * 7).collect();
            assert_eq!(decode_base64(&encode_base64(&bytes)), Some(bytes));
        }
        assert_eq!(encode_base64(b"\xfb\xff!"), "-_8h");
        assert_eq!(decode_base64("+/8h"), decode_base64("-_8h"));
        assert_eq!(decode_base64("YQ=="), Some(b"a".to_vec()));
        assert_eq!(decode_base64("a b"), None);
    }

    #[test]
    fn a_token_is_signed_by_the_key_in_the_key_set() {
        let key = SigningKey::new(&SigningKey::generate().unwrap()).unwrap();
        let token = key.sign(&json!({"sub": "alice"})).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let jwks = key.jwks();
        let coordinate =
            |name: &str| decode_base64(jwks["keys"][0][name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &decode_base64(signature).unwrap())
            .unwrap();
    }
}
