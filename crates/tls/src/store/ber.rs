//! From BER to DER: some programs (Bouncy Castle, NSS) write PKCS#12 with lengths that are told at the end only, and
//! texts of bytes in pieces.

use std::borrow::Cow;

use crate::der::{Malformed, tag};

/// How deep values may stand in each other: more than twice of what PKCS#12 needs.
const DEEPEST: usize = 32;

/// `bytes` with lengths before every value and no text of bytes in pieces; as they are if they were so before.
pub(super) fn to_der(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    // Those programs begin like that from the outermost value on.
    if bytes.get(1) != Some(&0x80) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut rest = bytes;
    let value = value(&mut rest, DEEPEST)?;
    if rest.is_empty() { Ok(Cow::Owned(value)) } else { Err(Malformed) }
}

/// Takes one value, and gives it as DER.
fn value(rest: &mut &[u8], depth: usize) -> Result<Vec<u8>, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let (&kind, after_tag) = rest.split_first().ok_or(Malformed)?;
    if kind & 0x1f == 0x1f {
        return Err(Malformed);
    }
    let is_constructed = kind & 0x20 != 0;
    let (length, content) = length(after_tag)?;
    let content = match length {
        Some(length) => {
            let (mut content, behind) = content.split_at_checked(length).ok_or(Malformed)?;
            *rest = behind;
            if is_constructed {
                let mut parts = Vec::new();
                while !content.is_empty() {
                    parts.push(value(&mut content, depth)?);
                }
                parts
            } else {
                return Ok(encode(kind, content));
            }
        }
        None if is_constructed => {
            *rest = content;
            let mut parts = Vec::new();
            while !rest.starts_with(&[0, 0]) {
                parts.push(value(rest, depth)?);
            }
            *rest = rest.get(2..).ok_or(Malformed)?;
            parts
        }
        None => return Err(Malformed),
    };
    // A text of bytes in pieces, also under a number of its own: nothing else in PKCS#12 is made of such texts.
    let is_text = kind == tag::OCTET_STRING | 0x20
        || kind == tag::explicit(0)
            && content.len() > 1
            && content.iter().all(|part| part.first() == Some(&4));
    if is_text {
        let whole =
            content.iter().map(|part| text_of(part)).collect::<Result<Vec<_>, _>>()?.concat();
        return Ok(if kind == tag::OCTET_STRING | 0x20 {
            encode(tag::OCTET_STRING, &whole)
        } else {
            encode(tag::implicit(0), &whole)
        });
    }
    Ok(encode(kind, &content.concat()))
}

/// What is in a text of bytes, in DER.
fn text_of(part: &[u8]) -> Result<&[u8], Malformed> {
    crate::der::Reader::new(part).expect(tag::OCTET_STRING)
}

fn encode(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut value = vec![kind];
    if length < 0x80 {
        value.push((length & 0x7f) as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits: Vec<u8> = digits.into_iter().skip_while(|&digit| digit == 0).collect();
        value.push(0x80 | (digits.len() & 0x7f) as u8);
        value.extend(digits);
    }
    value.extend_from_slice(content);
    value
}

/// A length, or none if it is told at the end, and what is behind it.
fn length(bytes: &[u8]) -> Result<(Option<usize>, &[u8]), Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed)?;
    let count = usize::from(first & 0x7f);
    match first {
        0..0x80 => Ok((Some(count), rest)),
        0x80 => Ok((None, rest)),
        _ if count > 4 => Err(Malformed),
        _ => {
            let (digits, rest) = rest.split_at_checked(count).ok_or(Malformed)?;
            let length = digits.iter().fold(0_u64, |length, &digit| length << 8 | u64::from(digit));
            Ok((Some(usize::try_from(length).map_err(|_| Malformed)?), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_at_the_end_and_texts_in_pieces_become_der() {
        let ber = [
            0x30, 0x80, 2, 1, 3, 0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0, 0xa0, 0x80, 4, 1, 9, 4, 1,
            8, 0, 0, 0, 0,
        ];
        let der = [0x30, 12, 2, 1, 3, 4, 3, 1, 2, 3, 0x80, 2, 9, 8];
        assert_eq!(to_der(&ber).unwrap().as_ref(), der);
    }

    #[test]
    fn what_is_der_stays_and_what_is_neither_is_refused() {
        let der = [0x30, 3, 2, 1, 3];
        assert!(matches!(to_der(&der), Ok(Cow::Borrowed(_))));
        assert_eq!(to_der(&[0x30, 0x80, 2, 1]), Err(Malformed));
        assert_eq!(to_der(&[0x30, 0x80].repeat(DEEPEST + 1)), Err(Malformed));
    }
}
