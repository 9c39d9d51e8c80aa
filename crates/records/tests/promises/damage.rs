use super::*;
use rohrpost_records::{BatchErrorKind, BatchHeader, RecordBatches};

fn sample(compression: Compression) -> Bytes {
    let mut records = vec![Given::value("some text, some text, some text"), Given::value("")];
    records[1].headers = vec![("h".into(), Some(b"1".to_vec())), ("h".into(), None)];
    stamped(&records, compression)
}

/// Writes the right CRC again, so that what lies behind it is reached.
fn with_right_crc(mut bytes: Vec<u8>) -> Bytes {
    if bytes.len() >= 21 {
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.into()
}

#[test]
fn a_flipped_bit_anywhere_behind_the_crc_is_found() {
    for compression in compressions() {
        let bytes = sample(compression);
        for at in 17..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= 1 << bit;
                let error = RecordBatch::parse(&damaged.into()).unwrap_err();
                let is_wrong_crc = matches!(error.kind, BatchErrorKind::WrongCrc { .. });
                assert!(is_wrong_crc, "byte {at}: {error}");
            }
        }
    }
}

#[test]
fn a_batch_cut_anywhere_is_truncated() {
    for compression in compressions() {
        let bytes = sample(compression);
        for len in 0..bytes.len() {
            let error = RecordBatch::parse(&bytes.slice(..len)).unwrap_err();
            assert!(error.is_truncated(), "{len} bytes: {error}");
        }
    }
}

/// With the lengths and the CRC made to fit, so that only the records tell.
#[test]
fn records_cut_anywhere_are_an_error() {
    for compression in compressions() {
        let bytes = sample(compression);
        for len in 61..bytes.len() {
            let mut cut = bytes[..len].to_vec();
            cut[8..12].copy_from_slice(&(len as u32 - 12).to_be_bytes());
            assert!(
                read(&with_right_crc(cut)).is_err(),
                "{compression:?}: {len} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn wrong_headers_are_named() {
    let bytes = sample(Compression::NONE);
    let with = |at: usize, field: &[u8]| {
        let mut changed = bytes.to_vec();
        changed[at..at + field.len()].copy_from_slice(field);
        read(&with_right_crc(changed)).unwrap_err()
    };
    let error = with(16, &[1]);
    assert_eq!(error.kind, BatchErrorKind::UnsupportedMagic(1));
    for (at, field, what) in [
        (8, &[255u8, 255, 255, 255][..], "batch length"),
        (8, &[0, 0, 0, 48], "batch length"),
        (21, &[0, 5], "codec id"),
        (23, &[128, 0, 0, 0], "last offset delta"),
        (57, &[255, 255, 255, 255], "record count"),
        (57, &[0, 0, 0, 3], "record count"),
        (57, &[127, 255, 255, 255], "record count"),
    ] {
        let error = with(at, field);
        assert!(matches!(error.kind, BatchErrorKind::OutOfRange { .. }), "{error}");
        assert_eq!((error.what, error.at), (what, at));
    }
    let error = with(57, &[0, 0, 0, 1]);
    assert!(matches!(error.kind, BatchErrorKind::TrailingBytes(_)), "{error}");
}

#[test]
fn wrong_records_are_named() {
    // Length, attributes, timestamp delta, offset delta, key, value, header count.
    let good = [18u8, 0, 0, 0, 2, b'k', 2, b'v', 0, 0];
    let read_one = |record: &[u8]| {
        let mut bytes = sample(Compression::NONE)[..61].to_vec();
        bytes[8..12].copy_from_slice(&(49 + record.len() as u32).to_be_bytes());
        bytes[57..61].copy_from_slice(&[0, 0, 0, 1]);
        bytes.extend_from_slice(record);
        read(&with_right_crc(bytes))
    };
    let changed = |changes: &[(usize, u8)]| {
        let mut record = good;
        changes.iter().for_each(|(at, byte)| record[*at] = *byte);
        read_one(&record).unwrap_err()
    };
    // The record has one byte more than its fields: the trailing zero.
    let error = read_one(&good).unwrap_err();
    assert_eq!((error.what, error.record), ("end of the record", Some(0)));
    assert!(read_one(&[16, 0, 0, 0, 2, b'k', 2, b'v', 0]).is_ok());
    for (changes, what, at) in [
        (&[(0, 1u8)][..], "record length", 0),
        (&[(0, 20)], "record length", 0),
        (&[(3, 1)], "offset delta", 3),
        (&[(3, 4)], "offset delta", 3),
        (&[(4, 3)], "key length", 4),
        (&[(4, 40)], "key length", 4),
        (&[(6, 3)], "value length", 6),
        (&[(8, 1)], "header count", 8),
        (&[(8, 4)], "header count", 8),
    ] {
        let error = changed(changes);
        assert_eq!((error.what, error.at, error.record), (what, at, Some(0)), "{error}");
    }
    let error = read_one(&[22, 0, 0, 0, 1, 1, 2, 1, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error.what, "header key length", "a header without a name");
    let error = read_one(&[16, 0, 255, 255, 255, 255, 255, 255, 255]).unwrap_err();
    assert_eq!((error.what, error.is_truncated()), ("timestamp delta", false));
}

#[test]
fn offsets_go_up_and_stay_within_the_batch() {
    let bytes = stamped(&[Given::value("a"), Given::value("b")], Compression::NONE);
    // The second record's offset delta: 1, which is 2 in zigzag.
    let at = 61 + 8 + 3;
    assert_eq!(bytes[at], 2);
    for delta in [0, 4, 1] {
        let mut changed = bytes.to_vec();
        changed[at] = delta;
        let error = read(&with_right_crc(changed)).unwrap_err();
        assert_eq!((error.what, error.record), ("offset delta", Some(1)), "{error}");
    }
}

/// A compacted log: records are gone, the last offset delta stays, and so do the gaps.
#[test]
fn gaps_left_by_compaction_are_read() {
    let whole =
        stamped(&[Given::value("a"), Given::value("b"), Given::value("c")], Compression::NONE);
    let record = (whole.len() - 61) / 3;
    let mut gappy = whole[..61].to_vec();
    gappy.extend_from_slice(&whole[61 + record..61 + 2 * record]);
    let length = gappy.len() as u32 - 12;
    gappy[8..12].copy_from_slice(&length.to_be_bytes());
    gappy[57..61].copy_from_slice(&[0, 0, 0, 1]);
    let bytes = with_right_crc(gappy.clone());
    assert_eq!(read(&bytes).unwrap()[0].offset, 1);
    assert_eq!(BatchHeader::parse(&bytes).unwrap().last_offset(), 2);
    gappy.truncate(61);
    gappy[8..12].copy_from_slice(&49u32.to_be_bytes());
    gappy[57..61].copy_from_slice(&[0; 4]);
    assert_eq!(read(&with_right_crc(gappy)).unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for batch in RecordBatches::new(bytes.into()).flatten() {
            let _ = batch.records(1 << 20).map(Iterator::count);
        }
    }

    /// A right header and CRC before random records, so that every decompressor and the record parser see noise.
    #[test]
    fn random_records_never_panic(
        codec in 0u8..5,
        count in 0u32..5,
        prefix in 0usize..40,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let good = sample(Compression::new(Codec::from_id(codec).unwrap()).unwrap());
        let mut bytes = good[..good.len().min(61 + prefix)].to_vec();
        bytes.extend_from_slice(&noise);
        let length = bytes.len() as u32 - 12;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[23..27].copy_from_slice(&count.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        let (batch, _) = RecordBatch::parse(&with_right_crc(bytes)).unwrap();
        if let Ok(records) = batch.records(1 << 16) {
            prop_assert!(records.uncompressed_size() <= 1 << 16 || codec == 0);
            let _ = records.count();
        }
    }

    #[test]
    fn damaged_records_never_panic(
        compression in any_compression(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = sample(compression).to_vec();
        for (at, byte) in damage {
            let at = 61 + at.index(bytes.len() - 61);
            bytes[at] = byte;
        }
        let _ = read(&with_right_crc(bytes));
    }
}
