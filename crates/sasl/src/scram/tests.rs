//! The vectors of the RFCs, and servers that mean no good.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const CLIENT: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

fn pencil() -> Scram {
    let nonce = ClientNonce::from_text(CLIENT).unwrap();
    Scram::new(ScramHash::Sha256, "user", "pencil", nonce).unwrap()
}

fn sent(step: Result<Step, SaslError>) -> String {
    match step {
        Ok(Step::Send(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The error that a server-first-message leads to.
fn after_first(message: impl AsRef<[u8]>) -> SaslError {
    let mut scram = pencil();
    sent(scram.step(None));
    let error = scram.step(Some(message.as_ref())).unwrap_err();
    assert_eq!(scram.step(Some(b"")), Err(SaslError::Finished { mechanism: "SCRAM-SHA-256" }));
    error
}

/// The error that a server-final-message leads to.
fn after_final(message: impl AsRef<[u8]>) -> SaslError {
    let mut scram = pencil();
    sent(scram.step(None));
    let first = format!("r={CLIENT}{SERVER},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    sent(scram.step(Some(first.as_bytes())));
    let error = scram.step(Some(message.as_ref())).unwrap_err();
    assert_eq!(scram.step(Some(b"")), Err(SaslError::Finished { mechanism: "SCRAM-SHA-256" }));
    error
}

fn fault(error: &SaslError) -> Fault {
    match error {
        SaslError::Malformed { fault, .. } => *fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_exchange_of_rfc_7677_is_reproduced() {
    let mut scram = pencil();
    assert_eq!(scram.mechanism(), "SCRAM-SHA-256");
    assert_eq!(sent(scram.step(None)), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let first = format!("r={CLIENT}{SERVER},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert_eq!(
        sent(scram.step(Some(first.as_bytes()))),
        format!("c=biws,r={CLIENT}{SERVER},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    );
    let last = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(scram.step(Some(last)), Ok(Step::Complete));
    assert_eq!(scram.step(None), Err(SaslError::Finished { mechanism: "SCRAM-SHA-256" }));
}

/// No RFC has a vector for SHA-512: this one was calculated with Python's `hashlib` and `hmac`.
#[test]
fn an_exchange_with_sha_512_is_as_another_implementation_calculates_it() {
    let nonce = ClientNonce::from_text(CLIENT).unwrap();
    let mut scram = Scram::new(ScramHash::Sha512, "user", "pencil", nonce).unwrap();
    assert_eq!(scram.mechanism(), "SCRAM-SHA-512");
    sent(scram.step(None));
    let first = format!("r={CLIENT}{SERVER},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let sent = sent(scram.step(Some(first.as_bytes())));
    assert_eq!(
        sent.split_once(",p=").unwrap().1,
        "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
    );
    let last = b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
    assert_eq!(scram.step(Some(last)), Ok(Step::Complete));
}

#[test]
fn names_and_passwords_go_as_they_are_but_for_the_two_separators() {
    let nonce = || ClientNonce::from_text(CLIENT).unwrap();
    let first = |name: &str| {
        let scram = Scram::new(ScramHash::Sha256, name, "x", nonce()).unwrap();
        sent({ scram }.step(None))
    };
    assert_eq!(first("a=b,c=2C"), format!("n,,n=a=3Db=2Cc=3D2C,r={CLIENT}"));
    // Without SASLprep, which would turn the ligature into `fi` and drop the soft hyphen.
    assert_eq!(first("\u{fb01}\u{ad}"), format!("n,,n=\u{fb01}\u{ad},r={CLIENT}"));
}

#[test]
fn a_delegation_token_says_that_it_is_one() {
    let nonce = ClientNonce::from_text(CLIENT).unwrap();
    let scram = Scram::new(ScramHash::Sha512, "token-id", "hmac", nonce).unwrap();
    let mut scram = scram.with_delegation_token();
    assert_eq!(sent(scram.step(None)), format!("n,,n=token-id,r={CLIENT},tokenauth=true"));
}

#[test]
fn what_cannot_be_sent_is_refused_before() {
    let nonce = ClientNonce::from_random([0; 24]);
    let new = |name: &str, password: &str| {
        Scram::new(ScramHash::Sha256, name, password, nonce.clone()).map(|_| ()).unwrap_err()
    };
    let refused =
        |what, problem| SaslError::Credentials { mechanism: "SCRAM-SHA-256", what, problem };
    assert_eq!(new("", "x"), refused("user name", Problem::Empty));
    assert_eq!(new("x\0", "x"), refused("user name", Problem::Character { at: 1 }));
    assert_eq!(new("x", ""), refused("password", Problem::Empty));
    assert_eq!(ClientNonce::from_text("0123456789abcdef,"), Err(Problem::Character { at: 16 }));
    assert_eq!(ClientNonce::from_text("0123456789abcde"), Err(Problem::TooShort));
    assert_eq!(ClientNonce::from_text(""), Err(Problem::Empty));
}

#[test]
fn random_bytes_make_a_nonce_that_the_grammar_allows() {
    for byte in 0..=255 {
        let nonce = ClientNonce::from_random([byte; 24]);
        assert_eq!(nonce.0.len(), 32);
        assert_eq!(ClientNonce::from_text(nonce.0.clone()), Ok(nonce));
    }
}

#[test]
fn a_nonce_that_does_not_extend_ours_is_found_out() {
    let nonce = SaslError::Nonce { mechanism: "SCRAM-SHA-256" };
    // Of another exchange; ours alone, which adds nothing; ours cut short; ours at another place.
    let theirs = ["3rfcNHYJY1ZVvWVs7j", CLIENT, &CLIENT[..19], &format!("x{CLIENT}{SERVER}")];
    for theirs in theirs {
        assert_eq!(after_first(format!("r={theirs},s=c2FsdA==,i=4096")), nonce, "{theirs}");
    }
}

#[test]
fn iterations_out_of_reason_are_refused_before_any_is_spent() {
    let asked = |iterations: &str| match after_first(format!(
        "r={CLIENT}{SERVER},s=c2FsdA==,i={iterations}"
    )) {
        SaslError::Iterations { asked, least: 4_096, most: 131_072, .. } => asked,
        other => panic!("{other:?}"),
    };
    // A thousand of the last kinds, spent, would take half an hour or for ever.
    assert_eq!(asked("1"), 1);
    assert_eq!(asked("4095"), 4_095);
    for _ in 0..1_000 {
        assert_eq!(asked("131073"), 131_073);
        assert_eq!(asked("1000000000"), 1_000_000_000);
        assert_eq!(
            asked("4294971392"),
            4_294_971_392,
            "4,096 if 32 bits are all that is looked at"
        );
        assert_eq!(asked(&"9".repeat(3_000)), u64::MAX);
    }
    for wrong in ["0", "04096", "-4096", "+4096", "4096 ", "", "4e3", "٤٠٩٦"] {
        let error = after_first(format!("r={CLIENT}{SERVER},s=c2FsdA==,i={wrong}"));
        assert_eq!(fault(&error), Fault::Value("i="), "{wrong}");
    }
}

#[test]
fn the_most_iterations_are_the_users_to_choose() {
    let mut scram = pencil().with_max_iterations(5_000);
    sent(scram.step(None));
    let first = |i: u32| format!("r={CLIENT}{SERVER},s=c2FsdA==,i={i}");
    sent(scram.step(Some(first(5_000).as_bytes())));
    let mut scram = pencil().with_max_iterations(0);
    sent(scram.step(None));
    let error = scram.step(Some(first(4_097).as_bytes())).unwrap_err();
    assert!(matches!(error, SaslError::Iterations { most: 4_096, .. }), "{error:?}");
}

#[test]
fn a_server_first_message_that_is_none_is_refused() {
    let nonce = format!("{CLIENT}{SERVER}");
    let cases: &[(String, Fault)] = &[
        (String::new(), Fault::Missing("r=")),
        (format!("m=x,r={nonce},s=c2FsdA==,i=4096"), Fault::MandatoryExtension),
        (format!("r={nonce},s=c2FsdA==,i=4096,m=x"), Fault::MandatoryExtension),
        (format!("r={nonce},i=4096,s=c2FsdA=="), Fault::Missing("s=")),
        (format!("r={nonce},s=c2FsdA=="), Fault::Missing("i=")),
        (format!("s=c2FsdA==,r={nonce},i=4096"), Fault::Missing("r=")),
        (format!("r={nonce}ü,s=c2FsdA==,i=4096"), Fault::Value("r=")),
        (format!("r={nonce} ,s=c2FsdA==,i=4096"), Fault::Value("r=")),
        ("r=,s=c2FsdA==,i=4096".to_string(), Fault::Value("r=")),
        (format!("r={nonce},s=,i=4096"), Fault::Value("s=")),
        (format!("r={nonce},s=c2FsdA=,i=4096"), Fault::Value("s=")),
        (format!("r={nonce},s=c2Fs dA==,i=4096"), Fault::Value("s=")),
        (format!("r={nonce},s={},i=4096", "A".repeat(1_372)), Fault::Value("s=")),
        (format!("r={nonce},s=c2FsdA==,i=4096,"), Fault::Value("an extension")),
        (format!("r={nonce},s=c2FsdA==,i=4096,=x"), Fault::Value("an extension")),
        ("x".repeat(4_097), Fault::TooLong { bytes: 4_097, most: 4_096 }),
        ("x".repeat(10_000_000), Fault::TooLong { bytes: 10_000_000, most: 4_096 }),
        ("e=unknown-user".to_string(), Fault::Missing("r=")),
    ];
    for (message, expected) in cases {
        assert_eq!(fault(&after_first(message)), *expected, "{message:.80}");
    }
    assert_eq!(fault(&after_first(b"r=\xff")), Fault::NotUtf8 { at: 2 });
}

#[test]
fn optional_extensions_of_a_server_are_let_pass_and_signed() {
    let mut scram = pencil();
    sent(scram.step(None));
    let first = format!("r={CLIENT}{SERVER},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,x=y=z");
    let message = sent(scram.step(Some(first.as_bytes())));
    assert!(!message.contains("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), "it is not signed");
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let not_verified = SaslError::ServerNotVerified { mechanism: "SCRAM-SHA-256" };
    assert_eq!(after_final("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8="), not_verified);
    let beyond_the_last_byte = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=";
    assert_eq!(fault(&after_final(beyond_the_last_byte)), Fault::Value("v="));
    assert_eq!(after_final("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), not_verified);
    assert_eq!(after_final(format!("v={}=", "A".repeat(43))), not_verified);
}

#[test]
fn a_server_final_message_that_is_none_is_refused() {
    let cases: &[(&str, Fault)] = &[
        ("", Fault::Missing("v= or e=")),
        ("v=", Fault::Value("v=")),
        // The first 16 bytes of the right one, and the right one with a byte more.
        ("v=6rriTRBi23WpRR/wtup+mA==", Fault::Value("v=")),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4A", Fault::Value("v=")),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,m=x", Fault::MandatoryExtension),
        ("e=", Fault::Value("e=")),
        ("r=again,s=c2FsdA==,i=4096", Fault::Missing("v= or e=")),
    ];
    for (message, expected) in cases {
        assert_eq!(fault(&after_final(message)), *expected, "{message}");
    }
    assert_eq!(fault(&after_final(b"v=\xc3")), Fault::NotUtf8 { at: 2 });
    assert_eq!(
        fault(&after_final("v".repeat(5_000))),
        Fault::TooLong { bytes: 5_000, most: 4_096 }
    );
}

#[test]
fn a_refusal_is_told_in_the_servers_words_as_far_as_they_are_harmless() {
    let reason = |message: &str| match after_final(message) {
        SaslError::Refused(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason("e=invalid-proof"), "invalid-proof");
    assert_eq!(reason("e=other-error,x=y"), "other-error");
    assert_eq!(reason("e=\u{7}\u{1b}[31m"), "\u{fffd}\u{fffd}[31m");
    assert_eq!(reason(&format!("e={}", "n".repeat(4_000))).chars().count(), 301);
}

#[test]
fn a_challenge_before_the_first_message_is_refused() {
    let error = pencil().step(Some(b"hello")).unwrap_err();
    assert_eq!(error, SaslError::UnexpectedChallenge { mechanism: "SCRAM-SHA-256", bytes: 5 });
}

#[test]
fn no_secret_is_shown_at_any_step() {
    let nonce = ClientNonce::from_text(CLIENT).unwrap();
    let mut scram = Scram::new(ScramHash::Sha256, "user", "hush-hush", nonce).unwrap();
    let mut shown = format!("{scram:?}");
    let step = scram.step(None);
    shown += &format!("{step:?}{scram:?}");
    let first = format!("r={CLIENT}{SERVER},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let step = scram.step(Some(first.as_bytes()));
    shown += &format!("{step:?}{scram:?}");
    let step = scram.step(Some(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    shown += &format!("{step:?}{scram:?}");
    assert!(shown.contains("user") && !shown.contains("hush"), "{shown}");
}

proptest! {
    #[test]
    fn no_challenge_brings_it_down(challenges in prop::collection::vec(any::<Vec<u8>>(), 1..4)) {
        let mut scram = pencil();
        sent(scram.step(None));
        for challenge in &challenges {
            let step = scram.step(Some(challenge));
            prop_assert!(step.is_err(), "nothing at random is a proof: {step:?}");
        }
    }

    #[test]
    fn no_server_first_message_brings_it_down(
        nonce in "[!-+\\--~]{0,8}", salt in "[A-Za-z0-9+/=]{0,12}", iterations in "[0-9]{0,5}", more in "(,[a-z]=[a-z]?){0,2}",
    ) {
        let mut scram = pencil().with_max_iterations(0);
        sent(scram.step(None));
        let message = format!("r={CLIENT}{nonce},s={salt},i={iterations}{more}");
        if let Ok(step) = scram.step(Some(message.as_bytes())) {
            prop_assert!(matches!(step, Step::Send(_)));
            prop_assert_eq!(iterations, "4096");
        }
    }

    #[test]
    fn an_escaped_name_comes_back(name in ".*") {
        let written = escaped(&name);
        prop_assert!(!written.contains(','));
        prop_assert_eq!(written.replace("=2C", ",").replace("=3D", "="), name);
    }
}
