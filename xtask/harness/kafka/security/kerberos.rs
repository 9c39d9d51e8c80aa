//! A KDC of MIT Kerberos beside a cluster, with a realm, a broker and a user in it.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use super::super::java;
use super::super::state::{State, cluster_dir, create_dir, write_file};
use super::super::{Error, Result};
use super::{PASSWORD, USER};

/// The realm.
pub(in super::super) const REALM: &str = "ROHRPOST.TEST";
/// `sasl.kerberos.service.name`.
pub(super) const SERVICE: &str = "kafka";
/// Who need not prove that the key is known before there is a ticket.
const TRUSTED_USER: &str = "carol";
/// Whose keytab is older than the key.
const STALE_USER: &str = "bob";
/// The name of the helper in a cluster's state.
pub(in super::super) const NAME: &str = "kdc";

/// The broker's own principal; clients make it from the service and the host that they connect to.
pub(super) fn service_principal() -> String {
    format!("{SERVICE}/localhost@{REALM}")
}

/// The KDC of a cluster: everything of it is in one folder.
#[derive(Debug)]
pub(in super::super) struct Kdc {
    folder: PathBuf,
    port: u16,
}

impl Kdc {
    pub(in super::super) fn of(state: &State) -> Self {
        let folder = cluster_dir(&state.name).join("helper-kdc");
        Self { folder, port: state.helper_port(NAME) }
    }

    /// `krb5.conf`, for whoever is to find this KDC: `KRB5_CONFIG`, or Java's `java.security.krb5.conf`.
    pub(in super::super) fn client_config(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    pub(in super::super) fn service_keytab(&self) -> PathBuf {
        self.folder.join("kafka.keytab")
    }

    /// The user's keys.
    pub(in super::super) fn user_keytab(&self) -> PathBuf {
        self.folder.join(format!("{USER}.keytab"))
    }

    /// A ticket of the user, as `kinit` leaves it.
    pub(in super::super) fn ticket_cache(&self) -> PathBuf {
        self.folder.join(format!("{USER}.ccache"))
    }

    /// The keys of [`TRUSTED_USER`].
    pub(in super::super) fn trusted_keytab(&self) -> PathBuf {
        self.folder.join(format!("{TRUSTED_USER}.keytab"))
    }

    /// Keys that have been changed since, of [`STALE_USER`].
    pub(in super::super) fn stale_keytab(&self) -> PathBuf {
        self.folder.join(format!("{STALE_USER}.keytab"))
    }

    /// A ticket of the user that lived for a second.
    pub(in super::super) fn expired_cache(&self) -> PathBuf {
        self.folder.join("expired.ccache")
    }

    /// Writes the configuration, makes the realm and its principals; nothing if that is done already.
    pub(in super::super) fn create(&self) -> Result {
        if self.user_keytab().exists() {
            return Ok(());
        }
        create_dir(&self.folder)?;
        let (folder, port) = (self.folder.display(), self.port);
        write_file(
            &self.client_config(),
            &format!(
                "[libdefaults]\n  default_realm = {REALM}\n  dns_lookup_kdc = false\n  \
                 dns_lookup_realm = false\n  dns_canonicalize_hostname = false\n  rdns = false\n  \
                 udp_preference_limit = 1\n\n[realms]\n  {REALM} = {{\n    \
                 kdc = 127.0.0.1:{port}\n  }}\n\n[domain_realm]\n  localhost = {REALM}\n"
            ),
        )?;
        write_file(
            &self.folder.join("kdc.conf"),
            &format!(
                "[kdcdefaults]\n  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n\n\
                 [realms]\n  {REALM} = {{\n    database_name = {folder}/principal\n    \
                 key_stash_file = {folder}/stash\n    acl_file = {folder}/kadm5.acl\n    \
                 max_life = 10h\n    supported_enctypes = aes256-cts:normal aes128-cts:normal\n  }}\n\n\
                 [logging]\n  kdc = STDERR\n"
            ),
        )?;
        self.run("kdb5_util", &["-r", REALM, "create", "-s", "-P", "the-realms-own"])?;
        let service = self.service_keytab().display().to_string();
        let user = self.user_keytab().display().to_string();
        let trusted = self.trusted_keytab().display().to_string();
        let stale = self.stale_keytab().display().to_string();
        for query in [
            format!("add_principal -randkey {}", service_principal()),
            format!("ktadd -k {service} {}", service_principal()),
            format!("add_principal -pw {PASSWORD} {TRUSTED_USER}@{REALM}"),
            format!("ktadd -k {trusted} -norandkey {TRUSTED_USER}@{REALM}"),
            format!("add_principal +requires_preauth -pw {PASSWORD} {STALE_USER}@{REALM}"),
            format!("ktadd -k {stale} -norandkey {STALE_USER}@{REALM}"),
            format!("change_password -pw another-{PASSWORD} {STALE_USER}@{REALM}"),
            format!("add_principal +requires_preauth -pw {PASSWORD} {USER}@{REALM}"),
            format!("ktadd -k {user} -norandkey {USER}@{REALM}"),
        ] {
            self.run("kadmin.local", &["-r", REALM, "-q", &query])?;
        }
        Ok(())
    }

    /// The process, which names its folder on its command line.
    pub(in super::super) fn command(&self) -> Result<Command> {
        let mut command = self.tool("krb5kdc")?;
        command.args(["-n", "-r", REALM, "-P"]).arg(self.folder.join("pid"));
        Ok(command)
    }

    pub(in super::super) fn is_ready(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    /// Gets the user a ticket, by the keytab, and one that is soon over.
    pub(in super::super) fn kinit(&self) -> Result {
        let (user, keytab) = (format!("{USER}@{REALM}"), self.user_keytab());
        for (cache, life) in [(self.ticket_cache(), "10h"), (self.expired_cache(), "1s")] {
            let cache = cache.to_string_lossy();
            let keytab = keytab.to_string_lossy();
            self.run("kinit", &["-l", life, "-c", &cache, "-k", "-t", &keytab, &user])?;
        }
        Ok(())
    }

    fn run(&self, program: &'static str, arguments: &[&str]) -> Result {
        let mut command = self.tool(program)?;
        let output = command
            .args(arguments)
            .output()
            .map_err(|source| Error::Io { doing: format!("run {program}"), source })?;
        // kadmin.local ends in peace whatever its query came to.
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if output.status.success() && !printed.contains(" while ") {
            return Ok(());
        }
        Err(Error::Tool { command: format!("{program} {}", arguments.join(" ")), output: printed })
    }

    fn tool(&self, program: &'static str) -> Result<Command> {
        let mut command = Command::new(java::kerberos(program)?);
        command
            .env("KRB5_CONFIG", self.client_config())
            .env("KRB5_KDC_PROFILE", self.folder.join("kdc.conf"))
            .env_remove("KRB5CCNAME")
            .env_remove("KRB5_KTNAME");
        Ok(command)
    }
}
