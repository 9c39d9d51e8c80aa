//! The one error of this crate, and what can be asked of it.

use std::fmt;
use std::sync::Arc;

use crate::config::ConfigError;
use crate::record::ProducerRecord;

/// Anything that can go wrong: a configuration, a send, a delivery, a flush, a close.
///
/// The error says in words what happened, where, and what to do. Programs ask its predicates: [`kind`](Self::kind) for what happened,
/// [`outcome`](Self::outcome) for whether the record may be in the log, [`is_retriable`](Self::is_retriable) for whether sending the same
/// record again can help.
///
/// The text is complete: there is no [`source`](std::error::Error::source) that would say it again.
///
/// ```
/// use rohrpost::{Error, Outcome};
///
/// /// What a program may do about a delivery that failed.
/// fn advice(error: &Error) -> &'static str {
///     match (error.outcome(), error.is_fatal(), error.is_retriable()) {
///         (_, true, _) => "build a new producer",
///         (Outcome::NotWritten, _, true) => "send the record again",
///         (Outcome::NotWritten, _, false) => "mend the record, the topic or the permissions",
///         (Outcome::MaybeWritten, ..) => "send it again only if twice is better than never",
///         (Outcome::Written, ..) => "it is there, but on fewer replicas than it should be",
///     }
/// }
/// ```
///
/// | [kind](ErrorKind) | from | again? | [outcome](Outcome) |
/// |---|---|---|---|
/// | `Config`, `Bootstrap` | building a producer | `Bootstrap` | |
/// | `MetadataTimeout`, `MemoryTimeout`, `WouldBlock` | `send`, `try_send` | yes | not written |
/// | `UnknownTopic`, `UnknownPartition` | `send`, a delivery | where it may still be created | not written; maybe, if the topic went while it was sent |
/// | `Partitioner` | `send`, `try_send` | no | not written |
/// | `RecordTooLarge`, `InvalidRecord`, `Authorization` | `send`, a delivery | no | not written |
/// | `DeliveryTimeout`, `Connection` | a delivery | yes | maybe written, unless no attempt got through |
/// | `Broker`, `Protocol` | `send`, a delivery | as Kafka says of the code | as the broker's answer tells |
/// | `Closed`, `DriverGone`, `Fatal` | anything | no: build a new producer | maybe written, if it was on its way |
///
/// Cheap to clone: all deliveries of a batch that failed share one.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    retriable: bool,
    fatal: bool,
    topic: Option<String>,
    partition: Option<i32>,
    code: Option<i16>,
    message: String,
    config: Option<ConfigError>,
    /// The text ends with the outcome.
    tells_outcome: bool,
}

/// What went wrong, by what a program would do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration: an unknown property, a value out of range, settings that contradict each other, or one that is not supported.
    Config,
    /// None of the bootstrap servers' names could be resolved.
    Bootstrap,
    /// Nothing was known of the topic within `max.block.ms`: no broker could be reached, or none answered for it.
    MetadataTimeout,
    /// No room in `buffer.memory` within `max.block.ms`.
    MemoryTimeout,
    /// [`try_send`](crate::Producer::try_send) would have to wait for room or for metadata.
    WouldBlock,
    /// The topic does not exist (and was not created within `max.block.ms`), or its name is invalid.
    UnknownTopic,
    /// The topic has no such partition.
    UnknownPartition,
    /// The program's own [partitioner](crate::partitioner) panicked, or chose a partition that the topic does not have.
    Partitioner,
    /// The record is larger than `max.request.size`, `buffer.memory` or the broker's limit.
    RecordTooLarge,
    /// The record cannot be encoded, or the broker refused it as invalid.
    InvalidRecord,
    /// The broker does not allow this producer to do it.
    Authorization,
    /// The broker did not accept who we are.
    Authentication,
    /// The record was not acknowledged within `delivery.timeout.ms`.
    DeliveryTimeout,
    /// The connection was lost, or no answer came in time, and there was no retry left.
    Connection,
    /// The broker answered with an error that no other kind names. [`Error::code`] has its number.
    Broker,
    /// This client and the broker have no protocol version in common, or the broker broke the protocol.
    Protocol,
    /// The producer is closed, or was closed before the record was delivered.
    Closed,
    /// The task that runs the producer is gone: its runtime was shut down.
    DriverGone,
    /// The producer cannot go on; build a new one. No answer of a broker leads to it yet: where one refuses the producer's epoch
    /// (`INVALID_PRODUCER_EPOCH`, `PRODUCER_FENCED`), the batch fails as [`Broker`](Self::Broker), not written, and its partition goes on under a new
    /// epoch. Java's idempotent producer does so with the first code; the second, which brokers give to transactions alone, ends it.
    Fatal,
}

impl ErrorKind {
    /// A short stable name for logs and metrics, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Bootstrap => "bootstrap",
            Self::MetadataTimeout => "metadata_timeout",
            Self::MemoryTimeout => "memory_timeout",
            Self::WouldBlock => "would_block",
            Self::UnknownTopic => "unknown_topic",
            Self::UnknownPartition => "unknown_partition",
            Self::Partitioner => "partitioner",
            Self::RecordTooLarge => "record_too_large",
            Self::InvalidRecord => "invalid_record",
            Self::Authorization => "authorization",
            Self::Authentication => "authentication",
            Self::DeliveryTimeout => "delivery_timeout",
            Self::Connection => "connection",
            Self::Broker => "broker",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::DriverGone => "driver_gone",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a record whose send or delivery failed may stand in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is not in the log and will not be.
    NotWritten,
    /// It may be in the log: it was sent, and no definite answer came. At most once where idempotence is on.
    MaybeWritten,
    /// It is in the log; what failed came later.
    Written,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotWritten => "not written",
            Self::MaybeWritten => "maybe written",
            Self::Written => "written",
        })
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                outcome: Outcome::NotWritten,
                retriable: false,
                fatal: false,
                topic: None,
                partition: None,
                code: None,
                message: message.into(),
                config: None,
                tells_outcome: false,
            }),
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Whether the record may be in the log. `NotWritten` for errors that are about no record.
    pub fn outcome(&self) -> Outcome {
        self.inner.outcome
    }

    /// Whether sending the same record again, later, can succeed. The producer itself retried as long as it was allowed to. After
    /// [`Outcome::MaybeWritten`] a second send may write the record twice.
    pub fn is_retriable(&self) -> bool {
        self.inner.retriable
    }

    /// Whether this producer can send nothing any more: build a new one.
    pub fn is_fatal(&self) -> bool {
        self.inner.fatal
    }

    /// The topic it is about.
    pub fn topic(&self) -> Option<&str> {
        self.inner.topic.as_deref()
    }

    /// The partition it is about.
    pub fn partition(&self) -> Option<i32> {
        self.inner.partition
    }

    /// The broker's error code, where a broker's answer is the reason (the numbers of the protocol guide, "Error Codes").
    pub fn code(&self) -> Option<i16> {
        self.inner.code
    }

    /// The words of the error without the outcome at their end, for whoever tells the [`outcome`](Self::outcome) in another way.
    pub fn reason(&self) -> &str {
        &self.inner.message
    }

    /// What is wrong with the configuration, of an error of kind [`Config`](ErrorKind::Config).
    pub fn config_error(&self) -> Option<&ConfigError> {
        self.inner.config.as_ref()
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
        }
        self
    }

    pub(crate) fn with_outcome(self, outcome: Outcome) -> Self {
        self.edit(|inner| {
            inner.outcome = outcome;
            inner.tells_outcome = true;
        })
    }

    pub(crate) fn with_retriable(self, retriable: bool) -> Self {
        self.edit(|inner| inner.retriable = retriable)
    }

    pub(crate) fn with_fatal(self, fatal: bool) -> Self {
        self.edit(|inner| inner.fatal = fatal)
    }

    pub(crate) fn with_place(self, topic: &str, partition: Option<i32>) -> Self {
        self.edit(|inner| {
            inner.topic = Some(topic.to_owned());
            inner.partition = partition;
        })
    }

    pub(crate) fn with_code(self, code: Option<i16>) -> Self {
        self.edit(|inner| inner.code = code)
    }

    pub(crate) fn with_config(self, error: Option<ConfigError>) -> Self {
        self.edit(|inner| inner.config = error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        match (self.inner.tells_outcome, self.inner.outcome) {
            (false, _) => Ok(()),
            (true, Outcome::NotWritten) => f.write_str(" (not written)"),
            (true, Outcome::MaybeWritten) => f.write_str(" (it may have been written)"),
            (true, Outcome::Written) => f.write_str(" (it was written to the leader's log)"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("outcome", &inner.outcome)
            .field("retriable", &inner.retriable)
            .field("topic", &inner.topic)
            .field("partition", &inner.partition)
            .field("code", &inner.code)
            .field("message", &inner.message)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

/// A record that [`try_send`](crate::Producer::try_send) did not take, and why.
///
/// [`ErrorKind::WouldBlock`] says that [`send`](crate::Producer::send) would wait now; any other kind that it would fail too.
#[derive(Clone)]
pub struct TrySendError<'a> {
    record: Box<ProducerRecord<'a>>,
    error: Error,
}

impl<'a> TrySendError<'a> {
    pub(crate) fn new(record: ProducerRecord<'a>, error: Error) -> Self {
        Self { record: Box::new(record), error }
    }

    /// Why the record was not taken.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The record.
    pub fn into_record(self) -> ProducerRecord<'a> {
        *self.record
    }

    /// The reason alone.
    pub fn into_error(self) -> Error {
        self.error
    }
}

impl fmt::Debug for TrySendError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySendError")
            .field("error", &self.error)
            .field("record", &self.record)
            .finish()
    }
}

impl fmt::Display for TrySendError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for TrySendError<'_> {}

impl From<TrySendError<'_>> for Error {
    fn from(refused: TrySendError<'_>) -> Self {
        refused.error
    }
}
