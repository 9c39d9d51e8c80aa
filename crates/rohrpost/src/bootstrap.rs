//! Are the bootstrap servers' names good?

use std::io;
use std::time::{Duration, Instant};

use rohrpost_cluster::HostPort;
use rohrpost_driver as driver;

use crate::config::{DnsLookup, ProducerConfig};
use crate::error::{Error, ErrorKind};

/// The pause between two rounds of look-ups, while `bootstrap.resolve.timeout.ms` lasts.
const PAUSE: Duration = Duration::from_millis(200);

/// Sees whether at least one name can be resolved, as Java's producer does when it is made, and replaces aliases by what they stand for, if that is wanted. The
/// driver resolves the names again when it connects.
pub(crate) async fn resolve(config: &mut ProducerConfig) -> Result<(), Error> {
    let servers = config.bootstrap_addresses()?;
    let start = Instant::now();
    loop {
        let (mut troubles, mut cause, mut canonical) = (Vec::new(), None, Vec::new());
        for server in &servers {
            match stands_for(server, config.dns_lookup).await {
                Ok(names) if !names.is_empty() => match config.dns_lookup {
                    DnsLookup::UseAllDnsIps => return Ok(()),
                    DnsLookup::ResolveCanonicalBootstrapServersOnly => canonical.extend(names),
                },
                Ok(_) => troubles.push(format!("{}: no address", server.host())),
                Err(error) => {
                    troubles.push(format!("{}: {error}", server.host()));
                    cause.get_or_insert(error);
                }
            }
        }
        if !canonical.is_empty() {
            config.bootstrap_servers = canonical;
            return Ok(());
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

/// The servers that a name is the name of; none, if it has no address.
async fn stands_for(server: &HostPort, lookup: DnsLookup) -> io::Result<Vec<String>> {
    let hosts = match lookup {
        DnsLookup::UseAllDnsIps => {
            let addresses = driver::look_up(server.host()).await?;
            addresses.iter().map(ToString::to_string).collect()
        }
        DnsLookup::ResolveCanonicalBootstrapServersOnly => {
            driver::canonical_names(server.host()).await?
        }
    };
    Ok(hosts.into_iter().map(|host| HostPort::new(host, server.port()).to_string()).collect())
}
