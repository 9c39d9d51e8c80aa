//! Who coordinates the transaction, and a group: FindCoordinator.

use alloc::vec;

use rohrpost_cluster::{Answer, NodeId, NodeState, Time};
use rohrpost_codec::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use rohrpost_codec::{ApiKey, ByteStr, VersionRange};

use super::requests::{Refusal, Sending};
use super::state::Question;
use super::verdict::Verdict;
use crate::engine::Engine;

/// The first version that knows of transactions.
const FIND_TRANSACTION: VersionRange = VersionRange::new(1, 6);
const FIND_GROUP: VersionRange = VersionRange::new(0, 6);
/// The first version that takes several keys.
const FIND_MANY: i16 = 4;
const TRANSACTION: i8 = 1;
const GROUP: i8 = 0;

impl Engine {
    /// Asks any node for the coordinator of a group, or of the transactional id.
    pub(super) fn find_coordinator(&mut self, now: Time, group: Option<ByteStr>) {
        let Some(node) = self.cluster.least_loaded(now) else { return };
        if self.cluster.ensure_connected(now, node) != NodeState::Ready
            || !self.cluster.can_send(node, now)
        {
            return;
        }
        let Some(of) = &self.transactions else { return };
        let key = group.clone().unwrap_or_else(|| of.config.id.clone());
        let (ours, key_type) = match group {
            Some(_) => (FIND_GROUP, GROUP),
            None => (FIND_TRANSACTION, TRANSACTION),
        };
        let version = self.agreed_version::<FindCoordinatorRequest>(
            now,
            node,
            ours,
            "find a transaction's coordinator",
        );
        let Some(version) = version else { return };
        let mut request = FindCoordinatorRequest { key_type, ..FindCoordinatorRequest::default() };
        if version >= FIND_MANY {
            request.coordinator_keys = vec![key];
        } else {
            request.key = key;
        }
        let what = Question::Find(group);
        self.ask(now, Sending { request: &request, node, version, what });
    }

    pub(super) fn coordinator_found(&mut self, now: Time, answer: &Answer, group: Option<ByteStr>) {
        let what = Question::Find(group);
        let throttle = |read: &FindCoordinatorResponse| read.throttle_time_ms;
        let Some(read) = self.read(now, answer, &what, throttle) else { return };
        let Question::Find(group) = what else { return };
        let Some(of) = &self.transactions else { return };
        let key = group.clone().unwrap_or_else(|| of.config.id.clone());
        let (code, message, node) = if answer.version >= FIND_MANY {
            let mut found = read.coordinators.into_iter().filter(|found| found.key == key);
            let Some(found) = found.next() else {
                return self.was_misanswered(now, Question::Find(group));
            };
            (found.error_code, found.error_message, found.node_id)
        } else {
            (read.error_code, read.error_message, read.node_id)
        };
        let message = message.filter(|message| !message.is_empty());
        let refusal = Refusal { api: ApiKey::FindCoordinator, code, message, what: vec![key] };
        match self.judge_answer(now, answer.node, false, refusal) {
            Ok(Verdict::Done) if node < 0 => {
                self.was_misanswered(now, Question::Find(group));
            }
            Ok(Verdict::Done) => {
                let Some(of) = &mut self.transactions else { return };
                match group {
                    Some(group) => of.group = Some((group, NodeId(node))),
                    None => of.coordinator = Some(NodeId(node)),
                }
            }
            Ok(_) => {}
            Err(error) => self.was_refused(now, error),
        }
    }
}
