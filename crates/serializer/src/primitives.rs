//! Numbers, truth values, and nothing: `ShortSerializer` to `VoidSerializer`.

use core::convert::Infallible;

use crate::output::Output;
use crate::serializer::Serializer;

macro_rules! primitives {
    ($($(#[$doc:meta])* $name:ident($class:literal): $type:ty as |$value:ident| $bytes:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $name;

            impl Serializer<$type> for $name {
                type Error = Infallible;

                #[inline]
                fn serialize(&self, $value: &$type, output: &mut Output<'_>) -> Result<(), Infallible> {
                    output.write(&$bytes);
                    Ok(())
                }

                #[inline]
                fn size_hint(&self, _: &$type) -> usize {
                    size_of::<$type>()
                }

                fn java_class(&self) -> Option<&'static str> {
                    Some(concat!("org.apache.kafka.common.serialization.", $class))
                }
            }
        )*
    };
}

primitives! {
    /// `i16` in 2 bytes, big-endian.
    ShortSerializer("ShortSerializer"): i16 as |value| value.to_be_bytes();
    /// `i32` in 4 bytes, big-endian.
    IntegerSerializer("IntegerSerializer"): i32 as |value| value.to_be_bytes();
    /// `i64` in 8 bytes, big-endian.
    LongSerializer("LongSerializer"): i64 as |value| value.to_be_bytes();
    /// `f32` in 4 bytes, IEEE 754, big-endian. What a NaN carries is kept.
    FloatSerializer("FloatSerializer"): f32 as |value| value.to_be_bytes();
    /// `f64` in 8 bytes, IEEE 754, big-endian. All NaNs are written as one, `7ff8000000000000`, as Java does here (but not with `float`s).
    DoubleSerializer("DoubleSerializer"): f64 as |value| double(*value).to_be_bytes();
    /// `bool` in one byte, 0 or 1.
    BooleanSerializer("BooleanSerializer"): bool as |value| [u8::from(*value)];
}

/// As Java's `Double.doubleToLongBits`.
#[inline]
fn double(value: f64) -> u64 {
    if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() }
}

/// Null, whatever the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoidSerializer;

impl<T: ?Sized> Serializer<T> for VoidSerializer {
    type Error = Infallible;

    #[inline]
    fn serialize(&self, _: &T, output: &mut Output<'_>) -> Result<(), Infallible> {
        output.null();
        Ok(())
    }

    fn java_class(&self) -> Option<&'static str> {
        Some("org.apache.kafka.common.serialization.VoidSerializer")
    }
}
