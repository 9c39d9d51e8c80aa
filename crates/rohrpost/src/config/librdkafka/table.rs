//! librdkafka's properties that this producer honours.

use std::time::Duration;

use super::super::choices::{Acks, AddressFamily, DnsLookup, MetadataRecovery, Partitioning};
use super::super::property::PropertyType::{self, Boolean, Double, Int, List, String};
use super::super::property::{Property, Setter};
use super::super::reasons;
use super::super::table::{COMPRESSIONS, DNS_LOOKUPS};
use super::{Draft, with_port};

const INT_MAX: i64 = i32::MAX as i64;

const fn row(
    names: &'static [&'static str],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<Draft>,
    about: &'static str,
) -> Property<Draft> {
    Property::new(names, kind, default, setter, about)
}

const fn number(min: i64, max: i64, set: fn(&mut Draft, i64)) -> Setter<Draft> {
    Setter::Number { min, max, set }
}

const fn millis(min: i64, max: i64, set: fn(&mut Draft, Duration)) -> Setter<Draft> {
    Setter::Millis { min, max, set }
}

const fn named(
    of: &'static [&'static [&'static str]],
    set: fn(&mut Draft, usize),
) -> Setter<Draft> {
    Setter::Named { of, any_case: true, otherwise: None, set }
}

/// It does this anyway, and nothing else.
const fn only(values: &'static [&'static str], reason: &'static str) -> Setter<Draft> {
    Setter::Only { values, any_case: true, reason }
}

/// A number that was checked not to be negative.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Zero leaves the choice to the system.
fn socket_buffer(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|bytes| *bytes > 0)
}

const CODECS: &[&[&str]] = &[&["none"], &["gzip"], &["snappy"], &["lz4"], &["zstd"]];

const PARTITIONERS: &[&[&str]] = &[
    &["consistent_random"],
    &["random"],
    &["consistent"],
    &["murmur2"],
    &["murmur2_random"],
    &["fnv1a"],
    &["fnv1a_random"],
];

const PARTITIONINGS: [Partitioning; 7] = [
    Partitioning::ConsistentRandom,
    Partitioning::Random,
    Partitioning::Consistent,
    Partitioning::Murmur2,
    Partitioning::Default,
    Partitioning::Fnv1a,
    Partitioning::Fnv1aRandom,
];

#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property<Draft>] = &[
    // Who and where.
    row(&["bootstrap.servers", "metadata.broker.list"], List, "", Setter::List { blanks: true, set: |d, v| {
            d.config.bootstrap_servers = v.into_iter().map(with_port).collect();
        } },
        "Some brokers of the cluster, as host:port or host, whose port is 9092 then, separated by commas")
        .java(&["bootstrap.servers"]).differs("where there is none, port 0 and what is no address are mistakes here, and not found out later"),
    row(&["client.id"], String, "rdkafka", Setter::Text(|d, v| d.config.client_id = Some(v)),
        "The name that the brokers log for this producer and apply quotas to")
        .java(&["client.id"]),
    row(&["client.dns.lookup"], String, "use_all_dns_ips", named(DNS_LOOKUPS, |d, v| d.config.dns_lookup = DnsLookup::ALL[v]),
        "Every address that a name resolves to is tried, or each bootstrap server's is looked up for its own name first")
        .java(&["client.dns.lookup"]),
    row(&["broker.address.family"], String, "any", named(&[&["any"], &["v4"], &["v6"]], |d, v| {
            d.config.address_family = [AddressFamily::Any, AddressFamily::V4, AddressFamily::V6][v];
        }),
        "The addresses that are connected to")
        .method("address_family"),

    row(&["transactional.id"], String, "", Setter::Text(|d, v| d.config.transactional_id = Some(v).filter(|id| !id.is_empty())),
        "The name under which the brokers know the producer of transactions, and fence off older ones of the same name; for build_transactional alone. Switches idempotence on")
        .java(&["transactional.id"]),
    row(&["transaction.timeout.ms"], Int, "60000", millis(1_000, INT_MAX, |d, v| {
            d.config.transaction_timeout = v;
            d.config.has_transaction_timeout = true;
        }),
        "How long a transaction may stay open before the brokers abort it; message.timeout.ms and socket.timeout.ms follow it, and may be no longer")
        .java(&["transaction.timeout.ms"]),

    // What an acknowledgement means.
    row(&["request.required.acks", "acks"], Int, "-1", named(&[&["-1", "all"], &["0"], &["1"]], |d, v| {
            d.acks = Some([Acks::All, Acks::None, Acks::Leader][v]);
        }),
        "Who must have written a message before it counts: nobody (0), the leader (1), all in-sync replicas (-1)")
        .java(&["acks"]).differs("2 to 1000 are refused here: brokers refuse them too"),
    row(&["enable.idempotence"], Boolean, "false", Setter::Flag(|d, v| d.idempotence = Some(v)),
        "Retries write nothing twice and keep the order of each partition")
        .java(&["enable.idempotence"]),
    row(&["message.send.max.retries", "retries"], Int, "2147483647", number(0, INT_MAX, |d, v| d.retries = u32::try_from(v).ok()),
        "How often a batch may be sent again, within message.timeout.ms")
        .java(&["retries"]),
    row(&["max.in.flight.requests.per.connection", "max.in.flight"], Int, "1000000", number(1, 1_000_000, |d, v| d.max_in_flight = Some(size(v))),
        "Requests that may wait for their answers on one connection; with enable.idempotence=true at most 5, which is the default then")
        .java(&["max.in.flight.requests.per.connection"]),
    row(&["message.timeout.ms", "delivery.timeout.ms"], Int, "300000", millis(0, INT_MAX, |d, v| d.message_timeout = Some(if v.is_zero() { Draft::FOR_EVER } else { v })),
        "From the send until a message is delivered or failed, at most; 0: for ever")
        .java(&["delivery.timeout.ms"]),
    row(&["request.timeout.ms"], Int, "30000", millis(1, 900_000, |d, v| d.config.ack_timeout = Some(v)),
        "How long a broker waits for the replicas before it answers; Java's property of this name is socket.timeout.ms here")
        .method("ack_timeout"),
    row(&["socket.timeout.ms"], Int, "60000", millis(10, 300_000, |d, v| d.socket_timeout = Some(v)),
        "How long to wait for the answer to a request before the connection is given up; lowered to what message.timeout.ms leaves")
        .java(&["request.timeout.ms"]),
    row(&["retry.backoff.ms"], Int, "100", millis(1, 300_000, |d, v| d.config.retry_backoff = v),
        "The pause before the first retry; it doubles with each, with 20 % of jitter")
        .java(&["retry.backoff.ms"]),
    row(&["retry.backoff.max.ms"], Int, "1000", millis(1, 300_000, |d, v| d.config.retry_backoff_max = v),
        "The longest pause before a retry")
        .java(&["retry.backoff.max.ms"]),
    row(&["queuing.strategy"], String, "fifo", only(&["fifo"], "records of a partition keep their order: remove it"),
        "Which messages of a partition go first"),
    row(&["enable.gapless.guarantee"], Boolean, "false", only(&["false", "f", "0"], "a failed record does not stop the producer: stop at the first delivery that fails, and remove it"),
        "Stop at the first message that fails"),

    // Batches and memory.
    row(&["batch.size"], Int, "1000000", number(1, INT_MAX, |d, v| d.config.batch_size = size(v)),
        "Bytes of a batch; lowered to message.max.bytes")
        .java(&["batch.size"]).differs("counts bytes after compression, so that batches are full when they are sent"),
    row(&["queue.buffering.max.ms", "linger.ms"], Double, "5", Setter::Fraction { max: 900_000, set: |d, v| d.linger = Some(v) },
        "How long a batch that is not full waits for more messages")
        .java(&["linger.ms"]),
    row(&["compression.codec", "compression.type"], String, "none", named(CODECS, |d, v| d.config.compression = COMPRESSIONS[v]),
        "How batches are compressed")
        .java(&["compression.type"]),
    row(&["compression.level"], Int, "-1", number(-1, 12, |d, v| d.level = v as i32),
        "The codec's level: gzip 1 to 9, lz4 0 to 12, zstd 0 to 12; -1: its default")
        .java(&["compression.gzip.level", "compression.lz4.level", "compression.zstd.level"])
        .differs("a level that the codec has not is refused, and not lowered; lz4's levels above 2 need the feature lz4-c, the C library, and 9 is refused; so is gzip's 0"),
    row(&["queue.buffering.max.kbytes"], Int, "1048576", number(1, INT_MAX, |d, v| d.config.buffer_memory = size(v).saturating_mul(1024)),
        "KiB of messages that may be held; when they are, a send waits, and try_send gives the record back")
        .java(&["buffer.memory"]),
    row(&["queue.buffering.max.messages"], Int, "0", only(&["0"], "what is held is bounded by its bytes alone: set queue.buffering.max.kbytes, and remove it, or set it to 0"),
        "How many messages may be held; 0: any number")
        .differs("any number is the default here, and not 100000"),
    row(&["message.max.bytes"], Int, "1000000", number(1_000, 1_000_000_000, |d, v| d.config.max_request_size = size(v)),
        "Bytes of a request; no message may be larger, before compression")
        .java(&["max.request.size"]),
    row(&["queue.buffering.backpressure.threshold"], Int, "1", only(&["1"], "a batch that cannot be sent yet keeps filling: remove it"),
        "Unsent requests at which batches are held back"),
    row(&["delivery.report.only.error"], Boolean, "false", only(&["false", "f", "0"], "a delivery that is not looked at costs nothing: drop it, and remove this"),
        "Report failed messages alone"),

    // Partitions.
    row(&["partitioner"], String, "consistent_random", Setter::Named { of: PARTITIONERS, any_case: false, otherwise: None, set: |d, v| d.config.partitioning = PARTITIONINGS[v] },
        "Who chooses partitions for messages without one; where a key does not decide, they go to one partition for about batch.size bytes, then to another")
        .java(&["partitioner.class"]),
    row(&["allow.auto.create.topics"], Boolean, "true", Setter::Flag(|d, v| d.config.auto_create_topics = v),
        "Whether asking for a topic creates it, where the brokers allow that")
        .method("allow_auto_create_topics").differs("true is the default of librdkafka's producers, though its table has its consumers', false"),

    // Metadata.
    row(&["topic.metadata.refresh.interval.ms"], Int, "300000", Setter::NumberOr { or: -1, min: 0, max: 3_600_000, set: |d, v| {
            // Never, as far as a clock can tell.
            d.config.metadata_max_age = Duration::from_millis(u64::try_from(v).unwrap_or(u64::MAX));
        } },
        "After so long what is known of the cluster is asked for again; -1: never")
        .java(&["metadata.max.age.ms"]),
    row(&["topic.metadata.refresh.sparse"], Boolean, "true", only(&["true", "t", "1"], "only the topics that are sent to are asked for: remove it"),
        "Ask for the topics in use alone"),
    row(&["metadata.recovery.strategy"], String, "rebootstrap", named(&[&["rebootstrap"], &["none"]], |d, v| {
            d.config.metadata_recovery = [MetadataRecovery::Rebootstrap, MetadataRecovery::None][v];
        }),
        "What to do when no known broker can be reached: begin again at the bootstrap servers, or go on trying")
        .kip(&[899]).java(&["metadata.recovery.strategy"]),
    row(&["metadata.recovery.rebootstrap.trigger.ms"], Int, "300000", millis(0, INT_MAX, |d, v| d.config.rebootstrap_trigger = v),
        "Begin again at the bootstrap servers when metadata could not be got for so long")
        .kip(&[1102]).java(&["metadata.recovery.rebootstrap.trigger.ms"]),

    // Connections.
    row(&["reconnect.backoff.ms"], Int, "100", millis(0, 3_600_000, |d, v| d.config.reconnect_backoff = Some(v)),
        "The pause before a broker is connected to again; it doubles with each failure")
        .java(&["reconnect.backoff.ms"]).differs("the jitter is 20 % either way"),
    row(&["reconnect.backoff.max.ms"], Int, "10000", millis(0, 3_600_000, |d, v| d.config.reconnect_backoff_max = Some(v)),
        "The longest pause before a broker is connected to again")
        .java(&["reconnect.backoff.max.ms"]),
    row(&["socket.connection.setup.timeout.ms"], Int, "30000", millis(1_000, INT_MAX, |d, v| {
            d.config.connection_setup_timeout = v;
            d.config.connection_setup_timeout_max = v;
        }),
        "How long a connection may take to be made")
        .java(&["socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"]),
    row(&["connections.max.idle.ms"], Int, "0", millis(0, INT_MAX, |d, v| d.config.connections_max_idle = Some(v).filter(|time| !time.is_zero())),
        "Connections that are not used for so long are closed; 0: never")
        .java(&["connections.max.idle.ms"]),
    row(&["socket.send.buffer.bytes"], Int, "0", number(0, 100_000_000, |d, v| d.config.send_buffer = socket_buffer(v)),
        "The sockets' send buffers (SO_SNDBUF); 0: the system's default")
        .java(&["send.buffer.bytes"]),
    row(&["socket.receive.buffer.bytes"], Int, "0", number(0, 100_000_000, |d, v| d.config.receive_buffer = socket_buffer(v)),
        "The sockets' receive buffers (SO_RCVBUF); 0: the system's default")
        .java(&["receive.buffer.bytes"]),
    row(&["socket.keepalive.enable"], Boolean, "false", Setter::Flag(|d, v| d.config.keepalive = v),
        "Have the system probe idle connections (SO_KEEPALIVE)")
        .method("keepalive"),
    row(&["socket.nagle.disable"], Boolean, "true", Setter::Flag(|d, v| d.config.nodelay = v),
        "Send small packets at once (TCP_NODELAY)")
        .method("nodelay"),
    row(&["socket.max.fails"], Int, "1", only(&["1"], "a request without an answer in time always ends its connection: remove it"),
        "Requests without an answer in time that end a connection"),
    row(&["receive.message.max.bytes"], Int, "100000000", number(1_000, INT_MAX, |d, v| d.config.receive_message_max = size(v)),
        "Bytes of the largest answer that is taken")
        .method("receive_message_max"),
    row(&["api.version.request"], Boolean, "true", only(&["true", "t", "1"], "brokers are always asked for what they speak: remove it"),
        "Ask brokers for the versions that they speak")
        .kip(&[35]),
    row(&["enable.metrics.push"], Boolean, "true", only(&["false", "f", "0"], reasons::TELEMETRY),
        "Send metrics to the brokers, where they ask for them")
        .kip(&[714]).java(&["enable.metrics.push"]),
    row(&["statistics.interval.ms"], Int, "0", only(&["0"], "statistics are read, not emitted: call Producer::stats when you want them, and remove it"),
        "How often statistics are emitted; 0: never"),
];
