use super::property::Setter;
use super::*;

fn config(text: &str) -> ProducerConfig {
    ProducerConfig::from_properties(&format!("bootstrap.servers=a:1\n{text}")).unwrap()
}

fn refusal(name: &str, value: &str) -> ConfigError {
    ProducerConfig::new().set_typed(name, value).unwrap_err()
}

#[test]
fn every_default_as_text_is_the_default() {
    let tables = table::PROPERTIES.iter().chain(security::PROPERTIES);
    for property in tables.chain(security::TOKEN_PROPERTIES) {
        if let Setter::Only { .. } | Setter::Refused(_) = property.setter {
            continue;
        }
        let name = property.name();
        // Java's default is Kerberos.
        if name == "sasl.mechanism" {
            continue;
        }
        let mut config = ProducerConfig::new();
        if !property.default.is_empty() {
            property.set(name, &mut config, property.default).unwrap();
        }
        assert_eq!(config.is_idempotent(), ProducerConfig::new().is_idempotent());
        assert_eq!(
            config.effective_delivery_timeout(),
            ProducerConfig::new().effective_delivery_timeout()
        );
        let (first, _) = config.effective_reconnect_backoff();
        assert_eq!(first, Duration::from_millis(50), "{name}");
        config.idempotence = None;
        config.delivery_timeout = None;
        config.reconnect_backoff = None;
        config.reconnect_backoff_max = None;
        config.has_transaction_timeout = false;
        assert_eq!(config, ProducerConfig::new(), "{name}");
    }
}

#[test]
fn every_property_of_kafka_4_4_is_known_once() {
    let mut names: Vec<&str> = names(java()).collect();
    assert_eq!(names.len(), 120);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 120);
}

#[test]
fn another_value_of_an_honoured_property_changes_the_configuration() {
    let no_effect = ["buffer.memory.allocation.strategy"];
    for property in table::PROPERTIES {
        let name = property.name();
        let value = match &property.setter {
            Setter::Only { .. } => continue,
            Setter::Flag(_) if property.default == "true" => "false",
            Setter::Flag(_) => "true",
            Setter::Named { of, .. } => of[of.len() - 1][0],
            Setter::Text(_) | Setter::List { .. } => "text",
            Setter::Refused(_) => continue,
            _ if name == "compression.zstd.level" => "4",
            // Unstable: see below.
            _ if name == "transaction.two.phase.commit.enable" => continue,
            _ => "7",
        };
        let value = if name == "metadata.max.idle.ms" { "7000" } else { value };
        let mut config = ProducerConfig::new();
        property.set(name, &mut config, value).unwrap();
        assert_eq!(config == ProducerConfig::new(), no_effect.contains(&name), "{name}");
    }
}

#[test]
fn every_honoured_property_has_a_method_of_the_builder() {
    let builder = include_str!("../builder.rs");
    let no_effect = ["buffer.memory.allocation.strategy"];
    for info in properties().chain(librdkafka_properties()) {
        match info.method {
            Some(method) => {
                let declaration = ["(", "<"].map(|end| format!("pub fn {method}{end}"));
                assert!(
                    declaration.iter().any(|text| builder.contains(text)),
                    "{}: {method}",
                    info.name
                );
            }
            None => assert!(
                info.unsupported.is_some() || no_effect.contains(&info.name),
                "{} has no method",
                info.name
            ),
        }
    }
}

#[test]
fn a_secret_is_shown_by_nothing() {
    const SECRET: &str = "hunter2";
    let mut seen = 0;
    for info in properties()
        .chain(librdkafka_properties())
        .filter(|info| info.is_refused || info.is_secret())
    {
        seen += usize::from(info.is_secret());
        let read = match info.dialect {
            Dialect::Java => ProducerConfig::from_java([(info.name, SECRET)]),
            Dialect::Librdkafka => ProducerConfig::from_librdkafka([(info.name, SECRET)]),
        };
        let error = match read {
            Err(error) => error,
            Ok(config) => {
                assert!(!info.is_refused && !format!("{config:?}").contains(SECRET), "{config:?}");
                continue;
            }
        };
        assert!(error.to_string().contains(info.name), "{error}");
        assert!(!format!("{error} {error:?} {:?}", error.config_error()).contains(SECRET));
    }
    assert!(seen >= 18, "{seen}");
    for name in ["sasl.password", "sasl.jaas.confg", "my.password"] {
        let error = ProducerConfig::from_java([(name, SECRET)]).unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.config_error()).contains(SECRET));
    }
}

#[test]
fn a_name_of_the_other_dialect_is_told_from_a_typo() {
    for (name, meant) in [
        ("message.timeout.ms", Some("delivery.timeout.ms")),
        ("metadata.broker.list", Some("bootstrap.servers")),
        ("queue.buffering.max.kbytes", Some("buffer.memory")),
        ("socket.timeout.ms", Some("request.timeout.ms")),
        ("request.required.acks", Some("acks")),
        ("statistics.interval.ms", None),
    ] {
        let error = refusal(name, "1");
        let ConfigError::UnknownProperty {
            dialect: Dialect::Java, nearest, is_foreign: true, ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(nearest, meant, "{name}");
        assert!(error.to_string().contains("librdkafka"), "{error}");
    }
}

#[test]
fn a_property_of_consumers_is_called_so_and_not_librdkafkas() {
    for (name, whose) in [
        ("group.id", "consumers"),
        ("auto.offset.reset", "consumers"),
        ("fetch.max.wait.ms", "consumers"),
        ("fetch.wait.max.ms", "consumers"),
        ("session.timeout.ms", "consumers"),
        ("enable.auto.commit", "consumers"),
        ("max.poll.records", "consumers"),
        ("isolation.level", "consumers"),
        ("value.deserializer", "consumers"),
        ("default.api.timeout.ms", "consumers and admin clients"),
        ("bootstrap.controllers", "admin clients"),
    ] {
        let error = refusal(name, "1");
        assert_eq!(error, ConfigError::OfOtherClient { name: name.to_owned(), whose });
        let told = error.to_string();
        assert!(told.contains("a producer has no use") && !told.contains("librdkafka"), "{told}");
    }
    // No property of ours is taken for one.
    for property in properties() {
        assert_eq!(others::whose(property.name), None);
    }
}

#[test]
fn a_property_of_a_schema_registry_says_who_takes_it() {
    for name in [
        "schema.registry.url",
        "schema.registry.ssl.truststore.location",
        "basic.auth.user.info",
        "bearer.auth.token",
        "auto.register.schemas",
        "value.subject.name.strategy",
    ] {
        let error = refusal(name, "hunter2").to_string();
        assert!(error.starts_with(name), "{error}");
        assert!(
            error.contains("rohrpost-schema-registry") && !error.contains("hunter2"),
            "{error}"
        );
    }
    let error = refusal("value.serializer", "io.confluent.kafka.serializers.KafkaAvroSerializer");
    assert!(error.to_string().contains("rohrpost-schema-registry"), "{error}");
}

#[test]
fn of_two_values_the_later_one_counts() {
    let pairs = ProducerConfig::from_java([("linger.ms", "1"), ("linger.ms", "2")]).unwrap();
    assert_eq!(pairs.linger(), Duration::from_millis(2));
    assert_eq!(config("linger.ms=3\nlinger.ms : 4").linger(), Duration::from_millis(4));
}

#[test]
fn an_error_in_the_environment_names_the_variable() {
    let read = |variables: &[(&str, &str)]| {
        let mut config = ProducerConfig::new();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        config.set_environment("ROHRPOST_", variables).map(|()| config)
    };
    let config = read(&[
        ("ROHRPOST_MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION", "3"),
        ("ROHRPOST_compression_type", "zstd"),
        ("ROHRPOST_ACKS", ""),
        ("OTHER_LINGER_MS", "soon"),
    ])
    .unwrap();
    assert_eq!((config.max_in_flight, config.compression), (3, Compression::Zstd));
    let error = read(&[("ROHRPOST_LINGER_SM", "5")]).unwrap_err().to_string();
    assert!(error.starts_with("ROHRPOST_LINGER_SM: ") && error.contains("linger.ms"), "{error}");
    let error = read(&[("ROHRPOST_LINGER_MS", "soon")]).unwrap_err().to_string();
    assert!(error.starts_with("ROHRPOST_LINGER_MS: linger.ms=\"soon\""), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(b"\xff".to_vec());
    let mut config = ProducerConfig::new();
    let error = config.set_environment("R_", [("R_ACKS".into(), value)]).unwrap_err();
    assert!(
        matches!(error.config_error(), Some(ConfigError::NotText { name }) if name == "R_ACKS")
    );
}

#[test]
fn serializers_have_long_names_and_short_ones() {
    for names in SerializerClass::NAMES {
        let [long, short] = names else { panic!("{names:?}") };
        let read = |name: &str| {
            let config =
                ProducerConfig::from_java([("key.serializer", name), ("value.serializer", name)]);
            let config = config.unwrap();
            assert_eq!(config.key_serializer(), config.value_serializer());
            config.key_serializer().unwrap()
        };
        assert_eq!(read(long), read(short));
        assert_eq!(read(long).to_string(), *short);
        assert!(long.ends_with(&format!(".{short}")));
    }
    let error = refusal("value.serializer", "com.example.Mine");
    assert!(matches!(error, ConfigError::NotSupported { .. }), "{error:?}");
}

#[test]
fn a_producer_of_bytes_takes_the_serializers_that_leave_them_alone() {
    for (name, is_taken) in [
        ("ByteArraySerializer", true),
        ("StringSerializer", true),
        ("LongSerializer", false),
        ("VoidSerializer", false),
    ] {
        let config = config(&format!("key.serializer={name}"));
        config.validate().unwrap();
        assert_eq!(config.serializers().check_raw().is_empty(), is_taken, "{name}");
    }
}

#[test]
fn character_sets_go_by_javas_names_and_those_of_keys_and_values_come_first() {
    use rohrpost_serializer::Encoding;

    let of = |text: &str| {
        let serializers = config(text).serializers();
        (serializers.key.encoding, serializers.value.encoding)
    };
    let common = |encoding| Some(("serializer.encoding", encoding));
    assert_eq!(of(""), (None, None));
    for name in ["latin1", "LATIN1", "ISO-8859-1", "8859_1"] {
        let latin = common(Encoding::Iso8859_1);
        assert_eq!(of(&format!("serializer.encoding={name}")), (latin, latin));
    }
    let key = Some(("key.serializer.encoding", Encoding::Utf8));
    let both = "serializer.encoding=utf16\nkey.serializer.encoding=UTF8";
    assert_eq!(of(both), (key, common(Encoding::Utf16)));
    let value = Some(("value.serializer.encoding", Encoding::Utf16Le));
    assert_eq!(of("value.serializer.encoding=UTF-16LE"), (None, value));
    for name in ["windows-1252", "", "UTF_8"] {
        let error = refusal("key.serializer.encoding", name);
        assert!(matches!(error, ConfigError::NotSupported { .. }), "{error:?}");
    }
    let error = refusal("key.serializer.encodin", "utf8").to_string();
    assert!(error.ends_with("did you mean \"key.serializer.encoding\"?"), "{error}");
}

#[test]
fn a_producer_of_bytes_takes_no_character_set_that_it_does_not_write() {
    for (text, refused) in [
        ("serializer.encoding=utf8", None),
        ("serializer.encoding=UTF-16", Some("serializer.encoding")),
        ("value.serializer.encoding=latin1", Some("value.serializer.encoding")),
        (
            "value.serializer=StringSerializer\nvalue.serializer.encoding=latin1",
            Some("value.serializer.encoding"),
        ),
        // As in Java: bytes have no character set.
        ("value.serializer=ByteArraySerializer\nvalue.serializer.encoding=latin1", None),
        (
            "value.serializer.encoding=UTF-8\nkey.serializer.encoding=UTF-8\nserializer.encoding=latin1",
            None,
        ),
    ] {
        let found = match config(text).serializers().check_raw().as_slice() {
            [ConfigError::NotSupported { name, .. }] => Some(*name),
            errors => {
                assert!(errors.is_empty(), "{errors:?}");
                None
            }
        };
        assert_eq!(found, refused, "{text}");
    }
}

#[test]
fn values_out_of_range_say_what_is_accepted() {
    for (name, value) in [
        ("acks", "2"),
        ("batch.size", "-1"),
        ("batch.size", "2147483648"),
        ("batch.size", "16k"),
        ("linger.ms", "-1"),
        ("linger.ms", "9223372036854775808"),
        ("linger.ms", ""),
        ("max.in.flight.requests.per.connection", "0"),
        ("metadata.max.idle.ms", "4999"),
        ("compression.type", "LZ4"),
        ("compression.gzip.level", "0"),
        ("compression.gzip.level", "10"),
        ("compression.zstd.level", "23"),
        ("enable.idempotence", "yes"),
        ("send.buffer.bytes", "-2"),
        ("partitioner.class", "com.example.Mine"),
        ("partitioner.class", ""),
        ("acks", "ALL"),
        ("bootstrap.servers", "a:1,,b:2"),
        ("bootstrap.servers", ""),
    ] {
        let error = refusal(name, value);
        let ConfigError::InvalidValue { name: property, value: given, accepted } = &error else {
            panic!("{name}={value}: {error:?}");
        };
        assert_eq!((*property, given.as_deref()), (name, Some(value)));
        assert!(error.to_string().contains(accepted), "{error}");
    }
}

#[test]
fn edges_of_ranges_are_accepted() {
    for (name, value) in [
        ("acks", " all "),
        ("acks", "-1"),
        ("batch.size", "0"),
        ("batch.size", "+2147483647"),
        ("linger.ms", "9223372036854775807"),
        ("compression.gzip.level", "-1"),
        ("compression.gzip.level", "1"),
        ("compression.zstd.level", "-131072"),
        ("connections.max.idle.ms", "-1"),
        ("metadata.recovery.strategy", "NONE"),
        ("enable.idempotence", "FALSE"),
        ("key.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
        ("security.protocol", "plaintext"),
        ("interceptor.classes", ""),
    ] {
        ProducerConfig::new().set(name, value).unwrap();
    }
    assert_eq!(config("connections.max.idle.ms=-1").connections_max_idle, None);
    assert_eq!(config("send.buffer.bytes=-1").send_buffer, None);
}

#[test]
fn what_is_not_supported_is_refused_with_a_reason_never_ignored() {
    for (name, value) in [
        ("sasl.oauthbearer.jwks.endpoint.url", "hunter2"),
        ("ssl.engine.factory.class", "com.example.Mine"),
        ("enable.metrics.push", "true"),
        ("interceptor.classes", "com.example.Mine"),
        ("value.serializer", "io.confluent.kafka.serializers.KafkaAvroSerializer"),
    ] {
        let error = refusal(name, value);
        assert!(matches!(error, ConfigError::NotSupported { .. }), "{error:?}");
        assert!(error.to_string().starts_with(name));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn an_unknown_property_names_the_nearest() {
    for (name, nearest) in [
        ("linger.m", Some("linger.ms")),
        ("bootstrap.server", Some("bootstrap.servers")),
        ("compression_type", Some("compression.type")),
        ("something.else.entirely", None),
    ] {
        let expected = ConfigError::UnknownProperty {
            dialect: Dialect::Java,
            name: name.to_owned(),
            nearest,
            is_foreign: false,
        };
        assert_eq!(refusal(name, "1"), expected);
    }
}

#[test]
fn two_phase_commit_is_refused_without_its_feature() {
    const NAME: &str = "transaction.two.phase.commit.enable";
    if cfg!(feature = "unstable-two-phase-commit") {
        let text = format!("{NAME}=TRUE\ntransactional.id=x");
        assert!(config(&text).check().is_empty());
        assert!(config(&text).two_phase_commit);
        for (text, other) in [
            // As in Java, whatever it is set to.
            (format!("{text}\ntransaction.timeout.ms=60000"), "transaction.timeout.ms"),
            (format!("{NAME}=true"), "transactional.id"),
        ] {
            let mistakes = config(&text).check();
            let [mistake] = mistakes.as_slice() else { panic!("{text}: {mistakes:?}") };
            let error = mistake.error();
            assert!(
                matches!(error, ConfigError::Contradiction { first: NAME, second, .. } if *second == other),
                "{error:?}"
            );
        }
    } else {
        let error = refusal(NAME, "true");
        assert!(matches!(error, ConfigError::NotSupported { .. }), "{error:?}");
        assert!(error.to_string().contains("unstable-two-phase-commit"), "{error}");
    }
    assert!(config(&format!("{NAME}=false\ntransaction.timeout.ms=1000")).check().is_empty());
    assert!(matches!(refusal(NAME, "maybe"), ConfigError::InvalidValue { .. }));
}

#[test]
fn a_secret_whose_second_line_is_taken_for_a_name_is_not_told() {
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    for (text, secret) in [
        (format!("ssl.keystore.key=-----BEGIN PRIVATE KEY-----\n{key}\nAA+/hunter2\n"), key),
        (format!("ssl.keystore.key=-----BEGIN PRIVATE KEY-----\n{key}\nAA+/hunter2\n"), "hunter2"),
        ("sasl.jaas.config=x required password=\n\"hunter2\";\n".to_owned(), "hunter2"),
        (
            "sasl.oauthbearer.x=y\neyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAw.c2ln"
                .to_owned(),
            "eyJzdWI",
        ),
    ] {
        let error = ProducerConfig::from_properties(&text).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains(secret), "{told}");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}

#[test]
fn settings_that_exclude_each_other_name_both() {
    for (text, first, second) in [
        ("enable.idempotence=true\nretries=0", "enable.idempotence", "retries"),
        ("enable.idempotence=true\nacks=1", "enable.idempotence", "acks"),
        (
            "max.in.flight.requests.per.connection=6",
            "enable.idempotence",
            "max.in.flight.requests.per.connection",
        ),
        ("delivery.timeout.ms=30004", "delivery.timeout.ms", "request.timeout.ms"),
        ("partitioner.rack.aware=true", "partitioner.rack.aware", "client.rack"),
        ("partitioner.rack.aware=true\nclient.rack= ", "partitioner.rack.aware", "client.rack"),
    ] {
        let mistakes = config(text).check();
        let [mistake] = mistakes.as_slice() else { panic!("{text}: {mistakes:?}") };
        let ConfigError::Contradiction { first: one, second: other, .. } = *mistake.error() else {
            panic!("{text}: {mistake:?}");
        };
        assert_eq!((one, other), (first, second));
    }
}

#[test]
fn implicit_idempotence_gives_way_as_in_java() {
    assert!(config("").is_idempotent());
    for text in ["acks=1", "acks=0", "retries=0", "enable.idempotence=false"] {
        let config = config(text);
        config.validate().unwrap();
        assert!(!config.is_idempotent(), "{text}");
    }
    let six = "max.in.flight.requests.per.connection=6";
    config(&format!("acks=1\n{six}")).validate().unwrap_err();
    config(&format!("enable.idempotence=false\n{six}")).validate().unwrap();
}

#[test]
fn a_default_gives_way_where_java_lets_it() {
    assert_eq!(config("").effective_delivery_timeout(), Duration::from_secs(120));
    let long = config("linger.ms=100000\nrequest.timeout.ms=60000");
    assert_eq!(long.effective_delivery_timeout(), Duration::from_secs(160));
    let backoff = |text| config(text).effective_reconnect_backoff();
    let millis = Duration::from_millis;
    assert_eq!(backoff(""), (millis(50), millis(1000)));
    assert_eq!(backoff("reconnect.backoff.ms=2000"), (millis(2000), millis(2000)));
    assert_eq!(backoff("reconnect.backoff.max.ms=70"), (millis(50), millis(70)));
}

#[test]
fn nothing_works_without_a_bootstrap_server() {
    let error = ProducerConfig::new().validate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("bootstrap.servers"));
}

#[test]
fn an_error_in_a_text_has_its_line_and_its_cause() {
    let error = ProducerConfig::from_properties("# mine\nlinger.ms=5\nacks=maybe\n").unwrap_err();
    assert!(error.to_string().starts_with("line 3: acks="), "{error}");
    assert!(matches!(error.config_error(), Some(ConfigError::InvalidValue { name: "acks", .. })));
}

#[test]
fn a_level_that_the_build_lacks_is_refused() {
    let checked = config("compression.type=lz4\ncompression.lz4.level=10").validate();
    if cfg!(feature = "lz4-c") {
        checked.unwrap();
    } else {
        let error = checked.unwrap_err();
        let level = "compression.lz4.level";
        assert!(
            matches!(error.config_error(), Some(ConfigError::InvalidValue { name, .. }) if *name == level)
        );
        assert!(error.to_string().starts_with("line 3: ") && error.to_string().contains("lz4-c"));
    }
    config("compression.lz4.level=10").validate().unwrap();
}
