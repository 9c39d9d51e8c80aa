//! When the cluster is asked for what, and who is asked.

use std::time::Duration;

use rohrpost::{Producer, ProducerBuilder};
use rohrpost_codec::messages::{ApiVersionsRequest, MetadataRequest};
use rohrpost_testkit::ApiKey;

use crate::wire::Wire;
use crate::{HOUR, Setting, both, builder, cluster, pass, record, settle, warm};

fn wired(wire: &Wire, setting: Setting) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(wire.address()).property(setting.key, setting.value)
}

#[test]
fn metadata_max_age() {
    let requests = both("metadata.max.age.ms", ["60000", "600000"], |setting| async move {
        let cluster = cluster(1).await;
        let _producer = warm(builder(&cluster, setting).connections_max_idle(None)).await;
        let before = cluster.stats().requests_of(ApiKey::Metadata);
        pass(HOUR).await;
        cluster.stats().requests_of(ApiKey::Metadata) - before
    });
    assert!((55..=61).contains(&requests[0]) && (5..=7).contains(&requests[1]), "{requests:?}");
}

#[test]
fn metadata_max_idle() {
    // Every ten seconds metadata is asked for: with the topic, until that was not used for so long.
    let asked_for = both("metadata.max.idle.ms", ["60000", "1200000"], |setting| async move {
        let wire = Wire::start().await;
        let _producer = warm(wired(&wire, setting).metadata_max_age(Duration::from_secs(10))).await;
        pass(HOUR).await;
        let requests = wire.requests::<MetadataRequest>();
        let names_it = |request: &MetadataRequest| {
            request.topics.as_ref().is_some_and(|topics| !topics.is_empty())
        };
        requests.iter().filter(|(_, request)| names_it(request)).count()
    });
    assert!((4..12).contains(&asked_for[0]) && (110..130).contains(&asked_for[1]), "{asked_for:?}");
}

#[test]
fn metadata_recovery_strategy() {
    // How often the bootstrap server is asked again by a producer that cannot reach the broker that it was told of.
    let [never_again, again] =
        both("metadata.recovery.strategy", ["none", "rebootstrap"], |setting| async move {
            let wire = Wire::start().await;
            // A port that nobody listens at.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            wire.advertise(listener.local_addr().unwrap().port());
            drop(listener);
            let producer = wired(&wire, setting).max_block(HOUR).build().await.unwrap();
            drop(producer.send(record()).await.unwrap());
            settle().await;
            tokio::time::pause();
            let before = wire.requests::<MetadataRequest>().len();
            pass(Duration::from_secs(60)).await;
            wire.requests::<MetadataRequest>().len() - before
        });
    assert!(never_again == 0 && again > 0, "{never_again} {again}");
}

#[test]
fn metadata_recovery_rebootstrap_trigger() {
    // How often the bootstrap server is asked again while the broker that it tells of answers no such request.
    let [often, never] = both(
        "metadata.recovery.rebootstrap.trigger.ms",
        ["5000", "100000000"],
        |setting| async move {
            let (wire, silent) = (Wire::start().await, Wire::start().await);
            silent.mute(ApiKey::Metadata);
            wire.advertise(silent.port);
            let producer = wired(&wire, setting)
                .metadata_max_age(Duration::from_secs(10))
                .request_timeout(Duration::from_secs(2))
                .build()
                .await
                .unwrap();
            drop(producer.send(record()).await.unwrap());
            settle().await;
            tokio::time::pause();
            let before = wire.requests::<MetadataRequest>().len();
            pass(Duration::from_secs(200)).await;
            wire.requests::<MetadataRequest>().len() - before
        },
    );
    assert!(often >= 3 && never <= 1, "{often} {never}");
}

#[test]
fn metadata_cluster_check() {
    let told = both("metadata.cluster.check.enable", ["false", "true"], |setting| async move {
        let wire = Wire::start().await;
        let producer = warm(wired(&wire, setting)).await;
        drop(producer);
        let requests = wire.requests::<ApiVersionsRequest>();
        requests.iter().any(|(_, request)| request.cluster_id.is_some())
    });
    assert_eq!(told, [false, true]);
}
