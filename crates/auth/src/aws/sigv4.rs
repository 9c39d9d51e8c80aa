//! AWS Signature Version 4 in header fields, for the one kind of request that needs it here: a form posted to the Security Token Service.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use rohrpost_sasl::{AwsCredentials, Secret};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::time;

/// What is signed besides the key.
pub(super) struct Post<'a> {
    pub(super) host: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) body: &'a [u8],
    pub(super) seconds_since_1970: u64,
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The header fields to add: `x-amz-date`, `x-amz-security-token` for a session, `authorization`.
pub(super) fn headers(
    post: &Post<'_>,
    credentials: &AwsCredentials,
) -> Vec<(&'static str, Secret)> {
    let date = time::basic(post.seconds_since_1970);
    let day = &date[..8];
    let token = credentials.session_token.as_ref().and_then(Secret::expose_str);
    let mut signed = "content-type;host;x-amz-date".to_owned();
    let mut canonical = Zeroizing::new(format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{}\nx-amz-date:{date}\n",
        post.host
    ));
    if let Some(token) = token {
        signed.push_str(";x-amz-security-token");
        canonical.push_str("x-amz-security-token:");
        canonical.push_str(token);
        canonical.push('\n');
    }
    canonical.push_str(&format!("\n{signed}\n{}", hex(&Sha256::digest(post.body))));
    let scope = format!("{day}/{}/{}/aws4_request", post.region, post.service);
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");

    let secret = credentials.secret_access_key.expose();
    let first = Zeroizing::new([b"AWS4", secret].concat());
    let key = [post.region, post.service, "aws4_request"]
        .iter()
        .fold(keyed(&first, day), |key, part| keyed(&*key, part));
    let signature = hex(&*keyed(&*key, &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
        credentials.access_key_id
    );
    let mut headers =
        vec![("x-amz-date", Secret::from(date)), ("authorization", authorization.into())];
    headers.extend(token.map(|token| ("x-amz-security-token", Secret::from(token))));
    headers
}

fn keyed(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    Zeroizing::new(mac.chain_update(text).finalize().into_bytes().into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS' own test suite for the version: `post-x-www-form-urlencoded`.
    #[test]
    fn the_vector_of_aws_is_met() {
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let post = Post {
            host: "example.amazonaws.com",
            region: "us-east-1",
            service: "service",
            body: b"Param1=value1",
            seconds_since_1970: 1_440_938_160,
        };
        let headers = headers(&post, &credentials);
        assert_eq!(headers[0].1.expose_str(), Some("20150830T123600Z"));
        assert_eq!(
            headers[1].1.expose_str(),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
    }
}
