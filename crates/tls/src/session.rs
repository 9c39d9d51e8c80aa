//! What a handshake has come to, for people.

use crate::error::is_address;
use crate::{CertificateInfo, CipherSuite, TlsVersion};

/// The most certificates of a chain that are kept.
const MOST_CHAIN: usize = 16;

/// What a client and a broker have agreed on, and whom the broker has shown itself to be: for diagnosis, and for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSession {
    /// The version; `None` for one that is not known here.
    pub version: Option<TlsVersion>,
    /// The cipher suite; `None` for one that is not known here.
    pub cipher_suite: Option<CipherSuite>,
    /// The name that the broker was told (SNI); none where it is known by its address, which is never told (RFC 6066, section 3).
    pub server_name: Option<String>,
    /// What the broker has shown, its own certificate first. At most 16 are kept; what cannot be read is left out.
    pub chain: Vec<CertificateInfo>,
}

impl TlsSession {
    /// From the numbers that TLS has for a version and a cipher suite, and certificates in DER.
    pub fn new<C: AsRef<[u8]>>(host: &str, version: u16, suite: u16, chain: &[C]) -> Self {
        let shown = chain.iter().take(MOST_CHAIN);
        let is_unnamed = is_address(host.split_once('%').map_or(host, |(address, _)| address));
        Self {
            version: TlsVersion::from_number(version),
            cipher_suite: CipherSuite::from_number(suite),
            server_name: (!is_unnamed).then(|| host.strip_suffix('.').unwrap_or(host).to_owned()),
            chain: shown.filter_map(|der| CertificateInfo::from_der(der.as_ref())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_suites_are_known_by_their_numbers() {
        let session = TlsSession::new::<&[u8]>("broker.example.", 0x0304, 0x1301, &[]);
        assert_eq!(session.version, Some(TlsVersion::Tls13));
        assert_eq!(
            session.cipher_suite.map(|suite| suite.to_string()).as_deref(),
            Some("TLS_AES_128_GCM_SHA256")
        );
        assert_eq!(session.server_name.as_deref(), Some("broker.example"));
        let other = TlsSession::new::<&[u8]>("fe80::1%eth0", 0x0302, 0x002f, &[]);
        assert_eq!((other.version, other.cipher_suite, other.server_name), (None, None, None));
    }
}
