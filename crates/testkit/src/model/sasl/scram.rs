//! The server's side of SCRAM (RFC 5802, RFC 7677), as Kafka speaks it: no channel binding, passwords as they are.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::login::{Outcome, Refusal};
use super::{Sasl, SaslMechanism, User, base64};
use crate::model::fault::SaslFault;

/// The extension that says that the name is a delegation token's id (KIP-48).
const TOKEN_AUTH: &str = "tokenauth=true";

/// What the brokers keep of passwords, made when they are first needed.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Credentials {
    known: BTreeMap<(SaslMechanism, String), Known>,
    /// The last answer to a client's first message: what somebody who listened could say again.
    overheard: Option<String>,
}

/// What a credential was made of, and the credential.
#[derive(Clone)]
struct Known {
    password: String,
    credential: Credential,
}

impl core::fmt::Debug for Known {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Credential {
    salt: [u8; 16],
    iterations: u32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

/// One exchange.
#[derive(Clone, Debug)]
pub(super) struct Scram {
    hash: Hash,
    /// What the first message and its answer were; `None` before them.
    begun: Option<Box<Begun>>,
}

#[derive(Clone)]
struct Begun {
    principal: String,
    credential: Credential,
    /// The client's first message without its GS2 header.
    bare: String,
    nonce: String,
    server_first: String,
}

impl core::fmt::Debug for Begun {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Begun").field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Scram {
    pub(super) fn new(mechanism: SaslMechanism) -> Self {
        let hash = match mechanism {
            SaslMechanism::ScramSha512 => Hash::Sha512,
            _ => Hash::Sha256,
        };
        Self { hash, begun: None }
    }

    /// Whether the next message is the client's last.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Answers a message of the client. `random` gives bits that nobody has had.
    pub(super) fn evaluate(
        &mut self,
        sasl: &Sasl,
        credentials: &mut Credentials,
        random: &mut dyn FnMut() -> u64,
        token: &[u8],
        fault: Option<SaslFault>,
    ) -> Result<Outcome, Refusal> {
        let message = core::str::from_utf8(token).map_err(|_| Refusal::Credentials)?;
        match self.begun.take() {
            None => self.first(sasl, credentials, random, message, fault),
            Some(begun) => last(self.hash, &begun, message, fault),
        }
    }

    fn first(
        &mut self,
        sasl: &Sasl,
        credentials: &mut Credentials,
        random: &mut dyn FnMut() -> u64,
        message: &str,
        fault: Option<SaslFault>,
    ) -> Result<Outcome, Refusal> {
        let first = First::parse(message).ok_or(Refusal::Credentials)?;
        let name = unescape(first.name).ok_or(Refusal::Credentials)?;
        let user = sasl.users.get(&name).ok_or(Refusal::Credentials)?;
        let says_token = first.extensions.contains(&TOKEN_AUTH);
        if says_token != user.owner.is_some() {
            return Err(Refusal::Credentials);
        }
        if !first.authorization_id.is_empty() && first.authorization_id != first.name {
            return Err(Refusal::other_id());
        }
        let mechanism = self.hash.mechanism();
        let credential = credentials.of(mechanism, &name, user, sasl.iterations, self.hash, random);
        let mut own_nonce = || format!("{:016x}{:016x}", random(), random());
        let nonce = [first.nonce.to_owned(), own_nonce()].concat();
        let answer = |nonce: &str, iterations: u32| {
            format!("r={nonce},s={},i={iterations}", base64::encode(&credential.salt))
        };
        let honest = answer(&nonce, credential.iterations);
        let overheard = credentials.overheard.replace(honest.clone());
        let server_first = match fault {
            Some(SaslFault::ForeignNonce) => {
                let turned: String = nonce.chars().rev().collect();
                answer(&turned, credential.iterations)
            }
            Some(SaslFault::BareNonce) => answer(first.nonce, credential.iterations),
            Some(SaslFault::ReplayedNonce) => {
                overheard.unwrap_or_else(|| answer("0123456789abcdef", credential.iterations))
            }
            Some(SaslFault::Iterations(count)) => answer(&nonce, count),
            _ => honest,
        };
        self.begun = Some(Box::new(Begun {
            principal: user.owner.clone().unwrap_or(name),
            credential,
            bare: first.bare.to_owned(),
            nonce,
            server_first: server_first.clone(),
        }));
        Ok(Outcome::Challenge(server_first.into_bytes()))
    }
}

/// Checks the client's proof, and proves that the server has the password too.
fn last(
    hash: Hash,
    begun: &Begun,
    message: &str,
    fault: Option<SaslFault>,
) -> Result<Outcome, Refusal> {
    let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Refusal::Credentials)?;
    let mut attributes = without_proof.split(',');
    let channel = attributes.next().and_then(|part| part.strip_prefix("c="));
    let nonce = attributes.next().and_then(|part| part.strip_prefix("r="));
    if channel.and_then(base64::decode).is_none() || nonce != Some(begun.nonce.as_str()) {
        return Err(Refusal::Credentials);
    }
    let proof = base64::decode(proof).ok_or(Refusal::Credentials)?;
    let auth_message = [&begun.bare, &begun.server_first, without_proof].join(",");
    let client_signature = hash.hmac(&begun.credential.stored_key, auth_message.as_bytes());
    if proof.len() != client_signature.len() {
        return Err(Refusal::Unsaid);
    }
    let client_key: Vec<u8> = proof.iter().zip(&client_signature).map(|(a, b)| a ^ b).collect();
    if hash.digest(&client_key) != begun.credential.stored_key {
        return Err(Refusal::Credentials);
    }
    let mut signature = hash.hmac(&begun.credential.server_key, auth_message.as_bytes());
    let answer = match fault {
        Some(SaslFault::NoSignature) => Vec::new(),
        Some(SaslFault::ServerError) => b"e=other-error".to_vec(),
        fault => {
            if fault == Some(SaslFault::WrongSignature) {
                signature[0] ^= 1;
            }
            format!("v={}", base64::encode(&signature)).into_bytes()
        }
    };
    Ok(Outcome::Accepted { answer, principal: begun.principal.clone(), expires_ms: None })
}

/// `n,[a=authorization id],n=name,r=nonce[,extensions]`, the only header that Kafka takes.
struct First<'a> {
    authorization_id: &'a str,
    bare: &'a str,
    name: &'a str,
    nonce: &'a str,
    extensions: Vec<&'a str>,
}

impl<'a> First<'a> {
    fn parse(message: &'a str) -> Option<Self> {
        let rest = message.strip_prefix("n,")?;
        let (authorization_id, bare) = rest.split_once(',')?;
        let authorization_id = match authorization_id {
            "" => "",
            id => id.strip_prefix("a=").filter(|id| !id.is_empty())?,
        };
        let mut attributes = bare.split(',');
        let name = attributes.next()?.strip_prefix("n=").filter(|name| !name.is_empty())?;
        let nonce = attributes.next()?.strip_prefix("r=").filter(|nonce| !nonce.is_empty())?;
        if !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let extensions: Vec<&str> = attributes.collect();
        if !extensions.iter().all(|extension| is_extension(extension)) {
            return None;
        }
        Some(Self { authorization_id, bare, name, nonce, extensions })
    }
}

/// Whether this is `letters=value`, as RFC 5802 has it.
fn is_extension(attribute: &str) -> bool {
    attribute.split_once('=').is_some_and(|(name, value)| {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_name && !value.is_empty() && value.bytes().all(|byte| (1..0x80).contains(&byte))
    })
}

/// A name as it is, of one with `=2C` for a comma and `=3D` for an equals sign.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match part {
            part if part.starts_with("2C") => (',', &part[2..]),
            part if part.starts_with("3D") => ('=', &part[2..]),
            _ => return None,
        };
        plain.push(sign);
        plain.push_str(rest);
    }
    Some(plain)
}

impl Credentials {
    /// What is kept of a user's password, with a salt that stays until the password changes.
    fn of(
        &mut self,
        mechanism: SaslMechanism,
        name: &str,
        user: &User,
        iterations: u32,
        hash: Hash,
        random: &mut dyn FnMut() -> u64,
    ) -> Credential {
        let key = (mechanism, name.to_owned());
        if let Some(known) = self.known.get(&key) {
            if known.password == user.password && known.credential.iterations == iterations {
                return known.credential.clone();
            }
        }
        let salt = (u128::from(random()) << 64 | u128::from(random())).to_be_bytes();
        let salted = hash.salted(user.password.as_bytes(), &salt, iterations);
        let client_key = hash.hmac(&salted, b"Client Key");
        let credential = Credential {
            salt,
            iterations,
            stored_key: hash.digest(&client_key),
            server_key: hash.hmac(&salted, b"Server Key"),
        };
        let known = Known { password: user.password.clone(), credential: credential.clone() };
        self.known.insert(key, known);
        credential
    }
}

impl Hash {
    fn mechanism(self) -> SaslMechanism {
        match self {
            Self::Sha256 => SaslMechanism::ScramSha256,
            Self::Sha512 => SaslMechanism::ScramSha512,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(key, bytes),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, bytes),
        }
    }

    /// `Hi` of RFC 5802, which is PBKDF2 with one block.
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        // A password of any length is a key for HMAC, and one block is what there always is.
        let mut salted = vec![0; if self == Self::Sha256 { 32 } else { 64 }];
        let _ = match self {
            Self::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, &mut salted),
            Self::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, iterations, &mut salted),
        };
        salted
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    // HMAC has no wrong length of a key.
    let Ok(mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
}
