//! What the brokers' logs hold, looked at whenever they grow or shrink: every record at most once, in order, as it was sent.

use rohrpost_codec::Bytes;
use rohrpost_engine::{Acks, Outcome};
use rohrpost_testkit::model::Model;

use crate::ledger::{Ending, Ledger};

/// A partition's log as it was when it was last looked at.
#[derive(Debug, Default)]
struct Seen {
    batches: Vec<SeenBatch>,
    end: i64,
    /// How often its leader changed.
    leader_epoch: i32,
}

#[derive(Debug)]
struct SeenBatch {
    bytes: Bytes,
    base_offset: i64,
    producer_id: i64,
    records: Vec<usize>,
}

/// All logs.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    lanes: Vec<Seen>,
}

impl Logs {
    /// Looks at what has changed.
    pub(crate) fn look(&mut self, model: &Model, ledger: &mut Ledger) {
        for topic in 0.. {
            let Some(known) = topic_name(ledger, topic) else { break };
            let Some(of) = model.topic(&known) else { continue };
            for (number, partition) in of.partitions.iter().enumerate() {
                let lane = ledger.lane(topic, number as i32);
                if self.lanes.len() <= lane {
                    self.lanes.resize_with(lane + 1, Seen::default);
                }
                let seen = &mut self.lanes[lane];
                let now = (partition.log.end_offset(), partition.leader_epoch);
                if (seen.end, seen.leader_epoch) == now {
                    continue;
                }
                (seen.end, seen.leader_epoch) = now;
                let mut grown = Vec::new();
                for batch in partition.log.batches().rev() {
                    let base = batch.header.base_offset;
                    seen.shorten(base + 1, ledger);
                    let is_it = |last: &SeenBatch| {
                        last.base_offset == base && last.bytes.as_ptr() == batch.bytes.as_ptr()
                    };
                    if seen.batches.last().is_some_and(is_it) {
                        break;
                    }
                    seen.shorten(base, ledger);
                    grown.push(batch);
                }
                seen.shorten(partition.log.end_offset(), ledger);
                for batch in grown.into_iter().rev() {
                    let producer_id = batch.header.producer_id.0;
                    let records = batch
                        .records()
                        .map(|record| (record.offset, record.value.unwrap_or_default()));
                    let records = records.filter_map(|(offset, value)| {
                        let found = ledger.of_value(&value);
                        let Some(at) = found.filter(|&at| ledger.records[at].value == value[..])
                        else {
                            ledger.violations.push(format!(
                                "I1: bytes nobody sent, at {offset} of {known}-{number}"
                            ));
                            return None;
                        };
                        seen.written(at, offset, lane, producer_id, ledger);
                        Some(at)
                    });
                    let records = records.collect();
                    let base_offset = batch.header.base_offset;
                    seen.batches.push(SeenBatch {
                        bytes: batch.bytes.clone(),
                        base_offset,
                        producer_id,
                        records,
                    });
                }
            }
        }
    }

    /// A topic was deleted: what its logs held is gone with it, and that is nobody's fault.
    pub(crate) fn deleted(&mut self, topic: usize, ledger: &mut Ledger) {
        for &lane in &ledger.lanes_of(topic).to_vec() {
            let Some(seen) = self.lanes.get_mut(lane) else { continue };
            for batch in std::mem::take(seen).batches {
                for at in batch.records {
                    let record = &mut ledger.records[at];
                    (record.offset, record.copies, record.was_deleted) = (None, 0, true);
                }
            }
        }
    }
}

fn topic_name(ledger: &Ledger, topic: usize) -> Option<String> {
    ledger.has_topic(topic).then(|| format!("topic-{topic}"))
}

impl Seen {
    /// Forgets what is at `end` and beyond.
    fn shorten(&mut self, end: i64, ledger: &mut Ledger) {
        while self.batches.last().is_some_and(|last| last.base_offset >= end) {
            for at in self.batches.pop().map(|last| last.records).unwrap_or_default() {
                let record = &mut ledger.records[at];
                record.copies = record.copies.saturating_sub(1);
                if record.copies == 0 {
                    record.offset = None;
                }
            }
        }
    }

    fn written(&self, at: usize, offset: i64, lane: usize, producer_id: i64, ledger: &mut Ledger) {
        let of = &ledger.lanes[lane];
        let (is_safe, is_unclean) = (ledger.settings(lane).is_idempotent, of.is_unclean);
        let name = ledger.name(lane);
        let record = &mut ledger.records[at];
        let place = record.place;
        let mut found = Vec::new();
        if record.lane != lane {
            found.push("I1: it was sent to another partition".to_owned());
        }
        if let Some(before) = record.offset.filter(|_| is_safe) {
            found.push(format!("I1/I2: it is at {before} already"));
        }
        if let Some(Ending::Failed(Outcome::NotWritten, error)) = &record.ending {
            found.push(format!("I2: written after it was told: {error}"));
        }
        record.was_written = true;
        record.offset = Some(offset);
        record.copies += 1;
        // A new epoch fences the old one, a new producer id does not: what was given up in doubt under the old id may still come, late.
        let is_late = matches!(record.ending, Some(Ending::Failed(Outcome::MaybeWritten, _)));
        let is_rival = |batch: &&SeenBatch| !is_late || batch.producer_id == producer_id;
        let last = self.batches.iter().rev().find(is_rival).and_then(|batch| batch.records.last());
        let last = last.map(|&last| ledger.records[last].place);
        if is_safe && !is_unclean && last.is_some_and(|last| last > place) {
            found.push(format!("I4: behind record {}", last.unwrap_or_default()));
        }
        for violation in found {
            ledger.violations.push(format!("{violation} ({name}, record {place} at {offset})"));
        }
    }
}

/// The ends of all records, held against the logs.
pub(crate) fn check_endings(ledger: &Ledger) -> Vec<String> {
    let mut found = Vec::new();
    for record in &ledger.records {
        let (lane, settings) = (&ledger.lanes[record.lane], ledger.settings(record.lane));
        let name = || format!("{}, record {}", ledger.name(record.lane), record.place);
        if record.endings != 1 {
            found.push(format!("I6: ended {} times ({})", record.endings, name()));
        }
        match &record.ending {
            Some(Ending::Acked(offset))
                if settings.acks == Acks::All && !lane.is_unclean && !record.was_deleted =>
            {
                // Without idempotence it may be there more than once.
                let is_it = |at| !settings.is_idempotent || offset.is_none_or(|told| told == at);
                let is_there = record.offset.is_some_and(is_it);
                if !is_there {
                    found.push(format!(
                        "I1: acknowledged at {offset:?}, it is at {:?} ({})",
                        record.offset,
                        name()
                    ));
                }
            }
            Some(Ending::Failed(Outcome::NotWritten, error)) if record.was_written => {
                found.push(format!("I2: written, but: {error} ({})", name()));
            }
            _ => {}
        }
    }
    found
}

/// Sequences in the logs are without gaps.
pub(crate) fn check_sequences(model: &Model, ledger: &mut Ledger) -> Vec<String> {
    let mut found = Vec::new();
    for topic in 0.. {
        let Some(name) = topic_name(ledger, topic) else { break };
        let Some(of) = model.topic(&name) else { continue };
        for (number, partition) in of.partitions.iter().enumerate() {
            let lane = ledger.lane(topic, number as i32);
            if ledger.lanes[lane].is_unclean {
                continue;
            }
            let mut next = std::collections::BTreeMap::new();
            for batch in partition.log.batches().map(|batch| batch.header) {
                if !batch.producer_id.is_some() {
                    continue;
                }
                let epoch = (batch.producer_id, batch.producer_epoch);
                let expected = next.insert(epoch, batch.last_sequence().add(1));
                // One that is not the first of its epoch here follows what a failover cut off.
                if expected.is_some_and(|expected| expected != batch.base_sequence) {
                    found.push(format!("I5: {name}-{number} has a gap in {epoch:?}"));
                }
            }
        }
    }
    found
}
