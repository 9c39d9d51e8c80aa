//! Who may listen, and who is who: `security.protocol`, `ssl.*` and `sasl.*`.

pub(super) mod features;
pub(super) mod kerberos;
#[cfg(feature = "msk-iam")]
mod msk;
pub(super) mod oauth;
pub(super) mod sasl;
pub(super) mod ssl;
mod table;
mod tokens;

use std::fmt;

use sasl::SaslKeys;
use ssl::SslKeys;
pub(super) use ssl::StoreKind;
pub(super) use table::PROPERTIES;
pub(super) use tokens::PROPERTIES as TOKEN_PROPERTIES;

use super::property::Refusal;
use super::{ConfigError, Dialect, ProducerConfig, reasons};

/// How to talk to the brokers (`security.protocol`): one of a listener's, which has to be the brokers' own for the port that is connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecurityProtocol {
    /// Unencrypted, and without saying who one is.
    #[default]
    Plaintext,
    /// TLS; a client may say who it is by a certificate.
    Ssl,
    /// SASL, unencrypted: for networks that nobody else is in.
    SaslPlaintext,
    /// SASL within TLS.
    SaslSsl,
}

impl SecurityProtocol {
    const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// By Kafka's name, in upper or lower case.
    pub(super) fn parse(name: &str) -> Result<Self, Refusal> {
        let found = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
        match found.ok_or_else(|| Refusal::Invalid("there is no such protocol".to_owned()))? {
            found if found.is_tls() && !cfg!(feature = "_tls") => {
                Err(Refusal::Unsupported(reasons::NEEDS_TLS))
            }
            found if found.is_sasl() && !cfg!(feature = "sasl") => {
                Err(Refusal::Unsupported(reasons::NEEDS_SASL))
            }
            found => Ok(found),
        }
    }

    /// Whether the connection is TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether the client authenticates by SASL.
    pub const fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// The same with SASL.
    #[cfg(feature = "sasl")]
    pub(crate) const fn with_sasl(self) -> Self {
        if self.is_tls() { Self::SaslSsl } else { Self::SaslPlaintext }
    }

    /// The same with TLS.
    #[cfg(feature = "_tls")]
    pub(crate) const fn with_tls(self) -> Self {
        if self.is_sasl() { Self::SaslSsl } else { Self::Ssl }
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// All that was said of it. What the protocol does not use stays unused, as in Java.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Security {
    pub(crate) protocol: SecurityProtocol,
    pub(crate) ssl: SslKeys,
    pub(crate) sasl: SaslKeys,
    /// The program's own, in place of `sasl`.
    #[cfg(feature = "sasl")]
    pub(crate) own_sasl: Option<crate::sasl::Sasl>,
    /// The program's own, in place of `ssl`.
    #[cfg(feature = "_tls")]
    pub(crate) tls: Option<ssl::Own>,
}

/// A text, of which none means that nothing is set.
pub(super) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl ProducerConfig {
    /// How the brokers are talked to (`security.protocol`).
    pub fn security_protocol(&self) -> SecurityProtocol {
        self.security.protocol
    }

    /// What several settings mean together; no file is read yet.
    pub(super) fn check_security(&self) -> Vec<ConfigError> {
        let security = &self.security;
        let mut errors: Vec<ConfigError> = self.providers.check().err().into_iter().collect();
        if security.protocol.is_tls() {
            errors.extend(security.check_tls(self.dialect));
        }
        #[cfg(feature = "sasl")]
        errors.extend(security.authentication(self.dialect, false).err());
        errors
    }
}

impl Security {
    fn check_tls(&self, dialect: Dialect) -> Vec<ConfigError> {
        #[cfg(feature = "_tls")]
        if self.tls.is_some() {
            let contradiction = |first| ConfigError::Contradiction {
                first,
                second: "ProducerBuilder::tls",
                reason: "TLS is set up either by properties or by the program: keep one".into(),
            };
            return self.ssl.first_set().map(contradiction).into_iter().collect();
        }
        self.ssl.check(dialect)
    }
}

#[cfg(all(test, feature = "sasl"))]
mod tests;
