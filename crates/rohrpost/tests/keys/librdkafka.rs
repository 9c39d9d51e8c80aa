//! What librdkafka can set and Java cannot.

use rohrpost::{Producer, ProducerBuilder, ProducerConfig, ProducerRecord};
use rohrpost_codec::messages::{MetadataRequest, ProduceRequest};

use crate::wire::Wire;
use crate::{Setting, both, cluster, record};

fn read(servers: &str, setting: Setting) -> ProducerBuilder {
    let pairs = [("bootstrap.servers", servers), (setting.key, setting.value)];
    ProducerBuilder::from_config(ProducerConfig::from_librdkafka(pairs).unwrap())
}

async fn sent(wire: &Wire, setting: Setting) -> Producer {
    let producer = read(&wire.address(), setting).build().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    producer
}

#[test]
fn request_timeout() {
    // The brokers' patience, not this client's.
    let told = both("request.timeout.ms", ["700", "9000"], |setting| async move {
        let wire = Wire::start().await;
        drop(sent(&wire, setting).await);
        wire.requests::<ProduceRequest>().iter().map(|(_, it)| it.timeout_ms).collect::<Vec<_>>()
    });
    assert_eq!(told, [[700], [9_000]]);
}

#[test]
fn allow_auto_create_topics() {
    let told = both("allow.auto.create.topics", ["false", "true"], |setting| async move {
        let wire = Wire::start().await;
        drop(sent(&wire, setting).await);
        let requests = wire.requests::<MetadataRequest>();
        requests.iter().all(|(_, request)| request.allow_auto_topic_creation)
    });
    assert_eq!(told, [false, true]);
}

#[test]
fn receive_message_max() {
    // The answer that tells of 200 partitions is larger than the first of these.
    let reached = both("receive.message.max.bytes", ["1000", "100000"], |setting| async move {
        let cluster = cluster(200).await;
        let builder = read(&cluster.bootstrap_servers(), setting);
        let builder = builder.max_block(std::time::Duration::from_millis(500));
        builder.build().await.unwrap().send(record()).await.is_ok()
    });
    assert_eq!(reached, [false, true]);
}

#[test]
fn broker_address_family() {
    let reached = both("broker.address.family", ["v6", "v4"], |setting| async move {
        let cluster = cluster(1).await;
        let builder = read(&cluster.bootstrap_servers(), setting);
        let builder = builder.max_block(std::time::Duration::from_millis(500));
        builder.build().await.unwrap().send(record()).await.is_ok()
    });
    assert_eq!(reached, [false, true]);
}

#[test]
fn partitioner() {
    let [one, many] = both("partitioner", ["consistent", "random"], |setting| async move {
        let cluster = cluster(8).await;
        let producer = read(&cluster.bootstrap_servers(), setting).build().await.unwrap();
        for _ in 0..200 {
            drop(producer.send(ProducerRecord::new("t").key("k").value("v")).await.unwrap());
        }
        producer.flush().await.unwrap();
        (0..8).filter(|partition| !cluster.log("t", *partition).is_empty()).count()
    });
    assert_eq!((one, many), (1, 8));
}
