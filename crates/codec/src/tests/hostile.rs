//! Bytes that are wrong in one place: each is refused, and the error says what and where.

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::messages::{
    DescribeTopicPartitionsRequest, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse,
};
use crate::{DecodeErrorKind as Kind, EncodeErrorKind, Message, TaggedFields};

/// The error's kind, field and offset.
fn refusal<M: Message>(version: i16, bytes: &[&[u8]]) -> (Kind, alloc::string::String, usize) {
    let error = M::from_bytes(&Bytes::from(bytes.concat()), version).unwrap_err();
    assert_eq!((error.message(), error.version()), (M::NAME, version));
    (error.kind(), error.field().to_string(), error.offset())
}

#[test]
fn lengths_below_null_are_refused() {
    let kind = |length| Kind::NegativeLength { length };
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&[0xff, 0xff, 0xff, 0xfe]]),
        (kind(-2), "topics".into(), 0)
    );
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&[0, 0, 0, 1], &[0x80, 0]]),
        (kind(-32_768), "topics[0].name".into(), 4)
    );
    // Records of minus two bytes.
    let head: &[u8] =
        &[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(
        refusal::<ProduceRequest>(3, &[head, &[0xff, 0xff, 0xff, 0xfe]]),
        (kind(-2), "topic_data[0].partition_data[0].records".into(), head.len())
    );
}

#[test]
fn null_is_refused_where_the_version_has_none() {
    // Topics can be null from version 1 on, a topic's name from version 10 on.
    assert_eq!(
        refusal::<MetadataRequest>(0, &[&[0xff, 0xff, 0xff, 0xff]]),
        (Kind::Null, "topics".into(), 0)
    );
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[2], &[0]]),
        (Kind::Null, "topics[0].name".into(), 1)
    );
}

#[test]
fn counts_beyond_the_bytes_that_are_left_are_refused() {
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&[0x7f, 0xff, 0xff, 0xff], &[0; 9]]),
        (Kind::CountTooLarge { count: 0x7fff_ffff, remaining: 9 }, "topics".into(), 0)
    );
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[0xff, 0xff, 0xff, 0xff, 0x0f]]),
        (Kind::CountTooLarge { count: 0xffff_fffe, remaining: 0 }, "topics".into(), 0)
    );
    // As many tagged fields as bytes are left, and one more.
    let (kind, _, offset) = refusal::<MetadataRequest>(9, &[&[1, 0, 0, 0], &[3], &[0, 0]]);
    assert_eq!((kind, offset), (Kind::CountTooLarge { count: 3, remaining: 2 }, 4));
}

#[test]
fn strings_must_be_utf_8_and_within_the_limit() {
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&[0, 0, 0, 1], &[0, 3, b'a', 0xff, b'b']]),
        (Kind::NotUtf8 { valid: 1 }, "topics[0].name".into(), 6)
    );
    // 32,768 bytes, as a compact length.
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[2], &[0x81, 0x80, 0x02], &[b'x'; 40_000]]),
        (Kind::StringTooLong { length: 32_768 }, "topics[0].name".into(), 1)
    );
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[0x80, 0x80, 0x80, 0x80, 0x10]]),
        (Kind::VarintTooLong, "topics".into(), 0)
    );
    let (kind, ..) = refusal::<MetadataRequest>(9, &[&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]]);
    assert_eq!(kind, Kind::VarintTooLong);
}

#[test]
fn a_nullable_structure_has_a_marker_of_one_or_minus_one() {
    // No topics, a limit of 0, then the cursor.
    let head: &[u8] = &[1, 0, 0, 0, 0];
    assert_eq!(
        refusal::<DescribeTopicPartitionsRequest>(0, &[head, &[0]]),
        (Kind::PresenceMarker { marker: 0 }, "cursor".into(), 5)
    );
    let absent = [head, &[0xff, 0]].concat().into();
    let request = DescribeTopicPartitionsRequest::from_bytes(&absent, 0).unwrap();
    assert_eq!(request.cursor, None);
    let present = [head, &[1, 2, b't', 0, 0, 0, 7, 0], &[0]].concat().into();
    let request = DescribeTopicPartitionsRequest::from_bytes(&present, 0).unwrap();
    assert_eq!(request.cursor.map(|cursor| cursor.partition_index), Some(7));
}

#[test]
fn only_bytes_that_are_missing_make_an_input_short() {
    let is_short = |fields: &[&[u8]]| {
        let bytes = [&[PRODUCE_RESPONSE], fields].concat().concat();
        ProduceResponse::from_bytes(&bytes.into(), 10).unwrap_err().is_short()
    };
    // The size of a tagged field, or its content, is not there.
    assert!(is_short(&[&[1], &[0]]));
    assert!(is_short(&[&[1], &[0, 9, 2, 0, 0]]));
    assert!(is_short(&[&[1], &[7, 5, 1, 1]]));
    // It is all there, but cuts off what is in it: an array of nodes.
    assert!(!is_short(&[&[1], &[0, 0]]));
    assert!(!is_short(&[&[1], &[0, 1, 9], &[0; 64]]));
    assert!(!is_short(&[&[1], &[0, 3, 2, 0, 0], &[0; 64]]));
}

/// A Produce response of version 10 without topics, then its tagged fields.
const PRODUCE_RESPONSE: &[u8] = &[1, 0, 0, 0, 0];

#[test]
fn tags_must_rise() {
    for (first, second) in [(5, 5), (5, 4)] {
        assert_eq!(
            refusal::<ProduceResponse>(10, &[PRODUCE_RESPONSE, &[2], &[first, 0], &[second, 0]]),
            (
                Kind::TagOrder { tag: second.into(), previous: first.into() },
                alloc::string::String::new(),
                8
            )
        );
    }
}

#[test]
fn a_tagged_field_has_exactly_its_size() {
    // Tag 0 is an array of nodes: an empty one takes one byte.
    assert_eq!(
        refusal::<ProduceResponse>(10, &[PRODUCE_RESPONSE, &[1], &[0, 2, 1, 9]]),
        (Kind::Trailing { bytes: 1 }, "<tag 0>".into(), 9)
    );
    assert_eq!(
        refusal::<ProduceResponse>(10, &[PRODUCE_RESPONSE, &[1], &[0, 0]]),
        (Kind::Short { needed: 1 }, "<tag 0>.node_endpoints".into(), 8)
    );
    assert_eq!(
        refusal::<ProduceResponse>(10, &[PRODUCE_RESPONSE, &[1], &[7, 5, 1, 1]]),
        (Kind::Short { needed: 3 }, "<tag 7>".into(), 8)
    );
}

#[test]
fn unknown_tagged_fields_are_kept_and_written_back_among_the_known_ones() {
    // Tag 0 is known from version 10 on: in version 9 it is kept as bytes.
    let node: &[u8] = &[0, 10, 2, 0, 0, 0, 5, 2, b'h', 0, 0, 1];
    let mut node = node.to_vec();
    node.extend([0, 0, 0]);
    node[1] = node.len() as u8 - 2;
    let bytes = Bytes::from([PRODUCE_RESPONSE, &[3], &node, &[3, 2, 8, 9], &[0x80, 1, 0]].concat());
    for version in [9, 10] {
        let response = ProduceResponse::from_bytes(&bytes, version).unwrap();
        let known = usize::from(version == 10);
        assert_eq!(response.node_endpoints.len(), known);
        assert_eq!(response.unknown_tagged_fields.len(), 3 - known);
        assert_eq!(response.unknown_tagged_fields.get(3).unwrap()[..], [8, 9]);
        assert_eq!(response.unknown_tagged_fields.get(128).unwrap()[..], []);
        assert_eq!(response.to_bytes(version), Ok(bytes.clone()));
    }
    // What was kept by its number must not become what it is not.
    let kept = ProduceResponse::from_bytes(&bytes, 9).unwrap();
    let error = kept.to_bytes(10).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TagTaken { tag: 0 });

    let mut before_and_after = TaggedFields::new();
    before_and_after.insert(1, Bytes::from_static(b"x"));
    let response = ProduceResponse {
        unknown_tagged_fields: before_and_after,
        ..ProduceResponse::from_bytes(&bytes, 10).unwrap()
    };
    let tags: Vec<u8> = response.to_bytes(10).unwrap()[PRODUCE_RESPONSE.len()..].to_vec();
    assert_eq!(tags, [&[2][..], &node, &[1, 1, b'x']].concat());
}

#[test]
fn what_is_decoded_shares_the_memory_of_the_frame() {
    let topic = crate::messages::metadata_response::MetadataResponseTopic {
        name: Some("a-topic".into()),
        ..Default::default()
    };
    let response = MetadataResponse { topics: alloc::vec![topic], ..Default::default() };
    let bytes = response.to_bytes(9).unwrap();
    let decoded = MetadataResponse::from_bytes(&bytes, 9).unwrap();
    let name = decoded.topics[0].name.as_ref().unwrap().as_bytes();
    assert!(bytes.as_ptr_range().contains(&name.as_ptr()));
}
