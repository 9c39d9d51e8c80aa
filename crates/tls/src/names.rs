//! Protocol versions and cipher suites, by the names that Java (and librdkafka) give them.

use std::fmt;
use std::str::FromStr;

use rustls::CipherSuite as Suite;

use crate::TlsError;

/// A version of TLS that is spoken here.
///
/// Its text is Java's name, as in `ssl.enabled.protocols`. Older ones are refused, with the reason.
///
/// ```
/// use rohrpost_tls::TlsVersion;
///
/// assert_eq!("TLSv1.3".parse(), Ok(TlsVersion::Tls13));
/// let error = "TLSv1.1".parse::<TlsVersion>().unwrap_err();
/// assert!(error.to_string().contains("RFC 8996"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// `TLSv1.2`
    Tls12,
    /// `TLSv1.3`
    Tls13,
}

impl TlsVersion {
    /// Every version, the oldest first.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// Java's name: `TLSv1.2` or `TLSv1.3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    /// By TLS's number of it (RFC 8446, 4.2.1).
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|version| u16::from(version.rustls().version) == number)
    }

    pub(crate) fn rustls(self) -> &'static rustls::SupportedProtocolVersion {
        match self {
            Self::Tls12 => &rustls::version::TLS12,
            Self::Tls13 => &rustls::version::TLS13,
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TlsVersion {
    type Err = TlsError;

    fn from_str(name: &str) -> Result<Self, TlsError> {
        let name = name.trim();
        if let Some(version) = Self::ALL.into_iter().find(|v| v.name().eq_ignore_ascii_case(name)) {
            return Ok(version);
        }
        let reason = match name.to_ascii_lowercase().as_str() {
            "tlsv1" | "tlsv1.0" | "tlsv1.1" => {
                "it is broken and must not be used any more (RFC 8996); Kafka's brokers speak newer ones since 1.0"
            }
            "sslv2" | "sslv2hello" | "sslv3" => {
                "it is broken and must not be used any more (RFC 7568)"
            }
            _ => "there is no such version",
        };
        Err(TlsError::Version { name: name.to_owned(), reason })
    }
}

/// A cipher suite that is spoken here: those of TLS 1.3, and of TLS 1.2 those with forward secrecy and authenticated
/// encryption.
///
/// Its text is the name that Java and IANA give it, as in `ssl.cipher.suites`; OpenSSL's names, which librdkafka's
/// property of that name has, are read too. Other suites are refused, with the reason.
///
/// ```
/// use rohrpost_tls::CipherSuite;
///
/// let suite: CipherSuite = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".parse()?;
/// assert_eq!("ECDHE-RSA-AES256-GCM-SHA384".parse(), Ok(suite));
/// let error = "TLS_RSA_WITH_AES_128_CBC_SHA".parse::<CipherSuite>().unwrap_err();
/// assert!(error.to_string().contains("forward secrecy"));
/// # Ok::<(), rohrpost_tls::TlsError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(usize);

struct Known {
    name: &'static str,
    openssl: &'static str,
    version: TlsVersion,
    suite: Suite,
}

const fn known(
    name: &'static str,
    openssl: &'static str,
    version: TlsVersion,
    suite: Suite,
) -> Known {
    Known { name, openssl, version, suite }
}

/// In the order in which they are liked.
static KNOWN: [Known; 9] = [
    known("TLS_AES_256_GCM_SHA384", "", TlsVersion::Tls13, Suite::TLS13_AES_256_GCM_SHA384),
    known("TLS_AES_128_GCM_SHA256", "", TlsVersion::Tls13, Suite::TLS13_AES_128_GCM_SHA256),
    known(
        "TLS_CHACHA20_POLY1305_SHA256",
        "",
        TlsVersion::Tls13,
        Suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    known(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    known(
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    known(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    known(
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    known(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    known(
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        TlsVersion::Tls12,
        Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

impl CipherSuite {
    /// Every suite, in the order in which they are liked.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..KNOWN.len()).map(Self)
    }

    /// The name that Java and IANA give it.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// The version of TLS that it belongs to.
    pub fn version(self) -> TlsVersion {
        self.known().version
    }

    /// By TLS's number of it (IANA's registry).
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::all().find(|suite| u16::from(suite.rustls()) == number)
    }

    pub(crate) fn rustls(self) -> Suite {
        self.known().suite
    }

    fn known(self) -> &'static Known {
        // The field is private, and all that is ever in it are indices of this table.
        &KNOWN[self.0]
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CipherSuite {
    type Err = TlsError;

    fn from_str(name: &str) -> Result<Self, TlsError> {
        let name = name.trim();
        let is_named = |known: &Known| {
            known.name.eq_ignore_ascii_case(name)
                || !known.openssl.is_empty() && known.openssl.eq_ignore_ascii_case(name)
        };
        KNOWN
            .iter()
            .position(is_named)
            .map(Self)
            .ok_or_else(|| TlsError::CipherSuite { name: name.to_owned(), reason: why_not(name) })
    }
}

/// Why a suite that others have is not here.
fn why_not(name: &str) -> &'static str {
    let name = name.to_ascii_uppercase();
    let is_java = name.starts_with("TLS_") || name.starts_with("SSL_");
    let has = |part: &str| name.contains(part);
    if is_java && (has("_ANON_") || has("_NULL_")) {
        "it neither proves who the broker is nor hides what is sent"
    } else if is_java && (has("_RC4_") || has("_DES_") || has("_3DES_") || has("EXPORT")) {
        "its cipher is broken"
    } else if is_java && (has("TLS_RSA_") || has("SSL_RSA_") || has("TLS_ECDH_")) {
        "its key exchange has no forward secrecy: who gets the broker's key later can read all that was recorded. Let \
         the broker offer an ECDHE suite, or TLSv1.3"
    } else if is_java && (has("TLS_DHE_") || has("TLS_DH_") || has("SSL_DHE_") || has("_DSS_")) {
        "finite-field Diffie-Hellman and DSS are not supported. Let the broker offer an ECDHE suite, or TLSv1.3"
    } else if is_java && has("_CBC_") {
        "its CBC mode is open to padding attacks. Let the broker offer a GCM or ChaCha20 suite, or TLSv1.3"
    } else if is_java && (has("_CCM") || has("_ARIA_") || has("_CAMELLIA_") || has("_SM4_")) {
        "its cipher is not supported: the same with GCM is"
    } else {
        "there is no such suite"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_and_version_is_read_by_its_name() {
        for suite in CipherSuite::all() {
            assert_eq!(suite.name().parse(), Ok(suite));
            assert_eq!(suite.name().to_lowercase().parse(), Ok(suite));
            assert_eq!(format!("{suite:?}"), suite.name());
        }
        for version in TlsVersion::ALL {
            assert_eq!(version.name().parse(), Ok(version));
        }
    }

    #[test]
    fn a_suite_that_is_refused_has_its_reason() {
        for (name, word) in [
            ("TLS_RSA_WITH_AES_256_GCM_SHA384", "forward secrecy"),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "padding"),
            ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "Diffie-Hellman"),
            ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", "proves"),
            ("SSL_RSA_WITH_3DES_EDE_CBC_SHA", "broken"),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "not supported"),
            ("TLS_AES_256_GCM_SHA385", "no such suite"),
            ("", "no such suite"),
        ] {
            let error = name.parse::<CipherSuite>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
