//! What is told to `tracing`, with the feature of that name; without it, nothing is even looked at.
//!
//! Nothing per record. `warn` is for what people have to do something about, `debug` for what happens now and then (connections, topics, flushes), `trace` for
//! batches.

use std::net::SocketAddr;

use rohrpost_cluster::NetworkInput;
use rohrpost_engine::{Appended, DeliveryError, SealedBatch, TopicChange};

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
            event!(WARN, { connection = connection.0, error = tracing_debug(error) }, "connection lost");
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

pub(crate) fn gone(batches: usize) {
    event!(WARN, { batches = batches }, "the producer's task ended before the producer was closed");
}

#[cfg(feature = "tracing")]
use tracing::field::{debug as tracing_debug, display as tracing_display};

#[cfg(not(feature = "tracing"))]
const fn tracing_debug<T>(value: T) -> T {
    value
}

#[cfg(not(feature = "tracing"))]
const fn tracing_display<T>(value: T) -> T {
    value
}
