use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rohrpost_sasl::Secret;
use serde_json::Value;

use super::*;
use crate::clock::{TestClock, from_millis};
use crate::testing::{Asked, Folder, Reply, Server};
use crate::{CredentialsError, Token, TokenProvider};

const NOW: u64 = TestClock::START / 1_000;

fn key(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

fn jwt(claims: &str) -> String {
    let [header, claims] =
        [r#"{"alg":"none"}"#, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    format!("{header}.{claims}.")
}

/// One that ends ten minutes from now.
fn good() -> String {
    jwt(&format!(r#"{{"sub":"alice","iat":{NOW},"exp":{}}}"#, NOW + 600))
}

fn answer(token: &str) -> String {
    format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#)
}

fn endpoint(server: &Server) -> TokenEndpoint {
    TokenEndpoint::new(&server.url("/token?tenant=hush")).unwrap().with_clock(TestClock::new())
}

fn client(server: &Server) -> ClientCredentials {
    ClientCredentials::new(endpoint(server), "the-client", &"hush/hush".into()).unwrap()
}

/// What comes of an answer.
async fn after(status: u16, body: &str) -> Result<Token, CredentialsError> {
    let body = body.to_owned();
    let server = Server::start(move |_| Reply::of(status, &body)).await;
    let outcome = client(&server).token().await;
    if let Err(error) = &outcome {
        assert!(error.detail.contains(&server.url("/token")), "names the endpoint: {error}");
        assert!(!error.detail.contains("hush"), "shows a secret: {error}");
    }
    outcome
}

#[tokio::test]
async fn a_client_shows_its_id_and_secret_as_java_does() {
    let server = Server::start(|_| Reply::ok(&answer(&good()))).await;
    let token = client(&server).with_scope(" read write ").token().await.unwrap();
    assert_eq!(token.value().expose_str(), Some(&*good()));
    assert_eq!(token.principal(), Some("alice"));
    assert_eq!(token.expires_at(), Some(from_millis((NOW + 600) * 1_000)));
    let [Asked { line, body, .. }] = &server.asked()[..] else { panic!() };
    assert_eq!(line, "POST /token?tenant=hush");
    assert_eq!(body, "grant_type=client_credentials&scope=read+write");

    let ids = |urlencodes| {
        let client = ClientCredentials::new(endpoint(&server), " the:client ", &" p ä+\n".into());
        client.unwrap().with_scope(" ").with_urlencoded_header(urlencodes)
    };
    for (urlencodes, expected) in [(false, "the:client:p ä+"), (true, "the%3Aclient:p+%C3%A4%2B")]
    {
        ids(urlencodes).token().await.unwrap();
        let asked = server.asked();
        let encoded = asked[0].header("authorization").strip_prefix("Basic ").unwrap();
        let pair = base64ct::Base64::decode_vec(encoded).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), expected);
        assert_eq!(asked[0].body, "grant_type=client_credentials");
        assert_eq!(asked[0].header("accept"), "application/json");
    }
}

#[tokio::test]
async fn a_tokens_end_is_its_own_or_the_answers() {
    let end = async |body: &str| after(200, body).await.map(|token| token.expires_at());
    let seconds = |seconds: u64| Ok(Some(from_millis((NOW + seconds) * 1_000)));
    let near = |end: Result<Option<std::time::SystemTime>, CredentialsError>, expected: u64| {
        let end = end.unwrap().unwrap();
        let expected = from_millis((NOW + expected) * 1_000);
        assert!(end >= expected && end < expected + Duration::from_secs(60), "{end:?}");
    };
    let own = good();
    assert_eq!(
        end(&format!(r#"{{"access_token":"{own}","expires_in":3600}}"#)).await,
        seconds(600)
    );
    assert_eq!(end(&format!(r#"{{"id_token":"{own}"}}"#)).await, seconds(600));
    let endless = jwt(r#"{"sub":"alice"}"#);
    near(end(&format!(r#"{{"access_token":"{endless}","expires_in":3600}}"#)).await, 3_600);
    near(end(r#"{"access_token":"opaque","expires_in":60}"#).await, 60);
    near(end(r#"{"access_token":"opaque","expires_in":"60"}"#).await, 60);
    near(end(r#"{"access_token":"opaque","expires_in":60.5}"#).await, 60);
    assert_eq!(end(r#"{"access_token":"opaque"}"#).await, Ok(None));
    assert_eq!(end(r#"{"access_token":"opaque","expires_in":null}"#).await, Ok(None));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words_and_lasts() {
    let body =
        r#"{"error":"invalid_client","error_description":"Unknown client hush/hush\u0000!"}"#;
    let error = after(401, body).await.unwrap_err();
    assert!(!error.is_retriable);
    for part in ["\"the-client\"", "401", "invalid_client: Unknown client [hidden] !", "client id"]
    {
        assert!(error.detail.contains(part), "{part}: {error}");
    }
    let okta = after(400, r#"{"errorCode":"E0000021","errorSummary":"Bad media type"}"#).await;
    assert!(okta.unwrap_err().detail.contains("E0000021: Bad media type"));
    let page = format!("<html>{}", "x".repeat(100_000));
    let error = after(404, &page).await.unwrap_err();
    assert!(
        error.detail.contains("404, <html>xx") && error.detail.len() < 600 && !error.is_retriable
    );
}

#[tokio::test]
async fn what_may_pass_is_retriable_as_in_java() {
    for (status, is_retriable) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (429, true),
        (500, true),
        (501, false),
        (503, true),
    ] {
        let error = after(status, "").await.unwrap_err();
        assert_eq!(error.is_retriable, is_retriable, "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_told_and_not_repeated() {
    for (body, part) in [
        ("", "not with the JSON"),
        ("hush", "not with the JSON"),
        ("[]", "not with the JSON"),
        (r#"{"access_token":7,"x":"hush"}"#, "not with the JSON"),
        (r#"{"token":"hush"}"#, "no access_token"),
        (r#"{"access_token":""}"#, "no access_token"),
        (&answer("a.hush.c"), "the token is no JWT"),
    ] {
        let error = after(200, body).await.unwrap_err();
        assert!(error.detail.contains(part), "{body}: {error}");
    }
    let past = jwt(&format!(r#"{{"exp":{}}}"#, NOW - 60));
    let error = after(200, &answer(&past)).await.unwrap_err();
    assert!(error.detail.contains("expired 1m") && error.detail.contains("clocks"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_once() {
    for url in ["", "idp.example", "ftp://idp.example"] {
        assert!(!TokenEndpoint::new(url).unwrap_err().is_retriable);
    }
    let endpoint = || TokenEndpoint::new("https://idp.example").unwrap();
    for (id, secret) in [("", "x"), (" ", "x"), ("x", ""), ("x", " \n")] {
        assert!(ClientCredentials::new(endpoint(), id, &secret.into()).is_err());
    }
}

/// The header and claims of an assertion whose signature is right.
fn verified(assertion: &str) -> (Value, Value) {
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
    let part = |part: &str| -> Value {
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap()
    };
    let (header, claims) = message.split_once('.').unwrap();
    let (header, claims) = (part(header), part(claims));
    let (algorithm, public): (&'static dyn ring::signature::VerificationAlgorithm, &str) =
        match header["alg"].as_str().unwrap() {
            "RS256" => (&RSA_PKCS1_2048_8192_SHA256, "rsa-public.der"),
            _ => (&ECDSA_P256_SHA256_FIXED, "ec-public.bin"),
        };
    let public = std::fs::read(key(public)).unwrap();
    UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), &signature).unwrap();
    (header, claims)
}

async fn made(assertion: &Assertion) -> Result<(Value, Value), CredentialsError> {
    let made = assertion.make(from_millis(TestClock::START)).await?;
    Ok(verified(made.expose_str().unwrap()))
}

#[tokio::test]
async fn assertions_are_signed_by_the_key_in_the_file() {
    let passphrase = || Some(Secret::from("key-passphrase"));
    for (algorithm, name, passphrase) in [
        (AssertionAlgorithm::Rs256, "rsa.pem", None),
        (AssertionAlgorithm::Rs256, "rsa-encrypted.pem", passphrase()),
        (AssertionAlgorithm::Es256, "ec.pem", None),
    ] {
        let assertion = Assertion::signed(key(name), passphrase, algorithm)
            .with_issuer("me")
            .with_subject("it")
            .with_audience("them");
        let (header, claims) = made(&assertion).await.unwrap();
        assert_eq!(header, serde_json::json!({"alg": algorithm.name(), "typ": "JWT"}));
        let expected = serde_json::json!({
            "iss": "me", "sub": "it", "aud": "them", "iat": NOW, "exp": NOW + 300, "nbf": NOW - 60
        });
        assert_eq!(claims, expected);
    }
}

#[tokio::test]
async fn a_template_comes_after_settings_and_before_what_the_moment_knows() {
    let folder = Folder::new();
    let template = folder.write(
        "template.json",
        r#"{"header":{"kid":"7","alg":"none"},"payload":{"sub":"template","exp":1,"more":[1,{"x":null}]}}"#,
    );
    let assertion = Assertion::signed(key("ec.pem"), None, AssertionAlgorithm::Es256)
        .with_issuer("me")
        .with_subject("setting")
        .with_template(&template)
        .with_lifetime(Duration::from_secs(10))
        .with_not_before(Duration::ZERO)
        .with_id(true);
    let (header, claims) = made(&assertion).await.unwrap();
    assert_eq!(header, serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": "7"}));
    assert_eq!(claims["sub"], "template");
    assert_eq!(claims["more"], serde_json::json!([1, {"x": null}]));
    assert_eq!((&claims["exp"], &claims["nbf"]), (&(NOW + 10).into(), &NOW.into()));
    let id = claims["jti"].as_str().unwrap().to_owned();
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
    let (_, again) = made(&assertion).await.unwrap();
    assert_ne!(again["jti"], id, "each has its own");

    folder.write("template.json", r#"{"payload": hush}"#);
    let error = made(&assertion).await.unwrap_err();
    assert!(
        error.detail.contains("line 1, column 13") && !error.detail.contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_told() {
    let told = async |name: &str, passphrase: Option<&str>, algorithm| {
        let assertion = Assertion::signed(key(name), passphrase.map(Secret::from), algorithm);
        made(&assertion).await.unwrap_err().detail
    };
    let rs256 = AssertionAlgorithm::Rs256;
    assert!(told("ec.pem", None, rs256).await.contains("an RSA key"));
    assert!(told("rsa.pem", None, AssertionAlgorithm::Es256).await.contains("P-256"));
    assert!(told("none.pem", None, rs256).await.contains("none.pem"));
    for passphrase in [None, Some("hush")] {
        let told = told("rsa-encrypted.pem", passphrase, rs256).await;
        assert!(told.contains("password") && !told.contains("hush"), "{told}");
    }
    assert_eq!("es256".parse::<AssertionAlgorithm>().unwrap(), AssertionAlgorithm::Es256);
    assert!("HS256".parse::<AssertionAlgorithm>().is_err());
}

#[tokio::test]
async fn an_assertion_is_exchanged_for_a_token() {
    let folder = Folder::new();
    let path = folder.write("assertion.jwt", " a.b.c\n");
    let server = Server::start(|_| Reply::ok(&answer(&good()))).await;
    let bearer = JwtBearer::new(endpoint(&server), Assertion::from_file(&path)).with_scope("x y");
    bearer.token().await.unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let asked = server.asked();
    assert_eq!(asked[0].body, format!("{grant}&assertion=a.b.c&scope=x+y"));
    assert_eq!(asked[0].header("authorization"), "");
    folder.write("assertion.jwt", "d.e.f");
    bearer.token().await.unwrap();
    assert_eq!(server.asked()[0].body, format!("{grant}&assertion=d.e.f&scope=x+y"), "read anew");
    folder.write("assertion.jwt", "\n");
    let error = bearer.token().await.unwrap_err();
    assert!(error.is_retriable && error.detail.contains("there is no assertion"), "{error}");

    let signed = Assertion::signed(key("rsa.pem"), None, AssertionAlgorithm::Rs256);
    let client = ClientCredentials::with_assertion(endpoint(&server), "the-client", signed);
    client.token().await.unwrap();
    let asked = server.asked();
    let (form, assertion) = asked[0].body.split_once("&client_assertion=").unwrap();
    assert_eq!(
        form,
        "grant_type=client_credentials&client_id=the-client&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    let (_, claims) = verified(assertion);
    assert!(claims["iat"].as_u64().unwrap() >= NOW);
}

#[tokio::test]
async fn no_secret_is_shown_by_anything() {
    let folder = Folder::new();
    let path = folder.write("assertion.jwt", "hush-assertion");
    // A server that repeats all it hears.
    let server = Server::start(|asked| {
        let words = format!("{} {}", asked.header("authorization"), asked.body);
        Reply::of(400, &serde_json::json!({"error": "no", "error_description": words}).to_string())
    })
    .await;
    let by_secret = client(&server);
    let by_file = JwtBearer::new(endpoint(&server), Assertion::from_file(path));
    let passphrase = Some(Secret::from("key-passphrase"));
    let signed = Assertion::signed(key("rsa-encrypted.pem"), passphrase, AssertionAlgorithm::Rs256);
    let by_key = JwtBearer::new(endpoint(&server), signed);
    let mut shown = String::new();
    for provider in
        [Arc::new(by_secret) as Arc<dyn TokenProvider>, Arc::new(by_file), Arc::new(by_key)]
    {
        let error = provider.token().await.unwrap_err();
        shown += &format!("{provider:?} {provider:#?} {error} {error:?}\n");
    }
    shown += &format!("{:?}", Token::new("hush-token"));
    let basic = base64ct::Base64::encode_string(b"the-client:hush/hush");
    for secret in ["hush", &basic, "key-passphrase", "eyJ"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert!(shown.contains("the-client") && shown.contains("[hidden]"), "{shown}");
}
