//! The command line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process;
use std::str::FromStr;

/// The option of drivers that can send in transactions.
pub const TRANSACTION: &str = "transaction";

/// How the results are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Await {
    /// Sent as fast as it goes; every result is looked at.
    All,
    /// One record after the other.
    Each,
    /// At a rate, whatever the results do.
    Rate,
}

/// What to send and how: one field for each option that every driver takes.
#[derive(Clone, Debug)]
pub struct Load {
    /// `--bootstrap`: HOST:PORT.
    pub bootstrap: String,
    /// `--topic` itself, or with `--topics N` that name with `-0` to `-(N-1)` behind it.
    pub topics: Vec<String>,
    /// `--records`.
    pub records: usize,
    /// `--size`: bytes of a value.
    pub size: usize,
    /// `--linger-ms`.
    pub linger_ms: u32,
    /// `--batch-bytes`.
    pub batch_bytes: usize,
    /// `--codec`: `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub codec: String,
    /// `--keys`: none, or 16 for keys of 16 bytes.
    pub has_keys: bool,
    /// `--headers`: how many each record has.
    pub headers: usize,
    /// `--tasks`: senders at the same time.
    pub tasks: usize,
    /// `--await`.
    pub awaits: Await,
    /// `--rate`: records per second, with `--await rate`.
    pub rate: f64,
    /// `--threads` of the runtime.
    pub threads: usize,
    /// `--partitions` of each topic, for clients that do not ask the target.
    pub partitions: usize,
    /// `--transaction`: records of each, which is committed before the next begins; 0 without transactions. Of drivers that name it among their own.
    pub transaction: usize,
    /// What only some drivers take.
    extra: BTreeMap<String, String>,
}

impl Load {
    /// Reads the command line; on what it does not understand, says so and ends with status 2. `extra` names the options that this driver
    /// takes beside the usual ones.
    pub fn from_command_line(extra: &[&str]) -> Self {
        Self::parse(std::env::args().skip(1), extra).unwrap_or_else(|error| {
            eprintln!("{error}");
            process::exit(2)
        })
    }

    /// An option that only some drivers take.
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extra.get(name).map(String::as_str)
    }

    /// The numbers of the records of each sender.
    pub fn shares(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (records, tasks) = (self.records, self.tasks);
        let start = move |task| records / tasks * task + (records % tasks).min(task);
        (0..tasks).map(move |task| start(task)..start(task + 1))
    }

    /// The topic of a record.
    #[inline]
    pub fn topic(&self, number: usize) -> &str {
        &self.topics[number % self.topics.len()]
    }

    fn parse(args: impl IntoIterator<Item = String>, extra: &[&str]) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        let mut args = args.into_iter();
        while let Some(word) = args.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("`{word}`: no option"))?;
            let value = args.next().ok_or_else(|| format!("{word} wants a value"))?;
            options.insert(name.to_owned(), value);
        }
        let options = &mut options;
        let topic = take(options, "topic", "bench".to_owned())?;
        let topics: usize = take(options, "topics", 0)?;
        let awaits = match take(options, "await", "all".to_owned())?.as_str() {
            "all" => Await::All,
            "each" => Await::Each,
            "rate" => Await::Rate,
            other => return Err(format!("--await {other}: all, each or rate")),
        };
        let has_keys = match take(options, "keys", "none".to_owned())?.as_str() {
            "none" => false,
            "16" => true,
            other => return Err(format!("--keys {other}: none or 16")),
        };
        let load = Self {
            bootstrap: options.remove("bootstrap").ok_or("--bootstrap HOST:PORT is missing")?,
            topics: match topics {
                0 => vec![topic],
                _ => (0..topics).map(|number| format!("{topic}-{number}")).collect(),
            },
            records: take(options, "records", 1_000_000)?,
            size: take(options, "size", 100)?,
            linger_ms: take(options, "linger-ms", 5)?,
            batch_bytes: take(options, "batch-bytes", 16_384)?,
            codec: take(options, "codec", "none".to_owned())?,
            has_keys,
            headers: take(options, "headers", 0)?,
            tasks: take(options, "tasks", 1)?,
            awaits,
            rate: take(options, "rate", 10_000.0)?,
            threads: take(options, "threads", 2)?,
            partitions: take(options, "partitions", 12)?,
            transaction: match extra.contains(&TRANSACTION) {
                true => take(options, TRANSACTION, 0)?,
                false => 0,
            },
            extra: extra
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), options.remove(*name)?)))
                .collect(),
        };
        if load.transaction > 0 && (load.awaits, load.tasks, load.headers) != (Await::All, 1, 0) {
            return Err("--transaction: one task, no headers, and every result".to_owned());
        }
        if let Some(name) = options.keys().next() {
            return Err(format!("--{name} means nothing here"));
        }
        let counts = [("records", load.records), ("tasks", load.tasks), ("threads", load.threads)];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(format!("--{name} 0: at least 1"));
        }
        if !(load.rate.is_finite() && load.rate > 0.0) {
            return Err(format!("--rate {}: records per second", load.rate));
        }
        Ok(load)
    }
}

fn take<T: FromStr>(
    options: &mut BTreeMap<String, String>,
    name: &str,
    default: T,
) -> Result<T, String> {
    match options.remove(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("--{name} {text}: not what it takes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Load, String> {
        Load::parse(line.split_whitespace().map(str::to_owned), &["client"])
    }

    #[test]
    fn everything_has_a_default_but_the_address() {
        let load = parse("--bootstrap h:1").unwrap();
        assert_eq!((load.topics, load.records), (vec!["bench".to_owned()], 1_000_000));
        assert_eq!((load.has_keys, load.awaits), (false, Await::All));
        assert!(parse("").unwrap_err().contains("--bootstrap"));
    }

    #[test]
    fn many_topics_are_numbered() {
        let load = parse("--bootstrap h:1 --topic t --topics 2 --client raw").unwrap();
        assert_eq!(load.topics, ["t-0", "t-1"]);
        assert_eq!(load.extra("client"), Some("raw"));
    }

    #[test]
    fn the_senders_share_the_records_equally() {
        let load = parse("--bootstrap h:1 --records 11 --tasks 4").unwrap();
        assert_eq!(load.shares().collect::<Vec<_>>(), [0..3, 3..6, 6..9, 9..11]);
    }

    #[test]
    fn only_who_can_takes_transactions() {
        let parse = |line: &str, extra| {
            let line = format!("--bootstrap h:1 {line}");
            Load::parse(line.split_whitespace().map(str::to_owned), extra)
        };
        assert_eq!(parse("--transaction 7", &[TRANSACTION]).unwrap().transaction, 7);
        assert_eq!(parse("", &[TRANSACTION]).unwrap().transaction, 0);
        assert!(parse("--transaction 7", &[]).is_err());
        assert!(parse("--transaction 7 --await each", &[TRANSACTION]).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            "--unknown 1",
            "word",
            "--size",
            "--size x",
            "--await some",
            "--keys 8",
            "--records 0",
            "--rate 0",
        ] {
            assert!(parse(&format!("--bootstrap h:1 {wrong}")).is_err(), "{wrong}");
        }
    }
}
