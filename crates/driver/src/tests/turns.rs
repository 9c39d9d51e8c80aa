//! Full partitions are left, and no batch is ended for nothing.

use bytes::Bytes;
use rohrpost_engine::REFERENCE_FROM;

use super::life::{Life, live, record};
use crate::Record;

const PARTITIONS: i32 = 8;

/// Has a small batch open in every partition.
async fn open_everywhere(life: &Life) -> Vec<crate::Delivery> {
    let mut deliveries = Vec::new();
    for partition in 0..PARTITIONS {
        let record = Record { partition: Some(partition), ..record(&[7; 100]) };
        deliveries.push(life.send(record).await);
    }
    deliveries
}

#[test]
fn a_large_record_ends_the_batch_of_its_own_partition_alone() {
    for size in [9_000, 16_000, REFERENCE_FROM, 100_000] {
        live(
            PARTITIONS,
            |_| {},
            async |life| {
                let mut deliveries = open_everywhere(life).await;
                let before = life.handle.stats().batches;
                let value = Bytes::from(vec![7; size]);
                let large = Record { partition: None, ..record(&value) };
                // One finds room beside a small record, two do not.
                for _ in 0..2 {
                    deliveries.push(life.send_shared(large, Some(&value)).await);
                }
                deliveries.extend(open_everywhere(life).await);
                life.deliver(deliveries).await;
                let batches = life.handle.stats().batches - before;
                assert!((9..=12).contains(&batches), "{batches} batches beside {size} bytes");
            },
        );
    }
}

#[test]
fn one_partition_is_no_reason_to_turn_for_ever() {
    for batch_size in [0, 1, 200, 16_384] {
        live(
            1,
            |config| config.engine.batch_size = batch_size,
            async |life| {
                for size in [0, 60, 100, 150, 8_000, 20_000, 0, 100] {
                    let value = Bytes::from(vec![7; size]);
                    let record = Record { partition: None, ..record(&value) };
                    let mut deliveries = Vec::new();
                    for _ in 0..20 {
                        deliveries.push(life.send_shared(record, Some(&value)).await);
                    }
                    life.deliver(deliveries).await;
                }
                assert_eq!(life.cluster.log("t", 0).len(), 160);
            },
        );
    }
}
