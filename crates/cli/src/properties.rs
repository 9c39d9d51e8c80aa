//! `rohrpost config` and `-X list`: the properties of the producer.

mod markdown;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use rohrpost::{Dialect, ProducerConfig, PropertyInfo};

use crate::args::Config;
use crate::terminal::{complain, print};

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// Runs `rohrpost config`.
pub(crate) fn run(arguments: &Config) -> ExitCode {
    let dialect = if arguments.librdkafka { Dialect::Librdkafka } else { Dialect::Java };
    let text = match &arguments.key {
        _ if arguments.markdown => markdown::page(),
        None => list(dialect),
        Some(key) => match entries(key.trim()) {
            Ok(text) => text,
            Err(unknown) => {
                complain(unknown);
                return ExitCode::from(MISUSED);
            }
        },
    };
    match print(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("cannot write to standard output: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Every property of a dialect in a few lines; those that are not supported at the end, by the reason.
pub(crate) fn list(dialect: Dialect) -> String {
    let (not, supported): (Vec<_>, Vec<_>) =
        of(dialect).into_iter().partition(|property| property.unsupported.is_some());
    let mut text = String::new();
    for property in supported.iter().filter(|property| property.alias_of.is_none()) {
        text.push_str(&entry(property));
    }
    text.push_str("\nNot supported, or not with every value:\n");
    // Many for the same reason: told once.
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for property in not {
        by_reason.entry(property.unsupported.unwrap_or_default()).or_default().push(property.name);
    }
    for (reason, names) in by_reason {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{reason}\n    {}", names.join("\n    "));
    }
    text
}

/// What there is to say of one name, in each dialect that has it; an error names the nearest.
fn entries(key: &str) -> Result<String, String> {
    let found: Vec<PropertyInfo> = [Dialect::Java, Dialect::Librdkafka]
        .into_iter()
        .flat_map(of)
        .filter(|property| property.name == key)
        .collect();
    if found.is_empty() {
        // What the configurations themselves say of it.
        let error = ProducerConfig::from_java([(key, "")]).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        return Err(format!("{message} (`rohrpost config` lists them all)"));
    }
    Ok(found
        .iter()
        .map(|property| format!("{}'s dialect: {}", property.dialect, entry(property)))
        .collect())
}

/// A property in a few lines.
fn entry(property: &PropertyInfo) -> String {
    let mut text = format!("{} ({})", property.name, property.kind);
    if !property.default.is_empty() {
        let _ = write!(text, " [default: {}]", property.default);
    }
    if let Some(name) = property.alias_of {
        let _ = write!(text, ", an alias of {name}");
    }
    let _ = writeln!(text, "\n    {}; takes {}", property.about, property.accepted);
    if !property.counterparts.is_empty() {
        let other = other(property.dialect);
        let _ = writeln!(text, "    {other}: {}", property.counterparts.join(", "));
    }
    if !property.kips.is_empty() {
        let _ = writeln!(text, "    {}", kips(property));
    }
    if let Some(method) = property.method {
        let _ = writeln!(text, "    in a program: ProducerBuilder::{method}");
    }
    if let Some(how) = property.differs {
        let _ = writeln!(text, "    unlike {}: {how}", property.dialect);
    }
    if let Some(reason) = property.unsupported {
        let which = if property.is_refused { "not supported" } else { "nothing else is supported" };
        let _ = writeln!(text, "    {which}: {reason}");
    }
    text
}

fn of(dialect: Dialect) -> Vec<PropertyInfo> {
    match dialect {
        Dialect::Java => rohrpost::properties().collect(),
        Dialect::Librdkafka => rohrpost::librdkafka_properties().collect(),
    }
}

const fn other(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::Java => Dialect::Librdkafka,
        Dialect::Librdkafka => Dialect::Java,
    }
}

fn kips(property: &PropertyInfo) -> String {
    let kips: Vec<String> = property.kips.iter().map(|kip| format!("KIP-{kip}")).collect();
    kips.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stands_above_all_that_it_is_the_reason_of() {
        for dialect in [Dialect::Java, Dialect::Librdkafka] {
            let text = list(dialect);
            assert_eq!(text.matches("this version does not push metrics").count(), 1);
            for property in of(dialect).iter().filter(|property| property.alias_of.is_none()) {
                let is_it = |line: &str| line.trim().split(' ').next() == Some(property.name);
                assert!(text.lines().any(is_it), "{}", property.name);
            }
        }
    }

    #[test]
    fn a_homonym_is_told_in_both_dialects() {
        let text = entries("request.timeout.ms").unwrap();
        assert!(text.contains("Java's dialect: ") && text.contains("librdkafka's dialect: "));
        let text = entries("message.timeout.ms").unwrap();
        assert!(!text.contains("Java's dialect: ") && text.contains("Java: delivery.timeout.ms"));
        let unknown = entries("linger.sm").unwrap_err();
        assert!(unknown.contains("\"linger.ms\""), "{unknown}");
    }
}
