//! Tokens that nobody signed, for brokers under development.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::error::{Problem, SaslError};
use crate::jwt::ClaimNames;
use crate::oauthbearer::check_extension;
use crate::text::push_json;
use crate::{OAuthBearer, Secret};

/// What every option of Java's `OAuthBearerUnsecuredLoginCallbackHandler` begins with.
const PREFIX: &str = "unsecuredLogin";

/// The claims of the token's own time.
const RESERVED: [&str; 2] = ["iat", "exp"];

/// Makes unsecured JWTs (RFC 7515, appendix A.5): of use only with brokers that take anybody's word, in development.
///
/// ```
/// use core::time::Duration;
/// use rohrpost_sasl::{ClaimNames, Jwt, UnsecuredToken};
///
/// // As in `sasl.jaas.config`:
/// let options = [("unsecuredLoginStringClaim_sub", "alice"), ("unsecuredLoginListClaim_scope", "|read|write")];
/// let token = UnsecuredToken::from_options(options)?.token(Duration::from_secs(1_700_000_000));
/// let jwt = Jwt::parse(token.expose_str().unwrap(), &ClaimNames::default()).unwrap();
/// assert_eq!(jwt.subject.as_deref(), Some("alice"));
/// assert_eq!(jwt.expires_at, Some(Duration::from_secs(1_700_003_600)));
/// # Ok::<(), rohrpost_sasl::OptionError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UnsecuredToken {
    names: ClaimNames,
    claims: Vec<(String, Claim)>,
    lifetime: Duration,
    extensions: Vec<(String, String)>,
}

/// The value of a claim.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Claim {
    /// A JSON string.
    Text(String),
    /// A JSON number. Those that are none (infinities) are refused.
    Number(f64),
    /// A JSON array of strings.
    List(Vec<String>),
}

/// An option that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// Its name.
    pub option: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl UnsecuredToken {
    /// Of a principal, in the claim `sub`, and for an hour.
    ///
    /// # Errors
    ///
    /// Where the principal is empty.
    pub fn new(principal: impl Into<String>) -> Result<Self, OptionError> {
        let token = Self::empty().with_claim("sub", Claim::Text(principal.into()))?;
        token.checked()
    }

    /// Adds a claim.
    ///
    /// # Errors
    ///
    /// Where it is there already, is `iat` or `exp`, which come of the time, or has no name or no finite number.
    pub fn with_claim(mut self, name: &str, value: Claim) -> Result<Self, OptionError> {
        let problem = match &value {
            _ if name.is_empty() => Problem::Empty,
            _ if RESERVED.contains(&name) => Problem::Reserved,
            _ if self.claim(name).is_some() => Problem::Doubled,
            Claim::Number(number) if !number.is_finite() => Problem::Number,
            _ => {
                self.claims.push((name.into(), value));
                return Ok(self);
            }
        };
        Err(OptionError { option: name.into(), problem })
    }

    /// How long a token lasts from when it is made; the standard is an hour.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// From the options of a login module as Java's handler takes them: `unsecuredLoginStringClaim_<claim>`,
    /// `unsecuredLoginNumberClaim_<claim>`, `unsecuredLoginListClaim_<claim>` (its first character separates the
    /// list's elements), `unsecuredLoginPrincipalClaimName` (`sub`), `unsecuredLoginScopeClaimName` (`scope`),
    /// `unsecuredLoginLifetimeSeconds` (3600), `unsecuredLoginExtension_<name>`.
    ///
    /// # Errors
    ///
    /// Where one of them is unknown or wrong, or none gives the principal.
    pub fn from_options<'o>(
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Result<Self, OptionError> {
        let mut token = Self::empty();
        for (option, value) in options {
            let set = match option.strip_prefix(PREFIX) {
                Some(rest) => token.with_option(rest, value),
                None => Err(Problem::Unknown),
            };
            token = set.map_err(|problem| OptionError { option: option.into(), problem })?;
        }
        token.checked()
    }

    /// Sets an option by its name without the prefix.
    fn with_option(mut self, option: &str, value: &str) -> Result<Self, Problem> {
        let claim = |token: Self, name, claim| token.with_claim(name, claim).map_err(|e| e.problem);
        match (option, option.split_once('_')) {
            ("LifetimeSeconds", _) => {
                let seconds: u32 = value.parse().map_err(|_| Problem::Number)?;
                Ok(self.with_lifetime(Duration::from_secs(seconds.into())))
            }
            ("PrincipalClaimName" | "ScopeClaimName", _) => {
                let is_scope = option.starts_with('S');
                let name = if is_scope { &mut self.names.scope } else { &mut self.names.subject };
                // A blank name is as if there were none, as in Java.
                if !value.trim().is_empty() {
                    *name = value.trim().into();
                }
                Ok(self)
            }
            (_, Some(("StringClaim", name))) => claim(self, name, Claim::Text(value.into())),
            (_, Some(("NumberClaim", name))) => {
                let number = value.trim().parse().map_err(|_| Problem::Number)?;
                claim(self, name, Claim::Number(number))
            }
            (_, Some(("ListClaim", name))) => claim(self, name, Claim::List(list(value))),
            (_, Some(("Extension", name))) => {
                check_extension(name, value).map_err(|(_, problem)| problem)?;
                if self.extensions.iter().any(|(other, _)| other == name) {
                    return Err(Problem::Doubled);
                }
                self.extensions.push((name.into(), value.into()));
                Ok(self)
            }
            _ => Err(Problem::Unknown),
        }
    }

    /// The token, made at `now` since 1970 in UTC: header `{"alg":"none"}`, no signature.
    pub fn token(&self, now: Duration) -> Secret {
        let mut claims = Secret::default();
        let expires = now.saturating_add(self.lifetime);
        claims.push(format!("{{\"exp\":{},\"iat\":{}", Seconds(expires), Seconds(now)).as_bytes());
        for (name, value) in &self.claims {
            claims.push(b",");
            push_json(&mut claims, name);
            claims.push(b":");
            push_claim(&mut claims, value);
        }
        claims.push(b"}");
        let header = Base64UrlUnpadded::encode_string(br#"{"alg":"none"}"#);
        let claims = Base64UrlUnpadded::encode_string(claims.expose());
        Secret::from(format!("{header}.{claims}."))
    }

    /// A mechanism that sends a token made at `now`, with the extensions.
    ///
    /// # Errors
    ///
    /// None of its own: whatever it would be has been found out before.
    pub fn client(&self, now: Duration) -> Result<OAuthBearer, SaslError> {
        let client = OAuthBearer::new(self.token(now));
        let mut extensions = self.extensions.iter();
        extensions.try_fold(client?, |client, (name, value)| client.with_extension(name, value))
    }

    /// The names of the claims that hold the principal and the scope.
    pub fn claim_names(&self) -> &ClaimNames {
        &self.names
    }

    /// SASL extensions, by name and value.
    pub fn extensions(&self) -> &[(String, String)] {
        &self.extensions
    }

    fn empty() -> Self {
        let (claims, extensions) = (Vec::new(), Vec::new());
        let lifetime = Duration::from_secs(3_600);
        Self { names: ClaimNames::default(), claims, lifetime, extensions }
    }

    fn claim(&self, name: &str) -> Option<&Claim> {
        self.claims.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The principal must be there, and the scope be one.
    fn checked(self) -> Result<Self, OptionError> {
        let wrong = |name: &str, problem| {
            Err(OptionError { option: format!("{PREFIX}StringClaim_{name}"), problem })
        };
        match self.claim(&self.names.subject) {
            None => return wrong(&self.names.subject, Problem::Missing),
            Some(Claim::Text(text)) if text.trim().is_empty() => {
                return wrong(&self.names.subject, Problem::Empty);
            }
            Some(Claim::Text(_)) => {}
            Some(_) => return wrong(&self.names.subject, Problem::NotText),
        }
        if let Some(Claim::Number(_)) = self.claim(&self.names.scope) {
            return wrong(&self.names.scope, Problem::NotText);
        }
        Ok(self)
    }
}

/// The first character separates the elements.
fn list(value: &str) -> Vec<String> {
    let mut rest = value.chars();
    match rest.next() {
        Some(separator) if !rest.as_str().is_empty() => {
            rest.as_str().split(separator).map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

fn push_claim(out: &mut Secret, value: &Claim) {
    match value {
        Claim::Text(text) => push_json(out, text),
        Claim::Number(number) => out.push(format!("{number}").as_bytes()),
        Claim::List(texts) => {
            out.push(b"[");
            for (index, text) in texts.iter().enumerate() {
                out.push(if index == 0 { b"" } else { b"," });
                push_json(out, text);
            }
            out.push(b"]");
        }
    }
}

/// Seconds with their thousandths.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_secs(), self.0.subsec_millis())
    }
}

impl core::error::Error for OptionError {}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the option {} {}", self.option, self.problem)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Jwt, SaslClient, Step};

    const NOW: Duration = Duration::from_millis(1_700_000_000_042);

    fn claims(token: &UnsecuredToken) -> String {
        let token = token.token(NOW);
        let text = token.expose_str().unwrap();
        let parts: Vec<&str> = text.split('.').collect();
        assert_eq!((parts.len(), parts[0], parts[2]), (3, "eyJhbGciOiJub25lIn0", ""));
        String::from_utf8(Base64UrlUnpadded::decode_vec(parts[1]).unwrap()).unwrap()
    }

    #[test]
    fn every_option_of_javas_is_honoured() {
        let token = UnsecuredToken::from_options([
            ("unsecuredLoginPrincipalClaimName", " user "),
            ("unsecuredLoginScopeClaimName", "scp"),
            ("unsecuredLoginLifetimeSeconds", "60"),
            ("unsecuredLoginStringClaim_user", "al\"i\\ce"),
            ("unsecuredLoginNumberClaim_level", "1.5e3"),
            ("unsecuredLoginListClaim_scp", "|read||write"),
            ("unsecuredLoginListClaim_none", ","),
            ("unsecuredLoginExtension_traceId", "123"),
        ])
        .unwrap();
        assert_eq!(
            claims(&token),
            r#"{"exp":1700000060.042,"iat":1700000000.042,"user":"al\"i\\ce","level":1500,"scp":["read","","write"],"none":[]}"#
        );
        assert_eq!(token.extensions(), [("traceId".into(), "123".into())]);
        let mut client = token.client(NOW).unwrap();
        let Ok(Step::Send(message)) = client.step(None) else { panic!() };
        assert!(message.ends_with(b"\x01traceId=123\x01\x01"), "{message:?}");
        let text = token.token(NOW);
        let jwt = Jwt::parse(text.expose_str().unwrap(), token.claim_names()).unwrap();
        assert_eq!(jwt.subject.as_deref(), Some("al\"i\\ce"));
        assert_eq!(jwt.expires_at.unwrap().as_secs(), 1_700_000_060);
        assert_eq!(jwt.scope, ["read", "", "write"]);
    }

    #[test]
    fn without_options_it_is_an_hours_token_of_the_principal() {
        let token = UnsecuredToken::new("alice").unwrap();
        assert_eq!(claims(&token), r#"{"exp":1700003600.042,"iat":1700000000.042,"sub":"alice"}"#);
        let blank =
            [("unsecuredLoginPrincipalClaimName", " "), ("unsecuredLoginStringClaim_sub", "alice")];
        assert_eq!(UnsecuredToken::from_options(blank), Ok(token));
    }

    #[test]
    fn a_wrong_option_is_named() {
        let check = |more: &[(&str, &str)], option: &str, problem| {
            let options = [("unsecuredLoginStringClaim_sub", "alice")];
            let error = UnsecuredToken::from_options([&options, more].concat()).unwrap_err();
            assert_eq!(error, OptionError { option: option.into(), problem });
        };
        let check_one = |option: &str, value: &str, problem| {
            check(&[(option, value)], option, problem);
        };
        check_one("username", "x", Problem::Unknown);
        check_one("unsecuredLoginLifetime", "x", Problem::Unknown);
        check_one("unsecuredLoginLifetimeSeconds_", "60", Problem::Unknown);
        check_one("unsecuredLoginStringClaim", "x", Problem::Unknown);
        check_one("unsecuredLogin", "x", Problem::Unknown);
        check_one("unsecuredLoginLifetimeSeconds", "-1", Problem::Number);
        check_one("unsecuredLoginStringClaim_", "x", Problem::Empty);
        check_one("unsecuredLoginStringClaim_exp", "x", Problem::Reserved);
        check_one("unsecuredLoginNumberClaim_iat", "1", Problem::Reserved);
        check_one("unsecuredLoginNumberClaim_sub", "1", Problem::Doubled);
        check_one("unsecuredLoginNumberClaim_x", "one", Problem::Number);
        check_one("unsecuredLoginNumberClaim_x", "inf", Problem::Number);
        check_one("unsecuredLoginExtension_auth", "x", Problem::Reserved);
        check_one("unsecuredLoginExtension_x", "", Problem::Empty);
        let twice = ("unsecuredLoginExtension_x", "y");
        check(&[twice, twice], twice.0, Problem::Doubled);
        let scope = "unsecuredLoginStringClaim_scope";
        check(&[("unsecuredLoginNumberClaim_scope", "1")], scope, Problem::NotText);
        let other = ("unsecuredLoginPrincipalClaimName", "user");
        check(&[other], "unsecuredLoginStringClaim_user", Problem::Missing);
        let number = ("unsecuredLoginNumberClaim_user", "7");
        check(&[other, number], "unsecuredLoginStringClaim_user", Problem::NotText);
        assert!(UnsecuredToken::from_options([]).is_err());
        assert!(UnsecuredToken::new(" ").is_err());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(principal in "\\PC*[a-z]", scope in prop::collection::vec("\\PC*", 0..4), number: f64) {
            let token = UnsecuredToken::new(principal.clone()).unwrap();
            let token = token.with_claim("scope", Claim::List(scope.clone())).unwrap();
            prop_assume!(number.is_finite());
            let token = token.with_claim("number", Claim::Number(number)).unwrap();
            let text = token.token(NOW);
            let jwt = Jwt::parse(text.expose_str().unwrap(), token.claim_names()).unwrap();
            prop_assert_eq!(jwt.subject, Some(principal));
            prop_assert_eq!(jwt.scope, scope);
        }
    }
}
