//! The format of `.properties` files, as `java.util.Properties` reads it.

use super::ConfigError;

/// Reads `key=value` pairs: one a line, the key ended by `=`, `:` or a space; `#` and `!` begin a comment; a backslash continues a line or
/// escapes a character (`\t`, `\n`, `\r`, `\f`, `\uXXXX`, else the character itself). Gives each pair with its line number, and what is none.
pub(crate) fn parse(text: &str) -> Vec<Result<(usize, String, String), ConfigError>> {
    let mut pairs = Vec::new();
    let mut lines = text.split(['\n', '\r']).enumerate();
    // "\r\n" makes an empty line between; numbers are counted by '\n' alone, or by '\r' where there is no '\n'.
    let counts_newlines = text.contains('\n');
    let mut offset = 0;
    let mut number = 1;
    while let Some((_, line)) = lines.next() {
        let first = number;
        let mut logical = trim_start(line).to_owned();
        advance(text, &mut offset, line, counts_newlines, &mut number);
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while ends_in_continuation(&logical) {
            logical.pop();
            let Some((_, mut next)) = lines.next() else { break };
            if next.is_empty() && text[..offset].ends_with('\r') && text[offset..].starts_with('\n')
            {
                advance(text, &mut offset, next, counts_newlines, &mut number);
                let Some((_, line)) = lines.next() else { break };
                next = line;
            }
            logical.push_str(trim_start(next));
            advance(text, &mut offset, next, counts_newlines, &mut number);
        }
        let (key, value) = split(&logical);
        let both = unescape(key, first).and_then(|key| Ok((key, unescape(value, first)?)));
        pairs.push(both.map(|(key, value)| (first, key, value)));
    }
    pairs
}

/// Steps over a line and its end, counting it.
fn advance(text: &str, offset: &mut usize, line: &str, counts_newlines: bool, number: &mut usize) {
    *offset += line.len();
    if let Some(end) = text[*offset..].chars().next() {
        *number += usize::from((end == '\n') == counts_newlines);
        *offset += end.len_utf8();
    }
}

fn trim_start(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '\x0c'])
}

/// An odd number of backslashes at the end.
fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Cuts at the first `=`, `:` or white space that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' | ':' => return (&line[..at], trim_start(&line[at + 1..])),
            ' ' | '\t' | '\x0c' => {
                let rest = trim_start(&line[at..]);
                let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
                return (&line[..at], trim_start(rest));
            }
            _ => {}
        }
    }
    (line, "")
}

fn unescape(text: &str, line: usize) -> Result<String, ConfigError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    // UTF-16, because an escape may be half of a surrogate pair.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    let mut buffer = [0; 2];
    while let Some(character) = characters.next() {
        if character != '\\' {
            units.extend_from_slice(character.encode_utf16(&mut buffer));
            continue;
        }
        match characters.next() {
            None => {}
            Some('t') => units.push(0x09),
            Some('n') => units.push(0x0a),
            Some('r') => units.push(0x0d),
            Some('f') => units.push(0x0c),
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                let all_hex = digits.len() == 4 && digits.bytes().all(|d| d.is_ascii_hexdigit());
                let unit = if all_hex { u16::from_str_radix(&digits, 16).ok() } else { None };
                units.push(unit.ok_or(ConfigError::Malformed {
                    line,
                    reason: "\\u must be followed by four hexadecimal digits",
                })?);
            }
            Some(other) => units.extend_from_slice(other.encode_utf16(&mut buffer)),
        }
    }
    String::from_utf16(&units).map_err(|_| ConfigError::Malformed {
        line,
        reason: "\\u escapes make half of a surrogate pair",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(usize, String, String)> {
        parse(text).into_iter().map(Result::unwrap).collect()
    }

    fn pair(line: usize, key: &str, value: &str) -> (usize, String, String) {
        (line, key.to_owned(), value.to_owned())
    }

    #[test]
    fn reads_what_java_reads() {
        for (text, key, value) in [
            ("a=b", "a", "b"),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("  a = b ", "a", "b "),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("a==b", "a", "=b"),
            ("a\\=b=c", "a=b", "c"),
            ("a=\\u0041\\ud83d\\ude00", "a", "A\u{1f600}"),
            ("a=b\\\n   c", "a", "bc"),
            ("a=b\\\r\n   c", "a", "bc"),
            ("a=b\\\\", "a", "b\\"),
            ("a=x\\ty\\q", "a", "x\tyq"),
            ("a=b\\", "a", "b"),
        ] {
            assert_eq!(pairs(text), [pair(1, key, value)], "{text:?}");
        }
    }

    #[test]
    fn numbers_lines_as_an_editor_does() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["# comment", "a=1", "", "b=2\\", "  3", "! no", "c=4"].join(end);
            assert_eq!(
                pairs(&text),
                [pair(2, "a", "1"), pair(4, "b", "23"), pair(7, "c", "4")],
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_broken_escape_is_an_error_with_its_line() {
        for text in ["a=1\nb=\\u12", "a=1\nb=\\u12xy", "\nb=\\ud83d"] {
            let error = parse(text).into_iter().find_map(Result::err).unwrap();
            assert!(error.to_string().starts_with("line 2"), "{error}");
        }
    }
}
