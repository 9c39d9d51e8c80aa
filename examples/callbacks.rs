//! Callbacks instead of futures, and what to do with a failure.
//!
//! ```sh
//! cargo run -p rohrpost --example callbacks                    # a cluster inside the process
//! cargo run -p rohrpost --example callbacks -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rohrpost::{Error, Outcome, Producer, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;

    let acknowledged = Arc::new(AtomicU64::new(0));
    for number in 0..1_000 {
        let acknowledged = acknowledged.clone();
        let record = ProducerRecord::new("numbers").value(number.to_string());
        // The callback runs on the producer's own task: it must not block. What takes long goes through a channel to a task of yours.
        producer
            .send_with(record, move |result| match result {
                Ok(_) => {
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => match error.outcome() {
                    Outcome::NotWritten => eprintln!("{number} is not in the log: {error}"),
                    Outcome::MaybeWritten => eprintln!("{number} may be in the log: {error}"),
                    Outcome::Written => eprintln!("{number} is in the log, but: {error}"),
                },
            })
            .await?;
    }
    // Once a flush returns, every callback of what was sent before has run.
    producer.flush().await?;
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    println!("{acknowledged} of 1000 acknowledged");
    assert_eq!(acknowledged, 1_000);
    producer.close(Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
