//! What goes wrong in a life, and how it ends.

use rohrpost_cluster::{ConnectionId, LostError, NetworkInput};
use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_engine::{Input, Time};
use rohrpost_testkit::Fault;
use rohrpost_testkit::model::BrokerId;

use crate::life::{Event, Life};
use crate::network::Connection;
use crate::plan::draw_fault;

impl Life {
    pub(crate) fn fault(&mut self) {
        if self.is_peace {
            return;
        }
        let brokers = self.plan.model.brokers as u64;
        let broker = self.dice.between(1, brokers) as i32;
        let pause = self.dice.millis(10, 6000);
        match self.dice.below(10) {
            0 => {
                self.note("stop", || broker.to_string(), &[]);
                if self.model.stop_broker(BrokerId(broker)) {
                    self.after(pause, Event::Start(broker));
                }
            }
            1 => {
                self.note("pause", || broker.to_string(), &[]);
                if self.model.pause_broker(BrokerId(broker)) {
                    self.after(pause, Event::Resume(broker));
                }
            }
            2..=3 => self.cut(broker),
            4..=5 => {
                let (name, partitions, _) =
                    &self.plan.topics[self.dice.below(self.plan.topics.len() as u64) as usize];
                let partition = self.dice.below(*partitions as u64) as i32;
                let moved = self.model.move_leader(name, partition, BrokerId(broker));
                let name = name.clone();
                self.note("move", || format!("{name}-{partition} to {broker}: {moved:?}"), &[]);
            }
            6 if self.plan.close_early
                && self.now > self.end_of_trouble - self.plan.trouble / 2 =>
            {
                let deadline = Some(self.now + self.dice.millis(0, 5000));
                self.close(deadline);
            }
            7 => self.cast_doubt(),
            _ => {
                let fault = draw_fault(&mut self.dice, self.plan.engine.acks);
                self.note("fault", || format!("{fault:?}"), &[]);
                self.model.inject(fault);
            }
        }
        let pause = self.dice.millis(0, 2 * self.plan.fault_pause.as_millis() as u64);
        self.after(pause, Event::Fault);
    }

    /// An append whose answer is lost, and a refusal of its sequence soon after: what must never lead to a second identity.
    fn cast_doubt(&mut self) {
        let (name, partitions, _) =
            &self.plan.topics[self.dice.below(self.plan.topics.len() as u64) as usize];
        let partition = self.dice.below(*partitions as u64) as i32;
        let code = self
            .dice
            .one_of(&[ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID]);
        let skip = self.dice.between(1, 5) as u32;
        let here =
            |fault: Fault| fault.on(ApiKey::Produce).topic(name.clone()).partition(partition);
        let lost = here(Fault::error_after(ErrorCode::REQUEST_TIMED_OUT));
        let refused = here(Fault::error(code).skip(skip));
        self.note("doubt", || format!("{lost:?} {refused:?}"), &[]);
        self.model.inject(lost);
        self.model.inject(refused);
    }

    /// Breaks every connection to a broker.
    fn cut(&mut self, broker: i32) {
        self.note("cut", || broker.to_string(), &[]);
        let is_to = |of: &Connection| of.broker == broker && of.is_open;
        let ids: Vec<ConnectionId> = self
            .network
            .connections
            .iter()
            .filter(|(_, of)| is_to(of))
            .map(|(&id, _)| id)
            .collect();
        for connection in ids {
            let error = LostError::Broken { detail: "cut".into() };
            self.network_input(NetworkInput::Lost { connection, error });
        }
    }

    /// The faults stop, and the producer is closed.
    pub(crate) fn peace(&mut self) {
        self.note("peace", String::new, &[]);
        self.is_peace = true;
        self.model.clear_faults();
        for broker in 1..=self.plan.model.brokers {
            self.model.start_broker(BrokerId(broker));
            self.model.resume_broker(BrokerId(broker));
        }
        self.close(None);
    }

    pub(crate) fn close(&mut self, deadline: Option<Time>) {
        if std::mem::replace(&mut self.is_closing, true) {
            return;
        }
        self.note("close", || format!("{deadline:?}"), &[]);
        // Nobody waits for memory while the producer closes.
        while !self.senders.for_memory.is_empty() {
            if let Some(input) = self.senders.give_up(0) {
                self.input(input);
            }
        }
        self.input(Input::Close { deadline });
    }
}
