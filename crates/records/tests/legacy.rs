//! Message formats 0 and 1 are read as Java reads them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "support/dump.rs"]
mod dump;

use rohrpost_records::{AnyBatch, AnyBatches, BatchErrorKind, Bytes, LegacyBatch};

const GOLDEN: &str = include_str!("java/kafka-clients-4.4.0-legacy.txt");

/// Name, bytes, and what Java reads.
fn cases() -> impl Iterator<Item = (&'static str, Bytes, &'static str)> {
    GOLDEN.split("== ").skip(1).map(|case| {
        let mut lines = case.splitn(3, '\n');
        let (name, hex) = (lines.next().unwrap(), lines.next().unwrap());
        (name, dump::unhex(hex).unwrap().into(), lines.next().unwrap())
    })
}

#[test]
fn java_messages_of_magic_0_and_1_are_read_as_java_reads_them() {
    for (name, bytes, expected) in cases() {
        assert_eq!(dump::dump_legacy(&bytes).unwrap(), expected, "{name}");
    }
    assert_eq!(cases().count(), 12);
}

/// Any byte changed: an error where the CRC covers it, and never a panic.
#[test]
fn damaged_messages_are_errors() {
    for (name, bytes, _) in cases() {
        let (_, first) = LegacyBatch::parse(&bytes).unwrap();
        for at in 0..first {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x55;
            let result = LegacyBatch::parse(&damaged.into());
            // The offset alone is not covered.
            assert_eq!(result.is_ok(), at < 8, "{name}: byte {at}: {result:?}");
        }
        for cut in 0..first {
            let error = LegacyBatch::parse(&bytes.slice(..cut)).unwrap_err();
            assert!(error.is_truncated(), "{name}: {cut} bytes: {error}");
        }
    }
}

#[test]
fn compressed_messages_stop_at_the_limit() {
    for (name, bytes, _) in cases().filter(|(name, ..)| !name.contains("none")) {
        let (batch, _) = LegacyBatch::parse(&bytes).unwrap();
        let error = batch.records(1000).unwrap_err();
        assert_eq!(error.kind, BatchErrorKind::TooLarge { limit: 1000 }, "{name}");
    }
}

#[test]
fn one_segment_may_hold_every_format() {
    let current = include_str!("java/kafka-clients-4.4.0.txt").lines().nth(1).unwrap();
    let mut segment: Vec<u8> = cases().flat_map(|(_, bytes, _)| bytes).collect();
    segment.extend(dump::unhex(current).unwrap());
    let mut batches = AnyBatches::new(segment.into());
    let formats: Vec<_> = batches
        .by_ref()
        .map(|batch| match batch.unwrap() {
            AnyBatch::Current(_) => 2,
            AnyBatch::Legacy(batch) => batch.magic(),
        })
        .collect();
    assert!(formats.is_sorted() && formats.contains(&0) && formats.contains(&1));
    assert_eq!(formats.last(), Some(&2));
    assert!(batches.remaining().is_empty());
}
