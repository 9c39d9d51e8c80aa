//! The application: it consumes, transforms and produces, and does about errors what they say.

use std::fmt;
use std::time::Duration;

use rohrpost_codec::ByteStr;
use rohrpost_engine::{
    CallId, GroupMetadata, Input, OffsetOf, Remedy, TransactionAnswer, TransactionCall,
    TransactionError, TransactionErrorKind,
};

use super::accounts::Told;
use super::{Event, GROUP, INPUT, Life};
use crate::dice::Dice;

/// Where the application is with a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Ready,
    /// In a transaction, with so many steps to go.
    Open(u32),
    /// A commit's outcome is to be asked for.
    Unsettled,
    /// The transaction is to be aborted.
    Aborting,
    /// The producer is of no use any more.
    Over,
}

/// The application with one producer.
pub(super) struct Application {
    pub(super) state: State,
    pub(super) transaction: Option<usize>,
    pub(super) pending: Option<(CallId, TransactionCall)>,
    pub(super) dice: Dice,
    /// The input that is consumed next, as far as transactions are committed.
    position: i64,
    /// The input after the last one that this transaction has consumed.
    consumed: i64,
    /// How many records were refused when the transaction began.
    refused: usize,
    last_call: u64,
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pending.as_ref().map(|(_, what)| what.name());
        write!(f, "{:?}, waits for {pending:?}", self.state)
    }
}

impl Application {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            state: State::New,
            transaction: None,
            pending: None,
            dice,
            position: 0,
            consumed: 0,
            refused: 0,
            last_call: 0,
        }
    }
}

impl Life {
    /// The application does the next thing with a producer.
    pub(super) fn act(&mut self, client: usize) {
        let of = &mut self.clients[client];
        if of.is_dead || of.is_closing || of.app.pending.is_some() {
            return;
        }
        let what = match of.app.state {
            State::New => TransactionCall::Init,
            State::Ready => TransactionCall::Begin,
            State::Unsettled if of.app.dice.percent(50) => TransactionCall::Commit,
            State::Unsettled => TransactionCall::Settle,
            State::Aborting => TransactionCall::Abort,
            State::Over => return,
            State::Open(0) => match self.last_step(client) {
                Some(what) => what,
                None => return self.soon(client, 20),
            },
            State::Open(steps) => {
                of.app.state = State::Open(steps - 1);
                self.step(client);
                return self.soon(client, self.plan.think);
            }
        };
        let dice = &mut self.clients[client].app.dice;
        let within = match self.peace.is_some() {
            true => Duration::from_secs(30),
            false if dice.percent(50) => dice.millis(20, 500),
            false => dice.millis(500, 8000),
        };
        self.call(client, what, within);
    }

    pub(super) fn soon(&mut self, client: usize, most: u64) {
        let pause = self.clients[client].app.dice.millis(0, most.max(1));
        self.after(pause, Event::Act(client));
    }

    /// Some inputs are consumed, and their outputs sent.
    fn step(&mut self, client: usize) {
        let app = &mut self.clients[client].app;
        let consumes = app.transaction.is_some_and(|at| self.accounts.transactions[at].consumes);
        for _ in 0..app.dice.between(1, 4) {
            let app = &mut self.clients[client].app;
            let topic = app.dice.below(self.plan.base.topics.len() as u64) as usize;
            let count = self.plan.base.topics[topic].partitions as u64;
            let partition = app.dice.below(count) as i32;
            let input = consumes.then(|| {
                app.consumed += 1;
                app.consumed - 1
            });
            self.send(client, topic, partition, input);
        }
    }

    /// What is to be called at the end of a transaction; `None` while records wait to be accepted.
    fn last_step(&mut self, client: usize) -> Option<TransactionCall> {
        let of = &mut self.clients[client];
        if !of.senders.for_memory.is_empty() || !of.senders.for_metadata.is_empty() {
            return None;
        }
        let transaction = &mut self.accounts.transactions[of.app.transaction?];
        if of.senders.refused > of.app.refused && !transaction.is_spoiled {
            transaction.is_spoiled = true;
            return Some(TransactionCall::Spoil { cause: "a record was refused".into() });
        }
        if transaction.consumes && transaction.offset.is_none() && !transaction.is_spoiled {
            return Some(offsets(of.app.consumed));
        }
        let commits = self.peace.is_some() || of.app.dice.percent(75);
        Some(if commits { TransactionCall::Commit } else { TransactionCall::Abort })
    }

    pub(super) fn call(&mut self, client: usize, what: TransactionCall, within: Duration) {
        let app = &mut self.clients[client].app;
        app.last_call += 1;
        let call = CallId(app.last_call);
        self.note(client, "call", || format!("{what:?} within {within:?}"), &call.0.to_be_bytes());
        self.clients[client].app.pending = Some((call, what.clone()));
        let deadline = self.now + within;
        self.input(client, Input::Transaction { call, deadline, what });
    }

    /// A call has its answer.
    pub(super) fn answered(
        &mut self,
        client: usize,
        call: CallId,
        result: Result<TransactionAnswer, TransactionError>,
    ) {
        self.note(client, "answered", || format!("{result:?}"), &call.0.to_be_bytes());
        let app = &mut self.clients[client].app;
        let Some((_, what)) = app.pending.take_if(|(of, _)| *of == call) else {
            return self.violation("I6: an answer that nobody waits for");
        };
        match result {
            Ok(answer) => self.went_well(client, &what, answer),
            Err(error) => self.went_wrong(client, &what, &error),
        }
        if self.clients[client].is_closing {
            self.leave_transaction(client);
            self.clients[client].app.state = State::Over;
        } else if !self.plan.is_scripted || self.peace.is_some() {
            self.soon(client, self.plan.think);
        }
        self.hire_if_needed();
    }

    fn went_well(&mut self, client: usize, what: &TransactionCall, answer: TransactionAnswer) {
        use TransactionAnswer::{Aborted, Committed, Done};
        match (what, answer) {
            (TransactionCall::Init, Done) => {
                let offsets = self.model.group_offsets(GROUP);
                let committed = offsets.get(&(INPUT.to_owned(), 0)).map_or(0, |of| of.offset);
                let app = &mut self.clients[client].app;
                (app.position, app.state) = (committed, State::Ready);
            }
            (TransactionCall::Begin, Done) => {
                let of = &mut self.clients[client];
                let consumes = of.app.dice.percent(70);
                let transaction = self.accounts.begin(client, consumes, of.app.position, self.now);
                of.app.transaction = Some(transaction);
                of.app.state = State::Open(of.app.dice.between(0, 4) as u32);
                (of.app.consumed, of.app.refused) = (of.app.position, of.senders.refused);
                if self.plan.is_scripted {
                    self.accounts.transactions[transaction].consumes = false;
                }
            }
            (TransactionCall::SendOffsets { offsets, .. }, Done) => {
                let offset = offsets.first().map(|of| of.offset);
                if let Some(at) = self.clients[client].app.transaction {
                    self.accounts.transactions[at].offset = offset;
                }
            }
            (TransactionCall::Spoil { .. }, Done) => {}
            (TransactionCall::Commit | TransactionCall::Settle, Committed) => {
                self.tell(client, Told::Committed);
            }
            (TransactionCall::Abort | TransactionCall::Settle, Aborted) => {
                self.tell(client, Told::Aborted);
            }
            (what, answer) => {
                self.violation(&format!("I7: {} was answered {answer:?}", what.name()));
            }
        }
    }

    fn went_wrong(&mut self, client: usize, what: &TransactionCall, error: &TransactionError) {
        let is_end = matches!(what, TransactionCall::Commit | TransactionCall::Settle);
        let app = &mut self.clients[client].app;
        if matches!(error.kind(), TransactionErrorKind::OutOfTurn { .. }) {
            let state = app.state;
            self.violation(&format!("I6: {} in {state:?}: {error}", what.name()));
            return;
        }
        match error.remedy() {
            Remedy::NewProducer => {
                let is_unknown = error.is_outcome_unknown();
                self.tell(client, if is_unknown { Told::Unknown } else { Told::Aborted });
                self.clients[client].app.state = State::Over;
                if !self.plan.is_scripted {
                    let within = self.dice.one_of(&[None, Some(Duration::from_secs(2))]);
                    self.close(client, within);
                }
            }
            Remedy::Abort if is_end => {
                self.tell(client, Told::Aborted);
                // It is being aborted already; who does it once more does no harm.
                let app = &mut self.clients[client].app;
                app.state = if app.dice.percent(30) { State::Aborting } else { State::Ready };
            }
            Remedy::Abort => {
                let app = &mut self.clients[client].app;
                app.state = match app.state {
                    State::New => State::New,
                    _ => State::Aborting,
                };
            }
            Remedy::Retry if is_end => app.state = State::Unsettled,
            // An abort goes on by itself.
            Remedy::Retry if *what == TransactionCall::Abort && app.dice.percent(30) => {
                self.tell(client, Told::Aborted);
            }
            Remedy::Retry if *what == TransactionCall::Abort => app.state = State::Aborting,
            Remedy::Retry => match app.state {
                // Whoever has no patience gives the transaction up.
                State::Open(_) if app.dice.percent(30) => app.state = State::Aborting,
                _ => {}
            },
        }
    }

    /// The application does not wait for the answer to a call about the end of a transaction any more. Whether there was one.
    pub(super) fn lose_patience(&mut self, client: usize) -> bool {
        let app = &mut self.clients[client].app;
        let is_end = |(_, what): &mut (CallId, TransactionCall)| {
            matches!(
                what,
                TransactionCall::Commit | TransactionCall::Settle | TransactionCall::Abort
            )
        };
        let Some((call, what)) = app.pending.take_if(is_end) else { return false };
        app.state = match what {
            TransactionCall::Abort => State::Aborting,
            _ => State::Unsettled,
        };
        self.input(client, Input::CancelCall { call });
        self.soon(client, 500);
        true
    }

    /// How the open transaction has ended, as the application knows.
    fn tell(&mut self, client: usize, told: Told) {
        let app = &mut self.clients[client].app;
        app.state = State::Ready;
        let Some(at) = app.transaction.take() else { return };
        let transaction = &mut self.accounts.transactions[at];
        transaction.told = told;
        if told == Told::Committed {
            app.position = transaction.offset.unwrap_or(app.position);
            let is_after = self.peace.is_some_and(|since| transaction.began >= since);
            if is_after && client == self.current() && !self.is_proven {
                self.prove();
            }
        }
    }

    /// The application does not go on with a producer. What it was committing may be committed.
    pub(super) fn leave_transaction(&mut self, client: usize) {
        let app = &mut self.clients[client].app;
        let commits = matches!(app.pending, Some((_, TransactionCall::Commit)));
        let is_unknown = commits || app.state == State::Unsettled;
        app.pending = None;
        self.tell(client, if is_unknown { Told::Unknown } else { Told::Aborted });
    }
}

/// The group has consumed what is before this offset.
pub(super) fn offsets(offset: i64) -> TransactionCall {
    let topic = ByteStr::from_static(INPUT);
    TransactionCall::SendOffsets {
        group: GroupMetadata::new(ByteStr::from_static(GROUP)),
        offsets: vec![OffsetOf { topic, partition: 0, offset, leader_epoch: None, metadata: None }],
    }
}
