//! What is allocated: per batch at most, never per record.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use rohrpost_records::{BatchBuilder, BytesMut, Codec, Compression, Compressor, RecordHeader};

fn fill(builder: &mut BatchBuilder, records: usize) {
    let headers = [RecordHeader::new("trace", Some(b"0af7651916cd43dd"))];
    for index in 0..records {
        let value = [index as u8; 100];
        builder.append(1_700_000_000_000, Some(b"key"), Some(&value), headers).unwrap();
        builder.append(1_700_000_000_001, None, None, []).unwrap();
    }
}

#[test]
fn no_record_allocates() {
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(1 << 20));
    let info = allocation_counter::measure(|| fill(&mut builder, 5000));
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_batch_that_grows_allocates_in_doublings_only() {
    let mut builder = BatchBuilder::new(BytesMut::new());
    let info = allocation_counter::measure(|| fill(&mut builder, 5000));
    assert!(info.count_total < 20, "{} allocations", info.count_total);
}

/// In a steady state: two small ones, by which the stamped bytes are shared; none for the codec.
#[test]
fn sealing_and_stamping_allocate_a_fixed_number_of_times() {
    for codec in Codec::ALL {
        let compression = Compression::new(codec).unwrap();
        let mut compressor = Compressor::new();
        let mut source = BytesMut::with_capacity(1 << 20);
        let mut pool = BytesMut::with_capacity(1 << 20);
        for warm in [false, false, true] {
            let mut builder = BatchBuilder::new(source);
            fill(&mut builder, 2000);
            let info = allocation_counter::measure(|| {
                let out = |_| std::mem::take(&mut pool);
                let mut sealed = builder.seal(compression, &mut compressor, out).unwrap();
                drop(sealed.stamp(None, false).unwrap().to_bytes());
                drop(sealed.stamp(None, false).unwrap().to_bytes());
                pool = sealed.into_buffer().unwrap();
            });
            source = builder.into_buffer();
            if codec == Codec::None {
                std::mem::swap(&mut source, &mut pool);
            }
            if warm {
                assert!(info.count_total <= 2, "{codec}: {} allocations", info.count_total);
            }
        }
    }
}

/// The records, what a codec makes of them, and the batch that is sent would be three.
#[test]
fn a_large_batch_that_does_not_get_smaller_takes_its_room_twice_and_leaves_none_behind() {
    const SIZE: usize = 6_000_000;
    let mut state = 1_u64;
    let mut noise = Vec::with_capacity(SIZE);
    while noise.len() < SIZE {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.extend(state.to_be_bytes().first_chunk::<4>().unwrap());
    }
    for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::None) {
        let compression = Compression::new(codec).unwrap();
        let mut compressor = Compressor::new();
        let info = allocation_counter::measure(|| {
            let mut builder = BatchBuilder::new(BytesMut::with_capacity(SIZE + 100));
            builder.append(1_700_000_000_000, None, Some(&noise), []).unwrap();
            let sealed =
                builder.seal(compression, &mut compressor, BytesMut::with_capacity).unwrap();
            assert!(sealed.size() > SIZE);
        });
        assert!(info.bytes_max < SIZE as u64 * 21 / 10, "{codec}: {info:?}");
        assert!(info.bytes_current < 2 << 20, "{codec}: {info:?}");
        assert_eq!(compressor.retained(), 0);
    }
}

#[test]
fn reading_allocates_for_headers_and_decompression_only() {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for index in 0..5000u32 {
        builder.append(1_700_000_000_000, Some(b"key"), Some(&index.to_be_bytes()), []).unwrap();
    }
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let bytes = sealed.stamp(None, false).unwrap().to_bytes();
    let info = allocation_counter::measure(|| {
        let (batch, _) = rohrpost_records::RecordBatch::parse(&bytes).unwrap();
        assert_eq!(batch.records(0).unwrap().filter(Result::is_ok).count(), 5000);
    });
    assert_eq!(info.count_total, 0);
}
