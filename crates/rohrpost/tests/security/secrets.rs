//! Secrets are in no error, no log and no text of a configuration, whatever becomes of a run.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use rohrpost::ProducerBuilder;
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
    // Without the feature nothing is told at all.
    assert_eq!(log.0.lock().unwrap().is_empty(), !cfg!(feature = "tracing"));
}
