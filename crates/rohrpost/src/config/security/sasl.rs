//! The `sasl.*` properties, and what they mean together.

use crate::config::password::Password;
use crate::config::property::Refusal;
use crate::config::reasons;
use crate::config::security::kerberos::KerberosKeys;
use crate::config::security::oauth::{ClientHandler, LoginClass, LoginHandler, OauthKeys};

/// The mechanisms that properties can set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Gssapi,
    Plain,
    ScramSha256,
    ScramSha512,
    OauthBearer,
    MskIam,
}

impl Mechanism {
    pub(in crate::config) const ACCEPTED: &str =
        "GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, AWS_MSK_IAM";

    /// By Kafka's name, as it is written there.
    pub(in crate::config) fn parse(name: &str) -> Result<Self, Refusal> {
        match name {
            "PLAIN" => Ok(Self::Plain),
            "SCRAM-SHA-256" => Ok(Self::ScramSha256),
            "SCRAM-SHA-512" => Ok(Self::ScramSha512),
            "OAUTHBEARER" if cfg!(feature = "oauth") => Ok(Self::OauthBearer),
            "OAUTHBEARER" => Err(Refusal::Unsupported(reasons::NEEDS_OAUTH)),
            "AWS_MSK_IAM" if cfg!(feature = "msk-iam") => Ok(Self::MskIam),
            "AWS_MSK_IAM" => Err(Refusal::Unsupported(reasons::NEEDS_MSK_IAM)),
            "GSSAPI" if cfg!(feature = "gssapi") => Ok(Self::Gssapi),
            "GSSAPI" => Err(Refusal::Unsupported(reasons::NEEDS_GSSAPI)),
            _ => Err(Refusal::Invalid("there is no such mechanism".to_owned())),
        }
    }
}

/// All that is said by properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SaslKeys {
    /// `None`: not said.
    pub(crate) mechanism: Option<Mechanism>,
    /// A text that was read once already.
    pub(crate) jaas: Option<Password>,
    /// librdkafka's.
    pub(crate) username: Option<String>,
    /// librdkafka's.
    pub(crate) password: Option<Password>,
    pub(crate) login_class: Option<LoginClass>,
    pub(crate) login_handler: Option<LoginHandler>,
    pub(crate) client_handler: Option<ClientHandler>,
    pub(crate) oauth: OauthKeys,
    pub(crate) kerberos: KerberosKeys,
}

#[cfg(any(feature = "doctor", all(test, feature = "sasl")))]
impl SaslKeys {
    /// The first property that is set.
    pub(crate) fn first_said(&self, dialect: crate::config::Dialect) -> Option<&'static str> {
        let Self {
            mechanism,
            jaas,
            username,
            password,
            login_class,
            login_handler,
            client_handler,
            oauth,
            kerberos,
        } = self;
        let handler = match dialect {
            crate::config::Dialect::Java => "sasl.login.callback.handler.class",
            crate::config::Dialect::Librdkafka => "enable.sasl.oauthbearer.unsecure.jwt",
        };
        let set = [
            (mechanism.is_some(), "sasl.mechanism"),
            (jaas.is_some(), "sasl.jaas.config"),
            (username.is_some(), "sasl.username"),
            (password.is_some(), "sasl.password"),
            (login_class.is_some(), "sasl.login.class"),
            (login_handler.is_some(), handler),
            (client_handler.is_some(), "sasl.client.callback.handler.class"),
        ];
        let first = set.into_iter().find_map(|(is_set, name)| is_set.then_some(name));
        first.or_else(|| oauth.first_set(dialect)).or_else(|| kerberos.first_changed())
    }
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

    use super::{ClientHandler, LoginClass, Mechanism, OauthKeys, SaslKeys};
    use crate::config::security::Security;
    use crate::config::security::oauth::LoginKeys;
    use crate::config::{ConfigError, Dialect};
    use crate::sasl::Sasl;

    const MECHANISM: &str = "sasl.mechanism";
    const JAAS: &str = "sasl.jaas.config";
    const LOGIN_CLASS: &str = "sasl.login.class";
    const LOGIN_HANDLER: &str = "sasl.login.callback.handler.class";
    const CLIENT_HANDLER: &str = "sasl.client.callback.handler.class";

    /// A user as the properties name one.
    struct User {
        name: String,
        password: Secret,
        /// It is a delegation token.
        is_token: bool,
    }

    impl Security {
        /// How connections are authenticated, where they are. Without `reads_files`, no file is read.
        pub(crate) fn authentication(
            &self,
            dialect: Dialect,
            reads_files: bool,
        ) -> Result<Option<Sasl>, ConfigError> {
            if !self.protocol.is_sasl() {
                return Ok(None);
            }
            let Some(own) = &self.own_sasl else {
                return self.sasl.sasl(dialect, reads_files).map(Some);
            };
            match self.sasl.first_set() {
                Some(first) => Err(ConfigError::Contradiction {
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
        /// The first property that was set, if any was.
        fn first_set(&self) -> Option<&'static str> {
            let Self {
                mechanism,
                jaas,
                username,
                password,
                login_class,
                login_handler,
                client_handler,
                oauth,
                kerberos,
            } = self;
            let set = [
                (mechanism.is_some(), MECHANISM),
                (jaas.is_some(), JAAS),
                (username.is_some(), "sasl.username"),
                (password.is_some(), "sasl.password"),
                (login_class.is_some(), LOGIN_CLASS),
                (login_handler.is_some(), LOGIN_HANDLER),
                (client_handler.is_some(), CLIENT_HANDLER),
                (oauth.login != LoginKeys::default(), "sasl.login.*"),
                (*oauth != OauthKeys::default(), "sasl.oauthbearer.*"),
            ];
            let first = set.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name);
            first.or(kerberos.first_set())
        }

        fn sasl(&self, dialect: Dialect, reads_files: bool) -> Result<Sasl, ConfigError> {
            let default = cfg!(feature = "gssapi").then_some(Mechanism::Gssapi);
            let mechanism = self.mechanism.or(default).ok_or(ConfigError::MissingFor {
                name: MECHANISM,
                by: "security.protocol",
                reason: "the default, GSSAPI, needs the feature gssapi of the crate rohrpost; set PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM, as the listener has it",
            })?;
            self.check_classes(mechanism)?;
            let (name, hash) = match mechanism {
                Mechanism::Plain => ("PLAIN", None),
                Mechanism::ScramSha256 => (ScramHash::Sha256.mechanism(), Some(ScramHash::Sha256)),
                Mechanism::ScramSha512 => (ScramHash::Sha512.mechanism(), Some(ScramHash::Sha512)),
                Mechanism::OauthBearer => return self.oauthbearer(dialect, reads_files),
                Mechanism::MskIam => return self.msk_iam(dialect),
                Mechanism::Gssapi => return self.gssapi(dialect),
            };
            let user = match dialect {
                Dialect::Java => self.of_jaas(mechanism)?,
                Dialect::Librdkafka => self.of_librdkafka()?,
            };
            match hash.map_or_else(|| plain(&user), |hash| scram(hash, &user)) {
                Ok(credentials) => Ok(Sasl::credentials(name, credentials)),
                Err(error) => Err(in_words(error.to_string())),
            }
        }

        /// That classes are named for the mechanism that they are of.
        fn check_classes(&self, mechanism: Mechanism) -> Result<(), ConfigError> {
            let is_oauth = mechanism == Mechanism::OauthBearer;
            let first = match (self.login_class, self.login_handler, self.client_handler) {
                (Some(class), _, _) if (class == LoginClass::Refreshing) != is_oauth => LOGIN_CLASS,
                (_, Some(_), _) if !is_oauth => LOGIN_HANDLER,
                (_, _, Some(ClientHandler::OauthBearer)) if !is_oauth => CLIENT_HANDLER,
                (_, _, Some(ClientHandler::MskIam)) if mechanism != Mechanism::MskIam => {
                    CLIENT_HANDLER
                }
                _ => return Ok(()),
            };
            Err(ConfigError::Contradiction {
                first,
                second: MECHANISM,
                reason: "this class is not of this mechanism: remove it, for each has its own without being told".into(),
            })
        }

        #[cfg(feature = "oauth")]
        fn oauthbearer(&self, dialect: Dialect, reads_files: bool) -> Result<Sasl, ConfigError> {
            let jaas = self.parsed(LoginModule::OAuthBearer, "OAuthBearerLoginModule")?;
            let made =
                self.oauth.credentials(self.login_handler, jaas.as_ref(), dialect, reads_files)?;
            Ok(Sasl::credentials("OAUTHBEARER", Arc::new(made)))
        }

        /// The name is refused when it is read.
        #[cfg(not(feature = "oauth"))]
        fn oauthbearer(&self, _: Dialect, _: bool) -> Result<Sasl, ConfigError> {
            Err(in_words(super::reasons::NEEDS_OAUTH.to_owned()))
        }

        #[cfg(feature = "msk-iam")]
        fn msk_iam(&self, _: Dialect) -> Result<Sasl, ConfigError> {
            let jaas = self.parsed(LoginModule::MskIam, "IAMLoginModule")?;
            let made = crate::config::security::msk::credentials(jaas.as_ref())?;
            Ok(Sasl::credentials("AWS_MSK_IAM", Arc::new(made)))
        }

        /// The name is refused when it is read.
        #[cfg(not(feature = "msk-iam"))]
        fn msk_iam(&self, _: Dialect) -> Result<Sasl, ConfigError> {
            Err(in_words(super::reasons::NEEDS_MSK_IAM.to_owned()))
        }

        #[cfg(feature = "gssapi")]
        fn gssapi(&self, dialect: Dialect) -> Result<Sasl, ConfigError> {
            let jaas = self.parsed(LoginModule::Kerberos, "Krb5LoginModule")?;
            self.kerberos.sasl(dialect, jaas.as_ref())
        }

        /// The name is refused when it is read.
        #[cfg(not(feature = "gssapi"))]
        fn gssapi(&self, _: Dialect) -> Result<Sasl, ConfigError> {
            Err(in_words(super::reasons::NEEDS_GSSAPI.to_owned()))
        }

        /// The login module's line, if there is one, which has to be of this class.
        fn parsed(
            &self,
            wanted: LoginModule,
            class: &str,
        ) -> Result<Option<JaasConfig>, ConfigError> {
            let Some(text) = &self.jaas else { return Ok(None) };
            let jaas = JaasConfig::parse(text).map_err(|error| in_words(error.to_string()))?;
            // Programs that carry Kafka's classes within their own packages mean the same.
            let simple = jaas.class().rsplit('.').next().unwrap_or_default();
            if jaas.module() != wanted && simple != class {
                return Err(ConfigError::Contradiction {
                    first: MECHANISM,
                    second: JAAS,
                    reason: format!(
                        "this mechanism goes with the login module {class}, and this is another one"
                    ),
                });
            }
            Ok(Some(jaas))
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
            let (wanted, class) = match mechanism {
                Mechanism::Plain => (LoginModule::Plain, "PlainLoginModule"),
                _ => (LoginModule::Scram, "ScramLoginModule"),
            };
            let jaas = self.parsed(wanted, class)?.ok_or_else(|| {
                missing(JAAS, "it has the user and the password, as options of a login module")
            })?;
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

    fn plain(user: &User) -> Result<Arc<dyn Credentials>, SaslError> {
        Ok(Arc::new(PlainCredentials::new(&user.name, user.password.clone())?))
    }

    fn scram(hash: ScramHash, user: &User) -> Result<Arc<dyn Credentials>, SaslError> {
        let credentials = ScramCredentials::new(hash, &user.name, user.password.clone())?;
        Ok(Arc::new(if user.is_token { credentials.with_delegation_token() } else { credentials }))
    }
}
