//! The framing, with a context that wraps by a word instead of a key.

use alloc::format;
use alloc::vec;

use proptest::prelude::*;

use super::*;

/// Says `ask` and is established by `grant`; wraps between `<` and `>`.
#[derive(Debug, Default)]
struct Toy {
    is_endless: bool,
    is_mutual: bool,
}

impl GssContext for Toy {
    fn init(&mut self, token: Option<&[u8]>) -> Result<GssToken, GssError> {
        match token {
            _ if self.is_endless => {
                Ok(GssToken { token: Some(b"more".to_vec()), is_established: false })
            }
            None => Ok(GssToken { token: Some(b"ask".to_vec()), is_established: !self.is_mutual }),
            Some(b"grant") => Ok(GssToken { token: None, is_established: true }),
            Some(b"silence") => Ok(GssToken { token: None, is_established: false }),
            Some(_) => Err(GssError { detail: "no such ticket".into(), is_retriable: false }),
        }
    }

    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, GssError> {
        let inside = wrapped.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">"));
        inside.map(<[u8]>::to_vec).ok_or_else(|| GssError {
            detail: "a token's checksum is wrong".into(),
            is_retriable: false,
        })
    }

    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok([b"<", message, b">"].concat())
    }
}

fn mutual() -> Gssapi<Toy> {
    Gssapi::new(Toy { is_mutual: true, ..Toy::default() })
}

fn send(bytes: &'static [u8]) -> Result<Step, SaslError> {
    Ok(Step::Send(Bytes::from_static(bytes)))
}

/// Up to where the server makes its offer.
fn choosing() -> Gssapi<Toy> {
    let mut client = mutual();
    assert_eq!(client.step(None), send(b"ask"));
    assert_eq!(client.step(Some(b"grant")), send(b""));
    client
}

#[test]
fn tokens_go_to_and_fro_until_the_context_stands_and_then_no_layer_is_chosen() {
    let mut client = choosing();
    assert_eq!(client.step(Some(b"<\x07\x00\xff\xff>")), send(b"<\x01\x00\x00\x00>"));
    assert_eq!(client.step(Some(b"")), Ok(Step::Complete));
    assert_eq!(client.step(Some(b"")), Err(SaslError::Finished { mechanism: "GSSAPI" }));
}

#[test]
fn a_context_that_stands_at_once_goes_on_to_the_offer() {
    let mut client = Gssapi::new(Toy::default());
    assert_eq!(client.step(None), send(b"ask"));
    assert_eq!(client.step(Some(b"<\x01\x00\x00\x00>")), send(b"<\x01\x00\x00\x00>"));
    assert_eq!(client.step(None), Ok(Step::Complete));
}

#[test]
fn the_authorization_id_follows_the_choice() {
    let mut client = Gssapi::new(Toy::default()).with_authorization_id("alice@EXAMPLE").unwrap();
    client.step(None).unwrap();
    assert_eq!(client.step(Some(b"<\x01abc>")), send(b"<\x01\x00\x00\x00alice@EXAMPLE>"));
    assert!(mutual().with_authorization_id("").is_err());
    assert!(mutual().with_authorization_id("a\0").is_err());
}

#[test]
fn a_server_that_insists_on_a_layer_is_told_apart() {
    let error = choosing().step(Some(b"<\x06\x00\xff\xff>"));
    assert_eq!(error, Err(SaslError::NoCommonLayer { mechanism: "GSSAPI", offered: 6 }));
}

#[test]
fn an_offer_that_is_none_is_refused() {
    let fault = |challenge: &[u8]| match choosing().step(Some(challenge)) {
        Err(SaslError::Malformed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(b"<>"), Fault::TooShort { bytes: 0, least: 4 });
    assert_eq!(fault(b"<\x01\x00\x00>"), Fault::TooShort { bytes: 3, least: 4 });
    assert_eq!(fault(b"<\x01\x00\x00\x00\x00>"), Fault::TooLong { bytes: 5, most: 4 });
    let huge = vec![b'<'; MOST_BYTES + 1];
    assert_eq!(fault(&huge), Fault::TooLong { bytes: MOST_BYTES + 1, most: MOST_BYTES });
    // One that was tampered with is the library's to find.
    let error = choosing().step(Some(b"\x01\x00\x00\x00")).unwrap_err();
    assert!(matches!(error, SaslError::Provider { is_retriable: false, .. }), "{error:?}");
}

#[test]
fn a_librarys_words_come_through() {
    let mut client = mutual();
    client.step(None).unwrap();
    let error = client.step(Some(b"forged")).unwrap_err();
    assert_eq!(format!("{error}"), "GSSAPI: no such ticket");
    assert_eq!(client.step(Some(b"grant")), Err(SaslError::Finished { mechanism: "GSSAPI" }));
}

#[test]
fn a_context_that_neither_speaks_nor_stands_ends_the_exchange() {
    let mut client = mutual();
    client.step(None).unwrap();
    assert!(matches!(client.step(Some(b"silence")), Err(SaslError::Provider { .. })));
}

#[test]
fn endless_tokens_come_to_an_end() {
    let mut client = Gssapi::new(Toy { is_endless: true, ..Toy::default() });
    let mut steps = 0;
    let error = loop {
        match client.step((steps > 0).then_some(b"more")) {
            Ok(_) => steps += 1,
            Err(error) => break error,
        }
        assert!(steps < 100);
    };
    assert_eq!(error, SaslError::UnexpectedChallenge { mechanism: "GSSAPI", bytes: 4 });
}

#[test]
fn a_server_that_speaks_out_of_turn_is_refused() {
    let unexpected = Err(SaslError::UnexpectedChallenge { mechanism: "GSSAPI", bytes: 1 });
    assert_eq!(mutual().step(Some(b"x")), unexpected);
    let mut client = choosing();
    client.step(Some(b"<\x01\x00\x00\x00>")).unwrap();
    assert_eq!(client.step(Some(b"x")), unexpected);
}

proptest! {
    #[test]
    fn no_challenge_completes_it_but_the_right_ones(challenges: Vec<Vec<u8>>) {
        let mut client = mutual();
        client.step(None).unwrap();
        for challenge in &challenges {
            if client.step(Some(challenge)) == Ok(Step::Complete) {
                prop_assert_eq!(challenges[0].as_slice(), b"grant");
            }
        }
    }
}
