//! What records say of their schemas.

use rohrpost_schema_registry::{Guid, Identity};

use crate::within_limits;

/// The input as a record's bytes, as its header, and as text.
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
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Guid>() {
        Ok(guid) => assert_eq!(guid.to_string(), text.to_lowercase()),
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
}
