//! The server's messages (RFC 5802, section 7), read from text of bounded length.

use alloc::vec::Vec;

use base64ct::{Base64, Encoding};

use crate::error::Fault;

/// A salt this long is no salt but somebody's joke.
const MOST_SALT: usize = 1_024;

/// `[m=...,] r=nonce,s=salt,i=iterations [,extensions]`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u64,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        if text.starts_with("m=") {
            return Err(Fault::MandatoryExtension);
        }
        let mut attributes = text.split(',');
        let nonce = attribute(&mut attributes, "r=")?;
        let salt = attribute(&mut attributes, "s=")?;
        let iterations = attribute(&mut attributes, "i=")?;
        check_extensions(attributes)?;
        if nonce.is_empty() || !nonce.bytes().all(is_nonce_byte) {
            return Err(Fault::Value("r="));
        }
        if salt.len() > MOST_SALT.div_ceil(3) * 4 {
            return Err(Fault::Value("s="));
        }
        let salt = Base64::decode_vec(salt).map_err(|_| Fault::Value("s="))?;
        if salt.is_empty() {
            return Err(Fault::Value("s="));
        }
        Ok(Self { nonce, salt, iterations: posit_number(iterations)? })
    }
}

/// `v=signature` or `e=error`, then extensions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerFinal<'a> {
    Signature(Vec<u8>),
    Error(&'a str),
}

impl<'a> ServerFinal<'a> {
    /// `length` is the signature's, in bytes.
    pub(super) fn parse(text: &'a str, length: usize) -> Result<Self, Fault> {
        let mut attributes = text.split(',');
        let first = attributes.next().unwrap_or_default();
        let parsed = if let Some(error) = first.strip_prefix("e=") {
            if error.is_empty() {
                return Err(Fault::Value("e="));
            }
            Self::Error(error)
        } else if let Some(signature) = first.strip_prefix("v=") {
            let signature = Base64::decode_vec(signature).map_err(|_| Fault::Value("v="))?;
            if signature.len() != length {
                return Err(Fault::Value("v="));
            }
            Self::Signature(signature)
        } else {
            return Err(Fault::Missing("v= or e="));
        };
        check_extensions(attributes)?;
        Ok(parsed)
    }
}

/// Printable ASCII without the comma.
pub(super) fn is_nonce_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

fn attribute<'a>(
    attributes: &mut impl Iterator<Item = &'a str>,
    name: &'static str,
) -> Result<&'a str, Fault> {
    attributes.next().and_then(|text| text.strip_prefix(name)).ok_or(Fault::Missing(name))
}

/// RFC 5802: `posit-number = %x31-39 *DIGIT`. What no number of 64 bits holds counts as the largest of them.
fn posit_number(text: &str) -> Result<u64, Fault> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || text.is_empty() || text.starts_with('0') {
        return Err(Fault::Value("i="));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// Optional extensions are left alone, as long as they are what the grammar allows; a mandatory one may hide
/// nowhere.
fn check_extensions<'a>(mut attributes: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    attributes.try_for_each(|attribute| match attribute.as_bytes() {
        [b'm', b'=', ..] => Err(Fault::MandatoryExtension),
        [name, b'=', _, ..] if name.is_ascii_alphabetic() => Ok(()),
        _ => Err(Fault::Value("an extension")),
    })
}
