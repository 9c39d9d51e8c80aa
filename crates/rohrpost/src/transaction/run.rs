//! Whole transactions by a closure.

use super::{Transaction, TransactionEnd, TransactionalProducer};
use crate::error::{Error, ErrorKind, Remedy};

/// How often a transaction is tried that the cluster aborts for reasons that pass.
const ATTEMPTS: u32 = 5;

impl TransactionalProducer {
    /// Runs `body` in a transaction, and commits it where that returns `Ok`; aborts it where it returns `Err`, or is dropped half-way.
    ///
    /// A commit whose end is not known in time is waited for again, for as long as it takes: the end says whether all of it counts. A transaction that had to be aborted for a reason that passes
    /// ([`Error::is_retriable`]) is done again, `body` and all, five times at most: what `body` does besides sending must bear that.
    ///
    /// ```
    /// use rohrpost::{Error, ProducerRecord, TransactionalProducer};
    ///
    /// # async fn run(producer: &mut TransactionalProducer) -> Result<(), Error> {
    /// let offset = producer.with_transaction(async |transaction| {
    ///     transaction.send(ProducerRecord::new("debits").key("alice").value("100")).await?;
    ///     let credit = transaction.send(ProducerRecord::new("credits").key("bob").value("100")).await?;
    ///     Ok::<_, Error>(credit.await?.offset())
    /// }).await?;
    /// # Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
    /// #     let builder = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    /// #     let mut producer = builder.transactional_id("transfers-1").build_transactional().await?;
    /// #     producer.init().await?;
    /// #     Ok(run(&mut producer).await?)
    /// # }
    /// ```
    ///
    /// In a spawned task `body` has to own what it uses (`async move`): where it borrows, the compiler says that an implementation of `Send` or `AsyncFnMut` is not general enough.
    ///
    /// # Errors
    /// `body`'s own, and those of [`begin`](Self::begin) and [`commit`](Transaction::commit) but [`TransactionTimeout`](ErrorKind::TransactionTimeout) of the latter.
    pub async fn with_transaction<T, E>(
        &mut self,
        mut body: impl AsyncFnMut(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        // How one ended that was given up half-way, nobody wants to know any more.
        let _ = self.hear_the_last().await;
        let mut retries = Retries::new();
        loop {
            let transaction = self.begin().await?;
            let made = match body(&transaction).await {
                Ok(made) => made,
                Err(error) => {
                    // What the body failed of is the news; what becomes of the abort, the next `begin` tells.
                    let _ = transaction.abort().await;
                    return Err(error);
                }
            };
            let committed = transaction.commit().await;
            match self.learn(committed).await {
                Ok(()) => return Ok(made),
                Err(error) if retries.allow(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until it is known how the last commit ended, where nobody has heard that.
    pub(super) async fn hear_the_last(&mut self) -> Result<(), Error> {
        if !self.has_untold() {
            return Ok(());
        }
        loop {
            match self.resume().await {
                Err(error) if error.kind() == ErrorKind::TransactionTimeout => {}
                end => return end.map(drop),
            }
        }
    }

    /// How a commit ended, however long it takes to know.
    pub(super) async fn learn(&mut self, committed: Result<(), Error>) -> Result<(), Error> {
        let timed_out = match committed {
            Err(error) if error.kind() == ErrorKind::TransactionTimeout => error,
            ended => return ended,
        };
        loop {
            match self.resume().await {
                Ok(Some(TransactionEnd::Committed)) => return Ok(()),
                Ok(Some(TransactionEnd::Aborted)) => {
                    return Err(Error::aborted_meanwhile(&timed_out));
                }
                Ok(None) => return Err(timed_out),
                Err(error) if error.kind() == ErrorKind::TransactionTimeout => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Counts how often a transaction is done.
pub(super) struct Retries {
    attempts: u32,
}

impl Retries {
    pub(super) const fn new() -> Self {
        Self { attempts: 1 }
    }

    /// Whether to do it again after this error.
    pub(super) fn allow(&mut self, error: &Error) -> bool {
        let allows =
            self.attempts < ATTEMPTS && error.remedy() == Remedy::Abort && error.is_retriable();
        self.attempts += 1;
        allows
    }
}
