//! What a `Doctor` finds: each stage when it holds, and each way in which it does not, with the stage that is to blame and what to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "doctor/access.rs"]
mod access;
#[path = "doctor/cluster.rs"]
mod cluster;
#[path = "doctor/tls.rs"]
mod tls;

use std::time::Duration;

use rohrpost::ProducerConfig;
use rohrpost::doctor::{Check, Doctor, Report, Stage, Status};
use rohrpost_testkit::{Cluster, ClusterBuilder};

/// Brokers, and topic `t`.
fn cluster(brokers: i32, secured: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Cluster {
    let cluster = secured(Cluster::builder().brokers(brokers)).start_blocking().unwrap();
    cluster.create_topic("t", brokers).unwrap();
    cluster
}

/// For a cluster, with these properties besides.
fn doctor(cluster: &Cluster, properties: &[(&str, &str)]) -> Doctor {
    doctor_of(&cluster.bootstrap_servers(), properties)
}

fn doctor_of(servers: &str, properties: &[(&str, &str)]) -> Doctor {
    let all = [&[("bootstrap.servers", servers)][..], properties].concat();
    // Who holds needs far less.
    Doctor::new(ProducerConfig::from_java(all).unwrap()).timeout(Duration::from_secs(20))
}

/// For what never answers.
fn hurried(doctor: Doctor) -> Doctor {
    doctor.timeout(Duration::from_millis(300))
}

#[tokio::main(flavor = "current_thread")]
async fn examine(doctor: Doctor) -> Report {
    doctor.examine().await
}

fn status(report: &Report, stage: Stage) -> Status {
    report.stage(stage).unwrap().status()
}

/// The checks of a stage that are so.
fn found(report: &Report, stage: Stage, status: Status) -> Vec<&Check> {
    let checks = &report.stage(stage).unwrap().checks;
    checks.iter().filter(|check| check.status == status).collect()
}

/// The first failure is of this stage, and says all these words; it says what to do, and what stands on the stage is not looked at.
#[track_caller]
fn assert_fails(report: &Report, stage: Stage, words: &[&str]) {
    let first = report.checks().find(|(_, check)| check.status == Status::Failed);
    let Some((failed, check)) = first else { panic!("nothing fails: {report:#?}") };
    assert_eq!(failed, stage, "{report:#?}");
    let text = format!("{}: {} -> {:?}", check.subject, check.detail, check.remedy);
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(check.remedy.is_some(), "{text}");
    assert!(!report.holds());
    for later in Stage::ALL.into_iter().filter(|later| *later > stage) {
        assert_ne!(status(report, later), Status::Ok, "{report:#?}");
    }
}

/// The value of a fact.
#[track_caller]
fn fact<'r>(check: &'r Check, name: &str) -> &'r str {
    let found = check.facts.iter().find(|fact| fact.name == name);
    &found.unwrap_or_else(|| panic!("no {name} in {check:?}")).value
}

/// Whether a report says this anywhere.
fn tells(report: &Report, text: &str) -> bool {
    format!("{report:?} {}", report.verdict()).contains(text)
}
