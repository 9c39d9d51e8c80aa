//! What the process and the machine say of Kerberos.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rohrpost_kerberos::Krb5Config;

use crate::CredentialsError;

const DEFAULT_CONFIG: &str = "/etc/krb5.conf";

/// Far more than any configuration.
const LARGEST: u64 = 1024 * 1024;
/// Files that include files that include files.
const DEEPEST: usize = 8;

/// Where Kerberos finds its way: `KRB5_CONFIG` and `KRB5CCNAME`, or what stands in their place.
#[derive(Clone, PartialEq, Eq)]
pub struct KerberosEnvironment {
    configs: Vec<PathBuf>,
    cache: Option<String>,
}

impl KerberosEnvironment {
    /// As the process's environment variables have it: `KRB5_CONFIG` names configurations, with colons between, else it is `/etc/krb5.conf`; `KRB5CCNAME` names the ticket cache.
    pub fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let configs = text("KRB5_CONFIG").unwrap_or_else(|| DEFAULT_CONFIG.to_owned());
        let configs = configs.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { configs: configs.collect(), cache: text("KRB5CCNAME") }
    }

    /// With this configuration, whatever the process's variables say.
    #[must_use]
    pub fn with_config(self, path: impl Into<PathBuf>) -> Self {
        Self { configs: vec![path.into()], ..self }
    }

    pub(super) fn cache(&self) -> Option<&str> {
        self.cache.as_deref()
    }

    /// The configurations, for errors.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.configs.iter().map(|path| path.display().to_string()).collect();
        names.join(", ")
    }

    /// What the configurations say now. One that is not there says nothing.
    pub(super) async fn config(&self) -> Result<Krb5Config, CredentialsError> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || this.read()).await;
        read.unwrap_or_else(|error| {
            Err(CredentialsError::passing(format!("krb5.conf was not read: {error}")))
        })
    }

    fn read(&self) -> Result<Krb5Config, CredentialsError> {
        let mut config = Krb5Config::default();
        for path in &self.configs {
            if path.exists() {
                config.append(read(path, 0)?);
            }
        }
        Ok(config)
    }
}

fn read(path: &Path, depth: usize) -> Result<Krb5Config, CredentialsError> {
    let wrong = |detail: &dyn fmt::Display| {
        CredentialsError::lasting(format!("Kerberos' configuration {}: {detail}", path.display()))
    };
    if depth > DEEPEST {
        return Err(wrong(&"files include files too deep, perhaps each other"));
    }
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path);
    let length = opened.and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let length = length.map_err(|error| wrong(&format!("it cannot be read: {error}")))?;
    if length as u64 > LARGEST {
        return Err(wrong(&"it has more than 1 MiB: it is something else"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let (mut config, includes) = Krb5Config::parse(&text).map_err(|error| wrong(&error))?;
    for include in includes.iter().rev() {
        let included = Path::new(&include.path);
        if !include.is_folder {
            config.insert(include, read(included, depth + 1)?);
            continue;
        }
        // A folder that is not there has nothing in it.
        let mut files: Vec<_> = std::fs::read_dir(included)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|file| counts(file) && file.is_file())
            .collect();
        files.sort();
        for file in files.iter().rev() {
            config.insert(include, read(file, depth + 1)?);
        }
    }
    Ok(config)
}

/// Of a folder's files those that no editor or package manager left behind.
fn counts(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (name.ends_with(".conf") && !name.starts_with('.')) || name.chars().all(is_plain)
}

impl fmt::Debug for KerberosEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosEnvironment")
            .field("configs", &self.configs)
            .field("cache", &self.cache)
            .finish()
    }
}
