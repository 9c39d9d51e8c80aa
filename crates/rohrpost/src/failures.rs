//! The driver's failures as errors: kinds and words.

use std::fmt;

use rohrpost_driver as driver;
use rohrpost_driver::{Failure, SendFailure};
use rohrpost_engine::{AdmissionError, BrokerAt, DeliveryError, DeliveryErrorKind, Refused};

use crate::error::{Broker, Error, ErrorKind, Outcome};
use crate::record::ProducerRecord;

impl Error {
    pub(crate) fn driver_gone() -> Self {
        Self::new(
            ErrorKind::DriverGone,
            "the task that runs the producer has ended: its runtime was shut down, or lacks I/O or time (enable_all), or the task panicked. \
             Build the producer on a runtime that lives as long as it, or with own_thread(true)",
        )
    }

    #[cold]
    pub(crate) fn from_send(failure: &SendFailure, record: &ProducerRecord<'_>) -> Self {
        let error = match failure {
            SendFailure::Admission(error) => admission(error),
            SendFailure::NoMemory { bytes } => Self::new(
                ErrorKind::MemoryTimeout,
                format!(
                    "no room for {bytes} bytes came free in buffer.memory within max.block.ms: the cluster takes records more slowly than they are \
                     sent, or not at all. Send more slowly, or set a larger buffer.memory or max.block.ms"
                ),
            )
            .with_retriable(true),
            SendFailure::OverBudget(over) => Self::new(
                ErrorKind::RecordTooLarge,
                format!("topic {}: {over}: set a larger buffer.memory", record.topic()),
            ),
            SendFailure::Refused(refused) => refusal(refused, record.topic()),
            SendFailure::NegativePartition(partition) => Self::new(
                ErrorKind::UnknownPartition,
                format!(
                    "topic {}: there is no {}: partitions are numbered from 0",
                    record.topic(),
                    // A number beyond the protocol's comes as the least there is: see `IntoPartition`.
                    match partition {
                        &i32::MIN => "such partition".to_owned(),
                        partition => format!("partition {partition}"),
                    }
                ),
            ),
            SendFailure::Partitioner(fault) => Self::new(
                ErrorKind::Partitioner,
                format!("topic {}: {fault}: mend the partitioner", record.topic()),
            ),
            SendFailure::WouldWaitForMemory => Self::new(
                ErrorKind::WouldBlock,
                "there is no room in buffer.memory now: try again later, or use send, which waits",
            )
            .with_retriable(true),
            SendFailure::WouldWaitForMetadata => Self::new(
                ErrorKind::WouldBlock,
                format!(
                    "nothing is known of topic {:?} yet: try again later, or use send, which waits",
                    record.topic()
                ),
            )
            .with_retriable(true),
            SendFailure::Closed => Self::new(ErrorKind::Closed, "the producer is closed"),
            _ => Self::driver_gone(),
        };
        error.with_place(record.topic(), record.requested_partition())
    }
}

fn admission(error: &AdmissionError) -> Error {
    let text = error.to_string();
    match error {
        AdmissionError::TimedOut {
            partition, partitions, topic_error, broker, unreached, ..
        } => {
            let kind = match (partition, partitions, topic_error) {
                (Some(_), Some(_), _) => ErrorKind::UnknownPartition,
                (_, _, Some(code)) if code.name() == "UNKNOWN_TOPIC_OR_PARTITION" => {
                    ErrorKind::UnknownTopic
                }
                _ => ErrorKind::MetadataTimeout,
            };
            let error = Error::new(kind, text)
                .with_retriable(true)
                .with_code(topic_error.map(|code| code.0))
                .with_broker(broker.as_ref().map(broker_at));
            match Unreached::of(unreached) {
                Some(unreached) => error.with_source(unreached),
                None => error,
            }
        }
        AdmissionError::Refused { code, .. } => {
            let kind = match code.name() {
                "INVALID_TOPIC_EXCEPTION" => ErrorKind::UnknownTopic,
                name if name.ends_with("AUTHORIZATION_FAILED") => ErrorKind::Authorization,
                _ => ErrorKind::Broker,
            };
            let remedy = match code.name() {
                "TOPIC_AUTHORIZATION_FAILED" => {
                    ": let this principal describe and write the topic (operations Describe and Write on the resource Topic)"
                }
                "CLUSTER_AUTHORIZATION_FAILED" => {
                    ": let this principal create topics (operation Create on the resource Cluster), or create the topic for it"
                }
                _ => "",
            };
            Error::new(kind, format!("{text}{remedy}")).with_code(Some(code.0))
        }
        AdmissionError::Authentication { error, broker, .. } => {
            Error::new(ErrorKind::Authentication, text)
                .with_code(error.code().map(|code| code.0))
                .with_broker(broker.as_ref().map(broker_at))
        }
        AdmissionError::Closed => Error::new(ErrorKind::Closed, text),
        _ => Error::new(ErrorKind::Broker, text),
    }
}

/// An address at which no broker has answered, and what is wrong there; behind it, as its source, the next one.
#[derive(Debug)]
struct Unreached {
    text: String,
    next: Option<Box<Self>>,
}

impl Unreached {
    /// So many addresses are worth a chain.
    const MOST: usize = 8;

    fn of(addresses: &[String]) -> Option<Self> {
        let shown = addresses.iter().take(Self::MOST).rev();
        shown.fold(None, |next, text| Some(Self { text: text.clone(), next: next.map(Box::new) }))
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Unreached {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

fn refusal(refused: &Refused, topic: &str) -> Error {
    match refused {
        Refused::TooLarge { is_memory, .. } => {
            let property = if *is_memory { "buffer.memory" } else { "max.request.size" };
            let message =
                format!("topic {topic}: {refused}: set a larger {property}, or send less at once");
            Error::new(ErrorKind::RecordTooLarge, message)
        }
        _ => Error::new(ErrorKind::InvalidRecord, format!("topic {topic}: {refused}")),
    }
}

impl Error {
    /// A record's failure, of whose delivery there is no more to be had than that.
    #[cold]
    pub(crate) fn of_delivery(topic: &str, partition: i32, error: &DeliveryError) -> Self {
        delivery(&format!("{topic}-{partition}"), error).with_place(topic, Some(partition))
    }
}

impl From<driver::Failed> for Error {
    #[cold]
    fn from(failed: driver::Failed) -> Self {
        let place = format!("{}-{}", failed.topic(), failed.partition());
        let error = match &**failed.failure() {
            Failure::Delivery(error) => delivery(&place, error),
            Failure::Closed => Self::new(
                ErrorKind::Closed,
                format!("{place}: the producer was closed while the record was on its way in"),
            )
            .with_outcome(Outcome::NotWritten),
            Failure::DriverGone { sent } => Self::driver_gone().with_outcome(if *sent {
                Outcome::MaybeWritten
            } else {
                Outcome::NotWritten
            }),
            _ => Self::driver_gone().with_outcome(Outcome::MaybeWritten),
        };
        error.with_place(failed.topic(), Some(failed.partition()))
    }
}

fn delivery(place: &str, error: &DeliveryError) -> Error {
    let code = error.code();
    let outcome = match error.outcome() {
        rohrpost_engine::Outcome::NotWritten => Outcome::NotWritten,
        rohrpost_engine::Outcome::MaybeWritten => Outcome::MaybeWritten,
        rohrpost_engine::Outcome::Written => Outcome::Written,
    };
    let remedy = remedy(error);
    let colon = if remedy.is_empty() { "" } else { ": " };
    Error::new(delivery_kind(error), format!("{place}: {}{colon}{remedy}", error.reason()))
        .with_outcome(outcome)
        .with_retriable(error.is_retriable())
        .with_code(code.map(|code| code.0))
        .with_broker(error.broker().map(broker_at))
}

fn broker_at(broker: &BrokerAt) -> Broker {
    Broker::new(broker.node.0, broker.address.as_ref().map(ToString::to_string))
}

/// What to do about it, where that can be said.
fn remedy(error: &DeliveryError) -> &'static str {
    if error.is_closed() {
        return "give close more time, or flush before";
    }
    match error.code().map_or("", |code| code.name()) {
        "TOPIC_AUTHORIZATION_FAILED" => {
            "let this principal write to the topic (operation Write on the resource Topic)"
        }
        "CLUSTER_AUTHORIZATION_FAILED" => {
            "let this principal write idempotently (IdempotentWrite on the cluster), or set enable.idempotence=false"
        }
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" => {
            "let this principal use the transactional id (operation Write on the resource TransactionalId)"
        }
        "MESSAGE_TOO_LARGE" | "RECORD_LIST_TOO_LARGE" => {
            "send less at once, or set a larger max.message.bytes of the topic"
        }
        "INVALID_TIMESTAMP" => {
            "the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms say which timestamps it takes"
        }
        "INVALID_RECORD" => "a compacted topic takes no record without a key",
        "NOT_ENOUGH_REPLICAS" | "NOT_ENOUGH_REPLICAS_AFTER_APPEND" => {
            "fewer replicas are in sync than the topic's min.insync.replicas"
        }
        "UNSUPPORTED_COMPRESSION_TYPE" => "set another compression.type",
        "UNKNOWN_TOPIC_OR_PARTITION" | "UNKNOWN_TOPIC_ID" => {
            "the topic was deleted, or this broker has not heard of it yet"
        }
        "POLICY_VIOLATION" => "a policy of the cluster forbids it",
        _ => "",
    }
}

fn delivery_kind(error: &DeliveryError) -> ErrorKind {
    if error.is_closed() {
        return ErrorKind::Closed;
    }
    if error.is_timeout() {
        return ErrorKind::DeliveryTimeout;
    }
    if error.is_authentication() {
        return ErrorKind::Authentication;
    }
    if error.is_authorization() {
        return ErrorKind::Authorization;
    }
    if error.is_too_large() {
        return ErrorKind::RecordTooLarge;
    }
    match (error.code().map(|code| code.name()), error.kind()) {
        (_, DeliveryErrorKind::Aborted { .. }) => ErrorKind::Aborted,
        (_, DeliveryErrorKind::Forgotten { .. }) => ErrorKind::Broker,
        (Some("INVALID_RECORD" | "INVALID_TIMESTAMP" | "CORRUPT_MESSAGE"), _) => {
            ErrorKind::InvalidRecord
        }
        (
            Some("UNKNOWN_TOPIC_OR_PARTITION" | "UNKNOWN_TOPIC_ID" | "INVALID_TOPIC_EXCEPTION"),
            _,
        ) => ErrorKind::UnknownTopic,
        (Some(_), _) => ErrorKind::Broker,
        (None, DeliveryErrorKind::RetriesExhausted { .. }) => ErrorKind::Connection,
        (None, _) => ErrorKind::Protocol,
    }
}
