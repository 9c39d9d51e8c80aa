//! Encodes and decodes the same messages with rohrpost-codec and with kafka-protocol, in turns, and prints
//! medians and ratios as a table in Markdown.

mod load;
mod rounds;

use std::hint::black_box;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};
use rohrpost_codec::messages::{FetchResponse, MetadataResponse, ProduceRequest};
use rohrpost_codec::{FrameBuffer, Message};

use crate::rounds::{Row, compare};

fn main() {
    let rounds = std::env::args().nth(1).map_or(201, |rounds| rounds.parse().expect("a number"));
    println!("| message | direction | rohrpost-codec | kafka-protocol 0.18 | ratio |");
    println!("|---|---|--:|--:|--:|");
    let mut least = f64::INFINITY;
    for row in [
        produce(rounds, "Produce, 12 x 16 KiB", &load::produce()),
        metadata(rounds, "Metadata, 1,000 x 12", &load::metadata()),
        fetch(rounds, "Fetch, 12 x 64 KiB", &load::fetch()),
    ]
    .into_iter()
    .flatten()
    {
        println!("{row}");
        least = least.min(row.ratio());
    }
    println!("\nthe least ratio is {least:.2}");
    let slices = rounds::time(rounds, slices_alone);
    println!(
        "of decoding Produce and Fetch, 12 slices of a `Bytes` in two vectors take {slices:.0} ns alone"
    );
}

/// What both codecs cannot do without: 12 slices that share a frame, counted up and down again, in a vector
/// in a vector.
fn slices_alone() {
    static FRAME: OnceLock<Bytes> = OnceLock::new();
    let frame = black_box(FRAME.get_or_init(|| records(12 * 16 * 1024).expect("some")));
    let slice = |index: usize| (index, Some(frame.slice(index * 16_000..(index + 1) * 16_000)));
    let partitions: Vec<(usize, Option<Bytes>)> = (0..12).map(slice).collect();
    drop(black_box(vec![partitions]));
}

/// Encoding and decoding of one message: the bytes must be the same, and come back.
macro_rules! both_directions {
    ($function:ident, $ours:ty, $theirs:ty, $put:ident, $version:literal) => {
        fn $function(rounds: usize, name: &'static str, ours: &$ours) -> [Row; 2] {
            let bytes = ours.to_bytes($version).expect("a valid message");
            let theirs = <$theirs>::decode(&mut bytes.clone(), $version).expect("our bytes");
            let mut again = BytesMut::new();
            theirs.encode(&mut again, $version).expect("what was decoded");
            assert_eq!(again, bytes, "both write the same");

            // Each into a buffer that it has used before. What rohrpost's refers to, its caller hands
            // to a vectored write.
            let mut our_buffer = FrameBuffer::new();
            let mut their_buffer = BytesMut::new();
            let encode = compare(
                name,
                "encode",
                rounds,
                || {
                    our_buffer.clear();
                    our_buffer.$put(black_box(ours), $version);
                    black_box(our_buffer.len());
                },
                || {
                    their_buffer.clear();
                    black_box(&theirs).encode(&mut their_buffer, $version).expect("as before");
                    black_box(their_buffer.len());
                },
            );
            let decode = compare(
                name,
                "decode",
                rounds,
                || drop(black_box(<$ours>::from_bytes(black_box(&bytes), $version))),
                || drop(black_box(<$theirs>::decode(&mut black_box(&bytes).clone(), $version))),
            );
            [encode, decode]
        }
    };
}

both_directions!(produce, ProduceRequest, theirs::ProduceRequest, request, 12);
both_directions!(metadata, MetadataResponse, theirs::MetadataResponse, response, 13);
both_directions!(fetch, FetchResponse, theirs::FetchResponse, response, 17);

/// What the macro calls: frames have a prefix and a header more than kafka-protocol's messages here.
trait Put {
    fn request<R: rohrpost_codec::Request>(&mut self, request: &R, version: i16);
    fn response<R: rohrpost_codec::Response>(&mut self, response: &R, version: i16);
}

impl Put for FrameBuffer {
    fn request<R: rohrpost_codec::Request>(&mut self, request: &R, version: i16) {
        self.put_request(1, None, request, version).expect("as before");
    }

    fn response<R: rohrpost_codec::Response>(&mut self, response: &R, version: i16) {
        self.put_response(1, response, version).expect("as before");
    }
}

/// Random-looking bytes: their content does not matter, as neither codec looks at it.
fn records(length: usize) -> Option<Bytes> {
    Some((0..length).map(|index| (index * 7) as u8).collect())
}
