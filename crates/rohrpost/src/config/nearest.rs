//! The known name that is most like an unknown one.

use super::{java, librdkafka, names};

/// What is told in place of a name that is none.
const NO_NAME: &str = "(not shown: it may be of a secret whose value goes on in a second line)";

/// The longest word of a name, twice over: a line of a key in PEM is longer.
const LONGEST_WORD: usize = 32;

/// A name that nobody knows, as errors may tell it. Where a value of several lines lacks its backslashes, what is taken for a name is a piece of it: of a private key, of a token, of a
/// password in quotes.
pub(super) fn shown(name: &str) -> &str {
    let is_word = |word: &str| word.len() <= LONGEST_WORD;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.bytes().all(is_plain) && name.split('.').all(is_word) { name } else { NO_NAME }
}

/// What people call some properties.
const ELSEWHERE: &[(&str, &str)] = &[
    ("brokers", "bootstrap.servers"),
    ("broker.list", "bootstrap.servers"),
    ("timeout.ms", "request.timeout.ms"),
];

/// Whether a name unknown to Java's dialect is one of librdkafka's, and what Java calls it.
pub(crate) fn in_java(name: &str) -> (bool, Option<&'static str>) {
    let theirs = librdkafka::all().find(|property| property.named(name).is_some());
    (theirs.is_some(), theirs.and_then(|property| property.counterparts.first().copied()))
}

/// Whether a name unknown to librdkafka's dialect is one of Java's, and what librdkafka calls it.
pub(crate) fn in_librdkafka(name: &str) -> (bool, Option<&'static str>) {
    let is_java = names(java()).any(|known| known == name);
    let ours = librdkafka::all().find(|property| property.counterparts.contains(&name));
    (is_java, ours.map(super::Property::name))
}

/// The candidate that was meant: what people call it, a name of which `name` is some words, or the nearest.
pub(crate) fn meant<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let plain = name.to_ascii_lowercase().replace(['_', '-'], ".");
    let known = |name: &str| candidates.clone().find(|candidate| *candidate == name);
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == plain);
    if let Some(found) = elsewhere.and_then(|(_, ours)| known(ours)) {
        return Some(found);
    }
    let words = |of: &'a str| of.split('.');
    let holds =
        |candidate: &&'a str| plain.split('.').all(|word| words(candidate).any(|of| of == word));
    nearest(name, candidates.clone())
        .or_else(|| candidates.clone().filter(holds).min_by_key(|candidate| candidate.len()))
        .or_else(|| first_words(&plain, candidates))
}

/// The candidate whose first words, as many as there are here, are the nearest.
fn first_words<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let count = name.split('.').count();
    let first = |candidate: &'a str| {
        let end = candidate.match_indices('.').nth(count - 1).map_or(candidate.len(), |(at, _)| at);
        &candidate[..end]
    };
    let meant = nearest(name, candidates.clone().map(first))?;
    candidates.filter(|candidate| first(candidate) == meant).min_by_key(|candidate| candidate.len())
}

/// The candidate that the fewest edits (a character added, removed, replaced, or two neighbours swapped) turn `name` into, unless that is more
/// than about a third of it.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody's property name is longer; the distance is quadratic.
    if name.len() > 100 {
        return None;
    }
    let name = name.to_ascii_lowercase().replace(['_', '-'], ".");
    let limit = (name.len() / 3).max(2);
    candidates
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, candidate)| candidate)
}

/// Damerau's distance (optimal string alignment) over bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peoples_names_and_single_words_lead_to_ours() {
        let names = [
            "acks",
            "batch.size",
            "bootstrap.servers",
            "delivery.timeout.ms",
            "enable.idempotence",
            "linger.ms",
            "partitioner.class",
            "request.timeout.ms",
        ];
        for (name, expected) in [
            ("linger", Some("linger.ms")),
            ("lingr", Some("linger.ms")),
            ("delivery.timout", Some("delivery.timeout.ms")),
            ("idempotence", Some("enable.idempotence")),
            ("partitioner", Some("partitioner.class")),
            ("brokers", Some("bootstrap.servers")),
            ("batch_size", Some("batch.size")),
            ("statistics.interval.ms", None),
        ] {
            assert_eq!(meant(name, names.into_iter()), expected, "{name}");
        }
    }

    #[test]
    fn counts_edits() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), expected, "{b} {a}");
        }
    }

    #[test]
    fn finds_the_name_that_was_meant_or_none() {
        let names = ["linger.ms", "batch.size", "compression.type"];
        assert_eq!(nearest("linger.sm", names.into_iter()), Some("linger.ms"));
        assert_eq!(nearest("LINGER_MS", names.into_iter()), Some("linger.ms"));
        assert_eq!(nearest("compresion.typ", names.into_iter()), Some("compression.type"));
        assert_eq!(nearest("zzz", names.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(10_000), names.into_iter()), None);
    }
}
