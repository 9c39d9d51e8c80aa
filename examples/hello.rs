//! Sends one record and waits for its acknowledgement.
//!
//! ```sh
//! cargo run -p rohrpost --example hello -- 127.0.0.1:9092
//! ```

use std::time::Duration;

use rohrpost::{Error, Producer, ProducerRecord};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;

    let record = ProducerRecord::new("greetings").key("k").value("hello");
    let delivery = producer.send(record).await?;
    println!("acknowledged: {}", delivery.await?);

    producer.close(Duration::from_secs(10)).await
}
