//! The ways into a secured cluster, right and wrong, as data: properties in, outcome out.

mod sasl;
mod tls;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::kafka::{Cluster, Keys, Mode, Result};

/// One way to configure a client, and what must become of it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name: the key of the records that it sends.
    pub name: &'static str,
    /// The listener, whose [`Cluster::client_properties`] are the start.
    pub mode: Mode,
    /// What differs from them: [`REMOVED`] takes a property out. In a value, `{keys}` is the folder
    /// of the stores, `{pem NAME}` the text of a file in there, `{tokens}` the provider
    /// of tokens, `{token file}` one of its tokens, `{nonce}` another word each time, `{krb5 keytab}` and its like
    /// what Kerberos left.
    pub changes: &'static [(&'static str, &'static str)],
    /// What comes of it.
    pub outcome: Outcome,
}

/// What must become of a client.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// It gets in.
    In,
    /// It does not, and the error has all of these words.
    Refused(&'static [&'static str]),
}

const fn case(
    name: &'static str,
    mode: Mode,
    changes: &'static [(&'static str, &'static str)],
    outcome: Outcome,
) -> Case {
    Case { name, mode, changes, outcome }
}

/// As the value of a property in [`Case::changes`]: there is none.
pub const REMOVED: &str = "\0";

impl Case {
    /// Every case of TLS, with and without certificates of clients.
    pub fn tls() -> impl Iterator<Item = Self> {
        tls::CASES.iter().copied()
    }

    /// Every case of PLAIN and SCRAM.
    pub fn passwords() -> impl Iterator<Item = Self> {
        sasl::PASSWORDS.iter().copied()
    }

    /// Every case of OAUTHBEARER.
    pub fn tokens() -> impl Iterator<Item = Self> {
        sasl::TOKEN_CASES.iter().copied()
    }

    /// Every case of GSSAPI.
    pub fn kerberos() -> impl Iterator<Item = Self> {
        sasl::KERBEROS.iter().copied()
    }

    /// The client's properties.
    ///
    /// # Errors
    ///
    /// The cluster has no listener for the mode, or there is no such PEM file.
    pub fn properties(&self, cluster: &Cluster, keys: &Keys) -> Result<BTreeMap<String, String>> {
        let mut properties = cluster.client_properties(self.mode)?;
        for &(name, value) in self.changes {
            if value == REMOVED {
                properties.remove(name);
                continue;
            }
            let mut value = value.replace("{keys}", &keys.folder().display().to_string());
            if value.contains("{token") {
                value = value.replace("{tokens}", &cluster.token_url("/token")?);
                let file = cluster.token_file()?.display().to_string();
                value = value.replace("{token file}", &file).replace("{nonce}", &nonce());
            }
            if value.contains("{krb5 ") {
                let kerberos = cluster.kerberos()?;
                for (word, file) in [
                    ("{krb5 keytab}", kerberos.keytab),
                    ("{krb5 trusted keytab}", kerberos.trusted_keytab),
                    ("{krb5 stale keytab}", kerberos.stale_keytab),
                    ("{krb5 service keytab}", kerberos.service_keytab),
                    ("{krb5 cache}", kerberos.ticket_cache),
                    ("{krb5 expired cache}", kerberos.expired_cache),
                ] {
                    value = value.replace(word, &file.display().to_string());
                }
            }
            if let Some(file) = value.strip_prefix("{pem ").and_then(|rest| rest.strip_suffix('}'))
            {
                value = keys.pem(file)?;
            }
            properties.insert(name.to_owned(), value);
        }
        Ok(properties)
    }
}

fn nonce() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
