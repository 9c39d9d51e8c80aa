//! [`TaggedFields`]: what a peer said in fields that this crate does not know (KIP-482).

use alloc::vec::Vec;

use bytes::Bytes;

/// Tagged fields of a structure that have no name in this crate's version of the protocol: kept
/// when a message is decoded, written back when it is encoded, in the order of their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaggedFields {
    /// Invariant: sorted by tag, each tag once.
    fields: Vec<(u32, Bytes)>,
}

impl TaggedFields {
    /// No field.
    #[must_use]
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The content of the field with this tag, without its size prefix.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&Bytes> {
        let index = self.fields.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        Some(&self.fields[index].1)
    }

    /// Sets the content of the field with this tag; gives what it had before.
    pub fn insert(&mut self, tag: u32, content: Bytes) -> Option<Bytes> {
        match self.fields.binary_search_by_key(&tag, |(tag, _)| *tag) {
            Ok(index) => Some(core::mem::replace(&mut self.fields[index].1, content)),
            Err(index) => {
                self.fields.insert(index, (tag, content));
                None
            }
        }
    }

    /// The fields, by rising tags.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &Bytes)> + Clone {
        self.fields.iter().map(|(tag, content)| (*tag, content))
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
