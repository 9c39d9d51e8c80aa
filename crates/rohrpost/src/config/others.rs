//! Properties of Kafka's other clients in Java, which producers share files with.

use super::librdkafka;
use super::reasons::CONSUMER;

/// Of Java's consumer (4.4), and of no producer; those of librdkafka's consumer of the same or another name are in its own table.
const CONSUMERS: &[&str] = &[
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "check.crcs",
    "enable.auto.commit",
    "exclude.internal.topics",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "key.deserializer",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "share.acknowledgement.mode",
    "share.acquire.mode",
    "value.deserializer",
];

/// Of Java's admin client.
const ADMINS: &[&str] = &["bootstrap.controllers"];

/// Of both.
const BOTH: &[&str] = &["default.api.timeout.ms"];

/// Whose property this is, if it is another client's.
pub(super) fn whose(name: &str) -> Option<&'static str> {
    let is_in = |list: &[&str]| list.contains(&name);
    let of_librdkafkas = || {
        let mut all = librdkafka::all();
        all.any(|property| {
            property.named(name).is_some() && property.unsupported() == Some(CONSUMER)
        })
    };
    if is_in(BOTH) {
        Some("consumers and admin clients")
    } else if is_in(ADMINS) {
        Some("admin clients")
    } else {
        (is_in(CONSUMERS) || of_librdkafkas()).then_some("consumers")
    }
}
