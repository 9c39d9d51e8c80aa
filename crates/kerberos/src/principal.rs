//! Who is who: `alice@EXAMPLE.COM`, `kafka/broker1.example.com@EXAMPLE.COM`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::KerberosError;
use crate::der::{self, Reader, Written};

/// A user's or a client's name.
const PRINCIPAL: i32 = 1;
/// A service of a realm: the one that gives tickets.
const SERVICE: i32 = 2;
/// A service of a host.
const HOST_SERVICE: i32 = 3;

/// A name in a realm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    parts: Vec<String>,
    realm: String,
}

impl Principal {
    /// Reads a name as `kinit` does: parts between `/`, and the realm behind `@`, else the one that is given; a backslash takes the next character as it is.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Principal`]: a part or the realm is missing or empty, or there is a character that principals cannot have.
    pub fn parse(text: &str, realm: Option<&str>) -> Result<Self, KerberosError> {
        let wrong = || KerberosError::Principal { name: text.to_string() };
        let (mut parts, mut current, mut in_realm) = (Vec::new(), String::new(), false);
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next().ok_or_else(wrong)? {
                    'n' => current.push('\n'),
                    't' => current.push('\t'),
                    other => current.push(other),
                },
                '/' if !in_realm => parts.push(core::mem::take(&mut current)),
                '@' if in_realm => return Err(wrong()),
                '@' => {
                    parts.push(core::mem::take(&mut current));
                    in_realm = true;
                }
                other => current.push(other),
            }
        }
        let realm = if in_realm {
            current
        } else {
            parts.push(current);
            realm.ok_or_else(wrong)?.to_string()
        };
        let texts = || parts.iter().chain([&realm]);
        if texts().any(|part| part.is_empty() || part.contains('\0')) {
            return Err(wrong());
        }
        Ok(Self { parts, realm })
    }

    /// A service at a host: `kafka/broker1.example.com`.
    pub fn service(service: &str, host: &str, realm: &str) -> Self {
        Self { parts: [service, host].map(String::from).into(), realm: realm.into() }
    }

    /// Who gives tickets for a realm, as known in another, or in the same.
    pub fn ticket_granting(realm: &str, known_in: &str) -> Self {
        Self::service("krbtgt", realm, known_in)
    }

    pub(crate) fn from_parts(parts: Vec<String>, realm: String) -> Self {
        Self { parts, realm }
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The parts before the realm.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str)
    }

    /// The realm for which this one gives tickets, if it is such a principal.
    pub fn granted_realm(&self) -> Option<&str> {
        match &self.parts[..] {
            [service, realm] if service == "krbtgt" => Some(realm),
            _ => None,
        }
    }

    /// The name without the realm, as messages have it.
    pub(crate) fn name_written(&self) -> Written {
        let kind = match self.parts.len() {
            2 if self.granted_realm().is_some() => SERVICE,
            2 => HOST_SERVICE,
            _ => PRINCIPAL,
        };
        self.written_as(kind)
    }

    /// The same, as the name of a client.
    pub(crate) fn client_written(&self) -> Written {
        self.written_as(PRINCIPAL)
    }

    fn written_as(&self, kind: i32) -> Written {
        let parts: Vec<Written> = self.parts.iter().map(|part| der::text(part)).collect();
        let kind = der::integer(i64::from(kind));
        der::sequence(&[(0, Some(kind)), (1, Some(der::sequence_of(&parts)))])
    }

    pub(crate) fn read(reader: &mut Reader<'_>, realm: String) -> Result<Self, KerberosError> {
        let mut name = reader.sequence()?;
        name.field(0)?.number()?;
        let mut texts = name.field(1)?.sequence()?;
        let mut parts = Vec::new();
        while !texts.is_empty() {
            parts.push(texts.text()?);
        }
        Ok(Self { parts, realm })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            escaped(f, part)?;
        }
        f.write_str("@")?;
        escaped(f, &self.realm)
    }
}

/// Names come from others: no character of theirs may end a line or look like a separator.
fn escaped(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    part.chars().try_for_each(|character| match character {
        '\n' => f.write_str("\\n"),
        '\t' => f.write_str("\\t"),
        '/' | '@' | '\\' => write!(f, "\\{character}"),
        other if other.is_control() => f.write_str("\u{fffd}"),
        other => write!(f, "{other}"),
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn names_are_read_and_written_as_kinit_does() {
        for text in ["alice@R", "kafka/broker1@R", "a\\/b\\@c/d@R.S", "a\\nb@R"] {
            assert_eq!(Principal::parse(text, None).unwrap().to_string(), text);
        }
        let principal = Principal::parse("alice", Some("EXAMPLE.COM")).unwrap();
        assert_eq!(principal.to_string(), "alice@EXAMPLE.COM");
        assert_eq!(principal.granted_realm(), None);
        assert_eq!(Principal::ticket_granting("A", "B").granted_realm(), Some("A"));
        for text in ["", "alice", "alice@", "@R", "a//b@R", "a@b@c", "a\\", "a\0@R"] {
            assert!(Principal::parse(text, None).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_comes_through_a_message_and_shows_no_control_characters() {
        let principal = Principal::parse("a/b@R", None).unwrap();
        let written = principal.name_written();
        let read = Principal::read(&mut Reader::new(&written, "it"), "R".into());
        assert_eq!(read, Ok(principal));
        let odd = Principal::from_parts(["a\u{1b}[2J".into()].into(), "R\r".into());
        assert!(!format!("{odd}").chars().any(char::is_control));
    }
}
