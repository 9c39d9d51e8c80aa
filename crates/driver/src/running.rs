//! Futures that the driver's task runs beside its engine: look-ups of names, credentials on their way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::bell::{Bell, Flag};

/// Futures, each under what it is for.
pub(crate) struct Running<Id, T> {
    list: Vec<Task<Id, T>>,
}

struct Task<Id, T> {
    id: Id,
    flag: Arc<Flag>,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<Id: Copy + PartialEq, T> Running<Id, T> {
    pub(crate) fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(crate) fn start(
        &mut self,
        id: Id,
        future: Pin<Box<dyn Future<Output = T> + Send>>,
        bell: &Arc<Bell>,
    ) {
        let flag = Flag::raised(bell);
        let waker = Waker::from(flag.clone());
        self.list.push(Task { id, flag, waker, future });
    }

    /// Nobody waits for it any more.
    pub(crate) fn stop(&mut self, id: Id) {
        self.list.retain(|task| task.id != id);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.list.iter().any(|task| task.flag.is_raised())
    }

    /// What is not done yet.
    #[cfg(feature = "sasl")]
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.list.iter().map(|task| task.id)
    }

    /// Hands the results that have come to `done`.
    pub(crate) fn poll(&mut self, mut done: impl FnMut(Id, T)) {
        self.list.retain_mut(|task| {
            if !task.flag.take() {
                return true;
            }
            match task.future.as_mut().poll(&mut Context::from_waker(&task.waker)) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    done(task.id, result);
                    false
                }
            }
        });
    }
}
