//! The cluster, the topic, the brokers at the addresses that they tell, and what a producer may do.

use std::future::Future;

use rohrpost::ProducerConfig;
use rohrpost::doctor::{Doctor, Stage, Status};
use rohrpost_testkit::{ApiKey, ErrorCode, Fault, Permission};

use crate::{
    assert_fails, cluster, doctor, doctor_of, examine, fact, found, hurried, status, tells,
};

#[test]
fn all_that_holds_is_told_and_nothing_is_written() {
    let cluster = cluster(3, |of| of.auto_create_topics(true));
    let report = examine(doctor(&cluster, &[]).topic("t"));
    assert_eq!(report.status(), Status::Ok, "{report:#?}");
    assert_eq!(report.stages().len(), Stage::ALL.len());
    assert!(report.stages().iter().all(|stage| !stage.checks.is_empty()));
    assert_eq!(report.verdict(), "everything that was looked at holds");
    let metadata = found(&report, Stage::Metadata, Status::Ok);
    assert!(!fact(metadata[0], "cluster_id").is_empty());
    assert!(fact(metadata[0], "broker 3").starts_with("127.0.0.1:"));
    assert!(fact(metadata[1], "partition 2").contains("in sync"));
    let spoken = found(&report, Stage::ApiVersions, Status::Ok);
    assert_eq!(spoken.len(), 3);
    assert!(fact(spoken[0], "produce").contains("is used"));
    assert_eq!(found(&report, Stage::Brokers, Status::Ok).len(), 3, "each leads one partition");
    let produce = &report.stage(Stage::Produce).unwrap().checks;
    assert_eq!((produce[0].status, produce[1].status), (Status::Ok, Status::Skipped));
    assert_eq!(cluster.stats().records, 0);
}

#[test]
fn a_test_record_is_written_once_and_only_if_it_was_asked_for() {
    let cluster = cluster(1, |of| of);
    let report = examine(doctor(&cluster, &[]).topic("t").test_record(true));
    assert!(report.holds(), "{report:#?}");
    let produce = found(&report, Stage::Produce, Status::Ok);
    assert_eq!((produce[1].subject.as_str(), fact(produce[1], "offset")), ("test record", "0"));
    let log = cluster.log("t", 0);
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].key.as_deref(), Some(&b"rohrpost-doctor"[..]));
    // Without a topic there is nowhere to write it to.
    let report = examine(doctor(&cluster, &[]).test_record(true));
    assert_eq!(found(&report, Stage::Produce, Status::Skipped)[0].subject, "test record");
    assert_eq!(cluster.log("t", 0).len(), 1);
}

#[test]
fn a_test_record_that_is_refused_is_a_failure() {
    let cluster = cluster(1, |of| of);
    cluster.deny(Permission::WriteTopic("t".into()));
    let report = examine(doctor(&cluster, &[]).topic("t").test_record(true));
    assert!(!report.holds(), "{report:#?}");
    assert!(tells(&report, "TOPIC_AUTHORIZATION_FAILED") || tells(&report, "may not write"));
    assert!(cluster.log("t", 0).is_empty());
}

#[test]
fn a_topic_that_is_not_there_is_not_made_by_looking() {
    let cluster = cluster(1, |of| of.auto_create_topics(true));
    let report = examine(doctor(&cluster, &[]).topic("missing").test_record(true));
    let failed = found(&report, Stage::Metadata, Status::Failed);
    assert!(failed[0].detail.contains("no such topic"), "{report:#?}");
    assert!(failed[0].remedy.as_deref().unwrap().contains("create the topic"));
    assert_eq!(status(&report, Stage::Brokers), Status::Ok, "the brokers are no topic's");
    assert_eq!(cluster.leader("missing", 0), None);
    assert_eq!(cluster.stats().records, 0);
}

#[test]
fn what_is_not_allowed_is_told_by_its_resource() {
    let cluster = cluster(1, |of| of);
    cluster.deny(Permission::DescribeTopic("t".into()));
    let report = examine(doctor(&cluster, &[]).topic("t"));
    assert_eq!(found(&report, Stage::Metadata, Status::Failed)[0].subject, "topic t");
    assert!(tells(&report, "TOPIC_AUTHORIZATION_FAILED"), "{report:#?}");
    cluster.allow(&Permission::DescribeTopic("t".into()));

    cluster.deny(Permission::IdempotentWrite);
    let report = examine(doctor(&cluster, &[]).topic("t").test_record(true));
    assert_fails(&report, Stage::Produce, &["CLUSTER_AUTHORIZATION_FAILED", "IdempotentWrite"]);
    assert!(cluster.log("t", 0).is_empty(), "there is no identity to write with");
    let report = examine(doctor(&cluster, &[("enable.idempotence", "false")]).topic("t"));
    assert!(report.holds(), "{report:#?}");
    assert_eq!(status(&report, Stage::Configuration), Status::Warning);
}

#[test]
fn an_address_that_brokers_tell_and_that_means_nothing_here_is_named() {
    let cluster = cluster(2, |of| of);
    let servers = cluster.bootstrap_servers();
    let first = servers.split(',').next().unwrap();
    cluster.with_model(|model| model.set_address(2, "kafka-2.internal.invalid", 9092));
    let report = examine(doctor_of(first, &[]).topic("t"));
    let words = ["broker 2", "kafka-2.internal.invalid:9092", "advertised.listeners"];
    let failed = found(&report, Stage::Brokers, Status::Failed);
    assert_eq!(failed.len(), 1, "{report:#?}");
    let text = format!("{} {} {:?}", failed[0].subject, failed[0].detail, failed[0].remedy);
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    assert_eq!(fact(failed[0], "stage"), "resolve");
    assert_eq!(found(&report, Stage::Brokers, Status::Ok).len(), 1, "the other one is reached");
}

#[test]
fn a_broker_that_is_paused_is_a_finding_before_long() {
    let cluster = cluster(2, |of| of);
    let servers = cluster.bootstrap_servers();
    let first = servers.split(',').next().unwrap();
    cluster.pause_broker(2);
    let report = examine(hurried(doctor_of(first, &[])));
    let failed = found(&report, Stage::Brokers, Status::Failed);
    assert!(failed[0].detail.contains("not answered within 300ms"), "{report:#?}");
}

#[test]
fn a_broker_that_is_slow_to_give_identities_is_asked_again() {
    let cluster = cluster(1, |of| of);
    let loading = Fault::error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    cluster.inject(loading.on(ApiKey::InitProducerId).times(2));
    let report = examine(doctor(&cluster, &[]));
    assert_eq!(status(&report, Stage::Produce), Status::Ok, "{report:#?}");
}

#[test]
fn a_metadata_request_that_is_never_answered_is_a_finding_before_long() {
    let cluster = cluster(1, |of| of);
    cluster.inject(Fault::stall().on(ApiKey::Metadata).always());
    let report = examine(hurried(doctor(&cluster, &[])));
    assert_fails(&report, Stage::Metadata, &["Metadata", "not answered within 300ms"]);
}

#[test]
fn settings_that_contradict_each_other_are_a_finding_and_nobody_is_connected_to() {
    let cluster = cluster(1, |of| of);
    let properties = [("acks", "1"), ("enable.idempotence", "true")];
    let report = examine(doctor(&cluster, &properties));
    assert_fails(&report, Stage::Configuration, &["enable.idempotence", "acks"]);
    assert!(report.stages()[1..].iter().all(|stage| stage.status() == Status::Skipped));
}

#[test]
fn a_program_without_a_runtime_can_ask_too() {
    let cluster = cluster(1, |of| of);
    let servers = cluster.bootstrap_servers();
    let config = ProducerConfig::from_java([("bootstrap.servers", servers)]).unwrap();
    let doctor = Doctor::new(config).topic("t").test_record(true);
    let report = block_on(doctor.examine());
    assert!(report.holds(), "{report:#?}");
    assert_eq!(cluster.log("t", 0).len(), 1);
}

/// The least executor that there is.
fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
