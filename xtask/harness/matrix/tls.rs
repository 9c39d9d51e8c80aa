//! TLS: every format of store, and every wrong certificate.

use super::Outcome::{In, Refused};
use super::{Case, REMOVED, case};
use crate::kafka::Mode::{
    Mtls, SaslPlain, Ssl, SslCbc, SslCommonName, SslEarly, SslExpired, SslSelfSigned, SslWrongHost,
};

const LOCATION: &str = "ssl.truststore.location";
const PASSWORD: &str = "ssl.truststore.password";
const TYPE: &str = "ssl.truststore.type";
const TRUSTED: &str = "ssl.truststore.certificates";
const KEY_LOCATION: &str = "ssl.keystore.location";
const KEY_STORE_PASSWORD: &str = "ssl.keystore.password";
const KEY_TYPE: &str = "ssl.keystore.type";
const KEY_PASSWORD: &str = "ssl.key.password";
const KEY: &str = "ssl.keystore.key";
const CHAIN: &str = "ssl.keystore.certificate.chain";
const IDENTIFICATION: &str = "ssl.endpoint.identification.algorithm";

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    // Truststores.
    case("PKCS#12 truststore", Ssl, &[], In),
    case("PKCS#12 truststore of Java 8", Ssl, &[(LOCATION, "{keys}/truststore-legacy.p12")], In),
    case("PKCS#12 truststore of no said type", Ssl, &[(TYPE, REMOVED)], In),
    case("JKS truststore", Ssl, &[(LOCATION, "{keys}/truststore.jks"), (TYPE, "JKS")], In),
    case("JKS truststore without its password", Ssl, &[(LOCATION, "{keys}/truststore.jks"), (TYPE, "JKS"), (PASSWORD, REMOVED)], In),
    case("PEM truststore", Ssl, &[(LOCATION, "{keys}/truststore.pem"), (TYPE, "PEM"), (PASSWORD, REMOVED)], In),
    case("inline PEM truststore", Ssl, &[(TRUSTED, "{pem truststore.pem}"), (TYPE, "PEM"), (LOCATION, REMOVED), (PASSWORD, REMOVED)], In),
    case("TLS 1.2", Ssl, &[("ssl.enabled.protocols", "TLSv1.2")], In),
    case("TLS 1.3", Ssl, &[("ssl.enabled.protocols", "TLSv1.3")], In),
    case("a cipher suite by its name", Ssl, &[("ssl.cipher.suites", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), ("ssl.enabled.protocols", "TLSv1.2")], In),
    case("a wrong host that does not matter", SslWrongHost, &[(IDENTIFICATION, "")], In),
    // Clients with certificates.
    case("JKS keystore with a key password", Mtls, &[], In),
    case("PKCS#12 keystore", Mtls, &[(KEY_LOCATION, "{keys}/client.p12"), (KEY_TYPE, "PKCS12"), (KEY_PASSWORD, REMOVED)], In),
    case("PKCS#12 keystore of Java 8", Mtls, &[(KEY_LOCATION, "{keys}/client-legacy.p12"), (KEY_TYPE, "PKCS12"), (KEY_PASSWORD, REMOVED)], In),
    case("PEM keystore", Mtls, &[(KEY_LOCATION, "{keys}/client.pem"), (KEY_TYPE, "PEM"), (KEY_STORE_PASSWORD, REMOVED), (KEY_PASSWORD, REMOVED)], In),
    case("PEM keystore with an encrypted key", Mtls, &[(KEY_LOCATION, "{keys}/client-encrypted.pem"), (KEY_TYPE, "PEM"), (KEY_STORE_PASSWORD, REMOVED)], In),
    case("inline PEM keystore", Mtls, &[(KEY, "{pem client.key}"), (CHAIN, "{pem client.crt}"), (KEY_TYPE, "PEM"), (KEY_LOCATION, REMOVED), (KEY_STORE_PASSWORD, REMOVED), (KEY_PASSWORD, REMOVED)], In),
    case("inline PEM keystore with an encrypted key", Mtls, &[(KEY, "{pem client-encrypted.key}"), (CHAIN, "{pem client.crt}"), (KEY_TYPE, "PEM"), (KEY_LOCATION, REMOVED), (KEY_STORE_PASSWORD, REMOVED)], In),
    case("mutual TLS 1.2", Mtls, &[("ssl.enabled.protocols", "TLSv1.2")], In),
    // Stores that cannot be opened.
    case("no truststore there", Ssl, &[(LOCATION, "{keys}/nowhere.p12")], Refused(&["nowhere.p12", "truststore"])),
    case("wrong truststore password", Ssl, &[(PASSWORD, "wrong-secret")], Refused(&["truststore.p12", "password is wrong"])),
    case("wrong JKS truststore password", Ssl, &[(LOCATION, "{keys}/truststore.jks"), (TYPE, "JKS"), (PASSWORD, "wrong-secret")], Refused(&["truststore.jks", "password is wrong"])),
    case("a PEM file as PKCS#12", Ssl, &[(LOCATION, "{keys}/truststore.pem")], Refused(&["truststore.pem", "PEM"])),
    case("a truststore as keystore", Mtls, &[(KEY_LOCATION, "{keys}/truststore.jks")], Refused(&["no private key"])),
    case("wrong key password", Mtls, &[(KEY_PASSWORD, "wrong-secret")], Refused(&["ssl.key.password", "wrong"])),
    case("wrong password of a PEM key", Mtls, &[(KEY_LOCATION, "{keys}/client-encrypted.pem"), (KEY_TYPE, "PEM"), (KEY_STORE_PASSWORD, REMOVED), (KEY_PASSWORD, "wrong-secret")], Refused(&["ssl.key.password", "wrong"])),
    // Brokers whose certificates are not accepted.
    case("an unknown authority", Ssl, &[(LOCATION, "{keys}/other-truststore.p12")], Refused(&["localhost", "rohrpost test CA", "not trusted", "another CA"])),
    case("the system's authorities", Ssl, &[(LOCATION, REMOVED), (PASSWORD, REMOVED), (TYPE, REMOVED)], Refused(&["rohrpost test CA", "not trusted"])),
    case("an expired certificate", SslExpired, &[], Refused(&["localhost", "CN=broker", "expired"])),
    case("a certificate too early", SslEarly, &[], Refused(&["localhost", "CN=broker", "valid from"])),
    case("a certificate for another host", SslWrongHost, &[], Refused(&["localhost", "kafka.example.org"])),
    case("a host in the common name alone", SslCommonName, &[], Refused(&["localhost", "common name", "subject alternative name"])),
    case("an authority's certificate", SslSelfSigned, &[], Refused(&["localhost", "CA:TRUE"])),
    case("a certificate that signed itself", SslSelfSigned, &[(LOCATION, "{keys}/truststore.p12")], Refused(&["localhost", "CA:TRUE"])),
    case("CBC suites alone", SslCbc, &[], Refused(&["localhost", "cipher suite"])),
    // Clients whose certificates are not accepted.
    case("no certificate", Mtls, &[(KEY_LOCATION, REMOVED), (KEY_STORE_PASSWORD, REMOVED), (KEY_TYPE, REMOVED), (KEY_PASSWORD, REMOVED)], Refused(&["localhost", "certificate of the client", "ssl.keystore.location"])),
    case("no certificate, TLS 1.2", Mtls, &[("ssl.enabled.protocols", "TLSv1.2"), (KEY_LOCATION, REMOVED), (KEY_STORE_PASSWORD, REMOVED), (KEY_TYPE, REMOVED), (KEY_PASSWORD, REMOVED)], Refused(&["localhost", "certificate of the client", "ssl.keystore.location"])),
    case("a stranger's certificate", Mtls, &[(KEY_LOCATION, "{keys}/stranger.jks")], Refused(&["localhost", "client's certificate", "another CA"])),
    case("an expired certificate of the client", Mtls, &[(KEY_LOCATION, "{keys}/client-expired.jks")], Refused(&["localhost", "client's certificate", "CN=alice", "valid now"])),
    // TLS, or not.
    case("no TLS where TLS is spoken", Ssl, &[("security.protocol", "PLAINTEXT"), (LOCATION, REMOVED), (PASSWORD, REMOVED), (TYPE, REMOVED)], Refused(&["localhost", "TLS", "security.protocol"])),
    case("TLS where none is spoken", SaslPlain, &[("security.protocol", "SSL"), ("sasl.mechanism", REMOVED), ("sasl.jaas.config", REMOVED), (TRUSTED, "{pem truststore.pem}"), (TYPE, "PEM")], Refused(&["localhost", "TLS", "security.protocol"])),
];
