//! The producers that call back: `BaseProducer`, which the application polls, and `ThreadedProducer`, which has a thread for that.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext,
    ThreadedProducer,
};
use rohrpost_bench_load::{Await, Latencies, Load, Meter, Outcome, Pace, Records};

use crate::{Result, config, headers};

/// How often the application polls while it sends.
pub(crate) const POLL_EVERY: usize = 256;
const A_WHILE: Duration = Duration::from_millis(1);

/// What each delivery is reported to.
#[derive(Clone)]
pub(crate) struct Deliveries(Arc<State>);

pub(crate) struct State {
    awaits: Await,
    acknowledged: AtomicU64,
    errors: AtomicU64,
    /// Each sender that waits for its record, by its number.
    waiting: Vec<Waiting>,
    /// What the intended times count from, and the latencies from there.
    start: OnceLock<Instant>,
    latencies: Mutex<Latencies>,
}

#[derive(Default)]
struct Waiting {
    is_done: AtomicBool,
    sender: OnceLock<Thread>,
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    /// Where every record is awaited, the sender's number; at a rate, the intended time.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let state = &*self.0;
        match result {
            Ok(_) => state.acknowledged.fetch_add(1, Ordering::Relaxed),
            Err((error, _)) => {
                if state.errors.load(Ordering::Relaxed) == 0 {
                    eprintln!("the first error: {error}");
                }
                state.errors.fetch_add(1, Ordering::Relaxed)
            }
        };
        match state.awaits {
            Await::All => {}
            Await::Each => {
                let waiting = &state.waiting[opaque];
                waiting.is_done.store(true, Ordering::Release);
                if let Some(sender) = waiting.sender.get() {
                    sender.unpark();
                }
            }
            Await::Rate => {
                if let Some(start) = state.start.get() {
                    let latency =
                        start.elapsed().saturating_sub(Duration::from_nanos(opaque as u64));
                    state.latencies.lock().unwrap_or_else(PoisonError::into_inner).note(latency);
                }
            }
        }
    }
}

pub(crate) type Record<'r> = BaseRecord<'r, [u8], [u8], usize>;

/// What the two producers have in common.
pub(crate) trait Client: Sync {
    fn send<'r>(&self, record: Record<'r>) -> Result<(), (KafkaError, Record<'r>)>;
    /// Reports what was delivered, where no other thread does.
    fn poll(&self, timeout: Duration);
    /// Waits for room, or for a delivery.
    fn wait(&self);
    fn flush(&self) -> KafkaResult<()>;
}

impl Client for BaseProducer<Deliveries> {
    fn send<'r>(&self, record: Record<'r>) -> Result<(), (KafkaError, Record<'r>)> {
        BaseProducer::send(self, record)
    }

    fn poll(&self, timeout: Duration) {
        BaseProducer::poll(self, timeout);
    }

    fn wait(&self) {
        BaseProducer::poll(self, A_WHILE);
    }

    fn flush(&self) -> KafkaResult<()> {
        Producer::flush(self, Duration::from_secs(120))
    }
}

impl Client for ThreadedProducer<Deliveries> {
    fn send<'r>(&self, record: Record<'r>) -> Result<(), (KafkaError, Record<'r>)> {
        ThreadedProducer::send(self, record)
    }

    fn poll(&self, _: Duration) {}

    fn wait(&self) {
        // Polling beside its thread would cost three times the CPU.
        thread::sleep(A_WHILE);
    }

    fn flush(&self) -> KafkaResult<()> {
        Producer::flush(self, Duration::from_secs(120))
    }
}

pub(crate) fn run_threaded(load: &Load, records: &Records) -> Result<String> {
    let deliveries = deliveries(load);
    let producer: ThreadedProducer<Deliveries> =
        config(load).create_with_context(deliveries.clone())?;
    run(&producer, &deliveries.0, load, records)
}

/// Polls where it sends; a thread polls where the senders sleep meanwhile.
pub(crate) fn run_base(load: &Load, records: &Records) -> Result<String> {
    let deliveries = deliveries(load);
    let producer: BaseProducer<Deliveries> =
        config(load).create_with_context(deliveries.clone())?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        if load.awaits != Await::All {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    BaseProducer::poll(&producer, Duration::from_millis(100));
                }
            });
        }
        let line = run(&producer, &deliveries.0, load, records);
        is_over.store(true, Ordering::Relaxed);
        line
    })
}

pub(crate) fn deliveries(load: &Load) -> Deliveries {
    Deliveries(Arc::new(State {
        awaits: load.awaits,
        acknowledged: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        waiting: (0..load.tasks).map(|_| Waiting::default()).collect(),
        start: OnceLock::new(),
        latencies: Mutex::default(),
    }))
}

fn run(client: &impl Client, state: &State, load: &Load, records: &Records) -> Result<String> {
    for number in 0..load.topics.len() {
        enqueue(client, record(load, records, number))?;
    }
    client.flush()?;
    state.acknowledged.store(0, Ordering::Relaxed);
    let meter = Meter::start()?;
    let latencies = thread::scope(|scope| {
        if load.awaits == Await::Rate {
            return at_rate(client, state, load, records).map(|()| Latencies::default());
        }
        let send = |(task, numbers): (usize, Range<usize>)| {
            scope.spawn(move || match load.awaits {
                Await::Each => each(client, state, load, records, task, numbers),
                _ => all(client, load, records, numbers).map(|()| Latencies::default()),
            })
        };
        let senders: Vec<_> = load.shares().enumerate().map(send).collect();
        let mut latencies = Latencies::default();
        for sender in senders {
            latencies.merge(sender.join().map_err(|_| "a sender panicked")??);
        }
        Ok(latencies)
    });
    let mut latencies = latencies?;
    client.flush()?;
    latencies.merge(std::mem::take(
        &mut *state.latencies.lock().unwrap_or_else(PoisonError::into_inner),
    ));
    let acknowledged = state.acknowledged.load(Ordering::Acquire);
    let outcome = Outcome { acknowledged, errors: state.errors.load(Ordering::Acquire), latencies };
    Ok(outcome.report(meter, load)?)
}

fn all(client: &impl Client, load: &Load, records: &Records, numbers: Range<usize>) -> Result {
    for number in numbers {
        enqueue(client, record(load, records, number))?;
        if number % POLL_EVERY == 0 {
            client.poll(Duration::ZERO);
        }
    }
    Ok(())
}

fn each(
    client: &impl Client,
    state: &State,
    load: &Load,
    records: &Records,
    task: usize,
    numbers: Range<usize>,
) -> Result<Latencies> {
    let waiting = &state.waiting[task];
    let _ = waiting.sender.set(thread::current());
    let mut latencies = Latencies::default();
    for number in numbers {
        waiting.is_done.store(false, Ordering::Relaxed);
        let mut record = record(load, records, number);
        record.delivery_opaque = task;
        let start = Instant::now();
        enqueue(client, record)?;
        while !waiting.is_done.load(Ordering::Acquire) {
            thread::park();
        }
        latencies.note(start.elapsed());
    }
    Ok(latencies)
}

fn at_rate(client: &impl Client, state: &State, load: &Load, records: &Records) -> Result {
    let pace = Pace::start(load.rate);
    let start = *state.start.get_or_init(|| pace.intended(0));
    for number in 0..load.records {
        pace.sleep_until(number);
        let mut record = record(load, records, number);
        record.delivery_opaque = pace.intended(number).duration_since(start).as_nanos() as usize;
        enqueue(client, record)?;
    }
    Ok(())
}

/// Sends a record, when there is room for it.
#[inline]
pub(crate) fn enqueue(client: &impl Client, mut record: Record<'_>) -> Result {
    loop {
        match client.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                client.wait();
                record = back;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

#[inline]
pub(crate) fn record<'r>(load: &'r Load, records: &'r Records, number: usize) -> Record<'r> {
    let mut record =
        BaseRecord::with_opaque_to(load.topic(number), 0).payload(records.value(number));
    record.key = records.key(number);
    record.headers = headers(records);
    record
}
