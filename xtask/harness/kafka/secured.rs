//! The ways into a cluster, as its clients and its tests want them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::security::{self, Keys, Mode};
use super::state::cluster_dir;
use super::{Cluster, Error, Result};

const ACLS: &str = "org.apache.kafka.tools.AclCommand";
const ACLS_BEFORE: &str = "kafka.admin.AclCommand";

/// What Kerberos left for the cluster's user.
#[derive(Debug, Clone)]
pub struct Kerberos {
    /// `krb5.conf`: `KRB5_CONFIG`, or Java's `java.security.krb5.conf`.
    pub config: PathBuf,
    /// The user's keys.
    pub keytab: PathBuf,
    /// A ticket of the user.
    pub ticket_cache: PathBuf,
    /// A ticket of the user that has expired.
    pub expired_cache: PathBuf,
    /// The keys of `carol`, of whom the KDC wants no proof ahead of a ticket.
    pub trusted_keytab: PathBuf,
    /// Keys of `bob`, which have been changed since.
    pub stale_keytab: PathBuf,
    /// The broker's keys.
    pub service_keytab: PathBuf,
    /// The user with the realm.
    pub principal: String,
}

impl Cluster {
    /// The properties by which a client gets in, `bootstrap.servers` among them, by Java's names.
    ///
    /// # Errors
    ///
    /// The cluster was not made with this mode.
    pub fn client_properties(&self, mode: Mode) -> Result<BTreeMap<String, String>> {
        let state = self.state()?;
        if !state.spec.security.contains(&mode) {
            return Err(security::missing(&state, mode));
        }
        Ok(security::client_properties(&state, &Keys::obtain()?, mode))
    }

    /// The same as a file, for whatever reads Java's properties.
    ///
    /// # Errors
    ///
    /// As [`Cluster::client_properties`].
    pub fn client_file(&self, mode: Mode) -> Result<PathBuf> {
        self.client_properties(mode)?;
        Ok(cluster_dir(self.name()).join(format!("client/{mode}.properties")))
    }

    /// The address of the provider of tokens with this path, such as `/token`.
    ///
    /// # Errors
    ///
    /// The cluster was made without one.
    pub fn token_url(&self, path: &str) -> Result<String> {
        let state = self.state()?;
        if !security::needs(&state.spec, "OAUTHBEARER") {
            return Err(security::missing(&state, Mode::Oauth));
        }
        Ok(security::Provider::of(&state).url(path))
    }

    /// A file with a token that lives for years.
    ///
    /// # Errors
    ///
    /// As [`Cluster::token_url`].
    pub fn token_file(&self) -> Result<PathBuf> {
        self.token_url("").map(|_| cluster_dir(self.name()).join("client/token.jwt"))
    }

    /// What a client needs beside the properties to get in by Kerberos.
    ///
    /// # Errors
    ///
    /// The cluster was made without it.
    pub fn kerberos(&self) -> Result<Kerberos> {
        let state = self.state()?;
        if !security::needs(&state.spec, "GSSAPI") {
            return Err(security::missing(&state, Mode::Kerberos));
        }
        let kdc = security::Kdc::of(&state);
        Ok(Kerberos {
            config: kdc.client_config(),
            keytab: kdc.user_keytab(),
            ticket_cache: kdc.ticket_cache(),
            expired_cache: kdc.expired_cache(),
            trusted_keytab: kdc.trusted_keytab(),
            stale_keytab: kdc.stale_keytab(),
            service_keytab: kdc.service_keytab(),
            principal: format!("{}@{}", security::USER, security::REALM),
        })
    }

    /// Runs the test of this name of the running program once more, as a process that finds the
    /// cluster's KDC: which one there is, a process is told by its environment alone. `false`: this
    /// is that process.
    ///
    /// # Errors
    ///
    /// The cluster was made without Kerberos, or the test fails in there.
    pub fn with_kerberos(&self, test: &str) -> Result<bool> {
        const VARIABLE: &str = "KRB5_CONFIG";
        let config = self.kerberos()?.config;
        if std::env::var_os(VARIABLE).is_some_and(|named| named == config) {
            return Ok(false);
        }
        let failed = |source| Error::Io { doing: format!("run {test} once more"), source };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["--exact", test, "--nocapture"]).env(VARIABLE, &config);
        let status = command.env_remove("KRB5CCNAME").status().map_err(failed)?;
        if status.success() {
            return Ok(true);
        }
        Err(Error::Tool { command: format!("{test} with {VARIABLE}"), output: status.to_string() })
    }

    /// Changes the ACLs: the arguments of Kafka's own tool, without its `--bootstrap-server`.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn acls(&self, arguments: &[&str]) -> Result<String> {
        let servers = self.bootstrap_servers();
        let arguments = [&["--bootstrap-server", &servers], arguments].concat();
        match self.tool(ACLS, &arguments) {
            Err(Error::Tool { output, .. }) if output.contains("ClassNotFoundException") => {
                self.tool(ACLS_BEFORE, &arguments)
            }
            result => result,
        }
    }
}
