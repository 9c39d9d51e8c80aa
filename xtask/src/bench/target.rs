//! What the clients send to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::drivers::cargo_build;
use crate::{Result, workspace};

/// A broker to send to; the testkit's own ends with this.
pub(super) struct Target {
    address: String,
    broker: Option<Child>,
}

impl Target {
    /// The broker at `bootstrap`, or else the testkit's discard broker, started here.
    pub(super) fn new(bootstrap: Option<String>, partitions: u32) -> Result<Self> {
        if let Some(address) = bootstrap {
            return Ok(Self { address, broker: None });
        }
        let program = cargo_build(
            &workspace::root(),
            &["-p", "rohrpost-testkit", "--bin", "discard-broker"],
        )?;
        let mut broker = Command::new(program)
            .args(["--partitions", &partitions.to_string()])
            // It ends when its standard input does, which is at the latest when this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = BufReader::new(broker.stdout.take().ok_or("the broker has no output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        // Whatever else it says is read and dropped: a full pipe would stop it.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let target = Self { address: address.unwrap_or_default(), broker: Some(broker) };
        if target.address.is_empty() {
            return Err(format!("the discard broker says {line:?}, not where it listens").into());
        }
        Ok(target)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(broker) = &mut self.broker {
            let _ = broker.kill();
            let _ = broker.wait();
        }
    }
}
