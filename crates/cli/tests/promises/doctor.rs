//! `rohrpost doctor`: what it prints, in which shape, and how it ends.

use rohrpost_testkit::{Cluster, ConnectionFault, Fault};

use crate::support::{Run, Scratch, rohrpost};

fn doctor(arguments: &[&str]) -> Run {
    rohrpost("doctor").args(arguments).output().unwrap().into()
}

fn cluster() -> Cluster {
    let cluster = Cluster::builder().brokers(1).start_blocking().unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

const STAGES: [&str; 9] = [
    "configuration",
    "resolve",
    "connect",
    "tls",
    "api_versions",
    "sasl",
    "metadata",
    "brokers",
    "produce",
];

#[test]
fn a_cluster_that_holds_ends_with_0_and_nothing_is_written() {
    let cluster = cluster();
    let run = doctor(&["-b", &cluster.bootstrap_servers(), "--topic", "t"]);
    run.assert_status(0);
    let mut rest = run.stdout.as_str();
    for stage in STAGES {
        let heading = format!("{}\n", stage.replace('_', " "));
        let place = rest.find(&heading).unwrap_or_else(|| panic!("no {stage} in {rest}"));
        rest = &rest[place + heading.len()..];
    }
    assert!(rest.contains("ok: everything that was looked at holds"), "{rest}");
    assert!(!run.stdout.contains('\x1b'), "colours are for terminals: {}", run.stdout);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
    assert!(cluster.log("t", 0).is_empty());
}

#[test]
fn a_test_record_is_sent_by_the_flag_that_needs_a_topic() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let run = doctor(&["-b", &servers, "-t", "t", "--send"]);
    run.assert_status(0);
    assert!(run.stdout.contains("written to partition 0 of t, at offset 0"), "{}", run.stdout);
    assert_eq!(cluster.log("t", 0).len(), 1);
    doctor(&["-b", &servers, "--send"]).assert_status(2).assert_says(&["--topic"]);
}

#[test]
fn the_document_has_the_shape_that_is_told() {
    let cluster = cluster();
    let run = doctor(&["-b", &cluster.bootstrap_servers(), "-t", "t", "--output", "json"]);
    let json = run.assert_status(0).json();
    assert_eq!(json["format"], 1);
    assert_eq!(json["status"], "ok");
    assert!(json["verdict"].is_string() && json["ms"].is_f64());
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    let stages = json["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, STAGES);
    for stage in stages {
        assert_eq!(stage.as_object().unwrap().len(), 3, "{stage}");
        assert!(!stage["checks"].as_array().unwrap().is_empty(), "{stage}");
        for check in stage["checks"].as_array().unwrap() {
            assert_eq!(check.as_object().unwrap().len(), 6, "{check}");
            assert!(check["subject"].is_string() && check["detail"].is_string(), "{check}");
            assert!(check["remedy"].is_string() || check["remedy"].is_null(), "{check}");
            assert!(check["ms"].is_number() || check["ms"].is_null(), "{check}");
            assert!(check["facts"].as_object().unwrap().values().all(|fact| fact.is_string()));
            let status = check["status"].as_str().unwrap();
            assert!(["ok", "warning", "failed", "skipped"].contains(&status), "{check}");
        }
    }
    assert_eq!(stages[0]["checks"][0]["facts"]["security_protocol"], "PLAINTEXT");
}

#[test]
fn what_fails_ends_with_1_and_says_what_to_do() {
    let cluster = cluster();
    cluster.inject(Fault::connection(ConnectionFault::Silence).always());
    let servers = cluster.bootstrap_servers();
    let run = doctor(&["-b", &servers, "--timeout", "0.3"]);
    run.assert_status(1);
    assert!(run.stdout.contains("  FAIL     "), "{}", run.stdout);
    assert!(
        run.stdout.contains("           -> check that this is a Kafka broker"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("\nFAIL: 1 failure"), "{}", run.stdout);
    let run = doctor(&["-b", &servers, "--timeout", "0.3", "--output", "json"]);
    let json = run.assert_status(1).json();
    assert_eq!(json["status"], "failed");
    assert_eq!(json["stages"][4]["checks"][0]["status"], "failed");
    assert!(json["stages"][4]["checks"][0]["remedy"].is_string());
    assert_eq!(json["stages"][8]["status"], "skipped");
}

#[test]
fn what_cannot_be_read_ends_with_2_and_nothing_is_looked_at() {
    for (arguments, words) in [
        (&[][..], &["--bootstrap-server", "-F"][..]),
        (&["-b", "a:1", "-X", "linger.sm=5"], &["linger.ms"]),
        (&["-b", "a:1", "-t", "no topic"], &["no topic"]),
        (&["-b", "a:1", "-F", "/nowhere.properties"], &["/nowhere.properties"]),
        (&["-b", "a:1", "--timeout", "0"], &["--timeout"]),
        (&["-b", "a:1", "-X", "bootstrap.servers=b:1"], &["remove one of the two"]),
    ] {
        let run = doctor(arguments);
        run.assert_status(2).assert_says(words);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
    }
}

#[test]
fn a_file_of_properties_is_read_and_its_secrets_are_not_repeated() {
    let cluster = cluster();
    let text = format!(
        "bootstrap.servers={}\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"alice\" password=\"hunter2-hunter2\";\n",
        cluster.bootstrap_servers()
    );
    let file = Scratch::new("doctor.properties", text);
    for output in ["text", "json"] {
        let run = doctor(&["-F", file.path(), "--output", output]);
        run.assert_status(1);
        assert!(run.stdout.contains("security.protocol"), "{}", run.stdout);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(!said.contains("hunter2"), "{said}");
    }
}
