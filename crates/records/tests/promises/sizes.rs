use super::*;
use rohrpost_records::{
    BATCH_OVERHEAD, BatchCap, batch_size_upper_bound, record_size, record_size_upper_bound,
};

proptest! {
    #[test]
    fn a_records_size_is_known_before_it_is_appended(records in given_many()) {
        let mut builder = BatchBuilder::new(BytesMut::new());
        let mut largest = 0;
        for record in &records {
            let before = builder.size();
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let predicted = builder.size_with(record.timestamp, key, value, record.headers());
            let bound = record_size_upper_bound(
                key.map(<[u8]>::len),
                value.map(<[u8]>::len),
                record.headers(),
            );
            record.append(&mut builder).unwrap();
            prop_assert_eq!(builder.size(), predicted);
            let size = builder.size() - before;
            prop_assert!(size <= bound, "{size} bytes, bound {bound}");
            largest = largest.max(size);
        }
        prop_assert_eq!(builder.max_record_size(), largest);
        prop_assert_eq!(builder.records_size() + BATCH_OVERHEAD, builder.size());
        let size = builder.size();
        prop_assert_eq!(stamped(&records, Compression::NONE).len(), size);
    }

    #[test]
    fn the_usual_way_writes_the_same_or_nothing_and_never_ends_a_batch(
        records in given_many(),
        capacity in 0usize..4096,
        cap in 61usize..4096,
        most in 0usize..2048,
    ) {
        let builder = || {
            let mut builder = BatchBuilder::new(BytesMut::with_capacity(capacity));
            builder.set_cap(BatchCap::new(cap));
            builder
        };
        let (mut usual, mut every) = (builder(), builder());
        let capacity = usual.capacity();
        for record in &records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let before = usual.size();
            if let Some(index) =
                usual.append_usual(record.timestamp, key, value, record.headers(), most)
            {
                prop_assert!(usual.size() < cap && usual.size() - before <= most);
                let appended = every.try_append(record.timestamp, key, value, record.headers());
                prop_assert_eq!(appended, Ok(index));
            } else {
                prop_assert_eq!(usual.size(), before);
                let results = [&mut usual, &mut every].map(|builder| {
                    builder.try_append(record.timestamp, key, value, record.headers())
                });
                prop_assert_eq!(&results[0], &results[1]);
            }
            prop_assert_eq!(usual.capacity(), capacity);
        }
        if !usual.is_empty() {
            let [usual, every] = [usual, every].map(|mut builder| {
                let compressor = &mut Compressor::new();
                let sealed = builder.seal(Compression::NONE, compressor, BytesMut::with_capacity);
                sealed.unwrap().stamp(None, false).unwrap().to_bytes()
            });
            prop_assert_eq!(usual, every);
        }
    }

    #[test]
    fn a_full_buffer_is_told_and_never_grown(records in given_many(), capacity in 0usize..4096) {
        let mut builder = BatchBuilder::new(BytesMut::with_capacity(capacity));
        let capacity = builder.capacity();
        let mut accepted = Vec::new();
        for record in &records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let needed = builder.size_with(record.timestamp, key, value, record.headers());
            let result = builder.try_append(record.timestamp, key, value, record.headers());
            prop_assert_eq!(builder.capacity(), capacity);
            if needed <= capacity {
                prop_assert_eq!(result, Ok(accepted.len() as i32));
                accepted.push(record.clone());
            } else {
                prop_assert_eq!(result, Err(AppendError::NoRoom { needed }));
                builder.grow_to(needed);
                prop_assert_eq!(builder.capacity(), needed);
                prop_assert!(builder.try_append(record.timestamp, key, value, record.headers()).is_ok());
                accepted.push(record.clone());
                break;
            }
        }
        let mut sealed =
            builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
        let bytes = sealed.stamp(None, false).unwrap().to_bytes();
        prop_assert_eq!(bytes, stamped(&accepted, Compression::NONE));
    }
}

/// The hot path writes more than it keeps: never beyond the buffer.
#[test]
fn the_last_record_that_just_fits_does_not_grow_the_buffer() {
    for capacity in 61..150 {
        let mut builder = BatchBuilder::new(BytesMut::with_capacity(capacity));
        let mut records = Vec::new();
        while builder.try_append(T0, None, Some(b"x"), []).is_ok() {
            records.push(Given::value("x"));
        }
        assert_eq!(builder.capacity(), capacity);
        assert_eq!(records.len(), (capacity - 61) / 8);
        if !records.is_empty() {
            let seal =
                builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
            let bytes = seal.unwrap().stamp(None, false).unwrap().to_bytes();
            assert_eq!(bytes, stamped(&records, Compression::NONE));
        }
    }
}

/// Where the numbers of a record take another byte, and where the hot path leaves a record to the other one.
#[test]
fn every_length_timestamp_and_offset_is_written_as_long_as_it_is() {
    let lengths = [0, 1, 62, 63, 64, 100, 8190, 8191, 8192, (1 << 18) - 1, 1 << 18];
    let days = [0, 63, 64, 8191, 8192, 1 << 20, (1 << 27) - 1, 1 << 27, 1 << 41];
    let zeros = vec![7; 1 << 18];
    for len in lengths {
        let mut builder = BatchBuilder::new(BytesMut::with_capacity(1 << 26));
        let (mut records, mut sizes) = (Vec::new(), 61);
        for key in [None, Some(0), Some(1), Some(len)] {
            for delta in days.iter().flat_map(|&delta| [delta, -delta]) {
                let timestamp = (1 << 42) + delta;
                let key = key.map(|len| zeros[..len].to_vec());
                let value = Some(zeros[..len].to_vec());
                let delta = if records.is_empty() { 0 } else { timestamp - (1 << 42) };
                let lens = (key.as_ref().map(Vec::len), value.as_ref().map(Vec::len));
                sizes += record_size(records.len() as i32, delta, lens.0, lens.1, []);
                let record = Given { timestamp, key, value, headers: Vec::new() };
                record.append(&mut builder).unwrap();
                assert_eq!(builder.size(), sizes, "{lens:?} {delta}");
                records.push(record);
            }
        }
        let mut sealed = builder
            .seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)
            .unwrap();
        let (batch, _) =
            RecordBatch::parse(&sealed.stamp(None, false).unwrap().to_bytes()).unwrap();
        let read: Vec<_> = batch.records(0).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), records.len());
        assert!(records.iter().zip(&read).all(|(given, record)| given.is(record)), "{len}");
    }
}

#[test]
fn the_upper_bound_is_javas() {
    // DefaultRecordBatch.estimateBatchSizeUpperBound: 61 + 21 + key and value with their lengths + headers.
    let headers = || [RecordHeader::new("h", Some(b"v"))];
    assert_eq!(record_size_upper_bound(Some(1), Some(100), []), 21 + 2 + 102 + 1);
    assert_eq!(batch_size_upper_bound(None, None, headers()), 61 + 21 + 1 + 1 + 1 + 2 + 2);
    assert_eq!(record_size(0, 0, Some(1), Some(1), headers()), 1 + 3 + 2 + 2 + 1 + 2 + 2);
}

#[test]
fn nothing_is_allocated_before_the_first_record() {
    let builder = BatchBuilder::new(BytesMut::new());
    assert_eq!((builder.capacity(), builder.room(), builder.size()), (0, 0, BATCH_OVERHEAD));
}

#[test]
fn what_the_format_cannot_hold_is_refused_and_leaves_the_batch_as_it_was() {
    let mut builder = build(&[Given::value("first")]);
    let size = builder.size();
    let error = builder.append(-2, None, None, []).unwrap_err();
    assert_eq!(error, AppendError::NegativeTimestamp { timestamp: -2 });
    // One slice, counted often enough to exceed 2 GiB without using it.
    let mebibyte = vec![0; 1 << 20];
    let headers = [RecordHeader::new("h", Some(&mebibyte)); 2100];
    let error = builder.append(T0, None, None, headers).unwrap_err();
    let AppendError::TooLarge { size: beyond, cap } = error else { panic!("{error}") };
    assert!(beyond > i32::MAX as usize && cap == i32::MAX as usize, "{error}");
    assert_eq!((builder.size(), builder.record_count()), (size, 1));
}

#[test]
fn a_buffer_that_is_too_small_is_handed_back() {
    let mut builder = build(&[Given::value(vec![7; 1000])]);
    let capacity = builder.capacity();
    assert_eq!(builder.replace_buffer(BytesMut::with_capacity(100)).capacity(), 100);
    assert_eq!(builder.capacity(), capacity);
    let old = builder.replace_buffer(BytesMut::with_capacity(1 << 16));
    assert_eq!((old.capacity(), old.len(), builder.capacity()), (capacity, 0, 1 << 16));
    assert_eq!(builder.record_count(), 1);
}

#[test]
fn an_empty_batch_is_not_sealed() {
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(100));
    let error = builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
    assert_eq!(error.unwrap_err(), rohrpost_records::SealError::Empty);
}
