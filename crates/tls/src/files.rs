//! Whether files have changed.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::store::folder;

/// A file that was written less than this ago may be written once more without its time or length telling: file systems
/// count in ticks, of two seconds at worst.
const TICK: Duration = Duration::from_secs(2);

/// What some files were like when they were looked at.
#[derive(Debug)]
pub(crate) struct Files {
    stamps: Vec<Option<Stamp>>,
    digests: Vec<Option<[u8; 32]>>,
    /// Whether a change must show in the stamps.
    are_settled: bool,
}

/// What a file's change most often changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, number and time of change, where the system has them: a file that takes the place of another may be as
    /// long and as old.
    identity: [u64; 4],
}

impl Files {
    /// What they are like now; a file that is not there is like nothing.
    pub(crate) fn look(paths: &[&Path]) -> Self {
        let stamps: Vec<_> = paths.iter().map(|path| stamp(path)).collect();
        let are_settled = stamps.iter().flatten().all(Stamp::is_settled);
        let digests = paths.iter().map(|path| digest(path).ok()).collect();
        Self { stamps, digests, are_settled }
    }

    /// Whether what is in them is not what it was when this was asked last.
    pub(crate) fn have_changed(&mut self, paths: &[&Path]) -> bool {
        if self.are_settled && paths.iter().map(|path| stamp(path)).eq(self.stamps.iter().cloned())
        {
            return false;
        }
        let now = Self::look(paths);
        let have_changed = now.digests != self.digests;
        *self = now;
        have_changed
    }
}

impl Stamp {
    fn is_settled(&self) -> bool {
        let age =
            self.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        age.is_some_and(|age| age >= TICK)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        length: metadata.len(),
        modified: metadata.modified().ok(),
        identity: identity(&metadata),
    })
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> [u64; 4] {
    use std::os::unix::fs::MetadataExt as _;
    [
        metadata.dev(),
        metadata.ino(),
        metadata.ctime().unsigned_abs(),
        metadata.ctime_nsec().unsigned_abs(),
    ]
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> [u64; 4] {
    [0; 4]
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    if path.is_dir() {
        let mut digest = Sha256::new();
        for path in folder::certificates(path)? {
            digest.update(path.as_os_str().as_encoded_bytes());
            digest.update(digest_of_file(&path)?);
        }
        return Ok(digest.finalize().into());
    }
    digest_of_file(path)
}

fn digest_of_file(path: &Path) -> io::Result<[u8; 32]> {
    use std::io::Read as _;
    let mut file = File::open(path)?.take(crate::store::MOST_BYTES as u64 + 1);
    let mut digest = Sha256::new();
    let mut part = zeroize::Zeroizing::new(vec![0; 8192]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(digest.finalize().into()),
            length => digest.update(part.get(..length).unwrap_or_default()),
        }
    }
}
