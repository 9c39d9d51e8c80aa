use super::*;
use rohrpost_records::{ProducerEpoch, ProducerId, ProducerStamp, Sequence, StampError};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: ProducerId(4_000_000_000_000),
    producer_epoch: ProducerEpoch(3),
    base_sequence: Sequence(i32::MAX - 1),
};

#[test]
fn a_stamp_is_read_back() {
    for compression in compressions() {
        let mut sealed =
            seal(&[Given::value("a"), Given::value("b"), Given::value("c")], compression);
        assert_eq!(sealed.bytes(), None);
        assert_eq!(sealed.producer(), None);
        let bytes = sealed.stamp(Some(STAMP), true).unwrap().to_bytes();
        let header = *RecordBatch::parse(&bytes).unwrap().0.header();
        assert_eq!(header.producer_id, STAMP.producer_id);
        assert_eq!(header.producer_epoch, STAMP.producer_epoch);
        assert_eq!(header.base_sequence, STAMP.base_sequence);
        assert_eq!(header.last_sequence(), Sequence(0), "the third record's, beyond the wrap");
        assert_eq!(header.partition_leader_epoch, -1);
        assert!(header.attributes.is_transactional());
        assert_eq!(sealed.producer(), Some(STAMP));
        assert_eq!(sealed.bytes().unwrap().to_bytes(), bytes);
    }
}

#[test]
fn every_attempt_shares_the_bytes() {
    let mut sealed = seal(&[Given::value("a")], Compression::NONE);
    let first = sealed.stamp(Some(STAMP), false).unwrap().to_bytes();
    assert_eq!(first.as_ptr(), sealed.bytes().unwrap().to_bytes().as_ptr());
}

#[test]
fn a_new_stamp_leaves_the_bytes_of_an_attempt_under_way_alone() {
    let mut sealed = seal(&[Given::value("a")], Compression::new(Codec::Lz4).unwrap());
    let first = sealed.stamp(Some(STAMP), false).unwrap().to_bytes();
    let copy = first.to_vec();
    let later =
        ProducerStamp { producer_epoch: ProducerEpoch(4), base_sequence: Sequence(0), ..STAMP };
    let second = sealed.stamp(Some(later), false).unwrap().to_bytes();
    assert_eq!(first, copy);
    assert_eq!(second[61..], first[61..], "the records are not compressed again");
    assert_eq!(RecordBatch::parse(&second).unwrap().0.header().producer_epoch, ProducerEpoch(4));
    assert_eq!(sealed.into_buffer(), None, "an attempt still holds the bytes");
}

#[test]
fn a_new_stamp_copies_nothing_once_the_attempts_are_over() {
    let mut sealed = seal(&[Given::value("a")], Compression::NONE);
    let place = sealed.stamp(Some(STAMP), true).unwrap().to_bytes().as_ptr();
    let bytes = sealed.stamp(None, false).unwrap().to_bytes();
    assert_eq!(bytes.as_ptr(), place);
    let header = *RecordBatch::parse(&bytes).unwrap().0.header();
    assert_eq!(header.producer_id, ProducerId::NONE);
    assert!(!header.attributes.is_transactional());
}

#[test]
fn buffers_come_back_whole() {
    let mut builder = BatchBuilder::new(BytesMut::with_capacity(5000));
    builder.append(T0, None, Some(b"a"), []).unwrap();
    let mut compressor = Compressor::new();
    let mut sealed = builder
        .seal(Compression::NONE, &mut compressor, |_| panic!("no codec, no buffer"))
        .unwrap();
    assert_eq!(builder.into_buffer().capacity(), 0);
    drop(sealed.stamp(None, false).unwrap().to_bytes());
    let buffer = sealed.into_buffer().unwrap();
    assert_eq!((buffer.capacity(), buffer.len()), (5000, 0));

    let mut builder = BatchBuilder::new(buffer);
    builder.append(T0, None, Some(&[0; 1000]), []).unwrap();
    let zstd = Compression::new(Codec::Zstd).unwrap();
    let mut asked = 0;
    let out = |needed| {
        asked = needed;
        BytesMut::with_capacity(needed)
    };
    let sealed = builder.seal(zstd, &mut compressor, out).unwrap();
    assert_eq!(sealed.size(), asked, "exactly what is needed is asked for");
    assert_eq!(builder.into_buffer().capacity(), 5000);
}

#[test]
fn a_stamp_that_makes_no_sense_is_refused() {
    let mut sealed = seal(&[Given::value("a")], Compression::NONE);
    assert_eq!(sealed.stamp(None, true), Err(StampError::TransactionalWithoutProducer));
    for stamp in [
        ProducerStamp { base_sequence: Sequence::NONE, ..STAMP },
        ProducerStamp { producer_epoch: ProducerEpoch::NONE, ..STAMP },
        ProducerStamp { producer_id: ProducerId(-7), ..STAMP },
    ] {
        assert!(matches!(sealed.stamp(Some(stamp), false), Err(StampError::Negative { .. })));
    }
    assert_eq!(sealed.bytes(), None);
}
