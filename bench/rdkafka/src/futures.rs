//! `FutureProducer`: a future for every record.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::future_producer::{DeliveryFuture, OwnedDeliveryResult};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rohrpost_bench_load::{Await, InOrder, Load, Meter, Outcome, Pace, Records};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::{Result, config, headers};

pub(crate) fn run(load: Load, records: Records) -> Result<String> {
    let runtime = Builder::new_multi_thread().worker_threads(load.threads).enable_all().build()?;
    let producer: FutureProducer = config(&load).create()?;
    let (load, records) = (Arc::new(load), Arc::new(records));
    for number in 0..load.topics.len() {
        runtime
            .block_on(producer.send(record(&load, &records, number), Timeout::Never))
            .map_err(|(error, _)| error)?;
    }
    let meter = Meter::start()?;
    if load.awaits == Await::Rate {
        return Ok(at_rate(&runtime, &producer, &load, &records)?.report(meter, &load)?);
    }
    let mut tasks = Vec::new();
    for numbers in load.shares() {
        let (producer, load, records) = (producer.clone(), load.clone(), records.clone());
        tasks.push(runtime.spawn(async move {
            match load.awaits {
                Await::Each => Ok(each(&producer, &load, &records, numbers).await),
                _ => all(&producer, &load, &records, numbers).await,
            }
        }));
    }
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.merge(runtime.block_on(task)??);
    }
    Ok(outcome.report(meter, &load)?)
}

async fn all(
    producer: &FutureProducer,
    load: &Load,
    records: &Records,
    numbers: Range<usize>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut outstanding = InOrder::new();
    for number in numbers {
        let delivery = enqueue(producer, record(load, records, number)).await?;
        outstanding.push(delivery, |result| count(&mut outcome, result));
    }
    outstanding.finish(|result| count(&mut outcome, result)).await;
    Ok(outcome)
}

async fn each(
    producer: &FutureProducer,
    load: &Load,
    records: &Records,
    numbers: Range<usize>,
) -> Outcome {
    let mut outcome = Outcome::default();
    for number in numbers {
        let start = Instant::now();
        let result = producer.send(record(load, records, number), Timeout::Never).await;
        outcome.latencies.note(start.elapsed());
        count(&mut outcome, Ok::<_, KafkaError>(result));
    }
    outcome
}

/// From a thread outside the runtime: a runtime's timers tick in milliseconds.
fn at_rate(
    runtime: &Runtime,
    producer: &FutureProducer,
    load: &Load,
    records: &Records,
) -> Result<Outcome> {
    let (results, arrived) = channel();
    let pace = Pace::start(load.rate);
    for number in 0..load.records {
        pace.sleep_until(number);
        let delivery = match producer.send_result(record(load, records, number)) {
            Ok(delivery) => delivery,
            Err((_, back)) => runtime.block_on(enqueue(producer, back))?,
        };
        let (results, intended) = (results.clone(), pace.intended(number));
        runtime.spawn(async move {
            let result = delivery.await;
            let _ = results.send((intended.elapsed(), result));
        });
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, result) in arrived {
        outcome.latencies.note(latency);
        count(&mut outcome, result);
    }
    Ok(outcome)
}

/// Sends a record, when there is room for it; looks for room more often than `FutureProducer::send`, which sleeps 100 ms.
#[inline]
async fn enqueue(
    producer: &FutureProducer,
    mut record: FutureRecord<'_, [u8], [u8]>,
) -> Result<DeliveryFuture, KafkaError> {
    loop {
        match producer.send_result(record) {
            Ok(delivery) => return Ok(delivery),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                sleep(Duration::from_millis(1)).await;
                record = back;
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn count<E: std::fmt::Display>(outcome: &mut Outcome, result: Result<OwnedDeliveryResult, E>) {
    match result {
        Ok(result) => outcome.count(result.map_err(|(error, _)| error)),
        Err(error) => outcome.count::<(), _>(Err(error)),
    }
}

#[inline]
fn record<'r>(load: &'r Load, records: &'r Records, number: usize) -> FutureRecord<'r, [u8], [u8]> {
    let mut record = FutureRecord::to(load.topic(number)).payload(records.value(number));
    record.key = records.key(number);
    record.headers = headers(records);
    record
}
