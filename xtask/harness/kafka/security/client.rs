//! What a client is told so that it gets in, by Java's names of properties.

use std::collections::BTreeMap;

use super::super::state::{State, cluster_dir, create_dir, write_file};
use super::super::{Error, Result};
use super::broker::quoted;
use super::keys::{KEY_PASSWORD, Keys, STORE_PASSWORD};
use super::{Mode, PASSWORD, USER, kerberos, oidc};

/// The properties that get a client in by `mode`, `bootstrap.servers` among them.
pub(in super::super) fn client_properties(
    state: &State,
    keys: &Keys,
    mode: Mode,
) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        properties.insert(name.to_owned(), value);
    };
    let index = state.spec.security.iter().position(|known| *known == mode).unwrap_or(usize::MAX);
    let servers: Vec<String> = state
        .nodes
        .iter()
        .filter_map(|node| node.secure_ports.get(index))
        .map(|port| format!("localhost:{port}"))
        .collect();
    set("bootstrap.servers", servers.join(","));
    set("security.protocol", mode.protocol().name().to_owned());
    if mode.certificate().is_some() {
        let store =
            if mode == Mode::SslSelfSigned { "self-signed-truststore" } else { "truststore" };
        set("ssl.truststore.location", keys.file(&format!("{store}.p12")));
        set("ssl.truststore.password", STORE_PASSWORD.to_owned());
        set("ssl.truststore.type", "PKCS12".to_owned());
    }
    if mode == Mode::Mtls {
        set("ssl.keystore.location", keys.file("client.jks"));
        set("ssl.keystore.password", STORE_PASSWORD.to_owned());
        set("ssl.keystore.type", "JKS".to_owned());
        set("ssl.key.password", KEY_PASSWORD.to_owned());
    }
    // The strongest stands last.
    if let Some(mechanism) = mode.mechanisms().last() {
        set("sasl.mechanism", (*mechanism).to_owned());
        for (name, value) in sasl(mechanism, state) {
            set(name, value);
        }
    }
    properties
}

fn sasl(mechanism: &str, state: &State) -> Vec<(&'static str, String)> {
    const JAAS: &str = "sasl.jaas.config";
    let login = |module: &str, options: &str| {
        let package = "org.apache.kafka.common.security";
        (JAAS, format!("{package}.{module} required {options};"))
    };
    let by_password = format!("username=\"{USER}\" password=\"{}\"", quoted(PASSWORD));
    match mechanism {
        "PLAIN" => vec![login("plain.PlainLoginModule", &by_password)],
        "OAUTHBEARER" => vec![
            login(
                "oauthbearer.OAuthBearerLoginModule",
                &format!(
                    "clientId=\"{}\" clientSecret=\"{}\" scope=\"produce\"",
                    crate::oidc::CLIENT_ID,
                    crate::oidc::CLIENT_SECRET
                ),
            ),
            (
                "sasl.login.callback.handler.class",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
                    .to_owned(),
            ),
            ("sasl.oauthbearer.token.endpoint.url", oidc::Provider::of(state).url("/token")),
        ],
        "GSSAPI" => vec![
            (
                JAAS,
                format!(
                    "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true \
                     storeKey=true keyTab=\"{}\" principal=\"{USER}@{}\";",
                    kerberos::Kdc::of(state).user_keytab().display(),
                    kerberos::REALM
                ),
            ),
            ("sasl.kerberos.service.name", kerberos::SERVICE.to_owned()),
        ],
        _ => vec![login("scram.ScramLoginModule", &by_password)],
    }
}

/// Writes `client/<mode>.properties` into the cluster's folder, for every mode that it has.
pub(in super::super) fn write_client_files(state: &State, keys: &Keys) -> Result {
    let folder = cluster_dir(&state.name).join("client");
    create_dir(&folder)?;
    for &mode in &state.spec.security {
        let text = properties_text(&client_properties(state, keys, mode));
        write_file(&folder.join(format!("{mode}.properties")), &text)?;
    }
    Ok(())
}

/// Properties in the format of Java's files, in ASCII: whatever reads the file, and however.
pub fn properties_text(properties: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, value) in properties {
        text.push_str(name);
        text.push('=');
        for unit in value.encode_utf16() {
            match u8::try_from(unit) {
                Ok(b'\\') => text.push_str("\\\\"),
                Ok(b'\n') => text.push_str("\\n"),
                Ok(b'\r') => text.push_str("\\r"),
                Ok(byte @ b' '..=b'~') => text.push(char::from(byte)),
                _ => text.push_str(&format!("\\u{unit:04x}")),
            }
        }
        text.push('\n');
    }
    text
}

/// A mode that the cluster was not made with.
pub(in super::super) fn missing(state: &State, mode: Mode) -> Error {
    let has: Vec<&str> = state.spec.security.iter().map(|mode| mode.name()).collect();
    Error::InvalidSpec(format!(
        "cluster `{}` has no listener for {mode}; it has {}",
        state.name,
        if has.is_empty() { "none with security".to_owned() } else { has.join(", ") }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_properties_file_is_ascii_and_on_one_line_a_property() {
        let properties = BTreeMap::from([("a".to_owned(), "ü\\ \"=\n€".to_owned())]);
        assert_eq!(properties_text(&properties), "a=\\u00fc\\\\ \"=\\n\\u20ac\n");
    }
}
