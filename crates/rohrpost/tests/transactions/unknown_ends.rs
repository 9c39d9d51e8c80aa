//! A commit tells the truth, or that it does not know it yet; then it can be asked for.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use rohrpost::{Error, ErrorKind, Outcome, ProducerRecord, Remedy, TransactionEnd};
use rohrpost_testkit::{ApiKey, Fault};

use super::{VERSIONS, builder, cluster, committed, producer, values, within};

#[tokio::test]
async fn an_answer_that_is_lost_changes_nothing() {
    for version in VERSIONS {
        for api in
            [ApiKey::EndTxn, ApiKey::Produce, ApiKey::InitProducerId, ApiKey::AddPartitionsToTxn]
        {
            let cluster = cluster(version).await;
            cluster.inject(Fault::disconnect_after().on(api));
            let mut producer = producer(&cluster).await;
            for number in 0..3_u32 {
                let transaction = within(producer.begin()).await.unwrap();
                drop(
                    transaction
                        .send(ProducerRecord::new("debits").value(number.to_string()))
                        .await
                        .unwrap(),
                );
                within(transaction.commit()).await.unwrap();
            }
            assert_eq!(committed(&cluster, "debits"), values(0..3), "version {version}, {api:?}");
            assert_eq!(cluster.committed_records("debits").len(), 3);
        }
    }
}

#[tokio::test]
async fn a_commit_whose_end_is_not_known_in_time_can_be_resumed() {
    for version in VERSIONS {
        let cluster = cluster(version).await;
        let mut producer = builder(&cluster)
            .max_block(Duration::from_millis(300))
            .build_transactional()
            .await
            .unwrap();
        within(producer.init()).await.unwrap();
        let transaction = within(producer.begin()).await.unwrap();
        within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
            .await
            .unwrap();
        let coordinator = cluster.coordinator_of("transfers-1").unwrap();
        cluster.pause_broker(coordinator);
        let error = within(transaction.commit()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.remedy()),
            (ErrorKind::TransactionTimeout, Remedy::Retry),
            "{error}"
        );
        assert!(error.is_retriable());
        assert_eq!(error.outcome(), Outcome::MaybeWritten);
        assert!(error.to_string().starts_with("commit did not end in time"), "{error}");
        let still = within(producer.resume()).await.unwrap_err();
        assert_eq!(still.remedy(), Remedy::Retry);
        assert!(still.to_string().starts_with("resume did not end in time"), "{still}");
        for error in [error, still] {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            assert_ne!(cause, Some(error.reason().to_owned()), "it says the same twice");
        }
        cluster.resume_broker(coordinator);
        let end = loop {
            match within(producer.resume()).await {
                Err(error) if error.remedy() == Remedy::Retry => {}
                end => break end.unwrap(),
            }
        };
        assert_eq!(end, Some(TransactionEnd::Committed));
        assert_eq!(committed(&cluster, "debits"), values([0]), "version {version}");
        let transaction = within(producer.begin()).await.unwrap();
        within(transaction.abort()).await.unwrap();
    }
}

#[tokio::test]
async fn a_commit_that_is_dropped_half_way_goes_on_and_is_told() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    {
        let mut commit = pin!(transaction.commit());
        assert!(commit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(within(producer.resume()).await.unwrap(), Some(TransactionEnd::Committed));
    assert_eq!(committed(&cluster, "debits"), values([0]));
}

#[tokio::test]
async fn a_commit_that_nobody_began_to_wait_for_is_an_abort() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
        .await
        .unwrap();
    drop(transaction.commit());
    within(within(producer.begin()).await.unwrap().commit()).await.unwrap();
    assert!(committed(&cluster, "debits").is_empty());
    assert!(cluster.ongoing_transactions().is_empty());
}

#[tokio::test]
async fn with_transaction_waits_for_an_end_that_takes_longer_than_a_call() {
    let cluster = cluster(2).await;
    let mut producer = builder(&cluster)
        .max_block(Duration::from_millis(200))
        .build_transactional()
        .await
        .unwrap();
    within(producer.init()).await.unwrap();
    cluster.inject(Fault::delay(Duration::from_millis(900)).on(ApiKey::EndTxn));
    let committed_once = within(producer.with_transaction(async |transaction| {
        transaction.send(ProducerRecord::new("debits").value("0")).await?;
        Ok::<_, Error>(())
    }));
    committed_once.await.unwrap();
    assert_eq!(cluster.committed_records("debits").len(), 1);
}

#[tokio::test]
async fn with_transaction_goes_on_after_one_that_was_dropped_while_it_committed() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    within(producer.init()).await.unwrap();
    cluster.inject(Fault::delay(Duration::from_millis(300)).on(ApiKey::EndTxn));
    let send = async |transaction: &rohrpost::Transaction<'_>| {
        transaction.send(ProducerRecord::new("debits").value("0")).await?.await?;
        Ok::<_, Error>(())
    };
    {
        let mut run = pin!(producer.with_transaction(send));
        let ends = cluster.wait_until(|stats| stats.requests_of(ApiKey::EndTxn) > 0);
        tokio::select! {
            ended = &mut run => panic!("{ended:?}"),
            asked = ends => asked.map(drop).unwrap(),
        }
    }
    within(producer.with_transaction(send)).await.unwrap();
    assert_eq!(cluster.committed_records("debits").len(), 2);
}

#[tokio::test]
async fn a_begin_that_is_dropped_half_way_costs_nothing() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    within(producer.init()).await.unwrap();
    for _ in 0..3 {
        let mut begin = pin!(producer.begin());
        assert!(begin.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([0]));
}

#[tokio::test]
async fn a_transaction_that_is_forgotten_is_aborted_by_the_next() {
    let cluster = cluster(2).await;
    let mut producer = producer(&cluster).await;
    let transaction = within(producer.begin()).await.unwrap();
    within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
        .await
        .unwrap();
    std::mem::forget(transaction);
    let transaction = within(producer.begin()).await.unwrap();
    transaction.send(ProducerRecord::new("debits").value("1")).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&cluster, "debits"), values([1]));
}

#[tokio::test]
async fn a_commit_that_a_close_cuts_short_may_be_written() {
    let cluster = cluster(2).await;
    // One whose call has ended, and one that is dropped: what is asked then is answered by nobody, or by the end of all.
    for is_dropped in [false, true] {
        let mut producer = builder(&cluster)
            .max_block(Duration::from_millis(if is_dropped { 60_000 } else { 200 }))
            .build_transactional()
            .await
            .unwrap();
        let transaction = within(producer.begin()).await.unwrap();
        within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
            .await
            .unwrap();
        let coordinator = cluster.coordinator_of("transfers-1").unwrap();
        cluster.pause_broker(coordinator);
        if is_dropped {
            let mut commit = pin!(transaction.commit());
            assert!(commit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        } else {
            let error = within(transaction.commit()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TransactionTimeout);
        }
        within(producer.close(Duration::from_millis(100))).await.ok();
        let error = within(producer.resume()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Closed, Outcome::MaybeWritten));
        cluster.resume_broker(coordinator);
    }
}

#[tokio::test]
async fn a_commit_whose_runtime_ends_may_be_written() {
    let cluster = cluster(2).await;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let builder = builder(&cluster);
    let producer = runtime.spawn(async move { builder.build_transactional().await }).await;
    let mut producer = producer.unwrap().unwrap();
    let transaction = within(producer.begin()).await.unwrap();
    within(transaction.send(ProducerRecord::new("debits").value("0")).await.unwrap())
        .await
        .unwrap();
    cluster.pause_broker(cluster.coordinator_of("transfers-1").unwrap());
    let mut commit = pin!(transaction.commit());
    assert!(commit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    runtime.shutdown_background();
    let error = within(commit).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::DriverGone, Outcome::MaybeWritten));
}
