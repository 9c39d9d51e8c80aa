//! Little input that claims or becomes much.

use super::*;
use rohrpost_records::BatchErrorKind;

const ZEROS: usize = 32 << 20;

fn bomb(codec: Codec) -> Bytes {
    let compression = Compression::new(codec).unwrap();
    stamped(&[Given::value(vec![0; ZEROS])], compression)
}

fn error_within(bytes: &Bytes, limit: usize) -> BatchErrorKind {
    RecordBatch::parse(bytes).unwrap().0.records(limit).unwrap_err().kind
}

#[test]
fn the_callers_limit_holds_to_the_byte() {
    for compression in compressions().skip(1) {
        let records = vec![Given::value(vec![7; 100_000])];
        let bytes = stamped(&records, compression);
        let size = seal(&records, compression).records_size();
        let (batch, _) = RecordBatch::parse(&bytes).unwrap();
        assert_eq!(batch.records(size).unwrap().uncompressed_size(), size);
        for limit in [size - 1, size / 2, 1, 0] {
            assert_eq!(
                error_within(&bytes, limit),
                BatchErrorKind::TooLarge { limit },
                "{compression:?}"
            );
        }
    }
}

#[test]
fn a_bomb_is_an_error_and_not_memory() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let bytes = bomb(codec);
        assert!(bytes.len() < ZEROS / 15, "{codec}");
        let info = allocation_counter::measure(|| {
            assert_eq!(error_within(&bytes, 1 << 20), BatchErrorKind::TooLarge { limit: 1 << 20 });
        });
        // lz4's and zstd's own buffers come on top of the limit.
        assert!(info.bytes_max < 4 << 20, "{codec}: {} bytes at most", info.bytes_max);
    }
}

/// A batch of these bytes as its compressed records.
fn raw(codec: Codec, compressed: &[u8]) -> Bytes {
    let mut bytes = stamped(&[Given::value("")], Compression::NONE)[..61].to_vec();
    bytes[8..12].copy_from_slice(&(49 + compressed.len() as u32).to_be_bytes());
    bytes[22] = codec.id();
    bytes.extend_from_slice(compressed);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn a_claimed_size_allocates_nothing() {
    // Snappy: a block that says it becomes 1 GiB. zstd: a frame header that says so. lz4: the same.
    let snappy = [0x80, 0x80, 0x80, 0x80, 0x04, 0, 0];
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0];
    let mut lz4 = vec![0x04, 0x22, 0x4d, 0x18, 0x68, 0x40];
    lz4.extend_from_slice(&(1u64 << 30).to_le_bytes());
    lz4.extend_from_slice(&[0; 8]);
    for (codec, compressed) in
        [(Codec::Snappy, &snappy[..]), (Codec::Zstd, &zstd), (Codec::Lz4, &lz4)]
    {
        let bytes = raw(codec, compressed);
        let info = allocation_counter::measure(|| {
            let kind = error_within(&bytes, 2 << 30);
            assert!(matches!(kind, BatchErrorKind::Corrupt { .. }), "{codec}: {kind:?}");
        });
        assert!(info.bytes_max < 1 << 20, "{codec}: {} bytes at most", info.bytes_max);
    }
}

#[test]
fn a_claimed_count_allocates_nothing() {
    // A record with 2 billion headers, and one with as many as its bytes allow at the most.
    for count in [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[4]] {
        let mut record = vec![0, 0, 0, 0, 1, 1];
        record.extend_from_slice(count);
        record.extend_from_slice(&[0, 0]);
        record[0] = 2 * (record.len() as u8 - 1);
        let mut bytes = stamped(&[Given::value("")], Compression::NONE)[..61].to_vec();
        bytes[8..12].copy_from_slice(&(49 + record.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&record);
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let error = read(&bytes.into()).unwrap_err();
        assert_eq!((error.what, error.record), ("header count", Some(0)), "{error}");
    }
}

/// Found by the fuzzer: the format before LZ4's frames has blocks of 8 MiB, which were allocated for any input of it.
#[test]
fn lz4_of_the_format_before_frames_is_refused_without_memory() {
    let bytes = raw(Codec::Lz4, &[0x02, 0x21, 0x4c, 0x18, 1, 0, 0, 0, 0]);
    let info = allocation_counter::measure(|| {
        let kind = error_within(&bytes, 1 << 20);
        assert!(matches!(kind, BatchErrorKind::Corrupt { codec: Codec::Lz4, .. }), "{kind:?}");
    });
    assert!(info.bytes_max < 4096, "{} bytes at most", info.bytes_max);
}
