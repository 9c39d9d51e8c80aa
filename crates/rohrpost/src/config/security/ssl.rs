//! The `ssl.*` properties, and what they mean together.

#[cfg(feature = "_tls")]
use std::fmt::Display;
#[cfg(feature = "_tls")]
use std::str::FromStr;

use crate::config::password::Password;
use crate::config::property::Refusal;
use crate::config::{ConfigError, Dialect};

/// The types of stores, by their position in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// PKCS#12 passes for it, as in Java.
    #[default]
    Jks,
    Pkcs12,
    Pem,
}

impl StoreKind {
    pub(in crate::config) const ALL: [Self; 3] = [Self::Jks, Self::Pkcs12, Self::Pem];

    const fn name(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Pkcs12 => "PKCS12",
            Self::Pem => "PEM",
        }
    }
}

/// One of Java's stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreKeys {
    pub(crate) kind: StoreKind,
    pub(crate) location: Option<String>,
    pub(crate) password: Option<Password>,
    /// Certificates as PEM: the client's chain, or those to trust.
    pub(crate) certificates: Option<Password>,
}

/// librdkafka's files of PEM, which Java has no properties for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PemFiles {
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) certificate_text: Option<Password>,
    pub(crate) key_text: Option<Password>,
}

/// All that is said by properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SslKeys {
    pub(crate) truststore: StoreKeys,
    pub(crate) keystore: StoreKeys,
    pub(crate) key: Option<Password>,
    pub(crate) key_password: Option<Password>,
    pub(crate) pem: PemFiles,
    /// Java's names, which were looked at.
    pub(crate) protocols: Vec<String>,
    /// Likewise. Empty: all.
    pub(crate) suites: Vec<String>,
    pub(crate) verify_host: bool,
}

impl Default for SslKeys {
    fn default() -> Self {
        Self {
            truststore: StoreKeys::default(),
            keystore: StoreKeys::default(),
            key: None,
            key_password: None,
            pem: PemFiles::default(),
            protocols: vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
            suites: Vec::new(),
            verify_host: true,
        }
    }
}

pub(in crate::config) const PROTOCOLS: &str = "TLSv1.2 and TLSv1.3, separated by commas";
pub(in crate::config) const SUITES: &str = "names of cipher suites, separated by commas";
pub(in crate::config) const SUITES_OF_OPENSSL: &str = "names of cipher suites, separated by colons";

/// Versions of TLS, by Java's names.
#[cfg(feature = "_tls")]
pub(in crate::config) fn protocols(text: &str) -> Result<Vec<String>, Refusal> {
    let names = list::<rohrpost_tls::TlsVersion>(text)?;
    if names.is_empty() { Err(Refusal::Invalid("there has to be one".into())) } else { Ok(names) }
}

/// Cipher suites, by Java's names or OpenSSL's.
#[cfg(feature = "_tls")]
pub(in crate::config) fn suites(text: &str) -> Result<Vec<String>, Refusal> {
    list::<rohrpost_tls::CipherSuite>(text)
}

#[cfg(feature = "_tls")]
fn list<T: FromStr<Err = rohrpost_tls::TlsError> + Display>(
    text: &str,
) -> Result<Vec<String>, Refusal> {
    // Java takes no empty item either.
    if !text.is_empty() && text.split(',').any(|item| item.trim().is_empty()) {
        return Err(Refusal::Invalid("there is nothing between two commas, or beside one".into()));
    }
    // librdkafka's lists are separated by colons, as OpenSSL's.
    let names = text.split([',', ':']).map(str::trim).filter(|name| !name.is_empty());
    let known = names.map(|name| name.parse::<T>().map(|known| known.to_string()));
    known.collect::<Result<_, _>>().map_err(|error| Refusal::Invalid(error.to_string()))
}

/// Without TLS, its properties are refused before their values are looked at.
#[cfg(not(feature = "_tls"))]
pub(in crate::config) fn protocols(_: &str) -> Result<Vec<String>, Refusal> {
    Err(Refusal::Unsupported(crate::config::reasons::NEEDS_TLS))
}

#[cfg(not(feature = "_tls"))]
pub(in crate::config) use protocols as suites;

const fn contradiction(
    first: &'static str,
    second: &'static str,
    reason: String,
) -> Result<(), ConfigError> {
    Err(ConfigError::Contradiction { first, second, reason })
}

const fn missing(
    name: &'static str,
    by: &'static str,
    reason: &'static str,
) -> Result<(), ConfigError> {
    Err(ConfigError::MissingFor { name, by, reason })
}

const LOCATION: &str = "ssl.keystore.location";
const PASSWORD: &str = "ssl.keystore.password";
const KIND: &str = "ssl.keystore.type";
const KEY: &str = "ssl.keystore.key";
const CHAIN: &str = "ssl.keystore.certificate.chain";
const KEY_PASSWORD: &str = "ssl.key.password";
const TRUST_LOCATION: &str = "ssl.truststore.location";
const TRUST_PASSWORD: &str = "ssl.truststore.password";
const TRUST_KIND: &str = "ssl.truststore.type";
const TRUSTED: &str = "ssl.truststore.certificates";

impl SslKeys {
    /// The contradictions that Java finds (`DefaultSslEngineFactory`), and those that it decides in silence.
    pub(super) fn check(&self, dialect: Dialect) -> Vec<ConfigError> {
        let stores = [self.check_keystore(dialect), self.check_truststore(dialect)];
        stores.into_iter().filter_map(Result::err).collect()
    }

    fn check_keystore(&self, dialect: Dialect) -> Result<(), ConfigError> {
        let StoreKeys { kind, location, password, certificates } = &self.keystore;
        let (location, password) = (location.is_some(), password.is_some());
        let text_of = |name| contradiction(name, KIND, only_pem(*kind));
        match (self.key.is_some(), certificates.is_some()) {
            (true, _) if *kind != StoreKind::Pem => return text_of(KEY),
            (_, true) if *kind != StoreKind::Pem => return text_of(CHAIN),
            (true, false) => {
                return missing(CHAIN, KEY, "brokers are shown a certificate; set it as PEM");
            }
            (false, true) => {
                return missing(
                    KEY,
                    CHAIN,
                    "a certificate proves nothing without its key; set it as PEM",
                );
            }
            (true, true) if location => return contradiction(LOCATION, KEY, one_place()),
            (true, true) if password => return contradiction(PASSWORD, KEY, key_password_of_pem()),
            _ => {}
        }
        if *kind == StoreKind::Pem && location && password {
            return contradiction(PASSWORD, KIND, key_password_of_pem());
        }
        // librdkafka's may have an empty password, which is none.
        let is_encrypted = *kind != StoreKind::Pem && dialect == Dialect::Java;
        if password && !location {
            return missing(LOCATION, PASSWORD, "there is no store that the password could be of");
        }
        if is_encrypted && location && !password {
            return missing(
                PASSWORD,
                LOCATION,
                "JKS and PKCS12 stores with a key are encrypted; set it, or use a PEM file",
            );
        }
        let has_key = location || self.key.is_some() || self.has_pem_key();
        if self.key_password.is_some() && !has_key {
            return missing(
                LOCATION,
                KEY_PASSWORD,
                "there is no key that the password could be of",
            );
        }
        self.check_pem()
    }

    fn has_pem_key(&self) -> bool {
        self.pem.key.is_some() || self.pem.key_text.is_some()
    }

    /// librdkafka's: a key and a certificate belong together.
    fn check_pem(&self) -> Result<(), ConfigError> {
        let PemFiles { certificate, key, certificate_text, key_text } = &self.pem;
        let first = |file: bool, text: bool, names: [&'static str; 2]| match (file, text) {
            (true, true) => contradiction(names[0], names[1], one_place()).map(|()| None),
            (true, false) => Ok(Some(names[0])),
            (false, true) => Ok(Some(names[1])),
            (false, false) => Ok(None),
        };
        let keys = ["ssl.key.location", "ssl.key.pem"];
        let key = first(key.is_some(), key_text.is_some(), keys)?;
        let certificates = ["ssl.certificate.location", "ssl.certificate.pem"];
        let certificate = first(certificate.is_some(), certificate_text.is_some(), certificates)?;
        match (key, certificate, self.keystore.location.is_some()) {
            (Some(key), _, true) => contradiction(LOCATION, key, one_place()),
            (_, Some(certificate), true) => contradiction(LOCATION, certificate, one_place()),
            (Some(key), None, _) => missing(
                certificates[0],
                key,
                "brokers are shown a certificate; set it or ssl.certificate.pem",
            ),
            (None, Some(certificate), _) => missing(
                keys[0],
                certificate,
                "a certificate proves nothing without its key; set it or ssl.key.pem",
            ),
            _ => Ok(()),
        }
    }

    fn check_truststore(&self, dialect: Dialect) -> Result<(), ConfigError> {
        let (in_file, as_text) = match dialect {
            Dialect::Java => (TRUST_LOCATION, TRUSTED),
            Dialect::Librdkafka => ("ssl.ca.location", "ssl.ca.pem"),
        };
        let StoreKeys { kind, location, password, certificates } = &self.truststore;
        let is_pem = *kind == StoreKind::Pem;
        match (location.is_some(), password.is_some(), certificates.is_some()) {
            (_, _, true) if !is_pem => contradiction(TRUSTED, TRUST_KIND, only_pem(*kind)),
            (true, _, true) => contradiction(in_file, as_text, one_place()),
            (_, true, _) if is_pem => contradiction(
                TRUST_PASSWORD,
                TRUST_KIND,
                "certificates in PEM are not encrypted: remove the password".into(),
            ),
            (false, true, _) => missing(
                TRUST_LOCATION,
                TRUST_PASSWORD,
                "there is no store that the password could be of",
            ),
            _ => Ok(()),
        }
    }
}

fn only_pem(kind: StoreKind) -> String {
    format!("keys and certificates as text are PEM, not {}: set the type to PEM", kind.name())
}

fn one_place() -> String {
    "they are to be had from one place: keep one of the two".to_owned()
}

fn key_password_of_pem() -> String {
    "PEM has a password for the key alone: set ssl.key.password instead".to_owned()
}

#[cfg(feature = "_tls")]
pub(crate) use build::Own;

#[cfg(feature = "_tls")]
mod build {
    use std::fmt;
    use std::sync::Arc;

    use rohrpost_tls::{Store, StoreType, TlsClient, TlsError, TlsSettings};

    use super::{PemFiles, Security, SslKeys, StoreKeys, StoreKind};
    use crate::config::ConfigError;

    /// What the program has set up itself. Equal to itself and its clones alone.
    #[derive(Clone)]
    pub(crate) struct Own(Arc<Source>);

    enum Source {
        /// Files are read when the producer is built.
        Settings(Box<TlsSettings>),
        Client(TlsClient),
    }

    impl From<TlsSettings> for Own {
        fn from(settings: TlsSettings) -> Self {
            Self(Arc::new(Source::Settings(Box::new(settings))))
        }
    }

    impl From<TlsClient> for Own {
        fn from(client: TlsClient) -> Self {
            Self(Arc::new(Source::Client(client)))
        }
    }

    impl fmt::Debug for Own {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match &*self.0 {
                Source::Settings(settings) => settings.fmt(f),
                Source::Client(client) => client.fmt(f),
            }
        }
    }

    impl PartialEq for Own {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    impl Security {
        /// For the driver, where TLS is used. Reads files.
        pub(crate) fn tls_client(&self) -> Result<Option<TlsClient>, ConfigError> {
            if !self.protocol.is_tls() {
                return Ok(None);
            }
            let client = match self.tls.as_ref().map(|own| &*own.0) {
                Some(Source::Client(client)) => Ok(client.clone()),
                Some(Source::Settings(settings)) => settings.build(),
                None => self.ssl.settings().and_then(|settings| settings.build()),
            };
            client.map(Some).map_err(|error| ConfigError::Tls { error })
        }
    }

    impl SslKeys {
        /// The first property that was set, if any was.
        pub(crate) fn first_set(&self) -> Option<&'static str> {
            let Self {
                truststore,
                keystore,
                key,
                key_password,
                pem,
                protocols,
                suites,
                verify_host,
            } = self;
            let default = Self::default();
            let set = [
                (truststore.location.is_some(), super::TRUST_LOCATION),
                (truststore.password.is_some(), super::TRUST_PASSWORD),
                (truststore.certificates.is_some(), super::TRUSTED),
                (truststore.kind != StoreKind::default(), super::TRUST_KIND),
                (keystore.location.is_some(), super::LOCATION),
                (keystore.password.is_some(), super::PASSWORD),
                (keystore.certificates.is_some(), super::CHAIN),
                (keystore.kind != StoreKind::default(), super::KIND),
                (key.is_some(), super::KEY),
                (key_password.is_some(), super::KEY_PASSWORD),
                (*pem != PemFiles::default(), "ssl.certificate.location"),
                (*protocols != default.protocols, "ssl.enabled.protocols"),
                (!suites.is_empty(), "ssl.cipher.suites"),
                (!verify_host, "ssl.endpoint.identification.algorithm"),
            ];
            set.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name)
        }

        fn settings(&self) -> Result<TlsSettings, TlsError> {
            let mut settings = TlsSettings::new().verify_host(self.verify_host);
            let protocols = self.protocols.iter().map(|name| name.parse());
            settings = settings.versions(protocols.collect::<Result<Vec<_>, _>>()?);
            if !self.suites.is_empty() {
                let suites = self.suites.iter().map(|name| name.parse());
                settings = settings.cipher_suites(suites.collect::<Result<Vec<_>, _>>()?);
            }
            if let Some(store) = store(&self.truststore) {
                settings = settings.truststore(store);
            }
            if let Some(password) = &self.key_password {
                settings = settings.key_password(password);
            }
            let pem = |file: &Option<String>, text: Option<&str>| match (file, text) {
                (_, Some(text)) => Some(Store::bytes(text.as_bytes()).of_type(StoreType::Pem)),
                (Some(path), None) => Some(Store::file(path).of_type(StoreType::Pem)),
                (None, None) => None,
            };
            let PemFiles { certificate, key, certificate_text, key_text } = &self.pem;
            let key_text = key_text.as_ref().or(self.key.as_ref());
            let chain_text = certificate_text.as_ref().or(self.keystore.certificates.as_ref());
            let key = pem(key, key_text.map(|text| &**text));
            let chain = pem(certificate, chain_text.map(|text| &**text));
            Ok(match (key, chain) {
                (Some(key), Some(chain)) => settings.key_and_certificate_chain(key, chain),
                _ => match store(&self.keystore) {
                    Some(store) => settings.keystore(store),
                    None => settings,
                },
            })
        }
    }

    /// The store, if there is any.
    fn store(keys: &StoreKeys) -> Option<Store> {
        let store = match (&keys.location, &keys.certificates) {
            (Some(path), _) => Store::file(path),
            (None, Some(text)) => Store::bytes(text.as_bytes()),
            (None, None) => return None,
        };
        let store = match keys.kind {
            // Which passes for both, as in Java.
            StoreKind::Jks => store.of_type(StoreType::Jks),
            StoreKind::Pkcs12 => store.of_type(StoreType::Pkcs12),
            StoreKind::Pem => store.of_type(StoreType::Pem),
        };
        Some(match &keys.password {
            Some(password) => store.password(password),
            None => store,
        })
    }
}

#[cfg(feature = "_tls")]
use super::Security;
