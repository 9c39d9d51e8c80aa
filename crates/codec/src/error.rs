//! What can be wrong with a message: [`DecodeError`] and [`EncodeError`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::{ApiKey, VersionRange};

/// Bytes that are not the message they should be: the peer's fault, or the network's.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Decode>);

#[derive(Clone, PartialEq, Eq)]
struct Decode {
    message: &'static str,
    version: i16,
    field: FieldPath,
    offset: usize,
    kind: DecodeErrorKind,
}

/// What is wrong with the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends inside of the field; or the tagged field that it is a part of does.
    Short {
        /// How many bytes more the field has at least.
        needed: usize,
    },
    /// More elements are announced than bytes are left, and each element takes one at least.
    CountTooLarge {
        /// The elements that are announced.
        count: usize,
        /// The bytes that are left.
        remaining: usize,
    },
    /// A length or count below -1, which stands for null.
    NegativeLength {
        /// The length that is announced.
        length: i32,
    },
    /// A string longer than the protocol's 32,767 bytes.
    StringTooLong {
        /// The bytes that are announced.
        length: usize,
    },
    /// A null where this version has none.
    Null,
    /// A string that is not UTF-8.
    NotUtf8 {
        /// How many bytes of it are.
        valid: usize,
    },
    /// A variable-length integer of more than 32 bits.
    VarintTooLong,
    /// The byte before a nullable structure is neither -1 (null) nor 1 (present).
    PresenceMarker {
        /// The byte.
        marker: i8,
    },
    /// A tag that does not stand above the tag before it.
    TagOrder {
        /// The tag.
        tag: u32,
        /// The tag before it.
        previous: u32,
    },
    /// Bytes are left after the last field, of the message or of a tagged field's announced size.
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// This crate does not speak the version.
    UnsupportedVersion {
        /// The versions that it speaks.
        supported: VersionRange,
    },
    /// No API with this key is known, or the crate's features leave it out.
    UnknownApi {
        /// The key.
        key: i16,
    },
    /// The frame is a request for another API.
    OtherApi {
        /// The API that was to be read.
        expected: ApiKey,
        /// The key in the frame.
        found: i16,
    },
}

/// A value that a version of a message cannot carry: the caller's fault.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Encode>);

#[derive(Clone, PartialEq, Eq)]
struct Encode {
    message: &'static str,
    version: i16,
    field: FieldPath,
    kind: EncodeErrorKind,
}

/// Why a value cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// This crate does not speak the version.
    UnsupportedVersion {
        /// The versions that it speaks.
        supported: VersionRange,
    },
    /// The field is set to something else than its default, this version does not have it, and the
    /// peer would act wrongly without it.
    NotInVersion,
    /// The field is null, which this version cannot say.
    Null,
    /// The string, byte field, array or frame is longer than the protocol allows.
    TooLong {
        /// Its length in bytes, or in elements.
        length: usize,
        /// The longest that is allowed.
        max: usize,
    },
    /// An unknown tagged field has the tag of a known one.
    TagTaken {
        /// The tag.
        tag: u32,
    },
}

/// Where in a message a field stands, such as `topics[2].partitions[0].leader_id`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldPath {
    /// The innermost first: errors learn their path on the way out.
    reversed: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Index(usize),
    Tag(u32),
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(
        message: &'static str,
        version: i16,
        offset: usize,
        kind: DecodeErrorKind,
    ) -> Self {
        Self(Box::new(Decode { message, version, field: FieldPath::default(), offset, kind }))
    }

    #[cold]
    pub(crate) fn in_field(mut self, field: &'static str) -> Self {
        self.0.field.reversed.push(Step::Field(field));
        self
    }

    #[cold]
    pub(crate) fn in_element(mut self, index: usize) -> Self {
        self.0.field.reversed.push(Step::Index(index));
        self
    }

    #[cold]
    pub(crate) fn in_tag(mut self, tag: u32) -> Self {
        self.0.field.reversed.push(Step::Tag(tag));
        self
    }

    /// The name of the message, such as `ProduceResponse`.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.0.message
    }

    /// The version that the message was read as.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.0.version
    }

    /// The field that was being read; empty for the message as a whole.
    #[must_use]
    pub fn field(&self) -> &FieldPath {
        &self.0.field
    }

    /// Where in the frame (behind its length prefix) the wrong or missing bytes start.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// Whether the input ended too early, rather than had wrong bytes: those of a tagged field which
    /// is all there, but whose announced size is less than what is in it, are wrong.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let is_short = matches!(
            self.0.kind,
            DecodeErrorKind::Short { .. } | DecodeErrorKind::CountTooLarge { .. }
        );
        let mut around = self.0.field.reversed.iter().skip(1);
        is_short && !around.any(|step| matches!(step, Step::Tag(_)))
    }
}

impl EncodeError {
    #[cold]
    pub(crate) fn new(message: &'static str, version: i16, kind: EncodeErrorKind) -> Self {
        Self(Box::new(Encode { message, version, field: FieldPath::default(), kind }))
    }

    #[cold]
    pub(crate) fn in_field(mut self, field: &'static str) -> Self {
        self.0.field.reversed.push(Step::Field(field));
        self
    }

    #[cold]
    pub(crate) fn in_element(mut self, index: usize) -> Self {
        self.0.field.reversed.push(Step::Index(index));
        self
    }

    /// The name of the message, such as `ProduceRequest`.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.0.message
    }

    /// The version that was to be written.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.0.version
    }

    /// The field that cannot be written; empty for the message as a whole.
    #[must_use]
    pub fn field(&self) -> &FieldPath {
        &self.0.field
    }

    /// Why not.
    #[must_use]
    pub fn kind(&self) -> EncodeErrorKind {
        self.0.kind
    }
}

impl FieldPath {
    /// Whether the path names no field: the message as a whole is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reversed.is_empty()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.0.message, self.0.version, &self.0.field)?;
        write!(f, " at byte {}: {}", self.0.offset, self.0.kind)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.0.message, self.0.version, &self.0.field)?;
        write!(f, ": {}", self.0.kind)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

impl core::error::Error for EncodeError {}

fn write_place(
    f: &mut fmt::Formatter<'_>,
    message: &str,
    version: i16,
    field: &FieldPath,
) -> fmt::Result {
    write!(f, "{message} v{version}")?;
    if field.is_empty() { Ok(()) } else { write!(f, ", {field}") }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.reversed.iter().rev().enumerate() {
            match step {
                Step::Field(name) if index == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Tag(tag) => write!(f, "<tag {tag}>")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { needed } => {
                write!(f, "the input is too short: at least {needed} more bytes are needed")
            }
            Self::CountTooLarge { count, remaining } => {
                write!(f, "the input is too short: {count} elements in {remaining} bytes")
            }
            Self::NegativeLength { length } => write!(f, "a length of {length}"),
            Self::StringTooLong { length } => {
                write!(f, "a string of {length} bytes, where {} are the most", i16::MAX)
            }
            Self::Null => f.write_str("null where this version has no null"),
            Self::NotUtf8 { valid } => write!(f, "not UTF-8 after {valid} bytes of the string"),
            Self::VarintTooLong => f.write_str("a variable-length integer of more than 32 bits"),
            Self::PresenceMarker { marker } => {
                write!(f, "{marker} before a nullable structure, where only -1 and 1 can stand")
            }
            Self::TagOrder { tag, previous } => {
                write!(f, "tag {tag} after tag {previous}: tags must rise")
            }
            Self::Trailing { bytes } => write!(f, "{bytes} bytes are left over"),
            Self::UnsupportedVersion { supported } => {
                write!(f, "the version is not supported; these are: {supported}")
            }
            Self::UnknownApi { key } => match ApiKey::try_from(key) {
                Ok(api) if api.versions().is_empty() => {
                    write!(f, "the API {api} (key {key}) was removed in Kafka 4")
                }
                Ok(api) => write!(f, "the API {api} (key {key}) is in no feature that is on"),
                Err(unknown) => unknown.fmt(f),
            },
            Self::OtherApi { expected, found } => {
                let name = ApiKey::try_from(found).map_or("an unknown API", ApiKey::name);
                write!(f, "the request is for API key {found} ({name}), not for {expected}")
            }
        }
    }
}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnsupportedVersion { supported } => {
                write!(f, "the version is not supported; these are: {supported}")
            }
            Self::NotInVersion => {
                f.write_str("the field is set, but this version does not have it")
            }
            Self::Null => f.write_str("the field is null, which this version cannot say"),
            Self::TooLong { length, max } => write!(f, "a length of {length}; {max} is the most"),
            Self::TagTaken { tag } => {
                write!(f, "the unknown tagged field {tag} has the tag of a known field")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_error_names_message_version_field_and_place() {
        let error =
            DecodeError::new("MetadataResponse", 9, 77, DecodeErrorKind::Short { needed: 3 })
                .in_field("leader_id")
                .in_element(2)
                .in_field("partitions");
        assert!(error.is_short());
        let error = error.in_tag(5).in_element(0).in_field("topics");
        assert_eq!(
            error.to_string(),
            "MetadataResponse v9, topics[0]<tag 5>.partitions[2].leader_id at byte 77: \
             the input is too short: at least 3 more bytes are needed"
        );
        assert!(!error.is_short(), "the tagged field was there, of a size that is wrong");
    }
}
