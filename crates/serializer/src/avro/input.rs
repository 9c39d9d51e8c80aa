//! The bytes that are still to be read, none of which is trusted.

use super::error::{AvroError, AvroErrorKind};
use super::resolve::Number;
use super::varint;

/// Deeper values are refused: their reading takes the stack's memory.
pub(crate) const DEEPEST: usize = 64;
/// So many parts that take no bytes may a whole value have, and so many more for each byte: a schema of records in records, each with two fields of the next, has more
/// of them than anybody can count.
const EMPTY_PARTS: u64 = 65_536;
const EMPTY_PARTS_PER_BYTE: u64 = 8;

/// What is still to be read.
pub(crate) struct Input<'de> {
    pub(crate) rest: &'de [u8],
    pub(crate) depth: usize,
    empty_parts: u64,
}

impl<'de> Input<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        let empty_parts = EMPTY_PARTS + EMPTY_PARTS_PER_BYTE * bytes.len() as u64;
        Self { rest: bytes, depth: 0, empty_parts }
    }

    /// Reads other bytes in between, within the same bounds.
    pub(crate) fn aside<T>(
        &mut self,
        bytes: &'de [u8],
        read: impl FnOnce(&mut Self) -> Result<T, AvroError>,
    ) -> Result<T, AvroError> {
        let rest = core::mem::replace(&mut self.rest, bytes);
        let value = read(self);
        self.rest = rest;
        value
    }

    /// Something that takes no bytes is read.
    pub(crate) fn nothing(&mut self) -> Result<(), AvroError> {
        let left = self.empty_parts.checked_sub(1);
        self.empty_parts = left.ok_or_else(|| AvroError::new(AvroErrorKind::Empty))?;
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(), AvroError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(AvroError::new(AvroErrorKind::Trailing(count))),
        }
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<i64, AvroError> {
        // Most are small.
        if let [byte @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
        }
        let Some((number, rest)) = varint::take(self.rest) else {
            let is_cut = self.rest.len() < 10 && self.rest.iter().all(|byte| byte & 0x80 != 0);
            let kind = if is_cut { AvroErrorKind::End } else { AvroErrorKind::Varint };
            return Err(AvroError::new(kind));
        };
        self.rest = rest;
        Ok(number)
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<i32, AvroError> {
        let number = self.number()?;
        i32::try_from(number).map_err(|_| AvroError::new(AvroErrorKind::Varint))
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'de [u8], AvroError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(AvroError::new(AvroErrorKind::End));
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], AvroError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'de [u8], AvroError> {
        let length = self.number()?;
        let Some(size) = usize::try_from(length).ok().filter(|size| *size <= self.rest.len())
        else {
            return Err(AvroError::new(AvroErrorKind::Length(length)));
        };
        self.take(size)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'de str, AvroError> {
        core::str::from_utf8(self.bytes()?).map_err(|_| AvroError::new(AvroErrorKind::Utf8))
    }

    pub(crate) fn float(&mut self, wire: Number) -> Result<f64, AvroError> {
        Ok(match wire {
            Number::Int | Number::Long => self.number()? as f64,
            Number::Float => f64::from(f32::from_le_bytes(self.array()?)),
            Number::Double => f64::from_le_bytes(self.array()?),
        })
    }

    /// How many entries follow; zero: the array or map is over.
    pub(crate) fn block(&mut self, is_empty: bool) -> Result<u64, AvroError> {
        let count = self.number()?;
        if count < 0 {
            // The block's size in bytes, for those who skip it.
            let size = self.number()?;
            if usize::try_from(size).ok().is_none_or(|size| size > self.rest.len()) {
                return Err(AvroError::new(AvroErrorKind::Length(size)));
            }
        }
        let entries = count.unsigned_abs();
        let most = if is_empty { self.empty_parts } else { self.rest.len() as u64 };
        match entries > most {
            true => Err(AvroError::new(AvroErrorKind::Length(count))),
            false => Ok(entries),
        }
    }
}
