//! Copies a file's lines into a topic, exactly once within each partition, and goes on where it stopped when it is started again.
//!
//! ```sh
//! cargo run -p rohrpost --example pipeline                              # a cluster inside the process that loses answers
//! cargo run -p rohrpost --example pipeline -- 127.0.0.1:9092 FILE DONE  # your brokers, your file, and where to keep how far it came
//! ```
//!
//! What survives what:
//!
//! - *Lost answers, dropped connections, restarted brokers, new leaders.* The producer sends the same batch again, under the same producer id and sequence
//!   numbers. A broker that has it appends nothing and says where it is. So nothing is lost, doubled or reordered: that is `enable.idempotence`, on by
//!   default. Retry no record yourself while the producer does: to a broker, a second `send` is another record.
//! - *A cluster that is slow or away.* `send` waits once `buffer.memory` is full, and the file is not read on meanwhile.
//! - *A cluster that is away for longer than `delivery.timeout.ms`.* The delivery fails, and its outcome says whether the line may be in the log. The pipeline
//!   stops; it does not skip.
//! - *A restart of this program.* It goes on behind the last line of which it wrote down that it and all before it were acknowledged. Lines that were
//!   acknowledged later are sent again, by a producer that the brokers have not met: these come twice. To recognise them, each record carries the number of
//!   its line. Only a transaction makes copy and note one, and only where the note is in Kafka too, such as a group's offsets: `consume_transform_produce.rs`.

mod servers;

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rohrpost::{Delivery, Producer, ProducerRecord};
use rohrpost_testkit::{ApiKey, ErrorCode, Fault};
use tokio::sync::mpsc;

const TOPIC: &str = "stations";

/// Records under way, at most: so many lines a restart may send again.
const UNDER_WAY: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(servers) = servers::given() else {
        return on_embedded_brokers().await;
    };
    let mut arguments = std::env::args_os().skip(2).map(PathBuf::from);
    let (Some(file), Some(done)) = (arguments.next(), arguments.next()) else {
        return Err("pipeline SERVERS FILE DONE".into());
    };
    let copied = run(&servers, &file, Done::load(done)?).await?;
    println!("{copied} lines copied");
    Ok(())
}

async fn run(servers: &str, file: &Path, mut done: Done) -> Result<u64, Box<dyn Error>> {
    // Both are the defaults; written down, because the pipeline relies on them, and changing `acks` or `retries` cannot then switch idempotence off silently.
    let builder = Producer::builder().bootstrap_servers(servers).idempotence(true);
    let producer = builder.delivery_timeout(Duration::from_secs(120)).build().await?;
    let before = done.line;
    let copied = copy(&producer, lines(file, before)?, &mut done).await;
    // Also after a failure: what was acknowledged is noted, and the rest gets its chance to arrive.
    done.save()?;
    let closed = producer.close(Duration::from_secs(30)).await;
    copied?;
    closed?;
    Ok(done.line - before)
}

/// Sends the lines in order, and notes up to which one all are acknowledged.
async fn copy(
    producer: &Producer,
    mut lines: mpsc::Receiver<io::Result<(u64, String)>>,
    done: &mut Done,
) -> Result<(), Box<dyn Error>> {
    let topic = producer.topic(TOPIC);
    let mut under_way: VecDeque<(u64, Delivery)> = VecDeque::new();
    while let Some(line) = lines.recv().await {
        let (number, text) = line?;
        let station = text.split('\t').next().unwrap_or_default();
        let record = ProducerRecord::new(&topic).key(station).value(&text);
        let record = record.header("line", number.to_string());
        under_way.push_back((number, producer.send(&record).await?));
        // Take what is acknowledged; wait only where too much is not.
        while under_way.len() >= UNDER_WAY
            || under_way.front().is_some_and(|(_, delivery)| delivery.is_resolved())
        {
            let Some((number, delivery)) = under_way.pop_front() else { break };
            delivery.await?;
            done.reach(number)?;
        }
    }
    for (number, delivery) in under_way {
        delivery.await?;
        done.reach(number)?;
    }
    Ok(())
}

/// Reads the lines behind `done`, numbered from 1, on a thread that may block. The channel is short: who reads waits for who sends.
fn lines(file: &Path, done: u64) -> io::Result<mpsc::Receiver<io::Result<(u64, String)>>> {
    let file = BufReader::new(File::open(file)?);
    let (lines, receiver) = mpsc::channel(100);
    tokio::task::spawn_blocking(move || {
        for (number, text) in (1..).zip(file.lines()).skip_while(|(number, _)| *number <= done) {
            if lines.blocking_send(text.map(|text| (number, text))).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// The note of how far the pipeline came.
struct Done {
    path: PathBuf,
    line: u64,
    saved: u64,
}

impl Done {
    fn load(path: PathBuf) -> Result<Self, Box<dyn Error>> {
        let line = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse()?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, line, saved: line })
    }

    fn reach(&mut self, line: u64) -> io::Result<()> {
        self.line = line;
        if line >= self.saved + 1_000 { self.save() } else { Ok(()) }
    }

    /// Writes beside and renames, so that a crash leaves the old note or the new one.
    fn save(&mut self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        fs::write(&beside, self.line.to_string())?;
        File::open(&beside)?.sync_all()?;
        fs::rename(&beside, &self.path)?;
        self.saved = self.line;
        Ok(())
    }
}

/// The pipeline against brokers that append and do not say so, or say that they did not.
async fn on_embedded_brokers() -> Result<(), Box<dyn Error>> {
    let cluster = servers::embedded();
    cluster.inject(Fault::disconnect_after().on(ApiKey::Produce).times(2));
    cluster.inject(Fault::error_after(ErrorCode::REQUEST_TIMED_OUT).on(ApiKey::Produce).times(2));

    let servers = cluster.bootstrap_servers();
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sample.txt"));
    let note = std::env::temp_dir().join(format!("rohrpost-pipeline-{}", std::process::id()));
    let copied = run(&servers, file, Done::load(note.clone())?).await?;
    let again = run(&servers, file, Done::load(note.clone())?).await?;
    fs::remove_file(note)?;

    let stats = cluster.stats();
    println!(
        "{copied} lines copied, {again} more by a second run; in the log {}, after {} repeated batches that the brokers recognised",
        stats.records, stats.duplicates,
    );
    assert_eq!((copied, again), (stats.records, 0));
    assert!(stats.duplicates > 0, "no answer was lost");
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
