//! Reads orders, writes invoices, and commits both the invoices and how far it has read in one transaction: each order makes one invoice, whatever dies in between.
//!
//! ```sh
//! cargo run -p rohrpost --example consume_transform_produce      # a cluster inside the process
//! ```
//!
//! rohrpost does not consume: take the consumer crate that you like. All that this loop needs of it is [`Source`]: some records with their offsets, who it is in its group, and to be
//! set back to the group's committed offsets. `examples/rdkafka` is a whole program with rdkafka's `StreamConsumer`, for any Kafka; it is a workspace of its own, since librdkafka is compiled
//! with it.
//!
//! Here the source reads the embedded cluster's log, and the program is struck by lightning now and then: it loses all that it has in memory, and begins again as a new instance with the
//! same transactional id.

use std::collections::BTreeSet;
use std::error::Error;

use rohrpost::{ConsumerGroupMetadata, Producer, ProducerRecord, Remedy, TransactionalProducer};
use rohrpost_testkit::Cluster;

const GROUP: &str = "invoicing";
const ORDERS: u32 = 200;

/// What the loop needs of a consumer.
trait Source {
    /// Some records that were not read yet, with their offsets in partition 0 of `orders`; none at the end.
    fn poll(&mut self) -> Vec<(i64, String)>;

    /// Who it is in its group.
    fn group_metadata(&self) -> ConsumerGroupMetadata;

    /// Goes on at the group's committed offsets.
    fn rewind(&mut self);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::builder().start().await?;
    for topic in ["orders", "invoices"] {
        cluster.create_topic(topic, 1)?;
    }
    place_orders(&cluster).await?;

    let mut lives = 0;
    loop {
        lives += 1;
        // Everything in memory is new.
        let mut source = Embedded::new(&cluster);
        let mut producer = Producer::builder()
            .bootstrap_servers(cluster.bootstrap_servers())
            .transactional_id("invoicing-0")
            .build_transactional()
            .await?;
        // Ends what the instance before has left open, before the offsets are read.
        producer.init().await?;
        source.rewind();
        if run(&mut source, &mut producer, lives * 3).await? == End::Done {
            break;
        }
    }
    let invoices = cluster.committed_records("invoices");
    let distinct: BTreeSet<_> = invoices.iter().map(|record| record.value.clone()).collect();
    println!("{ORDERS} orders, {} invoices, {lives} lives", invoices.len());
    assert_eq!((invoices.len(), distinct.len()), (ORDERS as usize, ORDERS as usize));
    Ok(())
}

#[derive(PartialEq)]
enum End {
    Done,
    Struck,
}

/// The loop. Lightning strikes in the middle of the batch of this number.
async fn run(
    source: &mut impl Source,
    producer: &mut TransactionalProducer,
    lightning: u32,
) -> Result<End, rohrpost::Error> {
    for batch in 1.. {
        let orders = source.poll();
        let Some((last, _)) = orders.last() else { return Ok(End::Done) };
        let behind = last + 1;
        let group = source.group_metadata();
        let transaction = producer.begin().await?;
        let made = async {
            for (_, order) in &orders {
                let invoice = format!("invoice for {order}");
                transaction.send(ProducerRecord::new("invoices").value(invoice)).await?;
            }
            if batch == lightning {
                return Ok(false);
            }
            transaction.send_offsets([("orders", 0, behind)], &group).await?;
            Ok::<_, rohrpost::Error>(true)
        };
        let ended = match made.await {
            // Whatever was sent is never seen.
            Ok(false) => return Ok(End::Struck),
            Ok(true) => transaction.commit().await,
            Err(error) => {
                drop(transaction);
                Err(error)
            }
        };
        match ended {
            Ok(()) => {}
            // Another instance has taken over: its work, not ours.
            Err(error) if error.remedy() == Remedy::NewProducer => return Err(error),
            // Not known in time, and known now.
            Err(error) if error.remedy() == Remedy::Retry => {
                producer.resume().await?;
                source.rewind();
            }
            // Aborted: read the same records again.
            Err(_) => source.rewind(),
        }
    }
    Ok(End::Done)
}

async fn place_orders(cluster: &Cluster) -> Result<(), rohrpost::Error> {
    let producer =
        Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
    let mut deliveries = rohrpost::Deliveries::new();
    let orders =
        (0..ORDERS).map(|number| ProducerRecord::new("orders").value(format!("order {number}")));
    producer.send_all(&mut deliveries, orders).await?;
    deliveries.join().await.into_result().map(drop)
}

/// A consumer of the embedded cluster's log.
struct Embedded<'a> {
    cluster: &'a Cluster,
    position: i64,
}

impl<'a> Embedded<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, position: 0 }
    }
}

impl Source for Embedded<'_> {
    fn poll(&mut self) -> Vec<(i64, String)> {
        let unread = self.cluster.committed_log("orders", 0).into_iter();
        let unread = unread.filter(|record| record.offset >= self.position).take(7);
        let text =
            |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        let read: Vec<_> =
            unread.map(|record| (record.offset, text(record.value.as_deref()))).collect();
        self.position = read.last().map_or(self.position, |(offset, _)| offset + 1);
        read
    }

    fn group_metadata(&self) -> ConsumerGroupMetadata {
        ConsumerGroupMetadata::new(GROUP)
    }

    fn rewind(&mut self) {
        let offsets = self.cluster.group_offsets(GROUP);
        let committed = offsets.get(&("orders".to_owned(), 0));
        self.position = committed.map_or(0, |committed| committed.offset);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs_as_it_is() {
        super::main().unwrap();
    }
}
