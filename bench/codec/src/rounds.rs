//! Two ways to do the same, measured in turns.

use std::fmt;
use std::time::Instant;

/// What was measured, in nanoseconds a call.
pub struct Row {
    name: &'static str,
    direction: &'static str,
    ours: f64,
    theirs: f64,
}

/// A round is long enough for the clock.
const ROUND_NS: u128 = 200_000;

/// The medians of `rounds` rounds of each, in turns: what disturbs the machine disturbs both.
pub fn compare(
    name: &'static str,
    direction: &'static str,
    rounds: usize,
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) -> Row {
    let calls = [calls_of_a_round(&mut ours), calls_of_a_round(&mut theirs)];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        times[0].push(round(&mut ours, calls[0]));
        times[1].push(round(&mut theirs, calls[1]));
    }
    let [ours, theirs] = times.map(median);
    Row { name, direction, ours, theirs }
}

/// The median of `rounds` rounds, in nanoseconds a call.
pub fn time(rounds: usize, mut call: impl FnMut()) -> f64 {
    let calls = calls_of_a_round(&mut call);
    median((0..rounds).map(|_| round(&mut call, calls)).collect())
}

fn calls_of_a_round(call: &mut impl FnMut()) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        if start.elapsed().as_nanos() >= ROUND_NS {
            return calls;
        }
        calls *= 2;
    }
}

fn round(call: &mut impl FnMut(), calls: u32) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Row {
    /// How many times as long kafka-protocol takes.
    pub fn ratio(&self) -> f64 {
        self.theirs / self.ours
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, direction, ours, theirs } = self;
        let ratio = self.ratio();
        write!(f, "| {name} | {direction} | {ours:.0} ns | {theirs:.0} ns | {ratio:.2} |")
    }
}
