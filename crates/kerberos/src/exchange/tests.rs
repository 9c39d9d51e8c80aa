use alloc::vec;

use super::*;
use crate::der::{self, Reader, application};
use crate::{keytab, time};

const NOW: Duration = Duration::from_secs(1_700_000_000);

/// A KDC that knows one client's key and one service.
struct Kdc {
    client: Principal,
    key: Key,
    session: Key,
    kinds: Vec<i32>,
    /// What it says instead of the truth.
    nonce: i32,
    name: Option<Principal>,
    code: Option<i32>,
}

fn alice() -> Principal {
    Principal::parse("alice@R", None).unwrap()
}

fn key(kind: EncryptionType, byte: u8) -> Key {
    Key::new(kind, &[byte; 32][..kind.key_length()]).unwrap()
}

impl Kdc {
    fn new() -> Self {
        Self {
            client: alice(),
            key: key(EncryptionType::Aes256Sha1, 1),
            session: key(EncryptionType::Aes128Sha256, 2),
            kinds: vec![23, 18, 17],
            nonce: 0,
            name: None,
            code: None,
        }
    }

    fn refusal(&self, code: i32, data: Option<Vec<u8>>) -> Vec<u8> {
        let fields = der::sequence(&[
            (0, Some(der::integer(5))),
            (1, Some(der::integer(30))),
            (4, Some(time::written(time::seconds(NOW) + 3600))),
            (5, Some(der::integer(0))),
            (6, Some(der::integer(code.into()))),
            (9, Some(der::text("R"))),
            (10, Some(self.client.name_written())),
            (12, data.map(|data| der::octets(&data))),
        ]);
        der::element(application(30), &fields).to_vec()
    }

    fn methods(&self) -> Vec<u8> {
        let infos: Vec<_> = self
            .kinds
            .iter()
            .map(|kind| der::sequence(&[(0, Some(der::integer((*kind).into())))]))
            .collect();
        let method = |kind: i64, value: &[u8]| {
            der::sequence(&[(1, Some(der::integer(kind))), (2, Some(der::octets(value)))])
        };
        der::sequence_of(&[method(136, b""), method(19, &der::sequence_of(&infos)), method(2, b"")])
            .to_vec()
    }

    fn reply(&self, kind: u8, key: &Key, usage: u32, service: &Principal, nonce: i32) -> Vec<u8> {
        let session = der::sequence(&[
            (0, Some(der::integer(self.session.kind().number().into()))),
            (1, Some(der::octets(self.session.bytes()))),
        ]);
        let now = time::seconds(NOW);
        let part = der::sequence(&[
            (0, Some(session)),
            (1, Some(der::sequence_of(&[]))),
            (2, Some(der::integer((nonce ^ self.nonce).into()))),
            (4, Some(der::flags(0x0040_0000))),
            (5, Some(time::written(now))),
            (7, Some(time::written(now + 600))),
            (9, Some(der::text(service.realm()))),
            (10, Some(service.name_written())),
        ]);
        let cipher = key.encrypt(
            usage,
            [7; 16],
            &der::element(application(if kind == messages::AS { 25 } else { 26 }), &part),
        );
        let reply = der::sequence(&[
            (0, Some(der::integer(5))),
            (1, Some(der::integer(i64::from(kind) + 1))),
            (3, Some(der::text(self.client.realm()))),
            (4, Some(self.name.as_ref().unwrap_or(&self.client).client_written())),
            (5, Some(der::element(application(1), b"opaque"))),
            (6, Some(messages::encrypted(key.kind(), &cipher))),
        ]);
        der::element(application(kind + 1), &reply).to_vec()
    }

    /// Proof, and the body's nonce and service.
    fn read(&self, kind: u8, request: &[u8]) -> (Option<Vec<u8>>, i32, Principal) {
        let mut fields =
            Reader::new(request, "it").element(application(kind)).unwrap().sequence().unwrap();
        fields.field(1).unwrap();
        fields.field(2).unwrap();
        let proof = fields.optional(3).unwrap().map(|mut data| {
            let mut data = data.sequence().unwrap().sequence().unwrap();
            data.field(1).unwrap();
            data.field(2).unwrap().octets().unwrap().to_vec()
        });
        let mut body = fields.field(4).unwrap().sequence().unwrap();
        body.field(0).unwrap();
        body.optional(1).unwrap();
        let realm = body.field(2).unwrap().text().unwrap();
        let service = Principal::read(&mut body.field(3).unwrap(), realm).unwrap();
        body.field(5).unwrap();
        (proof, body.field(7).unwrap().number().unwrap(), service)
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        if let Some(code) = self.code {
            return self.refusal(code, None);
        }
        let (proof, nonce, service) = self.read(messages::AS, request);
        let Some(proof) = proof else {
            return self.refusal(Refusal::PREAUTHENTICATION_REQUIRED, Some(self.methods()));
        };
        let (kind, cipher) = messages::read_encrypted(&mut Reader::new(&proof, "it")).unwrap();
        assert_eq!(kind, self.key.kind().number());
        if self.key.decrypt(usage::TIMESTAMP, cipher, "proof").is_err() {
            return self.refusal(Refusal::PREAUTHENTICATION_FAILED, None);
        }
        self.reply(messages::AS, &self.key, usage::AS_REPLY, &service, nonce)
    }

    fn login(&self, keys: Vec<Key>) -> Result<Ticket, KerberosError> {
        let mut login = Login::new(&alice(), keys, NOW, &[1; 64])?;
        for _ in 0..2 {
            let answer = self.answer(login.request());
            match login.answer(&answer, NOW, &[2; 64])? {
                LoginStep::Ask(next) => login = next,
                LoginStep::Done(ticket) => return Ok(ticket),
            }
        }
        panic!("a KDC asks once for a proof");
    }
}

#[test]
fn a_key_gives_a_ticket_and_that_gives_others() {
    let kdc = Kdc::new();
    let keys = vec![key(EncryptionType::Aes256Sha384, 9), key(EncryptionType::Aes256Sha1, 1)];
    let granting = kdc.login(keys).unwrap();
    assert_eq!(granting.service, Principal::ticket_granting("R", "R"));
    assert_eq!((granting.start, granting.end), (NOW, NOW + Duration::from_secs(600)));
    assert!(granting.is_valid_at(NOW) && !granting.is_valid_at(granting.end));

    let service = Principal::service("kafka", "b", "ELSEWHERE");
    let request = TicketRequest::new(&granting, &service, NOW, &[3; 64]);
    let (proof, nonce, asked) = kdc.read(messages::TGS, request.request());
    assert!(proof.is_some());
    assert_eq!(asked, Principal::service("kafka", "b", "R"));
    let reply = |service| kdc.reply(messages::TGS, &granting.key, usage::TGS_REPLY, service, nonce);
    let ticket = request.answer(&reply(&asked), NOW).unwrap();
    assert_eq!(ticket.service, asked);
    // Another realm knows it, or another service is named.
    let referral = Principal::ticket_granting("OTHER", "R");
    assert_eq!(request.answer(&reply(&referral), NOW).unwrap().service, referral);
    let error = request.answer(&reply(&Principal::service("http", "b", "R")), NOW).unwrap_err();
    assert_eq!(error, KerberosError::Mismatch { what: "name of the service" });
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let keys = || vec![key(EncryptionType::Aes256Sha1, 1)];
    let other = Kdc { nonce: 1, ..Kdc::new() }.login(keys()).unwrap_err();
    assert_eq!(other, KerberosError::Mismatch { what: "nonce" });
    let name = Principal::parse("mallory@R", None).unwrap();
    let other = Kdc { name: Some(name), ..Kdc::new() }.login(keys()).unwrap_err();
    assert_eq!(other, KerberosError::Mismatch { what: "name of the client" });
}

#[test]
fn who_has_no_key_or_a_wrong_one_is_told_so() {
    let kdc = Kdc::new();
    assert!(matches!(kdc.login(vec![]), Err(KerberosError::NoKey { .. })));
    let error = kdc.login(vec![key(EncryptionType::Aes256Sha384, 1)]).unwrap_err();
    let known = vec![EncryptionType::Aes256Sha384];
    assert_eq!(error, KerberosError::NoKey { wanted: vec![23, 18, 17], known });
    let error = kdc.login(vec![key(EncryptionType::Aes256Sha1, 8)]).unwrap_err();
    assert!(
        matches!(error, KerberosError::Refused(refusal) if refusal.code == Refusal::PREAUTHENTICATION_FAILED)
    );
    let late = Kdc { code: Some(Refusal::CLOCK_SKEW), ..Kdc::new() };
    let error = late.login(vec![key(EncryptionType::Aes256Sha1, 1)]).unwrap_err();
    assert_eq!(alloc::format!("{error}"), "the KDC's clock is 3600 s ahead of the one here");
}

#[test]
fn no_changed_or_shortened_answer_is_taken_or_panics() {
    let kdc = Kdc::new();
    let login = || Login::new(&alice(), vec![kdc.key.clone()], NOW, &[1; 64]).unwrap();
    let LoginStep::Ask(asked) =
        login().answer(&kdc.answer(login().request()), NOW, &[2; 64]).unwrap()
    else {
        panic!("it wants a proof first");
    };
    let answer = kdc.answer(asked.request());
    for at in 0..answer.len() {
        assert!(login().answer(&answer[..at], NOW, &[2; 64]).is_err(), "{at} bytes");
        let mut changed = answer.clone();
        changed[at] ^= 0x41;
        if let Ok(LoginStep::Done(ticket)) = login().answer(&changed, NOW, &[2; 64]) {
            // Nothing guards the ticket itself: its reader finds that out.
            assert_ne!(ticket.bytes, der::element(application(1), b"opaque").to_vec());
        }
    }
    let file = keytab::tests::written(&[(&alice(), 1, 18, &[1; 32])]);
    let keys = crate::Keytab::parse(&file).unwrap().keys_of(&alice());
    assert!(kdc.login(keys).is_ok());
}
