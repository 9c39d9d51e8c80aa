//! Memory follows the bytes that came, never the numbers that they claim.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use rohrpost_codec::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataResponse, ProduceRequest, ProduceResponse,
};
use rohrpost_codec::{Bytes, FrameReader, Message, encode_request};

/// The most bytes of memory that decoding may hold for one byte of input: the largest structure of
/// these messages, times two for a vector that grows, over the fewest bytes it takes on the wire.
const PER_BYTE: u64 = 64;

/// The same for inputs of a few bytes: an error, and the vectors around the first element.
const BASE: u64 = 4096;

fn peak_of_decoding<M: Message>(input: Bytes, version: i16) -> u64 {
    allocation_counter::measure(|| drop(M::from_bytes(&input, version))).bytes_max
}

/// Every version, with the byte sequences that a hostile peer would try.
fn check<M: Message>() {
    let vectors = include_str!("vectors/every_message.txt");
    let lines = vectors.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    for words in lines.filter(|words| words[0] == M::NAME) {
        let version = words[1].parse().unwrap();
        let valid: Vec<u8> = words[3]
            .as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect();
        for place in 0..valid.len() {
            // A large count or length in every place, and a long tail that it could point into.
            for claim in [
                &[0x7f, 0xff, 0xff, 0xff][..],
                &[0xff, 0xff, 0xff, 0xff, 0x0f],
                &[0x00, 0x00, 0x7f, 0xff],
                &[0x80, 0x80, 0x02],
            ] {
                for tail in [0, 40_000] {
                    let mut hostile = valid[..place].to_vec();
                    hostile.extend_from_slice(claim);
                    hostile.resize(hostile.len() + tail, 0);
                    let most = BASE + PER_BYTE * hostile.len() as u64;
                    let peak = peak_of_decoding::<M>(hostile.into(), version);
                    assert!(peak <= most, "{} v{version}: {peak} bytes, {place}", M::NAME);
                }
            }
        }
    }
}

#[test]
fn a_hostile_count_gets_no_more_memory_than_its_input_is_worth() {
    check::<ApiVersionsResponse>();
    check::<MetadataResponse>();
    check::<ProduceRequest>();
    check::<ProduceResponse>();
}

#[test]
fn a_frame_that_claims_two_gibibytes_gets_64_kib() {
    let info = allocation_counter::measure(|| {
        let mut reader = FrameReader::new(usize::MAX);
        reader.extend(&i32::MAX.to_be_bytes());
        assert_eq!(reader.next_frame(), Ok(None));
    });
    assert!(info.bytes_max <= 70_000, "{} bytes", info.bytes_max);
}

#[test]
fn encoding_a_small_request_takes_few_allocations() {
    let request = ApiVersionsRequest::default();
    let info = allocation_counter::measure(|| {
        drop(encode_request(1, Some("client"), &request, 4).unwrap());
    });
    assert!(info.count_total <= 6, "{} allocations", info.count_total);
}
