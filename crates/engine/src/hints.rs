//! The leaders that a broker names beside its refusals (KIP-951).

use alloc::vec::Vec;

use rohrpost_cluster::{Broker, HostPort, NodeId};
use rohrpost_codec::ByteStr;
use rohrpost_codec::messages::ProduceResponse;
use rohrpost_codec::messages::produce_response::NodeEndpoint;

use crate::ids::TopicIndex;
use crate::request::ProduceInFlight;

/// Who leads a partition, says a broker that does not.
#[derive(Debug)]
pub(crate) struct Hint {
    pub(crate) topic: TopicIndex,
    pub(crate) number: i32,
    pub(crate) leader: NodeId,
    pub(crate) epoch: i32,
    pub(crate) endpoint: Option<Broker>,
}

/// The hints of an answer that concern topics of its request. Whether they are news is the cluster's to say.
pub(crate) fn hints<'n>(
    request: &ProduceInFlight,
    answer: &ProduceResponse,
    name_of: impl Fn(TopicIndex) -> &'n ByteStr,
) -> Vec<Hint> {
    let mut hints = Vec::new();
    for topic in &answer.responses {
        for reply in &topic.partition_responses {
            let leader = &reply.current_leader;
            if leader.leader_id < 0 || leader.leader_epoch < 0 {
                continue;
            }
            let Some(place) = request.place_of(topic, &name_of) else { continue };
            let endpoint = answer.node_endpoints.iter().find(|of| of.node_id == leader.leader_id);
            hints.push(Hint {
                topic: request.topics[place].topic,
                number: reply.index,
                leader: NodeId(leader.leader_id),
                epoch: leader.leader_epoch,
                endpoint: endpoint.and_then(broker),
            });
        }
    }
    hints
}

fn broker(endpoint: &NodeEndpoint) -> Option<Broker> {
    let port = u16::try_from(endpoint.port).ok()?;
    Some(Broker {
        id: NodeId(endpoint.node_id),
        address: HostPort::new(&*endpoint.host, port),
        rack: endpoint.rack.clone(),
    })
}
