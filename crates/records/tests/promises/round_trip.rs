use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_appended_is_read(records in given_many(), compression in any_compression()) {
        let bytes = stamped(&records, compression);
        let (batch, consumed) = RecordBatch::parse(&bytes).unwrap();
        prop_assert_eq!(consumed, bytes.len());
        prop_assert_eq!(batch.header().size(), bytes.len());
        prop_assert_eq!(batch.header().record_count as usize, records.len());
        prop_assert_eq!(batch.header().base_timestamp, records[0].timestamp);
        prop_assert_eq!(Some(batch.header().max_timestamp), records.iter().map(|r| r.timestamp).max());
        prop_assert_eq!(batch.header().attributes.codec(), Some(compression.codec()));
        let read = read(&bytes).unwrap();
        prop_assert_eq!(read.len(), records.len());
        for (offset, (given, record)) in records.iter().zip(&read).enumerate() {
            prop_assert_eq!(record.offset, offset as i64);
            prop_assert!(given.is(record), "{given:?} came back as {record:?}");
        }
    }

    #[test]
    fn one_compressor_serves_batches_of_every_codec_in_turn(
        batches in proptest::collection::vec((given_many(), any_compression()), 1..6),
    ) {
        let mut compressor = Compressor::new();
        let mut builder = BatchBuilder::new(BytesMut::new());
        for (records, compression) in batches {
            for record in &records {
                record.append(&mut builder).unwrap();
            }
            let mut sealed =
                builder.seal(compression, &mut compressor, BytesMut::with_capacity).unwrap();
            prop_assert!(builder.is_empty());
            let bytes = sealed.stamp(None, false).unwrap().to_bytes();
            prop_assert_eq!(&bytes, &stamped(&records, compression));
            prop_assert!(records.iter().zip(&read(&bytes).unwrap()).all(|(given, record)| given.is(record)));
        }
    }
}

/// The hot path takes numbers of the usual sizes: these lie around its edges.
#[test]
fn unusual_numbers_are_written_right() {
    let deltas = (0..63).flat_map(|bit| [(1i64 << bit) - 1, 1 << bit]);
    let lens = (0..22).flat_map(|bit| [(1usize << bit) - 1, 1 << bit]);
    let mut records = vec![Given { timestamp: -1, ..Given::value("") }];
    records.extend(deltas.map(|timestamp| Given { timestamp, ..Given::value("x") }));
    records.extend(lens.map(|len| Given { key: Some(vec![1; 3]), ..Given::value(vec![2; len]) }));
    let read = read(&stamped(&records, Compression::NONE)).unwrap();
    assert!(records.iter().zip(&read).all(|(given, record)| given.is(record)));
}

/// Lengths of five bytes behind an offset of three.
#[test]
fn a_record_of_128_mib_is_written_right() {
    let mut builder = BatchBuilder::new(BytesMut::with_capacity((1 << 27) + (1 << 18)));
    for _ in 0..8192 {
        builder.append(T0, None, Some(b"x"), []).unwrap();
    }
    let large = vec![7; 1 << 27];
    builder.append(T0, None, Some(&large), []).unwrap();
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let (batch, _) = RecordBatch::parse(&sealed.stamp(None, false).unwrap().to_bytes()).unwrap();
    let last = batch.records(0).unwrap().last().unwrap().unwrap();
    assert_eq!(last.offset, 8192);
    assert!(last.value.unwrap() == large);
}

#[test]
fn records_of_an_uncompressed_batch_are_slices_of_it() {
    let bytes = stamped(&[Given::value("look, no copy")], Compression::NONE);
    let value = read(&bytes).unwrap().remove(0).value.unwrap();
    let input = bytes.as_ptr() as usize..bytes.as_ptr() as usize + bytes.len();
    assert!(input.contains(&(value.as_ptr() as usize)));
}

#[test]
fn batches_of_many_blocks_and_long_records_come_back() {
    let mut noise = vec![0u8; 300_000];
    let mut state = 1u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let records = [Given::value(noise), Given::value(vec![b'a'; 3_000_000]), Given::value("short")];
    for compression in compressions() {
        let bytes = stamped(&records, compression);
        let read = read(&bytes).unwrap();
        assert!(
            records.iter().zip(&read).all(|(given, record)| given.is(record)),
            "{compression:?}"
        );
    }
}

#[test]
fn two_hundred_thousand_records_count_right() {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for index in 0..200_000u32 {
        builder.append(T0 + i64::from(index), None, Some(&index.to_be_bytes()), []).unwrap();
    }
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    for (index, record) in
        read(&sealed.stamp(None, false).unwrap().to_bytes()).unwrap().iter().enumerate()
    {
        assert_eq!(record.offset, index as i64);
        assert_eq!(record.timestamp, T0 + index as i64);
        assert_eq!(record.value.as_deref(), Some(&(index as u32).to_be_bytes()[..]));
    }
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append(1, Some(b"k"), Some(b"v"), [RecordHeader::new("h", None)]).unwrap();
    builder.append(0, None, None, []).unwrap();
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let bytes = sealed.stamp(None, false).unwrap().to_bytes();
    #[rustfmt::skip]
    let expected: [&[u8]; 14] = [
        &[0, 0, 0, 0, 0, 0, 0, 0],             // base offset
        &[0, 0, 0, 68],                        // batch length: 80 - 12
        &[255, 255, 255, 255],                 // partition leader epoch
        &[2],                                  // magic
        &bytes[17..21],                        // CRC
        &[0, 0],                               // attributes
        &[0, 0, 0, 1],                         // last offset delta
        &[0, 0, 0, 0, 0, 0, 0, 1],             // base timestamp
        &[0, 0, 0, 0, 0, 0, 0, 1],             // max timestamp
        &[255; 14],                            // producer id, epoch, base sequence
        &[0, 0, 0, 2],                         // count
        &[22, 0, 0, 0, 2, b'k', 2, b'v', 2, 2, b'h', 1], // length, attributes, deltas, key, value, 1 header
        &[12, 0, 1, 2, 1, 1, 0],               // length, attributes, -1 ms, offset 1, null, null, no header
        &[],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(bytes[17..21], crc32c::crc32c(&bytes[21..]).to_be_bytes());
}

#[test]
fn several_batches_follow_each_other_and_a_cut_one_is_told() {
    let one = stamped(&[Given::value("one")], Compression::NONE);
    let two = stamped(
        &[Given::value("two"), Given::value("three")],
        Compression::new(Codec::Zstd).unwrap(),
    );
    let whole = [&one[..], &two[..]].concat();
    for cut in 0..=whole.len() {
        let mut batches =
            rohrpost_records::RecordBatches::new(Bytes::copy_from_slice(&whole[..cut]));
        let mut good = 0;
        let mut truncated = false;
        for batch in &mut batches {
            match batch {
                Ok(_) => good += 1,
                Err(error) => {
                    assert!(error.is_truncated(), "{error}");
                    truncated = true;
                }
            }
        }
        assert_eq!(good, usize::from(cut >= one.len()) + usize::from(cut == whole.len()));
        assert_eq!(truncated, cut != 0 && cut != one.len() && cut != whole.len());
        assert_eq!(batches.remaining().is_empty(), !truncated);
    }
}
