//! What can go wrong, who is to blame, and what to do.

use std::fmt;
use std::time::Duration;

use rohrpost_serializer::Part;

use crate::subject::{RecordHasNoName, UnknownClass};
use crate::{Guid, SchemaId};

/// Why the registry did not do what it was asked for. No password or token is ever in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// A setting that cannot be used.
    Setting(SettingError),
    /// The call was made outside of a tokio runtime, which connections and time-outs need.
    NoRuntime,
    /// No URL of the registry gave an answer, in all attempts that the settings allow.
    Down {
        /// What was asked: method and path.
        asked: String,
        /// What happened at each attempt, the last ones if there were many.
        attempts: Vec<Attempt>,
    },
    /// There is no token for the registry.
    Credentials {
        /// Why, in the words of whoever should have given it.
        detail: String,
    },
    /// The registry, or something before it, does not accept who one is or what one may do (status 401 or 403).
    Denied {
        /// Which of the registry's URLs answered.
        url: String,
        /// What was asked.
        asked: String,
        /// 401: it does not know whom it talks to; 403: that one may not do this.
        status: u16,
        /// What it says about it.
        message: String,
    },
    /// No such subject (code 40401).
    SubjectNotFound {
        /// The subject.
        subject: String,
    },
    /// The subject has no such version (code 40402).
    VersionNotFound {
        /// The subject.
        subject: String,
        /// The version.
        version: String,
    },
    /// No such schema (code 40403): in that subject, or of that number or GUID.
    SchemaNotFound {
        /// What was asked.
        asked: String,
        /// What the registry says about it.
        message: String,
    },
    /// The schema contradicts those that the subject has, by its compatibility level (status 409).
    Incompatible {
        /// The subject.
        subject: String,
        /// What contradicts what, as the registry says it.
        message: String,
    },
    /// The registry does not understand the schema, or misses what it refers to (code 42201).
    InvalidSchema {
        /// The subject.
        subject: String,
        /// What is wrong with it, as the registry says it.
        message: String,
    },
    /// The registry refused for any other reason.
    Refused {
        /// Which of the registry's URLs answered.
        url: String,
        /// What was asked.
        asked: String,
        /// HTTP's status.
        status: u16,
        /// The registry's own code, if it says one: 42202, 50001 …
        code: Option<i32>,
        /// What it says about it.
        message: String,
    },
    /// An answer that is none by the registry's API: a proxy's page, or a registry of another kind.
    Answer {
        /// Which of the registry's URLs answered.
        url: String,
        /// What was asked.
        asked: String,
        /// What is wrong with the answer.
        detail: String,
    },
    /// References that no schema can have: in a circle, or too many.
    References {
        /// The subject and version at which it showed.
        subject: String,
        /// Its version.
        version: i32,
        /// What is wrong.
        problem: ReferenceProblem,
    },
    /// The registry gives no GUIDs, which framing by headers needs: it has them since Confluent Platform 8.0.
    NoGuid {
        /// The schema.
        id: Option<SchemaId>,
    },
    /// No number of a schema is known in the context, which framing by prefixes needs.
    NoId {
        /// The schema.
        guid: Guid,
        /// The context: `.` for the default one.
        context: String,
    },
}

/// What is wrong with references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceProblem {
    /// A schema refers to itself by way of others.
    Circle,
    /// More schemas than any honest one needs.
    TooMany {
        /// The most that are followed.
        most: usize,
    },
}

impl RegistryError {
    /// Whether the same may succeed later, without anybody doing anything about it but keeping the registry running.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Down { .. } => true,
            Self::Refused { status, .. } => is_retriable_status(*status),
            _ => false,
        }
    }
}

/// Statuses that may pass by themselves, as Confluent's clients have them.
pub(crate) fn is_retriable_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504)
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => error.fmt(f),
            Self::NoRuntime => f.write_str(
                "the schema registry can only be asked on a tokio runtime, with its time and its input and output enabled",
            ),
            Self::Down { asked, attempts } => {
                write!(
                    f,
                    "the schema registry does not answer {asked}, in {} attempts",
                    attempts.len()
                )?;
                // Each once, however often it happened.
                let mut separator = ": ";
                for (index, attempt) in attempts.iter().enumerate() {
                    if attempts[..index].contains(attempt) {
                        continue;
                    }
                    let Attempt { url, problem } = attempt;
                    write!(f, "{separator}{url} {problem}")?;
                    separator = "; ";
                }
                if attempts.iter().all(|it| matches!(it.problem, Problem::Connect { .. })) {
                    f.write_str(": does it run, and is schema.registry.url right?")?;
                }
                Ok(())
            }
            Self::Credentials { detail } => {
                write!(f, "there is no token for the schema registry: {detail}")
            }
            Self::Denied { url, asked, status: 401, message } => write!(
                f,
                "the schema registry {url} does not know who asks ({asked}: 401 {message}): look at basic.auth.* or bearer.auth.*"
            ),
            Self::Denied { url, asked, status, message } => {
                write!(f, "the schema registry {url} does not allow {asked}: {status} {message}")
            }
            Self::SubjectNotFound { subject } => write!(
                f,
                "the schema registry has no subject {subject:?}: register its schema, or allow auto.register.schemas"
            ),
            Self::VersionNotFound { subject, version } => {
                write!(f, "the subject {subject:?} has no version {version} in the schema registry")
            }
            Self::SchemaNotFound { asked, message } => {
                write!(f, "the schema registry has no such schema ({asked}): {message}: ")?;
                // Looked up in a subject, or asked for by what a record or a setting names.
                f.write_str(match asked.starts_with("POST ") {
                    true => "register it for that subject, or allow auto.register.schemas",
                    false => "is it the registry, and the context, that the schema was registered in?",
                })
            }
            Self::Incompatible { subject, message } => {
                write!(
                    f,
                    "the schema is not compatible with those of the subject {subject:?}: {message}"
                )
            }
            Self::InvalidSchema { subject, message } => write!(
                f,
                "the schema registry cannot take the schema for the subject {subject:?}: {message}"
            ),
            Self::Refused { url, asked, status, code, message } => {
                write!(f, "the schema registry {url} refuses {asked}: status {status}")?;
                if let Some(code) = code {
                    write!(f, ", code {code}")?;
                }
                write!(f, ", {message}")?;
                // What a registry does not find has a code of five digits.
                if *status == 404 && code.is_none_or(|code| code == 404) {
                    f.write_str(": no registry is at that path, so look at the path in schema.registry.url")?;
                }
                Ok(())
            }
            Self::Answer { url, asked, detail } => write!(
                f,
                "{url} does not answer {asked} as a schema registry does: {detail}: is it the right address?"
            ),
            Self::References { subject, version, problem } => {
                write!(
                    f,
                    "the references of version {version} of {subject:?} cannot be followed: "
                )?;
                match problem {
                    ReferenceProblem::Circle => f.write_str("they go in a circle"),
                    ReferenceProblem::TooMany { most } => {
                        write!(f, "there are more than {most}")
                    }
                }
            }
            Self::NoId { guid, context } => write!(
                f,
                "schema {guid} has no number in the context {context:?}, which its place before the bytes needs: register it there, \
                 or use HeaderSchemaIdSerializer"
            ),
            Self::NoGuid { id } => write!(
                f,
                "the schema registry gives no GUID of schema {}, which schema ids in headers need: it must be of \
                 Confluent Platform 8.0 or newer, or PrefixSchemaIdSerializer be used",
                id.map_or(-1, |id| id.0)
            ),
        }
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Setting(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SettingError> for RegistryError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

/// What happened when one of the registry's URLs was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The URL, without what may be secret in it.
    pub url: String,
    /// Why there was no answer to be used.
    pub problem: Problem,
}

/// Why an attempt came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The name is not known, nobody listens there, the way is cut.
    Connect {
        /// In the system's words.
        detail: String,
    },
    /// TLS could not be agreed upon.
    Tls {
        /// Whose certificate is wrong, and how.
        detail: String,
    },
    /// It took too long.
    Timeout {
        /// What did not happen: `take the connection`, `answer`.
        what: &'static str,
        /// How long that was waited for.
        after: Duration,
    },
    /// What came is not HTTP, or ended too soon.
    Protocol {
        /// What is wrong with it.
        detail: String,
    },
    /// More than an answer may have.
    TooLarge {
        /// The most, in bytes.
        most: usize,
    },
    /// To somewhere else, which is not followed: credentials are for whom they were meant.
    Redirect {
        /// HTTP's status.
        status: u16,
    },
    /// An error that may pass: 408, 429, 500, 502, 503 or 504.
    Status {
        /// HTTP's status.
        status: u16,
        /// What it says about it.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { detail } => write!(f, "cannot be connected to: {detail}"),
            Self::Tls { detail } => write!(f, "cannot be talked to by TLS: {detail}"),
            Self::Timeout { what, after } => {
                write!(f, "did not {what} within {} ms", after.as_millis())
            }
            Self::Protocol { detail } => {
                write!(f, "does not answer in HTTP as it should: {detail}")
            }
            Self::TooLarge { most } => write!(f, "answers more than {most} bytes"),
            Self::Redirect { status } => write!(
                f,
                "redirects ({status}), which is not followed: configure the address that answers"
            ),
            Self::Status { status, message } => write!(f, "answers {status}: {message}"),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingError {
    /// No property has this name.
    UnknownProperty {
        /// As it was given.
        name: String,
        /// The known one that is nearest to it.
        nearest: Option<&'static str>,
    },
    /// A property of Confluent's clients that means nothing here.
    Unsupported {
        /// Its name.
        name: &'static str,
        /// Why, and what there is instead.
        reason: &'static str,
    },
    /// A value that the property cannot have.
    Value {
        /// The property's name.
        name: &'static str,
        /// What is wrong with the value. It does not show secrets.
        problem: String,
    },
    /// Properties that do not go together, or one that is missing.
    Combination {
        /// Which, and what to do.
        problem: String,
    },
    /// A file or a store of keys that cannot be used, or another setting of TLS.
    Tls {
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProperty { name, nearest: Some(nearest) } => {
                write!(f, "no property is called {name:?}; is {nearest} meant?")
            }
            Self::UnknownProperty { name, nearest: None } => {
                write!(
                    f,
                    "no property of a schema registry or its serializers is called {name:?}: a producer's own go to the producer, and is_property \
                     tells them apart"
                )
            }
            Self::Unsupported { name, reason } => write!(f, "{name} is not supported: {reason}"),
            Self::Value { name, problem } => write!(f, "{name}: {problem}"),
            Self::Combination { problem } | Self::Tls { problem } => f.write_str(problem),
        }
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    pub(crate) fn class(name: &'static str, error: &UnknownClass) -> Self {
        Self::Value { name, problem: error.to_string() }
    }
}

/// Why a key or value cannot be serialized.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SerializerError {
    /// `serialize` was called before `prepare` of a value of this kind had ended: the schema is not known yet.
    NotPrepared {
        /// The topic.
        topic: String,
        /// The key or the value.
        part: Part,
    },
    /// The registry did not give the schema.
    Registry(RegistryError),
    /// The subject cannot be named.
    Subject(RecordHasNoName),
    /// A schema cannot be used for this: it does not parse, or is not for such values.
    Schema {
        /// Where it is from: a subject and version, or a number; nothing if it is the program's own.
        origin: String,
        /// What is wrong with it.
        detail: String,
    },
    /// What would be written by the program's own schema cannot be read by the one that is to be used (`latest.compatibility.strict`,
    /// `id.compatibility.strict`).
    Drift {
        /// The schema that is to be used.
        origin: String,
        /// What contradicts what.
        detail: String,
    },
    /// The value does not match the schema.
    Value {
        /// Which part of it: `address.lines[2]`; empty: all of it.
        path: String,
        /// How it does not match.
        detail: String,
    },
}

impl SerializerError {
    /// Whether the same value may be serialized later, without anybody doing anything about it but keeping the registry running.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::NotPrepared { .. } => true,
            Self::Registry(error) => error.is_retriable(),
            _ => false,
        }
    }
}

impl fmt::Display for SerializerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPrepared { topic, part } => write!(
                f,
                "the schema of the {part}s of topic {topic:?} has not been looked up: await Serializer::prepare before serialize"
            ),
            Self::Registry(error) => error.fmt(f),
            Self::Subject(error) => error.fmt(f),
            Self::Schema { origin, detail } if origin.is_empty() => {
                write!(f, "the schema cannot be used: {detail}")
            }
            Self::Schema { origin, detail } => write!(f, "{origin} cannot be used: {detail}"),
            Self::Drift { origin, detail } => write!(
                f,
                "{origin} does not fit the values of this program: {detail}; latest.compatibility.strict=false or \
                 id.compatibility.strict=false lets it be used all the same"
            ),
            Self::Value { path, detail } if path.is_empty() => {
                write!(f, "the value does not match its schema: {detail}")
            }
            Self::Value { path, detail } => {
                write!(f, "the value does not match its schema at {path}: {detail}")
            }
        }
    }
}

impl std::error::Error for SerializerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Registry(error) => Some(error),
            Self::Subject(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RegistryError> for SerializerError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<RecordHasNoName> for SerializerError {
    fn from(error: RecordHasNoName) -> Self {
        Self::Subject(error)
    }
}

/// Why a key or value cannot be deserialized.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeserializerError {
    /// The bytes do not say which schema they have.
    Framing(crate::FramingError),
    /// The registry did not give the schema.
    Registry(RegistryError),
    /// The schema is of another kind, or cannot be used.
    Schema {
        /// Its number or GUID.
        origin: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The bytes are not what the schema says.
    Value {
        /// Which part of the value; empty: all of it.
        path: String,
        /// How it does not match.
        detail: String,
    },
}

impl fmt::Display for DeserializerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(error) => error.fmt(f),
            Self::Registry(error) => error.fmt(f),
            Self::Schema { origin, detail } => write!(f, "{origin} cannot be used: {detail}"),
            Self::Value { path, detail } if path.is_empty() => {
                write!(f, "the bytes do not match their schema: {detail}")
            }
            Self::Value { path, detail } => {
                write!(f, "the bytes do not match their schema at {path}: {detail}")
            }
        }
    }
}

impl std::error::Error for DeserializerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Framing(error) => Some(error),
            Self::Registry(error) => Some(error),
            _ => None,
        }
    }
}

impl From<crate::FramingError> for DeserializerError {
    fn from(error: crate::FramingError) -> Self {
        Self::Framing(error)
    }
}

impl From<RegistryError> for DeserializerError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

#[cfg(test)]
mod tests;
