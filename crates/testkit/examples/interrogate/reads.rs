//! Offsets that are there and offsets that are not.

use rohrpost_codec::Uuid;
use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchTopic};
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use rohrpost_codec::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use rohrpost_codec::messages::{FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest};
use rohrpost_records::RecordBatches;

use crate::client::{Client, Outcome, batch};

pub(crate) async fn ask(client: &mut Client, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-plain");
    // Partition 1: three records in two batches.
    client.produce(&topic, 1, -1, batch(&["a", "b"])).await?;
    client.produce(&topic, 1, -1, batch(&["c"])).await?;
    offsets(client, &topic).await?;
    epochs(client, &topic).await?;
    fetches(client, &topic).await
}

async fn offsets(client: &mut Client, topic: &str) -> Outcome {
    let first = 1_700_000_000_000;
    let times = [-1, -2, -3, -4, -5, -7, 0, first, first + 1, first + 2];
    for version in 1..=9 {
        for timestamp in times {
            // Kinds of offsets that the version does not know.
            if (timestamp == -3 && version < 7) || timestamp < -3 && version < 9 {
                continue;
            }
            list(client, topic, version, 1, timestamp, -1).await?;
        }
    }
    list(client, topic, 9, 1, -1, 0).await?;
    list(client, topic, 9, 1, -1, 3).await?;
    list(client, topic, 9, 5, -1, -1).await?;
    list(client, "interrogate-nowhere", 9, 0, -1, -1).await
}

async fn list(
    client: &mut Client,
    topic: &str,
    version: i16,
    partition_index: i32,
    timestamp: i64,
    current_leader_epoch: i32,
) -> Outcome {
    let partition = ListOffsetsPartition {
        partition_index,
        timestamp,
        current_leader_epoch,
        ..Default::default()
    };
    let topic = ListOffsetsTopic {
        name: topic.to_owned().into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let answer = client.call(&request, version).await?;
    let got = &answer.topics[0].partitions[0];
    println!(
        "ListOffsets {version}, partition {partition_index}, {timestamp} in epoch {current_leader_epoch}: {:?} {} {} {}",
        got.error_code, got.offset, got.timestamp, got.leader_epoch
    );
    Ok(())
}

async fn epochs(client: &mut Client, topic: &str) -> Outcome {
    for (current_leader_epoch, leader_epoch) in [(-1, 0), (0, 0), (-1, 1), (3, 0)] {
        let partition = OffsetForLeaderPartition {
            partition: 1,
            current_leader_epoch,
            leader_epoch,
            ..Default::default()
        };
        let topic = OffsetForLeaderTopic {
            topic: topic.to_owned().into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = client.call(&request, 4).await?;
        let got = &answer.topics[0].partitions[0];
        println!(
            "OffsetForLeaderEpoch, {leader_epoch} in {current_leader_epoch}: {:?} {} {}",
            got.error_code, got.leader_epoch, got.end_offset
        );
    }
    Ok(())
}

async fn fetches(client: &mut Client, topic: &str) -> Outcome {
    for version in 4..=12 {
        for (offset, epoch) in [(0, -1), (2, -1), (3, -1), (4, -1), (-1, -1), (0, 0), (0, 7)] {
            fetch(client, topic, version, offset, epoch, 1 << 20).await?;
        }
        fetch(client, topic, version, 0, -1, 1).await?;
    }
    fetch(client, "interrogate-nowhere", 12, 0, -1, 1000).await?;
    for (session_id, session_epoch) in [(0, 5), (4711, 5)] {
        let request = FetchRequest {
            session_id,
            session_epoch,
            replica_id: -1,
            max_wait_ms: 10,
            min_bytes: 1,
            ..Default::default()
        };
        let answer = client.call(&request, 12).await?;
        println!("Fetch, session {session_id} in {session_epoch}: {:?}", answer.error_code);
    }
    Ok(())
}

async fn fetch(
    client: &mut Client,
    topic: &str,
    version: i16,
    fetch_offset: i64,
    current_leader_epoch: i32,
    partition_max_bytes: i32,
) -> Outcome {
    let partition = FetchPartition {
        partition: 1,
        fetch_offset,
        current_leader_epoch,
        partition_max_bytes,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: topic.to_owned().into(),
        topic_id: Uuid::NIL,
        partitions: vec![partition],
        ..Default::default()
    };
    let request = FetchRequest {
        replica_id: -1,
        max_wait_ms: 10,
        min_bytes: 1,
        isolation_level: 0,
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = client.call(&request, version).await?;
    let got = &answer.responses[0].partitions[0];
    let batches = RecordBatches::new(got.records.clone().unwrap_or_default());
    let offsets: Vec<_> = batches.flatten().map(|batch| batch.header().base_offset).collect();
    println!(
        "Fetch {version}, {fetch_offset} in epoch {current_leader_epoch}, {partition_max_bytes} bytes: {:?} {} {} {} {:?} {offsets:?}",
        got.error_code,
        got.high_watermark,
        got.last_stable_offset,
        got.log_start_offset,
        got.aborted_transactions,
    );
    Ok(())
}
