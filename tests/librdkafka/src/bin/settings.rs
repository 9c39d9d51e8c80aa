//! What librdkafka says to settings: a producer is made of each, with a topic.
//!
//! A line for each property that librdkafka lists itself, TLS, SASL and what is for consumers alone excepted: its name, its type and its default,
//! then each value that was tried, `+` before those of which there was a producer and `-` before the others, all separated by tabs. After them, a line for
//! each of several settings together: `together`, `+` or `-`, and the settings as `name=value`.

use std::error::Error;
use std::ffi::{CStr, CString};
use std::process::Command;
use std::ptr;

use rdkafka_sys as sys;

const BASE: (&str, &str) = ("bootstrap.servers", "127.0.0.1:1");

/// Beside the edges of each range.
const NUMBERS: &[&str] = &[
    "-9223372036854775808",
    "-2147483649",
    "-2147483648",
    "-2",
    "-1",
    "0",
    "1",
    "2",
    "5",
    "9",
    "10",
    "12",
    "13",
    "100",
    "999",
    "1000",
    "30000",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "",
    " ",
    "x",
    "1x",
    "1 ",
    " 7",
    "+7",
    "017",
    "0x10",
    "0X10",
    "08",
    "1.5",
    "0.5",
    ".5",
    "1e2",
    "1e-1",
    "-0",
    "-0.1",
    "inf",
    "nan",
    "1_000",
    "1,5",
];
const FLAGS: &[&str] = &[
    "true", "false", "TRUE", "True", "t", "T", "f", "1", "0", "2", "yes", "on", "", " true",
    "true ",
];
/// Beside the names of each property's own values, as they are and in capitals.
const NAMES: &[&str] =
    &["", " ", "x", "bogus", "-1", "0", "1", "2", "all", "none", "default", "inherit"];
const TEXTS: &[&str] = &[
    "",
    " ",
    "x",
    "a b",
    " a ",
    "ä",
    "fifo",
    "consistent",
    "consistent_random",
    "CONSISTENT",
    "murmur2",
    "murmur2_random",
    "fnv1a",
    "fnv1a_random",
    "random",
    "round_robin",
    " random ",
    "0",
];
const ADDRESSES: &[&str] = &[
    "",
    " ",
    ",",
    "x",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:1,",
    ",127.0.0.1:1",
    "127.0.0.1:1,,127.0.0.1:2",
    " 127.0.0.1:1 , 127.0.0.1:2 ",
    "127.0.0.1:1,127.0.0.1:1",
    "localhost:0",
    "localhost:65535",
    "localhost:65536",
    "localhost:-1",
    "localhost:x",
    "[::1]:1",
    "::1:1",
    "http://127.0.0.1:1",
    "PLAINTEXT://127.0.0.1:1",
    "SSL://127.0.0.1:1",
];

/// What several settings mean together.
const TOGETHER: &[&[&str]] = &[
    &["enable.idempotence=true", "acks=1"],
    &["enable.idempotence=true", "acks=all"],
    &["enable.idempotence=true", "acks=-1"],
    &["enable.idempotence=false", "acks=0"],
    &["enable.idempotence=true", "retries=0"],
    &["enable.idempotence=true", "retries=1"],
    &["enable.idempotence=false", "retries=0"],
    &["enable.idempotence=true", "max.in.flight=5"],
    &["enable.idempotence=true", "max.in.flight=6"],
    &["enable.idempotence=true", "max.in.flight.requests.per.connection=6"],
    &["enable.idempotence=false", "max.in.flight=6"],
    &["enable.idempotence=true", "queuing.strategy=fifo"],
    &["enable.idempotence=true", "queue.buffering.backpressure.threshold=1"],
    &["message.timeout.ms=5"],
    &["message.timeout.ms=5", "linger.ms=5"],
    &["message.timeout.ms=6", "linger.ms=5"],
    &["message.timeout.ms=6", "queue.buffering.max.ms=5.9"],
    &["message.timeout.ms=6", "queue.buffering.max.ms=6"],
    &["message.timeout.ms=0", "linger.ms=1000"],
    &["delivery.timeout.ms=1", "linger.ms=0"],
    &["linger.ms=400000"],
    &["message.timeout.ms=1000", "request.timeout.ms=5000"],
    &["message.timeout.ms=1000", "socket.timeout.ms=5000"],
    &["reconnect.backoff.ms=100", "reconnect.backoff.max.ms=99"],
    &["reconnect.backoff.ms=100", "reconnect.backoff.max.ms=100"],
    &["reconnect.backoff.ms=20000"],
    &["reconnect.backoff.max.ms=50"],
    &["retry.backoff.ms=100", "retry.backoff.max.ms=50"],
    &["retry.backoff.ms=2000"],
    &["batch.size=2000000", "message.max.bytes=1000000"],
    &["message.max.bytes=200000000", "receive.message.max.bytes=1000"],
    &["queue.buffering.max.kbytes=1", "batch.size=1000000"],
    &["compression.codec=gzip", "compression.level=9"],
    &["compression.codec=gzip", "compression.level=10"],
    &["compression.codec=gzip", "compression.level=0"],
    &["compression.codec=snappy", "compression.level=0"],
    &["compression.codec=snappy", "compression.level=3"],
    &["compression.codec=lz4", "compression.level=2"],
    &["compression.codec=lz4", "compression.level=9"],
    &["compression.codec=lz4", "compression.level=10"],
    &["compression.codec=zstd", "compression.level=0"],
    &["compression.codec=zstd", "compression.level=12"],
    &["compression.codec=none", "compression.level=12"],
    &["compression.type=lz4", "compression.codec=zstd"],
    &["acks=1", "request.required.acks=all", "enable.idempotence=true"],
    &["request.required.acks=all", "acks=1", "enable.idempotence=true"],
    &["metadata.broker.list=127.0.0.1:2", "bootstrap.servers=127.0.0.1:1"],
    &["metadata.max.age.ms=1000", "topic.metadata.refresh.interval.ms=5000"],
    &["socket.connection.setup.timeout.ms=1000", "socket.timeout.ms=100"],
    &["topic.metadata.refresh.interval.ms=-1"],
];

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("--version") => {
            // SAFETY: it gives a static string.
            let version = unsafe { CStr::from_ptr(sys::rd_kafka_version_str()) };
            println!("librdkafka {}", version.to_string_lossy());
        }
        // SAFETY: the stream, to which alone it prints, is the process's, and open until its end.
        Some("--properties") => unsafe {
            sys::rd_kafka_conf_properties_show(stdout);
            libc::fflush(stdout);
        },
        _ => {
            let listed = Command::new(std::env::current_exe()?).arg("--properties").output()?;
            for property in properties(&String::from_utf8(listed.stdout)?) {
                println!("{}", property.asked());
            }
            for settings in TOGETHER {
                let pairs: Vec<_> = settings.iter().filter_map(|it| it.split_once('=')).collect();
                println!("together\t{}\t{}", sign(&pairs), settings.join("\t"));
            }
        }
    }
    Ok(())
}

struct Property {
    name: String,
    kind: String,
    range: String,
    default: String,
}

/// Those that a producer has, from librdkafka's own table.
fn properties(table: &str) -> Vec<Property> {
    let of_line = |line: &str| {
        let columns: Vec<&str> = line.splitn(6, " | ").map(str::trim).collect();
        let [name, who, range, default, _, about] = columns[..] else { return None };
        let kind = about.split_once("*Type: ")?.1.trim_end_matches('*').to_owned();
        let elsewhere = ["ssl.", "sasl.", "https.", "enable.ssl.", "enable.sasl."];
        // That signal is sent to the producer's own threads.
        let is_deadly = name == "internal.termination.signal";
        let is_elsewhere = elsewhere.iter().any(|begin| name.starts_with(begin));
        let is_asked = who != "C" && !is_elsewhere && !is_deadly;
        let [name, range, default] = [name, range, default].map(str::to_owned);
        is_asked.then_some(Property { name, kind, range, default })
    };
    table.lines().filter_map(of_line).collect()
}

impl Property {
    fn asked(&self) -> String {
        let mut line = format!("{}\t{}\t{}", self.name, self.kind, self.default);
        for value in self.values() {
            let sign = sign(&[(&self.name, &value)]);
            line += &format!("\t{sign}{value}");
        }
        line
    }

    fn values(&self) -> Vec<String> {
        let owned = |list: &[&str]| list.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        match self.kind.as_str() {
            "boolean" => owned(FLAGS),
            "integer" | "float" => {
                let mut values = owned(NUMBERS);
                for edge in self.range.split(" .. ").filter_map(|edge| edge.parse::<f64>().ok()) {
                    let edge = edge as i64;
                    values.extend([edge - 1, edge, edge + 1].map(|number| number.to_string()));
                }
                values.sort();
                values.dedup();
                values
            }
            "enum value" | "CSV flags" => {
                let mut values = owned(NAMES);
                for name in self.range.split(", ").filter(|name| !name.is_empty()) {
                    values.extend([name.to_owned(), name.to_uppercase(), format!(" {name} ")]);
                }
                values.sort();
                values.dedup();
                values
            }
            "string" if ["bootstrap.servers", "metadata.broker.list"].contains(&&*self.name) => {
                owned(ADDRESSES)
            }
            "string" | "pattern list" => owned(TEXTS),
            // Functions and pointers.
            _ => Vec::new(),
        }
    }
}

fn sign(settings: &[(&str, &str)]) -> char {
    if is_accepted(settings) { '+' } else { '-' }
}

/// Whether there is a producer of these settings, and a topic of that.
fn is_accepted(settings: &[(&str, &str)]) -> bool {
    let mut error = [0; 512];
    // SAFETY: strings are ended, and live through the calls; the configuration is the producer's once there is one, and else destroyed here.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        sys::rd_kafka_conf_set_log_cb(conf, None);
        for (name, value) in [&[BASE], settings].concat() {
            let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else {
                return false;
            };
            let result = sys::rd_kafka_conf_set(
                conf,
                name.as_ptr(),
                value.as_ptr(),
                error.as_mut_ptr(),
                error.len(),
            );
            if result != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                sys::rd_kafka_conf_destroy(conf);
                return false;
            }
        }
        let kind = sys::rd_kafka_type_t::RD_KAFKA_PRODUCER;
        let producer = sys::rd_kafka_new(kind, conf, error.as_mut_ptr(), error.len());
        if producer.is_null() {
            sys::rd_kafka_conf_destroy(conf);
            return false;
        }
        let topic = sys::rd_kafka_topic_new(producer, c"topic".as_ptr(), ptr::null_mut());
        let is_accepted = !topic.is_null();
        if is_accepted {
            sys::rd_kafka_topic_destroy(topic);
        }
        sys::rd_kafka_destroy(producer);
        is_accepted
    }
}

unsafe extern "C" {
    static stdout: *mut libc::FILE;

}
