//! Two-phase commit for programs without async.

use super::PreparedTransactionState;
use crate::TransactionEnd;
use crate::blocking::{Transaction, TransactionalProducer, wait};
use crate::error::Error;

/// A [`PreparedTransaction`](crate::PreparedTransaction) whose methods block. Dropped, it stays prepared. (Feature `unstable-two-phase-commit`.)
#[derive(Debug)]
#[must_use = "a prepared transaction waits until it is committed or aborted"]
pub struct PreparedTransaction<'p> {
    inner: crate::PreparedTransaction<'p>,
}

impl<'p> Transaction<'p> {
    /// See [`Transaction::prepare`](crate::Transaction::prepare).
    ///
    /// # Errors
    /// As there.
    pub fn prepare(self) -> Result<PreparedTransaction<'p>, Error> {
        Ok(PreparedTransaction { inner: wait(self.inner.prepare())? })
    }
}

impl TransactionalProducer {
    /// See [`TransactionalProducer::recover`](crate::TransactionalProducer::recover).
    ///
    /// # Errors
    /// As there.
    pub fn recover(&mut self) -> Result<Option<PreparedTransaction<'_>>, Error> {
        Ok(wait(self.inner.recover())?.map(|inner| PreparedTransaction { inner }))
    }
}

impl PreparedTransaction<'_> {
    /// See [`PreparedTransaction::state`](crate::PreparedTransaction::state).
    pub fn state(&self) -> PreparedTransactionState {
        self.inner.state()
    }

    /// See [`PreparedTransaction::commit`](crate::PreparedTransaction::commit).
    ///
    /// # Errors
    /// As there.
    pub fn commit(self) -> Result<(), Error> {
        wait(self.inner.commit())
    }

    /// See [`PreparedTransaction::abort`](crate::PreparedTransaction::abort).
    ///
    /// # Errors
    /// As there.
    pub fn abort(self) -> Result<(), Error> {
        wait(self.inner.abort())
    }

    /// See [`PreparedTransaction::complete`](crate::PreparedTransaction::complete).
    ///
    /// # Errors
    /// As there.
    pub fn complete(self, decided: PreparedTransactionState) -> Result<TransactionEnd, Error> {
        wait(self.inner.complete(decided))
    }
}
