//! The ways into a cluster: TLS, SASL and both, each a listener of its own beside the plain one.
//!
//! All ways that a [`Spec`] names lead into the same cluster, so a whole matrix of protocols and
//! mechanisms costs one start. The plain listener stays: Kafka's own tools work by it, as the
//! super-user `ANONYMOUS`.

mod broker;
mod client;
mod kerberos;
mod keys;
mod oidc;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::keys::{KEY_PASSWORD, Keys, STORE_PASSWORD};

pub(super) use self::broker::{java_options, listeners, properties, scram_users};
pub use self::client::properties_text;
pub(super) use self::client::{client_properties, missing, write_client_files};
pub(super) use self::kerberos::{Kdc, NAME as KDC, REALM};
pub(super) use self::oidc::{NAME as OIDC, Provider};

use super::{Error, Spec};

/// Who gets in by a password, by SCRAM, by a token and by Kerberos.
pub const USER: &str = "alice";
/// That user's password, and the secret of the OAuth client of the same name.
pub const PASSWORD: &str = "alice-secret";
/// A second user, whose name and password are no ASCII; by PLAIN alone.
pub const OTHER_USER: &str = "bärbel";
/// The second user's password: what properties files and JAAS have to quote, too.
pub const OTHER_PASSWORD: &str = "Schlüssel=\"; \\ñ";

/// One way into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// TLS; clients show no certificate.
    Ssl,
    /// TLS; clients must show a certificate.
    Mtls,
    /// PLAIN without TLS.
    SaslPlain,
    /// SCRAM-SHA-256 and -512 without TLS.
    SaslScram,
    /// PLAIN over TLS.
    SaslSslPlain,
    /// SCRAM-SHA-256 and -512 over TLS.
    SaslSslScram,
    /// OAUTHBEARER without TLS; the broker checks tokens with the keys of a provider of ours.
    Oauth,
    /// OAUTHBEARER over TLS.
    SaslSslOauth,
    /// GSSAPI without TLS; a KDC of MIT Kerberos runs beside the cluster.
    Kerberos,
    /// GSSAPI over TLS.
    SaslSslKerberos,
    /// TLS with a certificate that has expired.
    SslExpired,
    /// TLS with a certificate that is not yet valid.
    SslEarly,
    /// TLS with a certificate for another host.
    SslWrongHost,
    /// TLS with a certificate that has the host in its common name alone.
    SslCommonName,
    /// TLS with a certificate that signed itself and is a CA's: what many have for a start.
    SslSelfSigned,
    /// TLS 1.2 with none but CBC suites.
    SslCbc,
}

/// What is fixed of each mode: its name, the protocol, the mechanisms, the broker's certificate.
const TABLE: [(Mode, &str, Protocol, &[&str], &str); 16] = {
    use Mode::*;
    use Protocol::{SaslPlaintext, SaslSsl, Ssl as Tls};
    const SCRAM: &[&str] = &["SCRAM-SHA-256", "SCRAM-SHA-512"];
    [
        (Ssl, "ssl", Tls, &[], "server"),
        (Mtls, "mtls", Tls, &[], "server"),
        (SaslPlain, "sasl_plain", SaslPlaintext, &["PLAIN"], ""),
        (SaslScram, "sasl_scram", SaslPlaintext, SCRAM, ""),
        (SaslSslPlain, "sasl_ssl_plain", SaslSsl, &["PLAIN"], "server"),
        (SaslSslScram, "sasl_ssl_scram", SaslSsl, SCRAM, "server"),
        (Oauth, "oauth", SaslPlaintext, &["OAUTHBEARER"], ""),
        (SaslSslOauth, "sasl_ssl_oauth", SaslSsl, &["OAUTHBEARER"], "server"),
        (Kerberos, "kerberos", SaslPlaintext, &["GSSAPI"], ""),
        (SaslSslKerberos, "sasl_ssl_kerberos", SaslSsl, &["GSSAPI"], "server"),
        (SslExpired, "ssl_expired", Tls, &[], "server-expired"),
        (SslEarly, "ssl_early", Tls, &[], "server-early"),
        (SslWrongHost, "ssl_wrong_host", Tls, &[], "server-wrong-host"),
        (SslCommonName, "ssl_common_name", Tls, &[], "server-common-name"),
        (SslSelfSigned, "ssl_self_signed", Tls, &[], "server-self-signed"),
        (SslCbc, "ssl_cbc", Tls, &[], "server"),
    ]
};

/// `security.protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TLS.
    Ssl,
    /// SASL on a plain connection.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl Protocol {
    /// Kafka's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }
}

impl Mode {
    /// Every mode.
    #[must_use]
    pub fn all() -> [Self; TABLE.len()] {
        TABLE.map(|(mode, ..)| mode)
    }

    /// Its name on the command line, such as `sasl_ssl_scram`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// `security.protocol`.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        self.row().2
    }

    /// What the listener takes for `sasl.mechanism`; nothing without SASL.
    #[must_use]
    pub fn mechanisms(self) -> &'static [&'static str] {
        self.row().3
    }

    /// The name of Kafka's listener.
    fn listener(self) -> String {
        self.name().to_ascii_uppercase()
    }

    /// The store with the broker's certificate; none without TLS.
    fn certificate(self) -> Option<&'static str> {
        Some(self.row().4).filter(|name| !name.is_empty())
    }

    fn row(self) -> &'static (Self, &'static str, Protocol, &'static [&'static str], &'static str) {
        // The table has the variants' own order; a test holds it to that.
        &TABLE[self as usize]
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::all().into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
            let names = Self::all().map(Self::name).join(", ");
            Error::InvalidSpec(format!("`{name}` is no mode of security; there are {names}"))
        })
    }
}

/// Whether tokens, or tickets, are wanted by any of the modes.
pub(super) fn needs(spec: &Spec, mechanism: &str) -> bool {
    spec.security.iter().any(|mode| mode.mechanisms().contains(&mechanism))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_has_its_own_row_of_the_table_and_is_found_by_its_name() {
        for mode in Mode::all() {
            assert_eq!(mode.row().0, mode);
            assert_eq!(mode.name().parse::<Mode>().unwrap(), mode);
        }
        let error = "sasl".parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains("sasl_ssl_scram"), "{error}");
    }
}
