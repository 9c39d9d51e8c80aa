//! The README promises that its commands work: here its first one is found, to be run as it is.

use std::fs;
use std::path::Path;

use crate::Result;

/// The words of the first command in a `sh` or `console` block of README.md.
pub(super) fn first_command(root: &Path) -> Result<Vec<String>> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    find(&text).ok_or_else(|| "README.md has no command in a ```sh block".into())
}

fn find(text: &str) -> Option<Vec<String>> {
    let mut in_block = false;
    for line in text.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            in_block = !in_block && matches!(language, "sh" | "bash" | "shell" | "console");
        } else if in_block {
            let command = line.trim().trim_start_matches("$ ");
            if !command.is_empty() && !command.starts_with('#') {
                return Some(command.split_whitespace().map(str::to_owned).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_command_of_the_first_shell_block() {
        let text = "```rust\nlet a;\n```\ntext\n```sh\n# a demo\n$ cargo run --release -- x\ncargo y\n```\n";
        assert_eq!(find(text).unwrap(), ["cargo", "run", "--release", "--", "x"]);
        assert_eq!(find("cargo run\n"), None);
    }
}
