use super::*;
use rohrpost_records::{BATCH_OVERHEAD, BatchCap};

fn capped(cap: BatchCap) -> BatchBuilder {
    BatchBuilder::with_cap(BytesMut::new(), cap)
}

fn size_alone(record: &Given) -> usize {
    build(std::slice::from_ref(record)).size()
}

proptest! {
    /// The same decisions as those of a plain reading of the cap, record by record, and told before.
    #[test]
    fn a_batch_holds_what_its_cap_allows_and_not_a_byte_or_record_more(
        records in given_many(),
        bytes in 0usize..6000,
        count in 1i32..30,
        beyond in prop_oneof![Just(0), Just(usize::MAX), 0usize..4000],
    ) {
        let large = bytes.saturating_add(beyond).min(i32::MAX as usize);
        let cap = BatchCap::new(bytes).with_records(count).with_large_record(large);
        let mut builder = capped(cap);
        let mut batches: Vec<Vec<Given>> = vec![Vec::new()];
        for record in &records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let batch = batches.last_mut().unwrap();
            let (size, alone) = (builder.size(), size_alone(record));
            let with = builder.size_with(record.timestamp, key, value, record.headers());
            let expected = if alone > large {
                Err(AppendError::TooLarge { size: alone, cap: large })
            } else if !batch.is_empty() && with > bytes {
                Err(AppendError::FullOfBytes { size: with, cap: bytes })
            } else if batch.len() as i32 == count {
                Err(AppendError::FullOfRecords { cap: count })
            } else {
                Ok(with)
            };
            let fits = builder.fits(record.timestamp, key, value, record.headers());
            prop_assert_eq!(fits, expected);
            let appended = record.append(&mut builder);
            prop_assert_eq!(appended, expected.map(|_| batch.len() as i32));
            match expected {
                Ok(_) => batch.push(record.clone()),
                Err(error) => {
                    prop_assert_eq!((builder.size(), builder.record_count()), (size, batch.len() as i32));
                    // Full is never said of what an empty batch does not take either.
                    let empty = record.append(&mut capped(cap));
                    prop_assert_eq!(empty.is_ok(), error.is_full());
                    if error.is_full() {
                        builder = capped(cap);
                        record.append(&mut builder).unwrap();
                        batches.push(vec![record.clone()]);
                    }
                }
            }
        }
        for batch in batches.iter().filter(|batch| !batch.is_empty()) {
            let size = build(batch).size();
            prop_assert!(size <= bytes || batch.len() == 1 && size <= large, "{size}");
            prop_assert!(batch.len() as i32 <= count);
        }
    }
}

#[test]
fn a_record_that_fills_the_cap_to_the_byte_is_taken() {
    let record = Given::value(vec![7; 100]);
    let size = size_alone(&record);
    assert_eq!(record.append(&mut capped(BatchCap::new(size))), Ok(0));
    let short = record.append(&mut capped(BatchCap::new(size - 1)));
    assert_eq!(short, Err(AppendError::TooLarge { size, cap: size - 1 }));
    let cap = BatchCap::new(size - 1).with_large_record(size);
    assert_eq!(record.append(&mut capped(cap)), Ok(0));
}

#[test]
fn nothing_joins_a_large_record_and_a_large_record_joins_nothing() {
    let cap = BatchCap::new(1000).with_large_record(10_000);
    let mut builder = capped(cap);
    let (large, small) = (Given::value(vec![7; 5000]), Given::value("x"));
    large.append(&mut builder).unwrap();
    assert!(small.append(&mut builder).unwrap_err().is_full());
    let mut builder = capped(cap);
    small.append(&mut builder).unwrap();
    assert!(large.append(&mut builder).unwrap_err().is_full());
}

#[test]
fn the_cap_is_told_before_the_buffers_room() {
    let cap = BatchCap::new(200);
    let mut builder = BatchBuilder::with_cap(BytesMut::with_capacity(100), cap);
    let try_append = |builder: &mut BatchBuilder, len: usize| {
        builder.try_append(T0, None, Some(&[0; 200][..len]), [])
    };
    assert_eq!(try_append(&mut builder, 100), Err(AppendError::NoRoom { needed: 61 + 109 }));
    assert_eq!(try_append(&mut builder, 10), Ok(0));
    let full = AppendError::FullOfBytes { size: 61 + 17 + 131, cap: 200 };
    assert_eq!(try_append(&mut builder, 122), Err(full));
}

#[test]
fn a_cap_is_kept_from_batch_to_batch_and_can_be_changed() {
    let mut builder = capped(BatchCap::new(1000).with_records(1));
    for _ in 0..2 {
        Given::value("x").append(&mut builder).unwrap();
        let full = Given::value("x").append(&mut builder);
        assert_eq!(full, Err(AppendError::FullOfRecords { cap: 1 }));
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    }
    Given::value("x").append(&mut builder).unwrap();
    builder.set_cap(BatchCap::FORMAT);
    assert_eq!(Given::value("x").append(&mut builder), Ok(1));
    assert_eq!(builder.cap(), BatchCap::default());
}

#[test]
fn no_cap_is_beyond_the_format_or_below_one_record() {
    let cap = BatchCap::new(usize::MAX).with_large_record(usize::MAX);
    assert_eq!(cap, BatchCap::FORMAT);
    assert_eq!(BatchCap::new(0).with_records(0).records(), 1);
    // A large record's bound below the cap says nothing.
    assert_eq!(BatchCap::new(1000).with_large_record(10).large_record(), 1000);
    let error = Given::value("x").append(&mut capped(BatchCap::new(0))).unwrap_err();
    assert_eq!(error, AppendError::TooLarge { size: BATCH_OVERHEAD + 8, cap: 0 });
}
