//! Sends that wait for a topic's metadata.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use rohrpost_cluster::{AuthenticationError, Time};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::engine::Engine;
use crate::error::{AdmissionError, BrokerAt};
use crate::ids::{TopicIndex, WaiterId};
use crate::io::Output;

/// Who waits for what, until when.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    list: BTreeMap<WaiterId, Waiter>,
    by_topic: BTreeSet<(ByteStr, WaiterId)>,
    deadlines: BTreeSet<(Time, WaiterId)>,
}

#[derive(Debug)]
struct Waiter {
    topic: ByteStr,
    partition: Option<i32>,
    deadline: Time,
}

impl Waiters {
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    pub(crate) fn cancel(&mut self, waiter: WaiterId) {
        self.take(waiter);
    }

    fn add(&mut self, id: WaiterId, waiter: Waiter) {
        self.take(id);
        self.by_topic.insert((waiter.topic.clone(), id));
        self.deadlines.insert((waiter.deadline, id));
        self.list.insert(id, waiter);
    }

    fn take(&mut self, id: WaiterId) -> Option<Waiter> {
        let waiter = self.list.remove(&id)?;
        self.by_topic.remove(&(waiter.topic.clone(), id));
        self.deadlines.remove(&(waiter.deadline, id));
        Some(waiter)
    }

    fn for_topic(&self, topic: &ByteStr) -> Vec<WaiterId> {
        let from = (topic.clone(), WaiterId(0));
        let of_topic = self.by_topic.range(from..).take_while(|(name, _)| name == topic);
        of_topic.map(|&(_, id)| id).collect()
    }

    /// Every topic that somebody waits for, once.
    fn topics(&self) -> Vec<ByteStr> {
        let mut topics: Vec<ByteStr> = Vec::new();
        for (name, _) in &self.by_topic {
            if topics.last() != Some(name) {
                topics.push(name.clone());
            }
        }
        topics
    }
}

impl Engine {
    pub(crate) fn await_topic(
        &mut self,
        now: Time,
        id: WaiterId,
        topic: &ByteStr,
        partition: Option<i32>,
        deadline: Time,
    ) {
        if !self.lifecycle.is_running() {
            let result = Err(AdmissionError::Closed);
            self.outputs.push_back(Output::Awaited { waiter: id, result });
            return;
        }
        self.cluster.want_topic(now, topic);
        self.name_topic(now, topic);
        self.waiters.add(id, Waiter { topic: topic.clone(), partition, deadline });
        // Not all who wait for the topic: there may be thousands, and nothing is new for them.
        self.serve_waiter(id);
        if self.waiters.list.contains_key(&id) && !self.cluster.is_new_topic(topic) {
            self.cluster.request_update(now);
        }
    }

    /// Answers those who wait for a topic and can be answered now.
    pub(crate) fn serve_waiters(&mut self, topic: &ByteStr) {
        for id in self.waiters.for_topic(topic) {
            self.serve_waiter(id);
        }
    }

    fn serve_waiter(&mut self, id: WaiterId) {
        let Some(Waiter { topic, partition, .. }) = self.waiters.list.get(&id) else { return };
        let result = match self.admission(topic, *partition) {
            Ok(Some(topic)) => Ok(topic),
            Ok(None) => return,
            Err(code) => Err(AdmissionError::Refused { topic: topic.clone(), code }),
        };
        self.waiters.take(id);
        self.outputs.push_back(Output::Awaited { waiter: id, result });
    }

    /// The metadata changed: whoever can be answered is, and for the others it is asked again.
    pub(crate) fn serve_all_waiters(&mut self, now: Time) {
        for topic in self.waiters.topics() {
            self.name_topic(now, &topic);
            self.serve_waiters(&topic);
        }
        let mut is_stale = false;
        for topic in self.waiters.topics() {
            self.cluster.want_topic(now, &topic);
            is_stale |= !self.cluster.is_new_topic(&topic);
        }
        if is_stale {
            self.cluster.request_update(now);
        }
    }

    pub(crate) fn expire_waiters(&mut self, now: Time) {
        let mut unreached: Option<Arc<Vec<String>>> = None;
        while let Some(&(deadline, id)) = self.waiters.deadlines.first() {
            if deadline > now {
                break;
            }
            // Told once for all of them: there may be thousands.
            let unreached = unreached.get_or_insert_with(|| {
                Arc::new(self.cluster.unreached().iter().map(ToString::to_string).collect())
            });
            let unreached = unreached.clone();
            let Some(Waiter { topic, partition, .. }) = self.waiters.take(id) else { break };
            let known = self.topics.find(&topic).map(|index| self.topics.get(index));
            let partitions = known
                .map(|known| known.partitions.len())
                .filter(|&count| count > 0)
                .and_then(|count| i32::try_from(count).ok());
            let topic_error = self.topic_error(&topic);
            let trouble =
                self.cluster.troubles().first().map(|trouble| trouble.to_string().into_boxed_str());
            let broker = self.broker_in_trouble();
            let error = AdmissionError::TimedOut {
                topic,
                partition,
                partitions,
                topic_error,
                trouble,
                broker,
                unreached,
            };
            self.outputs.push_back(Output::Awaited { waiter: id, result: Err(error) });
        }
    }

    /// No broker takes this client for who it says it is: nobody need wait for metadata.
    pub(crate) fn turn_away(&mut self, error: &AuthenticationError, broker: &BrokerAt) {
        while let Some((&id, _)) = self.waiters.list.first_key_value() {
            let Some(Waiter { topic, .. }) = self.waiters.take(id) else { break };
            let (error, broker) = (Box::new(error.clone()), Some(broker.clone()));
            let result = Err(AdmissionError::Authentication { topic, error, broker });
            self.outputs.push_back(Output::Awaited { waiter: id, result });
        }
    }

    pub(crate) fn refuse_waiters(&mut self) {
        while let Some((&id, _)) = self.waiters.list.first_key_value() {
            self.waiters.take(id);
            let result = Err(AdmissionError::Closed);
            self.outputs.push_back(Output::Awaited { waiter: id, result });
        }
    }

    /// The topic if it can take the record now, nothing if that may come, or the cluster's refusal.
    fn admission(
        &self,
        topic: &ByteStr,
        partition: Option<i32>,
    ) -> Result<Option<TopicIndex>, ErrorCode> {
        match self.topic_error(topic) {
            Some(
                code @ (ErrorCode::TOPIC_AUTHORIZATION_FAILED
                | ErrorCode::INVALID_TOPIC_EXCEPTION
                | ErrorCode::CLUSTER_AUTHORIZATION_FAILED),
            ) => return Err(code),
            Some(code) if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => return Ok(None),
            _ => {}
        }
        let Some(index) = self.topics.find(topic) else { return Ok(None) };
        let count = self.topics.get(index).partitions.len();
        let wanted = partition.map_or(Some(0), |partition| usize::try_from(partition).ok());
        Ok(wanted.filter(|&wanted| wanted < count).map(|_| index))
    }
}
