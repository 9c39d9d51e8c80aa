//! Many typed records at once.

use std::borrow::Borrow;

use super::scratch::Pair;
use super::typing::Typing;
use super::{TypedProducer, TypedRecord};
use crate::deliveries::Deliveries;
use crate::error::Error;
use crate::producer::{Producer, RUN};

impl<K: ?Sized, V: ?Sized> TypedProducer<K, V> {
    /// Serializes many records, and sends them as [`Producer::send_all`](crate::Producer::send_all) does: those that follow each other in a partition under one lock. Takes
    /// records or references to them, from a slice or any iterator, of which it reads ahead a little.
    ///
    /// Dropped before it is done, or with an error: the records that were sent are in `deliveries`, as many as
    /// [`Deliveries::records`] grew by; of an iterator, up to 63 more may have been read.
    ///
    /// ```
    /// # async fn run(producer: rohrpost::Producer, lines: Vec<String>) -> Result<(), rohrpost::Error> {
    /// use rohrpost::serializer::{LongSerializer, StringSerializer};
    /// use rohrpost::{Deliveries, TypedRecord};
    ///
    /// let numbered = producer.typed::<i64, str>(LongSerializer, StringSerializer)?;
    /// let lines: Vec<(i64, String)> = (0..).zip(lines).collect();
    /// let mut deliveries = Deliveries::new();
    /// let records = lines.iter().map(|(number, line)| TypedRecord::new("lines").key(number).value(line));
    /// numbered.send_all(&mut deliveries, records).await?;
    /// println!("{} records have arrived", deliveries.join().await.into_result()?);
    /// # Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
    /// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
    /// #     Ok(run(producer, vec!["one".to_owned(), "two".to_owned()]).await?)
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first record that could not be serialized or sent; those before it are sent, those behind it are not.
    pub async fn send_all<'r, R, I>(
        &self,
        deliveries: &mut Deliveries,
        records: I,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        I: IntoIterator<Item = R>,
    {
        self.typing.send_all(&self.producer, deliveries, records).await
    }

    /// Serializes the records of a stream, or references to them, and sends them as
    /// [`Producer::send_stream`](crate::Producer::send_stream) does. Feature `futures`.
    ///
    /// # Errors
    /// As [`send_all`](Self::send_all).
    #[cfg(feature = "futures")]
    pub async fn send_stream<'r, R, S>(
        &self,
        deliveries: &mut Deliveries,
        records: S,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        S: futures_core::Stream<Item = R>,
    {
        let mut records = std::pin::pin!(records);
        let (mut run, mut room) = (Vec::new(), Vec::new());
        loop {
            let has_ended = crate::stream::fill(records.as_mut(), &mut run).await;
            self.typing.send_slice(&self.producer, deliveries, &run, &mut room).await?;
            run.clear();
            if has_ended {
                return Ok(());
            }
        }
    }
}

impl<K: ?Sized, V: ?Sized> Typing<K, V> {
    /// Serializes many records, and sends them.
    pub(super) async fn send_all<'r, R, I>(
        &self,
        producer: &Producer,
        deliveries: &mut Deliveries,
        records: I,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
        I: IntoIterator<Item = R>,
    {
        let mut records = records.into_iter();
        let (mut run, mut room) = (Vec::new(), Vec::new());
        loop {
            run.clear();
            run.extend(records.by_ref().take(RUN));
            if run.is_empty() {
                return Ok(());
            }
            self.send_slice(producer, deliveries, &run, &mut room).await?;
        }
    }

    /// Sends records in their order, as far as they can be serialized. `room` is memory to be used again.
    async fn send_slice<'r, R>(
        &self,
        producer: &Producer,
        deliveries: &mut Deliveries,
        records: &[R],
        room: &mut Vec<Pair>,
    ) -> Result<(), Error>
    where
        R: Borrow<TypedRecord<'r, K, V>>,
        K: 'r,
        V: 'r,
    {
        let mut prepared = 0;
        let mut failed = Ok(());
        for record in records {
            failed = self.prepare(record.borrow()).await;
            if failed.is_err() {
                break;
            }
            prepared += 1;
        }
        if room.len() < prepared {
            room.resize_with(prepared, Pair::default);
        }
        let mut raw = Vec::with_capacity(prepared);
        for (record, scratch) in records[..prepared].iter().zip(room) {
            match self.raw(record.borrow(), scratch) {
                Ok(record) => raw.push(record),
                Err(error) => {
                    // It comes before one whose look-up failed.
                    failed = Err(error);
                    break;
                }
            }
        }
        producer.send_slice(deliveries, &raw).await?;
        failed
    }
}
