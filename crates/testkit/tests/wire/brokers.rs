//! Versions, metadata, and brokers that come and go.

use std::io::ErrorKind;
use std::time::Duration;

use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::{ApiVersionsRequest, MetadataRequest};
use rohrpost_codec::{ApiKey, ErrorCode, VersionRange};
use rohrpost_testkit::{BrokerId, Cluster, TopicSpec};
use tokio::net::TcpStream;

use super::client::*;

fn named(name: &str) -> MetadataRequest {
    let name = Some(name.to_owned().into());
    let topics = Some(vec![MetadataRequestTopic { name, ..Default::default() }]);
    MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() }
}

#[tokio::test]
async fn versions_are_told_in_a_form_that_every_client_can_read() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let mut client = Client::to(&cluster, 1).await?;
    let request = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1.0".into(),
        ..Default::default()
    };
    for version in 0..=4 {
        let told = client.call(&request, version).await?;
        assert_eq!(told.error_code, ErrorCode::NONE);
        assert!(told.api_keys.iter().any(|api| api.api_key == i16::from(ApiKey::Metadata)));
        assert!(told.api_keys.iter().any(|api| api.api_key == i16::from(ApiKey::EndTxn)));
        assert!(told.api_keys.iter().all(|api| api.api_key != i16::from(ApiKey::JoinGroup)));
    }
    // The codec can write version 5, which these brokers do not speak: they answer in version 0 (KIP-511).
    let refused = client.call(&request, 5).await?;
    assert_eq!(refused.error_code, ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(refused.api_keys.len(), 1);
    assert_eq!((refused.api_keys[0].api_key, refused.api_keys[0].max_version), (18, 4));
    let nameless = client.call(&ApiVersionsRequest::default(), 3).await?;
    assert_eq!(nameless.error_code, ErrorCode::INVALID_REQUEST);
    Ok(())
}

#[tokio::test]
async fn an_older_broker_closes_on_what_it_does_not_speak() -> Outcome {
    let old = VersionRange::new(0, 4);
    let cluster = Cluster::builder().brokers(1).versions(ApiKey::Metadata, old).start().await?;
    let mut client = Client::to(&cluster, 1).await?;
    assert_eq!(client.call(&MetadataRequest::default(), 4).await?.brokers.len(), 1);
    let end = client.call(&MetadataRequest::default(), 5).await.map_err(|error| error.kind());
    assert_eq!(end.err(), Some(ErrorKind::UnexpectedEof));
    Ok(())
}

#[tokio::test]
async fn every_version_of_metadata_says_who_leads() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    let id = cluster.create_topic("orders", 4)?;
    let mut client = Client::to(&cluster, 2).await?;
    for version in 0..=13 {
        let told = client.call(&named("orders"), version).await?;
        let ports: Vec<_> = told.brokers.iter().map(|b| format!("{}:{}", b.host, b.port)).collect();
        assert_eq!(ports.join(","), cluster.bootstrap_servers());
        let topic = &told.topics[0];
        assert_eq!(topic.error_code, ErrorCode::NONE);
        let leaders: Vec<_> = topic.partitions.iter().map(|p| p.leader_id).collect();
        assert_eq!(leaders, [1, 2, 3, 1]);
        assert_eq!(topic.partitions[1].replica_nodes, [2, 3, 1]);
        if version >= 10 {
            assert_eq!(topic.topic_id, id);
        }
    }
    let unknown = client.call(&named("nowhere"), 12).await?;
    assert_eq!(unknown.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let wrong = client.call(&named("no/name"), 12).await?;
    assert_eq!(wrong.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    Ok(())
}

#[tokio::test]
async fn metadata_creates_topics_where_both_sides_want_it() -> Outcome {
    let cluster = Cluster::builder()
        .brokers(1)
        .auto_create_topics(true)
        .default_partitions(3)
        .start()
        .await?;
    let mut client = Client::to(&cluster, 1).await?;
    let shy = MetadataRequest { allow_auto_topic_creation: false, ..named("t") };
    for _ in 0..2 {
        let told = client.call(&shy, 12).await?;
        assert_eq!(told.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let first = client.call(&named("t"), 12).await?;
    assert_eq!(first.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let second = client.call(&named("t"), 12).await?;
    assert_eq!(second.topics[0].error_code, ErrorCode::NONE);
    assert_eq!(second.topics[0].partitions.len(), 3);
    Ok(())
}

#[tokio::test]
async fn the_wrong_broker_names_the_leader() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start().await?;
    cluster.create_topic("t", 1)?;
    cluster.move_leader("t", 0, 2)?;
    let mut client = Client::to(&cluster, 1).await?;
    let request = produce_request("t", Default::default(), 0, -1, batch(&["a"]));
    let response = client.call(&request, 12).await?;
    let node = response.node_endpoints.first().ok_or("no endpoint")?;
    assert_eq!(format!("{}:{}", node.host, node.port), address(&cluster, 2));
    let answer = partition_of(response)?;
    assert_eq!(answer.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((answer.current_leader.leader_id, answer.current_leader.leader_epoch), (2, 1));
    let old = partition_of(client.call(&request, 9).await?)?;
    assert_eq!(old.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    Ok(())
}

#[tokio::test]
async fn a_stopped_broker_refuses_and_its_heir_has_the_log() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    assert_appended(&client.produce("t", 0, -1, batch(&["a"])).await?, 0);
    cluster.stop_broker(1).await;
    let end = client.call(&MetadataRequest::default(), 12).await;
    assert!(end.is_err(), "the connection is closed");
    let refused = TcpStream::connect(address(&cluster, 1)).await.map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));

    assert_eq!(cluster.leader("t", 0), Some(BrokerId(2)));
    let mut heir = Client::to(&cluster, 2).await?;
    assert_appended(&heir.produce("t", 0, -1, batch(&["b"])).await?, 1);
    assert_eq!(cluster.batches("t", 0)[1].header.partition_leader_epoch, 1);

    cluster.start_broker(1).await?;
    let mut back = Client::to(&cluster, 1).await?;
    let told = back.call(&named("t"), 12).await?;
    assert_eq!(told.topics[0].partitions[0].leader_id, 2, "it leads nothing that another leads");
    assert_eq!(told.topics[0].partitions[0].isr_nodes, [1, 2, 3]);
    cluster.move_leader("t", 0, 1)?;
    assert_appended(&back.produce("t", 0, -1, batch(&["c"])).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_broker_that_comes_back_elsewhere_is_told_and_found_there() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start().await?;
    cluster.create_topic("t", 1)?;
    let mut client = Client::to_leader(&cluster, "t", 0).await?;
    assert_appended(&client.produce("t", 0, -1, batch(&["before"])).await?, 0);
    let old = address(&cluster, 1);
    cluster.stop_broker(1).await;
    cluster.start_broker_elsewhere(1).await?;
    let new = address(&cluster, 1);
    assert_ne!(new, old);
    let refused = TcpStream::connect(&old).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let mut other = Client::to(&cluster, 2).await?;
    let metadata = other.call(&named("t"), 12).await?;
    let told = metadata.brokers.iter().find(|broker| broker.node_id == 1);
    let told = told.map(|broker| format!("{}:{}", broker.host, broker.port));
    assert_eq!(told, Some(new.clone()));
    cluster.move_leader("t", 0, 1)?;
    let mut client = Client::to(&cluster, 1).await?;
    assert_appended(&client.produce("t", 0, -1, batch(&["after"])).await?, 1);
    // And it stays there.
    cluster.stop_broker(1).await;
    cluster.start_broker(1).await?;
    assert_eq!(address(&cluster, 1), new);
    Ok(())
}

#[tokio::test]
async fn with_too_few_replicas_in_sync_acks_all_is_refused() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    let spec = TopicSpec::new("t").replication_factor(3).min_insync_replicas(2);
    cluster.create_topic_with(&spec)?;
    cluster.stop_broker(2).await;
    let mut client = Client::to(&cluster, 1).await?;
    assert_appended(&client.produce("t", 0, -1, batch(&["a"])).await?, 0);
    cluster.stop_broker(3).await;
    let answer = client.produce("t", 0, -1, batch(&["b"])).await?;
    assert_eq!(answer.error_code, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_appended(&client.produce("t", 0, 1, batch(&["c"])).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_paused_broker_answers_when_it_goes_on() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let mut client = Client::to(&cluster, 1).await?;
    cluster.pause_broker(1);
    client.send(&MetadataRequest::default(), 12).await?;
    let silent = client.receive::<MetadataRequest>(12);
    tokio::time::timeout(Duration::from_millis(20), silent).await.unwrap_err();
    cluster.resume_broker(1);
    assert_eq!(client.receive::<MetadataRequest>(12).await?.brokers.len(), 1);
    Ok(())
}

#[test]
fn a_cluster_needs_no_runtime_of_the_caller() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start_blocking()?;
    cluster.create_topic("t", 1)?;
    let append = async {
        let mut client = Client::to(&cluster, 1).await?;
        client.produce("t", 0, -1, batch(&["a"])).await
    };
    assert_appended(&cluster.block_on(append)?, 0);
    cluster.block_on(cluster.wait_until(|stats| stats.records == 1))?;
    cluster.block_on(cluster.stop_broker(1));
    assert_eq!(cluster.leader("t", 0), Some(BrokerId(2)));
    assert_eq!(values(&cluster, "t", 0), ["a"]);
    let address = address(&cluster, 2);
    drop(cluster);
    assert!(std::net::TcpStream::connect(address).is_err(), "dropping stops everything");
    Ok(())
}

#[tokio::test]
async fn dropping_a_cluster_closes_its_connections() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let address = address(&cluster, 1);
    let mut client = Client::to(&cluster, 1).await?;
    client.call(&MetadataRequest::default(), 12).await?;
    drop(cluster);
    assert!(client.frame().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_stopped_broker_refuses_and_comes_back_at_its_port_each_time() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    let address = address(&cluster, 1);
    for _ in 0..20 {
        cluster.stop_broker(1).await;
        for _ in 0..20 {
            let refused = TcpStream::connect(&address).await.map_err(|error| error.kind());
            assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
        }
        cluster.start_broker(1).await?;
        Client::to(&cluster, 1).await?.call(&MetadataRequest::default(), 12).await?;
    }
    Ok(())
}
