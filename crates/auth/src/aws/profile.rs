//! Profiles: `~/.aws/credentials` and `~/.aws/config`.

mod plan;
mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rohrpost_sasl::Secret;

use self::plan::{Plan, Via};
use self::text::Profiles;
use super::{
    AssumedRole, AwsCredentialsProvider, AwsEnvironment, AwsSession, ContainerCredentials,
    InstanceMetadata, WebIdentity,
};
use crate::{BoxFuture, CredentialsError, file};

/// Credentials of a profile: its keys, or a role that is assumed by those of another profile, of the environment, of the container or of the machine,
/// or by a web identity's token. The files are read anew each time.
///
/// What AWS' single sign-on (`sso_…`), a program (`credential_process`) or a device (`mfa_serial`) would give is not supported: such a profile is
/// refused with the reason.
#[derive(Clone, Debug)]
pub struct ProfileCredentials {
    environment: AwsEnvironment,
    name: Option<String>,
}

impl ProfileCredentials {
    /// Of the profile of this name, else of that in `AWS_PROFILE`, else of `default`. `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` say where the
    /// files are, if not in `.aws` in the user's directory.
    pub fn new(environment: AwsEnvironment, name: Option<&str>) -> Self {
        Self { environment, name: name.map(str::to_owned) }
    }

    /// Which profile counts, and whether somebody said so.
    pub(super) fn name(&self) -> (&str, bool) {
        match self.name.as_deref().or_else(|| self.environment.get("AWS_PROFILE")) {
            Some(name) => (name, true),
            None => ("default", false),
        }
    }

    /// The region in the profile, if there is one.
    pub(crate) async fn region(&self) -> Result<Option<String>, CredentialsError> {
        let profiles = self.read().await?;
        Ok(profiles.get(self.name().0, "region").map(str::to_owned))
    }

    /// `None`: there is no such profile, and nobody said that there were; or it has nothing to do with credentials.
    pub(super) async fn find(&self) -> Result<Option<AwsSession>, CredentialsError> {
        let (name, is_named) = self.name();
        let profiles = self.read().await?;
        let region = profiles.get(name, "region").or_else(|| self.environment.region());
        match plan::plan(&profiles, name)? {
            Some(plan) => self.run(plan, region).await.map(Some),
            None if is_named => Err(CredentialsError::lasting(format!(
                "there are no credentials in the AWS profile {name:?}: it is in neither of {}, or has no keys and no role there",
                self.places()
            ))),
            None => Ok(None),
        }
    }

    /// For errors.
    pub(super) fn places(&self) -> String {
        let files: Vec<String> =
            self.files().into_iter().flatten().map(|path| path.display().to_string()).collect();
        if files.is_empty() {
            "no file, since HOME is not set".to_owned()
        } else {
            files.join(" and ")
        }
    }

    fn files(&self) -> [Option<PathBuf>; 2] {
        [
            self.environment.file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            self.environment.file("AWS_CONFIG_FILE", "config"),
        ]
    }

    async fn read(&self) -> Result<Profiles, CredentialsError> {
        let [credentials, config] = self.files();
        let mut profiles = Profiles::default();
        // What stands in the first file comes before what stands in the second.
        for (path, is_config) in [(config, true), (credentials, false)] {
            let Some(path) = path else { continue };
            // A file that is not there is no error: most machines have but one of them, or none.
            let exists = tokio::fs::try_exists(&path).await.unwrap_or(true);
            if exists {
                let text = file::read(&path, "the AWS profiles' file").await?;
                profiles.add(&String::from_utf8_lossy(text.expose()), is_config);
            }
        }
        Ok(profiles)
    }

    fn run<'a>(
        &'a self,
        plan: Plan,
        region: Option<&'a str>,
    ) -> BoxFuture<'a, Result<AwsSession, CredentialsError>> {
        Box::pin(async move {
            let environment = &self.environment;
            let missing = |what: &str| {
                let name = self.name().0;
                CredentialsError::lasting(format!(
                    "the AWS profile {name:?} refers to {what}, where there are no credentials"
                ))
            };
            match plan {
                Plan::Keys(credentials) => Ok(AwsSession { credentials, expires_at: None }),
                Plan::Environment => {
                    environment.session()?.ok_or_else(|| missing("the environment"))
                }
                Plan::Container => match ContainerCredentials::from_environment(environment)? {
                    Some(container) => container.credentials().await,
                    None => Err(missing("the container")),
                },
                Plan::Instance => match InstanceMetadata::from_environment(environment)? {
                    Some(instance) => instance.credentials().await,
                    None => Err(missing("the instance metadata service")),
                },
                Plan::Role { arn, session_name, external_id, seconds, via } => {
                    let session_name = session_name.as_deref();
                    match via {
                        Via::WebIdentity(path) => {
                            WebIdentity::new(environment, region, &arn, session_name, path)?
                                .credentials()
                                .await
                        }
                        Via::Plan(source) => {
                            let source = Arc::new(self.run(*source, region).await?.credentials);
                            let mut role =
                                AssumedRole::new(environment, region, &arn, session_name, source)?;
                            if let Some(id) = &external_id {
                                role = role.with_external_id(id);
                            }
                            if let Some(seconds) = seconds {
                                role = role.with_duration(Duration::from_secs(seconds));
                            }
                            role.credentials().await
                        }
                    }
                }
            }
        })
    }
}

impl AwsCredentialsProvider for ProfileCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(async {
            self.find().await?.ok_or_else(|| {
                let detail =
                    format!("there is no AWS profile {:?} in {}", self.name().0, self.places());
                CredentialsError::lasting(detail)
            })
        })
    }
}

/// For the parts of this module that take a profile apart.
fn secret(text: &str) -> Secret {
    Secret::from(text)
}
