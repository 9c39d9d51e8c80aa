//! The properties that this producer honours.

use super::choices::{Acks, Compression, MetadataRecovery, Partitioning};
use super::property::{Property, Setter};

const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;

const fn row(
    name: &'static str,
    default: &'static str,
    setter: Setter,
    about: &'static str,
) -> Property {
    Property { name, default, about, setter }
}

const fn number(min: i64, max: i64, set: fn(&mut super::ProducerConfig, i64)) -> Setter {
    Setter::Number { min, max, set }
}

const fn millis(
    min: i64,
    max: i64,
    set: fn(&mut super::ProducerConfig, std::time::Duration),
) -> Setter {
    Setter::Millis { min, max, set }
}

/// A number that was checked not to be negative.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A number that was checked to be -1 or a 32-bit one: -1 leaves the choice to the system.
fn socket_buffer(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

#[rustfmt::skip]
pub(crate) static PROPERTIES: &[Property] = &[
    // Who and where.
    row("bootstrap.servers", "", Setter::List(|c, v| c.bootstrap_servers = v),
        "Some brokers of the cluster, as host:port, separated by commas; the others are found through them"),
    row("bootstrap.resolve.timeout.ms", "0", millis(0, LONG_MAX, |c, v| c.bootstrap_resolve_timeout = v),
        "How long to go on trying to resolve the bootstrap servers' names before giving up"),
    row("client.id", "", Setter::Text(|c, v| c.client_id = Some(v)),
        "The name that the brokers log for this producer and apply quotas to"),
    row("client.dns.lookup", "use_all_dns_ips", Setter::Only {
            values: &["use_all_dns_ips"],
            reason: "reverse look-ups are not implemented, and without Kerberos they change nothing: use use_all_dns_ips" },
        "Every address that a name resolves to is tried"),

    // What an acknowledgement means.
    row("acks", "all", Setter::Choice { of: &["all", "-1", "0", "1"], any_case: true, set: |c, v| {
            c.acks = [Acks::All, Acks::All, Acks::None, Acks::Leader][v];
        } },
        "Who must have written a record before it counts: nobody (0), the leader (1), all in-sync replicas (all)"),
    row("enable.idempotence", "true", Setter::Flag(|c, v| c.idempotence = Some(v)),
        "Retries write nothing twice and keep the order of each partition (KIP-98)"),
    row("retries", "2147483647", number(0, INT_MAX, |c, v| c.retries = u32::try_from(v).unwrap_or(u32::MAX)),
        "How often a batch may be sent again, within delivery.timeout.ms"),
    row("max.in.flight.requests.per.connection", "5", number(1, INT_MAX, |c, v| c.max_in_flight = size(v)),
        "Requests that may wait for their answers on one connection; with idempotence at most 5"),
    row("delivery.timeout.ms", "120000", millis(0, INT_MAX, |c, v| c.delivery_timeout = Some(v)),
        "From the send until a record is acknowledged or failed, at most; at least linger.ms + request.timeout.ms (KIP-91)"),
    row("request.timeout.ms", "30000", millis(0, INT_MAX, |c, v| c.request_timeout = v),
        "How long to wait for the answer to a request before the connection is given up"),
    row("retry.backoff.ms", "100", millis(0, LONG_MAX, |c, v| c.retry_backoff = v),
        "The pause before the first retry; it doubles with each, with 20 % of jitter (KIP-580)"),
    row("retry.backoff.max.ms", "1000", millis(0, LONG_MAX, |c, v| c.retry_backoff_max = v),
        "The longest pause before a retry"),

    // Batches and memory.
    row("batch.size", "16384", number(0, INT_MAX, |c, v| c.batch_size = size(v)),
        "Bytes of a batch, after compression; only a single larger record exceeds it; 0: each record by itself"),
    row("linger.ms", "5", millis(0, LONG_MAX, |c, v| c.linger = v),
        "How long a batch that is not full waits for more records"),
    row("compression.type", "none", Setter::Choice {
            of: &["none", "gzip", "snappy", "lz4", "zstd"], any_case: false, set: |c, v| {
                c.compression = [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd][v];
            } },
        "How batches are compressed"),
    row("compression.gzip.level", "-1", Setter::NumberOr { or: -1, min: 1, max: 9, set: |c, v| c.gzip_level = v as i32 },
        "gzip's level: 1 is fast, 9 is small, -1 its default (KIP-390)"),
    row("compression.lz4.level", "9", number(1, 17, |c, v| c.lz4_level = v as i32),
        "LZ4's level; this build has 9, Kafka's default, which is LZ4's fast mode (KIP-390)"),
    row("compression.zstd.level", "3", number(-131_072, 22, |c, v| c.zstd_level = v as i32),
        "Zstandard's level: small and negative ones are fast, 22 is small (KIP-390)"),
    row("buffer.memory", "33554432", number(0, LONG_MAX, |c, v| c.buffer_memory = size(v)),
        "Bytes of records that may be held before sends wait"),
    row("buffer.memory.allocation.strategy", "full", Setter::Choice {
            of: &["full", "incremental"], any_case: true, set: |_, _| {} },
        "Accepted for Java's sake and without effect: memory grows with use, no batch reserves more than it holds"),
    row("max.block.ms", "60000", millis(0, LONG_MAX, |c, v| c.max_block = v),
        "How long a send waits for room and for knowledge of its topic, at most"),
    row("max.request.size", "1048576", number(0, INT_MAX, |c, v| c.max_request_size = size(v)),
        "Bytes of a request; no record may be larger, before compression"),

    // Partitions.
    row("partitioner.class", "", Setter::Choice {
            of: &["", "org.apache.kafka.clients.producer.RoundRobinPartitioner", "round_robin"], any_case: false, set: |c, v| {
                c.partitioner = None;
                c.partitioning = if v == 0 { Partitioning::Default } else { Partitioning::RoundRobin };
            } },
        "Who chooses partitions for records without one: Kafka's default (keys by hash, others sticky) if not set, or round_robin"),
    row("partitioner.ignore.keys", "false", Setter::Flag(|c, v| c.ignore_keys = v),
        "Records with a key are spread as those without"),
    row("partitioner.adaptive.partitioning.enable", "true", Setter::Flag(|c, v| c.adaptive_partitioning = v),
        "Partitions of slow brokers get fewer records without a key (KIP-794)"),
    row("partitioner.availability.timeout.ms", "0", millis(0, LONG_MAX, |c, v| c.availability_timeout = v),
        "Partitions whose broker takes nothing for so long get no records without a key; 0: off (KIP-794)"),
    row("partitioner.rack.aware", "false", Setter::Only {
            values: &["false"],
            reason: "rack-aware partitioning (KIP-1123) is not implemented yet: leave it false" },
        "Records without a key go to leaders in the producer's own rack"),

    // Metadata.
    row("metadata.max.age.ms", "300000", millis(0, LONG_MAX, |c, v| c.metadata_max_age = v),
        "After so long what is known of the cluster is asked for again"),
    row("metadata.max.idle.ms", "300000", millis(5_000, LONG_MAX, |c, v| c.metadata_max_idle = v),
        "A topic that is not sent to for so long is forgotten"),
    row("metadata.recovery.strategy", "rebootstrap", Setter::Choice {
            of: &["rebootstrap", "none"], any_case: true, set: |c, v| {
                c.metadata_recovery = [MetadataRecovery::Rebootstrap, MetadataRecovery::None][v];
            } },
        "What to do when no known broker can be reached (KIP-899)"),
    row("metadata.recovery.rebootstrap.trigger.ms", "300000", millis(0, LONG_MAX, |c, v| c.rebootstrap_trigger = v),
        "Rebootstrap when metadata could not be got for so long (KIP-1102)"),
    row("metadata.cluster.check.enable", "true", Setter::Flag(|c, v| c.cluster_check = v),
        "Refuse brokers that belong to another cluster"),

    // Connections.
    row("reconnect.backoff.ms", "50", millis(0, LONG_MAX, |c, v| c.reconnect_backoff = Some(v)),
        "The pause before a broker is connected to again; it doubles with each failure"),
    row("reconnect.backoff.max.ms", "1000", millis(0, LONG_MAX, |c, v| c.reconnect_backoff_max = Some(v)),
        "The longest pause before a broker is connected to again; if only reconnect.backoff.ms is set, pauses do not grow"),
    row("socket.connection.setup.timeout.ms", "10000", millis(0, LONG_MAX, |c, v| c.connection_setup_timeout = v),
        "How long a connection may take to be made; it doubles with each failure (KIP-601)"),
    row("socket.connection.setup.timeout.max.ms", "30000", millis(0, LONG_MAX, |c, v| c.connection_setup_timeout_max = v),
        "The longest time for a connection to be made"),
    row("connections.max.idle.ms", "540000", Setter::MillisOrNever(|c, v| c.connections_max_idle = v),
        "Connections that are not used for so long are closed"),
    row("send.buffer.bytes", "131072", number(-1, INT_MAX, |c, v| c.send_buffer = socket_buffer(v)),
        "The sockets' send buffers (SO_SNDBUF); -1: the system's default"),
    row("receive.buffer.bytes", "32768", number(-1, INT_MAX, |c, v| c.receive_buffer = socket_buffer(v)),
        "The sockets' receive buffers (SO_RCVBUF); -1: the system's default"),
    row("security.protocol", "PLAINTEXT", Setter::Only {
            values: &["PLAINTEXT"],
            reason: "TLS and SASL are not implemented yet: use a PLAINTEXT listener" },
        "How to talk to the brokers"),

    // What Java needs and this producer does not.
    row("key.serializer", "", Setter::Only { values: SERIALIZERS, reason: SERIALIZER_REASON },
        "Keys are bytes or text here: accepted where it would change nothing, and may be left out"),
    row("value.serializer", "", Setter::Only { values: SERIALIZERS, reason: SERIALIZER_REASON },
        "Values are bytes or text here: accepted where it would change nothing, and may be left out"),
    row("interceptor.classes", "", Setter::Only { values: &[""], reason: JVM_CLASS }, "Classes that see each record"),
    row("metric.reporters", "", Setter::Only {
            values: &["", "org.apache.kafka.common.metrics.JmxReporter"],
            reason: "it names classes of a JVM: read Producer::stats instead, and remove it" },
        "Classes that publish metrics"),
    row("config.providers", "", Setter::Only { values: &[""], reason: JVM_CLASS }, "Classes that look up values"),
    row("enable.metrics.push", "true", Setter::Only {
            values: &["false"],
            reason: "pushing metrics to the brokers (KIP-714) is not implemented yet: set it to false, or leave it out" },
        "Send metrics to the brokers, where they ask for them (KIP-714)"),
    row("transaction.two.phase.commit.enable", "false", Setter::Only {
            values: &["false"],
            reason: "transactions are not implemented yet: leave it false" },
        "Transactions that an outer coordinator commits (KIP-939)"),
];

const SERIALIZERS: &[&str] = &[
    "org.apache.kafka.common.serialization.ByteArraySerializer",
    "org.apache.kafka.common.serialization.StringSerializer",
];

const SERIALIZER_REASON: &str = "records take bytes and text as they are: serialize before the send, and remove any other serializer";

const JVM_CLASS: &str = "it names classes of a JVM: remove it";
