//! Keys, certificates and stores, made by keytool: once for a machine, under `target/kafka/keys/`.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::state::{LockFile, create_dir, home};
use super::super::{DEFAULT_VERSION, Distribution, Error, Result};

/// The password of every store.
pub const STORE_PASSWORD: &str = "store-secret";
/// The password of the keys that have one apart from their store's: those in JKS stores, and those
/// in encrypted PKCS#8.
pub const KEY_PASSWORD: &str = "key-secret";

/// Another one whenever what is made changes: a folder that an older build filled is not taken.
const GENERATION: u32 = 3;

/// A folder of stores and PEM files:
///
/// - `truststore.{p12,jks,pem}`: the CA that signed the brokers' certificates, `-legacy.p12` as
///   Java 8 wrote it; `other-truststore.{p12,jks,pem}`: one that signed none of them;
///   `self-signed-truststore.pem` for [`super::Mode::SslSelfSigned`];
/// - `client.{p12,jks}`, `client-legacy.p12`, `client.{key,crt,pem}`, `client-encrypted.{key,pem}`:
///   a client that an intermediate CA vouches for; `stranger.*`: one for whom only a CA unknown to the
///   brokers does; `client-expired.*`;
/// - `server*.p12`: the brokers' own; `server.key`.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// The keys of this machine, made if they are not there yet.
    ///
    /// # Errors
    ///
    /// What keytool said.
    pub fn obtain() -> Result<Self> {
        let parent = home().join("keys");
        let folder = parent.join(GENERATION.to_string());
        create_dir(&parent)?;
        let _lock = LockFile::acquire(&parent.join("lock"))?;
        if !folder.is_dir() {
            let arriving = parent.join("arriving");
            if arriving.exists() {
                fs::remove_dir_all(&arriving).map_err(|e| Error::io("remove", &arriving, e))?;
            }
            create_dir(&arriving)?;
            make(&arriving)?;
            fs::rename(&arriving, &folder).map_err(|e| Error::io("move into place", &folder, e))?;
        }
        Ok(Self { folder })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of its files.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The text of one of its PEM files.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn pem(&self, name: &str) -> Result<String> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))
    }
}

/// Who has a key: the alias, the name, who signs, what kind of key, and keytool's further words.
const HOLDERS: [(&str, &str, &str, &str, &[&str]); 11] = {
    const LOCAL: &str = "san=dns:localhost,ip:127.0.0.1";
    [
        ("ca", "CN=rohrpost test CA", "", EC, &["-ext", "bc:c=ca:true"]),
        ("other-ca", "CN=another CA", "", EC, &["-ext", "bc:c=ca:true"]),
        ("issuing-ca", "CN=rohrpost issuing CA", "ca", EC, &["-ext", "bc:c=ca:true,pathlen:0"]),
        ("server", "CN=broker", "ca", RSA, &["-ext", LOCAL]),
        ("server-expired", "CN=broker", "ca", EC, &["-ext", LOCAL, "-startdate", "-60d"]),
        ("server-early", "CN=broker", "ca", EC, &["-ext", LOCAL, "-startdate", "+3000d"]),
        ("server-wrong-host", "CN=broker", "ca", EC, &["-ext", "san=dns:kafka.example.org"]),
        ("server-common-name", "CN=localhost", "ca", EC, &[]),
        ("server-self-signed", "CN=localhost", "", EC, &["-ext", LOCAL, "-ext", "bc:c=ca:true"]),
        ("client", "CN=alice,OU=tests", "issuing-ca", RSA, &[]),
        ("client-expired", "CN=alice,OU=tests", "issuing-ca", EC, &["-startdate", "-60d"]),
    ]
};
const RSA: &str = "RSA";
const EC: &str = "EC";

/// One more, apart from the others: its CA is none that brokers trust.
const STRANGER: (&str, &str, &str, &str, &[&str]) =
    ("stranger", "CN=alice,OU=tests", "other-ca", EC, &[]);

fn make(folder: &Path) -> Result {
    let distribution = Distribution::obtain(DEFAULT_VERSION)?;
    // Keys leave it for stores of their own.
    let all = folder.join("all.p12").display().to_string();
    let mut script = Script { folder, all: &all, lines: Vec::new() };
    for (alias, name, signer, algorithm, more) in HOLDERS.iter().chain([&STRANGER]) {
        let days = if alias.ends_with("-expired") { "30" } else { "3650" };
        let mut words = vec!["-genkeypair", "-alias", alias, "-dname", name, "-validity", days];
        words.extend(["-keyalg", algorithm, "-keystore", &all, "-storepass", STORE_PASSWORD]);
        words.extend(if *algorithm == RSA {
            ["-keysize", "2048"]
        } else {
            ["-groupname", "secp256r1"]
        });
        if !signer.is_empty() {
            words.extend(["-signer", signer]);
        }
        words.extend(*more);
        script.keytool(&words);
    }
    for (alias, ..) in HOLDERS.iter().filter(|(alias, ..)| alias.starts_with("server-")) {
        script.key_store("keytool", alias, &format!("{alias}.p12"), &[]);
    }
    for alias in ["client", "client-expired", "stranger", "server"] {
        script.key_store("keytool", alias, &format!("{alias}.p12"), &[]);
        let jks = ["-deststoretype", "JKS", "-destkeypass", KEY_PASSWORD];
        script.key_store("keytool", alias, &format!("{alias}.jks"), &jks);
        let folder = folder.display().to_string();
        script.line("pem", &[&all, STORE_PASSWORD, alias, &folder, alias, KEY_PASSWORD]);
    }
    script.key_store("legacy-keytool", "client", "client-legacy.p12", &[]);
    for (alias, store) in [
        ("ca", "truststore"),
        ("other-ca", "other-truststore"),
        ("server-self-signed", "self-signed-truststore"),
    ] {
        let pem = script.file(&format!("{store}.pem"));
        let from = ["-keystore", &all, "-storepass", STORE_PASSWORD];
        script.keytool(
            &[&["-exportcert", "-rfc", "-alias", alias, "-file", &pem], &from[..]].concat(),
        );
        script.trust_store("keytool", &pem, &format!("{store}.p12"), "PKCS12");
        script.trust_store("keytool", &pem, &format!("{store}.jks"), "JKS");
    }
    let pem = script.file("truststore.pem");
    script.trust_store("legacy-keytool", &pem, "truststore-legacy.p12", "PKCS12");
    let input = script.lines.concat();
    let options = ["--add-exports", "java.base/sun.security.tools.keytool=ALL-UNNAMED"];
    distribution.run_source_with(&options, "tests/java/Keys.java", &[], &input)?;
    Ok(())
}

/// The lines that `Keys.java` reads.
struct Script<'a> {
    folder: &'a Path,
    all: &'a str,
    lines: Vec<String>,
}

impl Script<'_> {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn line(&mut self, command: &str, words: &[&str]) {
        self.lines.push(format!("{command}\t{}\n", words.join("\t")));
    }

    fn keytool(&mut self, words: &[&str]) {
        self.line("keytool", words);
    }

    fn key_store(&mut self, command: &str, alias: &str, file: &str, more: &[&str]) {
        let (all, store) = (self.all.to_owned(), self.file(file));
        let from = ["-srckeystore", &all, "-srcstorepass", STORE_PASSWORD, "-srcalias", alias];
        let to = ["-destkeystore", &store, "-deststorepass", STORE_PASSWORD];
        self.line(command, &[&["-importkeystore", "-noprompt"], &from[..], &to, more].concat());
    }

    fn trust_store(&mut self, command: &str, pem: &str, file: &str, kind: &str) {
        let store = self.file(file);
        let words = ["-importcert", "-noprompt", "-alias", "trusted", "-file", pem];
        let to = ["-keystore", &store, "-storepass", STORE_PASSWORD, "-storetype", kind];
        self.line(command, &[&words[..], &to].concat());
    }
}
