//! A client's connection: one request at a time, as a broker serves it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rohrpost_codec::FrameReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

use super::shared::Shared;
use crate::model::{Answer, BrokerId, SessionId};

/// Bytes of the largest request (`socket.request.max.bytes`).
const MAX_REQUEST: usize = 100 << 20;

/// Room for what a read may bring: enough for most requests.
const MIN_READ: usize = 16 << 10;

/// Serves a connection until the client closes it, the broker stops, or an answer says to close it.
pub(crate) async fn serve(broker: BrokerId, stream: TcpStream, shared: Arc<Shared>) {
    let Some(session) = shared.change(|model| model.connect(broker)) else { return };
    let open = Open { session, shared };
    // However it ended, the client sees a closed connection, as it would with a broker.
    let _ = open.serve(stream).await;
}

/// A session that ends when this is dropped, which also happens when the task is.
struct Open {
    session: SessionId,
    shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.change(|model| model.disconnect(self.session));
    }
}

impl Open {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
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
            if !self.answer(&mut stream, &frame).await? {
                return Ok(());
            }
        }
    }

    /// Answers a request. Says whether the connection goes on.
    async fn answer(&self, stream: &mut TcpStream, frame: &Bytes) -> io::Result<bool> {
        let mut changes = self.shared.changes();
        let now = self.shared.now();
        let mut answer = self.shared.change(|model| model.handle(now, self.session, frame));
        loop {
            match answer {
                Answer::Send(frame) => {
                    stream.write_all(&frame).await?;
                    return Ok(self.is_open());
                }
                Answer::SendAt { at, frame } => {
                    sleep_until(self.shared.instant(at)).await;
                    stream.write_all(&frame).await?;
                    return Ok(self.is_open());
                }
                Answer::Nothing => return Ok(true),
                Answer::Close => return Ok(false),
                Answer::Stall => {
                    self.until_closed(stream).await?;
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

    /// Whether the broker goes on with the connection.
    fn is_open(&self) -> bool {
        self.shared.with(|model| model.is_connected(self.session))
    }

    /// Takes what comes and does nothing about it, until the client gives up.
    async fn until_closed(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut ignored = [0; 4096];
        while stream.read(&mut ignored).await? > 0 {}
        Ok(())
    }
}
