//! What librdkafka's partitioners say to keys.
//!
//! Each line of standard input is a key in hexadecimal digits, `-` for none, and a number of partitions. For each, a line has the partitions of
//! `consistent`, `consistent_random`, `murmur2`, `murmur2_random`, `fnv1a` and `fnv1a_random`, `-` where chance decides.

use std::ffi::CString;
use std::io::{self, BufWriter, Write};
use std::ptr;

use rdkafka_sys as sys;

type Partitioner = unsafe extern "C" fn(
    *const sys::rd_kafka_topic_t,
    *const std::ffi::c_void,
    usize,
    i32,
    *mut std::ffi::c_void,
    *mut std::ffi::c_void,
) -> i32;

const PARTITIONERS: [Partitioner; 6] = [
    sys::rd_kafka_msg_partitioner_consistent,
    sys::rd_kafka_msg_partitioner_consistent_random,
    sys::rd_kafka_msg_partitioner_murmur2,
    sys::rd_kafka_msg_partitioner_murmur2_random,
    sys::rd_kafka_msg_partitioner_fnv1a,
    sys::rd_kafka_msg_partitioner_fnv1a_random,
];

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        // SAFETY: it gives a static string.
        let version = unsafe { std::ffi::CStr::from_ptr(sys::rd_kafka_version_str()) };
        println!("librdkafka {}", version.to_string_lossy());
        return Ok(());
    }
    let topic = topic();
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lines() {
        let line = line?;
        let Some((key, count)) = parse(&line) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, line));
        };
        for (place, partitioner) in PARTITIONERS.into_iter().enumerate() {
            let separator = if place == 0 { "" } else { " " };
            let ask = |count| ask(partitioner, topic, key.as_deref(), count);
            // Chance gives the same ten times in a row once in 10^54.
            let first = ask(1_000_000);
            if (0..9).all(|_| ask(1_000_000) == first) {
                write!(out, "{separator}{}", ask(count))?;
            } else {
                write!(out, "{separator}-")?;
            }
        }
        writeln!(out)?;
    }
    out.flush()
}

fn ask(
    partitioner: Partitioner,
    topic: *mut sys::rd_kafka_topic_t,
    key: Option<&[u8]>,
    count: i32,
) -> i32 {
    let (start, length) = key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
    // SAFETY: the key's bytes live until it returns, and the topic as long as the process.
    unsafe { partitioner(topic, start.cast(), length, count, ptr::null_mut(), ptr::null_mut()) }
}

/// A topic of a producer without brokers: chance looks there for partitions that are available.
fn topic() -> *mut sys::rd_kafka_topic_t {
    let name = CString::from(c"keys");
    let mut error = [0; 512];
    // SAFETY: the pointers are valid or null where null is allowed; nothing is ever destroyed.
    let topic = unsafe {
        let kind = sys::rd_kafka_type_t::RD_KAFKA_PRODUCER;
        let producer = sys::rd_kafka_new(kind, ptr::null_mut(), error.as_mut_ptr(), error.len());
        assert!(!producer.is_null(), "librdkafka gives no producer");
        sys::rd_kafka_topic_new(producer, name.as_ptr(), ptr::null_mut())
    };
    assert!(!topic.is_null(), "librdkafka gives no topic");
    topic
}

fn parse(line: &str) -> Option<(Option<Vec<u8>>, i32)> {
    let (key, count) = line.split_once(' ')?;
    let byte = |at: usize| u8::from_str_radix(key.get(at..at + 2)?, 16).ok();
    let key = match key {
        "-" => None,
        key => Some((0..key.len()).step_by(2).map(byte).collect::<Option<_>>()?),
    };
    Some((key, count.parse().ok()?))
}
