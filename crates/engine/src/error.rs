//! Why a record was not delivered, or never got in; and what is known of its fate.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use rohrpost_cluster::{AuthenticationError, HostPort, NodeId};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::transaction::TransactionError;
use crate::why::Waiting;

/// What is known of a record's fate when its delivery ended in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The record is in no log and never will be: sending it again cannot double it.
    NotWritten,
    /// The record may be in the log. With idempotence it is there at most once; sending it again can double it.
    MaybeWritten,
    /// The record is in the leader's log, but not acknowledged as `acks` asks (too few replicas have it).
    Written,
}

/// How one attempt to send a batch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptFailure {
    /// The broker answered with an error.
    Refused(ErrorCode),
    /// The connection was lost before the answer.
    Disconnected,
    /// No answer within `request.timeout.ms`; the connection was closed.
    TimedOut,
    /// The request was given up before its first byte was written.
    NotSent,
    /// The broker's answer could not be read, lacked the partition, or contradicted itself.
    Misanswered,
    /// The broker speaks no version of the request that can carry this batch.
    Unsupported,
}

impl AttemptFailure {
    /// The broker refused the batch's sequence, or its producer.
    pub(crate) const fn is_of_sequence(self) -> bool {
        matches!(
            self,
            Self::Refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID)
        )
    }
}

impl fmt::Display for AttemptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the broker answered {code}"),
            Self::Disconnected => f.write_str("the connection was lost before the answer came"),
            Self::TimedOut => f.write_str("no answer came within request.timeout.ms"),
            Self::NotSent => f.write_str("the request was never written"),
            Self::Misanswered => f.write_str("the broker's answer made no sense"),
            Self::Unsupported => f.write_str("the broker is too old for this request"),
        }
    }
}

/// Why a record that was accepted was not delivered. Cheap to clone: a batch's records share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryError {
    kind: Arc<DeliveryErrorKind>,
    outcome: Outcome,
    broker: Option<Arc<BrokerAt>>,
}

/// A broker that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAt {
    /// The node. Bootstrap servers that are not known to be nodes yet have numbers below zero.
    pub node: NodeId,
    /// Its address, where it is known.
    pub address: Option<HostPort>,
}

/// The kinds of [`DeliveryError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryErrorKind {
    /// The broker refused the batch, for good.
    Refused {
        /// Its error.
        code: ErrorCode,
        /// What it says about the batch or this record, where it says something.
        message: Option<ByteStr>,
    },
    /// The broker refused other records of the same batch, and so the whole batch (KIP-467). This record was not at fault.
    RefusedWithOthers {
        /// The batch's error.
        code: ErrorCode,
    },
    /// `delivery.timeout.ms` passed.
    Expired {
        /// The time-out.
        timeout: Duration,
        /// What the batch's partition waited for at the end.
        waiting: Waiting,
        /// What was wrong with the node that it waited for, in words, with the address.
        trouble: Option<String>,
        /// How the last attempt failed, if there was one.
        last: Option<AttemptFailure>,
    },
    /// Every attempt that `retries` allows failed.
    RetriesExhausted {
        /// How many attempts there were.
        attempts: u32,
        /// How the last one failed.
        last: AttemptFailure,
    },
    /// The cluster gives this producer no producer id, which idempotence needs.
    NoProducerId {
        /// How the last attempt to get one failed.
        last: AttemptFailure,
    },
    /// The partition's leader is too old: it speaks no version of Produce that can carry the batch (zstd needs 7, any batch 3).
    Unsupported,
    /// The log forgot this producer while the batch's fate was open: the topic was created again, or the producer's state expired.
    Forgotten {
        /// How the last attempt failed.
        last: Option<AttemptFailure>,
    },
    /// The partition's leader and this client do not agree on who the client is (KIP-152), or no broker does, so that there is no leader or no producer id.
    Authentication(AuthenticationError),
    /// The record's transaction was given up before the record was sent, or before its fate was known.
    Aborted {
        /// Why; `None`: it was asked to be aborted.
        cause: Option<TransactionError>,
    },
    /// The producer is transactional, and no transaction was open.
    OutsideTransaction,
    /// The producer was closed first.
    Closed,
}

impl DeliveryError {
    pub(crate) fn new(kind: DeliveryErrorKind, outcome: Outcome) -> Self {
        Self { kind: Arc::new(kind), outcome, broker: None }
    }

    pub(crate) fn with_outcome(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    pub(crate) fn with_broker(mut self, broker: Option<BrokerAt>) -> Self {
        self.broker = broker.map(Arc::new);
        self
    }

    /// The broker that the last attempt went to, or that was waited for, where there is one.
    pub fn broker(&self) -> Option<&BrokerAt> {
        self.broker.as_deref()
    }

    /// What happened, in words, without the outcome.
    pub fn reason(&self) -> impl fmt::Display + '_ {
        Reason(self)
    }

    /// What is known of the record's fate.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What happened.
    pub fn kind(&self) -> &DeliveryErrorKind {
        &self.kind
    }

    /// The broker's error, where one was the (last) reason.
    pub fn code(&self) -> Option<ErrorCode> {
        let last = match &*self.kind {
            DeliveryErrorKind::Refused { code, .. }
            | DeliveryErrorKind::RefusedWithOthers { code } => return Some(*code),
            DeliveryErrorKind::Expired { last, .. } | DeliveryErrorKind::Forgotten { last } => {
                (*last)?
            }
            DeliveryErrorKind::RetriesExhausted { last, .. }
            | DeliveryErrorKind::NoProducerId { last } => *last,
            DeliveryErrorKind::Authentication(error) => return error.code(),
            DeliveryErrorKind::Aborted { cause } => return cause.as_ref()?.code(),
            DeliveryErrorKind::Unsupported
            | DeliveryErrorKind::OutsideTransaction
            | DeliveryErrorKind::Closed => return None,
        };
        match last {
            AttemptFailure::Refused(code) => Some(code),
            _ => None,
        }
    }

    /// Whether the record is certainly in no log.
    pub const fn is_not_written(&self) -> bool {
        matches!(self.outcome, Outcome::NotWritten)
    }

    /// Whether `delivery.timeout.ms` passed.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.kind, DeliveryErrorKind::Expired { .. })
    }

    /// Whether the producer was closed first.
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, DeliveryErrorKind::Closed)
    }

    /// Whether the broker found the record too large (`max.message.bytes` of the topic).
    pub fn is_too_large(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE))
    }

    /// Whether the cluster denies this producer the topic or the cluster.
    pub fn is_authorization(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::TOPIC_AUTHORIZATION_FAILED
                    | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                    | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            )
        )
    }

    /// Whether a broker and this client do not agree on who the client is.
    pub fn is_authentication(&self) -> bool {
        matches!(*self.kind, DeliveryErrorKind::Authentication(_))
    }

    /// Whether the same record might be delivered if it were sent again: a time-out or an error that Kafka calls retriable. Mind
    /// [`outcome`](Self::outcome).
    pub fn is_retriable(&self) -> bool {
        match &*self.kind {
            DeliveryErrorKind::Expired { .. }
            | DeliveryErrorKind::RefusedWithOthers { .. }
            | DeliveryErrorKind::Forgotten { .. } => true,
            DeliveryErrorKind::RetriesExhausted { last, .. } => {
                *last != AttemptFailure::Unsupported
            }
            DeliveryErrorKind::Unsupported
            | DeliveryErrorKind::Authentication(_)
            | DeliveryErrorKind::Aborted { .. }
            | DeliveryErrorKind::OutsideTransaction
            | DeliveryErrorKind::Closed => false,
            _ => self.code().is_some_and(ErrorCode::is_retriable),
        }
    }
}

/// A [`DeliveryError`] without its outcome.
struct Reason<'a>(&'a DeliveryError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        match &*error.kind {
            DeliveryErrorKind::Refused { code, message } => {
                // Not every error is a refusal.
                let verb = if error.is_not_written() { "refused the record" } else { "answered" };
                write!(f, "the broker {verb}: {code}")?;
                if let Some(message) = message {
                    write!(f, ": {}", &**message)?;
                }
            }
            DeliveryErrorKind::RefusedWithOthers { code } => {
                write!(f, "the broker refused the batch because of other records in it: {code}")?;
            }
            DeliveryErrorKind::Expired { timeout, waiting, trouble, last } => {
                write!(f, "not delivered within {timeout:?} (delivery.timeout.ms): {waiting}")?;
                if let Some(trouble) = trouble {
                    write!(f, ": {trouble}")?;
                }
                if let Some(last) = last {
                    write!(f, "; the last attempt failed: {last}")?;
                }
            }
            DeliveryErrorKind::RetriesExhausted { attempts: 1, last } => {
                write!(f, "the only attempt failed: {last}")?;
            }
            DeliveryErrorKind::RetriesExhausted { attempts, last } => {
                write!(f, "all {attempts} attempts failed, the last one so: {last}")?;
            }
            DeliveryErrorKind::NoProducerId { last } => {
                write!(
                    f,
                    "the cluster assigns no producer id (needed by enable.idempotence): {last}"
                )?;
            }
            DeliveryErrorKind::Unsupported => f.write_str(
                "the partition's leader is too old: it speaks no version of Produce that can carry the batch",
            )?,
            DeliveryErrorKind::Forgotten { last } => {
                f.write_str("the log forgot this producer while the batch was under way (was the topic created again?)")?;
                if let Some(last) = last {
                    write!(f, "; the last attempt failed: {last}")?;
                }
            }
            DeliveryErrorKind::Authentication(cause) => {
                authentication(f, error.broker(), cause)?;
            }
            DeliveryErrorKind::Aborted { cause: None } => {
                f.write_str("the record's transaction was aborted")?;
            }
            DeliveryErrorKind::Aborted { cause: Some(cause) } => {
                write!(f, "the record's transaction was given up: {cause}")?;
            }
            DeliveryErrorKind::OutsideTransaction => {
                f.write_str("no transaction was open (the producer has a transactional id)")?;
            }
            DeliveryErrorKind::Closed => f.write_str("the producer was closed first")?,
        }
        Ok(())
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)?;
        f.write_str(match self.outcome {
            Outcome::NotWritten => " (not written)",
            Outcome::MaybeWritten => " (it may have been written)",
            Outcome::Written => " (it was written to the leader's log)",
        })
    }
}

impl core::error::Error for DeliveryError {}

/// A failed authentication, in words.
fn authentication(
    f: &mut fmt::Formatter<'_>,
    broker: Option<&BrokerAt>,
    error: &AuthenticationError,
) -> fmt::Result {
    f.write_str("authentication failed")?;
    if let Some(address) = broker.and_then(|broker| broker.address.as_ref()) {
        write!(f, " at {address}")?;
    }
    write!(f, ": {error}")
}

/// So many addresses are told in a text.
const SHOWN_ADDRESSES: usize = 8;

/// Why a record was not accepted: its topic's or partition's metadata did not come. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The deadline (`max.block.ms`) passed.
    TimedOut {
        /// The topic.
        topic: ByteStr,
        /// The partition that was asked for, if one was.
        partition: Option<i32>,
        /// How many partitions the topic has, where that is known: fewer than asked for.
        partitions: Option<i32>,
        /// What the cluster last said about the topic.
        topic_error: Option<ErrorCode>,
        /// The last trouble with the network, with the address, where there is one.
        trouble: Option<Box<str>>,
        /// The broker that it is about.
        broker: Option<BrokerAt>,
        /// While no broker can be reached: each address, and what is wrong there. Shared by all who gave up at the same time.
        unreached: Arc<Vec<String>>,
    },
    /// The cluster refuses the topic: its name is invalid, or this producer is not authorized.
    Refused {
        /// The topic.
        topic: ByteStr,
        /// The cluster's error.
        code: ErrorCode,
    },
    /// A broker and this client do not agree on who the client is (KIP-152), and no other can be asked.
    Authentication {
        /// The topic.
        topic: ByteStr,
        /// Why.
        error: Box<AuthenticationError>,
        /// The broker.
        broker: Option<BrokerAt>,
    },
    /// The producer is closed, or closing.
    Closed,
}

impl fmt::Display for AdmissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut {
                topic,
                partition,
                partitions,
                topic_error,
                trouble,
                unreached,
                ..
            } => {
                let topic = &**topic;
                match (partition, partitions) {
                    (Some(partition), Some(count)) => write!(
                        f,
                        "topic {topic:?} has no partition {partition}: it has {count}, and no more came in time"
                    )?,
                    _ => write!(f, "no metadata for topic {topic:?} came in time (max.block.ms)")?,
                }
                if let Some(code) = topic_error {
                    write!(f, "; the cluster says {code}")?;
                }
                match (trouble, unreached.as_slice()) {
                    (None, []) => Ok(()),
                    (Some(trouble), []) => write!(f, "; {trouble}"),
                    (_, unreached) => {
                        f.write_str("; no broker has answered")?;
                        let shown = unreached.iter().take(SHOWN_ADDRESSES);
                        shown.enumerate().try_for_each(|(at, address)| {
                            write!(f, "{} {address}", if at == 0 { ":" } else { ";" })
                        })?;
                        match unreached.len().saturating_sub(SHOWN_ADDRESSES) {
                            0 => Ok(()),
                            more => write!(f, "; and {more} more"),
                        }
                    }
                }
            }
            Self::Refused { topic, code } => {
                write!(f, "the cluster refuses topic {:?}: {code}", &**topic)
            }
            Self::Authentication { topic, error, broker } => {
                write!(f, "no metadata for topic {:?}: ", &**topic)?;
                authentication(f, broker.as_ref(), error)
            }
            Self::Closed => f.write_str("the producer is closed"),
        }
    }
}

impl core::error::Error for AdmissionError {}
