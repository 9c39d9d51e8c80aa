//! A record's headers.

use std::borrow::Cow;
use std::fmt;

use crate::payload::{IntoPayload, Payload};

/// A header of a record: a name, which may occur several times, and a value or null.
///
/// [`ProducerRecord::header`](crate::ProducerRecord::header) makes one by the way. Who sends the same ones with many records makes them once:
///
/// ```
/// use rohrpost::{Header, ProducerRecord};
///
/// let headers = [Header::new("source", "till 7"), Header::new("retry", None::<&str>)];
/// let record = ProducerRecord::new("sales").value("39.90").with_headers(&headers);
/// assert_eq!(record.headers().len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Header<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Option<Payload<'a>>,
}

impl<'a> Header<'a> {
    /// A header. `None` is the null value.
    #[inline]
    pub fn new(name: impl Into<Cow<'a, str>>, value: impl IntoPayload<'a>) -> Self {
        Self { name: name.into(), value: value.into_payload() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value's bytes; `None` for null.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// The same header without anything borrowed: copies what it borrows.
    pub fn into_owned(self) -> Header<'static> {
        Header {
            name: Cow::Owned(self.name.into_owned()),
            value: self.value.map(Payload::into_owned),
        }
    }
}

/// A name and a value.
impl<'a, N: Into<Cow<'a, str>>, V: IntoPayload<'a>> From<(N, V)> for Header<'a> {
    #[inline]
    fn from((name, value): (N, V)) -> Self {
        Self::new(name, value)
    }
}

/// Shows sizes, not contents: payloads may be private.
impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("name", &self.name)
            .field("value_size", &self.value.as_ref().map(|value| value.len()))
            .finish()
    }
}
