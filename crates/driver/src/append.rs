//! The way in: a record into its partition's open batch. Nothing here allocates, wakes or asks a clock for every record; a batch costs its completion, two
//! messages and perhaps a buffer.

use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use rohrpost_engine::{FilledBatch, Grant, Placed, Refused, Time, Value};
use rohrpost_records::RecordHeader;

use crate::chooser::NoChoice;
use crate::clock::{compare_clocks, wall_milliseconds};
use crate::completion::Completion;
use crate::delivery::Delivery;
use crate::failure::{Failure, PartitionerFault};
use crate::inbox::Wake;
use crate::lock;
use crate::shared::{Message, Shared};
use crate::sync::try_lock;
use crate::topic_handle::TopicHandle;
use crate::topics::{Lane, Open, Topic};

/// A record, all borrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The same topic, looked up before: then the field `topic` is not looked at.
    pub handle: Option<&'a TopicHandle>,
    /// The partition; without one the partitioner chooses.
    pub partition: Option<i32>,
    /// Milliseconds since the Unix epoch; without one, now.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// The topic's name.
    pub fn topic(&self) -> &'a str {
        self.handle.map_or(self.topic, TopicHandle::name)
    }
}

/// So many partitions whose batches are full are left before a record stays where it is: others fill them at the same time.
const TURNS: usize = 4;

/// Why a record could not be appended at once. Nothing has changed then.
pub(crate) enum Obstacle {
    /// The topic or the partition is not known, or the topic has no partition yet.
    NoMetadata,
    /// So many bytes of memory are needed.
    NoMemory { least: usize, wanted: usize },
    /// The record can never be appended.
    Refused(Refused),
    /// The topic cannot have such a partition.
    NegativePartition(i32),
    /// The program's own partitioner chose none.
    Partitioner(PartitionerFault),
    /// The producer is closed or closing.
    Closed,
    /// The driver is gone.
    DriverGone,
}

impl From<NoChoice> for Obstacle {
    fn from(none: NoChoice) -> Self {
        match none {
            NoChoice::NoTable => Self::NoMetadata,
            NoChoice::Fault(fault) => Self::Partitioner(fault),
        }
    }
}

/// Somebody else is at the partition that was chosen: another one, if the record may go there.
#[cold]
#[inline(never)]
fn elsewhere<'a>(topic: &'a Topic, record: &Record<'_>) -> Option<&'a Arc<Lane>> {
    let count = topic.count()?;
    let may_turn = record.partition.is_none() && topic.chooser.is_sticky(record);
    if !may_turn || !topic.chooser.contended(count) {
        return None;
    }
    topic.lane(topic.chooser.choose(record, count).ok()?)
}

impl Shared {
    /// Appends a record to its partition's open batch if nothing but writing it has to be done: no waiting, no memory, no batch to begin or end. What
    /// comes back is small, and everything else is left to [`append`](Self::append): this is the way of almost every record. `keep` is told the
    /// record's index in its batch, under the partition's lock.
    ///
    /// # Errors
    /// Nothing was done. If a partition was chosen, its number, which `append` is to be told: choosing again would be another choice.
    #[inline]
    pub(crate) fn append_to_open<'h, H, K>(
        &self,
        record: &Record<'_>,
        timestamp: i64,
        headers: &H,
        keep: impl FnOnce(&Arc<Completion>, u32) -> K,
    ) -> Result<K, Option<i32>>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        if self.is_closing() {
            return Err(None);
        }
        let topic = self.topic(record).ok_or(None)?;
        let partition = match record.partition {
            Some(partition) => partition,
            None => {
                let count = topic.count().ok_or(None)?;
                let chosen = topic.chooser.choose(record, count).map_err(|_| None)?;
                i32::try_from(chosen).map_err(|_| None)?
            }
        };
        let number = u32::try_from(partition).map_err(|_| None)?;
        let mut lane = topic.lane(number).ok_or(Some(partition))?;
        let mut open = match try_lock(&lane.open) {
            Some(open) => open,
            None => {
                lane = elsewhere(topic, record).unwrap_or(lane);
                lock(&lane.open)
            }
        };
        if open.closed {
            return Err(Some(lane.partition));
        }
        let index =
            open.appender.append_to_open(timestamp, record.key, record.value, headers.clone());
        match (open.completion.as_ref(), index) {
            (Some(completion), Some(index)) => Ok(keep(completion, index)),
            // An open batch has a completion: what was not appended is all that comes here.
            _ => Err(Some(lane.partition)),
        }
    }

    #[inline]
    pub(crate) fn topic<'a>(&'a self, record: &Record<'a>) -> Option<&'a Topic> {
        match record.handle {
            Some(handle) => handle.find(self),
            None => self.topics.get(record.topic).map(|topic| &**topic),
        }
    }

    /// Appends a record to its partition's batch, whatever that takes short of waiting: the one that was chosen for it a moment ago, if one was. `shared` is its
    /// value, where the batch may refer to it. `grant` pays for room; what is missing is taken from memory if it is there, and if nothing is held back from those who
    /// can wait.
    pub(crate) fn append<'h, H>(
        &self,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        mut chosen: Option<i32>,
        headers: &H,
        grant: &mut Grant,
        can_wait: bool,
    ) -> Result<Delivery, Obstacle>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let mut turns = 0;
        loop {
            if self.is_closing() {
                return Err(Obstacle::Closed);
            }
            if let Some(partition @ ..0) = record.partition {
                // Nothing that could be waited for would make it exist.
                return Err(Obstacle::NegativePartition(partition));
            }
            let topic = self.topic(record).ok_or(Obstacle::NoMetadata)?;
            let number = match record.partition.or(chosen.take()) {
                Some(partition) => {
                    u32::try_from(partition).map_err(|_| Obstacle::NegativePartition(partition))?
                }
                None => {
                    let count = topic.count().ok_or(Obstacle::NoMetadata)?;
                    topic.chooser.choose(record, count)?
                }
            };
            let lane = topic.lane(number).ok_or(Obstacle::NoMetadata)?;
            let may_turn = record.partition.is_none() && turns < TURNS;
            if may_turn && lane.chooser.is_sticky(record) && self.turned(lane, record, headers) {
                turns += 1;
                continue;
            }
            return self.append_to(lane, record, shared, headers, grant, can_wait);
        }
    }

    /// If the record does not fit into the partition's open batch, ends that, which makes it another partition's turn.
    fn turned<'h, H>(&self, lane: &Lane, record: &Record<'_>, headers: &H) -> bool
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let Record { key, value, .. } = *record;
        let timestamp = record.timestamp.unwrap_or_else(wall_milliseconds);
        let mut open = lock(&lane.open);
        if open.closed || !open.appender.end_unless_fits(timestamp, key, value, headers.clone()) {
            return false;
        }
        let (batch, completion) = (open.appender.take_filled(), open.completion.take());
        drop(open);
        lane.chooser.batch_filled(lane.partition.unsigned_abs());
        if let (Some(batch), Some(completion)) = (batch, completion) {
            drop(self.seal(batch, completion));
        }
        true
    }

    fn append_to<'h, H>(
        &self,
        lane: &Lane,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        headers: &H,
        grant: &mut Grant,
        can_wait: bool,
    ) -> Result<Delivery, Obstacle>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let Record { key, value, .. } = *record;
        let timestamp = record.timestamp.unwrap_or_else(wall_milliseconds);
        let mut guard = lock(&lane.open);
        let open = &mut *guard;
        if open.closed {
            return Err(self.end_of_line());
        }
        if grant.bytes() > 0 {
            // What was waited for is just enough for the record. A batch that begins with more need not grow.
            let more = open.appender.room_wanted().saturating_sub(grant.bytes());
            if let Some(more) = self.memory.try_reserve(0, more, false) {
                grant.merge(more);
            }
        }
        let placed = loop {
            let result = open.appender.append(
                || self.now(),
                timestamp,
                key,
                shared.map_or(Value::Copied(value), Value::Shared),
                headers.clone(),
                grant,
                &mut &self.pool,
            );
            match result {
                Ok(placed) => break placed,
                Err(Refused::NeedRoom { least, wanted }) => {
                    let (least_more, more) = (least - grant.bytes(), wanted - grant.bytes());
                    // Whose turn has come is not held again.
                    let can_wait = can_wait && grant.bytes() == 0;
                    match self.memory.try_reserve(least_more, more, can_wait) {
                        Some(more) => grant.merge(more),
                        None => return Err(Obstacle::NoMemory { least, wanted }),
                    }
                }
                Err(refused) => return Err(Obstacle::Refused(refused)),
            }
        };
        let index = placed.index;
        let completion = if placed.opened.is_none() && !placed.filled {
            let completion = open.completion.clone();
            drop(guard);
            completion
        } else {
            self.turn_batch(lane, guard, placed)
        };
        // A batch that is open has one.
        let completion = completion.ok_or(Obstacle::DriverGone)?;
        let (key_size, value_size) = (key.map(<[u8]>::len), value.map(<[u8]>::len));
        Ok(Delivery::new(completion, index, timestamp, key_size, value_size))
    }

    /// A record began a batch, or ended one, or both: what is done once a batch.
    #[cold]
    #[inline(never)]
    fn turn_batch(
        &self,
        lane: &Lane,
        mut open: MutexGuard<'_, Open>,
        placed: Placed,
    ) -> Option<Arc<Completion>> {
        let Placed { slot, opened, .. } = placed;
        let mut wake = Wake::no();
        let mut before = None;
        if let Some(at) = opened {
            let completion = Completion::new(lane.topic.clone(), lane.partition);
            before = open.completion.replace(Arc::new(completion));
            wake = self.tell_opened(lane, slot, at);
        }
        let completion = open.completion.clone()?;
        // At most two: the batch before the record's, and the record's own.
        let filled = [open.appender.take_filled(), open.appender.take_filled()];
        let is_own = |batch: &FilledBatch| batch.id().slot == slot;
        if filled.iter().flatten().any(is_own) {
            open.completion = None;
        }
        drop(open);
        compare_clocks();
        if placed.filled {
            lane.chooser.batch_filled(lane.partition.unsigned_abs());
        }
        for batch in filled.into_iter().flatten() {
            let completion = if is_own(&batch) { Some(completion.clone()) } else { before.take() };
            if let Some(completion) = completion {
                if batch.has_codec() {
                    // Nobody else wakes the driver, and others have put theirs in, perhaps.
                    drop(std::mem::replace(&mut wake, Wake::no()));
                }
                wake = wake.or(self.seal(batch, completion));
            }
        }
        Some(completion)
    }

    /// Under the lane's lock, so that the driver hears of a batch before its records can be flushed.
    fn tell_opened(&self, lane: &Lane, slot: rohrpost_engine::Slot, at: Time) -> Wake<'_> {
        let batch = rohrpost_engine::BatchId { partition: lane.index, slot };
        // If the driver is gone, whoever ended it closes this lane next, and fails the batch.
        self.inbox.put(Message::Opened { batch, at }).unwrap_or(Wake::no())
    }

    /// Compresses a batch and hands it to the driver. Without any lock.
    fn seal(&self, batch: FilledBatch, completion: Arc<Completion>) -> Wake<'_> {
        completion.close(batch.record_count().unsigned_abs());
        let (batch, freed) = self.pool.seal(batch);
        if freed > 0 {
            self.memory.give_back(freed);
        }
        match self.inbox.put(Message::Sealed { batch, completion }) {
            Ok(wake) => wake,
            Err(Message::Sealed { batch, completion }) => {
                self.memory.release(batch.charge());
                drop(batch);
                completion.resolve_rest(Arc::new(if self.closed_in_order().is_some() {
                    Failure::Closed
                } else {
                    Failure::DriverGone { sent: false }
                }));
                Wake::no()
            }
            Err(_) => Wake::no(),
        }
    }

    /// Why nothing is taken any more.
    pub(crate) fn end_of_line(&self) -> Obstacle {
        if self.is_closing() { Obstacle::Closed } else { Obstacle::DriverGone }
    }
}
