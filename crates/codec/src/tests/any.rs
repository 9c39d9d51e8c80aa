//! Frames of any API.

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;

use super::vectors::{self, Vector};
use crate::messages::{
    ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader, SaslHandshakeResponse,
};
use crate::{
    AnyRequest, AnyResponse, ApiKey, ByteStr, DecodeErrorKind, ErrorCode, LENGTH_PREFIX, Message,
    RequestFrame, ResponseFrame, TaggedFields, decode_request, decode_response, encode_request,
    encode_response,
};

/// What Java has written, of every API that is compiled in, with the kind of message it is.
fn bodies(kind: &str) -> impl Iterator<Item = (ApiKey, Vector)> {
    ApiKey::ALL.iter().flat_map(move |&api| {
        let name = api.name().to_string() + kind;
        vectors::of(vectors::EVERY_MESSAGE, &name).into_iter().map(move |vector| (api, vector))
    })
}

fn unknown_field() -> TaggedFields {
    let mut fields = TaggedFields::new();
    fields.insert(77, Bytes::from_static(b"new"));
    fields
}

#[test]
fn every_request_comes_back_from_its_frame_with_its_header() {
    let mut read = 0;
    for (api, Vector { version, header_version, bytes }) in bodies("Request") {
        let header_version = header_version.unwrap();
        let is_flexible = header_version == 2;
        let header = RequestHeader {
            request_api_key: api.into(),
            request_api_version: version,
            correlation_id: 7,
            client_id: Some(ByteStr::from("me")),
            unknown_tagged_fields: if is_flexible { unknown_field() } else { TaggedFields::new() },
        };
        let frame = [header.to_bytes(header_version).unwrap(), bytes].concat().into();
        let known = AnyRequest::header_version(api, version);
        let Some(known) = known else {
            let kind = DecodeErrorKind::UnknownApi { key: api.into() };
            assert_eq!(RequestFrame::decode(&frame).unwrap_err().kind(), kind);
            continue;
        };
        assert_eq!(known, header_version, "{api} v{version}");
        let request = RequestFrame::decode(&frame).unwrap();
        assert_eq!((request.api_key(), request.version), (api, version));
        assert_eq!(request.header, header);
        assert_eq!(request.encode().unwrap().to_bytes()[LENGTH_PREFIX..], frame);
        read += 1;
    }
    assert!(read > 0);
}

#[test]
fn every_response_comes_back_from_its_frame_with_its_header() {
    let mut read = 0;
    for (api, Vector { version, header_version, bytes }) in bodies("Response") {
        let header_version = header_version.unwrap();
        let is_flexible = header_version == 1;
        let header = ResponseHeader {
            correlation_id: 7,
            unknown_tagged_fields: if is_flexible { unknown_field() } else { TaggedFields::new() },
        };
        let frame = [header.to_bytes(header_version).unwrap(), bytes].concat().into();
        let Some(known) = AnyResponse::header_version(api, version) else {
            let kind = DecodeErrorKind::UnknownApi { key: api.into() };
            let error = ResponseFrame::decode(&frame, api, version).unwrap_err();
            assert_eq!(error.kind(), kind);
            continue;
        };
        assert_eq!(known, header_version, "{api} v{version}");
        let response = ResponseFrame::decode(&frame, api, version).unwrap();
        assert_eq!((response.api_key(), response.version), (api, version));
        assert_eq!(response.header, header);
        assert_eq!(response.encode().unwrap().to_bytes()[LENGTH_PREFIX..], frame);
        read += 1;
    }
    assert!(read > 0);
}

#[test]
fn an_api_that_nobody_knows_is_named() {
    for (key, text) in [
        (999, "no API with key 999 is known"),
        (-1, "no API with key -1 is known"),
        (4, "the API LeaderAndIsr (key 4) was removed in Kafka 4"),
    ] {
        let header =
            RequestHeader { request_api_key: key, request_api_version: 5, ..Default::default() };
        let error = RequestFrame::decode(&header.to_bytes(1).unwrap()).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnknownApi { key });
        assert_eq!(error.to_string(), alloc::format!("RequestHeader v1 at byte 0: {text}"));
    }
    let error = RequestFrame::decode(&Bytes::from_static(&[0, 18, 0])).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Short { needed: 5 });
}

/// An ApiVersions request of a version to come: nobody knows what is in it.
fn request_of_the_future(version: i16) -> Bytes {
    let mut frame = Vec::from([0, 18]);
    frame.extend(version.to_be_bytes());
    frame.extend([0, 0, 0, 7, 0, 2, b'm', b'e']);
    frame.extend([0xff; 9]);
    frame.into()
}

#[test]
fn api_versions_degrade_to_version_0_whatever_is_asked() {
    for version in [6, 99, i16::MAX, -1] {
        // What a broker does (KIP-511): it does not read the body, and answers in version 0.
        let frame = request_of_the_future(version);
        let request = RequestFrame::decode(&frame).unwrap();
        assert_eq!(request.version, 0);
        assert_eq!(request.header.request_api_version, version);
        assert_eq!(request.header.client_id, Some("me".into()));
        assert_eq!(request.request, AnyRequest::ApiVersions(ApiVersionsRequest::default()));
        let (header, typed) = decode_request::<ApiVersionsRequest>(&frame).unwrap();
        assert_eq!((header, typed), (request.header.clone(), ApiVersionsRequest::default()));

        let refusal = ApiVersionsResponse {
            error_code: ErrorCode::UNSUPPORTED_VERSION,
            ..Default::default()
        };
        let answer = encode_response(7, &refusal, request.version).unwrap().to_bytes();
        let answer = answer.slice(LENGTH_PREFIX..);

        // What the client does: it reads version 0, whatever it has asked for.
        let response = request.decode_response(&answer).unwrap();
        assert_eq!(response.version, 0);
        assert_eq!(response.response, AnyResponse::ApiVersions(refusal.clone()));
        assert_eq!(decode_response(&answer, version), Ok((7, refusal)));
    }
    // No other API does that.
    let mut other = request_of_the_future(99).to_vec();
    other[1] = 17;
    let error = RequestFrame::decode(&other.into()).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::UnsupportedVersion { .. }), "{error}");
}

#[test]
fn a_request_is_bound_to_its_response() {
    let sent = encode_request(5, None, &ApiVersionsRequest::default(), 2).unwrap().to_bytes();
    let request = RequestFrame::decode(&sent.slice(LENGTH_PREFIX..)).unwrap();
    let answer = encode_response(5, &ApiVersionsResponse::default(), 2).unwrap().to_bytes();
    let answer = answer.slice(LENGTH_PREFIX..);
    let response = request.decode_response(&answer).unwrap();
    assert_eq!(response.response, ApiVersionsResponse::default().into());
    // The same bytes are no answer to another request.
    assert!(ResponseFrame::decode(&answer, ApiKey::SaslAuthenticate, 2).is_err());
    assert_ne!(response.response, SaslHandshakeResponse::default().into());
}
