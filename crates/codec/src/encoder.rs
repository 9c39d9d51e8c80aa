//! [`Encoder`]: writes the fields of one message into a sink.

use bytes::Bytes;

use crate::error::{EncodeError, EncodeErrorKind};
use crate::primitive;
use crate::sink::Sink;
use crate::{ByteStr, ErrorCode, Segments, TaggedFields, Uuid, Wire};

type Result<T = ()> = core::result::Result<T, EncodeError>;

/// The longest string of the protocol.
const MAX_STRING: usize = i16::MAX as usize;

/// The longest array, and the most bytes, that have a length.
const MAX_LENGTH: usize = i32::MAX as usize - 1;

/// Writes the fields of one message, one after the other.
///
/// Made by [`Message::to_bytes`](crate::Message::to_bytes), [`Message::size`](crate::Message::size)
/// and the functions that encode frames; used by the generated code of the messages.
pub struct Encoder<'a> {
    sink: &'a mut Sink,
    message: &'static str,
    version: i16,
    flexible: bool,
}

impl core::fmt::Debug for Encoder<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Encoder")
            .field("message", &self.message)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A tagged field that the definition of a structure names.
pub(crate) struct Tagged<'a> {
    pub(crate) tag: u32,
    pub(crate) field: &'static str,
    /// Whether the version being written has the field.
    pub(crate) in_version: bool,
    /// Whether the field has its default, and so is left out.
    pub(crate) is_default: bool,
    /// Whether it may be left out of a version that does not have it.
    pub(crate) ignorable: bool,
    pub(crate) write: &'a dyn Fn(&mut Encoder<'_>) -> Result,
}

#[allow(dead_code, reason = "which types of fields there are depends on the features")]
impl<'a> Encoder<'a> {
    pub(crate) fn new(
        sink: &'a mut Sink,
        message: &'static str,
        version: i16,
        flexible: bool,
    ) -> Self {
        Self { sink, message, version, flexible }
    }

    /// The version that the message is written as.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.version
    }

    #[inline]
    pub(crate) fn int8(&mut self, value: i8) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn int16(&mut self, value: i16) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn uint16(&mut self, value: u16) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn int32(&mut self, value: i32) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn uint32(&mut self, value: u32) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn int64(&mut self, value: i64) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn float64(&mut self, value: f64) {
        self.sink.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn bool(&mut self, value: bool) {
        self.sink.put(&[u8::from(value)]);
    }

    #[inline]
    pub(crate) fn uuid(&mut self, value: Uuid) {
        self.sink.put(&value.0);
    }

    #[inline]
    pub(crate) fn error_code(&mut self, value: ErrorCode) {
        self.int16(value.0);
    }

    pub(crate) fn string(&mut self, field: &'static str, value: &ByteStr) -> Result {
        value.encode(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_string(
        &mut self,
        field: &'static str,
        value: Option<&ByteStr>,
    ) -> Result {
        self.text(value, self.flexible).map_err(|error| error.in_field(field))
    }

    /// A string that has its 16-bit length even in flexible versions.
    pub(crate) fn inflexible_nullable_string(
        &mut self,
        field: &'static str,
        value: Option<&ByteStr>,
    ) -> Result {
        self.text(value, false).map_err(|error| error.in_field(field))
    }

    pub(crate) fn bytes(&mut self, field: &'static str, value: &Bytes) -> Result {
        value.encode(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_bytes(&mut self, field: &'static str, value: Option<&Bytes>) -> Result {
        self.blob(value).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_records(
        &mut self,
        field: &'static str,
        value: Option<&Segments>,
    ) -> Result {
        self.length(value.map(Segments::len)).map_err(|error| error.in_field(field))?;
        value.into_iter().flat_map(Segments::iter).for_each(|piece| self.sink.put_shared(piece));
        Ok(())
    }

    pub(crate) fn structure<T: Wire>(&mut self, field: &'static str, value: &T) -> Result {
        value.encode(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_structure<T: Wire>(
        &mut self,
        field: &'static str,
        value: Option<&T>,
    ) -> Result {
        match value {
            Some(value) => {
                self.int8(1);
                self.structure(field, value)
            }
            None => {
                self.int8(-1);
                Ok(())
            }
        }
    }

    pub(crate) fn array<T: Wire>(&mut self, field: &'static str, elements: &[T]) -> Result {
        self.elements(Some(elements)).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_array<T: Wire>(
        &mut self,
        field: &'static str,
        elements: Option<&[T]>,
    ) -> Result {
        self.elements(elements).map_err(|error| error.in_field(field))
    }

    pub(crate) fn int32_array(&mut self, field: &'static str, elements: &[i32]) -> Result {
        self.int32s(Some(elements)).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_int32_array(
        &mut self,
        field: &'static str,
        elements: Option<&[i32]>,
    ) -> Result {
        self.int32s(elements).map_err(|error| error.in_field(field))
    }

    /// The value of a field that this version does not allow to be null.
    pub(crate) fn not_null<'v, T>(
        &self,
        field: &'static str,
        value: Option<&'v T>,
    ) -> Result<&'v T> {
        value.ok_or_else(|| self.error(EncodeErrorKind::Null).in_field(field))
    }

    /// Refuses a value that this version cannot carry, if the peer must not miss it.
    pub(crate) fn not_in_version(&self, field: &'static str, is_default: bool) -> Result {
        if is_default {
            return Ok(());
        }
        Err(self.error(EncodeErrorKind::NotInVersion).in_field(field))
    }

    /// The tagged fields at the end of a structure, by rising tags: those of `known` that this
    /// version has and that are set, and the unknown ones. Nothing but in flexible versions.
    #[inline]
    pub(crate) fn tagged_fields(&mut self, known: &[Tagged<'_>], unknown: &TaggedFields) -> Result {
        // As nearly always.
        if known.is_empty() && unknown.is_empty() {
            if self.flexible {
                self.sink.put(&[0]);
            }
            return Ok(());
        }
        self.some_tagged_fields(known, unknown)
    }

    fn some_tagged_fields(&mut self, known: &[Tagged<'_>], unknown: &TaggedFields) -> Result {
        for field in known.iter().filter(|field| !field.in_version && !field.ignorable) {
            self.not_in_version(field.field, field.is_default)?;
        }
        if !self.flexible {
            return self.not_in_version("unknown_tagged_fields", unknown.is_empty());
        }
        let in_version = || known.iter().filter(|field| field.in_version);
        if let Some(field) = in_version().find(|field| unknown.get(field.tag).is_some()) {
            return Err(self.error(EncodeErrorKind::TagTaken { tag: field.tag }));
        }
        let set = || in_version().filter(|field| !field.is_default);
        let count = self.length_u32(set().count() + unknown.len())?;
        self.unsigned_varint(count);
        // Both lists rise.
        let mut unknown = unknown.iter().peekable();
        for field in set() {
            while let Some((tag, content)) = unknown.next_if(|(tag, _)| *tag < field.tag) {
                self.unknown_tagged_field(tag, content)?;
            }
            self.known_tagged_field(field)?;
        }
        unknown.try_for_each(|(tag, content)| self.unknown_tagged_field(tag, content))
    }

    fn known_tagged_field(&mut self, field: &Tagged<'_>) -> Result {
        let mut count = Sink::counting();
        let mut measure = Encoder::new(&mut count, self.message, self.version, self.flexible);
        (field.write)(&mut measure)?;
        let size = self.length_u32(count.len())?;
        self.unsigned_varint(field.tag);
        self.unsigned_varint(size);
        if self.sink.is_counting() {
            self.sink.count(count.len());
            return Ok(());
        }
        (field.write)(self)
    }

    fn unknown_tagged_field(&mut self, tag: u32, content: &Bytes) -> Result {
        let size = self.length_u32(content.len())?;
        self.unsigned_varint(tag);
        self.unsigned_varint(size);
        self.sink.put_shared(content);
        Ok(())
    }

    fn elements<T: Wire>(&mut self, elements: Option<&[T]>) -> Result {
        self.length(elements.map(<[T]>::len))?;
        for (index, element) in elements.unwrap_or_default().iter().enumerate() {
            element.encode(self).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    fn int32s(&mut self, elements: Option<&[i32]>) -> Result {
        self.length(elements.map(<[i32]>::len))?;
        for element in elements.unwrap_or_default() {
            self.int32(*element);
        }
        Ok(())
    }

    fn text(&mut self, value: Option<&ByteStr>, flexible: bool) -> Result {
        let length = value.map(|value| value.as_bytes().len());
        if length.is_some_and(|length| length > MAX_STRING) {
            let length = length.unwrap_or_default();
            return Err(self.error(EncodeErrorKind::TooLong { length, max: MAX_STRING }));
        }
        if flexible {
            self.unsigned_varint(length.map_or(0, |length| length as u32 + 1));
        } else {
            self.int16(length.map_or(-1, |length| length as i16));
        }
        if let Some(value) = value {
            self.sink.put(value.as_bytes());
        }
        Ok(())
    }

    fn blob(&mut self, value: Option<&Bytes>) -> Result {
        self.length(value.map(Bytes::len))?;
        if let Some(value) = value {
            self.sink.put_shared(value);
        }
        Ok(())
    }

    /// The length of an array or of bytes; `None` is null.
    fn length(&mut self, length: Option<usize>) -> Result {
        let length = length.map(|length| self.length_u32(length)).transpose()?;
        if self.flexible {
            self.unsigned_varint(length.map_or(0, |length| length + 1));
        } else {
            self.int32(length.map_or(-1, |length| length as i32));
        }
        Ok(())
    }

    fn length_u32(&self, length: usize) -> Result<u32> {
        if length > MAX_LENGTH {
            return Err(self.error(EncodeErrorKind::TooLong { length, max: MAX_LENGTH }));
        }
        Ok(length as u32)
    }

    #[inline]
    fn unsigned_varint(&mut self, value: u32) {
        if value < 0x80 {
            return self.sink.put(&[value as u8]);
        }
        let (bytes, len) = primitive::to_bytes(u64::from(value));
        self.sink.put(&bytes[..len]);
    }

    #[cold]
    fn error(&self, kind: EncodeErrorKind) -> EncodeError {
        EncodeError::new(self.message, self.version, kind)
    }
}

/// The values that elements of arrays, and fields, can be.
pub(crate) mod value {
    use super::{ByteStr, Bytes, Encoder, Result};

    pub(crate) fn string(out: &mut Encoder<'_>, value: &ByteStr) -> Result {
        out.text(Some(value), out.flexible)
    }

    pub(crate) fn bytes(out: &mut Encoder<'_>, value: &Bytes) -> Result {
        out.blob(Some(value))
    }
}
