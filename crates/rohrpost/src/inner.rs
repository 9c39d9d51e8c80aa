//! The producer's link to the driver: its types into ours, its failures into errors.

use std::borrow::Borrow;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rohrpost_driver as driver;
use rohrpost_records::RecordHeader;

use crate::bootstrap;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::error::{Error, ErrorKind, Outcome, Undelivered};
use crate::headers::Header;
use crate::histogram::Stages;
use crate::interceptor::Chain;
use crate::record::ProducerRecord;
use crate::stats::{PartitionInfo, Stats};
use crate::topic::TopicHandle;
use crate::typed::ConfiguredSerializers;

pub(crate) struct Inner {
    handle: driver::Handle,
    client_id: String,
    /// `None` where there is none.
    interceptors: Option<Arc<Chain>>,
    configured_serializers: ConfiguredSerializers,
}

/// Where a send stands.
#[derive(Default)]
pub(crate) struct Wait {
    driver: driver::Wait,
    /// What the interceptors have made of the record, of a send that waits.
    intercepted: Option<Box<ProducerRecord<'static>>>,
}

impl Inner {
    /// Of a configuration that was checked.
    pub(crate) async fn start(mut config: ProducerConfig) -> Result<Self, Error> {
        bootstrap::resolve(&mut config).await?;
        let configured_serializers = config.serializers();
        let driver = config.to_driver().map_err(|error| config.locate(error))?;
        let client_id = driver.engine.cluster.client_id.to_string();
        let handle = driver::start(driver).map_err(|error| {
            let message = if error.kind() == std::io::ErrorKind::Unsupported {
                format!("{error}: build it with enable_all, or the producer with own_thread(true)")
            } else {
                format!("the producer's task could not be started: {error}")
            };
            Error::new(ErrorKind::DriverGone, message).with_source(error)
        })?;
        let interceptors = config.interceptors.chain();
        Ok(Self { handle, client_id, interceptors, configured_serializers })
    }

    pub(crate) fn handle(&self) -> &driver::Handle {
        &self.handle
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn configured_serializers(&self) -> ConfiguredSerializers {
        self.configured_serializers
    }

    #[inline]
    pub(crate) fn try_send(&self, record: &ProducerRecord<'_>) -> Result<Delivery, Error> {
        match &self.interceptors {
            Some(chain) if !chain.is_closed() => {
                let mut sent = None;
                chain.send(record, &mut |record| {
                    let result = self.try_send_as_is(record);
                    chain.watch(record, &result);
                    sent = Some(result);
                });
                sent.unwrap_or_else(|| Err(Error::driver_gone()))
            }
            _ => self.try_send_as_is(record),
        }
    }

    #[inline]
    fn try_send_as_is(&self, record: &ProducerRecord<'_>) -> Result<Delivery, Error> {
        let mut wait = driver::Wait::default();
        if let Some(delivery) = self.handle.send_now(&borrow(record), &headers(record), &mut wait) {
            return Ok(Delivery::new(delivery));
        }
        match self.handle.try_send(
            &borrow(record),
            record.shared_value(),
            &headers(record),
            &mut wait,
        ) {
            Ok(delivery) => Ok(Delivery::new(delivery)),
            Err(failure) => Err(Error::from_send(&failure, record)),
        }
    }

    #[inline]
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        record: &ProducerRecord<'_>,
        wait: &mut Wait,
    ) -> Poll<Result<Delivery, Error>> {
        match &self.interceptors {
            None => self.poll_send_as_is(cx, record, &mut wait.driver),
            Some(chain) => self.poll_send_intercepted(cx, record, wait, chain),
        }
    }

    #[inline]
    fn poll_send_as_is(
        &self,
        cx: &mut Context<'_>,
        record: &ProducerRecord<'_>,
        wait: &mut driver::Wait,
    ) -> Poll<Result<Delivery, Error>> {
        match self.handle.send_now(&borrow(record), &headers(record), wait) {
            Some(delivery) => Poll::Ready(Ok(Delivery::new(delivery))),
            None => self.poll_send_slowly(cx, record, wait),
        }
    }

    /// The first poll asks the interceptors; the later ones go on with what they have made of the record.
    #[cold]
    #[inline(never)]
    fn poll_send_intercepted(
        &self,
        cx: &mut Context<'_>,
        record: &ProducerRecord<'_>,
        wait: &mut Wait,
        chain: &Arc<Chain>,
    ) -> Poll<Result<Delivery, Error>> {
        let Wait { driver, intercepted } = wait;
        if let Some(record) = intercepted {
            let sent = self.poll_send_as_is(cx, record, driver);
            if let Poll::Ready(sent) = &sent {
                chain.watch(record, sent);
            }
            return sent;
        }
        if chain.is_closed() {
            return self.poll_send_as_is(cx, record, driver);
        }
        let mut sent = Poll::Pending;
        chain.send(record, &mut |record| {
            sent = self.poll_send_as_is(cx, record, driver);
            match &sent {
                Poll::Ready(sent) => chain.watch(record, sent),
                Poll::Pending => *intercepted = Some(Box::new(record.reborrow().into_owned())),
            }
        });
        sent
    }

    #[inline]
    pub(crate) fn poll_send_into(
        &self,
        cx: &mut Context<'_>,
        record: &ProducerRecord<'_>,
        wait: &mut Wait,
        deliveries: &mut Deliveries,
    ) -> Poll<Result<(), Error>> {
        if let Some(chain) = &self.interceptors {
            let sent = self.poll_send_intercepted(cx, record, wait, chain);
            return sent.map_ok(|delivery| deliveries.push(delivery));
        }
        let (into, wait) = (deliveries.inner_mut(), &mut wait.driver);
        if self.handle.send_now_into(into, &borrow(record), &headers(record), wait) {
            return Poll::Ready(Ok(()));
        }
        self.poll_send_slowly(cx, record, wait).map_ok(|delivery| deliveries.push(delivery))
    }

    #[cold]
    #[inline(never)]
    fn poll_send_slowly(
        &self,
        cx: &mut Context<'_>,
        record: &ProducerRecord<'_>,
        wait: &mut driver::Wait,
    ) -> Poll<Result<Delivery, Error>> {
        let shared = record.shared_value();
        match self.handle.poll_send(cx, &borrow(record), shared, &headers(record), wait) {
            Poll::Ready(Ok(delivery)) => Poll::Ready(Ok(Delivery::new(delivery))),
            Poll::Ready(Err(failure)) => Poll::Ready(Err(Error::from_send(&failure, record))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends records from the front, as many as need no waiting and no new batch. Returns how many.
    pub(crate) fn send_run<'r, R>(&self, deliveries: &mut Deliveries, records: &[R]) -> usize
    where
        R: Borrow<ProducerRecord<'r>>,
    {
        if self.interceptors.is_some() {
            return 0;
        }
        // All at once, so that no code of others runs under a lock.
        let all =
            records.iter().map(Borrow::borrow).map(|record| (borrow(record), headers(record)));
        self.handle.send_run_now(deliveries.inner_mut(), &all.collect::<Vec<_>>())
    }

    /// Gives up a send that was not polled to its end.
    #[inline]
    pub(crate) fn cancel(&self, wait: &mut Wait) {
        self.handle.cancel(&mut wait.driver);
    }

    /// Gives the place in line up, and the time that was waited, of a send that will go on later, if at all.
    #[cfg(feature = "futures")]
    pub(crate) fn pause(&self, wait: &mut Wait) {
        self.handle.cancel(&mut wait.driver);
        wait.driver = driver::Wait::default();
    }

    /// Sends a record that waits if there is room at all, even if those who can wait are held. Whether it is sent; its place in line is given up either way.
    #[cfg(feature = "futures")]
    pub(crate) fn send_at_last(&self, record: &ProducerRecord<'_>, wait: &mut Wait) -> bool {
        self.pause(wait);
        let Wait { driver, intercepted } = wait;
        let record = intercepted.as_deref().unwrap_or(record);
        let (shared, headers) = (record.shared_value(), headers(record));
        let Ok(delivery) = self.handle.try_send(&borrow(record), shared, &headers, driver) else {
            return false;
        };
        if let (Some(chain), true) = (&self.interceptors, intercepted.is_some()) {
            chain.watch(record, &Ok(Delivery::new(delivery)));
        }
        true
    }

    /// Whether senders should let the driver have its turn.
    #[cfg(feature = "futures")]
    pub(crate) fn is_crowded(&self) -> bool {
        self.handle.is_crowded()
    }

    /// Has everything sent soon, and waits for nothing.
    #[cfg(feature = "futures")]
    pub(crate) fn start_flush(&self) {
        self.handle.start_flush();
    }

    #[cfg(feature = "futures")]
    pub(crate) fn note_unsent(&self, topic: &str) {
        self.handle.note_unsent(topic);
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        self.handle.flush().await.map_err(|_| Error::driver_gone())
    }

    pub(crate) async fn close(&self, timeout: Duration) -> Result<(), Error> {
        let closed = self.handle.close(timeout).await;
        if let Some(chain) = &self.interceptors {
            chain.close();
        }
        match closed {
            Ok(driver::GivenUp { partitions }) if partitions.is_empty() => Ok(()),
            Ok(driver::GivenUp { partitions }) => {
                let left = partitions.into_iter().map(|((topic, partition), there)| Undelivered {
                    topic: topic.to_string(),
                    partition,
                    records: there.records,
                    maybe_written: there.maybe_written,
                });
                let left: Vec<_> = left.collect();
                let records: u64 = left.iter().map(|there| there.records).sum();
                let maybe_written = left.iter().any(|there| there.maybe_written > 0);
                let plural = if records == 1 { "" } else { "s" };
                let message = format!(
                    "the producer was closed with {records} record{plural} undelivered after {timeout:?}: give close more time, or flush before"
                );
                let outcome =
                    if maybe_written { Outcome::MaybeWritten } else { Outcome::NotWritten };
                Err(Error::new(ErrorKind::Closed, message)
                    .with_outcome(outcome)
                    .with_undelivered(left))
            }
            Err(driver::Gone) => Err(Error::driver_gone()),
        }
    }

    pub(crate) async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        let record = ProducerRecord::new(topic);
        match self.handle.partitions(topic).await {
            Ok(found) => Ok(found
                .into_iter()
                .map(|(partition, leader)| PartitionInfo { partition, leader })
                .collect()),
            Err(failure) => Err(Error::from_send(&failure, &record)),
        }
    }

    pub(crate) fn topic(&self, name: &str) -> TopicHandle {
        TopicHandle { inner: self.handle.topic(name) }
    }

    pub(crate) fn stats(&self) -> Stats {
        let of = self.handle.stats();
        let completed = of.records_acknowledged + of.records_failed;
        Stats {
            records: of.records,
            batches: of.batches,
            uncompressed_bytes: of.uncompressed_bytes,
            batch_bytes: of.batch_bytes,
            records_acknowledged: of.records_acknowledged,
            records_failed: of.records_failed,
            batches_completed: of.batches_completed,
            retries: of.retries,
            splits: of.splits,
            records_retried: of.records_retried,
            batch_bytes_max: of.batch_bytes_max,
            record_queue_max: of.queue_time_max,
            request_latency_max: of.latency_max,
            sends_out_of_memory: of.sends_out_of_memory,
            requests: of.requests,
            bytes_sent: of.bytes_sent,
            bytes_received: of.bytes_received,
            connections_opened: of.connections_opened,
            connections_failed: of.connections_failed,
            records_in_flight_now: of.records.saturating_sub(completed),
            batches_in_flight_now: of.batches.saturating_sub(of.batches_completed),
            requests_in_flight_now: of.requests_in_flight,
            buffered_bytes_now: of.buffered_bytes,
            buffer_memory: of.buffer_memory,
            senders_waiting_now: of.senders_waiting,
            senders_held_now: of.senders_held,
            stages: Box::new(Stages::new(self.handle.stages())),
        }
    }

    pub(crate) async fn why(&self, topic: &str, partition: i32) -> Option<String> {
        self.handle.why(topic, partition).await
    }
}

#[inline]
fn borrow<'r>(record: &'r ProducerRecord<'_>) -> driver::Record<'r> {
    driver::Record {
        // A name costs a look at what the record owns, for nothing if there is a handle.
        topic: if record.handle.is_some() { "" } else { record.topic() },
        handle: record.handle.map(|handle| &handle.inner),
        partition: record.partition,
        timestamp: record.timestamp,
        key: record.key_bytes(),
        value: record.value_bytes(),
    }
}

#[inline]
fn headers<'r>(
    record: &'r ProducerRecord<'_>,
) -> impl ExactSizeIterator<Item = RecordHeader<'r>> + Clone {
    let headers = record.header_slice().iter();
    headers.map(|Header { name, value }| RecordHeader::new(name, value.as_deref()))
}
