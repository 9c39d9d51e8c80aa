//! A life of an engine: virtual time, a network without loss but for what a test asks, senders, and the invariants at the end.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use rohrpost_cluster::{
    ClusterConfig, ConnectError, ConnectErrorKind, ConnectionId, HostPort, LostError, NetworkInput,
    NetworkOutput, NodeId, Time,
};
use rohrpost_codec::{ByteStr, Bytes};
use rohrpost_records::Compressor;

use super::broker::{Brokers, Fate, Reaction};
use crate::{
    Acks, AdmissionError, Appended, AppenderConfig, BatchId, Budget, CallId, DeliveryError, Engine,
    EngineConfig, FilledBatch, FlushId, Grant, Input, Outcome, Output, PartitionAppender,
    PartitionIndex, Refused, TopicChange, TransactionAnswer, TransactionError, Unpooled, Value,
    WaiterId,
};

/// Time that a frame takes from one end to the other.
const LATENCY: Duration = Duration::from_millis(1);

pub(crate) type Ending = Result<Appended, DeliveryError>;

/// A record that a test sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) topic: &'static str,
    pub(crate) partition: i32,
    pub(crate) value: Vec<u8>,
    pub(crate) batch: BatchId,
    pub(crate) index: u32,
    pub(crate) ending: Option<Ending>,
}

struct Connection {
    id: ConnectionId,
    node: i32,
    written: u64,
    is_open: bool,
    /// Its broker answers nothing any more, as one request after another is worked on.
    is_stuck: bool,
}

enum Event {
    Input(NetworkInput),
    Arrive {
        connection: ConnectionId,
        frame: Bytes,
    },
    /// What was cut off arrives.
    Late {
        node: i32,
        frame: Bytes,
    },
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) engine: Engine,
    pub(crate) brokers: Brokers,
    pub(crate) down: Vec<i32>,
    /// Nodes that accept connections and frames and do nothing about them.
    pub(crate) paused: Vec<i32>,
    connections: Vec<Connection>,
    events: BTreeMap<(Time, u64), Event>,
    next_event: u64,
    appender_config: AppenderConfig,
    pub(crate) lanes: BTreeMap<PartitionIndex, PartitionAppender>,
    pub(crate) table: BTreeMap<ByteStr, TopicChange>,
    pub(crate) budget: Budget,
    pub(crate) sends: Vec<Sent>,
    /// Places and lengths of the segments of what was transmitted.
    pub(crate) segments: Vec<(usize, usize)>,
    pub(crate) awaited: Vec<(WaiterId, Result<(), AdmissionError>)>,
    pub(crate) flushed: Vec<FlushId>,
    pub(crate) calls: Vec<(CallId, Result<TransactionAnswer, TransactionError>)>,
    pub(crate) last_call: u64,
    pub(crate) is_closed: bool,
    pub(crate) polls: usize,
    /// Seals that the driver does not answer until it is told to.
    pub(crate) hold_seals: bool,
    /// Whether there are credentials for those who ask.
    pub(crate) credentials: Result<(), rohrpost_cluster::CredentialsError>,
    held: VecDeque<BatchId>,
    compressor: Compressor,
}

pub(crate) const TOPIC: &str = "payments";

pub(crate) fn config() -> EngineConfig {
    let servers = vec![HostPort::new("10.0.0.1", 9092)];
    let mut config = EngineConfig::new(ClusterConfig::new(servers));
    config.cluster.seed = 7;
    config
}

impl World {
    /// A cluster of three with the topic `payments` of `partitions`, whose leaders are nodes 0, 1, 2, 0, …
    pub(crate) fn new(config: EngineConfig, partitions: i32) -> Self {
        let mut brokers = Brokers::new(3);
        brokers.create(TOPIC, 77, partitions);
        Self::with(config, brokers, &[])
    }

    /// A cluster with the topic `payments` and these.
    pub(crate) fn with(config: EngineConfig, brokers: Brokers, others: &[&'static str]) -> Self {
        let mut world = Self::bare(config, brokers);
        world.wait_for_topic();
        for topic in others {
            world.await_topic(topic, None, 5000);
            world.run(200);
        }
        // As if it had been at work for a while.
        for node in 0..3 {
            world.engine.cluster.ensure_connected(world.now, NodeId(node));
        }
        world.run(50);
        world
    }

    pub(crate) fn bare(config: EngineConfig, brokers: Brokers) -> Self {
        let appender_config = AppenderConfig::from(&config);
        let budget = Budget::new(config.buffer_memory);
        let now = Time::from_millis(1000);
        Self {
            now,
            engine: Engine::new(config, now),
            brokers,
            down: Vec::new(),
            paused: Vec::new(),
            connections: Vec::new(),
            events: BTreeMap::new(),
            next_event: 0,
            appender_config,
            lanes: BTreeMap::new(),
            table: BTreeMap::new(),
            budget,
            sends: Vec::new(),
            segments: Vec::new(),
            awaited: Vec::new(),
            flushed: Vec::new(),
            calls: Vec::new(),
            last_call: 0,
            is_closed: false,
            polls: 0,
            hold_seals: false,
            credentials: Ok(()),
            held: VecDeque::new(),
            compressor: Compressor::new(),
        }
    }

    pub(crate) fn wait_for_topic(&mut self) {
        self.await_topic(TOPIC, None, 5000);
        self.run(200);
        assert!(self.table.contains_key(TOPIC), "{:?}", self.awaited);
    }

    pub(crate) fn await_topic(&mut self, topic: &'static str, partition: Option<i32>, ms: u64) {
        let waiter = WaiterId(self.now.as_duration().as_nanos() as u64);
        let deadline = self.now + Duration::from_millis(ms);
        let topic = ByteStr::from_static(topic);
        self.input(Input::Await { waiter, topic, partition, deadline });
    }

    /// What to do with the next batches of a partition.
    pub(crate) fn plan<const N: usize>(&mut self, partition: i32, fates: [Fate; N]) {
        self.brokers.log(TOPIC, partition).fates.extend(fates);
    }

    /// Sends a record of its own; its number.
    pub(crate) fn send(&mut self, partition: i32) -> usize {
        let value = alloc::format!("record {}", self.sends.len()).into_bytes();
        self.send_value(partition, value).unwrap()
    }

    pub(crate) fn send_value(
        &mut self,
        partition: i32,
        value: impl AsRef<[u8]>,
    ) -> Result<usize, Refused> {
        self.send_as(TOPIC, partition, Value::Copied(Some(value.as_ref())))
    }

    /// Sends a record of its own to another topic; its number.
    pub(crate) fn send_to(&mut self, topic: &'static str, partition: i32) -> usize {
        let value = alloc::format!("record {}", self.sends.len()).into_bytes();
        self.send_as(topic, partition, Value::Copied(Some(&value))).unwrap()
    }

    pub(crate) fn send_shared(&mut self, partition: i32, value: &Bytes) -> Result<usize, Refused> {
        self.send_as(TOPIC, partition, Value::Shared(value))
    }

    fn send_as(
        &mut self,
        topic: &'static str,
        partition: i32,
        value: Value<'_>,
    ) -> Result<usize, Refused> {
        let index = self.table[topic].partitions[partition as usize].index;
        let now = self.now;
        let lane = self.lanes.get_mut(&index).unwrap();
        let mut grant = Grant::NONE;
        let placed = loop {
            let result = lane.append(|| now, 5, None, value, [], &mut grant, &mut Unpooled);
            match result {
                Ok(placed) => break placed,
                Err(Refused::NeedRoom { least, wanted }) => {
                    self.budget.restore(core::mem::take(&mut grant));
                    let Some(more) = self.budget.try_reserve(least, wanted) else {
                        return Err(Refused::NeedRoom { least, wanted });
                    };
                    grant = more;
                }
                Err(refused) => return Err(refused),
            }
        };
        self.budget.restore(grant);
        let filled: Vec<FilledBatch> = core::iter::from_fn(|| lane.take_filled()).collect();
        let batch = BatchId { partition: index, slot: placed.slot };
        let index = placed.index;
        let value = value.as_slice().unwrap_or_default().to_vec();
        self.sends.push(Sent { topic, partition, value, batch, index, ending: None });
        if let Some(at) = placed.opened {
            self.input(Input::Opened { batch, at });
        }
        for filled in filled {
            self.seal(filled);
        }
        Ok(self.sends.len() - 1)
    }

    /// A batch of its own: sends a record and lets it linger out.
    pub(crate) fn send_alone(&mut self, partition: i32) -> usize {
        let sent = self.send(partition);
        self.input(Input::Flush { flush: FlushId(1_000_000 + sent as u64) });
        self.drain();
        sent
    }

    /// Has a first batch appended, after which several may be in flight. Its send.
    pub(crate) fn establish(&mut self, partition: i32) -> usize {
        let first = self.send_alone(partition);
        self.run(100);
        self.assert_delivered([first]);
        first
    }

    fn seal(&mut self, filled: FilledBatch) {
        let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
        self.budget.release(freed);
        self.input(Input::Sealed(sealed));
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
    }

    pub(crate) fn flush(&mut self, id: u64) {
        self.input(Input::Flush { flush: FlushId(id) });
    }

    pub(crate) fn release_seals(&mut self) {
        self.hold_seals = false;
        while let Some(batch) = self.held.pop_front() {
            self.answer_seal(batch);
        }
    }

    fn answer_seal(&mut self, batch: BatchId) {
        let lane = self.lanes.get_mut(&batch.partition).unwrap();
        if let Some(filled) = lane.take_open(batch.slot) {
            self.seal(filled);
        }
    }

    /// Drains the engine; the next deadline.
    pub(crate) fn drain(&mut self) -> Option<Time> {
        loop {
            self.polls += 1;
            match self.engine.poll(self.now) {
                Output::Network(output) => self.network(output),
                Output::Topic(change) => {
                    for entry in &change.partitions {
                        let config = self.appender_config.for_topic(&change);
                        let ratio = change.ratio.clone();
                        self.lanes
                            .entry(entry.index)
                            .or_insert_with(|| PartitionAppender::new(entry.index, config, ratio));
                    }
                    self.table.insert(change.name.clone(), change);
                }
                Output::Awaited { waiter, result } => {
                    self.awaited.push((waiter, result.map(|_| ())));
                }
                Output::Seal { batch } if self.hold_seals => self.held.push_back(batch),
                Output::Seal { batch } => self.answer_seal(batch),
                Output::Complete { batch, records, result } => {
                    self.complete(batch, records, &result);
                }
                Output::Release { bytes, .. } => self.budget.release(bytes),
                Output::Flushed { flush } => self.flushed.push(flush),
                Output::Transaction { call, result } => self.calls.push((call, result)),
                Output::Closed => {
                    assert!(!self.is_closed, "closed twice");
                    self.is_closed = true;
                }
                Output::Idle(until) => {
                    assert!(until.is_none_or(|until| until > self.now), "idle until the past");
                    return until;
                }
            }
        }
    }

    fn complete(&mut self, batch: BatchId, records: core::ops::Range<u32>, result: &Ending) {
        let mut found = 0;
        for sent in &mut self.sends {
            if sent.batch == batch && records.contains(&sent.index) {
                assert!(sent.ending.is_none(), "completed twice: {sent:?}");
                let mut ending = result.clone();
                if let Ok(Appended { base_offset: Some(offset), .. }) = &mut ending {
                    *offset += i64::from(sent.index - records.start);
                }
                sent.ending = Some(ending);
                found += 1;
            }
        }
        assert_eq!(found, records.len(), "{batch:?} {records:?}");
    }

    fn network(&mut self, output: NetworkOutput) {
        match output {
            NetworkOutput::Resolve { lookup, host } => {
                let address: IpAddr = host.parse().unwrap();
                let input = NetworkInput::Resolved { lookup, result: Ok(vec![address]) };
                self.after(LATENCY, Event::Input(input));
            }
            NetworkOutput::Connect { connection, address, .. } => {
                let node = i32::from(match address.ip() {
                    IpAddr::V4(ip) => ip.octets()[3],
                    IpAddr::V6(_) => panic!("{address}"),
                }) - 1;
                let is_up = !self.down.contains(&node);
                self.connections.push(Connection {
                    id: connection,
                    node,
                    written: 0,
                    is_open: is_up,
                    is_stuck: false,
                });
                let input = if is_up {
                    NetworkInput::Connected { connection }
                } else {
                    let error = ConnectError {
                        kind: ConnectErrorKind::Refused,
                        detail: "down".to_string(),
                    };
                    NetworkInput::ConnectFailed { connection, error }
                };
                self.after(LATENCY, Event::Input(input));
            }
            NetworkOutput::Authenticate { connection, .. } => {
                let result = match &self.credentials {
                    Ok(()) => Ok(Box::new(super::authentication::Hello::default()) as _),
                    Err(error) => Err(error.clone()),
                };
                let input = NetworkInput::Credentials { connection, result };
                self.after(LATENCY, Event::Input(input));
            }
            NetworkOutput::Ready { .. } => {}
            NetworkOutput::Transmit { connection, frame } => {
                let Some(at) = self.connection(connection) else { return };
                at.written += 1;
                let frames = at.written;
                let places = frame.segments().iter().map(|of| (of.as_ptr() as usize, of.len()));
                self.segments.extend(places);
                let frame = frame.to_bytes().slice(4..);
                self.after(LATENCY, Event::Arrive { connection, frame });
                self.input(Input::Network(NetworkInput::Written { connection, frames }));
            }
            NetworkOutput::Disconnect { connection } => {
                // What is on its way still arrives, as with a real socket.
                if let Some(at) = self.connection(connection) {
                    at.is_open = false;
                }
            }
        }
    }

    /// How many connections were tried so far.
    pub(crate) fn attempts(&self) -> usize {
        self.connections.len()
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.id == id)
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.next_event += 1;
        self.events.insert((self.now + delay, self.next_event), event);
    }

    /// Cuts a node's connections. What they had on the way to the node is lost.
    pub(crate) fn cut(&mut self, node: i32) {
        let ids: Vec<ConnectionId> = self
            .connections
            .iter_mut()
            .filter(|connection| connection.node == node && connection.is_open)
            .map(|connection| {
                connection.is_open = false;
                connection.id
            })
            .collect();
        self.events.retain(|_, event| match event {
            Event::Arrive { connection, .. } => !ids.contains(connection),
            Event::Input(NetworkInput::Received { connection, .. }) => !ids.contains(connection),
            Event::Input(_) | Event::Late { .. } => true,
        });
        for connection in ids {
            let error = LostError::Closed;
            self.input(Input::Network(NetworkInput::Lost { connection, error }));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.input(Input::Network(input)),
            Event::Late { node, frame } => self.arrive_late(node, &frame),
            Event::Arrive { connection, frame } => {
                let Some(at) = self.connection(connection) else { return };
                if at.is_stuck {
                    return;
                }
                let node = at.node;
                if self.down.contains(&node) || self.paused.contains(&node) {
                    return;
                }
                match self.brokers.receive(node, &frame) {
                    Reaction::Answer(frame) => {
                        let input = NetworkInput::Received { connection, frame };
                        self.after(LATENCY, Event::Input(input));
                    }
                    Reaction::Nothing => {}
                    Reaction::Silence => {
                        if let Some(at) = self.connection(connection) {
                            at.is_stuck = true;
                        }
                    }
                    reaction @ (Reaction::Cut | Reaction::Late) => {
                        if let Reaction::Late = reaction {
                            let delay = self.next_event * 37 % 4000;
                            self.after(Duration::from_millis(delay), Event::Late { node, frame });
                        }
                        let input = NetworkInput::Lost { connection, error: LostError::Closed };
                        self.after(LATENCY, Event::Input(input));
                    }
                }
            }
        }
    }

    /// Lets `ms` pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let idle = self.drain();
            let event = self.events.first_key_value().map(|(&(at, _), _)| at);
            let next = [idle, event].into_iter().flatten().min().filter(|&next| next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.events.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let event = entry.remove();
                self.happen(event);
                self.drain();
            }
        }
        self.now = end;
        self.drain();
    }

    pub(crate) fn ending(&self, sent: usize) -> &Ending {
        self.sends[sent].ending.as_ref().unwrap_or_else(|| panic!("record {sent} has no ending"))
    }

    #[track_caller]
    pub(crate) fn assert_delivered(&self, sends: impl IntoIterator<Item = usize>) {
        for sent in sends {
            let ending = self.ending(sent);
            assert!(ending.is_ok(), "record {sent}: {ending:?}");
        }
    }

    #[track_caller]
    pub(crate) fn outcome(&self, sent: usize) -> Outcome {
        match self.ending(sent) {
            Err(error) => error.outcome(),
            Ok(appended) => panic!("record {sent} was delivered: {appended:?}"),
        }
    }

    /// The records of a partition's log, in order.
    pub(crate) fn log(&mut self, partition: i32) -> Vec<Vec<u8>> {
        self.log_of(TOPIC, partition)
    }

    fn log_of(&mut self, topic: &'static str, partition: i32) -> Vec<Vec<u8>> {
        let batches = &self.brokers.log(topic, partition).batches;
        batches.iter().flat_map(|batch| batch.values.iter().cloned()).collect()
    }

    /// Closes with all the time it takes, and checks the invariants.
    pub(crate) fn end(mut self) {
        self.input(Input::Close { deadline: None });
        self.run(600_000);
        assert!(self.is_closed, "not closed after ten minutes");
        self.check();
    }

    /// The invariants I1 to I6.
    pub(crate) fn check(&mut self) {
        assert_eq!(self.budget.used(), 0, "I6: bytes of the budget are missing");
        let sends = core::mem::take(&mut self.sends);
        let partitions: BTreeSet<_> =
            sends.iter().map(|sent| (sent.topic, sent.partition)).collect();
        for (topic, partition) in partitions {
            let log = self.log_of(topic, partition);
            let settings = self.engine.config().settings_of(topic);
            let mut last = None;
            for (offset, value) in log.iter().enumerate() {
                let position = sends.iter().position(|sent| &sent.value == value);
                assert!(position.is_some(), "a record that nobody sent");
                assert_eq!(log.iter().filter(|other| *other == value).count(), 1, "I1: doubled");
                assert!(last < position, "I4: out of order at offset {offset}");
                last = position;
            }
            self.check_identities(topic, partition);
            let here = |sent: &&Sent| (sent.topic, sent.partition) == (topic, partition);
            for sent in sends.iter().filter(here) {
                let place = log.iter().position(|value| *value == sent.value);
                match sent.ending.as_ref().unwrap_or_else(|| panic!("I6: {sent:?}")) {
                    Ok(Appended { base_offset: Some(offset), .. }) => {
                        assert_eq!(place, usize::try_from(*offset).ok(), "I1: {sent:?}");
                    }
                    // Nobody has said that it arrived.
                    Ok(_) if settings.acks == Acks::None => {}
                    Ok(_) => assert!(place.is_some(), "I1: acknowledged and lost: {sent:?}"),
                    Err(error) if error.is_not_written() => {
                        assert_eq!(place, None, "I2: {sent:?}");
                    }
                    Err(_) => {}
                }
            }
        }
        self.sends = sends;
    }

    /// I3 and I5: one identity, one payload; sequences without gaps, from 0 in each epoch.
    fn check_identities(&mut self, topic: &'static str, partition: i32) {
        let mut payloads = BTreeMap::new();
        let here = |seen: &&(i32, _, _, ByteStr)| seen.0 == partition && seen.3 == topic;
        for (_, header, values, _) in self.brokers.seen.iter().filter(here) {
            if !header.producer_id.is_some() {
                continue;
            }
            for (at, value) in values.iter().enumerate() {
                let sequence = header.base_sequence.add(at as i32).0;
                let identity = (header.producer_id.0, header.producer_epoch.0, sequence);
                let before = payloads.entry(identity).or_insert(value);
                assert_eq!(*before, value, "I3: {identity:?} carries two payloads");
            }
        }
        let mut next = BTreeMap::new();
        for batch in &self.brokers.log(topic, partition).batches {
            let header = batch.header;
            if header.producer_id.is_some() {
                let epoch = (header.producer_id.0, header.producer_epoch.0);
                let expected = next.insert(epoch, header.last_sequence().add(1));
                if let Some(expected) = expected {
                    assert_eq!(expected, header.base_sequence, "I5: a gap in {epoch:?}");
                }
            }
        }
    }
}
