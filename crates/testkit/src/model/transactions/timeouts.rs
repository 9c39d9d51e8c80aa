//! Transactions that take too long: the coordinator aborts them, and fences their producers.

use std::time::Duration;

use super::TransactionState;
use crate::model::Model;

impl Model {
    /// Aborts a transaction now, as its coordinator does when `transaction.timeout.ms` is over. Says whether there was one to abort.
    pub fn time_out_transaction(&mut self, transactional_id: &str) -> bool {
        let metadata = self.transaction(transactional_id);
        if metadata.is_none_or(|metadata| metadata.state() != TransactionState::Ongoing) {
            return false;
        }
        self.stats.transactions_timed_out += 1;
        self.abort_and_fence(transactional_id);
        true
    }

    /// Aborts what has been ongoing for too long, whenever the coordinators look: every
    /// [`ModelConfig::transaction_timeout_check`](crate::model::ModelConfig::transaction_timeout_check).
    pub(in crate::model) fn time_out_transactions(&mut self) {
        let now = self.elapsed;
        if now < self.transactions.next_check {
            return;
        }
        let interval = self.config.transaction_timeout_check;
        self.transactions.next_check = now.saturating_add(interval);
        let is_here = |id: &str| self.coordinator_of(id).is_some_and(|broker| self.is_here(broker));
        let due = self.transactions().filter(|(id, metadata)| {
            metadata.times_out_at().is_some_and(|at| at < now) && is_here(id)
        });
        let due: Vec<_> = due.map(|(id, _)| id.to_owned()).collect();
        for id in due {
            self.time_out_transaction(&id);
        }
    }

    /// When time alone will change a transaction next: it takes too long, or its markers are due.
    pub(crate) fn next_change_of_transactions(&self) -> Option<Duration> {
        let changes = self.transactions().filter_map(|(_, metadata)| match metadata.is_ending() {
            true => Some(metadata.markers_at).filter(|&at| at > self.elapsed),
            // The next look after the time-out.
            false => metadata.times_out_at().map(|at| {
                let nanosecond = Duration::from_nanos(1);
                at.saturating_add(nanosecond).max(self.transactions.next_check)
            }),
        });
        changes.min()
    }
}
