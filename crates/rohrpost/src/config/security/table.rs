//! Java's `security.protocol`, `ssl.*` and `sasl.*`.

use super::super::property::PropertyType::{Class, Double, List, Long, Password, String};
use super::super::property::{Property, Setter};
use super::super::table::{only, row};
use super::super::{ProducerConfig, reasons};
use super::features;
use super::sasl::{self, Mechanism};
use super::ssl::StoreKind;
use super::{SecurityProtocol, kerberos, oauth, some, ssl};

/// The types of stores.
const fn store(set: fn(&mut ProducerConfig, usize)) -> Setter<ProducerConfig> {
    const TYPES: &[&[&str]] = &[&["JKS"], &["PKCS12"], &["PEM"]];
    features::tls(Setter::Named { of: TYPES, any_case: true, otherwise: Some(reasons::STORE), set })
}

const JKS_TOO: &str = "JKS means PKCS12 too: which of the two it is, the file tells, as in Java; types of a JVM's other providers, such as PKCS11, are refused; a wrong value is an error even where security.protocol makes no use of it";
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
        .kip(&[12]).method("tls").differs("suites without forward secrecy and those of CBC are refused, with the reason; OpenSSL's names are taken too; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["ssl.enabled.protocols"], List, "TLSv1.2,TLSv1.3", features::tls(Setter::Parsed { accepted: ssl::PROTOCOLS, set: |c, v| ssl::protocols(v).map(|protocols| c.security.ssl.protocols = protocols) }),
        "The versions of TLS that may be used")
        .kip(&[12, 553, 573]).method("tls").differs("older versions are refused, which Java's own machine refuses by now; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["ssl.endpoint.identification.algorithm"], String, "https", features::tls(Setter::Named { of: &[&["https"], &[""]], any_case: true, otherwise: None, set: |c, v| c.security.ssl.verify_host = v == 0 }),
        "How a broker's name is checked against its certificate")
        .kip(&[12, 294]).method("tls").differs("names are those of the certificate's subject alternative names alone: TlsSettings::accept_common_name takes the common name, as Java does; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["ssl.engine.factory.class"], Class, "", features::tls(Setter::Refused(reasons::ENGINE)),
        "What makes TLS engines")
        .kip(&[519]),
    row(&["ssl.key.password"], Password, "", features::tls(Setter::Secret(|c, v| c.security.ssl.key_password = Some(v))),
        "What decrypts the private key")
        .kip(&[12]).method("tls").differs("without a key that it could be of it is an error"),
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
    row(&["sasl.client.callback.handler.class"], Class, "", features::sasl(Setter::Parsed { accepted: "the class of the mechanism", set: |c, v| oauth::client_handler(v).map(|handler| c.security.sasl.client_handler = handler) }),
        "What answers a mechanism's questions: each has its own")
        .kip(&[86]).method("sasl").differs("IAMClientCallbackHandler and OAuthBearerSaslClientCallbackHandler are known, and no others; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.jaas.config"], Password, "", features::sasl(Setter::Parsed { accepted: "a login module, required, its options and a semicolon", set: |c, v| sasl::jaas(v).map(|jaas| c.security.sasl.jaas = Some(jaas)) }),
        "The login module and its options, user and password among them")
        .kip(&[85]).method("sasl").differs("the login module is PlainLoginModule, ScramLoginModule, OAuthBearerLoginModule, IAMLoginModule or Krb5LoginModule, in any package; OAuthBearerLoginModule and IAMLoginModule need not be named; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.kerberos.kinit.cmd"], String, "/usr/bin/kinit", features::gssapi(only(&["/usr/bin/kinit"], reasons::KINIT)),
        "The program that renews Kerberos tickets")
        .kip(&[12]),
    row(&["sasl.kerberos.min.time.before.relogin"], Long, "60000", features::gssapi(Setter::Millis { min: 0, max: i64::MAX, set: |c, v| c.security.sasl.kerberos.min_period = v }),
        "Milliseconds between two logins to Kerberos, at least")
        .kip(&[12]).method("sasl").differs("a negative time means nothing; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.kerberos.service.name"], String, "", features::gssapi(Setter::Text(|c, v| c.security.sasl.kerberos.service = some(v))),
        "The first part of the brokers' principal in Kerberos")
        .kip(&[12]).method("sasl"),
    row(&["sasl.kerberos.ticket.renew.jitter"], Double, "0.05", features::gssapi(Setter::Parsed { accepted: "a number from 0 to 1", set: |c, v| kerberos::part(v).map(|part| c.security.sasl.kerberos.window_jitter = part) }),
        "How much chance is in the time at which a keytab's ticket is replaced, as a part of its life")
        .kip(&[12]).method("sasl").differs("a part is a number from 0 to 1; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.kerberos.ticket.renew.window.factor"], Double, "0.8", features::gssapi(Setter::Parsed { accepted: "a number from 0 to 1", set: |c, v| kerberos::part(v).map(|part| c.security.sasl.kerberos.window_factor = part) }),
        "After which part of its life a keytab's ticket is replaced")
        .kip(&[12]).method("sasl").differs("a part is a number from 0 to 1; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.login.callback.handler.class"], Class, "", features::sasl(Setter::Parsed { accepted: "one of Java's handlers for OAUTHBEARER", set: |c, v| oauth::login_handler(v).map(|handler| c.security.sasl.login_handler = handler) }),
        "What answers a login's questions: OAuthBearerLoginCallbackHandler, or OAuthBearerUnsecuredLoginCallbackHandler for tokens that nobody signs, in development")
        .kip(&[86, 255, 768]).method("sasl").differs("OAuthBearerLoginCallbackHandler need not be named; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.login.class"], Class, "", features::sasl(Setter::Parsed { accepted: "the class of the mechanism", set: |c, v| oauth::login_class(v).map(|class| c.security.sasl.login_class = class) }),
        "What logs in: each mechanism has its own")
        .kip(&[86]).method("sasl").differs("DefaultLogin and OAuthBearerRefreshingLogin are known, and no others; a wrong value is an error even where security.protocol makes no use of it"),
    row(&["sasl.mechanism"], String, "GSSAPI", features::sasl(Setter::Parsed { accepted: Mechanism::ACCEPTED, set: |c, v| Mechanism::parse(v).map(|mechanism| c.security.sasl.mechanism = Some(mechanism)) }),
        "How to prove who this is")
        .kip(&[43]).method("sasl").differs("GSSAPI, the default, needs the feature gssapi, OAUTHBEARER the feature oauth, AWS_MSK_IAM the feature msk-iam; a wrong value is an error even where security.protocol makes no use of it"),
];
