//! AWS_MSK_IAM's credentials: a signed request for each connection.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rohrpost_sasl::{MskIam, SaslClient, region_of_host};
use tokio::sync::OnceCell;

use crate::aws::{
    AwsCredentialsProvider, AwsEnvironment, InstanceMetadata, ProfileCredentials, Provided,
};
use crate::clock::{Clock, SystemClock};
use crate::keeper::Keeper;
use crate::{BoxFuture, Credentials, CredentialsError, RefreshSettings};

const USER_AGENT: &str = concat!("rohrpost/", env!("CARGO_PKG_VERSION"));

/// Credentials for AWS_MSK_IAM, the mechanism of Amazon's managed Kafka, as `aws-msk-iam-auth` has them for Java.
#[derive(Clone)]
pub struct MskIamCredentials {
    sessions: Keeper<Provided>,
    region: Option<String>,
    environment: AwsEnvironment,
    /// Where no other place says.
    machine_region: Arc<OnceCell<String>>,
    clock: Arc<dyn Clock>,
}

impl MskIamCredentials {
    /// With the credentials of this provider, kept until they end and replaced ahead of that.
    ///
    /// The region is the one in the broker's name; where there is none, as behind a name of one's own, the one that the environment says
    /// (`AWS_REGION`, `AWS_DEFAULT_REGION`), else the profile's, else the machine's.
    pub fn new(
        provider: Arc<dyn AwsCredentialsProvider>,
        environment: AwsEnvironment,
        refresh: RefreshSettings,
    ) -> Self {
        Self::with_clock(provider, environment, refresh, Arc::new(SystemClock))
    }

    pub(crate) fn with_clock(
        provider: Arc<dyn AwsCredentialsProvider>,
        environment: AwsEnvironment,
        refresh: RefreshSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sessions = Keeper::new(Provided(provider), refresh, Arc::clone(&clock));
        Self { sessions, region: None, environment, machine_region: Arc::default(), clock }
    }

    /// Says the region of the brokers, whatever their names are.
    #[must_use]
    pub fn with_region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    async fn region(&self, host: &str) -> Result<String, CredentialsError> {
        let known = self.region.as_deref().or_else(|| region_of_host(host));
        if let Some(region) = known.or_else(|| self.environment.region()) {
            return Ok(region.to_owned());
        }
        if let Some(region) =
            ProfileCredentials::new(self.environment.clone(), None).region().await?
        {
            return Ok(region);
        }
        let unknown = |detail: &str| {
            format!(
                "nothing says in which AWS region {host} is: set it, by AWS_REGION for instance{detail}"
            )
        };
        let Some(instance) = InstanceMetadata::from_environment(&self.environment)? else {
            return Err(CredentialsError::lasting(unknown("")));
        };
        let region = self.machine_region.get_or_try_init(|| instance.region()).await;
        region
            .cloned()
            .map_err(|error| CredentialsError { detail: unknown(&format!(" ({error})")), ..error })
    }
}

impl Credentials for MskIamCredentials {
    fn client(
        &self,
        host: &str,
    ) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
        let (this, host) = (self.clone(), host.to_owned());
        Box::pin(async move {
            let session = this.sessions.get().await?;
            let region = this.region(&host).await?;
            let now = this.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let client = MskIam::new(&session.credentials, &host, &region, USER_AGENT, now)?;
            Ok(Box::new(client) as Box<dyn SaslClient>)
        })
    }

    fn last_failure(&self) -> Option<CredentialsError> {
        self.sessions.last_failure()
    }
}

impl fmt::Debug for MskIamCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MskIamCredentials")
            .field("sessions", &self.sessions)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
