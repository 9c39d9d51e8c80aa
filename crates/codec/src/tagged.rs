//! [`TaggedFields`]: what a peer said in fields that this crate does not know (KIP-482).

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

/// Tagged fields of a structure that have no name in this crate's version of the protocol: kept
/// when a message is decoded, written back when it is encoded, in the order of their tags.
///
/// Every structure has them, and hardly ever any: none take the room of a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaggedFields(Option<Box<Fields>>);

/// Invariant: not empty, sorted by tag, each tag once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Fields {
    list: Vec<(u32, Bytes)>,
}

impl TaggedFields {
    /// No field.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether there is no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// The content of the field with this tag, without its size prefix.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&Bytes> {
        let index = self.list().binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        Some(&self.list()[index].1)
    }

    /// Sets the content of the field with this tag; gives what it had before.
    pub fn insert(&mut self, tag: u32, content: Bytes) -> Option<Bytes> {
        let list = &mut self.0.get_or_insert_default().list;
        match list.binary_search_by_key(&tag, |(tag, _)| *tag) {
            Ok(index) => Some(core::mem::replace(&mut list[index].1, content)),
            Err(index) => {
                list.insert(index, (tag, content));
                None
            }
        }
    }

    /// The fields, by rising tags.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &Bytes)> + Clone {
        self.list().iter().map(|(tag, content)| (*tag, content))
    }

    fn list(&self) -> &[(u32, Bytes)] {
        self.0.as_ref().map_or(&[], |fields| &fields.list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_sorted_by_tag() {
        let mut fields = TaggedFields::new();
        assert!(fields.is_empty());
        for tag in [7, 1, 4, 1] {
            fields.insert(tag, Bytes::from_static(b"x"));
        }
        assert_eq!(fields.insert(4, Bytes::from_static(b"y")), Some(Bytes::from_static(b"x")));
        assert_eq!(fields.iter().map(|(tag, _)| tag).collect::<Vec<_>>(), [1, 4, 7]);
        assert_eq!(fields.get(4), Some(&Bytes::from_static(b"y")));
        assert_eq!(fields.get(5), None);
        assert_eq!(fields.len(), 3);
    }
}
