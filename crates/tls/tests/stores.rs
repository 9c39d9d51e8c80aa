//! Stores that other programs have written are read, and what is wrong with one is told from what is wrong with its
//! password. `stores/make.sh` has made them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail")]

use std::path::{Path, PathBuf};

use rohrpost_tls::{Entry, Store, StoreProblem, StoreType, TlsError, TlsSettings};

const PASSWORD: &str = "changeit";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name)
}

fn store(name: &str) -> Store {
    Store::file(path(name))
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn problem(result: Result<impl std::fmt::Debug, TlsError>) -> StoreProblem {
    match result.unwrap_err() {
        TlsError::Store { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

/// A client that shows brokers what is in `keystore`.
fn client(keystore: Store, key_password: Option<&str>) -> Result<(), TlsError> {
    let settings = TlsSettings::new().truststore(store("ca.pem")).keystore(keystore);
    let settings = match key_password {
        Some(password) => settings.key_password(password),
        None => settings,
    };
    settings.build().map(|_| ())
}

#[test]
fn a_key_and_its_chain_are_read_from_every_form_of_keystore() {
    for (name, password, key_password, alias, chain) in [
        ("keytool.p12", PASSWORD, None, "client", "rsa"),
        ("keytool-legacy.p12", PASSWORD, None, "client", "rsa"),
        ("keytool.jks", PASSWORD, None, "client", "rsa"),
        ("keytool-key-password.jks", PASSWORD, Some("another Schlüssel"), "client", "rsa"),
        ("keytool-ec.p12", PASSWORD, None, "made", "made by keytool"),
        ("keytool-ec.jks", PASSWORD, None, "made", "made by keytool"),
        ("keytool-ed25519.p12", PASSWORD, None, "made", "made by keytool"),
        ("openssl.p12", PASSWORD, None, "client", "rsa"),
        ("openssl-plain.p12", PASSWORD, None, "client", "rsa"),
        ("openssl-unsealed.p12", PASSWORD, None, "client", "rsa"),
        ("openssl-legacy.p12", PASSWORD, None, "client", "rsa"),
        ("pbmac1.p12", PASSWORD, None, "client", "rsa"),
        ("ber.p12", PASSWORD, None, "client", "rsa"),
        ("openssl-rc2-128.p12", PASSWORD, None, "client", "rsa"),
        ("openssl-empty-password.p12", "", None, "client", "rsa"),
    ] {
        let entries = store(name)
            .password(password)
            .entries(key_password)
            .unwrap_or_else(|error| panic!("{error}"));
        let keys: Vec<&Entry> = entries.iter().filter(|entry| entry.has_key).collect();
        assert_eq!(keys.len(), 1, "{name}");
        assert_eq!(keys[0].alias.as_deref(), Some(alias), "{name}");
        let own = &keys[0].certificates[0];
        assert_eq!(own.common_name().as_deref(), Some(chain), "{name}");
        if chain == "rsa" && name != "openssl-empty-password.p12" {
            assert_eq!(keys[0].certificates.len(), 2, "{name}");
            assert_eq!(keys[0].certificates[1].common_name().as_deref(), Some("test ca"), "{name}");
        }
        // From memory too, and whichever of Java's types it is said to be.
        let other = if name.ends_with("jks") { StoreType::Pkcs12 } else { StoreType::Jks };
        let in_memory = Store::bytes(bytes(name)).of_type(other).password(password);
        client(in_memory, key_password).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_key_in_pem_is_read_however_it_is_encrypted() {
    for (key, chain, password) in [
        ("rsa-key.pem", "rsa-chain.pem", None),
        ("rsa-key-pkcs1.pem", "rsa-chain.pem", None),
        ("rsa-key-pbes2.pem", "rsa-chain.pem", Some(PASSWORD)),
        ("ec-key.pem", "ec-chain.pem", None),
        ("ec-key-sec1.pem", "ec-chain.pem", None),
        ("ec-key-aes128-sha512.pem", "ec-chain.pem", Some(PASSWORD)),
        ("ec-key-pbes2-3des.pem", "ec-chain.pem", Some(PASSWORD)),
        ("ec-key-pbe-3des.pem", "ec-chain.pem", Some(PASSWORD)),
        ("p384-key.pem", "p384-chain.pem", None),
    ] {
        let parts = |key: Store| {
            let settings = TlsSettings::new().truststore(store("ca.pem"));
            let settings = settings.key_and_certificate_chain(key, store(chain));
            match password {
                Some(password) => settings.key_password(password),
                None => settings,
            }
        };
        parts(store(key)).build().unwrap_or_else(|error| panic!("{key}: {error}"));
        // Both in one text, as a keystore in PEM; and on one line, as properties have it.
        let whole = [bytes(key), bytes(chain)].concat();
        client(Store::bytes(whole.clone()), password)
            .unwrap_or_else(|error| panic!("{key}: {error}"));
        let line = String::from_utf8(whole).unwrap().replace('\n', " ");
        client(Store::bytes(line), password).unwrap_or_else(|error| panic!("{key}: {error}"));
        if password.is_some() {
            let wrong = parts(store(key)).key_password("wrong").build();
            assert_eq!(problem(wrong), StoreProblem::WrongKeyPassword { alias: None }, "{key}");
            let without = client(Store::bytes([bytes(key), bytes(chain)].concat()), None);
            assert_eq!(problem(without), StoreProblem::KeyPasswordMissing { alias: None }, "{key}");
        }
    }
}

#[test]
fn what_is_trusted_is_read_from_every_form_of_truststore() {
    for (name, password, alias) in [
        ("ca.pem", None, None),
        ("keytool-trust.jks", Some(PASSWORD), Some("kafka ca")),
        ("keytool-trust.jks", None, Some("kafka ca")),
        ("keytool-trust-umlaut.jks", Some("geheim-größer"), Some("kafka ca")),
        ("keytool-trust.p12", Some(PASSWORD), Some("kafka ca")),
        ("keytool-trust-legacy.p12", Some(PASSWORD), Some("kafka ca")),
        ("keytool-trust-unsealed.p12", None, Some("kafka ca")),
        ("keytool-trust-unsealed.p12", Some(PASSWORD), Some("kafka ca")),
    ] {
        let store = match password {
            Some(password) => store(name).password(password),
            None => store(name),
        };
        let entries = store.entries(None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(entries.len(), 1, "{name}");
        assert!(entries[0].is_trusted && !entries[0].has_key, "{name}");
        // JKS keeps names in small letters.
        let name_of_it = entries[0].alias.as_ref().map(|alias| alias.to_lowercase());
        assert_eq!(name_of_it.as_deref(), alias, "{name}");
        assert_eq!(entries[0].certificates[0].subject(), "CN=test ca, O=rohrpost");
        TlsSettings::new()
            .truststore(store)
            .build()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn certificates_without_javas_mark_are_trusted_where_there_is_no_key() {
    for (name, password) in [
        ("openssl-trust.p12", PASSWORD),
        ("openssl-umlaut.p12", "geheim-größer"),
        ("openssl-umlaut-legacy.p12", "geheim-größer"),
    ] {
        let trust = store(name).password(password);
        assert!(!trust.entries(None).unwrap_or_else(|error| panic!("{error}"))[0].is_trusted);
        TlsSettings::new().truststore(trust).build().unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_keystore_serves_as_a_truststore_without_its_keys_password() {
    for name in ["keytool-key-password.jks", "keytool.p12"] {
        let trust = TlsSettings::new().truststore(store(name).password(PASSWORD));
        trust.build().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_wrong_password_is_told_from_a_broken_store() {
    for name in [
        "keytool.p12",
        "keytool-legacy.p12",
        "keytool.jks",
        "keytool-trust.jks",
        "openssl.p12",
        "openssl-plain.p12",
        "openssl-unsealed.p12",
        "openssl-umlaut-legacy.p12",
        "pbmac1.p12",
        "ber.p12",
    ] {
        let wrong = store(name).password("wrong");
        let problem_of_it = problem(wrong.entries(None));
        let is_wrong_password = matches!(
            problem_of_it,
            StoreProblem::WrongPassword | StoreProblem::WrongKeyPassword { .. }
        );
        assert!(is_wrong_password, "{name}: {problem_of_it:?}");
        let whole = bytes(name);
        for length in [whole.len() / 2, whole.len() - 1, 30, 5, 4] {
            let cut = Store::bytes(&whole[..length]).password(PASSWORD);
            let problem = problem(cut.entries(None));
            assert!(
                matches!(problem, StoreProblem::Broken { .. }),
                "{name} cut at {length}: {problem:?}"
            );
        }
    }
    assert!(matches!(problem(Store::bytes([]).entries(None)), StoreProblem::Broken { .. }));
}

#[test]
fn a_store_that_somebody_changed_is_noticed() {
    for name in ["keytool.jks", "keytool.p12", "openssl-plain.p12"] {
        let whole = bytes(name);
        // Within a certificate or what encrypts it: the form stays.
        let mut changed = whole.clone();
        let at = whole.len() / 3;
        changed[at] ^= 1;
        let problem = problem(Store::bytes(changed).password(PASSWORD).entries(None));
        let is_noticed = matches!(
            problem,
            StoreProblem::WrongPassword
                | StoreProblem::Broken { .. }
                | StoreProblem::WrongKeyPassword { .. }
        );
        assert!(is_noticed, "{name}: {problem:?}");
    }
    // The key shows that it is not the password.
    let mut changed = bytes("keytool.jks");
    let end = changed.len() - 30;
    changed[end] ^= 1;
    let problem = problem(Store::bytes(changed).password(PASSWORD).entries(None));
    assert!(
        matches!(&problem, StoreProblem::Broken { detail } if detail.contains("changed")),
        "{problem:?}"
    );
}

#[test]
fn a_keys_password_is_told_from_the_stores() {
    let jks = store("keytool-key-password.jks").password(PASSWORD);
    let wrong = StoreProblem::WrongKeyPassword { alias: Some("client".to_owned()) };
    assert_eq!(problem(jks.entries(None)), wrong);
    assert_eq!(problem(jks.entries(Some("wrong"))), wrong);
    let missing = StoreProblem::KeyPasswordMissing { alias: Some("client".to_owned()) };
    assert_eq!(problem(store("keytool.jks").entries(None)), missing);
    assert_eq!(problem(store("openssl.p12").entries(None)), StoreProblem::PasswordMissing);
}

#[test]
fn another_type_than_was_said_is_called_by_its_name() {
    let pem = store("ca.pem").of_type(StoreType::Jks);
    assert_eq!(
        problem(pem.entries(None)),
        StoreProblem::WrongType { expected: "JKS", found: "PEM" }
    );
    let jks = store("keytool-trust.jks").of_type(StoreType::Pem);
    assert_eq!(
        problem(jks.entries(None)),
        StoreProblem::WrongType { expected: "PEM", found: "JKS" }
    );
    assert_eq!(problem(Store::bytes("hello").entries(None)), StoreProblem::UnknownType);
    let problem = problem(store("keytool.jceks").password(PASSWORD).entries(None));
    assert!(
        matches!(&problem, StoreProblem::Unsupported { what, .. } if what.contains("JCEKS")),
        "{problem:?}"
    );
}

#[test]
fn what_is_not_supported_says_how_to_change_it() {
    for (key, what) in [("ec-key-scrypt.pem", "scrypt"), ("rsa-key-dek.pem", "Proc-Type")] {
        let whole = [bytes(key), bytes("rsa-chain.pem")].concat();
        let error = client(Store::bytes(whole), Some(PASSWORD)).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("openssl"), "{error}");
    }
    let pem = problem(store("ca.pem").password(PASSWORD).entries(None));
    assert_eq!(pem, StoreProblem::PasswordOfPem);
}

#[test]
fn stores_without_what_is_wanted_say_what_they_have() {
    assert_eq!(problem(client(store("ca.pem"), None)), StoreProblem::NoKey { certificates: 1 });
    let trust = store("keytool-trust.p12").password(PASSWORD);
    assert_eq!(problem(client(trust, None)), StoreProblem::NoKey { certificates: 1 });
    assert_eq!(problem(client(store("rsa-key.pem"), None)), StoreProblem::NoCertificate);
    let keys = Store::bytes([bytes("rsa-key.pem"), bytes("ec-key.pem"), bytes("ec.pem")].concat());
    assert_eq!(problem(client(keys, None)), StoreProblem::SeveralKeys { keys: 2 });
    // Before the work of decrypting them, of which each may ask for as much as is allowed.
    let encrypted = Store::bytes(bytes("rsa-key-pbes2.pem").repeat(2));
    assert_eq!(problem(client(encrypted, Some("wrong"))), StoreProblem::SeveralKeys { keys: 2 });
    let nobody = TlsSettings::new().truststore(store("rsa-key.pem")).build();
    assert_eq!(problem(nobody), StoreProblem::NothingTrusted { unmarked: 0 });
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_found_before_any_broker_is_asked() {
    for (key, chain) in [("rsa-key.pem", "ec-chain.pem"), ("ec-key.pem", "p384-chain.pem")] {
        let settings = TlsSettings::new()
            .truststore(store("ca.pem"))
            .key_and_certificate_chain(store(key), store(chain));
        let error = settings.build().unwrap_err();
        assert!(matches!(error, TlsError::KeyMismatch { .. }), "{error:?}");
        assert!(error.to_string().contains(&chain[..3.min(chain.find('-').unwrap())]), "{error}");
    }
}

#[test]
fn two_keys_of_one_store_are_both_read() {
    let two = store("keytool-two.p12").password(PASSWORD);
    let entries = two.entries(None).unwrap();
    let aliases: Vec<_> =
        entries.iter().filter(|e| e.has_key).filter_map(|e| e.alias.clone()).collect();
    assert_eq!(aliases, ["client", "made"]);
    client(two, None).unwrap();
}

#[test]
fn more_work_than_is_allowed_is_refused_before_it_is_done() {
    for name in ["keytool.p12", "openssl.p12", "openssl-legacy.p12"] {
        let error = problem(store(name).password(PASSWORD).most_iterations(1000).entries(None));
        assert!(matches!(error, StoreProblem::TooManyIterations { most: 1000, .. }), "{error:?}");
    }
    let key = [bytes("rsa-key-pbes2.pem"), bytes("rsa.pem")].concat();
    let error = problem(Store::bytes(key).most_iterations(1000).entries(Some(PASSWORD)));
    assert_eq!(error, StoreProblem::TooManyIterations { iterations: 2048, most: 1000 });
}

#[test]
fn no_password_and_no_key_is_ever_shown() {
    let secret = "very-secret-password";
    let key = String::from_utf8(bytes("rsa-key.pem")).unwrap();
    let settings = TlsSettings::new()
        .truststore(store("keytool-trust.jks").password(secret))
        .keystore(Store::bytes(key.clone()).password(secret))
        .key_password(secret);
    let error = settings.build().unwrap_err();
    let shown = format!("{settings:?} {settings:#?} {error:?} {error}");
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains(&key[40..60]), "{shown}");
    let client = TlsSettings::new()
        .truststore(store("ca.pem"))
        .keystore(Store::bytes([bytes("rsa-key.pem"), bytes("rsa-chain.pem")].concat()));
    let shown = format!("{:?}", client.build().unwrap());
    assert!(!shown.contains(&key[40..60]), "{shown}");
}

#[test]
fn a_file_that_is_not_there_is_called_by_its_path() {
    let error = TlsSettings::new().truststore(store("nobody.jks")).build().unwrap_err();
    assert!(matches!(&error, TlsError::File { path, .. } if path.ends_with("nobody.jks")));
    assert!(error.to_string().contains("nobody.jks") && error.is_configuration(), "{error}");
}

#[test]
fn a_folder_is_trusted_as_openssl_rehash_has_left_it() {
    use std::fs;
    let folder = std::env::temp_dir().join(format!("rohrpost-tls-folder-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let client = || TlsSettings::new().truststore(Store::file(&folder)).build();
    let put = |from: &str, name: &str| fs::write(folder.join(name), bytes(from)).unwrap();
    // As it was before it was rehashed.
    put("ca.pem", "ca.pem");
    let why = client().unwrap_err().to_string();
    assert!(why.contains("openssl rehash") && why.contains("truststore"), "{why}");
    put("ca.pem", "5ed36f99.0");
    let built = client().unwrap();
    let first = built.current().unwrap();
    // Lists of what is revoked, and what somebody put aside, are not looked at.
    put("ec-key.pem", "5ed36f99.r0");
    put("keytool.jceks", "old");
    client().unwrap();
    // One more comes.
    put("ec.pem", "0123abcd.0");
    let second = built.current().unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first, &second), "it is read again");
    assert_eq!(built.reload_failure(), None);
    put("keytool.jceks", "0123abcd.1");
    let why = client().unwrap_err().to_string();
    assert!(why.contains("0123abcd.1"), "{why}");
    // A key has to be in a file.
    let keys = TlsSettings::new().keystore(Store::file(&folder)).build();
    assert!(matches!(keys, Err(TlsError::File { .. })), "{keys:?}");
    fs::remove_dir_all(&folder).unwrap();
}
