//! A partitioner of one's own: keys are `tenant/order`, and all orders of a tenant shall stay in order with each other, so the tenant alone decides.
//!
//! ```sh
//! cargo run -p rohrpost --example custom_partitioner                    # a cluster inside the process
//! cargo run -p rohrpost --example custom_partitioner -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::collections::HashMap;
use std::time::Duration;

use rohrpost::partitioner::{Choice, KeyHash, Partitioner, Query};
use rohrpost::{Error, Producer, ProducerRecord};

struct ByTenant;

impl Partitioner for ByTenant {
    // Every sender calls it on its own thread, so it must be quick and not block. A partition that the topic does not have, or a panic, fails that
    // record's send and nothing else.
    fn choose(&self, query: &Query<'_>) -> Choice {
        let Some(key) = query.key else {
            return Choice::Sticky; // No key, no order to keep: batch after batch, as by default.
        };
        let tenant = key.split(|&byte| byte == b'/').next().unwrap_or(key);
        // All partitions count, also those without a leader now: a tenant must not move because a broker restarts.
        Choice::Partition(KeyHash::Murmur2.partition(tenant, query.table.count()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let builder = Producer::builder().bootstrap_servers(servers).partitioner(ByTenant);
    let producer = builder.build().await?;

    let mut deliveries = Vec::new();
    for order in 0..3 {
        for tenant in ["harbour", "opera", "castle"] {
            let record = ProducerRecord::new("orders").key(format!("{tenant}/{order}"));
            deliveries.push((tenant, producer.send(record.value("paid")).await?));
        }
    }
    let mut home = HashMap::new();
    for (tenant, delivery) in deliveries {
        let metadata = delivery.await?;
        println!("{tenant}: {metadata}");
        let partition = *home.entry(tenant).or_insert(metadata.partition());
        assert_eq!(partition, metadata.partition(), "a tenant stays where it is");
    }
    producer.close(Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
