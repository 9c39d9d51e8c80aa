//! What TLS shall be like, in the terms of Java's and librdkafka's properties.

use crate::client::TlsClient;
use crate::secret::Secret;
use crate::{CipherSuite, Store, TlsError, TlsVersion};

/// How to speak TLS with brokers: whom to trust, who one is, what is allowed.
///
/// Without any setting: what the system trusts is trusted, a broker's certificate must be for its host, TLS 1.2 and 1.3
/// with every suite that is supported, and no certificate of one's own.
///
/// ```no_run
/// use rohrpost_tls::{Store, StoreType, TlsSettings};
///
/// let tls = TlsSettings::new()
///     .truststore(Store::file("kafka.truststore.jks").password("changeit"))
///     .keystore(Store::file("client.p12").of_type(StoreType::Pkcs12).password("changeit"))
///     .build()?;
/// let config = tls.current()?;
/// # Ok::<(), rohrpost_tls::TlsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    pub(crate) truststore: Option<Store>,
    pub(crate) keystore: Option<Keystore>,
    pub(crate) key_password: Option<Secret>,
    pub(crate) versions: Option<Vec<TlsVersion>>,
    pub(crate) suites: Option<Vec<CipherSuite>>,
    pub(crate) ignores_host: bool,
    pub(crate) accepts_common_name: bool,
    pub(crate) accepts_trusted_ca_as_server: bool,
}

/// Where one's own key and certificates are.
#[derive(Debug, Clone)]
pub(crate) enum Keystore {
    Whole(Store),
    Parts { key: Store, chain: Store },
}

impl TlsSettings {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trust those whom this store names, in place of those whom the system trusts: `ssl.truststore.location`, `.type`,
    /// `.password` and `.certificates`; librdkafka's `ssl.ca.location` and `ssl.ca.pem`.
    ///
    /// Certificates of authorities vouch for those that they signed, any other for itself alone. Of a PKCS#12 store
    /// count those that are marked as trusted, as `keytool` marks them, or all if it holds no key and marks none.
    #[must_use]
    pub fn truststore(mut self, store: Store) -> Self {
        self.truststore = Some(store);
        self
    }

    /// Show brokers that ask for it a certificate from this store: `ssl.keystore.location`, `.type`, `.password`.
    ///
    /// Where it holds several, the first counts whose issuer the broker names.
    #[must_use]
    pub fn keystore(mut self, store: Store) -> Self {
        self.keystore = Some(Keystore::Whole(store));
        self
    }

    /// As [`Self::keystore`], with the key and its certificates from two PEM texts: `ssl.keystore.key` and
    /// `ssl.keystore.certificate.chain` (KIP-651); librdkafka's `ssl.key.location` and `ssl.certificate.location`.
    #[must_use]
    pub fn key_and_certificate_chain(mut self, key: Store, chain: Store) -> Self {
        self.keystore = Some(Keystore::Parts { key, chain });
        self
    }

    /// What the private key is encrypted with, if not with the store's password: `ssl.key.password`.
    #[must_use]
    pub fn key_password(mut self, password: &str) -> Self {
        self.key_password = Some(Secret::new(password));
        self
    }

    /// Speak these versions only: `ssl.enabled.protocols`. Default: all that are supported.
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = TlsVersion>) -> Self {
        self.versions = Some(versions.into_iter().collect());
        self
    }

    /// Use these suites only, the first preferred: `ssl.cipher.suites`. Default: all that are supported.
    #[must_use]
    pub fn cipher_suites(mut self, suites: impl IntoIterator<Item = CipherSuite>) -> Self {
        self.suites = Some(suites.into_iter().collect());
        self
    }

    /// Whether a broker's certificate must be for the host that it was looked for at: yes, unless
    /// `ssl.endpoint.identification.algorithm` is empty.
    ///
    /// Without, whoever has any certificate of a trusted issuer can pass for a broker. The certificate is verified in
    /// every other respect all the same.
    #[must_use]
    pub fn verify_host(mut self, verify: bool) -> Self {
        self.ignores_host = !verify;
        self
    }

    /// Whether the common name (CN) of a certificate counts as its host name where it has no subject alternative names
    /// of hosts, as it does in Java. Default: no, since RFC 9525 does away with it, and authorities need not
    /// check it.
    #[must_use]
    pub fn accept_common_name(mut self, accept: bool) -> Self {
        self.accepts_common_name = accept;
        self
    }

    /// Whether a broker may show the certificate of an authority (basic constraints `CA:TRUE`) as its own if that very
    /// certificate is in the truststore, as Java lets it. Default: no, since its key can sign certificates for any other
    /// host too, and should not lie about on a broker.
    #[must_use]
    pub fn accept_trusted_ca_as_server(mut self, accept: bool) -> Self {
        self.accepts_trusted_ca_as_server = accept;
        self
    }

    /// Reads the files, and makes what connections need.
    ///
    /// # Errors
    ///
    /// Each says what is wrong where: a file that cannot be read ([`TlsError::File`]), a store with a wrong password, of
    /// another type, broken or without what is wanted ([`TlsError::Store`]), a key that does not fit its certificate
    /// ([`TlsError::KeyMismatch`]), and settings that contradict each other ([`TlsError::Settings`]).
    pub fn build(&self) -> Result<TlsClient, TlsError> {
        TlsClient::from_settings(self.clone())
    }
}
