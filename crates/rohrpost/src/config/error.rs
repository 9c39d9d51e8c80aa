//! What can be wrong with a configuration.

use std::fmt;

use super::{ConfigPlace, Dialect};

/// A configuration that cannot be used, with everything needed to put it right: one of the [`ConfigErrors`](crate::ConfigErrors) of an [`Error`](crate::Error) of the
/// kind [`Config`](crate::ErrorKind::Config).
///
/// Values of secret properties are never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Kafka's producer has no property of this name, in this dialect.
    UnknownProperty {
        /// The dialect.
        dialect: Dialect,
        /// The name.
        name: String,
        /// The property of the dialect that is meant, most likely: what means the same, or else the one whose name is most like it.
        nearest: Option<&'static str>,
        /// It is a name of the other dialect.
        is_foreign: bool,
    },
    /// A property of Kafka's other clients, which a producer has no use for.
    OfOtherClient {
        /// The property.
        name: String,
        /// Whose it is: `consumers`, `admin clients`.
        whose: &'static str,
    },
    /// The configuration was read in the other dialect, where the same names mean other things.
    OtherDialect {
        /// The property.
        name: String,
    },
    /// An environment variable whose value is not UTF-8.
    NotText {
        /// The variable.
        name: String,
    },
    /// A property without which there is no producer.
    Missing {
        /// The property.
        name: &'static str,
    },
    /// A property that another one needs.
    MissingFor {
        /// The property that is not set.
        name: &'static str,
        /// The one that needs it.
        by: &'static str,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// What the TLS settings name cannot be used: a file that cannot be read, a password that does not fit.
    #[cfg(feature = "_tls")]
    Tls {
        /// What is wrong, and what to do.
        error: crate::tls::TlsError,
    },
    /// There can be no authentication by SASL: a user or a password that the mechanism cannot carry.
    #[cfg(feature = "sasl")]
    Sasl {
        /// What is wrong, and what to do. No secret is in it.
        detail: String,
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
    /// A value that stands elsewhere (`config.providers`) and cannot be had from there, or a provider that is not set up as it must be.
    Reference {
        /// The property.
        name: String,
        /// What is wrong. Nothing that stands elsewhere is in it.
        detail: String,
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
    /// What is wrong is a topic's own setting ([`TopicConfig`](crate::TopicConfig)).
    OfTopic {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: Box<ConfigError>,
    },
    /// A line of a properties text that is not in the format.
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl ConfigError {
    pub(super) fn of_topic(self, topic: &str) -> Self {
        Self::OfTopic { topic: topic.to_owned(), error: Box::new(self) }
    }

    /// The properties that it is about; of an unknown one, the one that is meant.
    pub(super) fn properties(&self) -> Vec<&'static str> {
        match self {
            Self::UnknownProperty { nearest, .. } => nearest.iter().copied().collect(),
            Self::Missing { name }
            | Self::InvalidValue { name, .. }
            | Self::NotSupported { name, .. } => vec![name],
            Self::MissingFor { name, by, .. } => vec![name, by],
            Self::Contradiction { first, second, .. } => vec![first, second],
            Self::OfTopic { error, .. } => error.properties(),
            #[cfg(feature = "sasl")]
            Self::Sasl { .. } => vec!["sasl.jaas.config"],
            _ => Vec::new(),
        }
    }

    /// Whether it tells the places of its properties beside their names.
    pub(super) fn names_places(&self) -> bool {
        match self {
            Self::MissingFor { .. } | Self::Contradiction { .. } => true,
            Self::OfTopic { error, .. } => error.names_places(),
            _ => false,
        }
    }

    /// In words, with the places of the properties that it is about.
    pub(super) fn tell(
        &self,
        f: &mut fmt::Formatter<'_>,
        places: &[(String, ConfigPlace)],
    ) -> fmt::Result {
        let with_place = |name: &'static str| {
            let place = places.iter().find(|(of, _)| of == name).map(|(_, place)| place);
            WithPlace { name, place }
        };
        match self {
            Self::UnknownProperty { dialect, name, nearest, is_foreign: true } => {
                let (other, function) = match dialect {
                    Dialect::Java => ("librdkafka", "from_librdkafka"),
                    Dialect::Librdkafka => ("Java", "from_java"),
                };
                write!(
                    f,
                    "{name:?} is a property of {other}'s dialect, which ProducerConfig::{function} reads; here, in {dialect}'s, "
                )?;
                match nearest {
                    Some(nearest) => write!(f, "it is {nearest:?}"),
                    None => write!(f, "there is nothing like it: remove it"),
                }
            }
            Self::UnknownProperty { name, nearest: Some(nearest), .. } => {
                write!(f, "there is no producer property {name:?}: did you mean {nearest:?}?")
            }
            Self::UnknownProperty { name, nearest: None, .. } => {
                write!(f, "there is no producer property {name:?}: remove it")
            }
            Self::OfOtherClient { name, whose } => {
                write!(
                    f,
                    "{name} is a property of {whose}, for which a producer has no use: remove it"
                )
            }
            Self::OtherDialect { name } => write!(
                f,
                "{name} cannot be set by its Java name: this configuration was read in librdkafka's dialect, where names mean other things; set \
                 it there, or by the builder's typed methods"
            ),
            Self::NotText { name } => {
                write!(f, "the value of the environment variable {name} is not UTF-8")
            }
            Self::Missing { name } => write!(f, "{name} is not set, and it has no default: set it"),
            Self::MissingFor { name, by, reason } => {
                write!(f, "{name} is not set, and {} needs it: {reason}", with_place(by))
            }
            #[cfg(feature = "sasl")]
            Self::Sasl { detail } => write!(f, "SASL cannot be set up: {detail}"),
            #[cfg(feature = "_tls")]
            Self::Tls { error } => write!(f, "TLS cannot be set up: {error}"),
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
            Self::Reference { name, detail } => write!(f, "{name}: {detail}"),
            Self::Contradiction { first, second, reason } => {
                let (first, second) = (with_place(first), with_place(second));
                write!(f, "{first} and {second} contradict each other: {reason}")
            }
            Self::OfTopic { topic, error } => {
                write!(f, "topic {topic:?}: ")?;
                error.tell(f, places)
            }
            Self::Malformed { reason, .. } if !places.is_empty() => f.write_str(reason),
            Self::Malformed { line, reason } => {
                write!(f, "line {line} of the properties: {reason}")
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell(f, &[])
    }
}

impl std::error::Error for ConfigError {}

/// A property, and where it was set, where that is known.
struct WithPlace<'a> {
    name: &'static str,
    place: Option<&'a ConfigPlace>,
}

impl fmt::Display for WithPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{} ({place})", self.name),
            None => f.write_str(self.name),
        }
    }
}
