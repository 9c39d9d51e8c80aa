use std::sync::Arc;

use rohrpost_tls::{Store, TlsSettings};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::*;
use crate::testing::{Reply, Server};

/// Long enough for the connection, and short for the answers that never come.
fn impatient() -> HttpClient {
    HttpClient { read_timeout: Duration::from_millis(50), ..HttpClient::default() }
}

async fn ask(server: &Server, client: &HttpClient) -> Result<Response, HttpError> {
    let url = Url::parse(&server.url("/path?query=1")).unwrap();
    client.send(Request::get(&url).with("accept", "application/json")).await
}

async fn told(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<String, String> {
    let server = Server::start(move |_| reply()).await;
    match ask(&server, &HttpClient::default()).await {
        Ok(response) => {
            Ok(format!("{} {}", response.status, String::from_utf8_lossy(&response.body)))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_request_says_what_it_must_and_nothing_else() {
    let server = Server::start(|_| Reply::ok("hello")).await;
    let response = ask(&server, &HttpClient::default()).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"hello"[..]));
    let asked = server.asked();
    assert_eq!((asked.len(), &*asked[0].line), (1, "GET /path?query=1"));
    let names: Vec<&str> = asked[0].headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["accept", "connection", "host", "user-agent"]);
    assert!(asked[0].header("host").starts_with("localhost:"));

    let url = Url::parse(&server.url("/")).unwrap();
    HttpClient::default().send(Request::post(&url, "a=b".into())).await.unwrap();
    let asked = server.asked();
    assert_eq!((&*asked[0].line, &*asked[0].body), ("POST /", "a=b"));
    assert_eq!(asked[0].header("content-type"), "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn answers_are_read_however_they_are_framed() {
    let raw = |text: &'static str| move || Reply::Raw(text.into());
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay", "200 ok"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n",
            "200 okay!",
        ),
        ("HTTP/1.1 201 Created\r\n\r\nuntil the end", "201 until the end"),
        ("HTTP/1.0 503 No\r\n\r\nno", "503 no"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "204 "),
    ] {
        assert_eq!(told(raw(text)).await.as_deref(), Ok(expected), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let raw = |text: &'static [u8]| move || Reply::Raw(text.into());
    for text in [
        &b""[..],
        b"SSH-2.0-OpenSSH\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    ] {
        let error = told(raw(text)).await.unwrap_err();
        assert!(error.contains("does not answer in HTTP"), "{text:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_on() {
    let piece = || [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let error = told(move || Reply::Endless(head.into(), piece())).await.unwrap_err();
    assert!(error.contains("262144 bytes"), "{error}");
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
    let error = told(move || Reply::Endless(head.into(), vec![b'x'; 10_000])).await.unwrap_err();
    assert!(error.contains("262144 bytes"), "{error}");
    let header =
        || Reply::Endless("HTTP/1.1 200 OK\r\n".into(), b"a: bcdefghijklmnop\r\n".to_vec());
    let error = told(header).await.unwrap_err();
    assert!(error.contains("does not answer in HTTP"), "{error}");
}

#[tokio::test]
async fn silence_and_an_answer_without_end_are_waited_for_no_longer_than_allowed() {
    let server = Server::start(|_| Reply::Silence).await;
    let error = ask(&server, &impatient()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::Timeout("answer", _)) && error.is_retriable(), "{error}");
    // Nor does an answer that began, and does not go on, hold anybody up.
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nf";
    let server = Server::start(|_| Reply::Endless(head.into(), Vec::new())).await;
    let error = ask(&server, &impatient()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::Timeout("answer", _)), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_shows_no_secret_of_its_place() {
    let trap = Server::start(|_| Reply::ok("caught")).await;
    let place = trap.url("/steal?token=hush");
    let server = Server::start(move |_| {
        Reply::Raw(
            format!("HTTP/1.1 307 X\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n").into(),
        )
    })
    .await;
    let error = ask(&server, &HttpClient::default()).await.map(|_| ()).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("307") && told.contains(&trap.url("")) && !told.contains("hush"),
        "{told}"
    );
    assert!(trap.asked().is_empty() && !error.is_retriable());
}

#[tokio::test]
async fn nobody_there_is_told() {
    let gone = Server::start(|_| Reply::Silence).await;
    let url = Url::parse(&gone.url("/")).unwrap();
    gone.end().await;
    let error = HttpClient::default().send(Request::get(&url)).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::Connect(_)) && error.is_retriable(), "{error}");
}

#[tokio::test]
async fn a_value_that_would_add_a_header_field_is_not_sent() {
    let server = Server::start(|_| Reply::ok("")).await;
    let url = Url::parse(&server.url("/")).unwrap();
    let request = Request::get(&url).with("authorization", "hush\r\nx: y");
    let error = HttpClient::default().send(request).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("authorization") && !error.to_string().contains("hush"));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn https_is_spoken_with_whom_is_trusted_and_nobody_else() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = signed.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let server =
        Server::start_tls(TlsAcceptor::from(Arc::new(config)), |_| Reply::ok("safe")).await;
    let trusting = TlsSettings::new().truststore(Store::bytes(signed.cert.pem())).build().unwrap();
    let client = HttpClient { tls: Some(trusting), ..HttpClient::default() };
    assert_eq!(&ask(&server, &client).await.unwrap().body[..], b"safe");

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let strict = TlsSettings::new().truststore(Store::bytes(other.cert.pem())).build().unwrap();
    let client = HttpClient { tls: Some(strict), ..HttpClient::default() };
    let error = ask(&server, &client).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error}");
    assert_eq!(server.asked().len(), 1, "who is not trusted hears nothing");
}
