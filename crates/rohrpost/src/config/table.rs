//! Java's properties that this producer honours.

use std::time::Duration;

use super::choices::{
    Acks, Compression, DnsLookup, MetadataRecovery, Partitioning, SerializerClass,
};
use super::property::PropertyType::{self, Boolean, Class, Int, List, Long, String};
use super::property::{Property, Refusal, Setter};
use super::{ProducerConfig, reasons};

const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;

pub(super) const fn row(
    name: &'static [&'static str; 1],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<ProducerConfig>,
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, kind, default, setter, about)
}

const fn number(min: i64, max: i64, set: fn(&mut ProducerConfig, i64)) -> Setter<ProducerConfig> {
    Setter::Number { min, max, set }
}

const fn millis(
    min: i64,
    max: i64,
    set: fn(&mut ProducerConfig, Duration),
) -> Setter<ProducerConfig> {
    Setter::Millis { min, max, set }
}

/// One of these, in upper or lower case if `any_case`.
const fn named(
    of: &'static [&'static [&'static str]],
    any_case: bool,
    set: fn(&mut ProducerConfig, usize),
) -> Setter<ProducerConfig> {
    Setter::Named { of, any_case, otherwise: None, set }
}

pub(super) const fn only(
    values: &'static [&'static str],
    reason: &'static str,
) -> Setter<ProducerConfig> {
    Setter::Only { values, any_case: true, reason }
}

const fn serializer(set: fn(&mut ProducerConfig, usize)) -> Setter<ProducerConfig> {
    Setter::Named {
        of: SerializerClass::NAMES,
        any_case: false,
        otherwise: Some(reasons::SERIALIZER),
        set,
    }
}

/// A number that was checked not to be negative.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What goes into requests, as a string of at most 32767 bytes.
pub(super) fn transactional_id(text: &str) -> Result<std::string::String, Refusal> {
    const MAX: usize = i16::MAX as usize;
    match text.len() {
        0 => Err(Refusal::Invalid("it is empty".to_owned())),
        1..=MAX => Ok(text.to_owned()),
        len => Err(Refusal::Invalid(format!(
            "it has {len} bytes, and no request can carry more than {MAX}"
        ))),
    }
}

/// Two-phase commit is unstable, and nothing that a program gets without asking for it by name.
fn two_phase_commit(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "false" => Ok(false),
        "true" if cfg!(feature = "unstable-two-phase-commit") => Ok(true),
        "true" => Err(Refusal::Unsupported(reasons::TWO_PHASE_COMMIT)),
        _ => Err(Refusal::Invalid("it is neither true nor false".to_owned())),
    }
}

/// A number that was checked to be -1 or a 32-bit one: -1 leaves the choice to the system.
fn socket_buffer(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

pub(super) const DNS_LOOKUPS: &[&[&str]] =
    &[&["use_all_dns_ips"], &["resolve_canonical_bootstrap_servers_only"]];

const PARTITIONERS: &[&[&str]] = &[
    &[
        "org.apache.kafka.clients.producer.RoundRobinPartitioner",
        "RoundRobinPartitioner",
        "round_robin",
    ],
    &["murmur2_random"],
    &["murmur2"],
    &["consistent"],
    &["consistent_random"],
    &["fnv1a"],
    &["fnv1a_random"],
    &["random"],
    &["sarama_reference"],
    &["sarama_crc32"],
];

pub(super) const PARTITIONINGS: [Partitioning; 10] = [
    Partitioning::RoundRobin,
    Partitioning::Default,
    Partitioning::Murmur2,
    Partitioning::Consistent,
    Partitioning::ConsistentRandom,
    Partitioning::Fnv1a,
    Partitioning::Fnv1aRandom,
    Partitioning::Random,
    Partitioning::SaramaReference,
    Partitioning::SaramaCrc32,
];

pub(super) const COMPRESSIONS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

const ADDRESSES: &str = "port 0, URLs such as http://host:1 and IPv6 addresses without brackets are refused: nothing can be connected to there";
const NO_NEGATIVE_TIME: &str = "negative times are refused: they mean nothing";
const SHORT_NAMES: &str = "takes short names too, and may be left out: bytes and text are sent as they are; a Producer refuses those that would encode anything else, and a TypedProducer those that are not the ones it is given";

#[rustfmt::skip]
pub(crate) static PROPERTIES: &[Property<ProducerConfig>] = &[
    // Who and where.
    row(&["bootstrap.servers"], List, "", Setter::List { blanks: false, set: |c, v| c.bootstrap_servers = v },
        "Some brokers of the cluster, as host:port, separated by commas; the others are found through them")
        .method("bootstrap_servers").differs(ADDRESSES),
    row(&["bootstrap.resolve.timeout.ms"], Long, "0", millis(0, LONG_MAX, |c, v| c.bootstrap_resolve_timeout = v),
        "How long to go on trying to resolve the bootstrap servers' names before giving up")
        .kip(&[909]).method("bootstrap_resolve_timeout"),
    row(&["client.id"], String, "", Setter::Text(|c, v| c.client_id = Some(v)),
        "The name that the brokers log for this producer and apply quotas to; not set, rohrpost-producer-1 and so on")
        .method("client_id").differs("at most 32767 bytes: no request can carry more"),
    row(&["client.dns.lookup"], String, "use_all_dns_ips", named(DNS_LOOKUPS, false, |c, v| c.dns_lookup = DnsLookup::ALL[v]),
        "Every address that a name resolves to is tried, or each bootstrap server's is looked up for its own name first")
        .kip(&[235, 302, 602]).method("dns_lookup"),

    // What an acknowledgement means.
    row(&["acks"], String, "all", named(&[&["all", "-1"], &["0"], &["1"]], false, |c, v| {
            c.acks = [Acks::All, Acks::None, Acks::Leader][v];
        }),
        "Who must have written a record before it counts: nobody (0), the leader (1), all in-sync replicas (all)")
        .kip(&[679]).method("acks"),
    row(&["enable.idempotence"], Boolean, "true", Setter::Flag(|c, v| c.idempotence = Some(v)),
        "Retries write nothing twice and keep the order of each partition; not set, off where acks or retries exclude it")
        .kip(&[98, 679]).method("idempotence"),
    row(&["retries"], Int, "2147483647", number(0, INT_MAX, |c, v| c.retries = u32::try_from(v).unwrap_or(u32::MAX)),
        "How often a batch may be sent again, within delivery.timeout.ms")
        .kip(&[91]).method("retries"),
    row(&["max.in.flight.requests.per.connection"], Int, "5", number(1, INT_MAX, |c, v| c.max_in_flight = size(v)),
        "Requests that may wait for their answers on one connection; at most 5, unless enable.idempotence=false")
        .method("max_in_flight"),
    row(&["delivery.timeout.ms"], Int, "120000", millis(0, INT_MAX, |c, v| c.delivery_timeout = Some(v)),
        "From the send until a record is acknowledged or failed, at most; at least linger.ms + request.timeout.ms, to which the default is raised")
        .kip(&[91]).method("delivery_timeout"),
    row(&["request.timeout.ms"], Int, "30000", millis(0, INT_MAX, |c, v| c.request_timeout = v),
        "How long to wait for the answer to a request before the connection is given up")
        .kip(&[19]).method("request_timeout"),
    row(&["retry.backoff.ms"], Long, "100", millis(0, LONG_MAX, |c, v| c.retry_backoff = v),
        "The pause before the first retry; it doubles with each, with 20 % of jitter")
        .kip(&[580]).method("retry_backoff"),
    row(&["retry.backoff.max.ms"], Long, "1000", millis(0, LONG_MAX, |c, v| c.retry_backoff_max = v),
        "The longest pause before a retry")
        .kip(&[580]).method("retry_backoff"),

    // Transactions.
    row(&["transactional.id"], String, "", Setter::Parsed { accepted: "a text that is not empty", set: |c, v| {
            c.transactional_id = Some(transactional_id(v)?);
            Ok(())
        } },
        "The name under which the brokers know the producer of transactions, and fence off older ones of the same name; for build_transactional alone")
        .kip(&[98]).method("transactional_id"),
    row(&["transaction.timeout.ms"], Int, "60000", millis(1, INT_MAX, |c, v| {
            c.transaction_timeout = v;
            c.has_transaction_timeout = true;
        }),
        "How long a transaction may stay open before the brokers abort it; at most what they allow (transaction.max.timeout.ms)")
        .kip(&[98]).method("transaction_timeout").differs("0 and negative times are refused: no broker takes them"),
    row(&["transaction.two.phase.commit.enable"], Boolean, "false",
        Setter::Parsed { accepted: "false; true with the feature unstable-two-phase-commit", set: |c, v| {
            c.two_phase_commit = two_phase_commit(v)?;
            Ok(())
        } },
        "Whether another coordinator decides on transactions, which are prepared and have no time-out then")
        .kip(&[939]).method("two_phase_commit").differs("without transactional.id it is an error"),

    // Batches and memory.
    row(&["batch.size"], Int, "16384", number(0, INT_MAX, |c, v| c.batch_size = size(v)),
        "Bytes of a batch, after compression; only a single larger record exceeds it; 0: each record by itself")
        .method("batch_size"),
    row(&["linger.ms"], Long, "5", millis(0, LONG_MAX, |c, v| c.linger = v),
        "How long a batch that is not full waits for more records")
        .kip(&[1030]).method("linger"),
    row(&["compression.type"], String, "none",
        named(&[&["none"], &["gzip"], &["snappy"], &["lz4"], &["zstd"]], false, |c, v| c.compression = COMPRESSIONS[v]),
        "How batches are compressed")
        .kip(&[110]).method("compression"),
    row(&["compression.gzip.level"], Int, "-1", Setter::NumberOr { or: -1, min: 1, max: 9, set: |c, v| c.gzip_level = v as i32 },
        "gzip's level: 1 is fast, 9 is small, -1 its default")
        .kip(&[390]).method("compression_with_level"),
    row(&["compression.lz4.level"], Int, "9", number(1, 17, |c, v| c.lz4_level = v as i32),
        "LZ4's level: 9 is its fast mode, the others compress more")
        .kip(&[390]).method("compression_with_level")
        .differs("levels other than 9 need the feature lz4-c, the C library"),
    row(&["compression.zstd.level"], Int, "3", number(-131_072, 22, |c, v| c.zstd_level = v as i32),
        "Zstandard's level: small and negative ones are fast, 22 is small")
        .kip(&[390]).method("compression_with_level"),
    row(&["buffer.memory"], Long, "33554432", number(0, LONG_MAX, |c, v| c.buffer_memory = size(v)),
        "Bytes of records that may be held before sends wait")
        .method("buffer_memory"),
    row(&["buffer.memory.allocation.strategy"], String, "full", named(&[&["full"], &["incremental"]], true, |_, _| {}),
        "How a batch takes memory: both values mean that it grows with use, here")
        .kip(&[1332]).differs("memory always grows with use: no batch reserves more than it holds, so full has nothing to reserve"),
    row(&["max.block.ms"], Long, "60000", millis(0, LONG_MAX, |c, v| c.max_block = v),
        "How long a send waits for room and for knowledge of its topic, at most")
        .kip(&[19]).method("max_block"),
    row(&["max.request.size"], Int, "1048576", number(0, INT_MAX, |c, v| c.max_request_size = size(v)),
        "Bytes of a request; no record may be larger, before compression")
        .method("max_request_size"),

    // Partitions.
    row(&["partitioner.class"], Class, "", named(PARTITIONERS, false, |c, v| {
            c.partitioner = None;
            c.partitioning = PARTITIONINGS[v];
        }),
        "Who chooses partitions for records without one; not set, Kafka's default: keys by their murmur2 hash, others by batches")
        .kip(&[22, 480, 794]).method("partitioning")
        .differs("takes Java's RoundRobinPartitioner and short names, librdkafka's and Sarama's partitioners among them (Sarama's default is fnv1a_random); one's own by the builder's partitioner"),
    row(&["partitioner.ignore.keys"], Boolean, "false", Setter::Flag(|c, v| c.ignore_keys = v),
        "Records with a key are spread as those without, by the default partitioner")
        .kip(&[794]).method("ignore_keys"),
    row(&["partitioner.adaptive.partitioning.enable"], Boolean, "true", Setter::Flag(|c, v| c.adaptive_partitioning = v),
        "Partitions of slow brokers get fewer records without a key")
        .kip(&[794]).method("adaptive_partitioning"),
    row(&["partitioner.availability.timeout.ms"], Long, "0", millis(0, LONG_MAX, |c, v| c.availability_timeout = v),
        "Partitions whose broker takes nothing for so long get no records without a key; 0: off")
        .kip(&[794]).method("partitioner_availability_timeout"),
    row(&["partitioner.rack.aware"], Boolean, "false", Setter::Flag(|c, v| c.rack_aware = v),
        "Records without a key go to leaders in the rack that client.rack names, if there are any")
        .kip(&[1123]).method("rack_aware"),
    row(&["client.rack"], String, "", Setter::Text(|c, v| c.rack = Some(v).filter(|rack| !rack.is_empty())),
        "The rack or zone of the producer, as broker.rack names the brokers'")
        .kip(&[1123]).method("rack_aware"),

    // Metadata.
    row(&["metadata.max.age.ms"], Long, "300000", millis(0, LONG_MAX, |c, v| c.metadata_max_age = v),
        "After so long what is known of the cluster is asked for again")
        .method("metadata_max_age"),
    row(&["metadata.max.idle.ms"], Long, "300000", millis(5_000, LONG_MAX, |c, v| c.metadata_max_idle = v),
        "A topic that is not sent to for so long is forgotten")
        .kip(&[526]).method("metadata_max_idle"),
    row(&["metadata.recovery.strategy"], String, "rebootstrap", named(&[&["rebootstrap"], &["none"]], true, |c, v| {
            c.metadata_recovery = [MetadataRecovery::Rebootstrap, MetadataRecovery::None][v];
        }),
        "What to do when no known broker can be reached: begin again at the bootstrap servers, or go on trying")
        .kip(&[899, 1102]).method("metadata_recovery"),
    row(&["metadata.recovery.rebootstrap.trigger.ms"], Long, "300000", millis(0, LONG_MAX, |c, v| c.rebootstrap_trigger = v),
        "Begin again at the bootstrap servers when metadata could not be got for so long")
        .kip(&[1102]).method("metadata_recovery_rebootstrap_trigger"),
    row(&["metadata.cluster.check.enable"], Boolean, "true", Setter::Flag(|c, v| c.cluster_check = v),
        "Tell brokers which cluster and broker is meant, so that a misrouted connection is found")
        .kip(&[1242]).method("metadata_cluster_check"),

    // Connections.
    row(&["reconnect.backoff.ms"], Long, "50", millis(0, LONG_MAX, |c, v| c.reconnect_backoff = Some(v)),
        "The pause before a broker is connected to again; it doubles with each failure, with 20 % of jitter")
        .kip(&[144]).method("reconnect_backoff"),
    row(&["reconnect.backoff.max.ms"], Long, "1000", millis(0, LONG_MAX, |c, v| c.reconnect_backoff_max = Some(v)),
        "The longest pause before a broker is connected to again; if only reconnect.backoff.ms is set, pauses do not grow")
        .kip(&[144]).method("reconnect_backoff"),
    row(&["socket.connection.setup.timeout.ms"], Long, "10000", millis(0, LONG_MAX, |c, v| c.connection_setup_timeout = v),
        "How long a connection may take to be made; it doubles with each failure, with 20 % of jitter")
        .kip(&[601]).method("connection_setup_timeout").differs(NO_NEGATIVE_TIME),
    row(&["socket.connection.setup.timeout.max.ms"], Long, "30000", millis(0, LONG_MAX, |c, v| c.connection_setup_timeout_max = v),
        "The longest time for a connection to be made")
        .kip(&[601]).method("connection_setup_timeout").differs(NO_NEGATIVE_TIME),
    row(&["connections.max.idle.ms"], Long, "540000", Setter::MillisOrNever(|c, v| c.connections_max_idle = v),
        "Connections that are not used for so long are closed")
        .method("connections_max_idle"),
    row(&["send.buffer.bytes"], Int, "131072", number(-1, INT_MAX, |c, v| c.send_buffer = socket_buffer(v)),
        "The sockets' send buffers (SO_SNDBUF); -1: the system's default")
        .method("send_buffer"),
    row(&["receive.buffer.bytes"], Int, "32768", number(-1, INT_MAX, |c, v| c.receive_buffer = socket_buffer(v)),
        "The sockets' receive buffers (SO_RCVBUF); -1: the system's default")
        .method("receive_buffer"),

    // What Java needs and this producer does not.
    row(&["key.serializer"], Class, "", serializer(|c, v| c.key_serializer = Some(SerializerClass::ALL[v])),
        "What makes bytes of a key (of text: in the character set of key.serializer.encoding, or serializer.encoding)")
        .method("key_serializer").differs(SHORT_NAMES),
    row(&["value.serializer"], Class, "", serializer(|c, v| c.value_serializer = Some(SerializerClass::ALL[v])),
        "What makes bytes of a value (of text: in the character set of value.serializer.encoding, or serializer.encoding)")
        .method("value_serializer").differs(SHORT_NAMES),
    row(&["interceptor.classes"], List, "", only(&[""], reasons::INTERCEPTORS), "Classes that see each record")
        .kip(&[42]),
    row(&["metric.reporters"], List, "org.apache.kafka.common.metrics.JmxReporter",
        only(&["org.apache.kafka.common.metrics.JmxReporter", ""], reasons::REPORTERS),
        "Classes that publish metrics")
        .kip(&[830]),
    row(&["config.providers"], List, "", Setter::Parsed { accepted: "a list separated by commas, nothing between them being empty", set: |c, v| c.providers.name(v) },
        "Names of providers of values that stand elsewhere, each with config.providers.NAME.class (EnvVarConfigProvider, FileConfigProvider, DirectoryConfigProvider) and .param.; ${NAME:PATH:KEY} or ${NAME:KEY} in a value refers to one")
        .kip(&[297, 421, 887]).method("properties").differs("a reference to nothing is an error, where Java leaves it as it is written; there are no other classes, and one that is not set up is an error even where security.protocol makes no use of it"),
    row(&["enable.metrics.push"], Boolean, "true", only(&["false"], reasons::TELEMETRY),
        "Send metrics to the brokers, where they ask for them")
        .kip(&[714]),
];
