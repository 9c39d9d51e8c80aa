//! Roles that are assumed, by AWS' Security Token Service.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rohrpost_sasl::{AwsCredentials, Secret};
use rohrpost_tls::TlsClient;

use super::{AwsCredentialsProvider, AwsEnvironment, AwsSession, sigv4, time, xml};
use crate::clock::{Clock, SystemClock, millis};
use crate::form::Form;
use crate::http::{HttpClient, Request, Url};
use crate::text::quoted;
use crate::{BoxFuture, CredentialsError, file};

const VERSION: &str = "2011-06-15";
const SERVICE: &str = "sts";
/// Whose signatures the service without a region takes.
const GLOBAL_REGION: &str = "us-east-1";

/// The credentials of a role, for a token of an identity provider, such as that of a Kubernetes service account (EKS' IRSA):
/// `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    sts: Sts,
    role: Role,
    token_file: PathBuf,
}

/// The credentials of a role, for those of somebody who may assume it: `AssumeRole`.
#[derive(Clone, Debug)]
pub struct AssumedRole {
    sts: Sts,
    role: Role,
    external_id: Option<String>,
    source: Arc<dyn AwsCredentialsProvider>,
}

#[derive(Clone, Debug)]
struct Role {
    arn: String,
    session_name: String,
    duration: Option<Duration>,
}

impl Role {
    fn new(arn: &str, session_name: Option<&str>) -> Self {
        let session_name = session_name.unwrap_or("rohrpost").to_owned();
        Self { arn: arn.to_owned(), session_name, duration: None }
    }

    fn form(&self, action: &str) -> Form {
        let form = Form::new()
            .with("Action", action)
            .with("Version", VERSION)
            .with("RoleArn", &self.arn)
            .with("RoleSessionName", &self.session_name);
        match self.duration {
            Some(duration) => form.with("DurationSeconds", duration.as_secs().to_string()),
            None => form,
        }
    }
}

impl WebIdentity {
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN` and `AWS_ROLE_SESSION_NAME`; `None` without the first.
    ///
    /// # Errors
    ///
    /// The role is missing, or the service's address is none.
    pub fn from_environment(
        environment: &AwsEnvironment,
    ) -> Result<Option<Self>, CredentialsError> {
        let Some(path) = environment.path("AWS_WEB_IDENTITY_TOKEN_FILE") else { return Ok(None) };
        let Some(role) = environment.get("AWS_ROLE_ARN") else {
            return Err(CredentialsError::lasting(
                "AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment and AWS_ROLE_ARN is not: set it to the role to assume",
            ));
        };
        let session = environment.get("AWS_ROLE_SESSION_NAME");
        Self::new(environment, environment.region(), role, session, path).map(Some)
    }

    /// For this role, by the token in this file, which is read anew each time. The service is that of the region, or the one for all of them; the
    /// environment's `AWS_ENDPOINT_URL_STS` comes before both.
    ///
    /// # Errors
    ///
    /// The service's address is none.
    pub fn new(
        environment: &AwsEnvironment,
        region: Option<&str>,
        role_arn: &str,
        session_name: Option<&str>,
        token_file: impl Into<PathBuf>,
    ) -> Result<Self, CredentialsError> {
        let sts = Sts::new(environment, region)?;
        Ok(Self { sts, role: Role::new(role_arn, session_name), token_file: token_file.into() })
    }

    /// Whom to trust by TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsClient) -> Self {
        self.sts.http.tls = Some(tls);
        self
    }
}

impl AwsCredentialsProvider for WebIdentity {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(async {
            let token = identity(&self.token_file).await?;
            let form = self
                .role
                .form("AssumeRoleWithWebIdentity")
                .with("WebIdentityToken", token.expose());
            self.sts.ask(&self.role.arn, form, None, &[&token]).await
        })
    }
}

async fn identity(path: &Path) -> Result<Secret, CredentialsError> {
    let text = file::read(path, "the web identity's token file").await?;
    let token = text.expose().trim_ascii();
    if token.is_empty() {
        let detail = format!("there is no token in the file {}", path.display());
        return Err(CredentialsError::passing(detail));
    }
    Ok(Secret::new(token))
}

impl AssumedRole {
    /// For this role, by the credentials of this source. The service is that of the region, or the one for all of them; the environment's
    /// `AWS_ENDPOINT_URL_STS` comes before both.
    ///
    /// # Errors
    ///
    /// The service's address is none.
    pub fn new(
        environment: &AwsEnvironment,
        region: Option<&str>,
        role_arn: &str,
        session_name: Option<&str>,
        source: Arc<dyn AwsCredentialsProvider>,
    ) -> Result<Self, CredentialsError> {
        let sts = Sts::new(environment, region)?;
        Ok(Self { sts, role: Role::new(role_arn, session_name), external_id: None, source })
    }

    /// What the role's owner wants to hear, where the role is another account's.
    #[must_use]
    pub fn with_external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    /// For how long the credentials shall be valid; AWS' default is an hour.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.role.duration = Some(duration);
        self
    }

    /// Whom to trust by TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsClient) -> Self {
        self.sts.http.tls = Some(tls);
        self
    }
}

impl AwsCredentialsProvider for AssumedRole {
    fn credentials(&self) -> BoxFuture<'_, Result<AwsSession, CredentialsError>> {
        Box::pin(async {
            let source = self.source.credentials().await?.credentials;
            let form = self.role.form("AssumeRole");
            let form = match &self.external_id {
                Some(id) => form.with("ExternalId", id),
                None => form,
            };
            let hidden: Vec<&Secret> =
                [Some(&source.secret_access_key), source.session_token.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect();
            self.sts.ask(&self.role.arn, form, Some(&source), &hidden).await
        })
    }
}

/// The service.
#[derive(Clone, Debug)]
struct Sts {
    url: Url,
    region: String,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

impl Sts {
    fn new(environment: &AwsEnvironment, region: Option<&str>) -> Result<Self, CredentialsError> {
        let name = "AWS_ENDPOINT_URL_STS";
        let url = match (environment.get(name), region) {
            (Some(url), _) => url.to_owned(),
            (None, Some(region)) if region.starts_with("cn-") => {
                format!("https://sts.{region}.amazonaws.com.cn/")
            }
            (None, Some(region)) => format!("https://sts.{region}.amazonaws.com/"),
            (None, None) => "https://sts.amazonaws.com/".to_owned(),
        };
        let url = Url::parse(&url).map_err(|problem| {
            CredentialsError::lasting(format!("the address of AWS' Security Token Service ({name}, or of the region {region:?}) {problem}"))
        })?;
        let region = region.unwrap_or(GLOBAL_REGION).to_owned();
        Ok(Self { url, region, http: HttpClient::default(), clock: Arc::new(SystemClock) })
    }

    async fn ask(
        &self,
        role: &str,
        form: Form,
        signed_by: Option<&AwsCredentials>,
        hidden: &[&Secret],
    ) -> Result<AwsSession, CredentialsError> {
        let body = form.into_secret();
        let mut headers = Vec::new();
        if let Some(credentials) = signed_by {
            let post = sigv4::Post {
                host: self.url.authority(),
                region: &self.region,
                service: SERVICE,
                body: body.expose(),
                seconds_since_1970: millis(self.clock.now()) / 1_000,
            };
            headers = sigv4::headers(&post, credentials);
        }
        // Signed is the path `/`.
        let url = self.url.with_target("/").unwrap_or_else(|_| self.url.clone());
        let mut request = Request::post(&url, body);
        request.headers.extend(headers);
        let from = format!("AWS' Security Token Service {}", self.url.origin());
        let response = self.http.send(request).await.map_err(|error| CredentialsError {
            detail: format!("{from} {error}"),
            is_retriable: error.is_retriable(),
        })?;
        let text = std::str::from_utf8(&response.body).unwrap_or_default();
        if !response.is_success() {
            let part = |name| xml::text(text, name).map(|words| quoted(&words, hidden));
            let code = part("Code").unwrap_or_default();
            let words = part("Message").unwrap_or_else(|| quoted(text, hidden));
            // A provider that STS could not ask, and too many requests, are errors of 400.
            let passes =
                matches!(&*code, "IDPCommunicationError" | "Throttling" | "RequestThrottled");
            return Err(CredentialsError {
                detail: format!(
                    "{from} does not give the role {role}: {} {code}: {words}",
                    response.status
                ),
                is_retriable: passes || response.status >= 500 || response.status == 429,
            });
        }
        let strange = |what: &str| {
            CredentialsError::passing(format!("{from} does not answer with credentials: {what}"))
        };
        let part = |name: &'static str| {
            let text = xml::text(text, name).filter(|text| !text.is_empty());
            text.ok_or_else(|| strange(&format!("{name} is missing")))
        };
        let expires_at =
            time::parse(&part("Expiration")?).ok_or_else(|| strange("Expiration is not a date"))?;
        let credentials = AwsCredentials {
            access_key_id: part("AccessKeyId")?.into_owned(),
            secret_access_key: Secret::from(part("SecretAccessKey")?.into_owned()),
            session_token: Some(Secret::from(part("SessionToken")?.into_owned())),
        };
        Ok(AwsSession { credentials, expires_at: Some(expires_at) })
    }
}
