//! GSS-API's tokens for Kerberos 5 (RFC 4121), on the side of who begins.

use alloc::vec::Vec;
use core::time::Duration;

use crate::der::{self, Reader, application};
use crate::messages::{self, Authenticator};
use crate::{EncryptionType, KerberosError, Key, Random, Ticket, time};

/// 1.2.840.113554.1.2.2, with its tag and length.
const MECHANISM: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
const REQUEST: [u8; 2] = [1, 0];
const REPLY: [u8; 2] = [2, 0];
const REFUSAL: [u8; 2] = [3, 0];
const WRAPPED: [u8; 2] = [5, 4];

/// `AP-REQ`'s option by which the service must prove who it is.
const MUTUAL_REQUIRED: u32 = 0x2000_0000;
/// The number of the checksum that is none, but has flags in it (RFC 4121, section 4.1.1).
const FLAGS_CHECKSUM: i32 = 0x8003;
/// Mutual authentication, replays and order are detected, integrity.
const FLAGS: u32 = 2 | 4 | 8 | 32;

/// RFC 4120, section 7.5.1, and RFC 4121, section 2.
mod usage {
    pub(super) const AUTHENTICATOR: u32 = 11;
    pub(super) const REPLY: u32 = 12;
    pub(super) const ACCEPTOR_WRAP: u32 = 22;
    pub(super) const INITIATOR_WRAP: u32 = 24;
}

/// Flags of a wrapped message.
const BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_SUBKEY: u8 = 4;

const HEADER: usize = 16;

/// A context that is being established with a service.
///
/// [`token`](Self::token) goes to the service, and what it answers to [`answer`](Self::answer), which proves that the service knows its key.
#[derive(Debug)]
pub struct Initiator {
    token: Vec<u8>,
    session: Key,
    subkey: Key,
    now: Duration,
    sequence: u32,
}

/// A context that stands: both sides have proved who they are.
#[derive(Debug)]
pub struct Context {
    key: Key,
    is_acceptors: bool,
    next_sent: u64,
    next_received: u64,
}

impl Initiator {
    /// With the ticket for the service. The time is since 1970, with microseconds, which are no other context's with the same ticket.
    pub fn new(ticket: &Ticket, now: Duration, random: &Random) -> Self {
        let kind = ticket.key.kind();
        let subkey = Key::new(kind, &random[16..16 + kind.key_length()]);
        let subkey = subkey.unwrap_or_else(|| ticket.key.clone());
        let confounder = core::array::from_fn(|at| random[at]);
        // The highest bits stay clear: some take the number for a signed one.
        let sequence = u32::from_be_bytes([random[48], random[49], random[50], random[51]]) >> 2;
        let mut checksum = [0; 24];
        checksum[0] = 16;
        // Between: no channel bindings.
        checksum[20..].copy_from_slice(&FLAGS.to_le_bytes());
        let authenticator = Authenticator {
            client: &ticket.client,
            checksum: (FLAGS_CHECKSUM, &checksum),
            now,
            subkey: Some(&subkey),
            sequence: Some(sequence),
        };
        let cipher = ticket.key.encrypt(usage::AUTHENTICATOR, confounder, &authenticator.written());
        let request = messages::ap_request(MUTUAL_REQUIRED, ticket, &cipher);
        let content = [&MECHANISM[..], &REQUEST, &request].concat();
        let token = der::element(application(0), &content).to_vec();
        Self { token, session: ticket.key.clone(), subkey, now, sequence }
    }

    /// For the service.
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// Takes what the service answered.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Refused`] by the service, and whatever is wrong with the answer: above all that it does not prove the service's key.
    pub fn answer(self, token: &[u8]) -> Result<Context, KerberosError> {
        let mut reader = Reader::new(token, "answer of the service");
        let malformed = reader.malformed();
        let content = reader.element(application(0))?.rest();
        let content = content.strip_prefix(&MECHANISM).ok_or(malformed.clone())?;
        let (kind, message) = content.split_first_chunk::<2>().ok_or(malformed.clone())?;
        let mut message = Reader::new(message, "answer of the service");
        match *kind {
            REPLY => {}
            REFUSAL => {
                return Err(KerberosError::Refused(messages::read_refusal(&mut message)?));
            }
            _ => return Err(malformed),
        }
        let mut fields = message.element(application(15))?.sequence()?;
        if (fields.field(0)?.number()?, fields.field(1)?.number()?) != (5, 15) {
            return Err(malformed);
        }
        let (kind, cipher) = messages::read_encrypted(&mut fields.field(2)?)?;
        if EncryptionType::from_number(kind) != Some(self.session.kind()) {
            return Err(KerberosError::Integrity { what: "answer of the service" });
        }
        let plain = self.session.decrypt(usage::REPLY, cipher, "answer of the service")?;
        let mut reader = Reader::new(&plain, "decrypted answer of the service");
        let mut fields = reader.element(application(27))?.sequence()?;
        let seconds = fields.field(0)?.time()?;
        let micros = fields.field(1)?.integer()?;
        let (asked, of_second) = (time::seconds(self.now), i64::from(self.now.subsec_micros()));
        if (seconds, micros) != (asked, of_second) {
            return Err(KerberosError::Mismatch { what: "time" });
        }
        let subkey = fields.optional(2)?.map(|mut field| messages::read_key(&mut field));
        let subkey = subkey.transpose()?;
        let sequence = fields.optional(3)?.map(|mut field| field.number()).transpose()?;
        Ok(Context {
            is_acceptors: subkey.is_some(),
            key: subkey.unwrap_or(self.subkey),
            next_sent: self.sequence.into(),
            next_received: u64::from(sequence.unwrap_or(0) as u32),
        })
    }
}

impl Context {
    /// Wraps a message: everyone can read it, none can change it.
    pub fn wrap(&mut self, message: &[u8]) -> Vec<u8> {
        let flags = if self.is_acceptors { ACCEPTOR_SUBKEY } else { 0 };
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&WRAPPED);
        header[2..4].copy_from_slice(&[flags, 0xff]);
        header[8..].copy_from_slice(&self.next_sent.to_be_bytes());
        self.next_sent += 1;
        let checksum = self.key.checksum(usage::INITIATOR_WRAP, &[message, &header]);
        // The checksum's length is filled in after the checksum has been made.
        header[4..6].copy_from_slice(&(checksum.len() as u16).to_be_bytes());
        [&header, message, &checksum].concat()
    }

    /// The message of the next token that the service wrapped.
    ///
    /// # Errors
    ///
    /// It is forged, out of order, or sealed, which nobody asked for.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, KerberosError> {
        const WHAT: &str = "message wrapped by the service";
        let malformed = KerberosError::Malformed { what: WHAT };
        let (header, body) = token.split_first_chunk::<HEADER>().ok_or(malformed.clone())?;
        let [5, 4, flags, 0xff, e1, e2, r1, r2, sequence @ ..] = *header else {
            return Err(malformed);
        };
        if flags & SEALED != 0 {
            return Err(KerberosError::Unsupported { what: "an encrypted message of the service" });
        }
        if flags & BY_ACCEPTOR == 0 || (flags & ACCEPTOR_SUBKEY != 0) != self.is_acceptors {
            return Err(malformed);
        }
        let length = usize::from(u16::from_be_bytes([e1, e2]));
        if body.len() < length || length != self.key.kind().checksum_length() {
            return Err(malformed);
        }
        // What was turned to the right is turned back.
        let mut body = body.to_vec();
        let turned = usize::from(u16::from_be_bytes([r1, r2])) % body.len();
        body.rotate_left(turned);
        let checksum = body.split_off(body.len() - length);
        let mut plain = *header;
        plain[4..8].fill(0);
        let parts: [&[u8]; 2] = [&body, &plain];
        if !self.key.verify_checksum(usage::ACCEPTOR_WRAP, &parts, &checksum) {
            return Err(KerberosError::Integrity { what: WHAT });
        }
        if u64::from_be_bytes(sequence) != self.next_received {
            return Err(KerberosError::Mismatch { what: "sequence number" });
        }
        self.next_received += 1;
        Ok(body)
    }
}

#[cfg(test)]
mod tests;
