//! A shorter life that breaks the same: fewer faults, fewer records.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::life::{Options, live};
use crate::report::Report;

/// What is left out of a life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Faults, by number.
    pub faults: BTreeSet<u64>,
    /// Bursts of records, by number.
    pub bursts: BTreeSet<u64>,
    /// How long the trouble is, as it was in the whole life.
    pub trouble: Option<Duration>,
}

/// A life that was shortened.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// How to live it.
    pub options: Options,
    /// How it went.
    pub report: Report,
    /// Faults that are left.
    pub faults: u64,
    /// Bursts of records that are left.
    pub bursts: u64,
}

/// Shortens a life that breaks an invariant, in at most `tries` tries.
#[must_use]
pub fn shrink(options: &Options, whole: &Report, mut tries: usize) -> Shrunk {
    let kind = whole.kind_of_violation().map(str::to_owned);
    let (faults, bursts) = (whole.faults, whole.bursts);
    let trouble = (!whole.trouble.is_zero()).then_some(whole.trouble);
    let mut left = Left { trouble, ..Left::default() };
    let with = |left: &Left| Options { left: Some(left.clone()), print: false, ..options.clone() };
    let mut best = live(&with(&left));
    if best.kind_of_violation() != kind.as_deref() {
        // It needs what shortening takes away: it stays whole.
        let options = Options { print: false, ..options.clone() };
        return Shrunk { options, report: whole.clone(), faults, bursts };
    }
    for of_faults in [true, false, true] {
        let count = if of_faults { faults } else { bursts };
        let mut size = count.div_ceil(2).max(1);
        while size > 0 && tries > 0 {
            let mut from = 0;
            while from < count && tries > 0 {
                let mut fewer = left.clone();
                let set = if of_faults { &mut fewer.faults } else { &mut fewer.bursts };
                let before = set.len();
                set.extend(from..(from + size).min(count));
                from += size;
                if set.len() == before {
                    continue;
                }
                tries -= 1;
                let report = live(&with(&fewer));
                if report.kind_of_violation() == kind.as_deref() {
                    (left, best) = (fewer, report);
                }
            }
            size /= 2;
        }
    }
    let faults = faults - left.faults.len() as u64;
    let bursts = bursts - left.bursts.len() as u64;
    Shrunk { options: with(&left), report: best, faults, bursts }
}
