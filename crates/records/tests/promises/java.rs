use super::*;

const GOLDEN: &str = include_str!("../java/kafka-clients-4.4.0.txt");

fn unhex(line: &str) -> Bytes {
    dump::unhex(line).unwrap().into()
}

#[test]
fn java_batches_are_read_as_java_reads_them() {
    let mut count = 0;
    for case in GOLDEN.split("== ").skip(1) {
        let mut lines = case.splitn(3, '\n');
        let (name, bytes, expected) =
            (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
        let bytes = unhex(bytes);
        assert_eq!(dump::dump(&bytes).unwrap(), expected, "{name}");
        count += 1;
    }
    assert_eq!(count, 33);
}

/// Batches of ours, once written and checked by Java: what is read from them must not change, nor what is written without a codec.
#[test]
fn vectors_of_our_own_making_hold() {
    let vectors = include_str!("../vectors.txt");
    let mut codecs = std::collections::BTreeSet::new();
    for case in vectors.split("== ").skip(1) {
        let mut lines = case.splitn(3, '\n');
        let (name, bytes) = (lines.next().unwrap(), unhex(lines.next().unwrap()));
        assert_eq!(dump::dump(&bytes).unwrap(), lines.next().unwrap(), "{name}");
        let (batch, _) = RecordBatch::parse(&bytes).unwrap();
        let header = batch.header();
        codecs.insert(header.attributes.codec());
        let mut sealed = rebuild(&bytes);
        let stamp = header.producer_id.is_some().then_some(rohrpost_records::ProducerStamp {
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
        });
        let again = sealed.stamp(stamp, header.attributes.is_transactional()).unwrap().to_bytes();
        if header.attributes.codec() == Some(Codec::None) {
            assert_eq!(again, bytes, "{name}");
        }
    }
    assert_eq!(codecs.len(), Codec::ALL.len());
}

/// The same records, without a codec.
fn rebuild(bytes: &Bytes) -> SealedBatch {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for record in read(bytes).unwrap() {
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|header| RecordHeader::new(header.name().unwrap(), header.value.as_deref()))
            .collect();
        builder
            .append(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers)
            .unwrap();
    }
    builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap()
}

/// Without a codec there is nothing to choose: the same records are the same bytes.
#[test]
fn uncompressed_batches_are_javas_byte_for_byte() {
    for name in ["mixed-none", "many-none"] {
        let case = GOLDEN.split("== ").find(|case| case.starts_with(name)).unwrap();
        let theirs = unhex(case.lines().nth(1).unwrap());
        let mut sealed = rebuild(&theirs);
        assert_eq!(sealed.stamp(None, false).unwrap().to_bytes(), theirs, "{name}");
    }
}

#[test]
fn transaction_markers_are_javas_byte_for_byte() {
    for (name, committed) in [("marker-commit", true), ("marker-abort", false)] {
        let case = GOLDEN.split("== ").find(|case| case.starts_with(name)).unwrap();
        let marker = rohrpost_records::EndTxnMarker {
            committed,
            coordinator_epoch: 11,
            timestamp: T0,
            producer_id: rohrpost_records::ProducerId(4_000_000_000_000),
            producer_epoch: rohrpost_records::ProducerEpoch(3),
        };
        let ours = rohrpost_records::end_txn_marker(&marker).unwrap();
        assert_eq!(dump::hex(&ours), case.lines().nth(1).unwrap(), "{name}");
    }
}
