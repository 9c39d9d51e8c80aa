//! What a broker is told of its listeners beside the plain one.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::state::{Node, State};
use super::keys::{Keys, STORE_PASSWORD};
use super::{Mode, OTHER_PASSWORD, OTHER_USER, PASSWORD, USER, kerberos, oidc};

/// Each mode's listener with its port on `node`, as `NAME://host:port` with `host`.
pub(in super::super) fn listeners(state: &State, node: &Node, host: &str) -> Vec<String> {
    let ports = state.spec.security.iter().zip(&node.secure_ports);
    ports.map(|(mode, port)| format!("{}://{host}:{port}", mode.listener())).collect()
}

/// The properties that make those listeners, and an authorizer; nothing without security.
pub(in super::super) fn properties(state: &State, keys: &Keys) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    if state.spec.security.is_empty() {
        return properties;
    }
    let mut set = |name: &str, value: &str| properties.insert(name.to_owned(), value.to_owned());
    let map: Vec<String> =
        [("PLAINTEXT".to_owned(), "PLAINTEXT"), ("CONTROLLER".to_owned(), "PLAINTEXT")]
            .into_iter()
            .chain(state.spec.security.iter().map(|mode| (mode.listener(), mode.protocol().name())))
            .map(|(listener, protocol)| format!("{listener}:{protocol}"))
            .collect();
    set("listener.security.protocol.map", &map.join(","));
    // Each listener has threads of its own; these see few connections.
    set("num.network.threads", "1");
    set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
    set("super.users", "User:ANONYMOUS");
    set("allow.everyone.if.no.acl.found", "true");
    set("sasl.kerberos.service.name", kerberos::SERVICE);
    for &mode in &state.spec.security {
        let prefix = format!("listener.name.{}.", mode.name());
        let mut set = |name: &str, value: &str| {
            properties.insert(format!("{prefix}{name}"), value.to_owned());
        };
        if let Some(certificate) = mode.certificate() {
            tls(mode, certificate, keys, &mut set);
        }
        if !mode.mechanisms().is_empty() {
            set("sasl.enabled.mechanisms", &mode.mechanisms().join(","));
        }
        for mechanism in mode.mechanisms() {
            sasl(mechanism, state, &mut set);
        }
    }
    properties
}

fn tls(mode: Mode, certificate: &str, keys: &Keys, set: &mut impl FnMut(&str, &str)) {
    set("ssl.keystore.location", &keys.file(&format!("{certificate}.p12")));
    set("ssl.keystore.password", STORE_PASSWORD);
    set("ssl.keystore.type", "PKCS12");
    set("ssl.truststore.location", &keys.file("truststore.p12"));
    set("ssl.truststore.password", STORE_PASSWORD);
    set("ssl.truststore.type", "PKCS12");
    set("ssl.client.auth", if mode == Mode::Mtls { "required" } else { "none" });
    if mode == Mode::SslCbc {
        set("ssl.enabled.protocols", "TLSv1.2");
        set("ssl.cipher.suites", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256");
    }
}

fn sasl(mechanism: &str, state: &State, set: &mut impl FnMut(&str, &str)) {
    let jaas = format!("{}.sasl.jaas.config", mechanism.to_ascii_lowercase());
    match mechanism {
        "PLAIN" => set(
            &jaas,
            &format!(
                "org.apache.kafka.common.security.plain.PlainLoginModule required \
                 user_{USER}=\"{PASSWORD}\" user_{OTHER_USER}=\"{}\";",
                quoted(OTHER_PASSWORD)
            ),
        ),
        "OAUTHBEARER" => {
            set(
                &jaas,
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
            );
            set(
                "oauthbearer.sasl.server.callback.handler.class",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
            );
            let provider = oidc::Provider::of(state);
            set("sasl.oauthbearer.jwks.endpoint.url", &provider.url("/jwks"));
            set("sasl.oauthbearer.expected.issuer", &provider.url(""));
            set("sasl.oauthbearer.expected.audience", crate::oidc::AUDIENCE);
        }
        "GSSAPI" => {
            let keytab = kerberos::Kdc::of(state).service_keytab();
            set(
                &jaas,
                &format!(
                    "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true \
                     storeKey=true keyTab=\"{}\" principal=\"{}\";",
                    keytab.display(),
                    kerberos::service_principal()
                ),
            );
        }
        _ => set(&jaas, "org.apache.kafka.common.security.scram.ScramLoginModule required;"),
    }
}

/// A value in double quotes, as JAAS reads it.
pub(super) fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What `StorageTool format --add-scram` takes, for each user.
pub(in super::super) fn scram_users(state: &State) -> Vec<String> {
    if !super::needs(&state.spec, "SCRAM-SHA-256") {
        return Vec::new();
    }
    let user = |mechanism: &str, iterations: u32| {
        format!("{mechanism}=[name={USER},iterations={iterations},password={PASSWORD}]")
    };
    vec![user("SCRAM-SHA-256", 4_096), user("SCRAM-SHA-512", 8_192)]
}

/// The options of every Java process that is a broker or a client of these listeners.
pub(in super::super) fn java_options(state: &State) -> Vec<String> {
    let mut options = Vec::new();
    if super::needs(&state.spec, "OAUTHBEARER") {
        // Neither a broker nor a client asks any other address for keys or tokens.
        let urls = oidc::Provider::of(state).urls_for_java();
        options.push(format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={urls}"));
    }
    if super::needs(&state.spec, "GSSAPI") {
        let config: &Path = &kerberos::Kdc::of(state).client_config();
        options.push(format!("-Djava.security.krb5.conf={}", config.display()));
    }
    options
}
