use super::*;
use rohrpost_records::{
    BatchErrorKind, BatchHeader, ControlKind, ControlRecord, EndTxnMarker, ProducerEpoch,
    ProducerId, Sequence, assign_offset, end_txn_marker, set_log_append_time,
};

#[test]
fn a_broker_assigns_offsets_outside_of_the_crc() {
    let bytes =
        stamped(&[Given::value("a"), Given::value("b")], Compression::new(Codec::Gzip).unwrap());
    let mut log = BytesMut::from(&bytes[..]);
    assign_offset(&mut log, 1 << 40, 7).unwrap();
    assert_eq!(log[16..], bytes[16..]);
    let log = log.freeze();
    let (batch, _) = RecordBatch::parse(&log).unwrap();
    assert_eq!(batch.header().partition_leader_epoch, 7);
    assert_eq!(batch.header().last_offset(), (1 << 40) + 1);
    let offsets: Vec<_> = read(&log).unwrap().iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [1 << 40, (1 << 40) + 1]);
}

#[test]
fn log_append_time_replaces_every_timestamp() {
    for compression in compressions() {
        let mut log = stamped(&[Given::value("a"), Given::value("b")], compression).to_vec();
        set_log_append_time(&mut log, T0 + 77).unwrap();
        let records = read(&log.into()).unwrap();
        assert!(records.iter().all(|record| record.timestamp == T0 + 77));
    }
}

#[test]
fn a_batch_that_is_not_whole_is_left_alone() {
    let bytes = stamped(&[Given::value("a")], Compression::NONE);
    let mut cut = bytes[..bytes.len() - 1].to_vec();
    assert!(set_log_append_time(&mut cut, 5).unwrap_err().is_truncated());
    assert_eq!(cut, bytes[..bytes.len() - 1]);
    assert!(assign_offset(&mut cut[..60], 5, 5).unwrap_err().is_truncated());
}

#[test]
fn a_transactions_end_is_a_control_batch() {
    for (committed, kind) in [(true, ControlKind::Commit), (false, ControlKind::Abort)] {
        let marker = EndTxnMarker {
            committed,
            coordinator_epoch: 11,
            timestamp: T0,
            producer_id: ProducerId(5),
            producer_epoch: ProducerEpoch(2),
        };
        let bytes = end_txn_marker(&marker).unwrap();
        let header = BatchHeader::parse(&bytes).unwrap();
        assert!(header.attributes.is_control() && header.attributes.is_transactional());
        assert_eq!((header.producer_id, header.producer_epoch), (ProducerId(5), ProducerEpoch(2)));
        assert_eq!(
            (header.base_sequence, header.last_sequence()),
            (Sequence::NONE, Sequence::NONE)
        );
        let records = read(&bytes).unwrap();
        let control = ControlRecord::decode(&records[0]).unwrap();
        assert_eq!(control, ControlRecord { kind, coordinator_epoch: Some(11) });
    }
}

#[test]
fn a_control_record_that_makes_no_sense_is_an_error() {
    let record = |key: &[u8], value: &[u8]| Record {
        offset: 0,
        timestamp: 0,
        key: Some(Bytes::copy_from_slice(key)),
        value: Some(Bytes::copy_from_slice(value)),
        headers: Vec::new(),
    };
    let later = ControlRecord::decode(&record(&[0, 9, 0, 1, 5], &[0, 9, 0, 0, 0, 3, 5])).unwrap();
    assert_eq!(later, ControlRecord { kind: ControlKind::Commit, coordinator_epoch: Some(3) });
    let unknown = ControlRecord::decode(&record(&[0, 0, 0, 99], &[])).unwrap();
    assert_eq!(unknown, ControlRecord { kind: ControlKind::Unknown(99), coordinator_epoch: None });
    for (key, value) in [(&[][..], &[][..]), (&[0, 0, 0], &[]), (&[0, 0, 0, 1], &[0, 0, 0])] {
        let error = ControlRecord::decode(&record(key, value)).unwrap_err();
        assert!(matches!(error.kind, BatchErrorKind::Truncated { .. }), "{error}");
    }
    let error = ControlRecord::decode(&record(&[255, 255, 0, 1], &[0; 6])).unwrap_err();
    assert!(matches!(error.kind, BatchErrorKind::OutOfRange { value: -1, .. }), "{error}");
}
