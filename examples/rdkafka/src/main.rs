//! Reads orders with rdkafka, writes invoices with rohrpost, and commits both the invoices and how far it has read in one transaction: each order makes one invoice, whatever dies in between.
//! For any Kafka from 2.5 on, the first that tells which offsets are stable.
//!
//! ```sh
//! cd examples/rdkafka                                            # a C compiler and make build librdkafka
//! kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic orders --partitions 6
//! kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic invoices --partitions 3
//! cargo run -- 127.0.0.1:9092                                    # any number of these, anywhere; Ctrl-C ends one
//! kafka-console-producer.sh --bootstrap-server 127.0.0.1:9092 --topic orders
//! kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic invoices --from-beginning --isolation-level read_committed
//! ```
//!
//! Further settings follow the address, of the consumer by librdkafka's names and of the producer by Java's: `consumer.group.instance.id=pod-3 producer.compression.type=zstd`. With `--features secure`
//! there are TLS and SASL as well.
//!
//! # What keeps a second writer out
//!
//! rdkafka tells nobody its generation and member id, so the group cannot refuse the offsets of an instance that it has replaced (KIP-447). Here the producers do that: each partition of `orders`
//! has **a transactional id of its own**, whoever reads it. Who is given the partition initialises that producer, which fences the one before and ends what it left open, and **only then** are the
//! group's offsets read: whatever the one before has committed is in them, and it commits no more. What it costs is a producer for each input partition. (A consumer that tells its ids needs one
//! producer for all: see `ConsumerGroupMetadata`, and `examples/consume_transform_produce.rs`.)
//!
//! Every order is done again until its invoice is committed. What does not pass by itself ends the program: being fenced, or an order whose invoice no broker takes. It may be started again at any
//! time, and goes on where the group stands.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientContext, Message as _, Offset, TopicPartitionList};
use rohrpost::{ConsumerGroupMetadata, Producer, ProducerRecord, Remedy, TransactionalProducer};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio::time::sleep;

const ORDERS: &str = "orders";
const INVOICES: &str = "invoices";
const GROUP: &str = "invoicing";

/// So many orders of all partitions are read at a time, at the most.
const MOST: usize = 500;

/// For how long the group's offset is asked for, how long an answer may take, and when it is asked again.
const PATIENCE: Duration = Duration::from_secs(60);
const AN_ANSWER: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(200);

type AnyError = Box<dyn Error + Send + Sync>;
type Consumer = StreamConsumer<Partitions>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let Settings { consumer: mut settings, producer } = Settings::read(env::args().skip(1))?;
    let (failed, mut failures) = mpsc::unbounded_channel();
    let partitions = Partitions { settings: producer, producers: Mutex::default(), failed };
    let consumer: Consumer = settings
        .set("group.id", GROUP)
        // The transactions commit the offsets, and nobody else.
        .set("enable.auto.commit", "false")
        // Of orders that are written in transactions, those of committed ones. Of the group's offsets, too: librdkafka waits until no transaction has any pending.
        .set("isolation.level", "read_committed")
        // Where the group has no offset yet: with another one, orders were left out.
        .set("auto.offset.reset", "earliest")
        // A rebalance takes away what moves, and nothing else.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create_with_context(partitions)?;
    consumer.subscribe(&[ORDERS])?;
    let mut stop = pin!(tokio::signal::ctrl_c());
    // A rebalance ends a chunk: rdkafka's stream has nothing ready then. So all of a chunk was read under one assignment, and of partitions that were lost at its end there is no producer any more.
    let mut chunks = consumer.stream().ready_chunks(MOST);
    loop {
        tokio::select! {
            biased;
            // Between transactions.
            stopped = &mut stop => return Ok(stopped?),
            Some(error) = failures.recv() => return Err(error.into()),
            Some(chunk) = chunks.next() => work(&consumer, chunk).await?,
        }
    }
}

/// Runs a transaction for each partition that these orders are of, all at the same time.
async fn work(
    consumer: &Consumer,
    chunk: Vec<KafkaResult<BorrowedMessage<'_>>>,
) -> Result<(), AnyError> {
    let mut read = BTreeMap::<i32, Vec<BorrowedMessage<'_>>>::new();
    for order in chunk {
        match order {
            Ok(order) => read.entry(order.partition()).or_default().push(order),
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(error.into()),
            Err(error) => eprintln!("{error}; librdkafka goes on by itself"),
        }
    }
    let transactions = read.iter().map(async |(partition, orders)| {
        // Without, the partition is another's by now, who reads the same orders.
        let Some(mut producer) = consumer.context().take(*partition) else { return Ok(()) };
        invoice(consumer, &mut producer, *partition, orders).await?;
        consumer.context().put(*partition, producer);
        Ok::<_, AnyError>(())
    });
    try_join_all(transactions).await?;
    Ok(())
}

/// Invoices these orders, or sets the consumer back to them.
async fn invoice(
    consumer: &Consumer,
    producer: &mut TransactionalProducer,
    partition: i32,
    orders: &[BorrowedMessage<'_>],
) -> Result<(), AnyError> {
    let Some(last) = orders.last() else { return Ok(()) };
    let behind = last.offset() + 1;
    let Err(error) = transact(producer, partition, orders, behind).await else {
        println!("partition {partition}: committed up to {behind}");
        return Ok(());
    };
    let passes = match error.remedy() {
        Remedy::Retry => true,
        Remedy::Abort => error.is_retriable(),
        Remedy::NewProducer => false,
    };
    if !passes {
        return Err(error.into());
    }
    println!("partition {partition}: {error}; goes back");
    if error.remedy() == Remedy::Retry {
        // Not known yet how it ended. Once it is, the group's offset tells; if it is not even now, the next transaction says the same again.
        let _ = producer.resume().await;
    }
    let offset = rewind(consumer, partition).await?;
    println!("partition {partition}: back at {offset:?}");
    Ok(())
}

async fn transact(
    producer: &mut TransactionalProducer,
    partition: i32,
    orders: &[BorrowedMessage<'_>],
    behind: i64,
) -> Result<(), rohrpost::Error> {
    // Dropped at an error, it is aborted in the background.
    let transaction = producer.begin().await?;
    for order in orders {
        let invoice = [b"invoice for ", order.payload().unwrap_or_default()].concat();
        let record = ProducerRecord::new(INVOICES).key(order.key()).value(invoice);
        transaction.send(record).await?;
    }
    let group = ConsumerGroupMetadata::new(GROUP);
    transaction.send_offsets([(ORDERS, partition, behind)], &group).await?;
    println!("partition {partition}: {} invoices, to be committed", orders.len());
    transaction.commit().await
}

/// Goes on reading at the group's offset, and says which that is.
async fn rewind(consumer: &Consumer, partition: i32) -> KafkaResult<Offset> {
    let end = Instant::now() + PATIENCE;
    let offset = loop {
        match block_in_place(|| committed(consumer, partition)) {
            // Such as a coordinator that has moved.
            Err(error) if Instant::now() < end => eprintln!("{error}; is asked again"),
            found => break found?,
        }
        sleep(AGAIN).await;
    };
    block_in_place(|| consumer.seek(ORDERS, partition, offset, PATIENCE))?;
    Ok(offset)
}

/// The group's offset. An error while a transaction that moves it has ended and is still being written down.
fn committed(consumer: &Consumer, partition: i32) -> KafkaResult<Offset> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(ORDERS, partition);
    let committed = consumer.committed_offsets(asked, AN_ANSWER)?;
    let mut offset = Offset::Beginning;
    for found in committed.elements() {
        found.error()?;
        if let Offset::Offset(_) = found.offset() {
            offset = found.offset();
        }
    }
    Ok(offset)
}

/// What the group has given this instance: for each partition the producer of its invoices.
struct Partitions {
    settings: Vec<(String, String)>,
    producers: Mutex<BTreeMap<i32, TransactionalProducer>>,
    failed: mpsc::UnboundedSender<rohrpost::Error>,
}

impl Partitions {
    fn producers(&self) -> MutexGuard<'_, BTreeMap<i32, TransactionalProducer>> {
        self.producers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, partition: i32) -> Option<TransactionalProducer> {
        self.producers().remove(&partition)
    }

    fn put(&self, partition: i32, producer: TransactionalProducer) {
        self.producers().insert(partition, producer);
    }

    /// Becomes the only one who writes this partition's invoices.
    async fn take_over(
        &self,
        partition: i32,
    ) -> Result<(i32, TransactionalProducer), rohrpost::Error> {
        let builder = Producer::builder().properties(self.settings.iter().cloned());
        let id = format!("{GROUP}-{ORDERS}-{partition}");
        let mut producer = builder.transactional_id(id).build_transactional().await?;
        producer.init().await?;
        println!("partition {partition}: taken over");
        Ok((partition, producer))
    }
}

impl ClientContext for Partitions {}

/// Called while the stream of orders is polled, and at no other time: no transaction is open.
impl ConsumerContext for Partitions {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let partitions = |list: &TopicPartitionList| -> Vec<i32> {
            list.elements().iter().map(|element| element.partition()).collect()
        };
        match rebalance {
            // Before librdkafka reads the group's offsets, or a transaction of the instance before could still move them. Nor were they stable before: what it has left open, this ends.
            Rebalance::Assign(given) => {
                let given =
                    partitions(given).into_iter().map(|partition| self.take_over(partition));
                match block_in_place(|| Handle::current().block_on(try_join_all(given))) {
                    Ok(producers) => self.producers().extend(producers),
                    Err(error) => drop(self.failed.send(error)),
                }
            }
            Rebalance::Revoke(lost) => {
                self.producers().retain(|partition, _| !partitions(lost).contains(partition));
            }
            Rebalance::Error(error) => eprintln!("{error}"),
        }
    }
}

/// The settings of both clients.
struct Settings {
    consumer: ClientConfig,
    producer: Vec<(String, String)>,
}

impl Settings {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, AnyError> {
        const USAGE: &str = "the first argument is the address, such as 127.0.0.1:9092; consumer.NAME=VALUE and producer.NAME=VALUE may follow";
        let servers = arguments.next().ok_or(USAGE)?;
        let mut consumer = ClientConfig::new();
        consumer.set("bootstrap.servers", &servers);
        let mut producer = vec![("bootstrap.servers".to_owned(), servers)];
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or(USAGE)?;
            match (name.strip_prefix("consumer."), name.strip_prefix("producer.")) {
                (Some(name), _) => drop(consumer.set(name, value)),
                (None, Some(name)) => producer.push((name.to_owned(), value.to_owned())),
                (None, None) => return Err(USAGE.into()),
            }
        }
        Ok(Self { consumer, producer })
    }
}
