//! SASL and TLS on the brokers' ports, asked by a client that knows the rules and may break them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "wire/client.rs"]
mod client;

#[path = "security/access.rs"]
mod access;
#[path = "security/exchange.rs"]
mod exchange;
#[path = "security/hostile.rs"]
mod hostile;
#[path = "security/login.rs"]
mod login;
#[path = "security/tls.rs"]
mod tls;
