//! Ticket caches, as `kinit` writes them into files.

use alloc::vec::Vec;

use crate::binary::{Bytes, text};
use crate::time::duration;
use crate::{EncryptionType, KerberosError, Key, Principal, Ticket};

const WHAT: &str = "ticket cache";
/// MIT keeps notes in the cache, as tickets of a service of this realm.
const NOTES: &str = "X-CACHECONF:";

/// A file with a principal's tickets (versions 3 and 4 of the format, `FILE:`).
#[derive(Debug, Clone)]
pub struct TicketCache {
    principal: Principal,
    tickets: Vec<Ticket>,
}

impl TicketCache {
    /// Reads a file's bytes. Tickets whose session key is of a type that is not known here are left out.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Version`] for another version of the format, [`KerberosError::Malformed`] for what ends too early.
    pub fn parse(bytes: &[u8]) -> Result<Self, KerberosError> {
        let malformed = KerberosError::Malformed { what: WHAT };
        let mut file = Bytes(bytes);
        let version = file.u16().ok_or(malformed.clone())?;
        match version {
            0x0504 => drop(file.short().ok_or(malformed.clone())?),
            0x0503 => {}
            found => return Err(KerberosError::Version { what: WHAT, found }),
        }
        let principal = principal(&mut file).ok_or(malformed.clone())?;
        let mut tickets = Vec::new();
        while !file.0.is_empty() {
            let ticket = ticket(&mut file, version == 0x0503).ok_or(malformed.clone())?;
            tickets.extend(ticket);
        }
        Ok(Self { principal, tickets })
    }

    /// Whose tickets they are.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The tickets, the newest last.
    pub fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// The principal's ticket for this service that ends last.
    pub fn ticket_for(&self, service: &Principal) -> Option<&Ticket> {
        let of = |ticket: &&Ticket| ticket.service == *service && ticket.client == self.principal;
        self.tickets.iter().filter(of).max_by_key(|ticket| ticket.end)
    }
}

fn principal(file: &mut Bytes<'_>) -> Option<Principal> {
    let _kind = file.u32()?;
    let count = file.u32()?;
    let realm = text(file.long()?)?;
    let parts = (0..count).map(|_| text(file.long()?)).collect::<Option<Vec<_>>>()?;
    Some(Principal::from_parts(parts, realm))
}

/// Outside: whether it is whole; inside: whether it is a ticket that can be used.
fn ticket(file: &mut Bytes<'_>, is_old: bool) -> Option<Option<Ticket>> {
    let (client, service) = (principal(file)?, principal(file)?);
    let number = file.u16()?;
    if is_old {
        file.u16()?;
    }
    let key = file.long()?;
    let _authenticated = file.u32()?;
    let (start, end, renewable_until) = (file.u32()?, file.u32()?, file.u32()?);
    let is_user_to_user = file.u8()? != 0;
    let flags = file.u32()?;
    // Addresses, then authorization data.
    for _ in 0..2 {
        for _ in 0..file.u32()? {
            file.u16()?;
            file.long()?;
        }
    }
    let (bytes, _second) = (file.long()?, file.long()?);
    let kind = EncryptionType::from_number(i32::from(number));
    let key = kind.and_then(|kind| Key::new(kind, key));
    let is_usable = !is_user_to_user && service.realm() != NOTES;
    let time = |seconds: u32| duration(i64::from(seconds));
    Some(key.filter(|_| is_usable).map(|key| Ticket {
        client,
        service,
        key,
        start: time(start),
        end: time(end),
        renewable_until: (renewable_until > 0).then(|| time(renewable_until)),
        flags,
        bytes: bytes.to_vec(),
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    fn name(principal: &Principal) -> Vec<u8> {
        let mut bytes = alloc::vec![0, 0, 0, 1];
        bytes.extend((principal.parts().count() as u32).to_be_bytes());
        bytes.extend(long(principal.realm().as_bytes()));
        principal.parts().for_each(|part| bytes.extend(long(part.as_bytes())));
        bytes
    }

    /// A cache as `kinit` writes it.
    pub(crate) fn written(principal: &Principal, tickets: &[(&Principal, u16, u32)]) -> Vec<u8> {
        let mut file = alloc::vec![5, 4, 0, 12, 0, 1, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        file.extend(name(principal));
        for (service, number, end) in tickets {
            file.extend(name(principal));
            file.extend(name(service));
            file.extend(number.to_be_bytes());
            file.extend(long(&[7; 16]));
            for time in [1, 2, *end, 0] {
                file.extend(time.to_be_bytes());
            }
            file.extend([0, 0x40, 0xe1, 0, 0]);
            file.extend([0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 9, 0, 0, 0, 0]);
            file.extend(long(b"ticket"));
            file.extend(long(b""));
        }
        file
    }

    #[test]
    fn a_cache_has_the_tickets_that_can_be_used() {
        let alice = Principal::parse("alice@R", None).unwrap();
        let granting = Principal::ticket_granting("R", "R");
        let note = Principal::parse("krb5_ccache_conf_data/fast_avail@X-CACHECONF:", None).unwrap();
        let file = written(
            &alice,
            &[(&granting, 17, 9), (&note, 17, 9), (&granting, 17, 8), (&granting, 23, 10)],
        );
        let cache = TicketCache::parse(&file).unwrap();
        assert_eq!(*cache.principal(), alice);
        assert_eq!(cache.tickets().len(), 2);
        let ticket = cache.ticket_for(&granting).unwrap();
        assert_eq!((ticket.end, ticket.renewable_until), (duration(9), None));
        assert_eq!(ticket.bytes, b"ticket");
        assert!(cache.ticket_for(&alice).is_none());
    }

    #[test]
    fn what_is_cut_or_of_another_format_is_refused() {
        let alice = Principal::parse("alice@R", None).unwrap();
        let empty = written(&alice, &[]).len();
        let file = written(&alice, &[(&Principal::ticket_granting("R", "R"), 17, 9)]);
        for length in (0..file.len()).filter(|length| *length != empty) {
            assert!(TicketCache::parse(&file[..length]).is_err(), "{length} bytes");
        }
        let version = KerberosError::Version { what: WHAT, found: 0x0502 };
        assert_eq!(TicketCache::parse(&[5, 2]).unwrap_err(), version);
        // So many parts are not there.
        let huge = [&[5, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0][..]].concat();
        assert!(TicketCache::parse(&huge).is_err());
    }
}
