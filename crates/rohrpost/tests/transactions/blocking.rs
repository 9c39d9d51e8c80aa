//! The same without async.

use rohrpost::{ConsumerGroupMetadata, Error, Producer, ProducerRecord, blocking};
use rohrpost_testkit::Cluster;

#[test]
fn a_program_without_async_has_the_same_transactions() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::builder().start()).unwrap();
    cluster.create_topic("debits", 3).unwrap();
    let builder = Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .transactional_id("transfers-1");
    let mut producer = blocking::TransactionalProducer::build(builder).unwrap();
    producer.init().unwrap();
    let record = |n: u32| ProducerRecord::new("debits").value(n.to_string());

    let transaction = producer.begin().unwrap();
    transaction.send(record(0)).unwrap().wait().unwrap();
    let mut deliveries = blocking::Deliveries::new();
    transaction.send_into(&mut deliveries, record(1)).unwrap();
    transaction.send_all(&mut deliveries, (2..9).map(record)).unwrap();
    transaction.try_send(record(9)).unwrap();
    let group = ConsumerGroupMetadata::new("readers");
    transaction.send_offsets([("debits", 0, 1)], &group).unwrap();
    transaction.commit().unwrap();
    assert_eq!(deliveries.join().into_result().unwrap(), 8);
    assert_eq!(cluster.committed_records("debits").len(), 10);
    assert_eq!(cluster.group_offsets("readers").len(), 1);

    let transaction = producer.begin().unwrap();
    transaction.send(record(10)).unwrap().wait().unwrap();
    transaction.abort().unwrap();
    assert_eq!(producer.resume().unwrap(), None);
    let sent = producer.with_transaction(|transaction| {
        Ok::<_, Error>(transaction.send(record(11))?.wait()?.offset())
    });
    assert!(sent.unwrap().is_some());
    let failed: Result<(), Box<dyn std::error::Error>> = producer.with_transaction(|transaction| {
        transaction.send(record(12))?;
        Err("no cover".into())
    });
    assert_eq!(failed.unwrap_err().to_string(), "no cover");
    assert_eq!(cluster.committed_records("debits").len(), 11);
}
