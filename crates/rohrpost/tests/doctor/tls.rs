//! TLS: what was agreed on, and whose fault it is that nothing was.

use rohrpost::doctor::{Doctor, Stage, Status};
use rohrpost_testkit::{CertificateFlaw, ClientAuth, Cluster, ConnectionFault, Fault, Tls};

use crate::{assert_fails, cluster, doctor, examine, fact, found, hurried, status};

/// With the authority of the cluster's certificates to trust.
fn trusting(cluster: &Cluster, properties: &[(&str, &str)]) -> Doctor {
    let pem = cluster.ca_pem();
    let trust = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.certificates", pem.as_str()),
    ];
    doctor(cluster, &[&trust[..], properties].concat())
}

#[test]
fn a_handshake_that_holds_tells_what_was_agreed_on_and_what_the_certificate_says() {
    let cluster = cluster(1, |of| of.tls(Tls::new().only_tls13()));
    let report = examine(trusting(&cluster, &[]));
    assert!(report.holds(), "{report:#?}");
    let check = found(&report, Stage::Tls, Status::Ok)[0];
    assert_eq!(fact(check, "version"), "TLSv1.3");
    assert!(fact(check, "cipher_suite").starts_with("TLS_"));
    assert!(fact(check, "names").contains("127.0.0.1"));
    assert!(fact(check, "subject").contains("CN="));
    assert!(fact(check, "issuer").contains("CN="));
    assert!(
        fact(check, "not_before").ends_with("UTC") && fact(check, "not_after").ends_with("UTC")
    );
    assert!(fact(check, "days_left").parse::<i64>().unwrap() > 0);
    assert!(!fact(check, "serial").is_empty());
    assert!(fact(check, "server_name").contains("none"), "an address is never told");
}

#[test]
fn the_name_that_is_told_is_the_hosts() {
    let cluster = cluster(1, |of| of.tls(Tls::new().only_tls12()));
    let servers = cluster.bootstrap_servers().replace("127.0.0.1", "localhost");
    let doctor = trusting(&cluster, &[("bootstrap.servers", &servers)]);
    let report = examine(doctor);
    let check = found(&report, Stage::Tls, Status::Ok)[0];
    assert_eq!((fact(check, "server_name"), fact(check, "version")), ("localhost", "TLSv1.2"));
}

#[test]
fn each_flaw_of_a_certificate_is_named_with_what_to_do() {
    for (flaw, words) in [
        (CertificateFlaw::Expired, &["expired at 2001-01-01", "renewed"][..]),
        (CertificateFlaw::NotYetValid, &["valid from 2900", "clock"]),
        (CertificateFlaw::WrongHost, &["elsewhere.invalid", "connect by one of these"]),
        (CertificateFlaw::UnknownIssuer, &["signature", "another key", "ssl.truststore.location"]),
        (CertificateFlaw::SelfSigned, &["itself", "ssl.truststore.location"]),
        (CertificateFlaw::CommonNameOnly, &["common name only (localhost)", "san=dns"]),
        (CertificateFlaw::Authority, &["authority", "for the broker"]),
        (CertificateFlaw::WrongUsage, &["not for servers", "serverAuth"]),
    ] {
        let cluster = cluster(1, |of| of.tls(Tls::new().flaw(flaw)));
        let report = examine(trusting(&cluster, &[]));
        assert_fails(&report, Stage::Tls, words);
        assert_eq!(status(&report, Stage::Connect), Status::Ok);
        // What was shown is told, accepted or not.
        assert!(!fact(found(&report, Stage::Tls, Status::Failed)[0], "not_after").is_empty());
    }
}

#[test]
fn certificates_that_are_soon_over_are_a_warning_and_no_failure() {
    let of_broker = cluster(1, |of| of.tls(Tls::new().flaw(CertificateFlaw::ExpiresSoon)));
    let report = examine(trusting(&of_broker, &[]));
    assert_eq!(report.status(), Status::Warning, "{report:#?}");
    let warning = found(&report, Stage::Tls, Status::Warning)[0];
    let told = format!("{warning:?}");
    assert!(told.contains("a certificate of the broker expires in 10 days"), "{told}");
    assert!(told.contains("have it renewed"), "{told}");
    assert_eq!(fact(warning, "days_left"), "10");

    let of_client = cluster(1, |of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    let flaw = CertificateFlaw::ExpiresSoon;
    let identity = of_client.flawed_client_certificate("alice", flaw).unwrap();
    let own = [
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.key", identity.key_pem()),
        ("ssl.keystore.certificate.chain", identity.certificate_pem()),
    ];
    let report = examine(trusting(&of_client, &own));
    assert_eq!(report.status(), Status::Warning, "{report:#?}");
    let told = format!("{:?}", found(&report, Stage::Tls, Status::Warning)[0]);
    assert!(told.contains("the client's certificate expires in 10 days"), "{told}");
    assert!(told.contains("without a restart"), "{told}");
}

#[test]
fn names_that_are_not_looked_at_are_a_warning() {
    let cluster = cluster(1, |of| of.tls(Tls::new().flaw(CertificateFlaw::WrongHost)));
    let report = examine(trusting(&cluster, &[("ssl.endpoint.identification.algorithm", "")]));
    assert_eq!(report.status(), Status::Warning, "{report:#?}");
    let warning = found(&report, Stage::Configuration, Status::Warning)[0];
    assert_eq!(warning.subject, "ssl.endpoint.identification.algorithm");
}

#[test]
fn whoever_the_system_does_not_trust_is_named() {
    let cluster = cluster(1, |of| of.tls(Tls::new()));
    let report = examine(doctor(&cluster, &[("security.protocol", "SSL")]));
    // Where the system itself has nobody to trust, that is what is wrong.
    match status(&report, Stage::Configuration) {
        Status::Failed => assert_fails(&report, Stage::Configuration, &["authorities"]),
        _ => assert_fails(&report, Stage::Tls, &["not trusted", "ssl.truststore.location"]),
    }
}

#[test]
fn a_client_without_a_certificate_is_told_that_one_is_wanted_in_either_version() {
    for version in ["TLSv1.2", "TLSv1.3"] {
        let cluster = cluster(1, |of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
        let report = examine(trusting(&cluster, &[("ssl.enabled.protocols", version)]));
        let failed = found(&report, Stage::Tls, Status::Failed);
        assert_eq!(failed.len(), 1, "{report:#?}");
        let remedy = failed[0].remedy.as_deref().unwrap();
        assert!(remedy.contains("ssl.keystore.location"), "{report:#?}");
        assert_eq!(status(&report, Stage::ApiVersions), Status::Skipped, "{report:#?}");
    }
}

#[test]
fn a_client_certificate_is_shown_or_refused_by_name() {
    let cluster = cluster(1, |of| of.tls(Tls::new().client_auth(ClientAuth::Required)));
    let with = |identity: &rohrpost_testkit::Identity| {
        examine(trusting(
            &cluster,
            &[
                ("ssl.keystore.type", "PEM"),
                ("ssl.keystore.key", identity.key_pem()),
                ("ssl.keystore.certificate.chain", identity.certificate_pem()),
            ],
        ))
    };
    let report = with(&cluster.client_certificate("alice").unwrap());
    assert!(report.holds(), "{report:#?}");
    let check = found(&report, Stage::Tls, Status::Ok)[0];
    assert!(fact(check, "client_certificate").contains("CN=alice"));

    let flaw = CertificateFlaw::SelfSigned;
    let report = with(&cluster.flawed_client_certificate("mallory", flaw).unwrap());
    let failed = found(&report, Stage::Tls, Status::Failed);
    assert!(failed[0].detail.contains("CN=mallory"), "{report:#?}");
    assert!(failed[0].remedy.as_deref().unwrap().contains("truststore"), "{report:#?}");
}

#[test]
fn plaintext_on_a_port_with_tls_is_told_from_the_reverse() {
    let (plain, secured) = (cluster(1, |of| of), cluster(1, |of| of.tls(Tls::new())));
    let report = examine(doctor(&secured, &[]));
    assert_fails(&report, Stage::ApiVersions, &["security.protocol", "SSL"]);
    let report = examine(trusting(&plain, &[]));
    assert_fails(&report, Stage::Tls, &["plaintext listener", "PLAINTEXT or SASL_PLAINTEXT"]);
}

#[test]
fn who_accepts_and_says_nothing_is_a_finding_before_long() {
    let (plain, secured) = (cluster(1, |of| of), cluster(1, |of| of.tls(Tls::new())));
    for cluster in [&plain, &secured] {
        cluster.inject(Fault::connection(ConnectionFault::Silence).always());
    }
    let report = examine(hurried(doctor(&plain, &[])));
    assert_fails(&report, Stage::ApiVersions, &["not answered within 300ms", "security.protocol"]);
    let report = examine(hurried(trusting(&secured, &[])));
    assert_fails(&report, Stage::Tls, &["nobody answered the TLS handshake within 300ms"]);
}

#[test]
fn alerts_and_garbage_are_findings() {
    let cluster = cluster(1, |of| of.tls(Tls::new()));
    for (fault, words) in [
        (ConnectionFault::TlsAlert(40), &["in common", "TLSv1.3"][..]),
        (ConnectionFault::Garbage, &["TLS"]),
        (ConnectionFault::CloseAfterHello, &["closed within the TLS handshake"]),
    ] {
        cluster.clear_faults();
        cluster.inject(Fault::connection(fault).always());
        assert_fails(&examine(trusting(&cluster, &[])), Stage::Tls, words);
    }
}

#[test]
fn nothing_in_common_names_what_is_allowed_here() {
    let cluster = cluster(1, |of| of.tls(Tls::new().only_tls13()));
    let report = examine(trusting(&cluster, &[("ssl.enabled.protocols", "TLSv1.2")]));
    assert_fails(&report, Stage::Tls, &["TLSv1.2", "ssl.enabled.protocols"]);
}

#[test]
fn a_store_that_is_not_there_is_the_configurations_fault() {
    let cluster = cluster(1, |of| of);
    let report = examine(doctor(
        &cluster,
        &[
            ("security.protocol", "SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", "/nowhere/ca.pem"),
        ],
    ));
    assert_fails(&report, Stage::Configuration, &["/nowhere/ca.pem"]);
    assert_eq!(status(&report, Stage::Resolve), Status::Skipped);
}
