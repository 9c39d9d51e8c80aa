//! What a client must read before it knows which versions the broker speaks (KIP-511).

use crate::ErrorCode;
use crate::message::is_spoken;
use crate::messages::ApiVersionsRequest;

/// The ApiVersions request that a broker takes one of an unknown version for: its body says nothing
/// that the answer depends on.
pub(crate) fn api_versions_request(version: i16) -> Option<(i16, ApiVersionsRequest)> {
    (!is_spoken::<ApiVersionsRequest>(version)).then(|| (0, ApiVersionsRequest::default()))
}

/// The version of an ApiVersions answer's body: a broker that does not speak the request's version
/// answers UNSUPPORTED_VERSION in version 0, with the versions that it speaks.
pub(crate) fn api_versions_body_version(body: &[u8], version: i16) -> i16 {
    // The error code comes first in every version.
    match body {
        [high, low, ..]
            if ErrorCode(i16::from_be_bytes([*high, *low])) == ErrorCode::UNSUPPORTED_VERSION =>
        {
            0
        }
        _ => version,
    }
}
