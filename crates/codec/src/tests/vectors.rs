//! What Apache Kafka's own client has encoded: `tests/vectors/`, made by `MakeVectors.java` there.

use alloc::vec::Vec;

use bytes::Bytes;

/// Messages of every kind in every version.
pub(crate) const EVERY_MESSAGE: &str = include_str!("../../tests/vectors/every_message.txt");

/// Messages with known values.
#[cfg(feature = "producer")]
pub(crate) const KNOWN: &str = include_str!("../../tests/vectors/known.txt");

/// One message as Java has encoded it.
pub(crate) struct Vector {
    pub(crate) version: i16,
    /// The version of the header that Java would put before it; `None` for what has no header.
    pub(crate) header_version: Option<i16>,
    pub(crate) bytes: Bytes,
}

/// The vectors of the message `name`.
pub(crate) fn of(file: &str, name: &str) -> Vec<Vector> {
    file.lines().filter_map(|line| vector(line, name)).collect()
}

fn vector(line: &str, name: &str) -> Option<Vector> {
    let mut words = line.split(' ');
    if words.next() != Some(name) {
        return None;
    }
    Some(Vector {
        version: words.next()?.parse().unwrap(),
        header_version: words.next()?.parse().ok(),
        bytes: from_hex(words.next()?),
    })
}

fn from_hex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}
