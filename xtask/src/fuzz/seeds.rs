//! Seeds of the codec's targets: what Java has encoded, in the form in which each target wants it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Result;

const VECTORS: &str = "crates/codec/tests/vectors/every_message.txt";
const API_KEYS: &str = "crates/codec/src/api_key.rs";

/// A line of the vectors.
struct Vector {
    name: String,
    version: i16,
    header_version: Option<i16>,
    bytes: Vec<u8>,
}

/// Writes a seed for the newest version of every message: small enough to be kept.
pub(super) fn write(root: &Path) -> Result {
    let vectors = newest(&fs::read_to_string(root.join(VECTORS))?)?;
    let api_key_source = fs::read_to_string(root.join(API_KEYS))?;
    let keys = api_keys(&api_key_source);
    let folder = root.join("fuzz/seeds");
    for target in ["headers", "messages", "requests", "responses"] {
        let target = folder.join(target);
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        fs::create_dir_all(target)?;
    }
    let mut written = 0;
    for (index, vector) in vectors.values().enumerate() {
        let Vector { name, version, header_version, bytes } = vector;
        // As `messages` numbers them.
        let number = [u8::try_from(index)?, u8::try_from(*version)?];
        fs::write(folder.join("messages").join(name), [&number[..], bytes].concat())?;
        written += 1;
        let key = |suffix| keys.get(name.strip_suffix(suffix)?).map(|key: &i16| key.to_be_bytes());
        let version = version.to_be_bytes();
        if let (Some(key), Some(header)) = (key("Request"), header_version) {
            let tags: &[u8] = if *header == 2 { &[0] } else { &[] };
            let header = [&key[..], &version, &[0, 0, 0, 7, 0, 2], b"me", tags].concat();
            fs::write(folder.join("requests").join(name), [&header, &bytes[..]].concat())?;
            written += 1;
        } else if let (Some(key), Some(header)) = (key("Response"), header_version) {
            let tags: &[u8] = if *header == 1 { &[0] } else { &[] };
            let header = [&key[..], &version, &[0, 0, 0, 7], tags].concat();
            fs::write(folder.join("responses").join(name), [&header, &bytes[..]].concat())?;
            written += 1;
        } else if name.ends_with("Header") {
            fs::write(folder.join("headers").join(name), bytes)?;
            written += 1;
        }
    }
    println!("{written} seeds");
    Ok(())
}

/// By the name of the module, as the messages are ordered everywhere.
fn newest(text: &str) -> Result<BTreeMap<String, Vector>> {
    let mut newest = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let vector = parse(line).ok_or_else(|| format!("{VECTORS}: {line}"))?;
        newest.insert(crate::codegen::snake_case(&vector.name), vector);
    }
    Ok(newest)
}

fn parse(line: &str) -> Option<Vector> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
    let header_version = words.next()?.parse().ok();
    let digits = words.next()?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    Some(Vector { name, version, header_version, bytes })
}

/// The numbers of the variants `Name = number,`.
fn api_keys(source: &str) -> BTreeMap<&str, i16> {
    source
        .lines()
        .filter_map(|line| {
            let (name, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
            Some((name, number.parse().ok()?))
        })
        .collect()
}
