//! Why some properties have nothing here that they could set, and what to do instead.

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
pub(super) const NEEDS_TLS: &str =
    "this build has no TLS: switch on the feature tls (or tls-aws-lc-rs) of the crate rohrpost";
pub(super) const STORE: &str =
    "stores are JKS, PKCS12 or PEM: convert it (keytool -importkeystore -deststoretype PKCS12)";
pub(super) const ENGINE: &str = "it names a class of a JVM: remove it, and give ProducerBuilder::tls_client a rustls::ClientConfig of one's own";
pub(super) const JVM_TLS: &str =
    "it chooses a part of the JVM's TLS, and here is rustls: remove it";
pub(super) const SSL_PROTOCOL: &str =
    "TLS 1.2 and 1.3 are spoken, as ssl.enabled.protocols says, and nothing older: remove it";
pub(super) const RUSTLS: &str = "rustls chooses among what is safe: remove it, or give ProducerBuilder::tls_client a rustls::ClientConfig of one's own";
pub(super) const WINDOWS_STORES: &str =
    "what the system trusts is trusted, or else what ssl.ca.location names: remove it";
pub(super) const CRL: &str = "lists of revoked certificates are not read: give ProducerBuilder::tls_client a rustls::ClientConfig whose verifier has them, and remove it";
pub(super) const OPENSSL: &str = "it is OpenSSL's, which is not used here: remove it";
pub(super) const VERIFICATION: &str = "who does not look at certificates talks to whoever answers: remove it, and trust the brokers' certificates by ssl.ca.location or ssl.ca.pem; where their names alone are wrong, ssl.endpoint.identification.algorithm=none";
pub(super) const NEEDS_SASL: &str =
    "this build has no SASL: switch on the feature sasl of the crate rohrpost";
pub(super) const JVM_SASL: &str =
    "it names a class of a JVM: remove it; ProducerBuilder::sasl takes credentials of one's own";
pub(super) const OAUTH: &str = "no property sets tokens up in this version: ProducerBuilder::sasl takes where they come from (Sasl::oauthbearer; the feature oauth has token endpoints), so remove it";
pub(super) const MSK_IAM: &str = "no property sets it up in this version: give ProducerBuilder::sasl Sasl::aws_msk_iam (feature msk-iam), and remove it";
pub(super) const KERBEROS: &str = "this version has no Kerberos: use PLAIN or SCRAM, or give ProducerBuilder::sasl credentials of one's own (Sasl::credentials), and remove it";
