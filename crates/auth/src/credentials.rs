//! The seam between whoever authenticates connections and whoever knows the secrets.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use rohrpost_sasl::{CredentialsError, SaslClient};

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

    /// Why the attempts to get some, which are still going on, have failed so far: for the errors of those who give up waiting for [`client`](Self::client) meanwhile. `None`, as
    /// here: nothing has failed, or nobody knows.
    fn last_failure(&self) -> Option<CredentialsError> {
        None
    }
}
