//! A broker that takes record batches and forgets them: the cheapest thing that a producer can be measured against.
//!
//! It reads frames, walks the structure of Produce requests down to the batches' headers, and answers with offsets. It reads no
//! record and checks no CRC. Any topic exists, with `--partitions` partitions.
//!
//! With `--tls FILE` (and the crate's feature `tls`) it speaks TLS 1.3 with AES-256-GCM, which is what Java's clients and brokers agree on, and writes the certificate by
//! which it is to be known into that file, in PEM; it is made anew at every start.
//!
//! The first line on standard output is `listening on HOST:PORT`. A line `report` on standard input is answered with a line of JSON that says what came
//! since the last one. When standard input ends, there is a last report, and the program ends (with `--forever` it goes on until it is killed).

mod answer;
mod serve;
mod tally;
#[cfg(feature = "tls")]
mod tls;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use crate::answer::Broker;
use crate::tally::Tally;

const USAGE: &str = "usage: discard-broker [--port PORT] [--partitions N] [--forever] [--tls FILE]";

struct Options {
    port: u16,
    partitions: i32,
    forever: bool,
    /// Where the certificate goes.
    tls: Option<PathBuf>,
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
    let mut options = Options { port: 0, partitions: 12, forever: false, tls: None };
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
            "--tls" if cfg!(feature = "tls") => options.tls = Some(value.into()),
            "--tls" => {
                return Err("--tls: this program was built without the feature tls".to_owned());
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
    #[cfg(feature = "tls")]
    let tls = options.tls.as_deref().map(tls::Server::new).transpose()?;
    let broker = Arc::new(Broker::new(address, options.partitions, Arc::clone(&tally)));

    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {address}")?;
    stdout.flush()?;

    let accept = move || {
        for stream in listener.incoming().flatten() {
            let broker = Arc::clone(&broker);
            #[cfg(feature = "tls")]
            let tls = tls.clone();
            thread::spawn(move || {
                #[cfg(feature = "tls")]
                let served = match tls {
                    Some(tls) => {
                        tls.accept(stream).and_then(|stream| serve::connection(stream, &broker))
                    }
                    None => serve::plain(stream, &broker),
                };
                #[cfg(not(feature = "tls"))]
                let served = serve::plain(stream, &broker);
                if let Err(error) = served {
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
