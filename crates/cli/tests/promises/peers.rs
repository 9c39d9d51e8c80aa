//! Whatever answers on the other side: a clear end within the configured time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Run, run, run_with_input, start};

/// Serves every connection by `serve`, on a thread each, until the process ends; each connection's first bytes are told.
fn serve(
    serve: impl Fn(&mut TcpStream) + Send + Sync + Clone + 'static,
) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (serve, tell) = (serve.clone(), tell.clone());
            thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut first = [0; 64];
                if stream.read(&mut first).is_ok_and(|read| read > 0) {
                    let _ = tell.send(());
                    serve(&mut stream);
                }
            });
        }
    });
    (address, told)
}

/// Reads until the other side has had enough.
fn stay(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    while stream.read(&mut sink).is_ok_and(|read| read > 0) {}
}

const SECOND: [&str; 4] = ["-X", "max.block.ms=1000", "--output", "json"];

/// Three lines to this address, with a second to wait: all fail, and long before the defaults are over.
#[track_caller]
fn fails_in_time(address: &str) -> Run {
    let start = Instant::now();
    let arguments = [&["-b", address, "-t", "t"][..], &SECOND].concat();
    let run = run_with_input(&arguments, "one\ntwo\nthree");
    run.assert_status(1);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(run.counts(), [3, 0, 3], "{run:?}");
    assert!(run.json()["error"].is_string(), "{run:?}");
    run.assert_says(&["line 1: not written", "gave up"]);
    run
}

#[test]
fn a_silent_server_ends_in_time() {
    let (address, _told) = serve(stay);
    fails_in_time(&address).assert_says(&[&address]);
}

#[test]
fn a_closed_port_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    fails_in_time(&address).assert_says(&[&address]);
}

#[test]
fn an_http_server_ends_in_time_and_is_told_from_a_broker() {
    let (address, _told) = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        stay(stream);
    });
    fails_in_time(&address).assert_says(&[&address, "HTTP"]);
}

#[test]
fn a_tls_server_ends_in_time_and_is_told_from_a_broker() {
    let (address, _told) = serve(|stream| {
        // A TLS 1.2 fatal alert: unexpected message.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 10]);
    });
    fails_in_time(&address).assert_says(&[&address, "TLS"]);
}

#[test]
fn garbage_ends_in_time() {
    let (address, _told) = serve(|stream| {
        let garbage: Vec<u8> =
            (0..4096_u32).map(|i| (i.wrapping_mul(2654435761) >> 24) as u8).collect();
        let _ = stream.write_all(&garbage);
        stay(stream);
    });
    fails_in_time(&address).assert_says(&[&address]);
}

#[test]
fn an_unknown_host_is_named() {
    let start = Instant::now();
    let run = run(&[&["-b", "no-such-host.invalid:9092", "-t", "t"][..], &SECOND].concat());
    // Nothing to send: whether that needs an address is the producer's to say.
    assert!(start.elapsed() < Duration::from_secs(60));
    if run.status == Some(0) {
        fails_in_time("no-such-host.invalid:9092").assert_says(&["no-such-host.invalid"]);
    } else {
        run.assert_status(1).assert_says(&["no-such-host.invalid"]);
    }
}

#[test]
fn ctrl_c_ends_a_wait_for_a_broker_that_never_answers() {
    let (address, told) = serve(stay);
    let mut child = start(&["-b", &address, "-t", "t", "--output", "json"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    told.recv().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Run::from(wait_with_open_stdin(child));
    run.assert_status(130).assert_says(&["interrupted", "line 1"]);
    assert_eq!(run.json()["interrupted"], true);
    assert_eq!(run.counts()[1], 0);
}

#[test]
fn termination_is_told_from_an_interrupt() {
    let (address, told) = serve(stay);
    let mut child = start(&["-b", &address, "-t", "t", "--output", "json"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    told.recv().unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let run = Run::from(wait_with_open_stdin(child));
    run.assert_status(143).assert_says(&["terminated"]);
}

/// `wait_with_output` closes standard input first; here it stays open to the end, so that it is not that which ends the command.
fn wait_with_open_stdin(mut child: std::process::Child) -> std::process::Output {
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    output
}

/// An address where nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_standstill_is_told_with_its_cause_while_it_lasts_and_when_it_is_stopped() {
    let address = closed_port();
    let mut child = start(&["-b", &address, "-t", "t"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    stderr.read_line(&mut told).unwrap();
    for words in ["nothing is acknowledged", &address, "refused"] {
        assert!(told.contains(words), "no {words:?} in: {told}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (_, cause) = rest.split_once("what it waited for").expect(&rest);
    assert!(cause.contains(&address) && cause.contains("refused"), "{cause}");
}

#[test]
fn a_reason_is_told_once() {
    let run = fails_in_time(&closed_port());
    assert_eq!(run.stderr.matches("check that a broker listens there").count(), 1, "{run:?}");
    assert_eq!(run.stderr.matches("not written").count(), 2, "one for each message: {run:?}");
}
