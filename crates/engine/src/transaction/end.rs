//! The end of a transaction: EndTxn, and what follows from its answer.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_cluster::{Answer, Time};
use rohrpost_codec::messages::{EndTxnRequest, EndTxnResponse};
use rohrpost_codec::{ApiKey, ErrorCode, VersionRange};
use rohrpost_records::{ProducerEpoch, ProducerId};

use super::TransactionAnswer;
use super::calls::Kind;
use super::requests::{Refusal, Sending};
use super::state::{Question, Version};
use super::verdict::Verdict;
use crate::engine::Engine;
use crate::identity::Epoch;
use crate::plants::Plant;

/// The last version before the answer has the next epoch.
const END_V1: VersionRange = VersionRange::new(0, 4);
/// From here on it does (KIP-890).
const END_V2: VersionRange = VersionRange::new(5, 5);

/// How long after such an end the next transaction begins, at the least. The coordinator answers before the markers are written, and takes nothing until then: the leader
/// that gets a batch meanwhile waits 20 ms before it asks the coordinator again (`add.partitions.to.txn.retry.backoff.ms`), and the markers take about one.
pub(super) const MARKERS_PAUSE: Duration = Duration::from_millis(1);

impl Engine {
    /// Asks for the end. Always the same of the same transaction, until there is an answer: a coordinator that has done it already says so.
    pub(super) fn end_transaction(&mut self, now: Time, is_commit: bool) {
        let Some(node) = self.ready_coordinator(now) else { return };
        if self.is_downgraded() {
            self.ends_by_old_rules(now);
        }
        let Some(of) = &self.transactions else { return };
        let ours = if of.version == Version::V2 { END_V2 } else { END_V1 };
        let needed_for = "end a transaction of this version";
        let version = self.agreed_version::<EndTxnRequest>(now, node, ours, needed_for);
        let (Some(version), Some(epoch)) = (version, self.present_epoch()) else { return };
        let Some(of) = &self.transactions else { return };
        let request = EndTxnRequest {
            transactional_id: of.config.id.clone(),
            producer_id: epoch.producer_id.0,
            producer_epoch: epoch.epoch.0,
            committed: is_commit,
            ..EndTxnRequest::default()
        };
        let what = Question::End { is_commit };
        self.ask(now, Sending { request: &request, node, version, what });
    }

    pub(super) fn end_answered(&mut self, now: Time, answer: &Answer, is_commit: bool) {
        let throttle = |read: &EndTxnResponse| read.throttle_time_ms;
        let what = Question::End { is_commit };
        let Some(read) = self.read(now, answer, &what, throttle) else { return };
        let code = read.error_code;
        if code == ErrorCode::UNSUPPORTED_VERSION && self.ends_by_old_rules(now) {
            return;
        }
        let api = ApiKey::EndTxn;
        let refusal = Refusal { api, code, message: None, what: Vec::new() };
        match self.judge_answer(now, answer.node, is_commit, refusal) {
            Ok(Verdict::Done) => {
                let next = (read.producer_id >= 0 && read.producer_epoch >= 0).then_some(Epoch {
                    producer_id: ProducerId(read.producer_id),
                    epoch: ProducerEpoch(read.producer_epoch),
                });
                self.transaction_ended(now, is_commit, next);
            }
            Ok(_) => {}
            Err(_) if is_commit && self.config.planted.is(Plant::SwallowEndFailure) => {
                self.transaction_ended(now, is_commit, None);
            }
            // An abort that finds nothing to abort has come to its end.
            Err(error) if !is_commit && error.remedy() == super::Remedy::Abort => {
                if let Some(of) = &mut self.transactions {
                    of.has_spent = true;
                }
                self.transaction_ended(now, is_commit, None);
            }
            Err(error) => {
                if !is_refused_before_it_ended(code) {
                    if let Some(ending) =
                        self.transactions.as_deref_mut().and_then(|of| of.ending_mut())
                    {
                        ending.maybe_done = true;
                    }
                }
                self.was_refused(now, error);
            }
        }
    }

    /// Whether the cluster is known to have given up version 2 in the middle of a transaction by its rules, of which no end was asked for yet. Kafka 4.3.1 answers
    /// UNSUPPORTED_VERSION to an end by those rules then, and CONCURRENT_TRANSACTIONS to everything after that, until the coordinator is loaded again.
    fn is_downgraded(&self) -> bool {
        let is_asked = |of: &super::Transactions| of.ending().is_none_or(|of| of.maybe_done);
        let of = self.transactions.as_ref();
        of.is_some_and(|of| of.version == Version::V2 && !is_asked(of)) && !self.has_version_2()
    }

    /// A transaction of version 2 is ended by the rules of version 1, for the cluster was downgraded. A new epoch follows, which that end does not bring. Whether it
    /// was such a transaction.
    fn ends_by_old_rules(&mut self, now: Time) -> bool {
        let Some(of) = self.transactions.as_mut().filter(|of| of.version == Version::V2) else {
            return false;
        };
        of.version = Version::V1;
        of.in_doubt = true;
        self.transaction_goes_well(now);
        true
    }

    /// The transaction has ended; `next`: the identity from now on, where the coordinator has told one.
    pub(super) fn transaction_ended(&mut self, now: Time, is_commit: bool, next: Option<Epoch>) {
        let is_lost = |partition: &crate::partition::Partition| {
            partition.must_renew || partition.window.has_lost()
        };
        // Of a committed transaction every batch was appended.
        let has_spent = !is_commit && self.partitions.iter().any(is_lost);
        let Some(of) = &mut self.transactions else { return };
        of.has_spent |= has_spent;
        if of.version == Version::V2 && of.may_have_begun() {
            of.begins_from = now + MARKERS_PAUSE;
        }
        // What was begun by version 2 ends with a new epoch; if that was not told it has to be asked for.
        let is_untold = of.version == Version::V2 && of.may_have_begun() && next.is_none();
        of.has_spent |= is_untold;
        let needs_epoch = next.is_none()
            && (of.has_spent || of.in_doubt)
            && !self.config.planted.is(Plant::KeepEpochInDoubt)
            && !self.config.planted.is(Plant::BeginBeforeTheEnd);
        of.ended(needs_epoch);
        if let Some(next) = next {
            self.stats.epoch_bumps += 1;
            self.take_epoch(now, next, !is_commit);
        }
        let result = match is_commit {
            true => {
                self.stats.transactions_committed += 1;
                Ok(TransactionAnswer::Committed)
            }
            false => {
                self.stats.transactions_aborted += 1;
                Ok(TransactionAnswer::Aborted)
            }
        };
        if is_commit {
            self.tell_commit(&result);
        } else {
            self.tell_all(Kind::Abort, &result);
            self.tell_all(Kind::Settle, &result);
        }
        self.mark_pending();
    }
}

/// Whether a coordinator that answers EndTxn so has looked at the request, and has done nothing about it. Whatever else it says (UNKNOWN_SERVER_ERROR is what a failure
/// in its midst looks like) may come after the decision was written down.
const fn is_refused_before_it_ended(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::PRODUCER_FENCED
            | ErrorCode::INVALID_PRODUCER_EPOCH
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING
            | ErrorCode::UNKNOWN_PRODUCER_ID
            | ErrorCode::INVALID_TXN_STATE
            | ErrorCode::TRANSACTION_ABORTABLE
            | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::INVALID_REQUEST
            | ErrorCode::UNSUPPORTED_VERSION
    )
}
