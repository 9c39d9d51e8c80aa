//! What the fuzz targets of the records do with their input.

use rohrpost_records::{
    AnyBatch, AnyBatches, Attributes, BatchBuilder, BatchErrorKind, Bytes, BytesMut, Codec,
    Compression, Compressor, RecordBatch, RecordHeader, batch_size_upper_bound,
};

/// What a records section may decompress to.
const LIMIT: usize = 1 << 18;

/// The most memory that decompressing to [`LIMIT`] may hold at once: the output, which at most doubles
/// while it grows, and the decompressor's own windows and tables.
const MEMORY: u64 = 4 * LIMIT as u64;

/// gzip, of any number of members.
pub fn gzip(input: &[u8]) {
    decompress(Codec::Gzip, input);
}

/// Snappy: xerial's framing, or one bare block.
pub fn snappy(input: &[u8]) {
    decompress(Codec::Snappy, input);
}

/// One LZ4 frame.
pub fn lz4(input: &[u8]) {
    decompress(Codec::Lz4, input);
}

/// Zstandard, of any number of frames.
pub fn zstd(input: &[u8]) {
    decompress(Codec::Zstd, input);
}

/// Xerial's framing with block lengths that fit more often than not: of each byte of length, the top
/// bit says that the length is a lie, and the rest how many bytes of the input are the block.
pub fn xerial(input: &[u8]) {
    let mut stream = Vec::new();
    let mut rest = input;
    while let Some((&first, after)) = rest.split_first() {
        if stream.is_empty() || first == 0x7f {
            stream.extend_from_slice(b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01");
        }
        let (block, after) = after.split_at(after.len().min((first & 0x7f).into()));
        let lie = if first & 0x80 == 0 { 0 } else { u32::from(first) << 24 | 1 };
        stream.extend_from_slice(&(block.len() as u32).wrapping_add(lie).to_be_bytes());
        stream.extend_from_slice(block);
        rest = after;
    }
    decompress(Codec::Snappy, &stream);
}

/// Messages of formats 0 and 1: the first byte says whether sizes and CRCs are put right, inside of compressed ones too, as far as
/// they are not compressed.
pub fn legacy(input: &[u8]) {
    let Some((&mode, input)) = input.split_first() else { return };
    let mut bytes = input.to_vec();
    if mode & 1 == 1 && bytes.len() >= 26 {
        let size = bytes.len() as u32 - 12;
        bytes[8..12].copy_from_slice(&size.to_be_bytes());
        bytes[16] = mode >> 1 & 1;
        let crc = crc32(&bytes[16..]);
        bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    }
    for batch in AnyBatches::new(bytes.into()).flatten() {
        let mut records = None;
        let memory = allocation_counter::measure(|| records = Some(batch.records(LIMIT)));
        // A message takes 14 bytes at the least, and a record of no headers a few times that.
        assert!(memory.bytes_max <= 16 * MEMORY, "{} bytes of memory", memory.bytes_max);
        if let (AnyBatch::Legacy(_), Some(Ok(records))) = (&batch, &records) {
            assert!(records.iter().all(|record| record.headers.is_empty()));
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Whatever records the input says, in whatever codec and level: sizes are known before, what was
/// written is read, and a batch that refers to values is the one that copies them.
pub fn round_trip(input: &[u8]) {
    let mut input = Input(input);
    let compression = input.compression();
    let mut builder = BatchBuilder::new(BytesMut::new());
    let mut referring = BatchBuilder::new(BytesMut::new());
    let mut written = Vec::new();
    while !input.0.is_empty() && written.len() < 200 {
        let (timestamp, key, value) = (input.timestamp(), input.field(), input.field());
        let headers: Vec<_> =
            (0..input.byte() % 3).map(|_| (input.name(), input.field())).collect();
        let of = |(name, value): &(&'static str, Option<Vec<u8>>)| (*name, value.clone());
        let appended =
            headers.iter().map(|(name, value)| RecordHeader::new(name, value.as_deref()));
        let (k, v) = (key.as_deref(), value.as_deref());
        let before = builder.size();
        let exact = builder.size_with(timestamp, k, v, appended.clone());
        assert_eq!(builder.fits(timestamp, k, v, appended.clone()), Ok(exact));
        let lengths = (k.map(<[u8]>::len), v.map(<[u8]>::len));
        let bound = batch_size_upper_bound(lengths.0, lengths.1, appended.clone());
        let referred = match v {
            Some(value) if written.len() % 3 != 1 => {
                let value = Bytes::copy_from_slice(value);
                referring.append_shared(timestamp, k, &value, appended.clone())
            }
            v => referring.append(timestamp, k, v, appended.clone()),
        };
        let index = builder.append(timestamp, k, v, appended).expect("every such record fits");
        assert_eq!(referred, Ok(index));
        assert_eq!(referring.size(), exact);
        assert_eq!(builder.size(), exact, "the size is known before");
        assert!(builder.size() - before + 61 <= bound, "the estimate is never below");
        written.push((timestamp, key, value, headers.iter().map(of).collect::<Vec<_>>()));
    }
    if written.is_empty() {
        return;
    }
    let size = builder.records_size();
    let sealed = builder.seal(compression, &mut Compressor::new(), BytesMut::with_capacity);
    let bytes = sealed.expect("records").stamp(None, false).expect("no producer").to_bytes();
    let sealed = referring.seal(compression, &mut Compressor::new(), BytesMut::with_capacity);
    let referring = sealed.expect("records").stamp(None, false).expect("no producer");
    assert!(referring.segments().flatten().eq(bytes.iter().copied()));
    let (batch, consumed) = RecordBatch::parse(&bytes).expect("a batch of ours");
    assert_eq!(consumed, bytes.len());
    // To the byte: no codec gives out more than went in.
    let records = batch.records(size).expect("it decompresses to its size");
    let read: Vec<_> = records.map(|record| record.expect("a record of ours")).collect();
    assert_eq!(read.len(), written.len());
    for (record, (timestamp, key, value, headers)) in read.iter().zip(&written) {
        assert_eq!(record.timestamp, *timestamp);
        assert_eq!(
            (record.key.as_deref(), record.value.as_deref()),
            (key.as_deref(), value.as_deref())
        );
        assert_eq!(record.headers.len(), headers.len());
        for (read, (name, value)) in record.headers.iter().zip(headers) {
            assert_eq!((read.name(), read.value.as_deref()), (Ok(*name), value.as_deref()));
        }
    }
}

/// LZ4 and Snappy of anything: of each step of 4 bytes, the first says whether so many bytes of the input follow, or noise, or what stood so far before,
/// so far or as often again. What comes out is what went in, in blocks of any content and a compressor that is used again.
pub fn compressors(input: &[u8]) {
    const MOST: usize = 200 << 10;
    let mut text = Vec::new();
    let mut input = Input(input);
    let mut noise = 0x9e37_79b9u32;
    while !input.0.is_empty() && text.len() < MOST {
        let (kind, len) = (input.byte(), usize::from(input.byte()));
        let distance = usize::from(input.byte()) << 8 | usize::from(input.byte());
        match kind % 4 {
            0 => {
                let (bytes, rest) = input.0.split_at(len.min(input.0.len()));
                input.0 = rest;
                text.extend_from_slice(bytes);
            }
            1 => text.extend((0..distance % 2048).map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })),
            kind => {
                let Some(start) = text.len().checked_sub(distance.max(1)) else { continue };
                let len = if kind == 2 { len } else { len * 64 };
                let repeated: Vec<u8> = text[start..].iter().copied().cycle().take(len).collect();
                text.extend(repeated);
            }
        }
    }
    let mut compressor = Compressor::new();
    for codec in [Codec::Lz4, Codec::Snappy, Codec::Lz4] {
        let compression = Compression::new(codec).expect("every codec is compiled in");
        let mut builder = BatchBuilder::new(BytesMut::new());
        builder.append(0, None, Some(&text), []).expect("it fits");
        let size = builder.records_size();
        let sealed = builder.seal(compression, &mut compressor, BytesMut::with_capacity);
        let bytes = sealed.expect("a record").stamp(None, false).expect("no producer").to_bytes();
        // Neither format has to grow by more than this.
        assert!(bytes.len() <= 61 + size + size / 60 + 64, "{} of {size}", bytes.len());
        let (batch, _) = RecordBatch::parse(&bytes).expect("a batch of ours");
        let mut records = batch.records(size).expect("it decompresses to its size");
        let record = records.next().expect("one record").expect("a record of ours");
        assert!(record.value.as_deref() == Some(&text), "{codec}");
    }
}

/// The input as what a batch of this codec holds: no panic, and memory within bounds.
fn decompress(codec: Codec, input: &[u8]) {
    let bytes = batch_of(codec, input);
    let (batch, _) = RecordBatch::parse(&bytes).expect("length and CRC are right");
    assert_eq!(batch.header().attributes, Attributes(codec.id().into()));
    let mut outcome = None;
    let memory = allocation_counter::measure(|| outcome = Some(batch.records(LIMIT)));
    assert!(memory.bytes_max <= MEMORY, "{} bytes of memory for {codec}", memory.bytes_max);
    match outcome.expect("it has been measured") {
        Ok(records) => {
            assert!(records.uncompressed_size() <= LIMIT);
            records.for_each(drop);
        }
        Err(error) => assert!(
            matches!(error.kind, BatchErrorKind::TooLarge { .. } | BatchErrorKind::Corrupt { .. }),
            "{error}"
        ),
    }
}

/// A batch that says it has 1,000 records, compressed to these bytes.
fn batch_of(codec: Codec, compressed: &[u8]) -> Bytes {
    let mut bytes = vec![0; 61];
    bytes[8..12].copy_from_slice(&(49 + compressed.len() as u32).to_be_bytes());
    bytes[16] = 2;
    bytes[22] = codec.id();
    bytes[23..27].copy_from_slice(&999u32.to_be_bytes());
    bytes[57..61].copy_from_slice(&1000u32.to_be_bytes());
    bytes.extend_from_slice(compressed);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

/// Choices from the input, zeros beyond its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn compression(&mut self) -> Compression {
        let codec = Codec::ALL[usize::from(self.byte()) % Codec::ALL.len()];
        let level = i32::from(self.byte());
        let compression = match codec {
            Codec::Gzip => Compression::with_level(codec, level % 9 + 1),
            // Levels of more than 9 take long, and megabytes, for every input.
            Codec::Zstd => Compression::with_level(codec, level % 20 - 10),
            _ => Compression::new(codec),
        };
        compression.expect("every codec is compiled in")
    }

    fn timestamp(&mut self) -> i64 {
        match self.byte() {
            0 => -1,
            1 => i64::MAX,
            2 => 0,
            byte => (1_700_000_000_000 + i64::from(byte)) >> (self.byte() % 41),
        }
    }

    /// Null, bytes of the input, or many of the same byte.
    fn field(&mut self) -> Option<Vec<u8>> {
        let len = usize::from(self.byte());
        match self.byte() % 4 {
            0 => None,
            1 => Some(vec![self.byte(); len * 100]),
            _ => {
                let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
                self.0 = rest;
                Some(bytes.to_vec())
            }
        }
    }

    fn name(&mut self) -> &'static str {
        ["", "trace", "größe"][usize::from(self.byte() % 3)]
    }
}
