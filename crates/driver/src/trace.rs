//! What is told to `tracing`, with the feature of that name; without it, nothing is even looked at.
//!
//! Nothing per record. `warn` is for what people have to do something about, `debug` for what happens now and then (connections, topics, flushes), `trace` for
//! batches.

use std::net::SocketAddr;
use std::time::Duration;

use rohrpost_cluster::{Cluster, NetworkInput};
use rohrpost_engine::{Appended, DeliveryError, SealedBatch, Time, TopicChange};

use crate::completion::Completion;
use crate::handle::GivenUp;

/// Hands an event on, or its values to nobody.
macro_rules! event {
    ($level:ident, { $($name:ident = $value:expr),* $(,)? }, $text:literal) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(target: "rohrpost", tracing::Level::$level, $($name = $value,)* $text);
        #[cfg(not(feature = "tracing"))]
        let _ = || { $(let _ = &$value;)* };
    }};
}

/// What all of a producer's events happen in: `rohrpost`, with the field `client_id`.
#[derive(Clone)]
pub(crate) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Span {
    #[cfg(feature = "tracing")]
    pub(crate) fn new(client_id: &str) -> Self {
        Self { span: tracing::info_span!(target: "rohrpost", "rohrpost", client_id) }
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn new(_: &str) -> Self {
        Self {}
    }

    #[inline]
    pub(crate) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        run()
    }
}

pub(crate) fn connecting(address: SocketAddr) {
    event!(DEBUG, { address = tracing_display(&address) }, "connecting");
}

pub(crate) fn network(input: &NetworkInput) {
    match input {
        NetworkInput::Connected { connection } => {
            event!(DEBUG, { connection = connection.0 }, "connected");
        }
        NetworkInput::ConnectFailed { connection, error } => {
            event!(WARN, { connection = connection.0, error = &*error.detail }, "no connection");
        }
        NetworkInput::Lost { connection, error } => {
            event!(WARN, { connection = connection.0, error = tracing_display(error) }, "connection lost");
        }
        NetworkInput::Credentials { connection, result: Err(error) } => {
            event!(WARN, { connection = connection.0, error = &*error.detail }, "no credentials");
        }
        NetworkInput::Resolved { result: Err(error), .. } => {
            event!(WARN, { error = &*error.detail }, "name not resolved");
        }
        _ => {}
    }
}

/// What was told of an outage of all brokers.
#[derive(Default)]
pub(crate) struct Outage {
    /// Attempts that had failed when it was last looked at.
    failed: u64,
    /// Connections that had become ready when it was last told.
    ready: u64,
    /// Not told again before, and the pause after that.
    quiet: Option<(Time, Duration)>,
}

impl Outage {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    /// Warns as soon as a whole round of all addresses has failed, and while it lasts, after pauses that double.
    pub(crate) fn look(&mut self, now: Time, cluster: &Cluster) {
        if !cfg!(feature = "tracing") || cluster.attempts_failed() == self.failed {
            return;
        }
        self.failed = cluster.attempts_failed();
        if self.ready != cluster.connections_ready() {
            (self.ready, self.quiet) = (cluster.connections_ready(), None);
        }
        if self.quiet.is_some_and(|(until, _)| now < until) || !cluster.is_cut_off() {
            return;
        }
        let pause = self.quiet.map_or(Self::FIRST_PAUSE, |(_, last)| last * 2);
        let pause = pause.min(Self::LONGEST_PAUSE);
        self.quiet = Some((now + pause, pause));
        let troubles: Vec<String> =
            cluster.unreached().iter().take(8).map(ToString::to_string).collect();
        event!(WARN, { addresses = &*troubles.join("; ") }, "no broker can be reached");
    }
}

pub(crate) fn topic(change: &TopicChange) {
    event!(DEBUG, { topic = &*change.name, partitions = change.partitions.len() }, "topic known");
}

pub(crate) fn sealed(batch: &SealedBatch, completion: &Completion) {
    event!(TRACE, {
        topic = completion.topic(),
        partition = completion.partition(),
        records = batch.record_count(),
        bytes = batch.size(),
    }, "batch closed");
}

pub(crate) fn completed(
    completion: &Completion,
    records: u32,
    result: Result<&Appended, &DeliveryError>,
) {
    let (topic, partition) = (completion.topic(), completion.partition());
    match result {
        Ok(appended) => event!(TRACE, {
            topic = topic,
            partition = partition,
            records = records,
            offset = appended.base_offset,
        }, "acknowledged"),
        Err(error) => event!(WARN, {
            topic = topic,
            partition = partition,
            records = records,
            error = tracing_display(error),
        }, "not delivered"),
    }
}

pub(crate) fn retries(batches: u64) {
    if batches > 0 {
        event!(DEBUG, { batches = batches }, "sent again");
    }
}

pub(crate) fn memory(wanted: bool) {
    if wanted {
        event!(DEBUG, {}, "sends wait for room in buffer.memory");
    } else {
        event!(DEBUG, {}, "no send waits for room any more");
    }
}

pub(crate) fn closed(given_up: &GivenUp) {
    let records: u64 = given_up.partitions.values().map(|there| there.records).sum();
    match records {
        0 => event!(DEBUG, {}, "closed"),
        _ => event!(WARN, { undelivered = records }, "closed with records undelivered"),
    }
}

pub(crate) fn unsent(topic: &str) {
    event!(
        WARN,
        { topic = topic },
        "a sink was dropped with a record that had found no room: flush or close it before"
    );
}

pub(crate) fn gone(records: u64) {
    event!(
        WARN,
        { undelivered = records },
        "the producer's task ended before the producer was closed"
    );
}

#[cfg(feature = "tracing")]
use tracing::field::display as tracing_display;

#[cfg(not(feature = "tracing"))]
const fn tracing_display<T>(value: T) -> T {
    value
}
