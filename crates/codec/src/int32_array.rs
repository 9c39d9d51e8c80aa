//! [`Int32Array`], the protocol's `ARRAY(INT32)`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};

/// As many as make no array larger than a `Vec`.
const INLINE: usize = 5;

/// A list of 32-bit integers: replicas, partitions. Up to five of them need no memory of their own:
/// a Metadata response has three such lists for each partition, and they are that short.
///
/// ```
/// use rohrpost_codec::Int32Array;
///
/// let replicas = Int32Array::from([1, 2, 3]);
/// assert_eq!(replicas, [1, 2, 3]);
/// assert_eq!(replicas.iter().copied().filter(|&id| id != 2).collect::<Int32Array>(), [1, 3]);
/// ```
#[derive(Clone)]
pub struct Int32Array(Repr);

#[derive(Clone)]
enum Repr {
    /// Invariant: `len` is at most [`INLINE`].
    Inline {
        len: u8,
        values: [i32; INLINE],
    },
    Heap(Box<[i32]>),
}

impl Int32Array {
    /// No integer.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Inline { len: 0, values: [0; INLINE] })
    }

    /// Takes integers of four bytes each instead of its own; what is left over is dropped.
    #[inline]
    pub(crate) fn fill_from_be_bytes(&mut self, bytes: &[u8]) {
        let integer = |bytes: &[u8]| bytes.try_into().map_or(0, i32::from_be_bytes);
        let integers = bytes.chunks_exact(size_of::<i32>());
        let count = integers.len();
        match &mut self.0 {
            Repr::Inline { len, values } if count <= INLINE => {
                for (place, bytes) in values.iter_mut().zip(integers) {
                    *place = integer(bytes);
                }
                *len = count as u8;
            }
            _ => *self = integers.map(integer).collect(),
        }
    }

    /// The integers.
    #[must_use]
    pub fn as_slice(&self) -> &[i32] {
        match &self.0 {
            Repr::Inline { len, values } => &values[..usize::from(*len)],
            Repr::Heap(values) => values,
        }
    }
}

impl Default for Int32Array {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Int32Array {
    type Target = [i32];

    fn deref(&self) -> &[i32] {
        self.as_slice()
    }
}

impl DerefMut for Int32Array {
    fn deref_mut(&mut self) -> &mut [i32] {
        match &mut self.0 {
            Repr::Inline { len, values } => &mut values[..usize::from(*len)],
            Repr::Heap(values) => values,
        }
    }
}

impl From<&[i32]> for Int32Array {
    fn from(integers: &[i32]) -> Self {
        if integers.len() > INLINE {
            return Self(Repr::Heap(integers.into()));
        }
        let mut values = [0; INLINE];
        values[..integers.len()].copy_from_slice(integers);
        Self(Repr::Inline { len: integers.len() as u8, values })
    }
}

impl From<Vec<i32>> for Int32Array {
    fn from(integers: Vec<i32>) -> Self {
        if integers.len() > INLINE {
            return Self(Repr::Heap(integers.into()));
        }
        Self::from(integers.as_slice())
    }
}

impl<const N: usize> From<[i32; N]> for Int32Array {
    fn from(integers: [i32; N]) -> Self {
        Self::from(integers.as_slice())
    }
}

impl From<Int32Array> for Vec<i32> {
    fn from(array: Int32Array) -> Self {
        match array.0 {
            Repr::Inline { .. } => array.to_vec(),
            Repr::Heap(values) => values.into(),
        }
    }
}

impl FromIterator<i32> for Int32Array {
    fn from_iter<I: IntoIterator<Item = i32>>(integers: I) -> Self {
        let mut integers = integers.into_iter();
        let mut values = [0; INLINE];
        for len in 0..INLINE {
            match integers.next() {
                Some(value) => values[len] = value,
                None => return Self(Repr::Inline { len: len as u8, values }),
            }
        }
        match integers.next() {
            Some(next) => {
                Self(Repr::Heap(values.into_iter().chain([next]).chain(integers).collect()))
            }
            None => Self(Repr::Inline { len: INLINE as u8, values }),
        }
    }
}

impl<'a> IntoIterator for &'a Int32Array {
    type Item = &'a i32;
    type IntoIter = core::slice::Iter<'a, i32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Int32Array {
    type Item = i32;
    type IntoIter = alloc::vec::IntoIter<i32>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl PartialEq for Int32Array {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Int32Array {}

impl Hash for Int32Array {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl PartialEq<[i32]> for Int32Array {
    fn eq(&self, other: &[i32]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> PartialEq<[i32; N]> for Int32Array {
    fn eq(&self, other: &[i32; N]) -> bool {
        self.as_slice() == other
    }
}

impl PartialEq<Vec<i32>> for Int32Array {
    fn eq(&self, other: &Vec<i32>) -> bool {
        self.as_slice() == other
    }
}

impl fmt::Debug for Int32Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn is_no_larger_than_a_vector() {
        assert!(size_of::<Int32Array>() <= size_of::<Vec<i32>>());
        assert!(size_of::<Option<Int32Array>>() <= size_of::<Vec<i32>>());
    }

    #[test]
    fn holds_what_it_is_made_of_however_long_that_is() {
        for len in 0..12 {
            let integers: Vec<i32> = (0..len).map(|n| n * 1_000_003 - 7).collect();
            let bytes: Vec<u8> = integers.iter().flat_map(|n| n.to_be_bytes()).collect();
            let mut filled = Int32Array::from([8; 5]);
            filled.fill_from_be_bytes(&bytes);
            let mut filled_again = Int32Array::from([8; 9]);
            filled_again.fill_from_be_bytes(&bytes);
            let made = [
                Int32Array::from(integers.clone()),
                Int32Array::from(integers.as_slice()),
                integers.iter().copied().collect(),
                filled,
                filled_again,
            ];
            for array in &made {
                assert_eq!(*array, integers);
                assert_eq!(*array, made[0]);
                assert_eq!(format!("{array:?}"), format!("{integers:?}"));
                assert_eq!(array.iter().count(), integers.len());
                assert_eq!(Vec::from(array.clone()), integers);
                assert_eq!(array.clone().into_iter().collect::<Vec<_>>(), integers);
            }
        }
    }

    #[test]
    fn can_be_changed_in_place() {
        let mut array = Int32Array::from([3, 1, 2]);
        array.sort_unstable();
        assert_eq!(array, [1, 2, 3]);
        let mut long: Int32Array = (0..9).collect();
        long.reverse();
        assert_eq!((long[0], long[8]), (8, 0));
    }
}
