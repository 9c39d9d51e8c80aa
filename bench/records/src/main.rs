//! Builds, seals and reads record batches of 1 MiB, beside floors, bare codecs, Java's `MemoryRecordsBuilder` and kafka-protocol, all in
//! one run, and prints tables in Markdown. The argument is a Java class path with `BenchRecords` on it; without one, Java is left out.

mod load;
mod ours;
mod peers;

use rohrpost_records::{Codec, Compression};

use crate::load::json_values;
use crate::ours::Library;

/// Bytes of a value.
const SIZES: [usize; 2] = [100, 1000];

fn main() {
    let class_path = std::env::args().nth(1);
    let values = SIZES.map(json_values);
    parts(&values);
    sealing(&values);
    libraries(&values);
    for (size, values) in SIZES.iter().zip(&values) {
        whole_batches(*size, values, class_path.as_deref());
    }
}

/// Appending and reading beside their floors.
fn parts(values: &[Vec<Vec<u8>>; 2]) {
    println!("| ns per record, batches of 1 MiB | 100 B | 1,000 B |\n|---|--:|--:|");
    let row = |name: &str, measured: [f64; 2]| {
        println!("| {name} | {:.1} | {:.1} |", measured[0], measured[1]);
        measured
    };
    let each = |measure: &dyn Fn(&[Vec<u8>]) -> f64| [measure(&values[0]), measure(&values[1])];
    let [short, long] = [ours::append(&values[0]), ours::append(&values[1])];
    row("floor: memcpy", [short[0], long[0]]);
    row("floor: careful and safe frame and copy", [short[1], long[1]]);
    row("append", [short[2], long[2]]);
    println!("| append, times the floor | {:.2} | {:.2} |", short[2] / short[1], long[2] / long[1]);
    row("append with a key of 16 B", [short[3], long[3]]);
    row("CRC-32C", each(&ours::crc));
    let read = row("parse, check and read", each(&ours::read));
    println!(
        "| reading, GB of values a second | {:.2} | {:.2} |\n",
        100.0 / read[0],
        1000.0 / read[1]
    );
}

/// Sealing and stamping beside the bare codec and a CRC of what it gives.
fn sealing(values: &[Vec<Vec<u8>>; 2]) {
    println!(
        "| ns per record | seal and stamp, 100 B | bare codec and CRC | ratio | 1,000 B | bare | ratio |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let compression = compression(codec);
        print!("| {codec} |");
        for values in values {
            let best = ours::seal_and_bare(values, compression);
            print!(" {:.1} | {:.1} | {:.3} |", best[0], best[1], best[0] / best[1]);
        }
        println!();
    }
    println!();
}

/// What else could compress: the choices that there are for LZ4, Snappy and gzip.
fn libraries(values: &[Vec<Vec<u8>>; 2]) {
    println!("| bare blocks | 100 B, ns | bytes | 1,000 B, ns | bytes |\n|---|--:|--:|--:|--:|");
    for (name, library) in [
        ("LZ4, lz4_flex without `unsafe`", Library::Lz4Flex),
        ("LZ4, the C library", Library::Lz4C),
        ("Snappy, snap", Library::Snap),
        ("gzip 6, zlib-rs", Library::Gzip(6)),
        ("gzip 7, zlib-rs", Library::Gzip(7)),
    ] {
        let [short, long] = [&values[0], &values[1]].map(|values| ours::library(values, library));
        println!("| {name} | {:.1} | {} | {:.1} | {} |", short.0, short.1, long.0, long.1);
    }
    println!();
}

/// From records to the bytes to send, by three libraries.
fn whole_batches(size: usize, values: &[Vec<u8>], class_path: Option<&str>) {
    println!(
        "| {size} B, append to stamp | rohrpost-records ns | Java ns | kafka-protocol ns | bytes: ours | Java's | kafka-protocol's |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for codec in Codec::ALL {
        let compression = compression(codec);
        let (records, batch) = ours::batch(values, compression);
        let mut nanos = [f64::MAX; 2];
        let mut their_size = 0;
        for _ in 0..3 {
            nanos[0] = nanos[0].min(ours::whole(values, compression));
            let (ns, size) = peers::kafka_protocol(values, records, codec);
            nanos[1] = nanos[1].min(ns);
            their_size = size;
        }
        let java = class_path.and_then(|path| peers::java(path, size, values, records, codec));
        let (java_ns, java_size) = java.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |(ns, size)| (format!("{ns:.1}"), size.to_string()),
        );
        let (ours, theirs) = (nanos[0], nanos[1]);
        println!(
            "| {codec} | {ours:.1} | {java_ns} | {theirs:.1} | {} | {java_size} | {their_size} |",
            batch.len()
        );
    }
    println!();
}

fn compression(codec: Codec) -> Compression {
    Compression::new(codec).expect("every codec is compiled in")
}
