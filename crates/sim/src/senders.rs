//! The senders' side, as a driver does it: appenders, memory, waiting, giving up.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_codec::{ByteStr, Bytes};
use rohrpost_engine::{
    AppenderConfig, BatchId, Budget, Claim, FilledBatch, Grant, Input, PartitionAppender,
    PartitionIndex, Placed, Refused, Ticket, Time, TopicChange, Unpooled, Value, WaiterId,
};

use crate::ledger::Ledger;

/// A record that somebody wants to send.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) topic: usize,
    pub(crate) partition: i32,
    pub(crate) value: Vec<u8>,
    /// Milliseconds since the epoch, by the sender's clock.
    pub(crate) timestamp: i64,
}

/// Everything that a driver shares with the senders.
#[derive(Debug)]
pub(crate) struct Senders {
    config: AppenderConfig,
    names: Vec<ByteStr>,
    pub(crate) lanes: BTreeMap<PartitionIndex, PartitionAppender>,
    pub(crate) table: BTreeMap<ByteStr, TopicChange>,
    pub(crate) budget: Budget,
    /// The accepted records of each batch that is not done.
    batches: BTreeMap<BatchId, Batch>,
    pub(crate) for_memory: BTreeMap<Ticket, Wish>,
    pub(crate) for_metadata: BTreeMap<WaiterId, Wish>,
    pub(crate) refused: usize,
    next_waiter: u64,
    pub(crate) is_pressing: bool,
}

#[derive(Debug)]
struct Batch {
    created: Time,
    records: Vec<usize>,
    ended: usize,
}

/// What a send led to.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) inputs: Vec<Input>,
    pub(crate) filled: Vec<FilledBatch>,
}

impl Senders {
    pub(crate) fn new(config: AppenderConfig, names: Vec<ByteStr>) -> Self {
        Self {
            budget: Budget::new(config.buffer_memory),
            config,
            names,
            lanes: BTreeMap::new(),
            table: BTreeMap::new(),
            batches: BTreeMap::new(),
            for_memory: BTreeMap::new(),
            for_metadata: BTreeMap::new(),
            refused: 0,
            next_waiter: 0,
            is_pressing: false,
        }
    }

    pub(crate) fn learn(&mut self, change: TopicChange) {
        for entry in &change.partitions {
            let (config, ratio) = (self.config.for_topic(&change), change.ratio.clone());
            self.lanes
                .entry(entry.index)
                .or_insert_with(|| PartitionAppender::new(entry.index, config, ratio));
        }
        self.table.insert(change.name.clone(), change);
    }

    pub(crate) fn send(
        &mut self,
        now: Time,
        max_block: Duration,
        wish: Wish,
        ledger: &mut Ledger,
    ) -> Effects {
        let mut effects = Effects::default();
        self.append(now, max_block, wish, Grant::NONE, &mut effects, ledger);
        effects
    }

    /// The engine's number for a partition, once it is known.
    pub(crate) fn index_of(&self, topic: usize, partition: i32) -> Option<PartitionIndex> {
        let known = self.table.get(&self.names[topic])?;
        known.partitions.get(partition as usize).map(|entry| entry.index)
    }

    fn append(
        &mut self,
        now: Time,
        max_block: Duration,
        wish: Wish,
        mut grant: Grant,
        effects: &mut Effects,
        ledger: &mut Ledger,
    ) {
        let Some(index) = self.index_of(wish.topic, wish.partition) else {
            self.budget.restore(grant);
            let waiter = WaiterId(self.next_waiter);
            self.next_waiter += 1;
            effects.inputs.push(Input::Await {
                waiter,
                topic: self.names[wish.topic].clone(),
                partition: Some(wish.partition),
                deadline: now + max_block,
            });
            self.for_metadata.insert(waiter, wish);
            return;
        };
        let Some(lane) = self.lanes.get_mut(&index) else { return };
        let shared = Bytes::copy_from_slice(&wish.value);
        loop {
            let (timestamp, value) = (wish.timestamp, Value::Shared(&shared));
            match lane.append(|| now, timestamp, None, value, [], &mut grant, &mut Unpooled) {
                Ok(placed) => {
                    self.budget.restore(grant);
                    effects.filled.extend(std::iter::from_fn(|| lane.take_filled()));
                    self.accept(now, index, wish, placed, effects, ledger);
                    return;
                }
                Err(Refused::NeedRoom { least, wanted }) => {
                    self.budget.restore(std::mem::take(&mut grant));
                    if let Some(more) = self.budget.try_reserve(least, wanted) {
                        grant = more;
                        continue;
                    }
                    match self.budget.wait(least, wanted, Some(now + max_block)) {
                        Ok(ticket) => {
                            self.for_memory.insert(ticket, wish);
                        }
                        Err(_) => self.refused += 1,
                    }
                    return;
                }
                Err(_) => {
                    self.budget.restore(grant);
                    self.refused += 1;
                    return;
                }
            }
        }
    }

    fn accept(
        &mut self,
        now: Time,
        partition: PartitionIndex,
        wish: Wish,
        placed: Placed,
        effects: &mut Effects,
        ledger: &mut Ledger,
    ) {
        let id = BatchId { partition, slot: placed.slot };
        let new = || Batch { created: now, records: Vec::new(), ended: 0 };
        let batch = self.batches.entry(id).or_insert_with(new);
        batch.records.push(ledger.accepted(wish.topic, wish.partition, wish.value, batch.created));
        if let Some(at) = placed.opened {
            effects.inputs.push(Input::Opened { batch: id, at });
        }
    }

    /// Serves whoever memory was granted or denied to, and says whether the pressure changed.
    pub(crate) fn serve(&mut self, now: Time, max_block: Duration, ledger: &mut Ledger) -> Effects {
        let mut effects = Effects::default();
        self.budget.expire(now);
        while let Some(ticket) = self.budget.next_woken() {
            match self.budget.claim(ticket) {
                Claim::Granted(grant) => match self.for_memory.remove(&ticket) {
                    Some(wish) => self.append(now, max_block, wish, grant, &mut effects, ledger),
                    None => self.budget.restore(grant),
                },
                Claim::Expired => {
                    self.refused += usize::from(self.for_memory.remove(&ticket).is_some());
                }
                Claim::Waiting => {}
            }
        }
        let is_pressing = self.budget.waiting() > 0;
        if is_pressing != self.is_pressing {
            self.is_pressing = is_pressing;
            effects.inputs.push(match is_pressing {
                true => Input::MemoryPressure,
                false => Input::MemoryRelieved,
            });
        }
        effects
    }

    pub(crate) fn awaited(
        &mut self,
        now: Time,
        max_block: Duration,
        waiter: WaiterId,
        admitted: bool,
        ledger: &mut Ledger,
    ) -> Effects {
        match self.for_metadata.remove(&waiter) {
            Some(wish) if admitted => self.send(now, max_block, wish, ledger),
            other => {
                self.refused += usize::from(other.is_some());
                Effects::default()
            }
        }
    }

    /// Somebody gives up waiting: the `pick`th of those who do. One who was granted memory in this very moment may be among them.
    pub(crate) fn give_up(&mut self, pick: usize) -> Option<Input> {
        let waiting = self.for_memory.len() + self.for_metadata.len();
        let pick = pick.checked_rem(waiting)?;
        self.refused += 1;
        if let Some(&ticket) = self.for_memory.keys().nth(pick) {
            self.for_memory.remove(&ticket);
            self.budget.cancel(ticket);
            return None;
        }
        let &waiter = self.for_metadata.keys().nth(pick - self.for_memory.len())?;
        self.for_metadata.remove(&waiter);
        Some(Input::CancelAwait { waiter })
    }

    /// The records that end now.
    pub(crate) fn complete(
        &mut self,
        id: BatchId,
        records: std::ops::Range<u32>,
    ) -> Result<Vec<usize>, String> {
        let range = records.start as usize..records.end as usize;
        let Some(batch) = self.batches.get_mut(&id) else {
            return Err(format!("I6: {id:?} is done already"));
        };
        let Some(ended) = batch.records.get(range).map(<[usize]>::to_vec) else {
            return Err(format!("I6: {id:?} has no records {records:?}"));
        };
        batch.ended += ended.len();
        if batch.ended >= batch.records.len() {
            self.batches.remove(&id);
        }
        Ok(ended)
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.budget.next_deadline()
    }
}
