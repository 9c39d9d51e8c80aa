//! Who the client is: its keys and certificates, and which of them a broker is shown.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureScheme};

use crate::certificate::display_name;
use crate::key;
use crate::secret::Secret;
use crate::settings::Keystore;
use crate::store::{KeyBytes, KeyEntry};
use crate::{CertificateInfo, StoreProblem, TlsError};

/// The most issuers of a broker's that are kept for errors.
const MOST_ISSUERS: usize = 50;

/// A key, and the certificates that go with it.
#[derive(Debug)]
pub(crate) struct Identity {
    certified: Arc<CertifiedKey>,
    infos: Vec<CertificateInfo>,
}

/// What a broker asked for when it last asked for a certificate. Connections share it: it is only for errors.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<Option<Request>>);

/// A broker's request for a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The issuers that it accepts, if it says.
    pub(crate) issuers: Vec<String>,
    /// What it was shown.
    pub(crate) shown: Option<CertificateInfo>,
}

impl Asked {
    pub(crate) fn last(&self) -> Option<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, request: Request) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
    }
}

/// Reads every key of a store, and looks whether each fits its certificate.
pub(crate) fn load(
    keystore: &Keystore,
    key_password: Option<&Secret>,
    provider: &CryptoProvider,
) -> Result<Vec<Identity>, TlsError> {
    let (name, entries) = match keystore {
        Keystore::Whole(store) => (store.name("keystore"), store.keys("keystore", key_password)?),
        Keystore::Parts { key, chain } => {
            let bytes = key.lone_key("private key", key_password)?;
            let chain = chain.chain("certificate chain")?;
            (key.name("private key"), vec![KeyEntry { alias: None, key: bytes, chain }])
        }
    };
    entries.into_iter().map(|entry| identity(&name, entry, provider)).collect()
}

fn identity(store: &str, entry: KeyEntry, provider: &CryptoProvider) -> Result<Identity, TlsError> {
    let infos: Vec<CertificateInfo> =
        entry.chain.iter().filter_map(|der| CertificateInfo::from_der(der)).collect();
    let Some(subject) =
        infos.first().filter(|_| infos.len() == entry.chain.len()).map(CertificateInfo::subject)
    else {
        let detail = "a certificate of the private key cannot be read".to_owned();
        return Err(TlsError::store(store, StoreProblem::Broken { detail }));
    };
    let unusable = |detail: String| TlsError::store(store, StoreProblem::Key { detail });
    let mut kind = None;
    let key = match entry.key {
        KeyBytes::Pkcs8(key) => {
            let key = key::complete(key, entry.chain.first().map_or(&[], |own| own.as_ref()));
            kind = Some(key::describe(&key));
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()))
        }
        KeyBytes::Pkcs1(key) => PrivateKeyDer::from(PrivatePkcs1KeyDer::from(key.to_vec())),
        KeyBytes::Sec1(key) => PrivateKeyDer::from(PrivateSec1KeyDer::from(key.to_vec())),
        KeyBytes::Unread => return Err(unusable("it was not read".to_owned())),
    };
    let key = provider.key_provider.load_private_key(key).map_err(|error| {
        unusable(kind.map_or_else(|| error.to_string(), |kind| format!("{kind} ({error})")))
    })?;
    let certified = CertifiedKey::new(entry.chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            return Err(TlsError::KeyMismatch { store: store.to_owned(), subject });
        }
        Err(error) => return Err(unusable(error.to_string())),
    }
    Ok(Identity { certified: Arc::new(certified), infos })
}

impl Identity {
    /// Up to when its own certificate is valid, in seconds since 1970.
    pub(crate) fn not_after(&self) -> Option<u64> {
        self.infos.first().map(|info| info.valid_seconds().1)
    }

    fn is_issued_by(&self, issuers: &[&[u8]]) -> bool {
        self.infos.iter().any(|info| issuers.contains(&info.raw_issuer()))
    }
}

/// Chooses among the client's certificates, and notes what brokers ask for.
#[derive(Debug)]
pub(crate) struct Resolver {
    identities: Vec<Identity>,
    asked: Arc<Asked>,
}

impl Resolver {
    pub(crate) fn new(identities: Vec<Identity>, asked: Arc<Asked>) -> Self {
        Self { identities, asked }
    }

    /// The first that the broker can verify and whose issuer it names; else the first that it can verify: a broker that
    /// refuses it says so, while one that gets none can only guess.
    fn choose(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<&Identity> {
        let mut usable = self
            .identities
            .iter()
            .filter(|identity| identity.certified.key.choose_scheme(schemes).is_some());
        let first = usable.next()?;
        if issuers.is_empty() || first.is_issued_by(issuers) {
            return Some(first);
        }
        Some(usable.find(|identity| identity.is_issued_by(issuers)).unwrap_or(first))
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let chosen = self.choose(issuers, schemes);
        self.asked.note(Request {
            issuers: issuers.iter().take(MOST_ISSUERS).map(|name| display_name(name)).collect(),
            shown: chosen.and_then(|identity| identity.infos.first().cloned()),
        });
        chosen.map(|identity| Arc::clone(&identity.certified))
    }

    fn has_certs(&self) -> bool {
        !self.identities.is_empty()
    }
}
