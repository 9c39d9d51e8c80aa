//! Records with the same key go to the same partition and stay in order there. Shows where each key went, and that many records can be
//! under way before the first is awaited.
//!
//! ```sh
//! cargo run -p rohrpost --example ordered_by_key -- 127.0.0.1:9092
//! ```

use std::time::Duration;

use rohrpost::{Error, Producer, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;

    let mut deliveries = Vec::new();
    for step in 0..3 {
        for account in ["alice", "bob", "carol"] {
            let value = format!("{account}: step {step}");
            let record = ProducerRecord::new("accounts").key(account).value(value);
            deliveries.push((account, step, producer.send(record).await?));
        }
    }
    for (account, step, delivery) in deliveries {
        println!("{account} {step} {}", delivery.await?);
    }
    producer.close(Duration::from_secs(10)).await
}
