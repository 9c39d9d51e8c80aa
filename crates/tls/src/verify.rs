//! Whether a broker's certificate is accepted: rustls judges, this adds what Java has besides, and what errors want.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use crate::certificate::{CertificateInfo, enumerate};
use crate::der::{Reader, dotted, tag};
use crate::settings::TlsSettings;
use crate::store::Store;
use crate::{CertificateProblem, StoreProblem, TlsError};

/// Who is trusted.
pub(crate) struct Trust {
    /// Those who vouch for others.
    anchors: RootCertStore,
    /// Certificates that are trusted as they are.
    listed: Vec<CertificateDer<'static>>,
    /// In words.
    description: String,
}

/// Judges the certificates of brokers.
pub(crate) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
    ignores_host: bool,
    accepts_common_name: bool,
    accepts_trusted_ca_as_server: bool,
}

/// Why a certificate was not accepted: it travels within rustls' error.
#[derive(Debug, Clone)]
pub(crate) struct Rejected {
    pub(crate) problem: CertificateProblem,
    pub(crate) chain: Vec<CertificateInfo>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl StdError for Rejected {}

impl Trust {
    /// Those whom a truststore names.
    pub(crate) fn from_store(store: &Store) -> Result<Self, TlsError> {
        let name = store.name("truststore");
        let mut anchors = RootCertStore::empty();
        let mut listed = Vec::new();
        let mut subjects = Vec::new();
        let mut unusable = None;
        for certificate in store.trusted("truststore")? {
            let Some(info) = CertificateInfo::from_der(&certificate) else {
                unusable.get_or_insert_with(|| "a certificate cannot be read".to_owned());
                continue;
            };
            if info.may_be_anchor() {
                if let Err(error) = anchors.add(certificate.clone()) {
                    unusable.get_or_insert_with(|| format!("{}: {error}", info.subject()));
                    continue;
                }
            }
            subjects.push(info.subject());
            listed.push(certificate);
        }
        if let (true, Some(detail)) = (listed.is_empty(), unusable) {
            return Err(TlsError::store(&name, StoreProblem::Certificates { detail }));
        }
        let description = format!("{name} ({})", enumerate(&subjects));
        Ok(Self { anchors, listed, description })
    }

    /// Those whom the system trusts.
    pub(crate) fn from_system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut anchors = RootCertStore::empty();
        let (added, _) = anchors.add_parsable_certificates(found.certs);
        if added == 0 {
            let detail = found.errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(TlsError::NoSystemRoots { detail });
        }
        let description = format!("the {added} authorities that this system trusts");
        Ok(Self { anchors, listed: Vec::new(), description })
    }

    fn has_namesake(&self, name: &[u8]) -> bool {
        // An anchor's subject is without the header of its sequence.
        let content = Reader::new(name).expect(tag::SEQUENCE).unwrap_or(name);
        self.anchors.roots.iter().any(|root| root.subject.as_ref() == content)
            || self.listed.iter().any(|der| {
                CertificateInfo::from_der(der).is_some_and(|info| info.raw_subject() == name)
            })
    }
}

impl Verifier {
    pub(crate) fn new(
        trust: Trust,
        settings: &TlsSettings,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self {
            trust,
            algorithms,
            ignores_host: settings.ignores_host,
            accepts_common_name: settings.accepts_common_name,
            accepts_trusted_ca_as_server: settings.accepts_trusted_ca_as_server,
        }
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let info = CertificateInfo::from_der(end_entity).ok_or(CertificateProblem::Malformed)?;
        let judged = Judged { info: &info, intermediates, now: now.as_secs() };
        let parsed = ParsedCertificate::try_from(end_entity)
            .map_err(|error| self.explain(&judged, error))?;
        let is_listed =
            self.trust.listed.iter().any(|listed| listed.as_ref() == end_entity.as_ref());
        if is_listed && (!info.is_ca() || self.accepts_trusted_ca_as_server) {
            judged.verify_by_itself()?;
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.trust.anchors,
                intermediates,
                now,
                self.algorithms.all,
            )
            .map_err(|error| self.explain(&judged, error))?;
        }
        if self.ignores_host {
            return Ok(());
        }
        match verify_server_name(&parsed, server_name) {
            Ok(()) => Ok(()),
            Err(_) if self.accepts_common_name && has_common_name(&info, server_name) => Ok(()),
            Err(_) => Err(wrong_host(&info, server_name)),
        }
    }

    /// The problem that rustls has found, with what it takes to solve it.
    fn explain(&self, judged: &Judged<'_>, error: Error) -> CertificateProblem {
        let Error::InvalidCertificate(error) = error else {
            return CertificateProblem::Other { detail: error.to_string() };
        };
        let info = judged.info;
        if info.version() < 3 {
            let what = format!(
                "it is of version {} of X.509, and only version 3 is supported",
                info.version()
            );
            return CertificateProblem::Unsupported { what };
        }
        let now = judged.now;
        match error {
            CertificateError::ExpiredContext { .. } | CertificateError::Expired => {
                match judged.chain().find(|info| info.valid_seconds().1 < now) {
                    Some(info) => expired(&info, now),
                    None => CertificateProblem::Other { detail: error.to_string() },
                }
            }
            CertificateError::NotValidYetContext { .. } | CertificateError::NotValidYet => {
                match judged.chain().find(|info| info.valid_seconds().0 > now) {
                    Some(info) => not_yet_valid(&info, now),
                    None => CertificateProblem::Other { detail: error.to_string() },
                }
            }
            CertificateError::UnknownIssuer => self.unknown_issuer(judged),
            CertificateError::BadSignature => CertificateProblem::BadSignature,
            CertificateError::BadEncoding => CertificateProblem::Malformed,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                CertificateProblem::WrongPurpose
            }
            CertificateError::UnsupportedSignatureAlgorithmContext {
                ref signature_algorithm_id,
                ..
            }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                ref signature_algorithm_id,
                ..
            } => CertificateProblem::Unsupported { what: signature(signature_algorithm_id) },
            _ if info.is_ca() => CertificateProblem::AuthorityAsServer {
                is_trusted: self.trust.listed.iter().any(|listed| {
                    CertificateInfo::from_der(listed).is_some_and(|listed| listed == *info)
                }),
            },
            error => CertificateProblem::Other { detail: error.to_string() },
        }
    }

    /// Follows the chain that the broker has shown up to where nobody is found any more.
    fn unknown_issuer(&self, judged: &Judged<'_>) -> CertificateProblem {
        let others: Vec<CertificateInfo> = judged.chain().skip(1).collect();
        let mut last = judged.info;
        for _ in 0..others.len() {
            match others.iter().find(|other| other.raw_subject() == last.raw_issuer()) {
                Some(issuer) if !last.is_self_issued() => last = issuer,
                _ => break,
            }
        }
        CertificateProblem::UnknownIssuer {
            issuer: last.issuer(),
            is_self_signed: last == judged.info && last.is_self_issued(),
            has_namesake: self.trust.has_namesake(last.raw_issuer()),
            trusted: self.trust.description.clone(),
        }
    }
}

/// A broker's certificate that is being judged.
struct Judged<'a> {
    info: &'a CertificateInfo,
    intermediates: &'a [CertificateDer<'a>],
    now: u64,
}

impl Judged<'_> {
    /// The certificate, and those that came with it.
    fn chain(&self) -> impl Iterator<Item = CertificateInfo> {
        let others = self
            .intermediates
            .iter()
            .take(MOST_CHAIN)
            .filter_map(|der| CertificateInfo::from_der(der));
        std::iter::once(self.info.clone()).chain(others)
    }

    /// What is asked of a certificate that is trusted itself, without anybody else's word.
    fn verify_by_itself(&self) -> Result<(), CertificateProblem> {
        let (not_before, not_after) = self.info.valid_seconds();
        if self.now > not_after {
            return Err(expired(self.info, self.now));
        }
        if self.now < not_before {
            return Err(not_yet_valid(self.info, self.now));
        }
        if self.info.may_be_server() { Ok(()) } else { Err(CertificateProblem::WrongPurpose) }
    }
}

/// The most certificates of a broker's chain that errors look at.
const MOST_CHAIN: usize = 16;

fn expired(info: &CertificateInfo, now: u64) -> CertificateProblem {
    CertificateProblem::Expired { subject: info.subject(), not_after: info.valid_seconds().1, now }
}

fn not_yet_valid(info: &CertificateInfo, now: u64) -> CertificateProblem {
    CertificateProblem::NotYetValid {
        subject: info.subject(),
        not_before: info.valid_seconds().0,
        now,
    }
}

fn wrong_host(info: &CertificateInfo, server_name: &ServerName<'_>) -> CertificateProblem {
    let names = info.names();
    if names.is_empty() {
        return CertificateProblem::OnlyCommonName {
            common_name: info.common_name(),
            is_host: has_common_name(info, server_name),
        };
    }
    CertificateProblem::WrongHost { names }
}

/// Whether a certificate without names of hosts has the host as its common name, as Java looks at it (RFC 2818, 3.1):
/// letter case aside, with `*` for the whole first label. Addresses count only as alternative names.
fn has_common_name(info: &CertificateInfo, server_name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(host) = server_name else { return false };
    if !info.dns_names().is_empty() {
        return false;
    }
    let Some(name) = info.common_name() else { return false };
    let host = host.as_ref().trim_end_matches('.');
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((label, rest))) => {
            !label.is_empty() && domain.contains('.') && domain.eq_ignore_ascii_case(rest)
        }
        _ => false,
    }
}

/// Why a signature of this kind is not looked at.
fn signature(algorithm: &[u8]) -> String {
    let oid = Reader::new(algorithm).oid().unwrap_or(algorithm);
    match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => {
            "it, or one of its issuers, is signed with SHA-1, which can be forged".to_owned()
        }
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4] => {
            "it, or one of its issuers, is signed with MD5, which can be forged".to_owned()
        }
        other => format!("it is signed by the algorithm {}, which is not supported", dotted(other)),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, server_name, now)
            .map(|()| ServerCertVerified::assertion())
            .map_err(|problem| {
                let shown = std::iter::once(end_entity).chain(intermediates).take(MOST_CHAIN);
                let chain = shown.filter_map(|der| CertificateInfo::from_der(der)).collect();
                let rejected = OtherError(Arc::new(Rejected { problem, chain }));
                Error::InvalidCertificate(CertificateError::Other(rejected))
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("trusted", &self.trust.description)
            .field("ignores_host", &self.ignores_host)
            .finish_non_exhaustive()
    }
}
