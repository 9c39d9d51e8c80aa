//! Kafka record batches (magic 2): an in-place builder, a zero-copy reader and every compression codec.
//!
//! The crate knows the log format and nothing else: no requests, no partitions, no clock. A batch lives through
//! three types on its way out and two on its way in.
//!
//! | type | what it is |
//! |---|---|
//! | [`BatchBuilder`] | an open batch: encodes each record once, in its final wire form, behind 61 reserved bytes |
//! | [`BatchCap`] | how much of it there may be, in bytes and records |
//! | [`SealedBatch`] | a closed one: compressed, immutable but for its stamp (producer, sequence, CRC) |
//! | [`BatchBytes`] | the stamped batch, shared by every attempt to send it: one piece, or several where it refers to values |
//! | [`RecordBatch`] | a received batch, checked: lengths, magic, codec, CRC, counts |
//! | [`Records`], [`Record`] | its records; slices of the input where it is not compressed |
//! | [`RecordBatches`] | the batches of a Fetch response or a log segment, of which the last may be cut |
//! | [`ControlRecord`] | a marker of the cluster, in a batch that [is one of control](Attributes::is_control) |
//!
//! ```
//! use rohrpost_records::{BatchBuilder, BytesMut, Compression, Compressor, RecordBatch, RecordHeader};
//!
//! let mut builder = BatchBuilder::new(BytesMut::with_capacity(1024));
//! builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), [])?;
//! builder.append(1_700_000_000_003, None, Some(b"more"), [RecordHeader::new("trace", Some(b"7"))])?;
//!
//! let mut sealed = builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)?;
//! let bytes = sealed.stamp(None, false)?.to_bytes();
//!
//! let (batch, consumed) = RecordBatch::parse(&bytes)?;
//! assert_eq!(consumed, bytes.len());
//! let records = batch.records(1 << 20)?.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(records[1].value.as_deref(), Some(&b"more"[..]));
//! assert_eq!(records[1].timestamp, 1_700_000_000_003);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Values by reference
//!
//! A value may be appended by reference ([`BatchBuilder::append_shared`]): the batch is then its own buffer, which has everything
//! but such values, and a list of them with their places in it.
//!
//! ```text
//! buffer   │ header, 61 │ record 0 │ record 1 up to its value │ its headers │ record 2 up to its value │ its headers │
//! values                                                     ▲                                        ▲
//!                                                         value 1                                  value 2
//! segments └──────────────────── 0 ─────────────────────┘ └─ 1 ─┘ └───────────────── 2 ─────────────┘ └─ 3 ─┘ └─ 4 ─┘
//! ```
//!
//! Sizes, caps and the CRC are those of the whole. Sealing and stamping write into the buffer alone; the
//! [segments](BatchBytes::segments) are slices of it and the values themselves, to be sent by one vectored write. A split refers to the
//! same values. Only a codec, and [`SealedBatch::records`], gather such a batch into one piece first.
//!
//! # The format
//!
//! All integers are big-endian; `varint` and `varlong` are zigzag-encoded. The CRC covers byte 21 to the end.
//!
//! | offset | field | type |
//! |---:|---|---|
//! | 0 | base offset | i64 |
//! | 8 | batch length, from byte 12 on | i32 |
//! | 12 | partition leader epoch | i32 |
//! | 16 | magic, 2 | i8 |
//! | 17 | CRC-32C | u32 |
//! | 21 | attributes: codec (bits 0-2), log append time (3), transactional (4), control (5), delete horizon (6) | i16 |
//! | 23 | last offset delta | i32 |
//! | 27 | base timestamp, ms | i64 |
//! | 35 | max timestamp, ms | i64 |
//! | 43 | producer id | i64 |
//! | 51 | producer epoch | i16 |
//! | 53 | base sequence | i32 |
//! | 57 | record count | i32 |
//! | 61 | records, compressed as one block where the attributes name a codec | |
//!
//! A record is: length (varint), attributes (i8, 0), timestamp delta (varlong), offset delta (varint), key length
//! (varint, -1 for null), key, value length (varint, -1 for null), value, header count (varint), and per header
//! the key's length (varint), key, value length (varint, -1 for null), value.
//!
//! Source: Apache Kafka's documentation, "Message Format"; KIP-98.
//!
//! # Features
//!
//! `gzip`, `snappy`, `lz4` and `zstd` (all on by default) bring one codec each. gzip (zlib-rs), snappy and lz4 are
//! pure Rust; zstd is the reference C library. A codec that is compiled out is a typed error, both ways. The
//! crate is `no_std` with `alloc`; the codecs' libraries use `std`. `lz4-c` brings the high-compression levels of LZ4, by the
//! reference C library. `legacy` reads message formats 0 and 1 (`AnyBatch`, `LegacyBatch`).
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "gzip", feature = "lz4", feature = "zstd"))]
extern crate std;

mod append;
mod assign;
mod batch_bytes;
mod builder;
mod cap;
mod compression;
mod control;
mod error;
mod header;
#[cfg(feature = "legacy")]
mod legacy;
mod producer;
mod ratio;
mod reader;
mod record;
mod references;
mod sealed;
mod size;
mod varint;

/// The README's example is a test.
#[cfg(all(doctest, feature = "zstd"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::append::RecordHeader;
pub use crate::assign::{assign_offset, set_log_append_time};
pub use crate::batch_bytes::BatchBytes;
pub use crate::builder::BatchBuilder;
pub use crate::cap::BatchCap;
pub use crate::compression::{Codec, Compression, CompressionError, Compressor};
pub use crate::control::{ControlKind, ControlRecord, EndTxnMarker, end_txn_marker};
pub use crate::error::{
    AppendError, BatchError, BatchErrorKind, SealError, SplitError, StampError,
};
pub use crate::header::{Attributes, BATCH_OVERHEAD, BatchHeader, LOG_OVERHEAD, MAGIC};
#[cfg(feature = "legacy")]
pub use crate::legacy::{AnyBatch, AnyBatches, LegacyBatch};
pub use crate::producer::{ProducerEpoch, ProducerId, ProducerStamp, Sequence};
pub use crate::ratio::RatioEstimator;
pub use crate::reader::{RecordBatch, RecordBatches};
pub use crate::record::{Header, Record, Records};
pub use crate::sealed::SealedBatch;
pub use crate::size::{batch_size_upper_bound, record_size, record_size_upper_bound};
pub use bytes::{Bytes, BytesMut};
