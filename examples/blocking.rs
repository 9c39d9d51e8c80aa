//! A program without async.
//!
//! ```sh
//! cargo run -p rohrpost --example blocking -- 127.0.0.1:9092
//! ```

use std::time::Duration;

use rohrpost::{Error, Producer, ProducerRecord, blocking};

fn main() -> Result<(), Error> {
    let servers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let producer = blocking::Producer::build(Producer::builder().bootstrap_servers(servers))?;

    let delivery = producer.send(ProducerRecord::new("greetings").value("hello"))?;
    println!("acknowledged: {}", delivery.wait()?);

    producer.close(Duration::from_secs(10))
}
