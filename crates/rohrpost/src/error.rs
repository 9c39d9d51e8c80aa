//! The one error of this crate, and what can be asked of it.

use std::fmt;
use std::sync::Arc;

use crate::config::{ConfigError, ConfigErrors};
use crate::record::ProducerRecord;

/// Anything that can go wrong: a configuration, a send, a delivery, a flush, a close.
///
/// The error says in words what happened, where, and what to do. Programs ask its predicates: [`kind`](Self::kind) for what happened,
/// [`outcome`](Self::outcome) for whether the record may be in the log, [`is_retriable`](Self::is_retriable) for whether sending the same
/// record again can help.
///
/// The text is complete: whoever shows errors with their causes shows this one alone. [`source`](std::error::Error::source) is for programs: the cause as a
/// type, where there is one ([`ConfigErrors`], [`std::io::Error`], a [serializer](crate::serializer)'s own error), whose words the text has already.
///
/// What to do about each kind, in full: [`ErrorKind`].
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
/// | `Serialization` | `send`, `try_send` of a [`TypedProducer`](crate::TypedProducer) | as its source tells | not written |
/// | `RecordTooLarge`, `InvalidRecord`, `Authorization` | `send`, a delivery | no | not written |
/// | `Authentication` | `send`, a delivery | no: mend the credentials | not written, unless an earlier attempt got through |
/// | `DeliveryTimeout`, `Connection` | a delivery | yes | maybe written, unless no attempt got through |
/// | `Broker`, `Protocol` | `send`, a delivery | as Kafka says of the code | as the broker's answer tells |
/// | `Aborted`, `TransactionTimeout` | a [`Transaction`](crate::Transaction) and its records | [`Error::remedy`] tells | never visible, once aborted |
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
    topic: Option<String>,
    partition: Option<i32>,
    code: Option<i16>,
    message: String,
    broker: Option<Broker>,
    undelivered: Vec<Undelivered>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// `None`: as the kind says.
    remedy: Option<Remedy>,
    /// The text ends with the outcome.
    tells_outcome: bool,
}

/// A broker that an error is about: see [`Error::broker`]. Shown as `node 3 (broker-3:9092)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    id: Option<i32>,
    address: Option<String>,
}

impl Broker {
    pub(crate) fn new(id: i32, address: Option<String>) -> Self {
        Self { id: Some(id).filter(|id| *id >= 0), address }
    }

    /// Its node id. `None` for one of the bootstrap servers that has not said which node it is.
    pub fn id(&self) -> Option<i32> {
        self.id
    }

    /// Its address, `host:port`, where it is known.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id, &self.address) {
            (Some(id), Some(address)) => write!(f, "node {id} ({address})"),
            (Some(id), None) => write!(f, "node {id}"),
            (None, Some(address)) => f.write_str(address),
            (None, None) => f.write_str("a broker"),
        }
    }
}

/// What a [`close`](crate::Producer::close) left undelivered in a partition: see [`Error::undelivered`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// So many records were left.
    pub records: u64,
    /// So many of them had been sent, and may be in the log; the others are not.
    pub maybe_written: u64,
}

/// What went wrong, by what a program would do about it.
///
#[doc = include_str!("../docs/errors.md")]
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
    /// The program's own [serializer](crate::serializer) refused the key or the value, or could not look up what it needs. Its error is the
    /// [`source`](std::error::Error::source).
    Serialization,
    /// The record is larger than `max.request.size`, `buffer.memory` or the broker's limit.
    RecordTooLarge,
    /// The record cannot be encoded, or the broker refused it as invalid.
    InvalidRecord,
    /// The broker does not allow this producer to do it.
    Authorization,
    /// The broker did not accept who we are, or did not prove who it is.
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
    /// The [transaction](crate::Transaction) that it is about cannot be committed: a record or an offset of it failed, the cluster wants it aborted, or the program aborted it. It is aborted, or being aborted in
    /// the background: begin another one.
    Aborted,
    /// A transactional call was not answered within `max.block.ms`. It goes on in the background; make the same call again, and after a commit or an abort
    /// [`resume`](crate::TransactionalProducer::resume).
    TransactionTimeout,
    /// The producer cannot go on under its identity: it was fenced by another with its transactional id, or the cluster refuses its transactions for good. Of a [`TransactionalProducer`](crate::TransactionalProducer)
    /// alone: no answer of a broker ends an idempotent producer. Where one refuses its epoch (`INVALID_PRODUCER_EPOCH`, `PRODUCER_FENCED`), or gives it no producer id, records fail as
    /// [`Broker`](Self::Broker) or [`Authorization`](Self::Authorization), not written, and later ones go under a new epoch or id. (Java's ends with some of those answers.)
    Fatal,
}

impl ErrorKind {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[
        Self::Config,
        Self::Bootstrap,
        Self::MetadataTimeout,
        Self::MemoryTimeout,
        Self::WouldBlock,
        Self::UnknownTopic,
        Self::UnknownPartition,
        Self::Partitioner,
        Self::Serialization,
        Self::RecordTooLarge,
        Self::InvalidRecord,
        Self::Authorization,
        Self::Authentication,
        Self::DeliveryTimeout,
        Self::Connection,
        Self::Broker,
        Self::Protocol,
        Self::Closed,
        Self::DriverGone,
        Self::Aborted,
        Self::TransactionTimeout,
        Self::Fatal,
    ];

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
            Self::Serialization => "serialization",
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
            Self::Aborted => "aborted",
            Self::TransactionTimeout => "transaction_timeout",
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

/// What a program that sends in transactions does about an [`Error`]: see [`Error::remedy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Make the same call again: nothing was lost. After [`commit`](crate::Transaction::commit) and [`abort`](crate::Transaction::abort), which are over with their transaction, that is
    /// [`resume`](crate::TransactionalProducer::resume).
    Retry,
    /// This transaction can only be aborted, which happens in the background as soon as it is dropped. Begin another one, which is the same producer's; [`Error::is_retriable`] says whether the same records may fare better.
    Abort,
    /// This producer is over: fenced, closed, or refused for good. Build a new one, unless another has taken its place on purpose.
    NewProducer,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                outcome: Outcome::NotWritten,
                retriable: false,
                topic: None,
                partition: None,
                code: None,
                message: message.into(),
                broker: None,
                undelivered: Vec::new(),
                source: None,
                remedy: None,
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

    /// Whether this producer can send nothing any more, whatever the record: build a new one. So it is after [`Closed`](ErrorKind::Closed),
    /// [`DriverGone`](ErrorKind::DriverGone) and [`Fatal`](ErrorKind::Fatal), and after nothing else. (Of a sink that was closed itself, `ProducerSink`, it says the same of the sink: make
    /// another one.)
    pub fn is_fatal(&self) -> bool {
        matches!(self.kind(), ErrorKind::Closed | ErrorKind::DriverGone | ErrorKind::Fatal)
    }

    /// What is left to do, of an error of a [`TransactionalProducer`](crate::TransactionalProducer), a [`Transaction`](crate::Transaction) or a delivery of its records.
    pub fn remedy(&self) -> Remedy {
        match (self.inner.remedy, self.kind()) {
            (Some(remedy), _) => remedy,
            _ if self.is_fatal() => Remedy::NewProducer,
            (None, ErrorKind::WouldBlock | ErrorKind::TransactionTimeout) => Remedy::Retry,
            (None, _) => Remedy::Abort,
        }
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

    /// The broker that answered, was sent to, or was waited for, where one was.
    pub fn broker(&self) -> Option<&Broker> {
        self.inner.broker.as_ref()
    }

    /// What was left undelivered, by topic and partition, of an error that [`close`](crate::Producer::close) gave; else empty.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.inner.undelivered
    }

    /// The words of the error without the outcome at their end, for whoever tells the [`outcome`](Self::outcome) in another way.
    pub fn reason(&self) -> &str {
        &self.inner.message
    }

    /// All that is wrong with the configuration, of an error of kind [`Config`](ErrorKind::Config).
    pub fn config_errors(&self) -> Option<&ConfigErrors> {
        self.inner.source.as_ref()?.downcast_ref()
    }

    /// The first thing that is wrong with the configuration: see [`config_errors`](Self::config_errors).
    pub fn config_error(&self) -> Option<&ConfigError> {
        self.config_errors()?.first()
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

    pub(crate) fn with_place(self, topic: &str, partition: Option<i32>) -> Self {
        self.edit(|inner| {
            inner.topic = Some(topic.to_owned());
            inner.partition = partition;
        })
    }

    pub(crate) fn with_code(self, code: Option<i16>) -> Self {
        self.edit(|inner| inner.code = code)
    }

    pub(crate) fn with_broker(self, broker: Option<Broker>) -> Self {
        self.edit(|inner| inner.broker = broker)
    }

    /// What it is about may be committed, for all that is known.
    pub(crate) fn with_unknown_end(self) -> Self {
        self.edit(|inner| inner.outcome = Outcome::MaybeWritten)
    }

    pub(crate) fn with_remedy(self, remedy: Remedy) -> Self {
        self.edit(|inner| inner.remedy = Some(remedy))
    }

    pub(crate) fn with_undelivered(self, undelivered: Vec<Undelivered>) -> Self {
        self.edit(|inner| inner.undelivered = undelivered)
    }

    /// The cause. Its words belong into the message, too.
    pub(crate) fn with_source(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.edit(|inner| inner.source = Some(source.into()))
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

/// The text and its kind, as a `main` that returns the error shows it; `{:#?}` shows every field.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        if !f.alternate() {
            return write!(f, "{self} [{:?}]", inner.kind);
        }
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("outcome", &inner.outcome)
            .field("retriable", &inner.retriable)
            .field("topic", &inner.topic)
            .field("partition", &inner.partition)
            .field("code", &inner.code)
            .field("broker", &inner.broker)
            .field("message", &inner.message)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.inner.source.as_deref()?;
        Some(source)
    }
}

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

    /// The record and the reason.
    pub fn into_parts(self) -> (ProducerRecord<'a>, Error) {
        (*self.record, self.error)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_returns_an_error_shows_its_sentence() {
        let error = Error::new(ErrorKind::Closed, "the producer is closed");
        assert_eq!(format!("{error:?}"), format!("{error} [Closed]"));
        assert!(format!("{error:#?}").contains("outcome: NotWritten"));
    }

    /// A new kind does not compile until it has a place here, and fails until it is among all of them and on the page.
    #[test]
    fn every_kind_is_among_all_and_explained_with_cause_outcome_and_remedy() {
        let page = include_str!("../docs/errors.md");
        let sections: Vec<_> = page.split("\n## ").skip(1).collect();
        for (place, kind) in ErrorKind::ALL.iter().enumerate() {
            let number = match kind {
                ErrorKind::Config => 0,
                ErrorKind::Bootstrap => 1,
                ErrorKind::MetadataTimeout => 2,
                ErrorKind::MemoryTimeout => 3,
                ErrorKind::WouldBlock => 4,
                ErrorKind::UnknownTopic => 5,
                ErrorKind::UnknownPartition => 6,
                ErrorKind::Partitioner => 7,
                ErrorKind::Serialization => 8,
                ErrorKind::RecordTooLarge => 9,
                ErrorKind::InvalidRecord => 10,
                ErrorKind::Authorization => 11,
                ErrorKind::Authentication => 12,
                ErrorKind::DeliveryTimeout => 13,
                ErrorKind::Connection => 14,
                ErrorKind::Broker => 15,
                ErrorKind::Protocol => 16,
                ErrorKind::Closed => 17,
                ErrorKind::DriverGone => 18,
                ErrorKind::Aborted => 19,
                ErrorKind::TransactionTimeout => 20,
                ErrorKind::Fatal => 21,
            };
            assert_eq!(place, number);
            let name = format!("{kind:?} (`{kind}`)\n");
            let section = sections.iter().find(|section| section.starts_with(&name));
            let section = section.unwrap_or_else(|| panic!("{name} is not explained"));
            for part in ["**Cause.**", "**Written?**", "**What to do.**"] {
                assert!(section.contains(part), "{name} lacks {part}");
            }
        }
        assert_eq!(ErrorKind::ALL.len(), 22);
        assert_eq!(sections.len(), ErrorKind::ALL.len(), "a kind that is none is explained");
    }

    #[test]
    fn a_cause_can_be_had_as_its_type() {
        use std::error::Error as _;
        let error = crate::ProducerConfig::from_properties("linger.ms=soon").unwrap_err();
        assert!(error.source().unwrap().is::<ConfigErrors>());
        assert!(error.config_error().is_some());
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::new(ErrorKind::Bootstrap, "no such host").with_source(cause);
        assert!(error.config_error().is_none());
        assert!(error.source().unwrap().is::<std::io::Error>());
    }

    #[test]
    fn a_broker_is_shown_by_what_is_known_of_it() {
        let address = || Some("b:9092".to_owned());
        assert_eq!(Broker::new(3, address()).to_string(), "node 3 (b:9092)");
        assert_eq!(Broker::new(3, None).to_string(), "node 3");
        assert_eq!(Broker::new(-1, address()).to_string(), "b:9092");
        assert_eq!(Broker::new(-1, address()).id(), None);
    }
}
