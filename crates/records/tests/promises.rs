//! What the crate promises, each promise a test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "promises/bombs.rs"]
mod bombs;
#[path = "promises/broker_side.rs"]
mod broker_side;
#[path = "promises/caps.rs"]
mod caps;
#[path = "promises/compression.rs"]
mod compression;
#[path = "promises/damage.rs"]
mod damage;
#[path = "support/dump.rs"]
mod dump;
#[path = "promises/foreign.rs"]
mod foreign;
#[path = "promises/java.rs"]
mod java;
#[path = "promises/references.rs"]
mod references;
#[path = "promises/round_trip.rs"]
mod round_trip;
#[path = "promises/sizes.rs"]
mod sizes;
#[path = "promises/splitting.rs"]
mod splitting;
#[path = "promises/stamping.rs"]
mod stamping;

use proptest::prelude::*;
use rohrpost_records::{
    AppendError, BatchBuilder, BatchError, Bytes, BytesMut, Codec, Compression, Compressor, Record,
    RecordBatch, RecordHeader, SealedBatch,
};

/// More than any batch of the tests decompresses to.
const LIMIT: usize = 64 << 20;
const T0: i64 = 1_700_000_000_000;

/// A record to append, owned.
#[derive(Clone, Debug, PartialEq)]
struct Given {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Given {
    fn value(value: impl Into<Vec<u8>>) -> Self {
        Self { timestamp: T0, key: None, value: Some(value.into()), headers: Vec::new() }
    }

    fn headers(&self) -> impl ExactSizeIterator<Item = RecordHeader<'_>> + Clone {
        self.headers.iter().map(|(key, value)| RecordHeader::new(key, value.as_deref()))
    }

    fn append(&self, builder: &mut BatchBuilder) -> Result<i32, AppendError> {
        builder.append(self.timestamp, self.key.as_deref(), self.value.as_deref(), self.headers())
    }

    fn is(&self, record: &Record) -> bool {
        self.timestamp == record.timestamp
            && self.key.as_deref() == record.key.as_deref()
            && self.value.as_deref() == record.value.as_deref()
            && self.headers.len() == record.headers.len()
            && self.headers.iter().zip(&record.headers).all(|((key, value), header)| {
                key.as_bytes() == header.key && value.as_deref() == header.value.as_deref()
            })
    }
}

fn nullable_bytes(max: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Vec::new())),
        6 => proptest::collection::vec(any::<u8>(), 0..max).prop_map(Some),
        // Repeats, so that the codecs have something to do.
        4 => (any::<u8>(), 0..max * 8).prop_map(|(byte, len)| Some(vec![byte; len])),
    ]
}

fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => T0 - 5_000..T0 + 5_000,
        1 => Just(-1),
        1 => 0..=i64::MAX,
        1 => Just(i64::MAX),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    let headers = proptest::collection::vec(("[a-dé]{0,3}", nullable_bytes(20)), 0..4);
    (timestamp(), nullable_bytes(40), nullable_bytes(200), headers)
        .prop_map(|(timestamp, key, value, headers)| Given { timestamp, key, value, headers })
}

fn given_many() -> impl Strategy<Value = Vec<Given>> {
    proptest::collection::vec(given(), 1..80)
}

fn any_compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        proptest::sample::select(&Codec::ALL[..])
            .prop_map(|codec| Compression::new(codec).unwrap()),
        (1..=9).prop_map(|level| Compression::with_level(Codec::Gzip, level).unwrap()),
        (-20..=12).prop_map(|level| Compression::with_level(Codec::Zstd, level).unwrap()),
    ]
}

fn build(records: &[Given]) -> BatchBuilder {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.append(&mut builder), Ok(index as i32));
    }
    builder
}

fn seal(records: &[Given], compression: Compression) -> SealedBatch {
    build(records).seal(compression, &mut Compressor::new(), BytesMut::with_capacity).unwrap()
}

fn stamped(records: &[Given], compression: Compression) -> Bytes {
    seal(records, compression).stamp(None, false).unwrap().to_bytes()
}

fn read(bytes: &Bytes) -> Result<Vec<Record>, BatchError> {
    RecordBatch::parse(bytes)?.0.records(LIMIT)?.collect()
}

/// Every codec at its default level.
fn compressions() -> impl Iterator<Item = Compression> {
    Codec::ALL.into_iter().map(|codec| Compression::new(codec).unwrap())
}

/// A batch is filled on one thread, sealed on another, sent by a third.
#[test]
fn everything_moves_between_threads() {
    const fn send<T: Send>() {}
    const fn send_and_sync<T: Send + Sync>() {}
    send::<Compressor>();
    send_and_sync::<BatchBuilder>();
    send_and_sync::<SealedBatch>();
    send_and_sync::<RecordBatch>();
    send_and_sync::<rohrpost_records::Records>();
}
