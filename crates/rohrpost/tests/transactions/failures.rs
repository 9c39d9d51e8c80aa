//! A transaction that lacks anything cannot be committed.

use std::time::Duration;

use rohrpost::{Error, ErrorKind, ProducerRecord, Remedy};
use rohrpost_testkit::{ApiKey, ErrorCode, Fault, Permission};

use super::{VERSIONS, builder, cluster, committed, producer, values, within};

#[tokio::test]
async fn a_record_that_is_refused_fails_the_commit_though_nobody_awaits_its_delivery() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        let mut producer = producer(&cluster).await;
        let transaction = within(producer.begin()).await.unwrap();
        let good = ProducerRecord::new("debits").value("0");
        within(transaction.send(&good).await.unwrap()).await.unwrap();
        let refused = Fault::error(ErrorCode::INVALID_RECORD).on(ApiKey::Produce).topic("credits");
        cluster.inject(refused);
        transaction.send(ProducerRecord::new("credits").value("1")).await.unwrap();
        let error = within(transaction.commit()).await.unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort), "{error}");
        assert_eq!((error.topic(), error.is_fatal()), (Some("credits"), false));
        let text = error.to_string();
        assert!(text.contains("can begin another one") && !text.contains("abort the"), "{text}");
        let cause: &Error = std::error::Error::source(&error).unwrap().downcast_ref().unwrap();
        assert_eq!(cause.kind(), ErrorKind::InvalidRecord);
        // The same producer goes on.
        let transaction = within(producer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("2")).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&cluster, "debits"), values([2]), "version {version}");
        assert!(committed(&cluster, "credits").is_empty());
    }
}

#[tokio::test]
async fn a_record_that_was_never_taken_fails_the_commit() {
    let cluster = cluster(2).await;
    let mut producer =
        builder(&cluster).max_request_size(1_000).build_transactional().await.unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    let large = ProducerRecord::new("debits").value(vec![0; 2_000]);
    let error = transaction.send(&large).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::RecordTooLarge, Remedy::Abort));
    let error = within(transaction.commit()).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort));
    let cause: &Error = std::error::Error::source(&error).unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), ErrorKind::RecordTooLarge);
    within(within(producer.begin()).await.unwrap().commit()).await.unwrap();
    assert!(committed(&cluster, "debits").is_empty());
}

#[tokio::test]
async fn a_send_that_would_wait_or_is_given_up_spoils_nothing() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    let record = ProducerRecord::new("credits").value("1");
    let error = transaction.try_send(record.clone()).unwrap_err();
    assert_eq!((error.kind(), error.error().remedy()), (ErrorKind::WouldBlock, Remedy::Retry));
    drop(transaction.send(&record));
    within(transaction.send(&record).await.unwrap()).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "credits"), values([1]));
}

#[tokio::test]
async fn what_was_not_sent_yet_is_not_sent_after_an_abort() {
    let cluster = cluster(2).await;
    let mut producer =
        builder(&cluster).linger(Duration::from_secs(20)).build_transactional().await.unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    let delivery = transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    within(transaction.abort()).await.unwrap();
    let error = within(delivery).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Aborted, Remedy::Abort));
    assert_eq!(error.outcome(), rohrpost::Outcome::NotWritten);
    assert_eq!(cluster.stats().batches, 0);
}

#[tokio::test]
async fn a_newer_producer_of_the_same_id_ends_the_older_one() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        let mut older = producer(&cluster).await;
        let transaction = within(older.begin()).await.unwrap();
        within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
            .await
            .unwrap();
        let mut newer = producer(&cluster).await;
        within(newer.init()).await.unwrap();
        let error = within(transaction.commit()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.remedy()),
            (ErrorKind::Fatal, Remedy::NewProducer),
            "{error}"
        );
        assert!(error.is_fatal());
        assert_eq!(within(older.begin()).await.map(drop).unwrap_err().kind(), ErrorKind::Fatal);
        let transaction = within(newer.begin()).await.unwrap();
        transaction.send(ProducerRecord::new("debits").value("1")).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&cluster, "debits"), values([1]), "version {version}");
    }
}

#[tokio::test]
async fn a_transactional_id_that_may_not_be_used_is_named_and_can_be_tried_again() {
    let cluster = cluster(2).await;
    let denied = Permission::WriteTransactionalId("transfers-1".into());
    cluster.deny(denied.clone());
    let mut producer = producer(&cluster).await;
    let error = within(producer.init()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authorization, "{error}");
    assert!(error.to_string().contains("TransactionalId"), "{error}");
    cluster.allow(&denied);
    within(producer.init()).await.unwrap();
}

#[tokio::test]
async fn with_transaction_commits_aborts_and_does_again_what_may_fare_better() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    // The cluster wants the first attempt aborted.
    cluster.inject(Fault::error(ErrorCode::TRANSACTION_ABORTABLE).on(ApiKey::EndTxn));
    let mut attempts = 0;
    let offset = within(producer.with_transaction(async |transaction| {
        attempts += 1;
        let record = ProducerRecord::new("debits").partition(0).value(attempts.to_string());
        Ok::<_, Error>(transaction.send(record).await?.await?.offset())
    }));
    let offset = offset.await.unwrap();
    assert_eq!(attempts, 2);
    assert!(offset.is_some());
    assert_eq!(committed(&cluster, "debits"), values([2]));

    // The body's own error is the caller's, and nothing is committed.
    let failed: Result<(), Box<dyn std::error::Error>> =
        within(producer.with_transaction(async |transaction| {
            transaction.send(ProducerRecord::new("debits").value("9")).await?;
            Err("no cover".into())
        }))
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "no cover");
    assert_eq!(committed(&cluster, "debits"), values([2]));
    assert!(cluster.ongoing_transactions().is_empty());
}
