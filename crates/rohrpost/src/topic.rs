//! The topic of a record: its name, or a [`TopicHandle`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rohrpost_driver as driver;

/// A topic that is looked up once instead of for every record: from [`Producer::topic`](crate::Producer::topic).
///
/// Cheap to clone. It can be had before the topic exists. Records with the handle of another producer are sent all the same, no faster than by name.
///
/// ```
/// # async fn run(producer: rohrpost::Producer, lines: Vec<String>) -> Result<(), rohrpost::Error> {
/// use rohrpost::{Deliveries, ProducerRecord};
///
/// let topic = producer.topic("lines");
/// let mut deliveries = Deliveries::new();
/// for line in &lines {
///     producer.send_into(&mut deliveries, &ProducerRecord::new(&topic).value(line)).await?;
/// }
/// # Ok(()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     let cluster = rohrpost_testkit::Cluster::builder().auto_create_topics(true).start().await?;
/// #     let producer = rohrpost::Producer::builder().bootstrap_servers(cluster.bootstrap_servers()).build().await?;
/// #     Ok(run(producer, vec!["one".to_owned(), "two".to_owned()]).await?)
/// # }
/// ```
#[derive(Clone)]
pub struct TopicHandle {
    pub(crate) inner: driver::TopicHandle,
}

impl TopicHandle {
    /// The topic's name.
    pub fn name(&self) -> &str {
        self.inner.name()
    }
}

impl fmt::Debug for TopicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicHandle").field(&self.name()).finish()
    }
}

/// A topic, as [`IntoTopic`] gives it.
#[derive(Clone, Debug)]
pub enum TopicName<'a> {
    /// A name, borrowed.
    Borrowed(&'a str),
    /// A name, owned.
    Owned(String),
    /// A topic that was looked up before.
    Handle(&'a TopicHandle),
}

/// What can be a record's topic: its name, or a [`TopicHandle`], which is lent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a topic",
    label = "neither a name nor a `&TopicHandle`",
    note = "a handle is lent: `ProducerRecord::new(&topic)`; what holds a name gives a `&str` of it"
)]
pub trait IntoTopic<'a> {
    /// The topic.
    fn into_topic(self) -> TopicName<'a>;
}

macro_rules! into_topic {
    ($($type:ty => $value:ident, $topic:expr;)*) => {
        $(impl<'a> IntoTopic<'a> for $type {
            #[inline]
            fn into_topic(self) -> TopicName<'a> {
                let $value = self;
                $topic
            }
        })*
    };
}

into_topic! {
    TopicName<'a> => topic, topic;
    &'a TopicHandle => handle, TopicName::Handle(handle);
    &'a str => name, TopicName::Borrowed(name);
    &'a &str => name, TopicName::Borrowed(name);
    &'a String => name, TopicName::Borrowed(name);
    &'a Arc<str> => name, TopicName::Borrowed(name);
    String => name, TopicName::Owned(name);
}

impl<'a> IntoTopic<'a> for Cow<'a, str> {
    #[inline]
    fn into_topic(self) -> TopicName<'a> {
        match self {
            Cow::Borrowed(name) => TopicName::Borrowed(name),
            Cow::Owned(name) => TopicName::Owned(name),
        }
    }
}
