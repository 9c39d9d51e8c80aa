//! Replays the seeds, and whatever the fuzzer has kept besides, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of a target: those that are committed, and those that this machine has found.
fn inputs(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["seeds", "corpus"] {
        let Ok(entries) = fs::read_dir(root.join(folder).join(target)) else { continue };
        paths.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    assert!(!paths.is_empty(), "{target} has no seed");
    paths
}

fn replay(target: &str, run: fn(&[u8])) {
    for path in inputs(target) {
        let input = fs::read(&path).expect("a readable seed");
        let outcome = std::panic::catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{}", path.display());
    }
}

#[test]
fn every_seed_of_frames_holds() {
    replay("frames", rohrpost_fuzz::frames);
}

#[test]
fn every_seed_of_avro_holds() {
    replay("avro", rohrpost_fuzz::avro);
}

#[test]
fn every_seed_of_headers_holds() {
    replay("headers", rohrpost_fuzz::headers);
}

#[test]
fn every_seed_of_requests_holds() {
    replay("requests", rohrpost_fuzz::requests);
}

#[test]
fn every_seed_of_responses_holds() {
    replay("responses", rohrpost_fuzz::responses);
}

#[test]
fn every_seed_of_primitives_holds() {
    replay("primitives", rohrpost_fuzz::primitives);
}

#[test]
fn every_seed_of_messages_holds() {
    replay("messages", rohrpost_fuzz::messages);
}

#[test]
fn every_seed_of_compressors_holds() {
    replay("compressors", rohrpost_fuzz::compressors);
}

#[test]
fn every_seed_of_gzip_holds() {
    replay("gzip", rohrpost_fuzz::gzip);
}

#[test]
fn every_seed_of_lz4_holds() {
    replay("lz4", rohrpost_fuzz::lz4);
}

#[test]
fn every_seed_of_round_trip_holds() {
    replay("round_trip", rohrpost_fuzz::round_trip);
}

#[test]
fn every_seed_of_snappy_holds() {
    replay("snappy", rohrpost_fuzz::snappy);
}

#[test]
fn every_seed_of_xerial_holds() {
    replay("xerial", rohrpost_fuzz::xerial);
}

#[test]
fn every_seed_of_zstd_holds() {
    replay("zstd", rohrpost_fuzz::zstd);
}

#[test]
fn every_seed_of_legacy_holds() {
    replay("legacy", rohrpost_fuzz::legacy);
}

#[test]
fn every_seed_of_kerberos_holds() {
    replay("kerberos", rohrpost_fuzz::kerberos);
}

#[test]
fn every_seed_of_sasl_gssapi_holds() {
    replay("sasl_gssapi", rohrpost_fuzz::sasl_gssapi);
}

#[test]
fn every_seed_of_sasl_jaas_holds() {
    replay("sasl_jaas", rohrpost_fuzz::sasl_jaas);
}

#[test]
fn every_seed_of_sasl_jwt_holds() {
    replay("sasl_jwt", rohrpost_fuzz::sasl_jwt);
}

#[test]
fn every_seed_of_sasl_msk_iam_holds() {
    replay("sasl_msk_iam", rohrpost_fuzz::sasl_msk_iam);
}

#[test]
fn every_seed_of_sasl_oauthbearer_holds() {
    replay("sasl_oauthbearer", rohrpost_fuzz::sasl_oauthbearer);
}

#[test]
fn every_seed_of_sasl_scram_holds() {
    replay("sasl_scram", rohrpost_fuzz::sasl_scram);
}

#[test]
fn every_seed_of_jks_holds() {
    replay("jks", rohrpost_fuzz::jks);
}

#[test]
fn every_seed_of_pkcs12_holds() {
    replay("pkcs12", rohrpost_fuzz::pkcs12);
}

#[test]
fn every_seed_of_pem_holds() {
    replay("pem", rohrpost_fuzz::pem);
}

#[test]
fn every_seed_of_schema_framing_holds() {
    replay("schema_framing", rohrpost_fuzz::schema_framing);
}
