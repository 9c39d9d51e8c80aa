//! Asks a broker that wants SASL what such brokers refuse, and prints what it answers: one line a question, nothing that depends on
//! the cluster.
//!
//! `cargo run -p rohrpost-testkit --features sasl,tls --example interrogate_sasl -- HOST:PORT plain|scram`: the user is `alice` with
//! the password `alice-secret`; `plain` for a listener with PLAIN alone, `scram` for one with SCRAM-SHA-256 and SCRAM-SHA-512. The
//! testkit and Apache Kafka must print the same.

#![allow(clippy::unwrap_used, reason = "a question that cannot be asked ends the interrogation")]
#![allow(dead_code, reason = "each program uses a part of the client")]

#[path = "../tests/wire/client.rs"]
mod client;
#[path = "../tests/security/exchange.rs"]
mod exchange;
#[path = "interrogate/login.rs"]
mod login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> client::Outcome {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next().as_deref()) {
        (Some(address), Some("plain")) => login::plain(&address).await,
        (Some(address), Some("scram")) => login::scram(&address).await,
        _ => Err("usage: interrogate_sasl HOST:PORT plain|scram".into()),
    }
}
