//! What drivers of `cargo xtask bench` share: the command line, the records, the pace, and the line of JSON at the end.
//!
//! A driver reads its [`Load`], makes its [`Records`], connects and has one record acknowledged, starts a [`Meter`], sends, and prints
//! the meter's [`report`](Meter::report).

mod in_order;
mod load;
mod meter;
mod outcome;
mod pace;
mod records;

pub use in_order::InOrder;
pub use load::{Await, Load, TRANSACTION};
pub use meter::{Latencies, Meter, Traffic};
pub use outcome::Outcome;
pub use pace::Pace;
pub use records::Records;
