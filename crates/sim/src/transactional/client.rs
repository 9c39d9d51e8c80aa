//! Producers of the application, one after the other, and some beside one another.

use std::time::Duration;

use rohrpost_cluster::LostError;
use rohrpost_codec::ByteStr;
use rohrpost_engine::{Engine, Input, Time};

use super::application::{Application, State};
use super::{Event, Life};
use crate::dice::Dice;
use crate::network::{Network, model_time};
use crate::senders::{Senders, Wish};

/// A producer, as a process of the application has it.
pub(super) struct Client {
    pub(super) engine: Engine,
    pub(super) network: Network,
    pub(super) senders: Senders,
    pub(super) app: Application,
    /// Its process is gone, without a word.
    pub(super) is_dead: bool,
    pub(super) is_closing: bool,
    pub(super) is_closed: bool,
    pub(super) must_close_by: Option<Time>,
    /// The next request to end a transaction is on its way for so long.
    pub(super) late_end: Option<Duration>,
}

impl Life {
    /// The producer that the application goes on with: the newest.
    pub(super) fn current(&self) -> usize {
        self.clients.len() - 1
    }

    /// A new producer of the same transactional id.
    pub(super) fn hire(&mut self) {
        if self.plan.downgrades {
            self.is_hiring = true;
            for client in 0..self.clients.len() {
                if !self.clients[client].is_dead && !self.clients[client].is_closed {
                    self.crash(client);
                }
            }
            self.is_hiring = false;
        }
        let number = self.clients.len();
        let base = &self.plan.base;
        let mut config = base.engine.clone();
        config.cluster.seed = base.seed ^ (number as u64) << 32;
        let names = base.topics.iter().map(|topic| ByteStr::copy_from(&topic.name)).collect();
        let mut senders = Senders::new(base.appenders(), names);
        senders.budget.plant(self.plant);
        let client = Client {
            engine: Engine::new(config, self.now),
            network: Network::new(base.model.brokers, 0),
            senders,
            app: Application::new(Dice::of(base.seed, 12, number as u64)),
            is_dead: false,
            is_closing: false,
            is_closed: false,
            must_close_by: None,
            late_end: None,
        };
        self.clients.push(client);
        self.note(number, "hired", String::new, &[]);
    }

    /// Has a new producer come, if the newest is of no use any more.
    pub(super) fn hire_if_needed(&mut self) {
        let of = &self.clients[self.current()];
        let is_needed = of.is_dead || of.is_closing || of.app.state == State::Over;
        let is_wanted = !self.plan.is_scripted || self.peace.is_some();
        if is_needed && is_wanted && !self.is_hiring && !self.is_proven {
            self.is_hiring = true;
            let pause = self.dice.millis(0, 800);
            self.after(pause, Event::Hire);
        }
    }

    /// A process ends at once. What it has sent may still arrive.
    pub(super) fn crash(&mut self, client: usize) {
        self.note(client, "crash", String::new, &[]);
        self.leave_transaction(client);
        let of = &mut self.clients[client];
        (of.is_dead, of.app.state) = (true, State::Over);
        let open: Vec<_> = of.network.connections.iter().filter(|(_, of)| of.is_open).collect();
        let open: Vec<_> = open.into_iter().map(|(&id, _)| id).collect();
        for connection in open {
            let delivers = self.dice.percent(70);
            self.hang_up(client, connection, delivers);
        }
        self.hire_if_needed();
        self.end_if_done();
    }

    /// A producer closes, in whatever state it is.
    pub(super) fn close(&mut self, client: usize, within: Option<Duration>) {
        let patience = self.patience();
        let of = &mut self.clients[client];
        if of.is_dead || std::mem::replace(&mut of.is_closing, true) {
            return;
        }
        let deadline = within.map(|within| self.now + within);
        // Nobody waits for memory while the producer closes.
        let mut inputs = Vec::new();
        while !of.senders.for_memory.is_empty() {
            inputs.extend(of.senders.give_up(0));
        }
        of.must_close_by = Some(self.now + within.unwrap_or_default() + patience);
        self.note(client, "close", || format!("{deadline:?}"), &[]);
        for input in inputs {
            self.input(client, input);
        }
        self.input(client, Input::Close { deadline });
        if self.clients[client].app.pending.is_none() {
            self.leave_transaction(client);
            self.clients[client].app.state = State::Over;
        }
        self.hire_if_needed();
    }

    /// Sends a record: the output of an input, if it is one.
    pub(super) fn send(&mut self, client: usize, topic: usize, partition: i32, of: Option<i64>) {
        let number = self.ledger.number();
        let transaction = self.clients[client].app.transaction;
        self.accounts.send(number, transaction);
        let mut value = (number as u64).to_be_bytes().to_vec();
        value.extend(of.unwrap_or(-1).to_be_bytes());
        let length = self.clients[client].app.dice.below(self.plan.base.largest_value);
        value.extend((0..length).map(|nth| nth as u8 ^ number as u8));
        let timestamp = model_time(self.now).wall_ms;
        let wish = Wish { topic, partition, value, timestamp };
        let (now, max_block) = (self.now, self.plan.base.max_block);
        self.note(
            client,
            "wish",
            || format!("{number} to {topic}-{partition} in {transaction:?}"),
            &[],
        );
        let effects = self.clients[client].senders.send(now, max_block, wish, &mut self.ledger);
        self.effects(client, effects);
    }

    /// Breaks connections of all producers to a broker.
    pub(super) fn cut(&mut self, broker: i32, delivers: bool) -> bool {
        let mut is_any = false;
        for client in 0..self.clients.len() {
            let connections = &self.clients[client].network.connections;
            let to = connections
                .iter()
                .filter(|(_, of)| of.broker == broker && of.is_open && !of.is_dead);
            let to: Vec<_> = to.map(|(&id, _)| id).collect();
            for connection in to {
                is_any = true;
                let error = LostError::Broken { detail: "cut".into() };
                let input = rohrpost_cluster::NetworkInput::Lost { connection, error };
                self.network_input(client, input);
                let connections = &mut self.clients[client].network.connections;
                if let Some(of) = connections.get_mut(&connection) {
                    of.is_dead |= !delivers;
                }
            }
        }
        is_any
    }

    /// Connections of all producers to a broker go silent.
    pub(super) fn go_dead(&mut self, broker: i32) -> bool {
        let all = self.clients.iter_mut().flat_map(|of| of.network.connections.values_mut());
        let mut is_any = false;
        for connection in all.filter(|of| of.broker == broker && of.is_open) {
            (connection.is_dead, is_any) = (true, true);
        }
        is_any
    }
}
