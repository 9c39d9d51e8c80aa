//! What an acknowledgement means, and how long it may take.

use std::time::Duration;

use rohrpost_testkit::{ApiKey, ErrorCode, Fault};
use tokio::time::Instant;

use crate::{Setting, both, builder, cluster, is_about, record, settle, took, warm};

/// How long a record takes whose first batches meet this.
async fn time_under(setting: Setting, fault: Fault, more: &[(&str, &str)]) -> Duration {
    let cluster = cluster(1).await;
    let producer = warm(builder(&cluster, setting).properties(more.iter().copied())).await;
    cluster.inject(fault.on(ApiKey::Produce));
    took(async { producer.send(record()).await.unwrap().await.unwrap() }).await
}

/// Not written, and worth another try at the same broker.
fn refusal() -> Fault {
    Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS)
}

#[test]
fn acks() {
    let offsets = both("acks", ["0", "all"], |setting| async move {
        let cluster = cluster(1).await;
        let producer = warm(builder(&cluster, setting)).await;
        producer.send(record()).await.unwrap().await.unwrap().offset()
    });
    assert_eq!(offsets, [None, Some(1)]);
}

#[test]
fn enable_idempotence() {
    let [off, on] = both("enable.idempotence", ["false", "true"], |setting| async move {
        let cluster = cluster(1).await;
        drop(warm(builder(&cluster, setting)).await);
        let ids = cluster.log("t", 0);
        ids.iter().map(|record| record.producer_id).collect::<Vec<_>>()
    });
    assert_eq!(off, [rohrpost_testkit::ProducerId::NONE]);
    assert_ne!(on, off);
}

#[test]
fn retries() {
    let written = both("retries", ["1", "5"], |setting| async move {
        let cluster = cluster(1).await;
        let producer = warm(builder(&cluster, setting)).await;
        cluster.inject(refusal().on(ApiKey::Produce).times(3));
        producer.send(record()).await.unwrap().await.is_ok()
    });
    assert_eq!(written, [false, true]);
}

#[test]
fn max_in_flight() {
    let requests =
        both("max.in.flight.requests.per.connection", ["1", "4"], |setting| async move {
            let cluster = cluster(1).await;
            let producer = warm(builder(&cluster, setting).batch_size(0)).await;
            cluster.pause_broker(1);
            for _ in 0..10 {
                drop(producer.send(record()).await.unwrap());
                settle().await;
            }
            producer.stats().requests_in_flight_now
        });
    assert_eq!(requests, [1, 4]);
}

#[test]
fn delivery_timeout() {
    let times = both("delivery.timeout.ms", ["3000", "70000"], |setting| async move {
        let cluster = cluster(1).await;
        let producer =
            warm(builder(&cluster, setting).request_timeout(Duration::from_secs(2))).await;
        cluster.pause_broker(1);
        let start = Instant::now();
        producer.send(record()).await.unwrap().await.unwrap_err();
        start.elapsed().as_secs()
    });
    assert_eq!(times, [3, 70]);
}

#[test]
fn request_timeout() {
    // The answer is lost; the batch goes out again when it is given up.
    let [short, long] = both("request.timeout.ms", ["1000", "40000"], |setting| {
        time_under(setting, Fault::swallow(), &[("retry.backoff.ms", "0")])
    });
    assert!(short >= Duration::from_secs(1) && short < Duration::from_secs(3), "{short:?}");
    assert!(long >= Duration::from_secs(40) && long < Duration::from_secs(42), "{long:?}");
}

#[test]
fn retry_backoff() {
    let [short, long] = both("retry.backoff.ms", ["200", "20000"], |setting| {
        time_under(setting, refusal(), &[("retry.backoff.max.ms", "1000000")])
    });
    assert!(is_about(short, 200) && is_about(long, 20_000), "{short:?} {long:?}");
}

#[test]
fn retry_backoff_max() {
    // The second pause is twice the first, and the third twice the second, unless they are bounded.
    let [bounded, free] = both("retry.backoff.max.ms", ["1000", "100000"], |setting| {
        time_under(setting, refusal().times(3), &[("retry.backoff.ms", "1000")])
    });
    assert!(is_about(bounded, 3_000) && is_about(free, 7_000), "{bounded:?} {free:?}");
}
