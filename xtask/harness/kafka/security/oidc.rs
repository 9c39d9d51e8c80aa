//! The OpenID provider beside a cluster: `harness::oidc` as a process.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::state::{State, cluster_dir, write_file};
use super::super::{Error, Result};
use super::keys::Keys;
use crate::command_line;

/// The name of the helper in a cluster's state.
pub(in super::super) const NAME: &str = "oidc";

/// Where the provider of a cluster is.
#[derive(Debug)]
pub(in super::super) struct Provider {
    folder: PathBuf,
    port: u16,
}

impl Provider {
    pub(in super::super) fn of(state: &State) -> Self {
        let folder = cluster_dir(&state.name).join("helper-oidc");
        Self { folder, port: state.helper_port(NAME) }
    }

    /// The address of one of its resources.
    pub(in super::super) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// What Java is to be allowed to ask; it takes whole addresses only.
    pub(super) fn urls_for_java(&self) -> String {
        ["/jwks", "/token", "/token/forged", "/token/audience"].map(|path| self.url(path)).join(",")
    }

    /// The process, which names its folder on its command line.
    pub(in super::super) fn command(&self, keys: &Keys) -> Result<Command> {
        let program = command_line::oidc()
            .map_err(|source| Error::Io { doing: "build rohrpost-oidc".to_owned(), source })?;
        let mut command = Command::new(program);
        command.arg(self.port.to_string()).arg(&self.folder).arg(keys.file("client.pub"));
        Ok(command)
    }

    /// Writes a token of ten years into a file.
    pub(in super::super) fn write_token(&self, path: &Path) -> Result {
        let token = crate::oidc::ask(self.port, "/token/lifetime/315360000").map_err(|source| {
            Error::Io { doing: format!("ask {} for a token", self.url("")), source }
        })?;
        write_file(path, &token)
    }

    pub(in super::super) fn is_ready(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }
}
