//! Who the producer is: producer id and epoch (KIP-98, KIP-360).
//!
//! ```text
//!            idempotence off: Off
//!
//!   Needed ── InitProducerId sent ──► Asked ── id ──► Ready(id, epoch) ── bump ──► Ready(id, epoch + 1)
//!     ▲  ▲                              │                  │
//!     │  └── retriable, no answer ──────┤                  └─ epoch 32767 ──► Needed
//!     │                                 └─ refused ──► Denied ── after a pause ──► Needed
//!     └───────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! One identity is current. A partition keeps the one that it began with until its window is empty, or until it must begin a new one
//! because a sequence was lost ([`partition`](crate::partition)): a bump rewrites nobody else. A bump is local; the brokers
//! learn of the new epoch with the first batch, whose sequence is 0.

use rohrpost_cluster::{RequestId, Time};
use rohrpost_records::{ProducerEpoch, ProducerId};

use crate::error::AttemptFailure;
use crate::plants::{Plant, Planted};

/// A producer id with an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) producer_id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

/// See the module's picture.
#[derive(Debug)]
pub(crate) struct Identity {
    state: State,
    /// Failures in a row, for the back-off.
    failures: u32,
    /// How the last attempt failed, while there is no id.
    last: Option<AttemptFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Off,
    Needed { not_before: Time },
    Asked(RequestId),
    Ready(Epoch),
    Denied { last: AttemptFailure, until: Time },
}

/// What stamping may rely on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Current {
    /// Batches carry no identity.
    Off,
    /// There is none yet.
    None,
    /// This one.
    Ready(Epoch),
    /// The cluster gives none.
    Denied(AttemptFailure),
}

impl Identity {
    pub(crate) const fn new(is_idempotent: bool) -> Self {
        let state =
            if is_idempotent { State::Needed { not_before: Time::ZERO } } else { State::Off };
        Self { state, failures: 0, last: None }
    }

    pub(crate) const fn current(&self) -> Current {
        match self.state {
            State::Off => Current::Off,
            State::Needed { .. } | State::Asked(_) => Current::None,
            State::Ready(epoch) => Current::Ready(epoch),
            State::Denied { last, .. } => Current::Denied(last),
        }
    }

    /// Whether an InitProducerId should go out now. A denial is forgotten here when its time has come.
    pub(crate) fn wants_request(&mut self, now: Time) -> bool {
        if let State::Denied { until, .. } = self.state {
            if until <= now {
                self.state = State::Needed { not_before: now };
            }
        }
        matches!(self.state, State::Needed { not_before } if not_before <= now)
    }

    /// When [`wants_request`](Self::wants_request) changes by itself.
    pub(crate) fn next_deadline(&self, now: Time) -> Option<Time> {
        match self.state {
            State::Needed { not_before } if not_before > now => Some(not_before),
            State::Denied { until, .. } if until > now => Some(until),
            _ => None,
        }
    }

    pub(crate) fn asked(&mut self, request: RequestId) {
        self.state = State::Asked(request);
    }

    pub(crate) fn is_asked(&self, request: RequestId) -> bool {
        self.state == State::Asked(request)
    }

    pub(crate) fn assigned(&mut self, epoch: Epoch) {
        self.state = State::Ready(epoch);
        self.failures = 0;
        self.last = None;
    }

    /// The attempt failed; answers how many failed in a row. [`retry_at`](Self::retry_at) or [`denied`](Self::denied) must follow.
    pub(crate) fn failed(&mut self, how: AttemptFailure) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(how);
        self.failures
    }

    pub(crate) fn retry_at(&mut self, not_before: Time) {
        self.state = State::Needed { not_before };
    }

    /// The cluster refuses: batches fail until `until`, then it is asked again.
    pub(crate) fn denied(&mut self, last: AttemptFailure, until: Time) {
        self.state = State::Denied { last, until };
    }

    /// How the last attempt to get an id failed, while there is none.
    pub(crate) const fn last_failure(&self) -> Option<AttemptFailure> {
        self.last
    }

    /// Begins a new epoch; the new one, or `None` where a new producer id is needed first.
    pub(crate) fn bump(&mut self, now: Time, planted: Planted) -> Option<Epoch> {
        let State::Ready(Epoch { producer_id, epoch }) = self.state else { return None };
        if epoch.0 == i16::MAX && planted.is(Plant::EpochOverflow) {
            let first = Epoch { producer_id, epoch: ProducerEpoch(0) };
            self.state = State::Ready(first);
            return Some(first);
        }
        if epoch.0 == i16::MAX {
            self.state = State::Needed { not_before: now };
            return planted.is(Plant::StaleProducerId).then_some(Epoch { producer_id, epoch });
        }
        let next = Epoch { producer_id, epoch: ProducerEpoch(epoch.0 + 1) };
        self.state = State::Ready(next);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: i16) -> Epoch {
        Epoch { producer_id: ProducerId(9), epoch: ProducerEpoch(epoch) }
    }

    #[test]
    fn the_last_epoch_is_followed_by_a_new_producer_id() {
        let mut identity = Identity::new(true);
        assert!(identity.wants_request(Time::ZERO));
        identity.assigned(at(i16::MAX - 1));
        assert_eq!(identity.bump(Time::ZERO, Planted::NONE), Some(at(i16::MAX)));
        assert_eq!(identity.bump(Time::ZERO, Planted::NONE), None);
        assert_eq!(identity.current(), Current::None);
        assert!(identity.wants_request(Time::ZERO));
    }

    #[test]
    fn a_denial_ends_after_its_pause() {
        let mut identity = Identity::new(true);
        assert_eq!(identity.failed(AttemptFailure::TimedOut), 1);
        identity.denied(AttemptFailure::TimedOut, Time::from_millis(10));
        assert!(!identity.wants_request(Time::from_millis(9)));
        assert_eq!(identity.current(), Current::Denied(AttemptFailure::TimedOut));
        assert_eq!(identity.next_deadline(Time::from_millis(9)), Some(Time::from_millis(10)));
        assert!(identity.wants_request(Time::from_millis(10)));
        assert_eq!(identity.current(), Current::None);
    }

    #[test]
    fn without_idempotence_nothing_is_ever_asked() {
        let mut identity = Identity::new(false);
        assert!(!identity.wants_request(Time::from_millis(1)));
        assert_eq!(identity.bump(Time::ZERO, Planted::NONE), None);
        assert_eq!(identity.current(), Current::Off);
    }
}
