//! The engine's failures of transactions as errors.

use rohrpost_driver::CallFailure;
use rohrpost_engine::{self as engine, TransactionError, TransactionErrorKind};

use crate::error::{Error, ErrorKind, Remedy};

impl Error {
    /// A commit of a transaction one of whose sends failed.
    pub(super) fn spoiled(cause: &Self) -> Self {
        let kind = if cause.is_fatal() { cause.kind() } else { ErrorKind::Aborted };
        let message = format!(
            "the transaction is aborted, since a record of it was not sent: {}",
            cause.reason()
        );
        let error = Self::new(kind, message)
            .with_retriable(cause.is_retriable())
            .with_code(cause.code())
            .with_broker(cause.broker().cloned());
        let error = match cause.topic() {
            Some(topic) => error.with_place(topic, cause.partition()),
            None => error,
        };
        error.with_source(cause.clone())
    }

    /// A transaction that cannot begin, since nobody has heard how the last one ended.
    pub(super) fn untold() -> Self {
        let message = "nobody has heard yet how the last commit ended, for its future was dropped: call resume, which tells";
        Self::new(ErrorKind::TransactionTimeout, message)
    }

    /// A commit whose end could not be told in time, and was an abort.
    pub(super) fn aborted_meanwhile(timed_out: &Self) -> Self {
        let message = format!(
            "the transaction was aborted while its end was not known: {}",
            timed_out.reason()
        );
        Self::new(ErrorKind::Aborted, message).with_retriable(true)
    }

    /// Offsets of a group that has no name.
    pub(super) fn without_group() -> Self {
        let message = "send_offsets: the group's id is empty: give the consumer's group.id; nothing was sent, and the transaction is as it was";
        Self::new(ErrorKind::Config, message)
    }

    /// A commit that lacks offsets that were to go with it.
    pub(super) fn without_offsets() -> Self {
        let message = "the transaction is aborted, since offsets were sent in it of which nobody knows that they are committed with it: \
                       their call failed, or was dropped";
        Self::new(ErrorKind::Aborted, message)
    }

    /// A transaction that could not be prepared in time.
    #[cfg(feature = "unstable-two-phase-commit")]
    pub(super) fn unprepared(timed_out: &Self) -> Self {
        let message = format!(
            "the transaction is aborted, since it was not prepared in time: {}",
            timed_out.reason()
        );
        Self::new(ErrorKind::Aborted, message).with_retriable(true).with_source(timed_out.clone())
    }

    /// Of a commit: the producer ended before the cluster said whether it is committed.
    pub(super) fn of_commit(self) -> Self {
        match self.kind() {
            ErrorKind::Closed | ErrorKind::DriverGone => self.with_unknown_end(),
            _ => self,
        }
    }
}

impl From<CallFailure> for Error {
    #[cold]
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Transaction(error) => transaction(&error),
            CallFailure::Closed => Self::new(ErrorKind::Closed, "the producer is closed"),
            _ => Self::driver_gone(),
        }
    }
}

fn transaction(failed: &TransactionError) -> Error {
    let remedy = match failed.remedy() {
        engine::Remedy::Retry => Remedy::Retry,
        engine::Remedy::Abort => Remedy::Abort,
        engine::Remedy::NewProducer => Remedy::NewProducer,
    };
    let advice = advice(failed);
    let colon = if advice.is_empty() { "" } else { ": " };
    let error = Error::new(kind(failed, remedy), format!("{failed}{colon}{advice}"))
        .with_remedy(remedy)
        .with_retriable(is_retriable(failed))
        .with_code(failed.code().map(|code| code.0));
    let error = if failed.is_outcome_unknown() { error.with_unknown_end() } else { error };
    match failed.kind() {
        TransactionErrorKind::RecordFailed { topic, partition, error: cause } => {
            let cause = Error::of_delivery(topic, *partition, cause);
            error
                .with_place(topic, Some(*partition))
                .with_broker(cause.broker().cloned())
                .with_source(cause)
        }
        // Its words are the error's own.
        _ => error,
    }
}

fn kind(failed: &TransactionError, remedy: Remedy) -> ErrorKind {
    match (failed.kind(), remedy) {
        (TransactionErrorKind::Closed, _) => ErrorKind::Closed,
        (TransactionErrorKind::Authentication(_), _) => ErrorKind::Authentication,
        (TransactionErrorKind::Unsupported { .. }, _) => ErrorKind::Protocol,
        (_, Remedy::NewProducer) => ErrorKind::Fatal,
        (TransactionErrorKind::Unauthorized { .. }, _) => ErrorKind::Authorization,
        (_, Remedy::Retry) => ErrorKind::TransactionTimeout,
        (_, Remedy::Abort) => ErrorKind::Aborted,
    }
}

/// Whether the same records may fare better in another transaction, or the same call a second time.
fn is_retriable(failed: &TransactionError) -> bool {
    match failed.kind() {
        TransactionErrorKind::TimedOut { .. } | TransactionErrorKind::Recreated { .. } => true,
        TransactionErrorKind::RecordFailed { error, .. } => error.is_retriable(),
        TransactionErrorKind::Refused { code, .. } => {
            code.is_retriable() || code.name() == "TRANSACTION_ABORTABLE"
        }
        _ => false,
    }
}

/// What to do about it, where the engine's own words do not say it.
fn advice(failed: &TransactionError) -> &'static str {
    match failed.code().map_or("", |code| code.name()) {
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" if cfg!(feature = "unstable-two-phase-commit") => {
            "let this principal use the transactional id (operations Describe and Write on the resource TransactionalId; for two-phase commit TwoPhaseCommit, too, and the brokers need transaction.two.phase.commit.enable=true)"
        }
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" => {
            "let this principal use the transactional id (operations Describe and Write on the resource TransactionalId)"
        }
        "GROUP_AUTHORIZATION_FAILED" => {
            "let this principal read with the consumer group (operation Read on the resource Group)"
        }
        "INVALID_TRANSACTION_TIMEOUT" => {
            "transaction.timeout.ms is above the brokers' transaction.max.timeout.ms: set a shorter one"
        }
        "ILLEGAL_GENERATION" | "UNKNOWN_MEMBER_ID" | "FENCED_INSTANCE_ID" => {
            "the group went on without this member: its partitions are another's now"
        }
        _ => "",
    }
}
