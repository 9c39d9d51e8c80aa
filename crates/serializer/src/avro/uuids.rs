//! UUIDs as text and as bytes.

/// 36 characters: lower-case digits, with hyphens.
pub(crate) use crate::uuids::text;

/// The bytes of a UUID's text.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let (mut bytes, mut digits) = ([0; 16], 0);
    for (index, character) in text.iter().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if *character != b'-' {
                return None;
            }
            continue;
        }
        let digit = char::from(*character).to_digit(16)? as u8;
        bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}
