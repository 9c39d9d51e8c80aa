//! Transactional calls that wait for their answers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rohrpost_engine::{CallId, TransactionAnswer, TransactionError};
use tokio::sync::oneshot;

use crate::failure::CallFailure;
use crate::shared::Shared;

type Answer = Result<TransactionAnswer, TransactionError>;

/// Who waits for which call. There are few at a time: a program has one transaction.
#[derive(Default)]
pub(crate) struct Calls {
    next: u64,
    waiting: Vec<(CallId, oneshot::Sender<Answer>)>,
}

impl Calls {
    /// The name of a new call.
    pub(crate) fn note(&mut self, done: oneshot::Sender<Answer>) -> CallId {
        let call = CallId(self.next);
        self.next += 1;
        self.waiting.push((call, done));
        call
    }

    /// Every call is answered once. Whoever asked may have gone.
    pub(crate) fn answer(&mut self, call: CallId, answer: Answer) {
        if let Some(at) = self.waiting.iter().position(|(id, _)| *id == call) {
            let _ = self.waiting.swap_remove(at).1.send(answer);
        }
    }
}

/// The answer to a transactional call that was handed in: [`Handle::transact`](crate::Handle::transact). Dropped, it leaves the call to go on, and nobody hears of its end; kept, it can
/// be waited for later.
#[must_use = "the answer says what became of the transaction"]
pub struct Call {
    answered: oneshot::Receiver<Answer>,
    shared: Arc<Shared>,
}

impl Call {
    pub(crate) fn new(answered: oneshot::Receiver<Answer>, shared: Arc<Shared>) -> Self {
        Self { answered, shared }
    }
}

/// # Errors
/// [`CallFailure`].
impl Future for Call {
    type Output = Result<TransactionAnswer, CallFailure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answered).poll(cx));
        Poll::Ready(match answer {
            Ok(answer) => answer.map_err(CallFailure::Transaction),
            Err(_) if self.shared.is_closing() => Err(CallFailure::Closed),
            Err(_) => Err(CallFailure::DriverGone),
        })
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}
