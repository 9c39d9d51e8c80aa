//! Credentials of a machine of EC2, by version 2 of its metadata service.

use std::time::Duration;

use rohrpost_sasl::Secret;

use super::{AwsCredentialsProvider, AwsEnvironment, AwsSession, json};
use crate::http::{HttpClient, Request, Response, Url};
use crate::text::quoted;
use crate::{BoxFuture, CredentialsError};

const ENDPOINT: &str = "http://169.254.169.254";
const ENDPOINT_IPV6: &str = "http://[fd00:ec2::254]";
const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const REGION: &str = "/latest/meta-data/placement/region";
/// The longest name of a role that is believed.
const LONGEST_NAME: usize = 256;

/// Credentials of the role of the machine that this program runs on, by EC2's instance metadata service, version 2: version 1, which gives them to
/// whoever can make the program ask an address, is not spoken.
#[derive(Clone, Debug)]
pub struct InstanceMetadata {
    endpoint: Url,
    http: HttpClient,
}

impl InstanceMetadata {
    /// Where the environment says, else where it is on every machine; `None` where `AWS_EC2_METADATA_DISABLED` is `true`.
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT` and `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` count.
    ///
    /// # Errors
    ///
    /// It says an address that is none.
    pub fn from_environment(
        environment: &AwsEnvironment,
    ) -> Result<Option<Self>, CredentialsError> {
        if environment.is_true("AWS_EC2_METADATA_DISABLED") {
            return Ok(None);
        }
        let by_ipv6 = environment
            .get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("IPv6"));
        let default = if by_ipv6 { ENDPOINT_IPV6 } else { ENDPOINT };
        let name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let endpoint = Url::parse(environment.get(name).unwrap_or(default)).map_err(|problem| {
            CredentialsError::lasting(format!("the address in {name} {problem}"))
        })?;
        // Near, or not there at all: who is on no machine of AWS shall not wait for long.
        let http = HttpClient {
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(5),
            tls: None,
        };
        Ok(Some(Self { endpoint, http }))
    }

    /// The region that this machine is in.
    pub(crate) async fn region(&self) -> Result<String, CredentialsError> {
        let token = self.token().await?;
        self.name(REGION, &token, "region").await
    }

    /// Shown with each question; it is asked for with `PUT`, which no proxy passes on.
    async fn token(&self) -> Result<Secret, CredentialsError> {
        let url = self.url(TOKEN)?;
        let request = Request::put(&url).with("x-aws-ec2-metadata-token-ttl-seconds", "300");
        let mut response = self.answer(request).await?;
        Ok(Secret::new(std::mem::take(&mut *response.body)))
    }

    async fn get(&self, target: &str, token: &Secret) -> Result<Response, CredentialsError> {
        let url = self.url(target)?;
        self.answer(Request::get(&url).with("x-aws-ec2-metadata-token", token.clone())).await
    }

    async fn answer(&self, request: Request<'_>) -> Result<Response, CredentialsError> {
        let url = request.url;
        let from = format!("the instance metadata service {url}");
        let response = self.http.send(request).await.map_err(|error| CredentialsError {
            detail: format!("{from} {error}"),
            is_retriable: error.is_retriable(),
        })?;
        if response.is_success() {
            return Ok(response);
        }
        let advice = match response.status {
            404 if url.target() == ROLES => {
                ": this machine has no role; give its instance profile one"
            }
            401 | 403 => ": it is switched off, or for version 1 only",
            _ => "",
        };
        Err(CredentialsError {
            detail: format!("{from} answers {}{advice}", response.status),
            is_retriable: response.status >= 500 || response.status == 429,
        })
    }

    /// A word, such as the name of a role.
    async fn name(
        &self,
        target: &str,
        token: &Secret,
        what: &str,
    ) -> Result<String, CredentialsError> {
        let response = self.get(target, token).await?;
        let text = String::from_utf8_lossy(&response.body);
        let name = text.lines().next().unwrap_or_default().trim();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_allowed) {
            return Err(CredentialsError::passing(format!(
                "the instance metadata service {} gives no {what} but {:?}",
                self.endpoint,
                quoted(&text, &[])
            )));
        }
        Ok(name.to_owned())
    }

    fn url(&self, target: &str) -> Result<Url, CredentialsError> {
        self.endpoint
            .with_target(target)
            .map_err(|problem| CredentialsError::lasting(format!("{target} {problem}")))
    }
}

impl AwsCredentialsProvider for InstanceMetadata {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(async {
            let token = self.token().await?;
            let role = self.name(ROLES, &token, "role").await?;
            let response = self.get(&format!("{ROLES}{role}"), &token).await?;
            json::session(
                &response.body,
                &format_args!("the instance metadata service {}", self.endpoint),
            )
        })
    }
}
