//! Kafka's own Java clients get into the testkit's brokers as they get into Kafka's.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use harness::kafka::{DEFAULT_VERSION, Distribution, Mode, PrivateCluster, Spec};
use rohrpost_testkit::{ClientAuth, Cluster, Sasl, SaslMechanism, Tls};

const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const PERFORMANCE: &str = "org.apache.kafka.tools.ProducerPerformance";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";

/// What becomes of a Java tool that talks to the cluster with these properties and is given this input.
fn java(
    cluster: &Cluster,
    properties: &str,
    class: &str,
    arguments: &[&str],
    input: &str,
) -> Output {
    let distribution = Distribution::obtain(DEFAULT_VERSION).unwrap();
    let name = format!("testkit-{}-{}.properties", std::process::id(), cluster.bootstrap_servers());
    let file = std::env::temp_dir().join(name.replace(':', "-"));
    fs::write(&file, properties).unwrap();
    let mut child = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &distribution.class_path(), class])
        .args(["--bootstrap-server", &cluster.bootstrap_servers()])
        .arg("--command-config")
        .arg(&file)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    fs::remove_file(&file).unwrap();
    output
}

fn printed(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]];
    both.map(String::from_utf8_lossy).concat()
}

fn login(mechanism: SaslMechanism, password: &str) -> String {
    let module = match mechanism {
        SaslMechanism::Plain => "plain.PlainLoginModule",
        SaslMechanism::OAuthBearer => "oauthbearer.OAuthBearerLoginModule",
        _ => "scram.ScramLoginModule",
    };
    let who = match mechanism {
        SaslMechanism::OAuthBearer => "unsecuredLoginStringClaim_sub=\"alice\"".to_owned(),
        _ => format!("username=\"alice\" password=\"{password}\""),
    };
    format!(
        "sasl.mechanism={mechanism}\nsasl.jaas.config=org.apache.kafka.common.security.{module} required {who};\n"
    )
}

/// PEM as a value of a property.
fn in_one_line(pem: &str) -> String {
    pem.trim_end().replace('\n', "\\n")
}

#[test]
fn javas_tools_get_in_by_every_mechanism_and_not_with_a_wrong_password() {
    for mechanism in SaslMechanism::ALL {
        let sasl = Sasl::new([mechanism]).user("alice", "alice-secret");
        let tls = Tls::new().client_auth(ClientAuth::Required);
        let cluster = Cluster::builder().brokers(1).sasl(sasl).tls(tls).start_blocking().unwrap();
        cluster.create_topic("t", 1).unwrap();
        let alice = cluster.client_certificate("alice").unwrap();
        let mut tls = "security.protocol=SASL_SSL\n".to_owned();
        for (name, value) in [
            ("ssl.truststore.type", "PEM".to_owned()),
            ("ssl.truststore.certificates", in_one_line(&cluster.ca_pem())),
            ("ssl.keystore.type", "PEM".to_owned()),
            ("ssl.keystore.certificate.chain", in_one_line(alice.certificate_pem())),
            ("ssl.keystore.key", in_one_line(alice.key_pem())),
        ] {
            writeln!(tls, "{name}={value}").unwrap();
        }
        let properties = tls.clone() + &login(mechanism, "alice-secret");
        let lines = "one\ntwo\nthree\n";
        let produced = java(&cluster, &properties, PRODUCER, &["--topic", "t"], lines);
        assert!(produced.status.success(), "{mechanism}: {}", printed(&produced));
        let read =
            ["--topic", "t", "--partition", "0", "--offset", "earliest", "--max-messages", "3"];
        let read = java(&cluster, &properties, CONSUMER, &read, "");
        assert_eq!(String::from_utf8_lossy(&read.stdout), lines, "{}", printed(&read));
        assert!(cluster.stats().authentications >= 2);

        if mechanism != SaslMechanism::OAuthBearer {
            let wrong = tls + &login(mechanism, "wrong");
            let refused = java(&cluster, &wrong, PRODUCER, &["--topic", "t"], "four\n");
            let said = printed(&refused);
            assert!(said.contains("SaslAuthenticationException: Authentication failed"), "{said}");
            assert_eq!(cluster.log("t", 0).len(), 3);
        }
    }
}

#[test]
fn javas_producer_authenticates_again_before_its_session_ends_and_keeps_its_connections() {
    let sasl = Sasl::new([SaslMechanism::ScramSha256])
        .user("alice", "alice-secret")
        .max_reauth(Duration::from_secs(2));
    let cluster = Cluster::builder().brokers(1).sasl(sasl).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    let properties = "security.protocol=SASL_PLAINTEXT\n".to_owned()
        + &login(SaslMechanism::ScramSha256, "alice-secret");
    let arguments =
        ["--topic", "t", "--num-records", "6000", "--throughput", "1000", "--record-size", "10"];
    let sent = java(&cluster, &properties, PERFORMANCE, &arguments, "");
    assert!(sent.status.success(), "{}", printed(&sent));
    let stats = cluster.stats();
    assert_eq!((stats.records, stats.expired_connections), (6000, 0), "{stats:?}");
    assert!(stats.reauthentications >= 2, "{stats:?}");
    assert_eq!(stats.connections, stats.authentications, "{stats:?}");
}

/// What a broker that wants SASL answers to the testkit's list of questions.
fn interrogate(server: &str, questions: &str) -> String {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "-p", "rohrpost-testkit", "--features", "sasl,tls"])
        .args(["--example", "interrogate_sasl", "--", server, questions])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_testkit_lets_in_and_turns_away_with_kafkas_words() {
    let modes = [
        (Mode::SaslPlain, "plain", &[SaslMechanism::Plain][..]),
        (Mode::SaslScram, "scram", &[SaslMechanism::ScramSha256, SaslMechanism::ScramSha512][..]),
    ];
    let spec = Spec::default().security(modes.map(|(mode, ..)| mode));
    let kafka = PrivateCluster::start("interrogated-sasl", &spec).unwrap();
    for (mode, questions, mechanisms) in modes {
        let sasl = Sasl::new(mechanisms.iter().copied()).user("alice", "alice-secret");
        let testkit = Cluster::builder().brokers(1).sasl(sasl).start_blocking().unwrap();
        let address = kafka.client_properties(mode).unwrap()["bootstrap.servers"].clone();
        let wanted = interrogate(&address, questions);
        let got = interrogate(&testkit.bootstrap_servers(), questions);
        assert!(wanted.lines().count() >= 48, "{wanted}");
        let pairs = wanted.lines().zip(got.lines()).filter(|(wanted, got)| wanted != got);
        let different: Vec<_> =
            pairs.map(|(wanted, got)| format!("\n  {wanted}\n  {got}")).collect();
        assert!(different.is_empty(), "Kafka's answers, and the testkit's:{}", different.concat());
        assert_eq!(got.lines().count(), wanted.lines().count());
    }
}
