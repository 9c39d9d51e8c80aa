//! How a life went, and how many did.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_engine::{BatchState, Cause, Engine, EngineStats, Journal, Outcome, Time};

use crate::ledger::{Ending, Ledger};
use crate::trace::Trace;
use crate::why::REASONS;

/// How a life went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// Records that were accepted.
    pub accepted: usize,
    /// Records that were refused, or given up while they waited.
    pub refused: usize,
    /// Records that were acknowledged.
    pub delivered: usize,
    /// Records that failed, by what was known of them: not written, maybe written, written.
    pub failed: [usize; 3],
    /// What the engine counted.
    pub stats: EngineStats,
    /// What the engine decided.
    pub journal: Journal,
    /// Produce requests.
    pub produce_requests: usize,
    /// Times that the engine was woken by its own deadline alone.
    pub wakes: usize,
    /// How long the life was.
    pub lasted: Duration,
    /// How long the trouble was.
    pub trouble: Duration,
    /// Faults, by kind.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// Faults that came while batches were in flight.
    pub fired_in_flight: u64,
    /// Requests that a fault of the brokers struck.
    pub struck: u64,
    /// How often a partition waited for what, by the numbers of the reasons.
    pub reasons: [u64; REASONS.len()],
    /// Of a life of transactions: those that were committed, aborted, and of unknown outcome, as the application was told.
    pub transactions: Option<[u64; 3]>,
    /// Broken invariants. Empty, if all is well.
    pub violations: Vec<String>,
    /// The last that happened before the first broken invariant, or before the end; as many steps as [`Options::keep`](crate::Options::keep).
    pub last_steps: Vec<String>,
    /// Faults and bursts that were drawn.
    pub(crate) faults: u64,
    pub(crate) bursts: u64,
    pub(crate) has_seen_garbage: bool,
    pub(crate) closed_at: Time,
}

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            trace: 0,
            accepted: 0,
            refused: 0,
            delivered: 0,
            failed: [0; 3],
            stats: EngineStats::default(),
            journal: Journal::default(),
            produce_requests: 0,
            wakes: 0,
            lasted: Duration::ZERO,
            trouble: Duration::ZERO,
            by_kind: BTreeMap::new(),
            fired_in_flight: 0,
            struck: 0,
            reasons: [0; REASONS.len()],
            transactions: None,
            violations: Vec::new(),
            last_steps: Vec::new(),
            faults: 0,
            bursts: 0,
            has_seen_garbage: false,
            closed_at: Time::ZERO,
        }
    }

    pub(crate) fn count_fault(&mut self, kind: &'static str, in_flight: bool) {
        *self.by_kind.entry(kind).or_default() += 1;
        self.fired_in_flight += u64::from(in_flight);
    }

    pub(crate) fn close(
        &mut self,
        ledger: &Ledger,
        engine: &Engine,
        trace: &Trace,
        now: Time,
        refused: usize,
    ) {
        self.refused = refused;
        self.stats = engine.stats();
        self.journal = engine.journal().clone();
        self.end(ledger, trace, now);
        let seconds = self.lasted.as_secs() as usize + 1;
        // Back-offs of every partition, refreshes, connections: a bound that no honest life comes near.
        if self.wakes > 1000 + seconds * 400 {
            self.violations.push(format!("I8: {} wakes in {seconds} s", self.wakes));
        }
    }

    /// The end of a life of transactions.
    pub(crate) fn close_transactional(
        &mut self,
        ledger: &Ledger,
        transactions: [u64; 3],
        trace: &Trace,
        now: Time,
    ) {
        self.transactions = Some(transactions);
        self.end(ledger, trace, now);
    }

    /// Adds up what each of several engines counted.
    pub(crate) fn add_engines<'a>(&mut self, engines: impl Iterator<Item = &'a Engine>) {
        for engine in engines {
            let of = engine.stats();
            self.stats.retries += of.retries;
            self.stats.splits += of.splits;
            self.stats.expired += of.expired;
            self.stats.epoch_bumps += of.epoch_bumps;
            self.stats.producer_ids += of.producer_ids;
            for (key, count) in &engine.journal().endings {
                *self.journal.endings.entry(*key).or_default() += count;
            }
            for (total, of) in self.journal.arms.iter_mut().zip(engine.journal().arms) {
                *total += of;
            }
        }
    }

    fn end(&mut self, ledger: &Ledger, trace: &Trace, now: Time) {
        self.accepted = ledger.records.len();
        for record in &ledger.records {
            match &record.ending {
                Some(Ending::Acked(_)) => self.delivered += 1,
                Some(Ending::Failed(Outcome::NotWritten, _)) => self.failed[0] += 1,
                Some(Ending::Failed(Outcome::MaybeWritten, _)) => self.failed[1] += 1,
                Some(Ending::Failed(Outcome::Written, _)) => self.failed[2] += 1,
                None => {}
            }
        }
        self.lasted = now.as_duration();
        self.trace = trace.hash();
        self.last_steps = trace.last_steps();
    }

    /// Faults that were drawn.
    pub const fn fault_count(&self) -> u64 {
        self.faults
    }

    /// Bursts of records that were drawn.
    pub const fn burst_count(&self) -> u64 {
        self.bursts
    }

    /// What was broken first, without its details: what a shorter life has to break as well.
    pub fn kind_of_violation(&self) -> Option<&str> {
        let first = self.violations.first()?;
        Some(first.split(['(', ',', ':']).next().unwrap_or(first))
    }
}

/// Many lives together.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Lives.
    pub lives: u64,
    /// Lives that broke an invariant.
    pub broken: u64,
    /// Lives with fewer than 200 records, or fewer than five faults that fired while batches were in flight.
    pub meagre: u64,
    lasted: Duration,
    records: [u64; 6],
    by_kind: BTreeMap<&'static str, u64>,
    fired: u64,
    struck: u64,
    journal: Journal,
    reasons: [u64; REASONS.len()],
    counts: [u64; 6],
    /// Lives of transactions.
    transactional: u64,
    transactions: [u64; 3],
}

impl Totals {
    /// Adds a life.
    pub fn add(&mut self, life: &Report) {
        self.lives += 1;
        self.broken += u64::from(!life.violations.is_empty());
        match life.transactions {
            None => self.meagre += u64::from(life.accepted < 200 || life.fired_in_flight < 5),
            Some(counts) => {
                self.transactional += 1;
                for (total, of) in self.transactions.iter_mut().zip(counts) {
                    *total += of;
                }
            }
        }
        self.lasted += life.lasted;
        let [not, maybe, written] = life.failed;
        let all = [life.accepted, life.delivered, not, maybe, written, life.refused];
        for (total, of) in self.records.iter_mut().zip(all) {
            *total += of as u64;
        }
        for (kind, count) in &life.by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
        self.fired += life.fired_in_flight;
        self.struck += life.struck;
        for (key, count) in &life.journal.endings {
            *self.journal.endings.entry(*key).or_default() += count;
        }
        for (total, of) in self.journal.arms.iter_mut().zip(life.journal.arms) {
            *total += of;
        }
        for (total, of) in self.reasons.iter_mut().zip(life.reasons) {
            *total += of;
        }
        let stats = &life.stats;
        let all =
            [stats.retries, stats.splits, stats.expired, stats.epoch_bumps, stats.producer_ids];
        for (total, of) in self.counts.iter_mut().zip(all) {
            *total += of;
        }
        self.counts[5] += life.wakes as u64;
    }

    /// Arms of the decision on answers that no life has come to.
    pub fn unreached_arms(&self) -> Vec<&'static str> {
        let arms = Journal::ARMS.iter().zip(self.journal.arms);
        arms.filter(|(_, count)| *count == 0).map(|(arm, _)| *arm).collect()
    }

    /// Everything, for people.
    pub fn print(&self, pairs: bool) {
        let lives = self.lives.max(1);
        let hours = self.lasted.as_secs_f64() / 3600.0;
        println!("simulated hours: {hours:.1}");
        let [accepted, delivered, not, maybe, written, refused] = self.records;
        println!(
            "records: {accepted} accepted ({} a life), {refused} refused or given up before; {delivered} delivered, \
             {not} not written, {maybe} maybe written, {written} written but not acknowledged",
            accepted / lives
        );
        let [committed, aborted, unknown] = self.transactions;
        println!(
            "{} lives of transactions: {committed} committed, {aborted} aborted, {unknown} of unknown outcome when their producer was given up",
            self.transactional
        );
        let [retries, splits, expired, bumps, ids, wakes] = self.counts;
        println!(
            "{retries} retries, {splits} splits, {expired} batches expired, {bumps} epoch bumps, {ids} producer ids, {wakes} wakes by deadline"
        );
        println!(
            "faults: {} while batches were in flight ({:.1} a life), {} requests struck; {} lives with fewer than 200 records or five such faults",
            self.fired,
            self.fired as f64 / lives as f64,
            self.struck,
            self.meagre
        );
        line("faults by kind", self.by_kind.iter().map(|(kind, count)| (*kind, *count)));
        line("partitions waited for", REASONS.iter().copied().zip(self.reasons));
        line("decisions", Journal::ARMS.iter().copied().zip(self.journal.arms));
        println!("pairs of state and ending reached: {}", self.journal.endings.len());
        if pairs {
            for ((state, cause), count) in &self.journal.endings {
                println!("  {} x {}: {count}", state_name(*state), cause_name(*cause));
            }
        }
    }
}

fn line<'a>(title: &str, counts: impl Iterator<Item = (&'a str, u64)>) {
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    println!("{title}: {}", counts.join(", "));
}

fn state_name(state: BatchState) -> String {
    let words = [
        (state.again, "again"),
        (state.in_doubt, "in doubt"),
        (state.behind, "behind"),
        (state.abandoned, "abandoned"),
    ];
    let words: Vec<&str> = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    if words.is_empty() { "first".into() } else { words.join(", ") }
}

fn cause_name(cause: Cause) -> String {
    match cause {
        Cause::Code(code) => rohrpost_codec::ErrorCode(code).to_string(),
        Cause::TimedOut => "timed out".into(),
        Cause::Disconnected(true) => "disconnected".into(),
        Cause::Disconnected(false) => "disconnected, never sent".into(),
        Cause::Other => "no sense".into(),
    }
}
