//! `sasl.mechanism=GSSAPI`: what lets nobody in says why, and shows no key. That others are let in, the tests with a real KDC see.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rohrpost::sasl::{
    KerberosCredentials, KerberosEnvironment, KerberosLogin, RefreshSettings, Sasl,
};
use rohrpost::{ErrorKind, ProducerBuilder};
use rohrpost_testkit::{Cluster, Sasl as Listener, SaslMechanism};

use crate::{File, builder, cluster, send};

/// A key of AES-128, as text: what shows it shows this.
pub(crate) const KEY: &str = "Tr0ub4dor-keytab";
/// A ticket's session key.
pub(crate) const SESSION_KEY: &str = "Tr0ub4dor-ticket";

/// No broker of the testkit knows GSSAPI; the client fails before it says so.
pub(crate) fn guarded() -> Cluster {
    cluster(|of| of.sasl(Listener::new([SaslMechanism::Plain])))
}

/// A keytab with a key for `alice@R`.
fn keytab(key: &str) -> Vec<u8> {
    let mut entry = b"\0\x01\0\x01R\0\x05alice\0\0\0\x01\0\0\0\0\x01\0\x11\0\x10".to_vec();
    entry.extend_from_slice(key.as_bytes());
    entry.extend_from_slice(b"\0\0\0\x01");
    let length = u32::try_from(entry.len()).unwrap().to_be_bytes();
    [&b"\x05\x02"[..], &length, &entry].concat()
}

/// A ticket cache with a ticket to get others with, for `alice@R`, that is good for ever.
fn cache(session_key: &str) -> Vec<u8> {
    let counted =
        |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let principal = |parts: &[&str]| {
        let count = u32::try_from(parts.len()).unwrap().to_be_bytes();
        let parts = parts.iter().flat_map(|part| counted(part.as_bytes()));
        [&[0, 0, 0, 1][..], &count, &counted(b"R"), &parts.collect::<Vec<_>>()].concat()
    };
    let (owner, service) = (principal(&["alice"]), principal(&["krbtgt", "R"]));
    let times = [1_u32, 1, u32::MAX, 0].map(u32::to_be_bytes).concat();
    [
        &b"\x05\x04\0\0"[..],
        &owner,
        &owner,
        &service,
        &[0, 17],
        &counted(session_key.as_bytes()),
        &times,
        &[0; 13],
        // Not user to user, no flags, no addresses, no data of authorization; then the ticket, which is for others to read.
        &counted(&[0x61, 0x02, 0x30, 0x00]),
        &counted(b""),
    ]
    .concat()
}

/// A KDC that says back what it is told, and counts how often.
pub(crate) struct Echo {
    port: u16,
    asked: Arc<std::sync::atomic::AtomicUsize>,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::default());
        let count: Arc<std::sync::atomic::AtomicUsize> = Arc::clone(&asked);
        // It ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut length = [0; 4];
                if stream.read_exact(&mut length).is_ok() {
                    let mut request = vec![0; u32::from_be_bytes(length) as usize];
                    let _ = stream.read_exact(&mut request);
                    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let _ = stream.write_all(&[&length[..], &request].concat());
                }
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// What logs in by a keytab and by a ticket cache, at this KDC, and the files that it needs.
pub(crate) fn logins(kdc: &Echo, cluster: &Cluster) -> (Vec<ProducerBuilder>, Vec<File>) {
    let config = format!(
        "[realms]\nR = {{\n kdc = 127.0.0.1:{}\n}}\n[domain_realm]\n127.0.0.1 = R\n",
        kdc.port
    );
    let config = File::new("krb5.conf", &config);
    let (keys, tickets) = (File::new("alice.keytab", ""), File::new("alice.cache", ""));
    std::fs::write(keys.path(), keytab(KEY)).unwrap();
    std::fs::write(tickets.path(), cache(SESSION_KEY)).unwrap();
    let by_keytab =
        KerberosLogin::Keytab { principal: "alice@R".to_owned(), keytab: keys.path().into() };
    let by_ticket =
        KerberosLogin::TicketCache { principal: None, cache: Some(tickets.path().to_owned()) };
    let builders = [by_keytab, by_ticket].map(|login| {
        let environment = KerberosEnvironment::of_process().with_config(config.path());
        let refresh =
            RefreshSettings { retry_backoff_max: Duration::ZERO, ..RefreshSettings::default() };
        let credentials = KerberosCredentials::new(login, "kafka", environment, refresh).unwrap();
        builder(cluster).sasl(Sasl::credentials("GSSAPI", Arc::new(credentials)))
    });
    (builders.into(), vec![config, keys, tickets])
}

#[test]
fn a_keytab_that_is_not_there_fails_at_once_and_is_named() {
    let cluster = guarded();
    let jaas = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab='/nowhere/alice.keytab' principal='alice@R';";
    let absent = builder(&cluster)
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "GSSAPI")
        .property("sasl.kerberos.service.name", "kafka")
        .property("sasl.jaas.config", jaas);
    let error = send(absent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert!(
        error.to_string().contains("the keytab /nowhere/alice.keytab cannot be read"),
        "{error}"
    );
}
