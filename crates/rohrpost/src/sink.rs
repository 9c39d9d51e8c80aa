//! A producer as a `futures::Sink`: [`ProducerSink`]. Feature `futures`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use futures_sink::Sink;

use crate::deliveries::{Deliveries, Tally};
use crate::error::{Error, ErrorKind};
use crate::inner::Wait;
use crate::producer::Producer;
use crate::record::ProducerRecord;

/// A `futures::Sink` of records, from [`Producer::sink`]: for pipelines of streams. Feature `futures`.
///
/// ```
/// # async fn run(producer: rohrpost::Producer, lines: impl futures_core::Stream<Item = String>) -> Result<(), rohrpost::Error> {
/// use futures_util::{SinkExt, StreamExt};
/// use rohrpost::ProducerRecord;
///
/// let mut sink = producer.sink();
/// let records = lines.map(|line| Ok(ProducerRecord::new("lines").value(line)));
/// // By reference, so that there is something to ask if it fails.
/// let sent = records.forward(&mut sink).await;
/// let tally = sink.tally();
/// println!("{} records have arrived, {} have failed", tally.acknowledged, tally.failed);
/// sent
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
/// #     Ok(run(producer, futures_util::stream::iter(vec!["one".to_owned(), "two".to_owned()])).await?)
/// # }
/// ```
///
/// | | |
/// |---|---|
/// | `poll_ready` | waits until the record before is in a batch: for room and for knowledge of its topic, at most `max.block.ms`, in line with all other senders |
/// | `start_send` | takes a record, into its batch if nothing is in the way; else the sink keeps this one record, which gets in line with the next call |
/// | `poll_flush` | sends what was taken without waiting for `linger.ms`, and waits until all of it is acknowledged or failed |
/// | `poll_close` | flushes, and takes nothing from then on. The [`Producer`] is not closed: others use it |
///
/// What `SinkExt` has for a single record, `send`, flushes and so waits for each: `feed` them, or send a stream. A stream that pauses is flushed by `forward`.
///
/// # Errors
///
/// A record that fails, be it refused or not delivered, is an error of the sink's next call, whichever that is, and no end of the sink, which goes on. Such an error
/// is of the first record that failed since the last error; [`tally`](Self::tally) counts each of them. So that a pipeline ends soon where everything fails,
/// `poll_ready` tells of records that were sent long before, and the record that it was called for is not taken then. `poll_flush` and `poll_close` wait for everything first:
/// after an error of theirs nothing is under way.
///
/// # Typed records
///
/// A function before the sink makes records of whatever the program has, by the serializers of a [`TypedProducer`](crate::TypedProducer), say:
///
/// ```
/// # async fn run(producer: rohrpost::Producer) -> Result<(), rohrpost::Error> {
/// use futures_util::SinkExt;
/// use rohrpost::serializer::{LongSerializer, StringSerializer};
///
/// let balances = producer.typed::<str, i64>(StringSerializer, LongSerializer)?;
/// let sink = producer.sink().with(async |(name, balance): (String, i64)| {
///     let record = balances.record("balances").key(&name).value(&balance);
///     balances.prepare(&record).await?;
///     balances.serialize(&record)
/// });
/// let mut sink = Box::pin(sink);
/// sink.send(("alice".to_owned(), 250)).await?;
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
/// #     Ok(run(producer).await?)
/// # }
/// ```
///
/// # Single results
///
/// To know of each record what became of it, use [`Producer::send`].
///
/// # Cancellation
///
/// Futures of `SinkExt` can be dropped at any time: a record that was taken is in the sink, not in the future, and goes on with the sink's next call. After a future that was dropped
/// while it waited, the sink keeps the record's place in line, and the room that it may be given meanwhile: go on soon, or have the record back by
/// [`take_waiting`](Self::take_waiting).
///
/// A sink that is dropped tries once more to send a record that waits, and gives it up if there is no room (the feature `tracing` tells of it); what is in a batch is delivered all the
/// same. So flush or close it before.
#[must_use = "sinks do nothing unless polled"]
pub struct ProducerSink {
    producer: Producer,
    /// The record that was taken last, if it is in no batch yet.
    waiting: Option<Waiting>,
    deliveries: Deliveries,
    tally: Tally,
    /// The first failure that no call has told of.
    untold: Option<Error>,
    /// The producer was told to flush since the last record was taken.
    is_flushing: bool,
    is_closed: bool,
}

struct Waiting {
    record: ProducerRecord<'static>,
    wait: Wait,
}

impl Producer {
    /// A `futures::Sink` that sends by this producer: see [`ProducerSink`]. Any number of them may be in use. Feature `futures`.
    pub fn sink(&self) -> ProducerSink {
        ProducerSink {
            producer: self.clone(),
            waiting: None,
            deliveries: Deliveries::new(),
            tally: Tally::default(),
            untold: None,
            is_flushing: false,
            is_closed: false,
        }
    }
}

impl ProducerSink {
    /// What became so far of the records that were taken; those that `start_send` itself refused count as failed.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Records that were taken and whose result is not known yet, or was not looked at: each call of the sink's does.
    pub fn records_in_flight(&self) -> u64 {
        self.deliveries.records() + u64::from(self.waiting.is_some())
    }

    /// Gives a record back that was taken and is in no batch yet, because it found no room. It is not sent, and counts for nothing.
    pub fn take_waiting(&mut self) -> Option<ProducerRecord<'static>> {
        let mut waiting = self.waiting.take()?;
        self.producer.inner().cancel(&mut waiting.wait);
        Some(waiting.record)
    }

    /// The producer that sends the records.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Goes on with the record that waits. Its failure is noted.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Waiting { record, wait }) = &mut self.waiting else { return Poll::Ready(()) };
        let inner = self.producer.inner();
        let sent = ready!(inner.poll_send_into(cx, record, wait, &mut self.deliveries));
        self.waiting = None;
        if let Err(error) = sent {
            self.tally.failed += 1;
            self.tally.first_error.get_or_insert_with(|| error.clone());
            self.untold.get_or_insert(error);
        }
        Poll::Ready(())
    }

    /// Leaves the line: nobody is there to be woken, and what is given to nobody would be missed by all others.
    fn pause(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            self.producer.inner().pause(&mut waiting.wait);
        }
    }

    /// Counts the results that are known, or all of them.
    fn poll_settled(&mut self, cx: &mut Context<'_>, all: bool) -> Poll<()> {
        loop {
            let settled = match all {
                true => ready!(self.deliveries.poll_next(cx)),
                false => self.deliveries.take_next(),
            };
            let Some(settled) = settled else { return Poll::Ready(()) };
            self.tally.add(&settled);
            if let (None, Some(error)) = (&self.untold, settled.error()) {
                self.untold = Some(error);
            }
        }
    }

    fn tell(&mut self) -> Result<(), Error> {
        self.untold.take().map_or(Ok(()), Err)
    }

    fn check_open(&self) -> Result<(), Error> {
        if !self.is_closed {
            return Ok(());
        }
        let message = "this sink is closed, its producer perhaps not: make another one";
        Err(Error::new(ErrorKind::Closed, message))
    }

    fn poll_everything(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_waiting(cx));
        if self.deliveries.is_empty() {
            return Poll::Ready(self.tell());
        }
        if !std::mem::replace(&mut self.is_flushing, true) {
            self.producer.inner().start_flush();
        }
        ready!(self.poll_settled(cx, true));
        Poll::Ready(self.tell())
    }
}

impl Sink<ProducerRecord<'static>> for ProducerSink {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let sink = self.get_mut();
        sink.check_open()?;
        let is_free = sink.poll_waiting(cx);
        // What has arrived is forgotten here, so that a sink that is never flushed does not grow.
        let _ = sink.poll_settled(cx, false);
        sink.tell()?;
        is_free.map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, record: ProducerRecord<'static>) -> Result<(), Error> {
        let sink = self.get_mut();
        sink.check_open()?;
        let nobody = &mut Context::from_waker(Waker::noop());
        if sink.poll_waiting(nobody).is_pending() {
            sink.pause();
            let message = "the sink has a record that waits for room: poll_ready has to say that it is ready before each record";
            return Err(Error::new(ErrorKind::WouldBlock, message).with_retriable(true));
        }
        sink.is_flushing = false;
        sink.waiting = Some(Waiting { record, wait: Wait::default() });
        // Whoever is to let the driver have its turn waits for a moment: that is for the next call, which can.
        if sink.producer.inner().is_crowded() {
            return Ok(());
        }
        let others = sink.untold.take();
        if sink.poll_waiting(nobody).is_pending() {
            sink.pause();
        }
        std::mem::replace(&mut sink.untold, others).map_or(Ok(()), Err)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_everything(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let sink = self.get_mut();
        let flushed = ready!(sink.poll_everything(cx));
        sink.is_closed = true;
        Poll::Ready(flushed)
    }
}

impl Drop for ProducerSink {
    fn drop(&mut self) {
        let Some(Waiting { record, mut wait }) = self.waiting.take() else { return };
        let inner = self.producer.inner();
        if !inner.send_at_last(&record, &mut wait) {
            inner.note_unsent(record.topic());
        }
    }
}

impl fmt::Debug for ProducerSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerSink")
            .field("waiting", &self.waiting.as_ref().map(|waiting| &waiting.record))
            .field("records_in_flight", &self.records_in_flight())
            .field("tally", &self.tally)
            .field("is_closed", &self.is_closed)
            .finish_non_exhaustive()
    }
}
