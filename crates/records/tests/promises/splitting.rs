use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn children_hold_the_parents_records_in_order_and_fit(
        records in given_many(),
        compression in any_compression(),
        target in 61usize..4000,
        is_stamped: bool,
    ) {
        let mut parent = seal(&records, compression);
        if is_stamped {
            parent.stamp(None, false).unwrap().to_bytes();
        }
        let children =
            parent.split(target, compression, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
        let mut read_back = Vec::new();
        for mut child in children {
            prop_assert!(child.records_size() + 61 <= target || child.record_count() == 1);
            prop_assert_eq!(child.codec(), compression.codec());
            let bytes = child.stamp(None, false).unwrap().to_bytes();
            let records = read(&bytes).unwrap();
            prop_assert_eq!(records.len() as i32, child.record_count());
            read_back.extend(records);
        }
        prop_assert_eq!(read_back.len(), records.len());
        prop_assert!(records.iter().zip(&read_back).all(|(given, record)| given.is(record)));
    }
}

#[test]
fn a_batch_splits_in_two() {
    let records: Vec<_> = (0..10u8).map(|index| Given::value(vec![index; 100])).collect();
    let parent = seal(&records, Compression::NONE);
    let target = 61 + parent.records_size() / 2;
    let children =
        parent.split(target, Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
    let counts: Vec<_> = children.unwrap().iter().map(SealedBatch::record_count).collect();
    assert_eq!(counts, [5, 5]);
}
