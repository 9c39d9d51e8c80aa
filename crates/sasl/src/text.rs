//! Texts that come from a server, on their way into an error.

use alloc::string::String;

use crate::error::{Fault, SaslError};

/// The most of a server's text that an error repeats, in characters.
const MOST_SHOWN: usize = 300;

/// The text, cut to what an error may repeat, without characters that could play tricks on a terminal or a log.
pub(crate) fn shown(text: &str) -> String {
    let is_plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let replaced = text.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' });
    let mut shown: String = replaced.take(MOST_SHOWN).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// A challenge as text of at most `most` bytes.
pub(crate) fn utf8<'a>(
    mechanism: &'static str,
    message: &'static str,
    challenge: &'a [u8],
    most: usize,
) -> Result<&'a str, SaslError> {
    let fault = if challenge.len() > most {
        Fault::TooLong { bytes: challenge.len(), most }
    } else {
        match core::str::from_utf8(challenge) {
            Ok(text) => return Ok(text),
            Err(error) => Fault::NotUtf8 { at: error.valid_up_to() },
        }
    };
    Err(SaslError::Malformed { mechanism, message, fault })
}

/// Appends a JSON string (RFC 8259, section 7).
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
pub(crate) fn push_json(out: &mut crate::Secret, text: &str) {
    out.push(b"\"");
    let mut buffer = [0; 4];
    for c in text.chars() {
        match c {
            '"' => out.push(b"\\\""),
            '\\' => out.push(b"\\\\"),
            c if u32::from(c) < 0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let byte = c as usize;
                out.push(b"\\u00");
                out.push(&[HEX[byte >> 4], HEX[byte & 15]]);
            }
            c => out.push(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    out.push(b"\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_cut_and_made_harmless() {
        assert_eq!(shown("invalid-proof"), "invalid-proof");
        assert_eq!(shown("a\u{1b}[2J\nb\u{202e}"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        let long = shown(&"ü".repeat(100_000));
        assert_eq!(long.chars().count(), MOST_SHOWN + 1);
    }

    #[test]
    #[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
    fn a_json_string_escapes_what_it_must() {
        let mut out = crate::Secret::default();
        push_json(&mut out, "a\"\\\n\u{1f}é");
        assert_eq!(out.expose_str(), Some("\"a\\\"\\\\\\u000a\\u001fé\""));
    }
}
