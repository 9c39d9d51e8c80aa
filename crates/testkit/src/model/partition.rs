//! A partition: who leads it, who follows and how far, and what a change of the leader loses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::BrokerId;
use super::log::{Log, Verifications};

/// A partition.
///
/// There is one [`Log`], that of the leader; of each follower it is known how much of that log it has copied. A leader that is
/// replaced while it cannot hear of it has a log of its own until it does.
#[derive(Clone, Debug)]
pub struct Partition {
    /// The broker that takes appends; none while every replica in sync is away, or an election is held up.
    pub leader: Option<BrokerId>,
    /// Rises with every change of the leader.
    pub leader_epoch: i32,
    /// The brokers that have a copy, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas that are in sync, in the order of `replicas`.
    pub isr: Vec<BrokerId>,
    /// What was appended, as the leader has it, or as the last one had.
    pub log: Log,
    /// Whose log it is.
    holder: Option<BrokerId>,
    /// How far each replica's log goes, but the holder's.
    ends: BTreeMap<BrokerId, i64>,
    /// Replicas that do not copy, or are not copied from: down, paused, or cut off.
    away: BTreeSet<BrokerId>,
    /// Followers that do not copy, though they could.
    held: BTreeSet<BrokerId>,
    /// What brokers that led before remember of transactions that were to begin.
    verifications: BTreeMap<BrokerId, Verifications>,
    /// Since when the leader leads.
    led_since: Duration,
    is_election_held: bool,
    /// Leaders that were replaced and do not know it, with what they have.
    replaced: Vec<Replaced>,
}

#[derive(Clone, Debug)]
struct Replaced {
    leader: BrokerId,
    partition: Partition,
    /// Where its log ended then.
    end: i64,
}

/// How time works on a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The time since the start.
    pub(crate) now: Duration,
    /// How long a follower takes to copy a batch.
    pub(crate) lag: Duration,
    /// How long a follower may be behind and count as in sync.
    pub(crate) lag_max: Duration,
    /// The replicas in sync that acks=all wants.
    pub(crate) min_insync_replicas: i32,
}

impl Partition {
    pub(crate) fn new(replicas: Vec<BrokerId>, is_here: impl Fn(BrokerId) -> bool) -> Self {
        let (here, away): (Vec<_>, Vec<_>) =
            replicas.iter().copied().partition(|&broker| is_here(broker));
        let mut log = Log::default();
        log.begin_epoch(0);
        Self {
            leader: here.first().copied(),
            leader_epoch: 0,
            holder: here.first().copied(),
            // With every replica away, whichever comes first may lead: there is nothing to lose.
            isr: if here.is_empty() { replicas.clone() } else { here },
            ends: replicas.iter().map(|&replica| (replica, 0)).collect(),
            replicas,
            log,
            away: away.into_iter().collect(),
            held: BTreeSet::new(),
            verifications: BTreeMap::new(),
            led_since: Duration::ZERO,
            is_election_held: false,
            replaced: Vec::new(),
        }
    }

    /// The partition without its log.
    pub(crate) fn outline(&self) -> Self {
        Self {
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            ..Self::new(self.replicas.clone(), |replica| self.isr.contains(&replica))
        }
    }

    /// How far a replica's log goes; `None` for a broker that has no replica.
    #[must_use]
    pub fn end_of(&self, broker: impl Into<BrokerId>) -> Option<i64> {
        let broker = broker.into();
        if self.holder == Some(broker) {
            return Some(self.log.end_offset());
        }
        self.ends.get(&broker).copied()
    }

    /// The partition as a broker knows it: not as it is, if that broker was replaced as its leader and has not heard of it.
    #[must_use]
    pub fn known_to(&self, broker: BrokerId) -> &Self {
        let replaced = self.replaced.iter().find(|replaced| replaced.leader == broker);
        replaced.map_or(self, |replaced| &replaced.partition)
    }

    pub(crate) fn known_to_mut(&mut self, broker: BrokerId) -> &mut Self {
        match self.replaced.iter().position(|replaced| replaced.leader == broker) {
            Some(at) => &mut self.replaced[at].partition,
            None => self,
        }
    }

    /// Whether as many replicas are in sync as acks=all wants, which is never more than there are.
    pub(crate) fn has_enough_replicas(&self, min_insync_replicas: i32) -> bool {
        let wanted = i64::from(min_insync_replicas).min(self.replicas.len() as i64);
        self.isr.len() as i64 >= wanted
    }

    /// Lets followers copy what is due, join those in sync or leave them, and consumers see what all in sync have. Says whether
    /// anything has changed.
    pub(crate) fn replicate(&mut self, pace: &Pace) -> bool {
        let Some(leader) = self.leader else { return false };
        let before = (self.log.high_watermark(), self.isr.len());
        if !self.away.contains(&leader) {
            self.copy(leader, pace);
            self.review_isr(leader, pace);
        }
        // Under `min.insync.replicas` Kafka keeps the high watermark where it is (KIP-966; seen on 4.3.1).
        if self.has_enough_replicas(pace.min_insync_replicas) {
            let ends = self.isr.iter().filter_map(|&replica| self.end_of(replica));
            if let Some(end) = ends.min() {
                self.log.advance_high_watermark(end);
            }
        }
        before != (self.log.high_watermark(), self.isr.len())
    }

    /// When time alone will change something next.
    pub(crate) fn next_change(&self, pace: &Pace) -> Option<Duration> {
        let leader = self.leader.filter(|leader| !self.away.contains(leader))?;
        let followers = self.replicas.iter().filter(|&&replica| replica != leader);
        let changes = followers.filter_map(|&follower| {
            let missing = self.log.first_batch_from(self.end_of(follower)?)?;
            if self.is_copying(follower) {
                return Some(missing.appended_at.saturating_add(pace.lag));
            }
            let since = missing.appended_at.max(self.led_since);
            self.isr.contains(&follower).then(|| since.saturating_add(pace.lag_max))
        });
        changes.filter(|&at| at > pace.now).min()
    }

    /// A broker is not here any more for the others, or is again.
    pub(crate) fn set_away(&mut self, broker: BrokerId, is_away: bool) {
        match is_away {
            true => self.away.insert(broker),
            false => self.away.remove(&broker),
        };
    }

    /// Keeps a follower from copying, or all of them, or lets them.
    pub(crate) fn set_held(&mut self, follower: Option<BrokerId>, is_held: bool) {
        match (follower, is_held) {
            (Some(follower), true) => drop(self.held.insert(follower)),
            (Some(follower), false) => drop(self.held.remove(&follower)),
            (None, true) => self.held.extend(&self.replicas),
            (None, false) => self.held.clear(),
        }
    }

    /// The controller takes a broker for dead. If it led, the next one in sync leads, without what only the old leader had. The
    /// records that are lost by it; `may_go_on` if the broker is alive and does not hear of it.
    pub(crate) fn fence(&mut self, broker: BrokerId, now: Duration, may_go_on: bool) -> u64 {
        if self.isr.len() > 1 {
            self.isr.retain(|&replica| replica != broker);
        }
        if self.leader == Some(broker) {
            let heir = self.heir().filter(|&heir| heir != broker);
            return self.elect(heir, now, may_go_on);
        }
        0
    }

    /// Fills the office of the leader, if it is vacant and somebody in sync is here.
    pub(crate) fn fill_vacancy(&mut self, now: Duration) -> u64 {
        match self.heir().filter(|_| self.leader.is_none()) {
            Some(heir) => self.elect(Some(heir), now, false),
            None => 0,
        }
    }

    /// Takes the leader's office away until [`Partition::release_election`]: what a long election looks like.
    pub(crate) fn hold_election(&mut self, now: Duration) {
        self.is_election_held = true;
        self.elect(None, now, false);
    }

    pub(crate) fn release_election(&mut self, now: Duration) -> u64 {
        self.is_election_held = false;
        self.fill_vacancy(now)
    }

    /// A broker hears of everything that it has missed: the records that only it had are lost.
    pub(crate) fn forget_replaced(&mut self, broker: BrokerId) -> u64 {
        let at = self.replaced.iter().position(|replaced| replaced.leader == broker);
        let Some(old) = at.map(|at| self.replaced.remove(at)) else { return 0 };
        (old.partition.log.end_offset() - old.end).unsigned_abs()
    }

    /// Makes a broker the leader, or none: the records that are lost by it. `may_go_on` if the old leader does not hear of it.
    pub(crate) fn elect(
        &mut self,
        leader: Option<BrokerId>,
        now: Duration,
        may_go_on: bool,
    ) -> u64 {
        if leader == self.leader {
            return 0;
        }
        if let Some(old) = self.leader.filter(|_| may_go_on) {
            self.set_aside(old);
        }
        let lost = leader.map_or(0, |heir| self.hand_over(heir));
        self.leader = leader;
        self.leader_epoch += 1;
        self.led_since = now;
        if leader.is_some() {
            self.log.begin_epoch(self.leader_epoch);
        }
        lost
    }

    /// The replica that would be elected.
    fn heir(&self) -> Option<BrokerId> {
        if self.is_election_held {
            return None;
        }
        self.isr.iter().copied().find(|replica| !self.away.contains(replica))
    }

    fn is_copying(&self, follower: BrokerId) -> bool {
        !self.away.contains(&follower) && !self.held.contains(&follower)
    }

    fn copy(&mut self, leader: BrokerId, pace: &Pace) {
        let Some(until) = pace.now.checked_sub(pace.lag) else { return };
        let copied = match pace.lag.is_zero() {
            true => self.log.end_offset(),
            false => self.log.end_of_appended_by(until),
        };
        for follower in self.replicas.iter().copied().filter(|&replica| replica != leader) {
            if self.is_copying(follower) {
                let end = self.ends.entry(follower).or_default();
                *end = copied.max(*end);
            }
        }
    }

    fn review_isr(&mut self, leader: BrokerId, pace: &Pace) {
        let is_in = |&replica: &BrokerId| {
            if replica == leader {
                return true;
            }
            let end = self.ends.get(&replica).copied().unwrap_or_default();
            if !self.isr.contains(&replica) {
                return self.is_copying(replica) && end >= self.log.high_watermark();
            }
            let missing = self.log.first_batch_from(end).map(|batch| batch.appended_at);
            let since = missing.map(|appended_at| appended_at.max(self.led_since));
            since.is_none_or(|since| pace.now < since.saturating_add(pace.lag_max))
        };
        self.isr = self.replicas.iter().copied().filter(is_in).collect();
    }

    /// The old leader goes on by itself.
    fn set_aside(&mut self, old: BrokerId) {
        let mut partition = self.clone();
        partition.replaced.clear();
        partition.set_away(old, true);
        let end = self.log.end_offset();
        self.replaced.push(Replaced { leader: old, partition, end });
    }

    /// Goes on with the log that the heir has.
    fn hand_over(&mut self, heir: BrokerId) -> u64 {
        if !self.isr.contains(&heir) {
            // Unclean.
            self.isr = vec![heir];
        }
        let Some(holder) = self.holder.replace(heir).filter(|&holder| holder != heir) else {
            return 0;
        };
        let own = self.verifications.remove(&heir).unwrap_or_default();
        self.verifications.insert(holder, self.log.exchange_verifications(own));
        let end = self.ends.get(&heir).copied().unwrap_or_default();
        self.ends.insert(holder, self.log.end_offset());
        let lost = self.log.truncate(end);
        for other in self.ends.values_mut() {
            *other = end.min(*other);
        }
        lost
    }
}
