//! What this thread has done so far: tests compare two looks at it. The code tells of it in tests only.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::Range;

use bytes::BytesMut;

thread_local! {
    static LOCKS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
    static WRITES: Cell<u64> = const { Cell::new(0) };
    static SLICES: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
    static LENT: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
}

/// A lock around a `T` was taken.
pub(crate) fn locked<T>() {
    LOCKS.with_borrow_mut(|locks| *locks.entry(type_name::<T>()).or_default() += 1);
}

/// A vectored write of these slices begins.
pub(crate) fn writes(slices: &[IoSlice<'_>]) {
    WRITES.set(WRITES.get() + 1);
    SLICES.with_borrow_mut(|all| all.extend(slices.iter().map(|slice| place(slice))));
}

/// A batch got this buffer to be encoded into.
pub(crate) fn lent(buffer: &BytesMut) {
    let start = buffer.as_ptr() as usize;
    LENT.with_borrow_mut(|all| all.push(start..start + buffer.capacity()));
}

fn place(bytes: &[u8]) -> Range<usize> {
    let start = bytes.as_ptr() as usize;
    start..start + bytes.len()
}

/// How often locks were taken, by what they guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locks(BTreeMap<&'static str, u64>);

impl Locks {
    pub(crate) fn so_far() -> Self {
        Self(LOCKS.with_borrow(Clone::clone))
    }

    pub(crate) fn since(before: &Self) -> Self {
        let mut locks = Self::so_far().0;
        for (what, count) in &before.0 {
            *locks.entry(what).or_default() -= count;
        }
        locks.retain(|_, count| *count > 0);
        Self(locks)
    }

    pub(crate) fn of<T>(&self) -> u64 {
        self.0.get(type_name::<T>()).copied().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> u64 {
        self.0.values().sum()
    }
}

/// How many vectored writes there were.
pub(crate) fn writes_so_far() -> u64 {
    WRITES.get()
}

/// Where the slices of all writes since the last call lay, and the buffers that batches got.
pub(crate) fn take_places() -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    (SLICES.take(), LENT.take())
}
