//! Java's `security.protocol`, `ssl.*` and `sasl.*`.

use super::super::property::PropertyType::{self, Class, List, Password, String};
use super::super::property::{Property, Setter};
use super::super::{ProducerConfig, reasons};
use super::features;
use super::sasl::{self, Mechanism};
use super::ssl::StoreKind;
use super::{SecurityProtocol, some, ssl};

const fn row(
    name: &'static [&'static str; 1],
    kind: PropertyType,
    default: &'static str,
    setter: Setter<ProducerConfig>,
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, kind, default, setter, about)
}

const fn only(values: &'static [&'static str], reason: &'static str) -> Setter<ProducerConfig> {
    Setter::Only { values, any_case: true, reason }
}

/// The types of stores.
const fn store(set: fn(&mut ProducerConfig, usize)) -> Setter<ProducerConfig> {
    const TYPES: &[&[&str]] = &[&["JKS"], &["PKCS12"], &["PEM"]];
    features::tls(Setter::Named { of: TYPES, any_case: true, otherwise: Some(reasons::STORE), set })
}

const JKS_TOO: &str = "JKS means PKCS12 too: which of the two it is, the file tells, as in Java";
const ROTATION: &str = "read again when the file has changed, at the next connection";

#[rustfmt::skip]
pub(in crate::config) static PROPERTIES: &[Property<ProducerConfig>] = &[
    row(&["security.protocol"], String, "PLAINTEXT", Setter::Parsed { accepted: "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", set: |c, v| {
            SecurityProtocol::parse(v).map(|protocol| c.security.protocol = protocol)
        } },
        "How to talk to the brokers: with TLS (SSL), with SASL, with both, or as anybody and for everybody to hear")
        .kip(&[12]).method("security_protocol").differs("those with SSL need the feature tls, those with SASL the feature sasl"),

    // TLS.
    row(&["ssl.cipher.suites"], List, "", features::tls(Setter::Parsed { accepted: ssl::SUITES, set: |c, v| ssl::suites(v).map(|suites| c.security.ssl.suites = suites) }),
        "The cipher suites that may be used")
        .kip(&[12]).method("tls").differs("suites without forward secrecy and those of CBC are refused, with the reason; OpenSSL's names are taken too"),
    row(&["ssl.enabled.protocols"], List, "TLSv1.2,TLSv1.3", features::tls(Setter::Parsed { accepted: ssl::PROTOCOLS, set: |c, v| ssl::protocols(v).map(|protocols| c.security.ssl.protocols = protocols) }),
        "The versions of TLS that may be used")
        .kip(&[12, 553, 573]).method("tls").differs("older versions are refused, which Java's own machine refuses by now"),
    row(&["ssl.endpoint.identification.algorithm"], String, "https", features::tls(Setter::Named { of: &[&["https"], &[""]], any_case: true, otherwise: None, set: |c, v| c.security.ssl.verify_host = v == 0 }),
        "How a broker's name is checked against its certificate")
        .kip(&[12, 294]).method("tls").differs("names are those of the certificate's subject alternative names alone: TlsSettings::accept_common_name takes the common name, as Java does"),
    row(&["ssl.engine.factory.class"], Class, "", features::tls(only(&[""], reasons::ENGINE)),
        "What makes TLS engines")
        .kip(&[519]),
    row(&["ssl.key.password"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.key_password = Some(v))),
        "What decrypts the private key")
        .kip(&[12]).method("tls"),
    row(&["ssl.keymanager.algorithm"], String, "SunX509", features::tls(only(&["SunX509", "NewSunX509", "PKIX"], reasons::JVM_TLS)),
        "How the JVM manages keys")
        .kip(&[12]),
    row(&["ssl.keystore.certificate.chain"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.keystore.certificates = Some(v))),
        "The client's certificate and those that vouch for it, as PEM")
        .kip(&[651]).method("tls"),
    row(&["ssl.keystore.key"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.key = Some(v))),
        "The client's private key, as PEM")
        .kip(&[651]).method("tls"),
    row(&["ssl.keystore.location"], String, "", features::tls(Setter::Text(|c, v| c.security.ssl.keystore.location = some(v))),
        "The file with the client's key and certificate")
        .kip(&[12]).method("tls").differs(ROTATION),
    row(&["ssl.keystore.password"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.keystore.password = Some(v))),
        "What decrypts that file")
        .kip(&[12]).method("tls"),
    row(&["ssl.keystore.type"], String, "JKS", store(|c, v| c.security.ssl.keystore.kind = StoreKind::ALL[v]),
        "The format of that file: JKS, PKCS12 or PEM")
        .kip(&[12, 651]).method("tls").differs(JKS_TOO),
    row(&["ssl.protocol"], String, "TLSv1.3", features::tls(only(&["TLSv1.3", "TLSv1.2", "TLS"], reasons::SSL_PROTOCOL)),
        "The JVM's name for the version of TLS")
        .kip(&[12, 553, 573]),
    row(&["ssl.provider"], String, "", features::tls(only(&[""], reasons::JVM_TLS)),
        "The JVM's provider of TLS")
        .kip(&[12]),
    row(&["ssl.secure.random.implementation"], String, "", features::tls(only(&[""], reasons::JVM_TLS)),
        "The JVM's source of chance"),
    row(&["ssl.trustmanager.algorithm"], String, "PKIX", features::tls(only(&["PKIX", "SunX509", "SunPKIX"], reasons::JVM_TLS)),
        "How the JVM checks certificates")
        .kip(&[12]),
    row(&["ssl.truststore.certificates"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.truststore.certificates = Some(v))),
        "The certificates to trust, as PEM")
        .kip(&[651]).method("tls"),
    row(&["ssl.truststore.location"], String, "", features::tls(Setter::Text(|c, v| c.security.ssl.truststore.location = some(v))),
        "The file with the certificates to trust")
        .kip(&[12]).method("tls").differs(ROTATION),
    row(&["ssl.truststore.password"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.truststore.password = Some(v))),
        "What guards that file")
        .kip(&[12]).method("tls"),
    row(&["ssl.truststore.type"], String, "JKS", store(|c, v| c.security.ssl.truststore.kind = StoreKind::ALL[v]),
        "The format of that file: JKS, PKCS12 or PEM")
        .kip(&[12, 651]).method("tls").differs(JKS_TOO),

    // SASL.
    row(&["sasl.client.callback.handler.class"], Class, "", features::sasl(only(&[""], reasons::JVM_SASL)),
        "What answers a mechanism's questions")
        .kip(&[86]),
    row(&["sasl.jaas.config"], Password, "", features::sasl(Setter::Parsed { accepted: "a login module, required, its options and a semicolon", set: |c, v| sasl::jaas(v).map(|jaas| c.security.sasl.jaas = Some(jaas)) }),
        "The login module and its options, user and password among them")
        .kip(&[85]).method("sasl").differs("the login module is Kafka's PlainLoginModule or ScramLoginModule, in any package"),
    row(&["sasl.login.callback.handler.class"], Class, "", features::sasl(only(&[""], reasons::JVM_SASL)),
        "What answers a login's questions")
        .kip(&[86]),
    row(&["sasl.login.class"], Class, "", features::sasl(only(&[""], reasons::JVM_SASL)),
        "What logs in")
        .kip(&[86]),
    row(&["sasl.mechanism"], String, "GSSAPI", features::sasl(Setter::Parsed { accepted: Mechanism::ACCEPTED, set: |c, v| Mechanism::parse(v).map(|mechanism| c.security.sasl.mechanism = Some(mechanism)) }),
        "How to prove who this is")
        .kip(&[43]).method("sasl").differs("there is no Kerberos, which is Java's default: one of the others has to be named"),
];
