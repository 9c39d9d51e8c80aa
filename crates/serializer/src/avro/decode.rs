//! From Avro's bytes to serde's data model, by a plan.

use alloc::format;
use alloc::string::String;

use serde_core::de::value::BorrowedStrDeserializer;
use serde_core::de::{Deserializer, IntoDeserializer, Visitor};

use super::access::{Chosen, Entries, Fields};
use super::encode::BRANCH;
use super::error::{AvroError, AvroErrorKind};
use super::input::{DEEPEST, Input};
use super::resolve::{At, Branch, Number, Plan, RecordPlan, Step};
use super::uuids;

/// Reads one value.
pub(crate) struct Decoder<'i, 'de> {
    pub(crate) plan: &'de Plan,
    pub(crate) at: At,
    pub(crate) input: &'i mut Input<'de>,
}

impl<'de> Decoder<'_, 'de> {
    #[inline]
    pub(crate) fn step(&self) -> &'de Step {
        self.plan.step(self.at)
    }

    /// The union's type that the bytes name.
    fn branch(&mut self) -> Result<Option<&'de Branch>, AvroError> {
        match self.step() {
            Step::Into(branch) => Ok(Some(branch)),
            Step::Union(branches) => {
                let index = self.input.number()?;
                let known = usize::try_from(index).ok().and_then(|index| branches.get(index));
                known.map(Some).ok_or_else(|| AvroError::new(AvroErrorKind::Index(index)))
            }
            _ => Ok(None),
        }
    }

    /// Goes to the step after all unions.
    #[inline]
    fn settle(&mut self) -> Result<(), AvroError> {
        if matches!(self.step(), Step::Union(_) | Step::Into(_)) {
            self.settle_union()?;
        }
        Ok(())
    }

    #[inline(never)]
    fn settle_union(&mut self) -> Result<(), AvroError> {
        while let Some(branch) = self.branch()? {
            self.at = branch.step;
        }
        Ok(())
    }

    pub(crate) fn nested(&mut self, at: At) -> Decoder<'_, 'de> {
        Decoder { plan: self.plan, at, input: self.input }
    }

    fn deeper(&mut self) -> Result<(), AvroError> {
        if self.input.depth == DEEPEST {
            return Err(AvroError::new(AvroErrorKind::Depth));
        }
        self.input.depth += 1;
        Ok(())
    }

    #[inline]
    fn enter(&mut self, record: &RecordPlan) -> Result<(), AvroError> {
        if record.fields.is_empty() {
            self.input.nothing()?;
        }
        self.deeper()
    }

    fn fixed(&mut self, size: usize) -> Result<&'de [u8], AvroError> {
        if size == 0 {
            self.input.nothing()?;
        }
        self.input.take(size)
    }

    pub(crate) fn any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, AvroError> {
        self.settle()?;
        let mut own = self;
        match own.step() {
            Step::Null => {
                own.input.nothing()?;
                visitor.visit_unit()
            }
            Step::Boolean => match own.input.take(1)? {
                [0] => visitor.visit_bool(false),
                [1] => visitor.visit_bool(true),
                other => Err(AvroError::new(AvroErrorKind::Index(i64::from(other[0])))),
            },
            Step::Number { wire: Number::Int, read: Number::Int } => {
                visitor.visit_i32(own.input.int()?)
            }
            Step::Number { wire: Number::Int, read: Number::Long } => {
                visitor.visit_i64(i64::from(own.input.int()?))
            }
            Step::Number { read: Number::Int | Number::Long, .. } => {
                visitor.visit_i64(own.input.number()?)
            }
            Step::Number { wire: Number::Float, read: Number::Float } => {
                visitor.visit_f32(f32::from_le_bytes(own.input.array()?))
            }
            Step::Number { wire, read: Number::Float } => {
                visitor.visit_f32(own.input.float(*wire)? as f32)
            }
            Step::Number { wire, .. } => visitor.visit_f64(own.input.float(*wire)?),
            Step::Text | Step::Uuid => visitor.visit_borrowed_str(own.input.text()?),
            Step::Bytes => visitor.visit_borrowed_bytes(own.input.bytes()?),
            Step::Fixed(size) => visitor.visit_borrowed_bytes(own.fixed(*size)?),
            Step::Enum(symbols) => visitor.visit_str(symbol(symbols, own.input)?),
            Step::Array(of) => {
                own.deeper()?;
                let mut entries = Entries::array(own.plan, *of, own.input)?;
                let value = visitor.visit_seq(&mut entries)?;
                entries.finish()?;
                own.input.depth -= 1;
                Ok(value)
            }
            Step::Map(of) => {
                own.deeper()?;
                let mut entries = Entries::map(own.plan, *of, own.input)?;
                let value = visitor.visit_map(&mut entries)?;
                entries.finish()?;
                own.input.depth -= 1;
                Ok(value)
            }
            Step::Record(record) => {
                own.enter(record)?;
                let mut fields = Fields::new(own.nested(own.at), record);
                let value = visitor.visit_map(&mut fields)?;
                fields.finish()?;
                own.input.depth -= 1;
                Ok(value)
            }
            Step::Never(why) => Err(AvroError::new(AvroErrorKind::Unresolvable(why.clone()))),
            Step::Open | Step::Union(_) | Step::Into(_) => Err(own.mismatch("nothing")),
        }
    }

    pub(crate) fn mismatch(&self, found: &'static str) -> AvroError {
        let expected = match self.step() {
            Step::Open | Step::Never(_) => "nothing",
            Step::Null => "null",
            Step::Boolean => "boolean",
            Step::Number { read, .. } => match read {
                Number::Int => "int",
                Number::Long => "long",
                Number::Float => "float",
                Number::Double => "double",
            },
            Step::Text | Step::Uuid => "string",
            Step::Bytes => "bytes",
            Step::Fixed(_) => "fixed",
            Step::Enum(_) => "enum",
            Step::Array(_) => "array",
            Step::Map(_) => "map",
            Step::Record(record) => &record.name,
            Step::Union(_) | Step::Into(_) => "a union",
        };
        AvroError::mismatch(String::from(expected), found)
    }

    /// Reads what nobody wants.
    pub(crate) fn skip(self) -> Result<(), AvroError> {
        serde_core::Deserialize::deserialize(self).map(|serde_core::de::IgnoredAny| ())
    }
}

fn symbol<'s>(
    symbols: &'s [Option<alloc::sync::Arc<str>>],
    input: &mut Input<'_>,
) -> Result<&'s str, AvroError> {
    let index = input.number()?;
    match usize::try_from(index).ok().and_then(|index| symbols.get(index)) {
        Some(Some(symbol)) => Ok(symbol),
        Some(None) => Err(AvroError::new(AvroErrorKind::Unresolvable(format!(
            "the reader's enum has no symbol for number {index}"
        )))),
        None => Err(AvroError::new(AvroErrorKind::Index(index))),
    }
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
            self.any(visitor)
        }
    )*};
}

macro_rules! quick {
    ($($method:ident, $step:pat, $visit:ident, $read:ident;)*) => {$(
        /// What is asked for is mostly what is there.
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
            match self.step() {
                $step => visitor.$visit(self.input.$read()?),
                _ => self.any(visitor),
            }
        }
    )*};
}

macro_rules! large {
    ($($method:ident, $visit:ident: $number:ty;)*) => {$(
        /// `fixed` of that size, little-endian, too: see the encoder.
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, AvroError> {
            self.settle()?;
            let own = self;
            match own.step() {
                Step::Fixed(size) if *size == size_of::<$number>() => {
                    visitor.$visit(<$number>::from_le_bytes(own.input.array()?))
                }
                _ => own.any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'_, 'de> {
    type Error = AvroError;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_f32 deserialize_f64 deserialize_char deserialize_unit deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    quick! {
        deserialize_i32, Step::Number { wire: Number::Int, read: Number::Int }, visit_i32, int;
        deserialize_i64, Step::Number { wire: Number::Long, read: Number::Long }, visit_i64, number;
        deserialize_str, Step::Text, visit_borrowed_str, text;
        deserialize_string, Step::Text, visit_borrowed_str, text;
    }

    large! {
        deserialize_u64, visit_u64: u64;
        deserialize_i128, visit_i128: i128;
        deserialize_u128, visit_u128: u128;
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, AvroError> {
        self.settle()?;
        let own = self;
        match own.step() {
            Step::Uuid => match uuids::parse(own.input.text()?) {
                Some(bytes) => visitor.visit_bytes(&bytes),
                None => Err(AvroError::mismatch(String::from("uuid"), "text that is no UUID")),
            },
            Step::Text => visitor.visit_borrowed_bytes(own.input.bytes()?),
            _ => own.any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, AvroError> {
        let at = self.at;
        match self.branch()? {
            Some(branch) if branch.is_null => visitor.visit_none(),
            Some(branch) => {
                // A union of several types is still one to an enum inside of the option.
                let several = matches!(self.plan.step(at), Step::Union(all) if all.len() > 2);
                if several {
                    return visitor.visit_some(Chosen { own: self, branch });
                }
                self.at = branch.step;
                visitor.visit_some(self)
            }
            None if matches!(self.step(), Step::Null) => {
                self.input.nothing()?;
                visitor.visit_none()
            }
            None => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.settle()?;
        let own = self;
        match own.step() {
            Step::Record(_) => {
                own.skip()?;
                visitor.visit_unit()
            }
            _ => own.any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        if let Some(content) = self.step().content_of(name) {
            self.at = content;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, AvroError> {
        self.settle()?;
        let mut own = self;
        match own.step() {
            Step::Bytes => bytes(own.input.bytes()?, visitor),
            Step::Fixed(size) => bytes(own.fixed(*size)?, visitor),
            Step::Record(record) if record.is_same => {
                own.enter(record)?;
                let mut fields = Fields::new(own.nested(own.at), record);
                let value = visitor.visit_seq(&mut fields)?;
                fields.finish()?;
                own.input.depth -= 1;
                Ok(value)
            }
            _ => own.any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        match self.branch()? {
            Some(branch) if name == BRANCH => Chosen { own: self, branch }.number(visitor),
            Some(branch) => Chosen { own: self, branch }.deserialize_enum("", variants, visitor),
            None => self.plain_enum(visitor),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de> Decoder<'_, 'de> {
    pub(crate) fn plain_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
        match self.step() {
            Step::Enum(symbols) => {
                visitor.visit_enum(symbol(symbols, self.input)?.into_deserializer())
            }
            Step::Text => visitor.visit_enum(BorrowedStrDeserializer::new(self.input.text()?)),
            Step::Never(why) => Err(AvroError::new(AvroErrorKind::Unresolvable(why.clone()))),
            _ => Err(self.mismatch("an enum")),
        }
    }
}

fn bytes<'de, V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> Result<V::Value, AvroError> {
    visitor.visit_seq(serde_core::de::value::SeqDeserializer::new(bytes.iter().copied()))
}
