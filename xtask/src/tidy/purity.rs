//! Below the driver: `no_std`, and no clock, chance, async, lock or environment.
//!
//! `#![no_std]` lets the compiler find most of that; this scan finds it behind a feature that
//! brings `std` in, and what `core` and `alloc` have of it.

use std::fs;
use std::path::Path;

use super::code::{find_token, line_of, test_modules, test_ranges, without_comments_and_strings};
use super::manifests::Crate;
use super::{Violation, relative};

/// What must not stand in code below the driver, and why.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("a clock", &["std::time", "Instant", "SystemTime"]),
    ("chance", &["rand::", "getrandom", "fastrand", "RandomState", "DefaultHasher"]),
    ("async", &["async", ".await", "tokio::", "Waker", "Future"]),
    (
        "a lock or a thread",
        &[
            "Mutex",
            "RwLock",
            "Condvar",
            "OnceLock",
            "LazyLock",
            "mpsc",
            "std::thread",
            "std::sync",
            "thread_local",
            "std::collections",
        ],
    ),
    (
        "the world outside",
        &["std::env", "env::var", "std::net", "std::fs", "std::process", "println"],
    ),
];

/// What one crate may name all the same. A serializer says what it has to look up; whoever sends runs that.
const NAMED: &[(&str, &str)] = &[("crates/serializer/src/", "Future")];

/// Finds violations in all of a crate's own code; `paths` are the repository's files.
pub(super) fn check_crate(root: &Path, krate: &Crate, paths: &[String]) -> Vec<Violation> {
    let folder = format!("{}/src/", relative(root, krate.folder()));
    let sources: Vec<(&str, String)> = paths
        .iter()
        .filter(|path| path.starts_with(&folder) && path.ends_with(".rs"))
        .filter_map(|path| Some((path.as_str(), fs::read_to_string(root.join(path)).ok()?)))
        .collect();
    check(&folder, &sources)
}

fn check(folder: &str, sources: &[(&str, String)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let library = format!("{folder}lib.rs");
    let has_no_std = sources.iter().any(|(path, text)| {
        *path == library && without_comments_and_strings(text).contains("#![no_std]")
    });
    if !has_no_std {
        found.push(Violation::new(library, "`#![no_std]` is missing"));
    }
    let for_tests: Vec<String> = sources
        .iter()
        .flat_map(|(path, text)| {
            let code = without_comments_and_strings(text);
            let folder = module_folder(path);
            test_modules(&code).into_iter().map(move |name| format!("{folder}{name}"))
        })
        .collect();
    let is_for_tests = |path: &str| {
        for_tests.iter().any(|module| {
            let rest = path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    for (path, text) in sources.iter().filter(|(path, _)| !is_for_tests(path)) {
        found.extend(check_source(path, text));
    }
    found
}

fn check_source(path: &str, text: &str) -> Vec<Violation> {
    let code = without_comments_and_strings(text);
    let tests = test_ranges(&code);
    let mut found = Vec::new();
    for (what, tokens) in FORBIDDEN {
        for token in *tokens {
            if NAMED.iter().any(|(folder, named)| path.starts_with(folder) && named == token) {
                continue;
            }
            for at in find_token(&code, token) {
                if !tests.iter().any(|range| range.contains(&at)) {
                    let place = format!("{path}:{}", line_of(&code, at));
                    let message = format!("`{token}`: {what} has no place below the driver");
                    found.push(Violation::new(place, message));
                }
            }
        }
    }
    found
}

/// Where the modules that `path` declares have their files.
fn module_folder(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    match stem.strip_suffix("/lib") {
        Some(folder) => format!("{folder}/"),
        None => format!("{stem}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<(&str, String)> =
            sources.iter().map(|&(path, text)| (path, text.to_owned())).collect();
        check("c/src/", &sources)
            .into_iter()
            .map(|v| format!("{}: {}", v.place, v.message))
            .collect()
    }

    #[test]
    fn a_clock_a_lock_async_and_chance_are_found() {
        for line in [
            "let t = std::time::Instant::now();",
            "use alloc::sync::Mutex;",
            "async fn f() {}",
            "f.await",
            "let x = std::env::var(y);",
            "let r = rand::random();",
            "use std::collections::HashMap;",
        ] {
            let text = format!("#![no_std]\nfn f() {{ {line} }}");
            assert!(!messages(&[("c/src/lib.rs", &text)]).is_empty(), "{line}");
        }
    }

    #[test]
    fn words_in_comments_strings_and_tests_are_not() {
        let text = "#![no_std]\n// Instant::now\nfn f() { g(\"Mutex\"); }\n\
                    #[cfg(test)]\nmod tests { use std::time::Instant; }\n\
                    #[cfg(test)]\nmod model;\n";
        let model = "use std::sync::Mutex;";
        assert_eq!(messages(&[("c/src/lib.rs", text), ("c/src/model.rs", model)]), [""; 0]);
        assert_eq!(
            messages(&[("c/src/lib.rs", "#![no_std]\nmod model;"), ("c/src/model.rs", model)])
                .len(),
            2
        );
    }

    #[test]
    fn a_library_that_is_not_no_std_is_found() {
        let expected = ["c/src/lib.rs: `#![no_std]` is missing"];
        assert_eq!(messages(&[("c/src/lib.rs", "// #![no_std]\n")]), expected);
        assert_eq!(messages(&[("c/src/other.rs", "")]), expected);
    }
}
