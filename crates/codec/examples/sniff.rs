//! Prints every request and response between any client and any broker: a proxy on loopback.
//!
//! `cargo run -p rohrpost-codec --features all --example sniff -- 127.0.0.1:9092`, and let the client
//! connect to the address that is printed. Brokers tell clients where to find the others: those addresses
//! are replaced on the way by proxies of their own, so that no client gets past. Connections must be
//! without TLS. It ends when its standard input does.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use rohrpost_codec::{AnyRequest, AnyResponse, ApiKey, ByteStr, Bytes, DecodeError};
use rohrpost_codec::{Frame, FrameReader, LENGTH_PREFIX, RequestFrame, ResponseFrame};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The port on loopback behind which each broker is.
static PROXIES: Mutex<BTreeMap<String, u16>> = Mutex::new(BTreeMap::new());

fn main() -> Result {
    let broker = std::env::args().nth(1).ok_or("which broker? HOST:PORT")?;
    println!("clients may connect to 127.0.0.1:{}", proxy_of(broker)?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn proxy_of(broker: String) -> Result<u16> {
    let mut proxies = PROXIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&port) = proxies.get(&broker) {
        return Ok(port);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    proxies.insert(broker.clone(), port);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let broker = broker.clone();
            thread::spawn(move || relay(client, &broker).map_err(|e| println!("! {broker}: {e}")));
        }
    });
    Ok(port)
}

fn relay(client: TcpStream, broker: &str) -> Result {
    let server = TcpStream::connect(broker)?;
    // Responses come in the order of their requests; what could not be read still gets its answer.
    let (asked, answered) = mpsc::channel();
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let name = broker.to_owned();
    thread::spawn(move || pump(from, to, |frame| request(&name, frame, &asked)));
    pump(server, client, |frame| response(broker, frame, &answered))
}

/// Hands every frame over, or what it is replaced by, until one side has enough.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    mut seen: impl FnMut(&Bytes) -> Result<Option<Frame>>,
) -> Result {
    let (mut reader, mut received) = (FrameReader::default(), vec![0; 64 * 1024]);
    loop {
        while let Some(frame) = reader.next_frame()? {
            let sent = seen(&frame)?.or_else(|| Frame::around(frame)).ok_or("a frame too long")?;
            to.write_all(&sent.to_bytes())?;
        }
        match from.read(&mut received) {
            Ok(length @ 1..) => reader.extend(&received[..length]),
            _ => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    Ok(())
}

type Asked = Option<(ApiKey, i16)>;

fn request(broker: &str, frame: &Bytes, asked: &mpsc::Sender<Asked>) -> Result<Option<Frame>> {
    let request = RequestFrame::decode(frame);
    let key = request.as_ref().ok().map(|r| (r.api_key(), r.header.request_api_version));
    show(broker, "->", frame, key, &request, RequestFrame::encode);
    // No answer comes to what asks for no acknowledgement.
    if !matches!(request, Ok(RequestFrame { request: AnyRequest::Produce(r), .. }) if r.acks == 0) {
        asked.send(key)?;
    }
    Ok(None)
}

fn response(broker: &str, frame: &Bytes, asked: &mpsc::Receiver<Asked>) -> Result<Option<Frame>> {
    let Some((key, version)) = asked.recv()? else { return Ok(None) };
    let response = ResponseFrame::decode(frame, key, version);
    show(broker, "<-", frame, Some((key, version)), &response, ResponseFrame::encode);
    let Ok(mut response) = response else { return Ok(None) };
    replace_addresses(&mut response.response)?;
    Ok(Some(response.encode()?))
}

/// A line for a frame, which starts with `!` if it cannot be read, or would be written otherwise.
fn show<T: std::fmt::Debug>(
    broker: &str,
    arrow: &str,
    frame: &Bytes,
    key: Asked,
    decoded: &std::result::Result<T, DecodeError>,
    encode: fn(&T) -> std::result::Result<Frame, rohrpost_codec::EncodeError>,
) {
    let what = key.map_or_else(String::new, |(api, version)| format!("{api} v{version}"));
    match decoded.as_ref().map(|message| (encode(message), format!("{message:?}"))) {
        Err(error) => println!("! {arrow} {broker} {what} {error}"),
        Ok((Ok(again), text)) if again.to_bytes()[LENGTH_PREFIX..] == frame[..] => {
            println!("{arrow} {broker} {what} {} bytes {text:.800}", frame.len());
        }
        Ok((again, text)) => println!("! {arrow} {broker} {what} {text}, written {again:?}"),
    }
}

/// Every broker that a response names is its proxy from here on.
fn replace_addresses(response: &mut AnyResponse) -> Result {
    let mut addresses: Vec<(&mut ByteStr, &mut i32)> = Vec::new();
    macro_rules! of {
        ($nodes:expr) => {
            addresses.extend($nodes.iter_mut().map(|node| (&mut node.host, &mut node.port)))
        };
    }
    match response {
        AnyResponse::Metadata(r) => of!(r.brokers),
        AnyResponse::DescribeCluster(r) => of!(r.brokers),
        AnyResponse::Produce(r) => of!(r.node_endpoints),
        AnyResponse::Fetch(r) => of!(r.node_endpoints),
        AnyResponse::ShareFetch(r) => of!(r.node_endpoints),
        AnyResponse::ShareAcknowledge(r) => of!(r.node_endpoints),
        AnyResponse::FindCoordinator(r) => {
            of!(r.coordinators);
            addresses.push((&mut r.host, &mut r.port));
        }
        _ => {}
    }
    for (host, port) in addresses.into_iter().filter(|(host, _)| !host.is_empty()) {
        *port = proxy_of(format!("{host}:{port}"))?.into();
        *host = "127.0.0.1".into();
    }
    Ok(())
}
