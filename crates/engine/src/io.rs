//! What goes into an engine and what comes out.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::BytesMut;
use rohrpost_cluster::{NetworkInput, NetworkOutput, NodeId, Time};
use rohrpost_codec::{ByteStr, Uuid};
use rohrpost_records::Compression;

use crate::error::{AdmissionError, DeliveryError};
use crate::ids::{BatchId, CallId, FlushId, PartitionIndex, TopicIndex, WaiterId};
use crate::ratio::SharedRatio;
use crate::sealed::SealedBatch;
use crate::transaction::{TransactionAnswer, TransactionCall, TransactionError};

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Something on the network.
    Network(NetworkInput),
    /// A partition's open batch got its first record. May come after the batch's `Sealed`; it is ignored then.
    Opened {
        /// The batch.
        batch: BatchId,
        /// When; `linger` and `delivery.timeout.ms` count from here.
        at: Time,
    },
    /// A batch was closed: it was full, or the engine asked for it. Batches of one partition may come in any order; they
    /// are sent in the order of their slots.
    Sealed(SealedBatch),
    /// A send needs a topic's metadata. Answered by `Awaited`.
    Await {
        /// Who waits.
        waiter: WaiterId,
        /// The topic.
        topic: ByteStr,
        /// The partition that must exist, where one was chosen beforehand.
        partition: Option<i32>,
        /// When to give up (`max.block.ms`).
        deadline: Time,
    },
    /// A waiter is no longer interested; there will be no `Awaited` for it, unless it is out already.
    CancelAwait {
        /// Who waited.
        waiter: WaiterId,
    },
    /// Senders wait for memory: every open batch is ready now. Holds until `MemoryRelieved`.
    MemoryPressure,
    /// Nobody waits for memory any more.
    MemoryRelieved,
    /// All batches that were opened before this input are ready now; `Flushed` comes when they are done.
    Flush {
        /// Which flush.
        flush: FlushId,
    },
    /// Something about transactions is to be done. Answered by `Transaction`, once.
    Transaction {
        /// Which call.
        call: CallId,
        /// When to answer that it took too long. The work goes on.
        deadline: Time,
        /// What to do.
        what: TransactionCall,
    },
    /// Nobody waits for a call's answer any more; there will be none, unless it is out already. The work goes on.
    CancelCall {
        /// Which call.
        call: CallId,
    },
    /// Deliver what there is, then close. A second one may move the deadline, to sooner only.
    Close {
        /// Fail what is left then; `None` waits as long as `delivery.timeout.ms` allows.
        deadline: Option<Time>,
    },
}

/// What to do.
#[derive(Debug)]
pub enum Output {
    /// Something on the network.
    Network(NetworkOutput),
    /// A topic is new or its partitions, leaders or id changed.
    Topic(TopicChange),
    /// An `Await` has its answer: a topic that a `Topic` output before this one showed.
    Awaited {
        /// Who waited.
        waiter: WaiterId,
        /// The topic, with the partition that was asked for.
        result: Result<TopicIndex, AdmissionError>,
    },
    /// Take the partition's open batch if it is still this one, seal it, and hand it in as `Sealed`. If another batch is open or none,
    /// somebody took it already and its `Sealed` is under way: do nothing.
    Seal {
        /// The batch.
        batch: BatchId,
    },
    /// These records of a batch are done. Every record of every batch is named exactly once.
    Complete {
        /// The batch.
        batch: BatchId,
        /// Which of its records, by index.
        records: Range<u32>,
        /// Where they are, or why not.
        result: Result<Appended, DeliveryError>,
    },
    /// Budget that came free, and a buffer to use again.
    Release {
        /// Bytes of the budget.
        bytes: usize,
        /// An empty buffer, where nothing else holds on to it.
        buffer: Option<BytesMut>,
    },
    /// A flush is done: everything opened before it is completed.
    Flushed {
        /// Which flush.
        flush: FlushId,
    },
    /// A call about transactions has its answer.
    Transaction {
        /// Which call.
        call: CallId,
        /// How it went.
        result: Result<TransactionAnswer, TransactionError>,
    },
    /// The engine is closed: everything is completed, every byte of the budget given back. Once.
    Closed,
    /// Nothing to do until then, or until the next input. The time is later than now.
    Idle(Option<Time>),
}

/// Where a range of records was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the range's first record; the others follow without a gap. `None` where it is not known (acks=0, or a duplicate that
    /// the broker recognised without its offset).
    pub base_offset: Option<i64>,
    /// The broker's timestamp for all of the records, ms since the epoch, where the topic is configured so
    /// (`message.timestamp.type=LogAppendTime`).
    pub log_append_time: Option<i64>,
}

/// A topic as the senders need it.
#[derive(Clone, Debug)]
pub struct TopicChange {
    /// Its number.
    pub topic: TopicIndex,
    /// Its name.
    pub name: ByteStr,
    /// Its id; nil where the brokers are too old for ids.
    pub id: Uuid,
    /// Its partitions, by number: 0, 1, 2, … A partition that vanished stays, without a leader.
    pub partitions: Vec<PartitionEntry>,
    /// Its compression estimate, for the appenders.
    pub ratio: Arc<SharedRatio>,
    /// How its batches are compressed, for the appenders.
    pub compression: Compression,
}

/// A partition as the senders need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionEntry {
    /// Its number within the topic.
    pub partition: i32,
    /// Its number within the engine.
    pub index: PartitionIndex,
    /// Its leader, where one is known.
    pub leader: Option<NodeId>,
    /// The leader's rack, where one is known.
    pub leader_rack: Option<ByteStr>,
}
