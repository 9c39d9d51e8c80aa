//! What the simulator wants to know beside what a driver is told. There is none of it without the feature `plants`.

use alloc::collections::BTreeMap;

use rohrpost_codec::ErrorCode;

use crate::classify::{Context, Ending, Verdict};
use crate::engine::Engine;
use crate::error::{AttemptFailure, Outcome};

/// Every verdict so far, by what it was passed on and by the arm of the decision that it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// How often an attempt to send a batch in this state ended so.
    pub endings: BTreeMap<(BatchState, Cause), u64>,
    /// How often each arm of the decision was taken, of [`Journal::ARMS`].
    pub arms: [u64; Journal::ARMS.len()],
}

/// What was known of a batch before an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchState {
    /// An earlier attempt may have appended it.
    pub in_doubt: bool,
    /// An earlier batch of the partition was unresolved.
    pub behind: bool,
    /// Its user had given it up.
    pub abandoned: bool,
    /// It had been sent before.
    pub again: bool,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// With this error code of the protocol; 0 is success.
    Code(i16),
    /// The request timed out.
    TimedOut,
    /// The connection was lost. `true`: the broker may have got the request.
    Disconnected(bool),
    /// Otherwise without an answer that could be used.
    Other,
}

impl Journal {
    /// The arms of the decision, as the picture in its module has them.
    pub const ARMS: [&'static str; 13] = [
        "appended",
        "duplicate: appended",
        "too large, many: split",
        "sequence refused, behind: retry",
        "sequence refused, never in doubt: renew",
        "sequence refused, in doubt: fail",
        "sequence refused, no retries: fail",
        "no answer: retry",
        "no answer, no retries: fail",
        "retriable: retry",
        "retriable, no retries: fail",
        "after the append, no retries: written",
        "not retriable: fail",
    ];

    pub(crate) fn note(
        &mut self,
        context: Context,
        state: BatchState,
        ending: Ending,
        verdict: Verdict,
    ) {
        let cause = match ending {
            Ending::Code(code) => Cause::Code(code.0),
            Ending::Failed { how: AttemptFailure::TimedOut, .. } => Cause::TimedOut,
            Ending::Failed { how: AttemptFailure::Disconnected, maybe } => {
                Cause::Disconnected(maybe)
            }
            Ending::Failed { .. } => Cause::Other,
        };
        *self.endings.entry((state, cause)).or_default() += 1;
        self.arms[arm(context, ending, verdict)] += 1;
    }
}

fn arm(context: Context, ending: Ending, verdict: Verdict) -> usize {
    let is_sequence = |code| {
        context.idempotent
            && matches!(
                code,
                ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID
            )
    };
    match (verdict, ending) {
        (Verdict::Appended { .. }, Ending::Code(ErrorCode::NONE)) => 0,
        (Verdict::Appended { .. }, _) => 1,
        (Verdict::Split, _) => 2,
        (Verdict::Retry { .. }, Ending::Code(code)) if is_sequence(code) => 3,
        (Verdict::Renew, _) => 4,
        (Verdict::Fail { .. }, Ending::Code(code)) if is_sequence(code) => {
            if context.ambiguous && !context.behind { 5 } else { 6 }
        }
        (Verdict::Retry { .. }, Ending::Failed { .. }) => 7,
        (Verdict::Fail { .. }, Ending::Failed { .. }) => 8,
        (Verdict::Retry { .. }, Ending::Code(_)) => 9,
        (Verdict::Fail { outcome: Outcome::Written, .. }, _) => 11,
        (Verdict::Fail { .. }, Ending::Code(code)) if code.is_retriable() => 10,
        (Verdict::Fail { .. }, Ending::Code(_)) => 12,
    }
}

impl Engine {
    /// Every verdict so far.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How many Produce requests are out.
    pub fn requests_in_flight(&self) -> usize {
        self.requests.len()
    }
}
