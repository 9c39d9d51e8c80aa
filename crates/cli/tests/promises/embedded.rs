//! `--embedded`: everything that is sent comes back, whatever bytes it is.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Run, Scratch, produce, run, run_with_input, start};

/// Sends this and expects so many records, all of them acknowledged and read back.
#[track_caller]
fn arrives(arguments: &[&str], input: impl Into<Vec<u8>>, records: u64) -> Run {
    let arguments = [&["--embedded", "--output", "json"][..], arguments].concat();
    let run = run_with_input(&arguments, input);
    run.assert_status(0);
    assert_eq!(run.counts(), [records, records, 0]);
    assert_eq!(run.json()["read_back"], json!({ "records": records, "identical": true }));
    assert_eq!(run.stderr, "");
    run
}

#[test]
fn the_sample_arrives_and_the_summary_says_so() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sample.txt");
    let run = run(&["--embedded", "--file", sample]);
    run.assert_status(0);
    for words in ["220 records acknowledged", "latency", "identical and in order"] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    assert_eq!(run.stderr, "");
}

#[test]
fn nothing_is_a_success() {
    let run = arrives(&[], "", 0);
    let json = run.json();
    assert_eq!(json["partitions"], json!([]));
    assert_eq!((&json["bytes"], &json["batches"]), (&json!(0), &json!(0)));
}

#[test]
fn empty_lines_carriage_returns_and_any_bytes_are_kept() {
    let run = arrives(&["--partitions", "1"], &b"\n\na\r\n\xff\xfe\0\x01\n\nno newline"[..], 6);
    assert_eq!(run.json()["bytes"], 2 + 4 + 10);
    let partitions = json!([
        { "topic": "lines", "partition": 0, "records": 6, "first_offset": 0, "last_offset": 5 }
    ]);
    assert_eq!(run.json()["partitions"], partitions);
}

#[test]
fn every_codec_brings_the_lines_back() {
    let mut text = String::new();
    for line in 0..5_000 {
        text.push_str(&format!("line {line} of a text that repeats itself, as texts do\n"));
    }
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let run = arrives(&["--compression", codec], text.as_str(), 5_000);
        let ratio = run.json()["compression_ratio"].as_f64().unwrap();
        assert_eq!(ratio < 0.6, codec != "none", "{codec}: {ratio}");
    }
}

#[test]
fn keys_keep_to_their_partitions() {
    let text: String = (0..5000).map(|line| format!("key-{};;value {line}\n", line % 7)).collect();
    let run = arrives(&["--key-delimiter", ";;", "--partitions", "4"], text.as_str(), 5000);
    let json = run.json();
    let partitions = json["partitions"].as_array().unwrap();
    assert!((2..=4).contains(&partitions.len()), "{partitions:?}");
    // 5000 keys of 5 bytes, and the values.
    let values: usize = (0..5000).map(|line| format!("value {line}").len()).sum();
    assert_eq!(json["bytes"], 5000 * 5 + values);
}

#[test]
fn a_partition_can_be_chosen() {
    let arguments = ["--partition", "2", "--partitions", "3", "-H", "a=b", "--header", "empty="];
    let run = arrives(&arguments, "one\ntwo\n", 2);
    assert_eq!(run.json()["partitions"][0]["partition"], 2);
}

#[test]
fn a_partition_that_is_not_there_is_a_failure_in_time() {
    let arguments = ["--embedded", "--partition", "9", "--partitions", "3", "--timeout", "1"];
    let run = run_with_input(&[&arguments[..], &["--output", "json"]].concat(), "one\ntwo\n");
    run.assert_status(1).assert_says(&["line 1: not written", "gave up"]);
    assert_eq!(run.counts(), [2, 0, 2]);
}

#[test]
fn a_line_that_is_too_long_is_named_and_the_others_arrive() {
    let mut text = b"short\n".to_vec();
    for bytes in [5_000_000, 900_000, 1_048_577, 1_048_500] {
        text.extend(vec![b'x'; bytes]);
        text.push(b'\n');
    }
    text.extend_from_slice(b"last");
    let run = run_with_input(&["--embedded", "--output", "json"], text);
    run.assert_status(1).assert_says(&["line 2: not written", "5000000", "line 4: not written"]);
    let [records, acknowledged, failed] = run.counts();
    assert_eq!((records, acknowledged + failed), (6, 6));
    // Line 5 is smaller than the limit, but the record around it may not be.
    assert!((3..=4).contains(&acknowledged), "{run:?}");
    let json = run.json();
    assert_eq!(json["read_back"], json!({ "records": acknowledged, "identical": true }));
    let failure = &json["failures"][0];
    assert_eq!((&failure["first_line"], &failure["last_line"]), (&json!(2), &json!(2)));
    assert_eq!(failure["kind"], "record_too_large");
    assert_eq!(json["complete"], true);
}

#[test]
fn lines_of_several_megabytes_arrive_where_the_limit_allows_it() {
    let mut text = Vec::new();
    for line in 0..4_u8 {
        text.extend((0..3_000_000_u32).map(|i| b'a' + (i.wrapping_mul(31) % 26) as u8));
        text.extend_from_slice(&[b'0' + line, b'\n']);
    }
    let limits = ["-X", "max.request.size=4000000", "--compression", "lz4"];
    arrives(&limits, text, 4);
}

#[test]
fn several_files_are_sent_one_after_another_and_lines_are_named_by_file() {
    let first = Scratch::new("first", "one\ntwo");
    let second = Scratch::new("second", format!("three\n{}\n", "x".repeat(2_000_000)));
    let arguments = ["--embedded", "--output", "json", "--file", first.path(), "-f", "-"];
    let run = run_with_input(&[&arguments[..], &["-f", second.path()]].concat(), "in between");
    run.assert_status(1).assert_says(&[&format!("{}: line 2: not written", second.path())]);
    assert_eq!(run.counts(), [5, 4, 1]);
}

#[test]
fn a_configuration_file_is_read_and_x_counts_before_it() {
    let config = Scratch::new("lz4.properties", "compression.type=lz4\nlinger.ms=1\nacks=1\n");
    let text = "the same again and again\n".repeat(2000);
    let ratio = |arguments: &[&str]| {
        let run = arrives(arguments, text.as_str(), 2000);
        run.json()["compression_ratio"].as_f64().unwrap()
    };
    assert!(ratio(&["-F", config.path()]) < 0.5);
    assert!(ratio(&["--config", config.path(), "-X", "compression.type=none"]) > 0.99);
}

#[test]
fn acks_0_has_no_offsets_but_arrives() {
    let run = arrives(&["--acks", "0", "--partitions", "1"], "a\nb\n", 2);
    assert_eq!(run.json()["partitions"][0]["first_offset"], json!(null));
}

#[test]
fn a_closed_standard_output_or_error_is_no_panic() {
    let mut child = start(&["--embedded", "--output", "json"]);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"line\n").unwrap();
    Run::from(child.wait_with_output().unwrap()).assert_status(0);

    let mut child = start(&["--embedded"]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    let long = [&[b'x'; 2_000_000][..], b"\nshort\n"].concat();
    child.stdin.take().unwrap().write_all(&long).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn input_without_end_is_taken_in_bounded_memory() {
    // A line of 100 MB, and 100 MB of empty lines would each be more than is held at a time.
    let mut child = produce(["--embedded", "--output", "json", "--acks", "0"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        stdin.write_all(&block).unwrap();
    }
    stdin.write_all(b"\nlast\n").unwrap();
    let peak = peak_memory(child.id());
    drop(stdin);
    let run = Run::from(child.wait_with_output().unwrap());
    run.assert_status(1).assert_says(&["104857600 bytes"]);
    assert_eq!(run.counts(), [2, 1, 1]);
    assert!(peak.is_none_or(|kilobytes| kilobytes < 80_000), "{peak:?} kB");
}

/// The most memory that the process had, in kB; `None` where the system does not say.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn the_summary_says_what_its_numbers_are() {
    let input = Scratch::new("summary", "a line of text\n".repeat(100));
    let text = run(&["--embedded", "-t", "mine", "-f", input.path()]).stdout;
    assert!(text.contains("topic          mine"), "{text}");
    assert!(text.contains("partition ") && !text.contains("mine-"), "{text}");
    assert!(!text.contains("compress") && !text.contains(" 0.0 MB/s"), "{text}");
    let text = run(&["--embedded", "-z", "gzip", "-f", input.path()]).stdout;
    assert!(text.contains("compressed     to ") && text.contains(" % of their size"), "{text}");
}
