//! Asks a realm's KDCs, one after the other, by TCP.

use std::time::Duration;

use rohrpost_kerberos::{KerberosError, Krb5Config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::environment::KerberosEnvironment;
use crate::CredentialsError;

const PORT: u16 = 88;
/// For one KDC, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tickets of users in very many groups have some 100 KiB.
const LARGEST: u32 = 1024 * 1024;

/// What a KDC answered.
pub(super) struct Answer {
    /// Which one: host and port.
    pub(super) address: String,
    pub(super) bytes: Vec<u8>,
}

/// The first answer of any KDC of the realm.
pub(super) async fn ask(
    config: &Krb5Config,
    environment: &KerberosEnvironment,
    realm: &str,
    request: &[u8],
) -> Result<Answer, CredentialsError> {
    let named = config.kdcs(realm);
    let guess = realm.to_ascii_lowercase();
    let kdcs = if named.is_empty() { vec![guess.as_str()] } else { named.clone() };
    let mut failures = Vec::new();
    for kdc in kdcs {
        let outcome = match address(kdc) {
            Some((host, port)) => match timeout(PATIENCE, exchange(host, port, request)).await {
                Ok(Ok(bytes)) => return Ok(Answer { address: format!("{host}:{port}"), bytes }),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            },
            None => "it is no host with or without a port".to_owned(),
        };
        failures.push(format!("{kdc}: {outcome}"));
    }
    let failures = failures.join("; ");
    Err(CredentialsError::passing(if named.is_empty() {
        format!(
            "no KDC of the realm {realm} answers by TCP: {} names none, and the host that is called like the realm does not ({failures}); name it there: [realms] {realm} = {{ kdc = host }}",
            environment.names()
        )
    } else {
        format!(
            "no KDC of the realm {realm} answers by TCP ({failures}), of those that {} names",
            environment.names()
        )
    }))
}

/// A KDC as `krb5.conf` names it: `host`, `host:port`, `[address]:port`, with `tcp/` in front or not.
fn address(kdc: &str) -> Option<(&str, u16)> {
    let kdc = kdc.strip_prefix("tcp/").unwrap_or(kdc);
    if kdc.contains('/') {
        return None;
    }
    let (host, port) = match kdc.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match kdc.split_once(':') {
            // An IPv6 address without brackets has no port.
            Some((_, rest)) if rest.contains(':') => (kdc, None),
            Some((host, port)) => (host, Some(port)),
            None => (kdc, None),
        },
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok())?;
    (!host.is_empty()).then_some((host, port))
}

/// RFC 4120, section 7.2.2: a length of four bytes before each message.
async fn exchange(host: &str, port: u16, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
    let length = u32::try_from(request.len()).unwrap_or(u32::MAX).to_be_bytes();
    stream.write_all(&[&length, request].concat()).await?;
    let length = stream.read_u32().await?;
    if length > LARGEST {
        let detail = format!("it speaks another protocol: an answer of {length} bytes");
        return Err(std::io::Error::other(detail));
    }
    // Room for what arrives, not for what is announced.
    let mut answer = Vec::new();
    stream.take(length.into()).read_to_end(&mut answer).await?;
    if answer.len() < length as usize {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

/// Whether another KDC, or this one later, may say otherwise.
pub(super) fn is_passing(error: &KerberosError) -> bool {
    matches!(error, KerberosError::Refused(refusal) if refusal.code == rohrpost_kerberos::Refusal::UNAVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kdcs_are_read_as_krb5_conf_names_them() {
        for (kdc, read) in [
            ("kdc", Some(("kdc", 88))),
            ("kdc.example.com:750", Some(("kdc.example.com", 750))),
            ("tcp/kdc:750", Some(("kdc", 750))),
            ("[::1]:750", Some(("::1", 750))),
            ("[::1]", Some(("::1", 88))),
            ("::1", Some(("::1", 88))),
            ("kdc:", None),
            (":88", None),
            ("https://kdc/KdcProxy", None),
        ] {
            assert_eq!(address(kdc), read, "{kdc}");
        }
    }
}
