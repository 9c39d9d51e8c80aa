//! A bootstrap address behind which there is no Kafka broker is a clear error in time: it never hangs, panics or eats memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rohrpost::{Error, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MAX_BLOCK: Duration = Duration::from_millis(700);

fn producer(server: &str) -> ProducerBuilder {
    Producer::builder().bootstrap_servers(server).max_block(MAX_BLOCK)
}

/// A server that treats each connection so.
async fn server<F, Fut>(treat: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    address
}

/// A server that answers whatever it is sent first with these bytes.
async fn answers(bytes: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(bytes).await;
        // Stays open: the client has to notice by what it read.
        let _ = stream.read(&mut request).await;
    })
    .await
}

/// Sends one record and gives the error, having seen that it came when it should and that closing still works.
async fn failure(server: SocketAddr) -> Error {
    let producer = producer(&server.to_string()).build().await.unwrap();
    let start = Instant::now();
    let error = producer.send(ProducerRecord::new("t").value("v")).await.unwrap_err();
    let took = start.elapsed();
    assert!(took >= MAX_BLOCK && took < MAX_BLOCK + Duration::from_secs(3), "{took:?}");
    assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
    assert_eq!(error.outcome(), Outcome::NotWritten);
    assert_eq!(error.topic(), Some("t"));
    assert!(error.is_retriable());
    let text = error.to_string();
    assert!(text.contains("max.block.ms") && text.contains(&server.to_string()), "{text}");
    producer.close(Duration::from_secs(5)).await.unwrap();
    error
}

#[tokio::test]
async fn an_http_server_is_named_as_one() {
    let server = answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let text = failure(server).await.to_string();
    assert!(text.contains("HTTP"), "{text}");
}

#[tokio::test]
async fn a_tls_server_is_named_as_one() {
    // A fatal alert: unexpected message.
    let text = failure(answers(&[0x15, 3, 3, 0, 2, 2, 10]).await).await.to_string();
    assert!(text.contains("TLS"), "{text}");
}

#[tokio::test]
async fn garbage_is_an_error() {
    failure(answers(&[0xff; 64]).await).await;
    // A length within the limit, and then nothing that makes sense.
    failure(answers(&[0, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).await)
        .await;
}

#[tokio::test]
async fn a_huge_length_is_an_error() {
    failure(answers(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]).await).await;
}

#[tokio::test]
async fn a_silent_server_is_an_error() {
    let silent = server(|mut stream| async move {
        let mut sink = [0; 1024];
        while matches!(stream.read(&mut sink).await, Ok(1..)) {}
    });
    failure(silent.await).await;
}

#[tokio::test]
async fn a_server_that_hangs_up_is_an_error() {
    failure(server(|stream| async move { drop(stream) }).await).await;
}

#[tokio::test]
async fn a_closed_port_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let text = failure(address).await.to_string();
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn an_unknown_host_fails_the_build() {
    let error = producer("no-such-host.invalid:9092").build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bootstrap);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn one_name_that_resolves_is_enough() {
    let server = answers(&[0xff; 64]).await;
    producer(&format!("no-such-host.invalid:9092,{server}")).build().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_fails_the_build() {
    for address in
        ["localhost", "localhost:port", "localhost:70000", ":9092", "http://localhost:9092/x"]
    {
        let error = producer(address).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{address}: {error}");
        assert!(error.to_string().contains("bootstrap.servers"), "{error}");
    }
}

#[tokio::test]
async fn no_address_at_all_fails_the_build() {
    let error = Producer::builder().build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn try_send_does_not_wait_for_metadata() {
    let server = answers(&[0xff; 64]).await;
    let producer = producer(&server.to_string()).build().await.unwrap();
    for _ in 0..10_000 {
        let refused = producer.try_send(ProducerRecord::new("t").value("v")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        assert_eq!(refused.into_record().value_bytes(), Some(&b"v"[..]));
    }
}

#[tokio::test]
async fn closing_ends_the_waiting() {
    let server = answers(&[0xff; 64]).await;
    let producer =
        producer(&server.to_string()).max_block(Duration::from_secs(60)).build().await.unwrap();
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(ProducerRecord::new("t").value("v")).await.unwrap_err() }
    });
    tokio::task::yield_now().await;
    producer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(waiting.await.unwrap().kind(), ErrorKind::Closed);
    let error = producer.send(ProducerRecord::new("t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}
