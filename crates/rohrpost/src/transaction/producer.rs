//! The producer of transactions.

use std::time::Duration;

use rohrpost_engine::{TransactionAnswer, TransactionCall};

use super::calls::Kept;
use super::state::Memory;
use super::{Transaction, calls};
use crate::builder::ProducerBuilder;
use crate::config::ProducerConfig;
use crate::error::{Error, ErrorKind};
use crate::producer::Producer;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::TopicHandle;

/// A producer that sends in transactions only: [`ProducerBuilder::build_transactional`](crate::ProducerBuilder::build_transactional) makes it of a configuration with a `transactional.id`.
///
/// The cluster knows it by that id: of all producers with the same one, the newest that was initialised may write, and the others are fenced off (they fail with [`ErrorKind::Fatal`](crate::ErrorKind::Fatal)). What an older one left
/// open is aborted. So give each instance of a program an id that stays the same when it is started again and is no other instance's.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::{Producer, ProducerRecord};
///
/// # async fn run(embedded: &str) -> Result<(), rohrpost::Error> {
/// let servers = "127.0.0.1:9092";
/// # let servers = embedded;
/// let builder = Producer::builder().bootstrap_servers(servers).transactional_id("transfers-1");
/// let mut producer = builder.build_transactional().await?;
/// producer.init().await?;
///
/// let transaction = producer.begin().await?;
/// transaction.send(ProducerRecord::new("transfers").key("alice").value("-100")).await?;
/// transaction.send(ProducerRecord::new("transfers").key("bob").value("+100")).await?;
/// transaction.commit().await?;
/// producer.close(Duration::from_secs(10)).await?;
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     Ok(run(&cluster.bootstrap_servers()).await?)
/// # }
/// ```
pub struct TransactionalProducer {
    pub(super) producer: Producer,
    pub(super) is_initialised: bool,
    /// A transaction that nobody has got yet.
    beginning: Kept,
    pub(super) memory: Memory,
}

/// How a transaction ended: see [`TransactionalProducer::resume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionEnd {
    /// All of it is visible.
    Committed,
    /// Nothing of it is visible, and never will be.
    Aborted,
}

impl TransactionalProducer {
    /// Starts a producer: see [`ProducerBuilder::build_transactional`](crate::ProducerBuilder::build_transactional).
    ///
    /// # Errors
    /// As there.
    pub async fn from_config(config: ProducerConfig) -> Result<Self, Error> {
        ProducerBuilder::from_config(config).build_transactional().await
    }

    /// Starts a producer of a configuration that was checked.
    pub(crate) async fn start(config: ProducerConfig) -> Result<Self, Error> {
        let producer = Producer::start(config).await?;
        Ok(Self {
            producer,
            is_initialised: false,
            beginning: Kept::default(),
            memory: Memory::default(),
        })
    }

    /// Whether nobody has heard how the last commit ended.
    pub(super) fn has_untold(&self) -> bool {
        self.memory.ending.is_open()
    }

    pub(crate) fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Makes this producer the one of its transactional id: fences older ones, and has the cluster end what they left open. Waits for that, at most `max.block.ms`. Once is enough;
    /// [`begin`](Self::begin) does it where it was not done.
    ///
    /// # Errors
    /// [`TransactionTimeout`](crate::ErrorKind::TransactionTimeout): no coordinator was found or answered in time; call again. [`Authorization`](crate::ErrorKind::Authorization): let this principal write with the transactional id
    /// (operation Write on the resource TransactionalId), then call again. [`Fatal`](crate::ErrorKind::Fatal): a newer one fenced this one meanwhile, or the cluster refuses it for good, as where this principal may
    /// not even ask for the coordinator (operation Describe), or
    /// `transaction.timeout.ms` is above the brokers' `transaction.max.timeout.ms`. [`Protocol`](crate::ErrorKind::Protocol): the brokers are too old for transactions. [`Closed`](crate::ErrorKind::Closed), [`DriverGone`](crate::ErrorKind::DriverGone).
    pub async fn init(&mut self) -> Result<(), Error> {
        if !self.is_initialised {
            calls::call(&self.producer, TransactionCall::Init).await?;
            self.is_initialised = true;
        }
        Ok(())
    }

    /// Begins a transaction. Waits, at most `max.block.ms`, where the one before is still being aborted in the background; and a millisecond from the end of one of version 2 on, for the coordinator
    /// takes nothing until it has written that end everywhere, and what comes too early waits for twenty.
    ///
    /// # Errors
    /// [`TransactionTimeout`](crate::ErrorKind::TransactionTimeout): call again, or, where it is about a commit whose end nobody has heard of, [`resume`](Self::resume) first. As
    /// [`init`](Self::init), where that is still to be done.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        self.init().await?;
        if self.memory.ending.is_open() {
            return Err(Error::untold());
        }
        if self.memory.has_lost_one() {
            calls::start(&self.producer, TransactionCall::Abort);
            self.memory.closed();
        }
        // One that was begun by a future that was dropped is as good as new, unless its time was over.
        let begun = match self.beginning.hear().await {
            Some(Err(error)) if error.kind() == ErrorKind::TransactionTimeout => None,
            heard => heard,
        };
        let begun = match begun {
            Some(begun) => Some(begun),
            None => {
                self.beginning.begin(&self.producer, TransactionCall::Begin);
                self.beginning.hear().await
            }
        };
        match begun {
            None => Err(Error::driver_gone()),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Ok(Transaction::new(&self.producer, &self.memory)),
        }
    }

    /// Waits until it is known how the last transaction ended, at most `max.block.ms`: after a [`commit`](Transaction::commit) or an abort that failed with
    /// [`TransactionTimeout`](crate::ErrorKind::TransactionTimeout), or whose future was dropped half-way. `None` where there is nothing that was not told.
    ///
    /// # Errors
    /// [`TransactionTimeout`](crate::ErrorKind::TransactionTimeout): still not known; call again. [`Aborted`](crate::ErrorKind::Aborted): it was to be committed and had to be aborted.
    /// [`Fatal`](crate::ErrorKind::Fatal), [`Closed`](crate::ErrorKind::Closed), [`DriverGone`](crate::ErrorKind::DriverGone).
    pub async fn resume(&mut self) -> Result<Option<TransactionEnd>, Error> {
        let answer = match self.memory.ending.hear().await {
            // It may be long ago that this time was over.
            Some(Err(error)) if error.kind() == ErrorKind::TransactionTimeout => None,
            heard => heard,
        };
        if answer.is_none() {
            self.memory.ending.begin(&self.producer, TransactionCall::Settle);
        }
        let answer = match answer {
            Some(answer) => Some(answer),
            None => self.memory.ending.hear().await,
        };
        Ok(match answer.transpose().map_err(Error::of_commit)? {
            Some(TransactionAnswer::Committed) => Some(TransactionEnd::Committed),
            Some(TransactionAnswer::Aborted) => Some(TransactionEnd::Aborted),
            _ => None,
        })
    }

    /// Closes the producer: aborts what is open, at most for `timeout`. See [`Producer::close`].
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        self.producer.close(timeout).await
    }

    /// See [`Producer::topic`].
    pub fn topic(&self, name: &str) -> TopicHandle {
        self.producer.topic(name)
    }

    /// See [`Producer::partitions_for`].
    ///
    /// # Errors
    /// As there.
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        self.producer.partitions_for(topic).await
    }

    /// See [`Producer::stats`].
    pub fn stats(&self) -> Stats {
        self.producer.stats()
    }

    /// See [`Producer::why`].
    pub async fn why(&self, topic: &str, partition: i32) -> Option<String> {
        self.producer.why(topic, partition).await
    }
}

impl std::fmt::Debug for TransactionalProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransactionalProducer")
            .field("producer", &self.producer)
            .finish_non_exhaustive()
    }
}
