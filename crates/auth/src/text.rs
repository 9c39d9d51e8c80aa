//! Other people's words, made fit for an error.

use rohrpost_sasl::Secret;

/// The most characters of a server's words that an error repeats.
const LONGEST: usize = 300;

/// Without control characters, secrets and what is too long to be read.
pub(crate) fn quoted(words: &str, hidden: &[&Secret]) -> String {
    let mut words = words.to_owned();
    for secret in hidden.iter().filter_map(|secret| secret.expose_str()) {
        if !secret.trim().is_empty() {
            words = words.replace(secret, "[hidden]").replace(secret.trim(), "[hidden]");
        }
    }
    let mut shown: String = words
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(LONGEST)
        .collect::<String>()
        .trim()
        .to_owned();
    if words.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_cleaned_and_rid_of_secrets() {
        let secret = Secret::from("hush ");
        assert_eq!(quoted(" a\u{1b}[2J\r\nhush hush b ", &[&secret]), "a [2J  [hidden][hidden]b");
        let long = quoted(&"x".repeat(100_000), &[&Secret::default()]);
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
