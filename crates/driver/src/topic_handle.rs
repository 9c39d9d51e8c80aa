//! A topic that was looked up once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::shared::Shared;
use crate::topics::Topic;

/// A topic by name, and the producer's entry for it once it was found: what is sent to it is not looked up again. Any producer takes it; only the one that it is of
/// finds its way faster.
#[derive(Clone)]
pub struct TopicHandle {
    inner: Arc<Inner>,
}

struct Inner {
    name: Arc<str>,
    /// Of which producer.
    producer: u64,
    topic: OnceLock<Arc<Topic>>,
}

impl TopicHandle {
    pub(crate) fn new(name: &str, producer: u64) -> Self {
        let inner = Inner { name: name.into(), producer, topic: OnceLock::new() };
        Self { inner: Arc::new(inner) }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The topic, if it is known.
    #[inline]
    pub(crate) fn find<'a>(&'a self, shared: &'a Shared) -> Option<&'a Topic> {
        match self.inner.topic.get() {
            Some(topic) if self.inner.producer == shared.id => Some(topic),
            _ => self.look_up(shared),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up<'a>(&'a self, shared: &'a Shared) -> Option<&'a Topic> {
        let topic = shared.topics.get(&self.inner.name)?;
        if self.inner.producer == shared.id {
            // Topics stay what they are once they are known.
            let _ = self.inner.topic.set(topic.clone());
        }
        Some(topic)
    }
}

impl fmt::Debug for TopicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicHandle").field(&self.inner.name).finish()
    }
}
