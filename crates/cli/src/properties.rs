//! `-X list`: the properties of the producer.

use std::collections::BTreeMap;
use std::fmt::Write;

/// One property a line: its name, its default, what it takes and what it means; those that are not supported at the end,
/// by the reason.
pub(crate) fn list() -> String {
    let (supported, not): (Vec<_>, Vec<_>) =
        rohrpost::properties().partition(|property| property.unsupported.is_none());
    let mut text = String::new();
    for property in supported {
        let default = match property.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        let (name, about, accepted) = (property.name, property.about, property.accepted);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}{default}\n    {about}; takes {accepted}");
    }
    text.push_str("\nNot supported, or not with every value:\n");
    // Many for the same reason: told once.
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for property in not {
        by_reason.entry(property.unsupported.unwrap_or_default()).or_default().push(property.name);
    }
    for (reason, names) in by_reason {
        let _ = writeln!(text, "{reason}\n    {}", names.join("\n    "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stands_above_all_that_it_is_the_reason_of() {
        let text = list();
        assert_eq!(text.matches("SASL is not implemented yet: use").count(), 1);
        for property in rohrpost::properties() {
            assert!(text.lines().any(|line| line.trim().split(' ').next() == Some(property.name)));
        }
    }
}
