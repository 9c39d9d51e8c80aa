//! Deliveries as futures, looked at in the order of their records.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How often the sender looks which of its records have arrived.
const LOOK_EVERY: usize = 256;

/// The deliveries that a sender has not seen the end of yet.
///
/// As records arrive in batches, looking now and then, without being woken, is the cheapest way to see all of them.
#[derive(Debug)]
pub struct InOrder<F> {
    outstanding: VecDeque<F>,
    pushed: usize,
}

impl<F: Future + Unpin> InOrder<F> {
    /// None yet.
    pub fn new() -> Self {
        Self { outstanding: VecDeque::new(), pushed: 0 }
    }

    /// Takes a delivery in; now and then gives `look` the results of those that are there.
    #[inline]
    pub fn push(&mut self, delivery: F, look: impl FnMut(F::Output)) {
        self.outstanding.push_back(delivery);
        self.pushed += 1;
        if self.pushed % LOOK_EVERY == 0 {
            self.look(look);
        }
    }

    /// Gives `look` the results that are there, up to the first that is not.
    pub fn look(&mut self, mut look: impl FnMut(F::Output)) {
        let mut context = Context::from_waker(Waker::noop());
        while let Some(delivery) = self.outstanding.front_mut() {
            let Poll::Ready(result) = Pin::new(delivery).poll(&mut context) else { break };
            self.outstanding.pop_front();
            look(result);
        }
    }

    /// Waits for the rest.
    pub async fn finish(self, mut look: impl FnMut(F::Output)) {
        for delivery in self.outstanding {
            look(delivery.await);
        }
    }
}

impl<F: Future + Unpin> Default for InOrder<F> {
    fn default() -> Self {
        Self::new()
    }
}
