//! What the senders know of the topics, and the lanes that they append to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwap, Guard};
use rohrpost_engine::{PartitionAppender, PartitionIndex};

use crate::chooser::Chooser;
use crate::completion::Completion;

type Map = HashMap<Arc<str>, Arc<Topic>, foldhash::fast::FixedState>;

/// The topics by name. Read by every send without a lock; written by the driver alone.
pub(crate) struct Topics {
    map: ArcSwap<Map>,
}

/// A topic's partitions, as one snapshot. The lanes and the chooser live on in the next one.
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    /// By partition number: 0, 1, …
    pub(crate) partitions: Vec<Partition>,
    pub(crate) chooser: Arc<Chooser>,
}

pub(crate) struct Partition {
    pub(crate) lane: Arc<Lane>,
    pub(crate) leader: Option<i32>,
}

/// A partition's way in.
pub(crate) struct Lane {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) index: PartitionIndex,
    pub(crate) chooser: Arc<Chooser>,
    pub(crate) open: Mutex<Open>,
}

/// A partition's open batch and its completion.
pub(crate) struct Open {
    pub(crate) appender: PartitionAppender,
    /// There is one while a batch is open.
    pub(crate) completion: Option<Arc<Completion>>,
    /// The driver is gone: nothing is taken any more.
    pub(crate) closed: bool,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self { map: ArcSwap::from_pointee(Map::default()) }
    }

    /// The present snapshot.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Map>> {
        self.map.load()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.map.load().get(name).cloned()
    }

    /// Puts a topic's new state in.
    pub(crate) fn update(&self, topic: Arc<Topic>) {
        let mut map = Map::clone(&self.map.load());
        map.insert(topic.name.clone(), topic);
        self.map.store(Arc::new(map));
    }
}

impl Topic {
    /// The partition of this number.
    #[inline]
    pub(crate) fn partition(&self, number: i32) -> Option<&Partition> {
        usize::try_from(number).ok().and_then(|number| self.partitions.get(number))
    }
}
