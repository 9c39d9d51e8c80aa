//! `security.protocol=SASL_SSL` and `SASL_PLAINTEXT`: who gets in, and what the others are told.

use std::sync::Arc;

use rohrpost::sasl::{
    self, BoxFuture, Credentials, CredentialsError, OAuthBearer, Sasl, SaslClient, TokenProvider,
};
use rohrpost::{ErrorKind, ProducerBuilder, ProducerConfig, SecurityProtocol};
use rohrpost_testkit::{Cluster, Sasl as Listener, SaslMechanism, Tls, Tokens};

use crate::{builder, cluster, send};

const USER: &str = "alice";
const PASSWORD: &str = "alice's \"secret\" \\ ü";

fn listener() -> Listener {
    Listener::new(SaslMechanism::ALL).user(USER, PASSWORD)
}

/// As Java writes it.
fn jaas(module: &str, password: &str) -> String {
    let password = password.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "org.apache.kafka.common.security.{module} required username=\"{USER}\" password=\"{password}\";"
    )
}

const MECHANISMS: [(&str, &str); 3] = [
    ("PLAIN", "plain.PlainLoginModule"),
    ("SCRAM-SHA-256", "scram.ScramLoginModule"),
    ("SCRAM-SHA-512", "scram.ScramLoginModule"),
];

fn with(cluster: &Cluster, mechanism: &str, module: &str, password: &str) -> ProducerBuilder {
    builder(cluster)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", mechanism)
        .property("sasl.jaas.config", jaas(module, password))
}

#[test]
fn each_mechanism_lets_in_who_knows_the_password() {
    let (open, secured) =
        (cluster(|of| of.sasl(listener())), cluster(|of| of.sasl(listener()).tls(Tls::new())));
    for (mechanism, module) in MECHANISMS {
        send(with(&open, mechanism, module, PASSWORD)).unwrap();
        let by_tls = with(&secured, mechanism, module, PASSWORD)
            .property("security.protocol", "SASL_SSL")
            .property("ssl.truststore.type", "PEM")
            .property("ssl.truststore.certificates", secured.ca_pem());
        send(by_tls).unwrap();
        let error = send(with(&open, mechanism, module, "another")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{mechanism}: {error}");
        assert!(error.to_string().contains(mechanism), "{error}");
        assert!(!error.to_string().contains("another"), "{error}");
    }
}

#[test]
fn a_program_says_who_it_is_itself() {
    let cluster = cluster(|of| of.sasl(listener()));
    for sasl in [
        Sasl::plain(USER, PASSWORD),
        Sasl::scram_sha_256(USER, PASSWORD),
        Sasl::scram_sha_512(USER, PASSWORD),
    ] {
        send(builder(&cluster).sasl(sasl)).unwrap();
    }
    let error = send(builder(&cluster).sasl(Sasl::plain(USER, ""))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let both = builder(&cluster).sasl(Sasl::plain(USER, "x")).property("sasl.mechanism", "PLAIN");
    let error = both.into_config().unwrap_err().to_string();
    assert!(error.starts_with("sasl.mechanism and ProducerBuilder::sasl"), "{error}");
}

#[test]
fn a_mechanism_that_the_listener_lacks_is_told_with_those_that_it_has() {
    let cluster =
        cluster(|of| of.sasl(Listener::new([SaslMechanism::ScramSha512]).user(USER, PASSWORD)));
    let error = send(builder(&cluster).sasl(Sasl::plain(USER, PASSWORD))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("SCRAM-SHA-512"), "{error}");
}

#[test]
fn tokens_of_ones_own_are_taken() {
    #[derive(Debug)]
    struct Token(&'static str);

    impl Credentials for Token {
        fn client(
            &self,
            _: &str,
        ) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
            let client = OAuthBearer::new(self.0).map(|client| Box::new(client) as _);
            Box::pin(std::future::ready(client.map_err(CredentialsError::from)))
        }
    }

    impl TokenProvider for Token {
        fn token(&self) -> BoxFuture<'_, Result<sasl::Token, CredentialsError>> {
            Box::pin(std::future::ready(Ok(sasl::Token::new(self.0))))
        }
    }

    let tokens = Tokens::list([("one.two.three", USER)]);
    let cluster = cluster(|of| of.sasl(Listener::new([SaslMechanism::OAuthBearer]).tokens(tokens)));
    let with = |token| Sasl::credentials("OAUTHBEARER", Arc::new(Token(token)));
    send(builder(&cluster).sasl(with("one.two.three"))).unwrap();
    send(builder(&cluster).sasl(Sasl::oauthbearer(Arc::new(Token("one.two.three"))))).unwrap();
    let error = send(builder(&cluster).sasl(with("four.five.six"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert!(!error.to_string().contains("four.five.six"), "{error}");
}

#[test]
fn what_lacks_or_contradicts_names_both() {
    let plain = jaas("plain.PlainLoginModule", "hunter2");
    let scram = jaas("scram.ScramLoginModule", "hunter2");
    let nobody =
        "org.apache.kafka.common.security.plain.PlainLoginModule required password=\"hunter2\";";
    for (settings, expected) in [
        #[cfg(not(feature = "gssapi"))]
        (&[][..], "sasl.mechanism is not set, and security.protocol"),
        // The default is GSSAPI.
        #[cfg(feature = "gssapi")]
        (&[][..], "sasl.jaas.config is not set, and sasl.mechanism"),
        (&[("sasl.mechanism", "PLAIN")], "sasl.jaas.config is not set, and sasl.mechanism"),
        (
            &[("sasl.mechanism", "SCRAM-SHA-256"), ("sasl.jaas.config", &plain)],
            "sasl.mechanism and sasl.jaas.config contradict",
        ),
        (
            &[("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", &scram)],
            "sasl.mechanism and sasl.jaas.config contradict",
        ),
        (
            &[("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", nobody)],
            "the option username in sasl.jaas.config is not set, and sasl.mechanism",
        ),
    ] {
        let all = [("bootstrap.servers", "a:1"), ("security.protocol", "SASL_PLAINTEXT")];
        let config = ProducerConfig::from_java(all.iter().chain(settings).copied()).unwrap();
        let error = config.validate().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!format!("{error} {error:?} {config:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn classes_of_other_packages_mean_the_same() {
    let config = ProducerConfig::from_java([
        ("bootstrap.servers", "a:1"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "PLAIN"),
        (
            "sasl.jaas.config",
            "kafkashaded.org.apache.kafka.common.security.plain.PlainLoginModule required username=\"$ConnectionString\" password=\"Endpoint=x;y\";",
        ),
    ]);
    config.unwrap().validate().unwrap();
}

#[test]
fn librdkafkas_names_mean_the_same() {
    let cluster = cluster(|of| of.sasl(listener()));
    let servers = cluster.bootstrap_servers();
    let config = |user: &[(&'static str, &'static str)]| {
        let base = [
            ("bootstrap.servers", &*servers),
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanisms", "SCRAM-SHA-256"),
        ];
        ProducerConfig::from_librdkafka(base.iter().chain(user).copied())
    };
    let known = config(&[("sasl.username", USER), ("sasl.password", PASSWORD)]).unwrap();
    assert_eq!(known.security_protocol(), SecurityProtocol::SaslPlaintext);
    send(ProducerBuilder::from_config(known)).unwrap();
    let error = config(&[("sasl.username", USER)]).unwrap_err().to_string();
    assert!(error.starts_with("sasl.password is not set, and sasl.mechanism"), "{error}");
}
