//! What a client has to know of its own token: when to get the next one, and whose it is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::error::Problem;
use crate::json::{self, Value};

/// The claims of a JWT (RFC 7519) that a client asks for. The signature is not looked at: that is the server's.
///
/// ```
/// use core::time::Duration;
/// use rohrpost_sasl::{ClaimNames, Jwt};
///
/// // {"alg":"none"} and {"sub":"alice","exp":1700000600,"iat":1700000000,"scope":"read write"}
/// let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDYwMCwiaWF0IjoxNzAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUifQ.";
/// let jwt = Jwt::parse(token, &ClaimNames::default())?;
/// assert_eq!(jwt.subject.as_deref(), Some("alice"));
/// assert_eq!(jwt.expires_at, Some(Duration::from_secs(1_700_000_600)));
/// assert_eq!(jwt.scope, ["read", "write"]);
/// # Ok::<(), rohrpost_sasl::JwtError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jwt {
    /// `exp`: when it ends, since 1970 in UTC.
    pub expires_at: Option<Duration>,
    /// `iat`: when it was made, since 1970 in UTC.
    pub issued_at: Option<Duration>,
    /// `sub`: whom it is about.
    pub subject: Option<String>,
    /// `scope`, a list or a text of words between spaces: what it is good for. Empty where it is missing.
    pub scope: Vec<String>,
}

/// The names under which a token has its subject and scope: `sasl.oauthbearer.sub.claim.name` and
/// `sasl.oauthbearer.scope.claim.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// `sub`.
    pub subject: String,
    /// `scope`.
    pub scope: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { subject: "sub".into(), scope: "scope".into() }
    }
}

/// Why a token's claims cannot be read. It holds nothing of the token but a claim's name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtError {
    /// It has another number of parts than the three of a signed JWT: it may be an opaque token.
    Parts(usize),
    /// It has the five parts of an encrypted JWT, which only its recipient can read.
    Encrypted,
    /// A part is not BASE64URL.
    NotBase64(&'static str),
    /// A part is not a JSON object, or has a claim twice.
    NotJson(&'static str),
    /// A claim is not what it must be.
    Claim {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl Jwt {
    /// Reads the claims. Those that are not there are `None`: whether that will do is the caller's to say.
    ///
    /// # Errors
    ///
    /// Where it is no signed (or unsecured) JWT, or a claim has another type than it must have.
    pub fn parse(token: &str, names: &ClaimNames) -> Result<Self, JwtError> {
        let parts: [&str; 3] = match *token.splitn(7, '.').collect::<Vec<&str>>() {
            [header, claims, signature] => [header, claims, signature],
            [_, _, _, _, _] => return Err(JwtError::Encrypted),
            ref parts => return Err(JwtError::Parts(parts.len())),
        };
        let header = decoded(parts[0], "header")?;
        json::fields(&header, []).ok_or(JwtError::NotJson("header"))?;
        let claims = decoded(parts[1], "claims")?;
        let wanted = ["exp", "iat", &names.subject, &names.scope];
        let found = json::fields(&claims, wanted).ok_or(JwtError::NotJson("claims"))?;
        let [expires_at, issued_at, subject, scope] = found;
        Ok(Self {
            expires_at: time("exp", expires_at.as_ref())?,
            issued_at: time("iat", issued_at.as_ref())?,
            subject: subject_of(&names.subject, subject)?,
            scope: scope_of(&names.scope, scope)?,
        })
    }
}

/// Padding, which should not be there, does no harm.
fn decoded(part: &str, name: &'static str) -> Result<Zeroizing<Vec<u8>>, JwtError> {
    let decoded = Base64UrlUnpadded::decode_vec(part.trim_end_matches('='));
    decoded.map(Zeroizing::new).map_err(|_| JwtError::NotBase64(name))
}

/// RFC 7519, section 2: seconds, perhaps with a fraction.
fn time(name: &str, value: Option<&Value>) -> Result<Option<Duration>, JwtError> {
    let time = match value {
        None => return Ok(None),
        Some(Value::Integer(seconds)) => Some(Duration::from_secs(*seconds)),
        Some(Value::Number(seconds)) => Duration::try_from_secs_f64(*seconds).ok(),
        Some(_) => None,
    };
    time.map(Some).ok_or_else(|| wrong(name, Problem::Number))
}

fn subject_of(name: &str, value: Option<Value>) -> Result<Option<String>, JwtError> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) if text.trim().is_empty() => Err(wrong(name, Problem::Empty)),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name, Problem::NotText)),
    }
}

fn scope_of(name: &str, value: Option<Value>) -> Result<Vec<String>, JwtError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(text.split_whitespace().map(ToString::to_string).collect()),
        Some(Value::Texts(texts)) => Ok(texts),
        Some(_) => Err(wrong(name, Problem::NotText)),
    }
}

fn wrong(name: &str, problem: Problem) -> JwtError {
    JwtError::Claim { name: name.into(), problem }
}

impl core::error::Error for JwtError {}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(parts) => write!(
                f,
                "the token is no JWT: it has {parts} of the three parts between dots, so that its claims are unknown"
            ),
            Self::Encrypted => f.write_str(
                "the token is an encrypted JWT, whose claims only its recipient can read: its lifetime must come from elsewhere",
            ),
            Self::NotBase64(part) => write!(f, "the token is no JWT: its {part} are not BASE64URL"),
            Self::NotJson(part) => {
                write!(f, "the token is no JWT: its {part} are not one JSON object without doublets")
            }
            Self::Claim { name, problem } => write!(f, "the token's claim {name} {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn token(claims: &str) -> String {
        let encoded = Base64UrlUnpadded::encode_string;
        format!("{}.{}.c2ln", encoded(br#"{"alg":"RS256"}"#), encoded(claims.as_bytes()))
    }

    fn parse(claims: &str) -> Result<Jwt, JwtError> {
        Jwt::parse(&token(claims), &ClaimNames::default())
    }

    #[test]
    fn the_vector_of_rfc_7519_is_read() {
        let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
        let jwt = Jwt::parse(token, &ClaimNames::default()).unwrap();
        assert_eq!(
            jwt,
            Jwt { expires_at: Some(Duration::from_secs(1_300_819_380)), ..Jwt::default() }
        );
    }

    #[test]
    fn times_may_have_fractions_and_exponents_as_java_writes_them() {
        let jwt = parse(r#"{"exp":1.7000006E9,"iat":1.700000000125E9}"#).unwrap();
        assert_eq!(jwt.expires_at, Some(Duration::from_secs(1_700_000_600)));
        assert_eq!(jwt.issued_at.unwrap().as_millis(), 1_700_000_000_125);
        for wrong in ["-1", "\"1700000600\"", "null", "1e300", "[]", "true"] {
            let problem = JwtError::Claim { name: "exp".into(), problem: Problem::Number };
            assert_eq!(parse(&format!("{{\"exp\":{wrong}}}")), Err(problem), "{wrong}");
        }
    }

    #[test]
    fn scopes_are_words_or_lists() {
        let scope = |json: &str| parse(&format!("{{\"scope\":{json}}}")).map(|jwt| jwt.scope);
        assert_eq!(scope(r#"" read  write ""#).unwrap(), ["read", "write"]);
        assert_eq!(scope(r#"["read","write"]"#).unwrap(), ["read", "write"]);
        assert_eq!(scope("[]").unwrap(), Vec::<String>::new());
        let not_text = JwtError::Claim { name: "scope".into(), problem: Problem::NotText };
        assert_eq!(scope("[1]"), Err(not_text.clone()));
        assert_eq!(scope("{}"), Err(not_text));
    }

    #[test]
    fn claims_may_have_other_names() {
        let names = ClaimNames { subject: "client_id".into(), scope: "scp".into() };
        let claims = r#"{"sub":"x","client_id":"alice","scp":["read"],"scope":7}"#;
        let jwt = Jwt::parse(&token(claims), &names).unwrap();
        assert_eq!((jwt.subject.as_deref(), jwt.scope), (Some("alice"), vec!["read".into()]));
    }

    #[test]
    fn what_is_no_jwt_is_told_from_one() {
        let fails = |token: &str| Jwt::parse(token, &ClaimNames::default()).unwrap_err();
        assert_eq!(fails(""), JwtError::Parts(1));
        assert_eq!(fails("opaque"), JwtError::Parts(1));
        assert_eq!(fails("a.b"), JwtError::Parts(2));
        assert_eq!(fails(&"a.".repeat(1_000_000)), JwtError::Parts(7));
        assert_eq!(fails("a.b.c.d.e"), JwtError::Encrypted);
        assert_eq!(fails("ä.b.c"), JwtError::NotBase64("header"));
        assert_eq!(fails("e30.b+/.c"), JwtError::NotBase64("claims"));
        assert_eq!(fails("eA.e30.c"), JwtError::NotJson("header"));
        assert_eq!(parse("[]"), Err(JwtError::NotJson("claims")));
        assert_eq!(parse(r#"{"exp":1,"exp":2}"#), Err(JwtError::NotJson("claims")));
        let empty = JwtError::Claim { name: "sub".into(), problem: Problem::Empty };
        assert_eq!(parse(r#"{"sub":" "}"#), Err(empty));
        let not_text = JwtError::Claim { name: "sub".into(), problem: Problem::NotText };
        assert_eq!(parse(r#"{"sub":7}"#), Err(not_text));
    }

    proptest! {
        #[test]
        fn no_token_brings_it_down(token in any::<String>(), claims in any::<String>()) {
            drop(Jwt::parse(&token, &ClaimNames::default()));
            drop(parse(&claims));
        }
    }
}
