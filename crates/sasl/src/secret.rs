//! Bytes that are wiped when they go and never shown.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

/// A password, token or key: wiped when dropped, left out of `Debug`, without `Display`.
///
/// Made from a `String` or `Vec<u8>` it takes that very memory; what the text was copied from before is its
/// maker's to wipe.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves, for whoever has to send or hash them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The same as text, if it is UTF-8, as everything made from a `String` is.
    pub fn expose_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As `Bytes` that are wiped when their last reference goes.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.0)
    }

    /// Room for `bytes` bytes: as many can be appended without leaving a copy behind.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    /// Appends. Where the room does not suffice, the old memory is wiped after the move.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let mut larger = Vec::with_capacity((self.0.len() + bytes.len()).max(2 * self.0.len()));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::from("pencil");
        assert_eq!(format!("{secret:?} {secret:#?}"), "[hidden] [hidden]");
    }

    #[test]
    fn what_is_appended_beyond_the_room_is_there() {
        let mut secret = Secret::with_capacity(1);
        secret.push(b"pen");
        secret.push(b"cil");
        assert_eq!(secret.expose_str(), Some("pencil"));
        assert_eq!(secret.into_bytes(), "pencil");
    }
}
