//! Who one is to the registry: the header field Authorization.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use hyper::header::HeaderValue;
use rohrpost_auth::{BearerCredentials, CredentialsError, Token};
use zeroize::Zeroizing;

use super::url::Url;
use crate::RegistryError;

/// What is shown to the registry.
#[derive(Clone)]
pub(super) enum Authorization {
    /// The user and password that stand in its URL, if any: `basic.auth.credentials.source=URL`.
    Url,
    /// The same for every URL.
    Fixed(HeaderValue),
    /// A token that is fetched, and anew ahead of its end.
    Tokens(BearerCredentials),
}

impl Authorization {
    /// A user and a password (RFC 7617), with the first colon between.
    pub(super) fn basic(user_info: &str) -> Option<Self> {
        basic(user_info).map(Self::Fixed)
    }

    /// A token that does not change.
    pub(super) fn token(token: &str) -> Option<Self> {
        sensitive(&Zeroizing::new(format!("Bearer {token}"))).map(Self::Fixed)
    }

    /// What is shown to this server.
    pub(super) async fn shown(&self, url: &Url) -> Result<Shown, RegistryError> {
        match self {
            Self::Url => Ok(Shown::header(url.user_info().and_then(|user_info| basic(user_info)))),
            Self::Fixed(header) => Ok(Shown::header(Some(header.clone()))),
            Self::Tokens(tokens) => Shown::token(tokens.token().await),
        }
    }

    /// What there is instead of a token that was refused, though it seemed valid; `None`: nothing else.
    pub(super) async fn instead_of(&self, refused: &Shown) -> Result<Option<Shown>, RegistryError> {
        let (Self::Tokens(tokens), Some(token)) = (self, &refused.token) else { return Ok(None) };
        let other = Shown::token(tokens.token_instead_of(token).await)?;
        Ok(Some(other).filter(|other| other.header != refused.header))
    }
}

/// What a server was shown.
pub(super) struct Shown {
    pub(super) header: Option<HeaderValue>,
    token: Option<Token>,
}

impl Shown {
    fn header(header: Option<HeaderValue>) -> Self {
        Self { header, token: None }
    }

    fn token(token: Result<Token, CredentialsError>) -> Result<Self, RegistryError> {
        let token =
            token.map_err(|error| RegistryError::Credentials { detail: error.to_string() })?;
        let value = token.value().expose_str();
        let header = value.and_then(|token| sensitive(&Zeroizing::new(format!("Bearer {token}"))));
        let detail = "the token has characters that no header field can carry";
        if header.is_none() {
            return Err(RegistryError::Credentials { detail: detail.to_owned() });
        }
        Ok(Self { header, token: Some(token) })
    }

    /// Takes out of what a server says what it was told in confidence: some repeat it.
    pub(super) fn hide(&self, said: String) -> String {
        let header = self.header.as_ref().and_then(|header| header.to_str().ok());
        let Some((scheme, credential)) = header.and_then(|header| header.split_once(' ')) else {
            return said;
        };
        let mut said = without(said, credential);
        if scheme == "Basic" {
            let user_info = Base64::decode_vec(credential).unwrap_or_default();
            let user_info = Zeroizing::new(user_info);
            let user_info = std::str::from_utf8(&user_info).unwrap_or_default();
            if let Some((_, password)) = user_info.split_once(':') {
                said = without(said, password);
            }
        }
        said
    }
}

/// Shorter ones stand in every other word, and would be told by what is hidden.
const SHORTEST_HIDDEN: usize = 4;

fn without(said: String, secret: &str) -> String {
    match secret.len() >= SHORTEST_HIDDEN && said.contains(secret) {
        true => said.replace(secret, "[hidden]"),
        false => said,
    }
}

fn basic(user_info: &str) -> Option<HeaderValue> {
    let encoded = Zeroizing::new(Base64::encode_string(user_info.as_bytes()));
    sensitive(&Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("Url"),
            Self::Fixed(_) => f.write_str("Fixed([hidden])"),
            Self::Tokens(tokens) => f.debug_tuple("Tokens").field(tokens).finish(),
        }
    }
}
