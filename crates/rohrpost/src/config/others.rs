//! Properties of Kafka's other clients in Java, and of serializers, which producers share files with.

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

/// What the names of a schema registry's client and serializers begin with, to which a producer of Java's hands its properties on.
const REGISTRY_PREFIXES: &[&str] = &["basic.auth.", "bearer.auth.", "schema.registry."];

/// Others of them.
const REGISTRY: &[&str] = &[
    "auto.register.schemas",
    "id.compatibility.strict",
    "key.schema.id.serializer",
    "key.subject.name.strategy",
    "latest.cache.ttl.sec",
    "latest.compatibility.strict",
    "normalize.schemas",
    "use.latest.version",
    "use.schema.guid",
    "use.schema.id",
    "value.schema.id.serializer",
    "value.subject.name.strategy",
];

const OF_REGISTRY: &str = "a schema registry's serializers (SchemaRegistry::from_properties and SerializerOptions::from_properties of the crate rohrpost-schema-registry take it)";

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
    } else if is_in(REGISTRY) || REGISTRY_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Some(OF_REGISTRY)
    } else {
        (is_in(CONSUMERS) || of_librdkafkas()).then_some("consumers")
    }
}
