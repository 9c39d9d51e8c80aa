//! Scripted faults: each does what it says, to whom it says, as often as it says.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use rohrpost_codec::messages::{InitProducerIdRequest, MetadataRequest, ProduceRequest};
use rohrpost_codec::{ApiKey, ErrorCode, Uuid};
use rohrpost_testkit::{Cluster, Fault};

use super::client::*;

async fn one_broker() -> Result<(Cluster, Client), Box<dyn std::error::Error>> {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.create_topic("t", 2)?;
    cluster.create_topic("other", 1)?;
    let client = Client::to(&cluster, 1).await?;
    Ok((cluster, client))
}

#[tokio::test]
async fn an_error_strikes_the_partition_that_it_names_as_often_as_it_says() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    let fault = Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS);
    cluster.inject(fault.on(ApiKey::Produce).topic("t").partition(1).skip(1).times(2));
    assert_appended(&client.produce("other", 0, -1, batch(&["a"])).await?, 0);
    assert_appended(&client.produce("t", 0, -1, batch(&["b"])).await?, 0);
    assert_appended(&client.produce("t", 1, -1, batch(&["c"])).await?, 0);
    for _ in 0..2 {
        let answer = client.produce("t", 1, -1, batch(&["d"])).await?;
        assert_eq!(answer.error_code, ErrorCode::NOT_ENOUGH_REPLICAS);
    }
    assert_appended(&client.produce("t", 1, -1, batch(&["e"])).await?, 1);
    assert_eq!(values(&cluster, "t", 1), ["c", "e"]);
    assert_eq!(cluster.stats().faults, 2);
    Ok(())
}

#[tokio::test]
async fn an_error_after_the_append_leaves_the_batch_in_the_log() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    cluster.inject(Fault::error_after(ErrorCode::REQUEST_TIMED_OUT).on(ApiKey::Produce));
    let answer = client.produce("t", 0, -1, idempotent(&["a"], 7, 0, 0)).await?;
    assert_eq!(answer.error_code, ErrorCode::REQUEST_TIMED_OUT);
    assert_appended(&client.produce("t", 0, -1, idempotent(&["a"], 7, 0, 0)).await?, 0);
    assert_eq!(values(&cluster, "t", 0), ["a"]);
    assert_eq!(cluster.stats().duplicates, 1);
    Ok(())
}

#[tokio::test]
async fn a_connection_drops_before_or_after_the_append() -> Outcome {
    for (fault, appended) in [(Fault::disconnect_before(), 0), (Fault::disconnect_after(), 1)] {
        let (cluster, mut client) = one_broker().await?;
        cluster.inject(fault.on(ApiKey::Produce));
        let end = client.produce("t", 0, -1, batch(&["a"])).await.map_err(|error| error.kind());
        assert_eq!(end.err(), Some(ErrorKind::UnexpectedEof));
        assert_eq!(cluster.log("t", 0).len(), appended);
        let mut client = Client::to(&cluster, 1).await?;
        assert_eq!(client.produce("t", 0, -1, batch(&["b"])).await?.base_offset, appended as i64);
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_swallowed_and_the_next_is_not() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    cluster.inject(Fault::swallow().on(ApiKey::Produce));
    client.send(&produce_request("t", Uuid::NIL, 0, -1, batch(&["a"])), 12).await?;
    let told = client.call(&MetadataRequest::default(), 12).await?;
    assert_eq!(told.brokers.len(), 1);
    assert_eq!(values(&cluster, "t", 0), ["a"]);
    Ok(())
}

#[tokio::test]
async fn garbage_is_no_frame() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    cluster.inject(Fault::garbage().on(ApiKey::Metadata));
    let garbage = client.call(&MetadataRequest::default(), 12).await;
    assert_eq!(garbage.map_err(|error| error.kind()).err(), Some(ErrorKind::Other));
    Ok(())
}

#[tokio::test]
async fn a_delay_and_a_throttle_take_their_time() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    let pause = Duration::from_millis(40);
    cluster.inject(Fault::delay(pause).on(ApiKey::Metadata));
    let before = Instant::now();
    client.call(&MetadataRequest::default(), 12).await?;
    assert!(before.elapsed() >= pause);

    cluster.inject(Fault::throttle(pause).on(ApiKey::Produce));
    let request = produce_request("t", Uuid::NIL, 0, -1, batch(&["a"]));
    let answer = client.call(&request, 12).await?;
    let before = Instant::now();
    assert_eq!(answer.throttle_time_ms, 40);
    assert_eq!(client.call(&request, 12).await?.throttle_time_ms, 0);
    assert!(before.elapsed() >= pause / 2, "the connection is muted after the answer");
    Ok(())
}

#[tokio::test]
async fn a_stalled_connection_stays_open_and_answers_nothing() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    cluster.inject(Fault::stall().on(ApiKey::Produce));
    client.send(&produce_request("t", Uuid::NIL, 0, -1, batch(&["a"])), 12).await?;
    client.send(&MetadataRequest::default(), 12).await?;
    let silent = client.receive::<ProduceRequest>(12);
    tokio::time::timeout(Duration::from_millis(20), silent).await.unwrap_err();
    assert_eq!(values(&cluster, "t", 0), ["a"]);
    assert_eq!(
        Client::to(&cluster, 1).await?.produce("t", 0, -1, batch(&["b"])).await?.base_offset,
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_fault_can_be_taken_back() -> Outcome {
    let (cluster, mut client) = one_broker().await?;
    let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    let id = cluster.inject(Fault::error(code).on(ApiKey::InitProducerId).always());
    for _ in 0..3 {
        assert_eq!(client.call(&request, 5).await?.error_code, code);
    }
    assert!(cluster.remove_fault(id));
    assert!(!cluster.remove_fault(id));
    assert_eq!(client.call(&request, 5).await?.error_code, ErrorCode::NONE);
    Ok(())
}
