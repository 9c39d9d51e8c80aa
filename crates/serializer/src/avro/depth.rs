//! How deep types are nested.

use alloc::vec::Vec;

use super::schema::{Id, Kind, Table};

/// Whether going through all types, each once, the first use first, goes deeper than that. It does not recur itself.
pub(crate) fn exceeds(table: &Table, most: usize) -> bool {
    let mut seen = alloc::vec![false; table.types.len()];
    // Types that are being gone through, and which of their parts is next.
    let mut open: Vec<(Id, usize)> = Vec::new();
    let mut next = Some(table.root);
    loop {
        if let Some(id) = next.take() {
            if !core::mem::replace(&mut seen[id.0 as usize], true) {
                open.push((id, 0));
            }
            if open.len() > most {
                return true;
            }
        }
        let Some((id, part)) = open.last_mut() else { return false };
        next = part_of(table.kind(*id), *part);
        *part += 1;
        if next.is_none() {
            open.pop();
        }
    }
}

fn part_of(kind: &Kind, part: usize) -> Option<Id> {
    match kind {
        Kind::Array(of) | Kind::Map(of) => (part == 0).then_some(*of),
        Kind::Union(union) => union.branches.get(part).copied(),
        Kind::Record(record) => record.fields.get(part).map(|field| field.of),
        _ => None,
    }
}
