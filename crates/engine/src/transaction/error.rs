//! Why a transactional call failed, and what to do about it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rohrpost_cluster::AuthenticationError;
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode};

use crate::error::{AttemptFailure, DeliveryError};

/// What to do about a [`TransactionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// Make the same call again.
    Retry,
    /// Abort the transaction, and begin the next one.
    Abort,
    /// Close the producer. A new one may go on.
    NewProducer,
}

/// Why a transactional call failed. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionError {
    kind: Arc<TransactionErrorKind>,
    remedy: Remedy,
    is_outcome_unknown: bool,
}

/// The kinds of [`TransactionError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionErrorKind {
    /// The call's deadline passed. What it asked for goes on.
    TimedOut {
        /// The call.
        call: &'static str,
        /// What it waited for at the end.
        waiting: String,
        /// How the last transactional request failed, where it did.
        last: Option<AttemptFailure>,
    },
    /// A newer producer has taken the transactional id over; or the coordinator has aborted the transaction because it took longer than
    /// `transaction.timeout.ms`, which looks the same from here.
    Fenced {
        /// Who said so.
        api: ApiKey,
        /// In these words.
        code: ErrorCode,
    },
    /// A broker refused something that the transaction needs.
    Refused {
        /// What was asked.
        api: ApiKey,
        /// The error.
        code: ErrorCode,
        /// What the broker says about it, where it says something.
        message: Option<ByteStr>,
        /// What was refused in particular, where that is known: partitions (`topic-0`), a group.
        what: Vec<ByteStr>,
    },
    /// The principal may not use something.
    Unauthorized {
        /// What was asked.
        api: ApiKey,
        /// The error, which says what kind of thing.
        code: ErrorCode,
        /// The names of the topics, the group, or the transactional id.
        resources: Vec<ByteStr>,
    },
    /// A record of the transaction was not delivered.
    RecordFailed {
        /// Its topic.
        topic: ByteStr,
        /// Its partition.
        partition: i32,
        /// Why not.
        error: DeliveryError,
    },
    /// The transaction lacks something, for a reason that was told by [`Spoil`](crate::TransactionCall::Spoil).
    Spoiled {
        /// The reason.
        cause: String,
    },
    /// A topic was deleted and created again while the transaction had records in it.
    Recreated {
        /// The topic.
        topic: ByteStr,
    },
    /// The call does not fit the state.
    OutOfTurn {
        /// The call.
        call: &'static str,
        /// The state, in words.
        state: &'static str,
    },
    /// The cluster is too old for what is asked.
    Unsupported {
        /// The API that is missing, or speaks too old versions.
        api: ApiKey,
        /// What it is needed for.
        needed_for: &'static str,
    },
    /// The transaction is being aborted, or was, before the call was done.
    Aborted,
    /// No broker that could be asked takes this client for who it says it is.
    Authentication(AuthenticationError),
    /// The producer has no transactional id.
    NotTransactional,
    /// The producer is closed, or closing.
    Closed,
}

impl TransactionError {
    pub(crate) fn new(kind: TransactionErrorKind, remedy: Remedy) -> Self {
        Self { kind: Arc::new(kind), remedy, is_outcome_unknown: false }
    }

    pub(crate) fn with_remedy(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    pub(crate) fn with_unknown_outcome(self, is_outcome_unknown: bool) -> Self {
        Self { is_outcome_unknown, ..self }
    }

    /// Whether the transaction may have been committed, or may yet be: of a commit that was not told its outcome. With [`Remedy::Retry`] the same call tells it; with
    /// [`Remedy::NewProducer`] only what is in the topics does.
    pub const fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// What to do about it.
    pub const fn remedy(&self) -> Remedy {
        self.remedy
    }

    /// What happened.
    pub fn kind(&self) -> &TransactionErrorKind {
        &self.kind
    }

    /// The broker's error, where one was the reason.
    pub fn code(&self) -> Option<ErrorCode> {
        match &*self.kind {
            TransactionErrorKind::Fenced { code, .. }
            | TransactionErrorKind::Refused { code, .. }
            | TransactionErrorKind::Unauthorized { code, .. } => Some(*code),
            TransactionErrorKind::RecordFailed { error, .. } => error.code(),
            TransactionErrorKind::TimedOut {
                last: Some(AttemptFailure::Refused(code)), ..
            } => Some(*code),
            TransactionErrorKind::Authentication(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the call's deadline passed, and its work goes on.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.kind, TransactionErrorKind::TimedOut { .. })
    }

    /// Whether a newer producer has the transactional id, or the transaction took longer than `transaction.timeout.ms`.
    pub fn is_fenced(&self) -> bool {
        matches!(*self.kind, TransactionErrorKind::Fenced { .. })
    }
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason(f)?;
        if self.is_outcome_unknown {
            f.write_str("; whether the transaction is committed is not known")?;
        }
        f.write_str(match (self.remedy, &*self.kind) {
            (_, TransactionErrorKind::NotTransactional | TransactionErrorKind::Closed) => "",
            (Remedy::Retry, _) if self.is_outcome_unknown => {
                " (it is being found out: resume waits for it)"
            }
            (Remedy::Retry, _) => " (make the same call again)",
            (Remedy::Abort, _) => " (the transaction is over; the producer can begin another one)",
            (Remedy::NewProducer, _) => " (close this producer; a new one may go on)",
        })
    }
}

impl TransactionError {
    fn reason(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            TransactionErrorKind::TimedOut { call, waiting, last } => {
                write!(f, "{call} did not end in time, and goes on: it waits for {waiting}")?;
                last.map_or(Ok(()), |last| write!(f, "; the last attempt failed: {last}"))
            }
            TransactionErrorKind::Fenced { api, code } => write!(
                f,
                "a newer producer has this transactional id, or the transaction took longer than transaction.timeout.ms: {} answered {code}",
                api.name()
            ),
            TransactionErrorKind::Refused { api, code, message, what } => {
                write!(f, "{} was refused: {code}", api.name())?;
                names(f, what)?;
                // A transaction that took too long looks so under version 2.
                if (*api, *code) == (ApiKey::EndTxn, ErrorCode::INVALID_TXN_STATE) {
                    f.write_str(" (did it take longer than transaction.timeout.ms?)")?;
                }
                // As Kafka 4.3.1 does.
                if (*api, *code) == (ApiKey::InitProducerId, ErrorCode::UNSUPPORTED_VERSION) {
                    f.write_str(" (the brokers cannot keep a prepared transaction for a new producer; what is prepared is as it was, until a producer is initialised without keeping it, which aborts it)")?;
                }
                message.as_ref().map_or(Ok(()), |message| write!(f, ": {}", &**message))
            }
            TransactionErrorKind::Unauthorized { api, code, resources } => {
                write!(f, "not authorized: {} answered {code}", api.name())?;
                names(f, resources)
            }
            TransactionErrorKind::RecordFailed { topic, partition, error } => {
                write!(f, "a record for {}-{partition} failed: {error}", &**topic)
            }
            TransactionErrorKind::Spoiled { cause } => {
                write!(f, "the transaction is not complete: {cause}")
            }
            TransactionErrorKind::Recreated { topic } => {
                write!(f, "topic {:?} was created again within the transaction", &**topic)
            }
            TransactionErrorKind::OutOfTurn { call, state } => {
                write!(f, "{call} is out of turn: {state}")
            }
            TransactionErrorKind::Unsupported { api, needed_for } => write!(
                f,
                "the broker is too old: it speaks no version of {} that can {needed_for}",
                api.name()
            ),
            TransactionErrorKind::Aborted => f.write_str("the transaction is aborted"),
            TransactionErrorKind::Authentication(error) => {
                write!(f, "authentication failed: {error}")
            }
            TransactionErrorKind::NotTransactional => {
                f.write_str("the producer has no transactional id")
            }
            TransactionErrorKind::Closed => f.write_str("the producer is closed"),
        }
    }
}

fn names(f: &mut fmt::Formatter<'_>, names: &[ByteStr]) -> fmt::Result {
    for (at, name) in names.iter().enumerate() {
        f.write_str(if at == 0 { " (" } else { ", " })?;
        f.write_str(name)?;
    }
    f.write_str(if names.is_empty() { "" } else { ")" })
}

impl core::error::Error for TransactionError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &*self.kind {
            TransactionErrorKind::RecordFailed { error, .. } => Some(error),
            _ => None,
        }
    }
}
