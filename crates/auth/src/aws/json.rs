//! Credentials as the metadata services of machines and containers write them.

use std::fmt::Display;

use rohrpost_sasl::{AwsCredentials, Secret};
use serde::Deserialize;

use super::{AwsSession, time};
use crate::CredentialsError;

/// Reads them; `from` tells errors where they came from.
pub(super) fn session(json: &[u8], from: &dyn Display) -> Result<AwsSession, CredentialsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        access_key_id: Option<String>,
        secret_access_key: Option<String>,
        token: Option<String>,
        expiration: Option<String>,
        /// An instance's, where it is not `Success`.
        code: Option<String>,
    }
    let strange = |what: &str| {
        CredentialsError::passing(format!("{from} does not answer with credentials: {what}"))
    };
    // The error of the JSON is left out, since it may quote the answer.
    let answer: Answer = serde_json::from_slice(json)
        .map_err(|_| strange("it is not the JSON that it should be"))?;
    let secret = answer.secret_access_key.map(Secret::from);
    let token = answer.token.filter(|token| !token.is_empty()).map(Secret::from);
    if let Some(code) = answer.code.filter(|code| code != "Success") {
        return Err(strange(&format!("its code is {:?}", crate::text::quoted(&code, &[]))));
    }
    let (Some(access_key_id), Some(secret_access_key)) = (answer.access_key_id, secret) else {
        return Err(strange("the access key or its secret is missing"));
    };
    let expires_at = match answer.expiration {
        None => None,
        Some(text) => Some(time::parse(&text).ok_or_else(|| strange("Expiration is not a date"))?),
    };
    let credentials = AwsCredentials { access_key_id, secret_access_key, session_token: token };
    Ok(AwsSession { credentials, expires_at })
}
