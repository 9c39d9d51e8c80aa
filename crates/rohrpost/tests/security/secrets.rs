//! Secrets are in no error, no log and no text of a configuration, whatever becomes of a run.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use rohrpost::{Error, ProducerBuilder};
use rohrpost_testkit::{ClientAuth, Sasl as Listener, SaslMechanism, Tls};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::{builder, cluster, send};

/// Everything that anybody logs, down to TRACE.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn add(&self, record: impl FnOnce(&mut dyn Visit)) {
        struct Line<'a>(&'a mut String);
        impl Visit for Line<'_> {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                writeln!(self.0, "{field}={value:?}").unwrap();
            }
        }
        record(&mut Line(&mut self.0.lock().unwrap()));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(|line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.add(|line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(|line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

const PASSWORD: &str = "Tr0ub4dor-password";
const WRONG: &str = "Tr0ub4dor-wrong";
const KEY_PASSWORD: &str = "Tr0ub4dor-key";

#[test]
fn no_secret_is_in_an_error_a_log_or_a_configuration() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.clone());
    let listener = Listener::new(SaslMechanism::ALL).user("alice", PASSWORD);
    let cluster = cluster(|of| of.sasl(listener).tls(Tls::new().client_auth(ClientAuth::Required)));
    let identity = cluster.client_certificate("alice").unwrap();
    let with = |mechanism: &str, module: &str, password: &str| -> ProducerBuilder {
        let jaas = format!(
            "org.apache.kafka.common.security.{module} required username=alice password=\"{password}\";"
        );
        builder(&cluster)
            .property("security.protocol", "SASL_SSL")
            .property("ssl.truststore.type", "PEM")
            .property("ssl.truststore.certificates", cluster.ca_pem())
            .property("ssl.keystore.type", "PEM")
            .property("ssl.keystore.key", identity.key_pem())
            .property("ssl.keystore.certificate.chain", identity.certificate_pem())
            .property("ssl.key.password", KEY_PASSWORD)
            .property("sasl.mechanism", mechanism)
            .property("sasl.jaas.config", jaas)
    };
    // The middle of the key, whatever the lines are broken like.
    let key = identity.key_pem().lines().nth(1).unwrap();
    for (mechanism, module) in
        [("PLAIN", "plain.PlainLoginModule"), ("SCRAM-SHA-512", "scram.ScramLoginModule")]
    {
        for password in [PASSWORD, WRONG] {
            let builder = with(mechanism, module, password);
            let mut told = format!("{builder:?} {:?}", builder.clone().into_config());
            let sent = send(builder);
            assert_eq!(sent.is_ok(), password == PASSWORD, "{sent:?}");
            if let Err(error) = sent {
                told += &format!("{error} {error:?} {:?}", error.config_error());
            }
            told += &log.0.lock().unwrap();
            for secret in [PASSWORD, WRONG, KEY_PASSWORD, key] {
                assert!(!told.contains(secret), "{told}");
            }
        }
    }
    #[cfg(feature = "oauth")]
    tokens(&log);
    #[cfg(feature = "msk-iam")]
    aws(&log);
    #[cfg(feature = "gssapi")]
    tickets(&log);
    stores(&log);
    references(&log);
    // Without the feature nothing is told at all.
    assert_eq!(log.0.lock().unwrap().is_empty(), !cfg!(feature = "tracing"));
}

/// All that anybody can see of a configuration and of what became of it.
fn told(builder: &ProducerBuilder, sent: &Result<(), Error>, log: &Log) -> String {
    let mut told = format!("{builder:?} {:?}", builder.clone().into_config());
    if let Err(error) = sent {
        told += &format!("{error} {error:?} {:?}", error.config_error());
    }
    told + &log.0.lock().unwrap()
}

fn sends(builder: &ProducerBuilder, gets_in: bool, secrets: &[&str], log: &Log) {
    let sent = send(builder.clone());
    assert_eq!(sent.is_ok(), gets_in, "{sent:?}");
    let told = told(builder, &sent, log);
    for secret in secrets {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

/// An authorization server that tells all that it was told, and a broker that refuses.
#[cfg(feature = "oauth")]
fn tokens(log: &Log) {
    use rohrpost_testkit::Tokens;

    use crate::tokens::{CLIENT, SECRET, Server};

    let server = Server::start();
    let listener = || Listener::new([SaslMechanism::OAuthBearer]);
    let open = cluster(|of| of.sasl(listener()));
    let nobody = cluster(|of| of.sasl(listener().tokens(Tokens::list([("x", "y")]))));
    let client = "sasl.oauthbearer.client.credentials.client.";
    for (cluster, secret, gets_in) in
        [(&open, SECRET, true), (&open, WRONG, false), (&nobody, SECRET, false)]
    {
        let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
        let jaas = format!(
            "{module} required clientSecret=\"{KEY_PASSWORD}\" extension_x=\"{PASSWORD}\";"
        );
        let builder = builder(cluster)
            .property("security.protocol", "SASL_PLAINTEXT")
            .property("sasl.mechanism", "OAUTHBEARER")
            .property("sasl.jaas.config", jaas)
            .property("sasl.oauthbearer.token.endpoint.url", server.url())
            .property(format!("{client}id"), CLIENT)
            .property(format!("{client}secret"), secret);
        let sent = send(builder.clone());
        assert_eq!(sent.is_ok(), gets_in, "{sent:?}");
        let told = told(&builder, &sent, log);
        let given = server.given();
        let tokens = given.iter().map(String::as_str);
        for secret in tokens.chain([SECRET, WRONG, KEY_PASSWORD, PASSWORD]) {
            assert!(!told.contains(secret), "{secret} is in {told}");
        }
    }
    // A key that is locked otherwise, and an assertion that is none.
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../auth/tests/keys/rsa-encrypted.pem");
    let bearer = builder(&open)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "OAUTHBEARER")
        .property("sasl.oauthbearer.token.endpoint.url", server.url())
        .property("sasl.oauthbearer.jwt.retriever.class", "JwtBearerJwtRetriever");
    let file = crate::File::new("assertion", PASSWORD);
    let ready = bearer
        .clone()
        .property("sasl.oauthbearer.assertion.file", file.path())
        .property("sasl.login.retry.backoff.max.ms", "100");
    sends(&ready, false, &[PASSWORD], log);
    if std::path::Path::new(keys).exists() {
        let locked = bearer
            .property("sasl.oauthbearer.assertion.private.key.file", keys)
            .property("sasl.oauthbearer.assertion.private.key.passphrase", WRONG);
        sends(&locked, false, &[WRONG], log);
    }
}

/// A broker that does not have the mechanism is shown nothing; credentials are made for it all the same.
#[cfg(feature = "msk-iam")]
fn aws(log: &Log) {
    use std::sync::Arc;

    use rohrpost::sasl::{
        AwsEnvironment, DefaultAwsCredentials, MskIamCredentials, RefreshSettings, Sasl,
    };

    let cluster = cluster(|of| of.sasl(Listener::new([SaslMechanism::Plain])));
    let environment: AwsEnvironment = [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", WRONG),
        ("AWS_SESSION_TOKEN", KEY_PASSWORD),
        ("AWS_REGION", "eu-central-1"),
    ]
    .into_iter()
    .collect();
    let provider = Arc::new(DefaultAwsCredentials::new(environment.clone()));
    let credentials = MskIamCredentials::new(provider, environment, RefreshSettings::default());
    let shown = format!("{credentials:?}");
    assert!(!shown.contains(WRONG) && !shown.contains(KEY_PASSWORD), "{shown}");
    let typed = builder(&cluster).sasl(Sasl::credentials("AWS_MSK_IAM", Arc::new(credentials)));
    sends(&typed, false, &[WRONG, KEY_PASSWORD], log);
    let module = "software.amazon.msk.auth.iam.IAMLoginModule";
    for odd in ["", " awsProfilName=\"x\""] {
        let jaas = format!(
            "{module} required awsRoleArn=\"arn:aws:iam::1:role/x\" awsRoleAccessKeyId=\"AKID\" awsRoleSecretAccessKey=\"{WRONG}\" awsRoleSessionToken=\"{KEY_PASSWORD}\"{odd};"
        );
        let builder = builder(&cluster)
            .property("security.protocol", "SASL_PLAINTEXT")
            .property("sasl.mechanism", "AWS_MSK_IAM")
            .property("sasl.jaas.config", jaas);
        let told = format!("{builder:?} {:?}", builder.clone().into_config());
        assert!(!told.contains(WRONG) && !told.contains(KEY_PASSWORD), "{told}");
    }
}

/// Keys of a keytab and of a ticket, and a KDC that tells all that it was told.
#[cfg(feature = "gssapi")]
fn tickets(log: &Log) {
    use crate::kerberos::{Echo, KEY, SESSION_KEY, guarded, logins};

    let (kdc, cluster) = (Echo::start(), guarded());
    let (builders, _files) = logins(&kdc, &cluster);
    for builder in builders {
        let asked = kdc.asked();
        sends(&builder, false, &[KEY, SESSION_KEY], log);
        assert!(kdc.asked() > asked, "the key was not used");
    }
}

/// Stores with the right password, and with another.
fn stores(log: &Log) {
    let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/stores/");
    if !std::path::Path::new(stores).exists() {
        return;
    }
    let cluster = cluster(|of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    for file in ["keytool.jks", "keytool.p12"] {
        for (store, key) in [("changeit", "changeit"), (WRONG, KEY_PASSWORD), ("changeit", WRONG)] {
            let builder = builder(&cluster)
                .property("security.protocol", "SSL")
                .property("ssl.truststore.type", "PEM")
                .property("ssl.truststore.certificates", cluster.ca_pem())
                .property("ssl.keystore.location", format!("{stores}{file}"))
                .property("ssl.keystore.password", store)
                .property("ssl.key.password", key);
            // Its certificate is none that this broker knows.
            sends(&builder, false, &["changeit", WRONG, KEY_PASSWORD], log);
        }
        let truststore = builder(&cluster)
            .property("security.protocol", "SSL")
            .property("ssl.truststore.location", format!("{stores}keytool-trust.jks"))
            .property("ssl.truststore.password", WRONG);
        sends(&truststore, false, &[WRONG], log);
    }
}

/// What stands elsewhere is shown no more than what is a password.
fn references(log: &Log) {
    let cluster = cluster(|of| of.sasl(Listener::new(SaslMechanism::ALL).user("alice", PASSWORD)));
    let file = crate::File::new(
        "references",
        &format!(
            "jaas=org.apache.kafka.common.security.plain.PlainLoginModule required username=alice password=\"{PASSWORD}\";\nid={KEY_PASSWORD}\nwrong={WRONG}\n"
        ),
    );
    let refer = |key: &str| format!("${{file:{}:{key}}}", file.path());
    let with = |name: &str, key: &str| {
        builder(&cluster)
            .property("config.providers", "file")
            .property("config.providers.file.class", "FileConfigProvider")
            .property("security.protocol", "SASL_PLAINTEXT")
            .property("sasl.mechanism", "PLAIN")
            .property("sasl.jaas.config", refer("jaas"))
            .property(name, refer(key))
    };
    let secrets = [PASSWORD, KEY_PASSWORD, WRONG];
    sends(&with("client.id", "id"), true, &secrets[..1], log);
    let shown = format!("{:?}", with("client.id", "id"));
    assert!(!shown.contains(KEY_PASSWORD), "{shown}");
    for name in ["sasl.jaas.config", "linger.ms", "compression.type", "sasl.mechanism"] {
        let builder = with(name, "wrong");
        let told = format!("{builder:?} {:?}", builder.clone().into_config());
        for secret in secrets {
            assert!(!told.contains(secret), "{name}: {told}");
        }
    }
}
