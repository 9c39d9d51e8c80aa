//! AWS_MSK_IAM by the options of `aws-msk-iam-auth`'s login module.

use std::sync::Arc;

use rohrpost_auth::{
    AssumedRole, AwsCredentialsProvider, AwsEnvironment, DefaultAwsCredentials, MskIamCredentials,
    RefreshSettings,
};
use rohrpost_sasl::{AwsCredentials, JaasConfig, Secret};

use crate::config::ConfigError;

/// Of a role that nobody gave another name, as in Java.
const SESSION_NAME: &str = "aws-msk-iam-auth";

/// The options, by what they are about.
#[derive(Default)]
struct Options<'a> {
    profile: Option<&'a str>,
    role: Option<&'a str>,
    external_id: Option<&'a str>,
    session_name: Option<&'a str>,
    region: Option<&'a str>,
    key_id: Option<&'a str>,
    secret_key: Option<&'a Secret>,
    session_token: Option<&'a Secret>,
    /// Whether to look elsewhere, too; `None`: not said.
    defaults: Option<bool>,
}

fn in_words(detail: String) -> ConfigError {
    ConfigError::Sasl { detail }
}

fn wrong(option: &str, what: &str) -> ConfigError {
    in_words(format!("the option {option} in sasl.jaas.config {what}"))
}

impl<'a> Options<'a> {
    fn of(jaas: Option<&'a JaasConfig>) -> Result<Self, ConfigError> {
        let mut options = Self::default();
        for (name, value) in jaas.into_iter().flat_map(JaasConfig::options) {
            let secret = || jaas.and_then(|jaas| jaas.secret(name));
            let is_true = value == "true";
            match name {
                "awsProfileName" => options.profile = Some(value),
                "awsRoleArn" => options.role = Some(value),
                "awsRoleExternalId" => options.external_id = Some(value),
                "awsRoleSessionName" => options.session_name = Some(value),
                "awsStsRegion" => options.region = Some(value),
                "awsRoleAccessKeyId" => options.key_id = Some(value),
                "awsRoleSecretAccessKey" => options.secret_key = secret(),
                "awsRoleSessionToken" => options.session_token = secret(),
                "awsAddDefaultProviders" => options.defaults = Some(is_true),
                // What they are without being said.
                "awsDebugCreds" | "awsShouldUseFips" if !is_true => {}
                "awsDebugCreds" => {
                    return Err(wrong(
                        name,
                        "would have credentials' owners logged, which nothing here does: remove it",
                    ));
                }
                "awsShouldUseFips" => {
                    return Err(wrong(
                        name,
                        "is not supported: set AWS_ENDPOINT_URL_STS in the environment to the address that is wanted, and remove it",
                    ));
                }
                "awsMaxRetries" | "awsMaxBackOffTimeMs" => {
                    return Err(wrong(
                        name,
                        "is not supported: attempts are repeated for 10 s, with growing pauses, or as RefreshSettings say (Sasl::credentials with \
                         MskIamCredentials); remove it",
                    ));
                }
                _ => {
                    return Err(wrong(name, "means nothing to AWS_MSK_IAM: remove it"));
                }
            }
        }
        options.check()?;
        Ok(options)
    }

    /// What Java leaves out in silence, or decides by an order that nobody sees.
    fn check(&self) -> Result<(), ConfigError> {
        let of_role = [
            ("awsRoleExternalId", self.external_id.is_some()),
            ("awsRoleSessionName", self.session_name.is_some()),
            ("awsStsRegion", self.region.is_some()),
            ("awsRoleAccessKeyId", self.key_id.is_some()),
            ("awsRoleSecretAccessKey", self.secret_key.is_some()),
            ("awsRoleSessionToken", self.session_token.is_some()),
        ];
        if let Some((name, _)) = of_role.iter().find(|(_, set)| *set && self.role.is_none()) {
            return Err(wrong(
                name,
                "is about a role, and awsRoleArn, which names one, is missing",
            ));
        }
        match (self.key_id.is_some(), self.secret_key.is_some(), self.session_token.is_some()) {
            (true, false, _) | (false, false, true) => Err(wrong(
                "awsRoleSecretAccessKey",
                "is missing: set it with awsRoleAccessKeyId, or remove what else there is of that key",
            )),
            (false, true, _) => {
                Err(wrong("awsRoleAccessKeyId", "is missing: set it with awsRoleSecretAccessKey"))
            }
            _ if self.profile.is_some() && self.role.is_some() => Err(wrong(
                "awsProfileName",
                "and awsRoleArn name two places for credentials: keep one (a profile may have a role itself, as role_arn)",
            )),
            _ => match (self.profile.is_some() || self.role.is_some(), self.defaults) {
                (true, Some(true)) => Err(wrong(
                    "awsAddDefaultProviders",
                    "is not supported besides awsProfileName or awsRoleArn: what is named is the only place that is looked at; remove it",
                )),
                (false, Some(false)) => Err(wrong(
                    "awsAddDefaultProviders",
                    "leaves no place for credentials: name one by awsProfileName or awsRoleArn, or remove it",
                )),
                _ => Ok(()),
            },
        }
    }

    fn provider(
        &self,
        environment: &AwsEnvironment,
    ) -> Result<Arc<dyn AwsCredentialsProvider>, ConfigError> {
        let defaults = DefaultAwsCredentials::new(environment.clone());
        if let Some(profile) = self.profile {
            return Ok(Arc::new(defaults.with_profile(profile)));
        }
        let Some(role) = self.role else { return Ok(Arc::new(defaults)) };
        let source: Arc<dyn AwsCredentialsProvider> = match (self.key_id, self.secret_key) {
            (Some(id), Some(secret)) => Arc::new(AwsCredentials {
                access_key_id: id.to_owned(),
                secret_access_key: secret.clone(),
                session_token: self.session_token.cloned(),
            }),
            _ => Arc::new(defaults),
        };
        let session = Some(self.session_name.unwrap_or(SESSION_NAME));
        let role = AssumedRole::new(environment, self.region, role, session, source)
            .map_err(|error| in_words(error.detail))?;
        Ok(Arc::new(match self.external_id {
            Some(id) => role.with_external_id(id),
            None => role,
        }))
    }
}

/// Credentials as the options say; without any, from where AWS' own libraries look for them.
pub(super) fn credentials(jaas: Option<&JaasConfig>) -> Result<MskIamCredentials, ConfigError> {
    within(AwsEnvironment::of_process(), jaas)
}

fn within(
    environment: AwsEnvironment,
    jaas: Option<&JaasConfig>,
) -> Result<MskIamCredentials, ConfigError> {
    let provider = Options::of(jaas)?.provider(&environment)?;
    Ok(MskIamCredentials::new(provider, environment, RefreshSettings::default()))
}

#[cfg(test)]
mod tests;
