//! Looking at every record on its way out, and at what becomes of it: [`Interceptor`].

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::delivery::{Delivery, RecordMetadata};
use crate::error::Error;
use crate::headers::Header;
use crate::record::ProducerRecord;

/// Sees every record before it is sent, and may change it; sees what becomes of it. Set by
/// [`ProducerBuilder::interceptor`](crate::ProducerBuilder::interceptor). For what concerns every record and none in particular: tracing, auditing,
/// headers that a company asks for (KIP-42).
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use rohrpost::{Acknowledgement, Interceptor, Producer, ProducerRecord};
///
/// /// Says in each record who sent it, and counts what did not arrive.
/// #[derive(Default)]
/// struct Audit {
///     failed: AtomicU64,
/// }
///
/// impl Interceptor for Audit {
///     fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
///         record.header("sent-by", "till 7")
///     }
///
///     fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
///         if acknowledgement.result().is_err() {
///             self.failed.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let audit = Arc::new(Audit::default());
/// let builder = Producer::builder().interceptor(audit.clone());
/// println!("{} records failed", audit.failed.load(Ordering::Relaxed));
/// ```
///
/// They see records as they go over the wire: of a [`TypedProducer`](crate::TypedProducer) what its serializers made, their headers included, where Java's see what the program
/// gave. The partition is chosen afterwards, by the topic and the key that they leave, unless the record names one. A record that cannot be serialized they do not see at all; and one that they send
/// to another topic was serialized for the first.
///
/// Several are asked in the order in which they were set, each with what the one before made of the record. A panic is caught (the panic hook shows it): the
/// record goes on as it came to that interceptor, and the others are asked all the same.
///
/// A producer with interceptors allocates for each record; one without pays nothing for there being such a thing.
pub trait Interceptor: Send + Sync {
    /// A record is to be sent: called in the task that sends it, before its partition is chosen and before anything is waited for. What is returned is sent
    /// instead, and should go to the same topic, with the same key, unless it is meant to go elsewhere. Key and value are bytes by now.
    ///
    /// It should not block, for the task that sends would.
    fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
        record
    }

    /// A record was acknowledged or has failed, for good. Exactly one call for each [`on_send`](Self::on_send), but none for a send whose future was dropped
    /// before it was done.
    ///
    /// Called before the record's own callback: on the producer's own task, which it must not block; or by the send, where the record could not be
    /// sent at all ([`WouldBlock`](crate::ErrorKind::WouldBlock) of a `try_send` included).
    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let _ = acknowledgement;
    }

    /// The producer is closed, or gone, and every record has its end. Called once.
    fn close(&self) {}
}

/// For a program that keeps a hold of its interceptor, to read what it counted.
impl<I: Interceptor + ?Sized> Interceptor for Arc<I> {
    fn on_send<'a>(&self, record: ProducerRecord<'a>) -> ProducerRecord<'a> {
        (**self).on_send(record)
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        (**self).on_acknowledgement(acknowledgement);
    }

    fn close(&self) {
        (**self).close();
    }
}

/// What became of a record: see [`Interceptor::on_acknowledgement`].
#[derive(Clone, Copy)]
pub struct Acknowledgement<'a> {
    topic: &'a str,
    partition: Option<i32>,
    headers: &'a [Header<'a>],
    result: Result<&'a RecordMetadata, &'a Error>,
}

impl<'a> Acknowledgement<'a> {
    /// The topic that the record was sent to.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The partition. `None`: the record was refused before one was chosen.
    pub fn partition(&self) -> Option<i32> {
        self.partition
    }

    /// The record's headers, those of the interceptors included (KIP-512).
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&'a str, Option<&'a [u8]>)> + Clone {
        self.headers.iter().map(|header| (header.name(), header.value()))
    }

    /// Where the record stands, or why it does not.
    pub fn result(&self) -> Result<&'a RecordMetadata, &'a Error> {
        self.result
    }
}

impl fmt::Debug for Acknowledgement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledgement")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("headers", &self.headers)
            .field("result", &self.result)
            .finish()
    }
}

/// The interceptors of a configuration. Equal to its clones, and to those with the very same interceptors.
#[derive(Clone, Default)]
pub(crate) struct Interceptors(Vec<Arc<dyn Interceptor>>);

impl Interceptors {
    pub(crate) fn push(&mut self, interceptor: impl Interceptor + 'static) {
        self.0.push(Arc::new(interceptor));
    }

    /// What a running producer asks; `None` where there is nobody to ask.
    pub(crate) fn chain(&self) -> Option<Arc<Chain>> {
        let chain = Chain { interceptors: self.0.clone(), closed: AtomicBool::new(false) };
        (!self.0.is_empty()).then(|| Arc::new(chain))
    }
}

impl PartialEq for Interceptors {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interceptors({})", self.0.len())
    }
}

/// The interceptors of one producer. Everybody who will tell them of a record holds it.
pub(crate) struct Chain {
    interceptors: Vec<Arc<dyn Interceptor>>,
    closed: AtomicBool,
}

impl Chain {
    /// Shows a record to all of them, and does `then` with what they have made of it.
    pub(crate) fn send(
        &self,
        record: &ProducerRecord<'_>,
        then: &mut dyn FnMut(&ProducerRecord<'_>),
    ) {
        show(&self.interceptors, record, then);
    }

    /// Sees to it that they hear of a record that was sent, or could not be.
    pub(crate) fn watch(
        self: &Arc<Self>,
        record: &ProducerRecord<'_>,
        sent: &Result<Delivery, Error>,
    ) {
        match sent {
            Ok(delivery) => {
                let headers: Box<[Header<'static>]> =
                    record.header_slice().iter().cloned().map(Header::into_owned).collect();
                let (delivery, chain) = (delivery.clone(), self.clone());
                delivery.call_back(move |result| chain.tell_result(&headers, &result));
            }
            Err(error) => self.tell(&Acknowledgement {
                topic: record.topic(),
                partition: record.requested_partition(),
                headers: record.header_slice(),
                result: Err(error),
            }),
        }
    }

    fn tell_result(&self, headers: &[Header<'_>], result: &Result<RecordMetadata, Error>) {
        let (topic, partition) = match result {
            Ok(metadata) => (metadata.topic(), Some(metadata.partition())),
            Err(error) => (error.topic().unwrap_or_default(), error.partition()),
        };
        self.tell(&Acknowledgement { topic, partition, headers, result: result.as_ref() });
    }

    fn tell(&self, acknowledgement: &Acknowledgement<'_>) {
        for interceptor in &self.interceptors {
            caught(|| interceptor.on_acknowledgement(acknowledgement));
        }
    }

    /// Whether they were told of the producer's end: nothing more concerns them.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            for interceptor in &self.interceptors {
                caught(|| interceptor.close());
            }
        }
    }
}

/// Nobody will tell them of a record any more.
impl Drop for Chain {
    fn drop(&mut self) {
        self.close();
    }
}

/// Each gets the record by value, and what it had is still there if it panics.
fn show(
    interceptors: &[Arc<dyn Interceptor>],
    record: &ProducerRecord<'_>,
    then: &mut dyn FnMut(&ProducerRecord<'_>),
) {
    match interceptors {
        [] => then(record),
        [first, rest @ ..] => match caught(|| first.on_send(record.reborrow())) {
            Some(changed) => show(rest, &changed, then),
            None => show(rest, record, then),
        },
    }
}

/// An interceptor is the user's code: a panic in it must not end a send, or the driver.
fn caught<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}
