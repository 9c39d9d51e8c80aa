use super::*;
use rohrpost_records::{BatchCap, ProducerEpoch, ProducerId, ProducerStamp, Sequence};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: ProducerId(7),
    producer_epoch: ProducerEpoch(1),
    base_sequence: Sequence(12),
};

/// Which of the records' values are referred to: by the bits of `which`, again and again.
fn is_shared(index: usize, which: u64) -> bool {
    which >> (index % 64) & 1 == 1
}

fn refer(record: &Given, builder: &mut BatchBuilder) -> Result<i32, AppendError> {
    let Some(value) = record.value.clone().map(Bytes::from) else { return record.append(builder) };
    builder.append_shared(record.timestamp, record.key.as_deref(), &value, record.headers())
}

fn build_referring(records: &[Given], which: u64) -> BatchBuilder {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for (index, record) in records.iter().enumerate() {
        let appended = match is_shared(index, which) {
            true => refer(record, &mut builder),
            false => record.append(&mut builder),
        };
        assert_eq!(appended, Ok(index as i32));
    }
    builder
}

fn seal_referring(records: &[Given], which: u64, compression: Compression) -> SealedBatch {
    build_referring(records, which)
        .seal(compression, &mut Compressor::new(), BytesMut::with_capacity)
        .unwrap()
}

fn concat(batch: &rohrpost_records::BatchBytes) -> Bytes {
    batch.segments().flatten().collect::<Vec<u8>>().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_batch_that_refers_is_the_batch_that_copies(
        records in given_many(),
        which: u64,
        compression in any_compression(),
    ) {
        let (copying, referring) = (build(&records), build_referring(&records, which));
        prop_assert_eq!(copying.size(), referring.size());
        prop_assert_eq!(copying.records_size(), referring.records_size());
        prop_assert_eq!(copying.max_record_size(), referring.max_record_size());
        prop_assert_eq!(copying.max_timestamp(), referring.max_timestamp());
        for compression in [Compression::NONE, compression] {
            let mut copying = seal(&records, compression);
            let mut referring = seal_referring(&records, which, compression);
            prop_assert_eq!(copying.size(), referring.size());
            for stamp in [None, Some(STAMP)] {
                let copied = copying.stamp(stamp, false).unwrap();
                let referred = referring.stamp(stamp, false).unwrap();
                prop_assert_eq!(referred.len(), copied.len());
                prop_assert_eq!(&concat(&referred), &copied.to_bytes());
                prop_assert_eq!(&referred.to_bytes(), &copied.to_bytes());
                prop_assert_eq!(&referred, &copied);
                prop_assert!(referred.segments().all(|segment| !segment.is_empty()));
            }
            let back: Vec<_> = referring.records().unwrap().map(Result::unwrap).collect();
            prop_assert!(records.iter().zip(&back).all(|(given, record)| given.is(record)));
            prop_assert_eq!(back.len(), records.len());
        }
    }

    #[test]
    fn the_children_of_a_batch_that_refers_are_those_of_the_batch_that_copies(
        records in given_many(),
        which: u64,
        target in 61usize..4000,
        is_stamped: bool,
    ) {
        let mut parents = [seal(&records, Compression::NONE), seal_referring(&records, which, Compression::NONE)];
        let [copied, referred] = parents.each_mut().map(|parent| {
            if is_stamped {
                parent.stamp(Some(STAMP), false).unwrap();
            }
            let split =
                parent.split(target, Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
            split.unwrap().into_iter().map(|mut child| child.stamp(None, false).unwrap()).collect::<Vec<_>>()
        });
        prop_assert_eq!(referred, copied);
    }

    #[test]
    fn a_cap_counts_what_is_referred_to(
        records in given_many(),
        which: u64,
        bytes in 61usize..3000,
        large in 61usize..3000,
    ) {
        let cap = BatchCap::new(bytes).with_large_record(large);
        let mut copying = BatchBuilder::with_cap(BytesMut::new(), cap);
        let mut referring = BatchBuilder::with_cap(BytesMut::new(), cap);
        for (index, record) in records.iter().enumerate() {
            let copied = record.append(&mut copying);
            let referred = match is_shared(index, which) {
                true => refer(record, &mut referring),
                false => record.append(&mut referring),
            };
            prop_assert_eq!(referred, copied);
            prop_assert_eq!(referring.size(), copying.size());
            for more in [0, 1, 100, 1000] {
                let below = copying.size() + more < cap.bytes();
                prop_assert_eq!(copying.is_below_cap_with(more), below);
                prop_assert_eq!(referring.is_below_cap_with(more), below);
            }
        }
    }
}

#[test]
fn a_value_that_is_referred_to_is_copied_nowhere() {
    let values = [300_000, 20_000].map(|len| Bytes::from(vec![len as u8; len]));
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(200));
    for value in &values {
        builder.try_append_shared(T0, Some(b"key"), value, []).unwrap();
        builder.try_append(T0, None, Some(b"small"), []).unwrap();
    }
    assert_eq!(builder.referenced_size(), 320_000);
    assert_eq!(builder.capacity(), 200);
    let no_buffer = |_| panic!("no codec, no buffer");
    let mut sealed = builder.seal(Compression::NONE, &mut Compressor::new(), no_buffer).unwrap();
    assert_eq!((builder.size(), builder.referenced_size()), (61, 0));
    let place = |bytes: &Bytes| (bytes.as_ptr(), bytes.len());
    for _ in 0..2 {
        let batch = sealed.stamp(Some(STAMP), false).unwrap();
        let segments: Vec<Bytes> = batch.segments().collect();
        assert_eq!(segments.len(), 5);
        assert_eq!([&segments[1], &segments[3]].map(place), values.each_ref().map(place));
        assert_eq!(sealed.bytes().unwrap().segments().collect::<Vec<_>>(), segments);
    }
    let split =
        sealed.split(100_000, Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
    let mut children = split.unwrap();
    assert_eq!(children.len(), 2);
    assert!(children.iter().all(|child| child.size() < 300_100));
    for (child, value) in children.iter_mut().zip([&values[0], &values[1]]) {
        let batch = child.stamp(None, false).unwrap();
        assert!(batch.segments().any(|segment| place(&segment) == place(value)));
    }
}

#[test]
fn the_batch_lets_go_of_what_it_refers_to_when_it_is_done() {
    let value = Bytes::from(vec![1; 50_000]);
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(500));
    builder.append_shared(T0, None, &value, []).unwrap();
    assert!(!value.is_unique());
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    drop(sealed.stamp(None, false).unwrap());
    assert!(!value.is_unique());
    assert_eq!(sealed.into_buffer().map(|buffer| buffer.capacity()), Some(500));
    assert!(value.is_unique());
    // A codec keeps no value, nor does the builder.
    builder.append_shared(T0, None, &value, []).unwrap();
    let lz4 = Compression::new(Codec::Lz4).unwrap();
    let sealed = builder.seal(lz4, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    assert!(value.is_unique() && sealed.size() < 1000);
    builder.append_shared(T0, None, &value, []).unwrap();
    drop(builder);
    assert!(value.is_unique());
}

#[test]
fn a_new_stamp_leaves_the_segments_of_an_attempt_under_way_alone() {
    let value = Bytes::from(vec![1; 50_000]);
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append_shared(T0, None, &value, []).unwrap();
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let first = sealed.stamp(None, false).unwrap();
    let before = first.to_bytes();
    let second = sealed.stamp(Some(STAMP), false).unwrap();
    assert_eq!(first.to_bytes(), before);
    assert_ne!(second, first);
    assert_eq!(read(&second.to_bytes()).unwrap()[0].value.as_ref(), Some(&value));
    assert_eq!(second.segments().nth(1).unwrap().as_ptr(), value.as_ptr());
}

/// The room that is told is that of the buffer alone.
#[test]
fn a_full_buffer_asks_for_the_room_beside_the_value() {
    let value = Bytes::from(vec![1; 50_000]);
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(70));
    let refused = builder.try_append_shared(T0, Some(b"0123456789"), &value, []);
    let Err(AppendError::NoRoom { needed }) = refused else { panic!("{refused:?}") };
    assert!(needed < 100, "{needed}");
    builder.grow_to(needed);
    builder.try_append_shared(T0, Some(b"0123456789"), &value, []).unwrap();
    assert_eq!((builder.size(), builder.room()), (needed + 50_000, 0));
}
