//! What runs beside a cluster's nodes: a ZooKeeper for old versions; a KDC and a provider of tokens, for the modes that want them.

use std::process::Command;
use std::time::Duration;

use super::process::{self, NodeStatus};
use super::security::{self, Kdc, Keys, Provider};
use super::state::{Helper, State, cluster_dir, create_dir};
use super::zookeeper::{self, ZooKeeper};
use super::{Error, Result, Spec, install};

/// Each starts in a moment; two busy cores need more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The helpers that a spec wants, by name.
pub(super) fn wanted(spec: &Spec) -> Vec<&'static str> {
    let zookeeper = install::needs_zookeeper(&spec.version).then_some(zookeeper::NAME);
    let kdc = security::needs(spec, "GSSAPI").then_some(security::KDC);
    let oidc = security::needs(spec, "OAUTHBEARER").then_some(security::OIDC);
    zookeeper.into_iter().chain(kdc).chain(oidc).collect()
}

/// Starts those that are down and waits until they answer.
pub(super) fn start(state: &mut State, keys: Option<&Keys>) -> Result {
    for index in 0..state.helpers.len() {
        let Helper { name, pid, .. } = state.helpers[index].clone();
        let folder = cluster_dir(&state.name).join(format!("helper-{name}"));
        create_dir(&folder)?;
        if process::status(pid, &folder) != NodeStatus::Down {
            continue;
        }
        let log = folder.join("log");
        let pid = process::spawn(command(state, &name, keys)?, &folder, &log)?;
        state.helpers[index].pid = Some(pid);
        state.save()?;
        let is_down = || process::status(Some(pid), &folder) == NodeStatus::Down;
        let in_time = process::wait_until(START_LIMIT, || answers(state, &name) || is_down());
        if !in_time || is_down() {
            let missing = format!("{name} does not answer");
            return Err(Error::NotReady { waited: START_LIMIT, missing, log });
        }
        match name.as_str() {
            security::KDC => Kdc::of(state).kinit()?,
            security::OIDC => {
                let token = cluster_dir(&state.name).join("client/token.jwt");
                Provider::of(state).write_token(&token)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn command(state: &State, name: &str, keys: Option<&Keys>) -> Result<Command> {
    match (name, keys) {
        (zookeeper::NAME, _) => ZooKeeper::of(state).command(),
        (security::KDC, _) => Kdc::of(state).command(),
        (security::OIDC, Some(keys)) => Provider::of(state).command(keys),
        _ => Err(Error::InvalidSpec(format!("`{name}` runs beside no cluster like this"))),
    }
}

fn answers(state: &State, name: &str) -> bool {
    match name {
        zookeeper::NAME => ZooKeeper::of(state).is_ready(),
        security::KDC => Kdc::of(state).is_ready(),
        _ => Provider::of(state).is_ready(),
    }
}

/// Ends them; what one of them keeps, it has written when it says so.
pub(super) fn stop(state: &State) -> Result {
    for Helper { name, pid, .. } in &state.helpers {
        let folder = cluster_dir(&state.name).join(format!("helper-{name}"));
        pid.map_or(Ok(()), |pid| process::kill(pid, &folder))?;
    }
    Ok(())
}
