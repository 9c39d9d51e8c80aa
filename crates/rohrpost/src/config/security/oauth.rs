//! `sasl.oauthbearer.*` and `sasl.login.*`: where tokens come from, and when they are replaced.

#[cfg(feature = "oauth")]
mod build;
#[cfg(feature = "oauth")]
mod jaas;

use std::time::Duration;

use super::ssl::SslKeys;
use crate::config::password::Password;
use crate::config::property::Refusal;
use crate::config::reasons;

/// `sasl.oauthbearer.jwt.retriever.class`: who gets tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Retriever {
    /// By the address: from a file, or for client credentials.
    #[default]
    Default,
    ClientCredentials,
    JwtBearer,
    File,
}

/// `sasl.login.callback.handler.class`: what a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginHandler {
    /// Tokens that an authorization server gives, or that stand in a file.
    Tokens,
    /// Tokens that nobody signs.
    Unsecured,
}

/// `sasl.client.callback.handler.class`, where it is of one mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientHandler {
    OauthBearer,
    MskIam,
}

/// `sasl.login.class`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginClass {
    /// Of what does not expire.
    Default,
    /// Of tokens.
    Refreshing,
}

/// A class of Java's, by its name with the package or without.
fn named<T: Copy>(
    known: &[(&str, T)],
    text: &str,
    otherwise: &'static str,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::Invalid("no class is named".to_owned()));
    }
    let is = |full: &str| full == text || full.rsplit(['.', '$']).next() == Some(text);
    let found = known.iter().find(|(full, _)| is(full));
    found.map(|(_, value)| Some(*value)).ok_or(Refusal::Unsupported(otherwise))
}

macro_rules! java {
    ($name:literal) => {
        concat!("org.apache.kafka.common.security.", $name)
    };
}

pub(in crate::config) fn retriever(text: &str) -> Result<Retriever, Refusal> {
    const KNOWN: [(&str, Retriever); 4] = [
        (java!("oauthbearer.DefaultJwtRetriever"), Retriever::Default),
        (java!("oauthbearer.ClientCredentialsJwtRetriever"), Retriever::ClientCredentials),
        (java!("oauthbearer.JwtBearerJwtRetriever"), Retriever::JwtBearer),
        (java!("oauthbearer.FileJwtRetriever"), Retriever::File),
    ];
    named(&KNOWN, text, reasons::RETRIEVER).map(Option::unwrap_or_default)
}

/// A client's own look at its tokens is the same under both names; a broker's is not a client's matter.
pub(in crate::config) fn validator(text: &str) -> Result<(), Refusal> {
    const KNOWN: [(&str, ()); 2] = [
        (java!("oauthbearer.DefaultJwtValidator"), ()),
        (java!("oauthbearer.ClientJwtValidator"), ()),
    ];
    named(&KNOWN, text, reasons::VALIDATOR).map(drop)
}

pub(in crate::config) fn login_handler(text: &str) -> Result<Option<LoginHandler>, Refusal> {
    if text.ends_with("IAMOAuthBearerLoginCallbackHandler") {
        return Err(Refusal::Unsupported(reasons::MSK_BEARER));
    }
    const KNOWN: [(&str, LoginHandler); 3] = [
        (java!("oauthbearer.OAuthBearerLoginCallbackHandler"), LoginHandler::Tokens),
        (java!("oauthbearer.secured.OAuthBearerLoginCallbackHandler"), LoginHandler::Tokens),
        (
            java!("oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler"),
            LoginHandler::Unsecured,
        ),
    ];
    named(&KNOWN, text, reasons::JVM_SASL)
}

pub(in crate::config) fn client_handler(text: &str) -> Result<Option<ClientHandler>, Refusal> {
    const KNOWN: [(&str, ClientHandler); 2] = [
        (
            java!("oauthbearer.internals.OAuthBearerSaslClientCallbackHandler"),
            ClientHandler::OauthBearer,
        ),
        ("software.amazon.msk.auth.iam.IAMClientCallbackHandler", ClientHandler::MskIam),
    ];
    named(&KNOWN, text, reasons::JVM_SASL)
}

pub(in crate::config) fn login_class(text: &str) -> Result<Option<LoginClass>, Refusal> {
    const KNOWN: [(&str, LoginClass); 2] = [
        (java!("authenticator.DefaultLogin"), LoginClass::Default),
        (java!("oauthbearer.internals.OAuthBearerRefreshingLogin"), LoginClass::Refreshing),
    ];
    named(&KNOWN, text, reasons::JVM_SASL)
}

/// A number with a fraction, from `min` to `max`.
pub(in crate::config) fn fraction(text: &str, min: f64, max: f64) -> Result<f64, Refusal> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| Refusal::Invalid("it is none".to_owned()))
}

/// How assertions are signed. `true`: by ES256.
pub(in crate::config) fn algorithm(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_uppercase().as_str() {
        "RS256" => Ok(false),
        "ES256" => Ok(true),
        _ => Err(Refusal::Invalid("there is no such algorithm here".to_owned())),
    }
}

/// `sasl.oauthbearer.assertion.*` (KIP-1139).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssertionKeys {
    pub(crate) file: Option<String>,
    pub(crate) key_file: Option<String>,
    /// librdkafka's.
    pub(crate) key_pem: Option<Password>,
    pub(crate) passphrase: Option<Password>,
    pub(crate) is_es256: bool,
    pub(crate) template: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) not_before: Duration,
    pub(crate) has_id: bool,
}

impl Default for AssertionKeys {
    fn default() -> Self {
        Self {
            file: None,
            key_file: None,
            key_pem: None,
            passphrase: None,
            is_es256: false,
            template: None,
            audience: None,
            issuer: None,
            subject: None,
            lifetime: Duration::from_secs(300),
            not_before: Duration::from_secs(60),
            has_id: false,
        }
    }
}

/// `sasl.login.*`, as far as they are about tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoginKeys {
    /// `None`: not said.
    pub(crate) connect_timeout: Option<Duration>,
    /// `None`: not said.
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) window_factor: f64,
    pub(crate) window_jitter: f64,
    pub(crate) min_period: Duration,
    pub(crate) buffer: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
}

impl Default for LoginKeys {
    fn default() -> Self {
        Self {
            connect_timeout: None,
            read_timeout: None,
            window_factor: 0.8,
            window_jitter: 0.05,
            min_period: Duration::from_secs(60),
            buffer: Duration::from_secs(300),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(10),
        }
    }
}

/// All that is said of tokens by properties.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OauthKeys {
    pub(crate) endpoint: Option<String>,
    pub(crate) retriever: Retriever,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Password>,
    pub(crate) scope: Option<String>,
    pub(crate) urlencodes: bool,
    pub(crate) subject_claim: String,
    pub(crate) scope_claim: String,
    pub(crate) assertion: AssertionKeys,
    pub(crate) login: LoginKeys,
    /// librdkafka's: `sasl.oauthbearer.method=oidc`.
    pub(crate) is_oidc: bool,
    /// librdkafka's: names and values after the token.
    pub(crate) extensions: Option<Password>,
    /// librdkafka's: what unsecured tokens are made of.
    pub(crate) unsecured: Option<Password>,
    /// librdkafka's: whom to trust by HTTPS.
    pub(crate) https: SslKeys,
}

impl Default for OauthKeys {
    fn default() -> Self {
        Self {
            endpoint: None,
            retriever: Retriever::Default,
            client_id: None,
            client_secret: None,
            scope: None,
            urlencodes: false,
            subject_claim: "sub".to_owned(),
            scope_claim: "scope".to_owned(),
            assertion: AssertionKeys::default(),
            login: LoginKeys::default(),
            is_oidc: false,
            extensions: None,
            unsecured: None,
            https: SslKeys::default(),
        }
    }
}

#[cfg(any(feature = "doctor", all(test, feature = "sasl")))]
impl OauthKeys {
    /// The first property that is set, and says something else than if it were not.
    pub(in crate::config) fn first_set(
        &self,
        dialect: crate::config::Dialect,
    ) -> Option<&'static str> {
        let Self {
            endpoint,
            retriever,
            client_id,
            client_secret,
            scope,
            urlencodes,
            subject_claim,
            scope_claim,
            assertion,
            login,
            is_oidc,
            extensions,
            unsecured,
            https,
        } = self;
        let default = Self::default();
        let named = |java, librdkafka| match dialect {
            crate::config::Dialect::Java => java,
            crate::config::Dialect::Librdkafka => librdkafka,
        };
        let set = [
            (endpoint.is_some(), "sasl.oauthbearer.token.endpoint.url"),
            (
                *retriever != default.retriever,
                named("sasl.oauthbearer.jwt.retriever.class", "sasl.oauthbearer.grant.type"),
            ),
            (
                client_id.is_some(),
                named(
                    "sasl.oauthbearer.client.credentials.client.id",
                    "sasl.oauthbearer.client.id",
                ),
            ),
            (
                client_secret.is_some(),
                named(
                    "sasl.oauthbearer.client.credentials.client.secret",
                    "sasl.oauthbearer.client.secret",
                ),
            ),
            (scope.is_some(), "sasl.oauthbearer.scope"),
            (*urlencodes, "sasl.oauthbearer.header.urlencode"),
            (*subject_claim != default.subject_claim, "sasl.oauthbearer.sub.claim.name"),
            (*scope_claim != default.scope_claim, "sasl.oauthbearer.scope.claim.name"),
            (*is_oidc, "sasl.oauthbearer.method"),
            (extensions.is_some(), "sasl.oauthbearer.extensions"),
            (unsecured.is_some(), "sasl.oauthbearer.config"),
            (https.truststore.certificates.is_some(), "https.ca.pem"),
            (*https != default.https, "https.ca.location"),
        ];
        let first = set.into_iter().find_map(|(is_set, name)| is_set.then_some(name));
        first.or_else(|| assertion.first_set(dialect)).or_else(|| login.first_set())
    }
}

#[cfg(any(feature = "doctor", all(test, feature = "sasl")))]
impl AssertionKeys {
    fn first_set(&self, dialect: crate::config::Dialect) -> Option<&'static str> {
        let Self {
            file,
            key_file,
            key_pem,
            passphrase,
            is_es256,
            template,
            audience,
            issuer,
            subject,
            lifetime,
            not_before,
            has_id,
        } = self;
        let default = Self::default();
        let of_template = match dialect {
            crate::config::Dialect::Java => "sasl.oauthbearer.assertion.template.file",
            crate::config::Dialect::Librdkafka => "sasl.oauthbearer.assertion.jwt.template.file",
        };
        let set = [
            (file.is_some(), "sasl.oauthbearer.assertion.file"),
            (key_file.is_some(), "sasl.oauthbearer.assertion.private.key.file"),
            (key_pem.is_some(), "sasl.oauthbearer.assertion.private.key.pem"),
            (passphrase.is_some(), "sasl.oauthbearer.assertion.private.key.passphrase"),
            (*is_es256, "sasl.oauthbearer.assertion.algorithm"),
            (template.is_some(), of_template),
            (audience.is_some(), "sasl.oauthbearer.assertion.claim.aud"),
            (issuer.is_some(), "sasl.oauthbearer.assertion.claim.iss"),
            (subject.is_some(), "sasl.oauthbearer.assertion.claim.sub"),
            (*lifetime != default.lifetime, "sasl.oauthbearer.assertion.claim.exp.seconds"),
            (*not_before != default.not_before, "sasl.oauthbearer.assertion.claim.nbf.seconds"),
            (*has_id, "sasl.oauthbearer.assertion.claim.jti.include"),
        ];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }
}

#[cfg(any(feature = "doctor", all(test, feature = "sasl")))]
impl LoginKeys {
    fn first_set(&self) -> Option<&'static str> {
        let Self {
            connect_timeout,
            read_timeout,
            window_factor,
            window_jitter,
            min_period,
            buffer,
            retry_backoff,
            retry_backoff_max,
        } = self;
        let default = Self::default();
        let set = [
            (connect_timeout.is_some(), "sasl.login.connect.timeout.ms"),
            (read_timeout.is_some(), "sasl.login.read.timeout.ms"),
            (*window_factor != default.window_factor, "sasl.login.refresh.window.factor"),
            (*window_jitter != default.window_jitter, "sasl.login.refresh.window.jitter"),
            (*min_period != default.min_period, "sasl.login.refresh.min.period.seconds"),
            (*buffer != default.buffer, "sasl.login.refresh.buffer.seconds"),
            (*retry_backoff != default.retry_backoff, "sasl.login.retry.backoff.ms"),
            (*retry_backoff_max != default.retry_backoff_max, "sasl.login.retry.backoff.max.ms"),
        ];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }
}

/// The name of a claim, of which a blank one is none.
pub(in crate::config) fn claim(text: &str) -> Result<String, Refusal> {
    match text.trim() {
        "" => Err(Refusal::Invalid("it is empty".to_owned())),
        name => Ok(name.to_owned()),
    }
}

#[cfg(all(test, feature = "oauth"))]
mod tests;
