//! The certificates of a cluster: an authority's, the brokers', and those of clients, on request.

use core::fmt;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::model::BrokerId;

/// The names and addresses that a broker is reached at.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A name that no broker of a cluster has.
const OTHER_HOST: &str = "elsewhere.invalid";

/// The rest of a life that is soon over.
const SOON: Duration = Duration::from_secs(10 * 24 * 3600 + 3600);

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFlaw {
    /// Its time was the year 2000.
    Expired,
    /// Its time is the year 2900.
    NotYetValid,
    /// It is for another host: `elsewhere.invalid`.
    WrongHost,
    /// An authority has signed it that nobody trusts, and that has the name of the one that is trusted.
    UnknownIssuer,
    /// It has its names in the subject's common name only (`localhost` for a broker), not as alternative names.
    CommonNameOnly,
    /// It is an authority's own, used as if it were a server's or a client's.
    Authority,
    /// A client's used by a server, or the reverse, by its extended key usage.
    WrongUsage,
    /// Nobody but itself has signed it.
    SelfSigned,
    /// It is over in ten days.
    ExpiresSoon,
}

/// A certificate and its private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    certificate: Vec<u8>,
    certificate_pem: String,
    key: Vec<u8>,
    key_pem: String,
}

impl Identity {
    /// The certificate in PEM: `ssl.keystore.certificate.chain`, `ssl.certificate.pem`.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key in PEM, as PKCS#8 without a password: `ssl.keystore.key`, `ssl.key.pem`.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The private key in DER, as PKCS#8 without a password.
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.key
    }
}

/// Without the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

/// Who signs, and what was signed.
pub(super) struct Authority {
    trusted: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    /// The subjects of the certificates of clients, by the certificates.
    subjects: BTreeMap<Vec<u8>, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

impl Authority {
    pub(super) fn new() -> io::Result<Self> {
        let issuer = || {
            let mut params = named("rohrpost-testkit CA");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let key = KeyPair::generate().map_err(io::Error::other)?;
            CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
        };
        Ok(Self { trusted: issuer()?, stranger: issuer()?, subjects: BTreeMap::new() })
    }

    pub(super) fn pem(&self) -> String {
        self.trusted.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.trusted.der().clone()
    }

    pub(super) fn subject_of(&self, certificate: &CertificateDer<'_>) -> Option<String> {
        self.subjects.get(certificate.as_ref()).cloned()
    }

    pub(super) fn server(
        &self,
        broker: BrokerId,
        flaw: Option<CertificateFlaw>,
    ) -> io::Result<Identity> {
        let (name, hosts) = match flaw {
            Some(CertificateFlaw::CommonNameOnly) => ("localhost".to_owned(), &[][..]),
            Some(CertificateFlaw::WrongHost) => (OTHER_HOST.to_owned(), &[OTHER_HOST][..]),
            _ => (format!("broker-{broker}"), &HOSTS[..]),
        };
        self.sign(&name, hosts, Side::Server, flaw)
    }

    pub(super) fn client(
        &mut self,
        name: &str,
        flaw: Option<CertificateFlaw>,
    ) -> io::Result<Identity> {
        let hosts = match flaw {
            Some(CertificateFlaw::WrongHost) => &[OTHER_HOST][..],
            Some(CertificateFlaw::CommonNameOnly) => &[][..],
            _ => &["localhost"][..],
        };
        let identity = self.sign(name, hosts, Side::Client, flaw)?;
        self.subjects.insert(identity.certificate.clone(), format!("CN={name}"));
        Ok(identity)
    }

    fn sign(
        &self,
        name: &str,
        hosts: &[&str],
        side: Side,
        flaw: Option<CertificateFlaw>,
    ) -> io::Result<Identity> {
        let mut params = named(name);
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        params.subject_alt_names =
            CertificateParams::new(hosts).map_err(io::Error::other)?.subject_alt_names;
        let is_swapped = flaw == Some(CertificateFlaw::WrongUsage);
        params.extended_key_usages = match (side == Side::Server) != is_swapped {
            true => vec![ExtendedKeyUsagePurpose::ServerAuth],
            false => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        match flaw {
            Some(CertificateFlaw::Expired) => {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
            }
            Some(CertificateFlaw::NotYetValid) => {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2900, 1, 1), date_time_ymd(2901, 1, 1));
            }
            Some(CertificateFlaw::ExpiresSoon) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                params.not_after = date_time_ymd(1970, 1, 1) + now + SOON;
            }
            Some(CertificateFlaw::Authority) => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            }
            _ => {}
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = match flaw {
            Some(CertificateFlaw::SelfSigned) => params.self_signed(&key),
            Some(CertificateFlaw::UnknownIssuer) => params.signed_by(&key, &self.stranger),
            _ => params.signed_by(&key, &self.trusted),
        };
        let certificate = certificate.map_err(io::Error::other)?;
        Ok(Identity {
            certificate: certificate.der().to_vec(),
            certificate_pem: certificate.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("signed", &self.subjects.len()).finish_non_exhaustive()
    }
}

/// What a certificate has with this common name and no other names, from 2000 to 2900.
fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2900, 1, 1));
    params
}
