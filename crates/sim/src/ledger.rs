//! What is known of every record from outside of the engine: when it was accepted, what went over the wire with it, what brokers answered, what its
//! sender was told. The engine's word is held against it.
//!
//! The wire has rules of its own, whatever comes of it in the logs: an identity carries one payload for ever, sequences follow one another,
//! nothing is sent twice at once, nothing overtakes what waits to be sent again, and no more than five batches follow the oldest one in doubt.

mod definite;

use std::collections::BTreeMap;

use rohrpost_cluster::Time;
use rohrpost_codec::{ErrorCode, Uuid};
use rohrpost_engine::{Acks, Appended, DeliveryError, DeliveryErrorKind, Outcome, TopicSettings};

use self::definite::is_definite;
use crate::plan::Plan;

/// A record that was accepted.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) lane: usize,
    /// Its place among the records that were accepted for the partition.
    pub(crate) place: usize,
    pub(crate) value: Vec<u8>,
    /// When its batch was opened.
    pub(crate) created: Time,
    pub(crate) endings: u32,
    pub(crate) ending: Option<Ending>,
    /// Where it is in the partition's log now.
    pub(crate) offset: Option<i64>,
    /// How often it is there: without idempotence that may be more than once.
    pub(crate) copies: u32,
    /// It was in a log, of whatever became of it.
    pub(crate) was_written: bool,
    /// It was in the log of a topic that was deleted.
    pub(crate) was_deleted: bool,
}

/// How a record ended, for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Acked(Option<i64>),
    Failed(Outcome, String),
}

/// A partition, as its records see it.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) topic: usize,
    pub(crate) partition: i32,
    /// Its records, in the order of acceptance.
    pub(crate) records: Vec<usize>,
    /// Batches that were sent and are not long done, by the place of their first record.
    sent: BTreeMap<usize, Sent>,
    /// Producer id, epoch, and the sequence that comes next.
    epoch: Option<(i64, i16, i32)>,
    /// The places of what each sequence was given to, by producer id, epoch and first sequence.
    identities: BTreeMap<(i64, i16, i32), (usize, usize)>,
    /// What was acknowledged may be lost: an unclean election.
    pub(crate) is_unclean: bool,
}

/// A batch that was sent.
#[derive(Clone, Debug)]
struct Sent {
    count: usize,
    /// Producer id, epoch, sequence.
    stamp: Option<(i64, i16, i32)>,
    /// How often it is on its way now.
    open: u32,
    /// It may have been appended.
    in_doubt: bool,
    /// Its sequence was refused, and nothing was before it.
    sequence_refused: bool,
    too_large: bool,
    /// What was left when a part of a larger batch was sent: not sent itself since.
    is_rest: bool,
    acked: bool,
    /// A later one of its epoch was acknowledged, which no broker takes before its predecessor.
    implied: bool,
    /// Records whose senders have not heard of their end.
    owed: usize,
    last: ErrorCode,
    /// When it failed last.
    failed_at: Time,
    /// How often it was sent again without a pause.
    hasty: u32,
}

/// How often a batch may be sent again without a pause: for a new leader, a new epoch, a broker that is back.
const MOST_HASTE: u32 = 24;

/// A batch in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) lane: usize,
    pub(crate) place: usize,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) records: Vec<Record>,
    pub(crate) lanes: Vec<Lane>,
    /// The lane of each partition, by topic.
    by_topic: Vec<Vec<usize>>,
    /// Every id that a topic ever had.
    pub(crate) ids: Vec<(Uuid, usize)>,
    /// The record of each number that was drawn, once it is accepted.
    by_number: Vec<Option<usize>>,
    /// What holds for each topic.
    settings: Vec<TopicSettings>,
    one_in_flight: bool,
    first_sequence: i32,
    backoff: std::time::Duration,
    /// How much later than its time-out a record may end: its batch may be being sealed.
    slack: std::time::Duration,
    /// The clock jumped last then.
    pub(crate) jumped: Time,
    pub(crate) violations: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(plan: &Plan, slack: std::time::Duration) -> Self {
        let (topics, cluster) = (plan.topics.len(), &plan.engine.cluster);
        Self {
            records: Vec::new(),
            lanes: Vec::new(),
            by_topic: vec![Vec::new(); topics],
            ids: Vec::new(),
            by_number: Vec::new(),
            settings: plan.settings().collect(),
            one_in_flight: cluster.max_in_flight <= 1,
            first_sequence: plan.first_sequence,
            backoff: cluster.retry_backoff,
            slack,
            jumped: Time::ZERO,
            violations: Vec::new(),
        }
    }

    /// What holds for a partition.
    pub(crate) fn settings(&self, lane: usize) -> &TopicSettings {
        &self.settings[self.lanes[lane].topic]
    }

    /// A new record's number.
    pub(crate) fn number(&mut self) -> usize {
        self.by_number.push(None);
        self.by_number.len() - 1
    }

    /// The record whose number its value begins with.
    pub(crate) fn of_value(&self, value: &[u8]) -> Option<usize> {
        let number = u64::from_be_bytes(*value.first_chunk()?);
        self.by_number.get(usize::try_from(number).ok()?).copied()?
    }

    pub(crate) fn lane(&mut self, topic: usize, partition: i32) -> usize {
        let lanes = &mut self.by_topic[topic];
        while lanes.len() <= partition as usize {
            let (at, partition) = (self.lanes.len(), lanes.len() as i32);
            self.lanes.push(Lane { topic, partition, ..Lane::default() });
            lanes.push(at);
        }
        lanes[partition as usize]
    }

    pub(crate) fn has_topic(&self, topic: usize) -> bool {
        topic < self.by_topic.len()
    }

    pub(crate) fn lanes_of(&self, topic: usize) -> &[usize] {
        &self.by_topic[topic]
    }

    pub(crate) fn accepted(
        &mut self,
        topic: usize,
        partition: i32,
        value: Vec<u8>,
        created: Time,
    ) -> usize {
        let lane = self.lane(topic, partition);
        let at = self.records.len();
        let number = value.first_chunk().map_or(0, |number| u64::from_be_bytes(*number));
        self.by_number[number as usize] = Some(at);
        let place = self.lanes[lane].records.len();
        self.lanes[lane].records.push(at);
        self.records.push(Record {
            lane,
            place,
            value,
            created,
            endings: 0,
            ending: None,
            offset: None,
            copies: 0,
            was_written: false,
            was_deleted: false,
        });
        at
    }

    /// Whether nothing of a partition is under way or in doubt.
    pub(crate) fn is_quiet(&self, lane: usize) -> bool {
        self.lanes[lane].sent.values().all(|sent| sent.acked || sent.implied)
    }

    /// Whether a batch of the partition is on its way.
    pub(crate) fn is_in_flight(&self, lane: usize) -> bool {
        self.lanes[lane].sent.values().any(|sent| sent.open > 0)
    }

    /// Whether a batch of the partition was sent, and its sender waits for its end.
    pub(crate) fn is_tried(&self, lane: usize) -> bool {
        self.lanes[lane].sent.values().any(|sent| sent.owed > 0 && !sent.acked)
    }

    pub(crate) fn is_owed(&self, lane: usize) -> bool {
        let records = self.lanes[lane].records.iter().rev();
        records.take(3000).any(|&record| self.records[record].endings == 0)
    }

    /// A batch leaves the engine.
    pub(crate) fn transmitted(
        &mut self,
        now: Time,
        part: Part,
        count: usize,
        stamp: Option<(i64, i16, i32)>,
        acks: i16,
    ) {
        let name = self.name(part.lane);
        let first_sequence = self.first_sequence;
        let settings = *self.settings(part.lane);
        let lane = &mut self.lanes[part.lane];
        let mut found = Vec::new();
        if acks != settings.acks.wire() {
            found.push(format!("I1: with acks={acks}, against the configuration"));
        }
        if settings.is_idempotent != stamp.is_some() {
            found.push("I5: with an identity or without, against the configuration".to_owned());
        }
        lane.tidy();
        lane.divide(part.place, count, &mut found);
        let is_again = lane.sent.contains_key(&part.place);
        if self.one_in_flight && lane.sent.values().any(|sent| sent.open > 0) {
            found.push("I4: two batches in flight where one may be".into());
        }
        if is_again {
            lane.again(part.place, stamp, first_sequence, &mut found);
            let pause = self.backoff * 7 / 10;
            if let Some(sent) = lane.sent.get_mut(&part.place) {
                sent.hasty += u32::from(now < sent.failed_at + pause);
                if sent.hasty > MOST_HASTE {
                    found.push(format!("I8: sent again {} times without a pause", sent.hasty));
                }
            }
        } else {
            let owed = lane.records[part.place..part.place + count]
                .iter()
                .filter(|&&record| self.records[record].endings == 0)
                .count();
            if owed == 0 {
                found.push("I2: sent after its end".into());
            }
            lane.fresh(part.place, count, owed, stamp, first_sequence, &mut found);
        }
        for violation in found {
            self.violations.push(format!(
                "{violation} ({name}, records {} to {}, {stamp:?})",
                part.place,
                part.place + count - 1
            ));
        }
    }

    /// A batch was answered, for this partition; or its connection ended with it, with NETWORK_EXCEPTION. `None`: it never left.
    pub(crate) fn answered(&mut self, now: Time, part: Part, code: Option<ErrorCode>) {
        let TopicSettings { acks, is_idempotent, .. } = *self.settings(part.lane);
        let lane = &mut self.lanes[part.lane];
        let is_behind = lane.sent.range(..part.place).any(|(_, sent)| !sent.acked);
        let Some(sent) = lane.sent.get_mut(&part.place) else { return };
        sent.open = sent.open.saturating_sub(1);
        let Some(code) = code else { return };
        (sent.last, sent.failed_at) = (code, now);
        let epoch = sent.stamp.map(|(id, epoch, _)| (id, epoch));
        match code {
            ErrorCode::NONE => sent.acked = true,
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER if is_idempotent => sent.acked = true,
            ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => {
                sent.too_large = sent.count > 1;
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID => {
                sent.sequence_refused = is_idempotent && !is_behind;
            }
            _ => sent.in_doubt |= !is_definite(code, acks),
        }
        if sent.acked && epoch.is_some() {
            // No broker takes a sequence before its predecessor.
            let earlier = lane.sent.range_mut(..part.place).map(|(_, sent)| sent);
            earlier
                .filter(|of| of.stamp.map(|(id, epoch, _)| (id, epoch)) == epoch)
                .for_each(|of| of.implied = true);
        }
    }

    /// A record's sender hears of its end.
    pub(crate) fn ended(&mut self, now: Time, at: usize, result: &Result<Appended, DeliveryError>) {
        let TopicSettings { acks, delivery_timeout, .. } = *self.settings(self.records[at].lane);
        let record = &mut self.records[at];
        record.endings += 1;
        let place = record.place;
        let is_settled = self.lanes[record.lane].is_settled(place);
        let sent = self.lanes[record.lane].around(place);
        // A later one that was taken speaks against it, but proves nothing: the log may have begun anew between the two.
        let is_refused =
            sent.as_ref().is_none_or(|sent| !sent.in_doubt && sent.open == 0 && !sent.acked);
        let is_known_unwritten = is_refused && sent.as_ref().is_none_or(|sent| !sent.implied);
        let last = sent.as_ref().map_or(ErrorCode::NONE, |sent| sent.last);
        let was_acked = sent.as_ref().is_some_and(|sent| sent.acked);
        if let Some(sent) = sent {
            sent.owed = sent.owed.saturating_sub(1);
        }
        let mut found = Vec::new();
        match result {
            Ok(appended) => {
                if appended.base_offset.is_some_and(|offset| offset < 0) {
                    found.push("I1: an offset below 0".to_owned());
                }
                if !was_acked && acks != Acks::None {
                    found.push("I1: acknowledged by nobody".into());
                }
                record.ending = Some(Ending::Acked(appended.base_offset));
            }
            Err(error) => {
                let is_it = match error.outcome() {
                    Outcome::NotWritten => is_refused || is_settled,
                    Outcome::MaybeWritten => !is_known_unwritten,
                    Outcome::Written => last == ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                };
                if !is_it {
                    found.push(format!("I2: imprecise, after {last}: {error}"));
                }
                if let DeliveryErrorKind::Expired { .. } = error.kind() {
                    if now < record.created + delivery_timeout {
                        found.push(format!("I8: expired early, opened at {}", record.created));
                    }
                }
                record.ending = Some(Ending::Failed(error.outcome(), error.to_string()));
            }
        }
        let due = (record.created + delivery_timeout).max(self.jumped) + self.slack;
        if now > due {
            found.push(format!("I8: ended late, due at {due}"));
        }
        let (lane, place) = (record.lane, record.place);
        for violation in found {
            let name = self.name(lane);
            self.violations.push(format!("{violation} ({name}, record {place})"));
        }
    }

    pub(crate) fn name(&self, lane: usize) -> String {
        format!("topic-{}-{}", self.lanes[lane].topic, self.lanes[lane].partition)
    }
}

impl Lane {
    /// The batch that holds this record, if one was sent.
    fn around(&mut self, place: usize) -> Option<&mut Sent> {
        let (&first, sent) = self.sent.range_mut(..=place).next_back()?;
        (place < first + sent.count).then_some(sent)
    }

    /// Whether one before it was never appended for certain: then it was not appended either, for no broker takes a sequence before its
    /// predecessor.
    fn is_settled(&self, place: usize) -> bool {
        let Some((&first, sent)) = self.sent.range(..=place).next_back() else { return false };
        let epoch = |sent: &Sent| sent.stamp.map(|(id, epoch, _)| (id, epoch));
        let mut earlier = self.sent.range(..first).map(|(_, earlier)| earlier);
        sent.stamp.is_some()
            && earlier.any(|of| {
                epoch(of) == epoch(sent) && !of.in_doubt && !of.acked && !of.implied && of.open == 0
            })
    }

    /// Forgets the oldest batches that are over.
    fn tidy(&mut self) {
        let current = self.epoch.map(|(id, epoch, _)| (id, epoch));
        while let Some(first) = self.sent.first_entry() {
            let sent = first.get();
            let is_of_old = sent.stamp.map(|(id, epoch, _)| (id, epoch)) != current;
            if sent.open > 0
                || sent.owed > 0
                || !(sent.acked || sent.implied || is_of_old || sent.stamp.is_none())
            {
                break;
            }
            first.remove();
        }
    }

    /// Where a part of a larger batch is sent: puts the parts in its place. What is not sent yet waits as a whole.
    fn divide(&mut self, place: usize, count: usize, found: &mut Vec<String>) {
        let Some((&first, whole)) = self.sent.range(..=place).next_back() else { return };
        let end = first + whole.count;
        if place >= end || (first == place && whole.count == count) {
            return;
        }
        if !(whole.too_large || whole.is_rest) || place + count > end {
            found.push("I3: the boundaries of a batch have moved".into());
        }
        let whole = whole.clone();
        self.sent.remove(&first);
        let parts =
            [(first, place), (place, (place + count).min(end)), ((place + count).min(end), end)];
        let mut owed = whole.owed;
        for (from, to) in parts.into_iter().filter(|(from, to)| from < to) {
            let mut part = Sent {
                count: to - from,
                too_large: false,
                is_rest: from != place,
                open: 0,
                ..whole.clone()
            };
            part.owed = owed.min(part.count);
            owed -= part.owed;
            part.stamp = whole.stamp.map(|(id, epoch, sequence)| {
                (id, epoch, sequence.wrapping_add((from - first) as i32) & i32::MAX)
            });
            self.sent.insert(from, part);
        }
    }

    /// A batch that was sent before is sent again.
    fn again(
        &mut self,
        place: usize,
        stamp: Option<(i64, i16, i32)>,
        first_sequence: i32,
        found: &mut Vec<String>,
    ) {
        let waits = |sent: &Sent| !sent.acked && sent.owed > 0 && sent.open == 0;
        if self.sent.range(..place).any(|(_, earlier)| waits(earlier) && earlier.in_doubt) {
            found.push("I4: sent again before an earlier one in doubt".into());
        }
        let is_settled = self.is_settled(place);
        let Some(sent) = self.sent.get_mut(&place) else { return };
        if sent.acked {
            found.push("I1: sent again although it was acknowledged".into());
        }
        if sent.owed == 0 {
            found.push("I2: sent again after its end".into());
        }
        if sent.open > 0 {
            found.push("I4: sent again while it is in flight".into());
        }
        sent.open += 1;
        let count = sent.count;
        if sent.stamp == stamp {
            if sent.sequence_refused {
                found.push("I8: sent again unchanged after its sequence was refused".into());
            }
            if sent.too_large && count > 1 && !sent.is_rest {
                found.push("I8: sent again whole after it was too large".into());
            }
            (sent.too_large, sent.is_rest) = (false, false);
            return;
        }
        if sent.in_doubt && !is_settled {
            found.push(format!(
                "I3: it was {:?} and in doubt, and gets a second identity",
                sent.stamp
            ));
        }
        let former = sent.stamp.filter(|_| !sent.in_doubt || is_settled);
        (sent.stamp, sent.sequence_refused, sent.in_doubt) = (stamp, false, false);
        (sent.too_large, sent.is_rest) = (false, false);
        if let Some((id, epoch, _)) = former {
            // It was never appended under its former identity: nor was what followed it there.
            let later = self.sent.range_mut(place + 1..).map(|(_, later)| later);
            later
                .filter(|of| {
                    of.open == 0 && of.stamp.is_some_and(|(i, e, _)| (i, e) == (id, epoch))
                })
                .for_each(|of| of.in_doubt = false);
        }
        self.identify(place, count, stamp, first_sequence, found);
    }

    /// A batch is sent for the first time.
    fn fresh(
        &mut self,
        place: usize,
        count: usize,
        owed: usize,
        stamp: Option<(i64, i16, i32)>,
        first_sequence: i32,
        found: &mut Vec<String>,
    ) {
        let is_same = |sent: &Sent| match (sent.stamp, stamp) {
            (Some((id, epoch, _)), Some((of, at, _))) => (id, epoch) == (of, at),
            _ => false,
        };
        let mut behind_open = 0;
        for earlier in self.sent.range(..place).map(|(_, sent)| sent) {
            if !earlier.acked && earlier.owed > 0 && earlier.open == 0 {
                found.push("I4: overtakes one that waits to be sent again".into());
            }
            if !earlier.acked && !earlier.implied && earlier.owed == 0 && is_same(earlier) {
                found.push("I5: follows a sequence whose fate is not known".into());
            }
            if is_same(earlier)
                && (behind_open > 0 || !(earlier.acked || earlier.implied && earlier.owed == 0))
            {
                behind_open += 1;
            }
        }
        if behind_open >= 5 {
            found.push(format!("I3: {behind_open} batches are behind the oldest in doubt already"));
        }
        if self.sent.range(place..).next().is_some() {
            found.push("I4: sent after a later one".into());
        }
        let last = ErrorCode::NONE;
        let sent = Sent {
            count,
            stamp,
            open: 1,
            in_doubt: false,
            sequence_refused: false,
            too_large: false,
            is_rest: false,
            acked: false,
            implied: false,
            owed,
            last,
            failed_at: Time::ZERO,
            hasty: 0,
        };
        self.sent.insert(place, sent);
        self.identify(place, count, stamp, first_sequence, found);
    }

    /// Holds an identity against those that were given before.
    fn identify(
        &mut self,
        place: usize,
        count: usize,
        stamp: Option<(i64, i16, i32)>,
        first_sequence: i32,
        found: &mut Vec<String>,
    ) {
        let Some((id, epoch, sequence)) = stamp else { return };
        let next = sequence.wrapping_add(count as i32) & i32::MAX;
        let before = self.identities.range((id, epoch, 0)..=(id, epoch, sequence)).next_back();
        if let Some((&(_, _, from), &(at, of))) = before {
            let offset = (sequence - from) as usize;
            if offset < of && at + offset != place {
                found.push("I3: its identity was another's".into());
            }
        }
        match self.epoch {
            Some((of, at, expected)) if (of, at) == (id, epoch) => {
                if sequence != expected {
                    found.push(format!("I5: sequence {expected} should be next"));
                }
            }
            former => {
                let is_back =
                    self.identities.range((id, epoch, 0)..=(id, epoch, i32::MAX)).next().is_some();
                if is_back || former.is_some_and(|(of, at, _)| of == id && at > epoch) {
                    found.push("I5: back to an earlier epoch".into());
                }
                // What a producer id begins with may be set, to come to the end of the sequences.
                let of_id = (id, i16::MIN, 0)..=(id, i16::MAX, i32::MAX);
                let is_new = self.identities.range(of_id).next().is_none();
                if sequence != 0 && !(is_new && sequence == first_sequence) {
                    found.push("I5: a new epoch that does not begin with 0".into());
                }
            }
        }
        self.identities.insert((id, epoch, sequence), (place, count));
        self.epoch = Some((id, epoch, next));
    }
}
