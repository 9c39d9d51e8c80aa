//! Files that change are followed, and those that are broken do not stop a client that works.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::{Broker, Ca, HOST, Made, connect, named, valid};
use rohrpost_tls::{CertificateInfo, Store, StoreProblem, TlsClient, TlsError, TlsSettings};

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file that looks as if it was written long ago, `seconds` before others.
    fn write_long_ago(&self, name: &str, text: &str, seconds: u64) {
        self.write(name, text);
        let file = fs::File::options().write(true).open(self.0.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 + seconds)).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn store(&self, name: &str) -> Store {
        Store::file(self.0.join(name))
    }

    fn show(&self, made: &Made) {
        self.write("key.pem", &made.key);
        self.write("chain.pem", &made.certificate);
    }

    fn client(&self) -> TlsClient {
        TlsSettings::new()
            .truststore(self.store("trust.pem"))
            .key_and_certificate_chain(self.store("key.pem"), self.store("chain.pem"))
            .build()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whom a broker that asks sees.
fn seen(client: &TlsClient, broker: &Broker) -> String {
    let shown = connect(client, HOST, broker).unwrap_or_else(|error| panic!("{error}")).shown;
    CertificateInfo::from_der(&shown[0]).unwrap().common_name().unwrap()
}

#[test]
fn a_new_certificate_is_shown_by_the_next_connection() {
    let (ca, folder) = (Ca::new("the ca"), Folder::new("follow"));
    let broker = Broker::new(ca.broker()).accepting(&ca);
    folder.write("trust.pem", &ca.made.certificate);
    folder.show(&ca.client("me"));
    let client = folder.client();
    assert_eq!(seen(&client, &broker), "me");
    // As long as before, and within the same tick of the file system.
    folder.show(&ca.client("Me"));
    assert_eq!(seen(&client, &broker), "Me");
    // A truststore, too.
    let other = Ca::new("another ca");
    let elsewhere = Broker::new(other.broker()).accepting(&ca);
    assert!(connect(&client, HOST, &elsewhere).is_err());
    folder.write("trust.pem", &format!("{}{}", ca.made.certificate, other.made.certificate));
    assert_eq!(seen(&client, &elsewhere), "Me");
    assert_eq!(seen(&client, &broker), "Me");
}

#[test]
fn files_that_stay_are_not_read_again() {
    let (ca, folder) = (Ca::new("the ca"), Folder::new("stay"));
    folder.write_long_ago("trust.pem", &ca.made.certificate, 0);
    let me = ca.client("me");
    folder.write_long_ago("key.pem", &me.key, 0);
    folder.write_long_ago("chain.pem", &me.certificate, 0);
    let client = folder.client();
    let before = client.current().unwrap();
    assert!(Arc::ptr_eq(&before, &client.current().unwrap()));
    // Touched, with nothing else in it.
    folder.write_long_ago("chain.pem", &me.certificate, 60);
    assert!(Arc::ptr_eq(&before, &client.current().unwrap()));
    folder.write_long_ago("chain.pem", &format!("{}\n", me.certificate), 60);
    assert!(!Arc::ptr_eq(&before, &client.current().unwrap()));
}

#[test]
fn the_last_good_files_stay_in_use_until_the_new_ones_are_whole() {
    let (ca, folder) = (Ca::new("the ca"), Folder::new("broken"));
    let broker = Broker::new(ca.broker()).accepting(&ca);
    folder.write("trust.pem", &ca.made.certificate);
    folder.show(&ca.client("me"));
    let client = folder.client();
    let next = ca.client("next");
    // Half of two files.
    folder.write("key.pem", &next.key);
    assert_eq!(seen(&client, &broker), "me");
    assert!(matches!(client.reload_failure(), Some(TlsError::KeyMismatch { .. })));
    // Half of one.
    folder.write("chain.pem", &next.certificate[..next.certificate.len() / 2]);
    assert_eq!(seen(&client, &broker), "me");
    let Some(TlsError::Store { problem: StoreProblem::Broken { .. }, store }) =
        client.reload_failure()
    else {
        panic!("{:?}", client.reload_failure());
    };
    assert!(store.contains("chain.pem"));
    // None at all.
    fs::remove_file(folder.0.join("chain.pem")).unwrap();
    assert_eq!(seen(&client, &broker), "me");
    assert!(matches!(client.reload_failure(), Some(TlsError::File { .. })));
    // Whole again.
    folder.write("chain.pem", &next.certificate);
    assert_eq!(seen(&client, &broker), "next");
    assert_eq!(client.reload_failure(), None);
}

#[test]
fn a_broker_that_refuses_the_old_certificate_is_told_together_with_why_the_new_one_is_not_shown() {
    let (ca, clients, folder) =
        (Ca::new("the ca"), Ca::new("the clients' ca"), Folder::new("refused"));
    folder.write("trust.pem", &ca.made.certificate);
    folder.show(&ca.client("me"));
    let client = folder.client();
    folder.write("chain.pem", "-----BEGIN CERTIFICATE-----");
    let error = connect(&client, HOST, &Broker::new(ca.broker()).accepting(&clients)).unwrap_err();
    let TlsError::ClientCertificateRefused { outdated: Some(_), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains("have changed since"), "{error}");
}

#[test]
fn an_expired_certificate_is_not_shown_when_the_new_one_is_broken() {
    let (ca, folder) = (Ca::new("the ca"), Folder::new("outdated"));
    folder.write("trust.pem", &ca.made.certificate);
    folder.show(&ca.issue(&valid(named("me"), 2001, 2002)));
    let client = folder.client();
    // It may be that only our clock is wrong: the broker judges.
    client.current().unwrap();
    folder.write("chain.pem", "gone");
    let error = client.current().unwrap_err();
    assert!(matches!(&error, TlsError::Outdated { .. }) && error.is_configuration(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("expired at 2002-01-01") && text.contains("chain.pem"), "{text}");
    assert!(client.current().is_err());
    folder.show(&ca.client("me"));
    client.current().unwrap();
}
