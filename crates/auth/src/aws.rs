//! What AWS knows this program by, from the places where its own libraries look for that.

mod chain;
mod container;
mod environment;
mod instance;
mod json;
mod profile;
mod sigv4;
mod sts;
mod time;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

pub use chain::DefaultAwsCredentials;
pub use container::ContainerCredentials;
pub use environment::AwsEnvironment;
pub use instance::InstanceMetadata;
pub use profile::ProfileCredentials;
use rohrpost_sasl::AwsCredentials;
pub use sts::{AssumedRole, WebIdentity};

use crate::keeper::{Expiring, Source};
use crate::{BoxFuture, CredentialsError};

/// Gives AWS credentials.
///
/// [`MskIamCredentials`](crate::MskIamCredentials) asks for the next ones ahead of the end of the last ones: an implementation need not keep any.
/// `Debug` must leave secrets out.
pub trait AwsCredentialsProvider: Send + Sync + fmt::Debug {
    /// Credentials that are valid now. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]: there are none. What is retriable is tried again after a pause.
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>>;
}

/// AWS credentials and their end.
#[derive(Clone, Debug)]
pub struct AwsSession {
    /// The key, its secret and a session's token.
    pub credentials: AwsCredentials,
    /// When they end. `None`: not known; they are asked for anew for each connection.
    pub expires_at: Option<SystemTime>,
}

impl Expiring for AwsSession {
    const WHAT: &'static str = "session";

    fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

/// A provider whose credentials are kept.
#[derive(Debug)]
pub(crate) struct Provided(pub(crate) Arc<dyn AwsCredentialsProvider>);

impl Source for Provided {
    type Item = AwsSession;

    fn fetch(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        self.0.credentials()
    }
}

/// Always the same.
impl AwsCredentialsProvider for AwsCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        let credentials = self.clone();
        Box::pin(std::future::ready(Ok(AwsSession { credentials, expires_at: None })))
    }
}

#[cfg(test)]
mod tests;
