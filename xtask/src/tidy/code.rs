//! A rough reading of Rust: enough to tell code from comments, strings and tests.

use std::ops::Range;

/// `source` with every comment, and what is inside of strings and character literals, turned into
/// spaces. Lines and columns (in bytes) stay where they were.
pub(super) fn without_comments_and_strings(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = if rest.starts_with(b"//") {
            let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            blank(&mut out, at..at + length);
            length
        } else if rest.starts_with(b"/*") {
            let length = block_comment(rest);
            blank(&mut out, at..at + length);
            length
        } else if let Some((hashes, open)) = raw_string_start(bytes, at) {
            let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            let body = &rest[open..];
            let inside = body.windows(end.len()).position(|w| w == end).unwrap_or(body.len());
            blank(&mut out, at + open..at + open + inside);
            (open + inside + end.len()).min(rest.len())
        } else if rest[0] == b'"' {
            let length = quoted(rest, b'"');
            blank(&mut out, at + 1..at + length.max(2) - 1);
            length
        } else if rest[0] == b'\'' {
            let length = character(rest);
            if length > 1 {
                blank(&mut out, at + 1..at + length - 1);
            }
            length
        } else {
            1
        };
        at += length.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte ranges of `code` that only tests are made of: items after `#[cfg(test)]`. `code` is
/// what [`without_comments_and_strings`] gave.
pub(super) fn test_ranges(code: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(found) = code[from..].find(ATTRIBUTE) {
        let start = from + found;
        let end = start + ATTRIBUTE.len() + item_length(&code[start + ATTRIBUTE.len()..]);
        ranges.push(start..end);
        from = end;
    }
    ranges
}

/// The names of modules in files of their own that are declared for tests only.
pub(super) fn test_modules(code: &str) -> Vec<String> {
    test_ranges(code)
        .into_iter()
        .filter_map(|range| {
            let item = code[range].trim_end().strip_suffix(';')?;
            let mut words = item.split_whitespace().rev();
            let name = words.next()?;
            (words.next()? == "mod").then(|| name.to_owned())
        })
        .collect()
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte].iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Where `token` stands in `code` as a whole word: `env::var` is in `std::env::var(`, not in
/// `my_env::variable`.
pub(super) fn find_token(code: &str, token: &str) -> Vec<usize> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = code.as_bytes();
    code.match_indices(token)
        .map(|(at, _)| at)
        .filter(|&at| {
            let starts_word = is_word(token.as_bytes().first());
            let ends_word = is_word(token.as_bytes().last());
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !(starts_word && is_word(before) || ends_word && is_word(bytes.get(at + token.len())))
        })
        .collect()
}

fn blank(out: &mut [u8], range: Range<usize>) {
    for byte in &mut out[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The number of `#`, and the length up to and with the quote, of a raw string that starts here.
fn raw_string_start(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    if at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') {
        return None;
    }
    let prefix = [b"r".as_slice(), b"br", b"cr"].into_iter().find(|p| rest.starts_with(p))?.len();
    let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
    (rest.get(prefix + hashes) == Some(&b'"')).then_some((hashes, prefix + hashes + 1))
}

/// The length of a literal from its opening to its closing `quote`.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; 1 for the quote of a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest.get(1) {
        Some(b'\\') => quoted(rest, b'\''),
        Some(_) => {
            let text = String::from_utf8_lossy(&rest[1..rest.len().min(5)]).into_owned();
            let first = text.chars().next().map_or(1, char::len_utf8);
            if rest.get(1 + first) == Some(&b'\'') { first + 2 } else { 1 }
        }
        None => 1,
    }
}

/// The length of the item that starts here: to the `;` or to the end of its block.
fn item_length(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b';' if depth == 0 => return at + 1,
            b'{' | b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_comments_and_strings_and_nothing_else() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"Instant::now\")", "f(\"            \")"),
            ("\"a\\\"b\" c", "\"    \" c"),
            ("r#\"a\"b\"# c", "r#\"   \"# c"),
            ("br\"x\" c", "br\" \" c"),
            ("'\"' a '\\'' b", "' ' a '  ' b"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("'ä' b", "'  ' b"),
            ("for", "for"),
            ("\"open", "\"   n"),
        ];
        for (source, expected) in cases {
            assert_eq!(without_comments_and_strings(source), expected, "{source}");
        }
    }

    #[test]
    fn finds_the_items_that_are_for_tests_only() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { x[0]; } }\nfn c() {}\n\
                    #[cfg(test)] extern crate std;\n#[cfg(test)]\nmod model;\nfn d() {}";
        let left: String =
            test_ranges(code).iter().rev().fold(code.to_owned(), |mut left, range| {
                left.replace_range(range.clone(), "");
                left
            });
        assert_eq!(left.split_whitespace().collect::<String>(), "fna(){}fnc(){}fnd(){}");
        assert_eq!(test_modules(code), ["model"]);
    }

    #[test]
    fn finds_whole_words_only() {
        assert_eq!(find_token("std::env::var(x)", "env::var"), [5]);
        assert!(find_token("my_env::variable", "env::var").is_empty());
        assert!(find_token("MutexGuardish", "Mutex").is_empty());
        assert_eq!(find_token("a.await;", ".await"), [1]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
