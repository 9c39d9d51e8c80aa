//! The two exchanges with a KDC: a ticket by a key, and tickets by a ticket.

use alloc::vec::Vec;
use core::time::Duration;

use crate::messages::{self, Authenticator, Body, Reply};
use crate::{EncryptionType, KerberosError, Key, Principal, Refusal, Ticket, time};

/// Fresh randomness for one step, from a source that is fit for keys.
pub type Random = [u8; 64];

/// How long a ticket is wanted to live; the KDC may say less.
const LIFETIME: i64 = 24 * 3600;

/// RFC 4120, section 7.5.1.
mod usage {
    pub(super) const TIMESTAMP: u32 = 1;
    pub(super) const AS_REPLY: u32 = 3;
    pub(super) const TGS_CHECKSUM: u32 = 6;
    pub(super) const TGS_AUTHENTICATOR: u32 = 7;
    pub(super) const TGS_REPLY: u32 = 8;
}

/// The exchange by which a principal gets its first ticket, the one to get others with, for a key of its own (RFC 4120, section 3.1).
///
/// The KDC gets the request, and what it answers goes to [`answer`](Self::answer), which often wants another request.
#[derive(Debug)]
pub struct Login {
    client: Principal,
    keys: Vec<Key>,
    nonce: i32,
    has_proved: bool,
    request: Vec<u8>,
}

/// What comes of an answer to a [`Login`].
#[derive(Debug)]
pub enum LoginStep {
    /// Another request must be sent.
    Ask(Login),
    /// The ticket.
    Done(Ticket),
}

impl Login {
    /// Of a principal with its keys, the best first. The time is since 1970.
    ///
    /// # Errors
    ///
    /// [`KerberosError::NoKey`]: there is none.
    pub fn new(
        client: &Principal,
        keys: Vec<Key>,
        now: Duration,
        random: &Random,
    ) -> Result<Self, KerberosError> {
        if keys.is_empty() {
            let wanted = EncryptionType::ALL.map(EncryptionType::number).into();
            return Err(KerberosError::NoKey { wanted, known: Vec::new() });
        }
        let mut login =
            Self { client: client.clone(), keys, nonce: 0, has_proved: false, request: Vec::new() };
        login.ask(None, now, random);
        Ok(login)
    }

    /// For a KDC of the client's realm.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes what the KDC answered.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Refused`] by the KDC, and whatever is wrong with the answer.
    pub fn answer(
        mut self,
        answer: &[u8],
        now: Duration,
        random: &Random,
    ) -> Result<LoginStep, KerberosError> {
        let reply = match Reply::read(messages::AS, answer) {
            Ok(reply) => reply,
            Err(KerberosError::Refused(refusal))
                if refusal.code == Refusal::PREAUTHENTICATION_REQUIRED && !self.has_proved =>
            {
                let wanted = messages::wanted_kinds(&refusal.data)?;
                let key = self.key_for(&wanted)?;
                self.has_proved = true;
                self.ask(Some(&key), now, random);
                return Ok(LoginStep::Ask(self));
            }
            Err(error) => return Err(skewed(error, now)),
        };
        if reply.client != self.client {
            return Err(KerberosError::Mismatch { what: "name of the client" });
        }
        let key = self.key_for(&[reply.kind])?;
        let ticket = reply.open(&key, usage::AS_REPLY, self.nonce, now)?;
        if ticket.service != self.granting() {
            return Err(KerberosError::Mismatch { what: "name of the service" });
        }
        Ok(LoginStep::Done(ticket))
    }

    fn granting(&self) -> Principal {
        Principal::ticket_granting(self.client.realm(), self.client.realm())
    }

    /// Of the first wanted type that there is a key of; if the KDC does not say, the best.
    fn key_for(&self, wanted: &[i32]) -> Result<Key, KerberosError> {
        let of = |number: &i32| self.keys.iter().find(|key| key.kind().number() == *number);
        let found = if wanted.is_empty() { self.keys.first() } else { wanted.iter().find_map(of) };
        found.cloned().ok_or_else(|| KerberosError::NoKey {
            wanted: wanted.into(),
            known: self.keys.iter().map(Key::kind).collect(),
        })
    }

    fn ask(&mut self, proof: Option<&Key>, now: Duration, random: &Random) {
        self.nonce = nonce(random);
        let kinds: Vec<_> = self.keys.iter().map(Key::kind).collect();
        let body = Body {
            options: 0,
            client: Some(&self.client),
            service: &self.granting(),
            until: time::seconds(now).saturating_add(LIFETIME),
            nonce: self.nonce,
            kinds: &kinds,
        };
        let proof = proof.map(|key| {
            let plain = messages::timestamp(now);
            let cipher = key.encrypt(usage::TIMESTAMP, confounder(random), &plain);
            messages::encrypted(key.kind(), &cipher)
        });
        let data = proof.as_ref().map(|proof| (messages::PA_ENC_TIMESTAMP, &proof[..]));
        self.request = messages::request(messages::AS, data, body.written());
    }
}

/// The exchange by which the holder of a ticket-granting ticket gets one for a service (RFC 4120, section 3.3).
#[derive(Debug)]
pub struct TicketRequest {
    granting: Ticket,
    service: Principal,
    nonce: i32,
    request: Vec<u8>,
}

impl TicketRequest {
    /// With the ticket for the KDC, for the service. The KDC may answer with a ticket for another realm's KDC that knows the service: see [`Principal::granted_realm`].
    pub fn new(granting: &Ticket, service: &Principal, now: Duration, random: &Random) -> Self {
        // Asked in the realm that the ticket is for, which is not always the one that gave it.
        let realm = granting.service.granted_realm().unwrap_or(granting.service.realm());
        let service =
            Principal::from_parts(service.parts().map(Into::into).collect(), realm.into());
        let body = Body {
            options: messages::CANONICALIZE,
            client: None,
            service: &service,
            until: time::seconds(now).saturating_add(LIFETIME),
            nonce: nonce(random),
            kinds: &EncryptionType::ALL,
        };
        let body = body.written();
        let key = &granting.key;
        let checksum = key.checksum(usage::TGS_CHECKSUM, &[&body]);
        let authenticator = Authenticator {
            client: &granting.client,
            checksum: (key.kind().checksum_number(), &checksum),
            now,
            subkey: None,
            sequence: None,
        };
        let plain = authenticator.written();
        let cipher = key.encrypt(usage::TGS_AUTHENTICATOR, confounder(random), &plain);
        let proof = messages::ap_request(0, granting, &cipher);
        let data = Some((messages::PA_TGS_REQ, &proof[..]));
        let request = messages::request(messages::TGS, data, body);
        Self { granting: granting.clone(), service, nonce: nonce(random), request }
    }

    /// For a KDC of the realm that the ticket is for.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes what the KDC answered.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Refused`] by the KDC, and whatever is wrong with the answer.
    pub fn answer(&self, answer: &[u8], now: Duration) -> Result<Ticket, KerberosError> {
        let reply = Reply::read(messages::TGS, answer).map_err(|error| skewed(error, now))?;
        if reply.client != self.granting.client {
            return Err(KerberosError::Mismatch { what: "name of the client" });
        }
        let ticket = reply.open(&self.granting.key, usage::TGS_REPLY, self.nonce, now)?;
        let is_referral = ticket.service.granted_realm().is_some();
        if !is_referral && !ticket.service.parts().eq(self.service.parts()) {
            return Err(KerberosError::Mismatch { what: "name of the service" });
        }
        Ok(ticket)
    }
}

/// A refusal for the clocks' sake says by how much they differ.
fn skewed(error: KerberosError, now: Duration) -> KerberosError {
    match error {
        KerberosError::Refused(refusal) if refusal.code == Refusal::CLOCK_SKEW => {
            KerberosError::ClockSkew { server: refusal.server_time, here: now }
        }
        error => error,
    }
}

/// Not negative: some KDCs take it for an unsigned number.
fn nonce(random: &Random) -> i32 {
    i32::from_be_bytes([random[0], random[1], random[2], random[3]]) & i32::MAX
}

fn confounder(random: &Random) -> [u8; 16] {
    core::array::from_fn(|at| random[16 + at])
}

#[cfg(test)]
mod tests;
