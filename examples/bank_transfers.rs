//! Moves money between accounts: each transfer is a debit in one topic and a credit in another, both or neither.
//!
//! ```sh
//! cargo run -p rohrpost --example bank_transfers                       # a cluster inside the process
//! cargo run -p rohrpost --example bank_transfers -- 127.0.0.1:9092     # your brokers
//! ```
//!
//! Every third transfer is found out to be without cover half-way, when its debit is sent already: dropping the transaction takes that back. A reader with
//! `isolation.level=read_committed` never sees it, and for such a reader the sum of all credits and debits is always zero.

mod servers;

use std::error::Error;
use std::time::Duration;

use rohrpost::{Producer, ProducerRecord, TransactionalProducer};
use rohrpost_testkit::Cluster;

const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(servers) = servers::given() {
        println!("{} transfers", run(&servers, 100).await?);
        return Ok(());
    }
    let cluster = Cluster::builder().start().await?;
    for topic in ["debits", "credits"] {
        cluster.create_topic(topic, 3)?;
    }
    println!("{} transfers", run(&cluster.bootstrap_servers(), 100).await?);
    let sum = |topic| -> Result<i64, Box<dyn Error>> {
        let mut sum = 0;
        for record in cluster.committed_records(topic) {
            sum += std::str::from_utf8(record.value.as_deref().unwrap_or(b"0"))?.parse::<i64>()?;
        }
        Ok(sum)
    };
    let (debits, credits) = (sum("debits")?, sum("credits")?);
    println!("{debits} taken, {credits} given");
    assert_eq!(debits, credits);
    Ok(())
}

async fn run(servers: &str, transfers: usize) -> Result<usize, rohrpost::Error> {
    let builder = Producer::builder().bootstrap_servers(servers).transactional_id("bank-1");
    let mut producer = builder.build_transactional().await?;
    // From here on no other instance of "bank-1" can write.
    producer.init().await?;
    let mut done = 0;
    for number in 0..transfers {
        let (from, to) = (ACCOUNTS[number % 4], ACCOUNTS[(number + 1) % 4]);
        done += usize::from(transfer(&mut producer, from, to, number % 3 != 2).await?);
    }
    producer.close(Duration::from_secs(30)).await?;
    Ok(done)
}

/// Moves 10 from one account to another, if there is cover. Whether it did.
async fn transfer(
    producer: &mut TransactionalProducer,
    from: &str,
    to: &str,
    has_cover: bool,
) -> Result<bool, rohrpost::Error> {
    let transaction = producer.begin().await?;
    transaction.send(ProducerRecord::new("debits").key(from).value("10")).await?;
    if !has_cover {
        // Dropped: it is aborted in the background, and the next `begin` waits for that.
        return Ok(false);
    }
    transaction.send(ProducerRecord::new("credits").key(to).value("10")).await?;
    transaction.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs_as_it_is() {
        super::main().unwrap();
    }
}
