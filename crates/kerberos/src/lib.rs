#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod binary;
mod cache;
mod config;
mod context;
mod crypto;
mod der;
mod error;
mod exchange;
mod keytab;
mod messages;
mod principal;
mod ticket;
mod time;

pub use cache::TicketCache;
pub use config::{Include, Krb5Config};
pub use context::{Context, Initiator};
pub use crypto::{EncryptionType, Key};
pub use error::{KerberosError, Refusal};
pub use exchange::{Login, LoginStep, Random, TicketRequest};
pub use keytab::{Keytab, KeytabEntry};
pub use principal::Principal;
pub use ticket::Ticket;
