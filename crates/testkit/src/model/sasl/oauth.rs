//! The server's side of OAUTHBEARER (RFC 7628), as Kafka's `OAuthBearerSaslServer`.

use std::collections::BTreeMap;

use super::Sasl;
use super::login::{Outcome, Refusal};
use super::tokens::BearerToken;

const SEPARATOR: char = '\x01';

/// What a client says when it has read why its token was refused.
const ACKNOWLEDGED: &[u8] = b"\x01";

/// One exchange.
#[derive(Clone, Debug, Default)]
pub(super) struct OAuth {
    /// The refusal that the client has been told, in JSON.
    told: Option<String>,
}

impl OAuth {
    pub(super) fn evaluate(
        &mut self,
        sasl: &Sasl,
        now_ms: i64,
        message: &[u8],
    ) -> Result<Outcome, Refusal> {
        if let Some(told) = self.told.take().filter(|_| message == ACKNOWLEDGED) {
            return Err(Refusal::saying(told));
        }
        let message = core::str::from_utf8(message).map_err(|_| Refusal::Credentials)?;
        let first = First::parse(message).ok_or(Refusal::Credentials)?;
        let token = BearerToken { value: first.token, extensions: &first.extensions, now_ms };
        match sasl.tokens.validate(&token) {
            Ok(owner) => {
                let id = first.authorization_id;
                if !id.is_empty() && id != owner.principal {
                    return Err(Refusal::saying(format!(
                        "Authentication failed: Client requested an authorization id ({id}) that is different from the token's \
                         principal name ({})",
                        owner.principal
                    )));
                }
                Ok(Outcome::Accepted {
                    answer: Vec::new(),
                    principal: owner.principal,
                    expires_ms: owner.expires_ms,
                })
            }
            Err(refusal) => {
                let json = refusal.to_json();
                self.told = Some(json.clone());
                Ok(Outcome::Challenge(json.into_bytes()))
            }
        }
    }
}

/// `n,[a=authorization id],^Aauth=Bearer TOKEN^A[key=value^A...]^A`.
struct First<'a> {
    authorization_id: &'a str,
    token: &'a str,
    extensions: BTreeMap<String, String>,
}

impl<'a> First<'a> {
    fn parse(message: &'a str) -> Option<Self> {
        let (header, rest) = message.split_once(SEPARATOR)?;
        let id = header.strip_prefix("n,")?.strip_suffix(',')?;
        let authorization_id = match id {
            "" => "",
            id => id.strip_prefix("a=").filter(|id| !id.is_empty() && !id.contains(','))?,
        };
        let pairs = rest.strip_suffix(SEPARATOR)?;
        let mut token = None;
        let mut extensions = BTreeMap::new();
        for pair in pairs.strip_suffix(SEPARATOR)?.split(SEPARATOR) {
            let (key, value) = pair.split_once('=')?;
            let is_value = |byte: u8| matches!(byte, 0x21..=0x7e | b' ' | b'\t' | b'\r' | b'\n');
            let is_pair = !key.is_empty()
                && key.bytes().all(|byte| byte.is_ascii_alphabetic())
                && !value.is_empty()
                && value.bytes().all(is_value);
            match key {
                _ if !is_pair => return None,
                "auth" => token = Some(bearer(value)?),
                key => drop(extensions.insert(key.to_owned(), value.to_owned())),
            }
        }
        Some(Self { authorization_id, token: token?, extensions })
    }
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~+/.".contains(&byte);
    let inner = token.trim_end_matches('=');
    (scheme.eq_ignore_ascii_case("bearer") && !inner.is_empty() && inner.bytes().all(is_inner))
        .then_some(token)
}
