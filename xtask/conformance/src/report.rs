//! What was compared, and what differed.

use std::collections::BTreeMap;

/// More would hide the first.
const SHOWN: usize = 10;

/// The counts of a run.
pub(crate) struct Report {
    seed: u64,
    /// What Java has and this side has not had yet.
    missing: BTreeMap<String, (i16, i16)>,
    messages: usize,
    versions: usize,
    cases: u64,
    mismatches: usize,
}

impl Report {
    pub(crate) fn new(seed: u64, java: BTreeMap<String, (i16, i16)>) -> Self {
        Self { seed, missing: java, messages: 0, versions: 0, cases: 0, mismatches: 0 }
    }

    /// Counts a message with its versions, which must be Java's.
    pub(crate) fn message(&mut self, name: &str, versions: &[i16]) {
        self.messages += 1;
        self.versions += versions.len();
        let ours = versions.first().copied().zip(versions.last().copied());
        let theirs = self.missing.remove(name);
        if ours != theirs {
            self.mismatch(name, &format!("versions {ours:?}, Java's are {theirs:?}"));
        }
    }

    pub(crate) fn case(&mut self) {
        self.cases += 1;
    }

    pub(crate) fn mismatch(&mut self, place: &str, what: &str) {
        self.mismatches += 1;
        if self.mismatches <= SHOWN {
            println!("{place}: {what}");
        }
    }

    /// Prints the counts; gives whether all is well.
    pub(crate) fn print(mut self) -> bool {
        for (name, versions) in std::mem::take(&mut self.missing) {
            self.mismatch(&name, &format!("only Java has it, in versions {versions:?}"));
        }
        if self.mismatches > SHOWN {
            println!("… and {} more", self.mismatches - SHOWN);
        }
        let Self { seed, messages, versions, cases, mismatches, .. } = self;
        println!("seed {seed}");
        println!(
            "{messages} messages, {versions} versions, {cases} cases, {mismatches} mismatches"
        );
        mismatches == 0 && cases > 0
    }
}
