//! A serializer of one's own: a compact form of an order, with a header that says which, and refusals that reach who sends.
//!
//! ```sh
//! cargo run -p rohrpost --example custom_serializer                    # a cluster inside the process
//! cargo run -p rohrpost --example custom_serializer -- 127.0.0.1:9092  # your brokers
//! ```

mod servers;

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use rohrpost::serializer::{Output, Serializer, StringSerializer};
use rohrpost::{Error, ErrorKind, Producer};

struct Order {
    customer: String,
    cents: i64,
}

/// An order in eight bytes: what it costs. Its customer is the record's key.
struct OrderSerializer;

impl Serializer<Order> for OrderSerializer {
    type Error = Negative;

    fn serialize(&self, order: &Order, output: &mut Output<'_>) -> Result<(), Negative> {
        if order.cents < 0 {
            return Err(Negative { cents: order.cents });
        }
        output.header("format", Some(b"cents, big-endian"));
        output.write(&order.cents.to_be_bytes());
        Ok(())
    }

    fn size_hint(&self, _: &Order) -> usize {
        8
    }
}

/// Why an order cannot be serialized.
#[derive(Debug)]
struct Negative {
    cents: i64,
}

impl fmt::Display for Negative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an order cannot cost {} cents", self.cents)
    }
}

impl std::error::Error for Negative {}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let servers = servers::given_or_embedded();
    let producer = Producer::builder().bootstrap_servers(servers).build().await?;
    let orders = producer.typed::<str, Order>(StringSerializer, OrderSerializer)?;

    for (customer, cents) in [("alice", 1_250), ("bob", 990), ("carol", -5)] {
        let order = Order { customer: customer.to_owned(), cents };
        match orders.send(orders.record("orders").key(&order.customer).value(&order)).await {
            Ok(delivery) => {
                let metadata = delivery.await?;
                println!("{customer}: {metadata}");
                assert_eq!(metadata.value_size(), Some(8));
            }
            Err(error) if error.kind() == ErrorKind::Serialization => {
                // The serializer's own error, of its own type.
                let refusal = error.source().and_then(|source| source.downcast_ref::<Negative>());
                println!("{customer}: {error}");
                assert_eq!(refusal.map(|refusal| refusal.cents), Some(cents));
            }
            Err(error) => return Err(error),
        }
    }
    producer.close(Duration::from_secs(10)).await
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
