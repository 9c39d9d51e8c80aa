//! Sessions that end (KIP-368), over TCP: the connections that are there are authenticated anew while records are always under way, and none of them suffers. In the time of the tests,
//! which stands still while there is anything to do.

use std::time::Duration;

use rohrpost::sasl::Sasl;
use rohrpost::tls::{Store, TlsSettings};
use rohrpost::{Producer, ProducerRecord};
use rohrpost_testkit::{ApiKey, Cluster, Fault, Sasl as Listener, SaslMechanism, Tls};

const PARTITIONS: i32 = 3;
const RECORDS: u64 = 6_000;

/// One record each, so that a minute passes.
const PAUSE: Duration = Duration::from_millis(10);

const LIFETIME: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn sessions_are_renewed_on_their_connections_and_records_are_neither_lost_nor_doubled_nor_reordered()
 {
    // What a request takes, which are served one by one. With the longer time, those in flight are not all served between the moment that a renewal is due and the
    // session's end: brokers close such connections, and Kafka's do, too.
    for (by_tls, sasl, latency, is_in_time) in [
        (false, Sasl::scram_sha_256("alice", "alice-secret"), 15, true),
        (true, Sasl::plain("alice", "alice-secret"), 15, true),
        (false, Sasl::plain("alice", "alice-secret"), 40, false),
    ] {
        let listener = Listener::new([SaslMechanism::Plain, SaslMechanism::ScramSha256])
            .user("alice", "alice-secret")
            .max_reauth(LIFETIME);
        let builder = Cluster::builder().brokers(2).sasl(listener);
        let builder = if by_tls { builder.tls(Tls::new()) } else { builder };
        let cluster = builder.start().await.unwrap();
        cluster.create_topic("t", PARTITIONS).unwrap();
        let latency = Duration::from_millis(latency);
        cluster.inject(Fault::delay(latency).on(ApiKey::Produce).always());

        let builder = Producer::builder()
            .bootstrap_servers(cluster.bootstrap_servers())
            .sasl(sasl)
            .linger(Duration::from_millis(5));
        let trusted = Store::bytes(cluster.ca_pem().into_bytes());
        let tls = TlsSettings::new().truststore(trusted);
        let builder = if by_tls { builder.tls(tls) } else { builder };
        let producer = builder.build().await.unwrap();

        let mut deliveries = Vec::new();
        for number in 0..RECORDS {
            let partition = i32::try_from(number % PARTITIONS as u64).unwrap();
            let record = ProducerRecord::new("t").partition(partition).value(number.to_string());
            deliveries.push((partition, number, producer.send(record).await.unwrap()));
            tokio::time::sleep(PAUSE).await; // tidy: may sleep: the clock is paused
        }
        let mut acknowledged = vec![Vec::new(); PARTITIONS as usize];
        for (partition, number, delivery) in deliveries {
            let metadata = delivery.await.unwrap();
            assert_eq!(metadata.partition(), partition);
            acknowledged[partition as usize].push((metadata.offset().unwrap(), number.to_string()));
        }
        let opened = producer.stats().connections_opened;
        producer.close(Duration::from_secs(60)).await.unwrap();

        for (partition, acknowledged) in (0..).zip(acknowledged) {
            let log = cluster.log("t", partition);
            let logged = log.iter().map(|record| {
                (record.offset, String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap())
            });
            assert!(logged.eq(acknowledged), "partition {partition} is not as it was sent");
        }
        let stats = cluster.stats();
        assert_eq!(stats.connections, stats.authentications, "{stats:?}");
        if !is_in_time {
            continue;
        }
        // The bootstrap server's, and one to each broker.
        assert!(opened <= 3 && stats.connections == opened, "{opened}: {stats:?}");
        assert_eq!((stats.authentications, stats.expired_connections), (opened, 0), "{stats:?}");
        // Two brokers, each some 30 times, and a little more often since it is before the end.
        assert!(stats.reauthentications >= 2 * 30, "{stats:?}");
    }
}
