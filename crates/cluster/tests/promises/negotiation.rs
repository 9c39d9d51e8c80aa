//! Versions are negotiated before anything else is said (KIP-35, KIP-511).

use rohrpost_cluster::{ClusterEvent, NodeId, SendError, SendOptions, TroubleKind};
use rohrpost_codec::messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest};
use rohrpost_codec::{ApiKey, ErrorCode, Message, VersionRange, decode_request};

use crate::ms;
use crate::world::{Peer, World, api, broker_address};

#[test]
fn a_connection_begins_with_our_newest_api_versions_and_our_name() {
    let mut world = World::brokers(1);
    world.settle();
    let first = &world.seen[0];
    assert_eq!(
        (first.api_key, first.version),
        (ApiKey::ApiVersions.into(), ApiVersionsRequest::VERSIONS.max)
    );
    let (header, request) = decode_request::<ApiVersionsRequest>(&first.frame).unwrap();
    assert_eq!(header.client_id.as_deref(), Some("rohrpost"));
    assert_eq!(request.client_software_name, "rohrpost");
    assert_eq!(request.client_software_version, env!("CARGO_PKG_VERSION"));
    assert_eq!((request.cluster_id, request.node_id), (None, -1), "nothing is known yet");
    assert_eq!(world.seen[1].api_key, i16::from(ApiKey::Metadata));
    assert_eq!(world.events, [ClusterEvent::NodeReady(NodeId(-1)), ClusterEvent::MetadataUpdated]);
}

#[test]
fn an_older_broker_is_asked_again_in_the_version_it_names_or_in_version_0() {
    for (theirs, asked) in [(5, vec![5]), (3, vec![5, 3]), (1, vec![5, 1]), (0, vec![5, 0])] {
        let mut world = World::brokers(1);
        world.peers.insert(broker_address(1), Peer::Broker { api_versions: theirs });
        world.settle();
        let versions: Vec<i16> =
            world.requests(ApiKey::ApiVersions).iter().map(|seen| seen.version).collect();
        assert_eq!(versions, asked);
        assert_eq!(world.attempts.len(), 1, "on the same connection");
        assert!(world.events.contains(&ClusterEvent::MetadataUpdated));
    }
}

#[test]
fn requests_use_the_newest_version_that_both_sides_speak() {
    let mut world = World::brokers(1);
    world.speak(&[api(ApiKey::Metadata, 0, 8), api(ApiKey::Produce, 0, 9)]);
    world.settle();
    world.connect(1);
    assert_eq!(world.requests(ApiKey::Metadata)[0].version, 8);
    let node = NodeId(1);
    let ours = VersionRange::new(3, 13);
    assert_eq!(world.cluster.api_version(node, ApiKey::Produce, ours), Some(9));
    assert_eq!(world.cluster.api_version(node, ApiKey::Produce, VersionRange::new(10, 13)), None);
    assert_eq!(world.cluster.api_version(node, ApiKey::InitProducerId, ours), None);
    assert_eq!(world.cluster.api_version(NodeId(9), ApiKey::Produce, ours), None);
    let options = SendOptions { expects_answer: true, timeout: ms(100) };
    let refused = world.cluster.send(world.now, node, &ProduceRequest::default(), 11, options);
    let theirs = Some(VersionRange::new(0, 9));
    assert_eq!(
        refused,
        Err(SendError::Unsupported { api_key: ApiKey::Produce, version: 11, theirs })
    );
}

#[test]
fn a_broker_without_a_common_version_is_told_apart() {
    let mut world = World::brokers(1);
    world.speak(&[api(ApiKey::Metadata, 14, 20)]);
    world.pass(ms(10));
    let trouble = &world.cluster.troubles()[0];
    assert!(matches!(trouble.kind, TroubleKind::NoCommonVersion { .. }), "{trouble}");
    let text = trouble.to_string();
    assert!(text.contains("10.0.0.1:9092") && text.contains("14-20"), "{text}");
    world.speak(&[api(ApiKey::Produce, 3, 13)]);
    world.pass(ms(5_000));
    assert!(world.troubles()[0].contains("does not know Metadata"), "{:?}", world.troubles());
}

#[test]
fn a_refusal_closes_the_connection_and_is_named() {
    let mut world = World::brokers(1);
    world.api_versions_error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world.pass(ms(10));
    assert!(world.troubles()[0].contains("CLUSTER_AUTHORIZATION_FAILED"), "{:?}", world.troubles());
    assert_eq!(world.open.len(), 0);
    world.api_versions_error = ErrorCode::NONE;
    world.pass(ms(2_000));
    assert_eq!(world.troubles(), [""; 0], "forgotten once all is well");
}

#[test]
fn a_broker_learns_which_cluster_and_node_are_meant_once_they_are_known() {
    for (check, expected) in [(true, (Some("first"), 2)), (false, (None, -1))] {
        let mut world = World::brokers_with(2, |config| config.metadata_cluster_check = check);
        world.settle();
        world.connect(2);
        let seen = *world.requests(ApiKey::ApiVersions).last().unwrap();
        let (_, request) = decode_request::<ApiVersionsRequest>(&seen.frame).unwrap();
        assert_eq!((request.cluster_id.as_deref(), request.node_id), expected);
    }
}

#[test]
fn features_are_those_of_the_newest_epoch() {
    let mut world = World::brokers(2);
    world.finalized = (7, vec![("transaction.version", 2)]);
    world.settle();
    assert_eq!(world.cluster.finalized_feature("transaction.version"), Some(2));
    world.finalized = (6, vec![("transaction.version", 0)]);
    world.connect(2);
    assert_eq!(world.cluster.finalized_feature("transaction.version"), Some(2));
    assert_eq!(world.cluster.finalized_feature("no.such"), None);
}

#[test]
fn topics_are_not_created_against_the_configuration() {
    for allow in [true, false] {
        let mut world = World::brokers_with(1, |config| config.allow_auto_topic_creation = allow);
        world.want("t");
        for seen in world.requests(ApiKey::Metadata) {
            let (_, request) = decode_request::<MetadataRequest>(&seen.frame).unwrap();
            assert_eq!(request.allow_auto_topic_creation, allow);
        }
        // A broker that cannot be told to create none is not asked.
        let mut old = World::brokers_with(1, |config| config.allow_auto_topic_creation = allow);
        old.speak(&[api(ApiKey::Metadata, 0, 3)]);
        old.want("t");
        assert_eq!(old.requests(ApiKey::Metadata).is_empty(), !allow);
    }
}
