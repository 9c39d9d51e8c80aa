//! Has Kafka refuse something, and waits until it does.

use std::io;

use rohrpost_codec::messages::create_acls_request::AclCreation;
use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::{
    AddOffsetsToTxnRequest, CreateAclsRequest, InitProducerIdRequest, MetadataRequest,
    ProduceRequest,
};
use rohrpost_codec::{Bytes, ErrorCode};
use rohrpost_testkit::model::Permission;

use crate::sides::{Heard, Kafka, Side};

// Kafka's numbers for kinds of resources, of patterns, for operations and permissions.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const TRANSACTIONAL_ID: i8 = 5;
const LITERAL: i8 = 3;
const ALL: i8 = 2;
const READ: i8 = 3;
const WRITE: i8 = 4;
const DESCRIBE: i8 = 8;
const DENY: i8 = 2;
const ALLOW: i8 = 3;

pub(crate) fn deny(kafka: &mut Kafka, permission: &Permission) -> io::Result<()> {
    let (kind, name, operation) = match permission {
        Permission::WriteTopic(name) => (TOPIC, name, WRITE),
        Permission::DescribeTopic(name) => (TOPIC, name, DESCRIBE),
        Permission::WriteTransactionalId(id) => (TRANSACTIONAL_ID, id, WRITE),
        Permission::ReadGroup(group) => (GROUP, group, READ),
        other => return Err(io::Error::other(format!("{other:?} is not to be denied here"))),
    };
    let acl = |operation, permission_type| AclCreation {
        resource_type: kind,
        resource_name: name.clone().into(),
        resource_pattern_type: LITERAL,
        principal: "User:ANONYMOUS".into(),
        host: "*".into(),
        operation,
        permission_type,
        ..Default::default()
    };
    // A resource that has a rule is closed but for what another rule allows.
    let creations = vec![acl(ALL, ALLOW), acl(operation, DENY)];
    let request = CreateAclsRequest { creations, ..Default::default() };
    if let Heard::Answer(answer) = kafka.call(&request, 3, false)? {
        if let Some(failed) = answer.results.iter().find(|result| !result.error_code.is_none()) {
            return Err(io::Error::other(format!("CreateAcls: {failed:?}")));
        }
    }
    kafka.until_all("a permission", |kafka| is_denied(kafka, permission))
}

/// Whether the broker has heard of it already: asked in ways that change nothing.
fn is_denied(kafka: &mut Kafka, permission: &Permission) -> io::Result<bool> {
    match permission {
        Permission::WriteTopic(name) => {
            // No batch at all: refused for that otherwise.
            let data =
                PartitionProduceData { records: Some(Bytes::new().into()), ..Default::default() };
            let topic = TopicProduceData {
                name: name.clone().into(),
                partition_data: vec![data],
                ..Default::default()
            };
            let request = ProduceRequest {
                acks: 1,
                timeout_ms: 1000,
                topic_data: vec![topic],
                ..Default::default()
            };
            let Heard::Answer(answer) = kafka.call(&request, 12, false)? else { return Ok(false) };
            let mut all = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
            Ok(all.any(|p| p.error_code == ErrorCode::TOPIC_AUTHORIZATION_FAILED))
        }
        Permission::DescribeTopic(name) => {
            let name = Some(name.clone().into());
            let topics = vec![MetadataRequestTopic { name, ..Default::default() }];
            let request = MetadataRequest { topics: Some(topics), ..Default::default() };
            let Heard::Answer(answer) = kafka.call(&request, 9, false)? else { return Ok(false) };
            let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
            Ok(answer.topics.iter().any(|topic| topic.error_code == code))
        }
        Permission::WriteTransactionalId(id) => {
            // A timeout that nobody may have: refused for that otherwise.
            let request = InitProducerIdRequest {
                transactional_id: Some(id.clone().into()),
                transaction_timeout_ms: -1,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            };
            let Heard::Answer(answer) = kafka.call(&request, 4, false)? else { return Ok(false) };
            Ok(answer.error_code == ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        }
        Permission::ReadGroup(group) => {
            // A transactional id that nobody has: refused for that otherwise.
            let request = AddOffsetsToTxnRequest {
                transactional_id: "nobody".into(),
                group_id: group.clone().into(),
                ..Default::default()
            };
            let Heard::Answer(answer) = kafka.call(&request, 3, false)? else { return Ok(false) };
            Ok(answer.error_code == ErrorCode::GROUP_AUTHORIZATION_FAILED)
        }
        _ => Ok(true),
    }
}
