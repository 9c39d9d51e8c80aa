//! The clusters' folders: what is written down of each, and the locks around it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::config::Spec;
use super::{Error, Result};

/// What is known of a cluster: `clusters/<name>/state.json`.
///
/// A node's process id is only a hint: whether that process is still there, and still is that
/// node, is asked of the operating system each time (see `process`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) spec: Spec,
    pub(super) nodes: Vec<Node>,
    /// What runs beside the nodes.
    #[serde(default)]
    pub(super) helpers: Vec<Helper>,
    /// The process to which a private cluster belongs; once it is gone, so may the cluster be.
    pub(super) owner: Option<i32>,
}

/// One combined node (broker and controller); ids count from 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) id: u32,
    pub(super) port: u16,
    pub(super) controller_port: u16,
    pub(super) pid: Option<i32>,
    /// One for each mode of security, in the order of the spec's set.
    #[serde(default)]
    pub(super) secure_ports: Vec<u16>,
}

/// A process that the nodes or their clients ask: a KDC, a provider of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) pid: Option<i32>,
}

impl State {
    /// Reads a cluster's state; `None` if there is no such cluster.
    pub(super) fn load(name: &str) -> Result<Option<Self>> {
        let path = cluster_dir(name).join("state.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        // A file that an older build wrote is no state of ours: `up` makes the cluster anew.
        Ok(serde_json::from_slice(&text).ok())
    }

    pub(super) fn save(&self) -> Result {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::InvalidSpec(format!("state of `{}`: {e}", self.name)))?;
        write_file(&cluster_dir(&self.name).join("state.json"), &text)
    }

    /// The port of a helper; 0 if there is none of this name.
    pub(super) fn helper_port(&self, name: &str) -> u16 {
        self.helpers.iter().find(|helper| helper.name == name).map_or(0, |helper| helper.port)
    }

    pub(super) fn node_dir(&self, node: u32) -> PathBuf {
        cluster_dir(&self.name).join(format!("node-{node}"))
    }
}

/// An exclusive lock between processes, held until dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    pub(super) fn acquire(path: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|e| Error::io("open the lock file", path, e))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|e| Error::io("lock", path, e.into()))?;
        Ok(Self { _file: file })
    }

    /// The lock around every change of the cluster `name`.
    pub(super) fn of_cluster(name: &str) -> Result<Self> {
        Self::acquire(&locks_dir()?.join(format!("cluster-{name}")))
    }

    /// The lock under which ports are chosen and written down.
    pub(super) fn of_ports() -> Result<Self> {
        Self::acquire(&locks_dir()?.join("ports"))
    }
}

/// `target/kafka` of the workspace, wherever cargo itself puts its output.
pub(super) fn home() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).join("target/kafka")
}

pub(super) fn cluster_dir(name: &str) -> PathBuf {
    home().join("clusters").join(name)
}

/// The names of all clusters, in order.
pub(super) fn cluster_names() -> Vec<String> {
    let Ok(entries) = fs::read_dir(home().join("clusters")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// A name becomes a folder's name and part of a command line.
pub(super) fn check_name(name: &str) -> Result {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 60 && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::InvalidSpec(format!(
        "a cluster's name has 1 to 60 letters, digits, `-` or `_`; this one is {name:?}"
    )))
}

pub(super) fn create_dir(path: &Path) -> Result {
    fs::create_dir_all(path).map_err(|e| Error::io("create the folder", path, e))
}

pub(super) fn remove_dir(path: &Path) -> Result {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all.
pub(super) fn write_file(path: &Path, text: &str) -> Result {
    let arriving = path.with_extension("arriving");
    fs::write(&arriving, text).map_err(|e| Error::io("write", &arriving, e))?;
    fs::rename(&arriving, path).map_err(|e| Error::io("write", path, e))
}

fn locks_dir() -> Result<PathBuf> {
    let folder = home().join("locks");
    create_dir(&folder)?;
    Ok(folder)
}
