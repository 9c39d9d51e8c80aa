//! What options of the login module say of tokens.

use rohrpost_sasl::{JaasConfig, Secret};

use crate::config::security::ssl::SslKeys;
use crate::config::{ConfigError, ProducerConfig};

/// The options of Java's `OAuthBearerLoginModule`, by what they are about.
#[derive(Default)]
pub(super) struct Options<'a> {
    pub(super) client_id: Option<&'a str>,
    pub(super) client_secret: Option<&'a Secret>,
    pub(super) scope: Option<&'a str>,
    pub(super) extensions: Vec<(&'a str, &'a str)>,
    /// `ssl.*`: of the way to the authorization server.
    pub(super) tls: Vec<(&'a str, &'a str)>,
    /// `unsecuredLogin*`: of tokens that nobody signs.
    pub(super) unsecured: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    /// Takes a login module's options apart. One that means nothing is an error: somebody wanted something by it.
    pub(super) fn of(jaas: Option<&'a JaasConfig>) -> Result<Self, ConfigError> {
        let mut options = Self::default();
        for (name, value) in jaas.into_iter().flat_map(JaasConfig::options) {
            match name {
                "clientId" => options.client_id = Some(value),
                "clientSecret" => options.client_secret = jaas.and_then(|jaas| jaas.secret(name)),
                "scope" => options.scope = Some(value),
                _ if name.starts_with("ssl.") => options.tls.push((name, value)),
                _ if name.starts_with("unsecuredLogin") => options.unsecured.push((name, value)),
                _ => match name.strip_prefix("extension_") {
                    Some(extension) => options.extensions.push((extension, value)),
                    None => {
                        return Err(super::build::in_words(format!(
                            "the option {name} in sasl.jaas.config means nothing to OAUTHBEARER, which has clientId, clientSecret, scope, extension_ and a \
                             name, and ssl. and a property: remove it"
                        )));
                    }
                },
            }
        }
        Ok(options)
    }

    /// Java's properties of TLS, for the way to the authorization server alone.
    pub(super) fn https(&self) -> Result<SslKeys, ConfigError> {
        let mut config = ProducerConfig::new();
        let set = |(name, value): &(&str, &str)| config.set_in_java(name, value);
        let ssl = self.tls.iter().try_for_each(set).map(|()| config.security.ssl);
        ssl.map_err(|error| {
            super::build::in_words(format!("the options in sasl.jaas.config for HTTPS: {error}"))
        })
    }
}
