//! On a terminal the command shows how far it is.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::{Run, Scratch, produce};

/// Runs it with a terminal as standard error; returns what that showed.
fn on_a_terminal(arguments: &[&str]) -> (Run, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let child = produce(arguments).stderr(Stdio::from(slave)).env("TERM", "xterm").spawn().unwrap();
    let mut shown = Vec::new();
    let mut master = File::from(master);
    let mut part = [0; 4096];
    // When the last one that has it open is gone, a terminal's reader gets an error, not an end.
    while let Ok(read @ 1..) = master.read(&mut part) {
        shown.extend_from_slice(&part[..read]);
    }
    (child.wait_with_output().unwrap().into(), String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_terminal_shows_records_throughput_and_failures() {
    let text = format!("{}{}\n", "a line of text\n".repeat(10_000), "x".repeat(2_000_000));
    let input = Scratch::new("terminal", text);
    let (run, shown) = on_a_terminal(&["--embedded", "--output", "json", "-f", input.path()]);
    run.assert_status(1);
    assert_eq!(run.counts(), [10_001, 10_000, 1]);
    for words in [" records", "MB/s", "in flight", "failed", "line 10001: not written"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn the_bar_counts_what_has_its_fate_and_knows_of_the_failures() {
    let input = Scratch::new("unsent", "a line of text\n".repeat(1000));
    let arguments = ["-b", "127.0.0.1:1", "-t", "t", "--timeout", "1", "--output", "json"];
    let (run, shown) = on_a_terminal(&[&arguments[..], &["-f", input.path()]].concat());
    run.assert_status(1);
    let (before, _) = shown.split_once("not written").expect(&shown);
    assert!(before.contains("  0 %"), "nothing was sent: {before}");
    let last = before.rsplit(" in flight").next().unwrap();
    assert!(last.contains("1,000 failed"), "the bar above the message: {before}");
}
