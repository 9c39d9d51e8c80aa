//! Serializers: Kafka's own, and the trait [`Serializer`] for one's own. All of `rohrpost-serializer`, for
//! [typed producers](crate::TypedProducer).
//!
//! ```
//! use std::num::TryFromIntError;
//! use rohrpost::serializer::{Output, Serializer};
//!
//! /// A price in cents, in four bytes. Negative ones are refused: the send fails with the reason.
//! struct Cents;
//!
//! impl Serializer<i64> for Cents {
//!     type Error = TryFromIntError;
//!
//!     fn serialize(&self, price: &i64, output: &mut Output<'_>) -> Result<(), TryFromIntError> {
//!         output.write(&u32::try_from(*price)?.to_be_bytes());
//!         Ok(())
//!     }
//! }
//! ```

pub use rohrpost_serializer::*;
