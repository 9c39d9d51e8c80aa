//! Base64 (RFC 4648), the standard alphabet and that of URLs.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding, in the standard alphabet.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let is_padding = place > chunk.len();
            let digit = STANDARD[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if is_padding { '=' } else { digit.into() });
        }
    }
    text
}

/// Of the standard alphabet, with padding; `None` for anything else, bits behind the last byte that are not 0 among it.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() % 4 != 0 {
        return None;
    }
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    digits_to_bytes(digits, |byte| STANDARD.iter().position(|&digit| digit == byte))
}

/// Of the alphabet of URLs, or of the standard one, with padding or without.
pub(super) fn decode_url(text: &str) -> Option<Vec<u8>> {
    digits_to_bytes(text.trim_end_matches('='), |byte| {
        let byte = match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        };
        STANDARD.iter().position(|&digit| digit == byte)
    })
}

fn digits_to_bytes(digits: &str, value: impl Fn(u8) -> Option<usize>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            let digit = chunk.get(place).map_or(Some(0), |&byte| value(byte))?;
            bits |= (digit as u32) << (18 - 6 * place);
        }
        let count = match chunk.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (decoded, rest) = decoded.split_at(count);
        if rest.iter().any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend_from_slice(decoded);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_url, encode};

    /// RFC 4648, section 10.
    const VECTORS: [(&str, &str); 7] = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ];

    #[test]
    fn the_vectors_of_the_rfc_hold_both_ways() {
        for (bytes, text) in VECTORS {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
            let bare = text.trim_end_matches('=');
            assert_eq!(decode_url(bare).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(decode_url("-_-_"), decode("+/+/"));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["A", "AA", "AAA", "A===", "AA=A", "====", "-_-_", "AB==", "Zm9v\n", "é==="] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_url("A"), None);
    }
}
