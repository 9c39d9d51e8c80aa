//! The least of the protocol that tells whether a broker is ready, written by hand: what checks
//! rohrpost must not lean on rohrpost's own codec.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;

/// What a broker believes of its cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The brokers that take requests.
    pub(super) brokers: BTreeSet<i32>,
    /// The controller it knows, -1 for none.
    pub(super) controller: i32,
}

/// Asks the broker on `port` of loopback for ApiVersions and then for Metadata.
pub(super) fn ask(port: u16, limit: Duration) -> io::Result<View> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let versions = exchange(&mut stream, API_VERSIONS, 0, &[])?;
    let mut versions = Answer(&versions);
    match versions.i16()? {
        0 => {}
        code => return Err(io::Error::other(format!("ApiVersions answered with error {code}"))),
    }
    // Version 1, no topics: brokers and controller only.
    let metadata = exchange(&mut stream, METADATA, 1, &0_i32.to_be_bytes())?;
    view(&metadata)
}

/// The leaders of a topic's partitions, by what the broker on `port` believes; -1 where there is none. A topic that the broker makes by itself is made.
pub(super) fn leaders(port: u16, topic: &str, limit: Duration) -> io::Result<Vec<i32>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let length = i16::try_from(topic.len()).map_err(io::Error::other)?;
    let body = [&1_i32.to_be_bytes()[..], &length.to_be_bytes(), topic.as_bytes()].concat();
    leaders_in(&exchange(&mut stream, METADATA, 1, &body)?)
}

fn leaders_in(metadata: &[u8]) -> io::Result<Vec<i32>> {
    let mut answer = Answer(metadata);
    brokers(&mut answer)?;
    answer.i32()?; // controller
    answer.i32()?; // one topic
    answer.i16()?; // its error
    answer.string()?; // its name
    answer.take::<1>()?; // is it internal
    let mut leaders = Vec::new();
    for _ in 0..answer.i32()? {
        answer.i16()?; // error
        answer.i32()?; // partition
        leaders.push(answer.i32()?);
        for _ in 0..2 {
            // Replicas, and those in sync.
            for _ in 0..answer.i32()? {
                answer.i32()?;
            }
        }
    }
    Ok(leaders)
}

fn view(metadata: &[u8]) -> io::Result<View> {
    let mut answer = Answer(metadata);
    Ok(View { brokers: brokers(&mut answer)?, controller: answer.i32()? })
}

fn brokers(answer: &mut Answer<'_>) -> io::Result<BTreeSet<i32>> {
    let mut brokers = BTreeSet::new();
    for _ in 0..answer.i32()? {
        brokers.insert(answer.i32()?);
        answer.string()?; // host
        answer.i32()?; // port
        answer.string()?; // rack
    }
    Ok(brokers)
}

/// Sends one request and gives the response's body.
fn exchange(stream: &mut TcpStream, key: i16, version: i16, body: &[u8]) -> io::Result<Vec<u8>> {
    const CORRELATION_ID: i32 = 7;
    let mut request = Vec::new();
    request.extend_from_slice(&(10 + body.len() as u32).to_be_bytes());
    request.extend_from_slice(&key.to_be_bytes());
    request.extend_from_slice(&version.to_be_bytes());
    request.extend_from_slice(&CORRELATION_ID.to_be_bytes());
    request.extend_from_slice(&(-1_i16).to_be_bytes()); // no client id
    request.extend_from_slice(body);
    stream.write_all(&request)?;

    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix)?;
    let length = u32::from_be_bytes(prefix);
    if !(4..1_000_000).contains(&length) {
        return Err(io::Error::other(format!("a response of {length} bytes")));
    }
    let mut response = vec![0; length as usize];
    stream.read_exact(&mut response)?;
    let correlation_id = Answer(&response).i32()?;
    if correlation_id != CORRELATION_ID {
        return Err(io::Error::other(format!("answer to request {correlation_id}")));
    }
    response.drain(..4);
    Ok(response)
}

/// The part of a response that is still unread.
struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    fn i16(&mut self) -> io::Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> io::Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    /// Skips a string; length -1 is null.
    fn string(&mut self) -> io::Result<()> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        self.0 = self.0.get(length..).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_brokers_and_controller_of_a_metadata_response() {
        let mut bytes = vec![0, 0, 0, 2];
        for (id, rack) in [(1_u8, &[0xff, 0xff][..]), (3, &[0, 1, b'r'])] {
            bytes.extend_from_slice(&[0, 0, 0, id, 0, 2, b'h', b'i', 0, 0, 0x23, 0x84]);
            bytes.extend_from_slice(rack);
        }
        bytes.extend_from_slice(&[0, 0, 0, 3, 0, 0, 0, 0]);
        let expected = View { brokers: BTreeSet::from([1, 3]), controller: 3 };
        assert_eq!(view(&bytes).unwrap(), expected);
        for cut in 0..bytes.len() - 4 {
            assert!(view(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn reads_the_leaders_of_a_metadata_response() {
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, b't', 1, 0, 0, 0, 2];
        for (partition, leader) in [(0, 2_i32), (1, -1)] {
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, partition]);
            bytes.extend_from_slice(&leader.to_be_bytes());
            bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0]);
        }
        assert_eq!(leaders_in(&bytes).unwrap(), [2, -1]);
        for cut in 0..bytes.len() {
            assert!(leaders_in(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
