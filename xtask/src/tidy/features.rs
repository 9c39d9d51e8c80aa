//! Whoever reads a crate's documentation learns of each of its features.

use std::fs;
use std::path::Path;

use super::manifests::Crate;
use super::{Violation, relative};

/// Finds features that neither the README nor the documentation of the crate's root names. Those with an underscore
/// in front are parts of others, and not for use.
pub(super) fn check(root: &Path, krate: &Crate) -> Vec<Violation> {
    if !krate.is_published() {
        return Vec::new();
    }
    let readme = fs::read_to_string(krate.folder().join("README.md")).unwrap_or_default();
    let library = fs::read_to_string(krate.folder().join("src/lib.rs")).unwrap_or_default();
    let features = krate.features.keys().map(String::as_str);
    undocumented(features, &readme, &library)
        .into_iter()
        .map(|feature| {
            let message = format!(
                "feature `{feature}` of {} stands nowhere: say in README.md what it has",
                krate.name
            );
            Violation::new(relative(root, &krate.manifest_path), message)
        })
        .collect()
}

fn undocumented<'a>(
    features: impl Iterator<Item = &'a str>,
    readme: &str,
    library: &str,
) -> Vec<&'a str> {
    let documentation: Vec<&str> =
        readme.lines().chain(library.lines().filter(|line| line.starts_with("//!"))).collect();
    features
        .filter(|feature| *feature != "default" && !feature.starts_with('_'))
        .filter(|feature| {
            let name = format!("`{feature}`");
            !documentation.iter().any(|line| line.contains(&name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_no_page_names_is_found() {
        let features = || ["_tls", "default", "lz4", "lz4-c", "zstd"].into_iter();
        let readme = "With the feature `lz4-c`.\nlz4 is fast.";
        let library = "//! | `zstd` | small |\n#[cfg(feature = \"lz4\")] // `lz4`";
        assert_eq!(undocumented(features(), readme, library), ["lz4"]);
        assert!(undocumented(features(), &format!("{readme} `lz4`"), library).is_empty());
    }
}
