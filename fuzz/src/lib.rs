//! What the fuzz targets have in common.

use rohrpost_codec::{Bytes, Response, decode_response, encode_response};

/// Reads `data` as a version (one byte) and a frame that answers a request of it. Whatever decodes
/// must encode, and come back as it is.
pub fn response<R: Response>(data: &[u8]) {
    let Some((&version, frame)) = data.split_first() else { return };
    // A few versions that nobody speaks, too.
    let version = i16::from(version % 32);
    let frame = Bytes::copy_from_slice(frame);
    let Ok((correlation_id, response)) = decode_response::<R>(&frame, version) else { return };
    let body_version = R::body_version(&frame[4..], version);
    let again = encode_response(correlation_id, &response, body_version);
    let again = again.expect("what was decoded can be encoded").to_bytes().slice(4..);
    let decoded = decode_response::<R>(&again, body_version);
    assert_eq!(decoded.expect("what was encoded can be decoded"), (correlation_id, response));
}
