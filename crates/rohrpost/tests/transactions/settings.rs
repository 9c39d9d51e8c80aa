//! What the properties of transactions do.

use std::future::Future;
use std::time::Duration;

use rohrpost::{ErrorKind, ProducerRecord, TransactionalProducer};
use rohrpost_testkit::Cluster;

use super::{builder, cluster, committed, values, within};

fn live(life: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(life);
}

async fn of(cluster: &Cluster, name: &str, value: &str) -> TransactionalProducer {
    let mut producer = builder(cluster).property(name, value).build_transactional().await.unwrap();
    within(producer.init()).await.unwrap();
    producer
}

#[test]
fn transactional_id() {
    live(async {
        let cluster = cluster(2).await;
        let mut one = of(&cluster, "transactional.id", "one").await;
        let transaction = within(one.begin()).await.unwrap();
        within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
            .await
            .unwrap();
        // Another name leaves it alone; the same ends it.
        let _other = of(&cluster, "transactional.id", "other").await;
        within(transaction.commit()).await.unwrap();
        let transaction = within(one.begin()).await.unwrap();
        within(transaction.send(ProducerRecord::new("debits").value("1")).await.unwrap())
            .await
            .unwrap();
        let _same = of(&cluster, "transactional.id", "one").await;
        let error = within(transaction.commit()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fatal);
        assert_eq!(committed(&cluster, "debits"), values([0]));
    });
}

#[test]
fn transaction_timeout() {
    live(async {
        let cluster = cluster(2).await;
        for millis in [10_000, 70_000] {
            let _producer = of(&cluster, "transaction.timeout.ms", &millis.to_string()).await;
            let known = cluster.transaction("transfers-1").unwrap();
            assert_eq!(known.timeout(), Duration::from_millis(millis));
        }
        // More than the brokers allow.
        let mut producer = builder(&cluster)
            .property("transaction.timeout.ms", "900001")
            .build_transactional()
            .await
            .unwrap();
        let error = within(producer.init()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fatal);
        assert!(error.to_string().contains("transaction.max.timeout.ms"), "{error}");
    });
}
