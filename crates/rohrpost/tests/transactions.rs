//! Transactions, end to end against the embedded cluster: all of one is visible or nothing, whatever fails, and errors say what is left to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "transactions/blocking.rs"]
mod blocking;
#[path = "transactions/failures.rs"]
mod failures;
#[path = "transactions/misuse.rs"]
mod misuse;
#[path = "transactions/offsets.rs"]
mod offsets;
#[path = "transactions/settings.rs"]
mod settings;
#[cfg(feature = "unstable-two-phase-commit")]
#[path = "transactions/two_phase.rs"]
mod two_phase;
#[path = "transactions/unknown_ends.rs"]
mod unknown_ends;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use rohrpost::{
    Deliveries, Error, ErrorKind, Producer, ProducerBuilder, ProducerRecord, TransactionalProducer,
};
use rohrpost_testkit::{ApiKey, Cluster};

const TIME: Duration = Duration::from_secs(30);

/// Both versions of transactions.
const VERSIONS: [i16; 2] = [1, 2];

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME, future).await.expect("it hangs")
}

async fn cluster(version: i16) -> Cluster {
    let cluster = Cluster::builder().transaction_version(version).start().await.unwrap();
    for topic in ["debits", "credits"] {
        cluster.create_topic(topic, 3).unwrap();
    }
    cluster
}

fn builder(cluster: &Cluster) -> ProducerBuilder {
    let backoff = Duration::from_millis(5);
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .retry_backoff(backoff, backoff)
        .transactional_id("transfers-1")
}

async fn producer(cluster: &Cluster) -> TransactionalProducer {
    builder(cluster).build_transactional().await.unwrap()
}

/// The values that readers of committed records see of a topic.
fn committed(cluster: &Cluster, topic: &str) -> BTreeSet<String> {
    let value = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let records = cluster.committed_records(topic).into_iter();
    records.map(|record| value(record.value.as_deref().unwrap())).collect()
}

fn values(of: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
    of.into_iter().map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn what_is_committed_is_visible_in_all_partitions_and_what_is_aborted_in_none() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        let mut producer = producer(&cluster).await;
        within(producer.init()).await.unwrap();
        for number in 0..30 {
            let transaction = within(producer.begin()).await.unwrap();
            for partition in 0..3 {
                for topic in ["debits", "credits"] {
                    let record = ProducerRecord::new(topic).partition(partition);
                    let value = (number * 3 + partition).to_string();
                    let sent = transaction.send(record.value(value)).await.unwrap();
                    drop(sent);
                }
            }
            match number % 3 {
                0 => within(transaction.commit()).await.unwrap(),
                1 => within(transaction.abort()).await.unwrap(),
                _ => drop(transaction),
            }
        }
        within(producer.close(TIME)).await.unwrap();
        let expected = || (0..30).filter(|n| n % 3 == 0).flat_map(|n| n * 3..n * 3 + 3);
        assert_eq!(committed(&cluster, "debits"), values(expected()), "version {version}");
        assert_eq!(committed(&cluster, "credits"), values(expected()), "version {version}");
        assert!(cluster.ongoing_transactions().is_empty());
    }
}

#[tokio::test]
async fn a_transaction_without_records_costs_no_request() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    within(producer.init()).await.unwrap();
    let before = producer.stats().requests;
    for _ in 0..10 {
        within(within(producer.begin()).await.unwrap().commit()).await.unwrap();
        within(within(producer.begin()).await.unwrap().abort()).await.unwrap();
        drop(within(producer.begin()).await.unwrap());
    }
    assert_eq!(producer.stats().requests, before);
    assert_eq!(cluster.stats().requests_of(ApiKey::EndTxn), 0);
}

#[tokio::test]
async fn records_of_every_way_of_sending_are_in_the_transaction() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    let record = |n: u32| ProducerRecord::new("debits").value(n.to_string());
    let mut deliveries = Deliveries::new();
    transaction.send(record(0)).await.unwrap().await.unwrap();
    transaction.send_into(&mut deliveries, record(1)).await.unwrap();
    transaction.send_all(&mut deliveries, (2..20).map(record)).await.unwrap();
    let handle = transaction.topic("debits");
    transaction.send(ProducerRecord::new(&handle).value("20")).await.unwrap();
    transaction.try_send(record(21)).unwrap();
    let (heard, hears) = tokio::sync::oneshot::channel();
    let call_back = move |result: Result<_, Error>| heard.send(result.is_ok()).unwrap();
    transaction.send_with(record(22), call_back).await.unwrap();
    assert!(committed(&cluster, "debits").is_empty());
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values(0..23));
    // What a commit waited for has been told.
    assert_eq!(deliveries.join().await.into_result().unwrap(), 19);
    assert!(hears.await.unwrap());
}

#[tokio::test]
async fn typed_records_are_in_the_transaction_and_one_that_cannot_be_serialized_spoils_it() {
    use rohrpost::serializer::{Output, Serializer, StringSerializer};

    /// Even numbers alone.
    struct Even;

    impl Serializer<u32> for Even {
        type Error = String;

        fn serialize<'a>(&self, number: &'a u32, output: &mut Output<'a>) -> Result<(), String> {
            if number % 2 == 1 {
                return Err(format!("{number} is odd"));
            }
            output.write(number.to_string().as_bytes());
            Ok(())
        }
    }

    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let numbers = producer.typed::<str, u32>(StringSerializer, Even).unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    numbers.send(&transaction, numbers.record("debits").value(&2)).await.unwrap();
    let mut deliveries = Deliveries::new();
    let records = [4, 6].map(|_| numbers.record("debits").key("k").value(&4));
    numbers.send_all(&transaction, &mut deliveries, records).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([2, 4]));

    let transaction = within(producer.begin()).await.unwrap();
    numbers.send(&transaction, numbers.record("debits").value(&8)).await.unwrap();
    let odd = numbers.send(&transaction, numbers.record("debits").value(&9)).await;
    assert_eq!(odd.unwrap_err().kind(), ErrorKind::Serialization);
    let error = within(transaction.commit()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    assert!(error.to_string().contains("9 is odd"), "{error}");
    within(within(producer.begin()).await.unwrap().commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([2, 4]));
}

#[tokio::test]
async fn many_tasks_send_in_one_transaction() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    let sends = (0..500_u32).map(|number| {
        let record = ProducerRecord::new("debits").key(number.to_string());
        let sent = transaction.send(record.value(number.to_string()));
        async { sent.await?.await }
    });
    let sent = within(futures_util::future::join_all(sends)).await;
    assert!(sent.into_iter().all(|sent| sent.is_ok()));
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values(0..500));
}
