//! What the fuzz targets of the codec, the records, SASL, schemas and TLS do with their input. They are functions, so that the
//! tests can replay the seeds without a fuzzer.

mod any;
mod avro;
mod frames;
mod kerberos;
mod messages;
mod primitives;
mod records;
mod sasl;
mod schemas;
mod tls;

pub use any::{headers, requests, responses};
pub use avro::avro;
pub use frames::frames;
pub use kerberos::kerberos;
pub use messages::messages;
pub use primitives::primitives;
pub use records::{compressors, gzip, legacy, lz4, round_trip, snappy, xerial, zstd};
pub use sasl::{sasl_gssapi, sasl_jaas, sasl_jwt, sasl_msk_iam, sasl_oauthbearer, sasl_scram};
pub use schemas::schema_framing;
pub use tls::{jks, pem, pkcs12};

/// The most bytes of memory that decoding may hold for a byte of input: as the codec's own tests have
/// it, where it is explained.
const MEMORY_PER_BYTE: u64 = 85;

/// The same for an input of a few bytes.
const MEMORY_AT_LEAST: u64 = 4096;

/// Decodes `bytes` of input, within the memory that they are worth.
fn within_limits<T>(bytes: usize, decode: impl FnOnce() -> T) -> T {
    let mut decoded = None;
    let peak = allocation_counter::measure(|| decoded = Some(decode())).bytes_max;
    let most = MEMORY_AT_LEAST + MEMORY_PER_BYTE * bytes as u64;
    assert!(peak <= most, "{peak} bytes of memory for {bytes} bytes of input");
    decoded.expect("it has been measured")
}
