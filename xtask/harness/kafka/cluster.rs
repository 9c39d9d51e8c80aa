//! A cluster: made, started, broken, stopped.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::config::{Spec, cluster_id, logging, server_properties};
use super::install::{Distribution, last_lines, needs_zookeeper};
use super::process::{self, NodeStatus};
use super::security::{self, Kdc, Keys};
use super::state::{
    Helper, LockFile, Node, State, check_name, cluster_dir, cluster_names, create_dir, remove_dir,
    write_file,
};
use super::{Error, Result, helpers, java, ports, probe};

/// How long nodes may take to start. Ten seconds are usual; two cores under load need more.
const START_LIMIT: Duration = Duration::from_secs(150);

/// How long a node may take to shut down in order.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// A cluster of real Kafka nodes on loopback, known by its name.
///
/// It is no owner: dropping it changes nothing. Every method asks anew which nodes run, since
/// another program may have killed or started one.
#[derive(Debug, Clone)]
pub struct Cluster {
    name: String,
    spec: Spec,
    ports: Vec<u16>,
    distribution: Distribution,
    /// What Java wants to be told outside of properties, of tokens and of Kerberos.
    java_options: Vec<String>,
}

impl Cluster {
    /// Starts the cluster `name`: all of it, or the nodes of it that are down. Gives it back when
    /// every broker has answered ApiVersions and lists every broker in its Metadata.
    ///
    /// # Errors
    ///
    /// What is missing on this machine, a cluster of this name that is something else, or why a
    /// node did not start, with the end of its log.
    pub fn up(name: &str, spec: &Spec) -> Result<Self> {
        Self::up_owned(name, spec, None)
    }

    pub(super) fn up_owned(name: &str, spec: &Spec, owner: Option<i32>) -> Result<Self> {
        check_name(name)?;
        spec.check()?;
        java::check_version()?;
        let distribution = Distribution::obtain(&spec.version)?;
        let _lock = LockFile::of_cluster(name)?;
        let state = match State::load(name)? {
            Some(state) if state.spec == *spec => state,
            Some(state) => {
                return Err(Error::DifferentCluster {
                    name: name.to_owned(),
                    existing: state.spec.to_string(),
                    wanted: spec.to_string(),
                });
            }
            None => {
                clear(name)?;
                create(name, spec, owner)?
            }
        };
        let cluster = Self::of(&state, distribution);
        let all: Vec<u32> = state.nodes.iter().map(|node| node.id).collect();
        cluster.start(state, &all)?;
        Ok(cluster)
    }

    /// The cluster of this name, whether its nodes run or not.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn open(name: &str) -> Result<Self> {
        let state = load(name)?;
        let distribution = Distribution::obtain(&state.spec.version)?;
        Ok(Self::of(&state, distribution))
    }

    fn of(state: &State, distribution: Distribution) -> Self {
        Self {
            name: state.name.clone(),
            spec: state.spec.clone(),
            ports: state.nodes.iter().map(|node| node.port).collect(),
            distribution,
            java_options: security::java_options(state),
        }
    }

    /// The names of all clusters of this workspace, in order.
    #[must_use]
    pub fn names() -> Vec<String> {
        cluster_names()
    }

    /// Ends the nodes of the cluster `name` and removes its data; says whether there was any such
    /// cluster. This works even when its state file is lost.
    ///
    /// # Errors
    ///
    /// A process or a folder that does not go away.
    pub fn remove(name: &str) -> Result<bool> {
        check_name(name)?;
        let _lock = LockFile::of_cluster(name)?;
        let existed = cluster_dir(name).exists();
        clear(name)?;
        Ok(existed)
    }

    /// Removes every private cluster whose owner has gone without removing it.
    ///
    /// # Errors
    ///
    /// As [`Cluster::remove`].
    pub fn remove_orphans() -> Result {
        for name in Self::names() {
            let owner = State::load(&name)?.and_then(|state| state.owner);
            if owner.is_some_and(|pid| !process::exists(pid)) {
                Self::remove(&name)?;
            }
        }
        Ok(())
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The value for `bootstrap.servers`: `127.0.0.1:PORT`, by commas for several brokers.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        let servers: Vec<String> = (1..=self.ports.len() as u32).map(|n| self.server(n)).collect();
        servers.join(",")
    }

    /// The address of one node's broker. Nodes count from 1.
    #[must_use]
    pub fn server(&self, node: u32) -> String {
        let port = self.ports.get(node as usize - 1).copied().unwrap_or_default();
        format!("127.0.0.1:{port}")
    }

    /// How many nodes it has; their ids are 1 to this.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.ports.len() as u32
    }

    /// How its nodes fare, by node id from 1.
    ///
    /// # Errors
    ///
    /// The cluster has been removed.
    pub fn statuses(&self) -> Result<Vec<NodeStatus>> {
        let state = load(&self.name)?;
        Ok(state.nodes.iter().map(|node| status(&state, node)).collect())
    }

    /// The nodes that coordinate transactions now, in order; none where no broker tells.
    #[must_use]
    pub fn transaction_coordinators(&self) -> Vec<u32> {
        let ask = |port| probe::leaders(port, "__transaction_state", Duration::from_secs(2)).ok();
        let leaders: Vec<i32> = self.ports.iter().copied().find_map(ask).unwrap_or_default();
        let nodes: BTreeSet<u32> =
            leaders.iter().filter_map(|id| u32::try_from(*id).ok()).collect();
        nodes.into_iter().collect()
    }

    /// Where a node writes its log.
    #[must_use]
    pub fn log_file(&self, node: u32) -> PathBuf {
        cluster_dir(&self.name).join(format!("node-{node}/server.log"))
    }

    /// SIGKILL: the node is gone when this returns.
    ///
    /// # Errors
    ///
    /// No such node, or a process that cannot be killed.
    pub fn kill(&self, node: u32) -> Result {
        let (_lock, state, node) = self.locked_node(node)?;
        node.pid.map_or(Ok(()), |pid| process::kill(pid, &properties_file(&state, node.id)))
    }

    /// Shuts a node down in order (SIGTERM); SIGKILL if that takes too long.
    ///
    /// # Errors
    ///
    /// As [`Cluster::kill`].
    pub fn stop(&self, node: u32) -> Result {
        let (_lock, state, node) = self.locked_node(node)?;
        let marker = properties_file(&state, node.id);
        node.pid.map_or(Ok(()), |pid| process::terminate(pid, &marker, SHUTDOWN_GRACE))
    }

    /// Starts a node that is down, on its old port and data; gives back when it answers.
    ///
    /// # Errors
    ///
    /// No such node, or why it did not start.
    pub fn start_node(&self, node: u32) -> Result {
        let (_lock, state, node) = self.locked_node(node)?;
        self.start(state, &[node.id])
    }

    /// SIGSTOP: the node keeps its connections and answers nothing.
    ///
    /// # Errors
    ///
    /// The node is not running.
    pub fn pause(&self, node: u32) -> Result {
        self.signal(node, Signal::STOP)
    }

    /// SIGCONT, after [`Cluster::pause`].
    ///
    /// # Errors
    ///
    /// The node is not running.
    pub fn resume(&self, node: u32) -> Result {
        self.signal(node, Signal::CONT)
    }

    /// Shuts all nodes down in order and keeps their data for the next [`Cluster::up`].
    ///
    /// # Errors
    ///
    /// A process that does not go away.
    pub fn stop_all(&self) -> Result {
        let _lock = LockFile::of_cluster(&self.name)?;
        let state = load(&self.name)?;
        // All at once: the last nodes of a quorum cannot shut down in order on their own.
        for pid in state.nodes.iter().filter_map(|node| status(&state, node).pid()) {
            process::signal(pid, Signal::TERM)?;
            process::signal(pid, Signal::CONT)?;
        }
        for node in &state.nodes {
            let marker = properties_file(&state, node.id);
            node.pid.map_or(Ok(()), |pid| process::terminate(pid, &marker, SHUTDOWN_GRACE))?;
        }
        helpers::stop(&state)
    }

    pub(super) fn state(&self) -> Result<State> {
        load(&self.name)
    }

    /// The Kafka that it runs.
    #[must_use]
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    fn signal(&self, node: u32, signal: Signal) -> Result {
        let (_lock, state, node) = self.locked_node(node)?;
        match status(&state, &node).pid() {
            Some(pid) => process::signal(pid, signal),
            None => Err(Error::NodeDown { cluster: self.name.clone(), node: node.id }),
        }
    }

    fn locked_node(&self, id: u32) -> Result<(LockFile, State, Node)> {
        let lock = LockFile::of_cluster(&self.name)?;
        let state = load(&self.name)?;
        match state.nodes.iter().find(|node| node.id == id).cloned() {
            Some(node) => Ok((lock, state, node)),
            None => Err(Error::UnknownNode {
                cluster: self.name.clone(),
                node: id,
                highest: self.node_count(),
            }),
        }
    }

    /// Starts those of the nodes `ids` that are down and waits until they serve.
    fn start(&self, mut state: State, ids: &[u32]) -> Result {
        let mut started = Vec::new();
        let result = (|| {
            helpers::start(&mut state, keys(&self.spec)?.as_ref())?;
            self.format(&state, ids)?;
            for index in 0..state.nodes.len() {
                let node = &state.nodes[index];
                if !ids.contains(&node.id) || status(&state, node) != NodeStatus::Down {
                    continue;
                }
                let marker = properties_file(&state, node.id);
                let command = self.server_command(&state, node)?;
                let pid = process::spawn(command, &marker, &self.log_file(node.id))?;
                started.push((pid, marker));
                state.nodes[index].pid = Some(pid);
                state.save()?;
            }
            self.wait_until_ready(&state, ids)
        })();
        if result.is_err() {
            for (pid, marker) in started {
                process::kill(pid, &marker)?;
            }
        }
        result
    }

    /// Formats the data folders that are still empty; a version with ZooKeeper wants none of that.
    fn format(&self, state: &State, ids: &[u32]) -> Result {
        if needs_zookeeper(&state.spec.version) {
            return Ok(());
        }
        let mut formatting = Vec::new();
        for &id in ids {
            if state.node_dir(id).join("data/meta.properties").exists() {
                continue;
            }
            let mut command = self.java_class("kafka.tools.StorageTool", &[])?;
            command.args(["format", "-t", &cluster_id(&self.name), "-c"]);
            command.arg(properties_file(state, id));
            for user in security::scram_users(state) {
                command.args(["--add-scram", &user]);
            }
            formatting.push(std::thread::spawn(move || {
                let output = command.output();
                (command, output)
            }));
        }
        for thread in formatting {
            let Ok((command, output)) = thread.join() else { continue };
            let output =
                output.map_err(|source| Error::Io { doing: format!("run {command:?}"), source })?;
            if !output.status.success() {
                return Err(Error::Tool {
                    command: "kafka.tools.StorageTool format".to_owned(),
                    output: String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
                        .into_owned(),
                });
            }
        }
        Ok(())
    }

    fn server_command(&self, state: &State, node: &Node) -> Result<Command> {
        let folder = state.node_dir(node.id);
        let (file, text, option) = logging(self.distribution.logging()?, "INFO");
        let file = folder.join(file);
        write_file(&file, &text)?;
        let heap = if state.nodes.len() > 1 { "-Xmx700m" } else { "-Xmx1g" };
        let options = [heap.to_owned(), format!("{option}{}", file.display())];
        let mut command = self.java_class("kafka.Kafka", &options)?;
        command.arg(properties_file(state, node.id)).current_dir(folder);
        Ok(command)
    }

    /// `java` with the distribution's class path, `options` and `class`; arguments may follow.
    pub(super) fn java_class(&self, class: &str, options: &[String]) -> Result<Command> {
        let mut command = Command::new(java::java()?);
        command.args(["-XX:+UseSerialGC", "-Xshare:auto"]).args(&self.java_options).args(options);
        command.arg("-cp").arg(self.distribution.class_path()).arg(class);
        Ok(command)
    }

    /// Waits until each of the nodes `ids` knows a controller and every node that runs.
    fn wait_until_ready(&self, state: &State, ids: &[u32]) -> Result {
        let running: BTreeSet<i32> = state
            .nodes
            .iter()
            .filter(|node| matches!(status(state, node), NodeStatus::Running(_)))
            .map(|node| node.id as i32)
            .collect();
        for node in state.nodes.iter().filter(|node| ids.contains(&node.id)) {
            let mut missing = String::new();
            let mut exited = false;
            let settled = process::wait_until(START_LIMIT, || {
                exited = status(state, node) == NodeStatus::Down;
                if exited {
                    return true;
                }
                missing = match probe::ask(node.port, Duration::from_secs(2)) {
                    Ok(view) if view.controller >= 0 && view.brokers.is_superset(&running) => {
                        return true;
                    }
                    Ok(view) => format!("node {} knows only {:?}", node.id, view),
                    Err(e) => format!("node {} does not answer: {e}", node.id),
                };
                false
            });
            let log = self.log_file(node.id);
            if exited {
                let text =
                    String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
                let this_life = text.rsplit(process::START_LINE).next().unwrap_or_default();
                let tail = last_lines(this_life.trim(), 20);
                return Err(Error::NodeExited { node: node.id, log, tail });
            }
            if !settled {
                return Err(Error::NotReady { waited: START_LIMIT, missing, log });
            }
        }
        Ok(())
    }
}

fn load(name: &str) -> Result<State> {
    check_name(name)?;
    State::load(name)?.ok_or_else(|| Error::UnknownCluster { name: name.to_owned() })
}

fn properties_file(state: &State, node: u32) -> PathBuf {
    state.node_dir(node).join("server.properties")
}

fn status(state: &State, node: &Node) -> NodeStatus {
    process::status(node.pid, &properties_file(state, node.id))
}

/// The keys, where any mode wants them: client files of all modes are written with them.
fn keys(spec: &Spec) -> Result<Option<Keys>> {
    if spec.security.is_empty() { Ok(None) } else { Keys::obtain().map(Some) }
}

/// Writes a new cluster's files, its ports chosen.
fn create(name: &str, spec: &Spec, owner: Option<i32>) -> Result<State> {
    create_dir(&cluster_dir(name))?;
    let mut state = State {
        name: name.to_owned(),
        spec: spec.clone(),
        nodes: Vec::new(),
        helpers: Vec::new(),
        owner,
    };
    {
        let _lock = LockFile::of_ports()?;
        let (each, helpers) = (2 + spec.security.len(), helpers::wanted(spec));
        let ports = ports::choose(name, spec.brokers as usize * each + helpers.len())?;
        let (node_ports, helper_ports) = ports.split_at(spec.brokers as usize * each);
        let node = |(id, ports): (u32, &[u16])| Node {
            id,
            port: ports[0],
            controller_port: ports[1],
            pid: None,
            secure_ports: ports[2..].to_vec(),
        };
        state.nodes = (1..).zip(node_ports.chunks(each)).map(node).collect();
        let helper =
            |(name, port): (&str, &u16)| Helper { name: name.to_owned(), port: *port, pid: None };
        state.helpers = helpers.into_iter().zip(helper_ports).map(helper).collect();
        state.save()?;
    }
    let keys = keys(spec)?;
    if security::needs(spec, "GSSAPI") {
        Kdc::of(&state).create()?;
    }
    if let Some(keys) = &keys {
        security::write_client_files(&state, keys)?;
    }
    for node in &state.nodes {
        let data = state.node_dir(node.id).join("data");
        create_dir(&data)?;
        let properties = server_properties(&state, node, &data, keys.as_ref());
        write_file(&properties_file(&state, node.id), &properties)?;
    }
    Ok(state)
}

/// Kills whatever runs from the cluster's folder and removes the folder.
fn clear(name: &str) -> Result {
    let folder = cluster_dir(name);
    // With the separator, or `a` would be taken for `ab` too; and no further, or whoever names a
    // client's properties in there would be taken for a node.
    for marker in [folder.join("node-"), folder.join("helper-")] {
        for pid in process::all_with(&marker) {
            process::kill(pid, &marker)?;
        }
    }
    remove_dir(&folder)
}
