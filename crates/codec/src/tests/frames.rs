//! Requests and responses in their frames: headers, segments, and what does not belong.

use alloc::string::ToString;
use alloc::vec;

use bytes::Bytes;

use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ProduceRequest, ProduceResponse,
    SaslHandshakeRequest, api_versions_response,
};
use crate::{
    DecodeErrorKind, EncodeErrorKind, ErrorCode, Message, Request, RequestPreamble, Response,
    TaggedFields, decode_request, decode_response, encode_request, encode_response,
    peek_correlation_id, peek_request,
};

/// The frame without its length prefix, which is checked.
fn content(frame: &crate::Frame) -> Bytes {
    let bytes = frame.to_bytes();
    assert_eq!(bytes.len(), frame.len());
    assert_eq!(bytes[..4], (bytes.len() as i32 - 4).to_be_bytes());
    bytes.slice(4..)
}

fn produce_request(batches: &[Bytes]) -> ProduceRequest {
    let partition_data = (0..).zip(batches).map(|(index, records)| PartitionProduceData {
        index,
        records: Some(records.clone().into()),
        ..Default::default()
    });
    let topic = TopicProduceData {
        name: "t".into(),
        partition_data: partition_data.collect(),
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

#[test]
fn record_batches_are_referenced_by_a_produce_request_and_by_what_is_decoded() {
    let batches = [Bytes::from(vec![1; 4096]), Bytes::from(vec![2; 1024]), Bytes::from(vec![3; 8])];
    let request = produce_request(&batches);
    for version in ProduceRequest::VERSIONS.iter() {
        let frame = encode_request(1, Some("me"), &request, version).unwrap();
        let shares = |batch: &Bytes| {
            frame.segments().iter().any(|s| s.as_ptr() == batch.as_ptr() && s.len() == batch.len())
        };
        assert_eq!(batches.iter().map(shares).collect::<vec::Vec<_>>(), [true, true, false]);
        let small: usize = frame.segments().iter().map(Bytes::len).sum::<usize>() - 4096 - 1024;
        assert!(small < 120, "{small} bytes are copied");

        let content = content(&frame);
        let (header, decoded) = decode_request::<ProduceRequest>(&content).unwrap();
        assert_eq!(header.client_id.unwrap(), "me");
        let records = decoded.topic_data[0].partition_data[0].records.as_ref().unwrap();
        let place = records.to_bytes().as_ptr();
        assert!(content.as_ptr_range().contains(&place), "the records are copied");
        if version < 13 {
            assert_eq!(decoded, request);
        }
    }
}

#[test]
fn the_large_pieces_of_a_batch_are_segments_of_the_frame() {
    let pieces = [61, 4096, 20, 70_000, 1].map(|len| Bytes::from(vec![len as u8; len]));
    let mut in_pieces = produce_request(&[Bytes::new(), Bytes::new()]);
    in_pieces.topic_data[0].partition_data[1].records = Some(pieces.iter().cloned().collect());
    let whole = produce_request(&[Bytes::new(), Bytes::from(pieces.concat())]);
    assert_eq!(in_pieces, whole);
    for version in ProduceRequest::VERSIONS.iter() {
        let frame = encode_request(1, Some("me"), &in_pieces, version).unwrap();
        let places = |bytes: &Bytes| (bytes.as_ptr(), bytes.len());
        let segments: vec::Vec<_> = frame.segments().iter().map(places).collect();
        assert_eq!(segments.len(), 5, "{segments:?}");
        assert_eq!([segments[1], segments[3]], [places(&pieces[1]), places(&pieces[3])]);
        assert_eq!(
            content(&frame),
            content(&encode_request(1, Some("me"), &whole, version).unwrap())
        );
        assert_eq!(in_pieces.size(version).unwrap(), whole.to_bytes(version).unwrap().len());
    }
}

#[test]
fn headers_have_the_versions_of_their_messages() {
    assert_eq!([8, 9].map(ProduceRequest::header_version), [1, 2]);
    assert_eq!([8, 9].map(ProduceResponse::header_version), [0, 1]);
    assert_eq!([2, 3].map(ApiVersionsRequest::header_version), [1, 2]);
    assert_eq!([2, 3].map(ApiVersionsResponse::header_version), [0, 0]);
    assert_eq!([0, 1].map(SaslHandshakeRequest::header_version), [1, 1]);
    // Versions to come are flexible, unless no version has been.
    assert_eq!([14, i16::MAX].map(ProduceRequest::header_version), [2, 2]);
    assert_eq!([14, i16::MAX].map(ProduceResponse::header_version), [1, 1]);
    assert_eq!([99, i16::MAX].map(SaslHandshakeRequest::header_version), [1, 1]);
    assert_eq!([-1, i16::MIN].map(ProduceRequest::header_version), [1, 1]);

    // The client id keeps its 16-bit length; the tagged fields of header version 2 follow it.
    let frame = encode_request(0x01020304, Some("ab"), &MetadataRequest::default(), 9).unwrap();
    assert_eq!(content(&frame)[..13], [0, 3, 0, 9, 1, 2, 3, 4, 0, 2, b'a', b'b', 0]);
    let frame = encode_request(5, None, &SaslHandshakeRequest::default(), 1).unwrap();
    assert_eq!(content(&frame)[..], [0, 17, 0, 1, 0, 0, 0, 5, 0xff, 0xff, 0, 0]);
}

#[test]
fn what_has_been_read_becomes_the_frame_that_it_was() {
    let batches = [Bytes::from(vec![1; 4096])];
    let sent = encode_request(1, Some("me"), &produce_request(&batches), 9).unwrap();
    let read = content(&sent);
    let again = crate::Frame::around(read.clone()).unwrap();
    assert_eq!((again.len(), again.to_bytes()), (sent.len(), sent.to_bytes()));
    assert_eq!(again.segments()[1].as_ptr(), read.as_ptr(), "the bytes are copied");
    let empty = crate::Frame::around(Bytes::new()).unwrap();
    assert_eq!(empty.into_segments(), [[0; 4].as_slice()]);
}

#[test]
fn a_frame_says_what_it_is_before_it_is_decoded() {
    let frame = content(&encode_request(-7, None, &MetadataRequest::default(), 13).unwrap());
    let preamble = RequestPreamble { api_key: 3, api_version: 13, correlation_id: -7 };
    assert_eq!(peek_request(&frame), Ok(preamble));
    let error = peek_request(&frame.slice(..5)).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Short { needed: 3 });

    let frame = content(&encode_response(99, &ProduceResponse::default(), 9).unwrap());
    assert_eq!(peek_correlation_id(&frame), Ok(99));
    assert!(peek_correlation_id(&frame.slice(..3)).unwrap_err().is_short());
}

#[test]
fn an_answer_of_a_broker_that_does_not_speak_the_version_is_read_as_version_0() {
    let answer = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![api_versions_response::ApiVersion {
            api_key: 18,
            max_version: 3,
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = content(&encode_response(3, &answer, 0).unwrap());
    for asked in ApiVersionsResponse::VERSIONS.iter() {
        assert_eq!(decode_response(&frame, asked), Ok((3, answer.clone())));
    }
    // Every other answer is read as what was asked for.
    let answer = ApiVersionsResponse { error_code: ErrorCode::NONE, ..answer };
    let frame = content(&encode_response(3, &answer, 4).unwrap());
    assert_eq!(decode_response(&frame, 4), Ok((3, answer)));
    assert!(decode_response::<ApiVersionsResponse>(&frame, 0).is_err());
}

#[test]
fn what_does_not_belong_is_refused_with_its_place() {
    let frame = content(&encode_request(1, None, &MetadataRequest::default(), 8).unwrap());
    let error = decode_request::<ProduceRequest>(&frame).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ProduceRequest v8 at byte 0: the request is for API key 3 (Metadata), not for Produce"
    );

    let longer = Bytes::from([&frame[..], b"x"].concat());
    let error = decode_request::<MetadataRequest>(&longer).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Trailing { bytes: 1 });
    assert_eq!(error.offset(), frame.len());

    let mut newer = frame.to_vec();
    newer[3] = 99;
    let error = decode_request::<MetadataRequest>(&newer.into()).unwrap_err();
    let kind = DecodeErrorKind::UnsupportedVersion { supported: MetadataRequest::VERSIONS };
    assert_eq!((error.kind(), error.version()), (kind, 99));

    let cut = frame.slice(..frame.len() - 1);
    let error = decode_request::<MetadataRequest>(&cut).unwrap_err();
    assert_eq!(
        error.to_string(),
        "MetadataRequest v8, include_topic_authorized_operations at byte 16: the input is too \
         short: at least 1 more bytes are needed"
    );
}

#[test]
fn a_value_that_the_version_cannot_carry_is_refused_unless_it_may_be_left_out() {
    // Not ignorable: without it the broker would act wrongly.
    let request = ProduceRequest { transactional_id: Some("x".into()), ..produce_request(&[]) };
    assert!(encode_request(0, None, &request, 3).is_ok());
    let metadata = MetadataRequest { allow_auto_topic_creation: false, ..Default::default() };
    let error = metadata.to_bytes(3).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::NotInVersion);
    assert_eq!(error.field().to_string(), "allow_auto_topic_creation");
    assert!(metadata.to_bytes(4).is_ok());

    let all_topics = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(all_topics.to_bytes(0).unwrap_err().kind(), EncodeErrorKind::Null);
    assert!(all_topics.to_bytes(1).is_ok());

    let mut unknown = TaggedFields::new();
    unknown.insert(9, Bytes::from_static(b"x"));
    let request = ProduceRequest { unknown_tagged_fields: unknown, ..produce_request(&[]) };
    assert_eq!(request.to_bytes(8).unwrap_err().kind(), EncodeErrorKind::NotInVersion);
    assert!(request.to_bytes(9).is_ok());

    // Ignorable: the topic's name has no place in version 13.
    assert!(produce_request(&[]).to_bytes(13).is_ok());

    let unsupported = produce_request(&[]).to_bytes(2).unwrap_err();
    let kind = EncodeErrorKind::UnsupportedVersion { supported: ProduceRequest::VERSIONS };
    assert_eq!(unsupported.kind(), kind);
}

#[test]
fn a_string_over_the_protocols_limit_is_refused() {
    let topic = TopicProduceData { name: "x".repeat(32_768).into(), ..Default::default() };
    let request = ProduceRequest { topic_data: vec![topic], ..Default::default() };
    for version in [3, 9] {
        let error = request.to_bytes(version).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLong { length: 32_768, max: 32_767 });
        assert_eq!(error.field().to_string(), "topic_data[0].name");
    }
}

#[test]
fn an_unstable_version_is_spoken_but_not_offered() {
    use crate::messages::{InitProducerIdRequest, InitProducerIdResponse};
    assert_eq!(InitProducerIdRequest::VERSIONS.max, 5);
    assert_eq!(crate::ApiKey::InitProducerId.versions().max, 5);
    assert_eq!(InitProducerIdResponse::UNSTABLE_VERSION, Some(6));
    let request = InitProducerIdRequest { enable_2pc: true, ..Default::default() };
    assert_eq!(InitProducerIdRequest::from_bytes(&request.to_bytes(6).unwrap(), 6), Ok(request));
}
