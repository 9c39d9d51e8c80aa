//! OAUTHBEARER (RFC 7628): a token that somebody else gave.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Problem, Refusal, SaslError};
use crate::json::{self, Value};
use crate::text::{self, shown};
use crate::{Bytes, SaslClient, Secret, Step};

const MECHANISM: &str = "OAUTHBEARER";

/// The longest error of a server that is read.
const MOST_BYTES: usize = 16_384;

/// The mechanism OAUTHBEARER (RFC 7628), with SASL extensions (KIP-342).
///
/// ```
/// use rohrpost_sasl::{OAuthBearer, SaslClient, Step};
///
/// let mut client = OAuthBearer::new("header.claims.signature")?.with_extension("traceId", "123")?;
/// let first = "n,,\u{1}auth=Bearer header.claims.signature\u{1}traceId=123\u{1}\u{1}";
/// assert_eq!(client.step(None)?, Step::Send(first.into()));
///
/// // The server is content:
/// // assert_eq!(client.step(Some(b""))?, Step::Complete);
/// // or not; then it wants to hear back before it ends the exchange:
/// let answer = client.step(Some(br#"{"status":"invalid_token","scope":"kafka"}"#))?;
/// assert_eq!(answer, Step::Send("\u{1}".into()));
/// assert_eq!(
///     client.refusal().unwrap().to_string(),
///     "OAUTHBEARER: the server refuses the credentials: invalid_token; it wants the scope kafka",
/// );
/// # Ok::<(), rohrpost_sasl::SaslError>(())
/// ```
pub struct OAuthBearer {
    token: Secret,
    authorization_id: String,
    extensions: Vec<(String, String)>,
    state: State,
}

/// `Start` -- token sent --> `Sent` -- empty challenge --> `Ended`
///                            `Sent` -- error, answered --> `Refused` -- anything --> `Ended`
#[derive(Debug)]
enum State {
    Start,
    Sent,
    Refused(SaslError),
    Ended,
}

impl OAuthBearer {
    /// With a token as it goes over the wire: three parts of BASE64URL for a JWT, but any token will do.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where it is empty or has a character that a bearer token cannot have (RFC 6750,
    /// section 2.1), such as the line's end of the file that it came from.
    pub fn new(token: impl Into<Secret>) -> Result<Self, SaslError> {
        let token = token.into();
        check_token(token.expose()).map_err(|problem| refused("token", problem))?;
        let (authorization_id, extensions) = (String::new(), Vec::new());
        Ok(Self { token, authorization_id, extensions, state: State::Start })
    }

    /// Asks to act as somebody else than the token's subject.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where it is empty or has one of the characters NUL and SOH.
    pub fn with_authorization_id(mut self, id: impl Into<String>) -> Result<Self, SaslError> {
        self.authorization_id = id.into();
        let problem = match self.authorization_id.bytes().position(|byte| byte <= 1) {
            Some(at) => Problem::Character { at },
            None if self.authorization_id.is_empty() => Problem::Empty,
            None => return Ok(self),
        };
        Err(refused("authorization id", problem))
    }

    /// Adds an extension (KIP-342): a name and a value for the broker, sent after the token.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] as Java: a name is of ASCII letters, is not `auth` and comes once; a value has
    /// printable ASCII characters, spaces, tabs and line ends only, and at least one.
    pub fn with_extension(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, SaslError> {
        let (name, value) = (name.into(), value.into());
        check_extension(&name, &value).map_err(|(what, problem)| refused(what, problem))?;
        if self.extensions.iter().any(|(other, _)| *other == name) {
            return Err(refused("extension name", Problem::Doubled));
        }
        self.extensions.push((name, value));
        Ok(self)
    }

    fn message(&self) -> Secret {
        let id = self.authorization_id.replace('=', "=3D").replace(',', "=2C");
        let pairs = self.extensions.iter().map(|(name, value)| name.len() + value.len() + 2);
        let length = self.token.expose().len() + id.len() + pairs.sum::<usize>();
        let mut message = Secret::with_capacity(length + "n,a=,\x01auth=Bearer \x01\x01".len());
        message.push(b"n,");
        if !id.is_empty() {
            message.push(b"a=");
            message.push(id.as_bytes());
        }
        message.push(b",\x01auth=Bearer ");
        message.push(self.token.expose());
        for (name, value) in &self.extensions {
            for part in ["\x01", name, "=", value] {
                message.push(part.as_bytes());
            }
        }
        message.push(b"\x01\x01");
        message
    }
}

/// RFC 6750, section 2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn check_token(token: &[u8]) -> Result<(), Problem> {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let token = &token[..token.len() - padding];
    if token.is_empty() {
        return Err(Problem::Empty);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    match token.iter().position(|&byte| !is_allowed(byte)) {
        Some(at) => Err(Problem::Character { at }),
        None => Ok(()),
    }
}

/// What is wrong with an extension, and with which part of it.
pub(crate) fn check_extension(name: &str, value: &str) -> Result<(), (&'static str, Problem)> {
    const NAME: &str = "extension name";
    const VALUE: &str = "extension value";
    if name == "auth" {
        return Err((NAME, Problem::Reserved));
    }
    let is_text = |byte: u8| (0x20..=0x7e).contains(&byte) || b"\t\r\n".contains(&byte);
    let strange_in_name = name.bytes().position(|byte| !byte.is_ascii_alphabetic());
    let strange_in_value = value.bytes().position(|byte| !is_text(byte));
    match (strange_in_name, strange_in_value) {
        (Some(at), _) => Err((NAME, Problem::Character { at })),
        (_, Some(at)) => Err((VALUE, Problem::Character { at })),
        _ if name.is_empty() => Err((NAME, Problem::Empty)),
        _ if value.is_empty() => Err((VALUE, Problem::Empty)),
        _ => Ok(()),
    }
}

fn refused(what: &'static str, problem: Problem) -> SaslError {
    SaslError::Credentials { mechanism: MECHANISM, what, problem }
}

/// RFC 7628, section 3.2.2. What is no such object is told as it is: brokers may have their own ways.
fn refusal(challenge: &[u8]) -> Result<SaslError, SaslError> {
    let text = text::utf8(MECHANISM, "error", challenge, MOST_BYTES)?;
    let mut refusal = Refusal { mechanism: MECHANISM, reason: shown(text), ..Refusal::default() };
    let found = json::fields(challenge, ["status", "scope", "openid-configuration"]);
    let text = |value| match value {
        Some(Value::Text(text)) if !text.is_empty() => Some(shown(&text)),
        _ => None,
    };
    if let Some([status, scope, place]) = found.map(|fields| fields.map(text)) {
        refusal.reason = status.unwrap_or(refusal.reason);
        (refusal.scope, refusal.openid_configuration) = (scope, place);
    }
    Ok(SaslError::Refused(Box::new(refusal)))
}

impl SaslClient for OAuthBearer {
    fn mechanism(&self) -> &'static str {
        MECHANISM
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        let challenge = challenge.unwrap_or_default();
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Start if !challenge.is_empty() => {
                let bytes = challenge.len();
                Err(SaslError::UnexpectedChallenge { mechanism: MECHANISM, bytes })
            }
            State::Start => {
                let message = self.message();
                self.token = Secret::default();
                self.state = State::Sent;
                Ok(Step::Send(message.into_bytes()))
            }
            State::Sent if challenge.is_empty() => Ok(Step::Complete),
            State::Sent => {
                self.state = State::Refused(refusal(challenge)?);
                Ok(Step::Send(Bytes::from_static(b"\x01")))
            }
            // Whatever the server says now, it has refused the token.
            State::Refused(error) => Err(error),
            State::Ended => Err(SaslError::Finished { mechanism: MECHANISM }),
        }
    }

    fn refusal(&self) -> Option<&SaslError> {
        match &self.state {
            State::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for OAuthBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of extensions may be secrets too: nobody knows what brokers want there.
        let names: Vec<&str> = self.extensions.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OAuthBearer")
            .field("authorization_id", &self.authorization_id)
            .field("extensions", &names)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;
    use crate::Fault;

    fn sent(step: Result<Step, SaslError>) -> String {
        match step {
            Ok(Step::Send(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn waiting() -> OAuthBearer {
        let mut client = OAuthBearer::new("a.b.c").unwrap();
        sent(client.step(None));
        client
    }

    #[test]
    fn the_message_is_as_java_writes_it() {
        let mut client = OAuthBearer::new("a.b-_~+/.c==").unwrap();
        assert_eq!(sent(client.step(None)), "n,,\x01auth=Bearer a.b-_~+/.c==\x01\x01");
        assert_eq!(client.step(Some(b"")), Ok(Step::Complete));
        assert_eq!(client.step(None), Err(SaslError::Finished { mechanism: "OAUTHBEARER" }));
        let client = OAuthBearer::new("t").unwrap().with_authorization_id("a=b,c").unwrap();
        let client = client.with_extension("logicalCluster", "lkc-1 = x\t\r\n").unwrap();
        assert_eq!(
            sent(client.with_extension("p", "q").unwrap().step(None)),
            "n,a=a=3Db=2Cc,\x01auth=Bearer t\x01logicalCluster=lkc-1 = x\t\r\n\x01p=q\x01\x01"
        );
    }

    #[test]
    fn a_token_that_would_break_the_message_is_refused() {
        let problem = |token: &str| match OAuthBearer::new(token) {
            Err(SaslError::Credentials { what: "token", problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(""), Problem::Empty);
        assert_eq!(problem("="), Problem::Empty);
        assert_eq!(problem("abc\n"), Problem::Character { at: 3 });
        assert_eq!(problem("a=b"), Problem::Character { at: 1 });
        assert_eq!(problem("a\x01auth=Bearer b"), Problem::Character { at: 1 });
        assert_eq!(problem("tökèn"), Problem::Character { at: 1 });
    }

    #[test]
    fn extensions_are_held_to_javas_rules() {
        let refused = |name: &str, value: &str| {
            let client = OAuthBearer::new("t").unwrap().with_extension("once", "x").unwrap();
            match client.with_extension(name, value) {
                Err(SaslError::Credentials { what, problem, .. }) => (what, problem),
                other => panic!("{other:?}"),
            }
        };
        let (name, value) = ("extension name", "extension value");
        assert_eq!(refused("auth", "x"), (name, Problem::Reserved));
        assert_eq!(refused("once", "y"), (name, Problem::Doubled));
        assert_eq!(refused("", "x"), (name, Problem::Empty));
        assert_eq!(refused("trace_id", "x"), (name, Problem::Character { at: 5 }));
        assert_eq!(refused("é", "x"), (name, Problem::Character { at: 0 }));
        assert_eq!(refused("x", ""), (value, Problem::Empty));
        assert_eq!(refused("x", "a\x01"), (value, Problem::Character { at: 1 }));
        assert_eq!(refused("x", "é"), (value, Problem::Character { at: 0 }));
        let client = || OAuthBearer::new("t").unwrap();
        assert!(client().with_authorization_id("").is_err());
        assert!(client().with_authorization_id("a\x01auth=Bearer x").is_err());
    }

    #[test]
    fn a_servers_error_is_answered_and_reported_whole() {
        let mut client = waiting();
        assert_eq!(client.refusal(), None);
        let challenge = br#"{"status":"insufficient_scope","scope":"read write",
            "openid-configuration":"https://id.example/.well-known/openid-configuration"}"#;
        assert_eq!(sent(client.step(Some(challenge))), "\x01");
        let Some(SaslError::Refused(refusal)) = client.refusal().cloned() else { panic!() };
        assert_eq!(refusal.reason, "insufficient_scope");
        assert_eq!(refusal.scope.as_deref(), Some("read write"));
        assert_eq!(
            refusal.openid_configuration.as_deref(),
            Some("https://id.example/.well-known/openid-configuration")
        );
        assert_eq!(client.step(Some(b"")), Err(SaslError::Refused(refusal)));
    }

    #[test]
    fn a_refused_client_is_never_complete_however_long_the_server_goes_on() {
        let mut client = waiting();
        sent(client.step(Some(br#"{"status":"invalid_token"}"#)));
        assert!(matches!(client.step(Some(b"once more")), Err(SaslError::Refused(_))));
        for _ in 0..3 {
            let finished = SaslError::Finished { mechanism: "OAUTHBEARER" };
            assert_eq!(client.step(Some(b"")), Err(finished));
        }
    }

    #[test]
    fn an_error_that_is_no_json_is_told_as_it_is() {
        let reason = |challenge: &[u8]| {
            let mut client = waiting();
            assert_eq!(sent(client.step(Some(challenge))), "\x01");
            match client.refusal() {
                Some(SaslError::Refused(refusal)) => refusal.reason.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(reason(b"no, thank you"), "no, thank you");
        assert_eq!(reason(br#"{"status":7}"#), r#"{"status":7}"#);
        assert_eq!(reason(br#"{"status":""}"#), r#"{"status":""}"#);
        assert_eq!(reason(br#"{"status":"x\u001b[2J"}"#), "x\u{fffd}[2J");
        assert_eq!(reason(&[b'x'; 16_384]).chars().count(), 301);
    }

    #[test]
    fn a_hostile_error_is_refused() {
        let fault = |challenge: &[u8]| match waiting().step(Some(challenge)) {
            Err(SaslError::Malformed { fault, .. }) => fault,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault(&[b'x'; 16_385]), Fault::TooLong { bytes: 16_385, most: 16_384 });
        assert_eq!(fault(b"{\xff}"), Fault::NotUtf8 { at: 1 });
        let early = OAuthBearer::new("t").unwrap().step(Some(b"x"));
        let unexpected = SaslError::UnexpectedChallenge { mechanism: "OAUTHBEARER", bytes: 1 };
        assert_eq!(early, Err(unexpected));
    }

    #[test]
    fn the_token_is_not_shown() {
        let client = OAuthBearer::new("hush-hush").unwrap();
        let mut client = client.with_extension("identity", "hush-too").unwrap();
        let step = client.step(None);
        let answer = client.step(Some(b"{}"));
        let shown = format!("{client:?} {step:?} {answer:?} {}", client.refusal().unwrap());
        assert!(shown.contains("identity") && !shown.contains("hush"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_challenge_brings_it_down(challenge: Vec<u8>) {
            let mut client = waiting();
            let step = client.step(Some(&challenge));
            prop_assert_eq!(step == Ok(Step::Complete), challenge.is_empty());
        }

        #[test]
        fn whatever_is_accepted_keeps_the_messages_shape(
            token in "[ -~]{1,12}", name in "[a-z]{1,6}", value in ".{0,9}", id in ".{0,9}",
        ) {
            let client = OAuthBearer::new(token.to_string())
                .and_then(|client| client.with_extension(name, value))
                .and_then(|client| client.with_authorization_id(id));
            if let Ok(mut client) = client {
                let message = sent(client.step(None));
                let parts: Vec<&str> = message.split('\x01').collect();
                prop_assert_eq!(parts.len(), 5);
                prop_assert_eq!(parts[0].matches(',').count(), 2);
                let bearer = format!("auth=Bearer {token}");
                prop_assert_eq!(parts[1], bearer);
            }
        }
    }
}
