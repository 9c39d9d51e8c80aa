//! [`Segments`]: a field of bytes that lies in memory in pieces.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::message::join;

/// The bytes of a field in one or several pieces, one after the other: a record batch that refers to
/// large values instead of holding a copy of them.
///
/// A [`Frame`](crate::Frame) takes over each piece that is large enough as a segment of its own. What
/// is decoded is one piece. Two values are equal if their bytes are, however they are divided.
///
/// ```
/// use rohrpost_codec::{Bytes, Segments};
///
/// let value = Bytes::from_static(b"a large value");
/// let records: Segments = [Bytes::from_static(b"head"), value.clone()].into_iter().collect();
/// assert_eq!(records.len(), 17);
/// assert_eq!(records.iter().nth(1), Some(&value));
/// assert_eq!(records, Segments::from(Bytes::from_static(b"heada large value")));
/// ```
#[derive(Clone)]
pub struct Segments(Repr);

#[derive(Clone)]
enum Repr {
    One(Bytes),
    /// Invariant: at least two, none of them empty.
    Several(Vec<Bytes>),
}

impl Segments {
    /// No byte.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::One(Bytes::new()))
    }

    /// The bytes of all pieces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces().iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces().iter().all(Bytes::is_empty)
    }

    /// The pieces in order, none of them empty.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> + Clone {
        self.pieces().iter().filter(|piece| !piece.is_empty())
    }

    /// The bytes in one piece: a copy, if there are several.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Repr::One(bytes) => bytes.clone(),
            Repr::Several(pieces) => join(pieces.clone()),
        }
    }

    fn pieces(&self) -> &[Bytes] {
        match &self.0 {
            Repr::One(bytes) => core::slice::from_ref(bytes),
            Repr::Several(pieces) => pieces,
        }
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.pieces().iter().flat_map(|piece| piece.iter().copied())
    }
}

impl Default for Segments {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Bytes> for Segments {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::One(bytes))
    }
}

/// One piece, or a copy of several.
impl From<Segments> for Bytes {
    fn from(segments: Segments) -> Self {
        match segments.0 {
            Repr::One(bytes) => bytes,
            Repr::Several(pieces) => join(pieces),
        }
    }
}

impl FromIterator<Bytes> for Segments {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        let (Some(first), second) = (pieces.next(), pieces.next()) else { return Self::new() };
        match second {
            None => first.into(),
            Some(second) => {
                Self(Repr::Several([first, second].into_iter().chain(pieces).collect()))
            }
        }
    }
}

impl PartialEq for Segments {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::One(one), Repr::One(other)) => one == other,
            _ => self.len() == other.len() && self.bytes().eq(other.bytes()),
        }
    }
}

impl Eq for Segments {}

/// Shows the pieces.
impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::One(bytes) => bytes.fmt(f),
            Repr::Several(pieces) => pieces.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn cut(pieces: &[&'static str]) -> Segments {
        pieces.iter().map(|piece| bytes(piece)).collect()
    }

    #[test]
    fn equality_is_that_of_the_bytes() {
        for same in [&["abcd"][..], &["a", "bcd"], &["", "ab", "", "c", "d"]] {
            let same = cut(same);
            assert_eq!((same.len(), &same), (4, &bytes("abcd").into()));
            assert_eq!((same.to_bytes(), Bytes::from(same)), (bytes("abcd"), bytes("abcd")));
        }
        for other in [&["abc"][..], &["abc", "de"], &["abc", "e"], &[]] {
            assert_ne!(cut(other), cut(&["ab", "cd"]));
        }
        assert_eq!(format!("{:?}", cut(&["a", "b"])), r#"[b"a", b"b"]"#);
    }

    #[test]
    fn no_piece_is_empty_and_one_piece_is_not_copied() {
        assert!(Segments::new().is_empty() && cut(&["", ""]).is_empty());
        assert_eq!(Segments::new().iter().count() + cut(&["", ""]).iter().count(), 0);
        assert_eq!(cut(&["", "a", "", "b"]).iter().collect::<Vec<_>>(), ["a", "b"]);
        let one = bytes("one");
        assert_eq!(Segments::from(one.clone()).to_bytes().as_ptr(), one.as_ptr());
    }
}
