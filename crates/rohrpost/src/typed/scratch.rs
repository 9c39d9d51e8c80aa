//! Memory for the serializers, kept by the thread: to take it and to give it back costs no lock.

use std::cell::Cell;

use rohrpost_serializer::Scratch;

/// More than that is not kept: many threads may have sent something large once.
const KEPT_AT_MOST: usize = 64 << 10;

/// Memory for a record's key and its value.
#[derive(Default)]
pub(super) struct Pair {
    pub(super) key: Scratch,
    pub(super) value: Scratch,
}

/// Memory in use: by a send that may wait, and go on on another thread.
pub(super) struct Taken(Option<Box<Pair>>);

thread_local! {
    static KEPT: Cell<Option<Box<Pair>>> = const { Cell::new(None) };
}

/// What this thread keeps, or new memory, if that is in use.
pub(super) fn take() -> Taken {
    Taken(KEPT.try_with(Cell::take).ok().flatten())
}

impl Taken {
    pub(super) fn get(&mut self) -> &mut Pair {
        self.0.get_or_insert_default()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(pair) = self.0.take() else { return };
        if pair.key.capacity() + pair.value.capacity() <= KEPT_AT_MOST {
            // A thread that ends keeps nothing.
            let _ = KEPT.try_with(|kept| kept.set(Some(pair)));
        }
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_serializer::{Part, UuidSerializer};

    use super::*;

    fn use_it(taken: &mut Taken) {
        let Ok(_) = taken.get().value.serialize(&UuidSerializer, "t", Part::Value, &[0; 16]);
    }

    #[test]
    fn memory_is_used_again_and_what_is_large_is_not_kept() {
        use_it(&mut take());
        let mut again = take();
        assert!(again.get().value.capacity() >= 36);
        assert_eq!(take().get().value.capacity(), 0, "it is in use");
        let large = ["x".repeat(KEPT_AT_MOST + 1)];
        let list = rohrpost_serializer::ListSerializer::new(rohrpost_serializer::StringSerializer);
        assert!(again.get().value.serialize(&list, "t", Part::Value, &large[..]).is_ok());
        drop(again);
        drop(take());
        assert_eq!(take().get().value.capacity(), 0);
    }
}
