//! Dividing a batch that the broker finds too large (KIP-126).

use alloc::vec::Vec;

use bytes::BytesMut;
use rohrpost_cluster::Time;
use rohrpost_codec::ErrorCode;
use rohrpost_records::{BATCH_OVERHEAD, SealedBatch};

use crate::engine::Engine;
use crate::error::{DeliveryError, DeliveryErrorKind, Outcome};
use crate::ids::PartitionIndex;
use crate::plants::Plant;
use crate::window::{Key, Sent, State};

impl Engine {
    /// Replaces an entry by its parts. They divide its sequences and its charge, keep its age and its attempts, and inherit its doubts:
    /// if the whole may have been appended, so may each part.
    pub(crate) fn split(&mut self, now: Time, index: PartitionIndex, at: usize) {
        let partition = &mut self.partitions[index.at()];
        let Some(sent) = partition.window.get(at) else { return };
        let Some(parts) = sent.records.as_ref().and_then(|records| {
            let topic = self.topics.get(partition.topic);
            topic.ratio.reset(records.ratio());
            // Half of the records' bytes at most, so that there are always at least two parts.
            let half = BATCH_OVERHEAD + records.records_size() / 2;
            let target = half.min(self.config.batch_size);
            records
                .split(
                    target,
                    partition.settings.compression,
                    &mut self.compressor,
                    BytesMut::with_capacity,
                )
                .ok()
                .filter(|parts| divide_evenly(parts, sent.count))
        }) else {
            let outcome = if sent.ambiguous { Outcome::MaybeWritten } else { Outcome::NotWritten };
            let kind =
                DeliveryErrorKind::Refused { code: ErrorCode::MESSAGE_TOO_LARGE, message: None };
            self.give_up(index, at, &DeliveryError::new(kind, outcome));
            return;
        };
        self.stats.splits += 1;
        let (whole, key, mut stamp) = (sent.charge, sent.key, sent.stamp);
        let (born, created, attempts, failures, ambiguous, by_name, last, node) = (
            sent.born,
            sent.created,
            sent.attempts,
            sent.failures,
            sent.ambiguous,
            sent.by_name,
            sent.last,
            sent.node,
        );
        let (mut first, mut left) = (key.first, whole);
        let last_part = parts.len() - 1;
        let mut parts: Vec<Sent> = parts
            .into_iter()
            .enumerate()
            .map(|(part, records)| {
                let count = records.record_count();
                let charge = if part == last_part { left } else { records.size().min(left) };
                left -= charge;
                let sent = Sent {
                    key: Key { slot: key.slot, first },
                    count: count.unsigned_abs(),
                    born,
                    created,
                    stamp,
                    attempts,
                    failures,
                    ambiguous,
                    by_name,
                    last,
                    node,
                    state: State::Waiting { not_before: now },
                    records: Some(records),
                    charge,
                };
                first += count.unsigned_abs();
                if let Some(stamp) = &mut stamp {
                    stamp.base_sequence = stamp.base_sequence.add(count);
                }
                sent
            })
            .collect();
        if self.config.planted.is(Plant::SplitLosesTail) {
            parts.pop();
        }
        partition.window.replace(at, parts.into_iter());
    }
}

/// Whether there are at least two parts and they hold as many records as the whole.
fn divide_evenly(parts: &[SealedBatch], count: u32) -> bool {
    let sum: u64 = parts.iter().map(|part| u64::from(part.record_count().unsigned_abs())).sum();
    parts.len() > 1 && sum == u64::from(count)
}
