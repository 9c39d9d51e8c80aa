//! The two sides: Apache Kafka behind a socket, and the model.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rohrpost_codec::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use rohrpost_codec::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use rohrpost_codec::messages::elect_leaders_request::TopicPartitions;
use rohrpost_codec::messages::metadata_response::MetadataResponseBroker;
use rohrpost_codec::messages::{
    AlterClientQuotasRequest, AlterPartitionReassignmentsRequest, ApiVersionsRequest,
    ElectLeadersRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
    OffsetFetchRequest,
};
use rohrpost_codec::{ErrorCode, Request, Uuid, decode_response, encode_request};
use rohrpost_testkit::model::{
    Answer, GroupMember, Model, ModelConfig, Now, Permission, SessionId,
};

use crate::answers::{GROUP, is_ending, turn_to_coordinator};
use crate::batches::now_ms;
use crate::steps::Topic;
use crate::{acls, joining};

/// The longest that an answer may take: more than any request asks for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard<T> {
    Answer(T),
    /// Nothing, and the connection goes on.
    Nothing,
    /// The connection was closed.
    Closed,
}

/// What a side calls what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// The ids of each topic, the present one last.
    pub(crate) topics: BTreeMap<String, Vec<Uuid>>,
    /// The producer ids that were given, in the order in which they were first.
    pub(crate) given: Vec<i64>,
    /// The ids of those that joined groups, in that order.
    pub(crate) members: Vec<String>,
}

pub(crate) trait Side {
    fn names(&mut self) -> &mut Names;

    /// How many brokers there are, with the ids from 1 on.
    fn brokers(&self) -> i32;

    /// Sends what follows to this broker.
    fn turn_to(&mut self, broker: i32);

    /// Refuses something to clients from now on.
    fn deny(&mut self, permission: Permission) -> io::Result<()>;

    /// Gives clients so many bytes a second from now on.
    fn limit(&mut self, bytes: u64) -> io::Result<()>;

    /// Has another replica lead a partition.
    fn move_leader(&mut self, topic: &Topic, partition: i32, to: i32) -> io::Result<()>;

    /// Waits until the markers of a transactional id are written.
    fn settle(&mut self, transactional_id: &str) -> io::Result<()>;

    /// Has a member join a group of its own, be it static; the side is turned to the coordinator.
    fn join(&mut self, group: &str, instance: Option<&'static str>) -> io::Result<()>;

    /// Has the cluster agree on a transaction version.
    fn agree(&mut self, transaction_version: i16) -> io::Result<()>;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);

    /// Sends a request and waits for what comes of it; `is_silent` if success has no answer.
    fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        is_silent: bool,
    ) -> io::Result<Heard<R::Response>>;
}

pub(crate) struct Kafka {
    nodes: Vec<Node>,
    /// Where in `nodes` what is sent goes.
    at: usize,
    correlation_id: i32,
    pub(crate) names: Names,
}

#[derive(Default)]
struct Node {
    address: String,
    stream: Option<TcpStream>,
}

impl Kafka {
    pub(crate) fn at(address: &str) -> io::Result<Self> {
        let first = address.split(',').next().unwrap_or(address).to_owned();
        let nodes = vec![Node { address: first, stream: None }];
        let mut kafka = Self { nodes, at: 0, correlation_id: 0, names: Names::default() };
        let topics = Some(Vec::new());
        let request = MetadataRequest { topics, ..Default::default() };
        let Heard::Answer(answer) = kafka.call(&request, 9, false)? else {
            return Err(io::Error::other("Metadata was not answered"));
        };
        let mut brokers = answer.brokers;
        brokers.sort_by_key(|broker| broker.node_id);
        let address = |broker: MetadataResponseBroker| format!("{}:{}", broker.host, broker.port);
        let nodes = brokers.into_iter().map(address);
        kafka.nodes = nodes.map(|address| Node { address, stream: None }).collect();
        Ok(kafka)
    }

    /// Asks every broker again until it is so.
    pub(crate) fn until_all(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<()> {
        for broker in 1..=self.brokers() {
            self.turn_to(broker);
            self.until(what, &mut is_so)?;
        }
        Ok(())
    }

    /// Makes a replica the preferred leader, and then the leader.
    fn prefer_leader(&mut self, topic: &str, partition: i32, replicas: &[i32]) -> io::Result<()> {
        let reassigned = ReassignablePartition {
            partition_index: partition,
            replicas: Some(replicas.iter().copied().collect()),
            ..Default::default()
        };
        let reassigned = ReassignableTopic {
            name: topic.to_owned().into(),
            partitions: vec![reassigned],
            ..Default::default()
        };
        let topics = vec![reassigned];
        let request =
            AlterPartitionReassignmentsRequest { topics, timeout_ms: 5000, ..Default::default() };
        self.call(&request, 0, false)?;
        let elected = TopicPartitions {
            topic: topic.to_owned().into(),
            partitions: [partition].into_iter().collect(),
            ..Default::default()
        };
        let topic_partitions = Some(vec![elected]);
        let request =
            ElectLeadersRequest { topic_partitions, timeout_ms: 5000, ..Default::default() };
        self.call(&request, 2, false)?;
        Ok(())
    }

    /// Has Kafka create what its coordinators need, which takes a while the first time.
    pub(crate) fn wait_for_coordinator(&mut self) -> io::Result<()> {
        // More than there are partitions of the coordinator's own topic, each of which has to be loaded.
        for number in 0..20 {
            let id = format!("warm-{number}");
            let find = FindCoordinatorRequest {
                key: id.clone().into(),
                key_type: 1,
                ..Default::default()
            };
            let init = InitProducerIdRequest {
                transactional_id: Some(id.clone().into()),
                transaction_timeout_ms: 1000,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            };
            self.until("the transaction coordinator", |kafka| {
                if let Heard::Answer(found) = kafka.call(&find, 3, false)? {
                    kafka.turn_to(found.node_id.max(1));
                }
                let Heard::Answer(answer) = kafka.call(&init, 5, false)? else { return Ok(false) };
                Ok(answer.error_code == ErrorCode::NONE)
            })?;
            let group = OffsetFetchRequest { group_id: id.clone().into(), ..Default::default() };
            self.until("the group coordinator", |kafka| {
                turn_to_coordinator(kafka, &id, GROUP)?;
                let Heard::Answer(answer) = kafka.call(&group, 7, false)? else { return Ok(false) };
                Ok(answer.error_code == ErrorCode::NONE)
            })?;
        }
        Ok(())
    }

    /// Asks again until it is so.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<()> {
        let start = Instant::now();
        while !is_so(self)? {
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "Kafka is not ready after {PATIENCE:?}: {what}"
                )));
            }
            // tidy: may sleep: another process is waited for, which has no other way to tell.
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn write<R: Request>(&mut self, request: &R, version: i16) -> io::Result<i32> {
        self.correlation_id += 1;
        let frame = encode_request(self.correlation_id, Some("conformance"), request, version)
            .map_err(io::Error::other)?;
        let node = &mut self.nodes[self.at];
        let stream = match &mut node.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&node.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                none.insert(stream)
            }
        };
        stream.write_all(&frame.to_bytes())?;
        Ok(self.correlation_id)
    }

    /// The next frame; `None` if Kafka has closed the connection.
    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let node = &mut self.nodes[self.at];
        let Some(stream) = &mut node.stream else { return Ok(None) };
        let mut length = [0; 4];
        let is_over = |error: &io::Error| {
            use io::ErrorKind as E;
            matches!(error.kind(), E::UnexpectedEof | E::ConnectionReset | E::BrokenPipe)
        };
        match stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if is_over(&error) => {
                node.stream = None;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame)?;
        Ok(Some(frame.into()))
    }
}

impl Side for Kafka {
    fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    fn brokers(&self) -> i32 {
        self.nodes.len() as i32
    }

    fn turn_to(&mut self, broker: i32) {
        self.at = (broker - 1).clamp(0, self.brokers() - 1) as usize;
    }

    fn deny(&mut self, permission: Permission) -> io::Result<()> {
        acls::deny(self, &permission)
    }

    fn limit(&mut self, bytes: u64) -> io::Result<()> {
        let client = EntityData {
            entity_type: "client-id".into(),
            // Every client that has no quota of its own.
            entity_name: None,
            ..Default::default()
        };
        let rate =
            OpData { key: "producer_byte_rate".into(), value: bytes as f64, ..Default::default() };
        let entry = EntryData { entity: vec![client], ops: vec![rate], ..Default::default() };
        let request = AlterClientQuotasRequest { entries: vec![entry], ..Default::default() };
        let Heard::Answer(answer) = self.call(&request, 1, false)? else {
            return Err(io::Error::other("AlterClientQuotas was not answered"));
        };
        if answer.entries.iter().any(|entry| !entry.error_code.is_none()) {
            return Err(io::Error::other(format!("{:?}", answer.entries)));
        }
        // Nobody says when the broker has heard of it.
        self.wait(Duration::from_millis(500));
        Ok(())
    }

    fn move_leader(&mut self, topic: &Topic, partition: i32, to: i32) -> io::Result<()> {
        let mut replicas = topic.replicas_of(partition, self.brokers());
        replicas.sort_by_key(|&replica| replica != to);
        self.prefer_leader(&topic.name, partition, &replicas)
    }

    fn settle(&mut self, transactional_id: &str) -> io::Result<()> {
        self.until("the markers", |kafka| Ok(!is_ending(kafka, transactional_id)?))
    }

    fn join(&mut self, group: &str, instance: Option<&'static str>) -> io::Result<()> {
        joining::join(self, group, instance)
    }

    fn agree(&mut self, transaction_version: i16) -> io::Result<()> {
        joining::agree(self, transaction_version)
    }

    fn wait(&mut self, time: Duration) {
        // tidy: may sleep: another process is to have the time that its configuration speaks of.
        std::thread::sleep(time);
    }

    fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        is_silent: bool,
    ) -> io::Result<Heard<R::Response>> {
        let id = self.write(request, version)?;
        let probe = match is_silent {
            true => Some(self.write(&ApiVersionsRequest::default(), 0)?),
            false => None,
        };
        let Some(frame) = self.read()? else { return Ok(Heard::Closed) };
        let answered = frame.first_chunk::<4>().map(|id| i32::from_be_bytes(*id));
        if probe.is_some() && answered == probe {
            return Ok(Heard::Nothing);
        }
        if answered != Some(id) {
            return Err(io::Error::other(format!("answer {answered:?} to request {id}")));
        }
        let (_, answer) =
            decode_response::<R::Response>(&frame, version).map_err(io::Error::other)?;
        Ok(Heard::Answer(answer))
    }
}

pub(crate) struct Modelled {
    pub(crate) model: Model,
    sessions: BTreeMap<i32, SessionId>,
    broker: i32,
    start: Instant,
    /// How much of the model's time was not waited for.
    skipped: Duration,
    pub(crate) names: Names,
}

impl Modelled {
    pub(crate) fn new(config: ModelConfig) -> Self {
        Self {
            model: Model::new(config),
            sessions: BTreeMap::new(),
            broker: 1,
            start: Instant::now(),
            skipped: Duration::ZERO,
            names: Names::default(),
        }
    }

    fn now(&self) -> Now {
        Now { elapsed: self.start.elapsed() + self.skipped, wall_ms: now_ms() }
    }
}

impl Side for Modelled {
    fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    fn brokers(&self) -> i32 {
        self.model.config().brokers
    }

    fn turn_to(&mut self, broker: i32) {
        self.broker = broker;
    }

    fn deny(&mut self, permission: Permission) -> io::Result<()> {
        self.model.deny(permission);
        Ok(())
    }

    fn limit(&mut self, bytes: u64) -> io::Result<()> {
        self.model.set_producer_byte_rate(Some(bytes));
        Ok(())
    }

    fn move_leader(&mut self, topic: &Topic, partition: i32, to: i32) -> io::Result<()> {
        self.model.move_leader(&topic.name, partition, to).map_err(io::Error::other)
    }

    /// The model writes them at once.
    fn settle(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn join(&mut self, group: &str, instance: Option<&'static str>) -> io::Result<()> {
        let id = format!("member-{}", self.names.members.len());
        self.names.members.push(id.clone());
        let member = GroupMember::new(id);
        let member = match instance {
            Some(instance) => member.instance(instance),
            None => member,
        };
        self.model.set_group(group, 1, [member]);
        Ok(())
    }

    fn agree(&mut self, transaction_version: i16) -> io::Result<()> {
        self.model.set_transaction_version(transaction_version);
        Ok(())
    }

    /// It has passed for Kafka, and the clock is the same.
    fn wait(&mut self, _: Duration) {}

    fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        _: bool,
    ) -> io::Result<Heard<R::Response>> {
        let down = || io::Error::other("the broker is down");
        let session = match self.sessions.get(&self.broker) {
            Some(session) => *session,
            None => self.model.connect(self.broker).ok_or_else(down)?,
        };
        self.sessions.insert(self.broker, session);
        let frame = encode_request(1, Some("conformance"), request, version)
            .map_err(io::Error::other)?
            .to_bytes()
            .slice(4..);
        let mut answer = self.model.handle(self.now(), session, &frame);
        loop {
            match answer {
                Answer::Send(frame) | Answer::SendAt { frame, .. } => {
                    let (_, answer) = decode_response::<R::Response>(&frame.slice(4..), version)
                        .map_err(io::Error::other)?;
                    return Ok(Heard::Answer(answer));
                }
                Answer::Nothing => return Ok(Heard::Nothing),
                Answer::Close => {
                    self.model.disconnect(session);
                    self.sessions.remove(&self.broker);
                    return Ok(Heard::Closed);
                }
                Answer::Wait(waiting) => {
                    let due = waiting.deadline().unwrap_or_default();
                    self.skipped += due.saturating_sub(self.now().elapsed);
                    answer = self.model.resume(self.now(), session, waiting);
                }
                other => return Err(io::Error::other(format!("{other:?}"))),
            }
        }
    }
}
