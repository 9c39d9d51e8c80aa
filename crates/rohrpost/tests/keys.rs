//! Every property that is honoured does something: for each, two values and what differs.
//!
//! Mostly in virtual time: once everything waits, the clock jumps to what comes next.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "keys/batches.rs"]
mod batches;
#[path = "keys/connections.rs"]
mod connections;
#[path = "keys/delivery.rs"]
mod delivery;
#[path = "keys/librdkafka.rs"]
mod librdkafka;
#[path = "keys/metadata.rs"]
mod metadata;
#[path = "keys/partitions.rs"]
mod partitions;
#[path = "keys/topics.rs"]
mod topics;
#[path = "keys/wire.rs"]
mod wire;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::Cluster;
use tokio::runtime::Builder;
use tokio::time::Instant;

/// Each key and the test that shows what it does: `file::name`, here; or, with a path, in another file of this crate.
const SHOWN: &[(&str, &str)] = &[
    ("acks", "delivery::acks"),
    ("batch.size", "batches::batch_size"),
    ("bootstrap.resolve.timeout.ms", "connections::bootstrap_resolve_timeout"),
    ("bootstrap.servers", "connections::bootstrap_servers"),
    ("buffer.memory", "batches::buffer_memory"),
    ("buffer.memory.allocation.strategy", "batches::buffer_memory_allocation_strategy"),
    ("client.dns.lookup", "connections::client_dns_lookup"),
    ("client.id", "connections::client_id"),
    ("client.rack", "partitions::client_rack"),
    ("compression.gzip.level", "batches::compression_gzip_level"),
    ("compression.lz4.level", "batches::compression_lz4_level"),
    ("compression.type", "batches::compression_type"),
    ("compression.zstd.level", "batches::compression_zstd_level"),
    ("config.providers", "src/config/providers/tests.rs::a_reference_stands_for_what_is_there"),
    ("connections.max.idle.ms", "connections::connections_max_idle"),
    ("delivery.timeout.ms", "delivery::delivery_timeout"),
    ("enable.idempotence", "delivery::enable_idempotence"),
    ("key.serializer", "batches::serializers"),
    ("linger.ms", "batches::linger"),
    ("max.block.ms", "batches::max_block"),
    ("max.in.flight.requests.per.connection", "delivery::max_in_flight"),
    ("max.request.size", "batches::max_request_size"),
    ("metadata.cluster.check.enable", "metadata::metadata_cluster_check"),
    ("metadata.max.age.ms", "metadata::metadata_max_age"),
    ("metadata.max.idle.ms", "metadata::metadata_max_idle"),
    ("metadata.recovery.rebootstrap.trigger.ms", "metadata::metadata_recovery_rebootstrap_trigger"),
    ("metadata.recovery.strategy", "metadata::metadata_recovery_strategy"),
    ("partitioner.adaptive.partitioning.enable", "partitions::adaptive_partitioning"),
    ("partitioner.availability.timeout.ms", "partitions::availability_timeout"),
    ("partitioner.class", "partitions::partitioner_class"),
    ("partitioner.ignore.keys", "partitions::ignore_keys"),
    ("partitioner.rack.aware", "partitions::rack_aware"),
    ("receive.buffer.bytes", "src/config/driver/tests.rs::sockets_by_javas_names"),
    ("reconnect.backoff.max.ms", "connections::reconnect_backoff_max"),
    ("reconnect.backoff.ms", "connections::reconnect_backoff"),
    ("request.timeout.ms", "delivery::request_timeout"),
    ("retries", "delivery::retries"),
    ("retry.backoff.max.ms", "delivery::retry_backoff_max"),
    ("retry.backoff.ms", "delivery::retry_backoff"),
    ("security.protocol", "tests/security/tls.rs::security_protocol"),
    ("send.buffer.bytes", "src/config/driver/tests.rs::sockets_by_javas_names"),
    ("socket.connection.setup.timeout.max.ms", "connections::connection_setup_timeout_max"),
    ("socket.connection.setup.timeout.ms", "connections::connection_setup_timeout"),
    ("transaction.timeout.ms", "tests/transactions/settings.rs::transaction_timeout"),
    (
        "transaction.two.phase.commit.enable",
        "tests/transactions/two_phase.rs::what_is_prepared_is_committed_or_aborted_as_is_decided",
    ),
    ("transactional.id", "tests/transactions/settings.rs::transactional_id"),
    ("value.serializer", "batches::serializers"),
];

/// Those of TLS, where this build has it.
const SHOWN_OF_TLS: &[(&str, &str)] = &[
    ("ssl.cipher.suites", "tests/security/tls.rs::ssl_cipher_suites"),
    ("ssl.enabled.protocols", "tests/security/tls.rs::ssl_enabled_protocols"),
    (
        "ssl.endpoint.identification.algorithm",
        "tests/security/tls.rs::ssl_endpoint_identification_algorithm",
    ),
    ("ssl.key.password", "tests/security/tls.rs::ssl_keystore_of_other_types"),
    ("ssl.keystore.certificate.chain", "tests/security/tls.rs::ssl_keystore_of_pem"),
    ("ssl.keystore.key", "tests/security/tls.rs::ssl_keystore_of_pem"),
    ("ssl.keystore.location", "tests/security/tls.rs::ssl_keystore_of_pem"),
    ("ssl.keystore.password", "tests/security/tls.rs::ssl_keystore_of_other_types"),
    ("ssl.keystore.type", "tests/security/tls.rs::ssl_keystore_of_pem"),
    ("ssl.truststore.certificates", "tests/security/tls.rs::ssl_truststore"),
    ("ssl.truststore.location", "tests/security/tls.rs::ssl_truststore"),
    ("ssl.truststore.password", "tests/security/tls.rs::ssl_truststore_password"),
    ("ssl.truststore.type", "tests/security/tls.rs::ssl_truststore"),
];

/// Those of SASL, where this build has it.
const SHOWN_OF_SASL: &[(&str, &str)] = &[
    (
        "sasl.client.callback.handler.class",
        "src/config/security/oauth/tests.rs::what_lacks_contradicts_or_makes_no_sense_here_says_so",
    ),
    ("sasl.jaas.config", "tests/security/sasl.rs::each_mechanism_lets_in_who_knows_the_password"),
    (
        "sasl.login.callback.handler.class",
        "tests/security/tokens.rs::unsecured_tokens_are_made_where_their_class_is_named",
    ),
    (
        "sasl.login.class",
        "src/config/security/oauth/tests.rs::what_lacks_contradicts_or_makes_no_sense_here_says_so",
    ),
    ("sasl.mechanism", "tests/security/sasl.rs::each_mechanism_lets_in_who_knows_the_password"),
];

/// Those of tokens, where this build has them.
const SHOWN_OF_OAUTH: &[(&str, &str)] = &[
    (
        "sasl.login.connect.timeout.ms",
        "src/config/security/oauth/tests/https.rs::a_server_that_never_answers_in_tls_is_given_up_in_the_time_for_connecting",
    ),
    ("sasl.login.read.timeout.ms", "src/config/security/oauth/tests.rs::timeouts_and_attempts"),
    (
        "sasl.login.refresh.buffer.seconds",
        "src/config/security/oauth/tests.rs::when_tokens_are_replaced",
    ),
    (
        "sasl.login.refresh.min.period.seconds",
        "src/config/security/oauth/tests.rs::when_tokens_are_replaced",
    ),
    (
        "sasl.login.refresh.window.factor",
        "src/config/security/oauth/tests.rs::when_tokens_are_replaced",
    ),
    (
        "sasl.login.refresh.window.jitter",
        "src/config/security/oauth/tests.rs::when_tokens_are_replaced",
    ),
    (
        "sasl.login.retry.backoff.max.ms",
        "src/config/security/oauth/tests.rs::when_tokens_are_replaced",
    ),
    ("sasl.login.retry.backoff.ms", "src/config/security/oauth/tests.rs::when_tokens_are_replaced"),
    ("sasl.oauthbearer.assertion.algorithm", "src/config/security/oauth/tests.rs::assertions"),
    ("sasl.oauthbearer.assertion.claim.aud", "src/config/security/oauth/tests.rs::assertions"),
    (
        "sasl.oauthbearer.assertion.claim.exp.seconds",
        "src/config/security/oauth/tests.rs::assertions",
    ),
    ("sasl.oauthbearer.assertion.claim.iss", "src/config/security/oauth/tests.rs::assertions"),
    (
        "sasl.oauthbearer.assertion.claim.jti.include",
        "src/config/security/oauth/tests.rs::assertions",
    ),
    (
        "sasl.oauthbearer.assertion.claim.nbf.seconds",
        "src/config/security/oauth/tests.rs::assertions",
    ),
    ("sasl.oauthbearer.assertion.claim.sub", "src/config/security/oauth/tests.rs::assertions"),
    ("sasl.oauthbearer.assertion.file", "src/config/security/oauth/tests.rs::assertions"),
    (
        "sasl.oauthbearer.assertion.private.key.file",
        "src/config/security/oauth/tests.rs::assertions",
    ),
    (
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "src/config/security/oauth/tests.rs::assertions",
    ),
    ("sasl.oauthbearer.assertion.template.file", "src/config/security/oauth/tests.rs::assertions"),
    (
        "sasl.oauthbearer.client.credentials.client.id",
        "src/config/security/oauth/tests.rs::endpoint_client_and_scope",
    ),
    (
        "sasl.oauthbearer.client.credentials.client.secret",
        "src/config/security/oauth/tests.rs::endpoint_client_and_scope",
    ),
    ("sasl.oauthbearer.header.urlencode", "src/config/security/oauth/tests.rs::header_urlencode"),
    (
        "sasl.oauthbearer.jwt.retriever.class",
        "src/config/security/oauth/tests.rs::a_token_from_a_file",
    ),
    (
        "sasl.oauthbearer.jwt.validator.class",
        "src/config/security/oauth/tests.rs::what_lacks_contradicts_or_makes_no_sense_here_says_so",
    ),
    ("sasl.oauthbearer.scope", "src/config/security/oauth/tests.rs::endpoint_client_and_scope"),
    ("sasl.oauthbearer.scope.claim.name", "src/config/security/oauth/tests.rs::claim_names"),
    ("sasl.oauthbearer.sub.claim.name", "src/config/security/oauth/tests.rs::claim_names"),
    (
        "sasl.oauthbearer.token.endpoint.url",
        "src/config/security/oauth/tests.rs::endpoint_client_and_scope",
    ),
];

/// Those of Kerberos, where this build has it.
const SHOWN_OF_KERBEROS: &[(&str, &str)] = &[
    (
        "sasl.kerberos.min.time.before.relogin",
        "src/config/security/kerberos/tests.rs::when_tickets_are_replaced",
    ),
    (
        "sasl.kerberos.service.name",
        "src/config/security/kerberos/tests.rs::librdkafka_s_defaults_are_a_ticket_cache_and_kafka",
    ),
    (
        "sasl.kerberos.ticket.renew.jitter",
        "src/config/security/kerberos/tests.rs::when_tickets_are_replaced",
    ),
    (
        "sasl.kerberos.ticket.renew.window.factor",
        "src/config/security/kerberos/tests.rs::when_tickets_are_replaced",
    ),
];

/// All of this build.
fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let of_tls = if cfg!(feature = "_tls") { SHOWN_OF_TLS } else { &[] };
    let of_sasl = if cfg!(feature = "sasl") { SHOWN_OF_SASL } else { &[] };
    let of_oauth = if cfg!(feature = "oauth") { SHOWN_OF_OAUTH } else { &[] };
    let of_kerberos = if cfg!(feature = "gssapi") { SHOWN_OF_KERBEROS } else { &[] };
    SHOWN.iter().chain(of_tls).chain(of_sasl).chain(of_oauth).chain(of_kerberos)
}

#[test]
fn every_honoured_key_has_a_test() {
    let honoured: BTreeSet<&str> =
        rohrpost::properties().filter(|it| it.unsupported.is_none()).map(|it| it.name).collect();
    let shown: BTreeSet<&str> = all().map(|(key, _)| *key).collect();
    assert_eq!(shown, honoured);
    for (key, test) in all() {
        let (file, name) = test.rsplit_once("::").unwrap();
        let path =
            if file.contains('/') { file.to_owned() } else { format!("tests/keys/{file}.rs") };
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            text.contains(&format!("#[test]\nfn {name}("))
                || text.contains(&format!("#[test]\n    fn {name}("))
                || text.contains(&format!("#[tokio::test]\nasync fn {name}(")),
            "{key}: no test {test}"
        );
    }
}

/// A property and a value for it.
#[derive(Clone, Copy, Debug)]
struct Setting {
    key: &'static str,
    value: &'static str,
}

const HOUR: Duration = Duration::from_secs(3_600);

/// More than any test takes, in the time of the wall.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lives on one thread, where the clock may be paused, and tells if it never ends.
fn live<T: Send + 'static, F: Future<Output = T>>(life: impl FnOnce() -> F + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        done.send(runtime.block_on(life())).unwrap();
        // A look-up or a driver that still waits for its time is not waited for.
        runtime.shutdown_background();
    });
    match ended.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs, or spins"),
        Ok(seen) => {
            thread.join().unwrap();
            seen
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            thread.join().unwrap();
            panic!("it told nothing");
        }
    }
}

/// The same life under two values of a property.
fn both<T, F>(key: &'static str, values: [&'static str; 2], life: fn(Setting) -> F) -> [T; 2]
where
    T: Send + 'static,
    F: Future<Output = T> + 'static,
{
    values.map(|value| live(move || life(Setting { key, value })))
}

/// One broker, and `t` with so many partitions.
async fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    cluster.create_topic("t", partitions).unwrap();
    cluster
}

fn builder(cluster: &Cluster, setting: Setting) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .linger(Duration::ZERO)
        .property(setting.key, setting.value)
}

/// A producer that knows its topic. From here on the clock stands still while anybody has something to do.
async fn warm(builder: ProducerBuilder) -> Producer {
    let producer = builder.build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    settle().await;
    tokio::time::pause();
    producer
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").partition(0).value(&[7; 500])
}

/// Until everybody on this thread has done all that there is to do at this moment.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

/// Lets so much time pass, in small steps, so that everybody sees it.
async fn pass(time: Duration) {
    tokio::time::sleep_until(Instant::now() + time).await;
    settle().await;
}

/// How long something took.
async fn took<F: Future>(what: F) -> Duration {
    let start = Instant::now();
    what.await;
    start.elapsed()
}

fn is_about(time: Duration, expected_ms: u64) -> bool {
    // Jitter is 20 %; a timer may be late by a millisecond.
    let expected = Duration::from_millis(expected_ms);
    time >= expected.mul_f64(0.79) && time <= expected.mul_f64(1.21) + Duration::from_millis(20)
}
