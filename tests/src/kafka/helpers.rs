//! What runs beside a cluster's nodes: a KDC and a provider of tokens, for the modes that want them.

use std::process::Command;
use std::time::Duration;

use super::process::{self, NodeStatus};
use super::security::{self, Kdc, Keys, Provider};
use super::state::{Helper, State, cluster_dir, create_dir};
use super::{Error, Result, Spec};

/// Either starts in a moment; two busy cores need more.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The helpers that a spec wants, by name.
pub(super) fn wanted(spec: &Spec) -> Vec<&'static str> {
    let kdc = security::needs(spec, "GSSAPI").then_some(security::KDC);
    let oidc = security::needs(spec, "OAUTHBEARER").then_some(security::OIDC);
    kdc.into_iter().chain(oidc).collect()
}

/// Starts those that are down and waits until they answer.
pub(super) fn start(state: &mut State, keys: Option<&Keys>) -> Result {
    let Some(keys) = keys else { return Ok(()) };
    for index in 0..state.helpers.len() {
        let Helper { name, pid, .. } = state.helpers[index].clone();
        let folder = cluster_dir(&state.name).join(format!("helper-{name}"));
        create_dir(&folder)?;
        if process::status(pid, &folder) != NodeStatus::Down {
            continue;
        }
        let is_kdc = name == security::KDC;
        let command = command(state, is_kdc, keys)?;
        let log = folder.join("log");
        let pid = process::spawn(command, &folder, &log)?;
        state.helpers[index].pid = Some(pid);
        state.save()?;
        let ready = || {
            let answers =
                if is_kdc { Kdc::of(state).is_ready() } else { Provider::of(state).is_ready() };
            answers || process::status(Some(pid), &folder) == NodeStatus::Down
        };
        let in_time = process::wait_until(START_LIMIT, ready);
        if !in_time || process::status(Some(pid), &folder) == NodeStatus::Down {
            let missing = format!("{name} does not answer");
            return Err(Error::NotReady { waited: START_LIMIT, missing, log });
        }
        if is_kdc {
            Kdc::of(state).kinit()?;
        } else {
            Provider::of(state).write_token(&cluster_dir(&state.name).join("client/token.jwt"))?;
        }
    }
    Ok(())
}

fn command(state: &State, is_kdc: bool, keys: &Keys) -> Result<Command> {
    if is_kdc { Kdc::of(state).command() } else { Provider::of(state).command(keys) }
}

/// Ends them; they keep nothing in memory that is worth an orderly end.
pub(super) fn stop(state: &State) -> Result {
    for Helper { name, pid, .. } in &state.helpers {
        let folder = cluster_dir(&state.name).join(format!("helper-{name}"));
        pid.map_or(Ok(()), |pid| process::kill(pid, &folder))?;
    }
    Ok(())
}
