//! Creating topics, and asking for some that are not there.

use std::time::Duration;

use rohrpost_codec::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::{
    ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeTopicPartitionsRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
    delete_topics_request, describe_topic_partitions_request,
};
use rohrpost_codec::{ErrorCode, Uuid};

use crate::client::{Client, Outcome};

/// Name, partitions, configuration.
type Topic = (&'static str, i32, &'static [(&'static str, &'static str)]);

/// The topics that the other questions are about.
const TOPICS: [Topic; 4] = [
    ("plain", 2, &[]),
    ("small", 1, &[("max.message.bytes", "100")]),
    ("compact", 1, &[("cleanup.policy", "compact")]),
    ("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]),
];

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned().into(),
        num_partitions,
        replication_factor,
        ..Default::default()
    }
}

fn configured(name: &str, partitions: i32, configs: &[(&str, &str)]) -> CreatableTopic {
    let config = |&(name, value): &(&str, &str)| CreatableTopicConfig {
        name: name.to_owned().into(),
        value: Some(value.to_owned().into()),
        ..Default::default()
    };
    CreatableTopic { configs: configs.iter().map(config).collect(), ..topic(name, partitions, 1) }
}

fn named(name: Option<&str>, topic_id: Uuid) -> MetadataRequest {
    let name = name.map(|name| name.to_owned().into());
    let topics = vec![MetadataRequestTopic { name, topic_id, ..Default::default() }];
    MetadataRequest { topics: Some(topics), allow_auto_topic_creation: false, ..Default::default() }
}

pub(crate) async fn ask(client: &mut Client, prefix: &str) -> Outcome {
    let name = |name: &str| format!("{prefix}-{name}");
    for (topic, partitions, configs) in TOPICS {
        let topic = configured(&name(topic), partitions, configs);
        let request =
            CreateTopicsRequest { topics: vec![topic], timeout_ms: 5000, ..Default::default() };
        let answer = client.call(&request, 7).await?;
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE, "{:?}", answer.topics[0]);
    }
    for (topic, ..) in TOPICS {
        wait_for(client, &name(topic)).await?;
    }
    create(client, prefix).await?;
    look(client, prefix).await?;
    identities(client).await
}

/// A cluster needs a moment until it knows a topic that it has created.
async fn wait_for(client: &mut Client, name: &str) -> Outcome {
    loop {
        let metadata = client.call(&named(Some(name), Uuid::NIL), 12).await?;
        let topic = &metadata.topics[0];
        let is_led = topic.partitions.iter().all(|partition| partition.leader_id >= 0);
        if topic.error_code.is_none() && is_led {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn create(client: &mut Client, prefix: &str) -> Outcome {
    let name = |name: &str| format!("{prefix}-{name}");
    let assigned = |partition_index, broker_ids| CreatableTopic {
        assignments: vec![CreatableReplicaAssignment {
            partition_index,
            broker_ids,
            ..Default::default()
        }],
        ..topic(&name("assigned"), -1, -1)
    };
    let long = "x".repeat(250);
    let cases = [
        ("exists", vec![topic(&name("plain"), 1, 1)]),
        ("no partitions", vec![topic(&name("none"), 0, 1)]),
        ("fewer than none", vec![topic(&name("none"), -2, 1)]),
        ("no replicas", vec![topic(&name("none"), 1, 0)]),
        ("too many replicas", vec![topic(&name("many"), 1, 9)]),
        ("a blank in the name", vec![topic("a b", 1, 1)]),
        ("an empty name", vec![topic("", 1, 1)]),
        ("two dots", vec![topic("..", 1, 1)]),
        ("a long name", vec![topic(&long, 1, 1)]),
        ("twice", vec![topic(&name("twice"), 1, 1), topic(&name("twice"), 1, 1)]),
        ("no number", vec![configured(&name("bad"), 1, &[("max.message.bytes", "many")])]),
        ("no time", vec![configured(&name("bad"), 1, &[("message.timestamp.type", "Now")])]),
        ("no policy", vec![configured(&name("bad"), 1, &[("cleanup.policy", "burn")])]),
        ("no such configuration", vec![configured(&name("bad"), 1, &[("colour", "red")])]),
        ("no such broker", vec![assigned(0, [77].into())]),
        ("the second partition alone", vec![assigned(1, [1].into())]),
        ("no replica assigned", vec![assigned(0, [].into())]),
    ];
    for (what, topics) in cases {
        let request = CreateTopicsRequest {
            topics,
            timeout_ms: 5000,
            validate_only: true,
            ..Default::default()
        };
        let answer = client.call(&request, 7).await?;
        let codes: Vec<_> = answer.topics.iter().map(|topic| topic.error_code).collect();
        println!("CreateTopics, {what}: {codes:?}");
    }
    Ok(())
}

async fn look(client: &mut Client, prefix: &str) -> Outcome {
    for (what, name, id) in [
        ("unknown", Some("interrogate-nowhere"), Uuid::NIL),
        ("a blank in the name", Some("a b"), Uuid::NIL),
        ("an empty name", Some(""), Uuid::NIL),
        ("an unknown id", None, Uuid([7; 16])),
    ] {
        let metadata = client.call(&named(name, id), 12).await?;
        let topic = &metadata.topics[0];
        let (code, given) = (topic.error_code, topic.name.as_deref());
        println!("Metadata, {what}: {code:?} {given:?} id {}", topic.topic_id == id);
    }
    let name = format!("{prefix}-plain");
    for version in 0..=12 {
        let request =
            MetadataRequest { allow_auto_topic_creation: true, ..named(Some(&name), Uuid::NIL) };
        let metadata = client.call(&request, version).await?;
        let topic = &metadata.topics[0];
        let leaders: Vec<_> = topic.partitions.iter().map(|p| p.leader_epoch).collect();
        println!(
            "Metadata {version}: {:?}, brokers {}, cluster id {}, controller {}, topic id {}, epochs {leaders:?}",
            topic.error_code,
            metadata.brokers.len(),
            metadata.cluster_id.is_some(),
            metadata.controller_id >= 0,
            !topic.topic_id.is_nil(),
        );
    }
    let none = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    println!("Metadata of no topic: {}", client.call(&none, 12).await?.topics.len());

    let topics = ["interrogate-nowhere", "a b"].map(|name| {
        let name = name.to_owned().into();
        describe_topic_partitions_request::TopicRequest { name, ..Default::default() }
    });
    let request = DescribeTopicPartitionsRequest {
        topics: topics.into(),
        response_partition_limit: 10,
        ..Default::default()
    };
    let answer = client.call(&request, 0).await?;
    let codes: Vec<_> = answer.topics.iter().map(|topic| topic.error_code).collect();
    println!("DescribeTopicPartitions: {codes:?}");

    for (what, endpoint_type) in [("brokers", 1), ("controllers", 2), ("others", 3)] {
        let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
        let answer = client.call(&request, 1).await?;
        println!("DescribeCluster, {what}: {:?} {}", answer.error_code, answer.brokers.len());
    }

    let state = |name: Option<&'static str>, topic_id| {
        let name = name.map(Into::into);
        vec![delete_topics_request::DeleteTopicState { name, topic_id, ..Default::default() }]
    };
    for (what, topics) in [
        ("unknown", state(Some("interrogate-nowhere"), Uuid::NIL)),
        ("an unknown id", state(None, Uuid([7; 16]))),
        ("both", state(Some("interrogate-nowhere"), Uuid([7; 16]))),
        ("neither", state(None, Uuid::NIL)),
    ] {
        let request = DeleteTopicsRequest { topics, timeout_ms: 5000, ..Default::default() };
        let answer = client.call(&request, 6).await?;
        let codes: Vec<_> = answer.responses.iter().map(|topic| topic.error_code).collect();
        println!("DeleteTopics, {what}: {codes:?}");
    }
    Ok(())
}

async fn identities(client: &mut Client) -> Outcome {
    let empty = InitProducerIdRequest { transaction_timeout_ms: 1000, ..Default::default() };
    let none = InitProducerIdRequest { transactional_id: None, ..empty.clone() };
    let had = InitProducerIdRequest { producer_id: 5, producer_epoch: 3, ..none.clone() };
    let half = InitProducerIdRequest { producer_id: 5, ..none.clone() };
    for (what, request) in
        [("nothing", none), ("an identity", had), ("half of one", half), ("an empty id", empty)]
    {
        let mut answer = client.call(&request, 4).await?;
        // A cluster that has just begun has no producer ids to give yet.
        while answer.error_code == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS {
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer = client.call(&request, 4).await?;
        }
        let is_given = answer.producer_id >= 0;
        println!(
            "InitProducerId, {what}: {:?} {is_given} {}",
            answer.error_code, answer.producer_epoch
        );
    }
    let request = FindCoordinatorRequest {
        key_type: 9,
        coordinator_keys: vec!["x".into()],
        ..Default::default()
    };
    let answer = client.call(&request, 4).await;
    let code = answer.map(|answer| answer.coordinators[0].error_code).map_err(|e| e.kind());
    println!("FindCoordinator of no kind: {code:?}");

    let named = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    };
    for (what, name) in
        [("a dash", "a-b"), ("a dash first", "-a"), ("a blank", "a b"), ("nothing", "")]
    {
        let request = ApiVersionsRequest { client_software_name: name.into(), ..named.clone() };
        let answer = client.call(&request, 3).await?;
        println!("ApiVersions, {what}: {:?} {}", answer.error_code, answer.api_keys.is_empty());
    }
    // Version 99, and nothing behind the header.
    client.send_bytes(&[0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0]).await?;
    let frame = client.frame().await?;
    let body = frame.slice(4..);
    let keys: Vec<_> = body[6..].chunks(6).map(|key| key[..2].to_vec()).collect();
    println!("ApiVersions 99: {:?} {keys:?}", &body[..6]);
    Ok(())
}
