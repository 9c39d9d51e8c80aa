//! AWS_MSK_IAM: a request to AWS's identity service, signed for the broker to present.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::error::{Fault, Problem, SaslError};
use crate::json::{self, Value};
use crate::sigv4::{ALGORITHM, Request, Time};
use crate::text::{self, push_json, shown};
use crate::{SaslClient, Secret, Step};

const MECHANISM: &str = "AWS_MSK_IAM";
const VERSION: &str = "2020_10_22";
const SERVICE: &str = "kafka-cluster";
const ACTION: &str = "kafka-cluster:Connect";

/// As Java's: a quarter of an hour.
const LIFETIME_SECONDS: u32 = 900;

/// The longest answer that is read.
const MOST_BYTES: usize = 16_384;

/// What AWS knows somebody by.
#[derive(Debug, Clone)]
pub struct AwsCredentials {
    /// `AKIA...` for a user, `ASIA...` for a session. No secret.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: Secret,
    /// What a session's credentials come with.
    pub session_token: Option<Secret>,
}

/// The mechanism AWS_MSK_IAM of Amazon's managed Kafka, as `aws-msk-iam-auth` speaks it for Java: an AWS Signature
/// Version 4 of the action `kafka-cluster:Connect`, good for 15 minutes.
///
/// ```
/// use core::time::Duration;
/// use rohrpost_sasl::{AwsCredentials, MskIam, SaslClient, Step, region_of_host};
///
/// let credentials = AwsCredentials {
///     access_key_id: "AKIDEXAMPLE".into(),
///     secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
///     session_token: None,
/// };
/// let host = "b-1.orders.abcdef.c2.kafka.eu-central-1.amazonaws.com";
/// let region = region_of_host(host).unwrap();
/// let now = Duration::from_secs(1_700_000_000); // since 1970, by the wall clock
/// let mut client = MskIam::new(&credentials, host, region, "my-service/1.0", now)?;
/// let Step::Send(request) = client.step(None)? else { unreachable!() };
/// assert!(request.starts_with(br#"{"version":"2020_10_22","host":"b-1.orders."#));
/// assert_eq!(client.step(Some(br#"{"version":"2020_10_22","request-id":"7"}"#))?, Step::Complete);
/// # Ok::<(), rohrpost_sasl::SaslError>(())
/// ```
pub struct MskIam {
    access_key_id: String,
    host: String,
    region: String,
    state: State,
    request_id: Option<String>,
}

/// `Start` -- request sent --> `Sent` -- answer --> `Ended`
enum State {
    Start(Box<Secret>),
    Sent,
    Ended,
}

impl MskIam {
    /// Signs for one broker, by the name that it was connected to (without the port), at one time: it is of no use
    /// after 15 minutes, and with a clock more than some minutes wrong.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where something is empty, or has a character that cannot be signed.
    pub fn new(
        credentials: &AwsCredentials,
        host: &str,
        region: &str,
        user_agent: &str,
        now: Duration,
    ) -> Result<Self, SaslError> {
        let is_word = |byte: u8| byte.is_ascii_graphic();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_host = |byte: u8| is_name(byte) || b".:[]".contains(&byte);
        let secret = credentials.secret_access_key.expose();
        check("access key id", credentials.access_key_id.as_bytes(), is_name)?;
        check("secret access key", secret, is_word)?;
        if let Some(token) = &credentials.session_token {
            check("session token", token.expose(), is_word)?;
        }
        check("host", host.as_bytes(), is_host)?;
        check("region", region.as_bytes(), is_name)?;
        check("user agent", user_agent.as_bytes(), |byte| is_word(byte) || byte == b' ')?;
        let time = Time::new(now).ok_or_else(|| refused("time", Problem::Number))?;
        let (host, region) = (host.to_ascii_lowercase(), String::from(region));
        let access_key_id = credentials.access_key_id.clone();
        let message = message(
            &Request {
                credentials,
                service: SERVICE,
                region: &region,
                host: &host,
                parameter: ("Action", ACTION),
                time,
                lifetime_seconds: LIFETIME_SECONDS,
            },
            user_agent,
        );
        let state = State::Start(Box::new(message));
        Ok(Self { access_key_id, host, region, state, request_id: None })
    }

    /// The broker's name for the exchange once it is complete, for AWS's support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

/// The signed request's parameters and headers, all their names in lower case, as a JSON object.
fn message(request: &Request<'_>, user_agent: &str) -> Secret {
    let (credential, signature) = (request.credential(), request.signature());
    let (date, expires) = (format!("{}", request.time), format!("{LIFETIME_SECONDS}"));
    let token = request.credentials.session_token.as_ref().and_then(Secret::expose_str);
    let pairs = [
        ("version", Some(VERSION)),
        ("host", Some(request.host)),
        ("user-agent", Some(user_agent)),
        ("action", Some(ACTION)),
        ("x-amz-algorithm", Some(ALGORITHM)),
        ("x-amz-credential", Some(&*credential)),
        ("x-amz-date", Some(&*date)),
        ("x-amz-security-token", token),
        ("x-amz-signedheaders", Some("host")),
        ("x-amz-expires", Some(&*expires)),
        ("x-amz-signature", Some(&*signature)),
    ];
    let mut message = Secret::default();
    let present = pairs.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    for (index, (name, value)) in present.enumerate() {
        message.push(if index == 0 { b"{" } else { b"," });
        push_json(&mut message, name);
        message.push(b":");
        push_json(&mut message, value);
    }
    message.push(b"}");
    message
}

fn check(
    what: &'static str,
    value: &[u8],
    is_allowed: impl Fn(u8) -> bool,
) -> Result<(), SaslError> {
    match value.iter().position(|&byte| !is_allowed(byte)) {
        Some(at) => Err(refused(what, Problem::Character { at })),
        None if value.is_empty() => Err(refused(what, Problem::Empty)),
        None => Ok(()),
    }
}

fn refused(what: &'static str, problem: Problem) -> SaslError {
    SaslError::Credentials { mechanism: MECHANISM, what, problem }
}

/// The id in `{"version":"2020_10_22","request-id":"..."}`.
fn request_id_of(challenge: &[u8]) -> Result<String, SaslError> {
    let malformed =
        |fault| SaslError::Malformed { mechanism: MECHANISM, message: "response", fault };
    text::utf8(MECHANISM, "response", challenge, MOST_BYTES)?;
    let fields = json::fields(challenge, ["version", "request-id"]);
    let [version, id] = fields.ok_or_else(|| malformed(Fault::NotJson))?;
    match (version, id) {
        (Some(Value::Text(version)), _) if version != VERSION => {
            Err(malformed(Fault::Value("version")))
        }
        (Some(Value::Text(_)), Some(Value::Text(id))) => Ok(shown(&id)),
        (Some(Value::Text(_)), _) => Err(malformed(Fault::Missing("request-id"))),
        _ => Err(malformed(Fault::Missing("version"))),
    }
}

/// The AWS region in a broker's host name; `None` where it is no name that AWS gives.
///
/// ```
/// use rohrpost_sasl::region_of_host;
///
/// let host = "boot-abc.c1.kafka-serverless.us-east-1.amazonaws.com";
/// assert_eq!(region_of_host(host), Some("us-east-1"));
/// assert_eq!(region_of_host("kafka.example.com"), None);
/// ```
pub fn region_of_host(host: &str) -> Option<&str> {
    const SUFFIXES: [&str; 5] =
        [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov"];
    let host = host.strip_suffix('.').unwrap_or(host);
    let rest = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let (_, region) = rest.rsplit_once('.')?;
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region = region.bytes().all(is_allowed)
        && region.matches('-').count() >= 2
        && region.ends_with(|last: char| last.is_ascii_digit());
    is_region.then_some(region)
}

impl SaslClient for MskIam {
    fn mechanism(&self) -> &'static str {
        MECHANISM
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        let challenge = challenge.unwrap_or_default();
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Start(_) if !challenge.is_empty() => {
                let bytes = challenge.len();
                Err(SaslError::UnexpectedChallenge { mechanism: MECHANISM, bytes })
            }
            State::Start(message) => {
                self.state = State::Sent;
                Ok(Step::Send(message.into_bytes()))
            }
            State::Sent => {
                self.request_id = Some(request_id_of(challenge)?);
                Ok(Step::Complete)
            }
            State::Ended => Err(SaslError::Finished { mechanism: MECHANISM }),
        }
    }
}

impl fmt::Debug for MskIam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start(_) => "Start",
            State::Sent => "Sent",
            State::Ended => "Ended",
        };
        f.debug_struct("MskIam")
            .field("access_key_id", &self.access_key_id)
            .field("host", &self.host)
            .field("region", &self.region)
            .field("request_id", &self.request_id)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "b-1.x.kafka.us-east-1.amazonaws.com";
    const NOW: Duration = Duration::from_secs(1_603_324_800);

    fn credentials() -> AwsCredentials {
        AwsCredentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "hush-hush".into(),
            session_token: Some("hush-too".into()),
        }
    }

    fn waiting() -> MskIam {
        let mut client = MskIam::new(&credentials(), HOST, "us-east-1", "test", NOW).unwrap();
        assert!(matches!(client.step(None), Ok(Step::Send(_))));
        client
    }

    #[test]
    fn a_broker_that_agrees_ends_the_exchange_and_names_it() {
        let mut client = waiting();
        let answer = br#"{"version":"2020_10_22","request-id":"7b1d\u0007"}"#;
        assert_eq!(client.step(Some(answer)), Ok(Step::Complete));
        assert_eq!(client.request_id(), Some("7b1d\u{fffd}"));
        assert_eq!(client.step(None), Err(SaslError::Finished { mechanism: "AWS_MSK_IAM" }));
    }

    #[test]
    fn any_other_answer_is_refused() {
        let fault = |challenge: &[u8]| match waiting().step(Some(challenge)) {
            Err(SaslError::Malformed { fault, .. }) => fault,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault(b""), Fault::NotJson);
        assert_eq!(fault(b"[]"), Fault::NotJson);
        assert_eq!(fault(b"{\"version\":\"\xff\"}"), Fault::NotUtf8 { at: 12 });
        assert_eq!(fault(b"{}"), Fault::Missing("version"));
        assert_eq!(fault(br#"{"version":7}"#), Fault::Missing("version"));
        assert_eq!(fault(br#"{"version":"2021"}"#), Fault::Value("version"));
        assert_eq!(fault(br#"{"version":"2020_10_22"}"#), Fault::Missing("request-id"));
        let huge = alloc::vec![b' '; 1_000_000];
        assert_eq!(fault(&huge), Fault::TooLong { bytes: 1_000_000, most: 16_384 });
        let early = MskIam::new(&credentials(), HOST, "us-east-1", "test", NOW);
        let unexpected = SaslError::UnexpectedChallenge { mechanism: "AWS_MSK_IAM", bytes: 1 };
        assert_eq!(early.unwrap().step(Some(b"x")), Err(unexpected));
    }

    #[test]
    fn what_cannot_be_signed_is_named() {
        let refused = |change: &dyn Fn(&mut AwsCredentials), host: &str, region: &str, now| {
            let mut credentials = credentials();
            change(&mut credentials);
            match MskIam::new(&credentials, host, region, "test", now) {
                Err(SaslError::Credentials { what, problem, .. }) => (what, problem),
                other => panic!("{other:?}"),
            }
        };
        let keep = |_: &mut AwsCredentials| {};
        let at = |at| Problem::Character { at };
        let id = |c: &mut AwsCredentials| c.access_key_id = "AK/x".into();
        assert_eq!(refused(&id, HOST, "us-east-1", NOW), ("access key id", at(2)));
        let secret = |c: &mut AwsCredentials| c.secret_access_key = "".into();
        assert_eq!(refused(&secret, HOST, "us-east-1", NOW), ("secret access key", Problem::Empty));
        let token = |c: &mut AwsCredentials| c.session_token = Some("a\n".into());
        assert_eq!(refused(&token, HOST, "us-east-1", NOW), ("session token", at(1)));
        assert_eq!(refused(&keep, "a\nb", "us-east-1", NOW), ("host", at(1)));
        assert_eq!(refused(&keep, "", "us-east-1", NOW), ("host", Problem::Empty));
        assert_eq!(refused(&keep, HOST, "us/east", NOW), ("region", at(2)));
        assert_eq!(refused(&keep, HOST, "x", Duration::MAX), ("time", Problem::Number));
        let agent = MskIam::new(&credentials(), HOST, "us-east-1", "a\tb", NOW);
        assert!(agent.is_err());
    }

    #[test]
    fn regions_are_read_from_names_that_aws_gives() {
        let cases = [
            ("b-2.orders.abc.c2.kafka.ap-southeast-2.amazonaws.com", Some("ap-southeast-2")),
            ("b-2.orders.abc.c2.kafka.us-gov-west-1.amazonaws.com.", Some("us-gov-west-1")),
            ("b-2.orders.abc.c2.kafka.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("kafka.amazonaws.com", None),
            ("vpce.kafka.amazonaws.com", None),
            ("b-1.us-east-1.amazonaws.com.evil.example", None),
            ("us-east-1", None),
            ("", None),
        ];
        for (host, region) in cases {
            assert_eq!(region_of_host(host), region, "{host}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let client = MskIam::new(&credentials(), HOST, "us-east-1", "test", NOW).unwrap();
        let shown = format!("{:?} {client:?}", credentials());
        assert!(shown.contains("AKIDEXAMPLE") && !shown.contains("hush"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_answer_brings_it_down(challenge: Vec<u8>, host in ".{0,20}", region in ".{0,20}", seconds: u64) {
            prop_assert!(waiting().step(Some(&challenge)).is_err());
            let now = Duration::from_secs(seconds);
            drop(MskIam::new(&credentials(), &host, &region, "test", now));
            region_of_host(&host);
        }
    }
}
