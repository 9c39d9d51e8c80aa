//! What consumers and administrators ask for.

use std::time::Duration;

use rohrpost_codec::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use rohrpost_codec::messages::delete_topics_request::DeleteTopicState;
use rohrpost_codec::messages::fetch_request::{FetchPartition, FetchTopic};
use rohrpost_codec::messages::fetch_response::PartitionData;
use rohrpost_codec::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use rohrpost_codec::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use rohrpost_codec::messages::*;
use rohrpost_codec::{ErrorCode, Uuid};
use rohrpost_records::RecordBatches;
use rohrpost_testkit::Cluster;

use super::client::*;

fn fetch(topic: &str, topic_id: Uuid, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition {
        partition: 0,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: topic.to_owned().into(),
        topic_id,
        partitions: vec![partition],
        ..Default::default()
    };
    FetchRequest { max_wait_ms, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn fetched(response: FetchResponse) -> PartitionData {
    assert_eq!((response.error_code, response.session_id), (ErrorCode::NONE, 0));
    response.responses.into_iter().flat_map(|topic| topic.partitions).next().unwrap()
}

fn offsets(data: &PartitionData) -> Vec<i64> {
    let batches = RecordBatches::new(data.records.clone().unwrap_or_default());
    let records = batches.flat_map(|batch| batch.unwrap().records(1 << 20).unwrap());
    records.map(|record| record.unwrap().offset).collect()
}

#[tokio::test]
async fn every_version_of_fetch_reads_what_was_appended() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let id = cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    client.produce("t", 0, -1, batch(&["a", "b"])).await?;
    client.produce("t", 0, -1, batch(&["c"])).await?;
    for version in 4..=18 {
        let data = fetched(client.call(&fetch("t", id, 0, 0), version).await?);
        assert_eq!((data.error_code, data.high_watermark), (ErrorCode::NONE, 3), "{version}");
        assert_eq!(offsets(&data), [0, 1, 2], "{version}");
        let data = fetched(client.call(&fetch("t", id, 1, 0), version).await?);
        assert_eq!(offsets(&data), [0, 1, 2], "the batch that holds the offset comes whole");
        let data = fetched(client.call(&fetch("t", id, 2, 0), version).await?);
        assert_eq!(offsets(&data), [2], "{version}");
        let data = fetched(client.call(&fetch("t", id, 4, 0), version).await?);
        assert_eq!(data.error_code, ErrorCode::OFFSET_OUT_OF_RANGE, "{version}");
    }
    let data = fetched(client.call(&fetch("", Uuid([1; 16]), 0, 0), 13).await?);
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    let going_on = FetchRequest { session_id: 9, session_epoch: 3, ..fetch("t", id, 0, 0) };
    let refused = client.call(&going_on, 12).await?;
    assert_eq!(refused.error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_fetch_waits_for_data_and_no_longer_than_it_says() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let id = cluster.create_topic("t", 1)?;
    let mut consumer = Client::to(&cluster, 1).await?;
    let mut producer = Client::to(&cluster, 1).await?;
    let data = fetched(consumer.call(&fetch("t", id, 0, 10), 13).await?);
    assert_eq!(offsets(&data), [0; 0]);
    consumer.send(&fetch("t", id, 0, 600_000), 13).await?;
    cluster.wait_until(|stats| stats.requests_of(rohrpost_codec::ApiKey::Fetch) == 2).await?;
    producer.produce("t", 0, -1, batch(&["a"])).await?;
    let data = fetched(consumer.receive::<FetchRequest>(13).await?);
    assert_eq!(offsets(&data), [0]);
    Ok(())
}

#[tokio::test]
async fn offsets_are_listed_by_time_and_by_name() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    client.produce("t", 0, -1, batch(&["a", "b", "c"])).await?;
    client.produce("t", 0, -1, batch(&["d"])).await?;
    let first = 1_700_000_000_000;
    let cases = [
        (-1, 4, -1),
        (-2, 0, -1),
        (-3, 2, first + 2),
        (-4, 0, -1),
        (-5, -1, -1),
        (0, 0, first),
        (first + 1, 1, first + 1),
        (first + 3, -1, -1),
    ];
    for version in 1..=11 {
        for (timestamp, offset, found) in cases {
            let partition = ListOffsetsPartition { timestamp, ..Default::default() };
            let topic = ListOffsetsTopic {
                name: "t".into(),
                partitions: vec![partition],
                ..Default::default()
            };
            let request =
                ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
            let answer = client.call(&request, version).await?;
            let partition = &answer.topics[0].partitions[0];
            let got = (partition.error_code, partition.offset, partition.timestamp);
            assert_eq!(got, (ErrorCode::NONE, offset, found), "{timestamp} in version {version}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn leader_epochs_end_where_the_next_begins() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start().await?;
    cluster.create_topic("t", 1)?;
    Client::to(&cluster, 1).await?.produce("t", 0, -1, batch(&["a", "b"])).await?;
    cluster.move_leader("t", 0, 2)?;
    let mut client = Client::to(&cluster, 2).await?;
    client.produce("t", 0, -1, batch(&["c"])).await?;
    for (asked, epoch, end) in [(0, 0, 2), (1, 1, 3), (2, -1, -1)] {
        let partition = OffsetForLeaderPartition { leader_epoch: asked, ..Default::default() };
        let topic = OffsetForLeaderTopic {
            topic: "t".into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() };
        for version in 2..=4 {
            let answer = client.call(&request, version).await?;
            let partition = &answer.topics[0].partitions[0];
            assert_eq!((partition.leader_epoch, partition.end_offset), (epoch, end), "{asked}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn topics_are_created_and_deleted_by_request() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    let mut client = Client::to(&cluster, 3).await?;
    let topic = |name: &'static str, num_partitions, replication_factor| CreatableTopic {
        name: name.into(),
        num_partitions,
        replication_factor,
        ..Default::default()
    };
    let config = |name: &'static str, value: &'static str| {
        vec![CreatableTopicConfig {
            name: name.into(),
            value: Some(value.into()),
            ..Default::default()
        }]
    };
    let assignments =
        vec![CreatableReplicaAssignment { broker_ids: [3, 1].into(), ..Default::default() }];
    let cases = [
        (topic("plain", -1, -1), ErrorCode::NONE),
        (topic("plain", -1, -1), ErrorCode::TOPIC_ALREADY_EXISTS),
        (topic("wide", 5, 2), ErrorCode::NONE),
        (topic("none", 0, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("many", 1, 4), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("a b", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (
            CreatableTopic { configs: config("max.message.bytes", "10"), ..topic("set", 1, 1) },
            ErrorCode::NONE,
        ),
        (
            CreatableTopic { configs: config("segment.bytes", "10"), ..topic("bad", 1, 1) },
            ErrorCode::INVALID_CONFIG,
        ),
        (CreatableTopic { assignments, ..topic("assigned", -1, -1) }, ErrorCode::NONE),
    ];
    for version in 2..=7 {
        for (topic, code) in &cases {
            let request = CreateTopicsRequest { topics: vec![topic.clone()], ..Default::default() };
            let answer = client.call(&request, version).await?;
            assert_eq!(answer.topics[0].error_code, *code, "{} in {version}", topic.name);
        }
        assert_eq!(cluster.leader("wide", 4), Some(2.into()));
        assert_eq!(cluster.leader("assigned", 0), Some(3.into()));
        let mut leader = Client::to_leader(&cluster, "set", 0).await?;
        let answer = leader.produce("set", 0, -1, batch(&["a"])).await?;
        assert_eq!(answer.error_code, ErrorCode::MESSAGE_TOO_LARGE);
        for name in ["plain", "wide", "set", "assigned"] {
            cluster.delete_topic(name)?;
        }
    }
    let id = cluster.create_topic("t", 1)?;
    let by_id = DeleteTopicState { topic_id: id, ..Default::default() };
    let request = DeleteTopicsRequest { topics: vec![by_id], ..Default::default() };
    assert_eq!(client.call(&request, 6).await?.responses[0].error_code, ErrorCode::NONE);
    let again = client.call(&request, 6).await?;
    assert_eq!(again.responses[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    cluster.create_topic("t", 1)?;
    let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    assert_eq!(client.call(&request, 5).await?.responses[0].error_code, ErrorCode::NONE);
    assert_eq!(cluster.leader("t", 0), None);
    Ok(())
}

#[tokio::test]
async fn the_cluster_describes_itself() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    cluster.create_topic("a", 3)?;
    cluster.create_topic("b", 2)?;
    cluster.stop_broker(1).await;
    let mut client = Client::to(&cluster, 2).await?;
    let request = DescribeClusterRequest { include_fenced_brokers: true, ..Default::default() };
    let told = client.call(&DescribeClusterRequest { endpoint_type: 1, ..request }, 2).await?;
    assert_eq!((told.brokers.len(), told.controller_id), (3, 2));
    assert!(told.brokers[0].is_fenced && !told.brokers[1].is_fenced);

    let mut request =
        DescribeTopicPartitionsRequest { response_partition_limit: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let told = client.call(&request, 0).await?;
        for topic in &told.topics {
            let name = topic.name.as_deref().unwrap_or_default();
            seen.extend(topic.partitions.iter().map(|p| format!("{name}-{}", p.partition_index)));
        }
        let Some(next) = told.next_cursor else { break };
        request.cursor = Some(describe_topic_partitions_request::Cursor {
            topic_name: next.topic_name,
            partition_index: next.partition_index,
            ..Default::default()
        });
    }
    assert_eq!(seen, ["a-0", "a-1", "a-2", "b-0", "b-1"]);

    let keys = vec!["group".into(), "other".into()];
    let request = FindCoordinatorRequest { coordinator_keys: keys, ..Default::default() };
    let found = client.call(&request, 6).await?;
    assert!(found.coordinators.iter().all(|found| found.node_id > 1));
    let request = FindCoordinatorRequest { key: "group".into(), ..Default::default() };
    let old = client.call(&request, 3).await?;
    assert_eq!((old.error_code, old.node_id), (ErrorCode::NONE, found.coordinators[0].node_id));
    Ok(())
}

#[tokio::test]
async fn what_the_followers_lack_is_not_seen_and_goes_with_the_leader() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    let id = cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    client.produce("t", 0, -1, batch(&["safe"])).await?;
    cluster.with_model(|model| model.hold_replication("t", 0))?;
    assert_appended(&client.produce("t", 0, 1, batch(&["lost"])).await?, 1);
    let data = fetched(client.call(&fetch("t", id, 0, 0), 13).await?);
    assert_eq!((data.high_watermark, offsets(&data)), (1, vec![0]));
    // acks=all waits for the followers, and hears that the leader has changed.
    let mut waiting = Client::to(&cluster, 1).await?;
    waiting.send(&produce_request("t", id, 0, -1, batch(&["open"])), 13).await?;
    cluster.wait_until(|stats| stats.records == 3).await?;
    cluster.move_leader("t", 0, 2)?;
    let answer = partition_of(waiting.receive::<ProduceRequest>(13).await?)?;
    assert_eq!(answer.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(values(&cluster, "t", 0), ["safe"]);
    assert_eq!(cluster.stats().lost_records, 2);
    Ok(())
}

#[tokio::test]
async fn acks_all_times_out_while_followers_do_not_copy() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    cluster.create_topic("t", 1)?;
    cluster.with_model(|model| model.hold_replication("t", 0))?;
    let mut client = Client::to(&cluster, 1).await?;
    let mut request = produce_request("t", Uuid::NIL, 0, -1, batch(&["a"]));
    request.timeout_ms = 10;
    let answer = partition_of(client.call(&request, 12).await?)?;
    assert_eq!(answer.error_code, ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(values(&cluster, "t", 0), ["a"], "the batch stays");
    request.timeout_ms = 600_000;
    client.send(&request, 12).await?;
    cluster.wait_until(|stats| stats.records == 2).await?;
    cluster.with_model(|model| model.release_replication("t", 0))?;
    assert_appended(&partition_of(client.receive::<ProduceRequest>(12).await?)?, 1);
    Ok(())
}

#[tokio::test]
async fn a_replication_lag_holds_acks_all_up_and_acks_one_not() -> Outcome {
    let lag = Duration::from_millis(50);
    let cluster = Cluster::builder().replication_lag(lag).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    let before = std::time::Instant::now();
    assert_appended(&client.produce("t", 0, -1, batch(&["a"])).await?, 0);
    assert!(before.elapsed() >= lag);
    Ok(())
}

#[tokio::test]
async fn retention_removes_the_oldest_batches() -> Outcome {
    let cluster = Cluster::builder().brokers(1).retention_bytes(300).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    for value in 0..10 {
        let batch = idempotent(&[&value.to_string()], 1, 0, value);
        assert_appended(&client.produce("t", 0, -1, batch).await?, value.into());
    }
    let kept = cluster.batches("t", 0);
    assert!(kept.iter().map(|batch| batch.bytes.len()).sum::<usize>() <= 300);
    let start = kept[0].header.base_offset;
    assert!(start > 0);
    let again = client.produce("t", 0, -1, idempotent(&["5"], 1, 0, 5)).await?;
    assert_eq!(
        (again.base_offset, again.log_start_offset),
        (5, start),
        "retention keeps producers"
    );
    Ok(())
}

#[tokio::test]
async fn topics_grow_by_request_and_tell_their_configuration() -> Outcome {
    use rohrpost_codec::messages::create_partitions_request::CreatePartitionsTopic;
    use rohrpost_codec::messages::describe_configs_request::DescribeConfigsResource;

    let cluster = Cluster::builder().start().await?;
    cluster.create_topic_with(&rohrpost_testkit::TopicSpec::new("t").retention_bytes(7))?;
    let mut client = Client::to(&cluster, 1).await?;
    let topic = CreatePartitionsTopic {
        name: "t".into(),
        count: 3,
        assignments: None,
        ..Default::default()
    };
    let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
    assert_eq!(client.call(&request, 3).await?.results[0].error_code, ErrorCode::NONE);
    assert_eq!(cluster.leader("t", 2), Some(3.into()));
    assert_eq!(
        client.call(&request, 0).await?.results[0].error_code,
        ErrorCode::INVALID_PARTITIONS
    );

    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: "t".into(),
        configuration_keys: None,
        ..Default::default()
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = client.call(&request, 4).await?;
    let configs = answer.results[0].configs.iter();
    let set: Vec<_> = configs.filter(|config| config.config_source == 1).collect();
    assert_eq!(set.len(), 1);
    assert_eq!((set[0].name.as_str(), set[0].value.as_deref()), ("retention.bytes", Some("7")));
    Ok(())
}
