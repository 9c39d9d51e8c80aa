//! Private keys in PKCS#8 (RFC 5958), as rustls' providers want them.

use zeroize::Zeroizing;

use crate::certificate::public_key;
use crate::der::{self, Reader, dotted, tag};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];

/// An EC key with its public part, taken from its certificate if it has none: Java leaves it out, ring wants it. Other
/// keys stay as they are. Whether both fit each other is looked at where the key is loaded.
pub(crate) fn complete(key: Zeroizing<Vec<u8>>, certificate: &[u8]) -> Zeroizing<Vec<u8>> {
    match completed(&key, certificate) {
        Ok(Some(completed)) => completed,
        _ => key,
    }
}

fn completed(key: &[u8], certificate: &[u8]) -> der::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut info = Reader::new(key).sequence()?;
    info.unsigned()?;
    let (_, mut algorithm, raw_algorithm) =
        info.whole().map(|(kind, value, raw)| (kind, Reader::new(value), raw))?;
    if algorithm.oid()? != EC {
        return Ok(None);
    }
    let size = match algorithm.oid()? {
        P256 => 32,
        P384 => 48,
        P521 => 66,
        _ => return Ok(None),
    };
    let mut ec = Reader::new(info.expect(tag::OCTET_STRING)?).sequence()?;
    ec.unsigned()?;
    let scalar = ec.expect(tag::OCTET_STRING)?;
    ec.optional(tag::explicit(0))?;
    let has_public = ec.optional(tag::explicit(1))?.is_some();
    let digits = scalar.iter().position(|&byte| byte != 0).map_or(&[][..], |from| &scalar[from..]);
    if has_public && scalar.len() == size || digits.len() > size {
        return Ok(None);
    }
    let public = public_key(certificate)?;
    let mut padded = Zeroizing::new(vec![0; size - digits.len()]);
    padded.reserve_exact(digits.len());
    padded.extend_from_slice(digits);
    let bits = encode(tag::BIT_STRING, &[&[0], public]);
    let ec = encode(
        tag::SEQUENCE,
        &[
            &[tag::INTEGER, 1, 1],
            &encode(tag::OCTET_STRING, &[&padded]),
            &encode(tag::explicit(1), &[&bits]),
        ],
    );
    let key = encode(tag::OCTET_STRING, &[&ec]);
    Ok(Some(encode(tag::SEQUENCE, &[&[tag::INTEGER, 1, 0], raw_algorithm, &key])))
}

/// What kind of key this is, in words.
pub(crate) fn describe(key: &[u8]) -> String {
    read_kind(key).unwrap_or_else(|_| "it is not in PKCS#8".to_owned())
}

fn read_kind(key: &[u8]) -> der::Result<String> {
    let mut info = Reader::new(key).sequence()?;
    info.unsigned()?;
    let mut algorithm = info.sequence()?;
    Ok(match algorithm.oid()? {
        RSA => {
            let mut rsa = Reader::new(info.expect(tag::OCTET_STRING)?).sequence()?;
            rsa.unsigned()?;
            let modulus = rsa.expect(tag::INTEGER)?;
            let digits = modulus.iter().skip_while(|&&byte| byte == 0).count();
            format!("it is an RSA key of {} bits", 8 * digits)
        }
        DSA => "it is a DSA key".to_owned(),
        EC => match algorithm.oid()? {
            P256 => "it is an EC key of curve P-256".to_owned(),
            P384 => "it is an EC key of curve P-384".to_owned(),
            P521 => "it is an EC key of curve P-521".to_owned(),
            other => format!("it is an EC key of the curve {}", dotted(other)),
        },
        other => format!("it is a key of the algorithm {}", dotted(other)),
    })
}

/// A value in DER of the parts of its content.
fn encode(kind: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let digits: Vec<u8> =
        length.to_be_bytes().into_iter().skip_while(|&digit| digit == 0).collect();
    let mut value = Zeroizing::new(Vec::with_capacity(length + 10));
    value.push(kind);
    if length >= 0x80 {
        value.push(0x80 | (digits.len() & 0x7f) as u8);
    }
    if length == 0 {
        value.push(0);
    }
    value.extend_from_slice(&digits);
    for part in parts {
        value.extend_from_slice(part);
    }
    value
}
