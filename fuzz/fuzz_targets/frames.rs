//! A stream of frames, cut anywhere, and the requests in it.
#![no_main]

use rohrpost_codec::messages::{
    ApiVersionsRequest, FetchRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
};
use rohrpost_codec::{
    Bytes, DecodeErrorKind, FrameReader, Request, decode_request, encode_request,
    peek_correlation_id, peek_request,
};

/// Small, so that the limit is reached.
const MAX_FRAME: usize = 4096;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // The first byte says into what pieces the rest is cut.
    let Some((&piece, stream)) = data.split_first() else { return };
    let mut reader = FrameReader::new(MAX_FRAME);
    let mut frames = Vec::new();
    for piece in stream.chunks(usize::from(piece).max(1)) {
        reader.extend(piece);
        while let Ok(Some(frame)) = reader.next_frame() {
            frames.push(frame);
        }
    }
    assert_eq!(frames, reference(stream));
    assert!(reader.buffer_mut().capacity() <= 4 * stream.len() + 256 * 1024);
    for frame in &frames {
        let _ = peek_correlation_id(frame);
        let _ = peek_request(frame);
        request::<ApiVersionsRequest>(frame);
        request::<MetadataRequest>(frame);
        request::<ProduceRequest>(frame);
        request::<InitProducerIdRequest>(frame);
        request::<FetchRequest>(frame);
    }
});

/// The frames of a whole stream, up to the first length that is none.
fn reference(mut stream: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = stream.split_first_chunk() {
        let length = i32::from_be_bytes(*prefix);
        let Ok(length) = usize::try_from(length) else { break };
        if length > MAX_FRAME || length > rest.len() {
            break;
        }
        let (frame, after) = rest.split_at(length);
        frames.push(Bytes::copy_from_slice(frame));
        stream = after;
    }
    frames
}

/// What decodes must encode, and come back as it is.
fn request<R: Request>(frame: &Bytes) {
    let (header, request) = match decode_request::<R>(frame) {
        Ok(decoded) => decoded,
        Err(error) => {
            assert!(error.offset() <= frame.len());
            assert!(!matches!(error.kind(), DecodeErrorKind::Trailing { bytes: 0 }));
            return;
        }
    };
    let client_id = header.client_id.as_deref();
    let version = header.request_api_version;
    let again = encode_request(header.correlation_id, client_id, &request, version);
    let again = again.expect("what was decoded can be encoded").to_bytes().slice(4..);
    let (_, decoded) = decode_request::<R>(&again).expect("what was encoded can be decoded");
    assert_eq!(decoded, request);
}
