//! [`ByteStr`], the protocol's `STRING`.

use alloc::borrow::Cow;
use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::str::Utf8Error;

use bytes::Bytes;

/// An immutable string over shared [`Bytes`]: clones cost a reference count, and a decoded one is a
/// slice of the frame it came in.
///
/// A decoded `ByteStr` keeps its whole frame in memory: what is kept for long (topic names, host
/// names) is better copied, by [`ByteStr::copy_from`].
#[derive(Clone, Default)]
pub struct ByteStr {
    /// Invariant: UTF-8, checked once by whoever makes the value.
    bytes: Bytes,
}

impl ByteStr {
    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Bytes::new() }
    }

    /// A string that lives as long as the program, without an allocation.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()) }
    }

    /// A copy of `text` in an allocation of its own.
    #[must_use]
    pub fn copy_from(text: &str) -> Self {
        Self { bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }

    /// A string of bytes that the caller knows to be UTF-8.
    pub(crate) fn from_checked(bytes: Bytes) -> Self {
        debug_assert!(core::str::from_utf8(&bytes).is_ok());
        Self { bytes }
    }

    /// The string's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The invariant makes this check succeed; `unsafe` would save it, and is forbidden. An
        // empty string for what cannot happen, rather than a panic.
        core::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The string's bytes, shared.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The string's bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl Deref for ByteStr {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ByteStr {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for ByteStr {
    fn borrow(&self) -> &str {
        self
    }
}

impl TryFrom<Bytes> for ByteStr {
    type Error = Utf8Error;

    /// Takes the bytes as they are, without a copy, if they are UTF-8.
    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        core::str::from_utf8(&bytes)?;
        Ok(Self { bytes })
    }
}

impl From<&'static str> for ByteStr {
    fn from(text: &'static str) -> Self {
        Self::from_static(text)
    }
}

impl From<String> for ByteStr {
    /// Takes the string's allocation over.
    fn from(text: String) -> Self {
        Self { bytes: Bytes::from(text) }
    }
}

impl From<ByteStr> for String {
    fn from(text: ByteStr) -> Self {
        Self::from(text.as_str())
    }
}

impl<'a> From<&'a ByteStr> for Cow<'a, str> {
    fn from(text: &'a ByteStr) -> Self {
        Cow::Borrowed(text)
    }
}

// As `str` compares and hashes, which `Borrow<str>` demands: UTF-8 orders as its bytes do.

impl PartialEq for ByteStr {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ByteStr {}

impl PartialOrd for ByteStr {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByteStr {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl Hash for ByteStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for ByteStr {
    fn eq(&self, other: &str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl PartialEq<&str> for ByteStr {
    fn eq(&self, other: &&str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl PartialEq<ByteStr> for str {
    fn eq(&self, other: &ByteStr) -> bool {
        other == self
    }
}

impl PartialEq<ByteStr> for &str {
    fn eq(&self, other: &ByteStr) -> bool {
        other == self
    }
}

impl fmt::Debug for ByteStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ByteStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn is_looked_up_by_str() {
        let mut map = BTreeMap::new();
        map.insert(ByteStr::copy_from("b"), 1);
        map.insert(ByteStr::from("a"), 2);
        assert_eq!(map.get("a"), Some(&2));
        assert_eq!(map.keys().map(ToString::to_string).collect::<String>(), "ab");
    }

    #[test]
    fn hashes_as_str_does() {
        use core::hash::BuildHasher;
        let state = std::collections::hash_map::RandomState::new();
        assert_eq!(state.hash_one(ByteStr::from("tube")), state.hash_one("tube"));
    }

    #[test]
    fn takes_utf_8_without_a_copy_and_nothing_else() {
        let bytes = Bytes::copy_from_slice("größe".as_bytes());
        let text = ByteStr::try_from(bytes.clone()).unwrap();
        assert_eq!(text.as_ptr(), bytes.as_ptr());
        assert_eq!(text, "größe");
        assert_eq!(format!("{text} {text:?}"), "größe \"größe\"");
        assert!(ByteStr::try_from(Bytes::from_static(b"\xff")).is_err());
    }
}
