//! The names of Confluent's properties: whose they are, and what is not supported.

use std::str::FromStr;

use crate::error::SettingError;

/// Who a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The registry's client.
    Client,
    /// Serializers of all formats.
    Serializer,
    /// Nobody: why, and what there is instead.
    Unsupported(&'static str),
}

use Owner::{Client, Serializer, Unsupported};

const RULES: Owner = Unsupported("data contract rules are not applied");
const JAVA: Owner = Unsupported("it is about classes of Java");
const MISSING: Owner =
    Unsupported("what is missing is asked for again, at most once a second by serializers");
const BUILD_TLS: Owner = Unsupported(
    "rustls and ring or aws-lc-rs are what there is; RegistryBuilder::tls takes a client of one's own",
);
const DERIVED: Owner = Unsupported(
    "no JSON Schema is derived of types here: a schema says by $schema which draft it is of",
);
const DESERIALIZER: Owner =
    Unsupported("the deserializers look into the header, and into the bytes where there is none");
const PROXY: Owner = Unsupported("there is no way through HTTP proxies");
const TYPE: Owner = Unsupported("the program says which type it reads, by deserialize");
const SASL: Owner = Unsupported("no bearer token comes of a managed identity here");

/// By name.
const KNOWN: &[(&str, Owner)] = &[
    ("auto.register.schemas", Serializer),
    ("avro.reflection.allow.null", JAVA),
    ("avro.remove.java.properties", JAVA),
    ("avro.use.logical.type.converters", JAVA),
    ("basic.auth.credentials.source", Client),
    ("basic.auth.user.info", Client),
    ("bearer.auth.cache.expiry.buffer.seconds", Client),
    ("bearer.auth.client.id", Client),
    ("bearer.auth.client.secret", Client),
    ("bearer.auth.credentials.source", Client),
    (
        "bearer.auth.custom.provider.class",
        Unsupported("a provider of one's own goes to RegistryBuilder::bearer"),
    ),
    ("bearer.auth.identity.pool.id", Client),
    ("bearer.auth.issuer.endpoint.url", Client),
    ("bearer.auth.logical.cluster", Client),
    ("bearer.auth.scope", Client),
    ("bearer.auth.scope.claim.name", Client),
    ("bearer.auth.sub.claim.name", Client),
    ("bearer.auth.token", Client),
    ("bearer.auth.uami.endpoint.query", SASL),
    ("bearer.auth.uami.endpoint.url", SASL),
    (
        "context.name.strategy",
        Unsupported(
            "RegistryBuilder::context puts all subjects into a context, SubjectNameStrategy::custom single ones",
        ),
    ),
    ("derive.type", JAVA),
    ("execution.environment", RULES),
    ("http.connect.timeout.ms", Client),
    ("http.read.timeout.ms", Client),
    ("id.compatibility.strict", Serializer),
    ("json.default.property.inclusion", JAVA),
    ("json.fail.invalid.schema", Serializer),
    (
        "json.fail.unknown.properties",
        Unsupported("a schema says it itself, by additionalProperties: false"),
    ),
    ("json.indent.output", Unsupported("JSON is written without white space")),
    ("json.key.type", TYPE),
    ("json.oneof.for.nullables", DERIVED),
    ("json.schema.spec.version", DERIVED),
    ("json.value.type", TYPE),
    ("json.write.dates.iso8601", JAVA),
    ("key.schema.id.deserializer", DESERIALIZER),
    ("key.schema.id.serializer", Serializer),
    ("key.subject.name.strategy", Serializer),
    ("latest.cache.size", Unsupported("10,000 are remembered")),
    ("latest.cache.ttl.sec", Client),
    ("latest.compatibility.strict", Serializer),
    ("max.retries", Client),
    ("max.schemas.per.subject", Unsupported("10,000 schemas are remembered, of whatever subjects")),
    ("missing.cache.size", MISSING),
    ("missing.id.cache.ttl.sec", MISSING),
    ("missing.schema.cache.ttl.sec", MISSING),
    ("missing.version.cache.ttl.sec", MISSING),
    ("normalize.schemas", Serializer),
    ("propagate.schema.tags", RULES),
    ("proxy.host", PROXY),
    ("proxy.port", PROXY),
    ("reference.lookup.only", Unsupported("references follow auto.register.schemas")),
    ("reference.subject.name.strategy", Unsupported("an imported schema's subject has its name")),
    ("retries.max.wait.ms", Client),
    ("retries.wait.ms", Client),
    ("rule.actions", RULES),
    ("rule.executors", RULES),
    ("rule.metrics.enable", RULES),
    ("rule.service.loader.enable", RULES),
    ("schema.format", Unsupported("schemas are asked for as they were registered")),
    ("schema.reflection", JAVA),
    ("schema.registry.basic.auth.user.info", Client),
    ("schema.registry.ssl.cipher.suites", Client),
    ("schema.registry.ssl.enabled.protocols", Client),
    ("schema.registry.ssl.endpoint.identification.algorithm", Client),
    ("schema.registry.ssl.engine.factory.class", BUILD_TLS),
    ("schema.registry.ssl.key.password", Client),
    ("schema.registry.ssl.keymanager.algorithm", BUILD_TLS),
    ("schema.registry.ssl.keystore.certificate.chain", Client),
    ("schema.registry.ssl.keystore.key", Client),
    ("schema.registry.ssl.keystore.location", Client),
    ("schema.registry.ssl.keystore.password", Client),
    ("schema.registry.ssl.keystore.type", Client),
    ("schema.registry.ssl.protocol", BUILD_TLS),
    ("schema.registry.ssl.provider", BUILD_TLS),
    ("schema.registry.ssl.secure.random.implementation", BUILD_TLS),
    ("schema.registry.ssl.trustmanager.algorithm", BUILD_TLS),
    ("schema.registry.ssl.truststore.certificates", Client),
    ("schema.registry.ssl.truststore.location", Client),
    ("schema.registry.ssl.truststore.password", Client),
    ("schema.registry.ssl.truststore.type", Client),
    ("schema.registry.url", Client),
    ("schema.registry.url.randomize", Client),
    (
        "skip.known.types",
        Unsupported("the well-known types of Protocol Buffers are never registered"),
    ),
    ("specific.avro.key.type", TYPE),
    ("specific.avro.reader", TYPE),
    ("specific.avro.value.type", TYPE),
    ("specific.protobuf.key.type", TYPE),
    ("specific.protobuf.value.type", TYPE),
    ("type.property", JAVA),
    ("url.randomize", Client),
    ("use.apache.http.client", JAVA),
    ("use.latest.version", Serializer),
    ("use.latest.with.metadata", RULES),
    ("use.schema.guid", Serializer),
    ("use.schema.id", Serializer),
    ("validation.rules.execution", RULES),
    ("validation.rules.executor.class", RULES),
    ("validation.rules.fail.fast", RULES),
    ("value.schema.id.deserializer", DESERIALIZER),
    ("value.schema.id.serializer", Serializer),
    ("value.subject.name.strategy", Serializer),
];

/// What Confluent's Python client calls otherwise than the Java client, whose names these are.
const PYTHON: &[(&str, &str)] = &[
    (
        "ssl.ca.location",
        "schema.registry.ssl.truststore.location takes the file, with schema.registry.ssl.truststore.type=PEM",
    ),
    (
        "ssl.certificate.location",
        "schema.registry.ssl.keystore.location takes a file with certificates and key, with schema.registry.ssl.keystore.type=PEM",
    ),
    (
        "ssl.key.location",
        "schema.registry.ssl.keystore.location takes a file with certificates and key, with schema.registry.ssl.keystore.type=PEM",
    ),
    (
        "subject.name.strategy",
        "key.subject.name.strategy and value.subject.name.strategy are what there is, with the names of Java's classes",
    ),
    ("url", "schema.registry.url is what there is"),
    ("use.deprecated.format", "message indexes are written as Java's clients write them"),
];

/// What belongs to a registry's client and to nothing else begins with one of these.
const PREFIXES: &[&str] = &["basic.auth.", "bearer.auth.", PREFIX];

/// Whether a property is for the registry's client or its serializers, and not for the producer beside them: Java has one set of properties for all three. It is true of
/// those that are not supported, too, and of mistyped ones that begin as only a registry's do: whoever takes them says what is wrong.
///
/// ```
/// use rohrpost_schema_registry::is_property;
///
/// let all = [("bootstrap.servers", "kafka:9092"), ("schema.registry.url", "http://sr:8081"), ("auto.register.schemas", "false")];
/// let (registry, producer): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| is_property(name));
/// assert_eq!(producer, [("bootstrap.servers", "kafka:9092")]);
/// assert_eq!(registry.len(), 2);
/// ```
pub fn is_property(name: &str) -> bool {
    let begins = || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    KNOWN.iter().any(|(known, _)| *known == name) || begins()
}

/// Java lets what is the client's be prefixed, to tell it from a producer's own.
const PREFIX: &str = "schema.registry.";

/// The known name, and whose it is. The prefix `schema.registry.` may stand before every name of the client's.
pub(crate) fn known(name: &str) -> Result<(&'static str, Owner), SettingError> {
    let find = |name: &str| KNOWN.iter().copied().find(|(known, _)| *known == name);
    let unprefixed = || {
        let found = find(name.strip_prefix(PREFIX)?)?;
        (found.1 == Client).then_some(found)
    };
    match find(name).or_else(unprefixed) {
        Some((name, Unsupported(reason))) => Err(SettingError::Unsupported { name, reason }),
        Some(found) => Ok(found),
        None => Err(match PYTHON.iter().find(|(theirs, _)| *theirs == name) {
            Some(&(name, reason)) => SettingError::Unsupported { name, reason },
            None => SettingError::UnknownProperty { name: name.to_owned(), nearest: nearest(name) },
        }),
    }
}

/// The known name that is nearest, if any is near.
fn nearest(name: &str) -> Option<&'static str> {
    // Nobody mistypes that much; what is longer is not worth comparing.
    if name.len() > 100 {
        return None;
    }
    let most = (name.len() / 3).clamp(1, 6);
    KNOWN
        .iter()
        .map(|(known, _)| (distance(name, known), *known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

pub(crate) fn boolean(name: &'static str, value: &str) -> Result<bool, SettingError> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(SettingError::Value {
            name,
            problem: format!("{value:?} is neither true nor false"),
        }),
    }
}

pub(crate) fn number<T: FromStr>(name: &'static str, value: &str) -> Result<T, SettingError> {
    value.parse().map_err(|_| SettingError::Value {
        name,
        problem: format!("{value:?} is not a number that this can be"),
    })
}

/// All names that somebody has to understand.
#[cfg(test)]
pub(crate) fn names_of(owner: Owner) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(move |(_, of)| *of == owner).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_each_name_once() {
        assert!(KNOWN.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn an_unknown_name_is_an_error_with_the_nearest_known_one() {
        let nearest = |name: &str| match known(name) {
            Err(SettingError::UnknownProperty { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("auto.register.schema"), Some("auto.register.schemas"));
        assert_eq!(nearest("schema.registry.uri"), Some("schema.registry.url"));
        assert_eq!(nearest("basic.auth.userinfo"), Some("basic.auth.user.info"));
        assert_eq!(nearest("bootstrap.servers"), None);
        assert_eq!(nearest(&"x".repeat(100_000)), None);
    }

    #[test]
    fn what_is_not_supported_says_so() {
        let error = known("rule.executors").unwrap_err();
        assert!(error.to_string().contains("rules"), "{error}");
    }

    #[test]
    fn what_pythons_client_calls_otherwise_is_told_by_javas_name() {
        for (name, ours) in [
            ("url", "schema.registry.url"),
            ("ssl.ca.location", "schema.registry.ssl.truststore.location"),
            ("subject.name.strategy", "value.subject.name.strategy"),
        ] {
            let error = known(name).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(ours), "{error}");
        }
    }

    #[test]
    fn a_producers_properties_are_told_from_a_registrys() {
        for (name, _) in KNOWN {
            assert!(is_property(name), "{name}");
        }
        for name in ["schema.registry.max.retries", "schema.registry.uri", "basic.auth.userinfo"] {
            assert!(is_property(name), "{name}");
        }
        for name in [
            "bootstrap.servers",
            "retries",
            "sasl.jaas.config",
            "ssl.ca.location",
            "value.serializer",
        ] {
            assert!(!is_property(name), "{name}");
        }
        let error = known("bootstrap.servers").unwrap_err().to_string();
        assert!(error.contains("is_property"), "{error}");
    }

    #[test]
    fn the_clients_properties_may_be_prefixed_and_serializers_not() {
        assert_eq!(known("schema.registry.basic.auth.credentials.source").unwrap().1, Client);
        assert_eq!(known("schema.registry.bearer.auth.token").unwrap().0, "bearer.auth.token");
        assert!(known("schema.registry.normalize.schemas").is_err());
    }
}
