//! JSON: [`JsonSerializer`].

use core::error::Error;
use core::fmt;

use serde_core::Serialize;

use crate::output::Output;
use crate::serializer::Serializer;

/// Anything that serde serializes, as compact JSON, by serde_json. Feature `json`.
///
/// ```
/// use rohrpost_serializer::{JsonSerializer, Part, encode};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Order { id: u32, paid: bool }
///
/// let encoded = encode(&JsonSerializer, "orders", Part::Value, &Order { id: 7, paid: true })?;
/// assert_eq!(encoded.bytes(), Some(&br#"{"id":7,"paid":true}"#[..]));
/// # Ok::<(), rohrpost_serializer::JsonError>(())
/// ```
///
/// `None` and `()` are the four characters `null`, not Kafka's null: for a tombstone leave the record's value away, or use
/// [`Nullable`](crate::Nullable).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonSerializer;

impl<T: Serialize + ?Sized> Serializer<T> for JsonSerializer {
    type Error = JsonError;

    #[inline]
    fn serialize(&self, value: &T, output: &mut Output<'_>) -> Result<(), JsonError> {
        serde_json::to_writer(output.buffer(), value).map_err(JsonError)
    }
}

/// Why a value cannot be JSON: a map's key that is no text, or the type's own `Serialize` refused.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for JsonError {}
