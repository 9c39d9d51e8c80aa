//! What the parts of our record path cost, and the floors under them: nanoseconds per record, the best of some rounds.

use std::hint::black_box;
use std::time::Instant;

use rohrpost_records::{
    BATCH_OVERHEAD, BatchBuilder, Bytes, BytesMut, Codec, Compression, Compressor, RecordBatch,
};

/// Bytes of a batch before compression.
pub(crate) const BATCH: usize = 1 << 20;
const ROUNDS: usize = 15;
/// Rounds of what takes microseconds.
const SHORT_ROUNDS: usize = 300;

/// Best of some rounds: the machine is shared.
pub(crate) fn best(records: usize, mut round: impl FnMut()) -> f64 {
    round();
    let nanos = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        round();
        start.elapsed().as_nanos() as f64
    });
    nanos.fold(f64::MAX, f64::min) / records as f64
}

/// Nanoseconds per record of copying alone, of the plain way to frame and copy, and of ours, without a key and with one: in turns, so that
/// what disturbs the machine disturbs all.
pub(crate) fn append(values: &[Vec<u8>]) -> [f64; 4] {
    let mut out = Vec::with_capacity(BATCH + values[0].len() + 64);
    let mut buffer = BytesMut::with_capacity(BATCH);
    let mut best = [f64::MAX; 4];
    for _ in 0..SHORT_ROUNDS {
        for (way, best) in best.iter_mut().enumerate() {
            let start = Instant::now();
            let records = match way {
                0 => {
                    floor(&mut out, values, |out, _, value| out.extend_from_slice(black_box(value)))
                }
                1 => floor(&mut out, values, frame),
                2 => with_builder(&mut buffer, |builder| fill(builder, values)),
                _ => with_builder(&mut buffer, |builder| fill_keyed(builder, values)),
            };
            *best = best.min(start.elapsed().as_nanos() as f64 / records as f64);
        }
    }
    best
}

#[inline(always)]
fn floor(out: &mut Vec<u8>, values: &[Vec<u8>], write: impl Fn(&mut Vec<u8>, i32, &[u8])) -> usize {
    out.clear();
    let mut count = 0;
    for value in values.iter().cycle() {
        if out.len() + value.len() + 32 > BATCH {
            break;
        }
        write(out, count, value);
        count += 1;
    }
    black_box(out);
    count as usize
}

fn with_builder(buffer: &mut BytesMut, fill: impl Fn(&mut BatchBuilder) -> usize) -> usize {
    let mut builder = BatchBuilder::new(std::mem::take(buffer));
    let records = fill(&mut builder);
    *buffer = black_box(builder).into_buffer();
    records
}

/// The plain and careful way: every varint pushed into a stack buffer, two copies.
fn frame(out: &mut Vec<u8>, offset_delta: i32, value: &[u8]) {
    let mut prefix = [0u8; 32];
    let mut len = 0;
    let mut varint = |value: i32| {
        let mut value = (value << 1 ^ value >> 31) as u32;
        while value >= 0x80 {
            prefix[len] = value as u8 | 0x80;
            len += 1;
            value >>= 7;
        }
        prefix[len] = value as u8;
        len += 1;
    };
    varint(value.len() as i32 + 9);
    varint(0);
    varint(3);
    varint(offset_delta);
    varint(-1);
    varint(value.len() as i32);
    out.extend_from_slice(&prefix[..len]);
    out.extend_from_slice(black_box(value));
    out.push(0);
}

pub(crate) fn fill(builder: &mut BatchBuilder, values: &[Vec<u8>]) -> usize {
    for value in values.iter().cycle() {
        if builder.try_append(1_700_000_000_000, None, Some(black_box(value)), []).is_err() {
            break;
        }
    }
    builder.record_count() as usize
}

fn fill_keyed(builder: &mut BatchBuilder, values: &[Vec<u8>]) -> usize {
    for value in values.iter().cycle() {
        let key: &[u8] = black_box(b"customer-0012345");
        if builder.try_append(1_700_000_000_000, Some(key), Some(black_box(value)), []).is_err() {
            break;
        }
    }
    builder.record_count() as usize
}

pub(crate) fn batch(values: &[Vec<u8>], compression: Compression) -> (usize, Bytes) {
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(BATCH));
    let records = fill(&mut builder, values);
    let mut sealed =
        builder.seal(compression, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    (records, sealed.stamp(None, false).unwrap().to_bytes())
}

pub(crate) fn crc(values: &[Vec<u8>]) -> f64 {
    let (records, bytes) = batch(values, Compression::NONE);
    best(records, || {
        black_box(RecordBatch::parse(black_box(&bytes)).unwrap());
    })
}

pub(crate) fn read(values: &[Vec<u8>]) -> f64 {
    let (records, bytes) = batch(values, Compression::NONE);
    best(records, || {
        let (batch, _) = RecordBatch::parse(black_box(&bytes)).unwrap();
        for record in batch.records(0).unwrap() {
            black_box(record.unwrap());
        }
    })
}

/// Sealing and stamping, without the appends before, and the codec's library on the same bytes with a CRC of what comes out: in turns, so that what
/// disturbs the machine disturbs both.
pub(crate) fn seal_and_bare(values: &[Vec<u8>], compression: Compression) -> [f64; 2] {
    let (records, bytes) = batch(values, Compression::NONE);
    let input = &bytes[BATCH_OVERHEAD..];
    let (library, compressed) = (library_of(compression.codec()), batch(values, compression).1);
    let mut bare = library.compressor(input.len());
    let mut compressor = Compressor::new();
    let mut source = BytesMut::with_capacity(BATCH);
    let mut pool = BytesMut::with_capacity(BATCH);
    let mut best = [f64::MAX; 2];
    for _ in 0..3 * ROUNDS {
        let mut builder = BatchBuilder::new(std::mem::take(&mut source));
        fill(&mut builder, values);
        let start = Instant::now();
        let mut sealed =
            builder.seal(compression, &mut compressor, |_| std::mem::take(&mut pool)).unwrap();
        black_box(sealed.stamp(None, false).unwrap());
        let sealing = start.elapsed().as_nanos() as f64 / records as f64;
        source = builder.into_buffer();
        pool = sealed.into_buffer().unwrap_or_default();
        let start = Instant::now();
        for block in black_box(input).chunks(library.block_size()) {
            black_box(bare(block));
        }
        black_box(RecordBatch::parse(black_box(&compressed)).unwrap());
        let library = start.elapsed().as_nanos() as f64 / records as f64;
        best = [best[0].min(sealing), best[1].min(library)];
    }
    best
}

fn library_of(codec: Codec) -> Library {
    match codec {
        Codec::Snappy => Library::Snap,
        Codec::Lz4 => Library::Lz4Flex,
        Codec::Zstd => Library::Zstd,
        Codec::None | Codec::Gzip => Library::Gzip(6),
    }
}

/// What else compresses records.
#[derive(Clone, Copy)]
pub(crate) enum Library {
    Snap,
    Lz4Flex,
    Lz4C,
    Zstd,
    Gzip(u32),
}

/// Compresses a block and says how many bytes that makes.
type Compress = Box<dyn FnMut(&[u8]) -> usize>;

impl Library {
    /// Bytes that it takes at once in a batch.
    const fn block_size(self) -> usize {
        match self {
            Self::Snap => 32 << 10,
            Self::Lz4Flex | Self::Lz4C => 64 << 10,
            Self::Zstd | Self::Gzip(_) => usize::MAX,
        }
    }

    /// The library, with its context and buffers made before.
    fn compressor(self, most: usize) -> Compress {
        let mut out = vec![0; zstd::zstd_safe::compress_bound(most)];
        match self {
            Self::Snap => {
                let mut encoder = snap::raw::Encoder::new();
                Box::new(move |block| encoder.compress(block, &mut out).unwrap())
            }
            Self::Lz4Flex => {
                use lz4_flex::block::{CompressTable, compress_into_with_table};
                let mut table = CompressTable::large();
                Box::new(move |block| {
                    compress_into_with_table(block, &mut out, &mut table).unwrap()
                })
            }
            Self::Lz4C => {
                use lz4::block::{CompressionMode, compress_to_buffer};
                let mode = Some(CompressionMode::DEFAULT);
                Box::new(move |block| compress_to_buffer(block, mode, false, &mut out).unwrap())
            }
            Self::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
                Box::new(move |block| compressor.compress_to_buffer(block, &mut out[..]).unwrap())
            }
            Self::Gzip(level) => {
                let mut state = flate2::Compress::new_gzip(flate2::Compression::new(level), 15);
                Box::new(move |block| {
                    state.reset();
                    state.compress(block, &mut out, flate2::FlushCompress::Finish).unwrap();
                    state.total_out() as usize
                })
            }
        }
    }
}

/// Nanoseconds per record of a library, and the bytes that it makes of a batch, without frames around its blocks.
pub(crate) fn library(values: &[Vec<u8>], library: Library) -> (f64, usize) {
    let (records, bytes) = batch(values, Compression::NONE);
    let input = &bytes[BATCH_OVERHEAD..];
    let mut compress = library.compressor(input.len());
    let mut size = 0;
    let nanos = best(records, || {
        size = black_box(input).chunks(library.block_size()).map(&mut compress).sum();
    });
    (nanos, size)
}

/// Appending, sealing and stamping together, with buffers that are used again.
pub(crate) fn whole(values: &[Vec<u8>], compression: Compression) -> f64 {
    let mut compressor = Compressor::new();
    let mut source = BytesMut::with_capacity(BATCH);
    let mut pool = BytesMut::with_capacity(BATCH);
    let records = batch(values, Compression::NONE).0;
    best(records, || {
        let mut builder = BatchBuilder::new(std::mem::take(&mut source));
        fill(&mut builder, values);
        let mut sealed =
            builder.seal(compression, &mut compressor, |_| std::mem::take(&mut pool)).unwrap();
        black_box(sealed.stamp(None, false).unwrap());
        source = builder.into_buffer();
        let used = sealed.into_buffer().unwrap_or_default();
        if compression == Compression::NONE {
            source = used;
        } else {
            pool = used;
        }
    })
}
