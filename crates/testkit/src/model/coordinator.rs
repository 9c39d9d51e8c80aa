//! Who coordinates what: transactional ids and groups.

use std::collections::BTreeMap;

use rohrpost_codec::ErrorCode;

use super::{Broker, BrokerId, Model};

/// Coordinators that are not where their key puts them, or do not know their transactions yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coordinators {
    moved: BTreeMap<String, BrokerId>,
    loading: Vec<BrokerId>,
}

impl Model {
    /// The broker that coordinates a group or a transactional id: one of those that are alive; `None` if none is.
    #[must_use]
    pub fn coordinator_of(&self, key: &str) -> Option<BrokerId> {
        let moved = self.coordinators.moved.get(key);
        if let Some(&moved) = moved.filter(|moved| self.is_alive(**moved)) {
            return Some(moved);
        }
        let alive: Vec<_> = self.brokers.values().filter(|broker| broker.is_alive()).collect();
        let sum = key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        let index = sum.checked_rem(alive.len())?;
        alive.get(index).map(|broker| broker.id)
    }

    /// Makes a broker the coordinator of a key, as long as it is alive.
    pub fn move_coordinator(&mut self, key: impl Into<String>, to: impl Into<BrokerId>) {
        self.coordinators.moved.insert(key.into(), to.into());
        self.unwedge(None);
    }

    /// Has a broker answer COORDINATOR_LOAD_IN_PROGRESS as a coordinator, until [`Model::release_coordinator`].
    pub fn hold_coordinator(&mut self, broker: impl Into<BrokerId>) {
        let broker = broker.into();
        self.coordinators.loading.push(broker);
        self.unwedge(Some(broker));
    }

    /// Ends what [`Model::hold_coordinator`] began.
    pub fn release_coordinator(&mut self, broker: impl Into<BrokerId>) {
        let broker = broker.into();
        self.coordinators.loading.retain(|loading| *loading != broker);
    }

    /// Whether a broker is a coordinator that does not know its transactions and groups yet.
    pub(crate) fn is_loading(&self, broker: BrokerId) -> bool {
        self.coordinators.loading.contains(&broker)
    }

    /// Whether a broker coordinates a group or a transactional id, and knows its state.
    pub(crate) fn check_coordinator(&self, broker: BrokerId, key: &str) -> Result<(), ErrorCode> {
        if self.coordinator_of(key) != Some(broker) {
            return Err(ErrorCode::NOT_COORDINATOR);
        }
        match self.is_loading(broker) {
            true => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            false => Ok(()),
        }
    }

    pub(crate) fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(Broker::is_alive)
    }
}
