//! What clients may not do: all of them, or one.

use super::{Model, SessionId};

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
    /// Read a topic: Fetch, DescribeProducers and the commit of a group's offsets in it are refused with TOPIC_AUTHORIZATION_FAILED.
    ReadTopic(String),
    /// Commit the offsets of a group, in a transaction or not: OffsetCommit, AddOffsetsToTxn and TxnOffsetCommit are refused with
    /// GROUP_AUTHORIZATION_FAILED.
    ReadGroup(String),
    /// Hear of a group: FindCoordinator and OffsetFetch are refused with GROUP_AUTHORIZATION_FAILED.
    DescribeGroup(String),
    /// Do what brokers do among themselves: AddPartitionsToTxn from version 4 on is refused with CLUSTER_AUTHORIZATION_FAILED.
    ClusterAction,
    /// Use a transactional id: InitProducerId, transactional Produce requests, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit and
    /// EndTxn are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
    WriteTransactionalId(String),
    /// Hear of a transactional id: FindCoordinator and DescribeTransactions are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, and
    /// ListTransactions leaves it out.
    DescribeTransactionalId(String),
    /// Take part in two-phase commit with a transactional id: InitProducerId is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED to whoever asks for it.
    TwoPhaseCommit(String),
}

impl Model {
    /// Refuses this to all clients until [`Model::allow`].
    pub fn deny(&mut self, permission: Permission) {
        self.denied.insert(permission);
    }

    /// Allows what [`Model::deny`] refused. Says whether it was refused.
    pub fn allow(&mut self, permission: &Permission) -> bool {
        self.denied.remove(permission)
    }

    /// Refuses this to one client until [`Model::allow_to`]: to a user, by its name, or to whoever has a certificate, by its subject
    /// as Java writes it (`CN=alice`).
    pub fn deny_to(&mut self, principal: impl Into<String>, permission: Permission) {
        self.denied_to.entry(principal.into()).or_default().insert(permission);
    }

    /// Allows what [`Model::deny_to`] refused. Says whether it was refused.
    pub fn allow_to(&mut self, principal: &str, permission: &Permission) -> bool {
        self.denied_to.get_mut(principal).is_some_and(|denied| denied.remove(permission))
    }

    pub(crate) fn is_denied(&self, session: SessionId, permission: &Permission) -> bool {
        let is_denied_to_it = || {
            let denied = self.principal(session).and_then(|name| self.denied_to.get(name));
            denied.is_some_and(|denied| denied.contains(permission))
        };
        self.denied.contains(permission) || is_denied_to_it()
    }

    pub(crate) fn may_write(&self, session: SessionId, topic: &str) -> bool {
        self.is_open_to_all() || !self.is_denied(session, &Permission::WriteTopic(topic.into()))
    }

    pub(crate) fn may_describe(&self, session: SessionId, topic: &str) -> bool {
        self.is_open_to_all() || !self.is_denied(session, &Permission::DescribeTopic(topic.into()))
    }

    pub(crate) fn may_use(&self, session: SessionId, transactional_id: &str) -> bool {
        let permission = || Permission::WriteTransactionalId(transactional_id.into());
        self.is_open_to_all() || !self.is_denied(session, &permission())
    }

    pub(crate) fn may_prepare(&self, session: SessionId, transactional_id: &str) -> bool {
        let permission = || Permission::TwoPhaseCommit(transactional_id.into());
        self.is_open_to_all() || !self.is_denied(session, &permission())
    }

    fn is_open_to_all(&self) -> bool {
        self.denied.is_empty() && self.denied_to.is_empty()
    }
}
