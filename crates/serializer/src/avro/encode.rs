//! From serde's data model to Avro's bytes, straight into the output.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_core::ser::{Serialize, Serializer};

use super::compound::{Items, Parts, Writing};
use super::error::{AvroError, AvroErrorKind};
use super::schema::{Id, Kind, Logical, Record, TEXT, Table, Union};
use super::union::{self, Hint};
use super::varint;

/// The name of an enum of serde's whose variants' numbers are those of a union's types: how values that know their type's number say it.
pub(crate) const BRANCH: &str = "$rohrpost::avro::branch";

/// Writes one value under one type.
pub(crate) struct Encoder<'s, 'o> {
    pub(crate) table: &'s Table,
    pub(crate) of: Id,
    pub(crate) out: &'o mut Vec<u8>,
}

type Done = Result<(), AvroError>;

impl<'s, 'o> Encoder<'s, 'o> {
    pub(crate) fn new(table: &'s Table, of: Id, out: &'o mut Vec<u8>) -> Self {
        Self { table, of, out }
    }

    /// The type, after a union's type for such a value was chosen, and its number written.
    #[inline]
    pub(crate) fn choose(&mut self, hint: Hint<'_>) -> Result<&'s Kind, AvroError> {
        let kind = self.table.kind(self.of);
        let Kind::Union(union) = kind else { return Ok(kind) };
        let index = match union.other {
            Some(other) if !matches!(hint, Hint::Null | Hint::Empty(_)) => other,
            _ => union::choose(self.table, self.of, union, hint)?,
        };
        Ok(self.enter(&union.branches, index))
    }

    fn enter(&mut self, branches: &[Id], index: usize) -> &'s Kind {
        varint::put(index as i64, self.out);
        self.of = branches[index];
        self.table.kind(self.of)
    }

    pub(crate) fn mismatch(&self, found: impl Into<alloc::borrow::Cow<'static, str>>) -> AvroError {
        AvroError::mismatch(self.table.describe(self.of), found)
    }

    fn integer(mut self, number: i64, wide: bool) -> Done {
        let range = |expected| {
            Err(AvroError::new(AvroErrorKind::OutOfRange { expected, found: number.to_string() }))
        };
        match self.choose(Hint::Integer { number, wide })? {
            Kind::Long => varint::put(number, self.out),
            Kind::Int if i32::try_from(number).is_ok() => varint::put(number, self.out),
            Kind::Int => return range("int"),
            Kind::Double if number.unsigned_abs() <= 1 << 53 => {
                self.out.extend_from_slice(&(number as f64).to_le_bytes());
            }
            Kind::Double => return range("double"),
            Kind::Float if number.unsigned_abs() <= 1 << 24 => {
                self.out.extend_from_slice(&(number as f32).to_le_bytes());
            }
            Kind::Float => return range("float"),
            Kind::Byte => match u8::try_from(number) {
                Ok(byte) => self.out.push(byte),
                Err(_) => return range("byte"),
            },
            _ => return Err(self.mismatch(format!("the integer {number}"))),
        }
        Ok(())
    }

    /// Integers beyond Avro's: as `fixed` of their size, little-endian, which is how the `AvroSchema` of apache_avro has them.
    fn large(mut self, bytes: &[u8], number: &dyn core::fmt::Display) -> Done {
        match self.choose(Hint::Fixed(bytes.len()))? {
            Kind::Fixed(fixed) if fixed.size == bytes.len() => {
                self.out.extend_from_slice(bytes);
                Ok(())
            }
            Kind::Long | Kind::Int => Err(AvroError::new(AvroErrorKind::OutOfRange {
                expected: "long",
                found: number.to_string(),
            })),
            _ => Err(self.mismatch(format!("the integer {number}"))),
        }
    }

    fn symbol(&mut self, symbols: &[String], index: Option<u32>, symbol: &str) -> Done {
        let guess = index.map(|index| index as usize);
        let index = match guess {
            Some(index) if symbols.get(index).is_some_and(|known| known == symbol) => Some(index),
            _ => symbols.iter().position(|known| known == symbol),
        };
        let Some(index) = index else {
            return Err(AvroError::new(AvroErrorKind::UnknownSymbol(symbol.to_owned())));
        };
        varint::put(index as i64, self.out);
        Ok(())
    }

    /// Enters the type of a union that a variant of an enum stands for. Nothing where it is no union.
    fn variant(&mut self, name: &str, index: u32, variant: &str) -> Result<bool, AvroError> {
        let Kind::Union(union) = self.table.kind(self.of) else { return Ok(false) };
        let index = if name == BRANCH {
            Some(index as usize).filter(|index| *index < union.branches.len())
        } else {
            union::variant(self.table, union, index, variant)
        };
        let Some(index) = index else {
            return Err(self.mismatch(format!("the variant {variant:?}")));
        };
        self.enter(&union.branches, index);
        Ok(true)
    }

    /// Bytes of a number, brought to the size of a `fixed` by its sign.
    fn signed(&mut self, bytes: &[u8], size: usize) -> Done {
        let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xff } else { 0 };
        let spare = bytes.len().saturating_sub(size);
        let (dropped, kept) = bytes.split_at(spare);
        let keeps_sign = kept.first().is_none_or(|first| (first & 0x80 != 0) == (sign != 0));
        if dropped.iter().any(|byte| *byte != sign) || !(spare == 0 || keeps_sign) {
            return Err(AvroError::new(AvroErrorKind::Size { expected: size, found: bytes.len() }));
        }
        self.out.resize(self.out.len() + (size - kept.len()), sign);
        self.out.extend_from_slice(kept);
        Ok(())
    }
}

impl<'s, 'o> Serializer for Encoder<'s, 'o> {
    type Ok = ();
    type Error = AvroError;
    type SerializeSeq = Items<'s, 'o>;
    type SerializeTuple = Items<'s, 'o>;
    type SerializeTupleStruct = Items<'s, 'o>;
    type SerializeTupleVariant = Items<'s, 'o>;
    type SerializeMap = Parts<'s, 'o>;
    type SerializeStruct = Parts<'s, 'o>;
    type SerializeStructVariant = Parts<'s, 'o>;

    fn serialize_bool(mut self, value: bool) -> Done {
        match self.choose(Hint::Boolean)? {
            Kind::Boolean => self.out.push(u8::from(value)),
            _ => return Err(self.mismatch(format!("the truth value {value}"))),
        }
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Done {
        self.integer(i64::from(value), false)
    }

    fn serialize_i16(self, value: i16) -> Done {
        self.integer(i64::from(value), false)
    }

    fn serialize_i32(self, value: i32) -> Done {
        self.integer(i64::from(value), false)
    }

    fn serialize_i64(self, value: i64) -> Done {
        self.integer(value, true)
    }

    fn serialize_i128(self, value: i128) -> Done {
        match i64::try_from(value) {
            Ok(value) if !matches!(self.table.kind(self.of), Kind::Fixed(_)) => {
                self.integer(value, true)
            }
            _ => self.large(&value.to_le_bytes(), &value),
        }
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.integer(i64::from(value), false)
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.integer(i64::from(value), false)
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.integer(i64::from(value), true)
    }

    fn serialize_u64(self, value: u64) -> Done {
        match i64::try_from(value) {
            Ok(value) if !matches!(self.table.kind(self.of), Kind::Fixed(_)) => {
                self.integer(value, true)
            }
            _ => self.large(&value.to_le_bytes(), &value),
        }
    }

    fn serialize_u128(self, value: u128) -> Done {
        match i64::try_from(value) {
            Ok(value) if !matches!(self.table.kind(self.of), Kind::Fixed(_)) => {
                self.integer(value, true)
            }
            _ => self.large(&value.to_le_bytes(), &value),
        }
    }

    fn serialize_f32(mut self, value: f32) -> Done {
        match self.choose(Hint::Float { wide: false })? {
            Kind::Float => self.out.extend_from_slice(&value.to_le_bytes()),
            Kind::Double => self.out.extend_from_slice(&f64::from(value).to_le_bytes()),
            _ => return Err(self.mismatch(format!("the number {value}"))),
        }
        Ok(())
    }

    fn serialize_f64(mut self, value: f64) -> Done {
        match self.choose(Hint::Float { wide: true })? {
            Kind::Double => self.out.extend_from_slice(&value.to_le_bytes()),
            Kind::Float
                if value.is_nan() || f64::from(value as f32).to_bits() == value.to_bits() =>
            {
                self.out.extend_from_slice(&(value as f32).to_le_bytes());
            }
            Kind::Float => {
                let found = value.to_string();
                return Err(AvroError::new(AvroErrorKind::OutOfRange { expected: "float", found }));
            }
            _ => return Err(self.mismatch(format!("the number {value}"))),
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, value: &str) -> Done {
        let kind = self.choose(Hint::Text(value))?;
        let logical = self.table.get(self.of).logical;
        match kind {
            Kind::String => {
                varint::put(value.len() as i64, self.out);
                self.out.extend_from_slice(value.as_bytes());
            }
            Kind::Enum(of) => return self.symbol(&of.symbols, None, value),
            Kind::Fixed(_) if logical == Logical::Uuid => match super::uuids::parse(value) {
                Some(bytes) => self.out.extend_from_slice(&bytes),
                None => return Err(self.mismatch("text that is no UUID")),
            },
            _ => return Err(self.mismatch("text")),
        }
        Ok(())
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Done {
        let kind = self.choose(Hint::Bytes(value.len()))?;
        let logical = self.table.get(self.of).logical;
        match kind {
            Kind::Bytes => {
                varint::put(value.len() as i64, self.out);
                self.out.extend_from_slice(value);
            }
            Kind::Fixed(fixed) if fixed.size == value.len() => self.out.extend_from_slice(value),
            Kind::Fixed(fixed) if logical == Logical::Decimal => {
                return self.signed(value, fixed.size);
            }
            Kind::Fixed(fixed) => {
                let (expected, found) = (fixed.size, value.len());
                return Err(AvroError::new(AvroErrorKind::Size { expected, found }));
            }
            // What UUIDs are to formats that are not for people to read.
            Kind::String if logical == Logical::Uuid => match <&[u8; 16]>::try_from(value) {
                Ok(bytes) => {
                    varint::put(36, self.out);
                    self.out.extend_from_slice(&super::uuids::text(bytes));
                }
                Err(_) => return Err(self.mismatch("bytes that are no UUID")),
            },
            _ => return Err(self.mismatch("bytes")),
        }
        Ok(())
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Done {
        if let Kind::Union(union @ Union { other: Some(other), .. }) = self.table.kind(self.of) {
            self.enter(&union.branches, *other);
        }
        value.serialize(self)
    }

    fn serialize_unit(mut self) -> Done {
        match self.choose(Hint::Null)? {
            Kind::Null => Ok(()),
            _ => Err(self.mismatch("null")),
        }
    }

    fn serialize_unit_struct(mut self, name: &'static str) -> Done {
        match self.choose(Hint::Empty(name))? {
            Kind::Null => Ok(()),
            Kind::Record(record) if record.fields.is_empty() => Ok(()),
            _ => Err(self.mismatch(format!("the struct {name}, which is empty"))),
        }
    }

    fn serialize_unit_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Done {
        if let Kind::Union(union) = self.table.kind(self.of) {
            let branch = if name == BRANCH {
                Some(index as usize).filter(|index| *index < union.branches.len())
            } else {
                union::unit_variant(self.table, self.of, union, index, variant)?
            };
            let Some(branch) = branch else {
                return Err(self.mismatch(format!("the variant {variant:?}")));
            };
            self.enter(&union.branches, branch);
        }
        match self.table.kind(self.of) {
            Kind::Enum(of) => self.symbol(&of.symbols, Some(index), variant),
            Kind::String => self.serialize_str(variant),
            _ => self.serialize_unit_struct(variant),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Done {
        // apache_avro's derive makes a record of one field of it.
        match self.table.kind(self.of) {
            Kind::Record(Record { name: own, fields })
                if own.simple() == name && fields.len() == 1 =>
            {
                let field = &fields[0];
                self.of = field.of;
                value.serialize(self).map_err(|error| error.in_field(&field.name))
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        if !self.variant(name, index, variant)? {
            return Err(self.mismatch(format!("the variant {variant:?}, which has content")));
        }
        match self.table.kind(self.of) {
            // A record that is the variant itself: its only field is the content.
            Kind::Record(record) if name != BRANCH && record.name.simple() == variant => {
                self.serialize_newtype_struct(variant, value)
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'s, 'o>, AvroError> {
        Items::new(self, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'s, 'o>, AvroError> {
        Items::new(self, Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Items<'s, 'o>, AvroError> {
        Items::new(self, Some(length))
    }

    fn serialize_tuple_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'s, 'o>, AvroError> {
        if !self.variant(name, index, variant)? {
            return Err(self.mismatch(format!("the variant {variant:?}, which has content")));
        }
        Items::new(self, Some(length))
    }

    fn serialize_map(mut self, length: Option<usize>) -> Result<Parts<'s, 'o>, AvroError> {
        match self.choose(Hint::Map)? {
            Kind::Map(of) => Ok(Parts::map(self.writing(), *of, length)),
            Kind::Record(record) => Ok(Parts::record(self.writing(), record)),
            _ => Err(self.mismatch("a map")),
        }
    }

    fn serialize_struct(
        mut self,
        name: &'static str,
        length: usize,
    ) -> Result<Parts<'s, 'o>, AvroError> {
        match self.choose(Hint::Struct(name))? {
            Kind::Record(record) => Ok(Parts::record(self.writing(), record)),
            Kind::Map(of) => Ok(Parts::map(self.writing(), *of, Some(length))),
            _ => Err(self.mismatch(format!("the struct {name}"))),
        }
    }

    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Parts<'s, 'o>, AvroError> {
        if !self.variant(name, index, variant)? {
            return Err(self.mismatch(format!("the variant {variant:?}, which has content")));
        }
        self.serialize_struct(variant, length)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'s, 'o> Encoder<'s, 'o> {
    pub(crate) fn writing(self) -> Writing<'s, 'o> {
        Writing { table: self.table, out: self.out }
    }
}

/// A map's key as text.
pub(crate) fn key<T: Serialize + ?Sized>(
    table: &Table,
    key: &T,
    out: &mut Vec<u8>,
) -> Result<(), AvroError> {
    key.serialize(Encoder::new(table, TEXT, out))
}
