//! What records say of their schemas.

use std::sync::LazyLock;

use rohrpost_schema_registry::{Guid, Identity, ProtobufDeserializer, SchemaRegistry};

use crate::within_limits;

/// Asks nobody: what is read by a type of one's own needs no schema.
static PROTOBUF: LazyLock<ProtobufDeserializer> = LazyLock::new(|| {
    let registry = SchemaRegistry::new("http://localhost").expect("an address");
    ProtobufDeserializer::new(&registry)
});

/// The input as a record's bytes, as its header, and as text; message indexes of Protocol Buffers are in the first two.
pub fn schema_framing(data: &[u8]) {
    within_limits(data.len(), || match Identity::read(data) {
        Ok((identity, rest)) => {
            let mut written = Vec::new();
            identity.write(&mut written);
            written.extend_from_slice(rest);
            assert_eq!(written, data, "what is read comes back");
            assert_eq!(Identity::find(None, data).map(|found| found.payload), Ok(rest));
            let found = Identity::find(Some(data), data).expect("it was read before");
            assert_eq!((found.identity, found.header_rest), (identity, Some(rest)));
            assert_eq!(found.payload, data, "a header leaves the bytes alone");
        }
        Err(error) => {
            assert_eq!(Identity::find(None, data), Err(error.clone()));
            assert!(!error.to_string().chars().any(char::is_control), "{error}");
        }
    });
    let protobuf = &*PROTOBUF;
    within_limits(data.len(), || {
        for (header, bytes) in [(None, data), (Some(data), data), (Some(data), &[][..])] {
            if let Err(error) = protobuf.deserialize::<()>(header, bytes) {
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
            }
        }
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Guid>() {
        Ok(guid) => assert_eq!(guid.to_string(), text.to_lowercase()),
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
}
