//! `rohrpost produce`, from the arguments to the exit status.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use rohrpost::{Error, ErrorKind, Producer, ProducerConfig, Stats};

use crate::args::{Output, Produce, Property};
use crate::embedded::Embedded;
use crate::failures::Failures;
use crate::input::{Places, Reader, Source};
use crate::ledger::Ledger;
use crate::progress::Progress;
use crate::properties;
use crate::pump::{Ending, Pump};
use crate::settings::Settings;
use crate::stop::{Signal, Stop};
use crate::summary::{End, ReadBack, Summary, Tally};
use crate::terminal::{complain, print};
use crate::watch::Watch;

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// A record that is out of time should say so itself, before the closing of the producer does.
const MARGIN: Duration = Duration::from_secs(5);

/// Runs the command; the status is described in its help.
pub(crate) fn run(arguments: &Produce) -> ExitCode {
    if arguments.properties.contains(&Property::List) {
        return written(print(&properties::list(rohrpost::Dialect::Java)), ExitCode::SUCCESS);
    }
    let settings = match Settings::new(arguments, std::env::vars_os().collect()) {
        Ok(settings) => settings,
        Err(misuse) => {
            complain(misuse);
            return ExitCode::from(MISUSED);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("cannot start threads: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let output = settings.output;
    let status = match runtime.block_on(produce(settings)) {
        Ok((summary, status)) => {
            let text = match output {
                Output::Text => summary.text(),
                Output::Json => summary.json(),
            };
            written(print(&text), ExitCode::from(status))
        }
        Err(Refused { status, reason }) => {
            complain(reason);
            ExitCode::from(status)
        }
    };
    // Whatever still waits, for a terminal or a name server, is not worth waiting for.
    runtime.shutdown_background();
    status
}

fn written(result: io::Result<()>, status: ExitCode) -> ExitCode {
    match result {
        Ok(()) => status,
        Err(error) => {
            complain(format_args!("cannot write to standard output: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// It did not even begin.
struct Refused {
    status: u8,
    reason: String,
}

impl Refused {
    fn new(status: u8, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

async fn produce(settings: Settings) -> Result<(Summary, u8), Refused> {
    let mut stop = Stop::listen()
        .map_err(|error| Refused::new(FAILED, format!("cannot listen for Ctrl-C: {error}")))?;
    let Settings { mut config, plan, sources, total_bytes, embedded, flush_timeout, .. } = settings;
    let embedded = match embedded {
        Some(partitions) => Some(start_embedded(&mut config, plan.topic(), partitions).await?),
        None => None,
    };
    let deadline = config.delivery_timeout().saturating_add(MARGIN);
    let max_record = config.max_request_size();
    let linger = config.linger();
    let producer = tokio::select! {
        producer = Producer::from_config(config) => producer,
        signal = stop.requested() => {
            return Ok((nothing_sent(plan.topic(), None), signal.status()));
        }
    };
    let producer = match producer {
        Ok(producer) => producer,
        Err(error) if error.kind() == ErrorKind::Config => {
            return Err(Refused::new(MISUSED, error.to_string()));
        }
        Err(error) => {
            complain(&error);
            return Ok((nothing_sent(plan.topic(), Some(&error)), FAILED));
        }
    };

    tell_who_is_waited_for(&sources);
    let places = Places::new(&sources);
    let mut reader = Reader::start(sources)
        .map_err(|error| Refused::new(FAILED, format!("cannot start a thread: {error}")))?;
    let progress = Progress::new(total_bytes);
    let watch = Watch::new(linger);
    let mut pump = Pump::new(&plan, &producer, stop, places, max_record, progress, watch);
    pump.ledger = embedded.as_ref().map(|_| Ledger::default());
    let ending = pump.run(&mut reader).await;
    // What it has read ahead is not needed any more.
    drop(reader);
    tell_ending(&pump, &ending);
    if let Ending::Interrupted(_) = ending {
        if let Some(reason) = pump.why_it_stands_still().await {
            pump.progress.complain(&format!("what it waited for: {reason}"));
        }
    }
    let ending = pump.finish(ending, deadline, flush_timeout).await;
    if let Some(cluster) = &embedded {
        cluster.settle(pump.tally.acknowledged).await;
    }
    Ok(summarize(pump, &ending, &producer.stats(), embedded.as_ref(), plan.topic()))
}

async fn start_embedded(
    config: &mut ProducerConfig,
    topic: &str,
    partitions: u16,
) -> Result<Embedded, Refused> {
    let cluster = Embedded::start(topic, partitions).await.map_err(|error| {
        Refused::new(FAILED, format!("cannot start the embedded cluster: {error}"))
    })?;
    config
        .set("bootstrap.servers", &cluster.bootstrap_servers())
        .map_err(|error| Refused::new(FAILED, error.to_string()))?;
    Ok(cluster)
}

/// Whoever sees nothing happen may not know that it is their turn.
fn tell_who_is_waited_for(sources: &[Source]) {
    if sources.contains(&Source::Stdin) && io::stdin().is_terminal() {
        complain("reading lines from the terminal; Ctrl-D ends them");
    }
}

fn tell_ending(pump: &Pump<'_>, ending: &Ending) {
    let next = pump.next_line();
    match ending {
        Ending::Complete => {}
        Ending::Interrupted(Signal::Interrupt) => pump
            .progress
            .complain(&format!("interrupted: nothing from {next} on was sent; again ends at once")),
        Ending::Interrupted(Signal::Terminate) => {
            pump.progress.complain(&format!("terminated: nothing from {next} on was sent"));
        }
        Ending::GaveUp(reason) => {
            let unread = match pump.has_read_all() {
                true => String::new(),
                false => format!(", and nothing from {next} on was read"),
            };
            let reason = match pump.failures.has_told(reason) {
                true => "no other line would fare better",
                false => reason,
            };
            pump.progress.complain(&format!("gave up{unread}: {reason}"));
        }
        Ending::Unreadable(reason) => {
            pump.progress.complain(&format!("nothing from {next} on was sent: {reason}"));
        }
    }
}

fn summarize(
    pump: Pump<'_>,
    ending: &Ending,
    stats: &Stats,
    embedded: Option<&Embedded>,
    topic: &str,
) -> (Summary, u8) {
    if let Some(rest) = pump.failures.rest() {
        complain(rest);
    }
    let read_back = match (&pump.ledger, embedded) {
        (Some(ledger), Some(cluster)) => Some(read_back(ledger, cluster, &pump.places)),
        _ => None,
    };
    let error = match ending {
        Ending::Complete | Ending::Interrupted(_) => None,
        Ending::GaveUp(reason) | Ending::Unreadable(reason) => Some(reason.clone()),
    };
    let end = End {
        complete: pump.has_read_all(),
        interrupted: matches!(ending, Ending::Interrupted(_)),
        error,
        took: pump.took(),
        read_back,
    };
    let summary = Summary::new(topic, pump.tally, &pump.failures, stats, end);
    let status = match ending {
        Ending::Interrupted(signal) => signal.status(),
        _ if summary.is_success() => 0,
        _ => FAILED,
    };
    (summary, status)
}

fn read_back(ledger: &Ledger, cluster: &Embedded, places: &Places) -> ReadBack {
    let log = cluster.log();
    let records = log.values().map(|found| found.len() as u64).sum();
    let differences = ledger.compare(&log, places);
    if !differences.is_empty() {
        complain("the embedded cluster's log is not what was sent:");
    }
    for difference in &differences {
        complain(difference);
    }
    ReadBack { records, identical: differences.is_empty() }
}

fn nothing_sent(topic: &str, error: Option<&Error>) -> Summary {
    let end =
        End { interrupted: error.is_none(), error: error.map(Error::to_string), ..End::default() };
    Summary::new(topic, Tally::new(), &Failures::default(), &Stats::default(), end)
}
