//! A network of scripted brokers around a [`Cluster`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rohrpost_cluster::{
    Cluster, ClusterConfig, ClusterEvent, ConnectError, ConnectErrorKind, ConnectionId, HostPort,
    LookupError, LostError, NetworkInput, NetworkOutput, NodeId, RequestId, SendError, SendOptions,
    Time,
};
use rohrpost_codec::messages::api_versions_response::ApiVersion;
use rohrpost_codec::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use rohrpost_codec::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse,
};
use rohrpost_codec::{
    ApiKey, ByteStr, Bytes, ErrorCode, FrameReader, Response, Uuid, decode_request,
    encode_response, peek_request,
};

use crate::sasl_listener::{Credentials, Reply, SaslListener};

/// What listens at an address.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// A broker that speaks ApiVersions up to this version.
    Broker { api_versions: i16 },
    /// Nobody.
    Refuses,
    /// A firewall that drops everything.
    BlackHole,
    /// Accepts and says nothing.
    Silent,
    /// Accepts and answers every frame with these bytes.
    Babbles(&'static [u8]),
    /// Accepts and hangs up at the first frame.
    HangsUp,
    /// Has a certificate that is not accepted.
    HasBadCertificate,
    /// Agrees on TLS, and says afterwards that it does not accept the client's certificate.
    RefusesCertificate,
}

/// A request that a peer received.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Time,
    pub(crate) address: SocketAddr,
    pub(crate) api_key: i16,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) frame: Bytes,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) cluster: Cluster,
    pub(crate) events: Vec<ClusterEvent>,
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) peers: BTreeMap<SocketAddr, Peer>,
    /// What brokers answer Metadata with, but for topics that were not asked for.
    pub(crate) metadata: MetadataResponse,
    pub(crate) versions: Vec<ApiVersion>,
    pub(crate) api_versions_error: ErrorCode,
    pub(crate) finalized: (i64, Vec<(&'static str, i16)>),
    /// Requests with these keys are not answered.
    pub(crate) held: BTreeSet<i16>,
    /// The driver takes frames but the sockets are full.
    pub(crate) is_stuck: bool,
    /// Tests say things of connections that are not so.
    pub(crate) is_lied_to: bool,
    pub(crate) seen: Vec<Seen>,
    /// What brokers answered.
    pub(crate) answers: Vec<Bytes>,
    pub(crate) attempts: Vec<(Time, SocketAddr)>,
    pub(crate) connecting: Vec<ConnectionId>,
    pub(crate) lookups: Vec<(Time, String)>,
    pub(crate) disconnects: Vec<(Time, ConnectionId)>,
    pub(crate) open: BTreeMap<ConnectionId, (SocketAddr, u64)>,
    pub(crate) wakes: usize,
    /// Connections that were told to be ready, and how many requests had been seen by then.
    pub(crate) ready: Vec<(ConnectionId, usize)>,
    /// Whether brokers want to know who comes, and how.
    pub(crate) sasl: Option<SaslListener>,
    /// Where credentials come from.
    pub(crate) credentials: Credentials,
}

pub(crate) const fn api(key: ApiKey, min_version: i16, max_version: i16) -> (ApiKey, i16, i16) {
    (key, min_version, max_version)
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The address of broker `id` in [`World::brokers`].
pub(crate) fn broker_address(id: i32) -> SocketAddr {
    address(&format!("10.0.0.{id}:9092"))
}

pub(crate) fn broker(id: i32, at: SocketAddr) -> MetadataResponseBroker {
    MetadataResponseBroker {
        node_id: id,
        host: at.ip().to_string().into(),
        port: at.port().into(),
        ..Default::default()
    }
}

/// A topic with a partition for each leader, with its epoch.
pub(crate) fn topic(name: &'static str, id: u128, leaders: &[(i32, i32)]) -> MetadataResponseTopic {
    let partition = |(index, &(leader_id, leader_epoch))| MetadataResponsePartition {
        partition_index: index,
        leader_id,
        leader_epoch,
        replica_nodes: [1, 2].into(),
        isr_nodes: [1].into(),
        offline_replicas: [2].into(),
        ..Default::default()
    };
    MetadataResponseTopic {
        name: Some(name.into()),
        topic_id: Uuid::from_u128(id),
        partitions: (0..).zip(leaders).map(partition).collect(),
        ..Default::default()
    }
}

impl World {
    /// A world with this configuration; nobody listens anywhere. Call [`settle`](Self::settle).
    pub(crate) fn new(config: ClusterConfig) -> Self {
        let now = Time::from_millis(5_000);
        let mut world = Self {
            now,
            cluster: Cluster::new(config, now),
            events: Vec::new(),
            names: BTreeMap::new(),
            peers: BTreeMap::new(),
            metadata: MetadataResponse {
                cluster_id: Some("first".into()),
                controller_id: 1,
                ..Default::default()
            },
            versions: Vec::new(),
            api_versions_error: ErrorCode::NONE,
            finalized: (-1, Vec::new()),
            held: BTreeSet::new(),
            is_stuck: false,
            is_lied_to: false,
            seen: Vec::new(),
            answers: Vec::new(),
            attempts: Vec::new(),
            connecting: Vec::new(),
            lookups: Vec::new(),
            disconnects: Vec::new(),
            open: BTreeMap::new(),
            wakes: 0,
            ready: Vec::new(),
            sasl: None,
            credentials: Credentials::default(),
        };
        world.speak(&[
            api(ApiKey::Produce, 3, 13),
            api(ApiKey::Metadata, 0, 13),
            api(ApiKey::InitProducerId, 0, 5),
        ]);
        world
    }

    /// Brokers 1 to `count` at [`broker_address`], all of which metadata names; broker 1 is the bootstrap server.
    pub(crate) fn brokers(count: i32) -> Self {
        Self::brokers_with(count, |_| {})
    }

    pub(crate) fn brokers_with(count: i32, configure: impl FnOnce(&mut ClusterConfig)) -> Self {
        let mut config = config(&["10.0.0.1:9092"]);
        configure(&mut config);
        let mut world = Self::new(config);
        world.metadata.brokers = (1..=count).map(|id| broker(id, broker_address(id))).collect();
        for id in 1..=count {
            world.peers.insert(broker_address(id), Peer::Broker { api_versions: 5 });
        }
        world
    }

    pub(crate) fn speak(&mut self, apis: &[(ApiKey, i16, i16)]) {
        let version = |&(key, min_version, max_version): &(ApiKey, i16, i16)| ApiVersion {
            api_key: key.into(),
            min_version,
            max_version,
            ..Default::default()
        };
        self.versions = apis.iter().map(version).collect();
    }

    /// Does all that the cluster asks for, without time passing.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "a loop without end");
            let mut inputs = Vec::new();
            while let Some(output) = self.cluster.poll_transmit(self.now) {
                self.perform(output, &mut inputs);
            }
            while let Some(event) = self.cluster.poll_event() {
                self.events.push(event);
            }
            if inputs.is_empty() {
                break;
            }
            for input in inputs {
                self.cluster.handle(self.now, input);
            }
        }
        let deadline = self.cluster.next_deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "a deadline in the past");
    }

    /// Lets this much time pass, waking the cluster when it asks for it.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.settle();
        let end = self.now + duration;
        while let Some(deadline) = self.cluster.next_deadline().filter(|&deadline| deadline <= end)
        {
            self.now = deadline;
            self.wakes += 1;
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    pub(crate) fn input(&mut self, input: NetworkInput) {
        self.cluster.handle(self.now, input);
        self.settle();
    }

    fn perform(&mut self, output: NetworkOutput, inputs: &mut Vec<NetworkInput>) {
        match output {
            NetworkOutput::Resolve { lookup, host } => {
                self.lookups.push((self.now, host.clone()));
                let found = self.names.get(&host).cloned();
                let result = found.ok_or_else(|| LookupError { detail: "no such host".into() });
                inputs.push(NetworkInput::Resolved { lookup, result });
            }
            NetworkOutput::Connect { connection, address, .. } => {
                self.attempts.push((self.now, address));
                self.connecting.push(connection);
                match self.peers.get(&address).cloned().unwrap_or(Peer::Refuses) {
                    Peer::Refuses => {
                        let error = ConnectError {
                            kind: ConnectErrorKind::Refused,
                            detail: "os error 111".into(),
                        };
                        inputs.push(NetworkInput::ConnectFailed { connection, error });
                    }
                    Peer::BlackHole => {}
                    Peer::HasBadCertificate => {
                        let error = ConnectError {
                            kind: ConnectErrorKind::TlsRefused,
                            detail: "the certificate has expired".into(),
                        };
                        inputs.push(NetworkInput::ConnectFailed { connection, error });
                    }
                    _ => {
                        self.open.insert(connection, (address, 0));
                        inputs.push(NetworkInput::Connected { connection });
                    }
                }
            }
            NetworkOutput::Authenticate { connection, host, .. } => {
                assert!(self.open.contains_key(&connection) || self.is_lied_to);
                let result = self.credentials.give(self.now, connection, host);
                inputs
                    .extend(result.map(|result| NetworkInput::Credentials { connection, result }));
            }
            NetworkOutput::Ready { connection } => {
                assert!(self.open.contains_key(&connection) || self.is_lied_to);
                self.ready.push((connection, self.seen.len()));
            }
            NetworkOutput::Transmit { connection, frame } => {
                let open = self.open.get_mut(&connection);
                assert!(open.is_some() || self.is_lied_to, "{connection:?} is not open");
                let Some((address, frames)) = open else { return };
                if self.is_stuck {
                    return;
                }
                *frames += 1;
                let (address, frames) = (*address, *frames);
                inputs.push(NetworkInput::Written { connection, frames });
                let bytes = frame.to_bytes();
                self.receive(connection, address, bytes.slice(4..), inputs);
            }
            NetworkOutput::Disconnect { connection } => {
                self.open.remove(&connection);
                self.disconnects.push((self.now, connection));
            }
        }
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        address: SocketAddr,
        frame: Bytes,
        inputs: &mut Vec<NetworkInput>,
    ) {
        let preamble = peek_request(&frame).unwrap();
        let (api_key, version) = (preamble.api_key, preamble.api_version);
        let correlation_id = preamble.correlation_id;
        let seen = Seen { at: self.now, address, api_key, version, correlation_id, frame };
        self.seen.push(seen.clone());
        if let Some(listener) = &mut self.sasl {
            let reply = listener.receive(connection, &seen);
            match reply {
                Reply::Pass => {}
                Reply::Answer(frame) => {
                    return inputs.push(NetworkInput::Received { connection, frame });
                }
                Reply::Nothing => return,
                Reply::HangUp => {
                    self.open.remove(&connection);
                    inputs.push(NetworkInput::Lost { connection, error: LostError::Closed });
                    return;
                }
            }
        }
        match self.peers.get(&address).cloned().unwrap_or(Peer::Silent) {
            Peer::Broker { api_versions } => {
                if !self.held.contains(&api_key) {
                    if let Some(answer) = self.answer(&seen, api_versions) {
                        self.answers.push(answer.clone());
                        inputs.push(NetworkInput::Received { connection, frame: answer });
                    }
                }
            }
            Peer::Babbles(bytes) => inputs.extend(babble(connection, bytes)),
            Peer::HangsUp => {
                self.open.remove(&connection);
                inputs.push(NetworkInput::Lost { connection, error: LostError::Closed });
            }
            Peer::RefusesCertificate => {
                self.open.remove(&connection);
                let error = LostError::TlsRefused { detail: "unknown_ca".into() };
                inputs.push(NetworkInput::Lost { connection, error });
            }
            Peer::Silent | Peer::Refuses | Peer::BlackHole | Peer::HasBadCertificate => {}
        }
    }

    /// A broker's answer, without length prefix.
    pub(crate) fn answer(&self, seen: &Seen, api_versions: i16) -> Option<Bytes> {
        let version = seen.version;
        match ApiKey::try_from(seen.api_key).unwrap() {
            ApiKey::ApiVersions => {
                let own = ApiVersion {
                    api_key: ApiKey::ApiVersions.into(),
                    max_version: api_versions,
                    ..Default::default()
                };
                if version > api_versions {
                    let response = ApiVersionsResponse {
                        error_code: ErrorCode::UNSUPPORTED_VERSION,
                        api_keys: if api_versions == 0 { vec![] } else { vec![own] },
                        ..Default::default()
                    };
                    return Some(encode(seen, &response, 0));
                }
                decode_request::<ApiVersionsRequest>(&seen.frame).unwrap();
                let mut api_keys = self.versions.clone();
                api_keys.push(own);
                let mut response = ApiVersionsResponse {
                    error_code: self.api_versions_error,
                    api_keys,
                    ..Default::default()
                };
                if version >= 3 {
                    use rohrpost_codec::messages::api_versions_response::FinalizedFeatureKey;
                    response.finalized_features_epoch = self.finalized.0;
                    let feature = |&(name, max_version_level): &(&'static str, i16)| {
                        let name = ByteStr::from(name);
                        FinalizedFeatureKey { name, max_version_level, ..Default::default() }
                    };
                    response.finalized_features = self.finalized.1.iter().map(feature).collect();
                }
                Some(encode(seen, &response, version))
            }
            ApiKey::Metadata => {
                let (_, request) = decode_request::<MetadataRequest>(&seen.frame).unwrap();
                let mut response = self.metadata.clone();
                let asked: Vec<_> = request.topics.into_iter().flatten().map(|t| t.name).collect();
                response.topics.retain(|topic| asked.contains(&topic.name));
                if version < 10 {
                    response.topics.iter_mut().for_each(|topic| topic.topic_id = Uuid::NIL);
                }
                Some(encode(seen, &response, version))
            }
            ApiKey::Produce => {
                let (_, request) = decode_request::<ProduceRequest>(&seen.frame).unwrap();
                (request.acks != 0).then(|| encode(seen, &ProduceResponse::default(), version))
            }
            other => panic!("nobody should ask {other:?}"),
        }
    }

    /// Sends a Produce request without contents.
    pub(crate) fn produce(&mut self, node: i32, acks: i16) -> Result<RequestId, SendError> {
        let request = ProduceRequest { acks, ..Default::default() };
        let timeout = Duration::from_secs(30);
        let options = SendOptions { expects_answer: acks != 0, timeout };
        self.cluster.send(self.now, NodeId(node), &request, 9, options)
    }

    /// Connects to a broker.
    pub(crate) fn connect(&mut self, node: i32) -> ConnectionId {
        self.cluster.ensure_connected(self.now, NodeId(node));
        self.settle();
        assert!(self.cluster.can_send(NodeId(node), self.now), "{:?}", self.cluster.troubles());
        self.connection_to(broker_address(node))
    }

    /// The latest open connection to an address.
    pub(crate) fn connection_to(&self, address: SocketAddr) -> ConnectionId {
        let mut newest_first = self.open.iter().rev();
        *newest_first.find(|(_, (to, _))| *to == address).expect("a connection").0
    }

    pub(crate) fn want(&mut self, topic: &'static str) {
        self.cluster.want_topic(self.now, &topic.into());
        self.settle();
    }

    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Option<(i32, Option<i32>)> {
        let partition = self.cluster.metadata().partition(topic, partition)?;
        partition.leader.map(|leader| (leader.0, partition.leader_epoch))
    }

    pub(crate) fn troubles(&self) -> Vec<String> {
        self.cluster.troubles().iter().map(ToString::to_string).collect()
    }

    pub(crate) fn requests(&self, key: ApiKey) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.api_key == i16::from(key)).collect()
    }

    /// The topics of each metadata request.
    pub(crate) fn topics_asked(&self) -> Vec<Vec<String>> {
        let topics = |seen: &&Seen| {
            let (_, request) = decode_request::<MetadataRequest>(&seen.frame).unwrap();
            let names = request.topics.unwrap().into_iter();
            names.map(|topic| topic.name.unwrap().to_string()).collect()
        };
        self.requests(ApiKey::Metadata).iter().map(topics).collect()
    }
}

pub(crate) fn config(bootstrap: &[&str]) -> ClusterConfig {
    let servers = bootstrap.iter().map(|server| server.parse::<HostPort>().unwrap()).collect();
    let mut config = ClusterConfig::new(servers);
    config.seed = 42;
    config
}

pub(crate) fn encode<R: Response>(seen: &Seen, response: &R, version: i16) -> Bytes {
    encode_response(seen.correlation_id, response, version).unwrap().to_bytes().slice(4..)
}

/// What the driver makes of bytes that arrive.
fn babble(connection: ConnectionId, bytes: &[u8]) -> Vec<NetworkInput> {
    let mut reader = FrameReader::new(100 << 20);
    reader.extend(bytes);
    let mut inputs = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => inputs.push(NetworkInput::Received { connection, frame }),
            Ok(None) => return inputs,
            Err(error) => {
                inputs.push(NetworkInput::Lost { connection, error: LostError::Frame(error) });
                return inputs;
            }
        }
    }
}
