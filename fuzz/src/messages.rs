//! Every message, requests and responses and what is kept in logs, in every version.

use rohrpost_codec::{Bytes, Message, messages as all};

use crate::any::decoded;
use crate::within_limits;

/// The list of messages that the codec's tests go by: of what else is there, nothing is needed here.
#[path = "../../crates/codec/src/tests/samples.rs"]
#[allow(unused, reason = "only the list is")]
mod samples;

macro_rules! targets {
    ($($(#[$cfg:meta])* $module:ident $name:ident,)*) => {
        &[$(comes_back::<all::$name>),*]
    };
}

/// One for each message, in the order of their names.
const TARGETS: &[fn(&Bytes, i16)] = samples::with_every_message!(targets);

/// A byte for the message, one for the version, and the message's bytes. What decodes encodes, and
/// comes back.
pub fn messages(data: &[u8]) {
    let Some((&[message, version], bytes)) = data.split_first_chunk() else { return };
    let target = TARGETS[usize::from(message) % TARGETS.len()];
    target(&Bytes::copy_from_slice(bytes), i16::from(version % 32));
}

/// What decodes encodes in as many bytes as its size says, and comes back.
pub(crate) fn comes_back<M: Message>(bytes: &Bytes, version: i16) {
    let decode = |bytes: &Bytes| within_limits(bytes.len(), || M::from_bytes(bytes, version));
    let Some(message) = decoded(bytes, decode(bytes)) else { return };
    let encoded = message.to_bytes(version).expect("what was decoded");
    assert_eq!(message.size(version), Ok(encoded.len()));
    let again = decode(&encoded).expect("what was encoded");
    // Not the values: a number that is none equals nothing.
    assert_eq!(again.to_bytes(version), Ok(encoded));
}
