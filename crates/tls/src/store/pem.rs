//! PEM (RFC 7468): as strict as needed, and as lenient as Java, which lets spaces stand for line breaks.

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::pbe::{self, Budget};
use super::{Access, CertificateEntry, Contents, KeyBytes, KeyEntry};
use crate::StoreProblem;
use crate::certificate::shown;
use crate::der::Reader;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// Far longer than any that means something.
const LONGEST_LABEL: usize = 64;

/// A part between `BEGIN` and `END`.
struct Block<'a> {
    label: &'a str,
    /// The line of its `BEGIN`, from 1.
    line: usize,
    body: &'a [u8],
}

/// Whether this is text with something between `BEGIN` and `END`.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Reads certificates and keys; other things between them are passed over. All certificates belong to the key where
/// there is one, the first being its own.
pub(super) fn read(bytes: &[u8], access: Access<'_>) -> Result<Contents, StoreProblem> {
    let mut chain = Vec::new();
    let mut keys = Vec::new();
    let blocks = blocks(bytes)?;
    let keys_there = blocks.iter().filter(|block| is_key(block.label)).count();
    // Each may ask for all the iterations that are allowed: before any of them is decrypted.
    if keys_there > 1 {
        return Err(StoreProblem::SeveralKeys { keys: keys_there });
    }
    for block in blocks {
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                let der = decode(&block)?;
                // OpenSSL's trusted certificates have more behind them.
                let (_, _, certificate) =
                    Reader::new(&der).whole().map_err(|_| broken(&block, "is no certificate"))?;
                chain.push(CertificateDer::from(certificate.to_vec()));
            }
            label if is_key(label) => keys.push(key(&block, access)?),
            _ => {}
        }
    }
    let listed = |certificate| CertificateEntry { alias: None, certificate, is_trusted: true };
    let mut keys = keys.into_iter();
    let Some(first) = keys.next() else {
        return Ok(Contents {
            keys: Vec::new(),
            certificates: chain.into_iter().map(listed).collect(),
        });
    };
    if !access.wants_keys {
        // A truststore with a key in it: its certificates are meant all the same.
        return Ok(Contents {
            keys: Vec::new(),
            certificates: chain.into_iter().map(listed).collect(),
        });
    }
    let entry = KeyEntry { alias: None, key: first, chain };
    Ok(Contents { keys: vec![entry], certificates: Vec::new() })
}

fn is_key(label: &str) -> bool {
    label.ends_with("PRIVATE KEY")
}

fn key(block: &Block<'_>, access: Access<'_>) -> Result<KeyBytes, StoreProblem> {
    if !access.wants_keys {
        return Ok(KeyBytes::Unread);
    }
    if find(block.body, b"Proc-Type:").is_some() {
        return Err(StoreProblem::Unsupported {
            what: "the old encryption of OpenSSL's own (Proc-Type, DEK-Info)".to_owned(),
            remedy: "convert the key by `openssl pkcs8 -topk8`",
        });
    }
    let der = decode(block)?;
    match block.label {
        "PRIVATE KEY" => Ok(KeyBytes::Pkcs8(der)),
        "ENCRYPTED PRIVATE KEY" => {
            let Some(password) = access.key_password else {
                return Err(StoreProblem::KeyPasswordMissing { alias: None });
            };
            let mut budget = Budget::new(access.most_iterations);
            pbe::decrypt_key(&der, password, &mut budget).map(KeyBytes::Pkcs8).map_err(|failure| {
                failure
                    .into_problem("the private key", StoreProblem::WrongKeyPassword { alias: None })
            })
        }
        "RSA PRIVATE KEY" => Ok(KeyBytes::Pkcs1(der)),
        "EC PRIVATE KEY" => Ok(KeyBytes::Sec1(der)),
        label => Err(StoreProblem::Key { detail: format!("{} is of no known kind", shown(label)) }),
    }
}

/// Finds every block.
fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, StoreProblem> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    let mut line = 1;
    while let Some(start) = find(rest, BEGIN) {
        line += lines(&rest[..start]);
        let after = &rest[start + BEGIN.len()..];
        let unreadable =
            |what: &str| StoreProblem::Broken { detail: format!("line {line}: {what}") };
        let head = &after[..after.len().min(LONGEST_LABEL + DASHES.len())];
        let label_end =
            find(head, DASHES).ok_or_else(|| unreadable("BEGIN without five dashes after it"))?;
        let label =
            std::str::from_utf8(&after[..label_end]).map_err(|_| unreadable("BEGIN of no text"))?;
        let body = &after[label_end + DASHES.len()..];
        let end = [b"-----END ", label.as_bytes(), DASHES].concat();
        let length = find(body, &end)
            .ok_or_else(|| unreadable(&format!("BEGIN {} without its END", shown(label))))?;
        blocks.push(Block { label: label.trim(), line, body: &body[..length] });
        rest = &body[length + end.len()..];
        line += lines(&body[..length]);
    }
    Ok(blocks)
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// Base64, with blanks wherever they are.
fn decode(block: &Block<'_>) -> Result<Zeroizing<Vec<u8>>, StoreProblem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(block.body.len() / 4 * 3 + 3));
    let (mut bits, mut count, mut padding) = (0_u32, 0_u32, 0);
    for &character in block.body {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return Err(broken(block, "has characters that are not of base64")),
        };
        if padding > 0 {
            return Err(broken(block, "goes on after its end"));
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    if count >= 6 || padding > 2 {
        return Err(broken(block, "is cut off"));
    }
    Ok(bytes)
}

fn broken(block: &Block<'_>, what: &str) -> StoreProblem {
    StoreProblem::Broken {
        detail: format!("the {} of line {} {what}", shown(block.label), block.line),
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
