//! Why some properties have nothing here that they could set, and what to do instead.

pub(super) const TLS: &str = "this version has no TLS: use a PLAINTEXT listener, and remove it";
pub(super) const SASL: &str = "this version has no SASL: use a PLAINTEXT listener, and remove it";
pub(super) const SECURITY: &str = "this version has no TLS and no SASL: use a PLAINTEXT listener";
pub(super) const TRANSACTIONS: &str = "this version has no transactions: remove it; idempotence keeps each partition free of duplicates";
pub(super) const TELEMETRY: &str =
    "this version does not push metrics to the brokers: set it to false, or remove it";
pub(super) const METRICS: &str =
    "it tunes the metrics of a JVM: remove it, and read Producer::stats instead";
pub(super) const RACK: &str = "it is for consumers, which fetch from replicas near them: remove it; ProducerBuilder::rack_aware sends records without a key to leaders near the producer";
pub(super) const JVM: &str = "it names classes of a JVM: remove it";
pub(super) const INTERCEPTORS: &str =
    "it names classes of a JVM: remove it, and use the builder's interceptor method";
pub(super) const REPORTERS: &str =
    "it names classes of a JVM: remove it, and read Producer::stats instead";
pub(super) const ENCODING: &str = "text is written in UTF-8, US-ASCII, ISO-8859-1, UTF-16 and UTF-32 (with BE and LE behind them, too): use one of these, or a Serializer of one's own";
pub(super) const SERIALIZER: &str = "it is none of Kafka's own serializers that need no settings: a class of a JVM cannot run here, so make a typed producer with a Serializer of one's own (ProducerBuilder::build_typed), and remove it";
