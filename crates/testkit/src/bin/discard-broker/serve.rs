//! One connection: frames in, frames out, one buffer for all of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};

use crate::answer::Broker;

/// No client's `max.request.size` is larger by default; what claims more is not Kafka.
const MAX_FRAME: usize = 128 << 20;

/// As [`connection`], without TLS.
pub(crate) fn plain(stream: TcpStream, broker: &Broker) -> io::Result<()> {
    stream.set_nodelay(true)?;
    connection(stream, broker)
}

/// Serves until the client hangs up.
pub(crate) fn connection(mut stream: impl Read + Write, broker: &Broker) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    let mut prefix = [0; 4];
    loop {
        match stream.read_exact(&mut prefix) {
            Ok(()) => {}
            Err(error) if is_hang_up(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
        let size = usize::try_from(i32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if size > MAX_FRAME {
            return Err(io::Error::other(format!("a frame claims {prefix:?} for its length")));
        }
        // Grows to the largest frame and is zeroed once; what is read stays in place.
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        stream.read_exact(&mut buffer[..size])?;
        let rest = buffer.split_off(size);
        let frame = buffer.freeze();
        if let Some(answer) = broker.answer(&frame).map_err(io::Error::other)? {
            for segment in answer.segments() {
                stream.write_all(segment)?;
            }
        }
        // Nothing refers to the frame any more: the two halves become one buffer again, without a copy.
        buffer = Bytes::try_into_mut(frame).unwrap_or_default();
        buffer.unsplit(rest);
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
