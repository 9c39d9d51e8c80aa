//! A wrong command line or configuration: status 2, a clear word, nothing sent.

use std::ffi::OsString;

use crate::support::{Scratch, produce, run, run_with_input};

#[test]
fn without_an_address_it_says_how_to_give_one() {
    let run = run_with_input(&["-t", "t"], "a line\n");
    run.assert_status(2).assert_says(&[
        "--bootstrap-server",
        "-X bootstrap.servers",
        "--config",
        "ROHRPOST_BOOTSTRAP_SERVERS",
        "--embedded",
    ]);
    assert_eq!(run.stdout, "");
}

#[test]
fn an_empty_environment_variable_is_no_address() {
    let mut command = produce(["-t", "t"]);
    let output = command.env("ROHRPOST_BOOTSTRAP_SERVERS", "").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn embedded_beside_an_address_is_an_error_wherever_that_comes_from() {
    let config = Scratch::new("address.properties", "bootstrap.servers=127.0.0.1:1\n");
    for arguments in [
        &["--embedded", "-b", "127.0.0.1:1"][..],
        &["--embedded", "-X", "bootstrap.servers=127.0.0.1:1"],
        &["--embedded", "--config", config.path()],
    ] {
        run(arguments).assert_status(2).assert_says(&["--embedded", "remove one of the two"]);
    }
    let mut command = produce(["--embedded"]);
    let output = command.env("ROHRPOST_BOOTSTRAP_SERVERS", "127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_unknown_property_names_the_nearest_and_where_it_was_set() {
    run(&["-b", "127.0.0.1:1", "-t", "t", "-X", "linger.sm=5"])
        .assert_status(2)
        .assert_says(&["-X linger.sm", "linger.ms"]);
    let config = Scratch::new("typo.properties", "# mine\nacks=all\nbatch.sice=5\n");
    run(&["-b", "127.0.0.1:1", "-t", "t", "--config", config.path()])
        .assert_status(2)
        .assert_says(&[config.path(), "line 3", "batch.size"]);
}

#[test]
fn a_wrong_value_says_what_is_accepted() {
    run(&["-b", "127.0.0.1:1", "-t", "t", "-X", "linger.ms=soon"])
        .assert_status(2)
        .assert_says(&["linger.ms", "soon"]);
    run(&["-b", "127.0.0.1:1", "-t", "t", "--compression", "brotli"])
        .assert_status(2)
        .assert_says(&["brotli", "snappy", "zstd"]);
    run(&["-b", "nonsense", "-t", "t"]).assert_status(2).assert_says(&["nonsense"]);
    run(&["--embedded", "--acks", "1", "-X", "enable.idempotence=true"])
        .assert_status(2)
        .assert_says(&["enable.idempotence", "acks"]);
}

#[test]
fn what_is_not_supported_is_refused() {
    run(&["-b", "127.0.0.1:1", "-t", "t", "-X", "transactional.id=me"])
        .assert_status(2)
        .assert_says(&["transactional.id"]);
}

#[test]
fn an_input_that_cannot_be_read_is_found_before_anything_is_sent() {
    run(&["--embedded", "--file", env!("CARGO_MANIFEST_DIR")])
        .assert_status(2)
        .assert_says(&[env!("CARGO_MANIFEST_DIR"), "directory"]);
    let good = Scratch::new("good", "line\n");
    let missing = format!("{}.missing", good.path());
    run(&["--embedded", "--file", good.path(), "--file", &missing])
        .assert_status(2)
        .assert_says(&[&missing, "No such file"]);
}

#[test]
fn a_configuration_that_is_none_is_refused() {
    let binary = Scratch::new("binary.properties", b"\xff\xfe\n");
    run(&["-t", "t", "--config", binary.path()]).assert_status(2).assert_says(&["UTF-8"]);
    run(&["-t", "t", "--config", env!("CARGO_MANIFEST_DIR")])
        .assert_status(2)
        .assert_says(&["cannot read"]);
    let large = Scratch::new("large.properties", vec![b'#'; (1 << 20) + 1]);
    run(&["-t", "t", "--config", large.path()]).assert_status(2).assert_says(&["1 MiB"]);
}

#[cfg(unix)]
#[test]
fn a_topic_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let topic = OsString::from_vec(b"t\xff".to_vec());
    let arguments = [OsString::from("--embedded"), OsString::from("-t"), topic];
    let output = produce(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-8"));
}

#[test]
fn without_a_topic_it_asks_for_one() {
    run(&["-b", "127.0.0.1:1"]).assert_status(2).assert_says(&["--topic"]);
    run(&["-b", "127.0.0.1:1", "-t", ""]).assert_status(2).assert_says(&["--topic"]);
}

#[test]
fn help_teaches_by_examples_and_says_what_the_status_means() {
    let run = run(&["--help"]);
    run.assert_status(0);
    for word in ["Examples:", "--embedded", "Exit status:", "130", "ROHRPOST_BOOTSTRAP_SERVERS"] {
        assert!(run.stdout.contains(word), "{word}");
    }
}

#[test]
fn the_properties_are_listed() {
    let run = run(&["-X", "list"]);
    run.assert_status(0);
    for property in rohrpost::properties() {
        assert!(run.stdout.contains(property.name), "{}", property.name);
    }
}

#[test]
fn a_name_that_no_topic_can_have_is_refused_at_once() {
    for wrong in ["bad topic", "a/b", ".", "..", "\u{fc}", &"x".repeat(250)] {
        for cluster in [&["--embedded"][..], &["-b", "127.0.0.1:1"]] {
            let run = run(&[cluster, &["-t", wrong]].concat());
            run.assert_status(2).assert_says(&["no name of a topic"]);
        }
    }
}

#[test]
fn partitions_of_a_real_topic_are_not_for_this_command_to_set() {
    run(&["-b", "127.0.0.1:1", "-t", "t", "--partitions", "3"])
        .assert_status(2)
        .assert_says(&["--embedded", "--partition N"]);
}

#[test]
fn a_file_without_its_flag_is_asked_for_by_its_flag() {
    run(&["--embedded", "lines.txt"]).assert_status(2).assert_says(&["--file lines.txt"]);
    assert!(!run(&["--help"]).stdout.contains("STRAYS"));
}

#[test]
fn a_mistake_is_told_in_one_line() {
    let run = run(&["--embedded", "--file", "/nonexistent/file"]);
    assert_eq!(run.assert_status(2).stderr.lines().count(), 1, "{}", run.stderr);
}
