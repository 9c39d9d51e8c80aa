use alloc::string::ToString as _;

use super::*;
use crate::{Principal, Refusal};

const NOW: Duration = Duration::from_micros(1_700_000_000_123_456);

fn ticket(kind: EncryptionType) -> Ticket {
    Ticket {
        client: Principal::parse("alice@R", None).unwrap(),
        service: Principal::parse("kafka/b@R", None).unwrap(),
        key: Key::new(kind, &[3; 32][..kind.key_length()]).unwrap(),
        start: NOW,
        end: NOW + Duration::from_secs(600),
        renewable_until: None,
        flags: 0,
        bytes: der::element(application(1), b"opaque").to_vec(),
    }
}

/// What the service answers.
struct Answer {
    seconds: i64,
    micros: i64,
    subkey: Option<Key>,
    key: Key,
}

impl Answer {
    fn to(ticket: &Ticket) -> Self {
        Self { seconds: 1_700_000_000, micros: 123_456, subkey: None, key: ticket.key.clone() }
    }

    fn token(&self) -> Vec<u8> {
        let subkey = self.subkey.as_ref().map(|key| {
            let kind = der::integer(key.kind().number().into());
            der::sequence(&[(0, Some(kind)), (1, Some(der::octets(key.bytes())))])
        });
        let part = der::sequence(&[
            (0, Some(time::written(self.seconds))),
            (1, Some(der::integer(self.micros))),
            (2, subkey),
            (3, Some(der::integer(77))),
        ]);
        let cipher = self.key.encrypt(usage::REPLY, [1; 16], &der::element(application(27), &part));
        let message = der::sequence(&[
            (0, Some(der::integer(5))),
            (1, Some(der::integer(15))),
            (2, Some(messages::encrypted(self.key.kind(), &cipher))),
        ]);
        framed(REPLY, &der::element(application(15), &message))
    }
}

fn framed(kind: [u8; 2], message: &[u8]) -> Vec<u8> {
    der::element(application(0), &[&MECHANISM[..], &kind, message].concat()).to_vec()
}

/// As the service wraps.
fn wrapped(key: &Key, flags: u8, sequence: u64, turned: u16, message: &[u8]) -> Vec<u8> {
    let mut header = [5, 4, flags | BY_ACCEPTOR, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[8..].copy_from_slice(&sequence.to_be_bytes());
    let checksum = key.checksum(usage::ACCEPTOR_WRAP, &[message, &header]);
    header[4..6].copy_from_slice(&(checksum.len() as u16).to_be_bytes());
    header[6..8].copy_from_slice(&turned.to_be_bytes());
    let mut body = [message, &checksum].concat();
    let length = body.len();
    body.rotate_right(usize::from(turned) % length);
    [&header[..], &body].concat()
}

#[test]
fn a_service_that_proves_its_key_gets_messages_and_gives_them() {
    for kind in EncryptionType::ALL {
        let ticket = ticket(kind);
        let acceptors = Key::new(kind, &[8; 32][..kind.key_length()]).unwrap();
        for subkey in [None, Some(acceptors)] {
            let initiator = Initiator::new(&ticket, NOW, &[5; 64]);
            assert!(initiator.token().len() > 100);
            let key = subkey.clone().unwrap_or_else(|| initiator.subkey.clone());
            let flags = if subkey.is_some() { ACCEPTOR_SUBKEY } else { 0 };
            let answer = Answer { subkey, ..Answer::to(&ticket) };
            let mut context = initiator.answer(&answer.token()).unwrap();
            for (sequence, turned) in [(77, 0), (78, 12), (79, 60_000)] {
                let token = wrapped(&key, flags, sequence, turned, b"\x07\0\0\0");
                assert_eq!(context.unwrap(&token).unwrap(), b"\x07\0\0\0");
            }
            let token = context.wrap(b"\x01\0\0\0");
            let (header, rest) = token.split_at(HEADER);
            assert_eq!(&rest[..4], b"\x01\0\0\0");
            let mut plain = header.to_vec();
            plain[4..8].fill(0);
            assert!(key.verify_checksum(usage::INITIATOR_WRAP, &[&rest[..4], &plain], &rest[4..]));
        }
    }
}

#[test]
fn a_service_that_does_not_know_its_key_is_not_believed() {
    let ticket = ticket(EncryptionType::Aes256Sha1);
    let answered =
        |answer: &Answer| Initiator::new(&ticket, NOW, &[5; 64]).answer(&answer.token()).map(drop);
    assert_eq!(answered(&Answer::to(&ticket)), Ok(()));
    let other = Key::new(EncryptionType::Aes256Sha1, &[4; 32]).unwrap();
    let what = "answer of the service";
    let error = answered(&Answer { key: other, ..Answer::to(&ticket) });
    assert_eq!(error, Err(KerberosError::Integrity { what }));
    let other = Key::new(EncryptionType::Aes128Sha1, &[3; 16]).unwrap();
    let error = answered(&Answer { key: other, ..Answer::to(&ticket) });
    assert_eq!(error, Err(KerberosError::Integrity { what }));
    // An old answer, played again.
    for answer in [
        Answer { micros: 123_457, ..Answer::to(&ticket) },
        Answer { seconds: 1_699_999_999, ..Answer::to(&ticket) },
    ] {
        assert_eq!(answered(&answer), Err(KerberosError::Mismatch { what: "time" }));
    }
}

#[test]
fn a_message_that_is_forged_sealed_or_played_again_is_refused() {
    let ticket = ticket(EncryptionType::Aes128Sha256);
    let initiator = Initiator::new(&ticket, NOW, &[5; 64]);
    let key = initiator.subkey.clone();
    let mut context = initiator.answer(&Answer::to(&ticket).token()).unwrap();
    let token = wrapped(&key, 0, 77, 0, b"\x07\0\0\0");
    for at in 0..token.len() {
        let mut forged = token.clone();
        forged[at] ^= 1;
        assert!(context.unwrap(&forged).is_err(), "byte {at}");
        assert!(context.unwrap(&token[..at]).is_err(), "{at} bytes");
    }
    let sealed = wrapped(&key, SEALED, 77, 0, b"\x07\0\0\0");
    assert!(matches!(context.unwrap(&sealed), Err(KerberosError::Unsupported { .. })));
    // What the client itself wrapped, sent back to it.
    let mirrored = context.wrap(b"\x07\0\0\0");
    assert!(context.unwrap(&mirrored).is_err());
    assert!(context.unwrap(&token).is_ok());
    let error = KerberosError::Mismatch { what: "sequence number" };
    assert_eq!(context.unwrap(&token), Err(error));
}

#[test]
fn a_refusal_of_the_service_says_what_it_means() {
    let error = der::sequence(&[
        (0, Some(der::integer(5))),
        (1, Some(der::integer(30))),
        (4, Some(time::written(1_700_000_000))),
        (5, Some(der::integer(7))),
        (6, Some(der::integer(Refusal::CLOCK_SKEW.into()))),
        (9, Some(der::text("R"))),
        (10, Some(ticket(EncryptionType::Aes128Sha1).service.name_written())),
        (11, Some(der::element(der::GENERAL_STRING, b"no\x1b[2J way"))),
    ]);
    let token = framed(REFUSAL, &der::element(application(30), &error));
    let initiator = Initiator::new(&ticket(EncryptionType::Aes128Sha1), NOW, &[5; 64]);
    let error = initiator.answer(&token).unwrap_err();
    assert_eq!(error.to_string(), "the clocks differ too much (Kerberos error 37: no [2J way)");
}
