//! The order in which AWS' own libraries look for credentials.

use std::sync::Arc;

use super::{
    AwsCredentialsProvider, AwsEnvironment, AwsSession, ContainerCredentials, InstanceMetadata,
    ProfileCredentials, WebIdentity,
};
use crate::{BoxFuture, CredentialsError};

/// Credentials from the first place that has any to give: the environment's keys, a web identity (EKS' IRSA), the profile, the container (ECS, EKS Pod
/// Identity), the machine (EC2). A place that is set up and fails is the end of the search, and its error tells.
#[derive(Clone, Debug)]
pub struct DefaultAwsCredentials {
    environment: AwsEnvironment,
    profile: Option<String>,
}

impl DefaultAwsCredentials {
    /// With what this environment says.
    pub fn new(environment: AwsEnvironment) -> Self {
        Self { environment, profile: None }
    }

    /// From this profile, and nowhere else.
    #[must_use]
    pub fn with_profile(mut self, name: &str) -> Self {
        self.profile = Some(name.to_owned());
        self
    }

    async fn find(&self) -> Result<AwsSession, CredentialsError> {
        let environment = &self.environment;
        let profile = ProfileCredentials::new(environment.clone(), self.profile.as_deref());
        if self.profile.is_some() {
            return profile.credentials().await;
        }
        if let Some(session) = environment.session()? {
            return Ok(session);
        }
        if let Some(identity) = WebIdentity::from_environment(environment)? {
            return identity.credentials().await;
        }
        if let Some(session) = profile.find().await? {
            return Ok(session);
        }
        if let Some(container) = ContainerCredentials::from_environment(environment)? {
            return container.credentials().await;
        }
        let looked = format!(
            "there are no AWS credentials: the environment has neither AWS_ACCESS_KEY_ID nor AWS_WEB_IDENTITY_TOKEN_FILE nor a container's address, \
             there is no profile {:?} in {}, and ",
            profile.name().0,
            profile.places()
        );
        match InstanceMetadata::from_environment(environment)? {
            Some(instance) => instance.credentials().await.map_err(|error| CredentialsError {
                detail: format!("{looked}{}", error.detail),
                ..error
            }),
            None => {
                Err(CredentialsError::lasting(format!("{looked}AWS_EC2_METADATA_DISABLED is true")))
            }
        }
    }
}

impl AwsCredentialsProvider for DefaultAwsCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(self.find())
    }
}

impl From<DefaultAwsCredentials> for Arc<dyn AwsCredentialsProvider> {
    fn from(credentials: DefaultAwsCredentials) -> Self {
        Arc::new(credentials)
    }
}
