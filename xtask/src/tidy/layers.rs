//! Arrows point down only (ARCHITECTURE.md), and below the driver every dependency from outside is
//! one that was thought about.

use std::collections::BTreeSet;
use std::path::Path;

use super::manifests::{Crate, Kind};
use super::{Violation, relative};

/// Each crate with those right below it. Skipping a level is fine: what is below those is allowed
/// too.
const LAYERS: &[(&str, &[&str])] = &[
    ("rohrpost-codec", &[]),
    ("rohrpost-records", &[]),
    ("rohrpost-partitioner", &[]),
    ("rohrpost-kerberos", &[]),
    ("rohrpost-sasl", &[]),
    ("rohrpost-serializer", &[]),
    ("rohrpost-tls", &[]),
    ("rohrpost-auth", &["rohrpost-kerberos", "rohrpost-sasl", "rohrpost-tls"]),
    ("rohrpost-cluster", &["rohrpost-codec", "rohrpost-sasl"]),
    ("rohrpost-engine", &["rohrpost-cluster", "rohrpost-records"]),
    (
        "rohrpost-driver",
        &["rohrpost-engine", "rohrpost-partitioner", "rohrpost-auth", "rohrpost-tls"],
    ),
    ("rohrpost-schema-registry", &["rohrpost-auth", "rohrpost-serializer", "rohrpost-tls"]),
    ("rohrpost", &["rohrpost-driver", "rohrpost-auth", "rohrpost-serializer"]),
    ("rohrpost-testkit", &["rohrpost-codec", "rohrpost-records"]),
    ("rohrpost-sim", &["rohrpost-engine", "rohrpost-testkit"]),
    ("xtask", &[]),
    ("rohrpost-tests", &["rohrpost", "rohrpost-testkit", "rohrpost-schema-registry", "xtask"]),
    ("rohrpost-bench", &["rohrpost"]),
    ("rohrpost-conformance", &["rohrpost-codec"]),
];

/// Crates that may use those named and nothing below them: the command line is a user like any
/// other.
const STRICT: &[(&str, &[&str])] =
    &[("rohrpost-cli", &["rohrpost", "rohrpost-testkit", "rohrpost-schema-registry"])];

/// What each crate below the driver may use from outside, by features too.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("rohrpost-codec", &["bytes", "nom", "tokio-util"]),
    ("rohrpost-records", &["bytes", "crc32c", "flate2", "lz4", "lz4_flex", "nom", "snap", "zstd"]),
    ("rohrpost-partitioner", &[]),
    ("rohrpost-kerberos", &["aes", "hmac", "sha1", "sha2", "zeroize"]),
    (
        "rohrpost-sasl",
        &["base64ct", "bytes", "hmac", "pbkdf2", "serde_core", "serde_json", "sha2", "zeroize"],
    ),
    ("rohrpost-serializer", &["bytes", "prost", "serde_core", "serde_json", "uuid"]),
    ("rohrpost-cluster", &["bytes", "foldhash", "hashbrown", "zeroize"]),
    ("rohrpost-engine", &["bytes", "foldhash", "hashbrown"]),
];

/// Whether this is one of the crates that know no clock, chance, lock, async or environment.
pub(super) fn is_below_driver(name: &str) -> bool {
    OUTSIDE.iter().any(|(krate, _)| *krate == name)
}

/// Finds arrows that point up and uninvited dependencies.
pub(super) fn check(root: &Path, krate: &Crate) -> Vec<Violation> {
    let place = relative(root, &krate.manifest_path);
    let Some(allowed) = allowed_for(&krate.name) else {
        let message = format!("crate {} has no place in the layers of xtask tidy", krate.name);
        return vec![Violation::new(place, message)];
    };
    let outside = OUTSIDE.iter().find(|(name, _)| *name == krate.name).map(|(_, list)| *list);
    let mut found = Vec::new();
    for dependency in &krate.dependencies {
        let name = dependency.name.as_str();
        let is_dev = dependency.kind == Some(Kind::Dev);
        if allowed_for(name).is_some() {
            // Tests may use the embedded cluster, except those of what it is made from itself.
            let is_testkit = is_dev
                && name == "rohrpost-testkit"
                && allowed_for(name).is_some_and(|below| !below.contains(krate.name.as_str()));
            let is_shown = is_dev && is_shown_with(krate, name);
            if !allowed.contains(name) && !is_testkit && !is_shown {
                let message = format!("{} must not know {name}: arrows point down", krate.name);
                found.push(Violation::new(&place, message));
            }
        } else if outside.is_some_and(|list| !is_dev && !list.contains(&name)) {
            let message = format!("{name} is not among the dependencies of {}", krate.name);
            found.push(Violation::new(&place, message));
        }
    }
    found
}

/// Whether the examples and documents of one crate may use the other: serializers are shown with the producer, which they do not know.
fn is_shown_with(krate: &Crate, name: &str) -> bool {
    (krate.name.as_str(), name) == ("rohrpost-schema-registry", "rohrpost")
}

/// Every crate of ours that `name` may use; `None` if it is none of ours.
fn allowed_for(name: &str) -> Option<BTreeSet<&'static str>> {
    if let Some((_, strict)) = STRICT.iter().find(|(krate, _)| *krate == name) {
        return Some(strict.iter().copied().collect());
    }
    let (_, below) = LAYERS.iter().find(|(krate, _)| *krate == name)?;
    let mut allowed: BTreeSet<&str> = below.iter().copied().collect();
    for krate in *below {
        allowed.extend(allowed_for(krate).unwrap_or_default());
    }
    Some(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::manifests::planted;
    use super::*;

    fn count(name: &str, dependencies: &[(&str, Option<Kind>)]) -> usize {
        check(Path::new("nowhere"), &planted(name, dependencies)).len()
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        assert_eq!(count("rohrpost-engine", &[("rohrpost-codec", None)]), 0);
        assert_eq!(count("rohrpost-engine", &[("rohrpost-driver", None)]), 1);
        assert_eq!(count("rohrpost-engine", &[("rohrpost-driver", Some(Kind::Dev))]), 1);
        assert_eq!(count("rohrpost-codec", &[("rohrpost-records", None)]), 1);
        assert_eq!(count("rohrpost-records", &[("rohrpost-codec", None)]), 1);
        assert_eq!(count("rohrpost-partitioner", &[("rohrpost-codec", Some(Kind::Build))]), 1);
        assert_eq!(count("rohrpost-testkit", &[("rohrpost", None)]), 1);
    }

    #[test]
    fn the_command_line_sees_only_the_facade_and_the_testkit() {
        assert_eq!(count("rohrpost-cli", &[("rohrpost", None), ("rohrpost-testkit", None)]), 0);
        assert_eq!(count("rohrpost-cli", &[("rohrpost-engine", None)]), 1);
    }

    #[test]
    fn tests_may_use_the_testkit_where_that_makes_no_circle() {
        assert_eq!(count("rohrpost", &[("rohrpost-testkit", Some(Kind::Dev))]), 0);
        assert_eq!(count("rohrpost", &[("rohrpost-testkit", None)]), 1);
        assert_eq!(count("rohrpost-codec", &[("rohrpost-testkit", Some(Kind::Dev))]), 1);
    }

    #[test]
    fn the_registrys_serializers_are_shown_with_a_producer_that_they_do_not_know() {
        assert_eq!(count("rohrpost-schema-registry", &[("rohrpost", Some(Kind::Dev))]), 0);
        assert_eq!(count("rohrpost-schema-registry", &[("rohrpost", None)]), 1);
        assert_eq!(count("rohrpost-serializer", &[("rohrpost", Some(Kind::Dev))]), 1);
    }

    #[test]
    fn an_uninvited_dependency_below_the_driver_is_found() {
        assert_eq!(count("rohrpost-engine", &[("bytes", None)]), 0);
        assert_eq!(count("rohrpost-engine", &[("rand", None)]), 1);
        assert_eq!(count("rohrpost-engine", &[("rand", Some(Kind::Build))]), 1);
        assert_eq!(count("rohrpost-engine", &[("proptest", Some(Kind::Dev))]), 0);
        assert_eq!(count("rohrpost-driver", &[("tokio", None)]), 0);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(count("rohrpost-misc", &[]), 1);
    }
}
