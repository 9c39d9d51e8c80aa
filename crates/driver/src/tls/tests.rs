//! Connections by TLS, with brokers that are rustls servers of the same thread.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rohrpost_cluster::{ConnectErrorKind, LostError, NetworkInput};
use rohrpost_codec::Frame;
use rohrpost_tls::{Store, TlsClient, TlsSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::bell::Bell;
use crate::socket::{Socket, SocketEvent, SocketOptions};

/// An authority, what it signed for `localhost`, and what trusts it.
struct World {
    authority: CertifiedIssuer<'static, KeyPair>,
    client: TlsClient,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl World {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let trusted = Store::bytes(authority.pem().into_bytes());
        let client = TlsSettings::new().truststore(trusted).build().unwrap();
        Self { authority, client }
    }

    /// A broker's side, which wants a certificate of the client or not.
    fn server(&self, wants_certificate: bool) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = if wants_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// The driver's end of a connection, and all that happened there.
struct End {
    socket: Socket,
    scratch: Vec<u8>,
    events: Vec<SocketEvent>,
}

impl End {
    fn new(listener: &TcpListener, client: &TlsClient) -> Self {
        let options = SocketOptions { tls: Some(client.clone()), ..SocketOptions::default() };
        let address = listener.local_addr().unwrap();
        let bell = Arc::new(Bell::default());
        let socket = Socket::connect(address, "localhost".to_owned(), &options, &bell);
        Self { socket, scratch: vec![0; 64 * 1024], events: Vec::new() }
    }

    /// Lives on until something of this kind has happened.
    async fn until(&mut self, is: impl Fn(&SocketEvent) -> bool) {
        while !self.events.iter().any(&is) {
            let events = &mut self.events;
            self.socket.poll(&mut self.scratch, &mut |event| events.push(event));
            tokio::task::yield_now().await;
        }
    }

    async fn connected(&mut self) {
        self.until(|event| matches!(event, SocketEvent::Connected | SocketEvent::ConnectFailed(_)))
            .await;
        assert!(matches!(self.events[0], SocketEvent::Connected), "{:?}", self.events);
        self.socket.set_ready();
    }

    /// Why there is no connection: of what kind, and in which words.
    async fn failed(&mut self) -> (ConnectErrorKind, String) {
        self.until(|event| matches!(event, SocketEvent::ConnectFailed(_))).await;
        let Some(SocketEvent::ConnectFailed(error)) = self.events.last() else { unreachable!() };
        (error.kind, error.detail.clone())
    }

    async fn lost(&mut self) -> String {
        self.until(|event| matches!(event, SocketEvent::Lost(_))).await;
        format!("{:?}", self.events.last().unwrap())
    }

    fn push(&mut self, body: &[u8]) {
        self.socket.push(Frame::around(Bytes::copy_from_slice(body)).unwrap());
        let events = &mut self.events;
        self.socket.write(&mut |event| events.push(event));
    }
}

/// Runs both ends until the driver's has seen all it wants to see.
fn run<B, T>(
    broker: impl FnOnce(TcpListener) -> B,
    driver: impl AsyncFnOnce(&TcpListener) -> T,
) -> T
where
    B: Future<Output = ()> + 'static,
{
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let other = TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let broker = tokio::task::spawn_local(broker(listener));
                let seen = driver(&other).await;
                broker.await.unwrap();
                seen
            })
            .await
    })
}

async fn accept(
    listener: &TcpListener,
    acceptor: &TlsAcceptor,
) -> TlsStream<tokio::net::TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    acceptor.accept(stream).await.unwrap()
}

#[test]
fn frames_of_every_size_arrive_whole_in_order_and_count_as_written() {
    let world = World::new();
    let acceptor = world.server(false);
    let sizes = [1, 100, 16_384, 70_000, 5_000_000, 3];
    run(
        async move |listener| {
            let mut stream = accept(&listener, &acceptor).await;
            for (at, size) in sizes.into_iter().enumerate() {
                assert_eq!(stream.read_u32().await.unwrap(), size);
                let mut body = vec![0; size as usize];
                stream.read_exact(&mut body).await.unwrap();
                assert!(body.iter().all(|byte| usize::from(*byte) == at));
                stream.write_u32(size).await.unwrap();
                stream.write_all(&body).await.unwrap();
                stream.flush().await.unwrap();
            }
        },
        async |listener| {
            let mut end = End::new(listener, &world.client);
            end.connected().await;
            // Everything at once: more than the system and rustls take.
            for (at, size) in sizes.into_iter().enumerate() {
                end.push(&vec![at as u8; size as usize]);
            }
            let mut received = Vec::new();
            while received.len() < sizes.len() {
                end.until(|event| matches!(event, SocketEvent::Received(_))).await;
                received.extend(end.events.drain(..).filter_map(|event| match event {
                    SocketEvent::Received(frame) => Some(frame.len() as u32),
                    _ => None,
                }));
            }
            assert_eq!(received, sizes);
            end.events.clear();
            // The first one told of all: nothing is told twice.
            assert!(end.socket.take_traffic().0 > 5_000_000);
        },
    );
}

#[test]
fn a_connection_that_is_closed_says_goodbye() {
    let world = World::new();
    let acceptor = world.server(false);
    run(
        async move |listener| {
            let mut stream = accept(&listener, &acceptor).await;
            // Without the goodbye this is an error: "peer closed connection without sending TLS close_notify".
            assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
        },
        async |listener| {
            let mut end = End::new(listener, &world.client);
            end.connected().await;
            drop(end);
        },
    );
}

#[test]
fn a_broker_that_goes_with_or_without_goodbye_has_closed_the_connection() {
    let world = World::new();
    for says_goodbye in [true, false] {
        let acceptor = world.server(false);
        let lost = run(
            async move |listener| {
                let mut stream = accept(&listener, &acceptor).await;
                if says_goodbye {
                    stream.shutdown().await.unwrap();
                }
            },
            async |listener| {
                let mut end = End::new(listener, &world.client);
                end.connected().await;
                end.lost().await
            },
        );
        assert_eq!(lost, "Lost(Closed)", "{says_goodbye}");
    }
}

#[test]
fn keys_may_be_renewed_on_the_way() {
    let world = World::new();
    let acceptor = world.server(false);
    run(
        async move |listener| {
            let mut stream = accept(&listener, &acceptor).await;
            for _ in 0..3 {
                assert_eq!(stream.read_u32().await.unwrap(), 4);
                assert_eq!(stream.read_u32().await.unwrap(), 7);
                stream.get_mut().1.refresh_traffic_keys().unwrap();
                stream.write_all(&[0, 0, 0, 1, 9]).await.unwrap();
                stream.flush().await.unwrap();
            }
        },
        async |listener| {
            let mut end = End::new(listener, &world.client);
            end.connected().await;
            for _ in 0..3 {
                end.push(&7_u32.to_be_bytes());
                end.until(|event| matches!(event, SocketEvent::Received(_))).await;
                end.events.clear();
            }
        },
    );
}

#[test]
fn a_broker_whom_nobody_trusts_is_refused_in_words() {
    let (world, other) = (World::new(), World::new());
    let acceptor = world.server(false);
    let (kind, why) = run(
        async move |listener| {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(stream).await.is_err());
        },
        async |listener| End::new(listener, &other.client).failed().await,
    );
    assert_eq!(kind, ConnectErrorKind::TlsRefused);
    assert!(why.contains("localhost") && why.contains("not accepted"), "{why}");
}

#[test]
fn a_broker_without_tls_is_recognised() {
    let world = World::new();
    // Kafka's own takes the first bytes of TLS for a length, and closes.
    for (answer, expected) in [
        (&b""[..], ConnectErrorKind::Tls),
        (b"\0\0\0\x0e\0\0\0\x01\0\x23\0\0\0\0\0\0\0\0", ConnectErrorKind::TlsRefused),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ConnectErrorKind::TlsRefused),
    ] {
        let (kind, why) = run(
            async move |listener| {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                stream.write_all(answer).unwrap();
            },
            async |listener| End::new(listener, &world.client).failed().await,
        );
        assert_eq!(kind, expected, "{why}");
        assert!(why.contains("security.protocol"), "{why}");
    }
}

#[test]
fn a_broker_that_wants_a_certificate_says_so_when_the_handshake_is_over() {
    let world = World::new();
    let acceptor = world.server(true);
    let why = run(
        async move |listener| {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(stream).await.is_err());
        },
        async |listener| {
            let mut end = End::new(listener, &world.client);
            end.until(|event| {
                matches!(event, SocketEvent::Lost(_) | SocketEvent::ConnectFailed(_))
            })
            .await;
            crate::network::input(rohrpost_cluster::ConnectionId(1), end.events.pop().unwrap())
        },
    );
    let NetworkInput::Lost { error: LostError::TlsRefused { detail }, .. } = why else {
        panic!("{why:?}");
    };
    assert!(detail.contains("certificate") && detail.contains("keystore"), "{detail}");
}

#[test]
fn what_is_dropped_in_mid_handshake_is_over() {
    let world = World::new();
    let (told, heard) = oneshot::channel();
    run(
        async move |listener| {
            // It never answers.
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), 22, "a handshake begins");
            told.send(()).unwrap();
            // Until the driver's end is gone.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        },
        async |listener| {
            let mut end = End::new(listener, &world.client);
            let mut heard = pin!(heard);
            poll_fn(|cx| {
                end.socket.poll(&mut end.scratch, &mut |event| end.events.push(event));
                cx.waker().wake_by_ref();
                heard.as_mut().poll(cx)
            })
            .await
            .unwrap();
            assert!(end.events.is_empty());
        },
    );
}
