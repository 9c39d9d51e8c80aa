//! What clients may not do: all of them alike, as the model knows no users.

use super::Model;

/// Something that an authorizer can refuse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Permission {
    /// Write to a topic: Produce is refused with TOPIC_AUTHORIZATION_FAILED.
    WriteTopic(String),
    /// Hear of a topic: Metadata refuse it with TOPIC_AUTHORIZATION_FAILED when it is asked for, and leave it out of a list of all.
    DescribeTopic(String),
    /// Produce with idempotence: InitProducerId is refused with CLUSTER_AUTHORIZATION_FAILED. Kafka refuses it to whoever has
    /// neither IdempotentWrite on the cluster nor Write on any topic.
    IdempotentWrite,
    /// Use a transactional id: InitProducerId and transactional Produce requests are refused with
    /// TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
    WriteTransactionalId(String),
    /// Find the coordinator of a transactional id: FindCoordinator is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
    DescribeTransactionalId(String),
}

impl Model {
    /// Refuses this to clients until [`Model::allow`].
    pub fn deny(&mut self, permission: Permission) {
        self.denied.insert(permission);
    }

    /// Allows what [`Model::deny`] refused. Says whether it was refused.
    pub fn allow(&mut self, permission: &Permission) -> bool {
        self.denied.remove(permission)
    }

    pub(crate) fn is_denied(&self, permission: &Permission) -> bool {
        self.denied.contains(permission)
    }

    pub(crate) fn may_write(&self, topic: &str) -> bool {
        self.denied.is_empty() || !self.is_denied(&Permission::WriteTopic(topic.into()))
    }

    pub(crate) fn may_describe(&self, topic: &str) -> bool {
        self.denied.is_empty() || !self.is_denied(&Permission::DescribeTopic(topic.into()))
    }

    pub(crate) fn may_use(&self, transactional_id: &str) -> bool {
        let permission = || Permission::WriteTransactionalId(transactional_id.into());
        self.denied.is_empty() || !self.is_denied(&permission())
    }
}
