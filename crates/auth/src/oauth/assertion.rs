//! What a client says of itself to an authorization server, signed (RFC 7521, 7523).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use rohrpost_sasl::Secret;
use rohrpost_tls::{SignatureAlgorithm, Store, StoreType};
use serde_json::{Map, Value};

use crate::token::epoch_seconds;
use crate::{CredentialsError, file};

/// An assertion: a JWT that says who the client is. It is made anew from a key for each token (`sasl.oauthbearer.assertion.*`, KIP-1139), or stands
/// in a file that somebody keeps fresh.
///
/// Header and claims come together from three places, of which the later ones count: the settings for issuer, subject and audience; the template;
/// what only the moment knows (`iat`, `exp`, `nbf`, `jti`) and the key (`alg`, `typ`).
#[derive(Clone, Debug)]
pub struct Assertion(Kind);

#[derive(Clone, Debug)]
enum Kind {
    File(PathBuf),
    Signed(Box<Signed>),
}

#[derive(Clone, Debug)]
struct Signed {
    key: Key,
    passphrase: Option<Secret>,
    algorithm: AssertionAlgorithm,
    claims: Map<String, Value>,
    template: Option<PathBuf>,
    lifetime: Duration,
    /// For how long before it was made it is valid.
    not_before: Duration,
    has_id: bool,
}

#[derive(Clone, Debug)]
enum Key {
    File(PathBuf),
    Pem(Secret),
}

/// For errors.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Pem(_) => f.write_str("the key that is given as PEM"),
        }
    }
}

/// How assertions are signed: `sasl.oauthbearer.assertion.algorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AssertionAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, by an RSA key.
    #[default]
    Rs256,
    /// ECDSA with SHA-256, by a key on the curve P-256.
    Es256,
}

impl AssertionAlgorithm {
    /// As RFC 7518 and the setting call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl fmt::Display for AssertionAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AssertionAlgorithm {
    type Err = CredentialsError;

    fn from_str(name: &str) -> Result<Self, CredentialsError> {
        [Self::Rs256, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| {
                let detail = format!("assertions are signed by RS256 or ES256, not by {name:?}");
                CredentialsError::lasting(detail)
            })
    }
}

impl Assertion {
    /// `sasl.oauthbearer.assertion.file`: one that is ready, read anew for each token.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// `sasl.oauthbearer.assertion.private.key.file` and `.private.key.passphrase`: signed by the key in this PEM file, which is read anew for each
    /// token. It is valid for 5 minutes, and since one minute before.
    pub fn signed(
        key_file: impl Into<PathBuf>,
        passphrase: Option<Secret>,
        algorithm: AssertionAlgorithm,
    ) -> Self {
        Self::signed_by(Key::File(key_file.into()), passphrase, algorithm)
    }

    /// librdkafka's `sasl.oauthbearer.assertion.private.key.pem`: the same with the key itself, as PEM.
    pub fn signed_with_pem(
        key: impl Into<Secret>,
        passphrase: Option<Secret>,
        algorithm: AssertionAlgorithm,
    ) -> Self {
        Self::signed_by(Key::Pem(key.into()), passphrase, algorithm)
    }

    fn signed_by(key: Key, passphrase: Option<Secret>, algorithm: AssertionAlgorithm) -> Self {
        Self(Kind::Signed(Box::new(Signed {
            key,
            passphrase,
            algorithm,
            claims: Map::new(),
            template: None,
            lifetime: Duration::from_secs(300),
            not_before: Duration::from_secs(60),
            has_id: false,
        })))
    }

    /// `sasl.oauthbearer.assertion.claim.iss`. Of no effect on one that is ready.
    #[must_use]
    pub fn with_issuer(self, issuer: &str) -> Self {
        self.with_claim("iss", issuer)
    }

    /// `sasl.oauthbearer.assertion.claim.sub`. Of no effect on one that is ready.
    #[must_use]
    pub fn with_subject(self, subject: &str) -> Self {
        self.with_claim("sub", subject)
    }

    /// `sasl.oauthbearer.assertion.claim.aud`. Of no effect on one that is ready.
    #[must_use]
    pub fn with_audience(self, audience: &str) -> Self {
        self.with_claim("aud", audience)
    }

    /// `sasl.oauthbearer.assertion.claim.exp.seconds`: how long it is valid. Of no effect on one that is ready.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        self.changed(|signed| signed.lifetime = lifetime)
    }

    /// `sasl.oauthbearer.assertion.claim.nbf.seconds`: since when before it was made it is valid, for a server whose clock is behind. Of no effect on
    /// one that is ready.
    #[must_use]
    pub fn with_not_before(self, before: Duration) -> Self {
        self.changed(|signed| signed.not_before = before)
    }

    /// `sasl.oauthbearer.assertion.claim.jti.include`: whether each has an id of its own, so that it can be used but once. Of no effect on one that
    /// is ready.
    #[must_use]
    pub fn with_id(self, has_id: bool) -> Self {
        self.changed(|signed| signed.has_id = has_id)
    }

    /// `sasl.oauthbearer.assertion.template.file`: a JSON object with the objects `header` and `payload`, either of which may be missing, read anew
    /// for each token. Of no effect on one that is ready.
    #[must_use]
    pub fn with_template(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.changed(|signed| signed.template = Some(path))
    }

    fn with_claim(self, name: &str, value: &str) -> Self {
        self.changed(|signed| {
            signed.claims.insert(name.to_owned(), Value::from(value));
        })
    }

    fn changed(mut self, change: impl FnOnce(&mut Signed)) -> Self {
        if let Kind::Signed(signed) = &mut self.0 {
            change(signed);
        }
        self
    }

    /// One for this moment.
    pub(super) async fn make(&self, now: SystemTime) -> Result<Secret, CredentialsError> {
        match &self.0 {
            Kind::File(path) => ready(path).await,
            Kind::Signed(signed) => {
                let template = match &signed.template {
                    Some(path) => template(path).await?,
                    None => Template::default(),
                };
                let signed = signed.clone();
                tokio::task::spawn_blocking(move || signed.sign(template, now))
                    .await
                    .unwrap_or_else(|error| {
                        Err(CredentialsError::passing(format!(
                            "the assertion was not signed: {error}"
                        )))
                    })
            }
        }
    }
}

/// On whose behalf, for errors.
impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => write!(f, "the assertion in {}", path.display()),
            Kind::Signed(signed) => write!(f, "the assertion signed by {}", signed.key),
        }
    }
}

async fn ready(path: &Path) -> Result<Secret, CredentialsError> {
    let text = file::read(path, "the assertion's file").await?;
    match text.expose_str().map(str::trim) {
        Some(assertion) if !assertion.is_empty() => Ok(Secret::from(assertion)),
        _ => Err(CredentialsError::passing(format!(
            "there is no assertion in the file {}: it is empty or not text",
            path.display()
        ))),
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    payload: Map<String, Value>,
}

async fn template(path: &Path) -> Result<Template, CredentialsError> {
    let text = file::read(path, "the assertion's template").await?;
    serde_json::from_slice(text.expose()).map_err(|error| {
        let place = (error.line(), error.column());
        CredentialsError::lasting(format!(
            "the assertion's template {} is not a JSON object of the objects `header` and `payload`: line {}, column {}",
            path.display(),
            place.0,
            place.1
        ))
    })
}

impl Signed {
    /// RFC 7515, compact serialization. Reads the key: not on a thread that must not wait.
    fn sign(&self, template: Template, now: SystemTime) -> Result<Secret, CredentialsError> {
        let Template { mut header, payload } = template;
        header.insert("alg".to_owned(), self.algorithm.name().into());
        header.insert("typ".to_owned(), "JWT".into());
        let mut claims = self.claims.clone();
        claims.extend(payload);
        let now = epoch_seconds(now);
        claims.insert("iat".to_owned(), now.into());
        claims.insert("exp".to_owned(), now.saturating_add(self.lifetime.as_secs()).into());
        claims.insert("nbf".to_owned(), now.saturating_sub(self.not_before.as_secs()).into());
        if self.has_id {
            claims.insert("jti".to_owned(), random_id()?.into());
        }
        let [header, claims] = [header, claims].map(|part| {
            Base64UrlUnpadded::encode_string(Value::Object(part).to_string().as_bytes())
        });
        let mut token = format!("{header}.{claims}");
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(&signature));
        Ok(Secret::from(token))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, CredentialsError> {
        let algorithm = match self.algorithm {
            AssertionAlgorithm::Rs256 => SignatureAlgorithm::RsaPkcs1Sha256,
            AssertionAlgorithm::Es256 => SignatureAlgorithm::EcdsaP256Sha256,
        };
        let passphrase = self.passphrase.as_ref().and_then(Secret::expose_str);
        let store = match &self.key {
            Key::File(path) => Store::file(path),
            Key::Pem(text) => Store::bytes(text.expose()).of_type(StoreType::Pem),
        };
        store.sign(passphrase, algorithm, message).map_err(|error| {
            CredentialsError::lasting(format!(
                "the assertion cannot be signed by {} with {}: {error}",
                self.algorithm, self.key
            ))
        })
    }
}

/// A UUID, version 4 (RFC 9562).
fn random_id() -> Result<String, CredentialsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        CredentialsError::passing(format!("this machine gives no random numbers: {error}"))
    })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.push_str(&format!("{byte:02x}"));
    }
    Ok(id)
}
