//! Credentials of a container: ECS' task role, EKS Pod Identity, and whatever else offers them in this way.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use rohrpost_sasl::Secret;
use rohrpost_tls::TlsClient;

use super::{AwsCredentialsProvider, AwsEnvironment, AwsSession, json};
use crate::http::{HttpClient, Request, Url};
use crate::text::quoted;
use crate::{BoxFuture, CredentialsError, file};

/// Where ECS answers.
const ECS: &str = "http://169.254.170.2";
/// Where plain HTTP is safe: ECS, EKS Pod Identity by IPv4 and IPv6, besides this machine itself.
const SAFE_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// Credentials that the container's host gives, at an address that the environment names: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or
/// `AWS_CONTAINER_CREDENTIALS_FULL_URI`, with `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` or `AWS_CONTAINER_AUTHORIZATION_TOKEN` to show.
#[derive(Clone, Debug)]
pub struct ContainerCredentials {
    url: Url,
    authorization: Authorization,
    http: HttpClient,
}

#[derive(Clone, Debug)]
enum Authorization {
    None,
    Fixed(Secret),
    File(PathBuf),
}

impl ContainerCredentials {
    /// What the environment names; `None` where it names nothing.
    ///
    /// # Errors
    ///
    /// It names an address that is none, or one outside of this machine without TLS, where anybody on the way could read the secrets.
    pub fn from_environment(
        environment: &AwsEnvironment,
    ) -> Result<Option<Self>, CredentialsError> {
        let relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let (name, text) = match (relative, environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            (Some(path), _) => ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("{ECS}{path}")),
            (None, Some(url)) => ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.to_owned()),
            (None, None) => return Ok(None),
        };
        let url = Url::parse(&text).map_err(|problem| {
            CredentialsError::lasting(format!("the address in {name} {problem}"))
        })?;
        if relative.is_some() && url.origin() != ECS {
            return Err(CredentialsError::lasting(format!("{name} is not a path")));
        }
        if !url.is_https() && !is_safe(url.host()) {
            return Err(CredentialsError::lasting(format!(
                "the address in {name}, {url}, is neither https nor one of this machine's own: credentials are not asked for there"
            )));
        }
        let token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::from);
        let authorization =
            match (environment.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), token) {
                (Some(path), _) => Authorization::File(path),
                (None, Some(token)) => Authorization::Fixed(token),
                (None, None) => Authorization::None,
            };
        let http = HttpClient {
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(5),
            tls: None,
        };
        Ok(Some(Self { url, authorization, http }))
    }

    /// Whom to trust, where the address is one of `https`.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsClient) -> Self {
        self.http.tls = Some(tls);
        self
    }
}

fn is_safe(host: &str) -> bool {
    SAFE_HOSTS.contains(&host)
        || host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl AwsCredentialsProvider for ContainerCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(async {
            let mut request = Request::get(&self.url).with("accept", "application/json");
            let token = match &self.authorization {
                Authorization::None => None,
                Authorization::Fixed(token) => Some(token.clone()),
                Authorization::File(path) => {
                    let text = file::read(path, "the container's authorization token").await?;
                    Some(Secret::new(text.expose().trim_ascii()))
                }
            };
            if let Some(token) = &token {
                request = request.with("authorization", token.clone());
            }
            let from = format!("the container's credentials endpoint {}", self.url);
            let response = self.http.send(request).await.map_err(|error| CredentialsError {
                detail: format!("{from} {error}"),
                is_retriable: error.is_retriable(),
            })?;
            if !response.is_success() {
                let words = String::from_utf8_lossy(&response.body);
                let words = quoted(&words, token.as_ref().as_slice());
                return Err(CredentialsError {
                    detail: format!("{from} refuses: {} {words}", response.status),
                    is_retriable: response.status >= 500 || response.status == 429,
                });
            }
            json::session(&response.body, &from)
        })
    }
}
