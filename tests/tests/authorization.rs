//! What a real Kafka does not let a user do: each refusal names the resource and the permission that lacks, and is told before any time is over. And
//! SASL together with a client's certificate.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use harness::kafka::{Keys, Mode, PrivateCluster, Spec, Topic};
use rohrpost::{Error, ErrorKind, Outcome, Producer, ProducerRecord};
use tokio::runtime::Runtime;

/// Much more than it takes, so that whoever waits for its end fails by another kind of error.
const HOUR: Duration = Duration::from_secs(3_600);

struct World {
    cluster: PrivateCluster,
    runtime: Runtime,
}

impl World {
    fn start(label: &str, spec: &Spec) -> Self {
        let cluster = PrivateCluster::start(label, spec).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { cluster, runtime }
    }

    fn topic(&self, name: &str) {
        self.cluster.create_topic(&Topic::new(name)).unwrap();
    }

    fn deny(&self, operation: &str, resource: &[&str]) {
        self.rule("--deny-principal", operation, resource);
    }

    /// Adds an ACL for alice. Where a resource has any, what none allows is denied.
    fn rule(&self, which: &str, operation: &str, resource: &[&str]) {
        let rule = ["--add", which, "User:alice", "--operation", operation];
        self.cluster.acls(&[&rule, resource].concat()).unwrap();
    }

    fn send(&self, topic: &str, properties: BTreeMap<String, String>) -> Result<(), Error> {
        self.runtime.block_on(async {
            let producer = Producer::builder()
                .properties(properties)
                .max_block(HOUR)
                .delivery_timeout(HOUR)
                .build()
                .await?;
            let sent = producer.send(ProducerRecord::new(topic).value("v")).await;
            let delivered = match sent {
                Ok(delivery) => delivery.await.map(drop),
                Err(error) => Err(error),
            };
            let closed = producer.close(Duration::from_secs(30)).await;
            delivered.and(closed)
        })
    }

    fn alice(&self) -> BTreeMap<String, String> {
        self.cluster.client_properties(Mode::SaslPlain).unwrap()
    }

    /// An error by which nothing was written, with these words.
    fn refused(&self, topic: &str, properties: BTreeMap<String, String>, words: &[&str]) {
        let error = self.send(topic, properties).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authorization, "{error}");
        assert!(!error.is_retriable() && !error.is_fatal(), "{error}");
        assert!(matches!(error.outcome(), Outcome::NotWritten), "{error}");
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
}

#[test]
fn a_permission_that_lacks_is_named_with_its_resource() {
    let world = World::start("authorization", &Spec::default().security([Mode::SaslPlain]));
    for topic in ["open", "unwritable", "hidden"] {
        world.topic(topic);
    }
    world.send("open", world.alice()).unwrap();

    world.rule("--allow-principal", "All", &["--topic", "*"]);
    world.deny("Write", &["--topic", "unwritable"]);
    let topic = ["TOPIC_AUTHORIZATION_FAILED", "Write", "Topic"];
    world.refused("unwritable", world.alice(), &[&topic[..], &["unwritable"]].concat());
    world.deny("All", &["--topic", "hidden"]);
    world.refused("hidden", world.alice(), &[&topic[..], &["hidden", "Describe"]].concat());
    // What is refused for one topic is no matter for another.
    world.send("open", world.alice()).unwrap();

    // Whoever may write to some topic may do so idempotently (KIP-679); alice may write to none any more.
    world.deny("Write", &["--topic", "*"]);
    world.deny("IdempotentWrite", &["--cluster"]);
    world.refused(
        "open",
        world.alice(),
        &["CLUSTER_AUTHORIZATION_FAILED", "IdempotentWrite", "enable.idempotence"],
    );
    let mut careless = world.alice();
    careless.insert("enable.idempotence".to_owned(), "false".to_owned());
    world.refused("open", careless, &[&topic[..], &["open"]].concat());
}

#[test]
fn a_password_and_a_certificate_may_both_be_wanted() {
    let spec = Spec::default()
        .security([Mode::SaslSslPlain])
        .config("listener.name.sasl_ssl_plain.ssl.client.auth", "required");
    let world = World::start("password-and-certificate", &spec);
    world.topic("t");
    let alone = world.cluster.client_properties(Mode::SaslSslPlain).unwrap();
    let error = world.send("t", alone.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert!(error.to_string().contains("ssl.keystore.location"), "{error}");

    let keys = Keys::obtain().unwrap();
    let mut both = alone;
    for (name, value) in [
        ("ssl.keystore.type", "PEM".to_owned()),
        ("ssl.keystore.key", keys.pem("client.key").unwrap()),
        ("ssl.keystore.certificate.chain", keys.pem("client.crt").unwrap()),
    ] {
        both.insert(name.to_owned(), value);
    }
    world.send("t", both.clone()).unwrap();
    let jaas = both["sasl.jaas.config"].replace("alice-secret", "wrong-secret");
    both.insert("sasl.jaas.config".to_owned(), jaas);
    let error = world.send("t", both).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert!(error.to_string().contains("PLAIN"), "{error}");
}
