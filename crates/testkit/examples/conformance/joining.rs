//! What Kafka does not do in one request: let a member join a group, and agree on another version of a feature.

use std::io;

use rohrpost_codec::messages::join_group_request::JoinGroupRequestProtocol;
use rohrpost_codec::messages::update_features_request::FeatureUpdateKey;
use rohrpost_codec::messages::{
    ApiVersionsRequest, JoinGroupRequest, SyncGroupRequest, UpdateFeaturesRequest,
};
use rohrpost_codec::{ByteStr, Bytes, ErrorCode};

use crate::sides::{Heard, Kafka, Side};

const FEATURE: &str = "transaction.version";

/// As long as a member may be silent: longer than a sequence takes.
const SESSION_MS: i32 = 60_000;

/// A downgrade that loses nothing, and an upgrade.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;

/// Joins a group as its only member, and stays; the next that joins a group of this name throws it out.
pub(crate) fn join(
    kafka: &mut Kafka,
    group: &str,
    instance: Option<&'static str>,
) -> io::Result<()> {
    let mut member_id = ByteStr::default();
    let mut joined = None;
    kafka.until("a member", |kafka| {
        let protocol = JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            ..Default::default()
        };
        let request = JoinGroupRequest {
            group_id: group.to_owned().into(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: 1000,
            member_id: member_id.clone(),
            group_instance_id: instance.map(Into::into),
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            ..Default::default()
        };
        let Heard::Answer(answer) = kafka.call(&request, 6, false)? else { return Ok(false) };
        member_id = answer.member_id.clone();
        let is_in = answer.error_code.is_none();
        joined = is_in.then_some(answer.generation_id);
        Ok(is_in)
    })?;
    let generation_id = joined.unwrap_or(-1);
    if generation_id != 1 {
        return Err(io::Error::other(format!("{group} is in generation {generation_id}")));
    }
    let request = SyncGroupRequest {
        group_id: group.to_owned().into(),
        generation_id,
        member_id: member_id.clone(),
        group_instance_id: instance.map(Into::into),
        ..Default::default()
    };
    match kafka.call(&request, 4, false)? {
        Heard::Answer(answer) if answer.error_code == ErrorCode::NONE => {}
        other => return Err(io::Error::other(format!("SyncGroup: {other:?}"))),
    }
    kafka.names.members.push(member_id.to_string());
    Ok(())
}

/// Up- or downgrades the cluster's transactions, and waits until every broker says so.
pub(crate) fn agree(kafka: &mut Kafka, transaction_version: i16) -> io::Result<()> {
    for upgrade_type in [UPGRADE, SAFE_DOWNGRADE] {
        let update = FeatureUpdateKey {
            feature: FEATURE.into(),
            max_version_level: transaction_version,
            upgrade_type,
            ..Default::default()
        };
        let request = UpdateFeaturesRequest {
            timeout_ms: 10_000,
            feature_updates: vec![update],
            ..Default::default()
        };
        // One of the two is refused.
        kafka.call(&request, 1, false)?;
    }
    let request = ApiVersionsRequest {
        client_software_name: "conformance".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    kafka.until_all("a feature", |kafka| {
        let Heard::Answer(answer) = kafka.call(&request, 3, false)? else { return Ok(false) };
        let mut known = answer.finalized_features.iter();
        let level = known.find(|known| *known.name == *FEATURE).map_or(0, |f| f.max_version_level);
        Ok(level == transaction_version)
    })
}
