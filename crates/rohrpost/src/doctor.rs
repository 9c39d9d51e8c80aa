//! Why is there no connection, and what is to be done? A [`Doctor`] walks the way that a producer goes, and tells of each step whether it holds: a [`Report`] for a command line
//! (`rohrpost doctor` prints it) or a service's health page. With the feature `doctor`.
//!
//! # The stages
//!
//! | [`Stage`] | looks at | stands on |
//! |---|---|---|
//! | `Configuration` | what the settings mean together, the files of TLS, what is risky | |
//! | `Resolve` | the name of each bootstrap server, all its addresses | the configuration |
//! | `Connect` | TCP to each address, and how long it took | an address |
//! | `Tls` | what was agreed on; the broker's certificates, their names and how long they are good for | a connection |
//! | `ApiVersions` | what the broker is, which versions a producer would use | TLS, where it is used |
//! | `Sasl` | the mechanisms that the listener has, whether the credentials are good, how long the session lasts | versions |
//! | `Metadata` | the cluster, its controller and brokers; the topic's partitions, leaders and replicas; what is not allowed | one broker that takes requests |
//! | `Brokers` | each broker that leads, or all of them, at the address that it tells clients (`advertised.listeners`), up to its SASL | metadata |
//! | `Produce` | whether an idempotent producer may have an identity; the test record, if it was asked for | a broker that is reached |
//!
//! A check that has no ground is reported as [`Status::Skipped`], with the reason. The other branches go on: of three bootstrap servers one may be down.
//!
//! # What it does to the cluster
//!
//! It connects, authenticates and asks. It writes nothing, creates no topic, and asks for a producer id, of which there are 2^63. The one exception is
//! [`test_record`](Doctor::test_record), which has to be asked for. Credentials that one broker refuses are shown to no other: accounts that lock themselves are to be spared.
//!
//! # How it is built
//!
//! Below are the driver's probes (`rohrpost_driver::probe`), which make each step with the producer's own TCP, TLS, version negotiation and SASL: what holds here holds there. This
//! module decides what comes next and what a finding means. It knows no clock but for measuring, and each step lasts as long as [`timeout`](Doctor::timeout) at most; a look-up that hangs in the
//! system's resolver is left behind.
//!
//! Texts that brokers send are free of control characters and cut to a sane length. No secret is in a report: the settings that it repeats are those that
//! are none.
//!
//! ```no_run
//! use std::time::Duration;
//! use rohrpost::ProducerConfig;
//! use rohrpost::doctor::{Doctor, Status};
//!
//! # async fn run() -> Result<(), rohrpost::Error> {
//! let config = ProducerConfig::from_java([("bootstrap.servers", "broker:9092")])?;
//! let report = Doctor::new(config).topic("orders").timeout(Duration::from_secs(3)).examine().await;
//! for (stage, check) in report.checks().filter(|(_, check)| check.status == Status::Failed) {
//!     println!("{stage}: {}: {}", check.subject, check.detail);
//! }
//! # Ok(()) }
//! ```

mod access;
mod brokers;
#[cfg(feature = "_tls")]
mod certificates;
mod configuration;
mod explain;
mod metadata;
mod produce;
mod report;
mod software;
#[cfg(feature = "_tls")]
mod tls_errors;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost_driver::{DriverConfig, probe};

pub use report::{Check, Fact, Report, Stage, StageReport, Status};

use crate::config::ProducerConfig;

/// Examines how a producer with this configuration fares.
#[derive(Clone, Debug)]
#[must_use = "a doctor finds nothing before it examines"]
pub struct Doctor {
    config: ProducerConfig,
    timeout: Option<Duration>,
    topic: Option<String>,
    sends: bool,
}

impl Doctor {
    /// For this configuration.
    pub fn new(config: ProducerConfig) -> Self {
        Self { config, timeout: None, topic: None, sends: false }
    }

    /// How long each step may last: `socket.connection.setup.timeout.ms`, 10 seconds unless set, if not said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Looks at this topic too: its partitions, who leads them, and whether it may be written to.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// **Writes** one record to the [`topic`](Self::topic), with the key `rohrpost-doctor`, and waits for its acknowledgement, if all that is before holds. It stays there as any record.
    pub fn test_record(mut self, on: bool) -> Self {
        self.sends = on;
        self
    }

    /// Walks the stages. Works on any executor; never fails itself.
    pub async fn examine(self) -> Report {
        let start = Instant::now();
        let stages = match probe::on_runtime(move || walk(self)).await {
            Ok(stages) => stages,
            Err(error) => {
                let detail = format!("nothing can be looked at: {error}");
                let finding = report::Finding::new(detail, "let the process have another thread");
                let mut findings = Findings::default();
                findings.note(Stage::Configuration, Check::failed("runtime", finding));
                findings.into_stages()
            }
        };
        Report { stages, elapsed: start.elapsed() }
    }
}

/// What an examination needs to know everywhere.
#[derive(Debug)]
struct Case {
    config: ProducerConfig,
    driver: DriverConfig,
    timeout: Duration,
    topic: Option<String>,
    sends: bool,
}

async fn walk(doctor: Doctor) -> Vec<StageReport> {
    let mut findings = Findings::default();
    if let Some(case) = configuration::check(doctor, &mut findings).map(Arc::new) {
        if let Some(mut found) = access::find(&case, &mut findings).await {
            if let Some(cluster) = metadata::ask(&case, &mut found, &mut findings).await {
                let mut reached = brokers::reach(&case, &cluster, &mut findings).await;
                produce::check(&case, &cluster, &mut reached, &mut findings).await;
            }
        }
    }
    findings.into_stages()
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Findings {
    noted: Vec<(Stage, Check)>,
}

impl Findings {
    fn note(&mut self, stage: Stage, check: Check) {
        self.noted.push((stage, check));
    }

    /// A stage that nothing was noted of had no ground.
    fn into_stages(self) -> Vec<StageReport> {
        let mut stages: Vec<StageReport> =
            Stage::ALL.map(|stage| StageReport { stage, checks: Vec::new() }).into();
        for (stage, check) in self.noted {
            if let Some(report) = stages.iter_mut().find(|report| report.stage == stage) {
                report.checks.push(check);
            }
        }
        for report in stages.iter_mut().filter(|report| report.checks.is_empty()) {
            let detail = "not looked at: what it stands on does not hold";
            report.checks.push(Check::skipped(report.stage.name(), detail));
        }
        stages
    }
}
