//! What has parts: arrays, maps, records, and bytes that come one by one.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_core::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::encode::{self, Encoder};
use super::error::{AvroError, AvroErrorKind};
use super::schema::{BYTE, Default, Id, Kind, Record, Table};
use super::union::Hint;
use super::varint;

/// Where parts are written to.
pub(crate) struct Writing<'s, 'o> {
    pub(crate) table: &'s Table,
    pub(crate) out: &'o mut Vec<u8>,
}

impl Writing<'_, '_> {
    fn put<T: Serialize + ?Sized>(&mut self, of: Id, value: &T) -> Result<(), AvroError> {
        value.serialize(Encoder::new(self.table, of, self.out))
    }
}

/// Entries of a block, whose number stands before them.
struct Block {
    begin: usize,
    announced: Option<usize>,
    count: usize,
}

impl Block {
    fn open(writing: &mut Writing<'_, '_>, announced: Option<usize>) -> Self {
        let begin = writing.out.len();
        if let Some(announced) = announced.filter(|count| *count > 0) {
            varint::put(announced as i64, writing.out);
        }
        Self { begin, announced, count: 0 }
    }

    fn close(self, writing: &mut Writing<'_, '_>) {
        // Who does not know the number before, or has told a wrong one, gets the right one now.
        if self.announced.unwrap_or_default() != self.count {
            let mut count = Vec::new();
            let announced = self.announced.filter(|count| *count > 0);
            if let Some(announced) = announced {
                varint::put(announced as i64, &mut count);
            }
            let end = self.begin + count.len();
            count.clear();
            if self.count > 0 {
                varint::put(self.count as i64, &mut count);
            }
            writing.out.splice(self.begin..end, count);
        }
        writing.out.push(0);
    }
}

/// A sequence, a tuple, or a tuple struct.
pub(crate) struct Items<'s, 'o> {
    writing: Writing<'s, 'o>,
    shape: Shape<'s>,
}

enum Shape<'s> {
    Array {
        of: Id,
        block: Block,
    },
    /// Bytes, with the place of their length.
    Bytes {
        begin: usize,
    },
    Fixed {
        begin: usize,
        size: usize,
    },
    Record {
        record: &'s Record,
        next: usize,
    },
}

impl<'s, 'o> Items<'s, 'o> {
    pub(crate) fn new(
        mut encoder: Encoder<'s, 'o>,
        length: Option<usize>,
    ) -> Result<Self, AvroError> {
        let kind = encoder.choose(Hint::Sequence(length))?;
        let begin = encoder.out.len();
        let shape = match kind {
            Kind::Array(_) | Kind::Bytes => None,
            Kind::Fixed(fixed) => Some(Shape::Fixed { begin, size: fixed.size }),
            Kind::Record(record) if length == Some(record.fields.len()) => {
                Some(Shape::Record { record, next: 0 })
            }
            _ => return Err(encoder.mismatch("a sequence")),
        };
        let mut writing = encoder.writing();
        let shape = match (shape, kind) {
            (Some(shape), _) => shape,
            (None, Kind::Array(of)) => {
                Shape::Array { of: *of, block: Block::open(&mut writing, length) }
            }
            (None, _) => Shape::Bytes { begin },
        };
        Ok(Self { writing, shape })
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), AvroError> {
        match &mut self.shape {
            Shape::Array { of, block } => {
                let index = block.count;
                block.count += 1;
                self.writing.put(*of, value).map_err(|error| error.at_index(index))
            }
            Shape::Bytes { begin } | Shape::Fixed { begin, .. } => {
                let index = self.writing.out.len() - *begin;
                self.writing.put(BYTE, value).map_err(|error| error.at_index(index))
            }
            Shape::Record { record, next } => {
                let Some(field) = record.fields.get(*next) else {
                    let name = alloc::format!("{next}");
                    return Err(AvroError::new(AvroErrorKind::UnknownField(name)));
                };
                *next += 1;
                self.writing.put(field.of, value).map_err(|error| error.in_field(&field.name))
            }
        }
    }

    fn finish(mut self) -> Result<(), AvroError> {
        match self.shape {
            Shape::Array { block, .. } => block.close(&mut self.writing),
            Shape::Bytes { begin } => {
                let mut length = Vec::new();
                varint::put((self.writing.out.len() - begin) as i64, &mut length);
                self.writing.out.splice(begin..begin, length);
            }
            Shape::Fixed { begin, size } => {
                let found = self.writing.out.len() - begin;
                if found != size {
                    return Err(AvroError::new(AvroErrorKind::Size { expected: size, found }));
                }
            }
            Shape::Record { record, next } => {
                return rest(record, next, &mut Vec::new(), self.writing.out);
            }
        }
        Ok(())
    }
}

/// A map or a struct.
pub(crate) struct Parts<'s, 'o> {
    writing: Writing<'s, 'o>,
    form: Form<'s>,
}

enum Form<'s> {
    Map {
        of: Id,
        block: Block,
        /// Where the newest key is.
        key: usize,
    },
    Record {
        record: &'s Record,
        /// The field whose turn it is.
        next: usize,
        /// Fields that came before their turn.
        early: Vec<Option<Vec<u8>>>,
        /// The newest key of a map.
        key: Vec<u8>,
    },
}

impl<'s, 'o> Parts<'s, 'o> {
    pub(crate) fn map(mut writing: Writing<'s, 'o>, of: Id, length: Option<usize>) -> Self {
        let block = Block::open(&mut writing, length);
        Self { writing, form: Form::Map { of, block, key: 0 } }
    }

    pub(crate) fn record(writing: Writing<'s, 'o>, record: &'s Record) -> Self {
        let form = Form::Record { record, next: 0, early: Vec::new(), key: Vec::new() };
        Self { writing, form }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), AvroError> {
        let writing = &mut self.writing;
        match &mut self.form {
            Form::Record { record, next, early, .. } => {
                if let Some(field) = record.fields.get(*next).filter(|field| field.name == name) {
                    *next += 1;
                    writing.put(field.of, value).map_err(|error| error.in_field(name))?;
                    while let Some(bytes) = early.get_mut(*next).and_then(Option::take) {
                        writing.out.extend_from_slice(&bytes);
                        *next += 1;
                    }
                    return Ok(());
                }
                let Some(index) = record.fields.iter().position(|field| field.name == name) else {
                    return Err(AvroError::new(AvroErrorKind::UnknownField(name.to_owned())));
                };
                early.resize(record.fields.len(), None);
                if index < *next || early[index].is_some() {
                    return Err(AvroError::new(AvroErrorKind::RepeatedField(name.to_owned())));
                }
                let mut bytes = Vec::new();
                let encoder = Encoder::new(writing.table, record.fields[index].of, &mut bytes);
                value.serialize(encoder).map_err(|error| error.in_field(name))?;
                early[index] = Some(bytes);
                Ok(())
            }
            Form::Map { of, block, .. } => {
                block.count += 1;
                encode::key(writing.table, name, writing.out)?;
                writing.put(*of, value).map_err(|error| error.at_key(name))
            }
        }
    }

    fn finish(self) -> Result<(), AvroError> {
        let mut writing = self.writing;
        match self.form {
            Form::Map { block, .. } => {
                block.close(&mut writing);
                Ok(())
            }
            Form::Record { record, next, mut early, .. } => {
                rest(record, next, &mut early, writing.out)
            }
        }
    }
}

/// The fields that were not given in their turn: what came before it, or their defaults.
fn rest(
    record: &Record,
    next: usize,
    early: &mut [Option<Vec<u8>>],
    out: &mut Vec<u8>,
) -> Result<(), AvroError> {
    for (index, field) in record.fields.iter().enumerate().skip(next) {
        match (early.get_mut(index).and_then(Option::take), &field.default) {
            (Some(bytes), _) => out.extend_from_slice(&bytes),
            (None, Default::Bytes(bytes)) => out.extend_from_slice(bytes),
            (None, _) => {
                return Err(AvroError::new(AvroErrorKind::MissingField(field.name.clone())));
            }
        }
    }
    Ok(())
}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = AvroError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), AvroError> {
        match &mut self.form {
            Form::Map { block, key, .. } => {
                block.count += 1;
                *key = self.writing.out.len();
                encode::key(self.writing.table, value, self.writing.out)
            }
            Form::Record { key, .. } => {
                key.clear();
                encode::key(self.writing.table, value, key)
            }
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), AvroError> {
        match &mut self.form {
            Form::Map { of, key, .. } => {
                let (of, key) = (*of, *key);
                let end = self.writing.out.len();
                self.writing
                    .put(of, value)
                    .map_err(|error| error.at_key(&text(&self.writing.out[key..end])))
            }
            Form::Record { key, .. } => {
                let bytes = core::mem::take(key);
                let result = self.field(&text(&bytes), value);
                if let Form::Record { key, .. } = &mut self.form {
                    *key = bytes;
                }
                result
            }
        }
    }

    fn end(self) -> Result<(), AvroError> {
        self.finish()
    }
}

/// A key that was written.
fn text(key: &[u8]) -> alloc::borrow::Cow<'_, str> {
    String::from_utf8_lossy(varint::take(key).map_or(&[], |(_, text)| text))
}

macro_rules! items {
    ($($of:ident: $method:ident;)*) => {$(
        impl $of for Items<'_, '_> {
            type Ok = ();
            type Error = AvroError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), AvroError> {
                self.item(value)
            }

            fn end(self) -> Result<(), AvroError> {
                self.finish()
            }
        }
    )*};
}

items! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

macro_rules! fields {
    ($($of:ident;)*) => {$(
        impl $of for Parts<'_, '_> {
            type Ok = ();
            type Error = AvroError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), AvroError> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), AvroError> {
                self.finish()
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}
