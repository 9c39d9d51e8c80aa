//! Configurations: what Java's producer accepts and refuses, this one accepts and refuses too. Java's says so itself: a KafkaProducer is
//! constructed from each.

#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use harness::kafka::Distribution;
use rohrpost::{Producer, ProducerConfig, PropertyInfo, PropertyType, TransactionalProducer};

/// Whose names and rules are taken.
const VERSION: &str = "4.4.0";
const PROGRAM: &str = "tests/java/ProducerConfigs.java";
const UNIT: &str = "\u{1f}";
const RECORD: &str = "\u{1e}";

/// Without these Java has no producer.
const BASE: &[(&str, &str)] = &[
    ("bootstrap.servers", "127.0.0.1:1"),
    ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
    ("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
];

const STRING: &str = "org.apache.kafka.common.serialization.StringSerializer";

/// Edges of all ranges, and what is no number.
const NUMBERS: &[&str] = &[
    "-9223372036854775808",
    "-2147483649",
    "-2147483648",
    "-131073",
    "-131072",
    "-5",
    "-2",
    "-1",
    "0",
    "1",
    "5",
    "6",
    "9",
    "10",
    "17",
    "18",
    "22",
    "23",
    "4999",
    "5000",
    "30004",
    "30005",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "",
    "x",
    "1.5",
    " 7 ",
    "+7",
    "0x10",
    "1_000",
];
const FLAGS: &[&str] = &["true", "false", "TRUE", " true ", "1", "yes", "t", ""];
const CLASSES: &[&str] = &[
    "",
    "org.apache.kafka.clients.producer.RoundRobinPartitioner",
    " org.apache.kafka.clients.producer.RoundRobinPartitioner ",
    "org.apache.kafka.clients.producer.UniformStickyPartitioner",
    "org.apache.kafka.clients.producer.internals.DefaultPartitioner",
    "RoundRobinPartitioner",
    "round_robin",
    "consistent_random",
    "com.example.Mine",
    "org.apache.kafka.common.serialization.ByteArraySerializer",
    "org.apache.kafka.common.serialization.ByteBufferSerializer",
    "org.apache.kafka.common.serialization.BytesSerializer",
    "org.apache.kafka.common.serialization.StringSerializer",
    "org.apache.kafka.common.serialization.LongSerializer",
    "org.apache.kafka.common.serialization.VoidSerializer",
    "org.apache.kafka.common.serialization.ListSerializer",
    "StringSerializer",
];
const TEXTS: &[&str] = &[
    "",
    "x",
    "a b",
    "ä",
    "all",
    " all ",
    "ALL",
    "-1",
    "0",
    "1",
    "2",
    "01",
    "none",
    "NONE",
    "gzip",
    " gzip ",
    "GZIP",
    "snappy",
    "lz4",
    "zstd",
    "uncompressed",
    "full",
    "FULL",
    "incremental",
    "rebootstrap",
    "REBOOTSTRAP",
    "use_all_dns_ips",
    "USE_ALL_DNS_IPS",
    "default",
    "resolve_canonical_bootstrap_servers_only",
    "PLAINTEXT",
    "plaintext",
    "SSL",
    "SASL_PLAINTEXT",
    "bogus",
    "INFO",
    "debug",
];
const LISTS: &[&str] = &[
    "",
    ",",
    "x",
    "127.0.0.1:1",
    "127.0.0.1:1,",
    "127.0.0.1:1,,127.0.0.1:2",
    " 127.0.0.1:1 , 127.0.0.1:2 ",
    "127.0.0.1:1,127.0.0.1:1",
    "127.0.0.1",
    "localhost",
    "localhost:0",
    "localhost:65535",
    "localhost:65536",
    "localhost:-1",
    "localhost:x",
    "[::1]:1",
    "::1:1",
    "127.0.0.1:1,bad",
    "http://127.0.0.1:1",
    "PLAINTEXT://127.0.0.1:1",
    "org.apache.kafka.common.metrics.JmxReporter",
    "com.example.Mine",
];

/// What several settings mean together.
const TOGETHER: &[&[(&str, &str)]] = &[
    &[("value.serializer", STRING), ("serializer.encoding", "nonsense")],
    &[("serializer.encoding", "latin1")],
    &[("value.serializer", STRING), ("value.serializer.encoding", "utf8")],
    &[("value.serializer", STRING), ("key.serializer.encoding", "latin1")],
    &[("acks", "1"), ("enable.idempotence", "true")],
    &[("acks", "0"), ("enable.idempotence", "true")],
    &[("acks", "1"), ("enable.idempotence", "false")],
    &[("retries", "0"), ("enable.idempotence", "true")],
    &[("retries", "0"), ("enable.idempotence", "false")],
    &[("acks", "1"), ("max.in.flight.requests.per.connection", "6")],
    &[("retries", "0"), ("max.in.flight.requests.per.connection", "6")],
    &[("enable.idempotence", "false"), ("max.in.flight.requests.per.connection", "6")],
    &[("enable.idempotence", "true"), ("max.in.flight.requests.per.connection", "5")],
    &[("linger.ms", "200000")],
    &[("linger.ms", "200000"), ("delivery.timeout.ms", "120000")],
    &[("linger.ms", "9223372036854775807"), ("delivery.timeout.ms", "2147483647")],
    &[("linger.ms", "9223372036854775807"), ("delivery.timeout.ms", "2147483646")],
    &[("request.timeout.ms", "2147483647"), ("delivery.timeout.ms", "2147483647")],
    &[("request.timeout.ms", "2147483647"), ("linger.ms", "1")],
    &[("delivery.timeout.ms", "100"), ("request.timeout.ms", "10"), ("linger.ms", "90")],
    &[("delivery.timeout.ms", "100"), ("request.timeout.ms", "10"), ("linger.ms", "91")],
    &[("delivery.timeout.ms", "0"), ("request.timeout.ms", "0"), ("linger.ms", "0")],
    &[
        ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
        ("partitioner.ignore.keys", "true"),
    ],
    &[("reconnect.backoff.ms", "100"), ("reconnect.backoff.max.ms", "10")],
    &[("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "10")],
    &[
        ("socket.connection.setup.timeout.ms", "100"),
        ("socket.connection.setup.timeout.max.ms", "10"),
    ],
    &[("buffer.memory", "10"), ("batch.size", "100")],
    &[("max.request.size", "10"), ("batch.size", "100")],
    &[("compression.type", "lz4"), ("compression.lz4.level", "9")],
    &[("compression.type", "lz4"), ("compression.lz4.level", "10")],
    &[("compression.type", "gzip"), ("compression.gzip.level", "9")],
    &[("compression.type", "zstd"), ("compression.zstd.level", "-131072")],
    &[("partitioner.rack.aware", "true"), ("client.rack", "a")],
    &[("partitioner.rack.aware", "true"), ("client.rack", "")],
    &[("partitioner.rack.aware", "true"), ("client.rack", "  ")],
    &[("partitioner.rack.aware", "false"), ("client.rack", "a")],
    &[
        ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
        ("partitioner.rack.aware", "true"),
    ],
    &[
        ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
        ("partitioner.rack.aware", "true"),
        ("client.rack", "a"),
    ],
];

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"alice-secret\";";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" password=\"alice-secret\";";
/// Of another mechanism than it is used with.
const NOT_SCRAM: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"misfit\" password=\"alice-secret\";";
const NOT_PLAIN: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"misfit\" password=\"alice-secret\";";
const NOBODY: &str =
    "org.apache.kafka.common.security.plain.PlainLoginModule required password=\"alice-secret\";";

const SSL: (&str, &str) = ("security.protocol", "SSL");
const SASL: (&str, &str) = ("security.protocol", "SASL_PLAINTEXT");

/// What the settings of TLS and SASL mean where they are used.
const SECURED: &[&[(&str, &str)]] = &[
    &[SSL],
    &[SSL, ("ssl.truststore.password", "x")],
    &[SSL, ("ssl.keystore.password", "x")],
    &[SSL, ("ssl.key.password", "of no key")],
    &[SSL, ("ssl.truststore.location", "/nowhere/trust.jks"), ("ssl.truststore.password", "x")],
    &[SSL, ("ssl.keystore.location", "/nowhere/key.jks"), ("ssl.keystore.password", "x")],
    &[SSL, ("ssl.keystore.location", "/nowhere/key.jks")],
    &[SSL, ("ssl.keystore.type", "PEM"), ("ssl.keystore.key", "x")],
    &[SSL, ("ssl.keystore.type", "PEM"), ("ssl.keystore.certificate.chain", "x")],
    &[
        SSL,
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.key", "x"),
        ("ssl.keystore.certificate.chain", "x"),
    ],
    &[SSL, ("ssl.keystore.key", "x"), ("ssl.keystore.certificate.chain", "x")],
    &[SSL, ("ssl.truststore.certificates", "x")],
    &[SSL, ("ssl.truststore.type", "PEM"), ("ssl.truststore.certificates", "x")],
    &[SSL, ("ssl.truststore.type", "PKCS11")],
    &[SSL, ("ssl.enabled.protocols", "TLSv1.3")],
    &[SSL, ("ssl.enabled.protocols", "TLSv1.2,TLSv1.3")],
    &[SSL, ("ssl.endpoint.identification.algorithm", "")],
    &[SSL, ("ssl.cipher.suites", "TLS_AES_128_GCM_SHA256")],
    &[SASL],
    &[SASL, ("sasl.mechanism", "PLAIN")],
    &[SASL, ("sasl.jaas.config", PLAIN)],
    &[SASL, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", PLAIN)],
    &[SASL, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", "nonsense")],
    &[SASL, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", NOT_PLAIN)],
    &[SASL, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", NOBODY)],
    &[SASL, ("sasl.mechanism", "SCRAM-SHA-256"), ("sasl.jaas.config", SCRAM)],
    &[SASL, ("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.jaas.config", SCRAM)],
    &[SASL, ("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.jaas.config", NOT_SCRAM)],
    &[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", PLAIN)],
];

/// Where this producer answers otherwise, each with its reason. Keys that are not supported at all are not listed: they say so themselves.
const DIFFERENCES: &[(&str, &[&str], &str)] = &[
    ("bootstrap.servers", &["localhost:0"], "nothing can be connected to at port 0"),
    ("bootstrap.servers", &["http://127.0.0.1:1"], "brokers do not speak HTTP"),
    ("bootstrap.servers", &["::1:1"], "without brackets nobody knows where the address ends"),
    ("socket.connection.setup.timeout.ms", NEGATIVE, "a negative time means nothing"),
    ("socket.connection.setup.timeout.max.ms", NEGATIVE, "a negative time means nothing"),
    (
        "transaction.timeout.ms",
        &["-2147483648", "-131073", "-131072", "-5", "-2", "-1", "0"],
        "no broker takes such a time",
    ),
    (
        "transaction.two.phase.commit.enable",
        &["true", "TRUE", " true "],
        "without transactional.id there is nothing that it could be of",
    ),
    (
        "partitioner.class",
        &["RoundRobinPartitioner", "round_robin", "consistent_random"],
        "short names are taken",
    ),
    ("key.serializer", &["StringSerializer"], "short names are taken"),
    ("value.serializer", &["StringSerializer"], "short names are taken"),
    ("key.serializer", TYPED, "a producer of bytes makes nothing else of them"),
    ("value.serializer", TYPED, "a producer of bytes makes nothing else of them"),
    ("ssl.key.password", &["of no key"], "there is no key that it could be of"),
    ("ssl.truststore.type", &["PKCS11"], "rustls has no providers of a JVM"),
    (
        "sasl.jaas.config",
        &[NOT_PLAIN, NOT_SCRAM, NOBODY],
        "no broker lets in whom the mechanism cannot name",
    ),
    ("compression.lz4.level", &["10"], "levels of high compression need the C library"),
];
/// Java looks at these only where `security.protocol` makes use of them, which it does not here; this producer tells a wrong value all the same, and the
/// documentation says so in these words.
const OF_NO_USE: &str = "even where security.protocol makes no use of it";
const UNUSED: &[&str] = &[
    "config.providers",
    "sasl.client.callback.handler.class",
    "sasl.jaas.config",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.keystore.type",
    "ssl.truststore.type",
];
const NEGATIVE: &[&str] =
    &["-9223372036854775808", "-2147483649", "-2147483648", "-131073", "-131072", "-5", "-2", "-1"];
const TYPED: &[&str] = &[
    "org.apache.kafka.common.serialization.LongSerializer",
    "org.apache.kafka.common.serialization.VoidSerializer",
];

type Case = BTreeMap<String, String>;

fn case(pairs: &[(&str, &str)]) -> Case {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    BASE.iter().chain(pairs).map(owned).collect()
}

fn values(property: &PropertyInfo) -> &'static [&'static str] {
    match property.kind {
        PropertyType::Boolean => FLAGS,
        PropertyType::Short | PropertyType::Int | PropertyType::Long | PropertyType::Double => {
            NUMBERS
        }
        PropertyType::Class => CLASSES,
        PropertyType::List => LISTS,
        _ => TEXTS,
    }
}

/// Java's answer to each: `ok`, or why not.
fn ask_java(cases: &[Case]) -> Vec<String> {
    let line = |case: &Case| {
        let pairs: Vec<String> =
            case.iter().map(|(name, value)| format!("{name}{UNIT}{value}")).collect();
        pairs.join(RECORD) + "\n"
    };
    let input: String = cases.iter().map(line).collect();
    let printed = Distribution::client(VERSION).unwrap().run_source(PROGRAM, &[], &input).unwrap();
    let answers: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), cases.len(), "{printed}");
    answers
}

/// Our answer: nothing, or why not.
async fn ask_ours(case: &Case) -> Result<(), rohrpost::Error> {
    let config = ProducerConfig::from_java(case)?;
    // Java has one producer for both.
    match config.transactional_id() {
        Some(_) => TransactionalProducer::from_config(config).await.map(drop),
        None => Producer::from_config(config).await.map(drop),
    }
}

#[tokio::test]
async fn configurations_are_accepted_and_refused_as_by_java() {
    let mut cases: Vec<(Vec<(&str, &str)>, Case)> = Vec::new();
    for property in rohrpost::properties().filter(|property| !property.is_refused) {
        for value in values(&property) {
            let pairs = vec![(property.name, *value)];
            cases.push((pairs.clone(), case(&pairs)));
        }
    }
    cases.extend(TOGETHER.iter().chain(SECURED).map(|pairs| (pairs.to_vec(), case(pairs))));
    let questions: Vec<Case> = cases.iter().map(|(_, case)| case.clone()).collect();
    let answers = ask_java(&questions);

    let supported: BTreeMap<&str, PropertyInfo> =
        rohrpost::properties().map(|property| (property.name, property)).collect();
    let mut unexplained = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut told_though_unused: Vec<(&str, &str)> = Vec::new();
    for ((pairs, case), java) in cases.iter().zip(&answers) {
        let ours = ask_ours(case).await;
        if ours.is_ok() == (java == "ok") {
            continue;
        }
        let explained = pairs.iter().find(|(name, value)| {
            DIFFERENCES.iter().any(|(key, values, _)| key == name && values.contains(value))
        });
        // A value that Java has and this version has not says so.
        let is_lacking = pairs.iter().any(|(name, _)| supported[name].unsupported.is_some());
        let is_unused = matches!(pairs.as_slice(), [(name, _)] if UNUSED.contains(name));
        match explained {
            Some(pair) => seen.push(*pair),
            None if is_unused && ours.is_err() => told_though_unused.extend(&pairs[..1]),
            None if is_lacking
                && ours
                    .as_ref()
                    .is_err_and(|error| error.to_string().contains("not supported")) => {}
            None => unexplained.push(format!("{pairs:?}: Java: {java}; here: {ours:?}")),
        }
    }
    assert!(
        unexplained.is_empty(),
        "{} of {}:\n{}",
        unexplained.len(),
        cases.len(),
        unexplained.join("\n")
    );
    for key in UNUSED {
        let says = supported[key].differs.is_some_and(|differs| differs.contains(OF_NO_USE));
        assert!(says, "the documentation does not say that {key} is looked at anyway");
        assert!(told_though_unused.iter().any(|(name, _)| name == key), "{key} is no difference");
    }
    for (key, values, reason) in DIFFERENCES {
        assert!(
            supported[key].differs.is_some(),
            "the documentation says nothing of {key}: {reason}"
        );
        for value in *values {
            assert!(seen.contains(&(*key, *value)), "{key}={value} is no difference: {reason}");
        }
    }
}

#[test]
fn every_key_has_javas_type_and_default() {
    let client = Distribution::client(VERSION).unwrap();
    let printed = client.run_source(PROGRAM, &["keys"], "").unwrap();
    let java: Vec<&str> = printed.lines().collect();
    let ours: Vec<String> = rohrpost::properties()
        .map(|it| [it.name, &it.kind.to_string().to_uppercase(), it.default].join(UNIT))
        .collect();
    assert_eq!(ours, java);
}

#[test]
fn files_are_read_as_java_reads_them() {
    let texts = [
        "client.id=a",
        "client.id:a",
        "client.id a",
        "client.id\ta",
        "  client.id  =  a  ",
        "client.id",
        "client.id=",
        "client.id==a",
        "client.id = : a",
        "client.id : = a",
        "client.id  \t :a",
        "#client.id=a",
        "  !client.id=a",
        "# x \\\nclient.id=a",
        "client.id=a#b",
        "client.id=a\\\n   b",
        "client.id=a\\\r\n   b",
        "client.id=a\\\r\tb",
        "client.id=a\\\\\nlinger.ms=1",
        "client.id=a\\\\\\\nb",
        "client.id=\\u0041\\u00e9",
        "client.id=\\ud83d\\ude00",
        "client.id=\\u12",
        "client.id=\\uxyzw",
        "client.id=a\\tb\\nc\\rd\\fe",
        "client.id=\\q\\:\\=\\#\\!",
        "client\\.id=a",
        "client.id\\=x=a",
        "cl\\\n ient.id=a",
        "client.id=a\nclient.id=b",
        "client.id=a\r\rclient.id=b",
        "\u{c}client.id\u{c}=\u{c}a",
        "client.id=größe",
        "client.id=a\\",
        "client.id=a\\\n",
        "client.id=a\\\n# b",
        "client.id=a\\\n\n",
        "\\u0063lient.id=a",
        "linger.ms=1\\\nclient.id=a",
        "client.id=a\n\\\nlinger.ms=1",
        "",
        "\n\n",
        "\\",
        "acks=all\nclient.id=\\u0020a\\u0020",
    ];
    let client = Distribution::client(VERSION).unwrap();
    let printed = client.run_source(PROGRAM, &["properties"], &texts.join(RECORD)).unwrap();
    let java: Vec<&str> = printed.lines().collect();
    assert_eq!(java.len(), texts.len(), "{printed}");
    for (text, java) in texts.iter().zip(java) {
        // Other names than ours are errors here, so that only texts in which Java finds client.id can be compared whole.
        let ours = match ProducerConfig::from_properties(text) {
            Ok(config) => config.client_id().map_or_else(|| "none".to_owned(), shown),
            Err(_) => "none".to_owned(),
        };
        assert_eq!(ours, java, "{text:?}");
    }
}

/// A value with its control characters as the program shows them.
fn shown(value: &str) -> String {
    let show = |character: char| match character {
        '\0'..='\u{1f}' => format!("{{{}}}", u32::from(character)),
        other => other.to_string(),
    };
    value.chars().map(show).collect()
}
