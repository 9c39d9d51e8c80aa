//! The protocol's primitive types as nom parsers over a slice.
//!
//! A frame is always whole, yet the parsers are nom's streaming ones: their `Incomplete` says how
//! many bytes are missing, which a cut frame's error is to tell.

use nom::error::{ErrorKind, ParseError};
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

macro_rules! fixed_size {
    ($($name:ident: $type:ty),*) => {$(
        #[inline]
        pub(crate) fn $name(input: &[u8]) -> Parsed<'_, $type> {
            array(input).map(|(rest, bytes)| (rest, <$type>::from_be_bytes(bytes)))
        }
    )*};
}

fixed_size!(int8: i8, int16: i16, uint16: u16, int32: i32, uint32: u32, int64: i64, float64: f64);

/// Bytes as many as their type says.
#[inline]
fn array<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Err(Err::Incomplete(Needed::new(N - input.len()))),
    }
}

/// Any byte but zero is true, as for Apache Kafka.
#[inline]
pub(crate) fn bool(input: &[u8]) -> Parsed<'_, bool> {
    int8.map(|byte| byte != 0).parse(input)
}

#[inline]
pub(crate) fn uuid(input: &[u8]) -> Parsed<'_, [u8; 16]> {
    array(input)
}

#[inline]
pub(crate) fn unsigned_varint(input: &[u8]) -> Parsed<'_, u32> {
    match input {
        [byte @ 0..=0x7f, rest @ ..] => Ok((rest, u32::from(*byte))),
        _ => long_unsigned_varint(input),
    }
}

#[inline(never)]
fn long_unsigned_varint(input: &[u8]) -> Parsed<'_, u32> {
    match read_unsigned_varint(input) {
        Ok((value, rest)) => Ok((rest, value)),
        Err(VarintError::Short) => Err(Err::Incomplete(Needed::new(1))),
        Err(VarintError::TooLong) => refuse(input, DecodeErrorKind::VarintTooLong),
    }
}

/// Whether a nullable structure follows: 1 for yes, -1 for null.
pub(crate) fn presence(input: &[u8]) -> Parsed<'_, bool> {
    match int8(input)? {
        (rest, -1) => Ok((rest, false)),
        (rest, 1) => Ok((rest, true)),
        (_, marker) => refuse(input, DecodeErrorKind::PresenceMarker { marker }),
    }
}

/// The length of an array or of bytes: 32 bits, or in flexible versions one more than the length
/// as a varint. `None` is null.
#[inline]
pub(crate) fn length(flexible: bool) -> impl Fn(&[u8]) -> Parsed<'_, Option<usize>> {
    move |input| {
        if flexible {
            return compact_length(input);
        }
        let (rest, length) = int32(input)?;
        signed(input, rest, length)
    }
}

/// The length of a string: 16 bits, or in flexible versions one more than the length as a varint.
/// `None` is null.
#[inline]
pub(crate) fn string_length(flexible: bool) -> impl Fn(&[u8]) -> Parsed<'_, Option<usize>> {
    move |input| {
        if !flexible {
            let (rest, length) = int16(input)?;
            return signed(input, rest, length.into());
        }
        match compact_length(input)? {
            (_, Some(length)) if length > i16::MAX as usize => {
                refuse(input, DecodeErrorKind::StringTooLong { length })
            }
            parsed => Ok(parsed),
        }
    }
}

/// `length` bytes.
#[inline]
pub(crate) fn bytes(length: usize) -> impl Fn(&[u8]) -> Parsed<'_, &[u8]> {
    // As nom's `take` does it, but that this one always knows how much is missing.
    move |input| match input.split_at_checked(length) {
        Some((bytes, rest)) => Ok((rest, bytes)),
        None => Err(Err::Incomplete(Needed::new(length - input.len()))),
    }
}

/// `length` bytes of UTF-8.
#[inline]
pub(crate) fn text(length: usize) -> impl Fn(&[u8]) -> Parsed<'_, &str> {
    move |input| {
        let (rest, text) = bytes(length)(input)?;
        match core::str::from_utf8(text) {
            Ok(text) => Ok((rest, text)),
            Err(error) => refuse(input, DecodeErrorKind::NotUtf8 { valid: error.valid_up_to() }),
        }
    }
}

#[inline]
fn compact_length(input: &[u8]) -> Parsed<'_, Option<usize>> {
    let (rest, length) = unsigned_varint(input)?;
    Ok((rest, (length as usize).checked_sub(1)))
}

/// The length that has been read from `input`, before `rest`.
#[inline]
fn signed<'a>(input: &'a [u8], rest: &'a [u8], length: i32) -> Parsed<'a, Option<usize>> {
    match usize::try_from(length) {
        Ok(length) => Ok((rest, Some(length))),
        Err(_) if length == -1 => Ok((rest, None)),
        Err(_) => refuse(input, DecodeErrorKind::NegativeLength { length }),
    }
}

/// The bytes from the start of `input` on are wrong.
#[cold]
fn refuse<T>(input: &[u8], kind: DecodeErrorKind) -> Parsed<'_, T> {
    Err(Err::Failure(Refusal { kind, remaining: input.len() }))
}
