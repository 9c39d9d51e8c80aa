//! Whole lives of a producer, simulated: the engine, the testkit's broker model, a network and a clock, all virtual, all from one seed.
//!
//! A life is drawn from its seed: the configuration of producer and cluster, what is sent, and what goes wrong. It has a time of trouble;
//! then the faults stop, and it must be seen that everything works again. The invariants are checked at every step: on the wire (`ledger`),
//! in the brokers' logs (`logs`), in what senders are told, in what the engine says it waits for (`why`); and at the end. A life that is lived
//! twice leaves the same trace. One that breaks an invariant is shortened before it is shown.
//!
//! A life of transactions (`transactional`) is one of an application that consumes, transforms and produces.
//!
//! ```
//! use rohrpost_sim::{Options, live};
//!
//! let life = live(&Options { seed: 42, ..Options::default() });
//! assert_eq!(life.violations, [""; 0]);
//! assert_eq!(life.trace, live(&Options { seed: 42, ..Options::default() }).trace);
//! ```

mod deeds;
mod dice;
mod guards;
mod ledger;
mod life;
mod logs;
mod network;
mod plan;
mod report;
mod scenarios;
mod senders;
mod shrink;
mod trace;
mod transactional;
mod transit;
mod trouble;
mod why;

pub use life::{Options, live};
pub use report::{Report, Totals};
pub use rohrpost_engine::Plant;
pub use scenarios::{SCENARIOS, Scenario};
pub use shrink::{Left, Shrunk, shrink};
pub use transactional::{TRANSACTIONAL_SCENARIOS, TransactionalScenario};
