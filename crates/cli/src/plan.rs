//! What a line becomes.

use memchr::memmem::Finder;
use rohrpost::ProducerRecord;

use crate::args::{Delimiter, Header};

/// What all records have in common, and how a line is cut.
#[derive(Debug)]
pub(crate) struct Plan {
    topic: String,
    partition: Option<i32>,
    headers: Vec<Header>,
    delimiter: Option<Finder<'static>>,
}

impl Plan {
    pub(crate) fn new(
        topic: String,
        partition: Option<i32>,
        headers: Vec<Header>,
        delimiter: Option<&Delimiter>,
    ) -> Self {
        let delimiter = delimiter.map(|delimiter| Finder::new(&delimiter.0).into_owned());
        Self { topic, partition, headers, delimiter }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn partition(&self) -> Option<i32> {
        self.partition
    }

    /// The record that a line is. Borrows all of it.
    #[inline]
    pub(crate) fn record<'a>(&'a self, line: &'a [u8]) -> ProducerRecord<'a> {
        let (key, value) = self.split(line);
        let record =
            ProducerRecord::new(&*self.topic).partition(self.partition).key(key).value(value);
        self.headers
            .iter()
            .fold(record, |record, header| record.header(&*header.name, &header.value))
    }

    /// Key and value. Without the delimiter the line is all value, and the key null.
    #[inline]
    fn split<'a>(&self, line: &'a [u8]) -> (Option<&'a [u8]>, &'a [u8]) {
        let Some(delimiter) = &self.delimiter else {
            return (None, line);
        };
        match delimiter.find(line) {
            Some(at) => (Some(&line[..at]), &line[at + delimiter.needle().len()..]),
            None => (None, line),
        }
    }

    /// Bytes of the longest line that fits into a record of this size: one that is longer cannot, whatever is in it.
    pub(crate) fn longest_line(&self, max_record: usize) -> usize {
        let delimiter = self.delimiter.as_ref().map_or(0, |finder| finder.needle().len());
        max_record.saturating_add(delimiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(delimiter: &str, line: &str) -> (Option<String>, String) {
        let delimiter = Delimiter(delimiter.into());
        let plan = Plan::new("t".to_owned(), None, Vec::new(), Some(&delimiter));
        let record = plan.record(line.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (record.key_bytes().map(text), record.value_bytes().map(text).unwrap())
    }

    #[test]
    fn a_line_is_cut_at_the_first_delimiter() {
        let pair = |key: &str, value: &str| (Some(key.to_owned()), value.to_owned());
        assert_eq!(split(":", "k:v"), pair("k", "v"));
        assert_eq!(split(":", "k:v:w"), pair("k", "v:w"));
        assert_eq!(split("::", "k:::v"), pair("k", ":v"));
        assert_eq!(split(":", ":v"), pair("", "v"));
        assert_eq!(split(":", "k:"), pair("k", ""));
    }

    #[test]
    fn a_line_without_the_delimiter_has_a_null_key() {
        assert_eq!(split("::", "k:v"), (None, "k:v".to_owned()));
        assert_eq!(split(":", ""), (None, String::new()));
    }

    #[test]
    fn every_record_has_the_headers() {
        let header = Header { name: "n".to_owned(), value: b"\xff".to_vec() };
        let plan = Plan::new("t".to_owned(), Some(3), vec![header.clone(), header], None);
        let record = plan.record(b"v");
        assert_eq!(record.requested_partition(), Some(3));
        let headers: Vec<_> = record.headers().collect();
        assert_eq!(headers, [("n", Some(&b"\xff"[..])), ("n", Some(&b"\xff"[..]))]);
    }
}
