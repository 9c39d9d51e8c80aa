use super::*;

fn read(pairs: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_librdkafka(pairs.iter().copied()).unwrap()
}

fn refusal(pairs: &[(&str, &str)]) -> ConfigError {
    let error = ProducerConfig::from_librdkafka(pairs.iter().copied()).unwrap_err();
    error.config_error().cloned().unwrap()
}

const fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[test]
fn every_default_as_text_is_the_default() {
    for property in table::PROPERTIES {
        // What is pushed or sent depends on what this producer has.
        let unlike = ["enable.metrics.push"];
        if property.default.is_empty() || unlike.contains(&property.name()) {
            continue;
        }
        for name in property.names {
            let mut set = read(&[(name, property.default)]);
            set.has_transaction_timeout = false;
            assert_eq!(set, read(&[]), "{name}");
        }
    }
}

#[test]
fn no_name_stands_for_two_things() {
    let mut names: Vec<&str> = all().flat_map(|property| property.names).copied().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn counterparts_are_properties_of_java() {
    for property in all() {
        for name in property.counterparts {
            assert!(super::super::java().any(|java| java.name() == *name), "{name}");
        }
    }
}

#[test]
fn units_ranges_and_defaults_are_librdkafkas() {
    let default = read(&[]);
    assert_eq!(default.buffer_memory, 1 << 30);
    assert_eq!(
        (default.delivery_timeout(), default.request_timeout()),
        (millis(300_000), millis(60_000))
    );
    assert_eq!((default.batch_size, default.max_in_flight), (1_000_000, 1_000_000));
    assert_eq!(default.partitioning, Partitioning::ConsistentRandom);
    assert!(!default.is_idempotent());

    assert_eq!(read(&[("queue.buffering.max.kbytes", "3")]).buffer_memory, 3_072);
    assert_eq!(read(&[("linger.ms", "0.5")]).linger(), Duration::from_micros(500));
    assert_eq!(read(&[("acks", "ALL")]).acks, Acks::All);
    assert!(read(&[("socket.keepalive.enable", "T")]).keepalive);
    assert_eq!(read(&[("message.max.bytes", "0x1000")]).max_request_size, 4_096);
    for (name, wrong) in [
        ("queue.buffering.max.kbytes", "0"),
        ("linger.ms", "900001"),
        ("linger.ms", "NaN"),
        ("message.max.bytes", "999"),
        ("socket.timeout.ms", "9"),
        ("retry.backoff.ms", "0"),
        ("compression.codec", "inherit"),
        ("acks", "2"),
    ] {
        let error = refusal(&[(name, wrong)]);
        assert!(matches!(error, ConfigError::InvalidValue { .. }), "{name}: {error:?}");
    }
}

#[test]
fn homonyms_mean_what_they_mean_in_their_dialect() {
    let theirs = read(&[("request.timeout.ms", "7000")]);
    assert_eq!(
        (theirs.ack_timeout, theirs.request_timeout()),
        (Some(millis(7_000)), millis(60_000))
    );
    let java = ProducerConfig::from_java([("request.timeout.ms", "7000")]).unwrap();
    assert_eq!((java.ack_timeout, java.request_timeout()), (None, millis(7_000)));
}

#[test]
fn zero_means_what_librdkafka_says() {
    let forever = read(&[("message.timeout.ms", "0")]);
    assert!(forever.delivery_timeout() > Duration::from_secs(1 << 40));
    assert_eq!(read(&[("connections.max.idle.ms", "0")]).connections_max_idle, None);
    assert_eq!(read(&[("socket.send.buffer.bytes", "0")]).send_buffer, None);
    assert_eq!(read(&[("retries", "0")]).retries, 0);
    assert_eq!(read(&[("linger.ms", "0")]).linger(), Duration::ZERO);
    assert_eq!(
        read(&[("reconnect.backoff.ms", "0")]).effective_reconnect_backoff().0,
        Duration::ZERO
    );
}

#[test]
fn idempotence_adjusts_what_was_not_said_and_refuses_what_was() {
    let config = read(&[("enable.idempotence", "true")]);
    assert!(config.is_idempotent());
    assert_eq!((config.max_in_flight, config.acks), (5, Acks::All));
    for (name, value) in [("max.in.flight", "6"), ("retries", "0"), ("acks", "1")] {
        let error = refusal(&[("enable.idempotence", "true"), (name, value)]);
        let ConfigError::Contradiction { first: "enable.idempotence", second, .. } = error else {
            panic!("{name}: {error:?}");
        };
        let same = all().find(|property| property.named(name).is_some()).unwrap();
        assert_eq!(second, same.name());
        read(&[(name, value)]);
    }
}

#[test]
fn a_short_message_timeout_shortens_what_it_contains() {
    let config = read(&[("bootstrap.servers", "a:1"), ("message.timeout.ms", "5000")]);
    config.validate().unwrap();
    assert_eq!(config.request_timeout() + config.linger(), millis(5_000));
    let config = read(&[("bootstrap.servers", "a:1"), ("message.timeout.ms", "4")]);
    config.validate().unwrap();
    assert_eq!(config.linger(), Duration::from_micros(3_900));
    let error = refusal(&[("message.timeout.ms", "4"), ("linger.ms", "5")]);
    assert!(matches!(error, ConfigError::Contradiction { first: "message.timeout.ms", .. }));
}

#[test]
fn the_longest_pause_is_not_shorter_than_the_first() {
    let error = refusal(&[("reconnect.backoff.ms", "100"), ("reconnect.backoff.max.ms", "50")]);
    assert!(matches!(error, ConfigError::Contradiction { first: "reconnect.backoff.max.ms", .. }));
}

#[test]
fn a_level_is_the_codecs() {
    let level = |codec, level| [("compression.codec", codec), ("compression.level", level)];
    assert_eq!(read(&level("gzip", "4")).gzip_level, 4);
    assert_eq!(read(&level("zstd", "12")).zstd_level, 12);
    assert_eq!(read(&level("zstd", "0")).zstd_level, 3);
    assert_eq!(read(&level("lz4", "2")).lz4_level, 9);
    assert_eq!(read(&level("snappy", "0")), read(&[("compression.codec", "snappy")]));
    read(&level("none", "12"));
    for (codec, value) in [("gzip", "10"), ("gzip", "0"), ("snappy", "1"), ("lz4", "9")] {
        let error = refusal(&level(codec, value)).to_string();
        assert!(error.starts_with(&format!("compression.level=\"{value}\"")), "{error}");
    }
    let lz4 = ProducerConfig::from_librdkafka(level("lz4", "8"));
    assert_eq!(lz4.is_ok(), cfg!(feature = "lz4-c"));
    if let Err(error) = lz4 {
        assert!(error.to_string().starts_with("compression.level="), "{error}");
    }
}

#[test]
fn names_never_mix() {
    let mut config = read(&[]);
    let error = config.set("linger.ms", "5").unwrap_err();
    assert!(matches!(error.config_error(), Some(ConfigError::OtherDialect { .. })), "{error}");
    let error = refusal(&[("max.block.ms", "5")]);
    assert!(matches!(error, ConfigError::UnknownProperty { is_foreign: true, .. }));
    let ConfigError::UnknownProperty { nearest, .. } = refusal(&[("buffer.memory", "5")]) else {
        panic!();
    };
    assert_eq!(nearest, Some("queue.buffering.max.kbytes"));
    let ConfigError::UnknownProperty { nearest, .. } = refusal(&[("linger.sm", "5")]) else {
        panic!();
    };
    assert_eq!(nearest, Some("linger.ms"));
    // The builder's typed methods have no dialect.
    let builder =
        crate::ProducerBuilder::from_config(config).bootstrap_servers("a:1").max_in_flight(2);
    builder.into_config().unwrap().validate().unwrap();
}

#[test]
fn brokers_of_a_test_are_refused_with_what_has_them_here() {
    for (name, value, way) in [
        ("test.mock.num.brokers", "3", "rohrpost_testkit::Cluster"),
        ("test.mock.broker.rtt", "200", "Fault::delay"),
    ] {
        let error = refusal(&[(name, value)]);
        assert!(matches!(error, ConfigError::NotSupported { .. }), "{error:?}");
        assert!(error.to_string().contains(way), "{error}");
    }
}

#[test]
fn what_a_consumer_is_told_is_refused_as_such() {
    let error = refusal(&[("group.id", "g")]);
    assert!(error.to_string().contains("consumers"), "{error}");
}
