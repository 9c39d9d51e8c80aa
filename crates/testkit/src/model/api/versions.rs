//! ApiVersions (KIP-35, KIP-511).

use rohrpost_codec::messages::ApiVersionsRequest;
use rohrpost_codec::messages::api_versions_response::{
    ApiVersion, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, encode_response};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Answer, Model};

/// Before, features that can be off, in version 0, are not told: clients took them for mistakes (KAFKA-17011).
const FEATURES_FROM_ZERO_SINCE: i16 = 4;

/// Since then a client says its name and version, which must look like ones.
const NAMES_SINCE: i16 = 3;

impl Serve for ApiVersionsRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<ApiVersionsResponse> {
        let mut response = ApiVersionsResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..ApiVersionsResponse::default()
        };
        let is_named =
            is_name(&self.client_software_name) && is_name(&self.client_software_version);
        if let Some(code) = call.verdict.refusal_of(None) {
            response.error_code = code;
        } else if call.version >= NAMES_SINCE && !is_named {
            response.error_code = ErrorCode::INVALID_REQUEST;
        } else {
            response.api_keys = all(model);
            tell_features(model, call.version, &mut response);
            response.error_code = call.verdict.disguise_of(None).unwrap_or_default();
            #[cfg(feature = "sasl")]
            model.told_versions(call.session);
        }
        Reply::With(response)
    }
}

/// The answer to a version of ApiVersions that is not spoken: in version 0, with the versions that are.
pub(in crate::model) fn unsupported(model: &Model, correlation_id: i32) -> Answer {
    let mut api_keys = all(model);
    api_keys.retain(|api| api.api_key == i16::from(ApiKey::ApiVersions));
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys,
        ..ApiVersionsResponse::default()
    };
    match encode_response(correlation_id, &response, 0) {
        Ok(frame) => Answer::Send(frame.to_bytes()),
        Err(_) => Answer::Close,
    }
}

fn all(model: &Model) -> Vec<ApiVersion> {
    let told = super::SERVED.iter().filter_map(|&(key, _)| {
        let versions = model.versions_of(key)?;
        Some(ApiVersion {
            api_key: key.into(),
            min_version: versions.min,
            max_version: versions.max,
            ..ApiVersion::default()
        })
    });
    told.collect()
}

fn tell_features(model: &Model, version: i16, response: &mut ApiVersionsResponse) {
    for (name, feature) in &model.config.features {
        let name = ByteStr::copy_from(name);
        if feature.supported.min > 0 || version >= FEATURES_FROM_ZERO_SINCE {
            response.supported_features.push(SupportedFeatureKey {
                name: name.clone(),
                min_version: feature.supported.min,
                max_version: feature.supported.max,
                ..SupportedFeatureKey::default()
            });
        }
        if feature.finalized > 0 {
            response.finalized_features.push(FinalizedFeatureKey {
                name,
                min_version_level: feature.finalized,
                max_version_level: feature.finalized,
                ..FinalizedFeatureKey::default()
            });
        }
    }
    response.finalized_features_epoch = model.features_epoch;
}

/// What KIP-511 allows in a client's name: letters, digits, dots and dashes, with a letter or digit at both ends.
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|&byte| is_inner(byte))
}
