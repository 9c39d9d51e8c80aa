//! The settings of a client: [`RegistryBuilder`].

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use rohrpost_auth::BearerCredentials;
use rohrpost_tls::{TlsClient, TlsSettings};
use zeroize::Zeroizing;

use super::SchemaRegistry;
use super::call::{Caller, Patience};
use super::context::Context;
use super::credentials::Authorization;
use super::http::{Limits, Server};
use super::properties::{self, OAuth};
use super::url::Url;
use crate::RegistryError;
use crate::error::SettingError;

/// Makes a [`SchemaRegistry`].
///
/// ```
/// use std::time::Duration;
///
/// use rohrpost_schema_registry::{SchemaRegistry, Store, TlsSettings};
///
/// let registry = SchemaRegistry::builder()
///     .url("https://sr-1.example,https://sr-2.example")
///     .basic("me", "secret")
///     .call_timeout(Duration::from_secs(20))
///     .build()?;
///
/// // The same by Confluent's names, but for the time-out, for which they have none.
/// let same = SchemaRegistry::from_properties([
///     ("schema.registry.url", "https://sr-1.example,https://sr-2.example"),
///     ("basic.auth.credentials.source", "USER_INFO"),
///     ("basic.auth.user.info", "me:secret"),
/// ])?;
/// # Ok::<(), rohrpost_schema_registry::RegistryError>(())
/// ```
#[derive(Clone)]
pub struct RegistryBuilder {
    pub(super) urls: Vec<String>,
    pub(super) randomize: bool,
    pub(super) identity: Identity,
    pub(super) logical_cluster: Option<String>,
    pub(super) identity_pool: Option<String>,
    pub(super) tls: Tls,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    pub(super) latest_ttl: Option<Duration>,
    context: Option<String>,
}

/// Who one is.
#[derive(Clone)]
pub(super) enum Identity {
    /// Whoever stands in the URL.
    Url,
    Basic(Zeroizing<String>),
    Token(Zeroizing<String>),
    OAuth(Box<OAuth>),
    Provided(BearerCredentials),
}

#[derive(Clone, Debug)]
pub(super) enum Tls {
    Settings(Box<TlsSettings>),
    Client(TlsClient),
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            randomize: false,
            identity: Identity::Url,
            logical_cluster: None,
            identity_pool: None,
            tls: Tls::Settings(Box::default()),
            limits: Limits {
                connect_timeout: Duration::from_secs(10),
                read_timeout: Duration::from_secs(30),
                most_bytes: 16 << 20,
            },
            patience: Patience {
                retries: 3,
                pause: Duration::from_secs(1),
                longest_pause: Duration::from_secs(20),
                call_timeout: Duration::from_secs(60),
            },
            latest_ttl: None,
            context: None,
        }
    }
}

impl RegistryBuilder {
    /// By the names of Confluent's clients. The prefix `schema.registry.` may stand before each.
    ///
    /// - `schema.registry.url`, with commas between several; `schema.registry.url.randomize`
    /// - `basic.auth.credentials.source`: `URL` or `USER_INFO`; `basic.auth.user.info`
    /// - `bearer.auth.credentials.source`: `STATIC_TOKEN` or `OAUTHBEARER`; `bearer.auth.token`; `bearer.auth.issuer.endpoint.url`, `.client.id`,
    ///   `.client.secret`, `.scope`, `.scope.claim.name`, `.sub.claim.name`, `.cache.expiry.buffer.seconds`; `bearer.auth.logical.cluster` and
    ///   `bearer.auth.identity.pool.id`, of Confluent Cloud
    /// - `schema.registry.ssl.*`: stores of certificates and keys, versions and suites, as Kafka's own `ssl.*`
    /// - `http.connect.timeout.ms`, `http.read.timeout.ms`, `max.retries`, `retries.wait.ms`, `retries.max.wait.ms`, `latest.cache.ttl.sec`
    ///
    /// Properties of serializers may stand among them, so that one set of properties serves both; they are not looked at here.
    ///
    /// # Errors
    ///
    /// A name that no property has, with the nearest one that is known; one that is not supported, with the reason; a value that it cannot have; and what
    /// does not go together.
    pub fn properties<K: AsRef<str>, V: AsRef<str>>(
        self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, RegistryError> {
        Ok(properties::apply(self, properties)?)
    }

    /// Where the registry is: an `http` or `https` URL, or several with commas between. Calls go to the first that answers, and stay there until it does not.
    #[must_use]
    pub fn url(mut self, urls: &str) -> Self {
        self.urls.extend(urls.split(',').map(|url| url.trim().to_owned()));
        self
    }

    /// `schema.registry.url.randomize`: begin with any of the URLs, so that programs spread over them.
    #[must_use]
    pub fn randomize(mut self, randomize: bool) -> Self {
        self.randomize = randomize;
        self
    }

    /// The context of all subjects that name none themselves.
    #[must_use]
    pub fn context(mut self, name: &str) -> Self {
        self.context = Some(name.to_owned());
        self
    }

    /// A user and a password (HTTP's Basic): of Confluent Cloud an API key and its secret. The user has no colon.
    #[must_use]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.identity = Identity::Basic(Zeroizing::new(format!("{user}:{password}")));
        self
    }

    /// A bearer token that does not change.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.identity = Identity::Token(Zeroizing::new(token.to_owned()));
        self
    }

    /// Bearer tokens of a provider, such as [`ClientCredentials`](rohrpost_auth::ClientCredentials), or one's own. They are kept, and replaced ahead of
    /// their end.
    #[must_use]
    pub fn bearer(mut self, credentials: BearerCredentials) -> Self {
        self.identity = Identity::Provided(credentials);
        self
    }

    /// `bearer.auth.logical.cluster`: which registry of Confluent Cloud is meant, where tokens say who one is.
    #[must_use]
    pub fn logical_cluster(mut self, name: &str) -> Self {
        self.logical_cluster = Some(name.to_owned());
        self
    }

    /// `bearer.auth.identity.pool.id`: the pool of identities of Confluent Cloud that the token belongs to.
    #[must_use]
    pub fn identity_pool(mut self, name: &str) -> Self {
        self.identity_pool = Some(name.to_owned());
        self
    }

    /// Whom to trust, and which certificate to show. Without, TLS trusts as this machine does, and shows none.
    #[must_use]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.tls = Tls::Settings(Box::new(settings));
        self
    }

    /// TLS of a client that there is already.
    #[must_use]
    pub fn tls_client(mut self, client: TlsClient) -> Self {
        self.tls = Tls::Client(client);
        self
    }

    /// `http.connect.timeout.ms`: for resolving a name, connecting and TLS. Default: 10 s (Confluent's is 60 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// `http.read.timeout.ms`: from there to the end of the answer. Default: 30 s (Confluent's is 60 s).
    #[must_use]
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.limits.read_timeout = timeout;
        self
    }

    /// How long a call may take with all its attempts and pauses. Default: 60 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.patience.call_timeout = timeout;
        self
    }

    /// `max.retries`: how often all URLs are tried again. Default: 3.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.patience.retries = retries;
        self
    }

    /// `retries.wait.ms` and `retries.max.wait.ms`: the longest pause before the second round, which doubles before each further one, and the longest of all;
    /// each is cut by chance. Default: 1 s and 20 s.
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.patience.pause = first;
        self.patience.longest_pause = longest;
        self
    }

    /// `latest.cache.ttl.sec`: for how long serializers with `use.latest.version` stay with the version that was the latest when they asked. Default: for
    /// ever, as in Confluent's serializers.
    #[must_use]
    pub fn latest_ttl(mut self, life: Duration) -> Self {
        self.latest_ttl = Some(life);
        self
    }

    /// How many bytes an answer may have. Default: 16 MiB.
    #[must_use]
    pub fn most_bytes(mut self, bytes: usize) -> Self {
        self.limits.most_bytes = bytes;
        self
    }

    /// Makes the client. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Setting`]: no URL, one that is none, a store that cannot be read, a password or token that no header field can carry.
    pub fn build(self) -> Result<SchemaRegistry, RegistryError> {
        let context = match &self.context {
            Some(name) => {
                Context::new(name).map_err(|problem| SettingError::Combination { problem })?
            }
            None => Context::default(),
        };
        let urls = self.parsed_urls()?;
        let needs_tls = urls.iter().any(Url::is_https)
            || matches!(&self.identity, Identity::OAuth(oauth) if oauth.is_https());
        let tls = match &self.tls {
            Tls::Client(client) => Some(client.clone()),
            // What this machine trusts is only looked for where somebody has to be trusted.
            Tls::Settings(settings) if needs_tls => Some(
                settings
                    .build()
                    .map_err(|error| SettingError::Tls { problem: error.to_string() })?,
            ),
            Tls::Settings(_) => None,
        };
        let authorization = self.authorization(tls.as_ref())?;
        let headers = self.headers()?;
        let first = match self.randomize {
            true => RandomState::new().hash_one(0) as usize % urls.len(),
            false => 0,
        };
        let servers =
            urls.into_iter().map(|url| Server::new(url, tls.clone(), self.limits)).collect();
        let caller = Caller::new(servers, first, self.patience, headers, authorization);
        Ok(SchemaRegistry::with(caller, context, self.latest_ttl))
    }

    fn parsed_urls(&self) -> Result<Vec<Url>, SettingError> {
        const NAME: &str = "schema.registry.url";
        let missing = "where the registry is must be said".to_owned();
        let missing = SettingError::Value { name: NAME, problem: missing };
        let urls = self.urls.iter().filter(|url| !url.is_empty()).enumerate();
        let urls: Vec<Url> = urls
            .map(|(index, text)| {
                // The text is not shown: there may be a password in it.
                let told = |problem| SettingError::Value {
                    name: NAME,
                    problem: format!("number {} {problem}", index + 1),
                };
                Url::parse(text).map_err(told)
            })
            .collect::<Result<_, _>>()?;
        if urls.is_empty() { Err(missing) } else { Ok(urls) }
    }

    fn authorization(&self, tls: Option<&TlsClient>) -> Result<Authorization, SettingError> {
        let problem = "it has characters that no header field can carry";
        let wrong = |name| SettingError::Value { name, problem: problem.to_owned() };
        match &self.identity {
            Identity::Url => Ok(Authorization::Url),
            Identity::Basic(user_info) => {
                Authorization::basic(user_info).ok_or(wrong("basic.auth.user.info"))
            }
            Identity::Token(token) => Authorization::token(token).ok_or(wrong("bearer.auth.token")),
            Identity::OAuth(oauth) => Ok(Authorization::Tokens(oauth.credentials(tls)?)),
            Identity::Provided(credentials) => Ok(Authorization::Tokens(credentials.clone())),
        }
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, SettingError> {
        let given = [
            ("target-sr-cluster", "bearer.auth.logical.cluster", &self.logical_cluster),
            ("confluent-identity-pool-id", "bearer.auth.identity.pool.id", &self.identity_pool),
        ];
        let headers = given.into_iter().filter_map(|(header, name, value)| {
            let value = value.as_ref()?;
            let parsed = HeaderValue::from_str(value).map_err(|_| SettingError::Value {
                name,
                problem: "it has characters that no header field can carry".to_owned(),
            });
            Some(parsed.map(|value| (HeaderName::from_static(header), value)))
        });
        headers.collect()
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // There may be a password in what is no URL yet, too.
        let shown = |text: &String| match Url::parse(text) {
            Ok(url) => url.to_string(),
            Err(problem) => format!("[hidden: {problem}]"),
        };
        let urls: Vec<String> = self.urls.iter().map(shown).collect();
        f.debug_struct("RegistryBuilder")
            .field("urls", &urls)
            .field("randomize", &self.randomize)
            .field("identity", &self.identity)
            .field("logical_cluster", &self.logical_cluster)
            .field("identity_pool", &self.identity_pool)
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .field("patience", &self.patience)
            .field("latest_ttl", &self.latest_ttl)
            .field("context", &self.context)
            .finish()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("Url"),
            Self::Basic(_) => f.write_str("Basic([hidden])"),
            Self::Token(_) => f.write_str("Token([hidden])"),
            Self::OAuth(oauth) => oauth.fmt(f),
            Self::Provided(credentials) => credentials.fmt(f),
        }
    }
}
