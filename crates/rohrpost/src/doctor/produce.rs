//! Stage 9: the identity of an idempotent producer, and the test record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost_codec::messages::InitProducerIdRequest;
use rohrpost_driver::pause;
use rohrpost_driver::probe::{Conversation, ProbeError};

use super::metadata::Known;
use super::report::Finding;
use super::{Case, Check, Findings, Stage, Status, explain};
use crate::config::ProducerConfig;
use crate::delivery::RecordMetadata;
use crate::error::{Error, Outcome};
use crate::interceptor::Interceptors;
use crate::producer::Producer;
use crate::record::ProducerRecord;

const IDENTITY: &str = "identity";
const TEST_RECORD: &str = "test record";

/// A broker that is not ready to give identities is asked again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at what a producer may do there.
pub(super) async fn check(
    case: &Arc<Case>,
    cluster: &Known,
    reached: &mut BTreeMap<i32, Conversation>,
    findings: &mut Findings,
) {
    let Some(conversation) = reached.values_mut().next() else {
        let detail = "no broker could be reached at the address that it tells clients";
        findings.note(Stage::Produce, Check::skipped(IDENTITY, detail));
        if case.sends {
            findings.note(Stage::Produce, Check::skipped(TEST_RECORD, detail));
        }
        return;
    };
    let start = Instant::now();
    let identity = match case.config.is_idempotent() {
        true => identity(case, conversation).await.after(start.elapsed()),
        false => Check::skipped(IDENTITY, "the producer is not idempotent, and has none"),
    };
    let has_failed = identity.status == Status::Failed;
    findings.note(Stage::Produce, identity);
    findings.note(Stage::Produce, test_record(case, cluster, has_failed).await);
}

async fn identity(case: &Case, conversation: &mut Conversation) -> Check {
    let start = Instant::now();
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..Default::default()
    };
    loop {
        let left = case.timeout.saturating_sub(start.elapsed());
        match conversation.call(&request, left).await {
            Ok(response) if response.error_code.is_none() => {
                return Check::ok(IDENTITY, "an idempotent producer gets its identity")
                    .fact("producer_id", response.producer_id.to_string());
            }
            Ok(response) if response.error_code.is_retriable() && left > PAUSE => {
                pause(PAUSE).await;
            }
            Ok(response) => {
                let code = response.error_code;
                let detail = format!("no identity for an idempotent producer: {code}");
                return Check::failed(IDENTITY, Finding::new(detail, explain::of_code(code)));
            }
            Err(
                error @ ProbeError::Trouble(rohrpost_cluster::TroubleKind::NoCommonVersion {
                    ..
                }),
            ) => {
                let mut finding = explain::finding(&error, case);
                finding.remedy =
                    "set enable.idempotence=false for brokers before Kafka 0.11".to_owned();
                return Check::failed(IDENTITY, finding);
            }
            Err(error) => return explain::check(IDENTITY, &error, case),
        }
    }
}

async fn test_record(case: &Case, cluster: &Known, has_failed: bool) -> Check {
    let why_not = match (&case.topic, case.sends) {
        (_, false) => Some("none was asked for: nothing was written"),
        (None, true) => Some("no topic was named to write it to"),
        (Some(_), true) if !cluster.has_topic => Some("the topic cannot be written to"),
        (Some(_), true) if has_failed => Some("there is no identity to write it with"),
        _ => None,
    };
    let (Some(topic), None) = (&case.topic, why_not) else {
        return Check::skipped(TEST_RECORD, why_not.unwrap_or_default());
    };
    let start = Instant::now();
    let sent = send(case, topic).await;
    let check = match sent {
        Ok(metadata) => {
            let place = match metadata.offset() {
                Some(offset) => format!("at offset {offset}"),
                None => "at an offset that acks=0 does not tell".to_owned(),
            };
            Check::ok(
                TEST_RECORD,
                format!("written to partition {} of {topic}, {place}", metadata.partition()),
            )
            .fact("topic", topic)
            .fact("partition", metadata.partition().to_string())
            .fact(
                "offset",
                metadata.offset().map_or("unknown".to_owned(), |offset| offset.to_string()),
            )
        }
        Err(error) => {
            let remedy = match error.outcome() {
                Outcome::NotWritten => "it is not in the topic",
                _ => "it may be in the topic all the same: look before trying again",
            };
            Check::failed(TEST_RECORD, Finding::new(error.to_string(), remedy))
        }
    };
    check.after(start.elapsed())
}

/// Sends it as any program would, with a producer of its own.
async fn send(case: &Case, topic: &str) -> Result<RecordMetadata, Error> {
    let producer = Producer::start(hurried(&case.config, topic, case.timeout)).await?;
    let record = ProducerRecord::new(topic)
        .key(b"rohrpost-doctor".as_slice())
        .value(b"a test record of rohrpost doctor".as_slice());
    let result = async { producer.send(record).await?.await }.await;
    // It has been answered, or been given up.
    let _ = producer.close(Duration::from_millis(100)).await;
    result
}

/// The same configuration, with the examination's patience.
fn hurried(config: &ProducerConfig, topic: &str, timeout: Duration) -> ProducerConfig {
    let mut config = config.for_topic(topic);
    config.interceptors = Interceptors::default();
    config.request_timeout = config.request_timeout.min(timeout);
    config.linger = Duration::ZERO;
    config.max_block = config.max_block.min(timeout);
    config.delivery_timeout = Some(config.request_timeout.max(timeout));
    config
}
