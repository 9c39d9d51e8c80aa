//! Callbacks instead of futures, and what to do with a failure.
//!
//! ```sh
//! cargo run -p rohrpost --example callbacks -- 127.0.0.1:9092
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rohrpost::{Error, Outcome, Producer, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;

    let acknowledged = Arc::new(AtomicU64::new(0));
    for number in 0..1_000 {
        let acknowledged = acknowledged.clone();
        let record = ProducerRecord::new("numbers").value(number.to_string());
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
    println!("{} of 1000 acknowledged", acknowledged.load(Ordering::Relaxed));
    producer.close(Duration::from_secs(10)).await
}
