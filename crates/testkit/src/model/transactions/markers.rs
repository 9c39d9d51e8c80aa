//! The markers that end a transaction in each of its partitions, and among the offsets of groups.
//!
//! EndTxn is answered when the decision is made; the markers follow, each as soon as its partition's leader can be reached and has
//! enough replicas, and is written again where a new leader has not got it. Until all are there, the transaction is ending.

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_records::EndTxnMarker;

use super::state::Marking;
use super::{OFFSETS_TOPIC, Place, TransactionState};
use crate::model::log::AppendContext;
use crate::model::{BrokerId, Model, TimestampType};

/// What becomes of a marker.
enum Written {
    /// Every replica in sync has it, or there is nowhere to write it.
    Everywhere,
    Waits(Marking),
    /// The partition's leader will never take it.
    Never,
}

impl Model {
    /// Has the coordinators write no markers until [`Model::release_markers`]: transactions that end are stuck in between.
    pub fn hold_markers(&mut self) {
        self.transactions.are_markers_held = true;
    }

    /// Ends what [`Model::hold_markers`] began.
    pub fn release_markers(&mut self) {
        self.transactions.are_markers_held = false;
        self.write_markers();
    }

    /// A transaction has been decided: its markers follow.
    pub(super) fn begin_markers(&mut self, transactional_id: &str) {
        let at = self.elapsed.saturating_add(self.config.marker_delay);
        self.transactions.ending.insert(transactional_id.to_owned());
        if let Ok(metadata) = self.transaction_mut(transactional_id) {
            metadata.markers_at = at;
        }
        self.write_markers();
    }

    /// Writes every marker that is due and can be written.
    pub(in crate::model) fn write_markers(&mut self) {
        if self.transactions.are_markers_held || self.transactions.ending.is_empty() {
            return;
        }
        let is_due = |id: &&String| {
            self.transaction(id).is_some_and(|metadata| metadata.markers_at <= self.elapsed)
        };
        let due: Vec<_> = self.transactions.ending.iter().filter(is_due).cloned().collect();
        for id in due {
            self.write_markers_of(&id);
        }
    }

    fn write_markers_of(&mut self, id: &str) {
        let Some(coordinator) = self.coordinator_of(id) else { return };
        if !self.is_here(coordinator) || self.check_coordinator(coordinator, id).is_err() {
            return;
        }
        let coordinator_epoch = self.coordinator_epoch(id, coordinator);
        let Some(metadata) = self.transaction(id) else { return };
        let marker = EndTxnMarker {
            committed: metadata.state() == TransactionState::PrepareCommit,
            coordinator_epoch,
            timestamp: self.wall_ms.max(0),
            producer_id: metadata.producer_id(),
            producer_epoch: metadata.producer_epoch(),
        };
        for (place, marking) in metadata.partitions.clone() {
            let written = match place.0.as_str() {
                OFFSETS_TOPIC => self.mark_offsets(place.1, &marker),
                _ => self.mark(&place, marking, &marker),
            };
            let Ok(metadata) = self.transaction_mut(id) else { return };
            match written {
                Written::Everywhere => drop(metadata.partitions.remove(&place)),
                Written::Waits(marking) => drop(metadata.partitions.insert(place, marking)),
                Written::Never => {
                    // As in Kafka: the coordinator gives up, and the transaction stays as it is.
                    metadata.markers_at = Duration::MAX;
                    return;
                }
            }
        }
        let Ok(metadata) = self.transaction_mut(id) else { return };
        if metadata.partitions.is_empty() {
            metadata.complete();
            self.transactions.ending.remove(id);
            match marker.committed {
                true => self.stats.transactions_committed += 1,
                false => self.stats.transactions_aborted += 1,
            }
            self.changes += 1;
        }
    }

    /// How often a transactional id was coordinated by another broker than before.
    fn coordinator_epoch(&mut self, id: &str, coordinator: BrokerId) -> i32 {
        let Ok(metadata) = self.transaction_mut(id) else { return 0 };
        let epoch = match metadata.coordinator {
            Some((before, epoch)) => epoch + i32::from(before != coordinator),
            None => 0,
        };
        metadata.coordinator = Some((coordinator, epoch));
        epoch
    }

    fn mark(&mut self, place: &Place, marking: Marking, marker: &EndTxnMarker) -> Written {
        let (topic, index) = (place.0.as_str(), place.1);
        let now = self.elapsed;
        let config = self.topics.get(topic).map(|topic| topic.config);
        let found = self.partition(topic, index);
        let (Some(config), Some(found)) = (config, found) else { return Written::Everywhere };
        let leader = found.leader;
        let is_led = leader.is_some_and(|leader| self.is_here(leader));
        let Some(partition) = self.partition_mut(topic, index) else { return Written::Everywhere };
        let has_been_written = match marking {
            Marking::Written { leader_epoch, .. } => leader_epoch == partition.leader_epoch,
            Marking::Unwritten => false,
        };
        let mut marking = marking;
        if !has_been_written {
            if !is_led || !partition.has_enough_replicas(config.min_insync_replicas) {
                return Written::Waits(Marking::Unwritten);
            }
            let leader_epoch = partition.leader_epoch;
            let is_broker_time = config.timestamp_type == TimestampType::LogAppendTime;
            let log_append_time = is_broker_time.then_some(marker.timestamp);
            let context = AppendContext { now, log_append_time, leader_epoch };
            match partition.log.append_marker(marker, context) {
                Ok(appended) => {
                    marking = Marking::Written { leader_epoch, offset: appended.last_offset };
                }
                Err(
                    ErrorCode::INVALID_PRODUCER_EPOCH | ErrorCode::TRANSACTION_COORDINATOR_FENCED,
                ) => {
                    return Written::Never;
                }
                Err(_) => return Written::Waits(Marking::Unwritten),
            }
            self.replicate(topic, index);
            self.changes += 1;
        }
        let end = self.partition(topic, index).map_or(i64::MAX, |p| p.log.high_watermark());
        match marking {
            Marking::Written { offset, .. } if offset < end => Written::Everywhere,
            marking => Written::Waits(marking),
        }
    }

    /// The offsets that groups were given in the transaction become theirs, or are forgotten.
    fn mark_offsets(&mut self, partition: i32, marker: &EndTxnMarker) -> Written {
        let groups = self.groups.waiting_for(partition, marker.producer_id);
        let is_served = |group: &String| {
            let broker = self.coordinator_of(group);
            broker.is_some_and(|broker| {
                self.is_here(broker) && self.check_coordinator(broker, group).is_ok()
            })
        };
        if !groups.iter().all(is_served) {
            return Written::Waits(Marking::Unwritten);
        }
        self.groups.mark(partition, marker);
        self.changes += 1;
        Written::Everywhere
    }
}
