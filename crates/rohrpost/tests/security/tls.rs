//! `security.protocol=SSL`: each property, with two values that differ.

use rohrpost::tls::{Store, TlsSettings};
use rohrpost::{ErrorKind, Producer, ProducerBuilder, ProducerConfig, SecurityProtocol};
use rohrpost_testkit::{CertificateFlaw, ClientAuth, Cluster, Tls};

use crate::{File, builder, cluster, refused, send};

/// With the authority's certificate as it is given in properties.
fn trusting(cluster: &Cluster) -> ProducerBuilder {
    builder(cluster)
        .property("security.protocol", "SSL")
        .property("ssl.truststore.type", "PEM")
        .property("ssl.truststore.certificates", cluster.ca_pem())
}

#[test]
fn security_protocol() {
    let (plain, secured) = (cluster(|of| of), cluster(|of| of.tls(Tls::new())));
    send(builder(&plain)).unwrap();
    send(trusting(&secured)).unwrap();
    send(trusting(&plain).security_protocol(SecurityProtocol::Plaintext)).unwrap();
    let why = refused(trusting(&plain));
    assert!(why.contains("security.protocol"), "{why}");
    assert!(send(builder(&secured)).is_err());
}

#[test]
fn ssl_truststore() {
    let cluster = cluster(|of| of.tls(Tls::new()));
    let file = File::new("ca.pem", &cluster.ca_pem());
    let of_file = |kind: &str, path: &str| {
        builder(&cluster)
            .property("security.protocol", "SSL")
            .property("ssl.truststore.type", kind)
            .property("ssl.truststore.location", path)
    };
    send(of_file("PEM", file.path())).unwrap();
    // What the system trusts has not signed it.
    let why = refused(builder(&cluster).security_protocol(SecurityProtocol::Ssl));
    assert!(why.contains("truststore"), "{why}");
    for (kind, path, part) in [("JKS", file.path(), "PEM"), ("PEM", "/nowhere", "/nowhere")] {
        let error = send(of_file(kind, path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn ssl_truststore_password() {
    let cluster = cluster(|of| of.tls(Tls::new()));
    let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/stores/");
    // As it is packaged, this crate is alone.
    if !std::path::Path::new(stores).exists() {
        return;
    }
    for kind in ["jks", "p12"] {
        let with = |password: &str| {
            let of = builder(&cluster)
                .property("security.protocol", "SSL")
                .property("ssl.truststore.location", format!("{stores}keytool-trust.{kind}"));
            refused(of.property("ssl.truststore.password", password))
        };
        let (right, wrong) = (with("changeit"), with("other"));
        // It holds somebody else's authority.
        assert!(right.contains("trust") && !right.contains("password"), "{kind}: {right}");
        assert!(wrong.contains("password") && !wrong.contains("other"), "{kind}: {wrong}");
    }
}

#[test]
fn ssl_keystore_of_pem() {
    let cluster = cluster(|of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    let of = cluster.client_certificate("alice").unwrap();
    let both = File::new("client.pem", &format!("{}{}", of.key_pem(), of.certificate_pem()));
    send(
        trusting(&cluster)
            .property("ssl.keystore.type", "PEM")
            .property("ssl.keystore.location", both.path()),
    )
    .unwrap();
    send(
        trusting(&cluster)
            .property("ssl.keystore.type", "PEM")
            .property("ssl.keystore.key", of.key_pem())
            .property("ssl.keystore.certificate.chain", of.certificate_pem()),
    )
    .unwrap();
    let why = refused(trusting(&cluster));
    assert!(why.contains("certificate") && why.contains("keystore"), "{why}");
}

#[test]
fn ssl_keystore_of_other_types() {
    let cluster = cluster(|of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/stores/");
    if !std::path::Path::new(stores).exists() {
        return;
    }
    let with = |file: &str, password: &str| {
        trusting(&cluster)
            .property("ssl.keystore.location", format!("{stores}{file}"))
            .property("ssl.keystore.password", password)
    };
    for file in ["keytool.jks", "keytool.p12"] {
        // A certificate that these brokers do not trust.
        let right = refused(with(file, "changeit"));
        assert!(right.contains("certificate") && !right.contains("password"), "{file}: {right}");
        let wrong = refused(with(file, "other"));
        assert!(wrong.contains("password") && !wrong.contains("other"), "{file}: {wrong}");
    }
    let file = "keytool-key-password.jks";
    let with_key = |password: &str| with(file, "changeit").property("ssl.key.password", password);
    let right = refused(with_key("another Schlüssel"));
    assert!(right.contains("certificate") && !right.contains("password"), "{right}");
    let wrong = refused(with_key("another"));
    assert!(wrong.contains("password") && !wrong.contains("another"), "{wrong}");
}

#[test]
fn ssl_enabled_protocols() {
    let cluster = cluster(|of| of.tls(Tls::new().only_tls13()));
    let with = |versions: &str| trusting(&cluster).property("ssl.enabled.protocols", versions);
    send(with("TLSv1.3")).unwrap();
    let why = refused(with("TLSv1.2"));
    assert!(why.contains("TLSv1.2"), "{why}");
    let error = with("TLSv1.2,TLSv1.1").into_config().unwrap_err();
    assert!(error.to_string().contains("RFC 8996"), "{error}");
}

#[test]
fn ssl_cipher_suites() {
    let cluster = cluster(|of| of.tls(Tls::new().only_tls12()));
    let with = |suites: &str| trusting(&cluster).property("ssl.cipher.suites", suites);
    let of_12 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    send(with(of_12)).unwrap();
    refused(with("TLS_AES_256_GCM_SHA384"));
    let error = with("TLS_RSA_WITH_AES_128_CBC_SHA").into_config().unwrap_err();
    assert!(error.to_string().contains("forward secrecy"), "{error}");
}

#[test]
fn ssl_endpoint_identification_algorithm() {
    let cluster = cluster(|of| of.tls(Tls::new().flaw(CertificateFlaw::WrongHost)));
    let with =
        |how: &str| trusting(&cluster).property("ssl.endpoint.identification.algorithm", how);
    send(with("")).unwrap();
    let why = refused(with("https"));
    assert!(why.contains("elsewhere.invalid"), "{why}");
}

#[test]
fn a_program_sets_tls_up_itself() {
    let cluster = cluster(|of| of.tls(Tls::new()));
    let settings = || TlsSettings::new().truststore(Store::bytes(cluster.ca_pem().into_bytes()));
    send(builder(&cluster).tls(settings())).unwrap();
    send(builder(&cluster).tls_client(settings().build().unwrap())).unwrap();
    let error =
        builder(&cluster).tls(settings()).property("ssl.keystore.type", "PEM").into_config();
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("ssl.keystore.type and ProducerBuilder::tls"), "{error}");
}

#[test]
fn what_lacks_or_contradicts_names_both() {
    for (settings, expected) in [
        ("ssl.keystore.location=/x", "ssl.keystore.password is not set, and ssl.keystore.location"),
        ("ssl.keystore.password=x", "ssl.keystore.location is not set, and ssl.keystore.password"),
        (
            "ssl.truststore.password=x",
            "ssl.truststore.location is not set, and ssl.truststore.password",
        ),
        ("ssl.key.password=x", "ssl.keystore.location is not set, and ssl.key.password"),
        ("ssl.keystore.key=x", "ssl.keystore.key and ssl.keystore.type"),
        ("ssl.truststore.certificates=x", "ssl.truststore.certificates and ssl.truststore.type"),
        (
            "ssl.keystore.type=PEM\nssl.keystore.key=x",
            "ssl.keystore.certificate.chain is not set, and ssl.keystore.key",
        ),
        (
            "ssl.keystore.type=PEM\nssl.keystore.certificate.chain=x",
            "ssl.keystore.key is not set, and ssl.keystore.certificate.chain",
        ),
        (
            "ssl.keystore.type=PEM\nssl.keystore.location=/x\nssl.keystore.password=y",
            "ssl.keystore.password and ssl.keystore.type",
        ),
        (
            "ssl.truststore.type=PEM\nssl.truststore.location=/x\nssl.truststore.password=y",
            "ssl.truststore.password and ssl.truststore.type",
        ),
        (
            "ssl.truststore.type=PEM\nssl.truststore.location=/x\nssl.truststore.certificates=y",
            "ssl.truststore.location and ssl.truststore.certificates",
        ),
    ] {
        let of = |protocol: &str| {
            ProducerConfig::from_properties(&format!(
                "bootstrap.servers=a:1\nsecurity.protocol={protocol}\n{settings}"
            ))
        };
        let error = of("SSL").unwrap().validate().unwrap_err();
        let told = error.config_error().unwrap().to_string();
        assert!(told.starts_with(expected), "{settings}: {error}");
        // Java, too, looks at none of it where there is no TLS.
        of("PLAINTEXT").unwrap().validate().unwrap();
    }
}

#[test]
fn librdkafkas_names_mean_the_same() {
    let cluster = cluster(|of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    let of = cluster.client_certificate("alice").unwrap();
    let servers = cluster.bootstrap_servers();
    let (ca, key, chain) = (
        File::new("rdkafka-ca.pem", &cluster.ca_pem()),
        File::new("rdkafka-key.pem", of.key_pem()),
        File::new("rdkafka-chain.pem", of.certificate_pem()),
    );
    let base = [("bootstrap.servers", &*servers), ("security.protocol", "ssl")];
    let files = [
        ("ssl.ca.location", ca.path()),
        ("ssl.key.location", key.path()),
        ("ssl.certificate.location", chain.path()),
    ];
    let ca = cluster.ca_pem();
    let texts = [
        ("ssl.ca.pem", &*ca),
        ("ssl.key.pem", of.key_pem()),
        ("ssl.certificate.pem", of.certificate_pem()),
    ];
    let config = |settings: &[(&str, &str)]| {
        ProducerConfig::from_librdkafka(base.iter().chain(settings).copied())
    };
    for settings in [files, texts] {
        send(ProducerBuilder::from_config(config(&settings).unwrap())).unwrap();
    }
    let error = config(&files[..2]).unwrap_err().to_string();
    assert!(
        error.starts_with("ssl.certificate.location is not set, and ssl.key.location"),
        "{error}"
    );
    let error = config(&[("enable.ssl.certificate.verification", "false")]).unwrap_err();
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
    assert_eq!(
        Producer::builder().into_config().unwrap().security_protocol(),
        SecurityProtocol::Plaintext
    );
}
