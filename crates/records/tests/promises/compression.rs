use super::*;
use rohrpost_records::CompressionError;

#[test]
fn codecs_have_kafkas_names_and_numbers() {
    let names = [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")];
    for (id, name) in names {
        let codec: Codec = name.parse().unwrap();
        assert_eq!((codec.id(), codec.name(), Codec::from_id(id)), (id, name, Some(codec)));
    }
    assert_eq!(Codec::from_id(5), None);
    assert_eq!("LZ4".parse::<Codec>(), Err(CompressionError::UnknownCodec { name: "LZ4".into() }));
}

#[test]
fn levels_are_those_of_kafka() {
    for (codec, good, bad) in [
        (Codec::Gzip, &[-1, 1, 9][..], &[-2, 0, 10][..]),
        (Codec::Zstd, &[-131_072, 0, 3, 22], &[-131_073, 23]),
        (Codec::Lz4, &[9], &[0, 18]),
    ] {
        for level in good {
            assert_eq!(Compression::with_level(codec, *level).unwrap().level(), Some(*level));
        }
        for level in bad {
            let error = Compression::with_level(codec, *level).unwrap_err();
            assert!(matches!(error, CompressionError::LevelOutOfRange { .. }), "{error}");
        }
    }
    let high = Compression::with_level(Codec::Lz4, 12);
    if cfg!(feature = "lz4-c") {
        assert_eq!(high.unwrap().level(), Some(12));
    } else {
        let error = CompressionError::LevelUnavailable { codec: Codec::Lz4, level: 12 };
        assert_eq!(high.unwrap_err(), error);
    }
    let error = Compression::with_level(Codec::Snappy, 1).unwrap_err();
    assert_eq!(error, CompressionError::NoLevels { codec: Codec::Snappy, level: 1 });
    assert_eq!(Compression::new(Codec::None).unwrap(), Compression::NONE);
}

#[test]
fn every_codec_makes_repeating_records_smaller() {
    let records: Vec<_> = (0..100).map(|n| Given::value(format!("record number {n}"))).collect();
    for compression in compressions().skip(1) {
        let sealed = seal(&records, compression);
        assert!(sealed.ratio() < 0.7, "{compression:?}: {}", sealed.ratio());
        assert_eq!(
            sealed.size(),
            61 + (sealed.ratio() * sealed.records_size() as f32).round() as usize
        );
    }
    assert_eq!(seal(&records, Compression::NONE).ratio(), 1.0);
}

#[test]
fn higher_levels_compress_further() {
    let records: Vec<_> = (0..3000u32)
        .map(|n| Given::value(format!("{{\"id\":{n},\"sum\":{}}}", n.wrapping_mul(2_654_435_761))))
        .collect();
    for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Zstd, -50, 19)] {
        let size = |level| seal(&records, Compression::with_level(codec, level).unwrap()).size();
        assert!(size(low) > size(high), "{codec}: {} and {}", size(low), size(high));
    }
}

#[test]
fn a_codec_stays_even_where_it_gains_nothing() {
    let sealed = seal(&[Given::value("x")], Compression::new(Codec::Gzip).unwrap());
    assert!(sealed.ratio() > 1.0);
    assert_eq!(sealed.codec(), Codec::Gzip);
}

#[test]
fn a_compressor_can_be_made_small_again() {
    let mut compressor = Compressor::new();
    let mut builder = build(&[Given::value(vec![1; 1 << 20])]);
    builder
        .seal(Compression::new(Codec::Zstd).unwrap(), &mut compressor, BytesMut::with_capacity)
        .unwrap();
    assert!(compressor.retained() > 1 << 20);
    compressor.release();
    assert_eq!(compressor.retained(), 0);
}

/// The blocks are the C library's, as Java's are: the same frames, byte for byte.
#[cfg(feature = "lz4-c")]
#[test]
fn high_levels_of_lz4_compress_better_and_are_read() {
    let records: Vec<_> = (0..4000)
        .map(|n| Given::value(format!("{{\"id\":{n},\"paid\":{}}}", n % 7 * 31)))
        .collect();
    let sizes = [1, 3, 9, 12, 17].map(|level| {
        let compression = Compression::with_level(Codec::Lz4, level).unwrap();
        let bytes = stamped(&records, compression);
        let read = read(&bytes).unwrap();
        assert!(records.iter().zip(&read).all(|(given, record)| given.is(record)));
        bytes.len()
    });
    let [level_1, level_3, fast, level_12, level_17] = sizes;
    assert!(level_1 < fast && level_3 < fast && level_12 <= level_3, "{sizes:?}");
    assert_eq!(level_12, level_17, "the library knows 12, and takes more for 12");
}
