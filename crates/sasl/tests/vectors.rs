//! What other implementations calculate: see `vectors/make_vectors.py`.

use core::time::Duration;

use rohrpost_sasl::{
    AwsCredentials, Bytes, ClientNonce, MskIam, SaslClient, Scram, ScramHash, Secret, Step,
};
use serde_json::{Value, json};

/// The rows of a file, without comments.
fn rows<const N: usize>(text: &'static str) -> Vec<[&'static str; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let fields = |line: &'static str| line.split('\t').collect::<Vec<_>>();
    lines.map(|line| fields(line).try_into().expect("so many fields")).collect()
}

fn sent(step: Result<Step, rohrpost_sasl::SaslError>) -> Bytes {
    let Ok(Step::Send(bytes)) = step else { unreachable!("{step:?}") };
    bytes
}

#[test]
fn aws_requests_are_signed_as_botocore_signs_them() {
    let rows = rows::<10>(include_str!("vectors/msk_iam.txt"));
    assert_eq!(rows.len(), 6);
    for [key_id, secret, token, host, region, seconds, date, credential, expires, signature] in rows
    {
        let token = (token != "-").then_some(token);
        let credentials = AwsCredentials {
            access_key_id: key_id.into(),
            secret_access_key: secret.into(),
            session_token: token.map(Secret::from),
        };
        let now = Duration::from_secs(seconds.parse().unwrap());
        let mut client = MskIam::new(&credentials, host, region, "test/1 (a \"b\")", now).unwrap();
        let payload: Value = serde_json::from_slice(&sent(client.step(None))).unwrap();
        let mut expected = json!({
            "version": "2020_10_22",
            "host": host.to_lowercase(),
            "user-agent": "test/1 (a \"b\")",
            "action": "kafka-cluster:Connect",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": credential,
            "x-amz-date": date,
            "x-amz-signedheaders": "host",
            "x-amz-expires": expires,
            "x-amz-signature": signature,
        });
        if let Some(token) = token {
            expected["x-amz-security-token"] = token.into();
        }
        assert_eq!(payload, expected, "{host}");
    }
}

#[test]
fn scram_exchanges_are_as_python_calculates_them() {
    let rows = rows::<8>(include_str!("vectors/scram.txt"));
    assert_eq!(rows.len(), 6);
    for [hash, user, password, nonce, first, server_first, last, server_last] in rows {
        let hash = if hash == "sha256" { ScramHash::Sha256 } else { ScramHash::Sha512 };
        let nonce = ClientNonce::from_text(nonce).unwrap();
        let mut scram = Scram::new(hash, user, password, nonce).unwrap();
        assert_eq!(sent(scram.step(None)), first);
        assert_eq!(sent(scram.step(Some(server_first.as_bytes()))), last, "{user}");
        assert_eq!(scram.step(Some(server_last.as_bytes())), Ok(Step::Complete), "{user}");
    }
}
