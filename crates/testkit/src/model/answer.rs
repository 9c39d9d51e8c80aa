//! What comes out of the model: answers, now or later.

use std::time::Duration;

use bytes::Bytes;

use super::request::Call;
use rohrpost_codec::Uuid;
use rohrpost_codec::messages::{FetchRequest, ProduceResponse};

/// The time, as whoever drives the model has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since the start: it never goes back.
    pub elapsed: Duration,
    /// The wall clock, in milliseconds since the epoch: the timestamps of topics with log append time.
    pub wall_ms: i64,
}

/// A connection to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What is to be done about a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Send these bytes: a frame with its length prefix.
    Send(Bytes),
    /// Send these bytes at `at`, not before.
    SendAt {
        /// The time since the start.
        at: Duration,
        /// A frame with its length prefix.
        frame: Bytes,
    },
    /// The answer is not known yet: [`Model::resume`](super::Model::resume) with this when its deadline has come, or earlier if
    /// [`Model::changes`](super::Model::changes) is not what it was.
    Wait(Waiting),
    /// Send nothing, and go on with the next request.
    Nothing,
    /// Send nothing and serve nothing more, but leave the connection open.
    Stall,
    /// Close the connection.
    Close,
}

/// A request whose answer is not known yet.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub(super) deadline: Option<Duration>,
    pub(super) changes: u64,
    pub(super) kind: Box<WaitingKind>,
}

#[derive(Clone, Debug)]
pub(super) enum WaitingKind {
    /// The whole request waits: its broker is paused, or its connection muted.
    Request(Bytes),
    /// Waits for data.
    Fetch { call: Call, request: FetchRequest, until: Duration },
    /// Waits for the followers.
    Produce { call: Call, response: ProduceResponse, open: Vec<OpenAppend>, until: Duration },
}

/// An append with acks=all that the followers have not copied.
#[derive(Clone, Debug)]
pub(super) struct OpenAppend {
    pub(super) topic: String,
    /// A topic of the same name that was created meanwhile has another.
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
    /// The epoch of the leader that appended.
    pub(super) leader_epoch: i32,
    pub(super) last_offset: i64,
    /// Where in the response: topic and partition.
    pub(super) at: (usize, usize),
}

impl Waiting {
    /// When to resume at the latest, since the start; `None` for never, unless something changes.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// What [`Model::changes`](super::Model::changes) was when this was made.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }
}
