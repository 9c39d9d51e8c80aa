//! Typed records in transactions.

use std::borrow::Borrow;
use std::fmt;

use rohrpost_serializer::Serializer;

use super::typing::Typing;
use super::{TypedRecord, scratch};
use crate::deliveries::Deliveries;
use crate::error::Error;
use crate::topic::IntoTopic;
use crate::transaction::{Transaction, TransactionDelivery, TransactionalProducer};

/// Sends records whose keys are `K` and whose values are `V` in [`Transaction`]s: serializers make bytes of them. What a [`TypedProducer`](crate::TypedProducer) is to a [`Producer`](crate::Producer).
///
/// Several may serve one producer, and raw records go in the same transactions. Cheap to clone.
///
/// ```
/// use rohrpost::TransactionalProducer;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// # async fn run(producer: &mut TransactionalProducer) -> Result<(), rohrpost::Error> {
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
/// let transfer = producer.begin().await?;
/// balances.send(&transfer, balances.record("balances").key("alice").value(&-100)).await?;
/// balances.send(&transfer, balances.record("balances").key("bob").value(&100)).await?;
/// transfer.commit().await?;
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
pub struct TypedTransactions<K: ?Sized, V: ?Sized> {
    typing: Typing<K, V>,
}

impl TransactionalProducer {
    /// Serializers for records of this producer's transactions.
    ///
    /// # Errors
    /// As [`Producer::typed`](crate::Producer::typed).
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        key: impl Serializer<K> + Send + Sync + 'static,
        value: impl Serializer<V> + Send + Sync + 'static,
    ) -> Result<TypedTransactions<K, V>, Error> {
        let configured = self.producer().configured_serializers();
        Ok(TypedTransactions { typing: Typing::new(configured, key, value)? })
    }
}

impl<K: ?Sized, V: ?Sized> TypedTransactions<K, V> {
    /// A record for a topic, of these types: the same as [`TypedRecord::new`].
    pub fn record<'a>(&self, topic: impl IntoTopic<'a>) -> TypedRecord<'a, K, V> {
        TypedRecord::new(topic)
    }

    /// Serializes a record, and sends it in the transaction: see [`Transaction::send`]. One that cannot be serialized spoils the transaction as one that cannot be sent does.
    ///
    /// # Errors
    /// [`Serialization`](crate::ErrorKind::Serialization); as [`Transaction::send`].
    pub async fn send<'r, R>(
        &self,
        transaction: &Transaction<'_>,
        record: R,
    ) -> Result<TransactionDelivery, Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let record = record.borrow();
        let sent = async {
            self.typing.prepare(record).await?;
            let mut scratch = scratch::take();
            let raw = self.typing.raw(record, scratch.get())?;
            transaction.producer().send(&raw).await.map(TransactionDelivery::new)
        };
        transaction.note(sent.await)
    }

    /// Serializes a record, sends it in the transaction, and keeps its delivery among others: see [`Transaction::send_into`].
    ///
    /// # Errors
    /// As [`send`](Self::send); nothing is added then.
    pub async fn send_into<'r, R>(
        &self,
        transaction: &Transaction<'_>,
        deliveries: &mut Deliveries,
        record: R,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let record = record.borrow();
        let sent = async {
            self.typing.prepare(record).await?;
            let mut scratch = scratch::take();
            let raw = self.typing.raw(record, scratch.get())?;
            transaction.producer().send_into(deliveries, &raw).await
        };
        transaction.note(sent.await)
    }

    /// Serializes many records, and sends them in the transaction: see [`Transaction::send_all`].
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first record that could not be serialized or sent; those behind it are not sent.
    pub async fn send_all<'r, R, I>(
        &self,
        transaction: &Transaction<'_>,
        deliveries: &mut Deliveries,
        records: I,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        I: IntoIterator<Item = R>,
    {
        let sent = self.typing.send_all(transaction.producer(), deliveries, records);
        transaction.note(sent.await)
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedTransactions<K, V> {
    fn clone(&self) -> Self {
        Self { typing: self.typing.clone() }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedTransactions<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedTransactions")
            .field("key", &self.typing.key)
            .field("value", &self.typing.value)
            .finish()
    }
}
