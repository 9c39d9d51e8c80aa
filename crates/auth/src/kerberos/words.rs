//! What went wrong, between whom, and what to do.

use std::path::Path;

use rohrpost_kerberos::{KerberosError, Keytab, Principal, Refusal};
use rohrpost_sasl::GssError;

use super::environment::KerberosEnvironment;
use super::kdc;
use crate::CredentialsError;

/// The most principals of a keytab that an error names.
const MOST_NAMED: usize = 5;

/// A name with its realm.
pub(super) fn principal(
    name: &str,
    realm: Option<&str>,
    environment: &KerberosEnvironment,
) -> Result<Principal, CredentialsError> {
    Principal::parse(name, realm).map_err(|error| {
        CredentialsError::lasting(if realm.is_none() && !name.contains('@') {
            let names = environment.names();
            format!("nothing says which realm {name} is in: write {name}@REALM, or set default_realm in the section [libdefaults] of {names}")
        } else {
            error.to_string()
        })
    })
}

/// A keytab without keys for the principal.
pub(super) fn no_key(principal: &Principal, path: &Path, keytab: &Keytab) -> CredentialsError {
    let path = path.display();
    let of_it: Vec<_> =
        keytab.entries().iter().filter(|entry| entry.principal == *principal).collect();
    CredentialsError::lasting(if of_it.is_empty() {
        let mut names: Vec<String> =
            keytab.entries().iter().map(|entry| entry.principal.to_string()).collect();
        names.sort();
        names.dedup();
        let more = if names.len() > MOST_NAMED { " and others" } else { "" };
        names.truncate(MOST_NAMED);
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        format!("the keytab {path} has no key of {principal}: it has those of {names}{more}")
    } else {
        format!(
            "the keytab {path} has keys of {principal} of old types alone (DES, RC4): export it anew with AES"
        )
    })
}

/// The KDC gives the principal no ticket.
pub(super) fn no_login(
    principal: &Principal,
    keytab: &Path,
    kdc: &str,
    error: &KerberosError,
) -> CredentialsError {
    let keytab = keytab.display();
    let advice = match code(error) {
        Some(Refusal::CLIENT_UNKNOWN | Refusal::WRONG_REALM) => {
            "check the principal and its realm".to_owned()
        }
        Some(Refusal::PREAUTHENTICATION_FAILED) => older(&keytab),
        Some(Refusal::CLIENT_REVOKED | Refusal::KEY_EXPIRED) => {
            "have the realm's administrator set it right".to_owned()
        }
        _ if matches!(error, KerberosError::Integrity { .. }) => older(&keytab),
        _ if matches!(error, KerberosError::NoKey { .. }) => {
            format!("export the keytab {keytab} anew, with all types")
        }
        _ => common(error).to_owned(),
    };
    let detail = format!(
        "the KDC {kdc} of the realm {} gives {principal} no ticket for the keys of {keytab}: {error}; {advice}",
        principal.realm()
    );
    CredentialsError { detail, is_retriable: kdc::is_passing(error) }
}

fn older(keytab: &dyn std::fmt::Display) -> String {
    format!("the principal's key has been changed since: export the keytab {keytab} anew")
}

/// The KDC gives no ticket for the broker.
pub(super) fn no_service_ticket(
    client: &Principal,
    service: &Principal,
    kdc: &str,
    error: &KerberosError,
) -> CredentialsError {
    let advice = match (code(error), service.granted_realm()) {
        (Some(Refusal::SERVICE_UNKNOWN), Some(realm)) => {
            format!("the realms do not trust each other: check what krb5.conf says of {realm} in the section [domain_realm]")
        }
        (Some(Refusal::SERVICE_UNKNOWN), None) => "it is made of sasl.kerberos.service.name and of the host as the broker advertises itself: compare both with the principal in the broker's keytab".to_owned(),
        (Some(Refusal::TICKET_EXPIRED | Refusal::INTEGRITY), _) => {
            "get another ticket by kinit".to_owned()
        }
        _ => common(error).to_owned(),
    };
    let detail = format!("the KDC {kdc} gives {client} no ticket for {service}: {error}; {advice}");
    CredentialsError { detail, is_retriable: kdc::is_passing(error) }
}

/// The broker does not take the ticket, or does not prove who it is.
pub(super) fn no_context(client: &str, service: &str, error: &KerberosError) -> GssError {
    let advice = match code(error) {
        Some(Refusal::INTEGRITY | Refusal::KEY_VERSION) => {
            "the broker's keytab is older than its principal's key: export it anew"
        }
        _ if matches!(error, KerberosError::Integrity { .. }) => {
            "whoever answered does not know the broker's key"
        }
        _ => common(error),
    };
    let detail =
        format!("the broker's answer to {client}'s ticket for {service}: {error}; {advice}");
    GssError { detail, is_retriable: false }
}

fn code(error: &KerberosError) -> Option<i32> {
    match error {
        KerberosError::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

fn common(error: &KerberosError) -> &'static str {
    match error {
        KerberosError::ClockSkew { .. } => "set both clocks, by NTP for instance",
        KerberosError::Refused(refusal) => match refusal.code {
            Refusal::CLOCK_SKEW => "set both clocks, by NTP for instance",
            Refusal::ENCRYPTION_TYPE => "give the principal a key of AES",
            _ => "the KDC's own log says more",
        },
        KerberosError::Malformed { .. } => "whoever answers there speaks another protocol",
        _ => "the KDC's own log says more",
    }
}
