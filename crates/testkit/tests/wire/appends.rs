//! What is appended, what is refused, and with which code.

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::{InitProducerIdRequest, ProduceRequest};
use rohrpost_codec::{ErrorCode, Uuid};
use rohrpost_records::{BatchBuilder, Codec, Compression, Compressor};
use rohrpost_testkit::{Cluster, TimestampType, TopicSpec};

use super::client::*;

#[tokio::test]
async fn every_version_of_produce_appends_in_order() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let id = cluster.create_topic("orders", 2)?;
    let mut client = Client::to(&cluster, 1).await?;
    let versions = 3..=13;
    for (offset, version) in versions.clone().enumerate() {
        let value = format!("v{version}");
        let request = produce_request("orders", id, 1, -1, batch(&[&value]));
        let answer = partition_of(client.call(&request, version).await?)?;
        assert_appended(&answer, offset as i64);
        assert_eq!(answer.log_append_time_ms, -1);
    }
    let wanted: Vec<_> = versions.map(|version| format!("v{version}")).collect();
    assert_eq!(values(&cluster, "orders", 1), wanted);
    assert_eq!(values(&cluster, "orders", 0), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn versions_below_three_are_told_and_not_served() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let mut client = Client::to(&cluster, 1).await?;
    let request = rohrpost_codec::messages::ApiVersionsRequest::default();
    let versions = client.call(&request, 0).await?;
    let produce = versions.api_keys.iter().find(|api| api.api_key == 0);
    assert_eq!(produce.map(|api| (api.min_version, api.max_version)), Some((0, 13)));
    // Produce 2, correlation id 9, no client id; the rest does not matter.
    client.send_bytes(&[0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 9, 0xff, 0xff]).await?;
    let end = client.frame().await.map_err(|error| error.kind());
    assert_eq!(end, Err(std::io::ErrorKind::UnexpectedEof));
    Ok(())
}

#[tokio::test]
async fn every_codec_is_read_back() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    cluster.create_topic("packed", 1)?;
    let mut client = Client::to_leader(&cluster, "packed", 0).await?;
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    for codec in codecs {
        let values = [format!("{codec:?} {}", "x".repeat(300)), "second".to_owned()];
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let batch = stamped(&values, None, Compression::new(codec)?);
        let answer = client.produce("packed", 0, -1, batch).await?;
        assert_eq!(answer.error_code, ErrorCode::NONE, "{codec:?}");
    }
    let log = cluster.log("packed", 0);
    assert_eq!(
        log.iter().map(|record| record.offset).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert!(log[4].value.as_ref().is_some_and(|value| value.starts_with(b"Snappy")));
    assert_eq!(log[5].timestamp, 1_700_000_000_001);
    Ok(())
}

#[tokio::test]
async fn a_batch_that_is_wrong_is_refused_and_not_appended() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.create_topic("t", 1)?;
    cluster.create_topic_with(&TopicSpec::new("small").max_message_bytes(100))?;
    cluster.create_topic_with(&TopicSpec::new("compact").compacted())?;
    let mut keyless = BatchBuilder::new(BytesMut::new());
    keyless.append(1, Some(b"k"), None, [])?;
    keyless.append(1, None, Some(b"v"), [])?;
    let mut keyless =
        keyless.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)?;
    let keyless = keyless.stamp(None, false)?.to_bytes();

    let cases: Vec<(&str, &str, Bytes, ErrorCode)> = vec![
        ("no batch", "t", Bytes::new(), ErrorCode::INVALID_RECORD),
        ("a cut batch", "t", batch(&["a"]).slice(..50), ErrorCode::INVALID_RECORD),
        ("a wrong byte", "t", changed(&batch(&["a"]), 65, 0xff), ErrorCode::CORRUPT_MESSAGE),
        ("magic 1", "t", changed(&batch(&["a"]), 16, 1), ErrorCode::INVALID_RECORD),
        (
            "two batches",
            "t",
            [batch(&["a"]), batch(&["b"])].concat().into(),
            ErrorCode::INVALID_RECORD,
        ),
        ("a base offset", "t", changed(&batch(&["a"]), 7, 5), ErrorCode::INVALID_RECORD),
        ("too large", "small", batch(&[&"x".repeat(60)]), ErrorCode::MESSAGE_TOO_LARGE),
        ("no key", "compact", keyless, ErrorCode::INVALID_RECORD),
        ("no topic", "nowhere", batch(&["a"]), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ];
    let mut client = Client::to(&cluster, 1).await?;
    for (what, topic, batch, code) in cases {
        let answer = client.produce(topic, 0, -1, batch).await?;
        assert_eq!((answer.error_code, answer.base_offset), (code, -1), "{what}");
        assert_eq!(cluster.batches(topic, 0).len(), 0, "{what}");
        let faulty: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
        assert_eq!(faulty, if what == "no key" { vec![1] } else { vec![] }, "{what}");
    }
    let answer = client.produce("t", 7, -1, batch(&["a"])).await?;
    assert_eq!(answer.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let answer = client.produce("t", 0, 2, batch(&["a"])).await?;
    assert_eq!(answer.error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    assert_eq!(cluster.stats().records, 0);
    Ok(())
}

#[tokio::test]
async fn the_broker_knows_the_last_five_batches_of_a_producer() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    let identity = client.call(&InitProducerIdRequest::default(), 0).await?;
    assert_eq!(identity.error_code, ErrorCode::INVALID_REQUEST, "an empty transactional id");
    let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let identity = client.call(&request, 5).await?;
    assert_eq!((identity.error_code, identity.producer_epoch), (ErrorCode::NONE, 0));
    let id = identity.producer_id;
    for sequence in 0..6 {
        let batch = idempotent(&[&sequence.to_string()], id, 0, sequence);
        assert_appended(&client.produce("t", 0, -1, batch).await?, sequence.into());
    }
    let again = client.produce("t", 0, -1, idempotent(&["1"], id, 0, 1)).await?;
    assert_appended(&again, 1);
    assert_eq!(again.log_append_time_ms, 1_700_000_000_000, "the batch's largest timestamp");
    let forgotten = client.produce("t", 0, -1, idempotent(&["0"], id, 0, 0)).await?;
    assert_eq!(forgotten.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(values(&cluster, "t", 0), ["0", "1", "2", "3", "4", "5"]);
    let stats = cluster.stats();
    assert_eq!((stats.batches, stats.duplicates, stats.refused), (6, 1, 1));
    let last = cluster.log("t", 0).pop().ok_or("the log is empty")?;
    assert_eq!((last.producer_id.0, last.producer_epoch.0, last.sequence.0), (id, 0, 5));
    Ok(())
}

#[tokio::test]
async fn without_acks_nothing_answers_and_an_error_closes() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    client.send(&produce_request("t", Uuid::NIL, 0, 0, batch(&["silent"])), 9).await?;
    let answer = client.produce("t", 0, 1, batch(&["loud"])).await?;
    assert_appended(&answer, 1);
    client.send(&produce_request("nowhere", Uuid::NIL, 0, 0, batch(&["lost"])), 9).await?;
    let end = client.receive::<ProduceRequest>(9).await.map_err(|error| error.kind());
    assert_eq!(end.err(), Some(std::io::ErrorKind::UnexpectedEof));
    assert_eq!(values(&cluster, "t", 0), ["silent", "loud"]);
    Ok(())
}

#[tokio::test]
async fn log_append_time_is_the_brokers() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let spec = TopicSpec::new("t").timestamp_type(TimestampType::LogAppendTime);
    cluster.create_topic_with(&spec)?;
    let mut client = Client::to(&cluster, 1).await?;
    let answer = client.produce("t", 0, -1, batch(&["a", "b"])).await?;
    assert!(answer.log_append_time_ms > 1_700_000_000_001, "{}", answer.log_append_time_ms);
    let log = cluster.log("t", 0);
    assert!(log.iter().all(|record| record.timestamp == answer.log_append_time_ms));
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_created_again_has_another_id() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let old = cluster.create_topic("t", 1)?;
    cluster.delete_topic("t")?;
    let new = cluster.create_topic("t", 1)?;
    assert_ne!(old, new);
    let mut client = Client::to(&cluster, 1).await?;
    let stale = produce_request("", old, 0, -1, batch(&["a"]));
    let answer = partition_of(client.call(&stale, 13).await?)?;
    assert_eq!(answer.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    let fresh = produce_request("", new, 0, -1, batch(&["a"]));
    assert_appended(&partition_of(client.call(&fresh, 13).await?)?, 0);
    Ok(())
}

fn changed(batch: &Bytes, at: usize, byte: u8) -> Bytes {
    let mut bytes = BytesMut::from(&batch[..]);
    bytes[at] = byte;
    bytes.freeze()
}
