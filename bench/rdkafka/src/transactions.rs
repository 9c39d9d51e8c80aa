//! Transactions of so many records, one after the other, by `BaseProducer`.

use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::util::Timeout;
use rohrpost_bench_load::{Load, Meter, Records};

use crate::callbacks::{Client, Deliveries, POLL_EVERY, deliveries, enqueue, record};
use crate::{Result, config};

const LONGEST: Timeout = Timeout::After(Duration::from_secs(60));

/// A commit flushes, and fails where a record did.
pub(crate) fn run(load: &Load, records: &Records) -> Result<String> {
    let mut config = config(load);
    config.set("transactional.id", "bench-rdkafka");
    let producer: BaseProducer<Deliveries> = config.create_with_context(deliveries(load))?;
    producer.init_transactions(LONGEST)?;
    let transaction = |first: usize, count: usize| -> Result {
        producer.begin_transaction()?;
        for number in first..first + count {
            enqueue(&producer, record(load, records, number))?;
            if number % POLL_EVERY == 0 {
                Client::poll(&producer, Duration::ZERO);
            }
        }
        Ok(producer.commit_transaction(LONGEST)?)
    };
    transaction(0, 1)?;
    let meter = Meter::start()?;
    for first in (0..load.records).step_by(load.transaction) {
        transaction(first, load.transaction.min(load.records - first))?;
    }
    Ok(meter.report(load.records as u64, 0, None, None)?)
}
