//! Stage 7: the cluster, its brokers, and the topic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use rohrpost_cluster::{HostPort, TroubleKind};
use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::messages::{MetadataRequest, MetadataResponse};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};
use rohrpost_driver::probe::ProbeError;

use super::access::Ready;
use super::report::Finding;
use super::{Case, Check, Findings, Stage, Status, explain};

/// What is known of the cluster.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) brokers: BTreeMap<i32, HostPort>,
    /// Those that lead the topic's partitions; `None` without a topic, or where nobody does.
    pub(super) leaders: Option<BTreeSet<i32>>,
    /// Whether there is a topic that can be written to.
    pub(super) has_topic: bool,
}

/// The version of Metadata from which on a request says whether it may create topics.
const ASKS_ONLY: i16 = 4;

/// The version of Metadata from which on an answer says what is allowed (KIP-430).
const TELLS_OPERATIONS: i16 = 8;

/// The operation Write, among those that an answer tells (`AclOperation`).
const WRITE: i32 = 1 << 4;

/// The most brokers and partitions that are named in a fact.
const MOST_NAMED: usize = 50;

/// Asks the first broker that answers. `None` if nothing is known then.
pub(super) async fn ask(
    case: &Arc<Case>,
    found: &mut [Ready],
    findings: &mut Findings,
) -> Option<Known> {
    for Ready { label, conversation } in found {
        let newest = conversation.versions_of(ApiKey::Metadata).map_or(0, |theirs| theirs.max);
        let topic = case.topic.as_deref().filter(|_| newest >= ASKS_ONLY);
        let request = MetadataRequest {
            topics: Some(topic.map(asked).into_iter().collect()),
            allow_auto_topic_creation: newest < ASKS_ONLY,
            include_topic_authorized_operations: newest >= TELLS_OPERATIONS,
            ..Default::default()
        };
        let start = Instant::now();
        let answer = conversation.call(&request, case.timeout).await;
        let elapsed = start.elapsed();
        match answer {
            Ok(response) if response.error_code.is_none() && !response.brokers.is_empty() => {
                let check = cluster(label, &response).after(elapsed);
                findings.note(Stage::Metadata, check);
                return Some(known(case, topic, &response, findings));
            }
            Ok(response) => {
                let finding = match response.error_code {
                    ErrorCode::NONE => Finding::new(
                        "the broker knows no brokers yet: it is starting, or cut off from its controller",
                        "wait a moment; if it stays, look at the controllers' quorum",
                    ),
                    code => {
                        Finding::new(format!("it refuses Metadata: {code}"), explain::of_code(code))
                    }
                };
                findings.note(Stage::Metadata, Check::failed(&label, finding).after(elapsed));
            }
            Err(error) => {
                super::access::note_failure(
                    Stage::Metadata,
                    label,
                    &error,
                    case,
                    elapsed,
                    findings,
                );
                // The others' listeners are not otherwise.
                if matches!(error, ProbeError::Trouble(TroubleKind::LostUnserved(_))) {
                    return None;
                }
            }
        }
    }
    None
}

fn asked(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(ByteStr::copy_from(name)), ..Default::default() }
}

fn cluster(label: &str, response: &MetadataResponse) -> Check {
    let count = response.brokers.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut check = Check::ok(label, format!("the cluster has {count} broker{plural}"));
    if let Some(id) = &response.cluster_id {
        check = check.fact("cluster_id", &**id);
    }
    if response.controller_id >= 0 {
        check = check.fact("controller", response.controller_id.to_string());
    }
    for broker in response.brokers.iter().take(MOST_NAMED) {
        let mut address = format!("{}:{}", &*broker.host, broker.port);
        if let Some(rack) = &broker.rack {
            let _ = write!(address, ", rack {}", &**rack);
        }
        check = check.fact(format!("broker {}", broker.node_id), address);
    }
    if count > MOST_NAMED {
        check = check.fact("more_brokers", (count - MOST_NAMED).to_string());
    }
    check
}

fn known(
    case: &Case,
    topic: Option<&str>,
    response: &MetadataResponse,
    findings: &mut Findings,
) -> Known {
    let brokers: BTreeMap<i32, HostPort> = response
        .brokers
        .iter()
        .map(|broker| {
            let port = u16::try_from(broker.port).unwrap_or(0);
            (broker.node_id, HostPort::new(broker.host.to_string(), port))
        })
        .collect();
    let mut known = Known { brokers, leaders: None, has_topic: false };
    let Some(name) = topic else {
        let why = match case.topic {
            None => "no topic was named",
            Some(_) => "this broker would create the topic if it were asked about it",
        };
        findings.note(Stage::Metadata, Check::skipped("topic", why));
        return known;
    };
    let told = response.topics.iter().find(|topic| topic.name.as_deref() == Some(name));
    let (checks, leaders) = match told {
        Some(topic) => of_topic(name, topic, &known.brokers),
        None => {
            let finding = Finding::new("the broker said nothing of it", "look at the broker's log");
            (vec![Check::failed(name, finding)], BTreeSet::new())
        }
    };
    known.has_topic = checks.iter().all(|check| check.status != Status::Failed);
    known.leaders = Some(leaders).filter(|leaders| !leaders.is_empty());
    for check in checks {
        findings.note(Stage::Metadata, check);
    }
    known
}

/// What there is to say of a topic, and who leads its partitions.
fn of_topic(
    name: &str,
    topic: &MetadataResponseTopic,
    brokers: &BTreeMap<i32, HostPort>,
) -> (Vec<Check>, BTreeSet<i32>) {
    let subject = format!("topic {name}");
    if !topic.error_code.is_none() {
        let code = topic.error_code;
        let detail = match code {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => format!("there is no such topic: {code}"),
            ErrorCode::TOPIC_AUTHORIZATION_FAILED => {
                format!("the principal may not describe it: {code}")
            }
            _ => code.to_string(),
        };
        let check = Check::failed(subject, Finding::new(detail, explain::of_code(code)));
        return (vec![check], BTreeSet::new());
    }
    let count = topic.partitions.len();
    let is_led = |of: &&MetadataResponsePartition| brokers.contains_key(&of.leader_id);
    let leaders = topic.partitions.iter().filter(is_led).map(|of| of.leader_id).collect();
    let leaderless: Vec<i32> = numbers(topic, |of| !brokers.contains_key(&of.leader_id));
    let behind: Vec<i32> =
        numbers(topic, |of| of.isr_nodes.iter().count() < of.replica_nodes.iter().count());
    let plural = if count == 1 { "" } else { "s" };
    let mut check = if !leaderless.is_empty() {
        let finding = Finding::new(
            format!(
                "{} of its {count} partition{plural} have no leader: {}",
                leaderless.len(),
                list(&leaderless)
            ),
            "nothing can be written to these: look for brokers that are down (kafka-topics --describe --unavailable-partitions)",
        );
        Check::failed(&subject, finding)
    } else if !behind.is_empty() {
        Check::warning(
            &subject,
            format!(
                "{} of its {count} partition{plural} have replicas that are not in sync: {}",
                behind.len(),
                list(&behind)
            ),
            "acks=all needs min.insync.replicas of them: look for brokers that are down or slow",
        )
    } else {
        Check::ok(
            &subject,
            format!("{count} partition{plural}, each with a leader and all replicas in sync"),
        )
    };
    for of in topic.partitions.iter().take(MOST_NAMED) {
        let nodes =
            |nodes: &rohrpost_codec::Int32Array| list(&nodes.iter().copied().collect::<Vec<i32>>());
        let mut fact = format!(
            "leader {}, replicas {}, in sync {}",
            of.leader_id,
            nodes(&of.replica_nodes),
            nodes(&of.isr_nodes)
        );
        if !of.error_code.is_none() {
            let _ = write!(fact, ", {}", of.error_code);
        }
        check = check.fact(format!("partition {}", of.partition_index), fact);
    }
    if count > MOST_NAMED {
        check = check.fact("more_partitions", (count - MOST_NAMED).to_string());
    }
    let mut checks = vec![check];
    // Brokers before 2.3 do not tell; then it is the least number there is.
    if topic.topic_authorized_operations != i32::MIN {
        let may_write = topic.topic_authorized_operations & WRITE != 0;
        checks.push(match may_write {
            true => Check::ok(&subject, "the principal may write to it"),
            false => Check::failed(
                &subject,
                Finding::new(
                    "the principal may not write to it",
                    explain::of_code(ErrorCode::TOPIC_AUTHORIZATION_FAILED),
                ),
            ),
        });
    }
    (checks, leaders)
}

fn numbers(
    topic: &MetadataResponseTopic,
    which: impl Fn(&MetadataResponsePartition) -> bool,
) -> Vec<i32> {
    let found = topic.partitions.iter().filter(|of| which(of));
    found.map(|of| of.partition_index).collect()
}

fn list(numbers: &[i32]) -> String {
    let few = numbers.iter().take(MOST_NAMED).map(i32::to_string);
    let mut text = few.collect::<Vec<_>>().join(", ");
    if numbers.len() > MOST_NAMED {
        let _ = write!(text, " and {} more", numbers.len() - MOST_NAMED);
    }
    text
}
