//! Transactions: records to any number of partitions, and offsets of consumed ones, that become visible together or not at all (KIP-98, KIP-447, KIP-890).
//!
//! ```text
//!   TransactionalProducer ── begin ──► Transaction ── send, send_offsets ──┐
//!        ▲    ▲                          │    ▲                            │
//!        │    │                          │    └────────────────────────────┘
//!        │    ├────────── commit ────────┤
//!        │    └────────── abort ─────────┤
//!        └── aborted in the background ──┘  dropped, or a commit that could not be
//! ```
//!
//! A [`Transaction`] borrows its producer mutably, so there is one at a time; [`commit`](Transaction::commit) and [`abort`](Transaction::abort) consume it, so nothing is sent after
//! its end. What a compiler cannot see is an [`Error`] that says what is left to do: [`Error::remedy`].

pub(crate) mod blocking;
mod calls;
mod delivery;
mod errors;
mod offsets;
mod producer;
mod run;
mod send;
mod state;
#[cfg(feature = "unstable-two-phase-commit")]
pub(crate) mod two_phase;

use std::borrow::Borrow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rohrpost_engine::TransactionCall;

use self::state::Memory;
use crate::deliveries::Deliveries;
use crate::delivery::RecordMetadata;
use crate::error::{Error, ErrorKind, TrySendError};
use crate::producer::Producer;
use crate::record::ProducerRecord;
use crate::topic::TopicHandle;

pub use self::delivery::TransactionDelivery;
pub use self::offsets::{ConsumerGroupMetadata, TopicOffset};
pub use self::producer::{TransactionEnd, TransactionalProducer};
pub use self::send::{TransactionSendFuture, TransactionSendIntoFuture};
#[cfg(feature = "unstable-two-phase-commit")]
pub use self::two_phase::{
    ParsePreparedTransactionStateError, PreparedTransaction, PreparedTransactionState,
};

/// An open transaction: [`TransactionalProducer::begin`] gives it.
///
/// Sends as a [`Producer`] does, through a shared reference: many sends may be under way at once. A record that fails, at its send or at its delivery, spoils the transaction:
/// [`commit`](Self::commit) fails with the first such failure as its cause, whether or not anybody looked at the delivery. Dropped, it is aborted in the background; dropping never blocks.
///
/// ```
/// use rohrpost::{ProducerRecord, TransactionalProducer};
///
/// # async fn run(producer: &mut TransactionalProducer) -> Result<(), rohrpost::Error> {
/// let transfer = producer.begin().await?;
/// transfer.send(ProducerRecord::new("debits").key("alice").value("100")).await?;
/// transfer.send(ProducerRecord::new("credits").key("bob").value("100")).await?;
/// transfer.commit().await?;
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let builder = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
/// #     let mut producer = builder.transactional_id("transfers-1").build_transactional().await?;
/// #     producer.init().await?;
/// #     Ok(run(&mut producer).await?)
/// # }
/// ```
///
/// Nothing goes past its end:
///
/// ```compile_fail
/// # async fn run(producer: &mut rohrpost::TransactionalProducer) -> Result<(), rohrpost::Error> {
/// let transfer = producer.begin().await?;
/// transfer.commit().await?;
/// transfer.send(rohrpost::ProducerRecord::new("debits").value("too late")).await?; // moved
/// # Ok(()) }
/// ```
///
/// and there is one at a time:
///
/// ```compile_fail
/// # async fn run(producer: &mut rohrpost::TransactionalProducer) -> Result<(), rohrpost::Error> {
/// let first = producer.begin().await?;
/// let second = producer.begin().await?; // borrowed
/// first.commit().await?;
/// # Ok(()) }
/// ```
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p> {
    producer: &'p Producer,
    memory: &'p Memory,
    /// How many calls of `send_offsets` there were, and up to which of them all are known to have been taken.
    offsets_asked: AtomicU64,
    offsets_taken: AtomicU64,
    spoiled: Spoiled,
    ended: bool,
}

/// The first failure of the program's own sends, which the engine does not hear of.
#[derive(Debug, Default)]
pub(crate) struct Spoiled(OnceLock<Error>);

impl Spoiled {
    /// What a send gave, noted where it is a failure: of one that would have had to wait nothing was lost.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.inspect_err(|error| {
            if error.kind() != ErrorKind::WouldBlock {
                let _ = self.0.set(error.clone());
            }
        })
    }
}

impl<'p> Transaction<'p> {
    fn new(producer: &'p Producer, memory: &'p Memory) -> Self {
        memory.opened();
        Self {
            producer,
            memory,
            offsets_asked: AtomicU64::new(0),
            offsets_taken: AtomicU64::new(0),
            spoiled: Spoiled::default(),
            ended: false,
        }
    }

    /// Sends a record in this transaction: see [`Producer::send`]. Need not be awaited for: [`commit`](Self::commit) waits for every delivery, and fails where one did.
    ///
    /// # Errors
    /// As [`Producer::send`]. The transaction cannot be committed any more.
    #[inline]
    pub fn send<'r, R>(&self, record: R) -> TransactionSendFuture<'_, 'r, R>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        TransactionSendFuture::new(self.producer.send(record), &self.spoiled)
    }

    /// Sends a record in this transaction, and keeps its delivery among others: see [`Producer::send_into`].
    ///
    /// # Errors
    /// As [`send`](Self::send); nothing is added then.
    #[inline]
    pub fn send_into<'a, 'r, R>(
        &'a self,
        deliveries: &'a mut Deliveries,
        record: R,
    ) -> TransactionSendIntoFuture<'a, 'r, R>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
    {
        TransactionSendIntoFuture::new(self.producer.send_into(deliveries, record), &self.spoiled)
    }

    /// Sends many records in this transaction: see [`Producer::send_all`].
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first record that could not be sent; those behind it are not sent.
    pub async fn send_all<'r, R, I>(
        &self,
        deliveries: &mut Deliveries,
        records: I,
    ) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        I: IntoIterator<Item = R>,
    {
        self.spoiled.note(self.producer.send_all(deliveries, records).await)
    }

    /// Sends a record in this transaction if that is possible without waiting, and gives it back if not: see [`Producer::try_send`].
    ///
    /// # Errors
    /// [`WouldBlock`](ErrorKind::WouldBlock), which spoils nothing. Else as [`send`](Self::send).
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a>,
    ) -> Result<TransactionDelivery, TrySendError<'a>> {
        let sent = self.producer.try_send(record).inspect_err(|refused| {
            let _ = self.spoiled.note(Err::<(), _>(refused.error().clone()));
        });
        sent.map(TransactionDelivery::new)
    }

    /// Sends a record in this transaction, and calls back once it is acknowledged or failed: see [`Producer::send_with`]. Acknowledged is not yet committed.
    ///
    /// # Errors
    /// As [`send`](Self::send); the callback is not called then.
    pub async fn send_with<'r, R, F>(&self, record: R, callback: F) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        F: FnOnce(Result<RecordMetadata, Error>) + Send + 'static,
    {
        self.send(record).await?.into_delivery().call_back(callback);
        Ok(())
    }

    /// Commits a consumer's offsets with this transaction (KIP-447): the group goes on behind them if the transaction commits, and where it was if not. An offset is that of the next record to be
    /// read. The consumer must not commit them itself (`enable.auto.commit=false`), and should read `read_committed`.
    ///
    /// ```no_run
    /// use rohrpost::{ConsumerGroupMetadata, Transaction};
    ///
    /// # async fn run(transaction: &Transaction<'_>, generation: i32, member: &str) -> Result<(), rohrpost::Error> {
    /// let group = ConsumerGroupMetadata::new("transfers").generation(generation).member_id(member);
    /// transaction.send_offsets([("orders", 0, 4711)], &group).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Aborted`](ErrorKind::Aborted) where the group moved on without this member, so that another reads on: the transaction cannot be committed any more. [`Authorization`](ErrorKind::Authorization), of the group.
    /// [`Config`](ErrorKind::Config): the group's id is empty; the transaction is as it was.
    /// [`TransactionTimeout`](ErrorKind::TransactionTimeout): send the same offsets again; until some were taken, the transaction cannot be committed, which holds of a future that is dropped half-way, too. [`Fatal`](ErrorKind::Fatal), [`Closed`](ErrorKind::Closed), [`DriverGone`](ErrorKind::DriverGone).
    pub async fn send_offsets<O: Into<TopicOffset>>(
        &self,
        offsets: impl IntoIterator<Item = O>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), Error> {
        let offsets: Vec<_> =
            offsets.into_iter().map(|offset| offset.into().into_engine()).collect();
        if group.group_id().is_empty() {
            return Err(Error::without_group());
        }
        let group = group.to_engine();
        let number = self.offsets_asked.fetch_add(1, Ordering::Relaxed) + 1;
        calls::call(self.producer, TransactionCall::SendOffsets { group, offsets }).await?;
        // They are taken in their order: with these, all before them.
        self.offsets_taken.fetch_max(number, Ordering::Relaxed);
        Ok(())
    }

    /// Sends what is left, waits until all of it is acknowledged, and makes it visible, with the offsets: all of it or nothing. A transaction without records and offsets costs no request.
    ///
    /// This future dropped half-way leaves the commit to go on in the background: [`TransactionalProducer::resume`] tells how it ended.
    ///
    /// # Errors
    /// [`Aborted`](ErrorKind::Aborted): a record or an offset failed, or the cluster wants it aborted; it is being aborted in the background, and the next [`begin`](TransactionalProducer::begin) waits for that.
    /// The error's [`source`](std::error::Error::source) is the failure of the record, where one failed. [`TransactionTimeout`](ErrorKind::TransactionTimeout): not known within `max.block.ms`, and being found out in the background:
    /// [`resume`](TransactionalProducer::resume) waits on; so it does after [`Authentication`](ErrorKind::Authentication). [`Fatal`](ErrorKind::Fatal): fenced by a newer producer of the same transactional id, or refused
    /// for good. [`Closed`](ErrorKind::Closed), [`DriverGone`](ErrorKind::DriverGone). Of all of these, [`Error::outcome`] says `MaybeWritten` where it may be committed all the same.
    pub async fn commit(mut self) -> Result<(), Error> {
        // Dropped, it aborts.
        self.check_complete()?;
        self.end();
        self.memory.ending.begin(self.producer, TransactionCall::Commit);
        // There is an answer: nobody else hears it while the producer is borrowed.
        let answer = self.memory.ending.hear().await;
        answer.unwrap_or_else(|| Err(Error::driver_gone())).map(drop).map_err(Error::of_commit)
    }

    /// Gives the transaction up: nothing of it becomes visible. What was not sent yet is not sent: those deliveries fail with [`Aborted`](ErrorKind::Aborted). Waits until that is done, and the next
    /// transaction may begin.
    ///
    /// # Errors
    /// [`TransactionTimeout`](ErrorKind::TransactionTimeout): it goes on in the background. [`Fatal`](ErrorKind::Fatal), [`Closed`](ErrorKind::Closed), [`DriverGone`](ErrorKind::DriverGone).
    pub async fn abort(mut self) -> Result<(), Error> {
        self.end();
        calls::call(self.producer, TransactionCall::Abort).await.map(drop)
    }

    /// Whether everything is in it that was to be.
    fn check_complete(&self) -> Result<(), Error> {
        if let Some(cause) = self.spoiled.0.get() {
            return Err(Error::spoiled(cause));
        }
        match self.offsets_taken.load(Ordering::Relaxed)
            < self.offsets_asked.load(Ordering::Relaxed)
        {
            true => Err(Error::without_offsets()),
            false => Ok(()),
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.memory.closed();
    }

    pub(crate) fn producer(&self) -> &Producer {
        self.producer
    }

    /// What a send of this transaction gave, noted where it is a failure.
    pub(crate) fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.spoiled.note(result)
    }

    /// A topic that is looked up once instead of for every record: see [`TopicHandle`].
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.producer.topic(name)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.memory.closed();
            calls::start(self.producer, TransactionCall::Abort);
        }
    }
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction")
            .field("spoiled", &self.spoiled.0.get())
            .finish_non_exhaustive()
    }
}
