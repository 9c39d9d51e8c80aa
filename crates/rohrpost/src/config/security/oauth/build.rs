//! What the properties of tokens come to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rohrpost_auth::{
    Assertion, AssertionAlgorithm, BearerCredentials, ClientCredentials, CredentialsError,
    JwtBearer, RefreshSettings, TokenEndpoint, TokenProvider,
};
use rohrpost_sasl::{ClaimNames, JaasConfig, Secret, UnsecuredToken};

use super::jaas::Options;
use super::{AssertionKeys, LoginHandler, OauthKeys, Retriever};
use crate::config::password::Password;
use crate::config::security::ssl::SslKeys;
use crate::config::{ConfigError, Dialect};

const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";
const HANDLER: &str = "sasl.login.callback.handler.class";
const MECHANISM: &str = "sasl.mechanism";
const CLIENT_ID: &str = "sasl.oauthbearer.client.credentials.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.credentials.client.secret";
const KEY_FILE: &str = "sasl.oauthbearer.assertion.private.key.file";
const ISSUER: &str = "sasl.oauthbearer.assertion.claim.iss";

/// Names and values after a token.
type Extensions = Vec<(String, String)>;

pub(super) fn in_words(detail: impl Into<String>) -> ConfigError {
    ConfigError::Sasl { detail: detail.into() }
}

fn told(error: CredentialsError) -> ConfigError {
    in_words(error.detail)
}

const fn missing(name: &'static str, by: &'static str, reason: &'static str) -> ConfigError {
    ConfigError::MissingFor { name, by, reason }
}

fn contradiction(first: &'static str, second: &'static str, reason: &str) -> ConfigError {
    ConfigError::Contradiction { first, second, reason: reason.to_owned() }
}

fn secret(password: &Password) -> Secret {
    Secret::from(&**password)
}

/// Who asks, and by what: as the properties say it, else as the login module does.
struct Client<'a> {
    id: Option<&'a str>,
    secret: Option<Secret>,
    scope: Option<&'a str>,
}

impl OauthKeys {
    /// Credentials for OAUTHBEARER. Without `reads_files`, no file is read.
    pub(in crate::config::security) fn credentials(
        &self,
        handler: Option<LoginHandler>,
        jaas: Option<&JaasConfig>,
        dialect: Dialect,
        reads_files: bool,
    ) -> Result<BearerCredentials, ConfigError> {
        let options = Options::of(jaas)?;
        if let Some(unsecured) = self.unsecured(handler, &options, dialect)? {
            return Ok(unsecured);
        }
        let mut extensions: Extensions = options
            .extensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        extensions.extend(self.extensions.as_deref().map_or(Ok(Vec::new()), pairs)?);
        let mut credentials = self.tokens(&options, dialect, reads_files)?;
        for (name, value) in extensions {
            credentials = credentials
                .with_extension(name, value)
                .map_err(|error| in_words(error.to_string()))?;
        }
        Ok(credentials)
    }

    fn tokens(
        &self,
        options: &Options<'_>,
        dialect: Dialect,
        reads_files: bool,
    ) -> Result<BearerCredentials, ConfigError> {
        let url = self.endpoint.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| match dialect {
            Dialect::Java => missing(
                ENDPOINT,
                MECHANISM,
                "tokens come from an authorization server (https://) or from a file (file:///)",
            ),
            Dialect::Librdkafka => {
                missing(ENDPOINT, "sasl.oauthbearer.method", "it is asked for tokens")
            }
        })?;
        let file = file_of(url)?;
        let names =
            ClaimNames { subject: self.subject_claim.clone(), scope: self.scope_claim.clone() };
        match (file, self.retriever) {
            (Some(path), Retriever::Default | Retriever::File) => {
                if reads_files {
                    readable(ENDPOINT, &path)?;
                }
                Ok(BearerCredentials::from_file(path, names))
            }
            (Some(_), _) => Err(contradiction(
                ENDPOINT,
                RETRIEVER,
                "a file is not asked for tokens: set the address of the authorization server, or leave the class to its default",
            )),
            (None, Retriever::File) => Err(contradiction(
                ENDPOINT,
                RETRIEVER,
                "this class reads a file: set file:/// and its path",
            )),
            (None, retriever) => {
                let endpoint = self.endpoint(url, options, reads_files)?.with_claim_names(names);
                let provider = self.provider(endpoint, retriever, options, reads_files)?;
                Ok(BearerCredentials::new(provider, self.refresh()?))
            }
        }
    }

    fn provider(
        &self,
        endpoint: TokenEndpoint,
        retriever: Retriever,
        options: &Options<'_>,
        reads_files: bool,
    ) -> Result<Arc<dyn TokenProvider>, ConfigError> {
        let client = self.client(options);
        let scope = client.scope.unwrap_or_default();
        if retriever == Retriever::JwtBearer {
            // Java, too, takes the scope of the property alone.
            let scope = self.scope.as_deref().unwrap_or_default();
            let assertion = self.assertion.assertion(RETRIEVER, reads_files)?;
            return Ok(Arc::new(JwtBearer::new(endpoint, assertion).with_scope(scope)));
        }
        let AssertionKeys { file, issuer, key_file, .. } = &self.assertion;
        if file.is_some() || issuer.is_some() {
            let by = if file.is_some() { "sasl.oauthbearer.assertion.file" } else { ISSUER };
            let assertion = self.assertion.assertion(by, reads_files)?;
            let id = client.id.unwrap_or_default();
            let client = ClientCredentials::with_assertion(endpoint, id, assertion);
            return Ok(Arc::new(client.with_scope(scope)));
        }
        if key_file.is_some() {
            return Err(missing(
                ISSUER,
                KEY_FILE,
                "only with an issuer is the client's secret replaced by an assertion, as in Java",
            ));
        }
        let id = client.id.ok_or_else(|| {
            missing(
                CLIENT_ID,
                ENDPOINT,
                "it says who asks for tokens; clientId in sasl.jaas.config does, too",
            )
        })?;
        let secret = client.secret.ok_or_else(|| {
            missing(
                CLIENT_SECRET,
                CLIENT_ID,
                "it proves who asks; clientSecret in sasl.jaas.config does, too",
            )
        })?;
        let client = ClientCredentials::new(endpoint, id, &secret).map_err(told)?;
        Ok(Arc::new(client.with_scope(scope).with_urlencoded_header(self.urlencodes)))
    }

    fn client<'a>(&'a self, options: &Options<'a>) -> Client<'a> {
        let secret_of_jaas = || options.client_secret.cloned();
        Client {
            id: self.client_id.as_deref().or(options.client_id),
            secret: self.client_secret.as_ref().map(secret).or_else(secret_of_jaas),
            scope: self.scope.as_deref().or(options.scope),
        }
    }

    fn endpoint(
        &self,
        url: &str,
        options: &Options<'_>,
        reads_files: bool,
    ) -> Result<TokenEndpoint, ConfigError> {
        // Of the address only what is wrong is told: there may be secrets in it.
        let mut endpoint = TokenEndpoint::new(url).map_err(|error| ConfigError::InvalidValue {
            name: ENDPOINT,
            value: None,
            accepted: format!("an address that begins with https, http or file ({error})"),
        })?;
        let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let https = if options.tls.is_empty() { self.https.clone() } else { options.https()? };
        if https != SslKeys::default() && !is_https {
            return Err(contradiction(
                ENDPOINT,
                "whom to trust by HTTPS",
                "the address is not one of HTTPS: remove what says whom to trust, or set https",
            ));
        }
        if is_https {
            endpoint = with_tls(endpoint, https, reads_files)?;
        }
        let login = &self.login;
        // As in Java, 0 is no limit.
        let limit = |timeout: std::time::Duration| match timeout.is_zero() {
            true => std::time::Duration::MAX,
            false => timeout,
        };
        if let Some(timeout) = login.connect_timeout {
            endpoint = endpoint.with_connect_timeout(limit(timeout));
        }
        if let Some(timeout) = login.read_timeout {
            endpoint = endpoint.with_read_timeout(limit(timeout));
        }
        Ok(endpoint)
    }

    pub(super) fn refresh(&self) -> Result<RefreshSettings, ConfigError> {
        let login = &self.login;
        if login.retry_backoff_max < login.retry_backoff {
            return Err(contradiction(
                "sasl.login.retry.backoff.max.ms",
                "sasl.login.retry.backoff.ms",
                "attempts cannot end before the first pause is over: set the first one higher, or the second one lower",
            ));
        }
        Ok(RefreshSettings {
            window_factor: login.window_factor,
            window_jitter: login.window_jitter,
            min_period: login.min_period,
            buffer: login.buffer,
            retry_backoff: login.retry_backoff,
            retry_backoff_max: login.retry_backoff_max,
        })
    }

    /// Tokens that nobody signs, where somebody said in so many words that they are wanted.
    fn unsecured(
        &self,
        handler: Option<LoginHandler>,
        options: &Options<'_>,
        dialect: Dialect,
    ) -> Result<Option<BearerCredentials>, ConfigError> {
        let wants = handler == Some(LoginHandler::Unsecured);
        match dialect {
            Dialect::Java if !wants && options.unsecured.is_empty() => Ok(None),
            Dialect::Java if !wants => Err(missing(
                HANDLER,
                "an option unsecuredLogin… in sasl.jaas.config",
                "tokens that nobody signs are anybody's word, and for development alone: set OAuthBearerUnsecuredLoginCallbackHandler if that is what is \
                 wanted, or remove the option",
            )),
            Dialect::Java if self.endpoint.is_some() => Err(contradiction(
                HANDLER,
                ENDPOINT,
                "this class makes tokens itself, which nobody signs: set OAuthBearerLoginCallbackHandler to ask for them",
            )),
            Dialect::Java => {
                let token = UnsecuredToken::from_options(options.unsecured.iter().copied());
                let token = token.map_err(|error| {
                    in_words(format!(
                        "the option {} in sasl.jaas.config {}",
                        error.option, error.problem
                    ))
                })?;
                Ok(Some(BearerCredentials::unsecured(token)))
            }
            Dialect::Librdkafka if self.is_oidc && wants => Err(contradiction(
                "sasl.oauthbearer.method",
                "enable.sasl.oauthbearer.unsecure.jwt",
                "tokens are either asked for or made: keep one",
            )),
            Dialect::Librdkafka if self.is_oidc => Ok(None),
            Dialect::Librdkafka if wants => {
                let text = self.unsecured.as_deref().unwrap_or_default();
                librdkafkas_unsecured(text).map(BearerCredentials::unsecured).map(Some)
            }
            Dialect::Librdkafka => Err(missing(
                "sasl.oauthbearer.method",
                MECHANISM,
                "set oidc, and the authorization server; librdkafka's call-back is ProducerBuilder::sasl here",
            )),
        }
    }
}

impl AssertionKeys {
    /// The assertion that is wanted `by` a property.
    fn assertion(&self, by: &'static str, reads_files: bool) -> Result<Assertion, ConfigError> {
        if let Some(path) = &self.file {
            if reads_files {
                readable("sasl.oauthbearer.assertion.file", path.as_ref())?;
            }
            return Ok(Assertion::from_file(path));
        }
        let algorithm =
            if self.is_es256 { AssertionAlgorithm::Es256 } else { AssertionAlgorithm::Rs256 };
        let passphrase = self.passphrase.as_ref().map(secret);
        let mut assertion = match (&self.key_file, &self.key_pem) {
            (Some(path), None) => {
                if reads_files {
                    readable(KEY_FILE, path.as_ref())?;
                }
                Assertion::signed(path, passphrase, algorithm)
            }
            (None, Some(pem)) => Assertion::signed_with_pem(secret(pem), passphrase, algorithm),
            (Some(_), Some(_)) => {
                return Err(contradiction(
                    KEY_FILE,
                    "sasl.oauthbearer.assertion.private.key.pem",
                    "the key is to be had from one place: keep one of the two",
                ));
            }
            (None, None) => {
                return Err(missing(
                    KEY_FILE,
                    by,
                    "the key signs assertions; or set sasl.oauthbearer.assertion.file, if somebody else signs them",
                ));
            }
        };
        assertion = assertion
            .with_lifetime(self.lifetime)
            .with_not_before(self.not_before)
            .with_id(self.has_id);
        if let Some(issuer) = &self.issuer {
            assertion = assertion.with_issuer(issuer);
        }
        if let Some(subject) = &self.subject {
            assertion = assertion.with_subject(subject);
        }
        if let Some(audience) = &self.audience {
            assertion = assertion.with_audience(audience);
        }
        if let Some(path) = &self.template {
            if reads_files {
                readable("sasl.oauthbearer.assertion.template.file", path.as_ref())?;
            }
            assertion = assertion.with_template(path);
        }
        Ok(assertion)
    }
}

/// The path of a `file:` address; `None` for any other. As in Java, nothing in it is decoded.
fn file_of(url: &str) -> Result<Option<PathBuf>, ConfigError> {
    let Some(rest) = url.get(5..).filter(|_| url[..5].eq_ignore_ascii_case("file:")) else {
        return Ok(None);
    };
    let path =
        rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
    if path.starts_with('/') && path.len() > 1 {
        return Ok(Some(path.into()));
    }
    Err(ConfigError::InvalidValue {
        name: ENDPOINT,
        value: None,
        accepted: "file:// and a path that begins with /, for a file".to_owned(),
    })
}

/// As Java, a file that is not there is found when the producer is made.
fn readable(name: &'static str, path: &Path) -> Result<(), ConfigError> {
    let wrong = |why: String| {
        let accepted = format!("a file that can be read ({}: {why})", path.display());
        Err(ConfigError::InvalidValue { name, value: None, accepted })
    };
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => wrong("it is a folder".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => wrong(error.to_string()),
    }
}

#[cfg(feature = "_tls")]
fn with_tls(
    endpoint: TokenEndpoint,
    ssl: SslKeys,
    reads_files: bool,
) -> Result<TokenEndpoint, ConfigError> {
    use crate::config::security::{Security, SecurityProtocol};

    if ssl == SslKeys::default() {
        return Ok(endpoint);
    }
    let security = Security { protocol: SecurityProtocol::Ssl, ssl, ..Security::default() };
    if let Some(error) = security.check_tls(Dialect::Java).into_iter().next() {
        return Err(error);
    }
    match reads_files.then(|| security.tls_client()).transpose()?.flatten() {
        Some(tls) => Ok(endpoint.with_tls(tls)),
        None => Ok(endpoint),
    }
}

#[cfg(not(feature = "_tls"))]
fn with_tls(_: TokenEndpoint, _: SslKeys, _: bool) -> Result<TokenEndpoint, ConfigError> {
    use crate::config::reasons::NEEDS_TLS;

    Err(ConfigError::NotSupported { name: ENDPOINT, value: None, reason: NEEDS_TLS })
}

/// librdkafka's `name=value,name=value`.
fn pairs(text: &str) -> Result<Extensions, ConfigError> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let pair = |item: &str| {
        let (name, value) = item.split_once('=').ok_or_else(|| ConfigError::InvalidValue {
            name: "sasl.oauthbearer.extensions",
            value: None,
            accepted: "name=value, separated by commas".to_owned(),
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    items.map(pair).collect()
}

/// librdkafka's `sasl.oauthbearer.config`: `principal=alice scope=a,b lifeSeconds=600 extension_name=value`, and how the claims are called.
fn librdkafkas_unsecured(text: &str) -> Result<UnsecuredToken, ConfigError> {
    let wrong = |detail: String| ConfigError::InvalidValue {
        name: "sasl.oauthbearer.config",
        value: None,
        accepted: format!(
            "principal=, scope=, lifeSeconds=, principalClaimName=, scopeClaimName= and extension_NAME=, separated by spaces ({detail})"
        ),
    };
    let mut items = Vec::new();
    for item in text.split_whitespace() {
        items.push(item.split_once('=').ok_or_else(|| wrong("one of them has no =".into()))?);
    }
    let of = |wanted| items.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let subject = of("principalClaimName").unwrap_or("sub");
    let scope = of("scopeClaimName").unwrap_or("scope");
    let mut options: Extensions = Vec::new();
    for (name, value) in &items {
        let (option, value) = match *name {
            "principal" => (format!("StringClaim_{subject}"), (*value).to_owned()),
            // The first character separates.
            "scope" => (format!("ListClaim_{scope}"), format!(",{value}")),
            "lifeSeconds" => ("LifetimeSeconds".to_owned(), (*value).to_owned()),
            "principalClaimName" => ("PrincipalClaimName".to_owned(), (*value).to_owned()),
            "scopeClaimName" => ("ScopeClaimName".to_owned(), (*value).to_owned()),
            _ => match name.strip_prefix("extension_") {
                Some(extension) => (format!("Extension_{extension}"), (*value).to_owned()),
                None => return Err(wrong("there is another name".into())),
            },
        };
        options.push((format!("unsecuredLogin{option}"), value));
    }
    let options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    UnsecuredToken::from_options(options).map_err(|error| {
        wrong(format!("{} {}", error.option.trim_start_matches("unsecuredLogin"), error.problem))
    })
}
