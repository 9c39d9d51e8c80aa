//! What is measured: each cell is one way to send.

use std::fmt;
use std::str::FromStr;

use super::outcome::Role;

/// How a driver waits for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    All,
    Each,
    /// At so many records per second.
    Rate(u32),
}

/// One way to send. Its name says what is different from the usual: see [`CELLS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) size: u32,
    pub(super) codec: String,
    pub(super) batch_bytes: u32,
    pub(super) linger_ms: u32,
    pub(super) keys: bool,
    pub(super) headers: u32,
    pub(super) tasks: u32,
    /// 0: one, without a number.
    pub(super) topics: u32,
    pub(super) partitions: u32,
    pub(super) threads: u32,
    /// Records of each; 0: none.
    pub(super) transaction: u32,
    pub(super) wait: Wait,
}

/// How names of cells are made, for `--help`.
pub(super) const NAMING: &str = "\
A cell's name is made of these parts in any order, `/` between them; what is not named is as in
100B/none/16KiB: one task, no keys, no headers, one topic, 12 partitions, linger 5 ms (0 where
records are awaited singly or sent at a rate), every result taken.

  100B 1KB         size of a value        keys         a key of 16 bytes each, Java's murmur2
  none gzip ...    codec                  headers3     three headers of 8 and 16 bytes each
  16KiB 128KiB     batch.size             64tasks      tasks that send at the same time
  linger0          linger in ms           1000topics   taken in turns
  each             one record at a time   48partitions of each topic (discard broker only)
  rate10000        records per second     1threads     of the runtime, where there is one
  txn100           records a transaction, one after the other (not the discard broker)
";

/// The matrix.
pub(super) const CELLS: &[&str] = &[
    "100B/none/16KiB",
    "100B/none/128KiB",
    "1KB/none/16KiB",
    "1KB/none/128KiB",
    "10B/none/16KiB",
    "100B/lz4/16KiB",
    "100B/lz4/128KiB",
    "1KB/lz4/16KiB",
    "1KB/lz4/128KiB",
    "100B/snappy/16KiB",
    "100B/snappy/128KiB",
    "1KB/snappy/16KiB",
    "1KB/snappy/128KiB",
    "100B/zstd/16KiB",
    "100B/zstd/128KiB",
    "1KB/zstd/16KiB",
    "1KB/zstd/128KiB",
    "100B/gzip/16KiB",
    "100B/gzip/128KiB",
    "1KB/gzip/16KiB",
    "1KB/gzip/128KiB",
    "100B/none/16KiB/keys",
    "100B/none/16KiB/headers3",
    "100B/none/16KiB/linger0",
    "100B/none/16KiB/64tasks",
    "100B/none/16KiB/10000partitions",
    "100B/none/16KiB/keys/1000topics",
    "100B/none/16KiB/each",
    "100B/none/16KiB/each/1threads",
    "100B/none/16KiB/rate10000",
];

/// What `--quick` measures.
pub(super) const ESSENTIAL: &[&str] = &[
    "100B/none/16KiB",
    "100B/none/128KiB",
    "1KB/none/128KiB",
    "10B/none/16KiB",
    "100B/lz4/128KiB",
    "1KB/lz4/128KiB",
    "100B/zstd/128KiB",
    "100B/none/16KiB/keys",
    "100B/none/16KiB/linger0",
    "100B/none/16KiB/each",
    "100B/none/16KiB/rate10000",
];

/// What `--transactions` measures.
pub(super) const TRANSACTIONS: &[&str] =
    &["100B/none/16KiB/txn1", "100B/none/16KiB/txn100", "100B/none/16KiB/txn10000"];

/// What `--tls` measures.
pub(super) const SECURED_CELLS: &[&str] =
    &["100B/none/16KiB", "100B/none/128KiB", "1KB/none/16KiB", "1KB/none/128KiB"];

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Fewer records than these measure starting and ending.
const FEWEST_RECORDS: f64 = 100_000.0;

impl Cell {
    /// How many records a run has: what takes rohrpost about `seconds`, and slower clients, that send a part of it, not much more.
    pub(super) fn records(&self, seconds: f64, role: Role, part: f64) -> u64 {
        if self.transaction > 0 {
            // An end of a transaction takes about a millisecond, most of it the broker's: for all clients the same.
            let each = f64::from(self.transaction);
            let transactions = (1_000.0 * seconds / (1.0 + each / 500.0)).ceil();
            return (transactions * each) as u64;
        }
        let count = match self.wait {
            Wait::Each => 20_000.0 * seconds,
            // Shorter, and a few hiccups of the machine are the 99th percentile.
            Wait::Rate(rate) => f64::from(rate) * 2.0,
            Wait::All => {
                let count = seconds * 1e9 / self.nanoseconds();
                if role == Role::Peer {
                    (count / part).max(FEWEST_RECORDS.min(count))
                } else {
                    count
                }
            }
        };
        round(count)
    }

    /// About what a record takes rohrpost.
    fn nanoseconds(&self) -> f64 {
        let size = f64::from(self.size);
        let compressing = match self.codec.as_str() {
            "lz4" | "snappy" => 2.0,
            "zstd" => 5.0,
            "gzip" => 22.0,
            _ => 0.5,
        };
        let topics = if self.topics > 100 { 1_000.0 } else { 0.0 };
        let keys = if self.keys { 80.0 } else { 0.0 };
        150.0 + compressing * size + topics + keys + f64::from(self.headers) * 40.0
    }

    /// The driver's options. What is as usual is left out, so that a driver needs to know only what it is asked for.
    pub(super) fn arguments(&self, records: u64) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: &dyn fmt::Display| {
            arguments.extend([name.to_owned(), value.to_string()]);
        };
        add("--records", &records);
        add("--size", &self.size);
        add("--codec", &self.codec);
        add("--batch-bytes", &self.batch_bytes);
        add("--linger-ms", &self.linger_ms);
        if self.keys {
            add("--keys", &16);
        }
        for (name, value, usual) in [
            ("--headers", self.headers, 0),
            ("--tasks", self.tasks, 1),
            ("--topics", self.topics, 0),
            ("--threads", self.threads, 2),
            ("--transaction", self.transaction, 0),
        ] {
            if value != usual {
                add(name, &value);
            }
        }
        match self.wait {
            Wait::All => {}
            Wait::Each => add("--await", &"each"),
            Wait::Rate(rate) => {
                add("--await", &"rate");
                add("--rate", &rate);
            }
        }
        arguments
    }

    fn usual_linger(&self) -> u32 {
        if self.wait == Wait::All { 5 } else { 0 }
    }
}

/// To two digits.
fn round(count: f64) -> u64 {
    let step = 10_f64.powf(count.max(1.0).log10().floor() - 1.0).max(1.0);
    ((count / step).round() * step) as u64
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            size: 100,
            codec: "none".to_owned(),
            batch_bytes: 16_384,
            linger_ms: 5,
            keys: false,
            headers: 0,
            tasks: 1,
            topics: 0,
            partitions: 12,
            threads: 2,
            transaction: 0,
            wait: Wait::All,
        }
    }
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut cell = Self::default();
        let mut linger = None;
        for part in name.split('/') {
            if CODECS.contains(&part) {
                part.clone_into(&mut cell.codec);
                continue;
            }
            let letters = part.trim_start_matches(|c: char| c.is_ascii_digit());
            let front = part[..part.len() - letters.len()].parse::<u32>();
            let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
            let back = part[word.len()..].parse::<u32>();
            match (front, letters, word, back) {
                (Err(_), "keys", ..) => cell.keys = true,
                (Err(_), "each", ..) => cell.wait = Wait::Each,
                (Ok(size), "B", ..) => cell.size = size,
                (Ok(size), "KB", ..) => cell.size = size.saturating_mul(1_000),
                (Ok(batch), "KiB", ..) => cell.batch_bytes = batch.saturating_mul(1_024),
                (Ok(count @ 1..), "tasks", ..) => cell.tasks = count,
                (Ok(count @ 1..), "topics", ..) => cell.topics = count,
                (Ok(count @ 1..), "partitions", ..) => cell.partitions = count,
                (Ok(count @ 1..), "threads", ..) => cell.threads = count,
                (_, _, "txn", Ok(count @ 1..)) => cell.transaction = count,
                (_, _, "headers", Ok(count)) => cell.headers = count,
                (_, _, "linger", Ok(ms)) => linger = Some(ms),
                (_, _, "rate", Ok(rate @ 1..)) => cell.wait = Wait::Rate(rate),
                _ => return Err(format!("`{part}` in `{name}` is no part of a cell's name")),
            }
        }
        cell.linger_ms = linger.unwrap_or_else(|| cell.usual_linger());
        Ok(cell)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            size if size >= 1_000 && size % 1_000 == 0 => write!(f, "{}KB", size / 1_000)?,
            size => write!(f, "{size}B")?,
        }
        write!(f, "/{}", self.codec)?;
        match self.batch_bytes {
            batch if batch % 1_024 == 0 => write!(f, "/{}KiB", batch / 1_024)?,
            batch => write!(f, "/{batch}-byte batches")?,
        }
        if self.linger_ms != self.usual_linger() {
            write!(f, "/linger{}", self.linger_ms)?;
        }
        if self.keys {
            f.write_str("/keys")?;
        }
        if self.headers > 0 {
            write!(f, "/headers{}", self.headers)?;
        }
        for (count, usual, unit) in [
            (self.tasks, 1, "tasks"),
            (self.topics, 0, "topics"),
            (self.partitions, 12, "partitions"),
        ] {
            if count != usual {
                write!(f, "/{count}{unit}")?;
            }
        }
        if self.transaction > 0 {
            write!(f, "/txn{}", self.transaction)?;
        }
        match self.wait {
            Wait::All => {}
            Wait::Each => f.write_str("/each")?,
            Wait::Rate(rate) => write!(f, "/rate{rate}")?,
        }
        if self.threads != 2 {
            write!(f, "/{}threads", self.threads)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_written_as_it_is_read() {
        for name in CELLS.iter().chain(ESSENTIAL).chain(SECURED_CELLS) {
            assert_eq!(name.parse::<Cell>().unwrap().to_string(), *name);
            assert!(CELLS.contains(name), "{name}");
        }
        for name in TRANSACTIONS {
            assert_eq!(name.parse::<Cell>().unwrap().to_string(), *name);
        }
    }

    #[test]
    fn parts_stand_in_any_order_and_have_defaults() {
        let cell: Cell = "keys/1KB".parse().unwrap();
        assert_eq!(cell, Cell { keys: true, size: 1_000, ..Cell::default() });
        let cell: Cell = "each".parse().unwrap();
        assert_eq!((cell.wait, cell.linger_ms), (Wait::Each, 0));
        let cell: Cell = "rate500/linger5".parse().unwrap();
        assert_eq!((cell.wait, cell.linger_ms), (Wait::Rate(500), 5));
        assert_eq!(cell.to_string(), "100B/none/16KiB/linger5/rate500");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for name in [
            "", "100", "B", "keys2", "0tasks", "rate", "rate0", "lz45", "1none", "linger", "txn",
            "txn0",
        ] {
            assert!(name.parse::<Cell>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_driver_is_told_only_what_is_unusual() {
        let usual = Cell::default().arguments(7).join(" ");
        assert_eq!(usual, "--records 7 --size 100 --codec none --batch-bytes 16384 --linger-ms 5");
        let cell: Cell = "rate9/headers3/keys/2topics/1threads".parse().unwrap();
        let unusual = cell.arguments(7).join(" ");
        let expected = "--keys 16 --headers 3 --topics 2 --threads 1 --await rate --rate 9";
        assert!(unusual.ends_with(expected), "{unusual}");
    }

    #[test]
    fn slow_clients_send_a_part_but_never_too_little() {
        let cell = Cell::default();
        assert_eq!(cell.records(1.0, Role::Ours, 1.0), 5_000_000);
        assert_eq!(cell.records(1.0, Role::Peer, 10.0), 500_000);
        assert_eq!(cell.records(0.1, Role::Peer, 10.0), 100_000);
        let gzip: Cell = "1KB/gzip".parse().unwrap();
        assert_eq!(gzip.records(1.0, Role::Peer, 10.0), gzip.records(1.0, Role::Ours, 1.0));
        let each: Cell = "each".parse().unwrap();
        assert_eq!(each.records(1.0, Role::Peer, 10.0), 20_000);
    }

    #[test]
    fn all_clients_make_as_many_transactions_all_of_them_full() {
        for (name, records) in [("txn1", 999), ("txn100", 83_400), ("txn10000", 480_000)] {
            let cell: Cell = name.parse().unwrap();
            assert_eq!(cell.records(1.0, Role::Ours, 1.0), records, "{name}");
            assert_eq!(cell.records(1.0, Role::Peer, 10.0), records, "{name}");
        }
    }
}
