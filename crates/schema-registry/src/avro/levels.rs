//! How deep a value is nested.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The levels of records, arrays and maps of a value that is read and not kept.
pub(super) struct Levels(pub(super) usize);

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting)
    }
}

struct Counting;

macro_rules! leaves {
    ($($visit:ident($($of:ty)?);)*) => {$(
        fn $visit<E>(self $(, _: $of)?) -> Result<Levels, E> {
            Ok(Levels(0))
        }
    )*};
}

impl<'de> Visitor<'de> for Counting {
    type Value = Levels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
        visit_bytes(&[u8]);
        visit_unit();
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Levels, A::Error> {
        let mut deepest = 0;
        while let Some(Levels(levels)) = items.next_element()? {
            deepest = deepest.max(levels);
        }
        Ok(Levels(deepest + 1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Levels, A::Error> {
        let mut deepest = 0;
        while let Some((IgnoredAny, Levels(levels))) = entries.next_entry()? {
            deepest = deepest.max(levels);
        }
        Ok(Levels(deepest + 1))
    }
}
