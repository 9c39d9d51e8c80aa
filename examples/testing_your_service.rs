//! How to test a service that sends: against brokers inside the test's own process, which break on command. No container, nothing to wait for, and each test
//! has a cluster for itself.
//!
//! ```sh
//! cargo test -p rohrpost --example testing_your_service  # the tests below
//! cargo run -p rohrpost --example testing_your_service   # the service itself
//! ```

mod servers;

use std::time::Duration;

use rohrpost::{Error, Outcome, Producer, ProducerRecord};

/// The service. It is given its producer, so that a test can give it another.
struct Payments {
    producer: Producer,
}

/// What a caller has to know.
#[derive(Debug, PartialEq, Eq)]
enum Paid {
    Yes,
    /// Nothing was stored: the caller may try again.
    No(String),
    /// The caller must not pay again before it has looked.
    Unknown(String),
}

impl Payments {
    async fn pay(&self, account: &str, cents: u64) -> Paid {
        let record = ProducerRecord::new("payments").key(account).value(cents.to_string());
        let result = async { self.producer.send(record).await?.await }.await;
        match result {
            Ok(_) => Paid::Yes,
            Err(error) if error.outcome() == Outcome::NotWritten => Paid::No(error.to_string()),
            Err(error) => Paid::Unknown(error.to_string()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;
    let payments = Payments { producer: producer.clone() };
    println!("paid: {:?}", payments.pay("alice", 1_250).await);
    producer.close(Duration::from_secs(10)).await
}

#[cfg(test)]
mod tests {
    use rohrpost::ProducerBuilder;
    use rohrpost_testkit::{ApiKey, Cluster, ErrorCode, Fault, Permission};

    use super::*;

    async fn service() -> (Cluster, Payments) {
        service_with(|producer| producer).await
    }

    async fn service_with(
        settings: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
    ) -> (Cluster, Payments) {
        let cluster = Cluster::builder().brokers(3).start().await.unwrap();
        cluster.create_topic("payments", 1).unwrap();
        // Tests are in a hurry: nothing waits for company, and retries come at once.
        let producer = Producer::builder()
            .bootstrap_servers(cluster.bootstrap_servers())
            .linger(Duration::ZERO)
            .retry_backoff(Duration::from_millis(1), Duration::from_millis(1));
        (cluster, Payments { producer: settings(producer).build().await.unwrap() })
    }

    #[tokio::test]
    async fn a_payment_is_stored_under_its_account() {
        let (cluster, payments) = service().await;
        assert_eq!(payments.pay("alice", 1_250).await, Paid::Yes);
        let log = cluster.log("payments", 0);
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].key.as_deref(), Some(&b"alice"[..]));
        assert_eq!(log[0].value.as_deref(), Some(&b"1250"[..]));
    }

    #[tokio::test]
    async fn a_lost_answer_pays_nothing_twice() {
        let (cluster, payments) = service().await;
        // The append happens, and the connection drops before the answer.
        cluster.inject(Fault::disconnect_after().on(ApiKey::Produce));
        assert_eq!(payments.pay("alice", 1_250).await, Paid::Yes);
        assert_eq!(cluster.log("payments", 0).len(), 1);
        assert_eq!(cluster.stats().duplicates, 1);
    }

    #[tokio::test]
    async fn a_broker_that_dies_is_no_reason_to_fail() {
        let (cluster, payments) = service().await;
        assert_eq!(payments.pay("alice", 1).await, Paid::Yes);
        let leader = cluster.leader("payments", 0).unwrap();
        cluster.stop_broker(leader).await;
        assert_eq!(payments.pay("alice", 2).await, Paid::Yes);
        assert_eq!(cluster.log("payments", 0).len(), 2);
    }

    #[tokio::test]
    async fn a_refusal_for_good_is_a_no_and_one_for_now_is_none() {
        let (cluster, payments) = service().await;
        let write = Permission::WriteTopic("payments".to_owned());
        cluster.deny(write.clone());
        let refused = payments.pay("alice", 1).await;
        assert!(matches!(&refused, Paid::No(why) if why.contains("payments")), "{refused:?}");
        cluster.allow(&write);

        cluster.inject(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::Produce).times(3));
        assert_eq!(payments.pay("alice", 2).await, Paid::Yes, "the producer tries again");
        assert_eq!(cluster.log("payments", 0).len(), 1);
    }

    #[tokio::test]
    async fn silence_is_unknown() {
        let in_a_hurry = |producer: ProducerBuilder| {
            let producer = producer.request_timeout(Duration::from_secs(1));
            producer.delivery_timeout(Duration::from_secs(2))
        };
        let (cluster, payments) = service_with(in_a_hurry).await;
        // It is appended, and no answer ever comes.
        cluster.inject(Fault::swallow().on(ApiKey::Produce).always());
        let silent = payments.pay("alice", 1).await;
        assert!(matches!(silent, Paid::Unknown(_)), "{silent:?}");
        assert_eq!(cluster.log("payments", 0).len(), 1);
    }

    #[test]
    fn it_runs() -> Result<(), Error> {
        main()
    }
}
