//! GSSAPI's credentials: Kerberos tickets, by the keys of a keytab or from a ticket cache.

mod cache;
mod context;
mod environment;
mod kdc;
mod login;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rohrpost_kerberos::{
    Initiator, KerberosError, Krb5Config, Principal, Random, Ticket, TicketRequest,
};
use rohrpost_sasl::{Gssapi, SaslClient};
use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::keeper::Keeper;
use crate::{BoxFuture, Credentials, CredentialsError, RefreshSettings};

use self::context::KerberosContext;
pub use self::environment::KerberosEnvironment;
use self::login::ByKeytab;

/// No path through realms is longer.
const MOST_REALMS: usize = 8;

/// Where a principal's first ticket comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KerberosLogin {
    /// From the KDC, by the principal's keys. It is kept in memory, and replaced ahead of its end.
    Keytab {
        /// The principal: `alice@EXAMPLE.COM`, or without the realm, which is `krb5.conf`'s `default_realm` then.
        principal: String,
        /// The file with its keys.
        keytab: PathBuf,
    },
    /// From where `kinit` left it, read anew for each connection: whoever keeps it fresh (`kinit -R`, k5start, SSSD) is another.
    TicketCache {
        /// Whose ticket it must be; without it anybody's.
        principal: Option<String>,
        /// The cache: a file, or `FILE:` or `DIR:` with one. Without it `KRB5CCNAME`, then `krb5.conf`'s `default_ccache_name`, then where `kinit` keeps it if nothing is said: `krb5cc_` and the user's number, in the folder of temporary files.
        cache: Option<String>,
    },
}

/// Credentials for GSSAPI: Kerberos 5 in Rust alone, without a C library.
///
/// The brokers' principals are the service's name and each broker's host in small letters, as it advertises itself: `kafka/broker1.example.com`. Their realm is what `krb5.conf` says of the
/// host in `domain_realm`, else the KDC of the client's own realm says it. KDCs are those of `krb5.conf`, asked by TCP; where it names none, the host that is called like the realm, as with
/// Active Directory.
#[derive(Clone)]
pub struct KerberosCredentials {
    login: KerberosLogin,
    service: String,
    environment: KerberosEnvironment,
    /// Of keytabs.
    kept: Option<Keeper<ByKeytab>>,
    clock: Arc<dyn Clock>,
}

impl KerberosCredentials {
    /// With the brokers' service name, such as `kafka` (`sasl.kerberos.service.name`). The settings are for tickets by keytabs.
    ///
    /// # Errors
    ///
    /// The service or the principal has a name that is none.
    pub fn new(
        login: KerberosLogin,
        service: &str,
        environment: KerberosEnvironment,
        refresh: RefreshSettings,
    ) -> Result<Self, CredentialsError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let is_name = |name: &str| Principal::parse(name, Some("REALM")).is_ok();
        if !is_name(service) || service.contains(['/', '@']) {
            return Err(CredentialsError::lasting(format!(
                "{service:?} is no service's name: it is the first part of the brokers' principal, such as kafka"
            )));
        }
        let kept = match &login {
            KerberosLogin::Keytab { principal, keytab } => {
                check(principal)?;
                let (principal, keytab) = (principal.clone(), keytab.clone());
                let source = ByKeytab {
                    principal,
                    keytab,
                    environment: environment.clone(),
                    clock: Arc::clone(&clock),
                };
                Some(Keeper::new(source, refresh, Arc::clone(&clock)))
            }
            KerberosLogin::TicketCache { principal, .. } => {
                principal.as_deref().map_or(Ok(()), check)?;
                None
            }
        };
        Ok(Self { login, service: service.to_owned(), environment, kept, clock })
    }

    async fn ready(&self, host: &str) -> Result<Box<dyn SaslClient>, CredentialsError> {
        let config = self.environment.config().await?;
        let granting = match (&self.kept, &self.login) {
            (Some(kept), _) => kept.get().await?.0.clone(),
            (None, KerberosLogin::TicketCache { principal, cache }) => {
                let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
                cache::granting(
                    &config,
                    &self.environment,
                    principal.as_deref(),
                    cache.as_deref(),
                    now,
                )
                .await?
            }
            (None, KerberosLogin::Keytab { .. }) => unreachable!("keytabs have their keeper"),
        };
        let ticket = self.service_ticket(&config, granting, host).await?;
        let initiator = Initiator::new(&ticket, now(&*self.clock), &*random()?);
        let (client, service) = (ticket.client.to_string(), ticket.service.to_string());
        Ok(Box::new(Gssapi::new(KerberosContext::new(initiator, client, service))))
    }

    /// The ticket for a broker, by way of whichever realms the KDCs name.
    async fn service_ticket(
        &self,
        config: &Krb5Config,
        mut granting: Ticket,
        host: &str,
    ) -> Result<Ticket, CredentialsError> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let target = config.realm_of_host(&host);
        for _ in 0..MOST_REALMS {
            let realm = granting.service.granted_realm().unwrap_or_default().to_owned();
            let wanted = match target {
                Some(target) if target != realm => Principal::ticket_granting(target, &realm),
                _ => Principal::service(&self.service, &host, &realm),
            };
            let request = TicketRequest::new(&granting, &wanted, now(&*self.clock), &*random()?);
            let answer = kdc::ask(config, &self.environment, &realm, request.request()).await?;
            let ticket = request.answer(&answer.bytes, now(&*self.clock)).map_err(|error| {
                words::no_service_ticket(&granting.client, &wanted, &answer.address, &error)
            })?;
            match ticket.service.granted_realm() {
                None => return Ok(ticket),
                Some(next) if next == realm => break,
                Some(_) => granting = ticket,
            }
        }
        Err(CredentialsError::lasting(format!(
            "the KDCs send {} from realm to realm for {}/{host}, and none knows it: say in krb5.conf, section [domain_realm], which realm the broker is in",
            granting.client, self.service
        )))
    }
}

fn check(principal: &str) -> Result<(), CredentialsError> {
    let parsed = Principal::parse(principal, Some("REALM"));
    parsed.map(drop).map_err(|error: KerberosError| CredentialsError::lasting(error.to_string()))
}

fn now(clock: &dyn Clock) -> Duration {
    clock.now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn random() -> Result<Zeroizing<Random>, CredentialsError> {
    let mut bytes = Zeroizing::new([0; 64]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        CredentialsError::passing(format!("the system gives no randomness: {error}"))
    })?;
    Ok(bytes)
}

impl Credentials for KerberosCredentials {
    fn client(
        &self,
        host: &str,
    ) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
        let (this, host) = (self.clone(), host.to_owned());
        Box::pin(async move { this.ready(&host).await })
    }

    fn last_failure(&self) -> Option<CredentialsError> {
        self.kept.as_ref()?.last_failure()
    }
}

impl fmt::Debug for KerberosCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosCredentials")
            .field("login", &self.login)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
