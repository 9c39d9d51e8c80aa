//! What other clients and older ones write.

use super::*;
use rohrpost_records::BatchErrorKind;
use std::io::Write;

/// The same records as `sample`, their section as `compressed`.
fn batch_of(codec: Codec, compressed: &[u8]) -> Bytes {
    let mut bytes = stamped(&sample(), Compression::NONE)[..61].to_vec();
    bytes[8..12].copy_from_slice(&(49 + compressed.len() as u32).to_be_bytes());
    bytes[22] = codec.id();
    bytes.extend_from_slice(compressed);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

fn sample() -> Vec<Given> {
    (0..4000).map(|n| Given::value(format!("value {n} {}", "=".repeat(n % 50)))).collect()
}

fn section() -> Vec<u8> {
    stamped(&sample(), Compression::NONE)[61..].to_vec()
}

fn assert_read(codec: Codec, compressed: &[u8]) {
    let records = read(&batch_of(codec, compressed)).unwrap();
    assert!(
        records.len() == 4000
            && sample().iter().zip(&records).all(|(given, record)| given.is(record))
    );
}

#[test]
fn gzip_of_several_members() {
    let section = section();
    let mut compressed = Vec::new();
    for part in section.chunks(section.len() / 3) {
        let mut encoder =
            flate2::write::GzEncoder::new(&mut compressed, flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap();
    }
    assert_read(Codec::Gzip, &compressed);
}

#[test]
fn snappy_as_one_bare_block() {
    assert_read(Codec::Snappy, &snap::raw::Encoder::new().compress_vec(&section()).unwrap());
}

#[test]
fn snappy_in_blocks_of_any_size_and_in_several_streams() {
    let section = section();
    let header = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
    let mut compressed = Vec::new();
    for stream in section.chunks(section.len() / 2 + 1) {
        compressed.extend_from_slice(header);
        for block in stream.chunks(10_007) {
            let block = snap::raw::Encoder::new().compress_vec(block).unwrap();
            compressed.extend_from_slice(&(block.len() as u32).to_be_bytes());
            compressed.extend_from_slice(&block);
        }
    }
    assert_read(Codec::Snappy, &compressed);
    for cut in [3, 8, 15, 17, 19, 500] {
        let error = read(&batch_of(Codec::Snappy, &compressed[..cut])).unwrap_err();
        assert!(
            matches!(error.kind, BatchErrorKind::Corrupt { codec: Codec::Snappy, .. }),
            "{error}"
        );
    }
    compressed[11] = 0;
    let error = read(&batch_of(Codec::Snappy, &compressed)).unwrap_err();
    assert!(error.to_string().contains("version 0"), "{error}");
}

#[test]
fn lz4_with_and_without_checksums_content_size_and_linked_blocks() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let section = section();
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        for checksums in [false, true] {
            for size in [BlockSize::Max64KB, BlockSize::Max4MB] {
                let info = FrameInfo::new()
                    .block_mode(mode)
                    .block_size(size)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(checksums.then_some(section.len() as u64));
                let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(&section).unwrap();
                assert_read(Codec::Lz4, &encoder.finish().unwrap());
            }
        }
    }
}

#[test]
fn lz4_frames_are_what_the_reference_frame_encoder_would_write() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&section()).unwrap();
    let frame = encoder.finish().unwrap();
    let ours = stamped(&sample(), Compression::new(Codec::Lz4).unwrap());
    assert_eq!(ours[61..68], frame[..7], "the frame's header and its checksum");
}

#[test]
fn zstd_with_and_without_content_size_and_of_several_frames() {
    let section = section();
    let streamed = zstd::encode_all(&section[..], 3).unwrap();
    assert_read(Codec::Zstd, &streamed);
    assert_read(Codec::Zstd, &zstd::bulk::compress(&section, 3).unwrap());
    let (one, two) = section.split_at(section.len() / 2);
    let frames = [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 19).unwrap()].concat();
    assert_read(Codec::Zstd, &frames);
    let error = read(&batch_of(Codec::Zstd, &streamed[..streamed.len() - 1])).unwrap_err();
    assert!(matches!(error.kind, BatchErrorKind::Corrupt { codec: Codec::Zstd, .. }), "{error}");
}
