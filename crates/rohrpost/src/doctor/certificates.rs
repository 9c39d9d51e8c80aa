//! Stage 4: what was agreed on, and how long certificates are good for.

use std::time::{SystemTime, UNIX_EPOCH};

use rohrpost_tls::{CertificateInfo, TlsSession};

use super::{Check, Status};

/// Whoever has less than so many days left is told.
const DAYS: i64 = 30;

/// What there is to say of a handshake that held, and of the certificate that the client showed, if it did.
pub(super) fn checks(
    label: &str,
    session: &TlsSession,
    shown: Option<CertificateInfo>,
) -> Vec<Check> {
    let version = session.version.map_or("an unknown version", |version| version.name());
    let suite = session.cipher_suite.map_or("an unknown suite", |suite| suite.name());
    let soon = session.chain.iter().find(|certificate| days_left(certificate) < DAYS);
    let mut check = match soon {
        None => Check::ok(label, format!("{version} with {suite}")),
        Some(certificate) => Check::warning(
            label,
            expiry("a certificate of the broker", certificate),
            "have it renewed before: nobody connects afterwards",
        ),
    };
    check = check.fact("version", version).fact("cipher_suite", suite).fact(
        "server_name",
        session.server_name.as_deref().unwrap_or("none: an address is not told (SNI)"),
    );
    if let Some((first, issuers)) = session.chain.split_first() {
        check = check
            .fact("subject", first.subject())
            .fact("names", first.names().join(", "))
            .fact("issuer", first.issuer())
            .fact("serial", first.serial())
            .fact("not_before", first.valid_from())
            .fact("not_after", first.valid_until())
            .fact("days_left", days_left(first).to_string());
        for (number, issuer) in issuers.iter().enumerate() {
            let left = format!("{}, until {}", issuer.subject(), issuer.valid_until());
            check = check.fact(format!("issuer_{}", number + 1), left);
        }
    }
    let mut checks = Vec::new();
    if let Some(shown) = shown {
        check = check.fact("client_certificate", shown.to_string());
        if days_left(&shown) < DAYS {
            checks.push(Check::warning(
                label,
                expiry("the client's certificate", &shown),
                "have it renewed, and replace it in the keystore: it is read again without a restart",
            ));
        }
    }
    checks.insert(0, check);
    checks
}

/// What a certificate that was not accepted says of itself.
pub(super) fn facts(mut check: Check, chain: &[CertificateInfo]) -> Check {
    debug_assert!(check.status != Status::Ok, "facts of a certificate that was refused");
    if let Some(first) = chain.first() {
        check = check
            .fact("subject", first.subject())
            .fact("names", first.names().join(", "))
            .fact("issuer", first.issuer())
            .fact("serial", first.serial())
            .fact("not_before", first.valid_from())
            .fact("not_after", first.valid_until())
            .fact("days_left", days_left(first).to_string());
    }
    check
}

fn expiry(whose: &str, certificate: &CertificateInfo) -> String {
    format!(
        "{whose} {}: {}, at {}",
        expires(days_left(certificate)),
        certificate.subject(),
        certificate.valid_until()
    )
}

/// When it expires, or that it has: somebody who is told of "-31 days" has to guess.
fn expires(days_left: i64) -> String {
    match days_left {
        ..0 => "has expired".to_owned(),
        0 => "expires in less than a day".to_owned(),
        1 => "expires in 1 day".to_owned(),
        days => format!("expires in {days} days"),
    }
}

/// Whole days until it expires; negative once it has.
fn days_left(certificate: &CertificateInfo) -> i64 {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(since).unwrap_or(i64::MAX)
    };
    let left = seconds(certificate.not_after()).saturating_sub(seconds(SystemTime::now()));
    left.div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::expires;

    #[test]
    fn what_has_expired_is_said_to_have() {
        let said = [-31, -1, 0, 1, 12].map(expires);
        let wanted = [
            "has expired",
            "has expired",
            "expires in less than a day",
            "expires in 1 day",
            "expires in 12 days",
        ];
        assert_eq!(said, wanted);
    }
}
