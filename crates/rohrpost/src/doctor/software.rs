//! Stage 5: what a broker is, and what a producer would speak with it.

use rohrpost_codec::messages::{
    ApiVersionsResponse, InitProducerIdRequest, MetadataRequest, ProduceRequest,
    SaslAuthenticateRequest, SaslHandshakeRequest,
};
use rohrpost_codec::{ApiKey, Message, VersionRange};
use rohrpost_driver::probe::Conversation;

use super::Check;
use super::report::Finding;
use crate::config::SecurityProtocol;

/// What the broker has told of itself.
pub(super) fn check(label: &str, of: &Conversation, protocol: SecurityProtocol) -> Check {
    let Some(told) = &of.learned().api_versions else {
        return Check::ok(label, "it answers");
    };
    let mut wanted = vec![
        ("produce", ApiKey::Produce, ProduceRequest::VERSIONS),
        ("metadata", ApiKey::Metadata, MetadataRequest::VERSIONS),
        ("init_producer_id", ApiKey::InitProducerId, InitProducerIdRequest::VERSIONS),
    ];
    if protocol.is_sasl() {
        wanted.push(("sasl_handshake", ApiKey::SaslHandshake, SaslHandshakeRequest::VERSIONS));
        let authenticate = SaslAuthenticateRequest::VERSIONS;
        wanted.push(("sasl_authenticate", ApiKey::SaslAuthenticate, authenticate));
    }
    let software = guess(told);
    let lacks = of
        .versions_of(ApiKey::Produce)
        .and_then(|theirs| theirs.intersect(ProduceRequest::VERSIONS))
        .is_none();
    let mut check = if lacks {
        Check::failed(
            label,
            Finding::new(
                "it takes no Produce request that this client can send",
                "check that this is a broker, not a controller, and that the two releases are not too far apart",
            ),
        )
    } else {
        Check::ok(label, format!("it speaks Kafka's protocol: {software}"))
    };
    check = check.fact("software", &software);
    for (name, api_key, ours) in wanted {
        check = check.fact(name, versions(of.versions_of(api_key), ours));
    }
    for feature in told.finalized_features.iter().take(MOST_FEATURES) {
        let level = format!("level {}", feature.max_version_level);
        check = check.fact(format!("feature {}", &*feature.name), level);
    }
    check
}

/// The most features that are named. Kafka 4.3 has eight.
const MOST_FEATURES: usize = 20;

fn versions(theirs: Option<VersionRange>, ours: VersionRange) -> String {
    match theirs {
        None => "it has none".to_owned(),
        Some(theirs) => match theirs.intersect(ours) {
            Some(both) => format!("{theirs}, {} is used", both.max),
            None => format!("{theirs}, this client has {ours}"),
        },
    }
}

/// Brokers do not tell their version. Those of 3.3 and later tell the levels of the feature `metadata.version` that they support (`MetadataVersion` in Kafka), the others are told by
/// the versions of Produce.
fn guess(told: &ApiVersionsResponse) -> String {
    let feature =
        told.supported_features.iter().find(|feature| &*feature.name == "metadata.version");
    if let Some(feature) = feature {
        let release = match feature.max_version {
            ..=1 => "3.0",
            2 => "3.1",
            3 => "3.2",
            4..=7 => "3.3",
            8 => "3.4",
            9..=11 => "3.5",
            12..=14 => "3.6",
            15..=19 => "3.7",
            20 => "3.8",
            21 => "3.9",
            22..=25 => "4.0",
            26..=27 => "4.1",
            28..=29 => "4.2",
            30 => "4.3",
            _ => return "probably Kafka 4.4 or later".to_owned(),
        };
        return format!("probably Kafka {release}");
    }
    let produce = told.api_keys.iter().find(|api| api.api_key == i16::from(ApiKey::Produce));
    let release = match produce.map_or(-1, |api| api.max_version) {
        ..=2 => "0.10 or older",
        3 => "0.11",
        4..=5 => "1.x",
        6 => "2.0",
        7 => "2.1 to 2.3",
        8 => "2.4 to 2.7",
        9 => "2.8 to 3.6",
        10..=11 => "3.7 to 3.9",
        12 => "4.0",
        _ => "4.1 or later",
    };
    format!("probably as Kafka {release}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_codec::ByteStr;
    use rohrpost_codec::messages::api_versions_response::{ApiVersion, SupportedFeatureKey};

    #[test]
    fn a_release_is_guessed_by_the_newest_metadata_version_or_else_by_produce() {
        let mut told = ApiVersionsResponse::default();
        let mut produce = ApiVersion { max_version: 9, ..Default::default() };
        produce.api_key = ApiKey::Produce.into();
        told.api_keys.push(produce);
        assert_eq!(guess(&told), "probably as Kafka 2.8 to 3.6");
        for (level, release) in
            [(7, "3.3"), (21, "3.9"), (25, "4.0"), (30, "4.3"), (31, "4.4 or later")]
        {
            let name = ByteStr::from_static("metadata.version");
            let feature = SupportedFeatureKey { name, max_version: level, ..Default::default() };
            told.supported_features = vec![feature];
            assert_eq!(guess(&told), format!("probably Kafka {release}"));
        }
    }
}
