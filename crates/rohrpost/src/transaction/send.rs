//! The futures of a transaction's sends: those of the producer, and a note of what fails.

use std::borrow::Borrow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Spoiled, TransactionDelivery};
use crate::error::Error;
use crate::producer::{SendFuture, SendIntoFuture};
use crate::record::ProducerRecord;

/// The future of [`Transaction::send`](crate::Transaction::send). Dropped before it resolves, it has sent nothing, and the transaction is as it was.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited: this record is not sent yet"]
pub struct TransactionSendFuture<'t, 'r, R = ProducerRecord<'r>> {
    send: SendFuture<'t, 'r, R>,
    spoiled: &'t Spoiled,
}

/// The future of [`Transaction::send_into`](crate::Transaction::send_into). Dropped before it resolves, it has sent nothing, and the transaction is as it was.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited: this record is not sent yet"]
pub struct TransactionSendIntoFuture<'t, 'r, R = ProducerRecord<'r>> {
    send: SendIntoFuture<'t, 'r, R>,
    spoiled: &'t Spoiled,
}

impl<'t, 'r, R> TransactionSendFuture<'t, 'r, R> {
    #[inline]
    pub(super) fn new(send: SendFuture<'t, 'r, R>, spoiled: &'t Spoiled) -> Self {
        Self { send, spoiled }
    }
}

impl<'t, 'r, R> TransactionSendIntoFuture<'t, 'r, R> {
    #[inline]
    pub(super) fn new(send: SendIntoFuture<'t, 'r, R>, spoiled: &'t Spoiled) -> Self {
        Self { send, spoiled }
    }
}

impl<'r, R: Borrow<ProducerRecord<'r>> + Unpin> Future for TransactionSendFuture<'_, 'r, R> {
    type Output = Result<TransactionDelivery, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { send, spoiled } = self.get_mut();
        Pin::new(send).poll(cx).map(|sent| spoiled.note(sent)).map_ok(TransactionDelivery::new)
    }
}

impl<'r, R: Borrow<ProducerRecord<'r>> + Unpin> Future for TransactionSendIntoFuture<'_, 'r, R> {
    type Output = Result<(), Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { send, spoiled } = self.get_mut();
        Pin::new(send).poll(cx).map(|sent| spoiled.note(sent))
    }
}
