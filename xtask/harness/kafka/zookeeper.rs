//! The ZooKeeper that Kafka before 3.3 keeps its cluster in: one process beside the nodes, of the jar that came with Kafka.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::config::logging;
use super::state::{State, cluster_dir, create_dir, write_file};
use super::{Distribution, Result, java};

/// The name of the helper in a cluster's state.
pub(super) const NAME: &str = "zookeeper";

/// The ZooKeeper of a cluster.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    folder: PathBuf,
    port: u16,
    version: String,
}

impl ZooKeeper {
    pub(super) fn of(state: &State) -> Self {
        let folder = cluster_dir(&state.name).join("helper-zookeeper");
        Self { folder, port: state.helper_port(NAME), version: state.spec.version.clone() }
    }

    /// The process, which names its folder on its command line.
    pub(super) fn command(&self) -> Result<Command> {
        let distribution = Distribution::obtain(&self.version)?;
        let data = self.folder.join("data");
        create_dir(&data)?;
        let properties = self.folder.join("zookeeper.properties");
        let (data, port) = (data.display(), self.port);
        write_file(
            &properties,
            &format!(
                "dataDir={data}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=500\n\
                 admin.enableServer=false\n"
            ),
        )?;
        let (file, text, option) = logging(distribution.logging()?, "WARN");
        let file = self.folder.join(file);
        write_file(&file, &text)?;
        let mut command = Command::new(java::java()?);
        command.args(["-XX:+UseSerialGC", "-Xmx128m"]).arg(format!("{option}{}", file.display()));
        command.arg("-cp").arg(distribution.class_path());
        command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(properties);
        Ok(command)
    }

    /// Whether it serves: it accepts connections before that.
    pub(super) fn is_ready(&self) -> bool {
        self.ask("srvr").is_ok_and(|answer| answer.contains("Mode:"))
    }

    fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(command.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
