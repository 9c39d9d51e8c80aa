//! What the senders and the driver's task share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rohrpost_codec::ByteStr;
use rohrpost_engine::{
    BatchId, SealedBatch, Stages, Time, TransactionAnswer, TransactionCall, TransactionError,
};
use tokio::sync::oneshot;

use crate::awaits::Awaits;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::completion::Completion;
use crate::handle::GivenUp;
use crate::inbox::Inbox;
use crate::lock;
use crate::memory::Memory;
use crate::pool::Pool;
use crate::stats::Stats;
use crate::topics::Topics;

/// The state behind all handles of one producer.
///
/// Lock order: a lane, then memory, then the pool or the inbox. The driver's task holds at most one lock at a time, and nobody runs foreign
/// code (a waker, a callback) under any.
pub(crate) struct Shared {
    /// Which producer of this process it is.
    pub(crate) id: u64,
    pub(crate) clock: Clock,
    pub(crate) topics: Topics,
    pub(crate) memory: Memory,
    pub(crate) pool: Pool,
    pub(crate) awaits: Awaits,
    pub(crate) inbox: Inbox<Message>,
    pub(crate) bell: Arc<Bell>,
    /// Nothing is accepted any more.
    closing: AtomicBool,
    /// The engine closed and the driver ended, as it should be, and left so much undelivered.
    closed_in_order: OnceLock<GivenUp>,
    /// As of the driver's last round.
    pub(crate) stats: Mutex<Stats>,
    /// How long everything took so far.
    pub(crate) stages: Arc<Stages>,
}

/// What a sender tells the driver. At most two a batch; the others are rare.
pub(crate) enum Message {
    Opened {
        batch: BatchId,
        at: Time,
    },
    Sealed {
        batch: SealedBatch,
        completion: Arc<Completion>,
    },
    /// Somebody waits for metadata, or does no more: look at it.
    AwaitsChanged,
    /// Somebody wants memory: look at it.
    MemoryWanted,
    /// A transactional call, answered once.
    Transaction {
        what: TransactionCall,
        deadline: Time,
        done: oneshot::Sender<Result<TransactionAnswer, TransactionError>>,
    },
    Flush {
        done: oneshot::Sender<()>,
    },
    /// Answered with the number of records that were given up.
    Close {
        deadline: Option<Time>,
        done: Option<oneshot::Sender<GivenUp>>,
    },
    Why {
        topic: ByteStr,
        partition: i32,
        answer: oneshot::Sender<String>,
    },
}

impl Shared {
    pub(crate) fn new(buffer_memory: usize, clock: Clock) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let bell = Arc::new(Bell::default());
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            clock,
            topics: Topics::new(),
            memory: Memory::new(buffer_memory),
            pool: Pool::new(buffer_memory),
            awaits: Awaits::default(),
            inbox: Inbox::new(bell.clone()),
            bell,
            closing: AtomicBool::new(false),
            closed_in_order: OnceLock::new(),
            stats: Mutex::default(),
            stages: Arc::default(),
        })
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_duration(self.clock.now())
    }

    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_to_close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Set before the inbox closes, so that whoever finds it closed sees it.
    pub(crate) fn note_closed_in_order(&self, given_up: GivenUp) {
        // The driver ends once.
        let _ = self.closed_in_order.set(given_up);
    }

    pub(crate) fn closed_in_order(&self) -> Option<GivenUp> {
        self.closed_in_order.get().cloned()
    }

    /// The counters, and the levels of this moment.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = lock(&self.stats).clone();
        let (used, total, waiting) = self.memory.usage();
        stats.buffered_bytes = used as u64;
        stats.buffer_memory = total as u64;
        stats.senders_waiting = (waiting + self.awaits.waiting()) as u64;
        stats.senders_held = if self.memory.holds() { waiting as u64 } else { 0 };
        stats
    }
}
