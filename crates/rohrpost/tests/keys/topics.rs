//! What a topic is given of its own, the brokers see of that topic, and of no other.

use std::collections::BTreeSet;
use std::time::Duration;

use rohrpost::{
    Acks, Compression, ConfigError, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord,
    TopicConfig,
};
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_records::{Codec, RecordBatch};
use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, ProducerId};

use super::wire::Wire;
use super::{is_about, live, pass, settle, took};

fn to(topic: &'static str) -> ProducerRecord<'static> {
    ProducerRecord::new(topic).partition(0).value(&[7; 500])
}

/// `t` as the producer, and two topics that differ.
fn builder(servers: String) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(servers)
        .compression(Compression::Zstd)
        .topic("logs", TopicConfig::new().acks(Acks::Leader).compression(Compression::Snappy))
        .topic(
            "metrics",
            TopicConfig::new().property("acks", "0").property("compression.type", "none"),
        )
}

async fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start().await.unwrap();
    for topic in ["t", "logs", "metrics"] {
        cluster.create_topic(topic, 1).unwrap();
    }
    cluster
}

/// A producer that knows its topics. From here on the clock stands still while anybody has something to do.
async fn warm(builder: ProducerBuilder) -> Producer {
    let producer = builder.build().await.unwrap();
    for topic in ["t", "logs", "metrics"] {
        producer.send(to(topic)).await.unwrap().await.unwrap();
    }
    settle().await;
    tokio::time::pause();
    producer
}

#[test]
fn acks_and_codecs_arrive_as_each_topic_has_them() {
    live(|| async {
        let wire = Wire::start().await;
        let topics = ["t", "logs", "metrics"].map(|name| (name, wire.topic(name)));
        let producer = builder(wire.address()).build().await.unwrap();
        for _ in 0..20 {
            // One after another, and many at once.
            let mut deliveries = Vec::new();
            for topic in ["t", "logs", "metrics", "metrics", "logs", "t"] {
                deliveries.push(producer.send(to(topic)).await.unwrap());
            }
            for delivery in deliveries {
                let metadata = delivery.await.unwrap();
                assert_eq!(metadata.offset().is_some(), metadata.topic() != "metrics");
            }
        }
        producer.close(Duration::from_secs(60)).await.unwrap();

        let mut seen = BTreeSet::new();
        for (_, request) in wire.requests::<ProduceRequest>() {
            for of in request.topic_data {
                let (name, _) = topics.iter().find(|(_, id)| *id == of.topic_id).unwrap();
                for data in of.partition_data {
                    let bytes = data.records.unwrap().to_bytes();
                    let header = *RecordBatch::parse(&bytes).unwrap().0.header();
                    let is_idempotent = header.producer_id != ProducerId::NONE;
                    let codec = header.attributes.codec().unwrap();
                    seen.insert((*name, request.acks, codec, is_idempotent));
                    if !is_idempotent {
                        let (epoch, sequence) = (header.producer_epoch.0, header.base_sequence.0);
                        assert_eq!((epoch, sequence), (-1, -1));
                    }
                }
            }
        }
        let expected = [
            ("t", -1, Codec::Zstd, true),
            ("logs", 1, Codec::Snappy, false),
            ("metrics", 0, Codec::None, false),
        ];
        assert_eq!(seen, BTreeSet::from(expected));
    });
}

#[test]
fn a_topic_lingers_as_long_as_it_is_told() {
    live(|| async {
        let cluster = cluster().await;
        let long = TopicConfig::new().linger(Duration::from_millis(900));
        let none = TopicConfig::new().linger(Duration::ZERO);
        let builder = builder(cluster.bootstrap_servers()).linger(Duration::from_millis(200));
        let producer = warm(builder.topic("logs", long).topic("metrics", none)).await;
        for (topic, expected) in [("t", 200), ("logs", 900), ("metrics", 0)] {
            let delivery = producer.send(to(topic)).await.unwrap();
            let time = took(async { drop(delivery.await.unwrap()) }).await;
            assert!(is_about(time, expected), "{topic}: {time:?}");
        }
        // A flush waits for no linger.
        let delivery = producer.send(to("logs")).await.unwrap();
        let time = took(async { producer.flush().await.unwrap() }).await;
        assert!(time < Duration::from_millis(100), "{time:?}");
        delivery.try_result().unwrap().unwrap();
    });
}

#[test]
fn a_topic_gives_up_when_its_own_time_is_over() {
    live(|| async {
        let cluster = cluster().await;
        let short = TopicConfig::new().delivery_timeout(Duration::from_secs(3));
        let builder = builder(cluster.bootstrap_servers()).request_timeout(Duration::from_secs(2));
        let builder = builder.delivery_timeout(Duration::from_secs(20)).topic("logs", short);
        let producer = warm(builder).await;
        cluster.pause_broker(1);
        let [t, logs] =
            [producer.send(to("t")).await.unwrap(), producer.send(to("logs")).await.unwrap()];
        pass(Duration::from_millis(2_900)).await;
        assert!(t.try_result().is_none() && logs.try_result().is_none());
        pass(Duration::from_millis(200)).await;
        let error = logs.try_result().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeliveryTimeout);
        assert!(t.try_result().is_none());
        cluster.resume_broker(1);
        t.await.unwrap();
    });
}

#[test]
fn what_other_topics_lose_costs_an_idempotent_topic_nothing() {
    live(|| async {
        let cluster = cluster().await;
        let producer = warm(builder(cluster.bootstrap_servers())).await;
        let on = |fault: Fault, topic: &str| fault.on(ApiKey::Produce).topic(topic);
        let epoch = cluster.batches("t", 0)[0].header.producer_epoch;
        for _ in 0..30 {
            // The one is refused for good. The other cannot be: its broker closes the connection, with what else is under way on it.
            cluster.inject(on(Fault::error(ErrorCode::INVALID_RECORD), "logs"));
            cluster.inject(on(Fault::error(ErrorCode::INVALID_RECORD), "metrics"));
            let mut sent = Vec::new();
            for topic in ["logs", "metrics", "t"] {
                sent.push(producer.send(to(topic)).await.unwrap());
            }
            let [logs, metrics, t]: [_; 3] = sent.try_into().unwrap();
            t.await.unwrap();
            assert!(metrics.await.unwrap().offset().is_none());
            if let Err(error) = logs.await {
                assert_ne!(error.outcome(), Outcome::Written);
            }
        }
        let batches = cluster.batches("t", 0);
        let sequences: Vec<i32> =
            batches.iter().map(|batch| batch.header.base_sequence.0).collect();
        assert_eq!(sequences, (0..31).collect::<Vec<_>>());
        assert!(batches.iter().all(|batch| batch.header.producer_epoch == epoch));
        assert!(cluster.log("metrics", 0).len() < 31);
    });
}

#[test]
fn what_contradicts_a_topic_is_refused_when_the_producer_is_built() {
    live(|| async {
        let built = builder("127.0.0.1:1".to_owned()).idempotence(true).build().await;
        let error = built.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let told: Vec<String> =
            error.config_errors().unwrap().errors().map(ToString::to_string).collect();
        assert!(told[0].starts_with("topic \"logs\": enable.idempotence and acks"), "{told:?}");
        assert!(told.iter().all(|of| of.starts_with("topic ")), "{told:?}");
        assert!(matches!(error.config_error(), Some(ConfigError::OfTopic { .. })));
    });
}
