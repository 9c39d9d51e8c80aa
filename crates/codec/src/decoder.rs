//! [`Decoder`]: a cursor over a frame that knows what message it reads.

use alloc::vec::Vec;

use bytes::Bytes;
use nom::{Err, Needed};

use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{self, Parsed, Refusal};
use crate::{ByteStr, ErrorCode, Int32Array, Segments, TaggedFields, Uuid, Wire};

type Result<T> = core::result::Result<T, DecodeError>;

/// What reads the tagged fields that a structure knows.
type Known<'k, 'a> = &'k mut dyn FnMut(&mut Decoder<'a>, u32) -> Result<bool>;

/// How many elements of an array are made before they are read.
const CHUNK: usize = 16;

/// Reads the fields of one message, one after the other, from a frame.
///
/// Made by [`Message::from_bytes`](crate::Message::from_bytes) and the functions that decode
/// frames; used by the generated code of the messages.
#[derive(Debug)]
pub struct Decoder<'a> {
    frame: &'a Bytes,
    /// What is left of the message, or of the tagged field being read.
    rest: &'a [u8],
    /// The bytes of the frame behind `rest`.
    behind: usize,
    message: &'static str,
    version: i16,
    flexible: bool,
}

#[allow(dead_code, reason = "which types of fields there are depends on the features")]
impl<'a> Decoder<'a> {
    /// A decoder of `frame` from `position` on.
    pub(crate) fn new(
        frame: &'a Bytes,
        position: usize,
        message: &'static str,
        version: i16,
        flexible: bool,
    ) -> Self {
        let rest = frame.get(position..).unwrap_or_default();
        Self { frame, rest, behind: 0, message, version, flexible }
    }

    /// The version that the message is read as.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.version
    }

    /// Where the next byte to read stands in the frame.
    pub(crate) fn position(&self) -> usize {
        self.frame.len() - self.behind - self.rest.len()
    }

    /// Refuses what is left over.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(self.error(self.position(), DecodeErrorKind::Trailing { bytes })),
        }
    }

    /// Reads a value of a fixed-size type, a string, bytes, or a structure.
    #[inline]
    pub(crate) fn field<T: Wire>(&mut self, field: &'static str) -> Result<T> {
        T::decode(self).map_err(|error| error.in_field(field))
    }

    #[inline]
    pub(crate) fn int8(&mut self, field: &'static str) -> Result<i8> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn int16(&mut self, field: &'static str) -> Result<i16> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn uint16(&mut self, field: &'static str) -> Result<u16> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn int32(&mut self, field: &'static str) -> Result<i32> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn uint32(&mut self, field: &'static str) -> Result<u32> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn int64(&mut self, field: &'static str) -> Result<i64> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn float64(&mut self, field: &'static str) -> Result<f64> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn bool(&mut self, field: &'static str) -> Result<bool> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn uuid(&mut self, field: &'static str) -> Result<Uuid> {
        self.field(field)
    }

    #[inline]
    pub(crate) fn error_code(&mut self, field: &'static str) -> Result<ErrorCode> {
        self.field(field)
    }

    pub(crate) fn string(&mut self, field: &'static str, to: &mut ByteStr) -> Result<()> {
        to.fill(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn bytes(&mut self, field: &'static str, to: &mut Bytes) -> Result<()> {
        to.fill(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_string(
        &mut self,
        field: &'static str,
        to: &mut Option<ByteStr>,
    ) -> Result<()> {
        *to = self.text(self.flexible).map_err(|error| error.in_field(field))?;
        Ok(())
    }

    /// A string that has its 16-bit length even in flexible versions.
    pub(crate) fn inflexible_nullable_string(
        &mut self,
        field: &'static str,
        to: &mut Option<ByteStr>,
    ) -> Result<()> {
        *to = self.text(false).map_err(|error| error.in_field(field))?;
        Ok(())
    }

    #[inline]
    pub(crate) fn nullable_bytes(
        &mut self,
        field: &'static str,
        to: &mut Option<Bytes>,
    ) -> Result<()> {
        *to = self.blob().map_err(|error| error.in_field(field))?;
        Ok(())
    }

    #[inline]
    pub(crate) fn nullable_records(
        &mut self,
        field: &'static str,
        to: &mut Option<Segments>,
    ) -> Result<()> {
        *to = self.blob().map_err(|error| error.in_field(field))?.map(Segments::from);
        Ok(())
    }

    #[inline]
    pub(crate) fn structure<T: Wire>(&mut self, field: &'static str, to: &mut T) -> Result<()> {
        to.fill(self).map_err(|error| error.in_field(field))
    }

    pub(crate) fn nullable_structure<T: Wire>(
        &mut self,
        field: &'static str,
        to: &mut Option<T>,
    ) -> Result<()> {
        match self.read(parse::presence) {
            Ok(true) => self.structure(field, to.get_or_insert_default()),
            Ok(false) => {
                *to = None;
                Ok(())
            }
            Err(error) => Err(error.in_field(field)),
        }
    }

    pub(crate) fn array<T: Wire>(&mut self, field: &'static str, to: &mut Vec<T>) -> Result<()> {
        let start = self.position();
        match self.elements(to) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(start, DecodeErrorKind::Null).in_field(field)),
            Err(error) => Err(error.in_field(field)),
        }
    }

    pub(crate) fn nullable_array<T: Wire>(
        &mut self,
        field: &'static str,
        to: &mut Option<Vec<T>>,
    ) -> Result<()> {
        if !self.elements(to.get_or_insert_default()).map_err(|error| error.in_field(field))? {
            *to = None;
        }
        Ok(())
    }

    /// An array of 32-bit integers, of which there are many.
    pub(crate) fn int32_array(&mut self, field: &'static str, to: &mut Int32Array) -> Result<()> {
        let start = self.position();
        match self.int32s(to) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(start, DecodeErrorKind::Null).in_field(field)),
            Err(error) => Err(error.in_field(field)),
        }
    }

    pub(crate) fn nullable_int32_array(
        &mut self,
        field: &'static str,
        to: &mut Option<Int32Array>,
    ) -> Result<()> {
        if !self.int32s(to.get_or_insert_default()).map_err(|error| error.in_field(field))? {
            *to = None;
        }
        Ok(())
    }

    /// The tagged fields at the end of a structure: none but in flexible versions. `known` reads
    /// the field of a tag and says whether it knows the tag; what it does not know is kept.
    #[inline]
    pub(crate) fn tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool>,
    ) -> Result<TaggedFields> {
        if !self.flexible {
            return Ok(TaggedFields::new());
        }
        // As nearly always.
        if let [0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(TaggedFields::new());
        }
        self.some_tagged_fields(&mut known)
    }

    fn some_tagged_fields(&mut self, known: Known<'_, 'a>) -> Result<TaggedFields> {
        let mut unknown = TaggedFields::new();
        let start = self.position();
        let count = self.read(parse::unsigned_varint)?;
        self.check_count(start, count as usize)?;
        let mut previous = None;
        for _ in 0..count {
            let start = self.position();
            let tag = self.read(parse::unsigned_varint)?;
            if let Some(previous) = previous.replace(tag).filter(|&previous| tag <= previous) {
                return Err(self.error(start, DecodeErrorKind::TagOrder { tag, previous }));
            }
            self.tagged_field(tag, known, &mut unknown).map_err(|error| error.in_tag(tag))?;
        }
        Ok(unknown)
    }

    fn tagged_field(
        &mut self,
        tag: u32,
        known: Known<'_, 'a>,
        unknown: &mut TaggedFields,
    ) -> Result<()> {
        let size = self.read(parse::unsigned_varint)? as usize;
        let content = self.read(parse::bytes(size))?;
        let after = core::mem::replace(&mut self.rest, content);
        self.behind += after.len();
        if known(self, tag)? {
            self.finish()?;
        } else {
            unknown.insert(tag, self.frame.slice_ref(content));
        }
        self.behind -= after.len();
        self.rest = after;
        Ok(())
    }

    /// Reads the elements of an array; false for null.
    fn elements<T: Wire>(&mut self, to: &mut Vec<T>) -> Result<bool> {
        let start = self.position();
        let Some(count) = self.read(parse::length(self.flexible))? else { return Ok(false) };
        self.check_count(start, count)?;
        let first = self.rest.len();
        // No more memory than there is input, to begin with.
        let fits = first / size_of::<T>().max(1);
        to.clear();
        to.reserve_exact(count.min(fits));
        while to.len() < count {
            let read = to.len();
            if read == to.capacity() {
                let room = self.room(first, read).min(count - read);
                if room == 0 {
                    // Nothing is left to read it from, which it says itself; a vector that grew for it
                    // would be in memory twice.
                    to.push(T::decode(self).map_err(|error| error.in_element(read))?);
                    continue;
                }
                to.reserve_exact(room);
            }
            // So many as stay in the nearest cache until they are filled.
            to.resize_with(to.capacity().min(count).min(read + CHUNK), T::default);
            for (index, element) in to.iter_mut().enumerate().skip(read) {
                element.fill(self).map_err(|error| error.in_element(index))?;
            }
        }
        Ok(true)
    }

    /// How many elements more to make room for, where `read` ones have come since `first` bytes were
    /// left: as many as the bytes that are left hold if the rest is like them, half of them at least,
    /// but not more than there are bytes.
    #[cold]
    fn room(&self, first: usize, read: usize) -> usize {
        let remaining = self.rest.len();
        let alike = remaining.saturating_mul(read).checked_div(first - remaining);
        alike.unwrap_or_default().max(read / 2).max(4).min(remaining)
    }

    /// Every element takes a byte at least, so that more of them than bytes cannot be.
    fn check_count(&self, start: usize, count: usize) -> Result<()> {
        let remaining = self.rest.len();
        if count > remaining {
            return Err(self.error(start, DecodeErrorKind::CountTooLarge { count, remaining }));
        }
        Ok(())
    }

    /// Reads an array of 32-bit integers; false for null.
    fn int32s(&mut self, to: &mut Int32Array) -> Result<bool> {
        let start = self.position();
        let Some(count) = self.read(parse::length(self.flexible))? else { return Ok(false) };
        self.check_count(start, count)?;
        // Each of them is there, or the first that is not whole is named.
        let whole = count.min(self.rest.len() / size_of::<i32>());
        let bytes = self.read(parse::bytes(whole * size_of::<i32>()))?;
        if whole < count {
            return Err(self.read(parse::int32).err().map_or_else(
                || self.error(start, DecodeErrorKind::CountTooLarge { count, remaining: 0 }),
                |error| error.in_element(whole),
            ));
        }
        to.fill_from_be_bytes(bytes);
        Ok(true)
    }

    #[inline]
    fn text(&mut self, flexible: bool) -> Result<Option<ByteStr>> {
        let Some(length) = self.read(parse::string_length(flexible))? else { return Ok(None) };
        let start = self.position();
        let text = self.read(parse::text(length))?;
        Ok(Some(ByteStr::from_checked(self.frame.slice(start..start + text.len()))))
    }

    #[inline]
    fn blob(&mut self) -> Result<Option<Bytes>> {
        let Some(length) = self.read(parse::length(self.flexible))? else { return Ok(None) };
        let start = self.position();
        let bytes = self.read(parse::bytes(length))?;
        Ok(Some(self.frame.slice(start..start + bytes.len())))
    }

    /// Runs a parser on what is left.
    #[inline(always)]
    fn read<T>(&mut self, parser: impl FnOnce(&'a [u8]) -> Parsed<'a, T>) -> Result<T> {
        match parser(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    #[cold]
    fn refused(&self, error: &Err<Refusal>) -> DecodeError {
        match *error {
            Err::Incomplete(Needed::Size(needed)) => {
                self.error(self.position(), DecodeErrorKind::Short { needed: needed.get() })
            }
            Err::Incomplete(Needed::Unknown) => {
                self.error(self.position(), DecodeErrorKind::Short { needed: 1 })
            }
            Err::Error(Refusal { kind, remaining }) | Err::Failure(Refusal { kind, remaining }) => {
                self.error(self.frame.len() - self.behind - remaining, kind)
            }
        }
    }

    #[cold]
    fn error(&self, offset: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(self.message, self.version, offset, kind)
    }
}

/// The values that elements of arrays, and fields, can be.
pub(crate) mod value {
    use super::{ByteStr, Bytes, DecodeErrorKind, Decoder, ErrorCode, Result, Uuid, parse};

    macro_rules! fixed_size {
        ($($name:ident: $type:ty),*) => {$(
            #[inline]
            pub(crate) fn $name(input: &mut Decoder<'_>) -> Result<$type> {
                input.read(parse::$name)
            }
        )*};
    }

    fixed_size!(int8: i8, int16: i16, uint16: u16, int32: i32, uint32: u32, int64: i64);
    fixed_size!(float64: f64, bool: bool);

    #[inline]
    pub(crate) fn uuid(input: &mut Decoder<'_>) -> Result<Uuid> {
        input.read(parse::uuid).map(Uuid)
    }

    #[inline]
    pub(crate) fn error_code(input: &mut Decoder<'_>) -> Result<ErrorCode> {
        int16(input).map(ErrorCode)
    }

    pub(crate) fn string(input: &mut Decoder<'_>) -> Result<ByteStr> {
        let start = input.position();
        input.text(input.flexible)?.ok_or_else(|| input.error(start, DecodeErrorKind::Null))
    }

    pub(crate) fn bytes(input: &mut Decoder<'_>) -> Result<Bytes> {
        let start = input.position();
        input.blob()?.ok_or_else(|| input.error(start, DecodeErrorKind::Null))
    }
}
