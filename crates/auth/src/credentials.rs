//! The seam between whoever authenticates connections and whoever knows the secrets.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use rohrpost_sasl::{SaslClient, SaslError};

/// A future in a box, as traits that are used as objects return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where connections get their credentials from.
///
/// `Debug` must leave secrets out.
pub trait Credentials: Send + Sync + fmt::Debug {
    /// A mechanism for one new connection to a broker of this host name, or for authenticating one anew (KIP-368).
    ///
    /// Nonces and the wall clock are read here. The future may wait, as for a token endpoint, and may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]: there is nothing to authenticate with at the moment.
    fn client(
        &self,
        host: &str,
    ) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>>;
}

/// Why there are no credentials. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError {
    /// Who failed, what is wrong and what to do.
    pub detail: String,
    /// Whether trying again may help without anybody changing anything.
    pub is_retriable: bool,
}

impl CredentialsError {
    /// An error that lasts until somebody changes something.
    pub fn lasting(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), is_retriable: false }
    }

    /// An error that may pass by itself.
    pub fn passing(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), is_retriable: true }
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for CredentialsError {}

impl From<SaslError> for CredentialsError {
    fn from(error: SaslError) -> Self {
        Self { detail: error.to_string(), is_retriable: error.is_retriable() }
    }
}
