//! Many small records at the least cost: a topic that is looked up once, records that borrow, one list for all results, batches that are worth a request.
//!
//! ```sh
//! cargo run --release -p rohrpost --example high_throughput                    # a cluster inside the process
//! cargo run --release -p rohrpost --example high_throughput -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::fmt::Write;
use std::time::{Duration, Instant};

use rohrpost::{Compression, Deliveries, Error, Producer, ProducerRecord, Tally};

const RECORDS: u64 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let producer = Producer::builder()
        .bootstrap_servers(servers::given_or_embedded())
        // A batch goes when it is full, or after the linger: larger ones cost less a record, here and on the brokers, and compress better.
        .batch_size(128 * 1024)
        .linger(Duration::from_millis(20))
        .compression(Compression::Lz4)
        // What may wait here while the brokers are slow. Once it is full, `send_into` waits.
        .buffer_memory(64 << 20)
        .build()
        .await?;
    let start = Instant::now();

    // The handle saves a look-up by name for each record.
    let topic = producer.topic("measurements");
    // One entry a batch, not a future a record.
    let mut deliveries = Deliveries::new();
    let mut tally = Tally::default();
    let mut value = String::new();
    for number in 0..RECORDS {
        value.clear();
        write!(value, r#"{{"sensor": {}, "reading": {number}}}"#, number % 100)
            .expect("a string takes all");
        // The record borrows its value, and is lent itself: nothing is allocated, and the buffer serves the next record at once.
        let record = ProducerRecord::new(&topic).value(&value);
        producer.send_into(&mut deliveries, &record).await?;
        // Whoever sends without end takes now and then what has arrived; this does not wait.
        if number % 10_000 == 0 {
            while let Some(settled) = deliveries.take_next() {
                tally.add(&settled);
            }
        }
    }
    while let Some(settled) = deliveries.next().await {
        tally.add(&settled);
    }

    if let Some(error) = tally.first_error {
        eprintln!("{} records failed, the first ones because: {error}", tally.failed);
        return Err(error);
    }
    let stats = producer.stats();
    println!(
        "{} records acknowledged in {:.0?}: {:.0} to a batch, {:.2} of their size after compression",
        tally.acknowledged,
        start.elapsed(),
        stats.records_per_batch().unwrap_or_default(),
        stats.compression_ratio().unwrap_or_default(),
    );
    assert_eq!(tally.acknowledged, RECORDS);
    producer.close(Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
