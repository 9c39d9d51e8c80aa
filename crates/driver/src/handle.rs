//! The producer's side of the driver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use rohrpost_codec::ByteStr;
use rohrpost_engine::{Grant, StageTimes, Stages, Ticket, Time, TransactionCall, WaiterId};
use rohrpost_records::RecordHeader;
use tokio::sync::oneshot;

use crate::append::{Obstacle, Record};
use crate::awaits::Wish;
use crate::calls::Call;
use crate::clock::wall_milliseconds;
use crate::completion::Completion;
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::failure::SendFailure;
use crate::lock;
use crate::memory::Denied;
use crate::shared::{Message, Shared};
use crate::stats::Stats;
use crate::topic_handle::TopicHandle;
use crate::trace;

/// A producer's driver, from the outside. When it is dropped, the driver delivers what it has and ends.
pub struct Handle {
    shared: Arc<Shared>,
    max_block: Duration,
}

/// Where a send stands that could not be done at once. Give it up by [`Handle::cancel`] if the send ends early.
#[derive(Debug, Default)]
pub struct Wait {
    step: Step,
    /// The partition that was chosen for the record a moment ago.
    chosen: Option<i32>,
    /// It let the driver have its turn.
    gave_way: bool,
    /// `max.block.ms` from the first obstacle on.
    deadline: Option<Time>,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Append,
    Metadata(WaiterId),
    Memory(Ticket, usize),
    /// The send is over: nothing may be sent again by mistake.
    Done,
}

/// What a close left undelivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// By topic and partition.
    pub partitions: BTreeMap<(Arc<str>, i32), GivenUpThere>,
}

/// What a close left undelivered in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenUpThere {
    /// So many records.
    pub records: u64,
    /// So many of them may have been written.
    pub maybe_written: u64,
}

impl GivenUp {
    pub(crate) fn add(&mut self, topic: Arc<str>, partition: i32, records: u64, maybe: bool) {
        let there = self.partitions.entry((topic, partition)).or_default();
        there.records += records;
        there.maybe_written += if maybe { records } else { 0 };
    }
}

/// The driver's task has ended: its runtime was shut down, or it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, max_block: Duration) -> Self {
        Self { shared, max_block }
    }

    /// Appends a record if nothing is in the way at all: what a sender tries first. `None`: nothing was done, and [`poll_send`](Self::poll_send) or
    /// [`try_send`](Self::try_send) goes on with the same `wait`.
    #[inline]
    pub fn send_now<'h, H>(
        &self,
        record: &Record<'_>,
        headers: &H,
        wait: &mut Wait,
    ) -> Option<Delivery>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let timestamp = record.timestamp.unwrap_or_else(wall_milliseconds);
        let (completion, index) =
            self.append_now(record, timestamp, headers, wait, |completion, index| {
                (completion.clone(), index)
            })?;
        let (key, value) = (record.key.map(<[u8]>::len), record.value.map(<[u8]>::len));
        Some(Delivery::new(completion, index, timestamp, key, value))
    }

    /// As [`send_now`](Self::send_now), and keeps the delivery among others, which spares making one. Whether it was done.
    #[inline]
    pub fn send_now_into<'h, H>(
        &self,
        deliveries: &mut Deliveries,
        record: &Record<'_>,
        headers: &H,
        wait: &mut Wait,
    ) -> bool
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let timestamp = record.timestamp.unwrap_or_else(wall_milliseconds);
        let keep = |completion: &_, index| deliveries.note(completion, index);
        self.append_now(record, timestamp, headers, wait, keep).is_some()
    }

    /// Appends records from the front as long as nothing is in the way at all, those of a partition that follow each other under one lock; keeps their
    /// deliveries. Returns how many.
    pub fn send_run_now<'h, H>(
        &self,
        deliveries: &mut Deliveries,
        records: &[(Record<'_>, H)],
    ) -> usize
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        if self.shared.inbox.is_crowded() {
            return 0;
        }
        self.shared.append_run(records, deliveries)
    }

    #[inline]
    fn append_now<'h, H, K>(
        &self,
        record: &Record<'_>,
        timestamp: i64,
        headers: &H,
        wait: &mut Wait,
        keep: impl FnOnce(&Arc<Completion>, u32) -> K,
    ) -> Option<K>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        if self.shared.inbox.is_crowded() || !matches!(wait.step, Step::Append) {
            return None;
        }
        match self.shared.append_to_open(record, timestamp, headers, keep) {
            Ok(kept) => {
                wait.step = Step::Done;
                Some(kept)
            }
            Err(chosen) => {
                wait.chosen = chosen;
                None
            }
        }
    }

    /// Appends a record, waiting for metadata and memory where it has to. `shared` is the record's value again, where its batch may refer to it instead of
    /// copying it.
    ///
    /// # Errors
    /// [`SendFailure`]: the record is in no batch.
    ///
    /// # Panics
    /// If the send is over, as futures may: it would send the record twice.
    #[cold]
    pub fn poll_send<'h, H>(
        &self,
        cx: &mut Context<'_>,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        headers: &H,
        wait: &mut Wait,
    ) -> Poll<Result<Delivery, SendFailure>>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        if let Step::Done = wait.step {
            polled_again();
        }
        let result = self.poll_append(cx, record, shared, headers, wait);
        if result.is_ready() {
            wait.step = Step::Done;
        }
        result
    }

    fn poll_append<'h, H>(
        &self,
        cx: &mut Context<'_>,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        headers: &H,
        wait: &mut Wait,
    ) -> Poll<Result<Delivery, SendFailure>>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        // A task that sends in a loop never waits as long as there is room. Where it keeps the driver from its turn (a runtime of one thread), it gives
        // way now and then.
        if !wait.gave_way && self.shared.inbox.take_crowded() {
            wait.gave_way = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Step::Append = wait.step {
            let mut grant = Grant::NONE;
            let chosen = wait.chosen.take();
            let result = self.shared.append(record, shared, chosen, headers, &mut grant, true);
            self.shared.memory.restore(grant);
            match result {
                Ok(delivery) => return Poll::Ready(Ok(delivery)),
                Err(obstacle) => self.get_in_line(&obstacle, record, wait)?,
            }
        }
        self.poll_waiting(cx, record, shared, headers, wait)
    }

    /// Appends a record if that is possible at once; `shared` as in [`poll_send`](Self::poll_send).
    ///
    /// # Errors
    /// [`SendFailure`]: the record is in no batch.
    #[cold]
    pub fn try_send<'h, H>(
        &self,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        headers: &H,
        wait: &mut Wait,
    ) -> Result<Delivery, SendFailure>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let mut grant = Grant::NONE;
        let result =
            self.shared.append(record, shared, wait.chosen.take(), headers, &mut grant, false);
        self.shared.memory.restore(grant);
        self.shared.memory.take_along();
        result.map_err(|obstacle| self.note_obstacle(&obstacle, record))
    }

    /// Gives a wait up that was not polled to its end.
    #[inline]
    pub fn cancel(&self, wait: &mut Wait) {
        match std::mem::take(&mut wait.step) {
            Step::Append | Step::Done => {}
            Step::Metadata(waiter) => {
                if self.shared.awaits.cancel(waiter) {
                    let _ = self.shared.inbox.send(Message::AwaitsChanged);
                }
            }
            Step::Memory(ticket, _) => self.shared.memory.cancel(ticket),
        }
    }

    #[cold]
    fn poll_waiting<'h, H>(
        &self,
        cx: &mut Context<'_>,
        record: &Record<'_>,
        shared: Option<&Bytes>,
        headers: &H,
        wait: &mut Wait,
    ) -> Poll<Result<Delivery, SendFailure>>
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        loop {
            let mut grant = ready!(self.poll_step(cx, wait))?;
            let result = self.shared.append(record, shared, None, headers, &mut grant, true);
            self.shared.memory.restore(grant);
            match result {
                Ok(delivery) => return Poll::Ready(Ok(delivery)),
                Err(obstacle) => self.get_in_line(&obstacle, record, wait)?,
            }
        }
    }

    /// Waits for what is waited for; gives the memory where that is it.
    fn poll_step(&self, cx: &mut Context<'_>, wait: &mut Wait) -> Poll<Result<Grant, SendFailure>> {
        let result = match wait.step {
            Step::Append | Step::Done => Ok(Grant::NONE),
            Step::Metadata(waiter) => {
                let answer = ready!(self.shared.awaits.poll(cx, waiter));
                self.count_wait(&self.shared.stages.metadata_wait, wait);
                match answer {
                    Ok(Ok(_)) => Ok(Grant::NONE),
                    Ok(Err(refused)) => Err(SendFailure::Admission(refused)),
                    Err(_) => Err(self.ended()),
                }
            }
            Step::Memory(ticket, bytes) => {
                let claimed = ready!(self.shared.memory.poll_claim(cx, ticket));
                self.count_wait(&self.shared.stages.memory_wait, wait);
                match claimed {
                    Ok(grant) => Ok(grant),
                    Err(denied) => Err(self.denied(&denied, bytes)),
                }
            }
        };
        // The place in line is used up.
        wait.step = Step::Append;
        Poll::Ready(result)
    }

    /// A wait is over, for better or worse: it began at the send's first obstacle, `max.block.ms` before its deadline.
    fn count_wait(&self, times: &StageTimes, wait: &Wait) {
        if let Some(deadline) = wait.deadline {
            let left = deadline.since(self.shared.now());
            times.count(self.max_block.saturating_sub(left));
        }
    }

    /// Gets in the line that the obstacle asks for.
    #[cold]
    fn get_in_line(
        &self,
        obstacle: &Obstacle,
        record: &Record<'_>,
        wait: &mut Wait,
    ) -> Result<(), SendFailure> {
        let shared = &*self.shared;
        let deadline = *wait.deadline.get_or_insert_with(|| shared.now() + self.max_block);
        match *obstacle {
            Obstacle::NoMetadata => {
                let topic = ByteStr::copy_from(record.topic());
                let wish = Wish { topic, partition: record.partition, deadline };
                let (waiter, news) = shared.awaits.register(wish).map_err(|_| self.ended())?;
                wait.step = Step::Metadata(waiter);
                if news {
                    // If the driver is gone, whoever ended it closes the awaits next.
                    let _ = shared.inbox.send(Message::AwaitsChanged);
                }
                Ok(())
            }
            Obstacle::NoMemory { least, wanted } => {
                let (ticket, news) = shared
                    .memory
                    .wait(least, wanted, Some(deadline))
                    .map_err(|denied| self.denied(&denied, least))?;
                wait.step = Step::Memory(ticket, least);
                if news {
                    // If the driver is gone, the claim says so.
                    let _ = shared.inbox.send(Message::MemoryWanted);
                }
                Ok(())
            }
            _ => Err(self.failure(obstacle)),
        }
    }

    /// Lets the driver know what stood in the way, so that a later try succeeds.
    #[cold]
    fn note_obstacle(&self, obstacle: &Obstacle, record: &Record<'_>) -> SendFailure {
        let shared = &*self.shared;
        match obstacle {
            Obstacle::NoMetadata => {
                let deadline = || shared.now() + self.max_block;
                match shared.awaits.probe(record.topic(), record.partition, deadline) {
                    Ok(true) if shared.inbox.send(Message::AwaitsChanged).is_err() => {
                        return self.ended();
                    }
                    Ok(_) => {}
                    Err(_) => return self.ended(),
                }
                SendFailure::WouldWaitForMetadata
            }
            Obstacle::NoMemory { .. } => {
                if shared.memory.note_refusal() {
                    let _ = shared.inbox.send(Message::MemoryWanted);
                }
                SendFailure::WouldWaitForMemory
            }
            _ => self.failure(obstacle),
        }
    }

    fn failure(&self, obstacle: &Obstacle) -> SendFailure {
        match *obstacle {
            Obstacle::NoMetadata => SendFailure::WouldWaitForMetadata,
            Obstacle::NoMemory { .. } => SendFailure::WouldWaitForMemory,
            Obstacle::Refused(refused) => SendFailure::Refused(refused),
            Obstacle::NegativePartition(partition) => SendFailure::NegativePartition(partition),
            Obstacle::Partitioner(fault) => SendFailure::Partitioner(fault),
            Obstacle::Closed => SendFailure::Closed,
            Obstacle::DriverGone => SendFailure::DriverGone,
        }
    }

    fn denied(&self, denied: &Denied, bytes: usize) -> SendFailure {
        match denied {
            Denied::Expired => {
                lock(&self.shared.stats).sends_out_of_memory += 1;
                SendFailure::NoMemory { bytes }
            }
            Denied::OverBudget(over) => SendFailure::OverBudget(*over),
            Denied::DriverGone => self.ended(),
        }
    }

    fn ended(&self) -> SendFailure {
        if self.shared.is_closing() { SendFailure::Closed } else { SendFailure::DriverGone }
    }

    /// Waits until the topic is known, then gives its partitions: number and leader.
    ///
    /// # Errors
    /// [`SendFailure`].
    pub async fn partitions(&self, topic: &str) -> Result<Vec<(i32, Option<i32>)>, SendFailure> {
        if self.shared.is_closing() {
            return Err(SendFailure::Closed);
        }
        let topics = &self.shared.topics;
        let known = || topics.get(topic).filter(|topic| topic.count().is_some());
        if known().is_none() {
            self.metadata(topic).await?;
        }
        let found = known().ok_or(SendFailure::WouldWaitForMetadata)?;
        Ok(found.lanes().map(|lane| (lane.partition, lane.leader())).collect())
    }

    async fn metadata(&self, topic: &str) -> Result<(), SendFailure> {
        /// Gives the place up if the future is dropped.
        struct Waiter<'a>(&'a Handle, Wait);
        impl Drop for Waiter<'_> {
            fn drop(&mut self) {
                self.0.cancel(&mut self.1);
            }
        }
        let record = Record { topic, ..Record::default() };
        let mut waiter = Waiter(self, Wait::default());
        self.get_in_line(&Obstacle::NoMetadata, &record, &mut waiter.1)?;
        std::future::poll_fn(|cx| self.poll_step(cx, &mut waiter.1)).await.map(|grant| {
            self.shared.memory.restore(grant);
        })
    }

    /// Sends everything that was appended before, and waits until it is acknowledged or failed, and all callbacks have run.
    ///
    /// # Errors
    /// [`Gone`]; a producer that closed in good order has nothing to flush.
    pub async fn flush(&self) -> Result<(), Gone> {
        let (done, flushed) = oneshot::channel();
        match self.shared.inbox.send(Message::Flush { done }) {
            Ok(()) => flushed.await.or_else(|_| self.ended_well().map(drop)),
            Err(_) => self.ended_well().map(drop),
        }
    }

    /// Has everything that was appended before sent soon, as [`flush`](Self::flush) does, and waits for nothing.
    pub fn start_flush(&self) {
        let (done, _) = oneshot::channel();
        // A driver that is gone has failed what there was.
        let _ = self.shared.inbox.send(Message::Flush { done });
    }

    /// Hands a transactional call in, with `max.block.ms` to answer.
    pub fn transact(&self, what: TransactionCall) -> Call {
        let (done, answered) = oneshot::channel();
        let deadline = self.shared.now() + self.max_block;
        // If the driver is gone, the answer says so.
        let _ = self.shared.inbox.send(Message::Transaction { what, deadline, done });
        Call::new(answered, self.shared.clone())
    }

    /// Whether senders should let the driver have its turn: [`poll_send`](Self::poll_send) of one of them will wait for a moment.
    pub fn is_crowded(&self) -> bool {
        self.shared.inbox.is_crowded()
    }

    /// Tells `tracing` of a record that somebody took on, and gave up before it was in a batch.
    pub fn note_unsent(&self, topic: &str) {
        trace::unsent(topic);
    }

    /// Takes nothing more, delivers what there is until `timeout` has passed, and waits for the end. Tells what was given up.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn close(&self, timeout: Duration) -> Result<GivenUp, Gone> {
        self.shared.begin_to_close();
        let (done, closed) = oneshot::channel();
        let deadline = Some(self.shared.now() + timeout);
        match self.shared.inbox.send(Message::Close { deadline, done: Some(done) }) {
            Ok(()) => closed.await.or_else(|_| self.ended_well()),
            Err(_) => self.ended_well(),
        }
    }

    /// What a partition's records wait for, in words; `None` where nobody runs the producer any more.
    pub async fn why(&self, topic: &str, partition: i32) -> Option<String> {
        let topic = ByteStr::copy_from(topic);
        let (answer, waiting) = oneshot::channel();
        self.shared.inbox.send(Message::Why { topic, partition, answer }).ok()?;
        let text = waiting.await.ok()?;
        let memory = &self.shared.memory;
        let (_, _, waiting) = memory.usage();
        let (are, wait) = if waiting == 1 {
            ("1 sender is", "1 sender waits")
        } else {
            ("senders are", "senders wait")
        };
        let count = if waiting == 1 { String::new() } else { format!("{waiting} ") };
        Some(match (waiting, memory.holds()) {
            (0, _) => text,
            (_, true) => format!(
                "{text}; {count}{are} held until less is on its way to the brokers: there is room in buffer.memory, and a longer queue would be no faster"
            ),
            (_, false) => format!("{text}; {count}{wait} for room in buffer.memory"),
        })
    }

    /// A topic of this name, known or not, that has to be looked up only once.
    pub fn topic(&self, name: &str) -> TopicHandle {
        TopicHandle::new(name, self.shared.id)
    }

    /// How long the stages of records and batches took so far.
    pub fn stages(&self) -> &Stages {
        &self.shared.stages
    }

    /// A snapshot of the counters.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    fn ended_well(&self) -> Result<GivenUp, Gone> {
        self.shared.closed_in_order().ok_or(Gone)
    }
}

#[cold]
#[allow(
    clippy::panic,
    reason = "what a future does that is polled after its end; an error would look like the record's"
)]
fn polled_again() -> ! {
    panic!("a send was polled after it had given its result")
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.begin_to_close();
        let _ = self.shared.inbox.send(Message::Close { deadline: None, done: None });
    }
}
