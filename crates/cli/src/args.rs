//! The command line as it is typed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::escapes;

/// The Apache Kafka producer in pure Rust, as a command.
#[derive(Debug, Parser)]
#[command(name = "rohrpost", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send each line of the input as a record to a topic
    #[command(long_about = LONG_ABOUT, after_long_help = AFTER_HELP)]
    Produce(Box<Produce>),
    /// Find out why there is no connection, or whether there is one, and what is to be done
    #[command(long_about = DOCTOR_ABOUT, after_long_help = AFTER_DOCTOR)]
    Doctor(Doctor),
    /// Show the properties of the producer, or one of them
    #[command(after_help = "Exit status: 0; 2 if there is no such property.")]
    Config(Config),
}

/// `rohrpost config`.
#[derive(Args, Debug)]
pub(crate) struct Config {
    /// The property, in Java's dialect or in librdkafka's; all of them if none is named
    pub(crate) key: Option<String>,

    /// Show librdkafka's properties, not Java's
    #[arg(long, conflicts_with = "key")]
    pub(crate) librdkafka: bool,

    /// Print the page of the documentation
    #[arg(long, hide = true)]
    pub(crate) markdown: bool,
}

/// `rohrpost doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Some brokers of the cluster, separated by commas [env: ROHRPOST_BOOTSTRAP_SERVERS]
    #[arg(
        short,
        long = "bootstrap-server",
        visible_alias = "bootstrap-servers",
        value_name = "HOST:PORT"
    )]
    pub(crate) bootstrap_servers: Option<String>,

    /// Set a property of the producer by its Java name; `-X list` shows them all. Can be given several times
    #[arg(short = 'X', value_name = "PROPERTY=VALUE", value_parser = property)]
    pub(crate) properties: Vec<Property>,

    /// Read properties from a file in the format of Java's .properties
    #[arg(short = 'F', long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,

    /// Look at this topic too: its partitions, leaders and replicas, and whether it may be written to
    #[arg(short, long, value_name = "NAME")]
    pub(crate) topic: Option<String>,

    /// Write one test record to the topic, and wait for its acknowledgement. Without this nothing is written
    #[arg(long, requires = "topic")]
    pub(crate) send: bool,

    /// Give each step at most so many seconds [default: socket.connection.setup.timeout.ms, which is 10 s]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,

    /// The form of the findings on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

const DOCTOR_ABOUT: &str = "\
Find out why there is no connection, or whether there is one, and what is to be done.

Walks the way that a producer goes, and tells of each step what holds and what does not: configuration, \
names, TCP, TLS with certificates, versions, SASL, metadata, each leading broker at the address that it \
tells clients, and the producer's identity. What has no ground because a step before does not hold is \
skipped. Nothing is written, unless --send asks for a test record. No secret is shown.";

const AFTER_DOCTOR: &str = "\
Examples:
  Is the cluster there, and may I write to the topic?
    rohrpost doctor -b broker:9092 -t orders

  With a Java client's configuration, up to a record that is acknowledged:
    rohrpost doctor -F producer.properties -t orders --send

  For a machine, with an answer soon:
    rohrpost doctor -F producer.properties --timeout 2 --output json

Exit status:
  0  nothing fails; there may be warnings
  1  something fails
  2  the command line or a property cannot be read; nothing was looked at";

const LONG_ABOUT: &str = "\
Send each line of the input as a record to a topic.

A line ends with a newline, which is not part of the record; everything else is, whatever bytes they \
are: a carriage return stays, an empty line is a record with an empty value, and the last line needs \
no newline. Every record's fate is known at the end: lines that were not acknowledged are named on \
standard error with their numbers and reasons, and a summary goes to standard output.";

const AFTER_HELP: &str = "\
Examples:
  Try it without a Kafka, on a cluster inside this process that is forgotten at the end:
    rohrpost produce --embedded --file README.md

  Send a log to a topic as it grows:
    tail -F app.log | rohrpost produce -b broker:9092 -t logs

  Lines of KEY<tab>VALUE, compressed, in large batches:
    rohrpost produce -b broker:9092 -t orders --key-delimiter '\\t' -f orders.tsv \\
        --compression zstd -X batch.size=131072 -X linger.ms=20

  With a Java client's configuration, and a summary for a machine:
    rohrpost produce --config producer.properties -t orders -f orders.txt --output json

Precedence: a flag counts before -X, -X before --config, and --config before the environment, where
ROHRPOST_LINGER_MS is linger.ms and so on. What a flag and -X say differently is an error.
`rohrpost config` shows every property.

Exit status:
  0    every record was acknowledged
  1    some record was not acknowledged, or the input could not be read to its end
  2    the command line or the configuration is wrong; nothing was sent
  130  Ctrl-C: reading stopped, what was read was flushed within --flush-timeout (143 for SIGTERM)";

/// `rohrpost produce`.
#[derive(Args, Debug, Default)]
pub(crate) struct Produce {
    /// Some brokers of the cluster, separated by commas [env: ROHRPOST_BOOTSTRAP_SERVERS]
    #[arg(
        short,
        long = "bootstrap-server",
        visible_alias = "bootstrap-servers",
        value_name = "HOST:PORT",
        help_heading = "Cluster"
    )]
    pub(crate) bootstrap_servers: Option<String>,

    /// The topic to send to; with --embedded, `lines` unless another is named
    #[arg(short, long, value_name = "NAME", help_heading = "Cluster")]
    pub(crate) topic: Option<String>,

    /// Start a cluster inside this process, send to that, then read every record back and compare
    #[arg(long, help_heading = "Cluster")]
    pub(crate) embedded: bool,

    /// How many partitions the embedded cluster gives the topic [default: 6]
    #[arg(long, value_name = "N", help_heading = "Cluster",
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) partitions: Option<u16>,

    /// Read lines from this file; `-` is standard input, which is read if no file is named. Can be given several times
    #[arg(short, long = "file", value_name = "PATH", help_heading = "Records")]
    pub(crate) files: Vec<PathBuf>,

    /// Cut each line at the first TEXT into key and value; knows \t, \n, \r, \0, \\ and \xNN. A line without it has a null key
    #[arg(short = 'K', long, value_name = "TEXT", allow_hyphen_values = true,
          help_heading = "Records",
          value_parser = OsStringValueParser::new().try_map(|text| escapes::delimiter(&text)))]
    pub(crate) key_delimiter: Option<Delimiter>,

    /// Add a header to every record. Can be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", allow_hyphen_values = true,
          help_heading = "Records",
          value_parser = OsStringValueParser::new().try_map(header))]
    pub(crate) headers: Vec<Header>,

    /// Send every record to this partition, whatever its key
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, help_heading = "Records",
          value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,

    /// What has to happen before a record counts as acknowledged: nothing, its leader has it, all in-sync replicas have it [default: all]
    #[arg(short, long, value_name = "ACKS", allow_negative_numbers = true,
          help_heading = "Delivery",
          value_parser = PossibleValuesParser::new(["0", "1", "all", "-1"]))]
    pub(crate) acks: Option<String>,

    /// How batches are compressed [default: none]
    #[arg(short = 'z', long, value_name = "CODEC", help_heading = "Delivery",
          value_parser = PossibleValuesParser::new(["none", "gzip", "snappy", "lz4", "zstd"]))]
    pub(crate) compression: Option<String>,

    /// Give each record at most so many seconds: shorthand for max.block.ms and delivery.timeout.ms, with request.timeout.ms lowered to fit
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Delivery")]
    pub(crate) timeout: Option<Duration>,

    /// After Ctrl-C, or when it is pointless to go on, wait at most so many seconds for what is under way
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10",
          help_heading = "Delivery")]
    pub(crate) flush_timeout: Duration,

    /// Set a property of the producer by its Java name; `-X list` shows them all. Can be given several times
    #[arg(short = 'X', value_name = "PROPERTY=VALUE", value_parser = property,
          help_heading = "Configuration")]
    pub(crate) properties: Vec<Property>,

    /// Read properties from a file in the format of Java's .properties
    #[arg(short = 'F', long, value_name = "PATH", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,

    /// The form of the summary on standard output
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) output: Output,

    /// Words that belong to no option: taken so that they can be answered.
    #[arg(hide = true)]
    pub(crate) strays: Vec<OsString>,
}

/// The form of the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What separates key and value: at least one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delimiter(pub(crate) Vec<u8>);

/// A header of every record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
}

/// `-X`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// `-X list`.
    List,
    Set {
        name: String,
        value: String,
    },
}

fn header(text: OsString) -> Result<Header, String> {
    let bytes = text.into_encoded_bytes();
    let Some(at) = memchr::memchr(b'=', &bytes) else {
        return Err("a header is NAME=VALUE; VALUE may be empty".to_owned());
    };
    let name = String::from_utf8(bytes[..at].to_vec())
        .map_err(|_| "a header's name must be UTF-8; only its value may be any bytes".to_owned())?;
    Ok(Header { name, value: bytes[at + 1..].to_vec() })
}

fn property(text: &str) -> Result<Property, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(Property::Set { name: name.trim().to_owned(), value: value.to_owned() })
        }
        None if matches!(text, "list" | "help") => Ok(Property::List),
        _ => Err("a property is NAME=VALUE, such as linger.ms=20; `-X list` shows them all".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let valid = |seconds: &f64| (0.001..=86_400.0 * 365.0).contains(seconds);
    match text.parse::<f64>().ok().filter(valid) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("seconds are a number above 0, such as 10 or 0.5".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn produce(arguments: &[&str]) -> Result<Produce, clap::Error> {
        let all = ["rohrpost", "produce"].iter().chain(arguments);
        match Cli::try_parse_from(all)?.command {
            Command::Produce(produce) => Ok(*produce),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn properties_are_cut_at_the_first_equals_sign() {
        let parsed = produce(&["-t", "t", "-X", " a.b =c=d", "-Xe.f="]).unwrap();
        let set =
            |name: &str, value: &str| Property::Set { name: name.into(), value: value.into() };
        assert_eq!(parsed.properties, [set("a.b", "c=d"), set("e.f", "")]);
        for wrong in ["linger.ms", "=5", ""] {
            assert!(produce(&["-t", "t", "-X", wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn headers_are_cut_at_the_first_equals_sign() {
        let parsed = produce(&["-t", "t", "-H", "a=b=c", "--header", "-d="]).unwrap();
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        assert_eq!(parsed.headers, [header("a", "b=c"), header("-d", "")]);
        assert!(produce(&["-t", "t", "-H", "a"]).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["-t", "t", "--partition", "-1"][..],
            &["-t", "t", "--partition", "2147483648"],
            &["-t", "t", "--acks", "2"],
            &["-t", "t", "--compression", "brotli"],
            &["-t", "t", "--timeout", "0"],
            &["-t", "t", "--timeout", "NaN"],
            &["-t", "t", "--embedded", "--partitions", "0"],
            &["-t", "t", "--key-delimiter", ""],
            &["-t", "t", "--output", "xml"],
        ] {
            assert!(produce(wrong).is_err(), "{wrong:?}");
        }
        assert!(produce(&["-t", "t", "--acks", "-1", "-K", "--"]).is_ok());
    }
}
