//! `cargo xtask partitioners`: what the partitioners of other clients say, for the tests of ours.
//!
//! The clients themselves are asked: Java's by a program for the `kafka-clients` that Maven brings, librdkafka by a crate in a workspace of its own,
//! Sarama by a Go program. What they say is committed, so that the tests need none of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use harness::kafka::Distribution;

use crate::args::Args;
use crate::codegen::KAFKA_VERSION;
use crate::librdkafka::{librdkafka, output};
use crate::{Result, workspace};

#[allow(dead_code, reason = "a part of it is the tests'")]
mod keys;

const HELP: &str = "\
cargo xtask partitioners [--check]

Asks Kafka's Java client, librdkafka and Sarama where they put 12,000 keys, and writes their answers to
crates/partitioner/tests/originals/. Needs a JDK 17, Maven, a C compiler and Go.

  --check   write nothing; fail if an answer is another than what is there
";

const VECTORS: &str = "crates/partitioner/tests/originals";
const JAVA: &str = "tests/partitioners/Partitions.java";
const SARAMA: &str = "tests/partitioners/sarama";

const OF_JAVA: &[&str] = &[
    "murmur2",
    "partitionForKey",
    "KafkaProducer",
    "partitioner.ignore.keys",
    "RoundRobinPartitioner",
];
const OF_LIBRDKAFKA: &[&str] =
    &["consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random"];
const OF_SARAMA: &[&str] = &[
    "NewHashPartitioner",
    "NewReferenceHashPartitioner",
    "NewConsistentCRCHashPartitioner",
    "NewMurmur2Partitioner",
];

/// So many answers are written out, for a first look where one is wrong; of all there is a digest.
const IN_CLEAR: usize = 128;

/// The producer's rack, and each partition's queue and rack: see the Java program.
const CHANCES: &[&str] = &[
    "- none: none: none: none: none:",
    "- 0: 3: 1:",
    "- 4: 4: 4: 4:",
    "- 0: 0: 17: 2: 5: 1:",
    "- 3: slow: 3: 3:",
    "- slow: slow: 6:",
    "- slow: slow: slow:",
    "- 1000: 0:",
    "a none:a none:b none:a none: none:b",
    "c none:a none:b none:a none: none:b",
    "a 0:a 3:a 1:a 9:b 0:b",
    "a 2:a 2:a 9:b 0:b 2:",
    "a 5:a slow:a 0:b 5:b",
    "a slow:a slow:a 0:b 5:b 1:c",
    "a slow:a slow:a slow:b slow:b",
    "c 0:a 3:a 1:b 4:",
    "a 7:a 0:b 0:b 0:b",
];

pub(crate) fn run(args: &[String]) -> Result {
    let mut args = Args::new(args);
    if args.help() {
        print!("{HELP}");
        return Ok(());
    }
    let check = args.flag("--check");
    args.finish()?;

    let questions = questions();
    let java = Distribution::client(KAFKA_VERSION)?;
    let of_java = java.run_source(JAVA, &[], &questions)?;
    // Chance falls otherwise every time, so that nothing can be compared.
    let chances = match check {
        true => None,
        false => Some(java.run_source(JAVA, &["chances"], &(CHANCES.join("\n") + "\n"))?),
    };
    let root = workspace::root();
    let sarama = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(["run", "."]).args(arguments).current_dir(root.join(SARAMA));
        command
    };
    let client = format!("kafka-clients {KAFKA_VERSION}");
    let mut files = vec![
        ("java.txt", vectors(&client, OF_JAVA, &of_java)?),
        (
            "librdkafka.txt",
            vectors(
                &output(librdkafka("partitions", &["--version"]), "")?,
                OF_LIBRDKAFKA,
                &output(librdkafka("partitions", &[]), &questions)?,
            )?,
        ),
        (
            "sarama.txt",
            vectors(
                &output(sarama(&["--version"]), "")?,
                OF_SARAMA,
                &output(sarama(&[]), &questions)?,
            )?,
        ),
    ];
    if let Some(chances) = chances {
        let mut text = format!("# How often {client} chooses each partition.\n");
        for (question, answer) in CHANCES.iter().zip(chances.lines()) {
            let _ = writeln!(text, "{question} = {answer}");
        }
        files.push(("chances.txt", text));
    }
    for (name, text) in files {
        let path = Path::new(VECTORS).join(name);
        if !check {
            fs::write(root.join(path), text)?;
        } else if fs::read_to_string(root.join(&path))? != text {
            return Err(format!("{} is not what they say", path.display()).into());
        }
    }
    Ok(())
}

/// The keys and the numbers of partitions, as the programs read them.
fn questions() -> String {
    let mut text = String::new();
    for question in keys::questions() {
        match &question.key {
            Some(key) => key.iter().for_each(|byte| {
                let _ = write!(text, "{byte:02x}");
            }),
            None => text.push('-'),
        }
        let _ = writeln!(text, " {}", question.count);
    }
    text
}

/// A file of vectors: who said it, the partitioners, the digest of what each says, and its first answers.
fn vectors(client: &str, partitioners: &[&str], answers: &str) -> Result<String> {
    let rows: Vec<Vec<&str>> = answers.lines().map(|line| line.split(' ').collect()).collect();
    if rows.len() != keys::KEYS || rows.iter().any(|row| row.len() != partitioners.len()) {
        return Err(format!("{client} did not answer everything").into());
    }
    let digests: Vec<String> = (0..partitioners.len())
        .map(|column| format!("{:016x}", keys::digest(rows.iter().map(|row| row[column]))))
        .collect();
    let mut text = format!(
        "# {}, asked by cargo xtask partitioners\n{}\n{}\n",
        client.trim(),
        partitioners.join(" "),
        digests.join(" ")
    );
    for line in answers.lines().take(IN_CLEAR) {
        let _ = writeln!(text, "{line}");
    }
    Ok(text)
}
