//! The `sasl.*` properties, and what they mean together.

use crate::config::password::Password;
use crate::config::property::Refusal;
use crate::config::reasons;

/// The mechanisms that properties can set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub(in crate::config) const ACCEPTED: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512";

    /// By Kafka's name, as it is written there.
    pub(in crate::config) fn parse(name: &str) -> Result<Self, Refusal> {
        match name {
            "PLAIN" => Ok(Self::Plain),
            "SCRAM-SHA-256" => Ok(Self::ScramSha256),
            "SCRAM-SHA-512" => Ok(Self::ScramSha512),
            "GSSAPI" => Err(Refusal::Unsupported(reasons::KERBEROS)),
            "OAUTHBEARER" => Err(Refusal::Unsupported(reasons::OAUTH)),
            "AWS_MSK_IAM" => Err(Refusal::Unsupported(reasons::MSK_IAM)),
            _ => Err(Refusal::Invalid("there is no such mechanism".to_owned())),
        }
    }
}

/// All that is said by properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SaslKeys {
    /// `None`: not said.
    pub(crate) mechanism: Option<Mechanism>,
    /// A text that was read once already.
    pub(crate) jaas: Option<Password>,
    /// librdkafka's.
    pub(crate) username: Option<String>,
    /// librdkafka's.
    pub(crate) password: Option<Password>,
}

/// `sasl.jaas.config`, if it can be read.
#[cfg(feature = "sasl")]
pub(in crate::config) fn jaas(text: &str) -> Result<Password, Refusal> {
    match rohrpost_sasl::JaasConfig::parse(text) {
        Ok(_) => Ok(Password::new(text)),
        // It repeats nothing of the text.
        Err(error) => Err(Refusal::Invalid(error.to_string())),
    }
}

/// Without SASL, its properties are refused before their values are looked at.
#[cfg(not(feature = "sasl"))]
pub(in crate::config) fn jaas(_: &str) -> Result<Password, Refusal> {
    Err(Refusal::Unsupported(reasons::NEEDS_SASL))
}

#[cfg(feature = "sasl")]
mod build {
    use std::sync::Arc;

    use rohrpost_auth::{Credentials, PlainCredentials, ScramCredentials};
    use rohrpost_sasl::{JaasConfig, LoginModule, SaslError, ScramHash, Secret};

    use super::{Mechanism, SaslKeys};
    use crate::config::security::Security;
    use crate::config::{ConfigError, Dialect};
    use crate::sasl::Sasl;

    const MECHANISM: &str = "sasl.mechanism";
    const JAAS: &str = "sasl.jaas.config";

    /// A user as the properties name one.
    struct User {
        name: String,
        password: Secret,
        /// It is a delegation token.
        is_token: bool,
    }

    impl Security {
        /// How connections are authenticated, where they are.
        pub(crate) fn authentication(&self, dialect: Dialect) -> Result<Option<Sasl>, ConfigError> {
            if !self.protocol.is_sasl() {
                return Ok(None);
            }
            let Some(own) = &self.own_sasl else { return self.sasl.sasl(dialect).map(Some) };
            let SaslKeys { mechanism, jaas, username, password } = &self.sasl;
            let set = [
                (mechanism.is_some(), MECHANISM),
                (jaas.is_some(), JAAS),
                (username.is_some(), "sasl.username"),
                (password.is_some(), "sasl.password"),
            ];
            match set.into_iter().find(|(is_set, _)| *is_set) {
                Some((_, first)) => Err(ConfigError::Contradiction {
                    first,
                    second: "ProducerBuilder::sasl",
                    reason: "SASL is set up either by properties or by the program: keep one"
                        .into(),
                }),
                None => own.check().map(|()| Some(own.clone())).map_err(in_words),
            }
        }
    }

    fn in_words(detail: String) -> ConfigError {
        ConfigError::Sasl { detail }
    }

    impl SaslKeys {
        fn sasl(&self, dialect: Dialect) -> Result<Sasl, ConfigError> {
            let mechanism = self.mechanism.ok_or(ConfigError::MissingFor {
                name: MECHANISM,
                by: "security.protocol",
                reason: "the default, GSSAPI, is not to be had here; set PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, as the listener has it",
            })?;
            let user = match dialect {
                Dialect::Java => self.of_jaas(mechanism)?,
                Dialect::Librdkafka => self.of_librdkafka()?,
            };
            let made = match mechanism {
                Mechanism::Plain => plain(user),
                Mechanism::ScramSha256 => scram(ScramHash::Sha256, user),
                Mechanism::ScramSha512 => scram(ScramHash::Sha512, user),
            };
            let name = match mechanism {
                Mechanism::Plain => "PLAIN",
                Mechanism::ScramSha256 => ScramHash::Sha256.mechanism(),
                Mechanism::ScramSha512 => ScramHash::Sha512.mechanism(),
            };
            match made {
                Ok(credentials) => Ok(Sasl::credentials(name, credentials)),
                Err(error) => Err(in_words(error.to_string())),
            }
        }

        fn of_librdkafka(&self) -> Result<User, ConfigError> {
            let missing = |name| ConfigError::MissingFor {
                name,
                by: MECHANISM,
                reason: "the mechanism proves that one knows a user's password",
            };
            let name = self.username.clone().ok_or_else(|| missing("sasl.username"))?;
            let password = self.password.as_ref().ok_or_else(|| missing("sasl.password"))?;
            Ok(User { name, password: Secret::from(&**password), is_token: false })
        }

        fn of_jaas(&self, mechanism: Mechanism) -> Result<User, ConfigError> {
            let missing = |name, reason| ConfigError::MissingFor { name, by: MECHANISM, reason };
            let text = self.jaas.as_ref().ok_or_else(|| {
                missing(JAAS, "it has the user and the password, as options of a login module")
            })?;
            let jaas = JaasConfig::parse(text).map_err(|error| in_words(error.to_string()))?;
            let (wanted, class) = match mechanism {
                Mechanism::Plain => (LoginModule::Plain, "PlainLoginModule"),
                _ => (LoginModule::Scram, "ScramLoginModule"),
            };
            // Programs that carry Kafka's classes within their own packages mean the same.
            let simple = jaas.class().rsplit('.').next().unwrap_or_default();
            if jaas.module() != wanted && simple != class {
                return Err(ConfigError::Contradiction {
                    first: MECHANISM,
                    second: JAAS,
                    reason: format!(
                        "this mechanism goes with Kafka's {class}, and the login module is another one"
                    ),
                });
            }
            const USER: &str = "the option username in sasl.jaas.config";
            const PASSWORD: &str = "the option password in sasl.jaas.config";
            let option = |name, what| {
                let reason = "the mechanism proves that one knows a user's password";
                jaas.option(name).ok_or_else(|| missing(what, reason))
            };
            let (name, password) = (option("username", USER)?, option("password", PASSWORD)?);
            let is_token = wanted == LoginModule::Scram
                && jaas.option("tokenauth").is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
            Ok(User { name: name.to_owned(), password: Secret::from(password), is_token })
        }
    }

    fn plain(user: User) -> Result<Arc<dyn Credentials>, SaslError> {
        Ok(Arc::new(PlainCredentials::new(user.name, user.password)?))
    }

    fn scram(hash: ScramHash, user: User) -> Result<Arc<dyn Credentials>, SaslError> {
        let credentials = ScramCredentials::new(hash, user.name, user.password)?;
        Ok(Arc::new(if user.is_token { credentials.with_delegation_token() } else { credentials }))
    }
}
