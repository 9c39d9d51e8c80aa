//! Records at a rate, from a thread outside the runtime: a runtime's timers tick in milliseconds.

use std::sync::mpsc::channel;

use rohrpost::{ErrorKind, Producer};
use rohrpost_bench_load::{Load, Pace, Records};
use tokio::runtime::Runtime;

use crate::{Outcome, Result, Sendables};

/// Sends each record when it is due. Its latency ends when the producer calls back.
pub(crate) fn run(
    runtime: &Runtime,
    producer: &Producer,
    load: &Load,
    records: &Records,
) -> Result<Outcome> {
    let (results, arrived) = channel();
    let sendables = Sendables::new(producer, load, records);
    let pace = Pace::start(load.rate);
    for number in 0..load.records {
        pace.sleep_until(number);
        let delivery = match producer.try_send(sendables.get(number)) {
            Ok(delivery) => delivery,
            Err(refused) if refused.error().kind() == ErrorKind::WouldBlock => {
                runtime.block_on(producer.send(sendables.get(number)))?
            }
            Err(refused) => return Err(refused.into_error().into()),
        };
        let (results, intended) = (results.clone(), pace.intended(number));
        delivery.call_back(move |result| {
            // Nobody hears it only if the run has failed already.
            let _ = results.send((intended.elapsed(), result.is_ok()));
        });
    }
    drop(results);
    let mut outcome = Outcome::default();
    for (latency, is_acknowledged) in arrived {
        outcome.latencies.note(latency);
        if is_acknowledged {
            outcome.acknowledged += 1;
        } else {
            outcome.errors += 1;
        }
    }
    Ok(outcome)
}
