//! Transactional calls, through the driver to the engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use rohrpost_driver::Call;
use rohrpost_engine::{TransactionAnswer, TransactionCall};

use crate::error::Error;
use crate::producer::Producer;

/// Hands the call in at once, and waits for its answer, at most `max.block.ms`.
pub(super) async fn call(
    producer: &Producer,
    what: TransactionCall,
) -> Result<TransactionAnswer, Error> {
    producer.handle().transact(what).await.map_err(Error::from)
}

/// Hands the call in, and waits for nothing.
pub(super) fn start(producer: &Producer, what: TransactionCall) {
    drop(producer.handle().transact(what));
}

/// A call whose answer must not be lost, though the future that waits for it may be dropped: it stays here until somebody has heard it.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<Call>>);

impl Kept {
    /// Hands a call in whose answer is to be kept.
    pub(super) fn begin(&self, producer: &Producer, what: TransactionCall) {
        *self.lock() = Some(producer.handle().transact(what));
    }

    /// Whether there is a call whose answer nobody has heard.
    pub(super) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Waits for the answer; `None` where there is no call.
    pub(super) async fn hear(&self) -> Option<Result<TransactionAnswer, Error>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<TransactionAnswer, Error>>> {
        let mut kept = self.lock();
        let Some(call) = &mut *kept else { return Poll::Ready(None) };
        let answer = ready!(Pin::new(call).poll(cx));
        *kept = None;
        Poll::Ready(Some(answer.map_err(Error::from)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
