//! The client's side of the mechanisms.

use std::error::Error;
use std::io;

use hmac::{Hmac, KeyInit, Mac};
use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use rohrpost_testkit::Bytes;
use sha2::{Digest, Sha256, Sha512};

use crate::client::Client;

pub(crate) const NONCE: &str = "clientclientclient";

/// Names a mechanism, and gives the code of the answer and the mechanisms in it.
pub(crate) async fn shake_hands(
    client: &mut Client,
    mechanism: &str,
) -> io::Result<(ErrorCode, Vec<String>)> {
    let request =
        SaslHandshakeRequest { mechanism: mechanism.to_owned().into(), ..Default::default() };
    let answer = client.call(&request, 1).await?;
    Ok((answer.error_code, answer.mechanisms.iter().map(ToString::to_string).collect()))
}

pub(crate) async fn send_token(
    client: &mut Client,
    token: impl Into<Vec<u8>>,
) -> io::Result<SaslAuthenticateResponse> {
    let auth_bytes = Bytes::from(token.into());
    client.call(&SaslAuthenticateRequest { auth_bytes, ..Default::default() }, 2).await
}

/// Comes in with PLAIN, from the mechanism's name on.
pub(crate) async fn plain(
    client: &mut Client,
    user: &str,
    password: &str,
) -> io::Result<SaslAuthenticateResponse> {
    shake_hands(client, "PLAIN").await?;
    send_token(client, format!("\0{user}\0{password}")).await
}

/// Comes in with SCRAM, from the mechanism's name on, and gives the server's last answer and the signature that it should have.
pub(crate) async fn scram(
    client: &mut Client,
    mechanism: &str,
    user: &str,
    password: &str,
    extensions: &str,
) -> Result<(SaslAuthenticateResponse, String), Box<dyn Error>> {
    shake_hands(client, mechanism).await?;
    let bare = format!("n={user},r={NONCE}{extensions}");
    let first = send_token(client, format!("n,,{bare}")).await?;
    if first.error_code != ErrorCode::NONE {
        return Ok((first, String::new()));
    }
    let challenge = String::from_utf8(first.auth_bytes.to_vec())?;
    let (last, signature) = answer(mechanism, &bare, &challenge, password, "")?;
    Ok((send_token(client, last).await?, signature))
}

/// The client's last message to a challenge, with this before its nonce, and the server's signature.
pub(crate) fn answer(
    mechanism: &str,
    bare: &str,
    challenge: &str,
    password: &str,
    before_nonce: &str,
) -> Result<(String, String), Box<dyn Error>> {
    let mut parts = challenge.split(',');
    let mut part = |name: &str| {
        let value = parts.next().and_then(|part| part.strip_prefix(name));
        value.ok_or_else(|| format!("no {name} in {challenge}"))
    };
    let (nonce, salt, iterations) = (part("r=")?, unbase64(part("s=")?), part("i=")?.parse()?);
    let without_proof = format!("c=biws,r={before_nonce}{nonce}");
    let auth_message = format!("{bare},{challenge},{without_proof}");
    let (proof, signature) = match mechanism {
        "SCRAM-SHA-512" => {
            let salted = salted::<Hmac<Sha512>>(password, &salt, iterations);
            prove::<Hmac<Sha512>>(&salted, |key| Sha512::digest(key).to_vec(), &auth_message)
        }
        _ => {
            let salted = salted::<Hmac<Sha256>>(password, &salt, iterations);
            prove::<Hmac<Sha256>>(&salted, |key| Sha256::digest(key).to_vec(), &auth_message)
        }
    };
    Ok((format!("{without_proof},p={}", base64(&proof)), format!("v={}", base64(&signature))))
}

/// `Hi` as RFC 5802 writes it down.
fn salted<M: Mac + KeyInit + Clone>(password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
    let keyed = <M as KeyInit>::new_from_slice(password.as_bytes()).unwrap();
    let mac = |bytes: &[u8]| keyed.clone().chain_update(bytes).finalize().into_bytes().to_vec();
    let mut last = mac(&[salt, &[0, 0, 0, 1]].concat());
    let mut all = last.clone();
    for _ in 1..iterations {
        last = mac(&last);
        all.iter_mut().zip(&last).for_each(|(all, last)| *all ^= last);
    }
    all
}

fn prove<M: Mac + KeyInit>(
    salted: &[u8],
    digest: impl Fn(&[u8]) -> Vec<u8>,
    auth_message: &str,
) -> (Vec<u8>, Vec<u8>) {
    let mac = |key: &[u8], bytes: &str| {
        let mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.chain_update(bytes).finalize().into_bytes().to_vec()
    };
    let client_key = mac(salted, "Client Key");
    let client_signature = mac(&digest(&client_key), auth_message);
    let proof = client_key.iter().zip(&client_signature).map(|(key, sign)| key ^ sign).collect();
    (proof, mac(&mac(salted, "Server Key"), auth_message))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut text: String = bits
        .as_bytes()
        .chunks(6)
        .map(|bits| {
            let bits = format!("{:0<6}", String::from_utf8_lossy(bits));
            char::from(DIGITS[usize::from_str_radix(&bits, 2).unwrap()])
        })
        .collect();
    while text.len() % 4 != 0 {
        text.push('=');
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let digits = text.trim_end_matches('=').bytes();
    let value = |digit| DIGITS.iter().position(|&known| known == digit).unwrap();
    let bits: String = digits.map(|digit| format!("{:06b}", value(digit))).collect();
    let bytes = bits.as_bytes().chunks_exact(8);
    bytes.map(|bits| u8::from_str_radix(core::str::from_utf8(bits).unwrap(), 2).unwrap()).collect()
}
