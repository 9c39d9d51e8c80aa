//! Names, connections, and who the client is.

use std::net::TcpListener;
use std::time::Duration;

use rohrpost::doctor::{Doctor, Stage, Status};
use rohrpost_testkit::{Cluster, Fault, Sasl, SaslFault, SaslMechanism};

use crate::{
    assert_fails, cluster, doctor, doctor_of, examine, fact, found, hurried, status, tells,
};

const PASSWORD: &str = "a-secret-that-nobody-shows";

fn listener() -> Sasl {
    Sasl::new([SaslMechanism::Plain, SaslMechanism::ScramSha512]).user("alice", PASSWORD)
}

/// As alice, with this mechanism and password.
fn alice(cluster: &Cluster, mechanism: &str, password: &str) -> Doctor {
    let module =
        if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
    let jaas = format!(
        "org.apache.kafka.common.security.{module} required username=\"alice\" password=\"{password}\";"
    );
    doctor(
        cluster,
        &[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", mechanism),
            ("sasl.jaas.config", &jaas),
        ],
    )
}

#[test]
fn an_authentication_that_holds_tells_mechanisms_and_the_sessions_lifetime() {
    let listener = listener().max_reauth(Duration::from_secs(7));
    let cluster = cluster(2, |of| of.sasl(listener));
    let report = examine(alice(&cluster, "SCRAM-SHA-512", PASSWORD));
    assert!(report.holds(), "{report:#?}");
    let checks = found(&report, Stage::Sasl, Status::Ok);
    assert_eq!(checks.len(), 2);
    assert_eq!(fact(checks[0], "mechanism"), "SCRAM-SHA-512");
    assert!(fact(checks[0], "offered").contains("PLAIN"));
    assert_eq!(fact(checks[0], "session_lifetime"), "7s");
    assert_eq!(status(&report, Stage::Produce), Status::Ok);
}

#[test]
fn refused_credentials_are_shown_to_one_broker_alone_and_in_no_report() {
    let cluster = cluster(3, |of| of.sasl(listener()));
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let report = examine(alice(&cluster, mechanism, "wrong-secret"));
        assert_fails(&report, Stage::Sasl, &[mechanism, "refuses the credentials", "password"]);
        assert_eq!(found(&report, Stage::Sasl, Status::Failed).len(), 1, "{report:#?}");
        assert_eq!(found(&report, Stage::Sasl, Status::Skipped).len(), 2, "{report:#?}");
        assert_eq!(found(&report, Stage::ApiVersions, Status::Ok).len(), 3);
        assert!(!tells(&report, "wrong-secret"), "{report:#?}");
        let report = examine(alice(&cluster, mechanism, PASSWORD));
        assert!(report.holds() && !tells(&report, PASSWORD), "{report:#?}");
    }
}

#[test]
fn a_password_on_an_open_line_is_a_warning() {
    let cluster = cluster(1, |of| of.sasl(listener()));
    let report = examine(alice(&cluster, "PLAIN", PASSWORD));
    assert_eq!(status(&report, Stage::Configuration), Status::Warning, "{report:#?}");
    let report = examine(alice(&cluster, "SCRAM-SHA-512", PASSWORD));
    assert_eq!(status(&report, Stage::Configuration), Status::Ok, "{report:#?}");
}

#[test]
fn a_mechanism_that_the_listener_lacks_is_told_with_those_that_it_has() {
    let cluster = cluster(1, |of| of.sasl(listener()));
    let report = examine(alice(&cluster, "SCRAM-SHA-256", PASSWORD));
    let words = ["SCRAM-SHA-256", "PLAIN, SCRAM-SHA-512", "sasl.mechanism"];
    assert_fails(&report, Stage::Sasl, &words);
}

#[test]
fn a_server_that_does_not_know_the_password_itself_is_not_trusted() {
    let cluster = cluster(1, |of| of.sasl(listener()));
    cluster.inject(Fault::sasl(SaslFault::WrongSignature).always());
    let report = examine(alice(&cluster, "SCRAM-SHA-512", PASSWORD));
    assert_fails(&report, Stage::Sasl, &["do not trust"]);
}

#[test]
fn a_listener_that_wants_sasl_is_told_from_one_that_has_none() {
    let (open, secured) = (cluster(1, |of| of), cluster(1, |of| of.sasl(listener())));
    let report = examine(doctor(&secured, &[]));
    assert_fails(&report, Stage::Metadata, &["security.protocol", "SASL"]);
    let report = examine(alice(&open, "PLAIN", PASSWORD));
    assert_fails(&report, Stage::Sasl, &["security.protocol"]);
}

#[test]
fn properties_that_the_protocol_does_not_use_are_a_warning() {
    let cluster = cluster(1, |of| of);
    for (name, value) in [
        ("sasl.mechanism", "PLAIN"),
        ("ssl.enabled.protocols", "TLSv1.3"),
        #[cfg(feature = "oauth")]
        ("sasl.oauthbearer.token.endpoint.url", "https://login.example/token"),
    ] {
        let report = examine(doctor(&cluster, &[(name, value)]));
        let warnings = found(&report, Stage::Configuration, Status::Warning);
        assert_eq!(warnings[0].subject, name, "{report:#?}");
        assert!(report.holds());
    }
}

#[test]
fn a_name_without_an_address_ends_its_own_branch_alone() {
    let cluster = cluster(1, |of| of);
    let servers = format!("nobody.invalid:9092,{}", cluster.bootstrap_servers());
    let report = examine(doctor_of(&servers, &[]));
    let failed = found(&report, Stage::Resolve, Status::Failed);
    assert_eq!(failed[0].subject, "nobody.invalid:9092", "{report:#?}");
    assert!(failed[0].remedy.as_deref().unwrap().contains("nobody.invalid"));
    assert_eq!(status(&report, Stage::Produce), Status::Ok, "{report:#?}");
    assert!(!report.holds());
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let report = examine(doctor_of(&closed, &[]));
    assert_fails(&report, Stage::Connect, &[&closed, "refused", "nothing listens"]);
    assert!(report.verdict().contains(&closed));
}

#[test]
fn a_peer_that_is_no_broker_is_told_by_what_it_answers() {
    for (answer, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &["HTTP", "port"][..]),
        (&[21, 3, 3, 0, 2, 2, 10], &["TLS", "security.protocol"]),
        (&[0xff; 64], &["not Kafka's protocol", "port"]),
        // A length that is one, of more than anybody takes who does not know yet whom from.
        (&[0, 0x10, 0, 1], &["1048577", "port"]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
            // Until the other side has had enough.
            while stream.read(&mut request).is_ok_and(|read| read > 0) {}
        });
        let report = examine(doctor_of(&address, &[]));
        assert_fails(&report, Stage::ApiVersions, words);
        serving.join().unwrap();
    }
}

#[test]
fn a_broker_that_is_known_may_answer_at_length() {
    let cluster = cluster(1, |of| of);
    cluster.create_topic("wide", 60_000).unwrap();
    let report = examine(doctor(&cluster, &[]).topic("wide"));
    assert_eq!(status(&report, Stage::Metadata), Status::Ok, "{report:#?}");
}

#[test]
fn a_broker_that_does_not_answer_about_credentials_is_a_finding_before_long() {
    let cluster = cluster(1, |of| of.sasl(listener()));
    cluster.inject(Fault::stall().on(rohrpost_testkit::ApiKey::SaslAuthenticate).always());
    let report = examine(hurried(alice(&cluster, "PLAIN", PASSWORD)));
    assert_fails(&report, Stage::Sasl, &["not complete within 300ms"]);
}
