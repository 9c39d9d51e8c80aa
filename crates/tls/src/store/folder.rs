//! Folders of certificates, as OpenSSL has them: `openssl rehash` gives each certificate a link that is named by the hash of its subject.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The most certificates in a folder: far more than there are authorities.
const MOST_FILES: usize = 10_000;

/// What OpenSSL would look at in a folder, in order: `5ed36f99.0`. It trusts nothing else that lies there, such as a certificate that somebody put aside.
pub(crate) fn certificates(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_hashed) {
            paths.push(entry.path());
        }
        if paths.len() > MOST_FILES {
            let reason = format!("it has more than {MOST_FILES} certificates");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
    }
    paths.sort();
    // A link whose certificate was taken away is nobody's concern.
    paths.retain(|path| path.exists());
    Ok(paths)
}

/// Eight digits of the hash and a number. Lists of what is revoked are called `5ed36f99.r0`.
fn is_hashed(name: &str) -> bool {
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(is_digit)
            && !number.is_empty()
            && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::is_hashed;

    #[test]
    fn names_are_those_of_openssl() {
        for name in ["5ed36f99.0", "00000000.12"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "ca.pem",
            "5ed36f99",
            "5ed36f99.",
            "5ed36f99.r0",
            "5ED36F99.0",
            "5ed36f9.0",
            "5ed36f99.0.pem",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
