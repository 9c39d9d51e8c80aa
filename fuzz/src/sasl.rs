//! What SASL servers say, and what stands in `sasl.jaas.config` and in tokens.

use std::time::Duration;

use rohrpost_sasl::{
    AwsCredentials, Claim, ClaimNames, ClientNonce, GssContext, GssError, GssToken, Gssapi,
    JaasConfig, Jwt, MskIam, OAuthBearer, SaslClient, SaslError, Scram, ScramHash, Step,
    UnsecuredToken, region_of_host,
};

use crate::within_limits;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

/// No server's text brings control characters into an error, or a long one.
fn check(error: &SaslError) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.chars().count() < 1_500, "{text}");
}

/// One step within the memory that its challenge is worth.
fn step(client: &mut dyn SaslClient, challenge: &[u8]) -> Option<Step> {
    match within_limits(challenge.len(), || client.step(Some(challenge))) {
        Ok(step) => Some(step),
        Err(error) => {
            check(&error);
            assert!(matches!(client.step(None), Err(SaslError::Finished { .. })));
            None
        }
    }
}

/// A hash and a start, then server-first-message and server-final-message, with a line end between.
pub fn sasl_scram(data: &[u8]) {
    let Some((&mode, data)) = data.split_first() else { return };
    let hash = if mode & 1 == 0 { ScramHash::Sha256 } else { ScramHash::Sha512 };
    let nonce = ClientNonce::from_text(NONCE).expect("the nonce of RFC 7677");
    let scram = Scram::new(hash, "user", "pencil", nonce).expect("the user of RFC 7677");
    let mut scram = scram.with_max_iterations(4_096);
    assert!(matches!(scram.step(None), Ok(Step::Send(_))));
    let middle = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (first, last) = data.split_at(middle);
    let last = last.get(1..).unwrap_or_default();
    let start = if mode & 2 == 0 { format!("r={NONCE}") } else { String::new() };
    let first = [start.as_bytes(), first].concat();
    let Some(Step::Send(answer)) = step(&mut scram, &first) else { return };
    let head = format!("c=biws,r={NONCE}");
    assert!(answer.starts_with(head.as_bytes()) && answer.len() > head.len());
    assert!(first.ends_with(b"i=4096") || first.windows(7).any(|part| part == b"i=4096,"));
    if let Some(step) = step(&mut scram, last) {
        // It cannot be guessed: this is the seed's, of RFC 7677.
        assert_eq!(step, Step::Complete);
        assert!(last.starts_with(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }
}

/// The challenge after the token, and the one after that.
pub fn sasl_oauthbearer(data: &[u8]) {
    let mut client = OAuthBearer::new("a.b.c").expect("a token");
    assert!(matches!(client.step(None), Ok(Step::Send(_))));
    match step(&mut client, data) {
        None => assert!(data.len() > 16_384 || std::str::from_utf8(data).is_err()),
        Some(Step::Complete) => assert!(data.is_empty()),
        Some(Step::Send(answer)) => {
            assert_eq!(answer, "\u{1}");
            let refusal = client.refusal().cloned().expect("an error has been answered");
            check(&refusal);
            assert_eq!(client.step(Some(data)), Err(refusal));
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        extensions(text);
    }
}

/// What is accepted cannot change the message's shape.
fn extensions(text: &str) {
    let mut parts = text.splitn(3, '\n');
    let (token, name, value) = (parts.next(), parts.next(), parts.next());
    let (token, name) = (token.unwrap_or_default(), name.unwrap_or_default());
    let client = OAuthBearer::new(token)
        .and_then(|client| client.with_extension(name, value.unwrap_or_default()))
        .and_then(|client| client.with_authorization_id(name));
    if let Ok(Step::Send(message)) = client.and_then(|mut client| client.step(None)) {
        assert_eq!(message.iter().filter(|&&byte| byte == 1).count(), 4);
        assert!(message.ends_with(b"\x01\x01"));
    }
}

/// A broker's answer to AWS_MSK_IAM, or a host and a region, with a line end between.
pub fn sasl_msk_iam(data: &[u8]) {
    let credentials = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "secret".into(),
        session_token: None,
    };
    let now = Duration::from_secs(1_700_000_000);
    let new = |host: &str, region: &str| MskIam::new(&credentials, host, region, "fuzz", now);
    let mut client = new("host", "region").expect("they can be signed");
    assert!(matches!(client.step(None), Ok(Step::Send(_))));
    if let Some(step) = step(&mut client, data) {
        assert_eq!(step, Step::Complete);
        assert!(client.request_id().is_some());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some(region) = region_of_host(text) {
            assert!(text.contains(region) && new("host", region).is_ok());
        }
        let (host, region) = text.split_once('\n').unwrap_or((text, "us-east-1"));
        if let Ok(Step::Send(message)) = new(host, region).and_then(|mut client| client.step(None))
        {
            let message = std::str::from_utf8(&message).expect("JSON is UTF-8");
            assert!(message.starts_with('{') && message.ends_with('}'));
            assert!(!message.chars().any(char::is_control));
        }
    }
}

/// The text of `sasl.jaas.config`.
pub fn sasl_jaas(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match within_limits(data.len(), || JaasConfig::parse(text)) {
        Ok(jaas) => {
            assert!(!jaas.class().is_empty() || text.contains("\"\"") || text.contains("''"));
            // Written plainly, it is the same again.
            let quoted = |text: &str| {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{}\"", text.replace('\n', "\\n").replace('\r', "\\r"))
            };
            let mut written = format!("{} required", quoted(jaas.class()));
            for (name, value) in jaas.options() {
                written += &format!(" {}={}", quoted(name), quoted(value));
            }
            let again = JaasConfig::parse(&(written + ";")).expect("it is written plainly");
            assert_eq!((again.class(), again.module()), (jaas.class(), jaas.module()));
            assert!(again.options().eq(jaas.options()));
            let _ = UnsecuredToken::from_options(jaas.options());
        }
        Err(error) => {
            let lines = text.split('\n').count();
            let line = text.split('\n').nth(error.line - 1).expect("there is such a line");
            assert!(error.line <= lines && error.column <= line.chars().count() + 1);
        }
    }
}

/// A token, or its claims in clear.
pub fn sasl_jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names = ClaimNames::default();
    let _ = within_limits(data.len(), || Jwt::parse(text, &names));
    let claims = format!("e30.{}.", base64url(data));
    let _ = within_limits(claims.len(), || Jwt::parse(&claims, &names));
    // As subject and scope of a token of our own, it comes back.
    let Ok(token) = UnsecuredToken::new(text) else { return };
    let token = token.with_claim("scope", Claim::List(vec![text.into()])).expect("a new claim");
    let token = token.token(Duration::from_millis(1_700_000_000_042));
    let jwt = Jwt::parse(token.expose_str().expect("BASE64"), &names).expect("one of ours");
    assert_eq!(jwt.subject.as_deref(), Some(text));
    assert_eq!(jwt.scope, [text]);
}

fn base64url(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(|at| char::from(DIGITS[bits >> (18 - 6 * at) & 63]));
        text.extend(digits);
    }
    text
}

/// Takes every second token for the last, and unwraps by dropping the first byte.
#[derive(Debug)]
struct Library;

impl GssContext for Library {
    fn init(&mut self, token: Option<&[u8]>) -> Result<GssToken, GssError> {
        let failed = || GssError { detail: "no".into(), is_retriable: false };
        match token {
            None => Ok(GssToken { token: Some(b"ask".to_vec()), is_established: false }),
            Some([0, ..]) => Err(failed()),
            Some([first, rest @ ..]) => {
                Ok(GssToken { token: Some(rest.to_vec()), is_established: first & 1 == 1 })
            }
            Some([]) => Ok(GssToken { token: None, is_established: true }),
        }
    }

    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok(wrapped.get(1..).unwrap_or_default().to_vec())
    }

    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok([b"!", message].concat())
    }
}

/// Challenges, each after a byte with its length.
pub fn sasl_gssapi(mut data: &[u8]) {
    let mut client = Gssapi::new(Library);
    assert!(matches!(client.step(None), Ok(Step::Send(_))));
    let mut steps = 0;
    while let Some((&length, rest)) = data.split_first() {
        let (challenge, rest) = rest.split_at(rest.len().min(length.into()));
        data = rest;
        match step(&mut client, challenge) {
            Some(Step::Send(_)) => steps += 1,
            Some(Step::Complete) => {
                assert!(challenge.is_empty() && steps >= 2, "context and choice come before");
                return;
            }
            None => return,
        }
        assert!(steps <= 18, "it goes on and on");
    }
}
