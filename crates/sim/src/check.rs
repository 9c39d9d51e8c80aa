//! The invariants.

use std::collections::BTreeMap;

use rohrpost_codec::ByteStr;
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::{ApiKey, Bytes, decode_request, peek_request};
use rohrpost_engine::{Acks, Appended, EngineConfig};
use rohrpost_records::RecordBatch;
use rohrpost_testkit::model::Model;

use crate::senders::Senders;

/// Topic, partition, producer id, epoch, sequence.
type Identity = (ByteStr, i32, i64, i16, i32);

/// I3, watched on the wire: every identity that was ever sent, with its payload.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    payloads: BTreeMap<Identity, Bytes>,
    pub(crate) violations: Vec<String>,
    pub(crate) produce_requests: usize,
}

impl Wire {
    /// Looks at a frame that leaves the producer.
    pub(crate) fn watch(&mut self, frame: &Bytes, model: &Model) {
        if peek_request(frame).map(|preamble| preamble.api_key) != Ok(i16::from(ApiKey::Produce)) {
            return;
        }
        self.produce_requests += 1;
        let (header, request) = match decode_request::<ProduceRequest>(frame) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.violations.push(format!("an unreadable Produce request: {error}"));
                return;
            }
        };
        for topic in request.topic_data {
            let name = if header.request_api_version >= 13 {
                let by_id = model.topics().find(|(_, known)| known.id == topic.topic_id);
                by_id.map(|(name, _)| ByteStr::copy_from(name)).unwrap_or_default()
            } else {
                topic.name
            };
            for part in topic.partition_data {
                let records = part.records.unwrap_or_default();
                if let Err(violation) = self.watch_batch(&name, part.index, &records) {
                    self.violations.push(violation);
                }
            }
        }
    }

    fn watch_batch(
        &mut self,
        topic: &ByteStr,
        partition: i32,
        bytes: &Bytes,
    ) -> Result<(), String> {
        let (batch, size) = RecordBatch::parse(bytes).map_err(|error| error.to_string())?;
        if size != bytes.len() {
            return Err(format!("{topic}-{partition}: more than one batch in a partition"));
        }
        let header = batch.header();
        if !header.producer_id.is_some() {
            return Ok(());
        }
        let records = batch.records(1 << 26).map_err(|error| error.to_string())?;
        for (at, record) in records.enumerate() {
            let value = record.map_err(|error| error.to_string())?.value.unwrap_or_default();
            let sequence = header.base_sequence.add(at as i32).0;
            let identity =
                (topic.clone(), partition, header.producer_id.0, header.producer_epoch.0, sequence);
            let before = self.payloads.entry(identity.clone()).or_insert_with(|| value.clone());
            if *before != value {
                return Err(format!("I3: {identity:?} carries two payloads"));
            }
        }
        Ok(())
    }
}

/// The logs, the endings and the budget at the end of a life.
pub(crate) fn check(config: &EngineConfig, senders: &Senders, model: &Model) -> Vec<String> {
    let mut violations = Vec::new();
    if senders.budget.used() != 0 {
        violations.push(format!("I6: {} bytes of the budget are missing", senders.budget.used()));
    }
    let places = places(model, &mut violations);
    let is_safe = config.is_idempotent();
    // Without idempotence, what a broken connection still had on its way can arrive after what followed.
    let is_ordered = is_safe;
    let mut last: BTreeMap<(&ByteStr, i32), i64> = BTreeMap::new();
    for (number, accepted) in senders.accepted.iter().enumerate() {
        let wish = &accepted.wish;
        let place = (wish.topic.clone(), wish.partition, wish.value.clone());
        let offsets = places.get(&place).map_or(&[][..], |offsets| &offsets[..]);
        let name = || format!("record {number} of {}-{}", wish.topic, wish.partition);
        if accepted.endings != 1 {
            violations.push(format!("I6: {} ended {} times", name(), accepted.endings));
        }
        if is_safe && offsets.len() > 1 {
            violations.push(format!("I1/I2: {} is at {offsets:?}", name()));
        }
        if is_ordered {
            if let Some(&first) = offsets.first() {
                let before = last.insert((&wish.topic, wish.partition), first);
                if before.is_some_and(|before| before > first) {
                    violations
                        .push(format!("I4: {} at {first}, its predecessor at {before:?}", name()));
                }
            }
        }
        match &accepted.ending {
            Some(Ok(Appended { base_offset, .. })) if config.acks == Acks::All => {
                let found = match base_offset {
                    Some(offset) => offsets.contains(offset),
                    None => !offsets.is_empty(),
                };
                if !found {
                    violations.push(format!(
                        "I1: {} was acknowledged at {base_offset:?} and is at {offsets:?}",
                        name()
                    ));
                }
            }
            Some(Err(error)) if error.is_not_written() && !offsets.is_empty() => {
                violations.push(format!("I2: {} is at {offsets:?}, but: {error}", name()));
            }
            _ => {}
        }
    }
    violations
}

/// Where each value is, by topic and partition.
fn places(
    model: &Model,
    violations: &mut Vec<String>,
) -> BTreeMap<(ByteStr, i32, Vec<u8>), Vec<i64>> {
    let mut places: BTreeMap<(ByteStr, i32, Vec<u8>), Vec<i64>> = BTreeMap::new();
    for (name, topic) in model.topics() {
        for (number, partition) in topic.partitions.iter().enumerate() {
            let mut next = BTreeMap::new();
            for batch in partition.log.batches() {
                let header = batch.header;
                if header.producer_id.is_some() {
                    let epoch = (header.producer_id, header.producer_epoch);
                    let expected = next.insert(epoch, header.last_sequence().add(1));
                    // A sequence that is not the first of its epoch here follows what a failover cut off.
                    if expected.is_some_and(|expected| expected != header.base_sequence) {
                        violations.push(format!("I5: {name}-{number} has a gap in {epoch:?}"));
                    }
                }
                for record in batch.records() {
                    let value = record.value.unwrap_or_default().to_vec();
                    let place = (ByteStr::copy_from(name), number as i32, value);
                    places.entry(place).or_default().push(record.offset);
                }
            }
        }
    }
    places
}
