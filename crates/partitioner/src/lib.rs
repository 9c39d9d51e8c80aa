#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod hash;
mod partitioner;
mod random;
mod round_robin;
mod sticky;
mod table;

pub use hash::{KeyHash, crc32, fnv1a, murmur2};
pub use partitioner::{Choice, Hashed, InvalidPartition, Partitioner, Query, Spread, explicit};
pub use random::Random;
pub use round_robin::RoundRobin;
pub use sticky::UniformSticky;
pub use table::{Load, Table};
