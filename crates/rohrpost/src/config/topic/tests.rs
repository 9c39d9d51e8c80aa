use std::time::Duration;

use rohrpost_engine::EngineConfig;

use super::*;
use crate::ErrorKind;

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A configuration of these properties, with a topic `logs`.
fn config(properties: &str, topic: TopicConfig) -> ProducerConfig {
    let text = format!("bootstrap.servers=b:1\n{properties}");
    let mut config = ProducerConfig::from_properties(&text).unwrap();
    config.set_topic("logs", topic).unwrap();
    config
}

fn engine(config: &ProducerConfig) -> EngineConfig {
    config.to_driver().unwrap().engine
}

/// What is wrong with the topic `logs`.
#[track_caller]
fn mistake(config: &ProducerConfig) -> ConfigError {
    let error = config.validate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with("topic \"logs\": "), "{error}");
    match error.config_error() {
        Some(ConfigError::OfTopic { topic, error }) if topic == "logs" => (**error).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_topic_does_not_set_is_the_producers() {
    let topic = TopicConfig::new().linger(millis(70));
    let config =
        config("acks=1\ncompression.type=lz4\nlinger.ms=3\ndelivery.timeout.ms=40000", topic);
    config.validate().unwrap();
    let engine = engine(&config);
    let (logs, other) = (engine.settings_of("logs"), engine.settings_of("other"));
    assert_eq!((logs.linger, other.linger), (millis(70), millis(3)));
    assert_eq!((logs.acks, logs.compression), (other.acks, other.compression));
    assert_eq!(logs.delivery_timeout, millis(40_000));
}

#[test]
fn every_setting_of_a_topic_reaches_the_engine_typed_and_by_name() {
    let typed = TopicConfig::new()
        .acks(Acks::None)
        .compression_with_level(Compression::Gzip, 9)
        .linger(millis(7))
        .delivery_timeout(millis(31_000));
    let named = TopicConfig::new()
        .property("acks", "0")
        .property("compression.type", "gzip")
        .property(" compression.gzip.level ", "9")
        .property("linger.ms", "7")
        .property("delivery.timeout.ms", "31000");
    for topic in [typed, named] {
        let config = config("", topic);
        config.validate().unwrap();
        let engine = engine(&config);
        let (logs, other) = (engine.settings_of("logs"), engine.settings_of("other"));
        assert_eq!(logs.acks.wire(), 0);
        let gzip = rohrpost_records::Compression::with_level(rohrpost_records::Codec::Gzip, 9);
        assert_eq!(Ok(logs.compression), gzip);
        assert_eq!((logs.linger, logs.delivery_timeout), (millis(7), millis(31_000)));
        assert!(!logs.is_idempotent && other.is_idempotent);
        assert_eq!(other.acks.wire(), -1);
    }
}

#[test]
fn a_codec_has_the_producers_level_unless_the_topic_has_one() {
    let level = |topic: TopicConfig| {
        let config = config(
            "compression.type=zstd\ncompression.zstd.level=7\ncompression.gzip.level=2",
            topic,
        );
        engine(&config).settings_of("logs").compression
    };
    let of = |codec, level| rohrpost_records::Compression::with_level(codec, level).unwrap();
    let gzip = TopicConfig::new().compression(Compression::Gzip);
    assert_eq!(level(gzip), of(rohrpost_records::Codec::Gzip, 2));
    let zstd = TopicConfig::new().property("compression.zstd.level", "1");
    assert_eq!(level(zstd), of(rohrpost_records::Codec::Zstd, 1));
    assert_eq!(level(TopicConfig::new()), of(rohrpost_records::Codec::Zstd, 7));
}

#[test]
fn acks_of_a_topic_exclude_idempotence_that_was_asked_for() {
    for acks in [Acks::None, Acks::Leader] {
        let topic = TopicConfig::new().acks(acks);
        let error = mistake(&config("enable.idempotence=true", topic.clone()));
        let ConfigError::Contradiction { first, second, reason } = error else {
            panic!("{error:?}")
        };
        assert_eq!((first, second), ("enable.idempotence", "acks"));
        // Not by giving up the other topics' idempotence, as for a producer.
        assert!(reason.contains("keeps the other topics idempotent"), "{reason}");
        // What is the default gives way for that topic alone.
        let implicit = config("", topic.clone());
        implicit.validate().unwrap();
        assert!(implicit.is_idempotent() && !implicit.for_topic("logs").is_idempotent());
        config("enable.idempotence=false", topic).validate().unwrap();
    }
    config("enable.idempotence=true", TopicConfig::new().acks(Acks::All)).validate().unwrap();
}

#[test]
fn a_topic_of_acks_all_is_idempotent_where_idempotence_is_possible() {
    for (properties, is_idempotent) in [
        ("acks=1", true),
        ("acks=0", true),
        ("acks=1\nretries=0", false),
        ("acks=1\nenable.idempotence=false", false),
    ] {
        let config = config(properties, TopicConfig::new().acks(Acks::All));
        config.validate().unwrap();
        let engine = engine(&config);
        assert_eq!(engine.settings_of("logs").is_idempotent, is_idempotent, "{properties}");
        assert_eq!(config.for_topic("logs").is_idempotent(), is_idempotent, "{properties}");
        assert!(!engine.settings_of("other").is_idempotent, "{properties}");
    }
}

#[test]
fn a_topics_time_is_enough_for_its_linger_and_a_request() {
    for (properties, topic) in [
        ("", TopicConfig::new().delivery_timeout(millis(30_004))),
        ("request.timeout.ms=1000", TopicConfig::new().property("delivery.timeout.ms", "1004")),
        ("delivery.timeout.ms=40000", TopicConfig::new().linger(millis(10_001))),
        ("", TopicConfig::new().linger(millis(20)).delivery_timeout(millis(30_019))),
    ] {
        let error = mistake(&config(properties, topic));
        let ConfigError::Contradiction { first, second, reason } = error else {
            panic!("{error:?}")
        };
        assert_eq!((first, second), ("delivery.timeout.ms", "request.timeout.ms"));
        assert!(reason.contains("linger.ms"), "{reason}");
    }
    for (properties, topic, timeout) in [
        ("", TopicConfig::new().delivery_timeout(millis(30_005)), 30_005),
        ("delivery.timeout.ms=40000", TopicConfig::new().linger(millis(10_000)), 40_000),
        // The default gives way, for that topic.
        ("", TopicConfig::new().linger(millis(200_000)), 230_000),
    ] {
        let config = config(properties, topic);
        config.validate().unwrap();
        assert_eq!(engine(&config).settings_of("logs").delivery_timeout, millis(timeout));
        assert_eq!(config.for_topic("logs").delivery_timeout(), millis(timeout));
    }
}

#[test]
fn a_topics_mistakes_are_told_with_its_name() {
    let mut config = ProducerConfig::new();
    let mut refused = |topic: TopicConfig| {
        let error = config.set_topic("logs", topic).unwrap_err();
        assert!(error.to_string().starts_with("topic \"logs\": "), "{error}");
        match error.config_error() {
            Some(ConfigError::OfTopic { error, .. }) => (**error).clone(),
            other => panic!("{other:?}"),
        }
    };
    let error = refused(TopicConfig::new().property("linger.m", "5"));
    assert!(
        matches!(error, ConfigError::UnknownProperty { nearest: Some("linger.ms"), .. }),
        "{error:?}"
    );
    for name in ["batch.size", "enable.idempotence", "bootstrap.servers", "transactional.id"] {
        let error = refused(TopicConfig::new().property(name, "x"));
        assert!(matches!(&error, ConfigError::NotSupported { name: of, .. } if *of == name));
    }
    for (name, value) in [("acks", "2"), ("linger.ms", "-1"), ("compression.gzip.level", "10")] {
        let error = refused(TopicConfig::new().property(name, value));
        assert!(matches!(&error, ConfigError::InvalidValue { name: of, .. } if *of == name));
    }
    for (codec, level, of) in [
        (Compression::Zstd, 23, "compression.zstd.level"),
        (Compression::Snappy, 1, "compression.type"),
    ] {
        let error = refused(TopicConfig::new().compression_with_level(codec, level));
        assert!(matches!(&error, ConfigError::InvalidValue { name, .. } if *name == of));
    }
}

#[test]
fn a_level_that_the_build_lacks_is_refused_for_a_topic_too() {
    let config = config("", TopicConfig::new().compression_with_level(Compression::Lz4, 10));
    if cfg!(feature = "lz4-c") {
        config.validate().unwrap();
    } else {
        let error = mistake(&config);
        assert!(matches!(error, ConfigError::InvalidValue { name: "compression.lz4.level", .. }));
    }
}

#[test]
fn names_that_no_topic_can_have_are_refused() {
    let long = "x".repeat(249);
    let mut config = ProducerConfig::new();
    for name in ["a", "A.b_c-9", "...", &long] {
        config.set_topic(name, TopicConfig::new()).unwrap();
    }
    let too_long = "x".repeat(250);
    for name in ["", ".", "..", "a b", "a/b", "straße", &too_long] {
        let error = config.set_topic(name, TopicConfig::new()).unwrap_err();
        let error = error.config_error();
        assert!(
            matches!(error, Some(ConfigError::InvalidValue { name: "topic", .. })),
            "{error:?}"
        );
    }
}

#[test]
fn what_a_topic_is_given_later_counts_alone() {
    let mut config = config("", TopicConfig::new().acks(Acks::None));
    config.set_topic("logs", TopicConfig::new().linger(millis(9))).unwrap();
    let logs = engine(&config).settings_of("logs");
    assert_eq!((logs.acks.wire(), logs.linger), (-1, millis(9)));
}

#[test]
fn java_names_of_a_topic_do_not_mix_with_librdkafkas() {
    let read = |idempotence| {
        let pairs = [("metadata.broker.list", "b:1"), ("enable.idempotence", idempotence)];
        ProducerConfig::from_librdkafka(pairs).unwrap()
    };
    let error = read("false").set_topic("logs", TopicConfig::new().property("acks", "1"));
    let error = error.unwrap_err();
    assert!(error.to_string().contains("librdkafka"), "{error}");
    let mut config = read("false");
    config.set_topic("logs", TopicConfig::new().acks(Acks::Leader)).unwrap();
    config.validate().unwrap();
    // As librdkafka has it.
    let mut config = read("true");
    config.set_topic("logs", TopicConfig::new().acks(Acks::Leader)).unwrap();
    assert!(matches!(mistake(&config), ConfigError::Contradiction { .. }));
}

#[test]
fn a_topics_contradictions_are_told_before_servers_are_known() {
    let builder = crate::Producer::builder().topic("logs", TopicConfig::new().acks(Acks::None));
    builder.clone().into_config().unwrap();
    let error = builder.idempotence(true).into_config().unwrap_err();
    assert!(
        error.to_string().starts_with("topic \"logs\": enable.idempotence and acks"),
        "{error}"
    );
}

/// A file that `${file:…}` refers to.
struct Elsewhere(std::path::PathBuf);

impl Elsewhere {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rohrpost-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn refer(&self, key: &str) -> String {
        format!("${{file:{}:{key}}}", self.0.display())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const PROVIDERS: &str = "config.providers=file\nconfig.providers.file.class=FileConfigProvider\n";

#[test]
fn a_topics_values_may_stand_elsewhere_and_are_not_shown_then() {
    let file = Elsewhere::new("topic-values", "linger=4711\nacks=1\n");
    let topic = TopicConfig::new()
        .property("linger.ms", file.refer("linger"))
        .property("acks", file.refer("acks"))
        .acks(Acks::All);
    let config = config(PROVIDERS, topic);
    let logs = engine(&config).settings_of("logs");
    assert_eq!((logs.linger, config.for_topic("logs").acks), (millis(4_711), Acks::All));
    for shown in [format!("{config:?}"), format!("{:?}", config.for_topic("logs"))] {
        assert!(shown.contains("linger: [hidden]") && !shown.contains("4711"), "{shown}");
        assert!(!shown.contains("4.711"), "{shown}");
    }
    let plain =
        TopicConfig::new().property("linger.ms", file.refer("linger")).property("linger.ms", "20");
    let config = self::config(PROVIDERS, plain);
    assert!(format!("{config:?}").contains("20ms"), "what was set last counts");
}

#[test]
fn what_a_topic_refers_to_in_vain_is_told_without_what_stands_there() {
    let file = Elsewhere::new("topic-mistakes", "wrong=hush-hush\n");
    let mistake = |providers: &str, name: &str, value: String| {
        let text = format!("bootstrap.servers=b:1\n{providers}");
        let mut config = ProducerConfig::from_properties(&text).unwrap();
        let topic = TopicConfig::new().property(name, value);
        config.set_topic("logs", topic).unwrap_err().to_string()
    };
    for (name, key, words) in [
        ("linger.ms", "wrong", "linger.ms"),
        ("acks", "wrong", "acks"),
        ("acks", "none", "cannot be had"),
        ("batch.size", "wrong", "batch.size is not supported"),
        ("nonsense", "wrong", "nonsense"),
    ] {
        let error = mistake(PROVIDERS, name, file.refer(key));
        assert!(error.starts_with("topic \"logs\": ") && error.contains(words), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
    // Without providers nothing is a reference, as for the producer's own.
    let error = mistake("", "acks", file.refer("wrong"));
    assert!(error.contains("${file:"), "{error}");
}
