//! Numbered records: what was sent, what was acknowledged, and what the log must then hold.

use std::collections::BTreeMap;

/// Where a record was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The offset there.
    pub offset: i64,
}

/// Records by their number, counted from 0 in the order of sending.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The partition, and the offset if the broker told it.
    acknowledged: BTreeMap<u64, (u32, Option<i64>)>,
    twice: Vec<u64>,
}

impl Ledger {
    /// Notes the acknowledgement of record `number`. A broker that took a batch for a duplicate, of
    /// whose first coming it knows no more than that it came, tells no offset.
    pub fn acknowledge(&mut self, number: u64, partition: u32, offset: Option<i64>) {
        if self.acknowledged.insert(number, (partition, offset)).is_some() {
            self.twice.push(number);
        }
    }

    /// How many different records have been acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acknowledged.is_empty()
    }

    /// Holds the promise of an idempotent producer: all of the records `0..sent` acknowledged
    /// once, each in the log once, where the acknowledgement said, and in every partition in the
    /// order of sending. `log` is the whole log, by partition in the order of offsets.
    ///
    /// # Errors
    ///
    /// The first breaches of it.
    pub fn check(
        &self,
        sent: u64,
        log: impl IntoIterator<Item = (u64, Position)>,
    ) -> Result<(), String> {
        let mut breaches: Vec<String> =
            self.twice.iter().map(|number| format!("{number} was acknowledged twice")).collect();
        let unacknowledged = (0..sent).filter(|number| !self.acknowledged.contains_key(number));
        breaches.extend(unacknowledged.map(|number| format!("{number} was never acknowledged")));
        let mut found: BTreeMap<u64, Position> = BTreeMap::new();
        let mut last: BTreeMap<u32, (u64, i64)> = BTreeMap::new();
        for (number, position) in log {
            if let Some(first) = found.insert(number, position) {
                breaches.push(format!("{number} is in the log twice: {first:?}, {position:?}"));
            }
            let before = last.insert(position.partition, (number, position.offset));
            if before.is_some_and(|(before, offset)| before >= number || offset >= position.offset)
            {
                breaches.push(format!("{number} at {position:?} comes after {before:?}"));
            }
        }
        for (number, (partition, offset)) in &self.acknowledged {
            match found.remove(number) {
                None => breaches.push(format!("{number} was acknowledged and is lost")),
                Some(place)
                    if place.partition != *partition
                        || offset.is_some_and(|offset| offset != place.offset) =>
                {
                    let told = format!("partition {partition}, offset {offset:?}");
                    breaches
                        .push(format!("{number} is at {place:?}; the acknowledgement said {told}"));
                }
                Some(_) => {}
            }
        }
        breaches.extend(found.keys().map(|number| format!("{number} is in the log unasked")));
        if breaches.is_empty() {
            return Ok(());
        }
        let count = breaches.len();
        breaches.truncate(10);
        Err(format!("{count} breaches:\n{}", breaches.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: u32, offset: i64) -> Position {
        Position { partition, offset }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.acknowledge(0, 0, Some(0));
        ledger.acknowledge(1, 1, None);
        ledger.acknowledge(2, 0, Some(1));
        ledger
    }

    #[test]
    fn once_each_in_order_is_right() {
        let log = [(0, at(0, 0)), (2, at(0, 1)), (1, at(1, 0))];
        assert_eq!(ledger().check(3, log), Ok(()));
    }

    #[test]
    fn loss_doubling_disorder_wrong_places_and_double_acknowledgement_are_breaches() {
        let right = [(0, at(0, 0)), (2, at(0, 1)), (1, at(1, 0))];
        assert!(ledger().check(3, right[..2].iter().copied()).is_err());
        assert!(ledger().check(3, right.into_iter().chain([(2, at(0, 2))])).is_err());
        assert!(ledger().check(3, [(2, at(0, 0)), (0, at(0, 1)), (1, at(1, 0))]).is_err());
        assert!(ledger().check(3, [(0, at(0, 0)), (2, at(0, 5)), (1, at(1, 0))]).is_err());
        assert!(ledger().check(3, [(0, at(0, 0)), (2, at(0, 1)), (1, at(2, 0))]).is_err());
        assert!(ledger().check(4, right).is_err());
        assert!(ledger().check(3, right.into_iter().chain([(3, at(1, 1))])).is_err());
        let mut twice = ledger();
        twice.acknowledge(2, 0, Some(1));
        assert!(twice.check(3, right).is_err());
    }
}
