//! Who is let in, and what those are told who are not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io;
use std::sync::Arc;

use common::{
    Broker, Ca, HOST, answered_by, connect, for_hosts, named, only_for_clients, path, pem,
    self_signed, showing, trusting, valid,
};
use rohrpost_tls::{CertificateProblem, Store, TlsClient, TlsError, TlsSettings, TlsVersion};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

fn problem(result: Result<common::Connected, TlsError>) -> CertificateProblem {
    match result.unwrap_err() {
        error @ TlsError::Certificate { .. } => {
            assert!(error.is_refusal() && !error.is_configuration());
            let TlsError::Certificate { problem, .. } = error else { unreachable!() };
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broker_whose_issuer_is_trusted_is_let_in_by_either_version() {
    let ca = Ca::new("the ca");
    let broker = Broker::new(ca.broker());
    let client = trusting(&ca).build().unwrap();
    let connected = connect(&client, HOST, &broker).unwrap();
    assert_eq!(connected.version, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(connected.told_name.as_deref(), Some(HOST));
    let connected = connect(&client, HOST, &broker.clone().speaking(&TLS12)).unwrap();
    assert_eq!(connected.version, Some(ProtocolVersion::TLSv1_2));
    for (version, spoken) in [
        (TlsVersion::Tls12, ProtocolVersion::TLSv1_2),
        (TlsVersion::Tls13, ProtocolVersion::TLSv1_3),
    ] {
        let client = trusting(&ca).versions([version]).build().unwrap();
        assert_eq!(connect(&client, HOST, &broker).unwrap().version, Some(spoken));
    }
}

#[test]
fn a_broker_is_known_by_its_name_or_its_address() {
    let ca = Ca::new("the ca");
    let shown = ca.issue(&for_hosts(&[HOST, "*.pod.example", "127.0.0.1", "fd00::1"]));
    let broker = Broker::new(shown);
    let client = trusting(&ca).build().unwrap();
    for host in [HOST, "BROKER.example", "broker.example.", "b-1.pod.example"] {
        let connected = connect(&client, host, &broker).unwrap();
        let told = connected.told_name.unwrap();
        assert!(told.eq_ignore_ascii_case(host.trim_end_matches('.')), "{told}");
    }
    for host in ["127.0.0.1", "fd00::1", "[fd00::1]", "[fd00:0::1%eth0]"] {
        assert_eq!(connect(&client, host, &broker).unwrap().told_name, None, "{host}");
    }
    for host in ["other.example", "a.b.pod.example", "pod.example", "127.0.0.2", "::1"] {
        let CertificateProblem::WrongHost { names } = problem(connect(&client, host, &broker))
        else {
            panic!("{host}");
        };
        assert_eq!(names, [HOST, "*.pod.example", "127.0.0.1", "fd00::1"]);
    }
    for host in ["", "broker example", "bröker.example", "broker.example:9093", "[::1"] {
        assert!(matches!(client.server_name(host), Err(TlsError::HostName { .. })), "{host}");
    }
}

#[test]
fn the_error_of_a_wrong_host_tells_the_certificates_names_and_the_broker() {
    let ca = Ca::new("the ca");
    let client = trusting(&ca).build().unwrap();
    let error = connect(&client, "other.example", &Broker::new(ca.broker())).unwrap_err();
    assert_eq!(error.host(), Some("other.example"));
    let text = error.to_string();
    assert!(text.contains("other.example") && text.contains("it is for broker.example"), "{text}");
    let TlsError::Certificate { chain, .. } = error else { panic!() };
    assert_eq!(chain[0].issuer(), "CN=the ca");
}

#[test]
fn without_host_verification_everything_else_is_verified() {
    let ca = Ca::new("the ca");
    let client = trusting(&ca).verify_host(false).build().unwrap();
    let elsewhere = Broker::new(ca.issue(&for_hosts(&["elsewhere.example"])));
    let connected = connect(&client, HOST, &elsewhere).unwrap();
    assert_eq!(connected.told_name.as_deref(), Some(HOST));
    let stranger = Broker::new(Ca::new("a stranger").broker());
    assert!(matches!(
        problem(connect(&client, HOST, &stranger)),
        CertificateProblem::UnknownIssuer { .. }
    ));
    let expired = Broker::new(ca.issue(&valid(for_hosts(&[HOST]), 2001, 2002)));
    assert!(matches!(
        problem(connect(&client, HOST, &expired)),
        CertificateProblem::Expired { .. }
    ));
    // A broker that has the certificate and not its key.
    let mut thief = Broker::new(ca.broker());
    thief.shown.key = ca.broker().key;
    for version in [&TLS12, &TLS13] {
        assert!(connect(&client, HOST, &thief.clone().speaking(version)).is_err());
    }
}

#[test]
fn an_expired_certificate_is_called_by_its_dates() {
    let ca = Ca::new("the ca");
    let client = trusting(&ca).build().unwrap();
    let expired = Broker::new(ca.issue(&valid(for_hosts(&[HOST]), 2001, 2002)));
    let error = connect(&client, HOST, &expired).unwrap_err().to_string();
    assert!(error.contains("CN=a broker expired at 2002-01-01 00:00:00 UTC"), "{error}");
    let early = Broker::new(ca.issue(&valid(for_hosts(&[HOST]), 2101, 2102)));
    let error = connect(&client, HOST, &early).unwrap_err().to_string();
    assert!(error.contains("valid from 2101-01-01 00:00:00 UTC"), "{error}");
}

#[test]
fn an_issuer_who_is_not_trusted_is_called_by_name_and_so_are_those_who_are() {
    let (ca, stranger) = (Ca::new("the ca"), Ca::new("a stranger"));
    let client = trusting(&ca).build().unwrap();
    let error = connect(&client, HOST, &Broker::new(stranger.broker())).unwrap_err().to_string();
    assert!(error.contains("its issuer CN=a stranger is not trusted"), "{error}");
    assert!(error.contains("Trusted are truststore (CN=the ca)"), "{error}");

    // One between, whom the broker does not show.
    let between = ca.below("between");
    let mut shown = between.broker();
    let CertificateProblem::UnknownIssuer { issuer, is_self_signed: false, .. } =
        problem(connect(&client, HOST, &Broker::new(shown.clone())))
    else {
        panic!();
    };
    assert_eq!(issuer, "CN=between");
    shown.certificate.push_str(&between.made.certificate);
    connect(&client, HOST, &Broker::new(shown)).unwrap();

    let CertificateProblem::UnknownIssuer { is_self_signed: true, .. } =
        problem(connect(&client, HOST, &Broker::new(self_signed(&for_hosts(&[HOST])))))
    else {
        panic!();
    };
}

#[test]
fn without_a_truststore_those_are_trusted_whom_the_system_trusts() {
    match TlsSettings::new().build() {
        Ok(client) => {
            let stranger = Broker::new(Ca::new("a stranger").broker());
            let error = connect(&client, HOST, &stranger).unwrap_err().to_string();
            assert!(error.contains("that this system trusts"), "{error}");
        }
        // A system may have none.
        Err(error) => assert!(matches!(error, TlsError::NoSystemRoots { .. }), "{error:?}"),
    }
}

#[test]
fn a_namesake_with_another_key_is_told_from_a_stranger() {
    let (ca, namesake) = (Ca::new("the ca"), Ca::new("the ca"));
    let client = trusting(&ca).build().unwrap();
    match problem(connect(&client, HOST, &Broker::new(namesake.broker()))) {
        CertificateProblem::UnknownIssuer { has_namesake: true, .. }
        | CertificateProblem::BadSignature => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_that_is_trusted_itself_vouches_for_nobody_else() {
    // As `keytool -genkeypair` makes them: no authority, signed by itself.
    let alone = self_signed(&for_hosts(&[HOST]));
    let client =
        TlsSettings::new().truststore(Store::bytes(alone.certificate.clone())).build().unwrap();
    connect(&client, HOST, &Broker::new(alone.clone())).unwrap();
    let wrong_host = connect(&client, "other.example", &Broker::new(alone.clone()));
    assert!(matches!(problem(wrong_host), CertificateProblem::WrongHost { .. }));

    // Its key signs a certificate for somebody else.
    let issuer =
        rcgen::Issuer::new(for_hosts(&[HOST]), rcgen::KeyPair::from_pem(&alone.key).unwrap());
    let key = rcgen::KeyPair::generate().unwrap();
    let forged = for_hosts(&[HOST]).signed_by(&key, &issuer).unwrap().pem();
    let forger = Broker::new(common::Made { certificate: forged, key: key.serialize_pem() });
    assert!(matches!(
        problem(connect(&client, HOST, &forger)),
        CertificateProblem::UnknownIssuer { .. }
    ));

    // It must be valid all the same.
    for (from, to) in [(2001, 2002), (2101, 2102)] {
        let old = self_signed(&valid(for_hosts(&[HOST]), from, to));
        let client =
            TlsSettings::new().truststore(Store::bytes(old.certificate.clone())).build().unwrap();
        let problem = problem(connect(&client, HOST, &Broker::new(old)));
        assert!(matches!(
            problem,
            CertificateProblem::Expired { .. } | CertificateProblem::NotYetValid { .. }
        ));
    }
    let for_clients = self_signed(&only_for_clients(for_hosts(&[HOST])));
    let client = TlsSettings::new()
        .truststore(Store::bytes(for_clients.certificate.clone()))
        .build()
        .unwrap();
    assert_eq!(
        problem(connect(&client, HOST, &Broker::new(for_clients))),
        CertificateProblem::WrongPurpose
    );
}

#[test]
fn a_common_name_counts_where_that_is_wanted_and_there_is_no_other() {
    let ca = Ca::new("the ca");
    let only_common_name = Broker::new(ca.issue(&named(HOST)));
    let strict = trusting(&ca).build().unwrap();
    let error = connect(&strict, HOST, &only_common_name).unwrap_err().to_string();
    assert!(
        error.contains("only a common name (broker.example)") && error.contains("as Java does"),
        "{error}"
    );
    let lenient = trusting(&ca).accept_common_name(true).build().unwrap();
    connect(&lenient, HOST, &only_common_name).unwrap();
    let wrong = problem(connect(&lenient, "other.example", &only_common_name));
    assert!(
        matches!(wrong, CertificateProblem::OnlyCommonName { is_host: false, .. }),
        "{wrong:?}"
    );
    let wildcard = Broker::new(ca.issue(&named("*.pod.example")));
    connect(&lenient, "b-1.pod.example", &wildcard).unwrap();
    for host in ["a.b.pod.example", "pod.example", ".pod.example"] {
        assert!(client_refuses(&lenient, host, &wildcard), "{host}");
    }
    // Whoever has alternative names is looked for there only.
    let mut both = for_hosts(&["elsewhere.example"]);
    both.distinguished_name.push(rcgen::DnType::CommonName, HOST);
    let both = problem(connect(&lenient, HOST, &Broker::new(ca.issue(&both))));
    assert!(matches!(both, CertificateProblem::WrongHost { .. }), "{both:?}");
    // No address is in a common name.
    assert!(client_refuses(&lenient, "127.0.0.1", &Broker::new(ca.issue(&named("127.0.0.1")))));
}

fn client_refuses(client: &TlsClient, host: &str, broker: &Broker) -> bool {
    connect(client, host, broker).is_err()
}

#[test]
fn an_authority_passes_for_a_broker_only_where_it_is_trusted_itself_and_that_is_wanted() {
    let mut params = for_hosts(&[HOST]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = self_signed(&params);
    let trusting_it = || TlsSettings::new().truststore(Store::bytes(authority.certificate.clone()));
    let broker = Broker::new(authority.clone());
    let strict = trusting_it().build().unwrap();
    let error = connect(&strict, HOST, &broker).unwrap_err();
    assert!(
        error.to_string().contains("CA:TRUE") && error.to_string().contains("as Java does"),
        "{error}"
    );
    let lenient = trusting_it().accept_trusted_ca_as_server(true).build().unwrap();
    connect(&lenient, HOST, &broker).unwrap();
    assert!(client_refuses(&lenient, "other.example", &broker));
    // One that it has made is not in the truststore.
    let ca = Ca::new("the ca");
    let lenient = trusting(&ca).accept_trusted_ca_as_server(true).build().unwrap();
    let below = problem(connect(&lenient, HOST, &Broker::new(ca.issue(&params))));
    assert_eq!(below, CertificateProblem::AuthorityAsServer { is_trusted: false });
}

#[test]
fn certificates_that_rustls_cannot_take_say_why() {
    let client = TlsSettings::new().truststore(Store::file(path("ca.pem"))).build().unwrap();
    for (name, words) in [("v1.pem", "version 1 of X.509"), ("sha1.pem", "SHA-1")] {
        let shown = common::Made { certificate: pem(name), key: pem("ec-key.pem") };
        let error = connect(&client, HOST, &Broker::new(shown)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let ca = Ca::new("the ca");
    let for_clients = Broker::new(ca.issue(&only_for_clients(for_hosts(&[HOST]))));
    let client = trusting(&ca).build().unwrap();
    assert_eq!(problem(connect(&client, HOST, &for_clients)), CertificateProblem::WrongPurpose);
}

#[test]
fn a_client_shows_its_certificate_to_those_who_ask() {
    let (ca, clients) = (Ca::new("the ca"), Ca::new("the clients' ca"));
    let me = clients.client("me");
    let client = showing(trusting(&ca), &me).build().unwrap();
    for version in [&TLS12, &TLS13] {
        let broker = Broker::new(ca.broker()).speaking(version);
        assert!(connect(&client, HOST, &broker).unwrap().shown.is_empty());
        let shown = connect(&client, HOST, &broker.accepting(&clients)).unwrap().shown;
        let info = rohrpost_tls::CertificateInfo::from_der(&shown[0]).unwrap();
        assert_eq!(info.subject(), "CN=me");
    }
}

#[test]
fn keys_out_of_javas_stores_sign() {
    let broker_ca = Ca::new("the ca");
    for (name, own) in [
        ("keytool-ec.p12", true),
        ("keytool-ec.jks", true),
        ("keytool.jks", false),
        ("openssl-legacy.p12", false),
    ] {
        let keystore = Store::file(path(name)).password("changeit");
        let mut broker = Broker::new(broker_ca.broker());
        // What keytool makes is signed by itself: the broker trusts it as it is.
        let issuer = if own { pem(&format!("{name}.pem")) } else { pem("ca.pem") };
        broker.client_issuers = vec![issuer];
        let client = trusting(&broker_ca).keystore(keystore).build().unwrap();
        for version in [&TLS12, &TLS13] {
            let connected = connect(&client, HOST, &broker.clone().speaking(version));
            assert!(!connected.unwrap_or_else(|error| panic!("{name}: {error}")).shown.is_empty());
        }
    }
}

#[test]
fn of_several_certificates_the_one_is_shown_whose_issuer_the_broker_names() {
    let (ca, clients) = (Ca::new("the ca"), Ca::new("the clients' ca"));
    let keystore = || Store::file(path("keytool-two.p12")).password("changeit");
    let client = trusting(&ca).keystore(keystore()).build().unwrap();
    let mut broker = Broker::new(ca.broker());
    broker.client_issuers = vec![pem("ca.pem")];
    let connected = connect(&client, HOST, &broker).unwrap();
    let shown = rohrpost_tls::CertificateInfo::from_der(&connected.shown[0]).unwrap();
    assert_eq!(shown.common_name().as_deref(), Some("rsa"));
    // Nobody fits: the first is shown, and what the broker says of it is told.
    let error = connect(&client, HOST, &Broker::new(ca.broker()).accepting(&clients)).unwrap_err();
    let TlsError::ClientCertificateRefused { issuers, certificate, alert, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (issuers.as_slice(), *alert),
        (&["CN=the clients' ca".to_owned()][..], "unknown_ca")
    );
    assert_eq!(certificate.common_name().as_deref(), Some("rsa"));
    let text = error.to_string();
    assert!(text.contains("unknown_ca") && text.contains("issued by CN=the clients' ca"), "{text}");
}

#[test]
fn a_broker_that_wants_a_certificate_and_gets_none_is_understood() {
    let (ca, clients) = (Ca::new("the ca"), Ca::new("the clients' ca"));
    let client = trusting(&ca).build().unwrap();
    for version in [&TLS12, &TLS13] {
        let broker = Broker::new(ca.broker()).accepting(&clients).speaking(version);
        let error = connect(&client, HOST, &broker).unwrap_err();
        let TlsError::ClientCertificateRequired { issuers, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(issuers.as_slice(), ["CN=the clients' ca"]);
        assert!(error.to_string().contains("ssl.keystore.location"), "{error}");
    }
    // One that closes without a word.
    let error = client.explain(HOST, &io::ErrorKind::ConnectionReset.into());
    assert!(matches!(error, TlsError::Closed { wanted_certificate: true, .. }), "{error:?}");
    // One that asks, and lets everybody in.
    let mut broker = Broker::new(ca.broker()).accepting(&clients);
    broker.lets_anonymous_in = true;
    connect(&client, HOST, &broker).unwrap();
}

#[test]
fn a_clients_expired_certificate_is_told_as_the_broker_tells_it() {
    let ca = Ca::new("the ca");
    let old = ca.issue(&valid(named("me"), 2001, 2002));
    let client = showing(trusting(&ca), &old).build().unwrap();
    let error = connect(&client, HOST, &Broker::new(ca.broker()).accepting(&ca)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("certificate_expired") && text.contains("to 2002-01-01"), "{text}");
}

#[test]
fn who_does_not_speak_tls_is_found_out() {
    let client = trusting(&Ca::new("the ca")).build().unwrap();
    for answer in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0, 0, 0, 10, 0, 0, 0, 0, 0, 35, 0, 0, 0, 0]]
    {
        let error = answered_by(&client, HOST, answer);
        assert_eq!(error, TlsError::NotTls { host: HOST.to_owned() });
        assert!(error.to_string().contains("PLAINTEXT") && error.is_refusal(), "{error}");
    }
    // A plaintext listener takes the greeting for an enormous request, and closes.
    let error =
        client.explain(HOST, &io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof"));
    assert!(matches!(error, TlsError::Closed { wanted_certificate: false, .. }), "{error:?}");
    assert!(error.to_string().contains("PLAINTEXT") && !error.is_refusal(), "{error}");
    let error = client.explain(HOST, &io::Error::new(io::ErrorKind::TimedOut, "too late"));
    assert!(error.to_string().contains("too late") && !error.is_refusal(), "{error}");
}

#[test]
fn sides_without_a_version_or_a_suite_in_common_are_told_so() {
    let ca = Ca::new("the ca");
    let broker = Broker::new(ca.broker());
    for (version, other) in [(TlsVersion::Tls12, &TLS13), (TlsVersion::Tls13, &TLS12)] {
        let client = trusting(&ca).versions([version]).build().unwrap();
        let error = connect(&client, HOST, &broker.clone().speaking(other)).unwrap_err();
        assert_eq!(
            error,
            TlsError::NoCommonVersion { host: HOST.to_owned(), versions: vec![version] }
        );
    }
    let suite = "TLS_AES_128_GCM_SHA256".parse().unwrap();
    let client = trusting(&ca).cipher_suites([suite]).build().unwrap();
    assert_eq!(
        connect(&client, HOST, &broker).unwrap().suite,
        Some(rustls::CipherSuite::TLS13_AES_128_GCM_SHA256)
    );
    let mut other = broker;
    other.suites = Some(vec![rustls::CipherSuite::TLS13_AES_256_GCM_SHA384]);
    let error = connect(&client, HOST, &other).unwrap_err();
    let TlsError::NothingInCommon { suites, .. } = &error else { panic!("{error:?}") };
    assert_eq!(suites.as_slice(), [suite]);
    assert!(error.to_string().contains("RSA key exchange"), "{error}");
}

#[test]
fn suites_of_a_version_that_is_not_allowed_contradict_it() {
    let suite = "TLS_AES_128_GCM_SHA256".parse().unwrap();
    let settings =
        trusting(&Ca::new("the ca")).versions([TlsVersion::Tls12]).cipher_suites([suite]);
    assert!(matches!(settings.build(), Err(TlsError::Settings { .. })));
    assert!(matches!(TlsSettings::new().versions([]).build(), Err(TlsError::Settings { .. })));
}

#[test]
fn a_configuration_of_ones_own_is_used_as_it_is() {
    let ca = Ca::new("the ca");
    let theirs = trusting(&ca).build().unwrap().current().unwrap();
    let client = TlsClient::from_config(Arc::clone(&theirs));
    assert!(Arc::ptr_eq(&client.current().unwrap(), &theirs));
    connect(&client, HOST, &Broker::new(ca.broker())).unwrap();
    let error = connect(&client, "other.example", &Broker::new(ca.broker())).unwrap_err();
    assert!(matches!(error, TlsError::Certificate { .. }), "{error:?}");
    assert_eq!(client.reload_failure(), None);
}
