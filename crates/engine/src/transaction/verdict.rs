//! What an error of a transactional request means: a pure function, by Kafka's table.
//!
//! ```text
//!   NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE ──────────────────────────────────────► Relocate
//!   retriable ───────────────────────────────────────────────────────────────────────► Retry
//!   PRODUCER_FENCED, INVALID_PRODUCER_EPOCH ─────────────────────────────────────────► Fatal(Fenced)
//!   else, by the request: what an abort mends ───────────────────────────────────────► Abortable
//!                         what it does not ──────────────────────────────────────────► Fatal
//! ```

use rohrpost_codec::{ApiKey, ErrorCode};

/// What matters beside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// The epoch can be renewed after the abort: by version 2 itself, or by InitProducerId from version 3 on (KIP-360).
    pub(super) can_renew: bool,
    /// EndTxn commits.
    pub(super) is_commit: bool,
    /// Whether the coordinator knows of the transaction at all is in doubt.
    pub(super) maybe_unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    /// Ask again after a pause.
    Retry,
    /// Look the coordinator up, then ask again after a pause.
    Relocate,
    /// The transaction cannot be committed; after an abort the producer can go on.
    Abortable(Why),
    /// The producer cannot go on.
    Fatal(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Refused,
    Unauthorized,
    Fenced,
}

pub(super) fn judge(api: ApiKey, code: ErrorCode, around: Circumstances) -> Verdict {
    match code {
        ErrorCode::NONE => return Verdict::Done,
        ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE
            if api != ApiKey::FindCoordinator =>
        {
            return Verdict::Relocate;
        }
        ErrorCode::REQUEST_TIMED_OUT if api == ApiKey::TxnOffsetCommit => return Verdict::Relocate,
        _ if code.is_retriable() => return Verdict::Retry,
        ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH
            if api != ApiKey::FindCoordinator =>
        {
            return Verdict::Fatal(Why::Fenced);
        }
        _ => {}
    }
    let is_unauthorized = matches!(
        code,
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::GROUP_AUTHORIZATION_FAILED
            | ErrorCode::TOPIC_AUTHORIZATION_FAILED
    );
    let why = if is_unauthorized { Why::Unauthorized } else { Why::Refused };
    if is_mended_by_abort(api, code, around) {
        return Verdict::Abortable(why);
    }
    let is_gone = api == ApiKey::EndTxn && !around.is_commit && around.maybe_unknown;
    if is_gone && code == ErrorCode::INVALID_TXN_STATE {
        return Verdict::Done;
    }
    Verdict::Fatal(why)
}

fn is_mended_by_abort(api: ApiKey, code: ErrorCode, around: Circumstances) -> bool {
    match (api, code) {
        (ApiKey::EndTxn, ErrorCode::TRANSACTION_ABORTABLE) => around.is_commit,
        (_, ErrorCode::TRANSACTION_ABORTABLE) => true,
        (
            ApiKey::AddPartitionsToTxn | ApiKey::AddOffsetsToTxn | ApiKey::EndTxn,
            ErrorCode::UNKNOWN_PRODUCER_ID,
        ) => around.can_renew,
        (ApiKey::InitProducerId, _) => matches!(
            code,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        ),
        (ApiKey::AddPartitionsToTxn, _) => !matches!(
            code,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | ErrorCode::INVALID_TXN_STATE
                | ErrorCode::INVALID_PRODUCER_ID_MAPPING
        ),
        (ApiKey::AddOffsetsToTxn | ApiKey::FindCoordinator, _) => {
            code == ErrorCode::GROUP_AUTHORIZATION_FAILED
        }
        (ApiKey::TxnOffsetCommit, _) => matches!(
            code,
            ErrorCode::GROUP_AUTHORIZATION_FAILED
                | ErrorCode::FENCED_INSTANCE_ID
                | ErrorCode::UNKNOWN_MEMBER_ID
                | ErrorCode::ILLEGAL_GENERATION
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ApiKey; 6] = [
        ApiKey::FindCoordinator,
        ApiKey::InitProducerId,
        ApiKey::AddPartitionsToTxn,
        ApiKey::AddOffsetsToTxn,
        ApiKey::TxnOffsetCommit,
        ApiKey::EndTxn,
    ];

    /// F: fatal, A: abortable, R: retried, L: the coordinator is looked up again; in the order of `ALL`.
    #[test]
    fn the_table_is_kafkas() {
        let table = [
            (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, "RRRRRR"),
            (ErrorCode::CONCURRENT_TRANSACTIONS, "RRRRRR"),
            (ErrorCode::NOT_COORDINATOR, "RLLLLL"),
            (ErrorCode::COORDINATOR_NOT_AVAILABLE, "RLLLLL"),
            (ErrorCode::REQUEST_TIMED_OUT, "RRRRLR"),
            (ErrorCode::PRODUCER_FENCED, "FFFFFF"),
            (ErrorCode::INVALID_PRODUCER_EPOCH, "FFFFFF"),
            (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "FAFFFF"),
            (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, "FAAFFF"),
            (ErrorCode::GROUP_AUTHORIZATION_FAILED, "AFAAAF"),
            (ErrorCode::TOPIC_AUTHORIZATION_FAILED, "FFAFFF"),
            (ErrorCode::OPERATION_NOT_ATTEMPTED, "FFAFFF"),
            (ErrorCode::INVALID_TXN_STATE, "FFFFFF"),
            (ErrorCode::INVALID_PRODUCER_ID_MAPPING, "FFFFFF"),
            (ErrorCode::UNKNOWN_PRODUCER_ID, "FFAAFA"),
            (ErrorCode::TRANSACTION_ABORTABLE, "AAAAAA"),
            (ErrorCode::FENCED_INSTANCE_ID, "FFAFAF"),
            (ErrorCode::UNKNOWN_MEMBER_ID, "FFAFAF"),
            (ErrorCode::ILLEGAL_GENERATION, "FFAFAF"),
            (ErrorCode::INVALID_TRANSACTION_TIMEOUT, "FFAFFF"),
            (ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT, "FFAFFF"),
            (ErrorCode(9999), "FFAFFF"),
        ];
        let around = Circumstances { can_renew: true, is_commit: true, maybe_unknown: false };
        for (code, expected) in table {
            let found: alloc::string::String = ALL
                .into_iter()
                .map(|api| match judge(api, code, around) {
                    Verdict::Done => 'D',
                    Verdict::Retry => 'R',
                    Verdict::Relocate => 'L',
                    Verdict::Abortable(_) => 'A',
                    Verdict::Fatal(_) => 'F',
                })
                .collect();
            assert_eq!(found, expected, "{code}");
        }
    }

    #[test]
    fn what_cannot_be_renewed_is_fatal_and_an_abort_cannot_be_aborted() {
        let around = Circumstances { can_renew: false, is_commit: false, maybe_unknown: false };
        for api in [ApiKey::AddPartitionsToTxn, ApiKey::AddOffsetsToTxn, ApiKey::EndTxn] {
            let verdict = judge(api, ErrorCode::UNKNOWN_PRODUCER_ID, around);
            assert_eq!(verdict, Verdict::Fatal(Why::Refused), "{api:?}");
        }
        let verdict = judge(ApiKey::EndTxn, ErrorCode::TRANSACTION_ABORTABLE, around);
        assert_eq!(verdict, Verdict::Fatal(Why::Refused));
    }

    #[test]
    fn an_abort_of_what_the_coordinator_may_not_know_is_done_if_it_does_not() {
        let judge_end = |is_commit, maybe_unknown| {
            let around = Circumstances { can_renew: true, is_commit, maybe_unknown };
            judge(ApiKey::EndTxn, ErrorCode::INVALID_TXN_STATE, around)
        };
        assert_eq!(judge_end(false, true), Verdict::Done);
        assert_eq!(judge_end(false, false), Verdict::Fatal(Why::Refused));
        assert_eq!(judge_end(true, true), Verdict::Fatal(Why::Refused));
    }
}
