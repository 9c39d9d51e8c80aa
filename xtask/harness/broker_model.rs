//! The testkit's broker model beside Apache Kafka: the clusters that its conformance wants, and the program.

use std::path::Path;
use std::process::Command;

use crate::kafka::Spec;

/// Milliseconds that no run lasts.
const NEVER: &str = "2147483647";

/// The Kafka that random sequences are put to: nothing happens in it by itself.
#[must_use]
pub fn kafka_for_sequences() -> Spec {
    spec(NEVER, NEVER)
}

/// Three brokers for the same. There is no authorizer: it would not let them talk to each other before they have.
#[must_use]
pub fn kafka_of_three() -> Spec {
    Spec::default()
        .brokers(3)
        .config("auto.create.topics.enable", "false")
        .config("producer.id.expiration.ms", NEVER)
        .config("producer.id.expiration.check.interval.ms", NEVER)
        .config("group.initial.rebalance.delay.ms", "0")
}

/// The Kafka that the scenes about time are written for: it forgets producers in seconds, and looks often for transactions that take
/// too long.
#[must_use]
pub fn kafka_for_scenes() -> Spec {
    spec("3000", "500").config("transaction.abort.timed.out.transaction.cleanup.interval.ms", "300")
}

fn spec(expiration_ms: &str, check_ms: &str) -> Spec {
    Spec::default()
        .config("auto.create.topics.enable", "false")
        .config("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .config("allow.everyone.if.no.acl.found", "true")
        .config("producer.id.expiration.ms", expiration_ms)
        .config("producer.id.expiration.check.interval.ms", check_ms)
        .config("group.initial.rebalance.delay.ms", "0")
}

/// The program that compares the model with the Kafka at this address, ready for its options. `profile` is Cargo's.
#[must_use]
pub fn comparison(address: &str, profile: &str) -> Command {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("cargo");
    command
        .current_dir(xtask.parent().unwrap_or(xtask))
        .args(["run", "--quiet", "--profile", profile])
        .args(["-p", "rohrpost-testkit", "--example", "conformance", "--", address]);
    command
}
