//! The senders' side, as a driver does it: appenders, memory, waiting, giving up.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_codec::ByteStr;
use rohrpost_engine::{
    Appended, AppenderConfig, BatchId, Budget, Claim, DeliveryError, FilledBatch, Grant, Input,
    PartitionAppender, PartitionIndex, Placed, Refused, Ticket, Time, TopicChange, Unpooled,
    WaiterId,
};

/// A record that somebody wants to send.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) topic: ByteStr,
    pub(crate) partition: i32,
    pub(crate) value: Vec<u8>,
}

/// A record that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) wish: Wish,
    /// Its ending; with the record's own offset.
    pub(crate) ending: Option<Result<Appended, DeliveryError>>,
    pub(crate) endings: u32,
}

/// Everything that a driver shares with the senders.
#[derive(Debug)]
pub(crate) struct Senders {
    config: AppenderConfig,
    pub(crate) lanes: BTreeMap<PartitionIndex, PartitionAppender>,
    pub(crate) table: BTreeMap<ByteStr, TopicChange>,
    pub(crate) budget: Budget,
    /// In the order of acceptance.
    pub(crate) accepted: Vec<Accepted>,
    /// The accepted records of each batch, by index.
    batches: BTreeMap<BatchId, Vec<usize>>,
    pub(crate) for_memory: BTreeMap<Ticket, Wish>,
    pub(crate) for_metadata: BTreeMap<WaiterId, Wish>,
    pub(crate) refused: usize,
    next_waiter: u64,
    is_pressing: bool,
}

/// What a send led to.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) inputs: Vec<Input>,
    pub(crate) filled: Vec<FilledBatch>,
}

impl Senders {
    pub(crate) fn new(config: AppenderConfig) -> Self {
        Self {
            budget: Budget::new(config.buffer_memory),
            config,
            lanes: BTreeMap::new(),
            table: BTreeMap::new(),
            accepted: Vec::new(),
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
            let (config, ratio) = (self.config, change.ratio.clone());
            self.lanes
                .entry(entry.index)
                .or_insert_with(|| PartitionAppender::new(entry.index, config, ratio));
        }
        self.table.insert(change.name.clone(), change);
    }

    pub(crate) fn send(&mut self, now: Time, max_block: Duration, wish: Wish) -> Effects {
        let mut effects = Effects::default();
        self.append(now, max_block, wish, Grant::NONE, &mut effects);
        effects
    }

    fn append(
        &mut self,
        now: Time,
        max_block: Duration,
        wish: Wish,
        mut grant: Grant,
        effects: &mut Effects,
    ) {
        let entry =
            self.table.get(&wish.topic).and_then(|t| t.partitions.get(wish.partition as usize));
        let Some(index) = entry.map(|entry| entry.index) else {
            self.budget.restore(grant);
            let waiter = WaiterId(self.next_waiter);
            self.next_waiter += 1;
            effects.inputs.push(Input::Await {
                waiter,
                topic: wish.topic.clone(),
                partition: Some(wish.partition),
                deadline: now + max_block,
            });
            self.for_metadata.insert(waiter, wish);
            return;
        };
        let Some(lane) = self.lanes.get_mut(&index) else { return };
        loop {
            match lane.append(|| now, 5, None, Some(&wish.value), [], &mut grant, &mut Unpooled) {
                Ok(placed) => {
                    self.budget.restore(grant);
                    effects.filled.extend(std::iter::from_fn(|| lane.take_filled()));
                    self.accept(index, wish, placed, effects);
                    return;
                }
                Err(Refused::NeedRoom { least, wanted }) => {
                    self.budget.restore(std::mem::take(&mut grant));
                    if let Some(more) = self.budget.try_reserve(least, wanted) {
                        grant = more;
                        continue;
                    }
                    match self.budget.wait(least, Some(now + max_block)) {
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
        partition: PartitionIndex,
        wish: Wish,
        placed: Placed,
        effects: &mut Effects,
    ) {
        let batch = BatchId { partition, slot: placed.slot };
        self.batches.entry(batch).or_default().push(self.accepted.len());
        self.accepted.push(Accepted { wish, ending: None, endings: 0 });
        if let Some(at) = placed.opened {
            effects.inputs.push(Input::Opened { batch, at });
        }
    }

    /// Serves whoever memory was granted or denied to, and says whether the pressure changed.
    pub(crate) fn serve(&mut self, now: Time, max_block: Duration) -> Effects {
        let mut effects = Effects::default();
        self.budget.expire(now);
        while let Some(ticket) = self.budget.next_woken() {
            match self.budget.claim(ticket) {
                Claim::Granted(grant) => match self.for_memory.remove(&ticket) {
                    Some(wish) => self.append(now, max_block, wish, grant, &mut effects),
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
    ) -> Effects {
        match self.for_metadata.remove(&waiter) {
            Some(wish) if admitted => self.send(now, max_block, wish),
            other => {
                self.refused += usize::from(other.is_some());
                Effects::default()
            }
        }
    }

    /// Somebody gives up waiting: the `pick`th of those who do.
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

    pub(crate) fn complete(
        &mut self,
        batch: BatchId,
        records: std::ops::Range<u32>,
        result: &Result<Appended, DeliveryError>,
    ) -> Result<(), String> {
        let members = self.batches.get(&batch).map_or(&[][..], |members| &members[..]);
        let Some(ended) = members.get(records.start as usize..records.end as usize) else {
            return Err(format!("{batch:?} has no records {records:?}"));
        };
        for (at, &member) in ended.iter().enumerate() {
            let accepted = &mut self.accepted[member];
            let mut ending = result.clone();
            if let Ok(Appended { base_offset: Some(offset), .. }) = &mut ending {
                *offset += at as i64;
            }
            accepted.ending = Some(ending);
            accepted.endings += 1;
        }
        Ok(())
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.budget.next_deadline()
    }
}
