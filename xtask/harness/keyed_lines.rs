//! Lines `KEY<tab>VALUE` as they were sent, against records as they were read back.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::kafka::ConsumedRecord;

/// The lines of a file, by key and in order.
#[derive(Debug)]
pub struct KeyedLines {
    text: Vec<u8>,
    /// Every line in the order of the file.
    lines: Vec<(Range<usize>, Range<usize>)>,
}

/// What was read back so far.
#[derive(Debug)]
pub struct Comparison<'a> {
    lines: &'a KeyedLines,
    keys: HashMap<&'a [u8], Key>,
    /// The first differences; later ones mostly follow from these.
    differences: Vec<String>,
    records: usize,
}

#[derive(Debug, Default)]
struct Key {
    /// Its values, as indices of lines.
    values: Vec<u32>,
    /// How many of them have been read back.
    read: usize,
    partition: Option<u32>,
}

impl KeyedLines {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has a line without a tab.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::new(fs::read(path)?)
    }

    fn new(text: Vec<u8>) -> io::Result<Self> {
        let mut lines = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let rest = &text[start..];
            let end = start + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            let tab = rest.iter().position(|&b| b == b'\t').map(|tab| start + tab);
            let Some(tab) = tab.filter(|&tab| tab < end) else {
                return Err(io::Error::other(format!("line {} has no tab", lines.len() + 1)));
            };
            lines.push((start..tab, tab + 1..end));
            start = end + 1;
        }
        Ok(Self { text, lines })
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Begins to compare.
    #[must_use]
    pub fn compare(&self) -> Comparison<'_> {
        let mut keys: HashMap<&[u8], Key> = HashMap::new();
        for (index, (key, _)) in (0..).zip(&self.lines) {
            keys.entry(&self.text[key.clone()]).or_default().values.push(index);
        }
        Comparison { lines: self, keys, differences: Vec::new(), records: 0 }
    }
}

impl Comparison<'_> {
    /// Takes a record that was read back: it must be the next one of its key, in the partition of
    /// that key's other records.
    pub fn take(&mut self, record: ConsumedRecord<'_>) {
        self.records += 1;
        if self.differences.len() >= 10 {
            return;
        }
        if let Err(difference) = self.place(record) {
            self.differences.push(format!(
                "partition {}, offset {}: {difference}",
                record.partition, record.offset
            ));
        }
    }

    fn place(&mut self, record: ConsumedRecord<'_>) -> Result<(), String> {
        let (Some(name), Some(value)) = (record.key, record.value) else {
            return Err("a null key or value".to_owned());
        };
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(80).collect::<String>();
        let Some(key) = self.keys.get_mut(name) else {
            return Err(format!("key {:?} was never sent", text(name)));
        };
        let partition = *key.partition.get_or_insert(record.partition);
        if partition != record.partition {
            return Err(format!("key {:?} is in partition {partition} too", text(name)));
        }
        let Some(&line) = key.values.get(key.read) else {
            return Err(format!("key {:?} has more values than were sent", text(name)));
        };
        key.read += 1;
        let sent = &self.lines.text[self.lines.lines[line as usize].1.clone()];
        if sent == value {
            return Ok(());
        }
        Err(format!(
            "key {:?}, value {}: {:?} came where line {} was sent, {:?}",
            text(name),
            key.read,
            text(value),
            line + 1,
            text(sent)
        ))
    }

    /// Ends: every line must have been read back once, per key in order.
    ///
    /// # Errors
    ///
    /// The first differences.
    pub fn finish(mut self) -> Result<(), String> {
        let missing = self.keys.values().map(|key| key.values.len() - key.read).sum::<usize>();
        if missing > 0 {
            self.differences.push(format!("{missing} of {} lines are missing", self.lines.len()));
        }
        if self.differences.is_empty() {
            return Ok(());
        }
        Err(format!("{} records were read back:\n{}", self.records, self.differences.join("\n")))
    }

    /// Which partition each key was found in.
    pub fn partitions(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.keys.iter().filter_map(|(name, key)| Some((*name, key.partition?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(records: &[(u32, &str, &str)]) -> Result<(), String> {
        let lines = KeyedLines::new(b"a\t1\nb\t\na\t2\t2\na\t1".to_vec()).unwrap();
        let mut comparison = lines.compare();
        for &(partition, key, value) in records {
            comparison.take(ConsumedRecord {
                partition,
                offset: 0,
                headers: b"",
                key: Some(key.as_bytes()),
                value: Some(value.as_bytes()),
            });
        }
        comparison.finish()
    }

    #[test]
    fn the_same_lines_in_any_order_of_keys_are_the_same() {
        assert_eq!(
            verdict(&[(0, "a", "1"), (0, "a", "2\t2"), (1, "b", ""), (0, "a", "1")]),
            Ok(())
        );
        assert_eq!(
            verdict(&[(1, "b", ""), (0, "a", "1"), (0, "a", "2\t2"), (0, "a", "1")]),
            Ok(())
        );
    }

    #[test]
    fn a_lost_a_doubled_a_swapped_and_a_straying_record_are_differences() {
        for records in [
            &[(0, "a", "1"), (0, "a", "2\t2"), (1, "b", "")][..],
            &[(0, "a", "1"), (0, "a", "1"), (0, "a", "2\t2"), (1, "b", "")],
            &[(0, "a", "1"), (0, "a", "2\t2"), (1, "b", ""), (0, "a", "1"), (0, "a", "1")],
            &[(0, "a", "1"), (0, "a", "2\t2"), (1, "b", ""), (2, "a", "1")],
            &[(0, "a", "1"), (0, "a", "2\t2"), (1, "c", ""), (0, "a", "1")],
        ] {
            assert!(verdict(records).is_err(), "{records:?}");
        }
    }

    #[test]
    fn a_line_without_a_key_is_refused() {
        assert!(KeyedLines::new(b"a\tb\nno key\nc\td\n".to_vec()).is_err());
    }
}
