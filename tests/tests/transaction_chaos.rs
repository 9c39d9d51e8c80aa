//! Brokers die (SIGKILL) and freeze (SIGSTOP), coordinators above all, while tellers move money in transactions, some of which they abort, drop or die in: the balance holds
//! for every snapshot at `read_committed`, each transfer's end is what its teller was told, and nothing hangs afterwards.
//!
//! `ROHRPOST_CHAOS_SECONDS` says for how long, 20 if it is not set; `ROHRPOST_CHAOS_SEED` which life it is. `cargo xtask chaos` sets both.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "transaction_chaos/office.rs"]
mod office;
#[path = "transaction_chaos/teller.rs"]
mod teller;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use harness::bank::{ACCOUNTS, JOURNAL};
use harness::chance::Chance;
use harness::committed_reader::{CommittedReader, End};
use harness::kafka::{Cluster, PrivateCluster, Spec, Topic};
use harness::storm::storm;

use crate::office::{GROUP, ORDERS, Office, PARTITIONS};

const TELLERS: u64 = 6;

/// Between two snapshots, and between two of a still bank.
const SNAPSHOTS: Duration = Duration::from_millis(500);
const STILL: Duration = Duration::from_secs(15);
/// Within which the bank must become still: as long as a pause, an election, an aborted transaction take together on two busy cores.
const PATIENCE: Duration = Duration::from_secs(90);

const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const HANGING: &str = "org.apache.kafka.tools.TransactionsCommand";

#[test]
fn the_balance_holds_while_brokers_die_and_freeze_and_nothing_hangs_afterwards() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let time = Duration::from_secs(number("ROHRPOST_CHAOS_SECONDS").unwrap_or(20));
    let seed = number("ROHRPOST_CHAOS_SEED").unwrap_or(1);
    let spec = Spec::default().brokers(3).config("group.initial.rebalance.delay.ms", "0");
    let cluster = PrivateCluster::start("chaos", &spec).unwrap();
    for topic in [ACCOUNTS, JOURNAL, ORDERS] {
        cluster.create_topic(&Topic::new(topic).partitions(PARTITIONS)).unwrap();
    }
    let office = Office::new(&cluster.bootstrap_servers());
    let start = Instant::now();
    let say = |what: &str| println!("{:7.1} s  {what}", start.elapsed().as_secs_f64());
    say(&format!("seed {seed}, {} s", time.as_secs()));

    thread::scope(|scope| {
        for teller in 0..TELLERS {
            let office = &office;
            scope.spawn(move || teller::serve(office, teller as u32, Chance::of(seed, teller)));
        }
        let mut snapshots = Snapshots::new(&cluster, &office);
        let storm = scope.spawn(|| storm(&cluster, time, Chance::of(seed, TELLERS), say));
        // However it ends, the tellers are sent home, or this scope waited for ever.
        let weather = snapshots.while_it_storms(|| storm.is_finished(), say);
        let closing = Instant::now();
        office.close();
        let storm = storm.join().unwrap();
        let last = weather.and_then(|()| snapshots.last());
        office.note(storm.as_ref().map(drop).map_err(Clone::clone));
        office.note(last);
        if let Ok(storm) = storm {
            say(&format!("{storm}; {}", snapshots.counts()));
        }
        say(&format!("still {:.1} s after the end of it", closing.elapsed().as_secs_f64()));
    });
    say(&office.summary());
    office.verdict().unwrap();

    // What went with the transfers: of each teller the number of the last that is committed.
    let expected: BTreeMap<u32, u64> = office.books().last_committed().clone();
    assert_eq!(committed_offsets(&cluster), expected);
    for node in 1..=3 {
        let hanging = hanging(&cluster, node);
        assert_eq!(hanging.lines().filter(|line| !line.trim().is_empty()).count(), 1, "{hanging}");
    }
    say("nothing hangs");
}

/// Reads what is committed, again and again.
struct Snapshots<'a> {
    office: &'a Office,
    reader: CommittedReader,
    taken: u32,
    still: u32,
    /// How many transfers a snapshot showed by half, at the most.
    most_halves: usize,
}

impl<'a> Snapshots<'a> {
    fn new(cluster: &Cluster, office: &'a Office) -> Self {
        let reader = CommittedReader::start(cluster, &[ACCOUNTS, JOURNAL]).unwrap();
        Self { office, reader, taken: 0, still: 0, most_halves: 0 }
    }

    fn counts(&self) -> String {
        let Self { taken, still, most_halves, .. } = self;
        format!(
            "{taken} snapshots, at most {most_halves} transfers by half in one; {still} of them still"
        )
    }

    /// Takes snapshots until the storm is over, or something is wrong.
    fn while_it_storms(
        &mut self,
        is_over: impl Fn() -> bool,
        say: impl Fn(&str),
    ) -> Result<(), String> {
        let mut last_still = Instant::now();
        while !is_over() {
            if last_still.elapsed() > STILL {
                let waited = Instant::now();
                self.still()?;
                let (waited, tally) = (waited.elapsed().as_secs_f64(), self.office.books().tally());
                say(&format!("still after {waited:.1} s: {tally}"));
                last_still = Instant::now();
            }
            self.read()?;
            let books = &mut self.office.books();
            self.most_halves = self.most_halves.max(books.snapshot());
            self.taken += 1;
            books.verdict()?;
            // tidy: may sleep: paces the readings, which wait for nothing.
            thread::sleep(SNAPSHOTS);
        }
        Ok(())
    }

    /// The one behind the last transfer.
    fn last(&mut self) -> Result<(), String> {
        self.still()
    }

    /// Lets nobody begin, waits until nothing is open, and looks at all of it.
    fn still(&mut self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        let _nobody = self.office.let_nobody_begin();
        loop {
            let ends = self.read()?;
            if ends.iter().all(|end| end.stable == end.high) {
                break;
            }
            if Instant::now() > end {
                return Err(format!("open for {PATIENCE:?}: {ends:?}"));
            }
        }
        // What became stable while that was asked for.
        self.read()?;
        self.taken += 1;
        self.still += 1;
        let books = &mut self.office.books();
        books.still_snapshot();
        books.verdict()
    }

    fn read(&mut self) -> Result<Vec<End>, String> {
        let office = self.office;
        self.reader.snapshot(|topic, _, _, value| office.books().see(topic, value))
    }
}

/// What the group has of each teller's partition.
fn committed_offsets(cluster: &Cluster) -> BTreeMap<u32, u64> {
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

fn hanging(cluster: &Cluster, node: u32) -> String {
    let (servers, node) = (cluster.bootstrap_servers(), node.to_string());
    let of = ["--bootstrap-server", &servers, "find-hanging", "--broker-id", &node];
    cluster.tool(HANGING, &[&of[..], &["--max-transaction-timeout", "0"]].concat()).unwrap()
}
