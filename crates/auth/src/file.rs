//! Small files that hold secrets.

use std::io::{ErrorKind, Read as _};
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
        let (shown, hint) = (path.display(), hint(error.kind()));
        let detail = format!("{what} {shown} cannot be read: {error}{}", hint.unwrap_or_default());
        CredentialsError { detail, is_retriable: hint.is_none() }
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

/// What to do about what only somebody can mend, where Java does not even make a producer. Nothing where the disk or the file server may recover.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
            Some("; check its name")
        }
        ErrorKind::PermissionDenied => {
            Some("; let the user that this program runs as read it, and enter its folders")
        }
        ErrorKind::IsADirectory => Some("; name the file itself"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_not_there_or_is_none_will_not_mend_by_itself() {
        let folder = std::env::temp_dir();
        let missing = folder.join(format!("rohrpost-auth-missing-{}", std::process::id()));
        for (path, words) in [(&missing, "check its name"), (&folder, "name the file itself")] {
            let error = read(path, "the keytab").await.map(drop).unwrap_err();
            assert!(!error.is_retriable, "{error}");
            let start = format!("the keytab {} cannot be read: ", path.display());
            assert!(error.detail.starts_with(&start) && error.detail.ends_with(words), "{error}");
        }
    }

    #[test]
    fn what_the_machine_may_mend_may_pass() {
        assert!(hint(ErrorKind::PermissionDenied).is_some());
        for kind in [ErrorKind::Interrupted, ErrorKind::StaleNetworkFileHandle, ErrorKind::Other] {
            assert_eq!(hint(kind), None, "{kind}");
        }
    }
}
