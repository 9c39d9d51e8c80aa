//! Certificates of all kinds, and a broker's side of TLS in the same process: what one side writes the other reads, with
//! no socket between.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rohrpost_tls::{Store, TlsClient, TlsError, TlsSettings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CipherSuite, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

pub(crate) const HOST: &str = "broker.example";

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name)
}

pub(crate) fn pem(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// A certificate with its key, in PEM.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// An authority.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) made: Made,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        let made = Made { certificate, key: key.serialize_pem() };
        Self { issuer: Issuer::new(params, key), made }
    }

    /// One that another vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let made = Made { certificate, key: key.serialize_pem() };
        Self { issuer: Issuer::new(params, key), made }
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Made {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Made { certificate, key: key.serialize_pem() }
    }

    /// A broker's, for [`HOST`].
    pub(crate) fn broker(&self) -> Made {
        self.issue(&for_hosts(&[HOST]))
    }

    /// A client's.
    pub(crate) fn client(&self, name: &str) -> Made {
        self.issue(&named(name))
    }

    pub(crate) fn trusted(&self) -> Store {
        Store::bytes(self.made.certificate.clone())
    }
}

pub(crate) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(crate) fn for_hosts(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a broker");
    params
}

pub(crate) fn valid(mut params: CertificateParams, from: i32, to: i32) -> CertificateParams {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

pub(crate) fn only_for_clients(mut params: CertificateParams) -> CertificateParams {
    params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ClientAuth);
    params
}

pub(crate) fn self_signed(params: &CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    Made { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// A broker's settings of TLS.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) shown: Made,
    /// Issuers of clients' certificates that it accepts; it asks for none if there are none.
    pub(crate) client_issuers: Vec<String>,
    pub(crate) lets_anonymous_in: bool,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) suites: Option<Vec<CipherSuite>>,
}

impl Broker {
    pub(crate) fn new(shown: Made) -> Self {
        Self {
            shown,
            client_issuers: Vec::new(),
            lets_anonymous_in: false,
            versions: rustls::ALL_VERSIONS.to_vec(),
            suites: None,
        }
    }

    pub(crate) fn accepting(mut self, ca: &Ca) -> Self {
        self.client_issuers.push(ca.made.certificate.clone());
        self
    }

    pub(crate) fn speaking(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    fn config(&self) -> ServerConfig {
        let mut provider = rustls::crypto::ring::default_provider();
        if let Some(suites) = &self.suites {
            provider.cipher_suites.retain(|suite| suites.contains(&suite.suite()));
        }
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .unwrap();
        let builder = if self.client_issuers.is_empty() {
            builder.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for issuer in &self.client_issuers {
                roots.add(CertificateDer::from_pem_slice(issuer.as_bytes()).unwrap()).unwrap();
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier =
                if self.lets_anonymous_in { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().unwrap())
        };
        let chain = CertificateDer::pem_slice_iter(self.shown.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(self.shown.key.as_bytes()).unwrap();
        let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
        // Whether both fit each other is not looked at: a broker may be wrong.
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(chain, key);
        builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
    }
}

/// What came of a connection.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) suite: Option<CipherSuite>,
    /// The name that the broker was told (SNI).
    pub(crate) told_name: Option<String>,
    /// What the client showed.
    pub(crate) shown: Vec<CertificateDer<'static>>,
}

/// Connects, and lets a byte of each side pass.
pub(crate) fn connect(
    client: &TlsClient,
    host: &str,
    broker: &Broker,
) -> Result<Connected, TlsError> {
    let explained = |error: rustls::Error| {
        client.explain(host, &io::Error::new(io::ErrorKind::InvalidData, error))
    };
    let mut near =
        ClientConnection::new(client.current()?, client.server_name(host)?).map_err(explained)?;
    let mut far = ServerConnection::new(Arc::new(broker.config())).unwrap();
    let mut is_refused = false;
    io::Write::write_all(&mut near.writer(), b"?").unwrap();
    loop {
        let mut moved = 0;
        let mut there = Vec::new();
        while near.wants_write() {
            moved += near.write_tls(&mut there).unwrap();
        }
        let mut there = there.as_slice();
        while !there.is_empty() && !is_refused {
            far.read_tls(&mut there).unwrap();
            is_refused |= far.process_new_packets().is_err();
        }
        if !far.is_handshaking() && !is_refused && moved > 0 {
            io::Write::write_all(&mut far.writer(), b"!").unwrap();
        }
        let mut back = Vec::new();
        while far.wants_write() {
            moved += far.write_tls(&mut back).unwrap();
        }
        let mut back = back.as_slice();
        while !back.is_empty() {
            near.read_tls(&mut back).unwrap();
            if let Err(error) = near.process_new_packets() {
                return Err(explained(error));
            }
        }
        if moved == 0 {
            break;
        }
    }
    if is_refused || near.is_handshaking() || far.is_handshaking() {
        return Err(client.explain(host, &io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Connected {
        version: near.protocol_version(),
        suite: near.negotiated_cipher_suite().map(|suite| suite.suite()),
        told_name: far.server_name().map(str::to_owned),
        shown: far
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|c| c.clone().into_owned())
            .collect(),
    })
}

/// What a client makes of bytes that are no TLS.
pub(crate) fn answered_by(client: &TlsClient, host: &str, answer: &[u8]) -> TlsError {
    let mut near =
        ClientConnection::new(client.current().unwrap(), client.server_name(host).unwrap())
            .unwrap();
    let mut answer = answer;
    while !answer.is_empty() {
        near.read_tls(&mut answer).unwrap();
        if let Err(error) = near.process_new_packets() {
            return client.explain(host, &io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
    panic!("taken for TLS");
}

pub(crate) fn trusting(ca: &Ca) -> TlsSettings {
    TlsSettings::new().truststore(ca.trusted())
}

pub(crate) fn showing(settings: TlsSettings, made: &Made) -> TlsSettings {
    settings.key_and_certificate_chain(
        Store::bytes(made.key.clone()),
        Store::bytes(made.certificate.clone()),
    )
}
