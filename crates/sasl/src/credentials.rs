//! Why there is nothing to authenticate with.

use alloc::string::{String, ToString};
use core::fmt;

use crate::SaslError;

/// Why there are no credentials: what whoever provides them says. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsError {
    /// Who failed, what is wrong and what to do.
    pub detail: String,
    /// Whether trying again may help without anybody changing anything, as where a token endpoint is down.
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

impl core::error::Error for CredentialsError {}

impl From<SaslError> for CredentialsError {
    fn from(error: SaslError) -> Self {
        Self { detail: error.to_string(), is_retriable: error.is_retriable() }
    }
}
