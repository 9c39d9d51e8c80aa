//! What became of the records.

use std::fmt::Display;

use crate::{Await, Latencies, Load, Meter};

/// The deliveries of one sender, or of all.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Records that were acknowledged.
    pub acknowledged: u64,
    /// Records that were not.
    pub errors: u64,
    /// Of each record, where latency is measured.
    pub latencies: Latencies,
}

impl Outcome {
    /// Counts one record. The first error is printed: the line of JSON has no room for it.
    #[inline]
    pub fn count<T, E: Display>(&mut self, result: Result<T, E>) {
        match result {
            Ok(_) => self.acknowledged += 1,
            Err(error) => {
                if self.errors == 0 {
                    eprintln!("the first error: {error}");
                }
                self.errors += 1;
            }
        }
    }

    /// Takes another sender's in.
    pub fn merge(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.errors += other.errors;
        self.latencies.merge(other.latencies);
    }

    /// Stops the clock and gives the line of JSON of a client that does not count its requests.
    ///
    /// # Errors
    /// Where the system does not tell the process's CPU time.
    pub fn report(self, meter: Meter, load: &Load) -> nix::Result<String> {
        let latencies = (load.awaits != Await::All).then_some(self.latencies);
        meter.report(self.acknowledged, self.errors, latencies, None)
    }
}
