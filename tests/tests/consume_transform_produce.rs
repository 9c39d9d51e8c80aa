//! `examples/rdkafka` against Apache Kafka: two instances of it read orders and write invoices while they are killed and frozen in the middle of transactions, and while the broker is silent. In
//! the end each order has exactly one invoice for readers of committed records, and the group stands behind the last order.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "consume_transform_produce/instances.rs"]
mod instances;

use std::collections::BTreeMap;
use std::time::Instant;

use harness::command_line;
use harness::committed_reader::CommittedReader;
use harness::kafka::{Cluster, PrivateCluster, Spec, Topic};
use rohrpost::ProducerRecord;
use rohrpost::blocking::{Deliveries, Producer};

use crate::instances::Instances;

const ORDERS: &str = "orders";
const INVOICES: &str = "invoices";
const GROUP: &str = "invoicing";
const PARTITIONS: u32 = 6;
/// So many orders are placed at a time.
const PLACED: u32 = 3000;
const KILLS: usize = 8;
/// So often an instance is frozen at the most, until it was within a transaction that the other one has to end.
const FREEZES: usize = 6;
/// Likewise how often the broker is frozen, until a transaction had to be aborted for it.
const PAUSES: usize = 6;

/// What an instance says.
const TAKEN_OVER: &str = "taken over";
const OPEN: &str = "to be committed";
const COMMITTED: &str = "committed up to";
/// Behind each error of a transaction, and in the one of a record.
const ERROR: &str = "goes back";
const ABORTED: &str = "a record for invoices";
const BACK: &str = "back at";

const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

#[test]
fn each_order_has_one_invoice_whoever_dies_in_between() {
    let program = command_line::rdkafka_example().unwrap();
    let spec = Spec::default()
        .config("group.initial.rebalance.delay.ms", "0")
        .config("group.min.session.timeout.ms", "1000");
    let cluster = PrivateCluster::start("invoicing", &spec).unwrap();
    cluster.create_topic(&Topic::new(ORDERS).partitions(PARTITIONS)).unwrap();
    cluster.create_topic(&Topic::new(INVOICES).partitions(3)).unwrap();
    let start = Instant::now();
    let say = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let mut shop = Shop::new(&cluster);
    let mut invoices = Invoices::new(&cluster);

    let mut instances = Instances::new(&program, &cluster.bootstrap_servers());
    instances.launch("a");
    instances.launch("b");
    instances.wait_for(&[("a", TAKEN_OVER), ("b", TAKEN_OVER)]);
    shop.place();
    instances.wait_for(&[("a", COMMITTED), ("b", COMMITTED)]);
    say("both are at work");

    let mut amid = 0;
    for kill in 0..KILLS {
        instances.forget();
        shop.place();
        instances.wait_for(&[("a", [OPEN, COMMITTED][kill / 2 % 2])]);
        instances.kill("a");
        if kill % 2 == 0 {
            instances.kill("b");
            amid += usize::from(invoices.read() > 0);
            instances.launch("b");
        }
        instances.launch("a");
        instances.wait_for(&[("a", TAKEN_OVER)]);
    }
    say(&format!("{KILLS} times killed, {amid} of {} with transactions left open", KILLS / 2));
    assert!(amid > 0, "none was killed within a transaction");

    let mut aborted = false;
    for _ in 0..PAUSES {
        instances.forget();
        shop.place();
        instances.wait_for(&[("a", OPEN), ("b", OPEN)]);
        cluster.pause(1).unwrap();
        let error = instances.wait_for_any(ERROR);
        cluster.resume(1).unwrap();
        instances.wait_for_any(BACK);
        aborted = error.contains(ABORTED);
        if aborted {
            break;
        }
    }
    assert!(aborted, "nothing was aborted while the broker was silent");
    say("orders were read again after an abort");

    let mut fenced = false;
    for _ in 0..FREEZES {
        instances.forget();
        shop.place();
        instances.wait_for(&[("a", OPEN)]);
        instances.freeze("a");
        instances.wait_for(&[("b", TAKEN_OVER)]);
        // Where it was between two transactions, it loses its partitions as any member does that was silent for too long, and is given some again.
        fenced = instances.thaw("a", TAKEN_OVER);
        if fenced {
            break;
        }
    }
    assert!(fenced, "none was frozen within a transaction");
    say("one was fenced");

    instances.forget();
    shop.place();
    let done = shop.ends().into_iter();
    let done = done.map(|(partition, end)| format!("partition {partition}: {COMMITTED} {end}"));
    instances.wait_for_lines(done.collect());
    instances.stop("a");
    instances.stop("b");
    assert_eq!(invoices.read(), 0, "a transaction is left open");
    invoices.check(shop.placed);
    assert_eq!(group_offsets(&cluster), shop.ends());
    say(&format!("{} orders, each with one invoice", shop.placed));
}

/// Who orders.
struct Shop {
    producer: Producer,
    placed: u32,
}

impl Shop {
    fn new(cluster: &Cluster) -> Self {
        let builder = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
        Self { producer: builder.build_blocking().unwrap(), placed: 0 }
    }

    /// Some more, as many in each partition.
    fn place(&mut self) {
        let mut deliveries = Deliveries::new();
        for order in self.placed..self.placed + PLACED {
            let partition = i32::try_from(order % PARTITIONS).unwrap();
            let record = ProducerRecord::new(ORDERS).partition(partition).key(format!("{order}"));
            let record = record.value(format!("order {order}"));
            self.producer.send_into(&mut deliveries, record).unwrap();
        }
        deliveries.join().into_result().unwrap();
        self.placed += PLACED;
    }

    /// The offsets behind the last orders, by partition.
    fn ends(&self) -> BTreeMap<u32, u32> {
        (0..PARTITIONS).map(|partition| (partition, self.placed / PARTITIONS)).collect()
    }
}

/// What readers of committed records see.
struct Invoices {
    reader: CommittedReader,
    seen: BTreeMap<String, u32>,
}

impl Invoices {
    fn new(cluster: &Cluster) -> Self {
        let reader = CommittedReader::start(cluster, &[INVOICES]).unwrap();
        Self { reader, seen: BTreeMap::new() }
    }

    /// Reads what is new, and says in how many partitions a transaction is open.
    fn read(&mut self) -> usize {
        let seen = &mut self.seen;
        let count = |_: &str, _, _, value: &str| *seen.entry(value.to_owned()).or_default() += 1;
        let ends = self.reader.snapshot(count).unwrap();
        ends.iter().filter(|end| end.stable != end.high).count()
    }

    fn check(&mut self, orders: u32) {
        let invoice = |order| format!("invoice for order {order}");
        let counts = (0..orders).map(|order| (order, self.seen.remove(&invoice(order))));
        let wrong: Vec<_> = counts.filter(|(_, count)| *count != Some(1)).collect();
        assert!(
            wrong.is_empty(),
            "{} of {orders} orders, with their invoices: {wrong:?}",
            wrong.len()
        );
        assert!(self.seen.is_empty(), "nobody ordered {:?}", self.seen);
    }
}

/// Where the group stands, by partition.
fn group_offsets(cluster: &Cluster) -> BTreeMap<u32, u32> {
    let servers = cluster.bootstrap_servers();
    let arguments = ["--bootstrap-server", &servers, "--describe", "--group", GROUP];
    let described = cluster.tool(GROUPS, &arguments).unwrap();
    let rows = described.lines().filter(|line| line.starts_with(GROUP));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    rows.map(|line| row(line).unwrap_or_else(|| panic!("{described}"))).collect()
}
