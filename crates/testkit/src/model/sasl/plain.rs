//! The server's side of PLAIN (RFC 4616), with the words of Kafka's `PlainSaslServer`.

use super::Sasl;
use super::login::{Outcome, Refusal};

/// Reads `[authorization id] NUL name NUL password`, and looks the user up.
pub(super) fn evaluate(sasl: &Sasl, token: &[u8]) -> Result<Outcome, Refusal> {
    let text = String::from_utf8_lossy(token);
    let parts: Vec<&str> = text.splitn(4, '\0').collect();
    let &[authorization_id, name, password] = parts.as_slice() else {
        let message = format!(
            "Invalid SASL/PLAIN response: expected 3 tokens, got {count}",
            count = parts.len()
        );
        return Err(Refusal::saying(message));
    };
    if name.is_empty() {
        return Err(Refusal::saying("Authentication failed: username not specified"));
    }
    if password.is_empty() {
        return Err(Refusal::saying("Authentication failed: password not specified"));
    }
    let user = sasl.users.get(name).filter(|user| user.owner.is_none());
    if user.is_none_or(|user| user.password != password) {
        return Err(Refusal::saying("Authentication failed: Invalid username or password"));
    }
    if !authorization_id.is_empty() && authorization_id != name {
        return Err(Refusal::other_id());
    }
    Ok(Outcome::Accepted { answer: Vec::new(), principal: name.into(), expires_ms: None })
}
