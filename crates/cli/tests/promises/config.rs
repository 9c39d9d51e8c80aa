//! `rohrpost config`, and the environment as a source of properties.

use std::path::Path;

use crate::support::{Run, Scratch, produce, rohrpost};

fn config(arguments: &[&str]) -> Run {
    rohrpost("config").args(arguments).output().unwrap().into()
}

#[test]
fn every_property_of_both_dialects_is_shown() {
    let java = config(&[]);
    java.assert_status(0);
    for property in rohrpost::properties() {
        assert!(java.stdout.contains(property.name), "{}", property.name);
    }
    let theirs = config(&["--librdkafka"]);
    theirs.assert_status(0);
    for property in rohrpost::librdkafka_properties().filter(|it| it.alias_of.is_none()) {
        assert!(theirs.stdout.contains(property.name), "{}", property.name);
    }
}

#[test]
fn one_property_is_shown_with_all_that_is_known_of_it() {
    let run = config(&["linger.ms"]);
    run.assert_status(0);
    for word in ["Java's dialect", "[default: 5]", "queue.buffering.max.ms", "KIP-1030", "linger"] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    let run = config(&["security.providers"]);
    run.assert_status(0);
    assert!(run.stdout.contains("not supported: it names classes of a JVM"), "{}", run.stdout);
    let run = config(&["ssl.truststore.location"]);
    run.assert_status(0);
    assert!(!run.stdout.contains("not supported"), "{}", run.stdout);
}

#[test]
fn an_unknown_property_is_an_error_with_the_nearest() {
    config(&["linger.sm"]).assert_status(2).assert_says(&["linger.sm", "\"linger.ms\""]);
    config(&["nothing.like.it.at.all"]).assert_status(2);
}

#[test]
fn the_page_of_the_documentation_is_what_the_command_prints() {
    let printed = config(&["--markdown"]);
    printed.assert_status(0);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    // Crates are also tested as they are packaged, without the repository around them.
    if !page.parent().is_some_and(Path::is_dir) {
        return;
    }
    let page = std::fs::read_to_string(page).unwrap_or_default();
    assert!(page == printed.stdout, "write it anew: its first line says how");
}

#[test]
fn the_environment_sets_properties_that_a_file_changes() {
    let wrong = |variable: &str, value: &str, arguments: &[&str]| -> Run {
        produce(["--embedded"]).args(arguments).env(variable, value).output().unwrap().into()
    };
    wrong("ROHRPOST_LINGER_MS", "soon", &[]).assert_status(2).assert_says(&[
        "ROHRPOST_LINGER_MS",
        "linger.ms",
        "soon",
    ]);
    wrong("ROHRPOST_LINGER_SM", "5", &[])
        .assert_status(2)
        .assert_says(&["ROHRPOST_LINGER_SM", "linger.ms"]);
    // A contradiction that only shows if the variable counts, and is gone when the file says otherwise.
    wrong("ROHRPOST_DELIVERY_TIMEOUT_MS", "1", &[])
        .assert_status(2)
        .assert_says(&["delivery.timeout.ms"]);
    let file = Scratch::new("timeout.properties", "delivery.timeout.ms=60000\n");
    wrong("ROHRPOST_DELIVERY_TIMEOUT_MS", "1", &["--config", file.path()]).assert_status(0);
}

#[test]
fn no_secret_is_repeated() {
    for (property, status) in [
        ("sasl.jaas.config", 2),
        ("sasl.password", 2),
        ("my.secret", 2),
        // Taken, and not used without TLS and SASL.
        ("ssl.key.password", 0),
        ("sasl.oauthbearer.client.credentials.client.secret", 0),
    ] {
        let run: Run =
            produce(["--embedded", "-X", &format!("{property}=hunter2")]).output().unwrap().into();
        run.assert_status(status);
        if status != 0 {
            run.assert_says(&[property]);
        }
        assert!(
            !run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"),
            "{}",
            run.stderr
        );
    }
}
