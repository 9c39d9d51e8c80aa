//! The client asks once, whoever wants to know; goes to who answers; gives up in time; says who it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rohrpost_schema_registry::{
    AvroSerializer, Framing, Problem, Reference, ReferenceProblem, RegistryBuilder, RegistryError,
    Schema, SchemaId, SchemaRegistry, SerializerError, SerializerOptions, Store, TestRegistry,
    TlsSettings,
};
use rohrpost_serializer::{Part, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server of whatever kind: `serve` gets each connection, with the request's head in it.
struct Scripted {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Scripted {
    async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream, String) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let head = head_of(&mut stream).await;
                tokio::spawn(serve(stream, head));
            }
        });
        Self { address, task }
    }

    /// Answers every request with this.
    async fn answering(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
        Self::start(move |mut stream, _| {
            let answer = answer.clone();
            async move { drop(stream.write_all(answer.as_bytes()).await) }
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn client(&self) -> RegistryBuilder {
        SchemaRegistry::builder().url(&self.url()).retries(0)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}

fn attempts(error: RegistryError) -> Vec<Problem> {
    match error {
        RegistryError::Down { attempts, .. } => {
            attempts.into_iter().map(|attempt| attempt.problem).collect()
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_crowd_asks_once_and_what_cannot_change_is_not_asked_again() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    let schema = Arc::new(Schema::avro("\"string\""));
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let (registry, schema) = (registry.clone(), Arc::clone(&schema));
            tokio::spawn(async move {
                let registered = registry.register("s", &schema, false).await?;
                let guid = registered.guid.unwrap();
                registry.look_up("s", &schema, false).await?;
                registry.by_id(SchemaId(1), None).await?;
                registry.by_guid(guid).await?;
                registry.version("s", 1).await
            })
        })
        .collect();
    for task in crowd {
        assert_eq!(task.await.unwrap().unwrap().id, Some(SchemaId(1)));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 5, "{requests:#?}");
    // What can change is asked for each time.
    registry.latest("s").await.unwrap();
    registry.latest("s").await.unwrap();
    assert_eq!(server.requests().len(), 2);
    // What was deleted is not known any more.
    registry.delete_subject("s", false).await.unwrap();
    registry.register("s", &schema, false).await.unwrap();
    assert_eq!(registry.versions("s").await.unwrap(), [2]);
}

#[tokio::test]
async fn the_next_url_answers_where_one_is_down_and_is_asked_first_from_then_on() {
    let nobody = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let broken = Scripted::start(move |mut stream, _| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let answer = b"HTTP/1.1 503 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            drop(stream.write_all(answer).await);
        }
    })
    .await;
    let server = TestRegistry::start().await.unwrap();
    let urls = format!("http://{nobody},{},{}", broken.url(), server.url());
    let registry = SchemaRegistry::builder().url(&urls).retries(0).build().unwrap();
    for _ in 0..3 {
        assert!(registry.subjects().await.unwrap().is_empty());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::builder().url(&server.url()).retries(3).build().unwrap();
    for status in [500, 503, 429] {
        server.fail_next(3, status);
        assert!(registry.subjects().await.unwrap().is_empty());
        assert_eq!(server.requests().len(), 4, "{status}");
    }
    server.fail_next(9, 500);
    let error = registry.subjects().await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Refused { status: 500, code: Some(50001), .. }),
        "{error}"
    );
    assert!(error.is_retriable());
    assert_eq!(server.requests().len(), 4);
    for (status, is_denied) in [(401, true), (403, true), (501, false)] {
        server.fail_next(1, status);
        let error = registry.subjects().await.unwrap_err();
        assert_eq!(matches!(error, RegistryError::Denied { .. }), is_denied, "{error}");
        assert!(!error.is_retriable());
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn between_attempts_there_are_the_pauses_that_were_asked_for() {
    let server = TestRegistry::start().await.unwrap();
    let long = Duration::from_secs(1_000_000);
    let builder = SchemaRegistry::builder().url(&server.url()).call_timeout(long * 100);
    let registry = builder.retries(3).pauses(long, long).build().unwrap();
    server.fail_next(3, 503);
    let begin = tokio::time::Instant::now();
    registry.subjects().await.unwrap();
    // Each is somewhere between none and the longest: all three are hardly ever this short.
    let paused = begin.elapsed();
    assert!((Duration::from_secs(1_000)..3 * long).contains(&paused), "{paused:?}");
    server.fail_next(0, 503);
    let begin = tokio::time::Instant::now();
    registry.subjects().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1_000), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_version_that_is_none_is_called_so_and_one_may_be_compared_with() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    let (int, long) = (Schema::avro("\"int\""), Schema::avro("\"long\""));
    registry.register("s", &int, false).await.unwrap();
    registry.register("s", &long, false).await.unwrap();
    let check = |version| registry.check_compatibility("s", &int, version);
    assert!(check(Some(1)).await.unwrap().is_compatible);
    let with_second = check(Some(2)).await.unwrap();
    assert!(!with_second.is_compatible && !with_second.messages.is_empty(), "{with_second:?}");
    let expected =
        RegistryError::VersionNotFound { subject: "s".to_owned(), version: "7".to_owned() };
    assert_eq!(check(Some(7)).await.unwrap_err(), expected);
    assert_eq!(registry.version("s", 7).await.unwrap_err(), expected);
    assert!(expected.to_string().contains("version 7"), "{expected}");
}

#[test]
fn outside_of_a_runtime_it_says_that_it_needs_one() {
    let registry = SchemaRegistry::new("http://localhost:1").unwrap();
    let mut asked = std::pin::pin!(registry.subjects());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = asked.as_mut().poll(&mut context) else { panic!() };
    assert_eq!(error, RegistryError::NoRuntime);
}

#[tokio::test]
async fn a_registry_that_has_no_guids_is_told_from_one_that_has() {
    let server = Scripted::answering(200, r#"{"id": 1, "schema": "\"int\""}"#).await;
    let client = server.client().build().unwrap();
    for (framing, outcome) in [(Framing::Classic, true), (Framing::Header, false)] {
        let options = SerializerOptions::new().framing(framing);
        let serializer = AvroSerializer::new(&client, Schema::avro("\"int\""), options).unwrap();
        let prepared = Serializer::<i32>::prepare(&serializer, "t", Part::Value, &1).unwrap().await;
        assert_eq!(prepared.is_ok(), outcome, "{prepared:?}");
        if let Err(error) = prepared {
            let no_guid = RegistryError::NoGuid { id: Some(SchemaId(1)) };
            assert_eq!(error, SerializerError::Registry(no_guid));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_given_up_in_time() {
    let silent = Scripted::start(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let registry = silent.client().read_timeout(Duration::from_secs(5)).retries(1).build().unwrap();
    let problems = attempts(registry.subjects().await.unwrap_err());
    let timeout = Problem::Timeout { what: "answer", after: Duration::from_secs(5) };
    assert_eq!(problems, [timeout.clone(), timeout]);
    let total = Duration::from_secs(7);
    let hasty = silent.client().retries(100).call_timeout(total).build().unwrap();
    let problems = attempts(hasty.subjects().await.unwrap_err());
    assert_eq!(problems, [Problem::Timeout { what: "answer in all", after: total }]);
}

#[tokio::test(start_paused = true)]
async fn who_trickles_is_given_up_in_time() {
    let trickling = Scripted::start(|mut stream, _| async move {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n[").await);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        while stream.write_all(b" ").await.is_ok() {
            ticks.tick().await;
        }
    })
    .await;
    let registry = trickling.client().build().unwrap();
    let problems = attempts(registry.subjects().await.unwrap_err());
    assert_eq!(problems, [Problem::Timeout { what: "answer", after: Duration::from_secs(30) }]);
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_in_size() {
    let endless = Scripted::start(|mut stream, _| async move {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await);
        while stream.write_all(&[b' '; 4_096]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let registry = endless.client().most_bytes(100_000).build().unwrap();
    let problems = attempts(registry.subjects().await.unwrap_err());
    assert_eq!(problems, [Problem::TooLarge { most: 100_000 }]);
}

#[tokio::test]
async fn what_is_no_registry_is_told_from_one() {
    for (status, body) in [(200, "<html>hello</html>"), (200, ""), (200, "{\"a\":1}")] {
        let server = Scripted::answering(status, body).await;
        let error = server.client().build().unwrap().subjects().await.unwrap_err();
        assert!(matches!(error, RegistryError::Answer { .. }), "{error}");
        assert!(error.to_string().contains(&server.url()), "{error}");
    }
    let page = Scripted::answering(404, "<html>nothing here</html>").await;
    let error = page.client().build().unwrap().latest("s").await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 404, code: None, .. }), "{error}");
    let moved = Scripted::answering(302, "").await;
    let problems = attempts(moved.client().build().unwrap().subjects().await.unwrap_err());
    assert_eq!(problems, [Problem::Redirect { status: 302 }]);
    let garbage = Scripted::start(|mut stream, _| async move {
        drop(stream.write_all(b"SSH-2.0-OpenSSH\r\n").await);
    })
    .await;
    let problems = attempts(garbage.client().build().unwrap().subjects().await.unwrap_err());
    assert!(matches!(problems[..], [Problem::Protocol { .. }]), "{problems:?}");
    let closing = Scripted::start(|stream, _| async move { drop(stream) }).await;
    let problems = attempts(closing.client().build().unwrap().subjects().await.unwrap_err());
    assert!(matches!(problems[..], [Problem::Protocol { .. }]), "{problems:?}");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    // Each connection is good for one answer, and says nothing of that.
    let server = Scripted::answering(200, "[]").await;
    let registry = server.client().build().unwrap();
    for _ in 0..20 {
        assert!(registry.subjects().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn who_one_is_is_said_to_each_url_as_the_settings_say_it() {
    let heads = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&heads);
    let server = Scripted::start(move |mut stream, head| {
        log.lock().unwrap().push(head);
        async move {
            drop(stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n[]").await);
        }
    })
    .await;
    let address = server.address;
    let url = server.url();
    let with_user = format!("http://me:p%40ss@{address}/base");
    let ask = |registry: SchemaRegistry| async move { registry.subjects().await.map(drop) };
    ask(SchemaRegistry::new(&url).unwrap()).await.unwrap();
    ask(SchemaRegistry::new(&with_user).unwrap()).await.unwrap();
    ask(server.client().basic("me", "p@ss").build().unwrap()).await.unwrap();
    let cloud = server.client().token("T0KEN").logical_cluster("lsrc-1").identity_pool("pool-1");
    ask(cloud.build().unwrap()).await.unwrap();
    let heads = heads.lock().unwrap();
    assert!(!heads[0].contains("authorization"));
    // me:p@ss
    let basic = "authorization: basic bwu6cebzcw==\r\n";
    assert!(heads[1].contains(basic) && heads[1].starts_with("get /base/subjects"), "{}", heads[1]);
    assert!(!heads[1].contains("me:"), "{}", heads[1]);
    assert!(heads[2].contains(basic), "{}", heads[2]);
    assert!(heads[3].contains("authorization: bearer t0ken\r\n"), "{}", heads[3]);
    assert!(heads[3].contains("target-sr-cluster: lsrc-1\r\n"), "{}", heads[3]);
    assert!(heads[3].contains("confluent-identity-pool-id: pool-1\r\n"), "{}", heads[3]);
}

#[tokio::test]
async fn a_token_is_fetched_once_with_client_credentials_and_refusals_are_told() {
    let asked = Arc::new(std::sync::Mutex::new(String::new()));
    let asks = Arc::clone(&asked);
    let idp = Scripted::start(move |mut stream, head| {
        let asks = Arc::clone(&asks);
        async move {
            let (head, begun) = head.split_once("\r\n\r\n").unwrap();
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            let mut rest = vec![0; length.parse::<usize>().unwrap() - begun.len()];
            stream.read_exact(&mut rest).await.unwrap();
            asks.lock().unwrap().push_str(&format!("{begun}{}", String::from_utf8(rest).unwrap()));
            let token = r#"{"access_token":"abc.def","token_type":"Bearer","expires_in":3600}"#;
            let length = token.len();
            let answer = format!("HTTP/1.1 200 X\r\ncontent-length: {length}\r\n\r\n{token}");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    })
    .await;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = Scripted::start(move |mut stream, head| {
        log.lock().unwrap().push(head.contains("authorization: bearer abc.def\r\n"));
        async move {
            drop(stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n[]").await);
        }
    })
    .await;
    let properties = |idp: &Scripted| {
        [
            ("schema.registry.url", server.url()),
            ("bearer.auth.credentials.source", "OAUTHBEARER".to_owned()),
            ("bearer.auth.issuer.endpoint.url", format!("{}/token", idp.url())),
            ("bearer.auth.client.id", "me".to_owned()),
            ("bearer.auth.client.secret", "hush".to_owned()),
            ("bearer.auth.scope", "schemas".to_owned()),
        ]
    };
    let registry = SchemaRegistry::from_properties(properties(&idp)).unwrap();
    registry.subjects().await.unwrap();
    drop(idp);
    registry.subjects().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [true, true]);
    assert_eq!(*asked.lock().unwrap(), "grant_type=client_credentials&scope=schemas");
    let refusing = Scripted::answering(401, r#"{"error":"invalid_client"}"#).await;
    let registry = SchemaRegistry::from_properties(properties(&refusing)).unwrap();
    let error = registry.subjects().await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("invalid_client") && !error.to_string().contains("hush"));
}

#[tokio::test]
async fn files_of_protocol_buffers_are_asked_for_as_descriptors_and_nothing_else_is() {
    let server = Scripted::start(|mut stream, head| async move {
        let body = match (head.contains("/ids/1"), head.contains("format=serialized")) {
            (true, false) => r#"{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";"}"#,
            (true, true) => r#"{"schemaType":"PROTOBUF","schema":"CgR0ZXN0"}"#,
            (false, false) => r#"{"schema":"\"int\""}"#,
            (false, true) => "{}",
        };
        let answer = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        drop(stream.write_all(answer.as_bytes()).await);
    })
    .await;
    let registry = server.client().build().unwrap();
    assert_eq!(registry.by_id(SchemaId(1), None).await.unwrap().schema.text, "CgR0ZXN0");
    assert_eq!(registry.by_id(SchemaId(2), None).await.unwrap().schema.text, "\"int\"");
}

#[tokio::test]
async fn references_that_go_in_a_circle_or_without_end_are_errors() {
    let answer = |of: fn(i32) -> String| {
        Scripted::start(move |mut stream, head| async move {
            let version = head.split("/versions/").nth(1).unwrap();
            let version: i32 = version.split(['?', ' ']).next().unwrap().parse().unwrap();
            let body = of(version);
            let answer = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            drop(stream.write_all(answer.as_bytes()).await);
        })
    };
    fn schema(next: i32) -> String {
        format!(
            r#"{{"id":1,"schema":"\"int\"","references":[{{"name":"n","subject":"s","version":{next}}}]}}"#
        )
    }
    let top = Schema::avro("\"int\"").with_reference(Reference::new("n", "s", 1));
    let circle = answer(|version| schema(version % 3 + 1)).await;
    let endless = answer(|version| schema(version + 1)).await;
    for (server, problem) in
        [(&circle, ReferenceProblem::Circle), (&endless, ReferenceProblem::TooMany { most: 1_000 })]
    {
        let registry = server.client().build().unwrap();
        let error = registry.references(&top, None).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::References { problem: found, .. } if *found == problem),
            "{error}"
        );
    }
}

/// Certificates of one authority: the server's for `localhost`, and a client's.
struct Keys {
    ca: String,
    client: String,
    acceptor: tokio_rustls::TlsAcceptor,
}

fn keys() -> Keys {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |names: Vec<String>| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
        (certificate, key)
    };
    let (server, server_key) = signed(vec!["localhost".to_owned()]);
    let (client, client_key) = signed(vec!["client".to_owned()]);
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let key = pki_types::PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    Keys {
        ca: ca.pem(),
        client: format!("{}{}", client_key.serialize_pem(), client.pem()),
        acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(config)),
    }
}

#[tokio::test]
async fn tls_shows_a_certificate_to_whoever_wants_one_and_trusts_whom_it_is_told_to() {
    let Keys { ca, client, acceptor } = keys();
    let server = TestRegistry::start().await.unwrap();
    let behind = server.address();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let front = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut secured) = acceptor.accept(stream).await else { return };
                let mut plain = TcpStream::connect(behind).await.unwrap();
                drop(copy_bidirectional(&mut secured, &mut plain).await);
            });
        }
    });
    let url = format!("https://localhost:{port}");
    let properties = |extra: &[(&'static str, String)]| {
        let mut all = vec![("schema.registry.url", url.clone()), ("max.retries", "0".to_owned())];
        all.extend(extra.iter().cloned());
        SchemaRegistry::from_properties(all).unwrap()
    };
    let trusted = ("schema.registry.ssl.truststore.certificates", ca.clone());
    let (key, chain) = client.split_at(client.find("-----BEGIN CERTIFICATE").unwrap());
    let key = ("schema.registry.ssl.keystore.key", key.to_owned());
    let chain = ("schema.registry.ssl.keystore.certificate.chain", chain.to_owned());
    let mutual = properties(&[trusted.clone(), key, chain]);
    let registered = mutual.register("s", &Schema::avro("\"int\""), false).await.unwrap();
    assert_eq!(registered.id, Some(SchemaId(1)));
    let settings = TlsSettings::new()
        .truststore(Store::bytes(ca.as_str()))
        .keystore(Store::bytes(client.as_str()));
    let built = SchemaRegistry::builder().url(&url).tls(settings).retries(0).build().unwrap();
    assert_eq!(built.subjects().await.unwrap(), ["s"]);
    // Who shows none is refused; in TLS 1.3 after the handshake.
    let problems = attempts(properties(&[trusted]).subjects().await.unwrap_err());
    assert!(
        matches!(problems[..], [Problem::Tls { .. } | Problem::Protocol { .. }]),
        "{problems:?}"
    );
    // Who is not trusted is not talked to.
    let other = ("schema.registry.ssl.truststore.certificates", keys().ca);
    let problems = attempts(properties(&[other]).subjects().await.unwrap_err());
    assert!(matches!(problems[..], [Problem::Tls { .. }]), "{problems:?}");
    front.abort();
}

#[tokio::test]
async fn subjects_may_have_any_characters_and_stand_in_contexts() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    let schema = Schema::avro("\"int\"");
    let subjects =
        ["a/b", "a b+c", "50%2F", "?x=1&y#z", "größe-値", ":.ctx:in/it", "..", "a\\b\"c"];
    for subject in subjects {
        let registered = registry.register(subject, &schema, false).await.unwrap();
        assert_eq!(registered.id, Some(SchemaId(1)), "{subject}");
        assert_eq!(registry.versions(subject).await.unwrap(), [1], "{subject}");
        let found = registry.latest(subject).await.unwrap();
        assert_eq!(found.schema.text, schema.text, "{subject}");
    }
    let of_context = SchemaRegistry::builder().url(&server.url()).context("ctx").build().unwrap();
    assert_eq!(of_context.subjects().await.unwrap(), [":.ctx:in/it"]);
    assert_eq!(of_context.latest("in/it").await.unwrap().subject.as_deref(), Some(":.ctx:in/it"));
}
