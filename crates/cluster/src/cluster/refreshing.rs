//! How metadata is asked for, and what comes of it.

use alloc::vec::Vec;
use core::time::Duration;

use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::{MetadataRequest, MetadataResponse};
use rohrpost_codec::{ApiKey, Bytes, ErrorCode, Message, VersionRange, decode_response};

use super::Cluster;
use super::choice::Choice;
use crate::connection::{Call, Purpose};
use crate::metadata::update::{Outcome, brokers};
use crate::node::{Node, earliest};
use crate::trouble::TroubleKind;
use crate::{ClusterEvent, HostPort, MetadataRecovery, NodeId, Time};

/// Version 0 cannot ask for no topics.
const ASKS_FOR_NO_TOPICS: i16 = 1;

/// The first version that can forbid the creation of a topic.
const MAY_FORBID_CREATION: i16 = 4;

/// How long a connection to one node is waited for before another is tried beside it: a node behind a firewall that drops packets
/// takes `socket.connection.setup.timeout.ms` to fail.
const PATIENCE: Duration = Duration::from_secs(1);

impl Cluster {
    /// The versions of Metadata that can ask what we ask.
    pub(super) const fn metadata_versions(&self) -> VersionRange {
        let min = if self.config.allow_auto_topic_creation {
            ASKS_FOR_NO_TOPICS
        } else {
            MAY_FORBID_CREATION
        };
        VersionRange::new(min, MetadataRequest::VERSIONS.max)
    }

    /// Whether only the bootstrap servers are known.
    pub(super) fn is_bootstrapping(&self) -> bool {
        self.nodes.values().any(|node| node.is_current && node.id.is_bootstrap())
    }

    pub(super) fn add_bootstrap_servers(&mut self) {
        for (id, address) in (1..).map(|n: i32| NodeId(-n)).zip(&self.config.bootstrap_servers) {
            let node = self.nodes.entry(id).or_insert_with(|| Node::new(id, address.clone()));
            node.is_current = true;
        }
    }

    /// Asks for metadata if it is due and somebody can be asked; else sees to it that somebody can be.
    pub(super) fn drive_refresh(&mut self, now: Time) {
        self.refresh_blocked_at = None;
        let is_due = self.refresh.due().is_some_and(|due| due <= now);
        if self.is_closed || !is_due || self.nodes.is_empty() {
            return;
        }
        self.refresh.set_overdue(now);
        let has_waited = self.rebootstrap_at().is_some_and(|at| at <= now);
        if has_waited || self.may_rebootstrap() && self.is_out_of_reach() {
            self.rebootstrap(now);
        }
        match self.choose(now) {
            Some(Choice::Ready(id)) => self.request_metadata(now, id),
            Some(Choice::Disconnected(id)) => {
                self.start(now, id);
                self.refresh_blocked_at = Some(now);
            }
            Some(Choice::Connecting(_)) | None => {
                self.refresh_blocked_at = Some(now);
                if self.next_attempt_at(now).is_some_and(|at| at <= now) {
                    if let Some(id) = self.longest_disconnected() {
                        self.start(now, id);
                    }
                }
            }
        }
    }

    /// When something changes for a refresh that is blocked, apart from what the nodes do by themselves.
    pub(super) fn unblocked_at(&self, blocked_at: Time) -> Option<Time> {
        earliest(self.rebootstrap_at(), self.next_attempt_at(blocked_at))
    }

    /// When to try another node beside those that are being connected to; `None` if there is no other.
    fn next_attempt_at(&self, now: Time) -> Option<Time> {
        self.longest_disconnected()?;
        let current = self.nodes.values().filter(|node| node.is_current);
        let latest = current.filter_map(|node| node.waited_for_since(now)).max();
        latest.map(|latest| latest + PATIENCE)
    }

    /// Forgets what metadata said of the brokers, closes all connections, and asks the bootstrap servers (KIP-899, KIP-1102). What is
    /// known of the topics stays until there is better.
    pub(super) fn rebootstrap(&mut self, now: Time) {
        if self.config.metadata_recovery == MetadataRecovery::None || self.is_closed {
            return;
        }
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if self.nodes.get(&id).is_some_and(|node| node.ready().is_some()) {
                self.close_quietly(id);
            }
            self.retire(id);
        }
        self.add_bootstrap_servers();
        self.refresh.restart(now);
        self.events.push_back(ClusterEvent::Rebootstrapped);
    }

    /// A connection was lost, or could not be made: what is known may be stale. Where metadata was due, that counts as a failure to get it, so that
    /// a search among many dead brokers backs off; the few bootstrap servers have their own back-offs.
    pub(super) fn refresh_after_loss(&mut self, now: Time) {
        let is_due = self.refresh.due().is_some_and(|due| due <= now);
        if self.refresh.is_lost() || is_due && !self.is_bootstrapping() {
            self.refresh.fail(now, &mut self.random);
        }
        self.refresh.request();
    }

    pub(super) fn metadata_answered(&mut self, now: Time, id: NodeId, frame: &Bytes, version: i16) {
        let response = match decode_response::<MetadataResponse>(frame, version) {
            Ok((_, response)) => response,
            Err(error) => {
                self.refresh.lose();
                return self.disconnect(now, id, TroubleKind::Unreadable(error));
            }
        };
        self.throttle(now, id, ApiKey::Metadata, version, response.throttle_time_ms);
        let code = response.error_code;
        if !code.is_none() || brokers(&response).is_empty() {
            let api_key = ApiKey::Metadata;
            let refused = TroubleKind::Refused { api_key, code };
            let kind = if code.is_none() { TroubleKind::Starting } else { refused };
            if let Some(node) = self.nodes.get_mut(&id) {
                node.set_trouble(now, kind);
            }
            self.refresh.fail(now, &mut self.random);
            if code == ErrorCode::REBOOTSTRAP_REQUIRED {
                self.rebootstrap(now);
            }
            return;
        }
        let refresh = &self.refresh;
        let is_wanted = |name: &_| refresh.is_wanted(name);
        let Outcome { is_news, is_incomplete } =
            self.metadata.update(&response, version, is_wanted);
        self.metadata.retain_topics(is_wanted);
        self.refresh.succeed(now, is_news, is_incomplete, &mut self.random);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.clear_trouble();
        }
        self.sync_nodes(now);
        self.preference = self.random.next_u64();
        self.events.push_back(ClusterEvent::MetadataUpdated);
    }

    /// Makes the nodes those that metadata names.
    pub(super) fn sync_nodes(&mut self, now: Time) {
        let named: Vec<(NodeId, HostPort)> =
            self.metadata.brokers().map(|broker| (broker.id, broker.address.clone())).collect();
        let is_gone = |id: &NodeId| self.metadata.broker(*id).is_none();
        let gone: Vec<NodeId> = self.nodes.keys().copied().filter(is_gone).collect();
        for id in gone {
            self.retire(id);
            if self.nodes.get(&id).is_some_and(|node| node.ready().is_none()) {
                self.nodes.remove(&id);
            }
        }
        for (id, address) in named {
            let node = self.nodes.entry(id).or_insert_with(|| Node::new(id, address.clone()));
            if !node.is_current {
                (node.is_current, node.is_unreachable) = (true, false);
            }
            if node.address != address {
                self.readdress(now, id, address);
            }
        }
    }

    /// A broker has moved. A connection that is ready still works, so it stays; an attempt would lead astray.
    fn readdress(&mut self, now: Time, id: NodeId, address: HostPort) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.address = address;
        node.clear_trouble();
        if node.ready().is_some() {
            return;
        }
        (node.failures, node.setup_failures) = (0, 0);
        let was_asked_for = node.is_wanted || node.is_connecting();
        self.abandon_attempt(id);
        if was_asked_for {
            self.start(now, id);
        }
    }

    /// A node is not asked any more. Its back-off is kept, should it be named again.
    fn retire(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.is_current = false;
        node.is_wanted = false;
        if node.is_connecting() {
            self.abandon_attempt(id);
        }
    }

    pub(super) fn may_rebootstrap(&self) -> bool {
        self.config.metadata_recovery == MetadataRecovery::Rebootstrap && !self.is_bootstrapping()
    }

    fn request_metadata(&mut self, now: Time, id: NodeId) {
        let Some(version) = self.api_version(id, ApiKey::Metadata, self.metadata_versions()) else {
            // No node without a common version becomes ready.
            self.refresh_blocked_at = Some(now);
            return;
        };
        let topic = |name: &rohrpost_codec::ByteStr| MetadataRequestTopic {
            name: Some(name.clone()),
            ..MetadataRequestTopic::default()
        };
        let topics = self.refresh.begin(now).iter().map(topic).collect();
        let request = MetadataRequest {
            topics: Some(topics),
            allow_auto_topic_creation: self.config.allow_auto_topic_creation,
            ..MetadataRequest::default()
        };
        let call = Call {
            purpose: Purpose::Metadata,
            api_key: ApiKey::Metadata,
            version,
            expects_answer: true,
            timeout: self.config.request_timeout,
        };
        if self.transmit(now, id, &request, call).is_err() {
            // No topic's name is too long to be encoded; should one be, this keeps on trying quietly.
            self.refresh.fail(now, &mut self.random);
        }
    }
}
