//! Who waits for what about transactions, and what they are told.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rohrpost_cluster::{AuthenticationError, Time};

use super::prepared::NOT_SWITCHED_ON;
use super::state::{Begun, Ending, Offsets, State, Transactions, Work};
use super::{Remedy, TransactionAnswer, TransactionCall, TransactionError, TransactionErrorKind};
use crate::engine::Engine;
use crate::ids::CallId;
use crate::io::Output;

pub(super) type Answered = Result<TransactionAnswer, TransactionError>;

/// Calls that wait for their answers.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// A handful at most, in the order in which they came.
    list: Vec<Call>,
    /// How the last transaction ended, if it was to be committed and nobody was told.
    untold: Option<Answered>,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    id: CallId,
    deadline: Time,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Init,
    Begin,
    Offsets,
    Commit,
    Abort,
    Settle,
    Prepare,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Begin => "begin",
            Self::Offsets => "send_offsets",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Settle => "resume",
            Self::Prepare => "prepare",
        }
    }
}

impl Calls {
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.list.iter().map(|call| call.deadline).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.list.iter().any(|call| call.kind == kind)
    }

    /// Keeps how a commit ended for whoever asks.
    pub(super) fn keep(&mut self, result: Answered) {
        self.untold = Some(result);
    }

    fn wait(&mut self, id: CallId, deadline: Time, kind: Kind) {
        self.list.push(Call { id, deadline, kind });
    }

    fn take(&mut self, which: impl Fn(&Call) -> bool) -> Option<Call> {
        let at = self.list.iter().position(which)?;
        Some(self.list.remove(at))
    }
}

impl Engine {
    pub(crate) fn transaction_called(
        &mut self,
        call: CallId,
        deadline: Time,
        what: TransactionCall,
    ) {
        if let Some(result) = self.call_transaction(call, deadline, what) {
            self.outputs.push_back(Output::Transaction { call, result });
        }
    }

    /// What can be answered at once is; the others wait.
    fn call_transaction(
        &mut self,
        call: CallId,
        deadline: Time,
        what: TransactionCall,
    ) -> Option<Answered> {
        let is_running = self.lifecycle.is_running();
        let Some(of) = &mut self.transactions else {
            let kind = TransactionErrorKind::NotTransactional;
            return Some(Err(TransactionError::new(kind, Remedy::NewProducer)));
        };
        let name = what.name();
        if !is_running {
            return Some(Err(closed(false)));
        }
        if let State::Fatal(error) = &of.state {
            // How the last one ended is known all the same.
            let asks = matches!(what, TransactionCall::Commit | TransactionCall::Settle);
            let untold = of.calls.untold.take_if(|_| asks);
            return Some(untold.unwrap_or_else(|| Err(error.clone())));
        }
        let kind = match what {
            TransactionCall::InitKeeping if !of.config.two_phase_commit => {
                let error = of.out_of_turn(name, Some(NOT_SWITCHED_ON), Remedy::NewProducer);
                return Some(Err(error));
            }
            TransactionCall::Init | TransactionCall::InitKeeping => {
                let keeps = what == TransactionCall::InitKeeping;
                match of.state {
                    State::Uninitialized => of.initialize(keeps),
                    State::Initializing if of.keeps_prepared == keeps => {}
                    State::Initializing => {
                        return Some(Err(of.out_of_turn(name, None, Remedy::Retry)));
                    }
                    State::Prepared(state) if keeps => {
                        return Some(Ok(TransactionAnswer::Prepared(state)));
                    }
                    _ => return Some(Ok(TransactionAnswer::Done)),
                }
                Kind::Init
            }
            TransactionCall::Begin => {
                if let Some(error) = of.refuses_begin() {
                    return Some(Err(error));
                }
                Kind::Begin
            }
            TransactionCall::SendOffsets { group, offsets } => match &of.state {
                State::Spoiled(error) => return Some(Err(error.clone())),
                State::Open if of.failure.is_some() => return of.failure.clone().map(Err),
                State::Open if offsets.is_empty() => return Some(Ok(TransactionAnswer::Done)),
                State::Open => {
                    of.offsets.push_back(Offsets { call, group, offsets, has_joined: false });
                    Kind::Offsets
                }
                _ => return Some(Err(of.out_of_turn(name, None, Remedy::Abort))),
            },
            TransactionCall::Spoil { cause } => {
                if of.is_whole() {
                    let kind = TransactionErrorKind::Spoiled { cause };
                    of.fail(TransactionError::new(kind, Remedy::Abort));
                }
                return Some(Ok(TransactionAnswer::Done));
            }
            TransactionCall::Commit => match &of.state {
                State::Open | State::Prepared(_) => {
                    self.begin_commit();
                    Kind::Commit
                }
                State::Spoiled(error) => {
                    let error = error.clone();
                    self.begin_abort(Some(error.clone()));
                    return Some(Err(error));
                }
                State::Ending(Ending { is_commit: true, prepares: false, .. }) => Kind::Commit,
                _ => {
                    let untold = of.calls.untold.take();
                    let refused = || Err(of.out_of_turn(name, None, Remedy::Abort));
                    return Some(untold.unwrap_or_else(refused));
                }
            },
            TransactionCall::Abort => match &of.state {
                State::Open
                | State::Spoiled(_)
                | State::Prepared(_)
                | State::Ending(Ending { prepares: true, .. }) => {
                    self.begin_abort(None);
                    Kind::Abort
                }
                State::Ending(Ending { is_commit: false, .. }) => Kind::Abort,
                State::Ending(_) => {
                    return Some(Err(of.out_of_turn(name, None, Remedy::Retry)));
                }
                _ => return Some(Ok(TransactionAnswer::Aborted)),
            },
            TransactionCall::Settle => {
                if let Some(untold) = of.calls.untold.take() {
                    return Some(untold);
                }
                match of.ending() {
                    None => return Some(Ok(TransactionAnswer::Done)),
                    Some(ending) if ending.prepares => {
                        return Some(Err(of.out_of_turn(name, None, Remedy::Retry)));
                    }
                    Some(_) => Kind::Settle,
                }
            }
            TransactionCall::Prepare => match &of.state {
                State::Open => {
                    if let Err(error) = self.begin_prepare() {
                        return Some(Err(error));
                    }
                    Kind::Prepare
                }
                State::Spoiled(error) => {
                    let error = error.clone();
                    self.begin_abort(Some(error.clone()));
                    return Some(Err(error));
                }
                State::Ending(Ending { prepares: true, .. }) => Kind::Prepare,
                State::Prepared(state) => return Some(Ok(TransactionAnswer::Prepared(*state))),
                _ => return Some(Err(of.out_of_turn(name, None, Remedy::Abort))),
            },
        };
        if let Some(of) = &mut self.transactions {
            of.calls.wait(call, deadline, kind);
        }
        None
    }

    pub(crate) fn cancel_call(&mut self, id: CallId) {
        if let Some(of) = &mut self.transactions {
            of.calls.take(|call| call.id == id);
        }
    }

    /// Answers those whose time is over.
    pub(super) fn expire_calls(&mut self, now: Time) {
        let due = self.transactions.as_ref().and_then(|of| of.calls.next_deadline());
        if due.is_none_or(|due| due > now) {
            return;
        }
        let waiting = self.transaction_waits_for();
        let goes_on = self.may_yet_be_committed();
        while let Some(of) = &mut self.transactions {
            let Some(call) = of.calls.take(|call| call.deadline <= now) else { return };
            let (name, last) = (call.kind.name(), of.last);
            let waiting = waiting.clone();
            let kind = TransactionErrorKind::TimedOut { call: name, waiting, last };
            let is_open = call.kind == Kind::Commit || goes_on && call.kind == Kind::Settle;
            let error = TransactionError::new(kind, Remedy::Retry).with_unknown_outcome(is_open);
            self.tell(call.id, Err(error));
        }
    }

    /// Answers every call of a kind. Whether there was one.
    pub(super) fn tell_all(&mut self, kind: Kind, result: &Answered) -> bool {
        let mut any = false;
        while let Some(call) = self.take_call(|call| call.kind == kind) {
            self.tell(call.id, result.clone());
            any = true;
        }
        any
    }

    /// Answers the first call of a kind. Whether there was one.
    pub(super) fn tell_first(&mut self, kind: Kind, result: Answered) -> bool {
        let call = self.take_call(|call| call.kind == kind);
        call.map(|call| self.tell(call.id, result)).is_some()
    }

    /// Answers this call, if anybody still waits for it.
    pub(super) fn tell_call(&mut self, id: CallId, result: Answered) {
        if self.take_call(|call| call.id == id).is_some() {
            self.tell(id, result);
        }
    }

    /// Answers every call there is with an error.
    pub(super) fn tell_everybody(&mut self, error: &TransactionError, is_unknown: bool) {
        while let Some(call) = self.take_call(|_| true) {
            let is_unknown = is_unknown && matches!(call.kind, Kind::Commit | Kind::Settle);
            self.tell(call.id, Err(error.clone().with_unknown_outcome(is_unknown)));
        }
    }

    /// A transaction that was to be committed has ended, or failed.
    pub(super) fn tell_commit(&mut self, result: &Answered) {
        let told = self.tell_all(Kind::Commit, result);
        let told = self.tell_all(Kind::Settle, result) || told;
        if let Some(of) = self.transactions.as_mut().filter(|_| !told) {
            of.calls.keep(result.clone());
        }
    }

    /// Whether an EndTxn is out, or went unanswered, that commits.
    pub(super) fn may_be_committed(&self) -> bool {
        let of = self.transactions.as_ref();
        of.is_some_and(|of| {
            let is_asked = of
                .asked
                .as_ref()
                .is_some_and(|asked| asked.what == super::state::Question::End { is_commit: true });
            of.ending().is_some_and(|ending| ending.is_commit && (ending.maybe_done || is_asked))
        })
    }

    /// Whether a commit is on its way that may come to its end though nobody waits for it.
    fn may_yet_be_committed(&self) -> bool {
        let goes_on = |of: &Transactions| {
            let commits = of.ending().is_some_and(|ending| ending.is_commit && !ending.prepares);
            commits && of.failure.is_none()
        };
        self.may_be_committed() || self.transactions.as_deref().is_some_and(goes_on)
    }

    /// No broker takes this client for who it says it is: nobody need wait for that to change. What is on its way goes on once it has.
    pub(crate) fn turn_away_calls(&mut self, error: &AuthenticationError) {
        let kind = TransactionErrorKind::Authentication(error.clone());
        let is_unknown = self.may_yet_be_committed();
        self.tell_everybody(&TransactionError::new(kind, Remedy::Retry), is_unknown);
    }

    fn take_call(&mut self, which: impl Fn(&Call) -> bool) -> Option<Call> {
        self.transactions.as_mut()?.calls.take(which)
    }

    fn tell(&mut self, call: CallId, result: Answered) {
        self.outputs.push_back(Output::Transaction { call, result });
    }

    /// What the manager waits for, in words.
    fn transaction_waits_for(&self) -> String {
        let Some(of) = &self.transactions else { return String::new() };
        if let Some(asked) = &of.asked {
            return format!("the answer to {} from {}", asked.what.api().name(), asked.node);
        }
        let (what, node) = match of.work() {
            Work::Find(None) => ("the transaction's coordinator to be found".to_string(), None),
            Work::Find(Some(group)) => {
                (format!("the coordinator of group {:?} to be found", &*group), None)
            }
            Work::Offsets => {
                let node = of.group.as_ref().map(|(_, node)| *node);
                ("the group's coordinator".to_string(), node)
            }
            Work::Nothing if of.ending().is_some() => {
                ("the transaction's batches to have their answers".to_string(), None)
            }
            Work::Nothing => ("the transaction before to end".to_string(), None),
            _ => ("the transaction's coordinator".to_string(), of.coordinator),
        };
        let what = node.map_or(what.clone(), |node| format!("{what}, {node}"));
        let troubles = self.cluster.troubles();
        let trouble = troubles.iter().find(|of| node.is_none_or(|node| of.node == node));
        trouble.map_or(what.clone(), |trouble| format!("{what}: {trouble}"))
    }
}

impl Transactions {
    /// Why no transaction can be begun, nor waited for.
    fn refuses_begin(&self) -> Option<TransactionError> {
        let refuse = |state, remedy| Some(self.out_of_turn("begin", state, remedy));
        let is_untold = self.calls.untold.is_some()
            || self.ending().is_some_and(|ending| ending.is_commit && !ending.prepares)
                && !self.calls.has(Kind::Commit)
                && !self.calls.has(Kind::Settle);
        if is_untold {
            let state = "nobody was told how the last commit ended: resume first, which tells";
            return refuse(Some(state), Remedy::Retry);
        }
        match self.state {
            State::Open | State::Spoiled(_) => refuse(None, Remedy::Abort),
            State::Uninitialized
            | State::Initializing
            | State::Prepared(_)
            | State::Ending(Ending { prepares: true, .. }) => refuse(None, Remedy::Retry),
            State::Closed => Some(closed(false)),
            State::Ready | State::Renewing | State::Ending(_) | State::Fatal(_) => None,
        }
    }

    /// The coordinator knows of the transaction, or may.
    pub(super) fn may_have_begun(&self) -> bool {
        self.begun != Begun::No
    }
}

/// The producer is closed, or closing.
pub(super) fn closed(is_unknown: bool) -> TransactionError {
    TransactionError::new(TransactionErrorKind::Closed, Remedy::NewProducer)
        .with_unknown_outcome(is_unknown)
}
