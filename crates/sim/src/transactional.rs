//! Whole lives of an application that consumes, transforms and produces in transactions, over as many producers of one transactional id as it
//! takes: they crash, are fenced, are left behind as zombies, and are followed by others.
//!
//! A life has a time of trouble; then the faults stop, a transaction must be committed within a bounded time, and every producer closes. In the
//! end the brokers' logs and the group's offsets are held against what the application did and was told (`accounts`).

mod accounts;
mod application;
mod client;
mod plan;
mod scenarios;
mod trouble;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_cluster::{ConnectionId, NetworkInput};
use rohrpost_codec::Bytes;
use rohrpost_engine::{BatchId, Input, Output, Plant, SealedBatch, Time, Unpooled};
use rohrpost_records::Compressor;
use rohrpost_testkit::TopicSpec;
use rohrpost_testkit::model::{BrokerId, Model};

use self::accounts::Accounts;
use self::client::Client;
use self::plan::{Scripted, TransactionalPlan};
pub use self::scenarios::{TRANSACTIONAL_SCENARIOS, TransactionalScenario};
use self::trouble::Trouble;
use crate::dice::Dice;
use crate::ledger::{Ending, Ledger};
use crate::life::Options;
use crate::network::model_time;
use crate::report::Report;
use crate::senders::Effects;
use crate::shrink::Left;
use crate::trace::Trace;

/// The topics' offsets that the application commits are of this topic's one partition: what it consumes.
const INPUT: &str = "input";

/// The application's consumer group.
const GROUP: &str = "transformers";

/// The application's transactional id.
const ID: &str = "transformer-1";

/// How often the model's clock is told the time, at least.
const TICK: Duration = Duration::from_millis(200);

/// After the trouble a transaction must be committed within this time and the time-outs of the configuration, and so must every close end.
const GRACE: Duration = Duration::from_secs(90);

enum Event {
    Fault(u64),
    Scripted(Scripted),
    /// The trouble is over.
    Peace,
    /// The model's clock goes on.
    Tick,
    /// The application goes on with a producer.
    Act(usize),
    /// The application begins anew, with a new producer.
    Hire,
    Input(usize, NetworkInput),
    /// A frame leaves a producer's socket.
    Leave(usize, ConnectionId, Bytes),
    /// A frame reaches its broker.
    Arrive(usize, ConnectionId, Bytes),
    /// What a broken connection still had on the way to the broker is through.
    Hangup(usize, ConnectionId),
    Seal(usize, BatchId),
    Sealed(usize, SealedBatch),
    Relief(Trouble),
    /// Whatever was left open has been given up by its coordinator.
    Over,
}

struct Life {
    plan: TransactionalPlan,
    plant: Option<Plant>,
    left: Option<Left>,
    dice: Dice,
    now: Time,
    model: Model,
    clients: Vec<Client>,
    /// Every record that was accepted.
    ledger: Ledger,
    accounts: Accounts,
    events: BTreeMap<(Time, u64), Event>,
    next_event: u64,
    trace: Trace,
    compressor: Compressor,
    slow: Duration,
    peace: Option<Time>,
    /// A transaction that was begun after the trouble is committed.
    is_proven: bool,
    /// A new producer is on its way.
    is_hiring: bool,
    is_over: bool,
    report: Report,
}

/// Lives a life of transactions.
pub(crate) fn live(options: &Options) -> Report {
    Life::new(TransactionalPlan::draw(options.seed), options).live_on()
}

impl Life {
    fn new(mut plan: TransactionalPlan, options: &Options) -> Self {
        let base = &mut plan.base;
        let mut model = Model::new(base.model.clone());
        for id in 1..=base.model.brokers {
            model.set_address(BrokerId(id), format!("10.0.0.{id}"), 9092);
        }
        model.set_transaction_version(plan.version);
        base.engine.plant(options.plant);
        let mut ledger = Ledger::new(base, Duration::ZERO);
        for (number, topic) in base.topics.iter().enumerate() {
            if let Ok(id) = model.create_topic(&topic.spec) {
                ledger.ids.push((id, number));
            }
        }
        // Nobody asks for what is in it: an input's offset is its number.
        drop(model.create_topic(&TopicSpec::new(INPUT).replication_factor(1)));
        let mut life = Self {
            dice: Dice::of(base.seed, 11, 0),
            plant: options.plant,
            left: options.left.clone(),
            now: Time::from_millis(1),
            model,
            clients: Vec::new(),
            ledger,
            accounts: Accounts::default(),
            events: BTreeMap::new(),
            next_event: 0,
            trace: Trace::new(options.print, options.keep),
            compressor: Compressor::new(),
            slow: Duration::ZERO,
            peace: None,
            is_proven: false,
            is_hiring: false,
            is_over: false,
            report: Report::new(base.seed),
            plan,
        };
        life.hire();
        match life.plan.script.take() {
            Some(script) => {
                life.plan.is_scripted = true;
                for (at, deed) in script {
                    life.after(Duration::from_millis(at), Event::Scripted(deed));
                }
            }
            None => {
                life.after(Duration::ZERO, Event::Act(0));
                let pause = life.plan.base.fault_pause;
                life.after(pause, Event::Fault(0));
            }
        }
        let trouble = life.left.as_ref().and_then(|left| left.trouble);
        life.after(trouble.unwrap_or(life.plan.base.trouble), Event::Peace);
        life.after(TICK, Event::Tick);
        life
    }

    fn live_on(mut self) -> Report {
        self.run();
        let mut report = self.report;
        report.violations.append(&mut self.ledger.violations);
        if self.is_over {
            let found = self.accounts.check(&self.model, &self.ledger, &self.clients);
            report.violations.extend(found);
        }
        for (number, client) in self.clients.iter().enumerate() {
            let used = client.senders.budget.used();
            if !client.is_dead && self.is_over && used != 0 {
                let what = format!("I6: {used} bytes of producer {number}'s budget are missing");
                report.violations.push(what);
            }
        }
        let transactions = self.accounts.counts();
        report.close_transactional(&self.ledger, transactions, &self.trace, self.now);
        let engines = self.clients.iter().map(|client| &client.engine);
        report.add_engines(engines);
        report
    }

    fn run(&mut self) {
        while !self.is_over {
            let idle = self.settle();
            if !(self.report.violations.is_empty() && self.ledger.violations.is_empty()) {
                self.trace.freeze();
            }
            if self.report.violations.len() > 10 {
                return;
            }
            let event = self.events.first_key_value().map(|(&(at, _), _)| at);
            let served = self.clients.iter().filter_map(|client| client.network.next_deadline());
            let living = self.clients.iter().filter(|client| !client.is_dead);
            let granted = living.filter_map(|client| client.senders.next_deadline());
            let outside = event.into_iter().chain(served).chain(granted).min();
            let Some(next) = [idle, outside].into_iter().flatten().min() else {
                return self.violation("I8: it stands still");
            };
            if idle == Some(next) && outside != Some(next) {
                self.report.wakes += 1;
            }
            self.now = self.now.max(next);
            if self.is_late() {
                return;
            }
            if let Some(entry) = self.events.first_entry() {
                if entry.key().0 <= self.now {
                    let event = entry.remove();
                    self.happen(event);
                }
            }
            self.mend_coordinator();
        }
    }

    /// Kafka leaves a transactional id that was downgraded in the middle of a transaction to whoever restarts its coordinator.
    fn mend_coordinator(&mut self) {
        let is_wedged = self.model.transaction(ID).is_some_and(|of| of.is_wedged());
        if let Some(broker) =
            self.model.coordinator_of(ID).filter(|_| is_wedged && self.peace.is_some())
        {
            self.note(0, "coordinator loaded", || format!("{broker:?}"), &[]);
            self.model.hold_coordinator(broker);
            self.model.release_coordinator(broker);
        }
    }

    /// Whether something took too long.
    fn is_late(&mut self) -> bool {
        if let Some(since) = self.peace.filter(|_| !self.is_proven) {
            if self.now > since + self.patience() {
                let states: Vec<_> = self.clients.iter().map(|of| of.app.to_string()).collect();
                let metadata = self.model.transaction(ID);
                let what = format!(
                    "I8: nothing is committed although all is well again ({states:?}, {metadata:?})"
                );
                self.violation(&what);
                return true;
            }
        }
        let is_late = |client: &Client| {
            !client.is_dead
                && !client.is_closed
                && client.must_close_by.is_some_and(|by| self.now > by)
        };
        if self.clients.iter().any(is_late) {
            self.violation("I8: not closed in time");
            return true;
        }
        false
    }

    fn patience(&self) -> Duration {
        let engine = &self.plan.base.engine;
        GRACE
            + engine.delivery_timeout * 2
            + engine.cluster.request_timeout * 6
            + self.plan.timeout * 2
    }

    /// Lets everybody do what can be done now. The engines' next deadline.
    fn settle(&mut self) -> Option<Time> {
        let struck = self.model.stats().faults;
        loop {
            let (mut idle, mut is_busy) = (None, false);
            for client in 0..self.clients.len() {
                if !self.clients[client].is_dead {
                    let until: Option<Time> = self.drain(client);
                    idle = idle.into_iter().chain(until).min();
                    let of = &mut self.clients[client];
                    let max_block = self.plan.base.max_block;
                    let effects = of.senders.serve(self.now, max_block, &mut self.ledger);
                    is_busy |= !effects.inputs.is_empty() || !effects.filled.is_empty();
                    self.effects(client, effects);
                }
                let deeds = self.clients[client].network.serve(self.now, &mut self.model);
                is_busy |= !deeds.is_empty();
                for deed in deeds {
                    self.deed(client, deed);
                }
                self.clients[client].network.sweep();
            }
            if !is_busy {
                let struck = self.model.stats().faults - struck;
                self.report.struck += struck;
                self.report.fired_in_flight += struck;
                return idle;
            }
        }
    }

    fn effects(&mut self, client: usize, effects: Effects) {
        for input in effects.inputs {
            self.input(client, input);
        }
        for filled in effects.filled {
            let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
            self.clients[client].senders.budget.release(freed);
            let delay = self.seal_delay();
            self.after(delay, Event::Sealed(client, sealed));
        }
    }

    fn input(&mut self, client: usize, input: Input) {
        self.clients[client].engine.handle(self.now, input);
    }

    /// Drains an engine; its next deadline.
    fn drain(&mut self, client: usize) -> Option<Time> {
        for _ in 0..200_000 {
            match self.clients[client].engine.poll(self.now) {
                Output::Idle(until) => {
                    if until.is_some_and(|until| until <= self.now) {
                        self.violation(&format!("I8: idle until {until:?}"));
                        self.crash(client);
                        return None;
                    }
                    return until;
                }
                Output::Network(output) => self.network_output(client, output),
                Output::Topic(change) => self.clients[client].senders.learn(change),
                Output::Awaited { waiter, result } => {
                    let (now, max_block) = (self.now, self.plan.base.max_block);
                    let senders = &mut self.clients[client].senders;
                    let is_known = result.is_ok();
                    let ledger = &mut self.ledger;
                    let effects = senders.awaited(now, max_block, waiter, is_known, ledger);
                    self.effects(client, effects);
                }
                Output::Seal { batch } => {
                    let delay = self.seal_delay();
                    self.after(delay, Event::Seal(client, batch));
                }
                Output::Complete { batch, records, result } => {
                    let number = batch.slot.0.to_be_bytes();
                    self.note(
                        client,
                        "complete",
                        || format!("{batch:?} {records:?} {result:?}"),
                        &number,
                    );
                    match self.clients[client].senders.complete(batch, records) {
                        Ok(ended) => {
                            for (nth, at) in ended.into_iter().enumerate() {
                                let record = &mut self.ledger.records[at];
                                record.endings += 1;
                                record.ending = Some(match &result {
                                    Ok(appended) => Ending::Acked(
                                        appended.base_offset.map(|base| base + nth as i64),
                                    ),
                                    Err(error) => {
                                        Ending::Failed(error.outcome(), error.to_string())
                                    }
                                });
                            }
                        }
                        Err(violation) => self.violation(&violation),
                    }
                }
                Output::Release { bytes, .. } => self.clients[client].senders.budget.release(bytes),
                Output::Flushed { .. } => self.violation("I6: a flush that nobody asked for"),
                Output::Transaction { call, result } => self.answered(client, call, result),
                Output::Closed => {
                    self.note(client, "closed", String::new, &[]);
                    if std::mem::replace(&mut self.clients[client].is_closed, true) {
                        self.violation("I6: closed twice");
                    }
                    self.end_if_done();
                }
            }
        }
        self.violation("I8: it spins");
        self.crash(client);
        None
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Fault(number) => self.fault(number),
            Event::Scripted(deed) => self.perform(deed),
            Event::Peace => self.make_peace(),
            Event::Tick => {
                self.model.advance(model_time(self.now));
                self.after(TICK, Event::Tick);
            }
            Event::Act(client) => self.act(client),
            Event::Hire => {
                self.is_hiring = false;
                self.hire();
                let client = self.clients.len() - 1;
                self.after(Duration::ZERO, Event::Act(client));
            }
            Event::Input(client, input) => self.network_input(client, input),
            Event::Leave(client, connection, frame) => self.leave(client, connection, frame),
            Event::Arrive(client, connection, frame) => {
                self.clients[client].network.arrive(connection, frame);
            }
            Event::Hangup(client, connection) => {
                let of = self.clients[client].network.connections.get_mut(&connection);
                if let Some(session) = of.and_then(|of| of.session.take()) {
                    self.model.disconnect(session);
                }
            }
            Event::Seal(client, batch) if !self.clients[client].is_dead => {
                let senders = &mut self.clients[client].senders;
                let lane = senders.lanes.get_mut(&batch.partition);
                if let Some(filled) = lane.and_then(|lane| lane.take_open(batch.slot)) {
                    let (sealed, freed) = filled.seal(&mut self.compressor, &mut Unpooled);
                    senders.budget.release(freed);
                    self.input(client, Input::Sealed(sealed));
                }
            }
            Event::Sealed(client, batch) if !self.clients[client].is_dead => {
                self.input(client, Input::Sealed(batch));
            }
            Event::Seal(..) | Event::Sealed(..) => {}
            Event::Relief(trouble) => self.relieve(&trouble),
            Event::Over => self.is_over = true,
        }
    }

    fn fault(&mut self, number: u64) {
        if self.peace.is_some() {
            return;
        }
        self.report.faults = number + 1;
        let mut dice = Dice::of(self.plan.base.seed, 13, number);
        let trouble = Trouble::draw(&self.plan, &mut dice);
        let pause = dice.millis(0, 2 * self.plan.base.fault_pause.as_millis() as u64);
        if self.left.as_ref().is_none_or(|left| !left.faults.contains(&number)) {
            self.trouble(trouble);
        }
        self.after(pause, Event::Fault(number + 1));
    }

    fn perform(&mut self, deed: Scripted) {
        match deed {
            Scripted::Call { client, what, within } => self.call(client, what, within),
            Scripted::Send { client, partition } => self.send(client, 0, partition, None),
            Scripted::Trouble(trouble) => self.trouble(trouble),
        }
    }

    /// The faults stop, and it must be seen that everything works again.
    fn make_peace(&mut self) {
        self.note(0, "peace", String::new, &[]);
        self.report.trouble = self.now.since(Time::from_millis(1));
        self.peace = Some(self.now);
        self.heal();
        for client in 0..self.clients.len() {
            self.after(Duration::ZERO, Event::Act(client));
        }
        self.hire_if_needed();
    }

    /// A transaction that was begun after the trouble is committed: the end of the life.
    fn prove(&mut self) {
        self.is_proven = true;
        for client in 0..self.clients.len() {
            self.close(client, None);
        }
        self.end_if_done();
    }

    fn end_if_done(&mut self) {
        if self.is_proven && self.clients.iter().all(|client| client.is_dead || client.is_closed) {
            let wait =
                self.plan.timeout + self.plan.base.model.transaction_timeout_check * 2 + TICK * 5;
            self.after(wait, Event::Over);
        }
    }

    fn violation(&mut self, what: &str) {
        self.note(0, "VIOLATION", || what.to_owned(), what.as_bytes());
        self.report.violations.push(format!("{what} (at {})", self.now));
    }

    fn note(&mut self, client: usize, what: &str, detail: impl Fn() -> String, bytes: &[u8]) {
        let at = self.now.as_duration();
        self.trace.note(at, what, || format!("[{client}] {}", detail()), bytes);
    }

    fn latency(&mut self) -> Duration {
        let most = self.plan.base.latency.as_micros() as u64;
        Duration::from_micros(self.dice.between(50, most.max(51))) + self.slow
    }

    fn seal_delay(&mut self) -> Duration {
        let most = self.plan.base.seal_delay.as_micros() as u64;
        Duration::from_micros(self.dice.below(most + 1))
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, at: Time, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }
}
