//! What the compiler cannot see is refused in words.

use rohrpost::{Acks, Error, ErrorKind, Producer, ProducerBuilder, TopicConfig};

fn builder() -> ProducerBuilder {
    Producer::builder().bootstrap_servers("127.0.0.1:1").transactional_id("t")
}

#[tokio::test]
async fn a_transactional_id_is_for_a_transactional_producer_and_the_other_way_round() {
    let error = builder().build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("build_transactional"), "{error}");
    let error = Producer::builder().bootstrap_servers("127.0.0.1:1").build_transactional().await;
    assert!(error.unwrap_err().to_string().contains("transactional.id"));
}

#[test]
fn what_transactions_need_contradicts_what_excludes_it() {
    let refused = |builder: ProducerBuilder, other: &str| {
        let error: Error = builder.into_config().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("transactional.id") && text.contains(other), "{text}");
    };
    refused(builder().idempotence(false), "enable.idempotence");
    refused(builder().acks(Acks::Leader), "acks");
    refused(builder().retries(0), "retries");
    refused(builder().topic("logs", TopicConfig::new().acks(Acks::None)), "acks");
    refused(builder().transactional_id(""), "empty");
    builder().into_config().unwrap();
}

#[tokio::test]
async fn a_closed_producer_begins_nothing() {
    let mut producer = builder().build_transactional().await.unwrap();
    producer.close(std::time::Duration::from_secs(10)).await.unwrap();
    let error = producer.begin().await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Closed, rohrpost::Remedy::NewProducer));
}
