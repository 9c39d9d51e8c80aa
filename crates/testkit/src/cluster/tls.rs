//! TLS on the brokers' ports: certificates that are made at start, and those that are not as they should be.

mod certificates;

pub use certificates::{CertificateFlaw, Identity};

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::hostile;
use crate::model::BrokerId;
use certificates::Authority;

/// How long a client may take to read why its handshake failed.
const LINGER: Duration = Duration::from_secs(1);

/// TLS on the brokers' listeners.
///
/// ```
/// use rohrpost_testkit::{CertificateFlaw, ClientAuth, Tls};
///
/// let mutual = Tls::new().client_auth(ClientAuth::Required);
/// let expired = Tls::new().flaw(CertificateFlaw::Expired);
/// # let _ = (mutual, expired);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    client_auth: ClientAuth,
    flaw: Option<CertificateFlaw>,
    versions: Versions,
}

/// Whether clients need a certificate (`ssl.client.auth`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// They are asked, and may have none; one that the authority has not signed is refused.
    Requested,
    /// They are refused without one.
    Required,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versions {
    All,
    OnlyTls12,
    OnlyTls13,
}

impl Tls {
    /// TLS 1.2 and 1.3, with a certificate for `localhost`, `127.0.0.1` and `::1`, and clients without one.
    #[must_use]
    pub fn new() -> Self {
        Self { client_auth: ClientAuth::None, flaw: None, versions: Versions::All }
    }

    /// Whether clients need a certificate; they do not, if not said.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// What is wrong with the brokers' certificates.
    #[must_use]
    pub fn flaw(mut self, flaw: CertificateFlaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// Only TLS 1.2.
    #[must_use]
    pub fn only_tls12(mut self) -> Self {
        self.versions = Versions::OnlyTls12;
        self
    }

    /// Only TLS 1.3.
    #[must_use]
    pub fn only_tls13(mut self) -> Self {
        self.versions = Versions::OnlyTls13;
        self
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Versions {
    fn to_rustls(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::All => vec![&TLS13, &TLS12],
            Self::OnlyTls12 => vec![&TLS12],
            Self::OnlyTls13 => vec![&TLS13],
        }
    }
}

/// What the listeners of a cluster show, and whom they trust.
#[derive(Debug)]
pub(crate) struct Listeners(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` for listeners without TLS.
    settings: Option<Tls>,
    authority: Authority,
    /// What each broker shows, made when it is first asked for.
    configs: BTreeMap<BrokerId, Arc<ServerConfig>>,
}

impl Listeners {
    pub(crate) fn new(settings: Option<Tls>) -> io::Result<Self> {
        let authority = Authority::new()?;
        Ok(Self(Mutex::new(State { settings, authority, configs: BTreeMap::new() })))
    }

    /// What a broker shows to a connection that is new; `None` without TLS.
    pub(crate) fn server_config(&self, broker: BrokerId) -> io::Result<Option<Arc<ServerConfig>>> {
        self.lock().config(broker)
    }

    /// Who a client is by its certificate, as Java writes a subject.
    pub(crate) fn subject_of(&self, chain: Option<&[CertificateDer<'_>]>) -> Option<String> {
        self.lock().authority.subject_of(chain?.first()?)
    }

    pub(crate) fn set(&self, settings: Option<Tls>) {
        let mut state = self.lock();
        state.settings = settings;
        state.configs.clear();
    }

    pub(crate) fn renew_authority(&self) -> io::Result<()> {
        let authority = Authority::new()?;
        let mut state = self.lock();
        state.authority = authority;
        state.configs.clear();
        Ok(())
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.lock().authority.pem()
    }

    pub(crate) fn client(&self, name: &str, flaw: Option<CertificateFlaw>) -> io::Result<Identity> {
        self.lock().authority.client(name, flaw)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn config(&mut self, broker: BrokerId) -> io::Result<Option<Arc<ServerConfig>>> {
        let Some(settings) = &self.settings else { return Ok(None) };
        if let Some(config) = self.configs.get(&broker) {
            return Ok(Some(Arc::clone(config)));
        }
        let identity = self.authority.server(broker, settings.flaw)?;
        let config = Arc::new(config(settings, &self.authority, &identity)?);
        self.configs.insert(broker, Arc::clone(&config));
        Ok(Some(config))
    }
}

fn config(settings: &Tls, authority: &Authority, identity: &Identity) -> io::Result<ServerConfig> {
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&settings.versions.to_rustls())
        .map_err(io::Error::other)?;
    let builder = if settings.client_auth == ClientAuth::None {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der()).map_err(io::Error::other)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match settings.client_auth {
            ClientAuth::Requested => verifier.allow_unauthenticated(),
            _ => verifier,
        };
        builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key_der().to_vec()));
    builder
        .with_single_cert(vec![CertificateDer::from(identity.certificate_der().to_vec())], key)
        .map_err(io::Error::other)
}

/// Takes a client's handshake. One that fails is told why, by an alert.
pub(crate) async fn accept<S>(config: Arc<ServerConfig>, stream: S) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let accepting = TlsAcceptor::from(config).accept(stream).into_fallible();
    match accepting.await {
        Ok(stream) => Ok(stream),
        Err((error, mut stream)) => {
            // A socket that is closed with unread bytes in it takes the alert back.
            stream.shutdown().await?;
            let _ = tokio::time::timeout(LINGER, hostile::until_closed(&mut stream)).await;
            Err(error)
        }
    }
}
