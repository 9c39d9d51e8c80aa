//! Real text, gathered from the machine: package lists, dictionaries, headers, source trees.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Records larger than a broker takes by default (1 MiB in all) are another test's matter.
const LONGEST_LINE: usize = 900_000;

/// Makes a file of at least `megabytes` MB (of 1,000,000 bytes) of lines `KEY<tab>LINE`, and gives
/// its path. The key is the line's first word, so that keys repeat as they do in life.
///
/// It stays under `target/corpus/` for the next time.
///
/// # Errors
///
/// The file cannot be written, or the machine has no text at all.
pub fn keyed(megabytes: usize) -> io::Result<PathBuf> {
    // Tests of one process ask at the same time: one of them makes the file.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = workspace().join("target/corpus");
    let path = folder.join(format!("keyed-{megabytes}.tsv"));
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&folder)?;
    let arriving = folder.join(format!("keyed-{megabytes}.{}.arriving", std::process::id()));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&arriving)?);
    let mut left = megabytes * 1_000_000;
    while left > 0 {
        let before = left;
        gather(&mut |text| {
            for line in text.split(|&byte| byte == b'\n') {
                if left == 0 || line.len() > LONGEST_LINE {
                    continue;
                }
                out.write_all(key(line))?;
                out.write_all(b"\t")?;
                out.write_all(line)?;
                out.write_all(b"\n")?;
                left = left.saturating_sub(line.len() + 1);
            }
            Ok(left > 0)
        })?;
        if left == before {
            return Err(io::Error::other("found no text on this machine"));
        }
    }
    out.flush()?;
    fs::rename(&arriving, &path)?;
    Ok(path)
}

/// The first word of a line: letters, digits and `_`, at most 24 bytes; `-` if there is none.
fn key(line: &[u8]) -> &[u8] {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let Some(start) = line.iter().position(is_word) else { return b"-" };
    let word = &line[start..];
    let length = word.iter().take_while(|byte| is_word(byte)).take(24).count();
    &word[..length]
}

/// Hands text after text to `take` until it says that it has enough.
fn gather(take: &mut impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
    let packages = Command::new("apt-cache").arg("dumpavail").stderr(Stdio::null()).output();
    if let Ok(packages) = packages {
        // A share of it: source text, with its many short and indented lines, is wanted too.
        let share = packages.stdout.len().min(80_000_000);
        if !take(&packages.stdout[..share])? {
            return Ok(());
        }
    }
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let places = [
        Some(workspace().join("crates")),
        cargo_home.map(|home| home.join("registry/src")),
        Some(PathBuf::from("/usr/share/dict")),
        Some(PathBuf::from("/usr/include")),
        Some(PathBuf::from("/usr/share/doc")),
    ];
    for place in places.into_iter().flatten() {
        if !walk(&place, take)? {
            break;
        }
    }
    Ok(())
}

fn walk(path: &Path, take: &mut impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<bool> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(true) };
    if metadata.is_dir() {
        let Ok(entries) = fs::read_dir(path) else { return Ok(true) };
        let paths: BTreeSet<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        for path in paths {
            if !walk(&path, take)? {
                return Ok(false);
            }
        }
    } else if metadata.is_file() {
        let Ok(content) = fs::read(path) else { return Ok(true) };
        // Compressed files and libraries are no text.
        if !content.iter().take(8_000).any(|&byte| byte == 0) {
            return take(&content);
        }
    }
    Ok(true)
}

fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_first_word() {
        assert_eq!(key(b"  pub(super) fn x"), b"pub");
        assert_eq!(key(b"Package: 0ad"), b"Package");
        assert_eq!(key(b"\t }"), b"-");
        assert_eq!(key(b""), b"-");
        assert_eq!(key("ä".as_bytes()), b"-");
        assert_eq!(key(&[b'a'; 30]).len(), 24);
    }
}
