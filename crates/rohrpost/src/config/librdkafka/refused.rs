//! librdkafka's properties that this producer has nothing for.

use super::super::property::PropertyType::{self, Boolean, Callback, Int, List, String};
use super::super::property::{Property, Setter};
use super::super::reasons::{CONSUMER, RACK};
use super::Draft;

const CALLBACK: &str =
    "it is a function or a pointer of a C program: await the deliveries instead, and remove it";
const UNUSED: &str = "librdkafka itself no longer uses it: remove it";
const LOGGING: &str = "it tunes librdkafka's own log: remove it";
const INTERNAL: &str = "it tunes librdkafka's own workings: remove it";
const MOCK: &str = "brokers within the process of a test are a rohrpost_testkit::Cluster: set bootstrap.servers to what its bootstrap_servers() says, and remove it";
const VERSIONS: &str = "brokers are always asked for what they speak, with socket.timeout.ms for the answer: remove it";
const METADATA: &str = "metadata is asked for again after retry.backoff.ms, and for as long as a send may wait: set that by the builder's max_block, and remove it";

const fn row(
    names: &'static [&'static str],
    kind: PropertyType,
    default: &'static str,
    reason: &'static str,
    about: &'static str,
) -> Property<Draft> {
    Property::new(names, kind, default, Setter::Refused(reason), about)
}

const fn callback(name: &'static [&'static str; 1], about: &'static str) -> Property<Draft> {
    Property::new(name, Callback, "", Setter::Refused(CALLBACK), about)
}

const fn consumer(name: &'static [&'static str], about: &'static str) -> Property<Draft> {
    Property::new(name, String, "", Setter::Refused(CONSUMER), about)
}

#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property<Draft>] = &[
    // Batches, metadata, connections.
    row(&["batch.num.messages"], Int, "10000", "batches are bounded by their bytes alone: set batch.size, and remove it", "Messages of a batch, at most"),
    row(&["message.copy.max.bytes"], Int, "65535", "every payload is copied once, into its batch: remove it", "Messages up to so many bytes are copied"),
    row(&["sticky.partitioning.linger.ms"], Int, "10", "messages whose key does not decide change their partition after about batch.size bytes: remove it", "How long they stay with a partition").kip(&[480]),
    row(&["metadata.max.age.ms"], Int, "900000", "what is known is kept until it is known anew: set topic.metadata.refresh.interval.ms, which is Java's metadata.max.age.ms, and remove it", "After so long what is known is forgotten"),
    row(&["topic.metadata.refresh.fast.interval.ms"], Int, "100", METADATA, "The pause before metadata of a lost leader is asked for again"),
    row(&["topic.metadata.refresh.fast.cnt"], Int, "10", UNUSED, "How often"),
    row(&["topic.metadata.propagation.max.ms"], Int, "30000", METADATA, "How long a new topic may be unknown to brokers"),
    row(&["topic.blacklist"], List, "", "a producer only learns of the topics that it sends to: remove it", "Topics that do not count"),
    row(&["broker.address.ttl"], Int, "1000", "a name is resolved for each connection: remove it", "How long a broker's address is kept"),
    row(&["reconnect.backoff.jitter.ms"], Int, "0", UNUSED, "Chance in the pause before a broker is connected to again"),
    row(&["socket.blocking.max.ms"], Int, "1000", UNUSED, "How long a socket may block"),
    row(&["api.version.request.timeout.ms"], Int, "10000", VERSIONS, "How long the answer may take"),
    row(&["api.version.fallback.ms"], Int, "0", VERSIONS, "How long to do without an answer"),
    row(&["broker.version.fallback"], String, "0.10.0", VERSIONS, "What to believe without an answer"),
    row(&["produce.offset.report"], Boolean, "false", UNUSED, "Report each message's offset"),
    row(&["client.rack"], String, "", RACK, "The rack or zone of the client"),

    // The library itself.
    row(&["builtin.features"], List, "gzip, snappy, ssl, sasl, regex, lz4, sasl_gssapi, sasl_plain, sasl_scram, plugins, zstd, sasl_oauthbearer, http, oidc", INTERNAL, "What this build of librdkafka must have"),
    row(&["debug"], List, "", LOGGING, "What to log much of"),
    row(&["log_level"], Int, "6", LOGGING, "What to log at all"),
    row(&["log.queue"], Boolean, "false", LOGGING, "Log through a queue"),
    row(&["log.thread.name"], Boolean, "true", LOGGING, "Log threads' names"),
    row(&["log.connection.close"], Boolean, "true", LOGGING, "Log lost connections"),
    row(&["enable.random.seed"], Boolean, "true", INTERNAL, "Seed C's source of chance"),
    row(&["enabled_events"], Int, "0", INTERNAL, "The events that are queued"),
    row(&["internal.termination.signal"], Int, "0", INTERNAL, "The signal that ends its threads"),
    row(&["plugin.library.paths"], List, "", "it loads C libraries: remove it", "Plug-ins to load"),
    row(&["test.mock.num.brokers"], Int, "0", MOCK, "So many brokers within the process, in the place of bootstrap.servers"),
    row(&["test.mock.broker.rtt"], Int, "0", "answers of a rohrpost_testkit::Cluster are late by Fault::delay: inject that, and remove it", "How late the answers of such brokers are"),
    callback(&["error_cb"], "Is told of errors"),
    callback(&["throttle_cb"], "Is told of quotas"),
    callback(&["stats_cb"], "Is told of statistics"),
    callback(&["log_cb"], "Is told what is logged"),
    callback(&["background_event_cb"], "Is told of events"),
    callback(&["socket_cb"], "Makes sockets"),
    callback(&["connect_cb"], "Connects sockets"),
    callback(&["closesocket_cb"], "Closes sockets"),
    callback(&["open_cb"], "Opens files"),
    callback(&["resolve_cb"], "Resolves names"),
    callback(&["opaque"], "Is handed to callbacks"),
    callback(&["default_topic_conf"], "What topics are configured with"),
    callback(&["dr_cb"], "Is told of deliveries"),
    callback(&["dr_msg_cb"], "Is told of deliveries"),
    callback(&["partitioner_cb"], "Chooses partitions: the builder's partitioner does here"),
    callback(&["msg_order_cmp"], "Orders messages"),
    callback(&["interceptors"], "See each message"),

    // TLS.
    callback(&["ssl_key"], "The private key"),
    callback(&["ssl_certificate"], "The client's certificate"),
    callback(&["ssl_ca"], "The certificates to trust"),
    callback(&["ssl_engine_callback_data"], "Is handed to that engine"),
    callback(&["ssl.certificate.verify_cb"], "Checks brokers' certificates"),

    // SASL.
    callback(&["oauthbearer_token_refresh_cb"], "Renews tokens"),

    // Consumers.
    consumer(&["group.id"], "The consumer's group"),
    consumer(&["group.instance.id"], "The consumer's fixed name in its group"),
    consumer(&["partition.assignment.strategy"], "How partitions are shared out"),
    consumer(&["session.timeout.ms"], "When a silent consumer counts as gone"),
    consumer(&["heartbeat.interval.ms"], "How often a consumer shows that it lives"),
    consumer(&["group.protocol.type"], "How groups are managed"),
    consumer(&["group.protocol"], "How groups are managed"),
    consumer(&["group.remote.assignor"], "Who shares partitions out"),
    consumer(&["coordinator.query.interval.ms"], "How often the coordinator is asked for"),
    consumer(&["max.poll.interval.ms"], "How long a consumer may work on what it was given"),
    consumer(&["enable.auto.commit", "auto.commit.enable"], "Commit offsets at times"),
    consumer(&["auto.commit.interval.ms"], "How often"),
    consumer(&["enable.auto.offset.store"], "Which offsets"),
    consumer(&["queued.min.messages"], "Messages to hold ready"),
    consumer(&["queued.max.messages.kbytes"], "KiB to hold ready"),
    consumer(&["fetch.wait.max.ms"], "How long brokers wait for messages"),
    consumer(&["fetch.queue.backoff.ms"], "The pause while enough is ready"),
    consumer(&["fetch.message.max.bytes", "max.partition.fetch.bytes"], "Bytes of a partition's answer"),
    consumer(&["fetch.max.bytes"], "Bytes of an answer"),
    consumer(&["fetch.min.bytes"], "Bytes worth an answer"),
    consumer(&["fetch.error.backoff.ms"], "The pause after an error"),
    consumer(&["offset.store.method"], "Where offsets are kept"),
    consumer(&["offset.store.path"], "The file that they are kept in"),
    consumer(&["offset.store.sync.interval.ms"], "How often that is written"),
    consumer(&["isolation.level"], "Whether open transactions are seen"),
    consumer(&["consume_cb"], "Is handed messages"),
    consumer(&["consume.callback.max.messages"], "How many at once"),
    consumer(&["rebalance_cb"], "Is told of partitions"),
    consumer(&["offset_commit_cb"], "Is told of commits"),
    consumer(&["enable.partition.eof"], "Say when a partition is at its end"),
    consumer(&["check.crcs"], "Check what was read"),
    consumer(&["max.poll.records"], "Messages of a poll"),
    consumer(&["share.acknowledgement.mode"], "How messages are acknowledged"),
    consumer(&["auto.offset.reset"], "Where to begin"),
];
