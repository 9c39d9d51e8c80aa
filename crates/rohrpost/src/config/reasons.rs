//! Why some properties have nothing here that they could set, and what to do instead.

pub(super) const TWO_PHASE_COMMIT: &str = "two-phase commit is not in this build: switch on the feature unstable-two-phase-commit of the crate rohrpost, set it to false, or remove it";
pub(super) const TELEMETRY: &str =
    "this version does not push metrics to the brokers: set it to false, or remove it";
pub(super) const METRICS: &str =
    "it tunes the metrics of a JVM: remove it, and read Producer::stats instead";
pub(super) const RACK: &str = "it is for consumers, which fetch from replicas near them: remove it; ProducerBuilder::rack_aware sends records without a key to leaders near the producer";
pub(super) const CONSUMER: &str =
    "it is a property of consumers, for which a producer has no use: remove it";
pub(super) const JVM: &str = "it names classes of a JVM: remove it";
pub(super) const ALLOWED_PROVIDERS: &str = "it is a system property of a JVM, which bounds the classes that are loaded: there are none to load here, so remove it; param.allowed.paths and param.allowlist.pattern of each provider bound what is read";
pub(super) const INTERCEPTORS: &str =
    "it names classes of a JVM: remove it, and use the builder's interceptor method";
pub(super) const REPORTERS: &str =
    "it names classes of a JVM: remove it, and read Producer::stats instead";
pub(super) const ENCODING: &str = "text is written in UTF-8, US-ASCII, ISO-8859-1, UTF-16 and UTF-32 (with BE and LE behind them, too): use one of these, or a Serializer of one's own";
pub(super) const SERIALIZER: &str = "it is none of Kafka's own serializers that need no settings: a class of a JVM cannot run here, so make a typed producer (ProducerBuilder::build_typed) with a Serializer of one's own, or with those of the crate rohrpost-schema-registry in place of Confluent's, and remove it";
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
pub(super) const NEEDS_OAUTH: &str = "this build has no authorization servers: switch on the feature oauth of the crate rohrpost (and tls, for https), or give ProducerBuilder::sasl where tokens come from (Sasl::oauthbearer)";
pub(super) const NEEDS_MSK_IAM: &str = "this build does not know AWS: switch on the feature msk-iam of the crate rohrpost (and tls, which MSK wants)";
pub(super) const MSK_BEARER: &str = "it wraps AWS' signature in a token: set sasl.mechanism=AWS_MSK_IAM with software.amazon.msk.auth.iam.IAMLoginModule, which says the same without, and remove it";
pub(super) const RETRIEVER: &str = "it names a class of a JVM: use DefaultJwtRetriever, ClientCredentialsJwtRetriever, JwtBearerJwtRetriever or FileJwtRetriever, or give ProducerBuilder::sasl a TokenProvider of one's own (Sasl::oauthbearer), and remove it";
pub(super) const VALIDATOR: &str =
    "brokers verify tokens, and a producer only reads when they end: remove it";
pub(super) const AZURE: &str = "tokens of Azure's machines are not asked for: give ProducerBuilder::sasl a TokenProvider of one's own (Sasl::oauthbearer), and remove it";
pub(super) const NEEDS_GSSAPI: &str =
    "this build has no Kerberos: switch on the feature gssapi of the crate rohrpost";
pub(super) const KINIT: &str = "no program is run: with a keytab the producer gets its tickets from the KDC itself and replaces them ahead of their end, and a ticket cache is whoever's who made it: remove it";
