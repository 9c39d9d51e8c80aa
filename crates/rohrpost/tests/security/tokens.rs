//! `sasl.mechanism=OAUTHBEARER` by properties: from the authorization server to the broker.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use rohrpost::{ErrorKind, ProducerBuilder, ProducerConfig};
use rohrpost_testkit::{Cluster, Sasl as Listener, SaslMechanism, Tls};

use crate::{builder, cluster, refused, send};

pub(crate) const CLIENT: &str = "orders";
pub(crate) const SECRET: &str = "Tr0ub4dor-client";

/// An authorization server that knows one client, and gives it tokens that nobody signs, which the brokers of these tests take.
pub(crate) struct Server {
    port: u16,
    /// What it gave.
    given: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, given) = (listener.local_addr().unwrap().port(), Arc::default());
        let log: Arc<Mutex<Vec<String>>> = Arc::clone(&given);
        let right = Base64::encode_string(format!("{CLIENT}:{SECRET}").as_bytes());
        // It ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut request, mut piece) = (String::new(), [0; 4_096]);
                // The form is short, and comes with the head or right behind it.
                while !request.contains("grant_type=") {
                    match stream.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.push_str(&String::from_utf8_lossy(&piece[..read])),
                    }
                }
                let (status, body) = if request.contains(&format!("Basic {right}")) {
                    let token = token();
                    log.lock().unwrap().push(token.clone());
                    (200, format!("{{\"access_token\":\"{token}\"}}"))
                } else {
                    // It tells all that it was told.
                    let shown = request.lines().find_map(|line| Some(line.split_once("Basic ")?.1));
                    let shown = shown.unwrap_or(request.lines().last().unwrap_or(""));
                    let pair = Base64::decode_vec(shown).unwrap_or_default();
                    let words = format!("{shown} {}", String::from_utf8_lossy(&pair));
                    (
                        401,
                        format!(
                            "{{\"error\":\"invalid_client\",\"error_description\":\"{words}\"}}"
                        ),
                    )
                };
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { port, given }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}/token", self.port)
    }

    pub(crate) fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }
}

fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!("{{\"sub\":\"{CLIENT}\",\"iat\":{now},\"exp\":{}}}", now + 300);
    let encoded = Base64UrlUnpadded::encode_string;
    format!("{}.{}.", encoded(b"{\"alg\":\"none\"}"), encoded(claims.as_bytes()))
}

fn listener() -> Listener {
    Listener::new([SaslMechanism::OAuthBearer])
}

fn java(cluster: &Cluster, url: &str, secret: &str) -> ProducerBuilder {
    let client = "sasl.oauthbearer.client.credentials.client.";
    builder(cluster)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "OAUTHBEARER")
        .property("sasl.oauthbearer.token.endpoint.url", url)
        .property(format!("{client}id"), CLIENT)
        .property(format!("{client}secret"), secret)
}

#[test]
fn an_authorization_servers_tokens_let_in_and_its_refusal_is_told() {
    let server = Server::start();
    let (open, secured) =
        (cluster(|of| of.sasl(listener())), cluster(|of| of.sasl(listener()).tls(Tls::new())));
    send(java(&open, &server.url(), SECRET)).unwrap();
    let by_tls = java(&secured, &server.url(), SECRET)
        .property("security.protocol", "SASL_SSL")
        .property("ssl.truststore.type", "PEM")
        .property("ssl.truststore.certificates", secured.ca_pem());
    send(by_tls).unwrap();
    // One token for each producer, however many connections it makes.
    assert_eq!(server.given().len(), 2);

    let error = send(java(&open, &server.url(), "Tr0ub4dor-wrong")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    let told = format!("{error} {error:?}");
    assert!(told.contains("invalid_client") && told.contains(&server.url()), "{told}");
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let gone = java(&open, &format!("http://{nobody}/token"), SECRET)
        .property("sasl.login.retry.backoff.max.ms", "100");
    let why = refused(gone);
    assert!(why.contains(&nobody.to_string()), "{why}");
}

#[test]
fn librdkafkas_names_mean_the_same() {
    let (server, cluster) = (Server::start(), cluster(|of| of.sasl(listener())));
    let with = |secret: &str| {
        let config = ProducerConfig::from_librdkafka([
            ("bootstrap.servers", &*cluster.bootstrap_servers()),
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanisms", "OAUTHBEARER"),
            ("sasl.oauthbearer.method", "oidc"),
            ("sasl.oauthbearer.client.id", CLIENT),
            ("sasl.oauthbearer.client.secret", secret),
            ("sasl.oauthbearer.token.endpoint.url", &server.url()),
            ("message.timeout.ms", "4000"),
        ]);
        send(ProducerBuilder::from_config(config.unwrap()))
    };
    with(SECRET).unwrap();
    assert_eq!(with("another").unwrap_err().kind(), ErrorKind::Authentication);
}

#[test]
fn unsecured_tokens_are_made_where_their_class_is_named() {
    let cluster = cluster(|of| of.sasl(listener()));
    let login = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"alice\";";
    let with = builder(&cluster)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "OAUTHBEARER")
        .property("sasl.jaas.config", login);
    let error = with.clone().into_config().unwrap_err().to_string();
    assert!(error.starts_with("sasl.login.callback.handler.class is not set"), "{error}");
    let class = "OAuthBearerUnsecuredLoginCallbackHandler";
    send(with.property("sasl.login.callback.handler.class", class)).unwrap();
}

#[test]
fn whoever_does_not_wait_for_a_tokens_last_attempt_is_told_of_those_before() {
    let cluster = cluster(|of| of.sasl(listener()));
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/token", server.local_addr().unwrap());
    // It ends with the process.
    std::thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let impatient =
        java(&cluster, &url, SECRET).property("sasl.login.retry.backoff.max.ms", "60000");
    let why = refused(impatient);
    assert!(why.contains("no credentials yet") && why.contains(&url), "{why}");
    assert!(why.contains("503"), "{why}");
}

#[test]
fn a_file_that_is_not_there_fails_at_once_and_is_named() {
    let cluster = cluster(|of| of.sasl(listener()));
    let url = "http://127.0.0.1:9/token";
    let bearer = || java(&cluster, url, SECRET);
    let class = "sasl.oauthbearer.jwt.retriever.class";
    let token = builder(&cluster)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "OAUTHBEARER")
        .property("sasl.oauthbearer.token.endpoint.url", "file:///nowhere/token");
    let by_assertion = || bearer().property(class, "JwtBearerJwtRetriever");
    let assertion =
        by_assertion().property("sasl.oauthbearer.assertion.file", "/nowhere/assertion");
    let key =
        by_assertion().property("sasl.oauthbearer.assertion.private.key.file", "/nowhere/key");
    for (builder, file) in
        [(token, "/nowhere/token"), (assertion, "/nowhere/assertion"), (key, "/nowhere/key")]
    {
        let error = send(builder).unwrap_err();
        // Not when the time is over.
        assert_ne!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
        assert!(error.to_string().contains(file), "{error}");
    }
}
