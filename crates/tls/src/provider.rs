//! Whose cryptography TLS uses: decided here, never by rustls' default for the process, which fails where two are
//! linked.

use rustls::crypto::CryptoProvider;

use crate::TlsError;

/// aws-lc-rs where its feature is on, else ring.
///
/// # Errors
///
/// [`TlsError::NoCryptography`] where neither is.
pub(crate) fn provider() -> Result<CryptoProvider, TlsError> {
    #[cfg(feature = "aws-lc-rs")]
    {
        Ok(rustls::crypto::aws_lc_rs::default_provider())
    }
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    {
        Ok(rustls::crypto::ring::default_provider())
    }
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    {
        Err(TlsError::NoCryptography)
    }
}
