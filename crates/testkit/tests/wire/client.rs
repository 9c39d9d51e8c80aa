//! A client that sends what it is told.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::error::Error;
use std::io;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::messages::produce_request::{PartitionProduceData, TopicProduceData};
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_codec::messages::{ProduceRequest, ProduceResponse};
use rohrpost_codec::{ErrorCode, FrameReader, Request, Uuid, decode_response, encode_request};
use rohrpost_records::{
    BatchBuilder, Compression, Compressor, ProducerEpoch, ProducerId, ProducerStamp, Sequence,
};
use rohrpost_testkit::{BrokerId, Cluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

pub(crate) struct Client {
    stream: TcpStream,
    frames: FrameReader,
    correlation_id: i32,
}

impl Client {
    /// Connects to a broker.
    pub(crate) async fn to(cluster: &Cluster, broker: i32) -> io::Result<Self> {
        Self::at(&address(cluster, broker)).await
    }

    /// Connects to a broker by its address.
    pub(crate) async fn at(address: &str) -> io::Result<Self> {
        Ok(Self {
            stream: TcpStream::connect(address).await?,
            frames: FrameReader::new(1 << 26),
            correlation_id: 0,
        })
    }

    /// Connects to the leader of a partition.
    pub(crate) async fn to_leader(cluster: &Cluster, topic: &str, index: i32) -> io::Result<Self> {
        let leader = cluster.leader(topic, index).unwrap_or(BrokerId(1));
        Self::to(cluster, leader.0).await
    }

    /// Sends a request, and waits for its answer.
    pub(crate) async fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> io::Result<R::Response> {
        self.send(request, version).await?;
        self.receive::<R>(version).await
    }

    /// Sends a request.
    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) -> io::Result<()> {
        self.correlation_id += 1;
        let frame = encode_request(self.correlation_id, Some("test"), request, version)
            .map_err(io::Error::other)?;
        self.send_bytes(&frame.to_bytes()).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits for the answer to the request that was sent last.
    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> io::Result<R::Response> {
        let frame = self.frame().await?;
        let (id, response) =
            decode_response::<R::Response>(&frame, version).map_err(io::Error::other)?;
        assert_eq!(id, self.correlation_id, "answers come in order");
        Ok(response)
    }

    /// The next frame, without its length prefix; `UnexpectedEof` if the broker closes.
    pub(crate) async fn frame(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(frame) = self.frames.next_frame().map_err(io::Error::other)? {
                return Ok(frame);
            }
            if self.stream.read_buf(self.frames.buffer_mut()).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Appends one batch to a partition of a topic, by its name.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        acks: i16,
        batch: Bytes,
    ) -> io::Result<PartitionProduceResponse> {
        let request = produce_request(topic, Uuid::NIL, partition, acks, batch);
        partition_of(self.call(&request, 12).await?)
    }
}

pub(crate) fn address(cluster: &Cluster, broker: i32) -> String {
    let servers = cluster.bootstrap_servers();
    servers.split(',').nth(broker as usize - 1).unwrap_or_default().to_owned()
}

/// The only partition of an answer.
pub(crate) fn partition_of(response: ProduceResponse) -> io::Result<PartitionProduceResponse> {
    let topic = response.responses.into_iter().next();
    let partition = topic.and_then(|topic| topic.partition_responses.into_iter().next());
    partition.ok_or_else(|| io::Error::other("the answer has no partition"))
}

pub(crate) fn produce_request(
    topic: &str,
    topic_id: Uuid,
    partition: i32,
    acks: i16,
    batch: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData {
        index: partition,
        records: Some(batch.into()),
        ..Default::default()
    };
    let topic = TopicProduceData {
        name: topic.to_owned().into(),
        topic_id,
        partition_data: vec![data],
        ..Default::default()
    };
    ProduceRequest { acks, timeout_ms: 5000, topic_data: vec![topic], ..Default::default() }
}

/// A batch without a producer id.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    stamped(values, None, Compression::NONE)
}

/// A batch of an idempotent producer.
pub(crate) fn idempotent(values: &[&str], id: i64, epoch: i16, sequence: i32) -> Bytes {
    let stamp = ProducerStamp {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: Sequence(sequence),
    };
    stamped(values, Some(stamp), Compression::NONE)
}

pub(crate) fn stamped(
    values: &[&str],
    stamp: Option<ProducerStamp>,
    compression: Compression,
) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for (index, value) in (0..).zip(values) {
        let (key, value) = (value.as_bytes(), value.as_bytes());
        builder.append(1_700_000_000_000 + index, Some(key), Some(value), []).unwrap();
    }
    let mut sealed =
        builder.seal(compression, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    sealed.stamp(stamp, false).unwrap().to_bytes()
}

/// The values in a partition.
pub(crate) fn values(cluster: &Cluster, topic: &str, partition: i32) -> Vec<String> {
    let records = cluster.log(topic, partition).into_iter();
    let text = |value: Bytes| String::from_utf8_lossy(&value).into_owned();
    records.map(|record| record.value.map(text).unwrap_or_default()).collect()
}

pub(crate) fn assert_appended(answer: &PartitionProduceResponse, offset: i64) {
    assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, offset));
}
