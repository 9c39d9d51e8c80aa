//! What large values cost that are copied, and that their batch refers to, in turns in one run.
//!
//! `large-values --bootstrap HOST:PORT [--topic NAME] [--batch-bytes BYTES]`: CPU microseconds a record, medians, as a Markdown table.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use rohrpost::{Bytes, Delivery, Producer, ProducerRecord};
use rohrpost_bench_load::{Load, Meter};
use tokio::runtime::Builder;

const SIZES: [usize; 7] = [2_000, 4_000, 8_000, 10_000, 16_384, 65_536, 1_000_000];
const ROUNDS: usize = 7;
/// Sent in a round.
const ROUND_BYTES: usize = 400_000_000;
/// Different values, sent again and again.
const VALUES: usize = 16;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result {
    let load = Load::from_command_line(&[]);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(compare(&load))
}

async fn compare(load: &Load) -> Result {
    println!("| value, bytes | lent, µs | given, µs | ratio |\n|--:|--:|--:|--:|");
    for size in SIZES {
        let producer = Producer::builder()
            .bootstrap_servers(load.bootstrap.as_str())
            .property("linger.ms", "5")
            .property("batch.size", load.batch_bytes.to_string())
            .build()
            .await?;
        let values: Vec<Bytes> = (0..VALUES).map(|at| Bytes::from(vec![at as u8; size])).collect();
        let mut costs = [Vec::new(), Vec::new()];
        // The first round is not counted.
        for round in 0..=ROUNDS {
            for (is_given, costs) in costs.iter_mut().enumerate() {
                let cost = send(&producer, &load.topics[0], &values, is_given == 1).await?;
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        let [lent, given] = costs.map(|mut costs| {
            costs.sort_unstable_by(f64::total_cmp);
            costs[ROUNDS / 2]
        });
        println!("| {size} | {lent:.2} | {given:.2} | {:.2} |", given / lent);
        producer.close(Duration::from_secs(10)).await?;
    }
    Ok(())
}

/// CPU microseconds a record.
async fn send(producer: &Producer, topic: &str, values: &[Bytes], is_given: bool) -> Result<f64> {
    let records = ROUND_BYTES / values[0].len();
    let meter = Meter::start()?;
    let mut deliveries: VecDeque<Delivery> = VecDeque::new();
    for number in 0..records {
        let value = &values[number % values.len()];
        let record = ProducerRecord::new(topic);
        let record = if is_given { record.value(value.clone()) } else { record.value(&value[..]) };
        deliveries.push_back(producer.send(&record).await?);
        while deliveries.front().is_some_and(Delivery::is_resolved) {
            if let Some(delivery) = deliveries.pop_front() {
                delivery.await?;
            }
        }
    }
    producer.flush().await?;
    for delivery in deliveries {
        delivery.await?;
    }
    Ok(meter.cpu_seconds()? / records as f64 * 1e6)
}
