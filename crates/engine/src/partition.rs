//! One partition: its queue, its window, its place in the producer's identity, and what it may do next.
//!
//! What may be sent, in this order of precedence:
//!
//! 1. **A lost sequence** (a batch that may or may not have been appended was given up, or one was refused for good):
//!    nothing new is sent. What is in flight is awaited. Batches that were sent before and may have been appended are sent
//!    again under their old identity, one at a time, until their fate is known. Then a new epoch begins, and only what was never
//!    appended for certain moves into it, and what was sent behind that: no broker takes a sequence before its predecessor.
//! 2. **A batch that failed** is sent again when it is the oldest unresolved one, and alone: later ones wait behind it.
//! 3. **The next batch of the queue**, if the broker's window has room, no retry is under way, and the former leader, if there was
//!    another, owes nothing.
//!
//! **The first batch of an epoch travels alone.** A broker that has no state of a producer takes any first sequence. So if a
//! leader is still coming up, refuses the first batch and takes the second, which is in flight as well, then the first can never be
//! appended (seen on Kafka 4.3.1 with a topic just created). One answer later the broker knows the producer, and five may be in flight. A producer
//! that was idle may be forgotten again (`producer.id.expiration.ms`): then the next batch is like a first one.

use alloc::sync::Arc;
use core::time::Duration;

use rohrpost_cluster::{NodeId, Time};
use rohrpost_codec::ByteStr;
use rohrpost_records::{ProducerStamp, Sequence};

use crate::error::DeliveryError;
use crate::identity::{Current, Epoch};
use crate::ids::{PartitionIndex, Slot, TopicIndex};
use crate::overrides::TopicSettings;
use crate::plants::{Plant, Planted};
use crate::queue::{Front, Queue};
use crate::transaction::Gate;
use crate::why::Waiting;
use crate::window::{BROKER_WINDOW, Sent, State, Window};

/// How long brokers are trusted to remember a producer that sends nothing. They do for a day unless they are told otherwise, and what is lost by less trust is a
/// round trip in which nothing follows the next batch.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: PartitionIndex,
    pub(crate) topic: TopicIndex,
    /// Its number within the topic.
    pub(crate) number: i32,
    /// Its topic's; one for all its partitions, which may be ten thousand.
    pub(crate) settings: Arc<TopicSettings>,
    pub(crate) leader: Option<NodeId>,
    pub(crate) leader_rack: Option<ByteStr>,
    pub(crate) leader_epoch: i32,
    pub(crate) queue: Queue,
    pub(crate) window: Window,
    /// The identity of what is in the window, and of what follows it.
    pub(crate) epoch: Option<Epoch>,
    pub(crate) next_sequence: Sequence,
    /// When a batch of this epoch was last appended: for a while the brokers know where its sequences are.
    pub(crate) established: Option<Time>,
    /// The log knows nothing of this epoch: the topic was created again, or the leader says so (UNKNOWN_PRODUCER_ID). It may take any sequence first, and
    /// so what is known of one batch says nothing of another.
    pub(crate) is_forgotten: bool,
    /// A sequence of this epoch will never be used, or its log began anew: only a new epoch goes on.
    pub(crate) must_renew: bool,
    /// Batches before this slot end so when they come in.
    pub(crate) doomed: Option<(Slot, DeliveryError)>,
    /// The last transaction that it has belonged to.
    pub(crate) enrolled: u64,
    /// Its next step is to be looked at again.
    pub(crate) is_dirty: bool,
    /// It is in this node's list of partitions that can send.
    pub(crate) listed: Option<NodeId>,
    /// It is to be looked at again then.
    pub(crate) timer: Option<Time>,
}

/// What a partition's next step depends on beside itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: Time,
    pub(crate) identity: Current,
    pub(crate) gate: Gate,
    /// One request in flight at most: order is kept by that alone.
    pub(crate) one_in_flight: bool,
    /// Every open batch is ready.
    pub(crate) hurry: bool,
    /// Batches that were born before this number are ready.
    pub(crate) flush_before: u64,
    pub(crate) planted: Planted,
}

/// What a partition does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends an entry of its window again.
    Resend { node: NodeId, at: usize, size: usize },
    /// Sends the sealed batch at the front of its queue.
    Send { node: NodeId, size: usize },
    /// Has its open batch sealed.
    Seal { node: NodeId, slot: Slot },
    /// Begins a new epoch.
    Renew,
    /// Nothing, until then or until something happens.
    Wait { why: Waiting, until: Option<Time> },
}

impl Step {
    const fn wait(why: Waiting) -> Self {
        Self::Wait { why, until: None }
    }
}

impl Partition {
    pub(crate) fn new(
        index: PartitionIndex,
        topic: TopicIndex,
        number: i32,
        settings: Arc<TopicSettings>,
    ) -> Self {
        Self {
            index,
            topic,
            number,
            settings,
            leader: None,
            leader_rack: None,
            leader_epoch: -1,
            queue: Queue::default(),
            window: Window::default(),
            epoch: None,
            next_sequence: Sequence::ZERO,
            established: None,
            is_forgotten: false,
            must_renew: false,
            doomed: None,
            enrolled: 0,
            is_dirty: false,
            listed: None,
            timer: None,
        }
    }

    /// Whether it has nothing to do, and nothing that it waits for.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.window.is_empty()
    }

    /// The producer's identity, as far as it is this partition's matter.
    pub(crate) fn identity(&self, producer: Current) -> Current {
        if self.settings.is_idempotent { producer } else { Current::Off }
    }

    /// Whether the brokers know the epoch, so that they take no batch before its predecessor.
    fn is_established(&self, now: Time) -> bool {
        self.established.is_some_and(|last| now < last + REMEMBERED)
    }

    /// See the module's list.
    pub(crate) fn next_step(&self, around: Circumstances) -> Step {
        // A new epoch is begun when there is something to send in it.
        if self.is_idle() {
            return Step::wait(Waiting::Nothing);
        }
        if self.must_renew || self.window.has_lost() && !around.planted.is(Plant::IgnoreLost) {
            // Nothing is sent any more until the transaction has ended, and the end takes care of it.
            if around.gate == Gate::Shut && !self.window.owes_any() {
                return Step::wait(Waiting::Transaction);
            }
            return self.step_to_renewal(around);
        }
        let first =
            if around.planted.is(Plant::RetryOutOfOrder) { self.newest_waiting() } else { 0 };
        if let Some(State::Waiting { not_before }) = self.window.get(first).map(|sent| sent.state) {
            if not_before <= around.now || !around.planted.is(Plant::OvertakeRetry) {
                return self.resend(first, not_before, around);
            }
        }
        match self.queue.front() {
            Front::Nothing => {
                let batches = self.window.in_flight();
                return Step::wait(match batches {
                    0 => Waiting::Nothing,
                    _ => Waiting::Answers { batches },
                });
            }
            Front::Missing | Front::Open { asked: true, .. } => {
                return Step::wait(Waiting::Sealing);
            }
            Front::Open { .. } | Front::Sealed { .. } => {}
        }
        if around.gate != Gate::Free && !self.is_let_in(around.gate) {
            return Step::wait(Waiting::Transaction);
        }
        let Some(node) = self.leader else { return Step::wait(Waiting::Leader) };
        if let Some(step) = self.held_up(node, around) {
            return step;
        }
        match self.queue.front() {
            Front::Sealed { size } => Step::Send { node, size },
            Front::Open { slot, born, created, .. } => {
                let until = created + self.settings.linger;
                if around.hurry || born < around.flush_before || until <= around.now {
                    Step::Seal { node, slot }
                } else {
                    Step::Wait { why: Waiting::Linger { until }, until: Some(until) }
                }
            }
            Front::Nothing | Front::Missing => Step::wait(Waiting::Sealing),
        }
    }

    /// When the oldest of its batches that can expire was created.
    pub(crate) fn oldest(&self) -> Option<Time> {
        let sent = self.window.iter().find(|sent| sent.is_owed()).map(|sent| sent.created);
        let queued = self.queue.oldest();
        match (sent, queued) {
            (Some(sent), Some(queued)) => Some(sent.min(queued)),
            (sent, queued) => sent.or(queued),
        }
    }

    /// A new batch's place in the producer's identity; `None` without idempotence, or without any identity yet. A partition whose window is empty takes up the current identity.
    pub(crate) fn take_sequences(
        &mut self,
        identity: Current,
        count: i32,
        planted: Planted,
    ) -> Option<ProducerStamp> {
        match self.identity(identity) {
            Current::Off => return None,
            // While the identity is being replaced, its own is as good as ever.
            Current::None | Current::Denied(_) => {}
            Current::Ready(current) if self.epoch.is_none() => {
                self.begin_epoch(current);
                self.next_sequence = planted.first_sequence();
            }
            Current::Ready(current) if self.epoch != Some(current) && self.window.is_empty() => {
                if planted.is(Plant::KeepSequences) {
                    self.epoch = Some(current);
                } else {
                    self.begin_epoch(current);
                }
            }
            Current::Ready(_) => {}
        }
        let epoch = self.epoch?;
        let base_sequence = self.next_sequence;
        self.next_sequence = base_sequence.add(count);
        if planted.is(Plant::SequenceOverflow) && self.next_sequence.0 < base_sequence.0 {
            self.next_sequence = self.next_sequence.add(1);
        }
        Some(ProducerStamp {
            producer_id: epoch.producer_id,
            producer_epoch: epoch.epoch,
            base_sequence,
        })
    }

    /// Begins an epoch at sequence 0. Only what was never appended for certain may be in the window: it moves along.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        self.window.begin_epoch();
        self.epoch = Some(epoch);
        self.established = None;
        self.is_forgotten = false;
        self.must_renew = false;
        let mut next = Sequence::ZERO;
        for sent in self.window.iter_mut() {
            // With plants, the simulator has to find that out for itself.
            debug_assert!(cfg!(feature = "plants") || sent.is_waiting());
            debug_assert!(cfg!(feature = "plants") || !sent.ambiguous || next != Sequence::ZERO);
            sent.ambiguous = false;
            sent.stamp = Some(ProducerStamp {
                producer_id: epoch.producer_id,
                producer_epoch: epoch.epoch,
                base_sequence: next,
            });
            next = next.add(sent.count as i32);
        }
        self.next_sequence = next;
    }

    /// Whatever epoch it was in is over, and with it what was lost there: the next batch begins another.
    pub(crate) fn retire_epoch(&mut self) {
        self.window.begin_epoch();
        self.epoch = None;
        self.established = None;
        self.is_forgotten = false;
        self.must_renew = false;
    }

    fn step_to_renewal(&self, around: Circumstances) -> Step {
        if self.window.in_flight() > 0 {
            return Step::wait(Waiting::UnresolvedSequence);
        }
        // A log that has forgotten the epoch settles nothing: what is in doubt is given up when the new epoch begins.
        if self.is_forgotten && self.first_hopeless().is_some() {
            return Step::Renew;
        }
        // Behind one that was never appended for certain there is no doubt: no broker takes a sequence before its predecessor.
        let is_certain = |sent: &Sent| sent.is_waiting() && !sent.ambiguous;
        let certain = self.window.iter().position(is_certain);
        let doubtful = self.window.iter().take(certain.unwrap_or(usize::MAX)).enumerate();
        let doubtful = doubtful.filter(|_| !around.planted.is(Plant::RestampDoubtful));
        for (at, sent) in doubtful {
            if let State::Waiting { not_before } = sent.state {
                return self.resend(at, not_before, around);
            }
        }
        match around.identity {
            Current::None => Step::wait(Waiting::ProducerId),
            // A denial ends what waits for an identity.
            Current::Off | Current::Ready(_) | Current::Denied(_) => Step::Renew,
        }
    }

    /// The first batch that waits, may have been appended, and of which no later answer can tell: the log has forgotten the epoch, or may have begun anew
    /// unseen, for a request that names the topic (before Produce 13) goes into any log of that name, however late it comes.
    pub(crate) fn first_hopeless(&self) -> Option<usize> {
        let is_certain = |sent: &Sent| sent.is_waiting() && !sent.ambiguous;
        let certain = self.window.iter().position(is_certain).unwrap_or(usize::MAX);
        let hopeless = |(at, sent): (usize, &Sent)| {
            let in_doubt = sent.is_waiting() && sent.ambiguous;
            in_doubt && (self.is_forgotten || sent.by_name && certain < at)
        };
        self.window.iter().enumerate().position(hopeless)
    }

    fn newest_waiting(&self) -> usize {
        self.window.iter().rposition(|sent| sent.is_waiting()).unwrap_or_default()
    }

    fn resend(&self, at: usize, not_before: Time, around: Circumstances) -> Step {
        let Some(node) = self.leader else { return Step::wait(Waiting::Leader) };
        if not_before > around.now {
            let until = not_before;
            return Step::Wait { why: Waiting::BackOff { until }, until: Some(until) };
        }
        let records = self.window.get(at).and_then(|sent| sent.records.as_ref());
        let size = records.map_or(0, rohrpost_records::SealedBatch::size);
        Step::Resend { node, at, size }
    }

    /// Whether the batch at the front of the queue may be sent, as far as it is its transaction's matter.
    fn is_let_in(&self, gate: Gate) -> bool {
        let born = self.queue.front_born().unwrap_or(u64::MAX);
        match gate {
            Gate::Free => true,
            Gate::Shut => false,
            Gate::Members { number, before } => self.enrolled == number && born < before,
            Gate::Open { before } => born < before,
        }
    }

    /// What keeps a new batch back, if anything.
    fn held_up(&self, node: NodeId, around: Circumstances) -> Option<Step> {
        // In a transaction of version 2 a broker takes no other sequence first.
        let begins_at_zero = matches!(around.gate, Gate::Open { .. });
        let mut why = None;
        for sent in self.window.iter() {
            match sent.state {
                State::Waiting { .. } if around.planted.is(Plant::OvertakeRetry) => {}
                State::Waiting { .. } => why = Some(Waiting::Retry),
                // Its user gave it up: its sequences are in question until its answer comes.
                State::InFlight { abandoned: true, .. } if sent.stamp.is_some() => {
                    why = Some(Waiting::UnresolvedSequence);
                }
                State::InFlight { node: at, .. } => {
                    if around.one_in_flight {
                        why = Some(Waiting::Muted);
                    } else if sent.attempts > 1 {
                        why = Some(Waiting::Retry);
                    } else if at != node {
                        why = Some(Waiting::FormerLeader { node: at });
                    } else if sent.stamp.is_some()
                        && !self.is_established(around.now)
                        && !begins_at_zero
                    {
                        why = Some(Waiting::FirstAnswer);
                    }
                }
                State::Lost if around.planted.is(Plant::IgnoreLost) => {}
                State::Lost => why = Some(Waiting::UnresolvedSequence),
                State::Done => {}
            }
        }
        let identity = self.identity(around.identity);
        if why.is_none() && identity != Current::Off {
            let room = if around.planted.is(Plant::WideWindow) { 50 } else { BROKER_WINDOW };
            if self.window.len() >= room {
                why = Some(Waiting::Window);
            } else if identity == Current::None && self.epoch.is_none() {
                why = Some(Waiting::ProducerId);
            }
        }
        why.map(Step::wait)
    }
}
