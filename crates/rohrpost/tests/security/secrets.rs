//! Secrets are in no error and in no text of a configuration, whatever becomes of a run. (What is logged: `tests/tracing.rs`.)

use rohrpost::ProducerBuilder;
use rohrpost_testkit::{ClientAuth, Sasl as Listener, SaslMechanism, Tls};

use crate::{builder, cluster, send};

const PASSWORD: &str = "Tr0ub4dor-password";
const WRONG: &str = "Tr0ub4dor-wrong";
const KEY_PASSWORD: &str = "Tr0ub4dor-key";

#[test]
fn no_secret_is_in_an_error_or_a_configuration() {
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
            for secret in [PASSWORD, WRONG, KEY_PASSWORD, key] {
                assert!(!told.contains(secret), "{told}");
            }
        }
    }
}
