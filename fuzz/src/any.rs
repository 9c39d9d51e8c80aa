//! Headers, and frames of any API.

use rohrpost_codec::messages::{RequestHeader, ResponseHeader};
use rohrpost_codec::{ApiKey, Bytes, DecodeError, LENGTH_PREFIX, RequestFrame, ResponseFrame};

use crate::messages::comes_back;
use crate::within_limits;

/// A header of any version.
pub fn headers(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    for version in -1..4 {
        comes_back::<RequestHeader>(&bytes, version);
        comes_back::<ResponseHeader>(&bytes, version);
    }
}

/// A request frame without its length prefix. What decodes encodes, and comes back.
pub fn requests(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    let decode = |frame: &Bytes| within_limits(frame.len(), || RequestFrame::decode(frame));
    let Some(request) = decoded(&frame, decode(&frame)) else { return };
    if request.version != request.header.request_api_version {
        // An ApiVersions request of the future: its body is not read.
        return assert_eq!((request.api_key(), request.version), (ApiKey::ApiVersions, 0));
    }
    let encoded = request.encode().expect("what was decoded").to_bytes().slice(LENGTH_PREFIX..);
    let again = decode(&encoded).expect("what was encoded");
    // Not the values: a number that is none equals nothing.
    let twice = again.encode().expect("what was decoded").to_bytes().slice(LENGTH_PREFIX..);
    assert_eq!(twice, encoded);
    assert_eq!(again.header, request.header);
}

/// An API key and a version, of two bytes each, and a response frame without its length prefix.
pub fn responses(data: &[u8]) {
    let Some((&[key_0, key_1, version_0, version_1], frame)) = data.split_first_chunk() else {
        return;
    };
    let Ok(api_key) = ApiKey::try_from(i16::from_be_bytes([key_0, key_1])) else { return };
    let version = i16::from_be_bytes([version_0, version_1]);
    let frame = Bytes::copy_from_slice(frame);
    let decode = |frame: &Bytes| {
        within_limits(frame.len(), || ResponseFrame::decode(frame, api_key, version))
    };
    let Some(response) = decoded(&frame, decode(&frame)) else { return };
    let encoded = response.encode().expect("what was decoded").to_bytes().slice(LENGTH_PREFIX..);
    let again = decode(&encoded).expect("what was encoded");
    let twice = again.encode().expect("what was decoded").to_bytes().slice(LENGTH_PREFIX..);
    assert_eq!(twice, encoded);
    assert_eq!(again.header, response.header);
}

/// An error says where in the input it is.
pub(crate) fn decoded<T>(bytes: &Bytes, decoded: Result<T, DecodeError>) -> Option<T> {
    if let Err(error) = &decoded {
        assert!(error.offset() <= bytes.len(), "{error}");
        assert!(!error.message().is_empty() && !error.to_string().is_empty());
    }
    decoded.ok()
}
