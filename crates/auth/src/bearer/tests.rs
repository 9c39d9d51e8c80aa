use std::sync::Mutex;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use rohrpost_sasl::Step;

use super::*;
use crate::clock::{TestClock, millis};

fn jwt(subject: &str, expires: u64) -> String {
    let claims = format!(r#"{{"sub":"{subject}","exp":{expires}}}"#);
    let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
}

async fn first_message(credentials: &BearerCredentials) -> Result<String, CredentialsError> {
    let mut client = credentials.client("broker").await?;
    assert_eq!(client.mechanism(), "OAUTHBEARER");
    match client.step(None) {
        Ok(Step::Send(bytes)) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Gives tokens `hush-1`, `hush-2`, … that live for an hour.
#[derive(Debug)]
struct Numbered {
    clock: Arc<TestClock>,
    given: Mutex<u32>,
}

impl TokenProvider for Numbered {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        let mut given = self.given.lock().unwrap();
        *given += 1;
        let token = Token::new(format!("hush-{given}"));
        let end = self.clock.now() + Duration::from_secs(3_600);
        Box::pin(std::future::ready(Ok(token.with_expiry(end))))
    }
}

#[tokio::test(start_paused = true)]
async fn connections_share_a_token_until_the_next_one_is_there() {
    let clock = TestClock::new();
    let provider = Arc::new(Numbered { clock: clock.clone(), given: Mutex::default() });
    let credentials = BearerCredentials::with_clock(provider, RefreshSettings::default(), clock)
        .with_extension("logicalCluster", "hush-cluster")
        .unwrap();
    let first = "n,,\u{1}auth=Bearer hush-1\u{1}logicalCluster=hush-cluster\u{1}\u{1}";
    assert_eq!(first_message(&credentials).await.unwrap(), first);
    assert_eq!(first_message(&credentials.clone()).await.unwrap(), first);
    tokio::time::sleep(Duration::from_secs(3_100)).await; // tidy: may sleep: the clock is paused
    assert!(first_message(&credentials).await.unwrap().contains("hush-2"));
    let shown = format!("{credentials:?} {:?}", credentials.client("broker").await.unwrap());
    assert!(!shown.contains("hush") && shown.contains("logicalCluster"), "{shown}");
}

#[tokio::test]
async fn a_token_that_was_refused_is_replaced_once_for_all_who_had_it() {
    let clock = TestClock::new();
    let provider = Arc::new(Numbered { clock: clock.clone(), given: Mutex::default() });
    let credentials = BearerCredentials::with_clock(provider, RefreshSettings::default(), clock);
    let refused = credentials.token().await.unwrap();
    for _ in 0..3 {
        let other = credentials.token_instead_of(&refused).await.unwrap();
        assert_eq!(other.value().expose(), b"hush-2");
    }
    assert_eq!(credentials.token().await.unwrap().value().expose(), b"hush-2");
}

#[test]
fn an_extension_that_cannot_be_sent_is_refused_when_it_is_set() {
    let credentials = || BearerCredentials::from_file("/none", ClaimNames::default());
    assert!(credentials().with_extension("auth", "x").is_err());
    assert!(credentials().with_extension("x", "\u{1}").is_err());
    let once = credentials().with_extension("x", "y").unwrap();
    assert!(once.with_extension("x", "z").is_err());
}

#[tokio::test]
async fn a_tokens_file_is_read_for_each_connection() {
    let name = format!("rohrpost-auth-token-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let credentials = BearerCredentials::from_file(&path, ClaimNames::default());
    let error = first_message(&credentials).await.unwrap_err();
    assert!(!error.is_retriable && error.detail.contains("cannot be read"), "{error}");
    let later = millis(SystemClock.now()) / 1_000 + 60;
    for subject in ["alice", "bob"] {
        let token = jwt(subject, later);
        std::fs::write(&path, format!("{token}\n")).unwrap();
        assert!(first_message(&credentials).await.unwrap().contains(&token));
    }
    for (text, part) in [
        (" \n", "there is no token"),
        ("hush", "the token is no JWT"),
        (&*jwt("hush", 1_000), "expired"),
        (&"hush".repeat(300_000), "more than 1048576 bytes"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = first_message(&credentials).await.unwrap_err();
        assert!(error.detail.contains(part) && !error.detail.contains("hush"), "{error}");
        assert!(error.detail.contains("rohrpost-auth-token"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = first_message(&credentials).await.unwrap_err();
    assert!(error.is_retriable, "whoever keeps it fresh may be exchanging it: {error}");
}

#[tokio::test]
async fn unsecured_tokens_are_made_for_the_moment() {
    let options = [("unsecuredLoginStringClaim_sub", "alice"), ("unsecuredLoginExtension_a", "b")];
    let token = UnsecuredToken::from_options(options).unwrap();
    let message = first_message(&BearerCredentials::unsecured(token)).await.unwrap();
    assert!(message.ends_with("\u{1}a=b\u{1}\u{1}"), "{message}");
    let token =
        message.strip_prefix("n,,\u{1}auth=Bearer ").unwrap().split('\u{1}').next().unwrap();
    let token = Token::from_jwt(token, &ClaimNames::default()).unwrap();
    assert_eq!(token.principal(), Some("alice"));
    assert!(token.checked(SystemClock.now(), &"here").is_ok());
}
