//! A program without async: the producer runs on a thread of its own, and its methods block.
//!
//! ```sh
//! cargo run -p rohrpost --example blocking                    # a cluster inside the process
//! cargo run -p rohrpost --example blocking -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::thread;
use std::time::Duration;

use rohrpost::{Error, ProducerRecord, blocking};

fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = blocking::Producer::builder().bootstrap_servers(servers).build_blocking()?;

    // One record: send, and block until it is acknowledged.
    let delivery = producer.send(ProducerRecord::new("greetings").value("hello"))?;
    println!("acknowledged: {}", delivery.wait()?);

    // Many: send all of them first, so that they share batches, and wait afterwards. All threads share one producer.
    let threads: Vec<_> = (0..4)
        .map(|worker| {
            let producer = producer.clone();
            thread::spawn(move || work(&producer, worker))
        })
        .collect();
    for (worker, thread) in threads.into_iter().enumerate() {
        let count = thread.join().expect("no panic")?;
        println!("thread {worker}: {count} records acknowledged");
    }
    producer.close(Duration::from_secs(10))
}

fn work(producer: &blocking::Producer, worker: usize) -> Result<usize, Error> {
    let key = format!("thread-{worker}");
    let deliveries: Vec<_> = (0..100)
        .map(|job| {
            let value = format!("job {job}");
            producer.send(ProducerRecord::new("jobs").key(&key).value(value))
        })
        .collect::<Result<_, _>>()?;
    let count = deliveries.len();
    for delivery in deliveries {
        delivery.wait()?;
    }
    Ok(count)
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
