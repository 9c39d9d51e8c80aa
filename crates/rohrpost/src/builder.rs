//! The typed form of the configuration.

use std::sync::Arc;
use std::time::Duration;

use rohrpost_partitioner::Partitioner;

use crate::config::{
    Acks, AddressFamily, Compression, ConfigError, ConfigMistake, Custom, DnsLookup,
    MetadataRecovery, Partitioning, ProducerConfig, SecurityProtocol, SerializerClass, TopicConfig,
    add_unless_they_follow, providers_first, told,
};
use crate::error::Error;
use crate::interceptor::Interceptor;
use crate::producer::Producer;
#[cfg(feature = "sasl")]
use crate::sasl::Sasl;
#[cfg(feature = "_tls")]
use crate::tls::{TlsClient, TlsSettings};
use crate::transaction::TransactionalProducer;
use crate::typed::ConfiguredSerializers;

/// Sets up a [`Producer`]. Everything but [`bootstrap_servers`](Self::bootstrap_servers) has a default, that of Kafka's Java producer.
///
/// Each typed method has its Java name in its description, and [`property`](Self::property) takes that name. What is set
/// later counts. [`build`](Self::build) tells all mistakes at once.
///
/// ```no_run
/// use std::time::Duration;
/// use rohrpost::{Compression, Producer};
///
/// # async fn run() -> Result<(), rohrpost::Error> {
/// let producer = Producer::builder()
///     .bootstrap_servers("broker-1:9092,broker-2:9092")
///     .compression(Compression::Zstd)
///     .linger(Duration::from_millis(20))
///     .property("max.block.ms", "5000")
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct ProducerBuilder {
    config: ProducerConfig,
    mistakes: Vec<ConfigMistake>,
}

impl ProducerBuilder {
    /// Starts from a configuration.
    pub fn from_config(config: ProducerConfig) -> Self {
        Self { config, mistakes: Vec::new() }
    }

    /// Starts the producer: resolves the bootstrap servers' names and spawns the driver on the current tokio runtime, or on a thread of its
    /// own where there is none. Does not wait for a connection: an unreachable cluster shows when something is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), with all that is wrong ([`Error::config_errors`]): see [`ProducerConfig::set`] and
    /// [`ProducerConfig::validate`].
    /// [`ErrorKind::Bootstrap`](crate::ErrorKind::Bootstrap): none of the names can be resolved.
    pub async fn build(self) -> Result<Producer, Error> {
        let config = self.whole(false, ConfiguredSerializers::check_raw)?;
        Producer::start(config).await
    }

    /// Starts a producer of transactions: needs a [`transactional_id`](Self::transactional_id), with which [`build`](Self::build) makes nothing. What it needs on the cluster's side:
    /// [transactions](crate::TransactionalProducer).
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub async fn build_transactional(self) -> Result<TransactionalProducer, Error> {
        TransactionalProducer::start(self.whole(true, ConfiguredSerializers::check_raw)?).await
    }

    /// Starts a [blocking producer](crate::blocking), on a thread of its own.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_blocking(self) -> Result<crate::blocking::Producer, Error> {
        crate::blocking::Producer::build(self)
    }

    /// The configuration, as [`build`](Self::build) would use it, without building anything. The bootstrap servers alone may still be missing:
    /// [`ProducerConfig::validate`] says so.
    ///
    /// ```
    /// use rohrpost::{Acks, Producer};
    ///
    /// let builder = Producer::builder().idempotence(true).acks(Acks::Leader);
    /// let error = builder.into_config().unwrap_err();
    /// assert!(error.to_string().starts_with("enable.idempotence and acks contradict each other"));
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), with all that is wrong: mistakes that were made, and settings that contradict each other.
    pub fn into_config(self) -> Result<ProducerConfig, Error> {
        let together = self.config.check_what_is_there();
        self.unless(together)
    }

    /// The configuration, if a producer, of transactions or not, can be made of it whose serializers are those that this looks for.
    pub(crate) fn whole(
        self,
        is_transactional: bool,
        serializers: impl FnOnce(ConfiguredSerializers) -> Vec<ConfigError>,
    ) -> Result<ProducerConfig, Error> {
        let mut together = self.config.check();
        together.extend(self.config.check_transactional(is_transactional).map(Into::into));
        let unfit = serializers(self.config.serializers()).into_iter();
        together.extend(unfit.map(|error| self.config.locate(error)));
        self.unless(together)
    }

    fn unless(self, together: Vec<ConfigMistake>) -> Result<ProducerConfig, Error> {
        let mut mistakes = self.mistakes;
        add_unless_they_follow(&mut mistakes, together);
        told(mistakes)?;
        Ok(self.config)
    }

    /// Sets one property by its Java name.
    pub fn property(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let result = self.config.try_set(None, name.as_ref(), value.as_ref());
        self.note(result);
        self
    }

    /// Sets properties by their Java names.
    pub fn properties<N: AsRef<str>, V: AsRef<str>>(
        self,
        properties: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let properties = properties.into_iter().collect();
        let ordered = providers_first(properties, |(name, _)| name.as_ref().to_owned());
        ordered.into_iter().fold(self, |builder, (name, value)| builder.property(name, value))
    }

    /// Sets all properties of the text of a `.properties` file.
    pub fn properties_text(mut self, text: &str) -> Self {
        self.mistakes.extend(self.config.read_properties(None, text));
        self
    }

    /// Sets properties by environment variables whose names begin with this prefix: with `ROHRPOST_`, `ROHRPOST_BATCH_SIZE` sets `batch.size`. See
    /// [`ProducerConfig::set_environment`].
    pub fn properties_env(mut self, prefix: &str) -> Self {
        self.mistakes.extend(self.config.read_environment(prefix, std::env::vars_os()));
        self
    }

    /// Sets what a typed method means, with the checks of the property, whatever names the configuration was read by.
    fn typed(mut self, name: &str, value: &str) -> Self {
        let result = self.config.set_in_java(name, value);
        self.note(result.map_err(ConfigMistake::from));
        self
    }

    fn note(&mut self, result: Result<(), ConfigMistake>) {
        self.mistakes.extend(result.err());
    }

    /// Some brokers of the cluster, as `host:port`, separated by commas (`bootstrap.servers`).
    pub fn bootstrap_servers(self, servers: impl AsRef<str>) -> Self {
        self.typed("bootstrap.servers", servers.as_ref())
    }

    /// The name that brokers log and apply quotas to (`client.id`).
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = Some(client_id.into());
        self
    }

    /// What has to happen before a record counts as acknowledged (`acks`). Anything but [`Acks::All`] switches idempotence off, unless
    /// [`idempotence`](Self::idempotence) asks for it, which is an error then. A [`topic`](Self::topic) may have acks of its own.
    pub fn acks(mut self, acks: Acks) -> Self {
        self.config.acks = acks;
        self
    }

    /// Whether retries write nothing twice and keep the order (`enable.idempotence`). On by default with [`Acks::All`] and retries; see
    /// [`ProducerConfig::is_idempotent`].
    pub fn idempotence(mut self, enable: bool) -> Self {
        self.config.idempotence = Some(enable);
        self
    }

    /// Send in transactions, under this name (`transactional.id`), which is this instance's alone and stays the same when it is started again: see [`build_transactional`](Self::build_transactional).
    pub fn transactional_id(self, id: impl AsRef<str>) -> Self {
        self.typed("transactional.id", id.as_ref())
    }

    /// How long a transaction may stay open before the brokers abort it (`transaction.timeout.ms`), at least 1 ms.
    pub fn transaction_timeout(self, timeout: Duration) -> Self {
        self.typed("transaction.timeout.ms", &timeout.as_millis().to_string())
    }

    /// Take part in two-phase commit (`transaction.two.phase.commit.enable`, KIP-939), so that transactions can be [prepared](crate::Transaction::prepare); they have no time-out then, and
    /// [`transaction_timeout`](Self::transaction_timeout) is an error. (Feature `unstable-two-phase-commit`.)
    #[cfg(feature = "unstable-two-phase-commit")]
    pub fn two_phase_commit(self, enabled: bool) -> Self {
        self.typed("transaction.two.phase.commit.enable", if enabled { "true" } else { "false" })
    }

    /// How often a batch may be sent again (`retries`). 0 switches idempotence off, unless [`idempotence`](Self::idempotence) asks for it, which is an error
    /// then.
    pub fn retries(mut self, retries: u32) -> Self {
        self.config.retries = retries;
        self
    }

    /// How many requests may wait for answers on a connection (`max.in.flight.requests.per.connection`), at least 1.
    pub fn max_in_flight(self, requests: usize) -> Self {
        self.typed("max.in.flight.requests.per.connection", &requests.to_string())
    }

    /// From the send until a record is acknowledged or failed, at most (`delivery.timeout.ms`).
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = Some(timeout);
        self
    }

    /// How long to wait for the answer to a request (`request.timeout.ms`).
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// The pause before the first retry and the longest one (`retry.backoff.ms`, `retry.backoff.max.ms`).
    pub fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.config.retry_backoff = first;
        self.config.retry_backoff_max = max;
        self
    }

    /// Bytes of a batch, after compression (`batch.size`).
    pub fn batch_size(mut self, bytes: usize) -> Self {
        self.config.batch_size = bytes;
        self
    }

    /// How long a batch that is not full waits for more records (`linger.ms`).
    pub fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// How batches are compressed (`compression.type`), at the codec's default level or the one that `compression.*.level` sets.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.config.compression = compression;
        self
    }

    /// How batches are compressed, at this level (`compression.type` and `compression.gzip.level`, `.lz4.level` or `.zstd.level`).
    pub fn compression_with_level(mut self, compression: Compression, level: i32) -> Self {
        self.config.compression = compression;
        match compression.level_property() {
            Ok(name) => self.typed(name, &level.to_string()),
            Err(error) => {
                self.note(Err(error.into()));
                self
            }
        }
    }

    /// How to talk to the brokers (`security.protocol`): as the listener that is connected to wants it.
    pub fn security_protocol(self, protocol: SecurityProtocol) -> Self {
        self.typed("security.protocol", protocol.name())
    }

    /// Authenticate so, by TLS or not (`security.protocol=SASL_SSL` or `SASL_PLAINTEXT`, and the `sasl.*` properties, none of which may be set besides). Needs the feature `sasl`.
    ///
    /// ```
    /// use rohrpost::sasl::Sasl;
    /// use rohrpost::{Producer, SecurityProtocol};
    ///
    /// let builder = Producer::builder()
    ///     .bootstrap_servers("broker:9096")
    ///     .sasl(Sasl::scram_sha_512("alice", "alice-secret"));
    /// assert_eq!(builder.into_config()?.security_protocol(), SecurityProtocol::SaslPlaintext);
    /// # Ok::<(), rohrpost::Error>(())
    /// ```
    #[cfg(feature = "sasl")]
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.config.security.own_sasl = Some(sasl);
        self.config.security.protocol = self.config.security.protocol.with_sasl();
        self
    }

    /// Speak TLS so, whatever listener that is (`security.protocol=SSL`, and the `ssl.*` properties, none of which may be set besides). Files are read when the producer is built, and
    /// again when they have changed and a connection is made. Needs the feature `tls`.
    ///
    /// ```no_run
    /// use rohrpost::Producer;
    /// use rohrpost::tls::{Store, TlsSettings};
    ///
    /// let settings = TlsSettings::new()
    ///     .truststore(Store::file("ca.pem"))
    ///     .keystore(Store::file("client.p12").password("changeit"));
    /// let builder = Producer::builder().bootstrap_servers("broker:9093").tls(settings);
    /// ```
    #[cfg(feature = "_tls")]
    pub fn tls(mut self, settings: TlsSettings) -> Self {
        self.config.security.tls = Some(settings.into());
        self.config.security.protocol = self.config.security.protocol.with_tls();
        self
    }

    /// Speak TLS by a client that is made already, of a `rustls::ClientConfig` of one's own for example:
    /// [`TlsClient::from_config`](crate::tls::TlsClient::from_config). Needs the feature `tls`.
    #[cfg(feature = "_tls")]
    pub fn tls_client(mut self, client: TlsClient) -> Self {
        self.config.security.tls = Some(client.into());
        self.config.security.protocol = self.config.security.protocol.with_tls();
        self
    }

    /// Gives a topic acks, a codec, a linger or a delivery time-out of its own, instead of those that it was given before: see [`TopicConfig`].
    pub fn topic(mut self, name: impl Into<String>, config: TopicConfig) -> Self {
        self.mistakes.extend(self.config.try_set_topic(name.into(), config));
        self
    }

    /// Bytes of records that may be held before sends wait (`buffer.memory`).
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// How long a send waits for room and for knowledge of its topic, at most (`max.block.ms`).
    pub fn max_block(mut self, time: Duration) -> Self {
        self.config.max_block = time;
        self
    }

    /// Bytes of a request, and of a record before compression (`max.request.size`).
    pub fn max_request_size(mut self, bytes: usize) -> Self {
        self.config.max_request_size = bytes;
        self
    }

    /// Who chooses the partition of a record that names none (`partitioner.class`); [`partitioner`](Self::partitioner) sets one of one's own.
    pub fn partitioning(mut self, partitioning: Partitioning) -> Self {
        self.config.partitioner = None;
        self.config.partitioning = partitioning;
        self
    }

    /// A partitioner of one's own for records that name no partition (`partitioner.class`): see [`partitioner`](crate::partitioner), also for what
    /// becomes of a panic and of a choice that does not exist. Excludes [`ignore_keys`](Self::ignore_keys).
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.config.partitioner = Some(Custom(Arc::new(partitioner)));
        self
    }

    /// Lets this one see every record before it is sent, and what becomes of it, after those that were set before (`interceptor.classes`): see
    /// [`Interceptor`].
    pub fn interceptor(mut self, interceptor: impl Interceptor + 'static) -> Self {
        self.config.interceptors.push(interceptor);
        self
    }

    /// Spread records with a key as those without (`partitioner.ignore.keys`).
    pub fn ignore_keys(mut self, ignore: bool) -> Self {
        self.config.ignore_keys = ignore;
        self
    }

    /// Give partitions of slow brokers fewer records without a key (`partitioner.adaptive.partitioning.enable`, KIP-794).
    pub fn adaptive_partitioning(mut self, adaptive: bool) -> Self {
        self.config.adaptive_partitioning = adaptive;
        self
    }

    /// Partitions whose broker takes nothing for so long get no records without a key (`partitioner.availability.timeout.ms`, KIP-794). Zero
    /// switches that off.
    pub fn partitioner_availability_timeout(mut self, timeout: Duration) -> Self {
        self.config.availability_timeout = timeout;
        self
    }

    /// Send records without a key to partitions whose leader is in this rack, the producer's own (`partitioner.rack.aware=true` and `client.rack`,
    /// KIP-1123): cheaper and faster where racks are zones. Brokers tell theirs (`broker.rack`). With no leader there, or none that is fast enough,
    /// all partitions come into question. Partitions with leaders elsewhere get no records without a key from this producer, so only producers in all
    /// racks fill all partitions. Records with a key, and those that another partitioner than the default one places, stay where they are.
    pub fn rack_aware(mut self, rack: impl Into<String>) -> Self {
        self.config.rack_aware = true;
        self.config.rack = Some(rack.into()).filter(|rack| !rack.trim().is_empty());
        self
    }

    /// How long to go on trying to resolve the bootstrap servers' names (`bootstrap.resolve.timeout.ms`, KIP-909). Zero tries once.
    pub fn bootstrap_resolve_timeout(mut self, timeout: Duration) -> Self {
        self.config.bootstrap_resolve_timeout = timeout;
        self
    }

    /// After so long what is known of the cluster is asked for again (`metadata.max.age.ms`).
    pub fn metadata_max_age(mut self, age: Duration) -> Self {
        self.config.metadata_max_age = age;
        self
    }

    /// A topic that is not sent to for so long is forgotten (`metadata.max.idle.ms`, KIP-526), at least 5 s.
    pub fn metadata_max_idle(self, time: Duration) -> Self {
        self.typed("metadata.max.idle.ms", &time.as_millis().to_string())
    }

    /// What to do when no known broker can be reached (`metadata.recovery.strategy`, KIP-899).
    pub fn metadata_recovery(mut self, recovery: MetadataRecovery) -> Self {
        self.config.metadata_recovery = recovery;
        self
    }

    /// Begin again at the bootstrap servers when metadata could not be got for so long (`metadata.recovery.rebootstrap.trigger.ms`, KIP-1102).
    pub fn metadata_recovery_rebootstrap_trigger(mut self, time: Duration) -> Self {
        self.config.rebootstrap_trigger = time;
        self
    }

    /// Tell brokers which cluster and broker is meant, so that a misrouted connection is found (`metadata.cluster.check.enable`).
    pub fn metadata_cluster_check(mut self, check: bool) -> Self {
        self.config.cluster_check = check;
        self
    }

    /// Whether asking for a topic creates it, where the brokers allow that (`auto.create.topics.enable` there); on by default. librdkafka's
    /// `allow.auto.create.topics`; Java's producer always does.
    pub fn allow_auto_create_topics(mut self, allow: bool) -> Self {
        self.config.auto_create_topics = allow;
        self
    }

    /// The pause before a broker is connected to again for the first time and the longest one (`reconnect.backoff.ms`,
    /// `reconnect.backoff.max.ms`).
    pub fn reconnect_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.config.reconnect_backoff = Some(first);
        self.config.reconnect_backoff_max = Some(max);
        self
    }

    /// How long a connection may take to be made, at first and at most (`socket.connection.setup.timeout.ms`,
    /// `socket.connection.setup.timeout.max.ms`, KIP-601).
    pub fn connection_setup_timeout(mut self, first: Duration, max: Duration) -> Self {
        self.config.connection_setup_timeout = first;
        self.config.connection_setup_timeout_max = max;
        self
    }

    /// Connections that are not used for so long are closed (`connections.max.idle.ms`). `None`: never.
    pub fn connections_max_idle(mut self, time: Option<Duration>) -> Self {
        self.config.connections_max_idle = time;
        self
    }

    /// Bytes of the sockets' send buffers (`send.buffer.bytes`). `None`: the system's default.
    pub fn send_buffer(mut self, bytes: Option<u32>) -> Self {
        self.config.send_buffer = bytes;
        self
    }

    /// Bytes of the sockets' receive buffers (`receive.buffer.bytes`). `None`: the system's default.
    pub fn receive_buffer(mut self, bytes: Option<u32>) -> Self {
        self.config.receive_buffer = bytes;
        self
    }

    /// Have the system probe idle connections (SO_KEEPALIVE); on by default, as in Java. librdkafka's `socket.keepalive.enable`.
    pub fn keepalive(mut self, enable: bool) -> Self {
        self.config.keepalive = enable;
        self
    }

    /// Send small packets at once (TCP_NODELAY); on by default. librdkafka's `socket.nagle.disable`.
    pub fn nodelay(mut self, enable: bool) -> Self {
        self.config.nodelay = enable;
        self
    }

    /// How the bootstrap servers' names become addresses (`client.dns.lookup`).
    pub fn dns_lookup(mut self, lookup: DnsLookup) -> Self {
        self.config.dns_lookup = lookup;
        self
    }

    /// Which addresses of brokers are connected to. librdkafka's `broker.address.family`.
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.config.address_family = family;
        self
    }

    /// Bytes of the largest answer that is taken from a broker: 128 MiB. librdkafka's `receive.message.max.bytes`.
    pub fn receive_message_max(mut self, bytes: usize) -> Self {
        self.config.receive_message_max = bytes;
        self
    }

    /// How long brokers may wait for the replicas before they answer: the request's time-out, unless this is set. librdkafka's
    /// `request.timeout.ms`.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.config.ack_timeout = Some(timeout);
        self
    }

    /// What makes bytes of a key (`key.serializer`). A [`Producer`] takes those alone that leave bytes and text as they are, a
    /// [`TypedProducer`](crate::TypedProducer) that of the serializer that it is given.
    pub fn key_serializer(mut self, serializer: SerializerClass) -> Self {
        self.config.key_serializer = Some(serializer);
        self
    }

    /// What makes bytes of a value (`value.serializer`). A [`Producer`] takes those alone that leave bytes and text as they are, a
    /// [`TypedProducer`](crate::TypedProducer) that of the serializer that it is given.
    pub fn value_serializer(mut self, serializer: SerializerClass) -> Self {
        self.config.value_serializer = Some(serializer);
        self
    }

    /// Run the producer on a thread of its own even where a tokio runtime is at hand, so that an application that keeps its runtime busy cannot
    /// delay it. No property of Java's.
    pub fn own_thread(mut self, own: bool) -> Self {
        self.config.own_thread = own;
        self
    }
}
