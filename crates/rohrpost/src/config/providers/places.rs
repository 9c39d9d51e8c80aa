//! Where values stand: the environment, files of properties, folders of files.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::Class;
use super::pattern::Pattern;
use crate::config::password::Password;
use crate::config::text;

/// Far more than any configuration or secret.
const LARGEST: u64 = 1024 * 1024;

/// A provider, ready to be asked.
pub(super) enum Place {
    /// The variables whose names match, or all.
    Environment(Option<Pattern>),
    File(Allowed),
    Directory(Allowed),
}

impl Place {
    pub(super) fn new(class: Class, parameter: Option<&str>) -> Result<Self, String> {
        Ok(match class {
            Class::Environment => Self::Environment(parameter.map(Pattern::parse).transpose()?),
            Class::File => Self::File(Allowed::new(parameter)?),
            Class::Directory => Self::Directory(Allowed::new(parameter)?),
        })
    }

    /// What stands there; `None`: nothing does. Nothing of it is in an error.
    pub(super) fn get(&self, path: &str, key: &str) -> Result<Option<Password>, String> {
        match self {
            Self::Environment(pattern) => variable(pattern.as_ref(), path, key),
            Self::File(allowed) => property(&allowed.path(path)?, key),
            Self::Directory(allowed) => file_in(&allowed.path(path)?, key),
        }
    }
}

fn variable(pattern: Option<&Pattern>, path: &str, key: &str) -> Result<Option<Password>, String> {
    if !path.is_empty() {
        return Err(format!("the environment has no paths, such as {path:?}"));
    }
    if pattern.is_some_and(|pattern| !pattern.matches(key)) {
        return Err("allowlist.pattern does not allow it".to_owned());
    }
    if key.is_empty() || key.contains(['=', '\0']) {
        return Ok(None);
    }
    match std::env::var(key) {
        Ok(value) => Ok(Some(Password::from(value))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err("its value is not UTF-8".to_owned()),
    }
}

/// Of a file as `java.util.Properties` reads it.
fn property(path: &Path, key: &str) -> Result<Option<Password>, String> {
    let text = read(path)?;
    // What its error would repeat is a line's number alone.
    let mut found = None;
    for pair in text::parse(&text) {
        let (_, name, value) = pair.map_err(|error| format!("{}: {error}", path.display()))?;
        // Each is wiped, whether it is wanted or not.
        let value = Password::from(value);
        if name == key {
            found = Some(value);
        }
    }
    Ok(found)
}

fn file_in(folder: &Path, key: &str) -> Result<Option<Password>, String> {
    if !folder.is_dir() {
        return Err(format!("{} is not a folder", folder.display()));
    }
    // A name, and no way out of the folder.
    let mut components = Path::new(key).components();
    let is_name = matches!(components.next(), Some(Component::Normal(name)) if name.to_str() == Some(key))
        && components.next().is_none();
    let path = folder.join(key);
    if !is_name || !path.is_file() {
        return Ok(None);
    }
    read(&path).map(Some)
}

fn read(path: &Path) -> Result<Password, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len().min(LARGEST);
    // In one piece, so that no copy is left behind.
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "{} has more than {LARGEST} bytes: it is something else",
            path.display()
        ));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))?;
    Ok(Password::from(text))
}

/// `allowed.paths`: where files may be; anywhere, if it is not set.
pub(super) struct Allowed(Option<Vec<PathBuf>>);

impl Allowed {
    fn new(paths: Option<&str>) -> Result<Self, String> {
        let Some(paths) = paths.filter(|paths| !paths.is_empty()) else { return Ok(Self(None)) };
        let allowed = paths.split(',').map(|path| {
            let path = normal(Path::new(path));
            if !path.is_absolute() {
                return Err(format!("{} is not absolute", path.display()));
            }
            if !path.exists() {
                return Err(format!("{} is not there", path.display()));
            }
            Ok(path)
        });
        allowed.collect::<Result<_, _>>().map(Some).map(Self)
    }

    fn path(&self, path: &str) -> Result<PathBuf, String> {
        if path.is_empty() {
            return Err("it has no path".to_owned());
        }
        let Some(allowed) = &self.0 else { return Ok(path.into()) };
        let path = normal(Path::new(path));
        match allowed.iter().any(|allowed| path.starts_with(allowed)) {
            true => Ok(path),
            false => Err(format!("allowed.paths does not allow {}", path.display())),
        }
    }
}

/// Without `.` and `..`, by the words alone, as Java's `Path.normalize`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match normal.components().next_back() {
                Some(Component::Normal(_)) => drop(normal.pop()),
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => normal.push(".."),
            },
            other => normal.push(other),
        }
    }
    normal
}
