//! The environment variables that AWS' libraries know.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rohrpost_sasl::{AwsCredentials, Secret};

use super::AwsSession;
use crate::CredentialsError;

/// The environment variables that say where AWS credentials are, taken once and handed in: this crate does not look at the process' own.
#[derive(Clone, Default)]
pub struct AwsEnvironment(BTreeMap<String, Secret>);

impl AwsEnvironment {
    /// Of this process.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable that is not blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.expose_str().map(str::trim).filter(|value| !value.is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// A file below the user's directory `.aws`, unless a variable names another.
    pub(super) fn file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        self.path(variable).or_else(|| {
            let home = self.path("HOME").or_else(|| self.path("USERPROFILE"))?;
            Some(home.join(".aws").join(name))
        })
    }

    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub(crate) fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; `None` without the first.
    pub(super) fn session(&self) -> Result<Option<AwsSession>, CredentialsError> {
        let Some(id) = self.get("AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let Some(secret) = self.get("AWS_SECRET_ACCESS_KEY") else {
            return Err(CredentialsError::lasting(
                "AWS_ACCESS_KEY_ID is set in the environment and AWS_SECRET_ACCESS_KEY is not: set both or none",
            ));
        };
        let credentials = AwsCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from(secret),
            session_token: self.get("AWS_SESSION_TOKEN").map(Secret::from),
        };
        Ok(Some(AwsSession { credentials, expires_at: None }))
    }
}

/// Of variables and their values. Only those whose names begin with `AWS_`, and those of the home directory, are kept.
impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for AwsEnvironment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let named = variables.into_iter().map(|(name, value)| (name.into(), value));
        let is_kept =
            |name: &str| name.starts_with("AWS_") || name == "HOME" || name == "USERPROFILE";
        Self(
            named
                .filter(|(name, _)| is_kept(name))
                .map(|(name, value)| (name, Secret::from(value.into())))
                .collect(),
        )
    }
}

/// The names alone.
impl fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
