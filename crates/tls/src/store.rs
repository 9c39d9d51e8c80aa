//! Stores of keys and certificates, from files and from memory.

mod ber;
pub(crate) mod folder;
mod jks;
mod pbe;
mod pem;
mod pkcs12;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::{CertificateInfo, StoreProblem, TlsError};

/// The most bytes of a store: far more than the certificates of every authority there is.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// What a store is made like: `ssl.keystore.type`, `ssl.truststore.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreType {
    /// Java's own.
    Jks,
    /// PKCS#12 (RFC 7292), as `keytool` and OpenSSL write it.
    Pkcs12,
    /// Certificates and keys as text (RFC 7468, KIP-651).
    Pem,
}

impl StoreType {
    /// Java's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Pkcs12 => "PKCS12",
            Self::Pem => "PEM",
        }
    }

    /// What these bytes seem to be.
    fn guess(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => Some(Self::Jks),
            [0x30, ..] => Some(Self::Pkcs12),
            _ => pem::is_pem(bytes).then_some(Self::Pem),
        }
    }
}

impl fmt::Display for StoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StoreType {
    type Err = TlsError;

    fn from_str(name: &str) -> Result<Self, TlsError> {
        [Self::Jks, Self::Pkcs12, Self::Pem]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| TlsError::StoreType { name: name.to_owned() })
    }
}

/// Where keys and certificates are: a file, or bytes in memory.
///
/// Its type is found out from what is in it, unless it is said. JKS and PKCS#12 pass for each other, as in Java.
/// Its memory is wiped when it is dropped, and `Debug` shows neither it nor the password.
#[derive(Clone)]
pub struct Store {
    source: Source,
    kind: Option<StoreType>,
    password: Option<Secret>,
    most_iterations: u32,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Bytes(Arc<Zeroizing<Vec<u8>>>),
}

/// What is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name in the store; PEM has none.
    pub alias: Option<String>,
    /// Whether there is a private key.
    pub has_key: bool,
    /// Whether it is there to be trusted.
    pub is_trusted: bool,
    /// The key's certificate, then its issuers'; or the one that is trusted.
    pub certificates: Vec<CertificateInfo>,
}

/// What a store holds, decrypted.
#[derive(Default)]
struct Contents {
    keys: Vec<KeyEntry>,
    certificates: Vec<CertificateEntry>,
}

/// A private key, with its certificate and those of its issuers.
pub(crate) struct KeyEntry {
    pub(crate) alias: Option<String>,
    pub(crate) key: KeyBytes,
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// A private key in DER.
pub(crate) enum KeyBytes {
    /// PKCS#8.
    Pkcs8(Zeroizing<Vec<u8>>),
    /// PKCS#1: `RSA PRIVATE KEY`.
    Pkcs1(Zeroizing<Vec<u8>>),
    /// SEC1: `EC PRIVATE KEY`.
    Sec1(Zeroizing<Vec<u8>>),
    /// There is one, and nobody wants to know it.
    Unread,
}

struct CertificateEntry {
    alias: Option<String>,
    certificate: CertificateDer<'static>,
    is_trusted: bool,
}

/// What is wanted of a store, and by which passwords.
#[derive(Clone, Copy)]
struct Access<'a> {
    /// Whether private keys are wanted: they are decrypted only then.
    wants_keys: bool,
    password: Option<&'a str>,
    key_password: Option<&'a str>,
    most_iterations: u32,
}

impl<'a> Access<'a> {
    /// The key's own password, else the store's.
    fn for_key(&self) -> Option<&'a str> {
        self.key_password.or(self.password)
    }
}

impl Store {
    /// As many iterations of key derivation as Java allows.
    pub const DEFAULT_MOST_ITERATIONS: u32 = 5_000_000;

    /// The store in this file. It is read when a client is made from it, and again after it has changed.
    ///
    /// A truststore may be a folder of PEM files that `openssl rehash` has given names to, as OpenSSL takes them (librdkafka's `ssl.ca.location`); it is read
    /// again after names in it have come or gone.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Source::File(path.into()))
    }

    /// A store that is in memory: `ssl.truststore.certificates` and the like are PEM texts.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Bytes(Arc::new(Zeroizing::new(bytes.into()))))
    }

    /// What it must be, rather than whatever it is.
    #[must_use]
    pub fn of_type(mut self, kind: StoreType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// What it is encrypted or sealed with: `ssl.keystore.password`, `ssl.truststore.password`. PEM has none.
    ///
    /// Without, what is not encrypted is read all the same, and whether somebody changed the store is not found out.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(Secret::new(password));
        self
    }

    /// The most iterations of key derivation that all of it together may ask for, so that a forged store cannot stop
    /// the program. Default: [`Self::DEFAULT_MOST_ITERATIONS`].
    #[must_use]
    pub fn most_iterations(mut self, iterations: u32) -> Self {
        self.most_iterations = iterations;
        self
    }

    /// What is in it. Private keys are decrypted, to find out whether the password is theirs (`key_password`, else the
    /// store's), and forgotten.
    ///
    /// # Errors
    ///
    /// [`TlsError::File`] and [`TlsError::Store`].
    pub fn entries(&self, key_password: Option<&str>) -> Result<Vec<Entry>, TlsError> {
        let key_password = key_password.map(Secret::new);
        let contents = self.read("store", true, key_password.as_ref())?;
        let info = |certificates: &[CertificateDer<'_>]| {
            certificates.iter().filter_map(|der| CertificateInfo::from_der(der)).collect()
        };
        let keys = contents.keys.iter().map(|entry| Entry {
            alias: entry.alias.clone(),
            has_key: true,
            is_trusted: false,
            certificates: info(&entry.chain),
        });
        let certificates = contents.certificates.iter().map(|entry| Entry {
            alias: entry.alias.clone(),
            has_key: false,
            is_trusted: entry.is_trusted,
            certificates: info(std::slice::from_ref(&entry.certificate)),
        });
        Ok(keys.chain(certificates).collect())
    }

    /// The file that it is in.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Bytes(_) => None,
        }
    }

    /// How errors call it: `truststore client.jks`.
    pub(crate) fn name(&self, purpose: &str) -> String {
        self.path()
            .map_or_else(|| purpose.to_owned(), |path| format!("{purpose} {}", path.display()))
    }

    /// Its private keys with their certificates: one at least.
    pub(crate) fn keys(
        &self,
        purpose: &'static str,
        key_password: Option<&Secret>,
    ) -> Result<Vec<KeyEntry>, TlsError> {
        let Contents { mut keys, certificates } = self.read(purpose, true, key_password)?;
        let problem = |problem| Err(TlsError::store(&self.name(purpose), problem));
        if keys.is_empty() {
            return problem(StoreProblem::NoKey { certificates: certificates.len() });
        }
        keys.retain(|key| !key.chain.is_empty());
        if keys.is_empty() { problem(StoreProblem::NoCertificate) } else { Ok(keys) }
    }

    /// Its one private key, without any certificate.
    pub(crate) fn lone_key(
        &self,
        purpose: &'static str,
        key_password: Option<&Secret>,
    ) -> Result<KeyBytes, TlsError> {
        let Contents { mut keys, certificates } = self.read(purpose, true, key_password)?;
        let problem = match (keys.pop(), keys.len()) {
            (Some(key), 0) => return Ok(key.key),
            (Some(_), others) => StoreProblem::SeveralKeys { keys: others + 1 },
            (None, _) => StoreProblem::NoKey { certificates: certificates.len() },
        };
        Err(TlsError::store(&self.name(purpose), problem))
    }

    /// Every certificate in it, in order: one at least.
    pub(crate) fn chain(
        &self,
        purpose: &'static str,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let contents = self.read(purpose, false, None)?;
        let of_keys = contents.keys.into_iter().flat_map(|key| key.chain);
        let chain: Vec<_> = of_keys
            .chain(contents.certificates.into_iter().map(|entry| entry.certificate))
            .collect();
        if chain.is_empty() {
            return Err(TlsError::store(&self.name(purpose), StoreProblem::NoCertificate));
        }
        Ok(chain)
    }

    /// The certificates that it is there to trust: one at least.
    pub(crate) fn trusted(
        &self,
        purpose: &'static str,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let Contents { keys, certificates } = match self.path().filter(|path| path.is_dir()) {
            Some(folder) => self.read_folder(purpose, folder)?,
            None => self.read(purpose, false, None)?,
        };
        let unmarked = certificates.iter().filter(|entry| !entry.is_trusted).count();
        // As Java: whose key is here is trusted, and whoever is marked. What OpenSSL makes has no such marks.
        let takes_unmarked = keys.is_empty() && unmarked == certificates.len();
        let of_keys = keys.into_iter().filter_map(|key| key.chain.into_iter().next());
        let listed = certificates
            .into_iter()
            .filter(|entry| entry.is_trusted || takes_unmarked)
            .map(|entry| entry.certificate);
        let trusted: Vec<_> = of_keys.chain(listed).collect();
        if trusted.is_empty() {
            let problem = StoreProblem::NothingTrusted { unmarked };
            return Err(TlsError::store(&self.name(purpose), problem));
        }
        Ok(trusted)
    }

    fn new(source: Source) -> Self {
        Self { source, kind: None, password: None, most_iterations: Self::DEFAULT_MOST_ITERATIONS }
    }

    fn read(
        &self,
        purpose: &'static str,
        wants_keys: bool,
        key_password: Option<&Secret>,
    ) -> Result<Contents, TlsError> {
        let access = Access {
            wants_keys,
            password: self.password.as_ref().map(Secret::as_str),
            key_password: key_password.map(Secret::as_str),
            most_iterations: self.most_iterations,
        };
        let parsed = match &self.source {
            Source::Bytes(bytes) => self.parse(bytes, access),
            Source::File(path) => self.parse(&read_file(purpose, path)?, access),
        };
        parsed.map_err(|problem| TlsError::store(&self.name(purpose), problem))
    }

    /// What is in a folder's certificates.
    fn read_folder(&self, purpose: &'static str, folder: &Path) -> Result<Contents, TlsError> {
        let problem = |problem| TlsError::store(&self.name(purpose), problem);
        let paths =
            folder::certificates(folder).map_err(|error| file_error(purpose, folder, &error))?;
        if paths.is_empty() {
            let detail = "no file in this folder is named as `openssl rehash` names them (5ed36f99.0), \
                 and others are not looked at: run that, or name a file";
            return Err(problem(StoreProblem::Certificates { detail: detail.to_owned() }));
        }
        let (mut contents, mut bytes) = (Contents::default(), 0);
        for path in paths {
            let read = read_file(purpose, &path)?;
            bytes += read.len();
            if bytes > MOST_BYTES {
                return Err(problem(too_large()));
            }
            let password = self.password.as_ref().map(Secret::as_str);
            let most_iterations = self.most_iterations;
            let access =
                Access { wants_keys: false, password, key_password: None, most_iterations };
            let found = self.parse(&read, access).map_err(|found| {
                TlsError::store(&format!("{purpose} {}", path.display()), found)
            })?;
            contents.certificates.extend(found.certificates);
        }
        Ok(contents)
    }

    fn parse(&self, bytes: &[u8], access: Access<'_>) -> Result<Contents, StoreProblem> {
        if bytes.len() > MOST_BYTES {
            return Err(too_large());
        }
        let found = StoreType::guess(bytes);
        let kind = match (self.kind, found) {
            (None, None) => return Err(not_a_store(bytes)),
            (Some(StoreType::Pem), None | Some(StoreType::Pem)) => StoreType::Pem,
            (Some(expected), None) => {
                return Err(match not_a_store(bytes) {
                    StoreProblem::UnknownType => StoreProblem::Broken {
                        detail: format!("it does not begin like {expected}"),
                    },
                    problem => problem,
                });
            }
            (Some(expected), Some(found))
                if (expected == StoreType::Pem) != (found == StoreType::Pem) =>
            {
                return Err(StoreProblem::WrongType {
                    expected: expected.name(),
                    found: found.name(),
                });
            }
            (_, Some(found)) => found,
        };
        match kind {
            StoreType::Pem if access.password.is_some() => Err(StoreProblem::PasswordOfPem),
            StoreType::Pem => pem::read(bytes, access),
            StoreType::Jks => jks::read(bytes, access),
            StoreType::Pkcs12 => pkcs12::read(bytes, access),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Store");
        match &self.source {
            Source::File(path) => shown.field("path", path),
            Source::Bytes(bytes) => shown.field("bytes", &bytes.len()),
        };
        shown.field("type", &self.kind).field("password", &self.password).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What is no store at all, as far as it can be told.
fn not_a_store(bytes: &[u8]) -> StoreProblem {
    let remedy = "convert it by `keytool -importkeystore … -deststoretype pkcs12`";
    match bytes {
        [] => StoreProblem::Broken { detail: "it is empty".to_owned() },
        [0xce, 0xce, 0xce, 0xce, ..] => {
            StoreProblem::Unsupported { what: "the store type JCEKS".to_owned(), remedy }
        }
        [0, 0, 0, 1 | 2, 0, 0, 0, 20, ..] => StoreProblem::Unsupported {
            what: "the store type BKS (Bouncy Castle's)".to_owned(),
            remedy,
        },
        _ => StoreProblem::UnknownType,
    }
}

fn too_large() -> StoreProblem {
    StoreProblem::Broken { detail: format!("it has more than {MOST_BYTES} bytes") }
}

fn file_error(purpose: &'static str, path: &Path, error: &io::Error) -> TlsError {
    let (kind, detail) = (error.kind(), error.to_string());
    TlsError::File { purpose, path: path.to_owned(), kind, detail }
}

fn read_file(purpose: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let failed = |error: &io::Error| file_error(purpose, path, error);
    let file = File::open(path).map_err(|e| failed(&e))?;
    let length = file.metadata().map_err(|e| failed(&e))?.len();
    // With room for all of it, so that no half-read copy is left behind in freed memory.
    let room = usize::try_from(length).unwrap_or(MOST_BYTES).min(MOST_BYTES) + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    Ok(bytes)
}
