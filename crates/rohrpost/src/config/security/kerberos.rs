//! Kerberos: `sasl.kerberos.*`, the login module of Java's own, and librdkafka's principal and keytab.

use std::time::Duration;

use crate::config::property::Refusal;

/// What librdkafka calls itself if nothing is said.
pub(in crate::config) const PRINCIPAL_OF_LIBRDKAFKA: &str = "kafkaclient";

/// All that is said of it by properties of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KerberosKeys {
    pub(crate) service: Option<String>,
    pub(crate) window_factor: f64,
    pub(crate) window_jitter: f64,
    pub(crate) min_period: Duration,
    /// librdkafka's, unless it is the default.
    pub(crate) principal: Option<String>,
    /// librdkafka's.
    pub(crate) keytab: Option<String>,
}

impl Default for KerberosKeys {
    fn default() -> Self {
        Self {
            service: None,
            window_factor: 0.8,
            window_jitter: 0.05,
            min_period: Duration::from_secs(60),
            principal: None,
            keytab: None,
        }
    }
}

/// A part of a ticket's life.
pub(in crate::config) fn part(text: &str) -> Result<f64, Refusal> {
    let part = text.trim().parse::<f64>().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| Refusal::Invalid("it is no number from 0 to 1".to_owned()))
}

impl KerberosKeys {
    /// The first property that is set, and says something else than if it were not.
    #[cfg(any(feature = "doctor", all(test, feature = "sasl")))]
    pub(super) fn first_changed(&self) -> Option<&'static str> {
        let (default, said) = (Self::default(), self.first_set());
        let set = [
            (
                self.window_factor != default.window_factor,
                "sasl.kerberos.ticket.renew.window.factor",
            ),
            (self.window_jitter != default.window_jitter, "sasl.kerberos.ticket.renew.jitter"),
            (self.min_period != default.min_period, "sasl.kerberos.min.time.before.relogin"),
        ];
        said.or_else(|| set.into_iter().find_map(|(is_set, name)| is_set.then_some(name)))
    }

    /// The first property that is set and says who one is.
    #[cfg(any(feature = "doctor", feature = "sasl"))]
    pub(super) fn first_set(&self) -> Option<&'static str> {
        let set = [
            (self.service.is_some(), "sasl.kerberos.service.name"),
            (self.principal.is_some(), "sasl.kerberos.principal"),
            (self.keytab.is_some(), "sasl.kerberos.keytab"),
        ];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }
}

#[cfg(feature = "gssapi")]
mod build {
    use std::sync::Arc;
    use std::time::Duration;

    use rohrpost_auth::{KerberosCredentials, KerberosEnvironment, KerberosLogin, RefreshSettings};
    use rohrpost_sasl::JaasConfig;

    use super::{KerberosKeys, PRINCIPAL_OF_LIBRDKAFKA};
    use crate::config::{ConfigError, Dialect};
    use crate::sasl::Sasl;

    const MECHANISM: &str = "sasl.mechanism";
    const JAAS: &str = "sasl.jaas.config";
    const SERVICE: &str = "sasl.kerberos.service.name";

    const USE_KEYTAB: &str = "the option useKeyTab in sasl.jaas.config";
    const KEYTAB: &str = "the option keyTab in sasl.jaas.config";
    const USE_CACHE: &str = "the option useTicketCache in sasl.jaas.config";
    const CACHE: &str = "the option ticketCache in sasl.jaas.config";
    const PRINCIPAL: &str = "the option principal in sasl.jaas.config";
    const SERVICE_OPTION: &str = "the option serviceName in sasl.jaas.config";

    /// What makes no difference here, whatever it says: there is nobody to ask for a password, keys and tickets are kept as long as the producer, and krb5.conf is read anew for each connection.
    const WITHOUT_EFFECT: &[&str] =
        &["storeKey", "doNotPrompt", "debug", "refreshKrb5Config", "clearPass"];
    /// What must be off, or on, as it is when nothing is said.
    const FIXED: &[(&str, bool, &str)] = &[
        (
            "renewTGT",
            false,
            "whoever keeps the ticket cache renews its tickets (kinit -R, k5start, SSSD), and it is read anew for each connection: remove renewTGT",
        ),
        ("isInitiator", true, "a client is the one who begins: remove isInitiator"),
        ("useFirstPass", false, "there are no passwords: use a keytab, and remove useFirstPass"),
        ("tryFirstPass", false, "there are no passwords: use a keytab, and remove tryFirstPass"),
        ("storePass", false, "there are no passwords: use a keytab, and remove storePass"),
    ];
    const USED: &[&str] =
        &["useKeyTab", "keyTab", "useTicketCache", "ticketCache", "principal", "serviceName"];

    impl KerberosKeys {
        pub(in crate::config) fn sasl(
            &self,
            dialect: Dialect,
            jaas: Option<&JaasConfig>,
        ) -> Result<Sasl, ConfigError> {
            let (login, service) = match dialect {
                Dialect::Java => self.of_jaas(jaas)?,
                Dialect::Librdkafka => self.of_librdkafka(),
            };
            let environment = KerberosEnvironment::of_process();
            match KerberosCredentials::new(login, &service, environment, self.refresh()) {
                Ok(credentials) => Ok(Sasl::credentials("GSSAPI", Arc::new(credentials))),
                Err(error) => Err(ConfigError::Sasl { detail: error.detail }),
            }
        }

        pub(super) fn refresh(&self) -> RefreshSettings {
            RefreshSettings {
                window_factor: self.window_factor,
                window_jitter: self.window_jitter,
                min_period: self.min_period,
                buffer: Duration::ZERO,
                ..RefreshSettings::default()
            }
        }

        /// With a keytab, its principal's keys; without, whatever `kinit` left.
        fn of_librdkafka(&self) -> (KerberosLogin, String) {
            let login = match self.keytab.clone() {
                Some(keytab) => KerberosLogin::Keytab {
                    principal: self
                        .principal
                        .clone()
                        .unwrap_or_else(|| PRINCIPAL_OF_LIBRDKAFKA.to_owned()),
                    keytab: keytab.into(),
                },
                None => {
                    KerberosLogin::TicketCache { principal: self.principal.clone(), cache: None }
                }
            };
            (login, self.service.clone().unwrap_or_else(|| "kafka".to_owned()))
        }

        fn of_jaas(
            &self,
            jaas: Option<&JaasConfig>,
        ) -> Result<(KerberosLogin, String), ConfigError> {
            let missing = |name, reason| ConfigError::MissingFor { name, by: MECHANISM, reason };
            let jaas = jaas.ok_or_else(|| {
                missing(JAAS, "it has Krb5LoginModule with the keytab and the principal, or with useTicketCache=true, as its options")
            })?;
            check(jaas)?;
            let service = self.service_of(jaas)?;
            let contradiction = |first, second, reason: &str| ConfigError::Contradiction {
                first,
                second,
                reason: reason.into(),
            };
            let principal = jaas.option("principal").map(str::to_owned);
            let (uses_keytab, uses_cache) = (flag(jaas, "useKeyTab"), flag(jaas, "useTicketCache"));
            let (keytab, cache) = (jaas.option("keyTab"), jaas.option("ticketCache"));
            if keytab.is_some() && uses_keytab != Some(true) {
                return Err(contradiction(
                    KEYTAB,
                    USE_KEYTAB,
                    "without useKeyTab=true no keytab is used",
                ));
            }
            if cache.is_some() && uses_cache != Some(true) {
                return Err(contradiction(
                    CACHE,
                    USE_CACHE,
                    "without useTicketCache=true no ticket cache is used",
                ));
            }
            let login = match (uses_keytab == Some(true), uses_cache == Some(true)) {
                (true, true) => {
                    return Err(contradiction(
                        USE_KEYTAB,
                        USE_CACHE,
                        "tickets come either by a keytab or from a ticket cache: keep one",
                    ));
                }
                (true, false) => KerberosLogin::Keytab {
                    principal: principal.ok_or_else(|| {
                        missing(PRINCIPAL, "it says whose keys of the keytab are used")
                    })?,
                    keytab: path(keytab.ok_or_else(|| {
                        missing(KEYTAB, "it is the file with the principal's keys")
                    })?),
                },
                (false, true) => {
                    KerberosLogin::TicketCache { principal, cache: cache.map(str::to_owned) }
                }
                (false, false) => {
                    return Err(missing(
                        USE_KEYTAB,
                        "nobody can be asked for a password: set useKeyTab=true with keyTab and principal, or useTicketCache=true",
                    ));
                }
            };
            Ok((login, service))
        }

        /// As Java: from either place, and from both only if they agree.
        fn service_of(&self, jaas: &JaasConfig) -> Result<String, ConfigError> {
            match (self.service.as_deref(), jaas.option("serviceName")) {
                (Some(one), Some(other)) if one != other => Err(ConfigError::Contradiction {
                    first: SERVICE,
                    second: SERVICE_OPTION,
                    reason: format!(
                        "they name the brokers' service differently, {one:?} and {other:?}: keep one"
                    ),
                }),
                (Some(service), _) | (None, Some(service)) => Ok(service.to_owned()),
                (None, None) => Err(ConfigError::MissingFor {
                    name: SERVICE,
                    by: MECHANISM,
                    reason: "it is the first part of the brokers' principal, most often kafka",
                }),
            }
        }
    }

    /// Every option is one that is known, and none is without its effect.
    fn check(jaas: &JaasConfig) -> Result<(), ConfigError> {
        let refused = |detail: String| Err(ConfigError::Sasl { detail });
        for (name, _) in jaas.options() {
            if let Some((_, value, reason)) = FIXED.iter().find(|(fixed, ..)| *fixed == name) {
                if flag(jaas, name) != Some(*value) {
                    return refused(format!("sasl.jaas.config: {reason}"));
                }
            } else if !USED.contains(&name) && !WITHOUT_EFFECT.contains(&name) {
                let known = USED.join(", ");
                return refused(format!(
                    "sasl.jaas.config: nothing here knows the option {name} of Krb5LoginModule; those that count are {known}: remove it"
                ));
            }
        }
        Ok(())
    }

    /// As Java reads it: what is not `true` is false.
    fn flag(jaas: &JaasConfig, name: &str) -> Option<bool> {
        jaas.option(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Java takes `FILE:` before a keytab's path.
    fn path(name: &str) -> std::path::PathBuf {
        let stripped = ["FILE:", "file:"].iter().find_map(|kind| name.strip_prefix(kind));
        stripped.unwrap_or(name).into()
    }
}

#[cfg(all(test, feature = "gssapi"))]
mod tests;
