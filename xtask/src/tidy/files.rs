//! Rules for single files: their length, what must not stay in them, and whose paths they name.

use super::Violation;
use super::code::{find_token, line_of, test_ranges, without_comments_and_strings};

/// Hand-written files hold one idea each; a little over 600 lines is the most that holds one.
const MOST_LINES: usize = 640;

/// Generated code and test vectors are as long as they are.
const MAY_BE_LONG: &[&str] = &[
    "crates/codec/src/messages.rs",
    "crates/codec/src/messages/",
    "crates/codec/src/tests/samples.rs",
    "xtask/conformance/src/samples.rs",
    "/vectors/",
];

/// Work that is unfinished by its own word.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Folders of somebody's machine.
const HOST_PATHS: &[&str] = &["/work/", "/tmp/", "/home/", "/root/", "/Users/"];

/// This file names what it forbids.
const SELF: &str = "xtask/src/tidy/files.rs";

/// With a reason after the colon, on the same line or the line before, a test may sleep.
const MAY_SLEEP: &str = "tidy: may sleep:";

/// Finds what is wrong in the file `path` (from the repository's top).
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    if path == SELF || path == "Cargo.lock" || path.ends_with("/Cargo.lock") {
        return Vec::new();
    }
    let mut found = host_paths(path, text);
    if path.ends_with(".rs") {
        found.extend(too_long(path, text));
        found.extend(unfinished(path, text));
        found.extend(sleeping_tests(path, text));
        if path.ends_with("/mod.rs") && !path.contains("/tests/") {
            found.push(Violation::new(path, "name it after its folder: foo.rs, not foo/mod.rs"));
        }
    }
    found
}

fn too_long(path: &str, text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    let exempt = MAY_BE_LONG.iter().any(|part| path.contains(part));
    (lines > MOST_LINES && !exempt).then(|| {
        Violation::new(path, format!("{lines} lines: a file holds one idea, in at most about 600"))
    })
}

fn unfinished(path: &str, text: &str) -> Vec<Violation> {
    let code = without_comments_and_strings(text);
    let words = UNFINISHED.iter().flat_map(|token| {
        find_token(&code, token).into_iter().map(move |at| (at, format!("`{token}` is unfinished")))
    });
    let ignored = code
        .match_indices("#[ignore")
        .map(|(at, _)| (at, "an ignored test: repair it or remove it".to_owned()));
    words
        .chain(ignored)
        .map(|(at, message)| Violation::new(format!("{path}:{}", line_of(&code, at)), message))
        .collect()
}

fn sleeping_tests(path: &str, text: &str) -> Vec<Violation> {
    let code = without_comments_and_strings(text);
    let tests = test_ranges(&code);
    // A crate's tests/ folder is all tests; the top folder tests/ is a crate with src/ and tests/.
    let all_tests = path.contains("/tests/");
    let lines: Vec<&str> = text.lines().collect();
    let excused = |line: usize| {
        let near = [lines.get(line - 1), line.checked_sub(2).and_then(|line| lines.get(line))];
        near.into_iter().flatten().any(|line| {
            line.split_once(MAY_SLEEP).is_some_and(|(_, reason)| !reason.trim().is_empty())
        })
    };
    find_token(&code, "sleep")
        .into_iter()
        .filter(|at| code[at + "sleep".len()..].starts_with('('))
        .filter(|at| all_tests || tests.iter().any(|range| range.contains(at)))
        .map(|at| line_of(&code, at))
        .filter(|&line| !excused(line))
        .map(|line| {
            let message = format!(
                "a test that sleeps: wait for what is to happen, or pause tokio's clock \
                 (`// {MAY_SLEEP} <reason>` if there is no other way)"
            );
            Violation::new(format!("{path}:{line}"), message)
        })
        .collect()
}

fn host_paths(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        for host_path in HOST_PATHS {
            // `https://host/work/` and `$HOME/tmp/` are no paths of this machine.
            let starts = content.match_indices(host_path).any(|(at, _)| {
                let before = content[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "._-}$/".contains(c))
            });
            if starts {
                let message = format!("`{host_path}` is a path of one machine only");
                found.push(Violation::new(format!("{path}:{line}"), message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_far_over_six_hundred_lines_is_found_unless_it_is_generated() {
        let text = "\n".repeat(MOST_LINES + 1);
        assert_eq!(check("crates/engine/src/sender.rs", &text).len(), 1);
        assert_eq!(check("crates/codec/src/messages/fetch_response.rs", &text), []);
        assert_eq!(check("crates/engine/src/sender.rs", &"\n".repeat(MOST_LINES)), []);
    }

    #[test]
    fn unfinished_work_and_ignored_tests_are_found() {
        assert_eq!(check("a/src/b.rs", "fn f() { todo!() }\n").len(), 1);
        assert_eq!(check("a/src/b.rs", "#[ignore = \"later\"]\n#[test]\nfn t() {}\n").len(), 1);
        assert_eq!(check("a/src/b.rs", "// todo! is forbidden\nfn f(todo: u8) {}\n"), []);
    }

    #[test]
    fn a_test_that_sleeps_is_found_unless_it_says_why() {
        let sleep = "fn f() { sleep(x); }\n";
        assert_eq!(check("a/src/b.rs", sleep), []);
        assert_eq!(check("a/tests/b.rs", sleep).len(), 1);
        assert_eq!(check("a/src/b.rs", &format!("#[cfg(test)]\nmod tests {{ {sleep} }}")).len(), 1);
        assert_eq!(
            check("a/tests/b.rs", &format!("// {MAY_SLEEP} silence is what is tested\n{sleep}")),
            []
        );
        assert_eq!(check("a/tests/b.rs", &format!("// {MAY_SLEEP}\n{sleep}")).len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert_eq!(check("README.md", "see /work/main/x\n").len(), 1);
        assert_eq!(check("a.toml", "path = \"/home/me/x\"\n").len(), 1);
        assert_eq!(check("README.md", "https://example.org/work/x and target/tmp/y\n"), []);
    }
}
