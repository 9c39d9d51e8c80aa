//! A web service that turns requests into records, and loses none when it is told to stop.
//!
//! ```sh
//! cargo run -p rohrpost --example web_service                    # a cluster inside the process
//! cargo run -p rohrpost --example web_service -- 127.0.0.1:9092  # your brokers
//! curl -i --data 'two letters' http://127.0.0.1:3000/orders/opera
//! ```
//!
//! Ctrl-C or SIGTERM stop it, in this order: no new requests; those under way get their answers, for which they wait for their deliveries; then the
//! producer is closed, which delivers what nobody waits for.

mod servers;

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use rohrpost::{Error, ErrorKind, Outcome, Producer, ProducerRecord, RecordMetadata};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, &servers::given_or_embedded(), told_to_stop()).await
}

async fn serve(
    listener: TcpListener,
    servers: &str,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        // Whoever asks waits: rather an error soon than a connection that hangs for the two minutes that are the default.
        .max_block(Duration::from_secs(2))
        .request_timeout(Duration::from_secs(3))
        .delivery_timeout(Duration::from_secs(10))
        .build()
        .await?;
    // All requests share one producer, and so its batches and connections: a clone is cheap.
    let router =
        Router::new().route("/orders/{customer}", post(order)).with_state(producer.clone());
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    // Every answer is out. What is left was sent without waiting for it.
    producer.close(Duration::from_secs(10)).await?;
    println!("{} records acknowledged", producer.stats().records_acknowledged);
    Ok(())
}

/// Answers once the order is in the log. Where the client goes away, axum drops this future: before the send is through, nothing is sent then; after it,
/// the order is delivered all the same.
async fn order(
    State(producer): State<Producer>,
    Path(customer): Path<String>,
    body: Bytes,
) -> (StatusCode, String) {
    // Worth a try and no wait: where there is no room, the tally does without.
    if let Ok(delivery) = producer.try_send(ProducerRecord::new("tally").value(&customer)) {
        drop(delivery);
    }
    match send(&producer, &customer, &body).await {
        Ok(metadata) => (StatusCode::ACCEPTED, format!("{metadata}\n")),
        Err(error) => (status(&error), format!("{error}\n")),
    }
}

async fn send(producer: &Producer, customer: &str, body: &[u8]) -> Result<RecordMetadata, Error> {
    producer.send(ProducerRecord::new("orders").key(customer).value(body)).await?.await
}

/// What the client may do about it.
fn status(error: &Error) -> StatusCode {
    match (error.outcome(), error.kind()) {
        // It may be stored: asking again may order twice. The client has to find out, or send an id that consumers know orders by.
        (Outcome::MaybeWritten, _) => StatusCode::GATEWAY_TIMEOUT,
        (_, ErrorKind::RecordTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, ErrorKind::InvalidRecord) => StatusCode::BAD_REQUEST,
        // It is not stored, and asking again may help.
        _ if error.is_retriable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn told_to_stop() {
    let interrupted = async { tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C") };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
        tokio::select! {
            () = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_order_is_answered_and_everything_delivered_before_the_service_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = tokio::spawn(async move {
            let told = async { stopped.await.unwrap() };
            let servers = servers::given_or_embedded();
            serve(listener, &servers, told).await.map_err(|error| error.to_string())
        });

        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "POST /orders/opera HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\n\
                       connection: close\r\n\r\ntwo letters";
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        assert!(answer.contains("orders-"), "{answer}");

        stop.send(()).unwrap();
        service.await.unwrap().unwrap();
        let orders: usize = (0..4).map(|at| servers::embedded().log("orders", at).len()).sum();
        assert_eq!(orders, 1);
    }
}
