//! A client's connection: one request at a time, as a broker serves it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rohrpost_codec::FrameReader;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until};

use super::hostile;
use super::shared::Shared;
use crate::model::{Answer, BrokerId, ConnectionFault, SessionId};

/// Bytes of the largest request (`socket.request.max.bytes`).
const MAX_REQUEST: usize = 100 << 20;

/// Room for what a read may bring: enough for most requests.
const MIN_READ: usize = 16 << 10;

/// Serves a connection until the client closes it, the broker stops, or an answer says to close it.
pub(crate) async fn serve(broker: BrokerId, stream: TcpStream, shared: Arc<Shared>) {
    let Some(session) = shared.change(|model| model.connect(broker)) else { return };
    let open = Open { broker, session, shared };
    // However it ended, the client sees a closed connection, as it would with a broker.
    let _ = open.begin(stream).await;
}

/// A session that ends when this is dropped, which also happens when the task is.
struct Open {
    broker: BrokerId,
    session: SessionId,
    shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.change(|model| model.disconnect(self.session));
    }
}

impl Open {
    async fn begin(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let fault = self.shared.change(|model| model.connection_fault(self.broker));
        match fault {
            None => self.secure(stream).await,
            Some(ConnectionFault::Trickle(pause)) => {
                let (near, far) = tokio::io::duplex(MIN_READ);
                let (served, passed) =
                    tokio::join!(self.secure(near), hostile::trickle(stream, far, pause));
                served.and(passed)
            }
            Some(fault) => hostile::misbehave(&mut stream, fault).await,
        }
    }

    /// Serves the connection, by TLS if the listener has it.
    async fn secure<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(config) = self.shared.tls.server_config(self.broker)? {
            let mut stream = super::tls::accept(config, stream).await?;
            let certificates = stream.get_ref().1.peer_certificates();
            if let Some(name) = self.shared.tls.subject_of(certificates) {
                self.shared.change(|model| model.identify(self.session, name));
            }
            let served = self.serve(&mut stream).await;
            return served.and(stream.shutdown().await);
        }
        self.serve(&mut stream).await
    }

    async fn serve<S>(&self, stream: &mut S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut frames = FrameReader::new(MAX_REQUEST);
        loop {
            let Some(frame) = frames.next_frame().map_err(io::Error::other)? else {
                let buffer = frames.buffer_mut();
                buffer.reserve(MIN_READ);
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            if !self.answer(stream, &frame).await? {
                return Ok(());
            }
        }
    }

    /// Answers a request. Says whether the connection goes on.
    async fn answer<S>(&self, stream: &mut S, frame: &Bytes) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut changes = self.shared.changes();
        let now = self.shared.now();
        let mut answer = self.shared.change(|model| model.handle(now, self.session, frame));
        loop {
            match answer {
                Answer::Send(frame) => {
                    self.send(stream, &frame).await?;
                    return Ok(self.is_open());
                }
                Answer::SendAt { at, frame } => {
                    sleep_until(self.shared.instant(at)).await;
                    self.send(stream, &frame).await?;
                    return Ok(self.is_open());
                }
                Answer::Nothing => return Ok(true),
                Answer::Close => return Ok(false),
                Answer::Stall => {
                    hostile::until_closed(stream).await?;
                    return Ok(false);
                }
                Answer::Wait(waiting) => {
                    let due = waiting.deadline().map(|deadline| self.shared.instant(deadline));
                    let deadline = async {
                        match due {
                            Some(due) => sleep_until(due).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        () = deadline => {}
                        _ = changes.wait_for(|&seen| seen != waiting.changes()) => {}
                    }
                    let now = self.shared.now();
                    let resume =
                        |model: &mut crate::model::Model| model.resume(now, self.session, waiting);
                    answer = self.shared.change(resume);
                }
            }
        }
    }

    async fn send<S: AsyncWrite + Unpin>(&self, stream: &mut S, frame: &[u8]) -> io::Result<()> {
        match self.shared.with(|model| model.trickle(self.session)) {
            None => stream.write_all(frame).await?,
            Some(pause) => {
                for byte in frame {
                    sleep(pause).await;
                    stream.write_all(&[*byte]).await?;
                    stream.flush().await?;
                }
            }
        }
        stream.flush().await
    }

    /// Whether the broker goes on with the connection.
    fn is_open(&self) -> bool {
        self.shared.with(|model| model.is_connected(self.session))
    }
}
