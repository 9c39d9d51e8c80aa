//! A life: what happens when.

mod ending;

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_cluster::{ConnectionId, NetworkInput};
use rohrpost_codec::{ByteStr, Bytes};
use rohrpost_engine::{
    Acks, BatchId, Engine, FlushId, Input, Output, Plant, SealedBatch, Time, Unpooled,
};
use rohrpost_records::Compressor;
use rohrpost_testkit::model::{BrokerId, Model};

use crate::dice::Dice;
use crate::guards::Guards;
use crate::ledger::Ledger;
use crate::logs::{Logs, check_endings, check_sequences};
use crate::network::{Network, model_time};
use crate::plan::{Deed as Scripted, Plan};
use crate::report::Report;
use crate::senders::{Effects, Senders, Wish};
use crate::shrink::Left;
use crate::trace::Trace;
use crate::transit::Frames;
use crate::trouble::Trouble;

/// After the trouble, everything must be over within this time and the time-outs of the configuration.
const GRACE: Duration = Duration::from_secs(60);

/// How often the trouble goes on until enough has gone wrong.
const EXTENSIONS: u32 = 80;

/// What a life is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What everything is drawn from.
    pub seed: u64,
    /// A naive behaviour of the engine.
    pub plant: Option<Plant>,
    /// Print what happens.
    pub print: bool,
    /// How many of the last steps before an invariant is broken, or before the end, to keep in [`Report::last_steps`].
    pub keep: usize,
    /// A life of transactions.
    pub transactional: bool,
    /// What to leave out of the life, if it is a shortened one.
    pub left: Option<Left>,
}

pub(crate) enum Event {
    Send(u64),
    Fault(u64),
    Scripted(Scripted),
    /// The trouble is over.
    Peace,
    /// Records that tell whether everything works again: those that may fail, and those that must not.
    Probe {
        must_arrive: bool,
    },
    Close,
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
    /// What a trouble began ends.
    Relief(Trouble),
    /// The resolver hears of a broker's move.
    Rename(i32),
    /// A batch is sealed.
    Sealed(SealedBatch),
    Seal(BatchId),
    /// What a broken connection still had on the way to the broker is through.
    Hangup(ConnectionId),
}

pub(crate) struct Life {
    pub(crate) plan: Plan,
    pub(crate) left: Option<Left>,
    /// Chance in the network.
    pub(crate) dice: Dice,
    pub(crate) now: Time,
    pub(crate) engine: Engine,
    pub(crate) model: Model,
    pub(crate) network: Network,
    pub(crate) senders: Senders,
    pub(crate) ledger: Ledger,
    pub(crate) logs: Logs,
    pub(crate) frames: Frames,
    pub(crate) guards: Guards,
    pub(crate) events: BTreeMap<(Time, u64), Event>,
    pub(crate) next_event: u64,
    pub(crate) trace: Trace,
    pub(crate) compressor: Compressor,
    pub(crate) slow: Duration,
    /// The senders' clock, beside the true one, ms.
    pub(crate) clock: i64,
    pub(crate) extensions: u32,
    pub(crate) is_peace: bool,
    pub(crate) is_closing: bool,
    pub(crate) is_closed: bool,
    /// Sealing that is under way, by partition.
    pub(crate) sealing: BTreeMap<rohrpost_engine::PartitionIndex, u32>,
    pub(crate) flushes: BTreeMap<FlushId, usize>,
    /// Records that must arrive: the first of them.
    pub(crate) must_arrive: Option<usize>,
    pub(crate) report: Report,
}

/// Lives a life.
#[must_use]
pub fn live(options: &Options) -> Report {
    if options.transactional {
        return crate::transactional::live(options);
    }
    Life::new(Plan::draw(options.seed), options).live_on()
}

impl Life {
    pub(crate) fn new(mut plan: Plan, options: &Options) -> Self {
        let mut model = Model::new(plan.model.clone());
        let network = Network::new(plan.model.brokers, plan.first_epoch);
        for id in 1..=plan.model.brokers {
            let host = if plan.by_name { format!("broker-{id}") } else { format!("10.0.0.{id}") };
            model.set_address(BrokerId(id), host, 9092);
        }
        plan.engine.plant(options.plant);
        plan.engine.begin_at_sequence(plan.first_sequence);
        let slack = plan.seal_delay * 3 + Duration::from_millis(1);
        let mut ledger = Ledger::new(&plan, slack);
        for (number, topic) in plan.topics.iter().enumerate() {
            if let Ok(id) = model.create_topic(&topic.spec) {
                ledger.ids.push((id, number));
            }
        }
        let names = plan.topics.iter().map(|topic| ByteStr::copy_from(&topic.name)).collect();
        let mut senders = Senders::new(plan.appenders(), names);
        senders.budget.plant(options.plant);
        let now = Time::from_millis(1);
        let mut life = Self {
            engine: Engine::new(plan.engine.clone(), now),
            senders,
            dice: Dice::of(plan.seed, 1, 0),
            left: options.left.clone(),
            now,
            model,
            network,
            ledger,
            logs: Logs::default(),
            frames: Frames::default(),
            guards: Guards::default(),
            events: BTreeMap::new(),
            next_event: 0,
            trace: Trace::new(options.print, options.keep),
            compressor: Compressor::new(),
            slow: Duration::ZERO,
            clock: 0,
            extensions: 0,
            is_peace: false,
            is_closing: false,
            is_closed: false,
            sealing: BTreeMap::new(),
            flushes: BTreeMap::new(),
            must_arrive: None,
            report: Report::new(plan.seed),
            plan,
        };
        match life.plan.script.take() {
            Some(script) => {
                for (at, deed) in script {
                    life.after(Duration::from_millis(at), Event::Scripted(deed));
                }
            }
            None => {
                life.after(Duration::ZERO, Event::Send(0));
                let pause = life.plan.fault_pause;
                life.after(pause, Event::Fault(0));
            }
        }
        let trouble = match &life.left {
            Some(left) => left.trouble.unwrap_or(life.plan.trouble),
            None => life.plan.trouble,
        };
        life.after(trouble, Event::Peace);
        life
    }

    pub(crate) fn live_on(mut self) -> Report {
        self.run();
        self.logs.look(&self.model, &mut self.ledger);
        let mut report = self.report;
        report.violations.append(&mut self.ledger.violations);
        if self.senders.budget.used() != 0 {
            let used = self.senders.budget.used();
            report.violations.push(format!("I6: {used} bytes of the budget are missing"));
        }
        report.violations.extend(check_endings(&self.ledger));
        report.violations.extend(check_sequences(&self.model, &mut self.ledger));
        if !report.has_seen_garbage && self.engine.stats().misanswers > 0 {
            report.violations.push("I1: an honest answer was not understood".into());
        }
        report.close(&self.ledger, &self.engine, &self.trace, self.now, self.senders.refused);
        report
    }

    fn run(&mut self) {
        loop {
            let idle = self.settle();
            if self.is_closed && self.events.is_empty() {
                return;
            }
            if !(self.report.violations.is_empty() && self.ledger.violations.is_empty()) {
                self.trace.freeze();
            }
            // One is enough, and after it little can be relied on.
            if self.report.violations.len() + self.ledger.violations.len() > 20 {
                return;
            }
            let event = self.events.first_key_value().map(|(&(at, _), _)| at);
            let outside = [event, self.network.next_deadline(), self.senders.next_deadline()];
            let outside = outside.into_iter().flatten().min();
            let Some(next) = [idle, outside].into_iter().flatten().min() else {
                self.violation("I8: it stands still");
                return;
            };
            if self.is_closing && !self.is_closed && next > self.must_be_over_by() {
                let open = self.engine.stats().batches_pending;
                self.violation(&format!("I8: not over in time, {open} batches are open"));
                return;
            }
            if idle == Some(next) && outside != Some(next) {
                self.report.wakes += 1;
                if next <= self.now {
                    self.violation("I8: idle until the past");
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

    fn must_be_over_by(&self) -> Time {
        let config = &self.plan.engine;
        self.report.closed_at.max(self.ledger.jumped)
            + GRACE
            + self.plan.delivery_timeout()
            + config.cluster.request_timeout * 2
            + self.plan.max_block
    }

    /// Lets everybody do what can be done now. The engine's next deadline.
    fn settle(&mut self) -> Option<Time> {
        let faults = self.model.stats().faults;
        loop {
            let idle = self.drain();
            let max_block = self.plan.max_block;
            let effects = self.senders.serve(self.now, max_block, &mut self.ledger);
            let deeds = self.network.serve(self.now, &mut self.model);
            if effects.inputs.is_empty() && effects.filled.is_empty() && deeds.is_empty() {
                self.network.sweep();
                let struck = self.model.stats().faults - faults;
                if struck > 0 {
                    self.report.struck += struck;
                    self.report.fired_in_flight += u64::from(self.are_batches_in_flight()) * struck;
                }
                self.logs.look(&self.model, &mut self.ledger);
                self.check_waiting();
                self.check_memory();
                return idle;
            }
            self.effects(effects);
            for deed in deeds {
                self.deed(deed);
            }
        }
    }

    pub(crate) fn effects(&mut self, effects: Effects) {
        for input in effects.inputs {
            self.input(input);
        }
        for filled in effects.filled {
            let partition = filled.id().partition;
            let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
            self.senders.budget.release(freed);
            *self.sealing.entry(partition).or_default() += 1;
            let delay = self.seal_delay();
            self.after(delay, Event::Sealed(sealed));
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
    }

    /// Drains the engine; its next deadline.
    fn drain(&mut self) -> Option<Time> {
        for _ in 0..200_000 {
            match self.engine.poll(self.now) {
                Output::Idle(until) => {
                    if until.is_some_and(|until| until <= self.now) {
                        self.violation(&format!("I8: idle until {until:?}"));
                        return None;
                    }
                    return until;
                }
                Output::Network(output) => self.network_output(output),
                Output::Topic(change) => {
                    self.note("topic", || format!("{change:?}"), change.name.as_bytes());
                    self.senders.learn(change);
                }
                Output::Awaited { waiter, result } => {
                    let id = waiter.0.to_be_bytes();
                    self.note("awaited", || format!("{waiter:?} {result:?}"), &id);
                    let (now, max_block) = (self.now, self.plan.max_block);
                    let admitted = result.is_ok();
                    let ledger = &mut self.ledger;
                    let effects = self.senders.awaited(now, max_block, waiter, admitted, ledger);
                    self.effects(effects);
                }
                Output::Seal { batch } => {
                    *self.sealing.entry(batch.partition).or_default() += 1;
                    let delay = self.seal_delay();
                    if delay.is_zero() {
                        self.seal(batch);
                    } else {
                        self.after(delay, Event::Seal(batch));
                    }
                }
                Output::Complete { batch, records, result } => {
                    let number = batch.slot.0.to_be_bytes();
                    self.note("complete", || format!("{batch:?} {records:?} {result:?}"), &number);
                    match self.senders.complete(batch, records) {
                        Ok(ended) => {
                            for (nth, at) in ended.into_iter().enumerate() {
                                let mut result = result.clone();
                                if let Ok(appended) = &mut result {
                                    appended.base_offset =
                                        appended.base_offset.map(|base| base + nth as i64);
                                }
                                self.ledger.ended(self.now, at, &result);
                            }
                        }
                        Err(violation) => self.violation(&violation),
                    }
                }
                Output::Release { bytes, .. } => self.senders.budget.release(bytes),
                Output::Flushed { flush } => self.flushed(flush),
                Output::Transaction { call, .. } => {
                    self.violation(&format!("{call:?} was answered, and nobody made it"));
                }
                Output::Closed => {
                    self.note("closed", String::new, &[]);
                    if std::mem::replace(&mut self.is_closed, true) {
                        self.violation("I6: closed twice");
                    }
                }
            }
        }
        self.violation("I8: it spins");
        self.is_closed = true;
        self.events.clear();
        None
    }

    fn seal(&mut self, batch: BatchId) {
        self.sealed(batch.partition);
        let lane = self.senders.lanes.get_mut(&batch.partition);
        if let Some(filled) = lane.and_then(|lane| lane.take_open(batch.slot)) {
            let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
            self.senders.budget.release(freed);
            self.input(Input::Sealed(sealed));
        }
    }

    fn sealed(&mut self, partition: rohrpost_engine::PartitionIndex) {
        if let Some(count) = self.sealing.get_mut(&partition) {
            *count = count.saturating_sub(1);
        }
    }

    /// Whatever was accepted before the flush must have ended.
    fn flushed(&mut self, flush: FlushId) {
        let Some(before) = self.flushes.remove(&flush) else {
            return self.violation("I6: a flush ended twice");
        };
        if self.ledger.records[..before].iter().any(|record| record.endings == 0) {
            self.violation("I6: a flush ended too soon");
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Send(number) => self.burst(number),
            Event::Fault(number) => self.fault(number),
            Event::Scripted(deed) => self.perform(deed),
            Event::Peace => self.peace(),
            Event::Probe { must_arrive } => self.probe(must_arrive),
            Event::Close => self.close(None),
            Event::Input(input) => self.network_input(input),
            Event::Leave { connection, frame } => self.leave(connection, frame),
            Event::Arrive { connection, frame } => self.network.arrive(connection, frame),
            Event::Relief(trouble) => {
                self.note("over", || format!("{trouble:?}"), trouble.kind().as_bytes());
                self.relieve(&trouble);
            }
            Event::Rename(broker) => self.network.rename(broker),
            Event::Sealed(batch) => {
                self.sealed(batch.id().partition);
                self.input(Input::Sealed(batch));
            }
            Event::Seal(batch) => self.seal(batch),
            Event::Hangup(connection) => {
                let of = self.network.connections.get_mut(&connection);
                if let Some(session) = of.and_then(|of| of.session.take()) {
                    self.model.disconnect(session);
                }
            }
        }
    }

    fn burst(&mut self, number: u64) {
        if self.is_peace || self.is_closing {
            return;
        }
        let is_left = self.left.as_ref().is_none_or(|left| !left.bursts.contains(&number));
        let most = self.plan.records * if self.is_full() { 4 } else { 100 };
        let is_enough = self.ledger.records.len() >= most;
        let mut dice = Dice::of(self.plan.seed, 2, number);
        let pause = dice.millis(0, 2 * self.plan.send_pause.as_millis().max(1) as u64);
        if is_left && !is_enough {
            self.report.bursts = number + 1;
            for _ in 0..dice.between(1, 9) {
                self.send_any(&mut dice);
            }
        }
        // Batches that nobody answers are hardly ever in flight, unless there are many.
        let hurry = if self.extensions > 0 && self.plan.has_acks(Acks::None) { 8 } else { 1 };
        self.after(pause / hurry, Event::Send(number + 1));
    }

    pub(crate) fn send_any(&mut self, dice: &mut Dice) {
        let topic = dice.below(self.plan.topics.len() as u64) as usize;
        let partition = dice.below(self.plan.topics[topic].partitions as u64) as i32;
        let len = dice.below(self.plan.largest_value) as usize;
        self.send(topic, partition, len);
    }

    pub(crate) fn send(&mut self, topic: usize, partition: i32, len: usize) {
        let number = self.ledger.number() as u64;
        let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        let mut value = number.to_be_bytes().to_vec();
        value.extend(noise.iter().cycle().take(len));
        let timestamp = model_time(self.now).wall_ms + self.clock;
        let wish = Wish { topic, partition, value, timestamp };
        let effects = self.senders.send(self.now, self.plan.max_block, wish, &mut self.ledger);
        self.effects(effects);
    }

    fn fault(&mut self, number: u64) {
        if self.is_peace {
            return;
        }
        self.report.faults = number + 1;
        let mut dice = Dice::of(self.plan.seed, 3, number);
        let trouble = Trouble::draw(&self.plan, &mut dice);
        let mut pause = dice.millis(0, 2 * self.plan.fault_pause.as_millis() as u64);
        if self.extensions > 0 && !self.plan.has_acks(Acks::None) {
            pause *= 4;
        }
        if self.left.as_ref().is_none_or(|left| !left.faults.contains(&number)) {
            self.trouble(trouble);
        }
        self.after(pause, Event::Fault(number + 1));
    }

    fn perform(&mut self, deed: Scripted) {
        match deed {
            Scripted::Send { topic, partition, count } => {
                for _ in 0..count {
                    self.send(topic, partition, 20);
                }
            }
            Scripted::Trouble(trouble) => self.trouble(trouble),
            Scripted::Close { within_ms } => {
                self.close(Some(self.now + Duration::from_millis(within_ms)));
            }
        }
    }

    /// Whether enough was sent, and enough went wrong.
    pub(crate) fn is_full(&self) -> bool {
        self.report.fired_in_flight >= 5 && self.ledger.records.len() >= 200
    }

    pub(crate) fn violation(&mut self, what: &str) {
        self.note("VIOLATION", || what.to_owned(), what.as_bytes());
        self.report.violations.push(format!("{what} (at {})", self.now));
    }

    pub(crate) fn note(&mut self, what: &str, detail: impl Fn() -> String, bytes: &[u8]) {
        self.trace.note(self.now.as_duration(), what, detail, bytes);
    }

    pub(crate) fn latency(&mut self) -> Duration {
        let most = self.plan.latency.as_micros() as u64;
        Duration::from_micros(self.dice.between(50, most.max(51))) + self.slow
    }

    fn seal_delay(&mut self) -> Duration {
        let most = self.plan.seal_delay.as_micros() as u64;
        Duration::from_micros(self.dice.below(most + 1))
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    pub(crate) fn at(&mut self, at: Time, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }
}
