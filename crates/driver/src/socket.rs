//! One connection: connecting, reading frames, writing frames.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rohrpost_cluster::{ConnectError, MAX_FRAME_BEFORE_READY};
use rohrpost_codec::{Frame, FrameError, FrameReader};
#[cfg(feature = "tls")]
use rohrpost_tls::TlsClient;
use tokio::io::ReadBuf;
use tokio::net::{TcpSocket, TcpStream};

use crate::bell::{Bell, Flag};
use crate::network::connect_error;
use crate::stream::Stream;
use crate::write_queue::WriteQueue;

/// Reads of one round, so that a flood from one broker does not starve the others.
const READS: usize = 16;

/// How sockets are set up. [`Default`] is what Java does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SocketOptions {
    /// SO_SNDBUF (`send.buffer.bytes`): 128 KiB. `None`: the system's choice.
    pub send_buffer: Option<u32>,
    /// SO_RCVBUF (`receive.buffer.bytes`): 32 KiB. `None`: the system's choice.
    pub receive_buffer: Option<u32>,
    /// SO_KEEPALIVE: true.
    pub keepalive: bool,
    /// TCP_NODELAY: true.
    pub nodelay: bool,
    /// The addresses that are connected to: all.
    pub address_family: AddressFamily,
    /// Bytes of the largest answer that is taken: 128 MiB, metadata of some hundred thousand partitions. What is allocated follows what arrives. Until the connection
    /// is ready, [`MAX_FRAME_BEFORE_READY`] is the most.
    pub max_answer: usize,
    /// Speak TLS, and how: `None`, plain TCP.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsClient>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            send_buffer: Some(131_072),
            receive_buffer: Some(32_768),
            keepalive: true,
            nodelay: true,
            address_family: AddressFamily::Any,
            max_answer: 128 * 1024 * 1024,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// Which addresses are connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl AddressFamily {
    /// Whether an address is one of these.
    pub fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// What happened on a socket.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Connected,
    ConnectFailed(ConnectError),
    /// One frame, without its length.
    Received(Bytes),
    /// So many frames are wholly written since the connection was made.
    Written(u64),
    Lost(Loss),
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Loss {
    /// The broker closed it.
    Closed,
    Io(io::Error),
    /// What arrived is no frame.
    Frame(FrameError),
}

pub(crate) struct Socket {
    flag: Arc<Flag>,
    waker: Waker,
    state: State,
    max_answer: usize,
    queue: WriteQueue,
    frames_reported: u64,
    bytes_written: u64,
    bytes_read: u64,
}

enum State {
    Connecting(Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>),
    Open {
        stream: Stream,
        reader: FrameReader,
        /// Writing failed; what came in before is still to be read.
        broken: Option<io::Error>,
    },
    Ended,
}

impl Socket {
    /// Begins to connect, at the first [`poll`](Self::poll).
    pub(crate) fn connect(
        address: SocketAddr,
        host: String,
        options: &SocketOptions,
        bell: &Arc<Bell>,
    ) -> Self {
        let flag = Flag::raised(bell);
        Self {
            waker: Waker::from(flag.clone()),
            flag,
            state: State::Connecting(Box::pin(open(address, host, options.clone()))),
            max_answer: options.max_answer,
            queue: WriteQueue::default(),
            frames_reported: 0,
            bytes_written: 0,
            bytes_read: 0,
        }
    }

    /// The connection is ready: larger answers are taken from now on.
    pub(crate) fn set_ready(&mut self) {
        if let State::Open { reader, .. } = &mut self.state {
            reader.set_max_frame(self.max_answer);
        }
    }

    /// Queues a frame; the next [`write`](Self::write) sends it.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.queue.push(frame.into_segments());
    }

    /// Whether there may be something to do.
    pub(crate) fn is_ready(&self) -> bool {
        self.flag.is_raised()
    }

    /// Bytes written and read since the last call.
    pub(crate) fn take_traffic(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.bytes_written), std::mem::take(&mut self.bytes_read))
    }

    /// Does what the socket is ready for. `scratch` is room for reading.
    pub(crate) fn poll(&mut self, scratch: &mut [u8], event: &mut impl FnMut(SocketEvent)) {
        if !self.flag.take() {
            return;
        }
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(&waker);
        if let State::Connecting(future) = &mut self.state {
            match future.as_mut().poll(&mut cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(stream)) => {
                    let reader = FrameReader::new(self.max_answer.min(MAX_FRAME_BEFORE_READY));
                    self.state = State::Open { stream, reader, broken: None };
                    event(SocketEvent::Connected);
                }
                Poll::Ready(Err(error)) => {
                    self.state = State::Ended;
                    event(SocketEvent::ConnectFailed(error));
                    return;
                }
            }
        }
        self.read(&mut cx, scratch, event);
        self.write(event);
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        event: &mut impl FnMut(SocketEvent),
    ) {
        let State::Open { stream, reader, broken } = &mut self.state else { return };
        for _ in 0..READS {
            let mut buffer = ReadBuf::new(scratch);
            let loss = match stream.poll_read(cx, &mut buffer) {
                Poll::Pending => match broken.take() {
                    Some(error) => Some(Loss::Io(error)),
                    None => return,
                },
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Some(Loss::Closed),
                Poll::Ready(Ok(())) => {
                    self.bytes_read += buffer.filled().len() as u64;
                    reader.extend(buffer.filled());
                    loop {
                        match reader.next_frame() {
                            Ok(Some(frame)) => event(SocketEvent::Received(frame)),
                            Ok(None) => break None,
                            Err(error) => break Some(Loss::Frame(error)),
                        }
                    }
                }
                Poll::Ready(Err(error)) => Some(Loss::Io(error)),
            };
            if let Some(loss) = loss {
                self.state = State::Ended;
                event(SocketEvent::Lost(loss));
                return;
            }
        }
        self.flag.raise();
    }

    /// Writes what is queued, as far as the socket takes it.
    pub(crate) fn write(&mut self, event: &mut impl FnMut(SocketEvent)) {
        let State::Open { stream, broken: broken @ None, .. } = &mut self.state else { return };
        let mut cx = Context::from_waker(&self.waker);
        let mut failed = None;
        while !self.queue.is_empty() {
            let result =
                self.queue.write_with(|slices| match stream.poll_write_vectored(&mut cx, slices) {
                    Poll::Ready(Ok(0)) => Err(Some(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(written)) => Ok(written),
                    Poll::Ready(Err(error)) => Err(Some(error)),
                    Poll::Pending => Err(None),
                });
            match result {
                Ok(written) => self.bytes_written += written as u64,
                Err(error) => {
                    failed = error;
                    break;
                }
            }
        }
        if failed.is_none() {
            if let Poll::Ready(Err(error)) = stream.poll_flush(&mut cx) {
                failed = Some(error);
            }
        }
        if self.queue.frames_written() > self.frames_reported {
            self.frames_reported = self.queue.frames_written();
            event(SocketEvent::Written(self.frames_reported));
        }
        if let Some(error) = failed {
            // An answer may have come in before: the next poll reads it, and then the end.
            *broken = Some(error);
            self.flag.raise();
        }
    }
}

/// TCP, and TLS on it where that is wanted.
async fn open(
    address: SocketAddr,
    host: String,
    options: SocketOptions,
) -> Result<Stream, ConnectError> {
    #[cfg(feature = "tls")]
    if let Some(client) = &options.tls {
        // First what may fail without a broker.
        let failed = |error| crate::tls::connect_error(&error);
        let terms = crate::tls::Terms::for_host(client.clone(), host).await.map_err(failed)?;
        let stream = connect(address, &options).await.map_err(|error| connect_error(&error))?;
        return Ok(Stream::Secured(Box::new(terms.agree(stream).await.map_err(failed)?)));
    }
    // It is TLS that asks for names.
    drop(host);
    let stream = connect(address, &options).await.map_err(|error| connect_error(&error))?;
    Ok(Stream::Plain(stream))
}

pub(crate) async fn connect(address: SocketAddr, options: &SocketOptions) -> io::Result<TcpStream> {
    if !options.address_family.has(address.ip()) {
        let reason = "its address is not of the family that the configuration allows";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Before connecting: the receive buffer decides on the window scale.
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.set_keepalive(options.keepalive)?;
    socket.set_nodelay(options.nodelay)?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    /// A broker that answers, refuses what comes next and goes away must be heard: its answer says that a batch was written.
    #[test]
    fn an_answer_that_came_before_writing_failed_is_read() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        runtime.block_on(async {
            let (mut scratch, mut events) = (vec![0; 1024], Vec::new());
            let bell = Arc::new(Bell::default());
            let mut socket =
                Socket::connect(address, String::new(), &SocketOptions::default(), &bell);
            while events.is_empty() {
                socket.poll(&mut scratch, &mut |event| events.push(format!("{event:?}")));
                tokio::task::yield_now().await;
            }
            assert_eq!(events, ["Connected"]);
            let (mut peer, _) = listener.accept().unwrap();
            peer.write_all(&[0, 0, 0, 2, 7, 7]).unwrap();
            drop(peer);
            // Nobody reads meanwhile, and at last the system refuses to write.
            while !matches!(socket.state, State::Ended | State::Open { broken: Some(_), .. }) {
                socket.queue.push([Bytes::from_static(b"request")]);
                socket.write(&mut |event| {
                    if let SocketEvent::Lost(_) = event {
                        events.push(format!("{event:?}"));
                    }
                });
                tokio::task::yield_now().await;
            }
            assert!(socket.is_ready());
            while !matches!(socket.state, State::Ended) {
                socket.poll(&mut scratch, &mut |event| events.push(format!("{event:?}")));
                tokio::task::yield_now().await;
            }
            assert!(events[1].starts_with("Received"), "{events:?}");
            assert!(events.last().unwrap().starts_with("Lost"), "{events:?}");
        });
    }

    /// What a frame of so many bytes comes to.
    fn received(bytes: usize, is_ready: bool) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (go, waiting) = std::sync::mpsc::channel();
        let peer = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            waiting.recv().unwrap();
            // Who is refused sends into the void.
            let _ = peer.write_all(&u32::try_from(bytes).unwrap().to_be_bytes());
            let _ = peer.write_all(&vec![7; bytes]);
        });
        let (mut scratch, mut end) = (vec![0; 1024], None);
        let bell = Arc::new(Bell::default());
        let mut socket = Socket::connect(address, String::new(), &SocketOptions::default(), &bell);
        runtime.block_on(async {
            while end.is_none() {
                let mut is_connected = false;
                socket.poll(&mut scratch, &mut |event| match event {
                    SocketEvent::Connected => is_connected = true,
                    SocketEvent::Received(_) | SocketEvent::Lost(_) => {
                        end.get_or_insert(event);
                    }
                    _ => {}
                });
                if is_connected {
                    if is_ready {
                        socket.set_ready();
                    }
                    go.send(()).unwrap();
                }
                tokio::task::yield_now().await;
            }
        });
        let (_, read) = socket.take_traffic();
        drop(socket);
        peer.join().unwrap();
        match end {
            Some(SocketEvent::Received(frame)) => format!("received {}", frame.len()),
            Some(SocketEvent::Lost(Loss::Frame(error))) => {
                assert!(read <= 1024, "no more is read than shows how long it is");
                format!("refused {}", error.length())
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_large_frame_is_taken_of_a_connection_that_is_ready_and_of_no_other() {
        assert_eq!(received(MAX_FRAME_BEFORE_READY, false), "received 1048576");
        assert_eq!(received(MAX_FRAME_BEFORE_READY + 1, false), "refused 1048577");
        assert_eq!(received(MAX_FRAME_BEFORE_READY + 1, true), "received 1048577");
    }

    /// A connection set up so, seen from the system.
    fn connected(options: &SocketOptions) -> TcpSocket {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        runtime.block_on(async {
            let stream = connect(address, options).await.unwrap();
            TcpSocket::from_std_stream(stream.into_std().unwrap())
        })
    }

    #[test]
    fn buffers_are_of_the_size_that_was_asked_for() {
        let sizes = |bytes: u32| {
            let options = SocketOptions {
                send_buffer: Some(bytes),
                receive_buffer: Some(bytes),
                ..SocketOptions::default()
            };
            let socket = connected(&options);
            (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap())
        };
        // Linux doubles what it is asked for.
        let (small, large) = (sizes(20_000), sizes(60_000));
        assert!((20_000..=40_000).contains(&small.0) && (20_000..=40_000).contains(&small.1));
        assert!((60_000..=120_000).contains(&large.0) && (60_000..=120_000).contains(&large.1));
    }

    #[test]
    fn probes_and_small_packets_are_as_was_asked_for() {
        for on in [false, true] {
            let options = SocketOptions { keepalive: on, nodelay: on, ..SocketOptions::default() };
            let socket = connected(&options);
            assert_eq!((socket.keepalive().unwrap(), socket.nodelay().unwrap()), (on, on));
        }
    }

    #[test]
    fn an_address_of_another_family_is_not_connected_to() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for (address_family, is_taken) in
            [(AddressFamily::Any, true), (AddressFamily::V4, true), (AddressFamily::V6, false)]
        {
            let options = SocketOptions { address_family, ..SocketOptions::default() };
            let result = runtime.block_on(connect(address, &options));
            assert_eq!(result.is_ok(), is_taken, "{address_family:?}");
        }
    }
}
