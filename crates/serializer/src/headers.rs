//! What serializers add to a record's headers: [`Headers`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Headers, in their order. A name may occur several times; a value may be null.
///
/// They lie in two buffers, which [`clear`](Self::clear) keeps.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    names: String,
    values: Vec<u8>,
    ends: Vec<End>,
}

/// Where a header's name and value end; they begin where the previous one's end.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct End {
    name: usize,
    value: usize,
    is_null: bool,
}

impl Headers {
    /// None.
    pub const fn new() -> Self {
        Self { names: String::new(), values: Vec::new(), ends: Vec::new() }
    }

    /// Adds one. `None` is the null value.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        self.names.push_str(name);
        self.values.extend_from_slice(value.unwrap_or_default());
        let (name, is_null) = (self.names.len(), value.is_none());
        self.ends.push(End { name, value: self.values.len(), is_null });
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes them.
    #[inline]
    pub fn clear(&mut self) {
        if !self.ends.is_empty() {
            self.names.clear();
            self.values.clear();
            self.ends.clear();
        }
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> + Clone {
        (0..self.ends.len()).map(|index| {
            let begin =
                index.checked_sub(1).map_or_else(End::default, |previous| self.ends[previous]);
            let end = self.ends[index];
            let value = &self.values[begin.value..end.value];
            (&self.names[begin.name..end.name], (!end.is_null).then_some(value))
        })
    }
}

/// Shows names and sizes, not values: they may be private.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.map(<[u8]>::len))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_their_nulls_and_their_empty_values() {
        let mut headers = Headers::new();
        for _ in 0..2 {
            headers.push("a", Some(b"1"));
            headers.push("", None);
            headers.push("größe", Some(b""));
            headers.push("a", Some(b"22"));
            let all: Vec<_> = headers.iter().collect();
            assert_eq!(
                all,
                [("a", Some(&b"1"[..])), ("", None), ("größe", Some(b"")), ("a", Some(b"22"))]
            );
            headers.clear();
            assert_eq!((headers.len(), headers.iter().count()), (0, 0));
        }
    }
}
