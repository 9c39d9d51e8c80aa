//! Made-up values of every message, as a version can carry them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{ByteStr, Bytes, ErrorCode, Int32Array, Segments, TaggedFields, Uuid, Wire};

/// In no version.
pub(crate) const NEVER: (i16, i16) = (0, -1);

/// A type whose values can be made up.
pub(crate) trait Sample: Sized {
    /// Makes a value up; `None` only if it `can_be_null`.
    fn sample(source: &mut Source, can_be_null: bool) -> Self;
}

/// Where made-up values come from: the same seed gives the same values.
pub(crate) struct Source {
    state: u64,
    pub(crate) version: i16,
    flexible: bool,
    /// Whether there may be tagged fields that nobody knows.
    pub(crate) with_unknown: bool,
    /// Whether what can be null in some version can be null in every one.
    pub(crate) with_wrong_nulls: bool,
    /// How many array elements may still be made: values stay small.
    elements: usize,
    /// Whether one array may still be longer than all that.
    with_long: bool,
}

impl Source {
    pub(crate) fn new(seed: u64, version: i16, flexible: bool) -> Self {
        let (with_unknown, with_wrong_nulls, with_long) = (true, false, true);
        let state = seed | 1;
        Self { state, version, flexible, with_unknown, with_wrong_nulls, elements: 12, with_long }
    }

    /// A value for a field that is in these versions, and null in some of them; else its default.
    pub(crate) fn field<T: Sample>(
        &mut self,
        versions: (i16, i16),
        nullable: (i16, i16),
        default: T,
    ) -> T {
        let is_in = |(min, max): (i16, i16)| min <= self.version && self.version <= max;
        let can_be_null = is_in(nullable) || self.with_wrong_nulls && nullable != NEVER;
        if is_in(versions) { T::sample(self, can_be_null) } else { default }
    }

    /// Tagged fields whose tags nobody knows.
    pub(crate) fn unknown(&mut self) -> TaggedFields {
        let mut fields = TaggedFields::new();
        while self.flexible && self.with_unknown && self.chance(8) {
            let tag = 1000 + self.next() as u32 % 100_000;
            fields.insert(tag, Bytes::sample(self, false));
        }
        fields
    }

    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.next() % one_in == 0
    }

    /// Any number of bits, small values and the ends of ranges more often.
    fn bits(&mut self) -> u64 {
        match self.next() % 6 {
            0 => 0,
            1 => u64::MAX,
            2 => 0x7fff_ffff_7fff_7f7f,
            _ => self.next() >> (self.next() % 64),
        }
    }

    fn length(&mut self) -> usize {
        match self.next() % 8 {
            0 => 0,
            1 => 127 + self.next() as usize % 3,
            _ => self.next() as usize % 12,
        }
    }
}

macro_rules! sample_numbers {
    ($($type:ty),*) => {$(
        impl Sample for $type {
            fn sample(source: &mut Source, _: bool) -> Self {
                source.bits() as Self
            }
        }
    )*};
}

sample_numbers!(i8, i16, u16, i32, i64);

impl Sample for f64 {
    fn sample(source: &mut Source, _: bool) -> Self {
        source.bits() as Self / 3.0
    }
}

impl Sample for bool {
    fn sample(source: &mut Source, _: bool) -> Self {
        source.chance(2)
    }
}

impl Sample for Uuid {
    fn sample(source: &mut Source, _: bool) -> Self {
        Self::from_u128(u128::from(source.bits()) << 64 | u128::from(source.bits()))
    }
}

impl Sample for ErrorCode {
    fn sample(source: &mut Source, _: bool) -> Self {
        Self(source.bits() as i16)
    }
}

impl Sample for ByteStr {
    fn sample(source: &mut Source, _: bool) -> Self {
        let letters = ['a', 'ß', '语', '🦀', '\0'];
        let length = source.length();
        let text: String =
            (0..length).map(|_| letters[source.next() as usize % letters.len()]).collect();
        text.into()
    }
}

impl Sample for Bytes {
    fn sample(source: &mut Source, _: bool) -> Self {
        // Some are long enough to be a segment of their own.
        let length = if source.chance(16) { 1024 } else { source.length() };
        (0..length).map(|_| source.next() as u8).collect()
    }
}

impl Sample for Segments {
    fn sample(source: &mut Source, _: bool) -> Self {
        (0..source.below(4)).map(|_| Bytes::sample(source, false)).collect()
    }
}

impl Sample for Int32Array {
    fn sample(source: &mut Source, can_be_null: bool) -> Self {
        // Longer than what needs no memory of its own, too.
        let length = if source.chance(8) { 6 } else { 0 };
        Vec::sample(source, can_be_null).into_iter().chain(0..length).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(source: &mut Source, can_be_null: bool) -> Self {
        if can_be_null && source.chance(3) { None } else { Some(T::sample(source, false)) }
    }
}

impl<T: Sample + Wire> Sample for Vec<T> {
    fn sample(source: &mut Source, _: bool) -> Self {
        let length = if source.with_long && source.chance(8) {
            // More than are made at a time when they are decoded.
            source.with_long = false;
            15 + source.below(20)
        } else {
            (source.next() as usize % 4).min(source.elements)
        };
        source.elements = source.elements.saturating_sub(length);
        (0..length).map(|_| T::sample(source, false)).collect()
    }
}

/// Implements [`Sample`] for structures. Where it is called, `messages` are in scope.
macro_rules! with_sample {
    ($(
        $(#[$cfg:meta])*
        $module:ident::$name:ident {
            $($field:ident $json:literal: $versions:expr, $nullable:expr;)*
        }
    )*) => {$(
        $(#[$cfg])*
        impl Sample for messages::$module::$name {
            fn sample(source: &mut Source, _: bool) -> Self {
                let default = Self::default();
                Self {
                    $($field: source.field($versions, $nullable, default.$field),)*
                    unknown_tagged_fields: source.unknown(),
                }
            }
        }
    )*};
}
pub(crate) use with_sample;
