#![doc = include_str!("../README.md")]

mod append;
mod awaits;
mod bell;
mod calls;
mod chooser;
mod clock;
mod completion;
mod deliveries;
mod delivery;
mod failure;
mod handle;
mod in_flight;
mod inbox;
mod lanes;
mod lookups;
mod memory;
mod network;
mod outputs;
mod pacing;
mod pool;
#[cfg(feature = "probe")]
pub mod probe;
mod running;
mod runs;
mod scales;
mod shared;
mod socket;
mod start;
mod stats;
mod stream;
mod sync;
mod task;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
mod topic_handle;
mod topics;
mod trace;
mod write_queue;

pub use append::Record;
pub use calls::Call;
pub use chooser::ChooserConfig;
pub use deliveries::{Deliveries, Settled};
pub use delivery::{Acknowledged, Delivery, Failed};
pub use failure::{CallFailure, Failure, PartitionerFault, SendFailure};
pub use handle::{GivenUp, GivenUpThere, Gone, Handle, Wait};
#[cfg(feature = "sasl")]
pub use rohrpost_auth::{Credentials, CredentialsError};
pub use rohrpost_engine::REFERENCE_FROM;
pub use socket::{AddressFamily, SocketOptions};
pub use start::{DriverConfig, canonical_names, look_up, pause, start};
pub use stats::Stats;
pub use topic_handle::TopicHandle;

use sync::lock;
