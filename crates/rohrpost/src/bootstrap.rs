//! Are the bootstrap servers' names good?

use std::time::{Duration, Instant};

use rohrpost_driver as driver;

use crate::config::ProducerConfig;
use crate::error::{Error, ErrorKind};

/// The pause between two rounds of look-ups, while `bootstrap.resolve.timeout.ms` lasts.
const PAUSE: Duration = Duration::from_millis(200);

/// Sees whether at least one name can be resolved, as Java's producer does when it is made. The driver resolves them again when it connects.
pub(crate) async fn resolve(config: &ProducerConfig) -> Result<(), Error> {
    let servers = config.bootstrap_addresses()?;
    let start = Instant::now();
    loop {
        let (mut troubles, mut cause) = (Vec::new(), None);
        for server in &servers {
            match driver::look_up(server.host()).await {
                Ok(addresses) if !addresses.is_empty() => return Ok(()),
                Ok(_) => troubles.push(format!("{}: no address", server.host())),
                Err(error) => {
                    troubles.push(format!("{}: {error}", server.host()));
                    cause.get_or_insert(error);
                }
            }
        }
        if start.elapsed().saturating_add(PAUSE) > config.bootstrap_resolve_timeout {
            let error = Error::new(
                ErrorKind::Bootstrap,
                format!(
                    "none of the bootstrap servers' names can be resolved ({}): check bootstrap.servers",
                    troubles.join("; ")
                ),
            )
            .with_retriable(true);
            return Err(match cause {
                Some(cause) => error.with_source(cause),
                None => error,
            });
        }
        driver::pause(PAUSE).await;
    }
}
