use std::ffi::OsString;
use std::time::Duration;

use super::*;
use crate::{Acks, Producer, ProducerBuilder, ProducerConfig, TopicConfig};

fn told(error: &Error) -> Vec<String> {
    error.config_errors().unwrap().errors().map(ToString::to_string).collect()
}

#[track_caller]
fn starts(error: &Error, expected: &[&str]) {
    let told = told(error);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

fn of(file: &str, text: &str, variables: &[(&str, &str)]) -> ProducerConfig {
    let mut config = ProducerConfig::new();
    config.set_properties_of(file, text).unwrap();
    let variables = variables.iter().map(|(name, value)| (name.into(), OsString::from(value)));
    config.set_environment("R_", variables).unwrap();
    config
}

#[test]
fn a_contradiction_names_the_places_of_both_properties() {
    for (text, variables, expected) in [
        (
            "# mine\nacks=1\n\nenable.idempotence=true",
            &[][..],
            "enable.idempotence (a.properties, line 4) and acks (a.properties, line 2) contradict",
        ),
        (
            "enable.idempotence=true",
            &[("R_RETRIES", "0")],
            "enable.idempotence (a.properties, line 1) and retries (R_RETRIES) contradict",
        ),
        // What nobody has said has no place.
        (
            "max.in.flight.requests.per.connection=6",
            &[],
            "enable.idempotence and max.in.flight.requests.per.connection (a.properties, line 1)",
        ),
        // Of two values the later one counts, and its place is told.
        (
            "delivery.timeout.ms=60000\ndelivery.timeout.ms=5",
            &[("R_REQUEST_TIMEOUT_MS", "9")],
            "delivery.timeout.ms (a.properties, line 2) and request.timeout.ms (R_REQUEST_TIMEOUT_MS)",
        ),
    ] {
        let error = ProducerBuilder::from_config(of("a.properties", text, variables))
            .into_config()
            .unwrap_err();
        starts(&error, &[expected]);
    }
}

#[test]
fn a_value_that_shows_late_to_be_wrong_has_its_place() {
    let text = "bootstrap.servers=a:1,b,c:70000\nvalue.serializer=LongSerializer";
    let config = of("a.properties", text, &[("R_CLIENT_ID", &"x".repeat(40_000))]);
    let error = at_once(ProducerBuilder::from_config(config).build()).unwrap_err();
    starts(
        &error,
        &[
            "R_CLIENT_ID: client.id=",
            "a.properties, line 1: bootstrap.servers=\"b\"",
            "a.properties, line 1: bootstrap.servers=\"c:70000\"",
            "a.properties, line 2: value.serializer=\"LongSerializer\"",
        ],
    );
}

#[test]
fn what_the_program_has_changed_is_not_laid_on_the_file() {
    let config = of("a.properties", "acks=all\nenable.idempotence=true\nretries=7", &[]);
    let changed = ProducerBuilder::from_config(config.clone()).acks(Acks::Leader).into_config();
    let places = "enable.idempotence (a.properties, line 2) and acks contradict";
    starts(&changed.unwrap_err(), &[places]);
    let named = ProducerBuilder::from_config(config).property("retries", "0").into_config();
    let places = "enable.idempotence (a.properties, line 2) and retries contradict";
    starts(&named.unwrap_err(), &[places]);
}

#[test]
fn a_topics_own_setting_is_not_laid_on_the_file() {
    let topic = TopicConfig::new().acks(Acks::None);
    let config = of("a.properties", "acks=all\nenable.idempotence=true", &[]);
    let error = ProducerBuilder::from_config(config).topic("logs", topic).into_config();
    let expected = "topic \"logs\": enable.idempotence (a.properties, line 2) and acks contradict";
    starts(&error.unwrap_err(), &[expected]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let topic = TopicConfig::new().property("acks", "2").property("linger.ms", "-1");
    let builder = Producer::builder()
        .properties_text("linger.sm=5\nacks=\\u12\nbatch.size=big\nretries=0")
        .property("compression.type", "rar")
        .idempotence(true)
        .delivery_timeout(Duration::from_millis(1))
        .max_in_flight(0)
        .topic("logs", topic);
    starts(
        &at_once(builder.build()).unwrap_err(),
        &[
            "line 1: there is no producer property \"linger.sm\"",
            "line 2: \\u must be followed by",
            "line 3: batch.size=\"big\"",
            "compression.type=\"rar\"",
            "max.in.flight.requests.per.connection=\"0\"",
            "topic \"logs\": acks=\"2\"",
            "topic \"logs\": linger.ms=\"-1\"",
            "bootstrap.servers is not set",
            "enable.idempotence and retries (line 4) contradict",
            "delivery.timeout.ms and request.timeout.ms contradict",
        ],
    );
    let pairs = [("linger.ms", "soon"), ("acks", "1"), ("enable.idempotence", "true")];
    let expected = ["linger.ms=", "enable.idempotence and acks contradict"];
    starts(&ProducerConfig::from_java(pairs).unwrap_err(), &expected);
    let pairs = [("linger.ms", "soon"), ("acks", "1"), ("enable.idempotence", "true")];
    let expected = ["linger.ms=", "enable.idempotence and request.required.acks contradict"];
    starts(&ProducerConfig::from_librdkafka(pairs).unwrap_err(), &expected);
}

#[test]
fn what_only_follows_from_a_mistake_is_not_told() {
    // No rack is set, but for the mistake in its name.
    let error = ProducerConfig::from_properties("partitioner.rack.aware=true\nclient.rak=a");
    starts(&error.unwrap_err(), &["line 2: there is no producer property \"client.rak\""]);
    let builder = Producer::builder().property("bootstrap.server", "a:1");
    let error = at_once(builder.build()).unwrap_err();
    starts(&error, &["there is no producer property \"bootstrap.server\""]);
}

#[test]
fn the_good_lines_of_a_bad_text_are_set() {
    let mut config = ProducerConfig::new();
    config.set_properties("acks=maybe\nlinger.ms=7").unwrap_err();
    assert_eq!(config.linger(), Duration::from_millis(7));
}

#[test]
fn places_make_no_other_configuration_and_show_no_value() {
    let text = "linger.ms=7\nssl.key.password=hunter2";
    let mut same = ProducerConfig::new();
    for (name, value) in [("linger.ms", "7"), ("ssl.key.password", "hunter2")] {
        if same.set(name, value).is_err() {
            return; // Built without TLS.
        }
    }
    let config = of("a.properties", text, &[]);
    assert_eq!(config, same);
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

/// Of futures that fail before they wait.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
