//! Unsecured JSON Web Signatures (RFC 7515, appendix A.5), with the checks of Kafka's `OAuthBearerUnsecuredValidatorCallbackHandler`.

use serde_json::{Map, Value};

use super::base64;
use super::tokens::{BearerToken, TokenOwner, TokenRefusal};

/// Takes a token that is unsecured, names somebody, and is of now; and has all of the scope that is asked for.
pub(super) fn validate(
    token: &BearerToken<'_>,
    required_scope: &[String],
) -> Result<TokenOwner, TokenRefusal> {
    let owner = read(token).ok_or_else(TokenRefusal::invalid)?;
    let claims = claims(token.value).unwrap_or_default();
    let has = |scope: &String| match claims.get("scope") {
        Some(Value::String(text)) => text.split(' ').any(|part| part == scope),
        Some(Value::Array(list)) => list.iter().any(|part| part.as_str() == Some(scope)),
        _ => false,
    };
    if !required_scope.iter().all(has) {
        let all = format!("[{}]", required_scope.join(", "));
        return Err(TokenRefusal::new("insufficient_scope").scope(all));
    }
    Ok(owner)
}

fn read(token: &BearerToken<'_>) -> Option<TokenOwner> {
    let mut parts = token.value.split('.');
    let header = object(parts.next()?)?;
    let claims = object(parts.next()?)?;
    let is_unsecured = parts.next() == Some("") && parts.next().is_none();
    if !is_unsecured || header.get("alg")?.as_str() != Some("none") {
        return None;
    }
    let principal = claims.get("sub")?.as_str().filter(|name| !name.trim().is_empty())?;
    let expires = claims.get("exp")?.as_f64()?;
    let issued = match claims.get("iat") {
        Some(issued) => Some(issued.as_f64()?),
        None => None,
    };
    let now = token.now_ms as f64 / 1000.0;
    let is_now = expires > now && issued.is_none_or(|at| at <= now && at < expires);
    let owner = TokenOwner::new(principal).expires_ms((expires * 1000.0).round() as i64);
    is_now.then_some(owner)
}

fn claims(token: &str) -> Option<Map<String, Value>> {
    object(token.split('.').nth(1)?)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&base64::decode_url(part)?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}
