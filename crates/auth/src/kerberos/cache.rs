//! A principal's first ticket, as `kinit` left it.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rohrpost_kerberos::{KerberosError, Krb5Config, Principal, Ticket, TicketCache};

use super::environment::KerberosEnvironment;
use super::words;
use crate::{CredentialsError, clock, file};

/// How often a cache is looked at that somebody may be writing: `kinit` empties it first, and whoever gets a ticket for a service adds to it.
const LOOKS: u32 = 5;
/// The time between two looks. Writing it takes milliseconds.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Why a cache gives no ticket.
struct Lack {
    error: CredentialsError,
    /// It would be like that while it is being written.
    may_be_unfinished: bool,
}

impl Lack {
    fn unfinished(detail: String) -> Self {
        Self { error: CredentialsError::lasting(detail), may_be_unfinished: true }
    }
}

impl From<CredentialsError> for Lack {
    fn from(error: CredentialsError) -> Self {
        Self { error, may_be_unfinished: false }
    }
}

pub(super) async fn granting(
    config: &Krb5Config,
    environment: &KerberosEnvironment,
    principal: Option<&str>,
    cache: Option<&str>,
    now: Duration,
) -> Result<Ticket, CredentialsError> {
    let name = match cache.or(environment.cache()).or(config.default_cache()) {
        Some(name) => expanded(name)?,
        // MIT's own default has no regard to TMPDIR.
        None => format!("/tmp{}", format_args!("/krb5cc_{}", user()?)),
    };
    let path = path_of(&name).await?;
    let mut looks = 1;
    loop {
        match look(&path, config, environment, principal, now).await {
            Err(lack) if lack.may_be_unfinished && looks < LOOKS => looks += 1,
            found => return found.map_err(|lack| lack.error),
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Reads the cache as it is now.
async fn look(
    path: &Path,
    config: &Krb5Config,
    environment: &KerberosEnvironment,
    principal: Option<&str>,
    now: Duration,
) -> Result<Ticket, Lack> {
    let shown = path.display();
    let bytes = file::read(path, "the ticket cache").await.map_err(|error| {
        let detail = format!("{error}; get a ticket by kinit, or name the cache by KRB5CCNAME or the option ticketCache");
        CredentialsError { detail, is_retriable: false }
    })?;
    let cache = TicketCache::parse(bytes.expose()).map_err(|error| Lack {
        may_be_unfinished: matches!(error, KerberosError::Malformed { .. }),
        error: CredentialsError::lasting(format!(
            "the ticket cache {shown} cannot be used: {error}"
        )),
    })?;
    let owner = cache.principal();
    if let Some(wanted) = principal {
        let wanted = words::principal(wanted, config.default_realm(), environment)?;
        if wanted != *owner {
            return Err(Lack::from(CredentialsError::lasting(format!(
                "the ticket cache {shown} is {owner}'s, not {wanted}'s: get a ticket by kinit {wanted}, or name another cache"
            ))));
        }
    }
    let granting = Principal::ticket_granting(owner.realm(), owner.realm());
    let Some(ticket) = cache.ticket_for(&granting) else {
        return Err(Lack::unfinished(format!(
            "the ticket cache {shown} has no ticket of {owner} to get others with ({granting}) of a type that can be used: get one by kinit"
        )));
    };
    if !ticket.is_valid_at(now) {
        let ago = clock::distance(UNIX_EPOCH + now, UNIX_EPOCH + ticket.end);
        return Err(Lack::from(CredentialsError::lasting(format!(
            "the ticket of {owner} in {shown} has expired, {ago}: get another by kinit, and have it renewed"
        ))));
    }
    Ok(ticket.clone())
}

/// The file of a cache's name.
async fn path_of(name: &str) -> Result<PathBuf, CredentialsError> {
    if let Some(path) = name.strip_prefix("FILE:") {
        return Ok(path.into());
    }
    if let Some(folder) = name.strip_prefix("DIR:") {
        // One of a folder's caches, or the one that the folder's own file names.
        if let Some(path) = folder.strip_prefix(':') {
            return Ok(path.into());
        }
        let folder = Path::new(folder);
        let primary = file::read(&folder.join("primary"), "the folder of ticket caches").await;
        let primary = primary.ok();
        let primary = primary.as_ref().and_then(|name| name.expose_str()).unwrap_or("tkt");
        return Ok(folder.join(primary.trim()));
    }
    let kind = name.split_once(':').map(|(kind, _)| kind);
    match kind.filter(|kind| kind.chars().all(|c| c.is_ascii_uppercase())) {
        Some(kind) => Err(CredentialsError::lasting(format!(
            "tickets of the kind {kind}: are not to be had here, only those in files: kinit -c FILE:/path, and KRB5CCNAME=FILE:/path"
        ))),
        None => Ok(name.into()),
    }
}

/// With the user's number for `%{uid}` and its like.
fn expanded(name: &str) -> Result<String, CredentialsError> {
    let mut name = name.to_owned();
    for word in ["%{uid}", "%{euid}", "%{USERID}"] {
        if name.contains(word) {
            name = name.replace(word, &user()?.to_string());
        }
    }
    Ok(name.replace("%{TEMP}", "/tmp").replace("%{null}", ""))
}

/// The number of the user whom the process belongs to.
fn user() -> Result<u32, CredentialsError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let Ok(this) = std::fs::metadata("/proc/self") {
            return Ok(this.uid());
        }
    }
    Err(CredentialsError::lasting(
        "nothing says where the ticket cache is: name it by KRB5CCNAME or the option ticketCache",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn caches_are_named_as_kinit_names_them() {
        for (name, path) in [
            ("FILE:/a/b", "/a/b"),
            ("/a/b:c", "/a/b:c"),
            ("DIR::/d/tktx", "/d/tktx"),
            ("DIR:/nowhere", "/nowhere/tkt"),
        ] {
            assert_eq!(path_of(name).await.unwrap(), Path::new(path), "{name}");
        }
        let error = path_of("KEYRING:persistent:0").await.unwrap_err();
        assert!(error.detail.contains("KEYRING") && !error.is_retriable, "{error}");
        let uid = user().unwrap();
        assert_eq!(expanded("FILE:/a/krb5cc_%{uid}").unwrap(), format!("FILE:/a/krb5cc_{uid}"));
    }

    /// A cache of `alice@R` with a ticket to get others with, and where its first ticket begins.
    fn written() -> (Vec<u8>, usize) {
        let long = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let name = |parts: &[&str]| {
            let mut name = [1_u32.to_be_bytes(), (parts.len() as u32).to_be_bytes()].concat();
            name.extend(long(b"R"));
            parts.iter().for_each(|part| name.extend(long(part.as_bytes())));
            name
        };
        let head = [&[5, 4, 0, 0][..], &name(&["alice"])].concat();
        let mut ticket = [name(&["alice"]), name(&["krbtgt", "R"]), vec![0, 17]].concat();
        ticket.extend(long(&[7; 16]));
        [1, 1, u32::MAX, 0].iter().for_each(|time| ticket.extend(time.to_be_bytes()));
        ticket.extend([0; 13]);
        ticket.extend(long(b"ticket"));
        ticket.extend(long(b""));
        let begins = head.len();
        ([head, ticket].concat(), begins)
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_that_is_just_being_written_is_waited_for_and_a_broken_one_is_not_for_long() {
        let path = std::env::temp_dir().join(format!("rohrpost-cache-{}", std::process::id()));
        let name = format!("FILE:{}", path.display());
        let (config, environment) = (Krb5Config::default(), KerberosEnvironment::of_process());
        let get = || granting(&config, &environment, None, Some(&name), Duration::from_secs(9));
        let (whole, begins) = written();
        for cut in [0, begins, begins + 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let finish = async {
                // The clock goes on only once the first look found nothing.
                // tidy: may sleep: tokio's clock is paused.
                tokio::time::sleep(BETWEEN_LOOKS / 2).await;
                std::fs::write(&path, &whole).unwrap();
            };
            let (ticket, ()) = tokio::join!(get(), finish);
            assert_eq!(ticket.unwrap().bytes, b"ticket", "{cut} bytes");
            std::fs::write(&path, &whole[..cut]).unwrap();
            let error = get().await.unwrap_err();
            assert!(!error.is_retriable && error.detail.contains(&*path.to_string_lossy()));
        }
        std::fs::remove_file(&path).unwrap();
    }
}
