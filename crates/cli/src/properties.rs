//! `-X list`: the properties of the producer.

use std::fmt::Write;

/// One property a line: its name, its default, what it takes and what it means; those that are not supported at the end.
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
    for property in not {
        let _ = writeln!(text, "{}: {}", property.name, property.unsupported.unwrap_or_default());
    }
    text
}
