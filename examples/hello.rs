//! Sends one record and waits for its acknowledgement.
//!
//! ```sh
//! cargo run -p rohrpost --example hello                    # a cluster inside the process
//! cargo run -p rohrpost --example hello -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use rohrpost::{Error, Producer, ProducerRecord};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;
    let record = ProducerRecord::new("greetings").key("k").value("hello");
    println!("acknowledged: {}", producer.send(record).await?.await?);
    producer.close(std::time::Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
