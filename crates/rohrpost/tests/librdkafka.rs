//! librdkafka's dialect: what librdkafka accepts and refuses is accepted and refused here, beside its own answers (`librdkafka/answers.txt`, which
//! `cargo xtask settings` gets by making a producer of each setting).

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use rohrpost::{ConfigError, ProducerConfig, PropertyInfo, PropertyType, librdkafka_properties};

const ANSWERS: &str = include_str!("librdkafka/answers.txt");

/// Where this producer answers otherwise, each with its reason. What is not supported is not listed: it says so itself.
const DIFFERENCES: &[(&str, &[&str], &str)] = &[
    ("bootstrap.servers", NO_ADDRESSES, "nothing can be connected to there"),
    ("metadata.broker.list", NO_ADDRESSES, "nothing can be connected to there"),
    ("request.required.acks", NO_ACKS, "brokers refuse them"),
    ("acks", NO_ACKS, "brokers refuse them"),
    ("compression.level", &["3", "10"], "a level that the codec has not is no level"),
];
const NO_ADDRESSES: &[&str] = &[
    "",
    " ",
    ",",
    "localhost:0",
    "localhost:65536",
    "localhost:-1",
    "localhost:x",
    "::1:1",
    "http://127.0.0.1:1",
];
const NO_ACKS: &[&str] = &[
    "2", "5", " 7", "+7", "9", "10", "0x10", "0X10", "017", "12", "13", "100", "999", "1000", "-0",
];

/// What the librdkafka that was asked refuses only because it was built without TLS and SASL: its answers say nothing.
const NOT_BUILT_IN: (&str, &[&str]) = ("security.protocol", &["ssl", "sasl_ssl", "sasl_plaintext"]);

/// Defaults that are others here.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("queue.buffering.max.messages", "0", "what is held is bounded by its bytes"),
    ("allow.auto.create.topics", "true", "the table has the consumers'"),
];

/// What librdkafka says of a property.
struct Asked {
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    /// Each value, and whether it is accepted.
    values: Vec<(&'static str, bool)>,
}

/// Settings, and whether they are accepted.
type Case = (Vec<(&'static str, &'static str)>, bool);

/// Properties, and several settings together.
fn answers() -> (Vec<Asked>, Vec<Case>) {
    let (mut properties, mut together) = (Vec::new(), Vec::new());
    for line in ANSWERS.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        if columns[0] == "together" {
            let pairs = columns[2..].iter().map(|pair| pair.split_once('=').unwrap()).collect();
            together.push((pairs, columns[1] == "+"));
            continue;
        }
        let values = columns[3..].iter().map(|value| (&value[1..], value.starts_with('+')));
        properties.push(Asked {
            name: columns[0],
            kind: columns[1],
            default: columns[2],
            values: values.collect(),
        });
    }
    assert!(properties.len() >= 90 && together.len() >= 40);
    (properties, together)
}

fn known() -> BTreeMap<&'static str, PropertyInfo> {
    librdkafka_properties().map(|property| (property.name, property)).collect()
}

fn ask(pairs: &[(&str, &str)]) -> Result<(), rohrpost::Error> {
    let base = [("bootstrap.servers", "127.0.0.1:1")];
    ProducerConfig::from_librdkafka(base.iter().chain(pairs).copied())?.validate()
}

fn said(ours: &Result<(), rohrpost::Error>) -> String {
    ours.as_ref()
        .map_or_else(|error| format!("refused here: {error}"), |()| "taken here".to_owned())
}

/// librdkafka takes as much of a text as is a number, and of that 32 bits; here the whole text must be one.
fn is_cut(kind: PropertyType, value: &str) -> bool {
    match kind {
        PropertyType::Int => {
            let digits = value.trim().trim_start_matches(['+', '-']);
            let is_hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
            let number = value.trim().parse::<i128>();
            let is_octal = digits.len() > 1 && digits.starts_with('0');
            match number {
                Ok(_) if is_octal => digits.contains(['8', '9']),
                Ok(number) => i32::try_from(number).is_err(),
                Err(_) => !is_hexadecimal,
            }
        }
        PropertyType::Double => value.trim().parse().map_or(true, f64::is_nan),
        // It takes a blank for the default.
        PropertyType::String => value == " ",
        _ => false,
    }
}

#[test]
fn settings_are_accepted_and_refused_as_by_librdkafka() {
    let known = known();
    let (properties, together) = answers();
    let mut cases = together;
    for property in &properties {
        let is_refused = known.get(property.name).is_none_or(|known| known.is_refused);
        let is_built_in = |value: &str| {
            let (name, values) = NOT_BUILT_IN;
            property.name != name || !values.contains(&value.to_ascii_lowercase().as_str())
        };
        let values = property.values.iter().filter(|(value, _)| !is_refused && is_built_in(value));
        cases.extend(values.map(|(value, accepted)| (vec![(property.name, *value)], *accepted)));
    }
    let (mut unexplained, mut seen) = (Vec::new(), BTreeSet::new());
    for (pairs, theirs) in cases {
        let ours = ask(&pairs);
        if ours.is_ok() == theirs {
            continue;
        }
        let listed = pairs.iter().find(|(name, value)| {
            DIFFERENCES.iter().any(|(key, values, _)| key == name && values.contains(value))
        });
        let is_lacking = |error: &rohrpost::Error| {
            matches!(error.config_error(), Some(ConfigError::NotSupported { .. }))
        };
        match (&ours, pairs.as_slice()) {
            (Err(error), _) if is_lacking(error) => {}
            (Err(_), [(name, value)]) if is_cut(known[name].kind, value) => {}
            _ => match listed {
                Some(pair) => drop(seen.insert(*pair)),
                None => unexplained.push(format!("{pairs:?}: {}", said(&ours))),
            },
        }
    }
    assert!(unexplained.is_empty(), "{}:\n{}", unexplained.len(), unexplained.join("\n"));
    for (key, values, reason) in DIFFERENCES {
        let told = known[key].differs;
        assert!(told.is_some(), "the documentation says nothing of {key}: {reason}");
        for value in *values {
            assert!(seen.contains(&(*key, *value)), "{key}={value} is no difference: {reason}");
        }
    }
}

#[test]
fn every_property_is_known_with_librdkafkas_type_and_default() {
    let known = known();
    let mut unlike = Vec::new();
    // The one of topics takes the place of the producer's.
    let properties = answers().0.into_iter().filter(|asked| asked.default != "inherit");
    for Asked { name, kind, default, .. } in properties {
        let Some(ours) = known.get(name) else {
            unlike.push(format!("{name} is not known"));
            continue;
        };
        let is_same_kind = match kind {
            "boolean" => ours.kind == PropertyType::Boolean,
            "integer" => ours.kind == PropertyType::Int,
            "float" => ours.kind == PropertyType::Double,
            "enum value" => ours.kind == PropertyType::String,
            "CSV flags" | "pattern list" => ours.kind == PropertyType::List,
            "string" => matches!(ours.kind, PropertyType::String | PropertyType::List),
            _ => ours.kind == PropertyType::Callback,
        };
        if !is_same_kind {
            unlike.push(format!("{name} is {kind} there and {} here", ours.kind));
        }
        let expected = DEFAULTS.iter().find(|(other, ..)| *other == name);
        let expected = expected.map_or(default, |(_, here, _)| here);
        if ours.default != expected {
            unlike.push(format!("{name} is {default:?} there and {:?} here", ours.default));
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
    for (name, _, reason) in DEFAULTS {
        assert!(known[name].differs.is_some(), "nothing is said of {name}: {reason}");
    }
}
