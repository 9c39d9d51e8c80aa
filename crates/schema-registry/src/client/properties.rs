//! Confluent's properties of the client.

use std::fmt;
use std::time::Duration;

use rohrpost_auth::{
    BearerCredentials, ClaimNames, ClientCredentials, RefreshSettings, TokenEndpoint,
};
use rohrpost_tls::{CipherSuite, Store, StoreType, TlsClient, TlsSettings, TlsVersion};
use zeroize::Zeroizing;

use super::builder::{Identity, RegistryBuilder, Tls};
use crate::error::SettingError;
use crate::properties::{Owner, boolean, known, number};

/// What is gathered before it can be judged.
#[derive(Default)]
struct Given {
    basic_source: Option<String>,
    user_info: Option<Zeroizing<String>>,
    bearer_source: Option<String>,
    token: Option<Zeroizing<String>>,
    oauth: OAuth,
    has_oauth: bool,
    ssl: Ssl,
    has_ssl: bool,
}

#[derive(Default)]
struct Ssl {
    truststore: StoreProperties,
    keystore: StoreProperties,
    key: Option<Zeroizing<String>>,
    chain: Option<String>,
    key_password: Option<Zeroizing<String>>,
    settings: TlsSettings,
}

#[derive(Default)]
struct StoreProperties {
    location: Option<String>,
    kind: Option<StoreType>,
    password: Option<Zeroizing<String>>,
    text: Option<String>,
}

/// Client credentials (RFC 6749, section 4.4): `bearer.auth.credentials.source=OAUTHBEARER`.
#[derive(Clone, Default)]
pub(super) struct OAuth {
    endpoint: String,
    client_id: String,
    client_secret: Zeroizing<String>,
    scope: String,
    scope_claim: Option<String>,
    sub_claim: Option<String>,
    expiry_buffer: Option<Duration>,
}

pub(super) fn apply<K: AsRef<str>, V: AsRef<str>>(
    mut builder: RegistryBuilder,
    properties: impl IntoIterator<Item = (K, V)>,
) -> Result<RegistryBuilder, SettingError> {
    let mut given = Given::default();
    for (name, value) in properties {
        let (name, owner) = known(name.as_ref())?;
        if owner == Owner::Client {
            set(&mut builder, &mut given, name, value.as_ref().trim())?;
        }
    }
    if let Some(identity) = given.identity()? {
        builder.identity = identity;
    }
    if given.has_ssl {
        builder.tls = Tls::Settings(Box::new(given.ssl.settings()?));
    }
    Ok(builder)
}

fn set(
    builder: &mut RegistryBuilder,
    given: &mut Given,
    name: &'static str,
    value: &str,
) -> Result<(), SettingError> {
    let millis = || number(name, value).map(Duration::from_millis);
    let secret = || Some(Zeroizing::new(value.to_owned()));
    match name {
        "schema.registry.url" => {
            builder.urls = value.split(',').map(|url| url.trim().to_owned()).collect();
        }
        "schema.registry.url.randomize" | "url.randomize" => {
            builder.randomize = boolean(name, value)?;
        }
        "basic.auth.credentials.source" => given.basic_source = Some(value.to_owned()),
        "basic.auth.user.info" | "schema.registry.basic.auth.user.info" => {
            given.user_info = secret();
        }
        "bearer.auth.credentials.source" => given.bearer_source = Some(value.to_owned()),
        "bearer.auth.token" => given.token = secret(),
        "bearer.auth.logical.cluster" => builder.logical_cluster = Some(value.to_owned()),
        "bearer.auth.identity.pool.id" => builder.identity_pool = Some(value.to_owned()),
        "http.connect.timeout.ms" => builder.limits.connect_timeout = limited(name, millis()?)?,
        "http.read.timeout.ms" => builder.limits.read_timeout = limited(name, millis()?)?,
        "max.retries" => builder.patience.retries = number(name, value)?,
        "retries.wait.ms" => builder.patience.pause = millis()?,
        "retries.max.wait.ms" => builder.patience.longest_pause = millis()?,
        "latest.cache.ttl.sec" => {
            // Confluent's default is -1, for ever.
            let seconds: i64 = number(name, value)?;
            builder.latest_ttl = u64::try_from(seconds).ok().map(Duration::from_secs);
        }
        name => return given.set(name, value),
    }
    Ok(())
}

/// Zero is for ever to Java, and would be too late for every answer here.
fn limited(name: &'static str, timeout: Duration) -> Result<Duration, SettingError> {
    let problem = "0 would be to wait for ever, which is not done here: say for how long";
    match timeout.is_zero() {
        true => Err(SettingError::Value { name, problem: problem.to_owned() }),
        false => Ok(timeout),
    }
}

impl Given {
    fn set(&mut self, name: &'static str, value: &str) -> Result<(), SettingError> {
        if let Some(rest) = name.strip_prefix("schema.registry.ssl.") {
            self.has_ssl = true;
            return self.ssl.set(name, rest, value);
        }
        self.has_oauth = true;
        let oauth = &mut self.oauth;
        match name {
            "bearer.auth.issuer.endpoint.url" => oauth.endpoint = value.to_owned(),
            "bearer.auth.client.id" => oauth.client_id = value.to_owned(),
            "bearer.auth.client.secret" => oauth.client_secret = Zeroizing::new(value.to_owned()),
            "bearer.auth.scope" => oauth.scope = value.to_owned(),
            "bearer.auth.scope.claim.name" => oauth.scope_claim = Some(value.to_owned()),
            "bearer.auth.sub.claim.name" => oauth.sub_claim = Some(value.to_owned()),
            "bearer.auth.cache.expiry.buffer.seconds" => {
                oauth.expiry_buffer = Some(Duration::from_secs(number(name, value)?));
            }
            // A name of the table that is not here would be ignored: its test looks.
            name => {
                return Err(SettingError::UnknownProperty { name: name.to_owned(), nearest: None });
            }
        }
        Ok(())
    }

    /// Who the properties say one is; `None`: they do not say.
    fn identity(&mut self) -> Result<Option<Identity>, SettingError> {
        let combination =
            |problem: &str| Err(SettingError::Combination { problem: problem.to_owned() });
        let (basic, bearer) = (self.basic_source.as_deref(), self.bearer_source.as_deref());
        let is_basic = basic.is_some() || self.user_info.is_some();
        let is_bearer = bearer.is_some() || self.token.is_some() || self.has_oauth;
        if is_basic && is_bearer {
            return combination("basic.auth.* and bearer.auth.* cannot both say who one is");
        }
        if is_bearer {
            return self.bearer().map(Some);
        }
        match (basic, self.user_info.take()) {
            (None, None) | (Some("URL"), None) => Ok(None),
            (Some("USER_INFO"), Some(user_info)) => Ok(Some(Identity::Basic(user_info))),
            (Some("USER_INFO"), None) => {
                combination("basic.auth.credentials.source=USER_INFO wants basic.auth.user.info")
            }
            (None | Some("URL"), Some(_)) => combination(
                "basic.auth.user.info has no effect without basic.auth.credentials.source=USER_INFO",
            ),
            (Some(source), _) => Err(SettingError::Value {
                name: "basic.auth.credentials.source",
                problem: match source {
                    "SASL_INHERIT" => "SASL_INHERIT needs a Kafka client's settings, which are not here: USER_INFO takes \
                                       user:password"
                        .to_owned(),
                    source => format!("{source:?} is neither URL nor USER_INFO"),
                },
            }),
        }
    }

    fn bearer(&mut self) -> Result<Identity, SettingError> {
        let combination =
            |problem: &str| Err(SettingError::Combination { problem: problem.to_owned() });
        // Confluent's default.
        match self.bearer_source.as_deref().unwrap_or("STATIC_TOKEN") {
            "STATIC_TOKEN" if self.has_oauth => combination(
                "bearer.auth.issuer.endpoint.url and what belongs to it have no effect without \
                 bearer.auth.credentials.source=OAUTHBEARER",
            ),
            "STATIC_TOKEN" => match self.token.take() {
                Some(token) => Ok(Identity::Token(token)),
                None => combination(
                    "bearer.auth.credentials.source=STATIC_TOKEN wants bearer.auth.token",
                ),
            },
            "OAUTHBEARER" if self.token.is_some() => combination(
                "bearer.auth.token has no effect with bearer.auth.credentials.source=OAUTHBEARER",
            ),
            "OAUTHBEARER" => Ok(Identity::OAuth(Box::new(self.oauth.clone()))),
            "CUSTOM" => Err(SettingError::Value {
                name: "bearer.auth.credentials.source",
                problem: "a provider of one's own goes to RegistryBuilder::bearer".to_owned(),
            }),
            source => Err(SettingError::Value {
                name: "bearer.auth.credentials.source",
                problem: format!("{source:?} is neither STATIC_TOKEN nor OAUTHBEARER"),
            }),
        }
    }
}

impl OAuth {
    pub(super) fn is_https(&self) -> bool {
        self.endpoint.trim_start().get(..5).is_some_and(|it| it.eq_ignore_ascii_case("https"))
    }

    pub(super) fn credentials(
        &self,
        tls: Option<&TlsClient>,
    ) -> Result<BearerCredentials, SettingError> {
        let told = |problem: String| SettingError::Combination { problem };
        if self.endpoint.is_empty() {
            let problem =
                "bearer.auth.credentials.source=OAUTHBEARER wants bearer.auth.issuer.endpoint.url";
            return Err(told(problem.to_owned()));
        }
        let mut names = ClaimNames::default();
        if let Some(claim) = &self.scope_claim {
            names.scope.clone_from(claim);
        }
        if let Some(claim) = &self.sub_claim {
            names.subject.clone_from(claim);
        }
        let endpoint =
            TokenEndpoint::new(&self.endpoint).map_err(|error| told(error.to_string()))?;
        let mut endpoint = endpoint.with_claim_names(names);
        if let Some(tls) = tls {
            endpoint = endpoint.with_tls(tls.clone());
        }
        let client =
            ClientCredentials::new(endpoint, &self.client_id, &self.client_secret.as_str().into())
                .map_err(|error| told(error.to_string()))?
                .with_scope(&self.scope);
        Ok(BearerCredentials::new(std::sync::Arc::new(client), self.refresh()))
    }

    fn refresh(&self) -> RefreshSettings {
        let mut refresh = RefreshSettings::default();
        if let Some(buffer) = self.expiry_buffer {
            refresh.buffer = buffer;
        }
        refresh
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One with a user in it is refused later: see `TokenEndpoint::new`.
        let endpoint = if self.endpoint.contains('@') { "[hidden]" } else { &self.endpoint };
        f.debug_struct("OAuth")
            .field("endpoint", &endpoint)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Ssl {
    fn set(&mut self, name: &'static str, rest: &str, value: &str) -> Result<(), SettingError> {
        let told = |error: rohrpost_tls::TlsError| SettingError::Value {
            name,
            problem: error.to_string(),
        };
        let secret = || Some(Zeroizing::new(value.to_owned()));
        let list = || value.split(',').map(str::trim).filter(|item| !item.is_empty());
        match rest {
            "truststore.location" => self.truststore.location = Some(value.to_owned()),
            "truststore.type" => self.truststore.kind = Some(value.parse().map_err(told)?),
            "truststore.password" => self.truststore.password = secret(),
            "truststore.certificates" => self.truststore.text = Some(value.to_owned()),
            "keystore.location" => self.keystore.location = Some(value.to_owned()),
            "keystore.type" => self.keystore.kind = Some(value.parse().map_err(told)?),
            "keystore.password" => self.keystore.password = secret(),
            "keystore.key" => self.key = secret(),
            "keystore.certificate.chain" => self.chain = Some(value.to_owned()),
            "key.password" => self.key_password = secret(),
            "endpoint.identification.algorithm" => {
                let verifies = match value {
                    "" => false,
                    _ if value.eq_ignore_ascii_case("https") => true,
                    _ => {
                        let problem = format!("{value:?} is neither https nor empty");
                        return Err(SettingError::Value { name, problem });
                    }
                };
                self.settings = std::mem::take(&mut self.settings).verify_host(verifies);
            }
            "enabled.protocols" => {
                let versions: Result<Vec<TlsVersion>, _> = list().map(str::parse).collect();
                let versions = versions.map_err(told)?;
                self.settings = std::mem::take(&mut self.settings).versions(versions);
            }
            "cipher.suites" => {
                let suites: Result<Vec<CipherSuite>, _> = list().map(str::parse).collect();
                let suites = suites.map_err(told)?;
                self.settings = std::mem::take(&mut self.settings).cipher_suites(suites);
            }
            // A name of the table that is not here would be ignored: its test looks.
            _ => {
                return Err(SettingError::UnknownProperty { name: name.to_owned(), nearest: None });
            }
        }
        Ok(())
    }

    fn settings(mut self) -> Result<TlsSettings, SettingError> {
        let told = |problem: &str| {
            let problem = format!("schema.registry.ssl.{problem}");
            Err(SettingError::Combination { problem })
        };
        let mut settings = std::mem::take(&mut self.settings);
        if let Some(store) = self.truststore.store("truststore", "truststore.certificates")? {
            settings = settings.truststore(store);
        }
        let pem = |text: &str| Store::bytes(text).of_type(StoreType::Pem);
        let keystore = self.keystore.store("keystore", "keystore.key")?;
        settings = match (keystore, &self.key, &self.chain) {
            (Some(store), None, None) => settings.keystore(store),
            (None, Some(key), Some(chain)) => {
                settings.key_and_certificate_chain(pem(key), pem(chain))
            }
            (None, None, None) => settings,
            (Some(_), ..) => {
                return told(
                    "keystore.location and ssl.keystore.key cannot both say which certificate is shown",
                );
            }
            (None, ..) => {
                return told("keystore.key and ssl.keystore.certificate.chain go together");
            }
        };
        if let Some(password) = &self.key_password {
            settings = settings.key_password(password);
        }
        Ok(settings)
    }
}

impl StoreProperties {
    fn store(&self, what: &str, text_name: &str) -> Result<Option<Store>, SettingError> {
        let combination = |problem: String| Err(SettingError::Combination { problem });
        let store = match (&self.location, &self.text) {
            (Some(_), Some(_)) => {
                return combination(format!(
                    "schema.registry.ssl.{what}.location and schema.registry.ssl.{text_name} cannot both be given"
                ));
            }
            (Some(location), None) => Store::file(location),
            (None, Some(text)) => Store::bytes(text.as_str()).of_type(StoreType::Pem),
            (None, None) if self.password.is_some() => {
                return combination(format!(
                    "schema.registry.ssl.{what}.password has no effect without schema.registry.ssl.{what}.location"
                ));
            }
            (None, None) => return Ok(None),
        };
        let store = match self.kind {
            Some(kind) => store.of_type(kind),
            None => store,
        };
        Ok(Some(match &self.password {
            Some(password) => store.password(password),
            None => store,
        }))
    }
}

#[cfg(test)]
mod tests;
