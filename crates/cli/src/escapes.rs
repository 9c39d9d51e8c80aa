//! Delimiters that a shell has no easy way to type.

use std::ffi::OsStr;

use crate::args::Delimiter;

/// Reads `\t`, `\n`, `\r`, `\0`, `\\` and `\xNN`; every other byte stands for itself.
pub(crate) fn delimiter(text: &OsStr) -> Result<Delimiter, String> {
    let mut bytes = text.as_encoded_bytes().iter().copied();
    let mut unescaped = Vec::with_capacity(bytes.len());
    while let Some(byte) = bytes.next() {
        unescaped.push(match (byte, byte == b'\\') {
            (byte, false) => byte,
            (_, true) => escaped(&mut bytes)?,
        });
    }
    if unescaped.is_empty() {
        return Err("an empty delimiter is in no line: give at least one character".to_owned());
    }
    Ok(Delimiter(unescaped))
}

fn escaped(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, String> {
    match bytes.next() {
        Some(b't') => Ok(b'\t'),
        Some(b'n') => Ok(b'\n'),
        Some(b'r') => Ok(b'\r'),
        Some(b'0') => Ok(0),
        Some(b'\\') => Ok(b'\\'),
        Some(b'x') => {
            let digits = [bytes.next(), bytes.next()]
                .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
            match digits {
                [Some(high), Some(low)] => Ok((high * 16 + low) as u8),
                _ => Err(r"\x needs two hexadecimal digits, such as \x1f".to_owned()),
            }
        }
        _ => Err(r"a backslash begins \t, \n, \r, \0, \\ or \xNN".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes_and_the_rest_for_itself() {
        for (text, expected) in [
            ("\t", &b"\t"[..]),
            (r"\t", b"\t"),
            (r"\\t", b"\\t"),
            (r"a\x1F\0b", b"a\x1f\0b"),
            ("::", b"::"),
            ("ä", "ä".as_bytes()),
        ] {
            assert_eq!(delimiter(OsStr::new(text)), Ok(Delimiter(expected.to_vec())), "{text}");
        }
        for wrong in ["", "\\", r"\q", r"\x", r"\x1", r"\xg0"] {
            assert!(delimiter(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }
}
