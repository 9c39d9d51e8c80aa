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

#[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
mod tests {
    use rustls::NamedGroup;
    use rustls::crypto::CryptoProvider;

    use crate::TlsSettings;

    /// The key exchange of both classical and post-quantum kind is aws-lc-rs' alone.
    #[test]
    fn the_features_alone_decide_whose_cryptography_it_is_and_with_both_it_is_aws_lc_rs() {
        let client = TlsSettings::new().build().unwrap();
        let config = client.current().unwrap();
        let groups = &config.crypto_provider().kx_groups;
        let is_hybrid = groups.iter().any(|group| group.name() == NamedGroup::X25519MLKEM768);
        assert_eq!(is_hybrid, cfg!(feature = "aws-lc-rs"));
        assert!(CryptoProvider::get_default().is_none(), "nothing is decided for the process");
    }
}
