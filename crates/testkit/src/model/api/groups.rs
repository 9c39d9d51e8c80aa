//! The offsets of groups: OffsetCommit, TxnOffsetCommit and OffsetFetch.

mod commit;
mod fetch;

use rohrpost_codec::{ByteStr, ErrorCode, Uuid};

use crate::model::request::Call;
use crate::model::{Model, Permission};

/// The longest metadata beside an offset (`offset.metadata.max.bytes`).
const MAX_METADATA: usize = 4096;

impl Model {
    /// The name of a topic that offsets are about, if the client may read it and it is there.
    fn topic_of_offsets(
        &self,
        call: &Call,
        name: &ByteStr,
        id: Option<Uuid>,
    ) -> Result<String, ErrorCode> {
        let seen = self.seen_by(call.broker);
        let name = match id {
            None => name.as_str(),
            Some(id) => seen.name_of(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?,
        };
        if self.is_denied(call.session, &Permission::ReadTopic(name.into())) {
            return Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        }
        match seen.topics.contains_key(name) {
            true => Ok(name.into()),
            false => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        }
    }

    fn has_partition(&self, call: &Call, topic: &str, index: i32) -> bool {
        let known = self.seen_by(call.broker).topics.get(topic);
        let count = known.map_or(0, |topic| topic.partitions.len());
        usize::try_from(index).is_ok_and(|index| index < count)
    }
}
