//! What an answer to a batch means: a pure function, and the only place that knows Kafka's error codes by name.
//!
//! Two questions are asked of every failed attempt. *May this attempt have appended the batch?* Only a broker that
//! refuses before it appends, or a request that never left, says no for certain; everything else is ambiguous. *What now?*
//!
//! ```text
//!                        ┌─ success, DUPLICATE_SEQUENCE_NUMBER ──────────────────────────────► Appended
//!                        ├─ MESSAGE_TOO_LARGE, more than one record ─────────────────────────► Split
//!   answer, failure ─────┼─ OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID (idempotent)
//!                        │     behind an unresolved batch ───────────────────────────────────► Retry, as it is
//!                        │     every attempt was refused for certain, in no transaction ─────► Renew
//!                        │     else ─────────────────────────────────────────────────────────► Fail(MaybeWritten)
//!                        ├─ retriable, or no answer, and `retries` allows ───────────────────► Retry
//!                        └─ anything else ───────────────────────────────────────────────────► Fail
//! ```
//!
//! With acks=all, NOT_LEADER_OR_FOLLOWER and UNKNOWN_TOPIC_OR_PARTITION are ambiguous: a leader that loses its office, or its
//! replica, while it waits for the followers answers so *after* it has appended (DelayedProduce in Kafka's broker).

use rohrpost_codec::ErrorCode;

use crate::config::Acks;
use crate::error::{AttemptFailure, Outcome};

/// What matters about a batch when it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// It carries a producer id and a sequence.
    pub(crate) idempotent: bool,
    /// It belongs to a transaction: what an abort mends is not mended by a new epoch.
    pub(crate) transactional: bool,
    pub(crate) acks: Acks,
    /// An attempt before this one may have appended it.
    pub(crate) ambiguous: bool,
    /// An earlier batch of the partition is unresolved.
    pub(crate) behind: bool,
    /// It holds more than one record.
    pub(crate) many: bool,
    /// `retries` allows another attempt.
    pub(crate) may_retry: bool,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The broker answered for the partition; NONE is success.
    Code(ErrorCode),
    /// There is no usable answer; `maybe`: the broker may have processed the request.
    Failed { how: AttemptFailure, maybe: bool },
}

/// What to do with the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is in the log. `offset_known`: the answer's offset can be believed.
    Appended { offset_known: bool },
    /// Send it again, unchanged. `maybe`: this attempt may have appended it. `refresh`: the metadata is stale.
    Retry { maybe: bool, refresh: bool },
    /// Divide it.
    Split,
    /// Nothing of it was ever appended: send it again under a new epoch.
    Renew,
    /// Give up. With `NotWritten` its sequences are known to be unused; else they are unresolved.
    Fail { outcome: Outcome, refresh: bool },
}

pub(crate) fn classify(context: Context, ending: Ending) -> Verdict {
    let code = match ending {
        Ending::Code(ErrorCode::NONE) => return Verdict::Appended { offset_known: true },
        Ending::Code(code) => code,
        Ending::Failed { how: AttemptFailure::Unsupported, maybe } => {
            return fail(context, maybe, false);
        }
        Ending::Failed { maybe, .. } => return retry(context, maybe, true, None),
    };
    let maybe = !refuses_before_append(code, context.acks);
    let refresh = code.is_invalid_metadata();
    match code {
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER if context.idempotent => {
            Verdict::Appended { offset_known: false }
        }
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE if context.many => {
            Verdict::Split
        }
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID
            if context.idempotent =>
        {
            if context.behind {
                retry(context, false, refresh, Some(code))
            } else if context.ambiguous || context.transactional || !context.may_retry {
                fail(context, false, refresh)
            } else {
                Verdict::Renew
            }
        }
        _ if code.is_retriable() => retry(context, maybe, refresh, Some(code)),
        _ => fail(context, maybe, refresh),
    }
}

fn retry(context: Context, maybe: bool, refresh: bool, code: Option<ErrorCode>) -> Verdict {
    if context.may_retry {
        return Verdict::Retry { maybe, refresh };
    }
    if code == Some(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
        return Verdict::Fail { outcome: Outcome::Written, refresh };
    }
    fail(context, maybe, refresh)
}

fn fail(context: Context, maybe: bool, refresh: bool) -> Verdict {
    let outcome =
        if maybe || context.ambiguous { Outcome::MaybeWritten } else { Outcome::NotWritten };
    Verdict::Fail { outcome, refresh }
}

/// Whether a broker that answers a Produce request's partition so has certainly not appended the batch because of this request.
fn refuses_before_append(code: ErrorCode, acks: Acks) -> bool {
    match code {
        // Checked while the request is read, authorized or routed.
        ErrorCode::INVALID_TOPIC_EXCEPTION
        | ErrorCode::UNKNOWN_TOPIC_ID
        | ErrorCode::INCONSISTENT_TOPIC_ID
        | ErrorCode::TOPIC_AUTHORIZATION_FAILED
        | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | ErrorCode::INVALID_REQUIRED_ACKS
        | ErrorCode::INVALID_REQUEST
        | ErrorCode::UNSUPPORTED_VERSION
        | ErrorCode::THROTTLING_QUOTA_EXCEEDED
        // Checked by the partition before its log is touched; the check of a transaction too.
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
        | ErrorCode::COORDINATOR_NOT_AVAILABLE
        | ErrorCode::NOT_COORDINATOR
        | ErrorCode::CONCURRENT_TRANSACTIONS
        | ErrorCode::INVALID_TXN_STATE
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING
        | ErrorCode::TRANSACTION_ABORTABLE
        // Checked by the log before it appends.
        | ErrorCode::CORRUPT_MESSAGE
        | ErrorCode::MESSAGE_TOO_LARGE
        | ErrorCode::RECORD_LIST_TOO_LARGE
        | ErrorCode::INVALID_TIMESTAMP
        | ErrorCode::INVALID_RECORD
        | ErrorCode::POLICY_VIOLATION
        | ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT
        | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
        | ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
        | ErrorCode::UNKNOWN_PRODUCER_ID
        | ErrorCode::INVALID_PRODUCER_EPOCH
        | ErrorCode::PRODUCER_FENCED => true,
        // These can also come out of the wait for the followers, which only acks=all knows.
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            acks != Acks::All
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "classify/tests.rs"]
mod tests;
