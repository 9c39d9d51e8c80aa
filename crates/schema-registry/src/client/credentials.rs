//! Who one is to the registry: the header field Authorization.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use hyper::header::HeaderValue;
use rohrpost_auth::BearerCredentials;
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

    pub(super) async fn header(&self, url: &Url) -> Result<Option<HeaderValue>, RegistryError> {
        match self {
            Self::Url => Ok(url.user_info().and_then(|user_info| basic(user_info))),
            Self::Fixed(header) => Ok(Some(header.clone())),
            Self::Tokens(tokens) => {
                let token = tokens
                    .token()
                    .await
                    .map_err(|error| RegistryError::Credentials { detail: error.to_string() })?;
                let value = token
                    .value()
                    .expose_str()
                    .and_then(|token| sensitive(&Zeroizing::new(format!("Bearer {token}"))));
                let detail = "the token has characters that no header field can carry";
                value
                    .map(Some)
                    .ok_or_else(|| RegistryError::Credentials { detail: detail.to_owned() })
            }
        }
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
