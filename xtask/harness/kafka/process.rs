//! A node's process: started apart from ours, known by its command line, signalled, gone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Error, Result};

/// Begins every life of a process in its log.
pub(super) const START_LINE: &str = "== started ==";

/// How a node's process fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeStatus {
    /// It runs, under this process id.
    Running(i32),
    /// It was stopped by SIGSTOP.
    Paused(i32),
    /// There is no such process.
    Down,
}

impl NodeStatus {
    /// The process id, unless the node is down.
    #[must_use]
    pub fn pid(self) -> Option<i32> {
        match self {
            Self::Running(pid) | Self::Paused(pid) => Some(pid),
            Self::Down => None,
        }
    }
}

/// Starts `command`, whose arguments name `marker`, so that it outlives this process and its
/// terminal, its output appended to `log` after a line [`START_LINE`]; gives its process id.
pub(super) fn spawn(mut command: Command, marker: &Path, log: &Path) -> Result<i32> {
    let open = || -> io::Result<(File, File)> {
        let mut output = File::options().create(true).append(true).open(log)?;
        writeln!(output, "{START_LINE}")?;
        let errors = output.try_clone()?;
        Ok((output, errors))
    };
    let (output, errors) = open().map_err(|e| Error::io("open", log, e))?;
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|source| Error::Io { doing: format!("start {command:?}"), source })?;
    let pid = child.id() as i32;
    // For a moment after it is started a process has no command line yet, and would be taken for
    // one that is gone.
    wait_until(Duration::from_secs(10), || {
        status(Some(pid), marker) != NodeStatus::Down || !matches!(child.try_wait(), Ok(None))
    });
    // Whoever starts a node may outlive it: collect its end, or it stays as a zombie.
    thread::spawn(move || child.wait());
    Ok(pid)
}

/// How the process `pid` fares, if its command line still names `marker`: a process id from a
/// file may by now be anybody's.
pub(super) fn status(pid: Option<i32>, marker: &Path) -> NodeStatus {
    let Some(pid) = pid else { return NodeStatus::Down };
    match look_up(pid) {
        Some((state, arguments)) if arguments.contains(&*marker.to_string_lossy()) => {
            if state == 'T' { NodeStatus::Paused(pid) } else { NodeStatus::Running(pid) }
        }
        _ => NodeStatus::Down,
    }
}

/// Whether any process has this id.
pub(super) fn exists(pid: i32) -> bool {
    look_up(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Every process whose command line names `marker`.
pub(super) fn all_with(marker: &Path) -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| status(Some(pid), marker) != NodeStatus::Down)
        .filter(|&pid| pid.unsigned_abs() != std::process::id())
        .collect()
}

pub(super) fn signal(pid: i32, signal: Signal) -> Result {
    let sent = Pid::from_raw(pid).map_or(Ok(()), |pid| kill_process(pid, signal));
    match sent {
        // It is gone already: what every signal here is meant to lead to, or no harm.
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(e) => Err(Error::Io { doing: format!("signal process {pid}"), source: e.into() }),
    }
}

/// SIGKILL, and back only when the process is gone.
pub(super) fn kill(pid: i32, marker: &Path) -> Result {
    if status(Some(pid), marker) == NodeStatus::Down {
        return Ok(());
    }
    signal(pid, Signal::KILL)?;
    if wait_until_gone(pid, marker, Duration::from_secs(20)) {
        return Ok(());
    }
    Err(Error::Unkillable { pid })
}

/// SIGTERM, so that the node shuts down in order; SIGKILL if that takes more than `grace`.
pub(super) fn terminate(pid: i32, marker: &Path, grace: Duration) -> Result {
    if status(Some(pid), marker) == NodeStatus::Down {
        return Ok(());
    }
    signal(pid, Signal::TERM)?;
    signal(pid, Signal::CONT)?;
    if wait_until_gone(pid, marker, grace) { Ok(()) } else { kill(pid, marker) }
}

/// Asks `ready` again and again until it says yes (true) or `limit` has passed (false).
pub(super) fn wait_until(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn wait_until_gone(pid: i32, marker: &Path, limit: Duration) -> bool {
    wait_until(limit, || status(Some(pid), marker) == NodeStatus::Down)
}

/// The state letter and the command line of a process; `None` if there is no such process.
fn look_up(pid: i32) -> Option<(char, String)> {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}"));
    match (read("stat"), read("cmdline")) {
        (Ok(stat), Ok(arguments)) => {
            // `pid (any name, even with ")") S …`
            let stat = String::from_utf8_lossy(&stat).into_owned();
            let state = stat.rsplit_once(") ")?.1.chars().next()?;
            Some((state, String::from_utf8_lossy(&arguments).replace('\0', " ")))
        }
        (Err(e), _) if e.kind() == io::ErrorKind::NotFound && !Path::new("/proc/1").exists() => {
            look_up_with_ps(pid)
        }
        _ => None,
    }
}

/// For systems without `/proc`.
fn look_up_with_ps(pid: i32) -> Option<(char, String)> {
    let output = Command::new("ps")
        .args(["-ww", "-o", "state=,args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, arguments) = line.split_once(' ')?;
    Some((state.chars().next()?, arguments.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_that_became_anybody_elses_is_no_node() {
        let ours = std::process::id() as i32;
        assert!(exists(ours));
        assert_eq!(status(Some(ours), Path::new("/no/such/server.properties")), NodeStatus::Down);
        assert_eq!(status(None, Path::new("")), NodeStatus::Down);
    }

    #[test]
    fn pauses_resumes_and_kills_a_process_that_it_started() {
        let marker = Path::new("86399.25");
        let log = std::env::temp_dir().join(format!("rohrpost-process-{}", std::process::id()));
        let mut command = Command::new("sleep");
        command.arg(marker);
        let pid = spawn(command, marker, &log).unwrap();
        let becomes =
            |wanted| wait_until(Duration::from_secs(10), || status(Some(pid), marker) == wanted);
        // At once: the first look must not find it gone.
        assert_eq!(status(Some(pid), marker), NodeStatus::Running(pid));
        signal(pid, Signal::STOP).unwrap();
        assert!(becomes(NodeStatus::Paused(pid)));
        signal(pid, Signal::CONT).unwrap();
        assert!(becomes(NodeStatus::Running(pid)));
        signal(pid, Signal::STOP).unwrap();
        kill(pid, marker).unwrap();
        assert_eq!(status(Some(pid), marker), NodeStatus::Down);
        fs::remove_file(log).unwrap();
    }
}
