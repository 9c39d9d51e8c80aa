//! Streams of records that are sent, and the stream of their results. Feature `futures`.

use std::borrow::Borrow;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::deliveries::{Deliveries, Settled};
use crate::error::Error;
use crate::producer::{Producer, RUN};
use crate::record::ProducerRecord;

impl Producer {
    /// Sends the records of a stream, or references to them, until it ends, and keeps their deliveries among others: what the stream has at hand goes together, as with
    /// [`send_all`](Self::send_all). Feature `futures`.
    ///
    /// Nobody looks at the deliveries meanwhile: they have an entry for each batch. For a stream without an end there is [`sink`](Self::sink).
    ///
    /// Dropped before it is done, or with an error: the records that were sent are in `deliveries`, as many as
    /// [`Deliveries::records`] grew by; up to 63 more may have been taken from the stream, and none while it waits for the stream.
    ///
    /// ```
    /// # async fn run(producer: rohrpost::Producer, lines: impl futures_core::Stream<Item = String>) -> Result<(), rohrpost::Error> {
    /// use futures_util::StreamExt;
    /// use rohrpost::{Deliveries, ProducerRecord};
    ///
    /// let mut deliveries = Deliveries::new();
    /// let records = lines.map(|line| ProducerRecord::new("lines").value(line));
    /// producer.send_stream(&mut deliveries, records).await?;
    /// println!("{} records have arrived", deliveries.join().await.into_result()?);
    /// # Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
    /// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
    /// #     Ok(run(producer, futures_util::stream::iter(vec!["one".to_owned(), "two".to_owned()])).await?)
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first record that could not be sent; those behind it are not sent.
    pub async fn send_stream<'r, R, S>(
        &self,
        deliveries: &mut Deliveries,
        records: S,
    ) -> Result<(), Error>
    where
        R: Borrow<ProducerRecord<'r>> + Unpin,
        S: Stream<Item = R>,
    {
        let mut records = pin!(records);
        let mut run = Vec::new();
        loop {
            let has_ended = fill(records.as_mut(), &mut run).await;
            self.send_slice(deliveries, &run).await?;
            run.clear();
            if has_ended {
                return Ok(());
            }
        }
    }
}

/// Waits for the stream's next item, and takes what else it has at hand. Whether it has ended. Dropped before, it has taken nothing.
pub(crate) async fn fill<S: Stream>(mut items: Pin<&mut S>, run: &mut Vec<S::Item>) -> bool {
    poll_fn(|cx| {
        while run.len() < RUN {
            match items.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => run.push(item),
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Pending if run.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(false)
    })
    .await
}

/// The results, as [`Deliveries::next`] gives them. The stream ends when every result was taken, and goes on when more was sent. Feature `futures`.
impl Stream for Deliveries {
    type Item = Settled;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Settled>> {
        Self::poll_next(self.get_mut(), cx)
    }
}
