//! The protocol's primitive types as nom parsers over a slice.
//!
//! A frame is always whole, yet the parsers are nom's streaming ones: their `Incomplete` says how
//! many bytes are missing, which a cut frame's error is to tell.

use nom::bytes::streaming::take;
use nom::combinator::map_res;
use nom::error::{ErrorKind, FromExternalError, ParseError};
use nom::number::streaming;
use nom::{Err, IResult, Needed, Parser};

use crate::error::DecodeErrorKind;
use crate::primitive::{VarintError, read_unsigned_varint};

/// The result of a parser: what follows the value, and the value.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Refusal>;

/// Wrong bytes: what about them, and how many bytes there were from the wrong ones on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) remaining: usize,
}

impl ParseError<&[u8]> for Refusal {
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        // Only nom's own parsers come here, and those used in this module refuse nothing.
        Self { kind: DecodeErrorKind::Short { needed: 1 }, remaining: input.len() }
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl FromExternalError<&[u8], DecodeErrorKind> for Refusal {
    fn from_external_error(input: &[u8], _: ErrorKind, kind: DecodeErrorKind) -> Self {
        Self { kind, remaining: input.len() }
    }
}

pub(crate) fn int8(input: &[u8]) -> Parsed<'_, i8> {
    streaming::be_i8(input)
}

pub(crate) fn int16(input: &[u8]) -> Parsed<'_, i16> {
    streaming::be_i16(input)
}

pub(crate) fn uint16(input: &[u8]) -> Parsed<'_, u16> {
    streaming::be_u16(input)
}

pub(crate) fn int32(input: &[u8]) -> Parsed<'_, i32> {
    streaming::be_i32(input)
}

pub(crate) fn uint32(input: &[u8]) -> Parsed<'_, u32> {
    streaming::be_u32(input)
}

pub(crate) fn int64(input: &[u8]) -> Parsed<'_, i64> {
    streaming::be_i64(input)
}

pub(crate) fn float64(input: &[u8]) -> Parsed<'_, f64> {
    streaming::be_f64(input)
}

/// Any byte but zero is true, as for Apache Kafka.
pub(crate) fn bool(input: &[u8]) -> Parsed<'_, bool> {
    int8.map(|byte| byte != 0).parse(input)
}

pub(crate) fn uuid(input: &[u8]) -> Parsed<'_, [u8; 16]> {
    streaming::be_u128.map(u128::to_be_bytes).parse(input)
}

pub(crate) fn unsigned_varint(input: &[u8]) -> Parsed<'_, u32> {
    match read_unsigned_varint(input) {
        Ok((value, rest)) => Ok((rest, value)),
        Err(VarintError::Short) => Err(Err::Incomplete(Needed::new(1))),
        Err(VarintError::TooLong) => Err(Err::Failure(Refusal {
            kind: DecodeErrorKind::VarintTooLong,
            remaining: input.len(),
        })),
    }
}

/// Whether a nullable structure follows: 1 for yes, -1 for null.
pub(crate) fn presence(input: &[u8]) -> Parsed<'_, bool> {
    let meaning = |marker| match marker {
        -1 => Ok(false),
        1 => Ok(true),
        marker => Err(DecodeErrorKind::PresenceMarker { marker }),
    };
    map_res(int8, meaning).parse(input)
}

/// The length of an array or of bytes: 32 bits, or in flexible versions one more than the length
/// as a varint. `None` is null.
pub(crate) fn length(flexible: bool) -> impl Fn(&[u8]) -> Parsed<'_, Option<usize>> {
    move |input| if flexible { compact_length(input) } else { map_res(int32, signed).parse(input) }
}

/// The length of a string: 16 bits, or in flexible versions one more than the length as a varint.
/// `None` is null.
pub(crate) fn string_length(flexible: bool) -> impl Fn(&[u8]) -> Parsed<'_, Option<usize>> {
    move |input| {
        if flexible {
            map_res(compact_length, bounded).parse(input)
        } else {
            map_res(int16.map(i32::from), signed).parse(input)
        }
    }
}

/// `length` bytes.
pub(crate) fn bytes(length: usize) -> impl Fn(&[u8]) -> Parsed<'_, &[u8]> {
    move |input| take(length)(input)
}

/// `length` bytes of UTF-8.
pub(crate) fn text(length: usize) -> impl Fn(&[u8]) -> Parsed<'_, &str> {
    move |input| map_res(bytes(length), utf8).parse(input)
}

fn compact_length(input: &[u8]) -> Parsed<'_, Option<usize>> {
    unsigned_varint.map(|length| length.checked_sub(1).map(|length| length as usize)).parse(input)
}

fn signed(length: i32) -> Result<Option<usize>, DecodeErrorKind> {
    match usize::try_from(length) {
        Ok(length) => Ok(Some(length)),
        Err(_) if length == -1 => Ok(None),
        Err(_) => Err(DecodeErrorKind::NegativeLength { length }),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, DecodeErrorKind> {
    core::str::from_utf8(bytes)
        .map_err(|error| DecodeErrorKind::NotUtf8 { valid: error.valid_up_to() })
}

fn bounded(length: Option<usize>) -> Result<Option<usize>, DecodeErrorKind> {
    match length {
        Some(length) if length > i16::MAX as usize => {
            Err(DecodeErrorKind::StringTooLong { length })
        }
        length => Ok(length),
    }
}
