//! What brokers say: the negotiation of versions, and the way of each answer to whom it is for.

use rohrpost_codec::messages::api_versions_response::ApiVersion;
use rohrpost_codec::messages::{ApiVersionsRequest, ApiVersionsResponse};
use rohrpost_codec::{
    ApiKey, Bytes, ErrorCode, Message, VersionRange, decode_response, peek_correlation_id,
};

use super::Cluster;
use crate::connection::{Call, Connection, InFlight, Purpose, Unasked};
use crate::node::{Node, State};
use crate::trouble::TroubleKind;
use crate::versions::Versions;
use crate::{Answer, ClusterEvent, ConnectionId, NetworkOutput, NodeId, SendError, Time};

/// The first version that says which cluster and which node the client means.
const CHECKS_CLUSTER: i16 = 5;

impl Cluster {
    /// Asks for the node's versions: in our newest version at first, then in one that the node's refusal named (KIP-511).
    pub(super) fn negotiate(&mut self, now: Time, id: NodeId, version: Option<i16>) {
        let version = version.unwrap_or(ApiVersionsRequest::VERSIONS.max);
        let mut request = ApiVersionsRequest {
            client_software_name: self.config.client_software_name.clone(),
            client_software_version: self.config.client_software_version.clone(),
            ..ApiVersionsRequest::default()
        };
        let cluster_id = self.metadata.cluster_id();
        if version >= CHECKS_CLUSTER && self.config.metadata_cluster_check && !id.is_bootstrap() {
            if let Some(cluster_id) = cluster_id {
                request.cluster_id = Some(cluster_id.clone());
                request.node_id = id.0;
            }
        }
        let call = Call {
            purpose: Purpose::Negotiation,
            api_key: ApiKey::ApiVersions,
            version,
            expects_answer: true,
            timeout: self.config.request_timeout,
        };
        if let Err(SendError::Encode(error)) = self.transmit(now, id, &request, call) {
            self.disconnect(now, id, TroubleKind::Unsendable(error));
        }
    }

    pub(super) fn received(&mut self, now: Time, connection: ConnectionId, frame: Bytes) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let State::Connecting { .. } = node.state {
            return;
        }
        let found = match peek_correlation_id(&frame) {
            Ok(found) => found,
            Err(error) => return self.disconnect(now, id, TroubleKind::Unreadable(error)),
        };
        let unasked = Unasked { expected: None };
        let answered =
            node.connection_mut().map_or(Err(unasked), |open| open.pop_answered(found, now));
        let request = match answered {
            Ok(request) => request,
            Err(Unasked { expected }) => {
                return self.disconnect(now, id, TroubleKind::Unasked { expected, found });
            }
        };
        let InFlight { purpose, api_key, version, sent, written, .. } = request;
        match purpose {
            Purpose::Above(request) => {
                let node = id;
                let answer =
                    Answer { request, node, connection, api_key, version, sent, written, frame };
                self.events.push_back(ClusterEvent::Answered(answer));
            }
            Purpose::Metadata => self.metadata_answered(now, id, &frame, version),
            Purpose::Negotiation => self.negotiated(now, id, &frame, version),
            Purpose::Authentication => self.authentication_answered(now, id, &frame, version),
        }
    }

    fn negotiated(&mut self, now: Time, id: NodeId, frame: &Bytes, version: i16) {
        let response = match decode_response::<ApiVersionsResponse>(frame, version) {
            Ok((_, response)) => response,
            Err(error) => return self.disconnect(now, id, TroubleKind::Unreadable(error)),
        };
        let code = response.error_code;
        let api_key = ApiKey::ApiVersions;
        if code == ErrorCode::UNSUPPORTED_VERSION && version > 0 {
            let newest = fallback(&response.api_keys, version);
            return self.negotiate(now, id, Some(newest));
        }
        if !code.is_none() {
            self.disconnect(now, id, TroubleKind::Refused { api_key, code });
            if code == ErrorCode::REBOOTSTRAP_REQUIRED {
                self.refresh.fail(now, &mut self.random);
                self.rebootstrap(now);
            }
            return;
        }
        let versions = Versions::new(&response);
        let ours = self.metadata_versions();
        if versions.newest(ApiKey::Metadata, ours).is_none() {
            let theirs = versions.of(ApiKey::Metadata);
            let kind = TroubleKind::NoCommonVersion { api_key: ApiKey::Metadata, ours, theirs };
            return self.disconnect(now, id, kind);
        }
        self.features.update(&response);
        self.identify(now, id, versions);
        self.throttle(now, id, api_key, version, response.throttle_time_ms);
    }

    pub(super) fn set_ready(&mut self, id: NodeId, versions: Versions) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(connection) = take_connection(node) else { return };
        node.state = State::Ready { connection, versions, session: None };
        self.became_ready(id);
    }

    /// A new connection is ready.
    pub(super) fn became_ready(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        self.connections_ready += 1;
        node.failures = 0;
        node.is_unreachable = false;
        node.is_wanted = false;
        node.clear_trouble();
        let connection = node.connection().map(|connection| connection.id);
        self.outputs.extend(connection.map(|connection| NetworkOutput::Ready { connection }));
        self.refresh.wake();
        self.events.push_back(ClusterEvent::NodeReady(id));
    }
}

fn take_connection(node: &mut Node) -> Option<Connection> {
    match core::mem::replace(&mut node.state, State::Disconnected) {
        State::Negotiating { connection, .. } => Some(connection),
        other => {
            node.state = other;
            None
        }
    }
}

/// The version to ask in after a refusal: the newest that the refusal names and that is older than the one refused, else 0.
fn fallback(api_keys: &[ApiVersion], refused: i16) -> i16 {
    let is_ours = |api: &&ApiVersion| api.api_key == i16::from(ApiKey::ApiVersions);
    let theirs = api_keys.iter().find(is_ours);
    let older = VersionRange::new(0, refused - 1);
    theirs
        .and_then(|api| VersionRange::new(api.min_version, api.max_version).intersect(older))
        .map_or(0, |both| both.max)
}
