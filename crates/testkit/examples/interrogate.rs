//! Asks a broker what brokers refuse, and prints what it answers: one line a question, nothing that depends on the cluster.
//!
//! `cargo run -p rohrpost-testkit --example interrogate -- HOST:PORT PREFIX` creates topics whose names begin with the prefix, in a
//! cluster of one broker. The testkit and Apache Kafka must print the same: that is how the model is held to the real thing.

#![allow(clippy::unwrap_used, reason = "a question that cannot be asked ends the interrogation")]

#[path = "interrogate/appends.rs"]
mod appends;
#[path = "../tests/wire/client.rs"]
mod client;
#[path = "interrogate/configs.rs"]
mod configs;
#[path = "interrogate/damage.rs"]
mod damage;
#[path = "interrogate/reads.rs"]
mod reads;
#[path = "interrogate/topics.rs"]
mod topics;

use client::{Client, Outcome};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(prefix)) = (arguments.next(), arguments.next()) else {
        return Err("usage: interrogate HOST:PORT PREFIX".into());
    };
    let mut client = Client::at(&address).await?;
    topics::ask(&mut client, &prefix).await?;
    configs::ask(&mut client, &prefix).await?;
    appends::ask(&mut client, &prefix).await?;
    reads::ask(&mut client, &prefix).await?;
    Ok(())
}
