//! Avro without a registry: [`AvroSerializer`], [`AvroDeserializer`].

mod access;
mod canonical;
mod compound;
mod decode;
mod defaults;
mod depth;
mod encode;
mod error;
mod input;
mod parse;
mod resolve;
mod schema;
mod union;
mod uuids;
mod varint;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde_core::de::{Deserialize, DeserializeSeed};
use serde_core::ser::Serialize;

use crate::output::Output;
use crate::serializer::Serializer;
use decode::Decoder;
use encode::Encoder;
pub use error::{AvroError, AvroErrorKind, AvroSchemaError};
use input::Input;
use resolve::Plan;
pub use schema::AvroSchema;

/// What a single object begins with; the fingerprint follows, little-endian.
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];

/// What serde serializes, in Avro's binary encoding under a schema, without a registry. Feature `avro`.
///
/// The bytes are the value's alone, or a single object: `c3 01`, the schema's fingerprint, and the value.
///
/// ```
/// use rohrpost_serializer::{AvroDeserializer, AvroSchema, AvroSerializer, Part, encode};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct Order { id: i64, note: Option<String> }
///
/// let schema = AvroSchema::parse(r#"{"type": "record", "name": "Order", "fields": [
///     {"name": "id", "type": "long"},
///     {"name": "note", "type": ["null", "string"], "default": null}
/// ]}"#)?;
/// let order = Order { id: 7, note: Some("fragile".into()) };
/// let encoded = encode(&AvroSerializer::new(schema.clone()), "orders", Part::Value, &order)?;
/// assert_eq!(encoded.bytes(), Some(&b"\x0e\x02\x0efragile"[..]));
///
/// let read: Order = AvroDeserializer::new(&schema).deserialize(encoded.bytes().unwrap_or_default())?;
/// assert_eq!(read, order);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How values meet schemas:
///
/// - Fields are found by their names, in any order; one that a struct lacks (`#[serde(skip_serializing_if)]`) gets its default. A field that the schema lacks is an
///   error: it would be lost.
/// - Integers fit any of Avro's numbers that holds them exactly, so do floating-point numbers. `u64`, `i128` and `u128` that a `long` does not hold need a `fixed` of 8 or 16
///   bytes (little-endian).
/// - `bytes` and `fixed` take byte strings and sequences or arrays of `u8`; `decimal` takes the unscaled number, big-endian, in two's complement; `uuid`
///   takes text or 16 bytes; all other logical types take what their types take.
/// - In a union, `Option` is null or not; of other types the one that suits best is taken: the same width of number, the record of the struct's name. An `enum` of
///   Rust says it by the name of its variants (`String`, `Long`, a record's name), or else by their order.
/// - A map can be a record, a tuple a record with as many fields, a unit variant an enum's symbol or text.
#[derive(Clone, Debug)]
pub struct AvroSerializer {
    schema: AvroSchema,
    /// Nothing, or what a single object begins with.
    header: Header,
}

#[derive(Clone, Copy, Debug)]
enum Header {
    None,
    SingleObject([u8; 10]),
}

impl AvroSerializer {
    /// The value alone: who reads must know the schema.
    pub const fn new(schema: AvroSchema) -> Self {
        Self { schema, header: Header::None }
    }

    /// Single objects, by the specification's section of that name.
    ///
    /// ```
    /// use rohrpost_serializer::{AvroSchema, AvroSerializer, Part, encode};
    ///
    /// let serializer = AvroSerializer::single_object(AvroSchema::parse(r#""int""#)?);
    /// let encoded = encode(&serializer, "t", Part::Value, &1)?;
    /// assert_eq!(encoded.bytes(), Some(&b"\xc3\x01\x8f\x5c\x39\x3f\x1a\xd5\x75\x72\x02"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn single_object(schema: AvroSchema) -> Self {
        let mut header = [0; 10];
        header[..2].copy_from_slice(&SINGLE_OBJECT);
        header[2..].copy_from_slice(&schema.fingerprint().to_le_bytes());
        Self { schema, header: Header::SingleObject(header) }
    }

    /// The schema.
    pub fn schema(&self) -> &AvroSchema {
        &self.schema
    }
}

impl<T: Serialize + ?Sized> Serializer<T> for AvroSerializer {
    type Error = AvroError;

    #[inline]
    fn serialize(&self, value: &T, output: &mut Output<'_>) -> Result<(), AvroError> {
        if let Header::SingleObject(header) = &self.header {
            output.write(header);
        }
        self.schema.write(value, output)
    }
}

impl AvroSchema {
    /// The name of an enum of serde's whose variants' numbers are those of a union's types, whatever the variants are called: for values that know the number of their
    /// type, such as those of other Avro libraries. Who reads such an enum gets the number (of the reader's union, if there are two schemas) in the variant's place, by
    /// `deserialize_u32`.
    pub const BRANCH: &str = encode::BRANCH;

    /// Appends a value in the binary encoding, as [`AvroSerializer`] does: for serializers of one's own that have a framing of their own.
    ///
    /// # Errors
    /// The value does not match the schema. What was written before the mismatch stays: the record is not to be sent.
    #[inline]
    pub fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        output: &mut Output<'_>,
    ) -> Result<(), AvroError> {
        let table = self.table();
        value.serialize(Encoder::new(table, table.root, output.buffer()))
    }

    /// The first reason why a value written under `writer` could fail to be read under this schema, if there is one: what a `BACKWARD` compatibility check asks.
    ///
    /// ```
    /// use rohrpost_serializer::AvroSchema;
    ///
    /// let (int, long) = (AvroSchema::parse(r#""int""#)?, AvroSchema::parse(r#""long""#)?);
    /// assert_eq!(long.cannot_read(&int), None);
    /// assert_eq!(int.cannot_read(&long).as_deref(), Some("long as int"));
    /// # Ok::<(), rohrpost_serializer::AvroSchemaError>(())
    /// ```
    pub fn cannot_read(&self, writer: &Self) -> Option<String> {
        resolve::refusal(writer.table(), self.table())
    }
}

/// Reads what [`AvroSerializer`] and everyone else writes: under the schema of the writer, as what the schema of a reader has. Made once for a pair of schemas, cheap to
/// clone.
///
/// Bytes are never trusted: lengths and counts are held against what follows, values nested more deeply than 64 levels are refused, and so are more than 65,536 parts
/// that take no bytes, and 8 for each byte.
#[derive(Clone)]
pub struct AvroDeserializer {
    fingerprint: u64,
    plan: Arc<Plan>,
}

impl AvroDeserializer {
    /// Reads values as they were written.
    pub fn new(writer: &AvroSchema) -> Self {
        let plan = resolve::same(writer.table());
        Self { fingerprint: writer.fingerprint(), plan: Arc::new(plan) }
    }

    /// Reads values as another schema has them, by Avro's rules: fields by name or alias, defaults for those that the writer lacks, numbers promoted, symbols and types of unions
    /// that one side lacks refused where a value has them.
    ///
    /// ```
    /// use rohrpost_serializer::{AvroDeserializer, AvroSchema};
    ///
    /// let writer = AvroSchema::parse(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#)?;
    /// let reader = AvroSchema::parse(r#"{"type": "record", "name": "R", "fields": [
    ///     {"name": "a", "type": "long"}, {"name": "b", "type": "string", "default": "x"}
    /// ]}"#)?;
    /// let deserializer = AvroDeserializer::resolving(&writer, &reader)?;
    /// let read: std::collections::BTreeMap<String, serde_json::Value> = deserializer.deserialize(&[2])?;
    /// assert_eq!(serde_json::to_string(&read)?, r#"{"a":1,"b":"x"}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// No value of the writer's can be read so.
    pub fn resolving(writer: &AvroSchema, reader: &AvroSchema) -> Result<Self, AvroError> {
        let plan = resolve::plan(writer.table(), reader.table())?;
        Ok(Self { fingerprint: writer.fingerprint(), plan: Arc::new(plan) })
    }

    /// Reads a value, which may borrow from the bytes and from the deserializer.
    ///
    /// # Errors
    /// The bytes are no value of the writer's schema, the reader's schema or `T` cannot take it, or more bytes follow it.
    pub fn deserialize<'de, T: Deserialize<'de>>(
        &'de self,
        bytes: &'de [u8],
    ) -> Result<T, AvroError> {
        self.deserialize_seed(core::marker::PhantomData, bytes)
    }

    /// Reads a value by a seed of serde's.
    ///
    /// # Errors
    /// As [`deserialize`](Self::deserialize).
    pub fn deserialize_seed<'de, S: DeserializeSeed<'de>>(
        &'de self,
        seed: S,
        bytes: &'de [u8],
    ) -> Result<S::Value, AvroError> {
        let mut input = Input::new(bytes);
        let value =
            seed.deserialize(Decoder { plan: &self.plan, at: self.plan.root, input: &mut input })?;
        input.finish()?;
        Ok(value)
    }

    /// Reads a single object.
    ///
    /// # Errors
    /// The bytes are no single object, or one of another schema than the writer's; or as [`deserialize`](Self::deserialize).
    pub fn deserialize_single_object<'de, T: Deserialize<'de>>(
        &'de self,
        bytes: &'de [u8],
    ) -> Result<T, AvroError> {
        let found = Self::fingerprint_of(bytes)?;
        if found != self.fingerprint {
            return Err(AvroError::new(AvroErrorKind::Fingerprint(found)));
        }
        self.deserialize(&bytes[10..])
    }

    /// The fingerprint of the schema that a single object was written under: to choose the deserializer by.
    ///
    /// # Errors
    /// The bytes are no single object.
    pub fn fingerprint_of(bytes: &[u8]) -> Result<u64, AvroError> {
        let fingerprint = bytes.strip_prefix(&SINGLE_OBJECT).and_then(<[u8]>::first_chunk);
        let fingerprint =
            fingerprint.ok_or_else(|| AvroError::new(AvroErrorKind::NoSingleObject))?;
        Ok(u64::from_le_bytes(*fingerprint))
    }
}

impl fmt::Debug for AvroDeserializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroDeserializer")
            .field("fingerprint", &format_args!("{:016x}", self.fingerprint))
            .finish_non_exhaustive()
    }
}
