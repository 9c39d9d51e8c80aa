//! Finding Java and Maven, and running Kafka's Java classes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, thread};

use super::{Distribution, Error, Result};

const JAVA_REMEDY: &str = "install a JDK 17 or newer (Debian: `apt-get install openjdk-17-jdk-headless`) or set JAVA_HOME";
const MAVEN_REMEDY: &str = "install Maven 3 (Debian: `apt-get install maven`)";
const KERBEROS_REMEDY: &str =
    "install MIT Kerberos (Debian: `apt-get install krb5-kdc krb5-admin-server krb5-user`)";
const KCAT_REMEDY: &str = "install kcat (Debian: `apt-get install kcat`)";
const MAKE_REMEDY: &str = "install make and a C compiler (Debian: `apt-get install make gcc`)";

/// What this machine lacks for a real Kafka: a JDK of version 17 and Maven; empty if nothing.
#[must_use]
pub fn missing_for_kafka() -> Vec<Error> {
    let java = check_version().err();
    let maven = find("mvn", MAVEN_REMEDY).err();
    java.into_iter().chain(maven).collect()
}

/// What this machine lacks for all tests: [`missing_for_kafka`], kcat, MIT Kerberos, and make for librdkafka.
#[must_use]
pub fn missing_programs() -> Vec<Error> {
    let kcat = find("kcat", KCAT_REMEDY).err();
    let kerberos = kerberos("krb5kdc").err();
    let make = find("make", MAKE_REMEDY).err();
    missing_for_kafka().into_iter().chain(kcat).chain(kerberos).chain(make).collect()
}

/// The `java` to use: of `JAVA_HOME` if one is there, else of the PATH.
pub(super) fn java() -> Result<PathBuf> {
    let home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    java_of(home, || find("java", JAVA_REMEDY))
}

fn java_of(home: Option<PathBuf>, on_path: impl Fn() -> Result<PathBuf>) -> Result<PathBuf> {
    let Some(home) = home else { return on_path() };
    let java = home.join("bin/java");
    if java.is_file() {
        return Ok(java);
    }
    // Another Java may do, but where there is none, what was set is what is wrong.
    on_path().map_err(|_| Error::WrongJavaHome { home })
}

impl Distribution {
    /// Runs a Java program of one source file (its path from the repository's top) with this version's classes, `input` on its standard
    /// input, and gives what it printed.
    ///
    /// # Errors
    ///
    /// What it printed, if it failed.
    pub fn run_source(&self, source: &str, arguments: &[&str], input: &str) -> Result<String> {
        self.run_source_with(&[], source, arguments, input)
    }

    /// Such a program, ready to be started by whoever talks with it.
    ///
    /// # Errors
    ///
    /// No Java, or an old one.
    pub fn source_command(
        &self,
        options: &[&str],
        source: &str,
        arguments: &[&str],
    ) -> Result<Command> {
        check_version()?;
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(java()?);
        command.current_dir(xtask.parent().unwrap_or(xtask)).arg("-XX:TieredStopAtLevel=1");
        command.args(options).args(["-cp", &self.class_path(), source]).args(arguments);
        Ok(command)
    }

    /// As [`Distribution::run_source`], with options for Java itself.
    pub(super) fn run_source_with(
        &self,
        options: &[&str],
        source: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String> {
        let io = |source_error| Error::Io { doing: format!("run {source}"), source: source_error };
        let mut child = self
            .source_command(options, source, arguments)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io)?;
        let pipe = child.stdin.take();
        let output = thread::scope(|scope| {
            // It may print before it has read everything.
            scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
            child.wait_with_output().map_err(io)
        })?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let output = printed + &String::from_utf8_lossy(&output.stderr);
        Err(Error::Tool { command: format!("java {source}"), output })
    }
}

/// Maven's `mvn`.
pub(super) fn maven() -> Result<PathBuf> {
    find("mvn", MAVEN_REMEDY)
}

/// Refuses a Java older than 17, on which Kafka 4 does not run.
pub(super) fn check_version() -> Result<()> {
    let output = Command::new(java()?)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Io { doing: "run java -version".to_owned(), source })?;
    let printed = String::from_utf8_lossy(&output.stderr);
    match major_version(&printed) {
        Some(major) if major >= 17 => Ok(()),
        _ => Err(Error::OldProgram {
            found: printed.lines().next().unwrap_or("a java that tells no version").to_owned(),
            needed: "a JDK 17",
        }),
    }
}

/// The major version in what `java -version` prints: `… version "17.0.15" …`, `"1.8.0_402"` for 8.
fn major_version(printed: &str) -> Option<u32> {
    let mut numbers = printed.split('"').nth(1)?.split(['.', '-', '+', '_']);
    let first = numbers.next()?.parse().ok()?;
    if first == 1 { numbers.next()?.parse().ok() } else { Some(first) }
}

/// A program of MIT Kerberos: its servers are where only root's PATH leads.
pub(super) fn kerberos(program: &'static str) -> Result<PathBuf> {
    find(program, KERBEROS_REMEDY).or_else(|error| {
        let places = ["/usr/sbin", "/usr/local/sbin", "/usr/lib/mit/sbin"];
        let paths = places.map(|folder| Path::new(folder).join(program));
        paths.into_iter().find(|path| path.is_file()).ok_or(error)
    })
}

fn find(program: &'static str, remedy: &'static str) -> Result<PathBuf> {
    env::var_os("PATH")
        .iter()
        .flat_map(env::split_paths)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or(Error::MissingProgram { program, remedy })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Error;
    use super::{java_of, major_version};

    #[test]
    fn a_java_home_without_java_is_named_where_no_other_is_found() {
        let home = || Some(PathBuf::from("/nonexistent"));
        let none = || Err(Error::MissingProgram { program: "java", remedy: "get one" });
        let error = java_of(home(), none).unwrap_err().to_string();
        assert!(error.contains("JAVA_HOME is /nonexistent"), "{error}");
        let other = || Ok(PathBuf::from("/other/java"));
        assert_eq!(java_of(home(), other).unwrap(), PathBuf::from("/other/java"));
        assert!(java_of(None, none).unwrap_err().to_string().contains("get one"));
    }

    #[test]
    fn reads_the_major_version_of_old_and_new_javas() {
        assert_eq!(major_version("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major_version("openjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(major_version("openjdk version \"26-ea\" 2026-03-17"), Some(26));
        assert_eq!(major_version("java version \"1.8.0_402\""), Some(8));
        assert_eq!(major_version("no java at all"), None);
    }
}
