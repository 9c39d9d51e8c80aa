//! What can be wrong with a configuration.

use std::fmt;

/// A configuration that cannot be used, with everything needed to put it right. It is the
/// [`source`](std::error::Error::source) of an [`Error`](crate::Error) of the kind [`Config`](crate::ErrorKind::Config).
///
/// Values of secret properties are never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Kafka's producer has no property of this name.
    UnknownProperty {
        /// The name.
        name: String,
        /// The property whose name is most like it, if any is.
        nearest: Option<&'static str>,
    },
    /// A property without which there is no producer.
    Missing {
        /// The property.
        name: &'static str,
    },
    /// The value is not what the property takes.
    InvalidValue {
        /// The property.
        name: &'static str,
        /// The value; `None` for a secret.
        value: Option<String>,
        /// What it takes, in words.
        accepted: String,
    },
    /// Kafka has the property, or this value of it, but this producer has not.
    NotSupported {
        /// The property.
        name: &'static str,
        /// The value; `None` where the property has no supported value at all.
        value: Option<String>,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// Two settings that exclude each other.
    Contradiction {
        /// One property.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A line of a properties text that is not in the format.
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProperty { name, nearest: Some(nearest) } => {
                write!(f, "there is no producer property {name:?}: did you mean {nearest:?}?")
            }
            Self::UnknownProperty { name, nearest: None } => {
                write!(f, "there is no producer property {name:?}: remove it")
            }
            Self::Missing { name } => write!(f, "{name} is not set, and it has no default: set it"),
            Self::InvalidValue { name, value: Some(value), accepted } => {
                write!(f, "{name}={value:?} is not valid: it takes {accepted}")
            }
            Self::InvalidValue { name, value: None, accepted } => {
                write!(f, "the value of {name} is not valid: it takes {accepted}")
            }
            Self::NotSupported { name, value: Some(value), reason } => {
                write!(f, "{name}={value:?} is not supported: {reason}")
            }
            Self::NotSupported { name, value: None, reason } => {
                write!(f, "{name} is not supported: {reason}")
            }
            Self::Contradiction { first, second, reason } => {
                write!(f, "{first} and {second} contradict each other: {reason}")
            }
            Self::Malformed { line, reason } => {
                write!(f, "line {line} of the properties: {reason}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}
