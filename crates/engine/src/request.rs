//! Produce requests under way, and how their answers find back to the batches.
//!
//! An answer is matched by what the request said, not by what is known now: a topic may have got a new id while the request was
//! out (Produce v13 names topics by id alone).

use alloc::vec::Vec;

use rohrpost_cluster::{NodeId, RequestError};
use rohrpost_codec::messages::ProduceResponse;
use rohrpost_codec::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use rohrpost_codec::{ByteStr, Uuid};

use crate::error::AttemptFailure;
use crate::ids::{PartitionIndex, TopicIndex};
use crate::window::Key;

/// A Produce request that waits for its answer (with acks=0: for its last byte to be written).
#[derive(Debug)]
pub(crate) struct ProduceInFlight {
    pub(crate) node: NodeId,
    pub(crate) topics: Vec<RequestTopic>,
    /// Sorted by topic (its place in `topics`) and number.
    pub(crate) parts: Vec<Part>,
}

/// A topic as the request named it.
#[derive(Debug)]
pub(crate) struct RequestTopic {
    pub(crate) topic: TopicIndex,
    pub(crate) id: Uuid,
}

/// One partition's batch in the request.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its topic's place in the request.
    pub(crate) topic: usize,
    pub(crate) number: i32,
    pub(crate) partition: PartitionIndex,
    pub(crate) key: Key,
    /// Its place in the line that the request was made from.
    pub(crate) turn: usize,
}

impl ProduceInFlight {
    /// The places of the parts, whoever was first in line first: so they get in line again, and take turns.
    pub(crate) fn turns(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.parts.len()).collect();
        places.sort_unstable_by_key(|&place| self.parts[place].turn);
        places
    }
}

/// What an answer says about one part.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The answer does not mention it.
    Missing,
    /// The answer mentions it more than once.
    Contradictory,
    One(PartitionProduceResponse),
}

impl ProduceInFlight {
    /// A topic's place in the request: by its id where the answer has ids, else by name.
    pub(crate) fn place_of<'n>(
        &self,
        topic: &TopicProduceResponse,
        name_of: &impl Fn(TopicIndex) -> &'n ByteStr,
    ) -> Option<usize> {
        self.topics.iter().position(|of| {
            if topic.topic_id.is_nil() {
                *name_of(of.topic) == topic.name
            } else {
                of.id == topic.topic_id
            }
        })
    }

    /// Sorts an answer's partitions to the request's parts: one reply a part, and the number of partitions that were not asked about.
    pub(crate) fn sort<'n>(
        &self,
        answer: ProduceResponse,
        name_of: impl Fn(TopicIndex) -> &'n ByteStr,
    ) -> (Vec<Reply>, usize) {
        let mut replies: Vec<Reply> = Vec::new();
        replies.resize_with(self.parts.len(), || Reply::Missing);
        let mut strangers = 0;
        for topic in answer.responses {
            let place = self.place_of(&topic, &name_of);
            for reply in topic.partition_responses {
                let part = place.and_then(|place| {
                    let wanted = (place, reply.index);
                    self.parts.binary_search_by_key(&wanted, |part| (part.topic, part.number)).ok()
                });
                let Some(part) = part else {
                    strangers += 1;
                    continue;
                };
                let slot = &mut replies[part];
                *slot = match slot {
                    Reply::Missing => Reply::One(reply),
                    _ => Reply::Contradictory,
                };
            }
        }
        (replies, strangers)
    }
}

/// The engine's word for how a request failed.
pub(crate) fn failure_of(error: RequestError) -> AttemptFailure {
    match error {
        RequestError::TimedOut => AttemptFailure::TimedOut,
        _ => AttemptFailure::Disconnected,
    }
}
