//! Small files that hold secrets.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use rohrpost_sasl::Secret;

use crate::CredentialsError;

/// Far more than any token, key or profile.
const LARGEST: u64 = 1024 * 1024;

/// Reads it on a thread for that, since file systems may hang.
pub(crate) async fn read(path: &Path, what: &'static str) -> Result<Secret, CredentialsError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read_now(&path, what)).await.unwrap_or_else(|error| {
        Err(CredentialsError::passing(format!("{what} was not read: {error}")))
    })
}

fn read_now(path: &PathBuf, what: &str) -> Result<Secret, CredentialsError> {
    let failed = |error: std::io::Error| {
        let detail = format!("{what} {} cannot be read: {error}", path.display());
        // It may be written a moment later, as secrets that are mounted are.
        CredentialsError::passing(detail)
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let too_large = || {
        let detail = format!(
            "{what} {} has more than {LARGEST} bytes: it is something else",
            path.display()
        );
        CredentialsError::lasting(detail)
    };
    if length > LARGEST {
        return Err(too_large());
    }
    // In one piece, so that no copy is left behind: room for what it says, and a byte to find the end with.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.by_ref().take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}
