//! [`Refresh`]: when to ask for metadata, and for which topics.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::ByteStr;

use crate::backoff::{Backoff, Random};
use crate::{ClusterConfig, Time};

/// The schedule of metadata requests: one at a time; at once for a new topic; soon when something proved stale; at the latest after
/// `metadata.max.age.ms`. Failures, and answers that bring nothing new, back off.
#[derive(Debug)]
pub(crate) struct Refresh {
    backoff: Backoff,
    max_age: Duration,
    max_idle: Duration,
    topics: BTreeMap<ByteStr, Want>,
    /// How many of them are new: in no answer yet.
    new_topics: usize,
    /// Something proved stale, or nothing is known yet.
    is_requested: bool,
    /// No request before.
    not_before: Time,
    /// The last complete answer is good until then.
    fresh_until: Time,
    /// Failures in a row.
    failures: u32,
    /// Answers in a row that brought nothing new.
    repetitions: u32,
    in_flight: Option<Asked>,
    /// The request's connection ended.
    is_lost: bool,
    /// Since when an answer has been due that did not come.
    overdue_since: Option<Time>,
    /// Nobody can be asked until something is mended: nothing is asked until somebody wants something.
    is_asleep: bool,
}

#[derive(Clone, Copy, Debug)]
struct Want {
    until: Time,
    is_new: bool,
}

/// What a request asks for.
#[derive(Debug)]
struct Asked {
    topics: Vec<ByteStr>,
    /// All the topics wanted, rather than the new ones alone.
    is_full: bool,
}

impl Refresh {
    pub(crate) const fn new(config: &ClusterConfig, now: Time) -> Self {
        Self {
            backoff: Backoff::new(config.retry_backoff, config.retry_backoff_max),
            max_age: config.metadata_max_age,
            max_idle: config.metadata_max_idle,
            topics: BTreeMap::new(),
            new_topics: 0,
            is_requested: true,
            not_before: now,
            fresh_until: now,
            failures: 0,
            repetitions: 0,
            in_flight: None,
            is_lost: false,
            overdue_since: None,
            is_asleep: false,
        }
    }

    /// Asks for nothing until [`wake`](Self::wake).
    pub(crate) fn sleep(&mut self) {
        self.is_asleep = true;
        self.overdue_since = None;
    }

    /// Somebody wants something, or somebody can be asked.
    pub(crate) fn wake(&mut self) {
        self.is_asleep = false;
    }

    /// A topic is wanted for `metadata.max.idle.ms` from now.
    pub(crate) fn want(&mut self, now: Time, topic: &ByteStr) {
        let until = now + self.max_idle;
        if let Some(want) = self.topics.get_mut(topic) {
            want.until = want.until.max(until);
            return;
        }
        self.topics.insert(topic.clone(), Want { until, is_new: true });
        self.new_topics += 1;
        self.repetitions = 0;
        if self.failures == 0 {
            self.not_before = self.not_before.min(now);
        }
    }

    pub(crate) fn is_wanted(&self, topic: &ByteStr) -> bool {
        self.topics.contains_key(topic)
    }

    /// Whether no answer has been about the topic since it is wanted: it is asked for, or will be.
    pub(crate) fn is_new(&self, topic: &ByteStr) -> bool {
        self.topics.get(topic).is_some_and(|want| want.is_new)
    }

    /// Something proved stale.
    pub(crate) fn request(&mut self) {
        self.is_requested = true;
    }

    /// When the next request is due; `None` while one is in flight, or asleep.
    pub(crate) fn due(&self) -> Option<Time> {
        if self.in_flight.is_some() || self.is_asleep {
            return None;
        }
        let is_asked_for = self.is_requested || self.has_new();
        Some(if is_asked_for { self.not_before } else { self.fresh_until.max(self.not_before) })
    }

    /// Since when an answer has been due.
    pub(crate) const fn overdue_since(&self) -> Option<Time> {
        self.overdue_since
    }

    /// An answer is due from now on, if it was not already.
    pub(crate) fn set_overdue(&mut self, now: Time) {
        self.overdue_since.get_or_insert(now);
    }

    /// Starts over: nothing that is known can be relied on.
    pub(crate) fn restart(&mut self, now: Time) {
        self.is_requested = true;
        self.in_flight = None;
        self.is_lost = false;
        self.overdue_since = Some(now);
    }

    /// A request goes out: the topics to ask for. A full one forgets the topics that nobody has wanted for long.
    pub(crate) fn begin(&mut self, now: Time) -> &[ByteStr] {
        let is_full = self.is_requested || !self.has_new() || self.fresh_until <= now;
        if is_full {
            self.topics.retain(|_, want| want.is_new || want.until > now);
            self.is_requested = false;
            if self.fresh_until <= now {
                self.repetitions = 0;
            }
        }
        let topics = self.topics.iter().filter(|(_, want)| is_full || want.is_new);
        let topics = topics.map(|(name, _)| name.clone()).collect();
        &self.in_flight.insert(Asked { topics, is_full }).topics
    }

    /// The answer came.
    pub(crate) fn succeed(
        &mut self,
        now: Time,
        is_news: bool,
        is_incomplete: bool,
        random: &mut Random,
    ) {
        let Some(asked) = self.in_flight.take() else { return };
        for topic in &asked.topics {
            if let Some(want) = self.topics.get_mut(topic).filter(|want| want.is_new) {
                want.is_new = false;
                self.new_topics -= 1;
            }
        }
        self.failures = 0;
        self.overdue_since = None;
        self.is_requested |= is_incomplete;
        if asked.is_full {
            self.fresh_until = now + self.max_age;
        }
        self.repetitions = if is_news { 0 } else { self.repetitions.saturating_add(1) };
        self.not_before = now + self.backoff.after(self.repetitions.saturating_sub(1), random);
        if self.has_new() {
            // Wanted while this request was out.
            self.not_before = now;
        }
    }

    /// The connection that the request went over ended. [`fail`](Self::fail) is to follow.
    pub(crate) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Whether it did.
    pub(crate) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// No answer came, or an answer that is none.
    pub(crate) fn fail(&mut self, now: Time, random: &mut Random) {
        self.is_lost = false;
        if self.in_flight.take().is_some_and(|asked| asked.is_full) {
            self.is_requested = true;
        }
        let pause = self.backoff.after(self.failures, random);
        self.not_before = self.not_before.max(now + pause);
        self.failures = self.failures.saturating_add(1);
        self.repetitions = 0;
    }

    const fn has_new(&self) -> bool {
        self.new_topics > 0
    }
}
