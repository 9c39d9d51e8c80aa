//! Kerberos' files, and what KDCs and services answer.

use std::time::Duration;

use rohrpost_kerberos::{
    EncryptionType, Initiator, KerberosError, Key, Keytab, Krb5Config, Login, LoginStep, Principal, Ticket,
    TicketCache, TicketRequest,
};

use crate::within_limits;

const NOW: Duration = Duration::from_secs(1_700_000_000);

/// No file's or peer's text brings control characters into an error, or a long one.
fn check(error: &KerberosError) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.chars().count() < 100_000, "{text}");
}

/// What it is, by the first byte, then its bytes.
pub fn kerberos(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    match kind {
        b'k' => keytab(data),
        b'c' => cache(data),
        b'f' => config(data),
        b'a' => first_answer(data),
        b't' => answer(data),
        _ => service(data),
    }
}

fn keytab(data: &[u8]) {
    match within_limits(data.len(), || Keytab::parse(data)) {
        Ok(keytab) => {
            for entry in keytab.entries() {
                let keys = keytab.keys_of(&entry.principal);
                assert!(keys.len() <= EncryptionType::ALL.len());
                assert!(entry.key.is_none() || !keys.is_empty());
            }
        }
        Err(error) => check(&error),
    }
}

fn cache(data: &[u8]) {
    match within_limits(data.len(), || TicketCache::parse(data)) {
        Ok(cache) => {
            for ticket in cache.tickets() {
                assert!(ticket.bytes.len() <= data.len());
                let _ = cache.ticket_for(&ticket.service);
            }
            assert!(!cache.principal().to_string().chars().any(char::is_control));
        }
        Err(error) => check(&error),
    }
}

fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Krb5Config::parse(text) {
        Ok((mut config, includes)) => {
            let other = config.clone();
            for include in includes.iter().rev().take(3) {
                config.insert(include, other.clone());
            }
            let realm = config.default_realm().unwrap_or("R");
            assert!(config.kdcs(realm).iter().all(|kdc| !kdc.is_empty()));
            let _ = config.realm_of_host("a.b.c");
        }
        Err(KerberosError::Config { line, .. }) => assert!(line <= text.lines().count()),
        Err(error) => panic!("{error}"),
    }
}

fn key(byte: u8) -> Key {
    Key::new(EncryptionType::Aes128Sha1, &[byte; 16]).expect("16 bytes")
}

fn ticket() -> Ticket {
    Ticket {
        client: Principal::parse("alice@R", None).expect("a name"),
        service: Principal::ticket_granting("R", "R"),
        key: key(7),
        start: NOW,
        end: NOW,
        renewable_until: None,
        flags: 0,
        bytes: vec![0x61, 0],
    }
}

/// Of a KDC that does not know the key: it can ask for a proof, and no more.
fn first_answer(data: &[u8]) {
    let client = Principal::parse("alice@R", None).expect("a name");
    let login = Login::new(&client, vec![key(1)], NOW, &[1; 64]).expect("a key");
    match login.answer(data, NOW, &[2; 64]) {
        Ok(LoginStep::Ask(next)) => match next.answer(data, NOW, &[3; 64]) {
            Err(error) => check(&error),
            Ok(_) => panic!("it is asked for twice"),
        },
        Ok(LoginStep::Done(_)) => panic!("without the key"),
        Err(error) => check(&error),
    }
}

fn answer(data: &[u8]) {
    let service = Principal::service("kafka", "b", "R");
    let request = TicketRequest::new(&ticket(), &service, NOW, &[1; 64]);
    check(&request.answer(data, NOW).expect_err("without the key"));
}

fn service(data: &[u8]) {
    let initiator = Initiator::new(&ticket(), NOW, &[1; 64]);
    check(&initiator.answer(data).expect_err("without the key"));
}
