//! Asks a broker which APIs it speaks, in which versions: a client without a runtime.
//!
//! `cargo run -p rohrpost-codec --example api_versions -- 127.0.0.1:9092`

use std::io::{Read, Write};
use std::net::TcpStream;

use rohrpost_codec::messages::{ApiVersionsRequest, ApiVersionsResponse};
use rohrpost_codec::{ApiKey, FrameReader, decode_response, encode_request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("which broker? HOST:PORT")?;
    let mut broker = TcpStream::connect(address)?;
    let request = ApiVersionsRequest {
        client_software_name: "api-versions".into(),
        client_software_version: env!("CARGO_PKG_VERSION").into(),
        ..Default::default()
    };
    // Which versions the broker speaks is not known yet. One that does not speak this one answers in
    // version 0, and is understood (KIP-511).
    let version = 3;
    broker.write_all(&encode_request(1, Some("api-versions"), &request, version)?.to_bytes())?;

    let (mut reader, mut received) = (FrameReader::default(), [0; 4096]);
    let frame = loop {
        if let Some(frame) = reader.next_frame()? {
            break frame;
        }
        match broker.read(&mut received)? {
            0 => return Err("the broker has closed the connection".into()),
            length => reader.extend(&received[..length]),
        }
    };
    let (_, response) = decode_response::<ApiVersionsResponse>(&frame, version)?;
    println!("{}", response.error_code);
    for api in response.api_keys {
        let name = ApiKey::try_from(api.api_key).map_or("?", ApiKey::name);
        println!("{:>3} {name} {}-{}", api.api_key, api.min_version, api.max_version);
    }
    Ok(())
}
