//! Stage 8: the brokers at the addresses that they tell clients.
//!
//! The usual trap: the bootstrap server answers, and every broker tells clients to connect to an address (`advertised.listeners`) that means nothing where the client is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use rohrpost_cluster::HostPort;
use rohrpost_driver::probe::{self, Conversation, Line, ProbeError};

use super::access::{converse, encrypt, label, look_up};
use super::metadata::Known;
use super::report::Finding;
use super::{Case, Check, Findings, Stage, Status, explain};

/// The most brokers that are tried.
const MOST: usize = 64;

/// How far one got, if not to the end.
struct Stopped {
    at: Stage,
    finding: Finding,
}

/// A broker that takes requests, and what may end that: certificates that expire.
struct Reached {
    conversation: Conversation,
    warnings: Vec<Check>,
}

/// Tries each broker that leads, or all where no topic was named.
pub(super) async fn reach(
    case: &Arc<Case>,
    cluster: &Known,
    findings: &mut Findings,
) -> BTreeMap<i32, Conversation> {
    let wanted = |id: &i32| cluster.leaders.as_ref().is_none_or(|leaders| leaders.contains(id));
    let all: Vec<(i32, HostPort)> = cluster
        .brokers
        .iter()
        .filter(|(id, _)| wanted(id))
        .map(|(id, server)| (*id, server.clone()))
        .collect();
    let more = all.len().saturating_sub(MOST);
    let attempts = all.into_iter().take(MOST).map(|(id, server)| {
        let case = case.clone();
        async move {
            let start = Instant::now();
            let result = attempt(&case, &server).await;
            (id, server, result, start.elapsed())
        }
    });
    let bootstrap = case.config.bootstrap_addresses().unwrap_or_default();
    let mut reached = BTreeMap::new();
    for (id, server, result, elapsed) in probe::all(attempts.collect()).await {
        let subject = format!("broker {id} at {server}");
        let check = match result {
            Ok(Reached { conversation, warnings }) => {
                reached.insert(id, conversation);
                // Of bootstrap servers they stand in the stage of TLS.
                if !bootstrap.contains(&server) {
                    for warning in warnings {
                        findings.note(Stage::Brokers, warning);
                    }
                }
                let does = match case.config.security.protocol.is_sasl() {
                    true => "it can be reached, and takes the credentials",
                    false => "it can be reached",
                };
                Check::ok(subject, does)
            }
            Err(stopped) => {
                let at = stopped.at;
                Check::failed(subject, advertised(case, id, &server, stopped))
                    .fact("stage", at.name())
            }
        };
        findings.note(Stage::Brokers, check.after(elapsed));
    }
    if more > 0 {
        let detail = format!("{more} more brokers were not tried");
        findings.note(Stage::Brokers, Check::skipped("brokers", detail));
    }
    reached
}

/// From the address to a connection that takes requests; of several addresses, the first that gets there.
async fn attempt(case: &Case, server: &HostPort) -> Result<Reached, Stopped> {
    let stopped = |at, finding| Stopped { at, finding };
    let addresses =
        look_up(case, server).await.map_err(|finding| stopped(Stage::Resolve, finding))?;
    let mut last = None;
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        let line = match Line::connect(address, &case.driver.sockets, case.timeout).await {
            Ok(line) => line,
            Err(error) => {
                last = Some(stopped(Stage::Connect, explain::finding(&error, case)));
                continue;
            }
        };
        let label = label(server, address);
        return enter(case, line, server, &label).await.map_err(|(at, error)| {
            stopped(explain::stage_of(&error, at), explain::finding(&error, case))
        });
    }
    Err(last.unwrap_or_else(|| {
        stopped(Stage::Resolve, Finding::new("the name has no address", "check the DNS"))
    }))
}

/// The most addresses of a broker that are tried, one after the other.
const MOST_ADDRESSES: usize = 4;

async fn enter(
    case: &Case,
    line: Line,
    server: &HostPort,
    label: &str,
) -> Result<Reached, (Stage, ProbeError)> {
    let secured = encrypt(case, line, server, label).await;
    let (line, mut warnings) = secured.map_err(|error| (Stage::Tls, error))?;
    let mut conversation = converse(case, line, server);
    let negotiated = conversation.negotiate(case.timeout).await;
    negotiated.map_err(|error| (Stage::ApiVersions, error))?;
    let authenticated = conversation.authenticate(case.timeout).await;
    authenticated.map_err(|error| (Stage::Sasl, error))?;
    warnings.retain(|check| check.status == Status::Warning);
    Ok(Reached { conversation, warnings })
}

/// The same finding, with the broker's address to blame where it is not one that was connected to already.
fn advertised(case: &Case, id: i32, server: &HostPort, stopped: Stopped) -> Finding {
    let Stopped { at, finding } = stopped;
    let bootstrap = case.config.bootstrap_addresses().unwrap_or_default();
    if at > Stage::Tls || bootstrap.contains(server) {
        return finding;
    }
    let detail = format!(
        "the broker tells clients to connect to {server}, and that does not work from here: {}",
        finding.detail
    );
    let is_local = is_loopback(server.host());
    let is_remote = bootstrap.iter().any(|of| !is_loopback(of.host()));
    let remedy = if server.port() == 0 {
        format!("its port is none: correct advertised.listeners of broker {id}")
    } else if is_local && is_remote {
        format!(
            "{} is each client's own machine: set advertised.listeners of broker {id} to an address that clients can reach, and restart it",
            server.host()
        )
    } else if at == Stage::Tls {
        format!(
            "its certificate or its TLS listener does not fit the address that it tells (advertised.listeners of broker {id}): {}",
            finding.remedy
        )
    } else {
        format!(
            "set advertised.listeners of broker {id}, for this listener, to an address that clients can resolve and reach, or make {server} one: {}",
            finding.remedy
        )
    };
    Finding { detail, remedy }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_each_machine_itself_is_told_from_others() {
        for (host, is) in [
            ("localhost", true),
            ("127.0.0.2", true),
            ("::1", true),
            ("0.0.0.0", true),
            ("10.0.0.1", false),
            ("kafka", false),
        ] {
            assert_eq!(is_loopback(host), is, "{host}");
        }
    }
}
