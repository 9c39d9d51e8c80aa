#![doc = include_str!("../README.md")]

mod credentials;
mod plain;
#[cfg(feature = "scram")]
mod scram;

pub use credentials::{BoxFuture, Credentials, CredentialsError};
pub use plain::PlainCredentials;
#[cfg(feature = "scram")]
pub use scram::ScramCredentials;
