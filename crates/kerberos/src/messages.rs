//! The messages of RFC 4120, as far as a client needs them.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use zeroize::Zeroizing;

use crate::der::{self, Reader, Written, application};
use crate::time::{self, duration};
use crate::{EncryptionType, KerberosError, Key, Principal, Refusal, Ticket};

pub(crate) const AS: u8 = 10;
pub(crate) const TGS: u8 = 12;
const ERROR: u8 = 30;
pub(crate) const PA_TGS_REQ: i32 = 1;
pub(crate) const PA_ENC_TIMESTAMP: i32 = 2;
const PA_ETYPE_INFO2: i32 = 19;

/// The option by which a KDC names the realm that knows a service (RFC 6806).
pub(crate) const CANONICALIZE: u32 = 0x0001_0000;

/// The most characters of a peer's words that an error repeats.
const LONGEST: usize = 200;

/// Beyond that, clocks differ too much; all implementations have it so.
const SKEW: Duration = Duration::from_secs(300);

/// What a KDC is asked for.
pub(crate) struct Body<'a> {
    pub(crate) options: u32,
    /// Of the exchange that has no ticket yet.
    pub(crate) client: Option<&'a Principal>,
    pub(crate) service: &'a Principal,
    pub(crate) until: i64,
    pub(crate) nonce: i32,
    pub(crate) kinds: &'a [EncryptionType],
}

impl Body<'_> {
    pub(crate) fn written(&self) -> Written {
        let kinds: Vec<Written> =
            self.kinds.iter().map(|kind| der::integer(kind.number().into())).collect();
        der::sequence(&[
            (0, Some(der::flags(self.options))),
            (1, self.client.map(Principal::client_written)),
            (2, Some(der::text(self.service.realm()))),
            (3, Some(self.service.name_written())),
            (5, Some(time::written(self.until))),
            (7, Some(der::integer(self.nonce.into()))),
            (8, Some(der::sequence_of(&kinds))),
        ])
    }
}

/// `AS-REQ` or `TGS-REQ`.
pub(crate) fn request(kind: u8, data: Option<(i32, &[u8])>, body: Written) -> Vec<u8> {
    let data = data.map(|(kind, value)| {
        let one = [(1, Some(der::integer(kind.into()))), (2, Some(der::octets(value)))];
        der::sequence_of(&[der::sequence(&one)])
    });
    let fields = [
        (1, Some(der::integer(5))),
        (2, Some(der::integer(kind.into()))),
        (3, data),
        (4, Some(body)),
    ];
    der::element(application(kind), &der::sequence(&fields)).to_vec()
}

pub(crate) fn encrypted(kind: EncryptionType, cipher: &[u8]) -> Written {
    der::sequence(&[(0, Some(der::integer(kind.number().into()))), (2, Some(der::octets(cipher)))])
}

/// `PA-ENC-TS-ENC`: the time, that only who knows the key can encrypt.
pub(crate) fn timestamp(now: Duration) -> Written {
    let micros = der::integer(now.subsec_micros().into());
    der::sequence(&[(0, Some(time::written(time::seconds(now)))), (1, Some(micros))])
}

/// What proves that the one who shows a ticket is its owner.
pub(crate) struct Authenticator<'a> {
    pub(crate) client: &'a Principal,
    /// Number and bytes.
    pub(crate) checksum: (i32, &'a [u8]),
    pub(crate) now: Duration,
    pub(crate) subkey: Option<&'a Key>,
    pub(crate) sequence: Option<u32>,
}

impl Authenticator<'_> {
    pub(crate) fn written(&self) -> Written {
        let (kind, sum) = self.checksum;
        let sum = [(0, Some(der::integer(kind.into()))), (1, Some(der::octets(sum)))];
        let subkey = self.subkey.map(|key| {
            let kind = der::integer(key.kind().number().into());
            der::sequence(&[(0, Some(kind)), (1, Some(der::octets(key.bytes())))])
        });
        let fields = [
            (0, Some(der::integer(5))),
            (1, Some(der::text(self.client.realm()))),
            (2, Some(self.client.client_written())),
            (3, Some(der::sequence(&sum))),
            (4, Some(der::integer(self.now.subsec_micros().into()))),
            (5, Some(time::written(time::seconds(self.now)))),
            (6, subkey),
            (7, self.sequence.map(|number| der::integer(number.into()))),
        ];
        der::element(application(2), &der::sequence(&fields))
    }
}

/// `AP-REQ`.
pub(crate) fn ap_request(options: u32, ticket: &Ticket, authenticator: &[u8]) -> Written {
    let fields = [
        (0, Some(der::integer(5))),
        (1, Some(der::integer(14))),
        (2, Some(der::flags(options))),
        (3, Some(Zeroizing::new(ticket.bytes.clone()))),
        (4, Some(encrypted(ticket.key.kind(), authenticator))),
    ];
    der::element(application(14), &der::sequence(&fields))
}

/// Number of the encryption type, and what is encrypted.
pub(crate) fn read_encrypted<'a>(
    reader: &mut Reader<'a>,
) -> Result<(i32, &'a [u8]), KerberosError> {
    let mut fields = reader.sequence()?;
    let number = fields.field(0)?.number()?;
    fields.optional(1)?;
    Ok((number, fields.field(2)?.octets()?))
}

/// A key of a type that is known here.
pub(crate) fn read_key(reader: &mut Reader<'_>) -> Result<Key, KerberosError> {
    let malformed = reader.malformed();
    let mut fields = reader.sequence()?;
    let number = fields.field(0)?.number()?;
    let kind = EncryptionType::from_number(number)
        .ok_or(KerberosError::Unsupported { what: "the encryption type of the session's key" })?;
    Key::new(kind, fields.field(1)?.octets()?).ok_or(malformed)
}

/// `AS-REP` or `TGS-REP`, not yet decrypted.
pub(crate) struct Reply<'a> {
    pub(crate) client: Principal,
    pub(crate) ticket: &'a [u8],
    pub(crate) kind: i32,
    pub(crate) cipher: &'a [u8],
}

impl<'a> Reply<'a> {
    /// The answer to a request of this kind.
    pub(crate) fn read(kind: u8, answer: &'a [u8]) -> Result<Self, KerberosError> {
        let mut reader = Reader::new(answer, "answer of the KDC");
        if reader.peek() == Some(application(ERROR)) {
            return Err(KerberosError::Refused(read_refusal(&mut reader)?));
        }
        let mut fields = reader.element(application(kind + 1))?.sequence()?;
        if (fields.field(0)?.number()?, fields.field(1)?.number()?) != (5, i32::from(kind) + 1) {
            return Err(reader.malformed());
        }
        fields.optional(2)?;
        let realm = fields.field(3)?.text()?;
        let client = Principal::read(&mut fields.field(4)?, realm)?;
        let (ticket, _) = fields.field(5)?.raw(application(1))?;
        let (kind, cipher) = read_encrypted(&mut fields.field(6)?)?;
        Ok(Self { client, ticket, kind, cipher })
    }

    /// Decrypts it, and checks that it answers a request of this nonce.
    pub(crate) fn open(
        &self,
        key: &Key,
        usage: u32,
        nonce: i32,
        now: Duration,
    ) -> Result<Ticket, KerberosError> {
        let plain = key.decrypt(usage, self.cipher, "answer of the KDC")?;
        let mut reader = Reader::new(&plain, "decrypted answer of the KDC");
        // Some write an AS-REP's part with the tag of a TGS-REP's.
        let tag = if reader.peek() == Some(application(25)) { 25 } else { 26 };
        let mut fields = reader.element(application(tag))?.sequence()?;
        let key = read_key(&mut fields.field(0)?)?;
        fields.field(1)?;
        if fields.field(2)?.number()? != nonce {
            return Err(KerberosError::Mismatch { what: "nonce" });
        }
        fields.optional(3)?;
        let flags = fields.field(4)?.flags()?;
        let authenticated = fields.field(5)?.time()?;
        let start = fields.optional(6)?.map(|mut field| field.time()).transpose()?;
        let end = fields.field(7)?.time()?;
        let renewable = fields.optional(8)?.map(|mut field| field.time()).transpose()?;
        let realm = fields.field(9)?.text()?;
        let service = Principal::read(&mut fields.field(10)?, realm)?;
        let start = duration(start.unwrap_or(authenticated));
        if start > now + SKEW {
            return Err(KerberosError::ClockSkew { server: start, here: now });
        }
        Ok(Ticket {
            client: self.client.clone(),
            service,
            key,
            start,
            end: duration(end),
            renewable_until: renewable.map(duration),
            flags,
            bytes: self.ticket.to_vec(),
        })
    }
}

/// `KRB-ERROR`.
pub(crate) fn read_refusal(reader: &mut Reader<'_>) -> Result<Refusal, KerberosError> {
    let mut fields = reader.element(application(ERROR))?.sequence()?;
    for number in [0, 1] {
        fields.field(number)?;
    }
    for number in [2, 3] {
        fields.optional(number)?;
    }
    let seconds = duration(fields.field(4)?.time()?);
    let micros = u64::try_from(fields.field(5)?.integer()?).unwrap_or(0).min(999_999);
    let code = fields.field(6)?.number()?;
    for number in [7, 8, 9, 10] {
        fields.optional(number)?;
    }
    let text = match fields.optional(11)? {
        Some(mut field) => shown(field.element(der::GENERAL_STRING)?.rest()),
        None => String::new(),
    };
    let data = fields.optional(12)?.map(|mut field| field.octets().map(<[u8]>::to_vec));
    let server_time = seconds + Duration::from_micros(micros);
    Ok(Refusal { code, server_time, text, data: data.transpose()?.unwrap_or_default() })
}

fn shown(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    words.chars().map(clean).take(LONGEST).collect::<String>().trim().into()
}

/// The encryption types that a KDC has keys of for the client, as it says where it wants a proof.
pub(crate) fn wanted_kinds(data: &[u8]) -> Result<Vec<i32>, KerberosError> {
    let mut kinds = Vec::new();
    if data.is_empty() {
        return Ok(kinds);
    }
    let mut methods = Reader::new(data, "list of proofs that the KDC wants").sequence()?;
    while !methods.is_empty() {
        let mut method = methods.sequence()?;
        let kind = method.field(1)?.number()?;
        let Some(mut value) = method.optional(2)? else { continue };
        if kind != PA_ETYPE_INFO2 {
            continue;
        }
        let mut infos =
            Reader::new(value.octets()?, "list of encryption types of the KDC").sequence()?;
        while !infos.is_empty() {
            kinds.push(infos.sequence()?.field(0)?.number()?);
        }
    }
    Ok(kinds)
}
