//! The acknowledgement of a record that is in a transaction.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::delivery::{Delivery, RecordMetadata};
use crate::error::Error;

/// A [`Delivery`] that need not be awaited: a record that fails fails the transaction's [`commit`](crate::Transaction::commit). Awaited, it gives the record's place, which nobody sees before the commit.
#[derive(Clone, Debug)]
pub struct TransactionDelivery(Delivery);

impl TransactionDelivery {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self(delivery)
    }

    /// The delivery, as [`Producer::send`](crate::Producer::send) gives it.
    pub fn into_delivery(self) -> Delivery {
        self.0
    }
}

impl Deref for TransactionDelivery {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.0
    }
}

impl Future for TransactionDelivery {
    type Output = Result<RecordMetadata, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}
