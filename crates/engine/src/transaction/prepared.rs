//! Two-phase commit (KIP-939): a transaction that is ready, and waits for another coordinator's decision.

use core::fmt;
use core::str::FromStr;

use super::calls::Kind;
use super::state::{Begun, State, Transactions, Version};
use super::{Remedy, TransactionAnswer, TransactionError, TransactionErrorKind};
use crate::engine::Engine;

/// Which transaction is prepared: what to keep beside the decision, in the other coordinator's storage. Written as Java's `PreparedTxnState` is,
/// `PRODUCER_ID:EPOCH`, and read from that.
///
/// Unstable, as is the protocol (KIP-939).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PreparedState {
    /// The producer id that the transaction was made under.
    pub producer_id: i64,
    /// Its epoch, which is this transaction's alone.
    pub producer_epoch: i16,
}

/// A text that is no [`PreparedState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsePreparedStateError(());

impl PreparedState {
    /// `None` where one of them is negative.
    pub fn new(producer_id: i64, producer_epoch: i16) -> Option<Self> {
        (producer_id >= 0 && producer_epoch >= 0).then_some(Self { producer_id, producer_epoch })
    }
}

impl fmt::Display for PreparedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.producer_id, self.producer_epoch)
    }
}

impl FromStr for PreparedState {
    type Err = ParsePreparedStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |(id, epoch): (&str, &str)| Self::new(id.parse().ok()?, epoch.parse().ok()?);
        text.split_once(':').and_then(read).ok_or(ParsePreparedStateError(()))
    }
}

impl fmt::Display for ParsePreparedStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the state of a prepared transaction: it reads PRODUCER_ID:EPOCH, both of them 0 or more")
    }
}

impl core::error::Error for ParsePreparedStateError {}

impl Engine {
    /// Begins to prepare the open transaction, or says why that cannot be; where it cannot, the transaction is being aborted.
    pub(super) fn begin_prepare(&mut self) -> Result<(), TransactionError> {
        let Some(of) = &mut self.transactions else { return Ok(()) };
        // The epoch of version 1 is that of other transactions too: an old decision would count for a new one.
        let kind = if !of.config.two_phase_commit {
            Some(TransactionErrorKind::OutOfTurn { call: "prepare", state: NOT_SWITCHED_ON })
        } else if of.version == Version::V1 {
            let needed_for = "tell prepared transactions apart (transaction.version 2)";
            let api = rohrpost_codec::ApiKey::EndTxn;
            Some(TransactionErrorKind::Unsupported { api, needed_for })
        } else {
            None
        };
        if let Some(kind) = kind {
            let error = TransactionError::new(kind, Remedy::Abort);
            self.begin_abort(Some(error.clone()));
            return Err(error);
        }
        let before = self.pending.hurry();
        if let Some(of) = &mut self.transactions {
            of.commit(before);
            if let Some(ending) = of.ending_mut() {
                ending.prepares = true;
            }
        }
        self.mark_pending();
        Ok(())
    }

    /// Every batch and offset of the transaction is where it should be: from now on it is the other coordinator's to decide.
    pub(super) fn transaction_prepared(&mut self) {
        let epoch = self.present_epoch();
        let state = epoch.and_then(|of| PreparedState::new(of.producer_id.0, of.epoch.0));
        let (Some(state), Some(of)) = (state, &mut self.transactions) else { return };
        of.state = State::Prepared(state);
        self.tell_all(Kind::Prepare, &Ok(TransactionAnswer::Prepared(state)));
    }
}

impl Transactions {
    /// An older producer of the same id had prepared a transaction, which the coordinator has kept.
    pub(super) fn recover(&mut self, state: PreparedState, version: Version) {
        self.open(version);
        self.begun = Begun::Yes;
        self.state = State::Prepared(state);
    }
}

/// What a call of two-phase commit is told otherwise.
pub(super) const NOT_SWITCHED_ON: &str =
    "the producer takes no part in two-phase commit (transaction.two.phase.commit.enable)";

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_state_is_written_and_read_as_java_does() {
        let state = PreparedState::new(4711, 12).unwrap();
        assert_eq!(state.to_string(), "4711:12");
        assert_eq!("4711:12".parse(), Ok(state));
        let largest = PreparedState::new(i64::MAX, i16::MAX).unwrap();
        assert_eq!(largest.to_string().parse(), Ok(largest));
        for text in ["", ":", "1", "1:", ":1", "1:2:3", "-1:2", "1:-1", "1:32768", "a:b", "1: 2"] {
            assert_eq!(text.parse::<PreparedState>(), Err(ParsePreparedStateError(())), "{text}");
        }
        assert_eq!(PreparedState::new(-1, -1), None);
    }
}
