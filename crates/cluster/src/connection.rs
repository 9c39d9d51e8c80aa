//! [`Connection`]: what is in flight on one connection.

use alloc::collections::VecDeque;
use core::time::Duration;

use rohrpost_codec::ApiKey;

use crate::{ConnectionId, RequestId, Time};

/// A connection that is made. Frames are numbered from 1; a broker answers in the order of the requests.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    next_correlation_id: i32,
    /// Frames queued, frames that the driver took, frames that it wrote.
    queued: u64,
    taken: u64,
    written: u64,
    awaiting: VecDeque<InFlight>,
    /// Requests that expect no answer and are not written yet.
    unwritten: VecDeque<InFlight>,
    last_used: Time,
    /// It answered more than who it is.
    has_served: bool,
}

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) purpose: Purpose,
    pub(crate) api_key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) sent: Time,
    /// When its last byte was written.
    pub(crate) written: Option<Time>,
    pub(crate) timeout: Duration,
    deadline: Time,
    frame: u64,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Ours, to learn the node's versions.
    Negotiation,
    /// Ours, to say who we are.
    Authentication,
    /// Ours, for metadata.
    Metadata,
    /// The layer's above.
    Above(RequestId),
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    pub(crate) api_key: ApiKey,
    pub(crate) version: i16,
    pub(crate) expects_answer: bool,
    pub(crate) timeout: Duration,
}

/// An answer that is not the next one expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unasked {
    pub(crate) expected: Option<i32>,
}

impl Connection {
    pub(crate) const fn new(id: ConnectionId, now: Time) -> Self {
        Self {
            id,
            next_correlation_id: 0,
            queued: 0,
            taken: 0,
            written: 0,
            awaiting: VecDeque::new(),
            unwritten: VecDeque::new(),
            last_used: now,
            has_served: false,
        }
    }

    /// When it was last used.
    pub(crate) const fn last_used(&self) -> Time {
        self.last_used
    }

    /// What was done since does not count as use.
    pub(crate) fn set_last_used(&mut self, at: Time) {
        self.last_used = at;
    }

    /// Whether requests are open, and none of those that came after the setting up was ever answered.
    pub(crate) fn is_unserved(&self) -> bool {
        !self.has_served && !self.awaiting.is_empty()
    }

    /// The correlation id that the next [`push`](Self::push) takes.
    pub(crate) const fn next_correlation_id(&self) -> i32 {
        self.next_correlation_id
    }

    /// A request was queued.
    pub(crate) fn push(&mut self, call: Call, now: Time) {
        self.queued += 1;
        self.last_used = now;
        let Call { purpose, api_key, version, expects_answer, timeout } = call;
        let request = InFlight {
            purpose,
            api_key,
            version,
            correlation_id: self.next_correlation_id,
            sent: now,
            written: None,
            timeout,
            deadline: now + timeout,
            frame: self.queued,
        };
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        if expects_answer {
            self.awaiting.push_back(request);
        } else {
            self.unwritten.push_back(request);
        }
    }

    /// The driver took a frame.
    pub(crate) fn take(&mut self) {
        self.taken += 1;
    }

    /// The driver wrote so many frames in all.
    pub(crate) fn set_written(&mut self, frames: u64, now: Time) {
        let before = self.written;
        self.written = before.max(frames.min(self.taken));
        for request in self.awaiting.iter_mut().rev().take_while(|request| request.frame > before) {
            if request.frame <= self.written {
                request.written = Some(now);
            }
        }
        self.last_used = now;
    }

    /// A request that expects no answer and is written, if there is one.
    pub(crate) fn pop_written(&mut self) -> Option<InFlight> {
        self.unwritten.front().filter(|request| request.frame <= self.written)?;
        self.unwritten.pop_front()
    }

    /// The request that this answer is for: always the oldest one.
    pub(crate) fn pop_answered(
        &mut self,
        correlation_id: i32,
        now: Time,
    ) -> Result<InFlight, Unasked> {
        self.last_used = now;
        let expected = self.awaiting.front().map(|request| request.correlation_id);
        if expected != Some(correlation_id) {
            return Err(Unasked { expected });
        }
        let answered = self.awaiting.pop_front().ok_or(Unasked { expected })?;
        self.has_served |= matches!(answered.purpose, Purpose::Above(_) | Purpose::Metadata);
        Ok(answered)
    }

    /// Ends the connection: each request, in the order sent, and whether the broker may have got it. After a loss that the driver
    /// told, what it had not written is known not to be there; before, only what it had not taken.
    pub(crate) fn end(mut self, is_lost: bool) -> impl Iterator<Item = (InFlight, bool)> {
        let arrived = if is_lost { self.written } else { self.taken };
        let requests = self.awaiting.make_contiguous();
        self.unwritten.extend(requests.iter().copied());
        self.unwritten.make_contiguous().sort_by_key(|request| request.frame);
        self.unwritten.into_iter().map(move |request| (request, request.frame <= arrived))
    }

    /// How many requests of the layer above are in flight.
    pub(crate) fn in_flight_above(&self) -> usize {
        let is_above = |request: &&InFlight| matches!(request.purpose, Purpose::Above(_));
        self.requests().filter(is_above).count()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.awaiting.is_empty() && self.unwritten.is_empty()
    }

    /// When the first request times out, or the connection has been idle for long enough.
    pub(crate) fn deadline(&self, max_idle: Option<Duration>) -> Option<Time> {
        match self.requests().map(|request| request.deadline).min() {
            None => max_idle.map(|max_idle| self.last_used + max_idle),
            deadline => deadline,
        }
    }

    /// A request that has timed out.
    pub(crate) fn timed_out(&self, now: Time) -> Option<&InFlight> {
        self.requests()
            .filter(|request| request.deadline <= now)
            .min_by_key(|request| request.deadline)
    }

    /// Gives every request in flight more time: the broker said that it pauses.
    pub(crate) fn extend_deadlines(&mut self, pause: Duration) {
        for request in self.awaiting.iter_mut().chain(&mut self.unwritten) {
            request.deadline += pause;
        }
    }

    fn requests(&self) -> impl Iterator<Item = &InFlight> {
        self.awaiting.iter().chain(&self.unwritten)
    }
}
