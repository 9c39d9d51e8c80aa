//! One blocking connection, with requests in flight.

use std::collections::VecDeque;
use std::io::{IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use rohrpost_bench_load::Traffic;
use rohrpost_codec::messages::api_versions_response::ApiVersion;
use rohrpost_codec::messages::metadata_request::MetadataRequestTopic;
use rohrpost_codec::messages::{
    ApiVersionsRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest, ProduceResponse,
};
use rohrpost_codec::{
    ByteStr, ErrorCode, FrameReader, Request, Uuid, VersionRange, decode_response, encode_request,
};
use rohrpost_records::{ProducerEpoch, ProducerId};

use crate::Result;

/// As many as an idempotent producer may have.
const MOST_IN_FLIGHT: usize = 5;
/// `max.request.size`.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// How long a broker may take until it gives a producer id.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    reader: FrameReader,
    scratch: Vec<u8>,
    correlation_id: i32,
    versions: Vec<ApiVersion>,
    produce_version: i16,
    in_flight: VecDeque<Sent>,
    acknowledged: u64,
    errors: u64,
    traffic: Traffic,
}

/// A Produce request's records: those from `first` on, and how its batches come to count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) first: usize,
    pub(crate) records: usize,
    pub(crate) batches: usize,
    /// Of the batches.
    pub(crate) bytes: usize,
}

/// A topic to send to.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: ByteStr,
    pub(crate) id: Uuid,
    pub(crate) partitions: u32,
}

impl Connection {
    /// Connects, and asks which versions are spoken.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            reader: FrameReader::default(),
            scratch: vec![0; 64 << 10],
            correlation_id: 0,
            versions: Vec::new(),
            produce_version: 0,
            in_flight: VecDeque::new(),
            acknowledged: 0,
            errors: 0,
            traffic: Traffic { requests: 0, batches: 0, bytes: 0 },
        };
        let request = ApiVersionsRequest {
            client_software_name: "rohrpost-bench-floor".into(),
            client_software_version: "0".into(),
            ..Default::default()
        };
        connection.versions = connection.call(&request, 3)?.api_keys;
        connection.produce_version = connection.version::<ProduceRequest>()?;
        Ok(connection)
    }

    /// The topics, which have all their partitions on this broker.
    pub(crate) fn topics(&mut self, names: &[String]) -> Result<Vec<Topic>> {
        let topic = |name: &String| MetadataRequestTopic {
            name: Some(ByteStr::copy_from(name)),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(names.iter().map(topic).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let version = self.version::<MetadataRequest>()?;
        let answer = self.call(&request, version)?;
        if answer.brokers.len() != 1 {
            return Err("the floors send to one broker: this cluster has several".into());
        }
        let mut topics = Vec::with_capacity(names.len());
        for name in names {
            let found = answer.topics.iter().find(|topic| topic.name.as_deref() == Some(name));
            let found = found.ok_or_else(|| format!("no answer about topic {name}"))?;
            if found.error_code != ErrorCode::NONE || found.partitions.is_empty() {
                return Err(format!("topic {name}: {}", found.error_code.name()).into());
            }
            topics.push(Topic {
                name: ByteStr::copy_from(name),
                id: found.topic_id,
                partitions: found.partitions.len() as u32,
            });
        }
        Ok(topics)
    }

    /// A producer id of its own.
    pub(crate) fn producer(&mut self) -> Result<(ProducerId, ProducerEpoch)> {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            ..Default::default()
        };
        let version = self.version::<InitProducerIdRequest>()?;
        let start = Instant::now();
        loop {
            let answer = self.call(&request, version)?;
            match answer.error_code {
                ErrorCode::NONE => {
                    let epoch = ProducerEpoch(answer.producer_epoch);
                    return Ok((ProducerId(answer.producer_id), epoch));
                }
                // A broker that has just started has to load its state first.
                error if error.is_retriable() && start.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(50));
                }
                error => return Err(format!("no producer id: {}", error.name()).into()),
            }
        }
    }

    /// The version of Produce that is spoken.
    pub(crate) fn produce_version(&self) -> i16 {
        self.produce_version
    }

    pub(crate) fn next_correlation_id(&mut self) -> i32 {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        self.correlation_id
    }

    /// Waits until one more request may be in flight.
    pub(crate) fn make_room(&mut self) -> Result {
        while !self.has_room() {
            self.answer()?;
        }
        Ok(())
    }

    pub(crate) fn has_room(&self) -> bool {
        self.in_flight.len() < MOST_IN_FLIGHT
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Writes a Produce request, in as few writes as the socket allows.
    pub(crate) fn write(&mut self, mut slices: &mut [IoSlice<'_>], sent: Sent) -> Result {
        while !slices.is_empty() {
            let written = self.stream.write_vectored(slices)?;
            IoSlice::advance_slices(&mut slices, written);
        }
        self.sent(sent);
        Ok(())
    }

    /// Writes a Produce request that is in one piece.
    pub(crate) fn write_all(&mut self, bytes: &[u8], sent: Sent) -> Result {
        self.stream.write_all(bytes)?;
        self.sent(sent);
        Ok(())
    }

    fn sent(&mut self, sent: Sent) {
        self.traffic.requests += 1;
        self.traffic.batches += sent.batches as u64;
        self.traffic.bytes += sent.bytes as u64;
        self.in_flight.push_back(sent);
    }

    /// Waits for an answer until `deadline`; whether there is one.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Result<bool> {
        if self.reader.buffered() > 0 {
            return Ok(true);
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
        Ok(ppoll(&mut polled, left.map(TimeSpec::from), None)? > 0)
    }

    /// Waits for the answer to the oldest request in flight, and counts what it says.
    pub(crate) fn answer(&mut self) -> Result<Sent> {
        let frame = self.frame()?;
        let (_, answer) = decode_response::<ProduceResponse>(&frame, self.produce_version)?;
        let sent = self.in_flight.pop_front().ok_or("an answer that nobody asked for")?;
        let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        if let Some(failed) = partitions.clone().find(|part| part.error_code != ErrorCode::NONE) {
            eprintln!("partition {}: {}", failed.index, failed.error_code.name());
            self.errors += sent.records as u64;
        } else if partitions.count() == sent.batches {
            self.acknowledged += sent.records as u64;
        } else {
            return Err("an answer about other partitions than were asked about".into());
        }
        Ok(sent)
    }

    /// Records acknowledged and failed.
    pub(crate) fn results(&self) -> (u64, u64) {
        (self.acknowledged, self.errors)
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        let correlation_id = self.next_correlation_id();
        let frame = encode_request(correlation_id, Some(CLIENT_ID), request, version)?;
        self.stream.write_all(&frame.to_bytes())?;
        let (_, response) = decode_response::<R::Response>(&self.frame()?, version)?;
        Ok(response)
    }

    fn frame(&mut self) -> Result<Bytes> {
        loop {
            if let Some(frame) = self.reader.next_frame()? {
                return Ok(frame);
            }
            let count = self.stream.read(&mut self.scratch)?;
            if count == 0 {
                return Err("the broker closed the connection".into());
            }
            self.reader.extend(&self.scratch[..count]);
        }
    }

    /// The newest version that both sides speak.
    fn version<R: Request>(&self) -> Result<i16> {
        let key = i16::from(R::API_KEY);
        let theirs = self.versions.iter().find(|api| api.api_key == key);
        let theirs = theirs.ok_or_else(|| format!("the broker does not know {}", R::NAME))?;
        let VersionRange { min, max } = R::VERSIONS;
        let newest = max.min(theirs.max_version);
        if newest < min.max(theirs.min_version) {
            return Err(format!("no common version of {}", R::NAME).into());
        }
        Ok(newest)
    }
}

pub(crate) const CLIENT_ID: &str = "bench-floor";
