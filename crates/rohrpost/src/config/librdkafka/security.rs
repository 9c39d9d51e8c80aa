//! librdkafka's `security.protocol` and `ssl.*`.

use super::super::property::PropertyType::{self, Boolean, Int, List, Password, String};
use super::super::property::{Property, Setter};
use super::super::reasons;
use super::super::security::sasl::Mechanism;
use super::super::security::{SecurityProtocol, StoreKind, features, kerberos, some, ssl};
use super::Draft;

const fn row(
    names: &'static [&'static str],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<Draft>,
    about: &'static str,
) -> Property<Draft> {
    Property::new(names, kind, default, setter, about)
}

/// It does this anyway, and nothing else.
const fn only(values: &'static [&'static str], reason: &'static str) -> Setter<Draft> {
    Setter::Only { values, any_case: true, reason }
}

const ROTATION: &str = "read again when the file has changed, at the next connection";

#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property<Draft>] = &[
    row(&["security.protocol"], String, "plaintext", Setter::Parsed { accepted: "plaintext, ssl, sasl_plaintext, sasl_ssl", set: |d, v| {
            SecurityProtocol::parse(v).map(|protocol| d.config.security.protocol = protocol)
        } },
        "How to talk to the brokers: with TLS (ssl), with SASL, with both, or as anybody and for everybody to hear")
        .java(&["security.protocol"]).differs("those with ssl need the feature tls"),
    row(&["ssl.cipher.suites"], String, "", features::tls(Setter::Parsed { accepted: ssl::SUITES_OF_OPENSSL, set: |d, v| ssl::suites(v).map(|suites| d.config.security.ssl.suites = suites) }),
        "The cipher suites that may be used")
        .java(&["ssl.cipher.suites"]).method("tls").differs("suites without forward secrecy and those of CBC are refused, with the reason; so are OpenSSL's words for several, such as HIGH"),
    row(&["ssl.curves.list"], String, "", features::tls(only(&[""], reasons::RUSTLS)),
        "The curves that may be used"),
    row(&["ssl.sigalgs.list"], String, "", features::tls(only(&[""], reasons::RUSTLS)),
        "The signatures that may be used"),
    row(&["ssl.key.location"], String, "", features::tls(Setter::Text(|d, v| d.config.security.ssl.pem.key = some(v))),
        "The file with the private key, as PEM")
        .method("tls").differs(ROTATION),
    row(&["ssl.key.password"], Password, "", features::tls(Setter::Secret(|d, v| d.config.security.ssl.key_password = Some(v))),
        "What decrypts the private key")
        .java(&["ssl.key.password"]).method("tls"),
    row(&["ssl.key.pem"], Password, "", features::tls(Setter::Secret(|d, v| d.config.security.ssl.pem.key_text = Some(v))),
        "The private key, as PEM")
        .java(&["ssl.keystore.key"]).method("tls"),
    row(&["ssl.certificate.location"], String, "", features::tls(Setter::Text(|d, v| d.config.security.ssl.pem.certificate = some(v))),
        "The file with the client's certificate, as PEM")
        .method("tls").differs(ROTATION),
    row(&["ssl.certificate.pem"], Password, "", features::tls(Setter::Secret(|d, v| d.config.security.ssl.pem.certificate_text = Some(v))),
        "The client's certificate, as PEM")
        .java(&["ssl.keystore.certificate.chain"]).method("tls"),
    row(&["ssl.ca.location"], String, "", features::tls(Setter::Text(|d, v| {
            d.config.security.ssl.truststore.kind = StoreKind::Pem;
            // librdkafka's word for looking where systems have theirs.
            d.config.security.ssl.truststore.location = some(v).filter(|path| path != "probe");
        })),
        "The file or folder with the certificates to trust")
        .java(&["ssl.truststore.location"]).method("tls").differs("a file of PEM, or a folder as openssl rehash leaves it; not set, or probe: what the system trusts"),
    row(&["ssl.ca.pem"], Password, "", features::tls(Setter::Secret(|d, v| {
            d.config.security.ssl.truststore.kind = StoreKind::Pem;
            d.config.security.ssl.truststore.certificates = Some(v);
        })),
        "The certificates to trust, as PEM")
        .java(&["ssl.truststore.certificates"]).method("tls"),
    row(&["ssl.ca.certificate.stores"], List, "Root", features::tls(only(&["Root"], reasons::WINDOWS_STORES)),
        "The Windows stores of certificates to trust"),
    row(&["ssl.crl.location"], String, "", features::tls(only(&[""], reasons::CRL)),
        "The file with revoked certificates"),
    row(&["ssl.keystore.location"], String, "", features::tls(Setter::Text(|d, v| {
            d.config.security.ssl.keystore.kind = StoreKind::Pkcs12;
            d.config.security.ssl.keystore.location = some(v);
        })),
        "The PKCS#12 file with the client's key and certificate; Java's property of this name takes other formats")
        .java(&["ssl.keystore.location"]).method("tls").differs(ROTATION),
    row(&["ssl.keystore.password"], Password, "", features::tls(Setter::Secret(|d, v| d.config.security.ssl.keystore.password = Some(v))),
        "What decrypts that file")
        .java(&["ssl.keystore.password"]).method("tls"),
    row(&["ssl.providers"], List, "", features::tls(only(&[""], reasons::OPENSSL)),
        "OpenSSL's providers"),
    row(&["ssl.engine.location"], String, "", features::tls(only(&[""], reasons::OPENSSL)),
        "The file with an OpenSSL engine"),
    row(&["ssl.engine.id"], String, "dynamic", features::tls(only(&["dynamic"], reasons::OPENSSL)),
        "The name of that engine"),
    row(&["enable.ssl.certificate.verification"], Boolean, "true", features::tls(only(&["true", "t", "1"], reasons::VERIFICATION)),
        "Whether brokers' certificates are checked"),
    row(&["ssl.endpoint.identification.algorithm"], String, "https", features::tls(Setter::Named { of: &[&["https"], &["none"]], any_case: true, otherwise: None, set: |d, v| d.config.security.ssl.verify_host = v == 0 }),
        "How a broker's name is checked against its certificate")
        .java(&["ssl.endpoint.identification.algorithm"]).method("tls").differs("names are those of the certificate's subject alternative names alone: TlsSettings::accept_common_name takes the common name"),

    // SASL.
    row(&["sasl.mechanism", "sasl.mechanisms"], String, "GSSAPI", features::sasl(Setter::Parsed { accepted: Mechanism::ACCEPTED, set: |d, v| Mechanism::parse(v).map(|mechanism| d.config.security.sasl.mechanism = Some(mechanism)) }),
        "How to prove who this is")
        .java(&["sasl.mechanism"]).method("sasl").differs("GSSAPI, the default, needs the feature gssapi, OAUTHBEARER the feature oauth, AWS_MSK_IAM, which librdkafka has not, the feature msk-iam"),
    row(&["sasl.kerberos.keytab"], String, "", features::gssapi(Setter::Text(|d, v| d.config.security.sasl.kerberos.keytab = some(v))),
        "The file with the keys for Kerberos; without it, tickets are those that kinit left")
        .java(&["sasl.jaas.config"]).method("sasl"),
    row(&["sasl.kerberos.kinit.cmd"], String, "", features::gssapi(only(&[""], reasons::KINIT)),
        "The command that renews Kerberos tickets")
        .java(&["sasl.kerberos.kinit.cmd"]),
    row(&["sasl.kerberos.min.time.before.relogin"], Int, "60000", features::gssapi(Setter::Millis { min: 1, max: 86_400_000, set: |d, v| d.config.security.sasl.kerberos.min_period = v }),
        "Milliseconds between two logins to Kerberos, at least")
        .java(&["sasl.kerberos.min.time.before.relogin"]).differs("0, never to log in again, is refused: tickets are replaced ahead of their end"),
    row(&["sasl.kerberos.principal"], String, "kafkaclient", features::gssapi(Setter::Text(|d, v| d.config.security.sasl.kerberos.principal = some(v).filter(|name| name != kerberos::PRINCIPAL_OF_LIBRDKAFKA))),
        "The client's principal in Kerberos")
        .java(&["sasl.jaas.config"]).method("sasl").differs("without a keytab it counts only where it is set: whose ticket it must be that kinit left"),
    row(&["sasl.kerberos.service.name"], String, "kafka", features::gssapi(Setter::Text(|d, v| d.config.security.sasl.kerberos.service = some(v).filter(|name| name != "kafka"))),
        "The first part of the brokers' principal in Kerberos")
        .java(&["sasl.kerberos.service.name"]).method("sasl"),
    row(&["sasl.username"], String, "", features::sasl(Setter::Text(|d, v| d.config.security.sasl.username = some(v))),
        "The user, for PLAIN and SCRAM")
        .java(&["sasl.jaas.config"]).method("sasl"),
    row(&["sasl.password"], Password, "", features::sasl(Setter::Secret(|d, v| d.config.security.sasl.password = Some(v))),
        "The user's password, for PLAIN and SCRAM")
        .java(&["sasl.jaas.config"]).method("sasl"),
];
