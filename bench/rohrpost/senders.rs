//! Tasks that send as fast as they can.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use rohrpost::{Deliveries, Delivery, Error, Producer};
use rohrpost_bench_load::{Load, Records};

use crate::{Outcome, Sendables};

/// How often the sender looks which of its records have arrived.
const LOOK_EVERY: usize = 256;

/// Sends the records of these numbers, and takes the results of all of them as the batches settle.
pub(crate) async fn all(
    producer: &Producer,
    load: &Load,
    records: &Records,
    numbers: Range<usize>,
) -> Result<Outcome, Error> {
    let sendables = Sendables::new(producer, load, records);
    let mut deliveries = Deliveries::new();
    let mut outcome = Outcome::default();
    for number in numbers {
        producer.send_into(&mut deliveries, &sendables.get(number)).await?;
        if number % LOOK_EVERY == 0 {
            while let Some(settled) = deliveries.take_next() {
                outcome.settle(&settled);
            }
        }
    }
    producer.flush().await?;
    while let Some(settled) = deliveries.next().await {
        outcome.settle(&settled);
    }
    Ok(outcome)
}

/// Sends the records of these numbers, and awaits the delivery of each in their order.
pub(crate) async fn all_single(
    producer: &Producer,
    load: &Load,
    records: &Records,
    numbers: Range<usize>,
) -> Result<Outcome, Error> {
    let sendables = Sendables::new(producer, load, records);
    let mut outstanding: VecDeque<Delivery> = VecDeque::new();
    let mut outcome = Outcome::default();
    for number in numbers {
        outstanding.push_back(producer.send(&sendables.get(number)).await?);
        if number % LOOK_EVERY == 0 {
            while outstanding.front().is_some_and(Delivery::is_resolved) {
                if let Some(delivery) = outstanding.pop_front() {
                    outcome.count(&delivery.await);
                }
            }
        }
    }
    producer.flush().await?;
    for delivery in outstanding {
        outcome.count(&delivery.await);
    }
    Ok(outcome)
}

/// Sends the records of these numbers one after the other, each when the one before has arrived.
pub(crate) async fn each(
    producer: &Producer,
    load: &Load,
    records: &Records,
    numbers: Range<usize>,
) -> Result<Outcome, Error> {
    let sendables = Sendables::new(producer, load, records);
    let mut outcome = Outcome::default();
    for number in numbers {
        let start = Instant::now();
        let result = producer.send(&sendables.get(number)).await?.await;
        outcome.latencies.note(start.elapsed());
        outcome.count(&result);
    }
    Ok(outcome)
}
