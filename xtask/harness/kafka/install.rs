//! Brings a version of Apache Kafka from Maven's repository into `target/kafka/dist/<version>/`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::state::{LockFile, create_dir, home, write_file};
use super::{Error, Result, java};

/// An installed version of Apache Kafka: a folder of jars.
#[derive(Debug, Clone)]
pub struct Distribution {
    version: String,
    libs: PathBuf,
}

/// Which logging configuration a version's SLF4J binding reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logging {
    /// Kafka 4: log4j 2.
    Log4j2,
    /// Kafka 3 and before: log4j 1's API, by reload4j or itself.
    Log4j1,
}

impl Distribution {
    /// Gives the installed version, after Maven has brought it if it is not there yet.
    ///
    /// # Errors
    ///
    /// A missing Maven, a version that cannot be run here, or what Maven said.
    pub fn obtain(version: &str) -> Result<Self> {
        logging_of(version)?;
        Self::bring("dist", version, &pom(version)?)
    }

    /// The Java client alone, of a version that need not have a server.
    ///
    /// # Errors
    ///
    /// A missing Maven, or what Maven said.
    pub fn client(version: &str) -> Result<Self> {
        let clients = [("org.apache.kafka", "kafka-clients", version)];
        Self::bring("client", version, &pom_of(version, &clients))
    }

    fn bring(kind: &str, version: &str, pom: &str) -> Result<Self> {
        let folder = home().join(kind).join(version);
        let libs = folder.join("libs");
        let found = Self { version: version.to_owned(), libs: libs.clone() };
        if libs.is_dir() {
            return Ok(found);
        }
        create_dir(&folder)?;
        let _lock = LockFile::acquire(&folder.join("lock"))?;
        if libs.is_dir() {
            return Ok(found);
        }
        // Jars arrive beside their final place: `libs` exists only when it is whole.
        let arriving = folder.join("libs.arriving");
        if arriving.exists() {
            fs::remove_dir_all(&arriving).map_err(|e| Error::io("remove", &arriving, e))?;
        }
        write_file(&folder.join("pom.xml"), pom)?;
        let output = Command::new(java::maven()?)
            .args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs.arriving"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::io("run mvn in", &folder, e))?;
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            let output = last_lines(&String::from_utf8_lossy(&text), 15);
            return Err(Error::Maven { version: version.to_owned(), output });
        }
        fs::rename(&arriving, &libs).map_err(|e| Error::io("move into place", &libs, e))?;
        Ok(found)
    }

    /// The version, such as `4.3.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The class path for Java: every jar of the folder.
    #[must_use]
    pub fn class_path(&self) -> String {
        format!("{}/*", self.libs.display())
    }

    pub(super) fn logging(&self) -> Result<Logging> {
        logging_of(&self.version)
    }

    /// Kafka 4.2 (KIP-1147) gave the console tools' options new names.
    pub(super) fn has_new_option_names(&self) -> bool {
        major_minor(&self.version).is_some_and(|version| version >= (4, 2))
    }

    /// In Kafka 2 the tools had other names, and some other options.
    pub(super) fn has_first_tools(&self) -> bool {
        major_minor(&self.version).is_some_and(|version| version < (3, 0))
    }
}

/// Whether a version keeps its cluster in ZooKeeper, and not in a quorum of its own.
pub(super) fn needs_zookeeper(version: &str) -> bool {
    major_minor(version).is_some_and(|version| version < (3, 3))
}

fn logging_of(version: &str) -> Result<Logging> {
    let reason = match major_minor(version) {
        Some((4.., _)) => return Ok(Logging::Log4j2),
        Some((3, 3..) | (2, 8)) => return Ok(Logging::Log4j1),
        Some(_) => "before 3.3 it needs ZooKeeper, which is started for 2.8 alone",
        None => "a version looks like 4.3.1",
    };
    Err(Error::UnsupportedVersion { version: version.to_owned(), reason })
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next()?.chars().all(|c| c.is_ascii_alphanumeric() || c == '-').then_some((major, minor))
}

fn pom(version: &str) -> Result<String> {
    let binding = match logging_of(version)? {
        // It brings log4j itself.
        Logging::Log4j1 if needs_zookeeper(version) => None,
        Logging::Log4j2 => Some(("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3")),
        Logging::Log4j1 => Some(("org.slf4j", "slf4j-reload4j", "1.7.36")),
    };
    let server = ("org.apache.kafka", "kafka_2.13", version);
    let tools = ("org.apache.kafka", "kafka-tools", version);
    let artifacts: Vec<_> = [server, tools].into_iter().chain(binding).collect();
    Ok(pom_of(version, &artifacts))
}

/// A project that depends on these, each a group, an artifact and a version.
fn pom_of(version: &str, artifacts: &[(&str, &str, &str)]) -> String {
    let mut dependencies = String::new();
    for (group, artifact, version) in artifacts {
        dependencies.push_str(&format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>\n"
        ));
    }
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>rohrpost</groupId>\n  \
         <artifactId>kafka-under-test</artifactId>\n  <version>{version}</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n</project>\n"
    )
}

/// The last `count` lines of `text`.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_versions_run_and_which_of_them_with_zookeeper() {
        for (version, logging, zookeeper) in [
            ("4.3.1", Logging::Log4j2, false),
            ("3.9.2", Logging::Log4j1, false),
            ("2.8.2", Logging::Log4j1, true),
        ] {
            assert_eq!(logging_of(version).unwrap(), logging, "{version}");
            assert_eq!(needs_zookeeper(version), zookeeper, "{version}");
        }
        for version in ["2.7.2", "3.2.0", "4", "4.3", "latest", "../..", "4.3.1/x"] {
            assert!(logging_of(version).is_err(), "{version}");
        }
    }
}
