//! Writes random batches for Kafka's own client to check, and checks those that it wrote: what `cargo xtask conformance records` runs.
//!
//! `batches_for_java --batches 6000 --seed 1`, `batches_for_java --check FILE`

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use rohrpost_records::{
    BatchBuilder, BytesMut, Codec, Compression, Compressor, ProducerEpoch, ProducerId,
    ProducerStamp, RecordHeader, Sequence,
};

#[path = "../tests/support/dump.rs"]
mod dump;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut batches, mut seed) = (1000u64, 1u64);
    let mut check_file = None;
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match name.as_str() {
            "--batches" => batches = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--check" => check_file = Some(value),
            _ => {
                let known = "--batches N, --seed N or --check FILE";
                return Err(format!("unknown option {name}: use {known}").into());
            }
        }
    }
    if let Some(file) = check_file {
        return check(&std::fs::read_to_string(file)?);
    }
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut compressor = Compressor::new();
    let mut out = BufWriter::new(stdout().lock());
    for number in 0..batches {
        let compression = random.compression()?;
        let mut builder = BatchBuilder::new(BytesMut::new());
        random.fill(&mut builder)?;
        let mut sealed = builder.seal(compression, &mut compressor, BytesMut::with_capacity)?;
        let producer = random.chance(2).then(|| ProducerStamp {
            producer_id: ProducerId(random.below(1 << 40) as i64),
            producer_epoch: ProducerEpoch(random.below(1 << 15) as i16),
            base_sequence: Sequence((random.next() >> 33) as i32),
        });
        let bytes = sealed.stamp(producer, producer.is_some() && random.chance(2))?.to_bytes();
        let level = compression.level().unwrap_or_default();
        writeln!(out, "== {number} {} level {level}", compression.codec())?;
        writeln!(out, "{}", dump::hex(&bytes))?;
        write!(out, "{}", dump::dump(&bytes)?)?;
    }
    Ok(out.flush()?)
}

/// Compares what our reader finds in each batch with what Java found, in every field.
fn check(text: &str) -> Result<(), Box<dyn Error>> {
    let (mut batches, mut mismatches) = (0, 0);
    for case in text.split("== ").skip(1) {
        let mut lines = case.splitn(3, '\n');
        let (Some(name), Some(hex), Some(theirs)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(format!("a cut file: {case}").into());
        };
        let ours = match dump::dump(&dump::unhex(hex)?.into()) {
            Ok(dump) => dump,
            Err(error) => error.to_string(),
        };
        batches += 1;
        if ours != theirs {
            mismatches += 1;
            println!("{name}: Java reads\n{theirs}we read\n{ours}");
        }
    }
    println!("{batches} batches, {mismatches} mismatches");
    if mismatches > 0 || batches == 0 {
        Err("our reader differs from Java's".into())
    } else {
        Ok(())
    }
}

/// xorshift64: enough for shapes, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn compression(&mut self) -> Result<Compression, Box<dyn Error>> {
        let codec = Codec::ALL[self.below(5) as usize];
        Ok(match codec {
            Codec::Gzip if self.chance(2) => {
                Compression::with_level(codec, self.below(9) as i32 + 1)?
            }
            Codec::Lz4 if cfg!(feature = "lz4-c") && self.chance(2) => {
                Compression::with_level(codec, self.below(17) as i32 + 1)?
            }
            Codec::Zstd if self.chance(8) => {
                Compression::with_level(codec, self.below(131_000) as i32 - 131_072)?
            }
            Codec::Zstd if self.chance(2) => {
                Compression::with_level(codec, self.below(45) as i32 - 22)?
            }
            _ => Compression::new(codec)?,
        })
    }

    fn fill(&mut self, builder: &mut BatchBuilder) -> Result<(), Box<dyn Error>> {
        // Mostly small batches, some of several blocks of every codec.
        let (records, len) = match self.below(20) {
            0 => (2000, 300),
            1 => (3, 200_000),
            _ => (30, 120),
        };
        for _ in 0..=self.below(records) {
            let timestamp = match self.below(20) {
                0 => -1,
                1 => self.below(1 << 60) as i64,
                _ => 1_700_000_000_000 + self.below(10_000) as i64,
            };
            let (key, value) = (self.bytes(40), self.bytes(len));
            let count = if self.chance(4) { self.below(4) } else { 0 };
            let headers: Vec<_> = (0..count).map(|_| (self.name(), self.bytes(20))).collect();
            let headers =
                headers.iter().map(|(name, value)| RecordHeader::new(name, value.as_deref()));
            builder.append(timestamp, key.as_deref(), value.as_deref(), headers)?;
        }
        Ok(())
    }

    fn bytes(&mut self, end: u64) -> Option<Vec<u8>> {
        let len = self.below(end + 1);
        match self.below(10) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some((0..len).map(|_| self.next() as u8).collect()),
            _ => Some((0..len).map(|_| b'a' + self.below(6) as u8).collect()),
        }
    }

    fn name(&mut self) -> String {
        let names = ["", "trace", "größe", "h", "日本"];
        names[self.below(5) as usize].into()
    }
}
