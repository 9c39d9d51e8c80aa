//! A principal's first ticket, by its keytab.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rohrpost_kerberos::{Keytab, Login, LoginStep, Ticket};

use super::environment::KerberosEnvironment;
use super::{kdc, now, random, words};
use crate::clock::Clock;
use crate::keeper::{Expiring, Source};
use crate::{BoxFuture, CredentialsError, file};

/// A proof is asked for once.
const MOST_STEPS: usize = 3;

/// The ticket to get others with.
pub(super) struct Granting(pub(super) Ticket);

impl Expiring for Granting {
    const WHAT: &'static str = "Kerberos ticket";

    fn expires_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.0.end)
    }

    fn valid_from(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.0.start)
    }
}

/// Reads the keytab anew each time: it may have been exchanged.
#[derive(Clone)]
pub(super) struct ByKeytab {
    pub(super) principal: String,
    pub(super) keytab: PathBuf,
    pub(super) environment: KerberosEnvironment,
    pub(super) clock: Arc<dyn Clock>,
}

impl ByKeytab {
    async fn log_in(&self) -> Result<Granting, CredentialsError> {
        let config = self.environment.config().await?;
        let principal =
            words::principal(&self.principal, config.default_realm(), &self.environment)?;
        let bytes = file::read(&self.keytab, "the keytab").await?;
        let keytab = Keytab::parse(bytes.expose()).map_err(|error| {
            CredentialsError::lasting(format!(
                "the keytab {} cannot be used: {error}",
                self.keytab.display()
            ))
        })?;
        let keys = keytab.keys_of(&principal);
        if keys.is_empty() {
            return Err(words::no_key(&principal, &self.keytab, &keytab));
        }
        let mut login = Login::new(&principal, keys, now(&*self.clock), &*random()?)
            .map_err(|error| CredentialsError::lasting(error.to_string()))?;
        for _ in 0..MOST_STEPS {
            let realm = principal.realm();
            let answer = kdc::ask(&config, &self.environment, realm, login.request()).await?;
            let step = login.answer(&answer.bytes, now(&*self.clock), &*random()?);
            let step = step.map_err(|error| {
                words::no_login(&principal, &self.keytab, &answer.address, &error)
            })?;
            match step {
                LoginStep::Ask(next) => login = next,
                LoginStep::Done(ticket) => return Ok(Granting(ticket)),
            }
        }
        Err(CredentialsError::lasting(format!(
            "the KDC of the realm {} wants one proof after the other of {principal}",
            principal.realm()
        )))
    }
}

impl Source for ByKeytab {
    type Item = Granting;

    fn fetch(&self) -> BoxFuture<'_, Result<Granting, CredentialsError>> {
        Box::pin(self.log_in())
    }
}

impl fmt::Debug for ByKeytab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the KDC for {} by {}", self.principal, self.keytab.display())
    }
}
