//! A life: what happens when.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rohrpost_cluster::{
    ConnectError, ConnectErrorKind, ConnectionId, LookupError, LostError, NetworkInput,
    NetworkOutput,
};
use rohrpost_codec::{ByteStr, Bytes};
use rohrpost_engine::{
    AppenderConfig, BatchId, Engine, EngineStats, FlushId, Input, Output, SealedBatch, Time,
    Unpooled,
};
use rohrpost_records::Compressor;
use rohrpost_testkit::model::{BrokerId, Model};

use crate::check::{Wire, check};
use crate::network::{Deed, Network, in_order, received};
use crate::plan::{Dice, Plan};
use crate::senders::{Effects, Senders, Wish};
use crate::trace::Trace;

/// After the trouble, everything must be over within this time and the time-outs of the configuration.
const GRACE: Duration = Duration::from_secs(60);

/// How a life went.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// Records that were accepted.
    pub accepted: usize,
    /// Records that were refused, or given up while they waited.
    pub refused: usize,
    /// Records that were acknowledged.
    pub delivered: usize,
    /// What the engine counted.
    pub stats: EngineStats,
    /// Times that the engine was woken by its own deadline alone.
    pub wakes: usize,
    /// How long the life was.
    pub lasted: Duration,
    /// Broken invariants. Empty, if all is well.
    pub violations: Vec<String>,
}

pub(crate) enum Event {
    Send,
    Fault,
    /// The trouble is over.
    Peace,
    Input(NetworkInput),
    /// A frame leaves the socket's buffer.
    Leave {
        connection: ConnectionId,
        frame: Bytes,
    },
    /// A frame reaches the broker.
    Arrive {
        connection: ConnectionId,
        frame: Bytes,
    },
    /// A broker comes to itself.
    Start(i32),
    Resume(i32),
    /// A batch is sealed.
    Sealed(SealedBatch),
    Seal(BatchId),
    /// What a broken connection still had on the way to the broker is through.
    Hangup(ConnectionId),
}

pub(crate) struct Life {
    pub(crate) plan: Plan,
    pub(crate) dice: Dice,
    pub(crate) now: Time,
    pub(crate) engine: Engine,
    pub(crate) model: Model,
    pub(crate) network: Network,
    pub(crate) senders: Senders,
    pub(crate) events: BTreeMap<(Time, u64), Event>,
    pub(crate) next_event: u64,
    pub(crate) wire: Wire,
    pub(crate) trace: Trace,
    pub(crate) compressor: Compressor,
    pub(crate) end_of_trouble: Time,
    pub(crate) is_peace: bool,
    pub(crate) is_closing: bool,
    pub(crate) is_closed: bool,
    pub(crate) flushes: BTreeMap<FlushId, usize>,
    pub(crate) next_flush: u64,
    pub(crate) wakes: usize,
    pub(crate) violations: Vec<String>,
}

/// Lives the life of a seed.
#[must_use]
pub fn live(seed: u64) -> Report {
    live_aloud(seed, false)
}

/// Lives the life of a seed, and prints what happens if asked to.
#[must_use]
pub fn live_aloud(seed: u64, print: bool) -> Report {
    let mut life = Life::new(seed, print);
    life.run();
    let mut violations = std::mem::take(&mut life.violations);
    violations.append(&mut life.wire.violations);
    violations.extend(check(&life.plan.engine, &life.senders, &life.model));
    let delivered = life.senders.accepted.iter().filter(|a| matches!(a.ending, Some(Ok(_))));
    Report {
        seed,
        trace: life.trace.hash(),
        accepted: life.senders.accepted.len(),
        refused: life.senders.refused,
        delivered: delivered.count(),
        stats: life.engine.stats(),
        wakes: life.wakes,
        lasted: life.now.as_duration(),
        violations,
    }
}

impl Life {
    fn new(seed: u64, print: bool) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(seed, &mut dice);
        let mut model = Model::new(plan.model.clone());
        for id in 1..=plan.model.brokers {
            model.set_address(BrokerId(id), format!("10.0.0.{id}"), 9092);
        }
        let now = Time::from_millis(1);
        let mut life = Self {
            engine: Engine::new(plan.engine.clone(), now),
            senders: Senders::new(AppenderConfig::from(&plan.engine)),
            end_of_trouble: now + plan.trouble,
            plan,
            dice,
            now,
            model,
            network: Network::default(),
            events: BTreeMap::new(),
            next_event: 0,
            wire: Wire::default(),
            trace: Trace::new(print),
            compressor: Compressor::new(),
            is_peace: false,
            is_closing: false,
            is_closed: false,
            flushes: BTreeMap::new(),
            next_flush: 0,
            wakes: 0,
            violations: Vec::new(),
        };
        for (_, _, spec) in &life.plan.topics {
            if let Err(error) = life.model.create_topic(spec) {
                life.violations.push(format!("{error:?}"));
            }
        }
        let plan = &life.plan;
        life.trace.note(Duration::ZERO, "plan", || format!("{plan:?}"), &[]);
        life.after(Duration::ZERO, Event::Send);
        life.after(life.plan.fault_pause, Event::Fault);
        life.after(life.plan.trouble, Event::Peace);
        life
    }

    fn run(&mut self) {
        let config = &self.plan.engine;
        let limit = self.end_of_trouble
            + GRACE
            + config.delivery_timeout
            + config.cluster.request_timeout
            + self.plan.max_block;
        loop {
            let idle = self.settle();
            if self.is_closed && self.events.is_empty() {
                return;
            }
            let event = self.events.first_key_value().map(|(&(at, _), _)| at);
            let outside = [event, self.network.next_deadline(), self.senders.next_deadline()]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = [idle, outside].into_iter().flatten().min() else {
                self.violations.push("I8: it stands still".into());
                return;
            };
            if next > limit {
                let open = self.engine.stats().batches_pending;
                self.violations.push(format!("I8: not over in time, {open} batches are open"));
                return;
            }
            if idle == Some(next) && outside != Some(next) {
                self.wakes += 1;
                if next <= self.now {
                    self.violations.push("I8: idle until the past".into());
                    return;
                }
            }
            self.now = self.now.max(next);
            if let Some(entry) = self.events.first_entry() {
                if entry.key().0 <= self.now {
                    let event = entry.remove();
                    self.happen(event);
                }
            }
        }
    }

    /// Lets everybody do what can be done now. The engine's next deadline.
    fn settle(&mut self) -> Option<Time> {
        loop {
            let idle = self.drain();
            let effects = self.senders.serve(self.now, self.plan.max_block);
            let deeds = self.network.serve(self.now, &mut self.model);
            if effects.inputs.is_empty() && effects.filled.is_empty() && deeds.is_empty() {
                self.network.sweep();
                return idle;
            }
            self.effects(effects);
            for deed in deeds {
                self.deed(deed);
            }
        }
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Send { connection, frame, at } => {
                let latency = self.latency();
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_down, at + latency);
                self.at(at, Event::Input(received(connection, &frame)));
            }
            Deed::Close { connection } => {
                let latency = self.latency();
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_down, self.now + latency);
                let error = LostError::Closed;
                self.at(at, Event::Input(NetworkInput::Lost { connection, error }));
            }
        }
    }

    fn effects(&mut self, effects: Effects) {
        for input in effects.inputs {
            self.input(input);
        }
        for filled in effects.filled {
            let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
            self.senders.budget.release(freed);
            let delay = self.seal_delay();
            self.after(delay, Event::Sealed(sealed));
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
    }

    /// Drains the engine; its next deadline.
    fn drain(&mut self) -> Option<Time> {
        for _ in 0..1_000_000 {
            match self.engine.poll(self.now) {
                Output::Idle(until) => {
                    if until.is_some_and(|until| until <= self.now) {
                        self.violations.push(format!(
                            "I8: at {} idle until {until:?}, the cluster until {:?}",
                            self.now,
                            self.engine.cluster().next_deadline()
                        ));
                    }
                    return until;
                }
                Output::Network(output) => self.network_output(output),
                Output::Topic(change) => {
                    self.note("topic", || format!("{change:?}"), change.name.as_bytes());
                    self.senders.learn(change);
                }
                Output::Awaited { waiter, result } => {
                    self.note(
                        "awaited",
                        || format!("{waiter:?} {result:?}"),
                        &waiter.0.to_be_bytes(),
                    );
                    let admitted = result.is_ok();
                    let effects =
                        self.senders.awaited(self.now, self.plan.max_block, waiter, admitted);
                    self.effects(effects);
                }
                Output::Seal { batch } => {
                    let delay = self.seal_delay();
                    if delay.is_zero() {
                        self.seal(batch);
                    } else {
                        self.after(delay, Event::Seal(batch));
                    }
                }
                Output::Complete { batch, records, result } => {
                    let detail = || format!("{batch:?} {records:?} {result:?}");
                    self.trace.note(
                        self.now.as_duration(),
                        "complete",
                        detail,
                        detail().as_bytes(),
                    );
                    if let Err(violation) = self.senders.complete(batch, records, &result) {
                        self.violations.push(violation);
                    }
                }
                Output::Release { bytes, .. } => self.senders.budget.release(bytes),
                Output::Flushed { flush } => self.flushed(flush),
                Output::Closed => {
                    self.note("closed", String::new, &[]);
                    if std::mem::replace(&mut self.is_closed, true) {
                        self.violations.push("closed twice".into());
                    }
                }
            }
        }
        self.violations.push("I8: it spins".into());
        None
    }

    fn seal(&mut self, batch: BatchId) {
        let lane = self.senders.lanes.get_mut(&batch.partition);
        if let Some(filled) = lane.and_then(|lane| lane.take_open(batch.slot)) {
            let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
            self.senders.budget.release(freed);
            self.input(Input::Sealed(sealed));
        }
    }

    /// Whatever was accepted before the flush must have ended.
    fn flushed(&mut self, flush: FlushId) {
        let Some(before) = self.flushes.remove(&flush) else {
            self.violations.push(format!("{flush:?} came twice"));
            return;
        };
        let is_open = |accepted: &&crate::senders::Accepted| accepted.ending.is_none();
        if self.senders.accepted[..before].iter().any(|accepted| is_open(&accepted)) {
            self.violations.push(format!("{flush:?} came too soon"));
        }
    }

    fn network_output(&mut self, output: NetworkOutput) {
        match output {
            NetworkOutput::Resolve { lookup, host } => {
                let address: Result<IpAddr, _> = host.parse();
                let result = address
                    .map(|address| vec![address])
                    .map_err(|error| LookupError { detail: error.to_string() });
                let latency = self.latency();
                self.after(latency, Event::Input(NetworkInput::Resolved { lookup, result }));
            }
            NetworkOutput::Connect { connection, address, .. } => {
                let broker = match address.ip() {
                    IpAddr::V4(ip) => i32::from(ip.octets()[3]),
                    IpAddr::V6(_) => 0,
                };
                let refused = !self.is_peace && self.dice.percent(5);
                let session = if refused { None } else { self.model.connect(BrokerId(broker)) };
                self.note("connect", || format!("{connection:?} {address} {session:?}"), &[]);
                self.network.open(connection, broker, session);
                let input = match session {
                    Some(_) => NetworkInput::Connected { connection },
                    None => {
                        let (kind, detail) = (ConnectErrorKind::Refused, "down".to_owned());
                        NetworkInput::ConnectFailed {
                            connection,
                            error: ConnectError { kind, detail },
                        }
                    }
                };
                let latency = self.latency();
                self.after(latency, Event::Input(input));
            }
            NetworkOutput::Transmit { connection, frame } => {
                let frame = frame.to_bytes().slice(4..);
                self.note("transmit", || format!("{connection:?} {} bytes", frame.len()), &frame);
                self.wire.watch(&frame, &self.model);
                let pause = self.dice.millis(0, 1);
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_up, self.now + pause);
                self.at(at, Event::Leave { connection, frame });
            }
            NetworkOutput::Disconnect { connection } => {
                self.note("disconnect", || format!("{connection:?}"), &[]);
                self.hang_up(connection);
            }
        }
    }

    /// The engine's end closes. What left it before is still on its way.
    fn hang_up(&mut self, connection: ConnectionId) {
        let linger = self.dice.millis(0, 2000);
        if let Some(of) = self.network.connections.get_mut(&connection) {
            of.is_open = false;
            self.after(linger, Event::Hangup(connection));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Send => self.send(),
            Event::Fault => self.fault(),
            Event::Peace => self.peace(),
            Event::Input(input) => self.network_input(input),
            Event::Leave { connection, frame } => {
                let latency = self.latency();
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                // What was not written when the connection ended never leaves.
                if !of.is_open {
                    return;
                }
                of.written += 1;
                let frames = of.written;
                let at = in_order(&mut of.last_up, self.now + latency);
                self.at(at, Event::Arrive { connection, frame });
                self.input(Input::Network(NetworkInput::Written { connection, frames }));
            }
            Event::Arrive { connection, frame } => self.network.arrive(connection, frame),
            Event::Start(broker) => {
                self.note("start", || broker.to_string(), &[]);
                self.model.start_broker(BrokerId(broker));
            }
            Event::Resume(broker) => {
                self.note("resume", || broker.to_string(), &[]);
                self.model.resume_broker(BrokerId(broker));
            }
            Event::Sealed(batch) => self.input(Input::Sealed(batch)),
            Event::Seal(batch) => self.seal(batch),
            Event::Hangup(connection) => {
                let of = self.network.connections.get_mut(&connection);
                if let Some(session) = of.and_then(|of| of.session.take()) {
                    self.model.disconnect(session);
                }
            }
        }
    }

    pub(crate) fn network_input(&mut self, input: NetworkInput) {
        let connection = match &input {
            NetworkInput::Received { connection, .. } | NetworkInput::Lost { connection, .. } => {
                Some(*connection)
            }
            _ => None,
        };
        if let Some(connection) = connection {
            let Some(of) = self.network.connections.get_mut(&connection) else { return };
            if !of.is_open {
                return;
            }
            if matches!(input, NetworkInput::Lost { .. }) {
                self.note("lost", || format!("{connection:?}"), &[]);
                self.hang_up(connection);
            } else {
                self.note("received", || format!("{connection:?}"), &[]);
            }
        }
        self.input(Input::Network(input));
    }

    fn send(&mut self) {
        if self.is_peace || self.is_closing {
            return;
        }
        for _ in 0..self.dice.between(1, 12) {
            let (name, partitions, _) =
                &self.plan.topics[self.dice.below(self.plan.topics.len() as u64) as usize];
            let (topic, partitions) = (ByteStr::copy_from(name), *partitions);
            let partition = self.dice.below(partitions as u64) as i32;
            let mut value =
                format!("{}|", self.senders.accepted.len() * 1_000_000 + self.next_event as usize)
                    .into_bytes();
            self.next_event += 1;
            let len = self.dice.below(self.plan.largest_value) as usize;
            let noise = self.dice.below(1 << 40).to_be_bytes();
            value.extend(noise.iter().cycle().take(len));
            let effects =
                self.senders.send(self.now, self.plan.max_block, Wish { topic, partition, value });
            self.effects(effects);
        }
        if self.dice.percent(5) {
            self.flush();
        }
        if self.dice.percent(5) {
            let pick = self.dice.below(1000) as usize;
            if let Some(input) = self.senders.give_up(pick) {
                self.input(input);
            }
        }
        let pause = self.dice.millis(0, 2 * self.plan.send_pause.as_millis() as u64);
        self.after(pause, Event::Send);
    }

    fn flush(&mut self) {
        let flush = FlushId(self.next_flush);
        self.next_flush += 1;
        self.flushes.insert(flush, self.senders.accepted.len());
        self.input(Input::Flush { flush });
    }

    pub(crate) fn note(&mut self, what: &str, detail: impl Fn() -> String, bytes: &[u8]) {
        self.trace.note(self.now.as_duration(), what, detail, bytes);
    }

    fn latency(&mut self) -> Duration {
        let most = self.plan.latency.as_micros() as u64;
        Duration::from_micros(self.dice.between(50, most.max(51)))
    }

    fn seal_delay(&mut self) -> Duration {
        let most = self.plan.seal_delay.as_micros() as u64;
        Duration::from_micros(self.dice.below(most + 1))
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, at: Time, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }
}
