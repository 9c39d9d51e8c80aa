//! Two-phase commit (KIP-939): Kafka as one of several whose outcome another coordinator decides. Unstable, as the protocol is.

pub(crate) mod blocking;

use std::fmt;
use std::str::FromStr;

use rohrpost_engine::{self as engine, TransactionAnswer, TransactionCall};

use super::state::Memory;
use super::{Transaction, TransactionEnd, TransactionalProducer, calls};
use crate::error::{Error, ErrorKind};
use crate::producer::Producer;

/// A transaction that is ready to be committed and waits for the decision: [`Transaction::prepare`] gives it, and, in another process, [`TransactionalProducer::recover`]. (Feature
/// `unstable-two-phase-commit`.)
///
/// Nothing can be sent in it, and nothing but [`commit`](Self::commit), [`abort`](Self::abort) and [`complete`](Self::complete) ends it: not a time-out, not
/// [`close`](TransactionalProducer::close), not the end of the process. Dropped, it stays prepared, and [`recover`](TransactionalProducer::recover) gives it again. Its records hold up readers of committed records in their partitions meanwhile.
///
/// ```no_run
/// use rohrpost::{ProducerRecord, TransactionalProducer};
///
/// # struct Database;
/// # impl Database { async fn commit_with(&self, _: &str) -> Result<(), rohrpost::Error> { Ok(()) } }
/// # async fn run(producer: &mut TransactionalProducer, database: Database) -> Result<(), rohrpost::Error> {
/// let transaction = producer.begin().await?;
/// transaction.send(ProducerRecord::new("transfers").key("alice").value("-100")).await?;
/// let prepared = transaction.prepare().await?;
/// // The decision: from here on Kafka follows the database, whatever happens.
/// database.commit_with(&prepared.state().to_string()).await?;
/// prepared.commit().await?;
/// # Ok(()) }
/// ```
///
/// and after a restart:
///
/// ```no_run
/// # struct Database;
/// # impl Database { async fn last_decision(&self) -> Option<String> { None } }
/// # async fn run(producer: &mut rohrpost::TransactionalProducer, database: Database) -> Result<(), Box<dyn std::error::Error>> {
/// if let Some(prepared) = producer.recover().await? {
///     match database.last_decision().await {
///         Some(state) => prepared.complete(state.parse()?).await.map(drop)?,
///         None => prepared.abort().await?,
///     }
/// }
/// # Ok(()) }
/// ```
///
/// Nothing is sent once it is prepared:
///
/// ```compile_fail
/// # async fn run(producer: &mut rohrpost::TransactionalProducer) -> Result<(), rohrpost::Error> {
/// let transaction = producer.begin().await?;
/// let prepared = transaction.prepare().await?;
/// transaction.send(rohrpost::ProducerRecord::new("transfers").value("too late")).await?; // moved
/// # Ok(()) }
/// ```
#[must_use = "a prepared transaction waits until it is committed or aborted"]
pub struct PreparedTransaction<'p> {
    producer: &'p Producer,
    memory: &'p Memory,
    state: PreparedTransactionState,
}

/// Which transaction is prepared: what the other coordinator keeps with its decision. As text it is that of Java's `PreparedTxnState`, `PRODUCER_ID:EPOCH`; each transaction has another.
/// (Feature `unstable-two-phase-commit`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreparedTransactionState(engine::PreparedState);

/// A text that is no [`PreparedTransactionState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsePreparedTransactionStateError(engine::ParsePreparedStateError);

impl PreparedTransactionState {
    /// The producer id that the transaction was made under.
    pub fn producer_id(&self) -> i64 {
        self.0.producer_id
    }

    /// Its epoch.
    pub fn producer_epoch(&self) -> i16 {
        self.0.producer_epoch
    }
}

impl fmt::Display for PreparedTransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PreparedTransactionState {
    type Err = ParsePreparedTransactionStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(ParsePreparedTransactionStateError)
    }
}

impl fmt::Display for ParsePreparedTransactionStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ParsePreparedTransactionStateError {}

impl<'p> Transaction<'p> {
    /// Sends what is left and waits until all of it is acknowledged, with the offsets; then the transaction can be committed, and waits for the decision (KIP-939). Takes
    /// [`two_phase_commit`](crate::ProducerBuilder::two_phase_commit), and a cluster of transaction version 2. (Feature `unstable-two-phase-commit`.)
    ///
    /// This future dropped half-way gives the transaction up: it is aborted in the background.
    ///
    /// # Errors
    /// [`Aborted`](ErrorKind::Aborted): a record or an offset failed, it was not done within `max.block.ms`, or two-phase commit is not switched on. [`Protocol`](ErrorKind::Protocol): the cluster has transaction version 1. The
    /// transaction is being aborted in the background. [`Fatal`](ErrorKind::Fatal), [`Closed`](ErrorKind::Closed), [`DriverGone`](ErrorKind::DriverGone).
    pub async fn prepare(mut self) -> Result<PreparedTransaction<'p>, Error> {
        // Whatever returns early drops it, which aborts it.
        self.check_complete()?;
        match calls::call(self.producer, TransactionCall::Prepare).await {
            Ok(TransactionAnswer::Prepared(state)) => {
                self.end();
                Ok(PreparedTransaction::new(self.producer, self.memory, state))
            }
            Ok(_) => Err(Error::driver_gone()),
            Err(error) if error.kind() == ErrorKind::TransactionTimeout => {
                Err(Error::unprepared(&error))
            }
            Err(error) => Err(error),
        }
    }
}

impl<'p> PreparedTransaction<'p> {
    fn new(producer: &'p Producer, memory: &'p Memory, state: engine::PreparedState) -> Self {
        Self { producer, memory, state: PreparedTransactionState(state) }
    }

    /// Which transaction this is: to be kept with the decision, before [`commit`](Self::commit).
    pub fn state(&self) -> PreparedTransactionState {
        self.state
    }

    /// Makes the transaction visible: the decision is to commit. This future dropped half-way leaves the commit to go on in the background.
    ///
    /// # Errors
    /// [`TransactionTimeout`](ErrorKind::TransactionTimeout): not known yet; [`resume`](TransactionalProducer::resume) tells. [`Aborted`](ErrorKind::Aborted): the brokers refused it; it is still prepared, and
    /// [`recover`](TransactionalProducer::recover) gives it again. [`Fatal`](ErrorKind::Fatal): a newer producer has it now, or somebody aborted it. [`Closed`](ErrorKind::Closed), [`DriverGone`](ErrorKind::DriverGone).
    /// [`Error::outcome`] says `MaybeWritten` where it may be committed all the same.
    pub async fn commit(self) -> Result<(), Error> {
        self.memory.ending.begin(self.producer, TransactionCall::Commit);
        let answer = self.memory.ending.hear().await;
        answer.unwrap_or_else(|| Err(Error::driver_gone())).map(drop).map_err(Error::of_commit)
    }

    /// Gives the transaction up: the decision is not to commit.
    ///
    /// # Errors
    /// As [`Transaction::abort`].
    pub async fn abort(self) -> Result<(), Error> {
        calls::call(self.producer, TransactionCall::Abort).await.map(drop)
    }

    /// Follows the decision that was kept last: [`commit`](Self::commit) where it names this transaction, [`abort`](Self::abort) where it names another, which means that nobody decided to commit
    /// this one. As Java's `completeTransaction`.
    ///
    /// # Errors
    /// As those.
    pub async fn complete(
        self,
        decided: PreparedTransactionState,
    ) -> Result<TransactionEnd, Error> {
        if decided == self.state {
            self.commit().await.map(|()| TransactionEnd::Committed)
        } else {
            self.abort().await.map(|()| TransactionEnd::Aborted)
        }
    }
}

impl fmt::Debug for PreparedTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedTransaction").field("state", &self.state).finish_non_exhaustive()
    }
}

impl TransactionalProducer {
    /// As [`init`](Self::init), but what an older instance had prepared is kept (KIP-939), and given here, to be ended by the decision. `None`: nothing is prepared, or all of it was ended. Call it
    /// again to have once more what was dropped. Takes [`two_phase_commit`](crate::ProducerBuilder::two_phase_commit). (Feature `unstable-two-phase-commit`.)
    ///
    /// A transaction that an older instance left open is given likewise, prepared or not: the coordinator cannot tell. [`complete`](PreparedTransaction::complete) aborts what no decision names.
    ///
    /// # Errors
    /// As [`init`](Self::init), and [`Fatal`](ErrorKind::Fatal) where the brokers cannot keep a prepared transaction, as those of Kafka 4.3.1: they answer UNSUPPORTED_VERSION, and leave it as it was.
    pub async fn recover(&mut self) -> Result<Option<PreparedTransaction<'_>>, Error> {
        let answer = calls::call(&self.producer, TransactionCall::InitKeeping).await?;
        self.is_initialised = true;
        Ok(match answer {
            TransactionAnswer::Prepared(state) => {
                Some(PreparedTransaction::new(&self.producer, &self.memory, state))
            }
            _ => None,
        })
    }
}
