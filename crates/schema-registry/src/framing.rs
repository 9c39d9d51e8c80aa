//! How a record says which schema its key or value has: in front of the bytes, or in a header.

use std::fmt;
use std::str::FromStr;

use rohrpost_serializer::Part;

use crate::subject::UnknownClass;
use crate::{Guid, SchemaId};

/// In front of a schema's number.
const MAGIC_ID: u8 = 0;
/// In front of a GUID.
const MAGIC_GUID: u8 = 1;

/// Where a record says which schema it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// In front of the bytes: a zero, and the schema's number in four bytes, big-endian. Confluent's `PrefixSchemaIdSerializer`, which all clients
    /// understand.
    #[default]
    Classic,
    /// In a header of the record, [`__key_schema_id`](Self::header_name) or `__value_schema_id`: a one, and the schema's GUID. Confluent's
    /// `HeaderSchemaIdSerializer`; the bytes are the format's own then.
    Header,
}

impl Framing {
    /// The header that holds the GUID of the key's or the value's schema.
    pub fn header_name(part: Part) -> &'static str {
        match part {
            Part::Key => "__key_schema_id",
            Part::Value => "__value_schema_id",
        }
    }

    /// The simple name of Confluent's class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "PrefixSchemaIdSerializer",
            Self::Header => "HeaderSchemaIdSerializer",
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Framing {
    type Err = UnknownClass;

    /// Of the name of Confluent's class, with its package or without.
    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        const PACKAGE: &str = "io.confluent.kafka.serializers.schema.id.";
        let simple = name.strip_prefix(PACKAGE).unwrap_or(name);
        let known = &["PrefixSchemaIdSerializer", "HeaderSchemaIdSerializer"];
        [Self::Classic, Self::Header]
            .into_iter()
            .find(|framing| framing.name() == simple)
            .ok_or_else(|| UnknownClass { name: name.to_owned(), known })
    }
}

/// Which schema a record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// By its number.
    Id(SchemaId),
    /// By its GUID.
    Guid(Guid),
}

impl Identity {
    /// Appends it as records have it: five bytes, or seventeen.
    pub fn write(self, into: &mut Vec<u8>) {
        match self {
            Self::Id(SchemaId(id)) => {
                into.push(MAGIC_ID);
                into.extend_from_slice(&id.to_be_bytes());
            }
            Self::Guid(Guid(guid)) => {
                into.push(MAGIC_GUID);
                into.extend_from_slice(&guid);
            }
        }
    }

    /// Reads it, and gives what follows: a value's own bytes (in Protocol Buffers after the message indexes), or of a header nothing but those indexes.
    ///
    /// # Errors
    ///
    /// The bytes do not begin as those of Confluent's serializers do, or end too soon.
    ///
    /// ```
    /// use rohrpost_schema_registry::{Identity, SchemaId};
    ///
    /// let (schema, payload) = Identity::read(&[0, 0, 0, 1, 2, b'h', b'i'])?;
    /// assert_eq!((schema, payload), (Identity::Id(SchemaId(258)), &b"hi"[..]));
    /// # Ok::<(), rohrpost_schema_registry::FramingError>(())
    /// ```
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), FramingError> {
        let (&magic, rest) = bytes.split_first().ok_or(FramingError::Empty)?;
        match magic {
            MAGIC_ID => {
                let (id, rest) = rest.split_first_chunk().ok_or(too_short(bytes, 5))?;
                let id = i32::from_be_bytes(*id);
                if id < 0 {
                    return Err(FramingError::NegativeId { id });
                }
                Ok((Self::Id(SchemaId(id)), rest))
            }
            MAGIC_GUID => {
                let (guid, rest) = rest.split_first_chunk().ok_or(too_short(bytes, 17))?;
                Ok((Self::Guid(Guid(*guid)), rest))
            }
            magic => Err(FramingError::Magic { magic }),
        }
    }

    /// Which schema a record's key or value has, and the format's own bytes of it (in Protocol Buffers, where there is no `header`, after the message
    /// indexes): from the header if there is one, as Confluent's deserializers do, else from the front of the bytes.
    ///
    /// # Errors
    ///
    /// As those of [`read`](Self::read).
    pub fn find<'a>(header: Option<&'a [u8]>, bytes: &'a [u8]) -> Result<Found<'a>, FramingError> {
        match header {
            Some(header) => {
                let (identity, rest) = Self::read(header)?;
                Ok(Found { identity, header_rest: Some(rest), payload: bytes })
            }
            None => {
                let (identity, payload) = Self::read(bytes)?;
                Ok(Found { identity, header_rest: None, payload })
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "schema {id}"),
            Self::Guid(guid) => write!(f, "schema {guid}"),
        }
    }
}

/// What [`Identity::find`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The schema.
    pub identity: Identity,
    /// What follows it in the header: the message indexes of Protocol Buffers, else nothing. `None`: there is no header.
    pub header_rest: Option<&'a [u8]>,
    /// The bytes, without what is in front of them.
    pub payload: &'a [u8],
}

fn too_short(bytes: &[u8], needed: usize) -> FramingError {
    FramingError::TooShort { length: bytes.len(), needed }
}

/// Why bytes do not say which schema they have. Whoever wrote them used no serializer of the registry, or something cut them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// There are none.
    Empty,
    /// The first byte is neither 0 (a number follows) nor 1 (a GUID follows).
    Magic {
        /// What it is.
        magic: u8,
    },
    /// They end within the number or GUID.
    TooShort {
        /// How many there are.
        length: usize,
        /// How many there must be at the least.
        needed: usize,
    },
    /// A number that no registry gives.
    NegativeId {
        /// What it is.
        id: i32,
    },
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no bytes that could name a schema"),
            Self::Magic { magic } => write!(
                f,
                "the first byte is {magic}, not 0 or 1: this was not written by a serializer of the schema registry"
            ),
            Self::TooShort { length, needed } => {
                write!(f, "{length} bytes are too few to name a schema, which takes {needed}")
            }
            Self::NegativeId { id } => write!(f, "no schema has the negative number {id}"),
        }
    }
}

impl std::error::Error for FramingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_as_they_are_written() {
        for identity in [
            Identity::Id(SchemaId(0)),
            Identity::Id(SchemaId(i32::MAX)),
            Identity::Guid(Guid(*b"0123456789abcdef")),
        ] {
            let mut bytes = Vec::new();
            identity.write(&mut bytes);
            bytes.extend_from_slice(b"rest");
            assert_eq!(Identity::read(&bytes), Ok((identity, &b"rest"[..])));
            let length = bytes.len() - 4;
            for cut in 1..length {
                assert_eq!(
                    Identity::read(&bytes[..cut]),
                    Err(FramingError::TooShort { length: cut, needed: length })
                );
            }
        }
    }

    #[test]
    fn what_no_serializer_writes_is_refused() {
        assert_eq!(Identity::read(&[]), Err(FramingError::Empty));
        assert_eq!(Identity::read(b"{}"), Err(FramingError::Magic { magic: b'{' }));
        assert_eq!(
            Identity::read(&[0, 255, 255, 255, 255]),
            Err(FramingError::NegativeId { id: -1 })
        );
    }

    #[test]
    fn the_header_counts_where_there_is_one() {
        let guid = [[1].as_slice(), b"0123456789abcdef", &[2, 0]].concat();
        let found = Identity::find(Some(&guid), b"payload").unwrap();
        assert_eq!(found.identity, Identity::Guid(Guid(*b"0123456789abcdef")));
        assert_eq!((found.header_rest, found.payload), (Some(&[2, 0][..]), &b"payload"[..]));
        let found = Identity::find(None, b"\0\0\0\0\x07payload").unwrap();
        assert_eq!(found.identity, Identity::Id(SchemaId(7)));
        assert_eq!((found.header_rest, found.payload), (None, &b"payload"[..]));
    }

    #[test]
    fn confluents_class_names_are_understood() {
        assert_eq!("PrefixSchemaIdSerializer".parse(), Ok(Framing::Classic));
        assert_eq!(
            "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer".parse(),
            Ok(Framing::Header)
        );
        assert!("DualSchemaIdDeserializer".parse::<Framing>().is_err());
    }
}
