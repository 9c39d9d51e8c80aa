//! Which feature of the codec brings which message.

use super::Result;

/// Messages that every client needs before it can ask for anything else.
const ALWAYS: &[&str] =
    &["ApiVersions", "RequestHeader", "ResponseHeader", "SaslAuthenticate", "SaslHandshake"];

const AREAS: &[(&str, &[&str])] = &[
    (
        "producer",
        &[
            "AddOffsetsToTxn",
            "AddPartitionsToTxn",
            "EndTxn",
            "FindCoordinator",
            "GetTelemetrySubscriptions",
            "InitProducerId",
            "Metadata",
            "Produce",
            "PushTelemetry",
            "TxnOffsetCommit",
        ],
    ),
    (
        "consumer",
        &[
            "ConsumerGroupDescribe",
            "ConsumerGroupHeartbeat",
            "ConsumerProtocolAssignment",
            "ConsumerProtocolSubscription",
            "Fetch",
            "FindCoordinator",
            "GetTelemetrySubscriptions",
            "Heartbeat",
            "JoinGroup",
            "LeaveGroup",
            "ListOffsets",
            "Metadata",
            "OffsetCommit",
            "OffsetFetch",
            "OffsetForLeaderEpoch",
            "PushTelemetry",
            "ShareAcknowledge",
            "ShareFetch",
            "ShareGroupDescribe",
            "ShareGroupHeartbeat",
            "StreamsGroupDescribe",
            "StreamsGroupHeartbeat",
            "StreamsGroupTopologyDescriptionUpdate",
            "SyncGroup",
        ],
    ),
    (
        "admin",
        &[
            "AddRaftVoter",
            "AlterClientQuotas",
            "AlterConfigs",
            "AlterPartitionReassignments",
            "AlterReplicaLogDirs",
            "AlterShareGroupOffsets",
            "AlterUserScramCredentials",
            "ConsumerGroupDescribe",
            "CreateAcls",
            "CreateDelegationToken",
            "CreatePartitions",
            "CreateTopics",
            "DeleteAcls",
            "DeleteGroups",
            "DeleteRecords",
            "DeleteShareGroupOffsets",
            "DeleteTopics",
            "DescribeAcls",
            "DescribeClientQuotas",
            "DescribeCluster",
            "DescribeConfigs",
            "DescribeDelegationToken",
            "DescribeGroups",
            "DescribeLogDirs",
            "DescribeProducers",
            "DescribeQuorum",
            "DescribeShareGroupOffsets",
            "DescribeTopicPartitions",
            "DescribeTransactions",
            "DescribeUserScramCredentials",
            "ElectLeaders",
            "ExpireDelegationToken",
            "FindCoordinator",
            "IncrementalAlterConfigs",
            "ListConfigResources",
            "ListGroups",
            "ListOffsets",
            "ListPartitionReassignments",
            "ListTransactions",
            "Metadata",
            "OffsetCommit",
            "OffsetDelete",
            "OffsetFetch",
            "RemoveRaftVoter",
            "RenewDelegationToken",
            "ShareGroupDescribe",
            "StreamsGroupDescribe",
            "UnregisterBroker",
            "UnregisterController",
            "UpdateFeatures",
            "WriteTxnMarkers",
        ],
    ),
    (
        "controller",
        &[
            "AbortedTxn",
            "AllocateProducerIds",
            "AlterPartition",
            "AssignReplicasToDirs",
            "BeginQuorumEpoch",
            "BrokerHeartbeat",
            "BrokerRegistration",
            "ControlRecordTypeSchema",
            "ControllerRegistration",
            "DefaultPrincipalData",
            "DeleteShareGroupState",
            "EndQuorumEpoch",
            "EndTxnMarker",
            "Envelope",
            "FetchSnapshot",
            "InitializeShareGroupState",
            "KRaftVersionRecord",
            "LeaderChangeMessage",
            "ReadShareGroupState",
            "ReadShareGroupStateSummary",
            "SnapshotFooterRecord",
            "SnapshotHeaderRecord",
            "UpdateRaftVoter",
            "Vote",
            "VotersRecord",
            "WriteShareGroupState",
            "WriteTxnMarkers",
        ],
    ),
];

/// The `cfg` attribute of the message, such as `#[cfg(feature = "producer")]`; empty for one that
/// is always there.
pub(super) fn cfg(message: &str) -> Result<String> {
    let api = message.strip_suffix("Request").or_else(|| message.strip_suffix("Response"));
    let api = api.unwrap_or(message);
    if ALWAYS.contains(&api) || ALWAYS.contains(&message) {
        return Ok(String::new());
    }
    let features: Vec<String> = AREAS
        .iter()
        .filter(|(_, messages)| messages.contains(&api))
        .map(|(area, _)| format!("feature = \"{area}\""))
        .collect();
    match features.as_slice() {
        [] => Err(format!("{message} is in no area: name one in xtask/src/codegen/areas.rs")),
        [one] => Ok(format!("#[cfg({one})]")),
        several => Ok(format!("#[cfg(any({}))]", several.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_a_feature_or_needs_none() {
        assert_eq!(cfg("ApiVersionsRequest").unwrap(), "");
        assert_eq!(cfg("RequestHeader").unwrap(), "");
        assert_eq!(cfg("ProduceResponse").unwrap(), "#[cfg(feature = \"producer\")]");
        assert_eq!(
            cfg("ListOffsetsRequest").unwrap(),
            "#[cfg(any(feature = \"consumer\", feature = \"admin\"))]"
        );
        assert!(cfg("NewRequest").is_err());
    }
}
