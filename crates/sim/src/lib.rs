//! Whole lives of a producer, simulated: the engine, the testkit's broker model, a network and a clock, all virtual, all from one seed.
//!
//! A life is drawn from its seed: the configuration of producer and cluster, what is sent, and what goes wrong. It has a time of trouble, then
//! the faults stop and the producer is closed. At the end the invariants are checked: what was acknowledged is in the log once, at
//! its offset; what was called `NotWritten` is not; one identity carries one payload; order; sequences without gaps; every send ended
//! once and every byte came back; and it all ended within a bounded time. A life that is run twice leaves the same trace.
//!
//! ```
//! let life = rohrpost_sim::live(42);
//! assert_eq!(life.violations, [""; 0]);
//! assert_eq!(life.trace, rohrpost_sim::live(42).trace);
//! ```

mod check;
mod life;
mod network;
mod plan;
mod senders;
mod trace;
mod trouble;

pub use life::{Report, live, live_aloud};
