//! Memory follows the bytes that came, never the numbers that they claim. What decoding a message may
//! take is held beside the other promises of every message, in `src/tests/every_message.rs`.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use rohrpost_codec::messages::{ApiVersionsRequest, ProduceRequest, produce_request};
use rohrpost_codec::{Bytes, FrameBuffer, FrameReader, Message, encode_request};

#[test]
fn a_frame_that_claims_two_gibibytes_gets_64_kib() {
    let info = allocation_counter::measure(|| {
        let mut reader = FrameReader::new(usize::MAX);
        reader.extend(&i32::MAX.to_be_bytes());
        assert_eq!(reader.next_frame(), Ok(None));
    });
    assert!(info.bytes_max <= 70_000, "{} bytes", info.bytes_max);
}

#[test]
fn encoding_a_small_request_takes_few_allocations() {
    let request = ApiVersionsRequest::default();
    let info = allocation_counter::measure(|| {
        drop(encode_request(1, Some("client"), &request, 4).unwrap());
    });
    assert!(info.count_total <= 4, "{} allocations", info.count_total);
}

/// 12 partitions of 16 KiB.
fn produce_request() -> ProduceRequest {
    let records = Bytes::from(vec![7; 16 * 1024]);
    let partition_data = (0..12).map(|index| produce_request::PartitionProduceData {
        index,
        records: Some(records.clone().into()),
        ..Default::default()
    });
    let topic_data = vec![produce_request::TopicProduceData {
        partition_data: partition_data.collect(),
        ..Default::default()
    }];
    ProduceRequest { transactional_id: Some("a-tube".into()), topic_data, ..Default::default() }
}

#[test]
fn encoding_a_produce_request_takes_no_memory_for_its_records() {
    let request = produce_request();
    let info = allocation_counter::measure(|| {
        drop(encode_request(1, Some("client"), &request, 12).unwrap());
    });
    assert!(info.bytes_max <= 4096, "{} bytes", info.bytes_max);
    assert!(info.count_total <= 8, "{} allocations", info.count_total);
}

#[test]
fn encoding_into_a_buffer_that_was_used_before_allocates_nothing() {
    let request = produce_request();
    let client_id = "client".into();
    for mut buffer in [FrameBuffer::new(), FrameBuffer::contiguous()] {
        let mut encode = || {
            buffer.clear();
            buffer.put_request(1, Some(&client_id), &request, 12).unwrap();
            buffer.put_request(2, None, &request, 8).unwrap();
            assert!(buffer.slices().map(<[u8]>::len).sum::<usize>() > 2 * 12 * 16 * 1024);
        };
        encode();
        assert_eq!(allocation_counter::measure(encode).count_total, 0);
    }
    let mut buffer = Vec::new();
    request.encode_into(&mut buffer, 12).unwrap();
    let info = allocation_counter::measure(|| {
        buffer.clear();
        request.encode_into(&mut buffer, 12).unwrap();
    });
    assert_eq!(info.count_total, 0);
}
