//! A broker that takes record batches and forgets them: the cheapest thing that a producer can be measured against.
//!
//! It reads frames, walks the structure of Produce requests down to the batches' headers, and answers with offsets. It reads no
//! record and checks no CRC. Any topic exists, with `--partitions` partitions.
//!
//! The first line on standard output is `listening on HOST:PORT`. A line `report` on standard input is answered with a line of JSON that says what came
//! since the last one. When standard input ends, there is a last report, and the program ends (with `--forever` it goes on until it is killed).

mod answer;
mod serve;
mod tally;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use crate::answer::Broker;
use crate::tally::Tally;

const USAGE: &str = "usage: discard-broker [--port PORT] [--partitions N] [--forever]";

struct Options {
    port: u16,
    partitions: i32,
    forever: bool,
}

fn main() -> ExitCode {
    let run = options(std::env::args().skip(1)).and_then(|options| {
        run(&options).map_err(|error| format!("cannot serve on port {}: {error}", options.port))
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("discard-broker: {error}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { port: 0, partitions: 12, forever: false };
    while let Some(arg) = args.next() {
        if arg == "--forever" {
            options.forever = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{arg} wants a value; {USAGE}"))?;
        let wrong = || format!("{arg} {value}: not a number in range; {USAGE}");
        match arg.as_str() {
            "--port" => options.port = value.parse().map_err(|_| wrong())?,
            "--partitions" => {
                options.partitions = value.parse().map_err(|_| wrong())?;
                if !(1..=1_000_000).contains(&options.partitions) {
                    return Err(wrong());
                }
            }
            _ => return Err(format!("unknown option {arg}; {USAGE}")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
    let address = listener.local_addr()?;
    let tally = Arc::new(Tally::default());
    let broker = Arc::new(Broker::new(address, options.partitions, Arc::clone(&tally)));

    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {address}")?;
    stdout.flush()?;

    let accept = move || {
        for stream in listener.incoming().flatten() {
            let broker = Arc::clone(&broker);
            thread::spawn(move || {
                if let Err(error) = serve::connection(stream, &broker) {
                    eprintln!("discard-broker: a connection ended: {error}");
                }
            });
        }
    };
    if options.forever {
        accept();
        return Ok(());
    }
    thread::spawn(accept);
    for line in io::stdin().lines() {
        match line?.as_str() {
            "report" => writeln!(stdout, "{}", tally.take_json())?,
            other => eprintln!("discard-broker: `{other}`: only `report` is understood"),
        }
    }
    writeln!(stdout, "{}", tally.take_json())
}
