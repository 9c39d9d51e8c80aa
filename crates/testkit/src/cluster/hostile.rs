//! Connections on which nothing is ever served.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::model::ConnectionFault;

/// Neither TLS, whose records begin with 20 to 23, nor a frame of any length that Kafka allows.
const GARBAGE: &[u8] = b"\xfe\xfe\xfe\xfe no protocol that anybody speaks here \xfe\xfe\xfe\xfe";

/// Does what the fault says, and is done with the connection.
pub(super) async fn misbehave(stream: &mut TcpStream, fault: ConnectionFault) -> io::Result<()> {
    if fault == ConnectionFault::Close {
        return Ok(());
    }
    let mut hello = [0; 4096];
    if fault == ConnectionFault::Silence || stream.read(&mut hello).await? == 0 {
        return until_closed(stream).await;
    }
    match fault {
        ConnectionFault::Garbage => stream.write_all(GARBAGE).await?,
        ConnectionFault::TlsAlert(number) => {
            // A record of type alert, with the version that all have, and two bytes in it, the first of which says that it is fatal.
            stream.write_all(&[21, 3, 3, 0, 2, 2, number]).await?;
        }
        _ => {}
    }
    stream.shutdown().await
}

/// Takes what comes and does nothing about it, until the client gives up.
pub(super) async fn until_closed<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Passes everything on between a client and what serves it, to the client one byte at a time.
pub(super) async fn trickle<S>(client: TcpStream, server: S, pause: Duration) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let asked = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let answered = async {
        let mut byte = [0];
        while from_server.read(&mut byte).await? > 0 {
            sleep(pause).await;
            to_client.write_all(&byte).await?;
        }
        to_client.shutdown().await
    };
    // When the server is done, what the client still says is nobody's business.
    tokio::select! {
        Err(error) = asked => Err(error),
        answered = answered => answered,
    }
}
