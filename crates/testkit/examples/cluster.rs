//! Runs a cluster for whatever client you have, until standard input ends; then prints what it counted.
//!
//! `cargo run -p rohrpost-testkit --example cluster -- 3 orders:6 payments:2`: brokers, then topics with their partitions. Topics
//! that clients ask for are created.

use std::error::Error;
use std::io::{Read, stdin};

use rohrpost_testkit::Cluster;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().map_or(Ok(3), |count| count.parse())?;
    let cluster = Cluster::builder().brokers(brokers).auto_create_topics(true).start_blocking()?;
    for topic in arguments {
        let (name, partitions) = topic.split_once(':').unwrap_or((&topic, "1"));
        cluster.create_topic(name, partitions.parse()?)?;
    }
    println!("{}", cluster.bootstrap_servers());
    stdin().read_to_end(&mut Vec::new())?;
    println!("{:#?}", cluster.stats());
    Ok(())
}
