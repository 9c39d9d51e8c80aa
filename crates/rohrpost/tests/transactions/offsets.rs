//! A group's offsets go with the transaction.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::{ConsumerGroupMetadata, ErrorKind, ProducerRecord, Remedy, TopicOffset};
use rohrpost_testkit::model::GroupMember;

use super::{VERSIONS, builder, cluster, committed, producer, values, within};

#[tokio::test]
async fn offsets_move_when_the_transaction_commits_and_stay_when_it_aborts() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        let mut producer = producer(&cluster).await;
        let group = ConsumerGroupMetadata::new("readers");
        let offset = |cluster: &rohrpost_testkit::Cluster| {
            let offsets = cluster.group_offsets("readers");
            offsets.get(&("orders".to_owned(), 0)).map(|committed| committed.offset)
        };
        cluster.create_topic("orders", 1).unwrap();
        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
        within(transaction.send_offsets([("orders", 0, 7)], &group)).await.unwrap();
        assert_eq!(offset(&cluster), None);
        within(transaction.commit()).await.unwrap();
        assert_eq!(offset(&cluster), Some(7), "version {version}");

        // Offsets alone are a transaction, too.
        let transaction = within(producer.begin()).await.unwrap();
        let plain = TopicOffset::new("orders", 0, 9).leader_epoch(0).metadata("half-way");
        within(transaction.send_offsets([plain], &group)).await.unwrap();
        within(transaction.abort()).await.unwrap();
        assert_eq!(offset(&cluster), Some(7), "version {version}");
        let transaction = within(producer.begin()).await.unwrap();
        within(transaction.send_offsets([("orders", 0, 11)], &group)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(offset(&cluster), Some(11), "version {version}");
    }
}

#[tokio::test]
async fn a_group_that_went_on_without_the_member_makes_the_transaction_abort() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        cluster.create_topic("orders", 1).unwrap();
        cluster.set_group("readers", 5, [GroupMember::new("member-b")]);
        let mut producer = producer(&cluster).await;
        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
        let old = ConsumerGroupMetadata::new("readers").generation(4).member_id("member-a");
        let error = within(transaction.send_offsets([("orders", 0, 7)], &old)).await.unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort), "{error}");
        let error = within(transaction.commit()).await.unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort), "{error}");

        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("1")).await.unwrap();
        let new = ConsumerGroupMetadata::new("readers").generation(5).member_id("member-b");
        within(transaction.send_offsets([("orders", 0, 7)], &new)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&cluster, "debits"), values([1]), "version {version}");
    }
}

#[tokio::test]
async fn a_group_without_an_id_is_refused_and_the_transaction_goes_on() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        cluster.create_topic("orders", 1).unwrap();
        let mut producer = producer(&cluster).await;
        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
        let nobody = ConsumerGroupMetadata::new("");
        let error =
            within(transaction.send_offsets([("orders", 0, 7)], &nobody)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("group.id") && !error.is_fatal(), "{error}");
        let group = ConsumerGroupMetadata::new("readers");
        within(transaction.send_offsets([("orders", 0, 7)], &group)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&cluster, "debits"), values([0]), "version {version}");
        assert_eq!(cluster.group_offsets("readers")[&("orders".to_owned(), 0)].offset, 7);
    }
}

#[tokio::test]
async fn offsets_that_nobody_knows_to_be_taken_keep_the_transaction_from_being_committed() {
    let cluster = cluster(2).await;
    let mut producer = builder(&cluster)
        .max_block(Duration::from_millis(300))
        .build_transactional()
        .await
        .unwrap();
    within(producer.init()).await.unwrap();
    let group = ConsumerGroupMetadata::new("readers");
    // There is no such topic, which a broker may learn of yet.
    let transaction = within(producer.begin()).await.unwrap();
    let error = within(transaction.send_offsets([("nowhere", 0, 7)], &group)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.remedy()),
        (ErrorKind::TransactionTimeout, Remedy::Retry),
        "{error}"
    );
    let error = within(transaction.commit()).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort), "{error}");
    // Given up before it was known.
    cluster.create_topic("orders", 1).unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    drop(Box::pin(transaction.send_offsets([("orders", 0, 7)], &group)));
    {
        let mut sent = pin!(transaction.send_offsets([("orders", 0, 8)], &group));
        assert!(sent.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let error = within(transaction.commit()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted, "{error}");
    assert!(cluster.group_offsets("readers").is_empty());
    // Sent again, they count.
    let transaction = within(producer.begin()).await.unwrap();
    {
        let mut sent = pin!(transaction.send_offsets([("orders", 0, 9)], &group));
        assert!(sent.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    within(transaction.send_offsets([("orders", 0, 9)], &group)).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(cluster.group_offsets("readers")[&("orders".to_owned(), 0)].offset, 9);
}
