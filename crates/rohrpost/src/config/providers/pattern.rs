//! As much of Java's regular expressions as names of variables ask for.

/// A pattern that a whole name has to match: letters and digits, `.`, classes such as `[A-Z_]`, `\w` and `\d`, `*`, `+` and `?` after any of these, and
/// `|` between patterns. `^` at the beginning and `$` at the end change nothing. What else Java has is refused.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern(Vec<Vec<Step>>);

#[derive(Debug, PartialEq)]
struct Step {
    of: Set,
    /// It may be left out.
    is_optional: bool,
    /// It may be repeated.
    repeats: bool,
}

#[derive(Debug, PartialEq)]
enum Set {
    Any,
    Of { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Set {
    fn one(character: char) -> Self {
        Self::Of { ranges: vec![(character, character)], is_negated: false }
    }

    fn has(&self, character: char) -> bool {
        match self {
            // As Java's dot, which takes no end of a line.
            Self::Any => !matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'),
            Self::Of { ranges, is_negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&character))
                    != *is_negated
            }
        }
    }
}

const SPECIAL: &[char] = &['(', ')', '{', '}', '^', '$', '*', '+', '?', ']'];
const WORD: &[(char, char)] = &[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
const DIGIT: &[(char, char)] = &[('0', '9')];

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut alternatives = vec![Vec::new()];
        let characters: Vec<char> = text.chars().collect();
        let mut at = 0;
        while let Some(&character) = characters.get(at) {
            at += 1;
            let begins = alternatives.last().is_none_or(Vec::is_empty);
            let ends = matches!(characters.get(at), None | Some('|'));
            let of = match character {
                '|' => {
                    alternatives.push(Vec::new());
                    continue;
                }
                '^' if begins => continue,
                '$' if ends => continue,
                '.' => Set::Any,
                '[' => class(&characters, &mut at)?,
                '\\' => escaped(&characters, &mut at)?.into_set(),
                other if SPECIAL.contains(&other) => {
                    return Err(format!(
                        "{other:?} in the pattern is not supported: there are letters, digits, ., [A-Z], \\w, \\d, *, +, ? and |"
                    ));
                }
                other => Set::one(other),
            };
            let (is_optional, repeats) = match characters.get(at) {
                Some('*') => (true, true),
                Some('+') => (false, true),
                Some('?') => (true, false),
                _ => (false, false),
            };
            at += usize::from(is_optional || repeats);
            if let Some(steps) = alternatives.last_mut() {
                steps.push(Step { of, is_optional, repeats });
            }
        }
        Ok(Self(alternatives))
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|steps| matches(steps, name))
    }
}

/// All that can have been reached after each character, so that no pattern takes long.
fn matches(steps: &[Step], name: &str) -> bool {
    let mut reached = vec![false; steps.len() + 1];
    reached[0] = true;
    skip(steps, &mut reached);
    for character in name.chars() {
        let mut next = vec![false; steps.len() + 1];
        for (at, step) in steps.iter().enumerate() {
            if reached[at] && step.of.has(character) {
                next[at + 1] = true;
                next[at] |= step.repeats;
            }
        }
        skip(steps, &mut next);
        reached = next;
    }
    reached[steps.len()]
}

/// Steps that may be left out.
fn skip(steps: &[Step], reached: &mut [bool]) {
    for (at, step) in steps.iter().enumerate() {
        reached[at + 1] |= reached[at] && step.is_optional;
    }
}

/// What a backslash makes of the next character.
enum Escaped {
    Character(char),
    Ranges(&'static [(char, char)]),
}

impl Escaped {
    fn into_set(self) -> Set {
        match self {
            Self::Character(character) => Set::one(character),
            Self::Ranges(ranges) => Set::Of { ranges: ranges.to_vec(), is_negated: false },
        }
    }
}

fn escaped(characters: &[char], at: &mut usize) -> Result<Escaped, String> {
    let character = characters.get(*at).copied();
    *at += 1;
    match character {
        Some('w') => Ok(Escaped::Ranges(WORD)),
        Some('d') => Ok(Escaped::Ranges(DIGIT)),
        Some(other) if !other.is_ascii_alphanumeric() => Ok(Escaped::Character(other)),
        _ => {
            Err("of what a backslash may stand before, \\w, \\d and signs are supported".to_owned())
        }
    }
}

/// What stands between brackets.
fn class(characters: &[char], at: &mut usize) -> Result<Set, String> {
    let open = || "a [ in the pattern is not closed".to_owned();
    let is_negated = characters.get(*at) == Some(&'^');
    *at += usize::from(is_negated);
    let mut ranges = Vec::new();
    loop {
        let first = *characters.get(*at).ok_or_else(open)?;
        *at += 1;
        let first = match first {
            ']' if !ranges.is_empty() => return Ok(Set::Of { ranges, is_negated }),
            '[' | ']' | '&' => {
                return Err(format!("{first:?} within brackets in the pattern is not supported"));
            }
            '\\' => match escaped(characters, at)? {
                Escaped::Character(character) => character,
                Escaped::Ranges(more) => {
                    ranges.extend_from_slice(more);
                    continue;
                }
            },
            other => other,
        };
        let is_range = characters.get(*at) == Some(&'-') && characters.get(*at + 1) != Some(&']');
        if !is_range {
            ranges.push((first, first));
            continue;
        }
        let last = *characters.get(*at + 1).ok_or_else(open)?;
        *at += 2;
        if last < first || last == '\\' || last == '[' {
            return Err("a range within brackets in the pattern is none".to_owned());
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_java() {
        for (pattern, yes, no) in [
            (".*", &["", "A_B"][..], &[][..]),
            ("KAFKA_.*", &["KAFKA_", "KAFKA_X"], &["KAFKA", "MY_KAFKA_X", "kafka_x"]),
            ("^KAFKA_[A-Z]+$", &["KAFKA_AB"], &["KAFKA_", "KAFKA_A1"]),
            ("A|B_\\d?", &["A", "B_", "B_1"], &["B", "A_", "B_12"]),
            ("[^_]+\\.x", &["a.x"], &["a_x", "ax", "_.x", "aax"]),
            ("a*ab", &["ab", "aab", "aaab"], &["b", "a", "aabb"]),
            ("\\w+_[-.]", &["a_-", "a__."], &["_", "a-"]),
            ("a+a?b*", &["a", "aa", "aabb"], &["", "b", "aba"]),
            ("a?b?c?", &["", "ac", "bc", "abc"], &["ca", "aa"]),
            ("", &[""], &["a"]),
            ("x|", &["", "x"], &["y"]),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            yes.iter().for_each(|name| assert!(parsed.matches(name), "{pattern} {name}"));
            no.iter().for_each(|name| assert!(!parsed.matches(name), "{pattern} {name}"));
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in [
            "(a)", "a{2}", "a^b", "a$b", "*a", "a**", "\\p{L}", "\\", "[a", "[z-a]", "[a&&b]", "a]",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::parse(&"a*".repeat(200)).unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(2_000))));
    }
}
