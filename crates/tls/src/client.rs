//! What connections take: a configuration that follows its files, and the meaning of what goes wrong.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{IpAddr, ServerName};

use crate::error::is_address;
use crate::explain::{self, Known};
use crate::files::Files;
use crate::identity::{self, Asked, Resolver};
use crate::provider::provider;
use crate::settings::{Keystore, TlsSettings};
use crate::verify::{Trust, Verifier};
use crate::{CertificateInfo, CipherSuite, Store, TlsError, TlsVersion};

/// The client's side of TLS, for all connections of a program. Clones are the same client.
///
/// ```
/// use rohrpost_tls::{Store, TlsSettings};
/// # const CA: &str = include_str!("../tests/stores/ca.pem");
///
/// let tls = TlsSettings::new().truststore(Store::bytes(CA)).build()?;
/// let name = tls.server_name("broker-1.example")?;
/// let connection = rustls::ClientConnection::new(tls.current()?, name);
/// assert!(connection.is_ok());
/// # Ok::<(), rohrpost_tls::TlsError>(())
/// ```
#[derive(Clone)]
pub struct TlsClient {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    asked: Arc<Asked>,
}

enum Source {
    /// Somebody else's configuration.
    Own(Arc<ClientConfig>),
    /// Made from settings; files are looked at again.
    Settings { settings: Box<TlsSettings>, state: Mutex<State> },
}

/// What was made last.
struct State {
    made: Made,
    files: Files,
    /// Why the files as they are now could not be used.
    failure: Option<TlsError>,
}

/// What is made from settings and their files.
struct Made {
    config: Arc<ClientConfig>,
    /// When the first of the client's certificates expires.
    not_after: Option<u64>,
}

impl TlsClient {
    /// A configuration of one's own in place of settings, for what settings do not have: an HSM, a verifier, revocation
    /// lists. It is used as it is.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self::new(Source::Own(config), Arc::default())
    }

    pub(crate) fn from_settings(settings: TlsSettings) -> Result<Self, TlsError> {
        let asked = Arc::default();
        // Before reading: what changes meanwhile is then read again.
        let files = Files::look(&paths(&settings));
        let made = make(&settings, &asked)?;
        let state = Mutex::new(State { made, files, failure: None });
        Ok(Self::new(Source::Settings { settings: Box::new(settings), state }, asked))
    }

    /// The configuration for a new connection.
    ///
    /// Looks whether the files have changed (one `stat` each, as a rule), and if so reads them again, in a few milliseconds, or as
    /// long as the key derivation of an encrypted store takes. If they are of no use now, for instance because half of
    /// them have been replaced, the last good ones stay in use, and [`Self::reload_failure`] says so.
    ///
    /// # Errors
    ///
    /// [`TlsError::Outdated`] when the new files are of no use, and the client's certificate that stayed in use has
    /// expired.
    pub fn current(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let (settings, mut state) = match &self.shared.source {
            Source::Own(config) => return Ok(Arc::clone(config)),
            Source::Settings { settings, state } => (settings, lock(state)),
        };
        if state.files.have_changed(&paths(settings)) {
            match make(settings, &self.shared.asked) {
                Ok(made) => {
                    state.made = made;
                    state.failure = None;
                }
                Err(error) => state.failure = Some(error),
            }
        }
        match (&state.failure, state.made.not_after) {
            (Some(problem), Some(expired)) if expired < now() => {
                Err(TlsError::Outdated { problem: Box::new(problem.clone()), expired })
            }
            _ => Ok(Arc::clone(&state.made.config)),
        }
    }

    /// Why the files that have changed since could not be used, while the last good ones are: to be logged. Nothing once
    /// they are good again.
    pub fn reload_failure(&self) -> Option<TlsError> {
        match &self.shared.source {
            Source::Own(_) => None,
            Source::Settings { state, .. } => lock(state).failure.clone(),
        }
    }

    /// The name that a broker's certificate must have, and that is sent to it (SNI) unless it is an address.
    ///
    /// IPv6 addresses may stand in brackets and have a zone, names may end in a dot.
    ///
    /// # Errors
    ///
    /// [`TlsError::HostName`] for what is neither a name nor an address.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        let wrong = || TlsError::HostName { host: host.to_owned() };
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let without_zone = bare.split_once('%').map_or(bare, |(address, _)| address);
        if is_address(without_zone) {
            let address = IpAddr::try_from(without_zone).map_err(|_| wrong())?;
            return Ok(ServerName::IpAddress(address));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        ServerName::try_from(name.to_owned()).map_err(|_| wrong())
    }

    /// What an error of a connection with this host means: whose certificate, what is wrong with it, what to do.
    ///
    /// `error` is what the handshake gave, or a later read or write: in TLS 1.3 a broker refuses the client's
    /// certificate after the handshake.
    pub fn explain(&self, host: &str, error: &io::Error) -> TlsError {
        let (versions, suites) = match &self.shared.source {
            Source::Own(config) => offered_by(config.crypto_provider()),
            Source::Settings { settings, .. } => chosen(settings),
        };
        explain::explain(
            host,
            error,
            Known {
                request: self.shared.asked.last(),
                outdated: self.reload_failure(),
                versions,
                suites,
            },
        )
    }

    /// The certificate that a broker was shown when one last asked for one, on any connection of this client; `None` if none has asked, or there was none to show.
    pub fn last_shown(&self) -> Option<CertificateInfo> {
        self.shared.asked.last()?.shown
    }

    fn new(source: Source, asked: Arc<Asked>) -> Self {
        Self { shared: Arc::new(Shared { source, asked }) }
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TlsClient");
        match &self.shared.source {
            Source::Own(_) => shown.field("config", &"of one's own"),
            Source::Settings { settings, .. } => shown.field("settings", settings),
        };
        shown.finish_non_exhaustive()
    }
}

/// Reads what the settings name.
fn make(settings: &TlsSettings, asked: &Arc<Asked>) -> Result<Made, TlsError> {
    let mut provider = provider()?;
    let (versions, suites) = chosen(settings);
    provider.cipher_suites = suites
        .iter()
        .filter_map(|suite| {
            provider.cipher_suites.iter().find(|s| s.suite() == suite.rustls()).copied()
        })
        .collect();
    if versions.is_empty() {
        return Err(TlsError::Settings {
            reason: "no TLS version is left that is in ssl.enabled.protocols and has a suite in ssl.cipher.suites"
                .to_owned(),
        });
    }
    let trust = match &settings.truststore {
        Some(store) => Trust::from_store(store)?,
        None => Trust::from_system()?,
    };
    let identities = match &settings.keystore {
        Some(keystore) => identity::load(keystore, settings.key_password.as_ref(), &provider)?,
        None => Vec::new(),
    };
    let not_after = identities.iter().filter_map(identity::Identity::not_after).min();
    let algorithms = provider.signature_verification_algorithms;
    let versions: Vec<_> = versions.into_iter().map(TlsVersion::rustls).collect();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .map_err(|error| TlsError::Settings { reason: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(trust, settings, algorithms)))
        .with_client_cert_resolver(Arc::new(Resolver::new(identities, Arc::clone(asked))));
    Ok(Made { config: Arc::new(config), not_after })
}

/// The suites that are allowed, and the versions that are allowed and have any of them.
fn chosen(settings: &TlsSettings) -> (Vec<TlsVersion>, Vec<CipherSuite>) {
    let versions = settings.versions.clone().unwrap_or_else(|| TlsVersion::ALL.to_vec());
    let suites = settings.suites.clone().unwrap_or_else(|| CipherSuite::all().collect());
    let is_usable = |version: &TlsVersion| {
        versions.contains(version) && suites.iter().any(|suite| suite.version() == *version)
    };
    let usable: Vec<TlsVersion> = TlsVersion::ALL.into_iter().filter(is_usable).collect();
    let suites = suites.into_iter().filter(|suite| usable.contains(&suite.version())).collect();
    (usable, suites)
}

fn offered_by(provider: &CryptoProvider) -> (Vec<TlsVersion>, Vec<CipherSuite>) {
    let offered = |suite: &CipherSuite| {
        provider.cipher_suites.iter().any(|offered| offered.suite() == suite.rustls())
    };
    let suites: Vec<CipherSuite> = CipherSuite::all().filter(offered).collect();
    let is_offered = |version: &TlsVersion| suites.iter().any(|suite| suite.version() == *version);
    (TlsVersion::ALL.into_iter().filter(is_offered).collect(), suites)
}

/// The files that settings name.
fn paths(settings: &TlsSettings) -> Vec<&Path> {
    let stores: Vec<&Store> = match &settings.keystore {
        Some(Keystore::Whole(store)) => vec![store],
        Some(Keystore::Parts { key, chain }) => vec![key, chain],
        None => Vec::new(),
    };
    stores.into_iter().chain(&settings.truststore).filter_map(Store::path).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
