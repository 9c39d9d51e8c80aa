//! Records with the same key go to the same partition and stay in the order in which they were sent, whatever is retried meanwhile. Many of them can be
//! under way before the first is awaited.
//!
//! ```sh
//! cargo run -p rohrpost --example ordered_by_key                    # a cluster inside the process
//! cargo run -p rohrpost --example ordered_by_key -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::collections::HashMap;
use std::time::Duration;

use rohrpost::{Error, Producer, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;

    let mut deliveries = Vec::new();
    for step in 0..3 {
        for account in ["alice", "bob", "carol"] {
            let value = format!("{account}: step {step}");
            let record = ProducerRecord::new("accounts").key(account).value(value);
            // Waits for room in the buffer, not for the brokers: one task that sends in order is all that order needs.
            deliveries.push((account, step, producer.send(record).await?));
        }
    }

    let mut last = HashMap::new();
    for (account, step, delivery) in deliveries {
        let metadata = delivery.await?;
        println!("{account} {step} {metadata}");
        let place = (metadata.partition(), metadata.offset());
        if let Some((partition, offset)) = last.insert(account, place) {
            assert_eq!(metadata.partition(), partition, "one key, one partition");
            assert!(metadata.offset() > offset, "sent later, stored later");
        }
    }
    producer.close(Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
