//! The known name that is most like an unknown one.

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
