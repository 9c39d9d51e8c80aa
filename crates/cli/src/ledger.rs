//! What was sent, against what stands in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use crate::input::Places;

/// So many differences are told; later ones mostly follow from these.
const MOST_TOLD: usize = 10;

/// Every record that was sent, by partition and in the order of sending. It keeps no contents, only their digests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    partitions: BTreeMap<i32, Vec<Entry>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    line: u64,
    digest: u64,
    written: Written,
}

/// What the producer said of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Acknowledged with this offset.
    At(i64),
    /// Acknowledged; nobody said where.
    Somewhere,
    /// It failed, and may be in the log all the same.
    Maybe,
}

/// A record as it stands in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) digest: u64,
}

/// 64 bits that stand for key, value and headers, with `None` for null.
pub(crate) fn digest<'a>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut add = |bytes: Option<&[u8]>| {
        // The length first: no two different lists of parts look alike.
        hasher.write_u64(bytes.map_or(u64::MAX, |bytes| bytes.len() as u64));
        hasher.write(bytes.unwrap_or_default());
    };
    add(key);
    add(value);
    for (name, value) in headers {
        add(Some(name));
        add(value);
    }
    hasher.finish()
}

impl Ledger {
    pub(crate) fn add(&mut self, partition: i32, line: u64, digest: u64, written: Written) {
        self.partitions.entry(partition).or_default().push(Entry { line, digest, written });
    }

    /// Compares with the whole log: every acknowledged record must stand there once, at its offset and with its contents; a
    /// record that failed may stand there once if it may have been written; each partition's records must be in the order in which they were
    /// sent; and nothing else may be there. Returns the first differences, in words.
    pub(crate) fn compare(&self, log: &BTreeMap<i32, Vec<Found>>, places: &Places) -> Vec<String> {
        let mut differences = Vec::new();
        let partitions: BTreeSet<i32> = self.partitions.keys().chain(log.keys()).copied().collect();
        for partition in partitions {
            let sent = self.partitions.get(&partition).map_or(&[][..], Vec::as_slice);
            let found = log.get(&partition).map_or(&[][..], Vec::as_slice);
            compare_partition(partition, sent, found, places, |difference| {
                if differences.len() < MOST_TOLD {
                    differences.push(difference);
                }
            });
        }
        differences
    }
}

fn compare_partition(
    partition: i32,
    sent: &[Entry],
    found: &[Found],
    places: &Places,
    mut tell: impl FnMut(String),
) {
    let name = |line: u64| {
        let place = places.of(line);
        format!("{} line {}", places.name(place.input), place.line)
    };
    let mut placed: BTreeMap<i64, Entry> = BTreeMap::new();
    for entry in sent {
        let Written::At(offset) = entry.written else { continue };
        if let Some(other) = placed.insert(offset, *entry) {
            let (one, other) = (name(other.line), name(entry.line));
            tell(format!(
                "partition {partition}: {one} and {other} were both told offset {offset}"
            ));
        }
    }
    let mut unplaced = sent.iter().filter(|entry| !matches!(entry.written, Written::At(_)));
    let mut previous: Option<u64> = None;
    for record in found {
        let offset = record.offset;
        let line = match placed.remove(&offset) {
            Some(entry) if entry.digest == record.digest => entry.line,
            Some(entry) => {
                let line = name(entry.line);
                tell(format!("partition {partition}, offset {offset}: not what {line} contains"));
                continue;
            }
            None => {
                // Skipping one that was certainly written would lose it: it is told below as missing.
                let mut missing = Vec::new();
                let entry = unplaced.by_ref().find(|entry| {
                    let it = entry.digest == record.digest;
                    if !it && entry.written == Written::Somewhere {
                        missing.push(entry.line);
                    }
                    it
                });
                for line in missing {
                    tell(format!("partition {partition}: {} is not in the log", name(line)));
                }
                let Some(entry) = entry else {
                    tell(format!("partition {partition}, offset {offset}: nobody sent that"));
                    continue;
                };
                entry.line
            }
        };
        if let Some(previous) = previous.filter(|previous| *previous >= line) {
            let (line, previous) = (name(line), name(previous));
            tell(format!(
                "partition {partition}, offset {offset}: {line} stands behind {previous}"
            ));
        }
        previous = Some(line);
    }
    let left = unplaced.filter(|entry| entry.written == Written::Somewhere);
    for entry in placed.values().chain(left) {
        tell(format!("partition {partition}: {} is not in the log", name(entry.line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    /// Sent: (contents, what the producer said), in order; found: contents, from offset 0.
    fn verdict(sent: &[(u64, Written)], found: &[u64]) -> Vec<String> {
        let mut ledger = Ledger::default();
        for (line, (digest, written)) in (0..).zip(sent) {
            ledger.add(0, line, *digest, *written);
        }
        let found = (0..).zip(found).map(|(offset, digest)| Found { offset, digest: *digest });
        ledger.compare(&BTreeMap::from([(0, found.collect())]), &Places::new(&[Source::Stdin]))
    }

    use Written::{At, Maybe, Somewhere};

    const NONE: [&str; 0] = [];

    #[test]
    fn the_same_records_in_the_same_order_are_the_same() {
        assert_eq!(verdict(&[], &[]), NONE);
        assert_eq!(verdict(&[(7, At(0)), (7, At(1)), (8, At(2))], &[7, 7, 8]), NONE);
        assert_eq!(verdict(&[(7, Somewhere), (8, Somewhere)], &[7, 8]), NONE);
    }

    #[test]
    fn what_may_have_been_written_may_be_there_once() {
        assert_eq!(verdict(&[(7, At(0)), (8, Maybe), (9, At(1))], &[7, 9]), NONE);
        assert_eq!(verdict(&[(7, At(0)), (8, Maybe), (9, At(2))], &[7, 8, 9]), NONE);
        assert_ne!(verdict(&[(7, At(0)), (8, Maybe), (9, At(3))], &[7, 8, 8, 9]), NONE);
    }

    #[test]
    fn a_lost_a_doubled_a_changed_a_swapped_and_a_strange_record_are_differences() {
        let sent = [(7, At(0)), (8, At(1)), (9, At(2))];
        for found in [&[7, 8][..], &[7, 8, 9, 9], &[7, 8, 10], &[7, 9, 8], &[7, 8, 9, 1], &[]] {
            assert_ne!(verdict(&sent, found), NONE, "{found:?}");
        }
        for found in [&[8, 7][..], &[7], &[7, 8, 8], &[]] {
            assert_ne!(verdict(&[(7, Somewhere), (8, Somewhere)], found), NONE, "{found:?}");
        }
        // At the offsets that were told, but not in the order of sending.
        assert_ne!(verdict(&[(7, At(1)), (8, At(0))], &[8, 7]), NONE);
        assert_ne!(verdict(&[(7, At(0)), (7, At(0))], &[7]), NONE);
    }

    #[test]
    fn digests_know_null_from_empty_and_where_a_part_ends() {
        let of = |key: Option<&str>, value: Option<&str>, headers: &[(&str, Option<&[u8]>)]| {
            let headers = headers.iter().map(|(name, value)| (name.as_bytes(), *value));
            digest(key.map(str::as_bytes), value.map(str::as_bytes), headers)
        };
        let digests = [
            of(None, Some("ab"), &[]),
            of(Some(""), Some("ab"), &[]),
            of(Some("a"), Some("b"), &[]),
            of(None, None, &[]),
            of(None, Some(""), &[]),
            of(None, Some("ab"), &[("h", None)]),
            of(None, Some("ab"), &[("h", Some(b""))]),
        ];
        for (at, one) in digests.iter().enumerate() {
            assert!(!digests[at + 1..].contains(one), "{at}");
        }
    }
}
