//! Holds every message and version of the codec against Apache Kafka's own generated classes:
//! `cargo xtask conformance` compiles the Java side and runs this.

extern crate alloc;

mod case;
mod java;
mod json;
mod report;

// The codec's own tests make values up by the same rules: links to theirs, which `cargo package` follows.
#[allow(unused, reason = "what the codec's tests need besides")]
mod sample;
mod samples;

use std::error::Error;
use std::process::ExitCode;

// The names in the shared files, too.
use rohrpost_codec::{
    ByteStr, Bytes, ErrorCode, Int32Array, Segments, TaggedFields, Uuid, Wire, messages,
};

use case::Subject;
use java::Java;
use json::with_json;
use report::Report;
use sample::{NEVER, Sample, Source};
use samples::{with_every_message, with_every_structure};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the class path of the Java side, the seed, and how many cases a version has.
fn run(args: &[String]) -> Result<bool> {
    let [class_path, seed, cases] = args else {
        return Err("call it by `cargo xtask conformance`".into());
    };
    let (seed, cases) = (seed.parse()?, cases.parse()?);
    let mut java = Java::start(class_path)?;
    let mut report = Report::new(seed, java.versions()?);
    hold_every_message(&mut java, seed, cases, &mut report)?;
    java.end()?;
    Ok(report.print())
}

macro_rules! hold {
    ($($(#[$cfg:meta])* $module:ident $name:ident,)*) => {
        fn hold_every_message(
            java: &mut Java,
            seed: u64,
            cases: u64,
            report: &mut Report,
        ) -> Result {
            $(Subject::<messages::$name>::new(java, report, seed).hold(cases)?;)*
            Ok(())
        }
    };
}

with_every_message!(hold);
with_every_structure!(with_json);
