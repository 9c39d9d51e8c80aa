//! Apache Kafka's own client: brought by Maven, asked by small Java programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::definition::{self, Definition};
use super::{Result, io, write_file};
use crate::workspace;

/// The release of Jackson that this Kafka's own distribution has.
const JACKSON_VERSION: &str = "2.21.2";

/// Prints code, name and kind of every error code.
const ERRORS_JAVA: &str = "xtask/src/codegen/PrintErrors.java";

/// Encodes messages of every kind and version.
const VECTORS_JAVA: &str = "crates/codec/tests/vectors/MakeVectors.java";

/// The `kafka-clients` jar of one version, with what it needs to run.
pub(crate) struct KafkaClients {
    folder: PathBuf,
    version: String,
}

/// One error code as the Java client knows it.
pub(super) struct ErrorRow {
    pub(super) code: i16,
    pub(super) name: String,
    /// `Other`, `Retriable` or `InvalidMetadata`.
    pub(super) kind: String,
}

impl KafkaClients {
    /// Lets Maven bring the jar into `target/kafka-clients/`, if it is not there yet.
    pub(crate) fn obtain(version: &str) -> Result<Self> {
        let folder = workspace::root().join("target/kafka-clients").join(version);
        let this = Self { folder, version: version.to_owned() };
        if this.jar().is_file() && this.jackson().is_file() {
            return Ok(this);
        }
        // Jars arrive beside their final place: `libs` exists only when it is whole.
        let arriving = this.folder.join("arriving");
        write_file(&this.folder.join("pom.xml"), &pom(version))?;
        let mut maven = Command::new("mvn");
        maven
            .args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=arriving"])
            .current_dir(&this.folder);
        output(&mut maven, "mvn (Apache Maven)")?;
        let libs = this.libs();
        if libs.exists() {
            fs::remove_dir_all(&libs).map_err(io("remove", &libs))?;
        }
        fs::rename(&arriving, &libs).map_err(io("move into place", &libs))?;
        if this.jar().is_file() {
            return Ok(this);
        }
        Err(format!("Maven brought no {}", this.jar().display()))
    }

    /// The message definitions of the jar.
    pub(super) fn definitions(&self) -> Result<Vec<Definition>> {
        let folder = self.folder.join("definitions");
        if !folder.is_dir() {
            let arriving = self.folder.join("definitions.arriving");
            fs::create_dir_all(&arriving).map_err(io("make", &arriving))?;
            let mut jar = Command::new("jar");
            jar.arg("xf").arg(self.jar()).arg("common/message").current_dir(&arriving);
            output(&mut jar, "jar (a JDK 17)")?;
            fs::rename(arriving, &folder).map_err(io("move into place", &folder))?;
        }
        let messages = folder.join("common/message");
        let mut paths = Vec::new();
        for entry in fs::read_dir(&messages).map_err(io("read", &messages))? {
            paths.push(entry.map_err(io("read", &messages))?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths
            .iter()
            .map(|path| {
                let text = fs::read_to_string(path).map_err(io("read", path))?;
                definition::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
            })
            .collect()
    }

    /// The error codes of the jar, from -1 upward without a gap.
    pub(super) fn error_codes(&self) -> Result<Vec<ErrorRow>> {
        let text = self.java(&workspace::root().join(ERRORS_JAVA), &[])?;
        let rows: Vec<ErrorRow> = text.lines().filter_map(error_row).collect();
        let contiguous = (-1..).zip(&rows).all(|(code, row)| row.code == code);
        if rows.is_empty() || !contiguous {
            return Err("the error codes do not rise from -1 one by one".to_owned());
        }
        Ok(rows)
    }

    /// Writes what the Java client itself encodes.
    pub(super) fn write_vectors(&self, folder: &Path) -> Result {
        let program = workspace::root().join(VECTORS_JAVA);
        let written = self.java(&program, &[folder.as_os_str(), self.version.as_ref()])?;
        print!("{written}");
        Ok(())
    }

    /// Compiles Java programs into a folder, and gives the class path to run them with.
    pub(crate) fn compile(&self, programs: &[&str]) -> Result<String> {
        let classes = self.folder.join("classes");
        fs::create_dir_all(&classes).map_err(io("make", &classes))?;
        let class_path = format!("{}/*:{}", self.libs().display(), classes.display());
        let mut javac = Command::new("javac");
        javac.args(["-Xlint:all,-processing", "-proc:none", "-encoding", "UTF-8", "-d"]);
        javac.arg(&classes).args(["--class-path", &class_path]);
        javac.args(programs.iter().map(|program| workspace::root().join(program)));
        output(&mut javac, "javac (a JDK 17)")?;
        Ok(class_path)
    }

    fn java(&self, program: &Path, arguments: &[&std::ffi::OsStr]) -> Result<String> {
        let mut java = Command::new("java");
        java.arg("--class-path").arg(format!("{}/*", self.libs().display()));
        output(java.arg(program).args(arguments), "java (a JDK 17)")
    }

    fn libs(&self) -> PathBuf {
        self.folder.join("libs")
    }

    /// What the JSON converters of the jar need, and the jar does not bring.
    fn jackson(&self) -> PathBuf {
        self.libs().join(format!("jackson-databind-{JACKSON_VERSION}.jar"))
    }

    fn jar(&self) -> PathBuf {
        self.libs().join(format!("kafka-clients-{}.jar", self.version))
    }
}

fn error_row(line: &str) -> Option<ErrorRow> {
    let mut words = line.split(' ');
    let code = words.next()?.parse().ok()?;
    Some(ErrorRow { code, name: words.next()?.to_owned(), kind: words.next()?.to_owned() })
}

fn pom(version: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>rohrpost</groupId>\n  \
         <artifactId>kafka-definitions</artifactId>\n  <version>{version}</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n    <dependency>\
         <groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId>\
         <version>{version}</version></dependency>\n    <dependency>\
         <groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-databind</artifactId>\
         <version>{JACKSON_VERSION}</version></dependency>\n  </dependencies>\n</project>\n"
    )
}

/// Runs a program for its standard output; its standard error is the error.
fn output(command: &mut Command, program: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("this needs {program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{program}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
