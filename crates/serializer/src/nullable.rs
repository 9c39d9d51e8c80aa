//! Null out of `Option`s: [`Nullable`].

use crate::encoding::Encoding;
use crate::output::Output;
use crate::serializer::{Part, Preparation, Serializer};

/// An `Option` by the serializer of what is in it; `None` is null.
///
/// For producers whose values are `Option`s, and for [lists](crate::ListSerializer) with null entries. A record that merely has no key or value needs none.
///
/// ```
/// use rohrpost_serializer::{LongSerializer, Nullable, Part, encode};
///
/// assert_eq!(encode(&Nullable(LongSerializer), "t", Part::Value, &None)?.bytes(), None);
/// # Ok::<(), core::convert::Infallible>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nullable<S>(
    /// What serializes the value that is there.
    pub S,
);

impl<T, S: Serializer<T>> Serializer<Option<T>> for Nullable<S> {
    type Error = S::Error;

    #[inline]
    fn serialize<'a>(
        &self,
        value: &'a Option<T>,
        output: &mut Output<'a>,
    ) -> Result<(), Self::Error> {
        match value {
            Some(value) => self.0.serialize(value, output),
            None => {
                output.null();
                Ok(())
            }
        }
    }

    #[inline]
    fn size_hint(&self, value: &Option<T>) -> usize {
        value.as_ref().map_or(0, |value| self.0.size_hint(value))
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a Option<T>,
    ) -> Option<Preparation<'a, Self::Error>> {
        self.0.prepare(topic, part, value.as_ref()?)
    }

    fn java_class(&self) -> Option<&'static str> {
        self.0.java_class()
    }

    fn encoding(&self) -> Option<Encoding> {
        self.0.encoding()
    }
}
