//! Each property of tokens, with two values that differ in what an authorization server or a broker sees.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[cfg(feature = "_tls")]
mod https;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use rohrpost_sasl::Step;

use crate::config::{ConfigError, Dialect, ProducerConfig};

/// What the server was asked.
#[derive(Clone, Debug, Default)]
struct Asked {
    path: String,
    authorization: String,
    form: Vec<(String, String)>,
}

impl Asked {
    fn form(&self, name: &str) -> &str {
        self.form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Id and secret, as they were shown.
    fn basic(&self) -> String {
        let encoded = self.authorization.strip_prefix("Basic ").unwrap_or_default();
        String::from_utf8(Base64::decode_vec(encoded).unwrap()).unwrap()
    }

    /// The assertion's header and claims, as JSON.
    fn assertion(&self) -> (String, String) {
        let token = [self.form("assertion"), self.form("client_assertion")].concat();
        let mut parts = token.split('.').map(|part| {
            String::from_utf8_lossy(&Base64UrlUnpadded::decode_vec(part).unwrap()).into_owned()
        });
        (parts.next().unwrap(), parts.next().unwrap())
    }
}

/// An authorization server that lets everybody in and remembers how it was asked: at `/claims` with odd claims, at `/flaky` not the first time, at `/silent` never.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::default());
        let log: Arc<Mutex<Vec<Asked>>> = Arc::clone(&asked);
        // It ends with the process.
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let Some(request) = read(&mut stream) else { continue };
                log.lock().unwrap().push(request.clone());
                let count = log.lock().unwrap().len();
                if request.path == "/silent" {
                    silent.push(stream);
                    continue;
                }
                let status = if request.path == "/flaky" && count == 1 { 503 } else { 200 };
                let body = format!("{{\"access_token\":\"{}\"}}", token(&request.path));
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn token(path: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let odd = if path == "/claims" { ",\"uid\":7,\"roles\":7" } else { "" };
    let claims = format!("{{\"sub\":\"alice\",\"iat\":{now},\"exp\":{}{odd}}}", now + 300);
    let encoded = Base64UrlUnpadded::encode_string;
    format!("{}.{}.c2ln", encoded(b"{\"alg\":\"RS256\"}"), encoded(claims.as_bytes()))
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = |name: &str| {
                let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
                line.and_then(|line| line.split_once(": "))
                    .map_or("", |(_, value)| value)
                    .to_owned()
            };
            if body.len() >= field("content-length").parse().unwrap_or(0) {
                let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
                return Some(Asked {
                    path: head.split(' ').nth(1)?.to_owned(),
                    authorization: field("authorization"),
                    form: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                });
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

const LOGIN: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT: [(&str, &str); 2] = [
    ("sasl.oauthbearer.client.credentials.client.id", "orders"),
    ("sasl.oauthbearer.client.credentials.client.secret", "hush+hush"),
];

fn config(dialect: Dialect, properties: &[(&str, &str)]) -> Result<ProducerConfig, ConfigError> {
    let base = [
        ("bootstrap.servers", "a:1"),
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "OAUTHBEARER"),
    ];
    let all = base.iter().chain(properties).copied();
    let read = match dialect {
        Dialect::Java => ProducerConfig::from_java(all),
        Dialect::Librdkafka => ProducerConfig::from_librdkafka(all),
    };
    read.map_err(|error| error.config_error().cloned().unwrap())
}

/// What goes over the wire to a broker, or why nothing does.
async fn sent(dialect: Dialect, properties: &[(&str, &str)]) -> Result<String, String> {
    first_message(&config(dialect, properties).map_err(|error| error.to_string())?).await
}

async fn first_message(config: &ProducerConfig) -> Result<String, String> {
    config.validate().map_err(|error| error.to_string())?;
    let dialect = config.dialect;
    let sasl = config.security.authentication(dialect, true).map_err(|error| error.to_string())?;
    let (mechanism, credentials) = sasl.unwrap().into_parts();
    assert_eq!(mechanism, "OAUTHBEARER");
    let client = credentials.unwrap().client("broker");
    let mut client = client.await.map_err(|error| error.detail)?;
    match client.step(None) {
        Ok(Step::Send(bytes)) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        other => Err(format!("{other:?}")),
    }
}

/// With a client that the server knows, what is said besides, and the server at this path.
async fn java(server: &Server, path: &str, besides: &[(&str, &str)]) -> Result<String, String> {
    let url = server.url(path);
    let all: Vec<_> = [(ENDPOINT, &*url)].iter().chain(&CLIENT).chain(besides).copied().collect();
    let result = sent(Dialect::Java, &all).await;
    if let Err(error) = &result {
        assert!(!error.contains("hush"), "{error}");
    }
    result
}

/// The one request that these make.
async fn asked(server: &Server, besides: &[(&str, &str)]) -> Asked {
    java(server, "/token", besides).await.unwrap();
    let [asked] = &server.asked()[..] else { panic!() };
    asked.clone()
}

fn key(name: &str) -> Option<String> {
    let path = format!("{}/../auth/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    // As it is packaged, this crate is alone.
    std::path::Path::new(&path).exists().then_some(path)
}

#[tokio::test]
async fn endpoint_client_and_scope() {
    let server = Server::start();
    for path in ["/token", "/other"] {
        let sent = java(&server, path, &[]).await.unwrap();
        assert!(sent.starts_with("n,,\u{1}auth=Bearer ey"), "{sent}");
        let [asked] = &server.asked()[..] else { panic!() };
        assert_eq!((&*asked.path, &*asked.basic()), (path, "orders:hush+hush"));
        assert_eq!((asked.form("grant_type"), asked.form("scope")), ("client_credentials", ""));
    }
    let other =
        [(CLIENT[0].0, "bills"), (CLIENT[1].0, "other"), ("sasl.oauthbearer.scope", "write")];
    let asked = asked(&server, &other).await;
    assert_eq!((&*asked.basic(), asked.form("scope")), ("bills:other", "write"));
}

#[tokio::test]
async fn the_login_modules_options_say_the_same_and_properties_come_first() {
    let server = Server::start();
    let url = server.url("/token");
    let jaas = format!(
        "{LOGIN} clientId=\"jaas\" clientSecret=\"hush\" scope=\"read\" extension_traceId=\"7\";"
    );
    let handler = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler";
    let of_jaas = [
        (ENDPOINT, &*url),
        ("sasl.jaas.config", &jaas),
        ("sasl.login.callback.handler.class", handler),
        ("sasl.login.class", "OAuthBearerRefreshingLogin"),
        ("sasl.client.callback.handler.class", "OAuthBearerSaslClientCallbackHandler"),
        ("sasl.oauthbearer.jwt.validator.class", "ClientJwtValidator"),
    ];
    let bytes = sent(Dialect::Java, &of_jaas).await.unwrap();
    assert!(bytes.ends_with("\u{1}traceId=7\u{1}\u{1}"), "{bytes:?}");
    let [asked] = &server.asked()[..] else { panic!() };
    assert_eq!((&*asked.basic(), asked.form("scope")), ("jaas:hush", "read"));
    let scope = ("sasl.oauthbearer.scope", "write");
    let both: Vec<_> = of_jaas.iter().chain(&CLIENT).chain([&scope]).copied().collect();
    sent(Dialect::Java, &both).await.unwrap();
    let [asked] = &server.asked()[..] else { panic!() };
    assert_eq!((&*asked.basic(), asked.form("scope")), ("orders:hush+hush", "write"));
}

#[tokio::test]
async fn header_urlencode() {
    let server = Server::start();
    for (value, expected) in [("false", "orders:hush+hush"), ("true", "orders:hush%2Bhush")] {
        let asked = asked(&server, &[("sasl.oauthbearer.header.urlencode", value)]).await;
        assert_eq!(asked.basic(), expected);
    }
}

#[tokio::test]
async fn claim_names() {
    let server = Server::start();
    java(&server, "/claims", &[]).await.unwrap();
    for (property, name) in
        [("sasl.oauthbearer.sub.claim.name", "uid"), ("sasl.oauthbearer.scope.claim.name", "roles")]
    {
        let error = java(&server, "/claims", &[(property, name)]).await.unwrap_err();
        assert!(error.contains(&format!("claim {name}")), "{error}");
    }
}

#[tokio::test]
async fn timeouts_and_attempts() {
    let server = Server::start();
    let once = ("sasl.login.retry.backoff.max.ms", "0");
    let at_once = ("sasl.login.retry.backoff.ms", "0");
    for timeout in ["40", "50"] {
        let read = [("sasl.login.read.timeout.ms", timeout), once, at_once];
        let error = java(&server, "/silent", &read).await.unwrap_err();
        assert!(error.contains(&format!("did not answer within {timeout} ms")), "{error}");
    }
    server.asked();
    assert!(java(&server, "/flaky", &[once, at_once]).await.unwrap_err().contains("503"));
    assert_eq!(server.asked().len(), 1);
    java(&server, "/flaky", &[("sasl.login.retry.backoff.ms", "1")]).await.unwrap();
    assert_eq!(server.asked().len(), 2);
    let error = java(&server, "/token", &[("sasl.login.retry.backoff.ms", "10001")]).await;
    assert!(error.unwrap_err().starts_with("sasl.login.retry.backoff.max.ms and"));
}

#[test]
fn when_tokens_are_replaced() {
    let refresh = |besides: &[(&str, &str)]| {
        config(Dialect::Java, besides).unwrap().security.sasl.oauth.refresh().unwrap()
    };
    assert_eq!(refresh(&[]), rohrpost_auth::RefreshSettings::default());
    let all = refresh(&[
        ("sasl.login.refresh.window.factor", "0.5"),
        ("sasl.login.refresh.window.jitter", "0.25"),
        ("sasl.login.refresh.min.period.seconds", "900"),
        ("sasl.login.refresh.buffer.seconds", "3600"),
        ("sasl.login.retry.backoff.ms", "7"),
        ("sasl.login.retry.backoff.max.ms", "8"),
    ]);
    let seconds = Duration::from_secs;
    assert_eq!((all.window_factor, all.window_jitter), (0.5, 0.25));
    assert_eq!((all.min_period, all.buffer), (seconds(900), seconds(3_600)));
    let millis = Duration::from_millis;
    assert_eq!((all.retry_backoff, all.retry_backoff_max), (millis(7), millis(8)));
    for (name, wrong) in [
        ("sasl.login.refresh.window.factor", "0.49"),
        ("sasl.login.refresh.window.factor", "1.01"),
        ("sasl.login.refresh.window.factor", "NaN"),
        ("sasl.login.refresh.window.jitter", "-0.01"),
        ("sasl.login.refresh.window.jitter", "0.26"),
        ("sasl.login.refresh.min.period.seconds", "901"),
        ("sasl.login.refresh.buffer.seconds", "3601"),
        ("sasl.login.read.timeout.ms", "-1"),
        ("sasl.oauthbearer.assertion.claim.exp.seconds", "86401"),
        ("sasl.oauthbearer.assertion.claim.nbf.seconds", "3601"),
        ("sasl.oauthbearer.assertion.algorithm", "none"),
        ("sasl.oauthbearer.sub.claim.name", " "),
    ] {
        let error = config(Dialect::Java, &[(name, wrong)]).unwrap_err();
        assert!(matches!(error, ConfigError::InvalidValue { .. }), "{name}={wrong}: {error}");
    }
}

#[tokio::test]
async fn assertions() {
    let (Some(rsa), Some(ec), Some(locked)) =
        (key("rsa.pem"), key("ec.pem"), key("rsa-encrypted.pem"))
    else {
        return;
    };
    let server = Server::start();
    let bearer = ("sasl.oauthbearer.jwt.retriever.class", "JwtBearerJwtRetriever");
    let key_file = |path| ("sasl.oauthbearer.assertion.private.key.file", path);
    let plain = asked(&server, &[bearer, key_file(&*rsa)]).await;
    assert_eq!(plain.form("grant_type"), "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let (header, claims) = plain.assertion();
    assert!(header.contains("\"RS256\"") && plain.authorization.is_empty(), "{header}");
    let number = |claims: &str, name: &str| -> u64 {
        let rest = claims.split(&format!("\"{name}\":")).nth(1).unwrap();
        rest.split([',', '}']).next().unwrap().parse().unwrap()
    };
    let lifetime = |claims: &str| number(claims, "exp") - number(claims, "iat");
    let before = |claims: &str| number(claims, "iat") - number(claims, "nbf");
    assert_eq!((lifetime(&claims), before(&claims)), (300, 60));
    for absent in ["jti", "iss", "sub", "aud", "team"] {
        assert!(!claims.contains(absent), "{claims}");
    }

    let template = std::env::temp_dir().join(format!("rohrpost-template-{}", std::process::id()));
    std::fs::write(&template, "{\"header\":{\"kid\":\"k1\"},\"payload\":{\"team\":\"x\"}}")
        .unwrap();
    let all = asked(
        &server,
        &[
            bearer,
            key_file(&*ec),
            ("sasl.oauthbearer.assertion.algorithm", "es256"),
            ("sasl.oauthbearer.assertion.claim.aud", "them"),
            ("sasl.oauthbearer.assertion.claim.iss", "us"),
            ("sasl.oauthbearer.assertion.claim.sub", "me"),
            ("sasl.oauthbearer.assertion.claim.exp.seconds", "10"),
            ("sasl.oauthbearer.assertion.claim.nbf.seconds", "20"),
            ("sasl.oauthbearer.assertion.claim.jti.include", "true"),
            ("sasl.oauthbearer.assertion.template.file", template.to_str().unwrap()),
            ("sasl.oauthbearer.scope", "write"),
        ],
    )
    .await;
    std::fs::remove_file(template).unwrap();
    let (header, claims) = all.assertion();
    assert!(header.contains("\"ES256\"") && header.contains("\"kid\":\"k1\""), "{header}");
    assert_eq!((lifetime(&claims), before(&claims)), (10, 20));
    for part in
        ["\"aud\":\"them\"", "\"iss\":\"us\"", "\"sub\":\"me\"", "\"team\":\"x\"", "\"jti\":"]
    {
        assert!(claims.contains(part), "{part}: {claims}");
    }
    assert_eq!(all.form("scope"), "write");

    let passphrase = |text| ("sasl.oauthbearer.assertion.private.key.passphrase", text);
    asked(&server, &[bearer, key_file(&*locked), passphrase("key-passphrase")]).await;
    let wrong = [bearer, key_file(&*locked), passphrase("hush")];
    assert!(java(&server, "/token", &wrong).await.unwrap_err().contains("rsa-encrypted.pem"));

    // In place of a secret (KIP-1258): where there is an issuer, or a file.
    let issuer = ("sasl.oauthbearer.assertion.claim.iss", "us");
    let shown = asked(&server, &[key_file(&*rsa), issuer]).await;
    assert_eq!(
        (shown.form("grant_type"), shown.form("client_id")),
        ("client_credentials", "orders")
    );
    assert!(shown.authorization.is_empty() && shown.assertion().1.contains("\"iss\":\"us\""));
    let error = java(&server, "/token", &[key_file(&*rsa)]).await.unwrap_err();
    assert!(error.starts_with("sasl.oauthbearer.assertion.claim.iss is not set"), "{error}");
    let ready = std::env::temp_dir().join(format!("rohrpost-assertion-{}", std::process::id()));
    std::fs::write(&ready, " one.two.three\n").unwrap();
    let file = ("sasl.oauthbearer.assertion.file", ready.to_str().unwrap());
    assert_eq!(asked(&server, &[file]).await.form("client_assertion"), "one.two.three");
    assert_eq!(asked(&server, &[file, bearer]).await.form("assertion"), "one.two.three");
    std::fs::remove_file(&ready).unwrap();
    let error = java(&server, "/token", &[file, bearer]).await.unwrap_err();
    assert!(error.contains("sasl.oauthbearer.assertion.file is not valid"), "{error}");
}

#[tokio::test]
async fn a_token_from_a_file() {
    let path = std::env::temp_dir().join(format!("rohrpost-token-{}", std::process::id()));
    std::fs::write(&path, token("")).unwrap();
    let url = format!("file://{}", path.display());
    for retriever in ["DefaultJwtRetriever", "FileJwtRetriever"] {
        let properties = [(ENDPOINT, &*url), ("sasl.oauthbearer.jwt.retriever.class", retriever)];
        assert!(sent(Dialect::Java, &properties).await.unwrap().contains(&token("")[..20]));
    }
    std::fs::remove_file(&path).unwrap();
    let error = sent(Dialect::Java, &[(ENDPOINT, &*url)]).await.unwrap_err();
    assert!(error.contains(ENDPOINT) && error.contains("that can be read"), "{error}");
}

#[tokio::test]
async fn tokens_that_nobody_signs_have_to_be_asked_for_in_so_many_words() {
    let jaas = format!("{LOGIN} unsecuredLoginStringClaim_sub=\"alice\";");
    let handler = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler";
    let jaas = ("sasl.jaas.config", &*jaas);
    let error = sent(Dialect::Java, &[jaas]).await.unwrap_err();
    assert!(error.starts_with("sasl.login.callback.handler.class is not set"), "{error}");
    let handler = ("sasl.login.callback.handler.class", handler);
    // {"alg":"none"}
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.";
    assert!(sent(Dialect::Java, &[jaas, handler]).await.unwrap().contains(unsigned));
    let error = sent(Dialect::Java, &[jaas, handler, (ENDPOINT, "http://x/")]).await.unwrap_err();
    assert!(error.starts_with("sasl.login.callback.handler.class and"), "{error}");

    let made =
        ("sasl.oauthbearer.config", "principal=alice scope=a,b lifeSeconds=60 extension_x=y");
    let error = sent(Dialect::Librdkafka, &[made]).await.unwrap_err();
    assert!(error.starts_with("sasl.oauthbearer.method is not set"), "{error}");
    let wanted = ("enable.sasl.oauthbearer.unsecure.jwt", "true");
    let bytes = sent(Dialect::Librdkafka, &[made, wanted]).await.unwrap();
    assert!(bytes.contains(unsigned) && bytes.ends_with("\u{1}x=y\u{1}\u{1}"), "{bytes:?}");
    let claims = bytes.split(['.', '\u{1}']).nth(2).unwrap();
    let claims = String::from_utf8(Base64UrlUnpadded::decode_vec(claims).unwrap()).unwrap();
    assert!(claims.contains("\"scope\":[\"a\",\"b\"]"), "{claims}");
    for wrong in ["principal", "principal=a more=b", "scope=a", "principal=a lifeSeconds=x"] {
        let error = sent(Dialect::Librdkafka, &[("sasl.oauthbearer.config", wrong), wanted]).await;
        assert!(error.unwrap_err().contains("sasl.oauthbearer.config"), "{wrong}");
    }
}

#[tokio::test]
async fn librdkafkas_names() {
    let server = Server::start();
    let url = server.url("/token");
    let oidc = |besides: &[(&'static str, &'static str)]| {
        let base = [(ENDPOINT, url.clone()), ("sasl.oauthbearer.method", "OIDC".to_owned())];
        let besides = besides.iter().map(|(name, value)| (*name, (*value).to_owned()));
        base.into_iter().chain(besides).collect::<Vec<_>>()
    };
    let sent = async |properties: &[(&str, String)]| {
        let borrowed: Vec<_> =
            properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        sent(Dialect::Librdkafka, &borrowed).await
    };
    let client =
        [("sasl.oauthbearer.client.id", "orders"), ("sasl.oauthbearer.client.secret", "hush")];
    let more = [
        client[0],
        client[1],
        ("sasl.oauthbearer.scope", "write"),
        ("sasl.oauthbearer.extensions", "a=b, c=d"),
    ];
    let bytes = sent(&oidc(&more)).await.unwrap();
    assert!(bytes.ends_with("\u{1}a=b\u{1}c=d\u{1}\u{1}"), "{bytes:?}");
    let [asked] = &server.asked()[..] else { panic!() };
    assert_eq!((&*asked.basic(), asked.form("scope")), ("orders:hush", "write"));
    let error = sent(&oidc(&client[..1])).await.unwrap_err();
    assert!(error.contains("client.secret is not set"), "{error}");
    let error = sent(&oidc(&[client[0], client[1], ("sasl.oauthbearer.extensions", "hush")])).await;
    assert!(!error.unwrap_err().contains("hush"));
    let error =
        sent(&oidc(&[("sasl.oauthbearer.metadata.authentication.type", "azure_imds")])).await;
    assert!(error.unwrap_err().contains("TokenProvider"));
    let error =
        sent(&oidc(&[client[0], client[1], ("https.ca.location", "/x")])).await.unwrap_err();
    assert!(error.contains(ENDPOINT) && error.contains("HTTPS"), "{error}");

    let Some(path) = key("ec.pem") else { return };
    let pem: &'static str = std::fs::read_to_string(path).unwrap().leak();
    let grant = ("sasl.oauthbearer.grant.type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let signed = [
        grant,
        ("sasl.oauthbearer.assertion.private.key.pem", pem),
        ("sasl.oauthbearer.assertion.algorithm", "ES256"),
        ("sasl.oauthbearer.assertion.claim.sub", "me"),
    ];
    sent(&oidc(&signed)).await.unwrap();
    let [asked] = &server.asked()[..] else { panic!() };
    assert!(asked.assertion().1.contains("\"sub\":\"me\""));
    let both = [signed[0], signed[1], ("sasl.oauthbearer.assertion.private.key.file", "/x")];
    assert!(sent(&oidc(&both)).await.unwrap_err().contains("one place"));
}

#[test]
fn what_lacks_contradicts_or_makes_no_sense_here_says_so() {
    let jaas = |options: &str| format!("{LOGIN} {options};");
    let (odd, tls) = (jaas("client.id=\"hush\""), jaas("ssl.truststore.location=\"/x\""));
    let unknown = jaas("ssl.truststore.locaton=\"/x\"");
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required;";
    let bearer = ("sasl.oauthbearer.jwt.retriever.class", "JwtBearerJwtRetriever");
    for (properties, expected) in [
        (&[][..], "sasl.oauthbearer.token.endpoint.url is not set, and sasl.mechanism"),
        (&[(ENDPOINT, "hush")], "the value of sasl.oauthbearer.token.endpoint.url is not valid"),
        (&[(ENDPOINT, "ftp://hush/")], "the value of sasl.oauthbearer.token.endpoint.url"),
        (&[(ENDPOINT, "file:hush")], "the value of sasl.oauthbearer.token.endpoint.url"),
        (&[(ENDPOINT, "http://a/")], "sasl.oauthbearer.client.credentials.client.id is not set"),
        (
            &[(ENDPOINT, "http://a/"), CLIENT[0]],
            "sasl.oauthbearer.client.credentials.client.secret",
        ),
        (&[(ENDPOINT, "http://a/"), bearer], "sasl.oauthbearer.assertion.private.key.file is not"),
        (&[(ENDPOINT, "file:///a"), bearer], "sasl.oauthbearer.token.endpoint.url and sasl.oauth"),
        (
            &[
                (ENDPOINT, "http://a/"),
                ("sasl.oauthbearer.jwt.retriever.class", "FileJwtRetriever"),
            ],
            "sasl.oauthbearer.token.endpoint.url and sasl.oauthbearer.jwt.retriever.class",
        ),
        (&[("sasl.jaas.config", &odd)], "SASL cannot be set up: the option client.id in"),
        (&[("sasl.jaas.config", plain)], "sasl.mechanism and sasl.jaas.config contradict"),
        (
            &[(ENDPOINT, "http://a/"), CLIENT[0], CLIENT[1], ("sasl.jaas.config", &tls)],
            "sasl.oauthbearer.token.endpoint.url and whom to trust by HTTPS contradict",
        ),
        (
            &[(ENDPOINT, "https://a/"), CLIENT[0], CLIENT[1], ("sasl.jaas.config", &unknown)],
            "SASL cannot be set up: the options in sasl.jaas.config for HTTPS",
        ),
        (
            &[
                ("sasl.mechanism", "PLAIN"),
                ("sasl.login.callback.handler.class", "OAuthBearerLoginCallbackHandler"),
            ],
            "sasl.login.callback.handler.class and sasl.mechanism contradict",
        ),
        (&[("sasl.login.class", "DefaultLogin")], "sasl.login.class and sasl.mechanism"),
        (
            &[("sasl.client.callback.handler.class", "IAMClientCallbackHandler")],
            "sasl.client.callback.handler.class and sasl.mechanism",
        ),
    ] {
        let error = config(Dialect::Java, properties).unwrap().validate().unwrap_err().to_string();
        assert!(error.starts_with(expected) && !error.contains("hush"), "{properties:?}: {error}");
    }
    for (name, value, part) in [
        ("sasl.oauthbearer.jwt.validator.class", "BrokerJwtValidator", "brokers verify"),
        ("sasl.oauthbearer.jwt.retriever.class", "com.example.Mine", "TokenProvider"),
        (
            "sasl.login.callback.handler.class",
            "io.strimzi.kafka.oauth.client.JaasClientOauthLoginCallbackHandler",
            "ProducerBuilder::sasl",
        ),
        (
            "sasl.login.callback.handler.class",
            "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler",
            "AWS_MSK_IAM",
        ),
        ("sasl.login.class", "com.example.Mine", "ProducerBuilder::sasl"),
        ("sasl.oauthbearer.jwks.endpoint.url", "http://a/", "brokers verify"),
    ] {
        let error = config(Dialect::Java, &[(name, value)]).unwrap_err();
        assert!(matches!(error, ConfigError::NotSupported { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
