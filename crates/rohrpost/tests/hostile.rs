//! Brokers that lie, stutter and hang up: whatever they send, the producer neither panics nor hangs nor eats memory nor believes what cannot be, and when they
//! come to their senses it goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rohrpost::{Bytes, Error, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_codec::messages::metadata_response::MetadataResponsePartition;
use rohrpost_codec::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use rohrpost_codec::messages::{
    ApiVersionsResponse, InitProducerIdResponse, MetadataResponse, ProduceResponse,
};
use rohrpost_testkit::{ApiKey, ErrorCode, Uuid};
use tokio::time::{Instant, timeout};

#[path = "hostile/peer.rs"]
mod peer;

use peer::{Asked, Peer, Reply, changed};

/// In the time of the tests, which stands still while there is anything to do.
const PATIENCE: Duration = Duration::from_secs(3_600);

fn builder(peer: &Peer) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(&peer.address)
        .linger(Duration::ZERO)
        .delivery_timeout(Duration::from_secs(120))
}

fn record() -> ProducerRecord<'static> {
    ProducerRecord::new("t").partition(0).value("v")
}

/// Sends a record to the end.
async fn send(producer: &Producer) -> Result<Option<i64>, Error> {
    let sending = async { producer.send(record()).await?.await };
    let result = timeout(PATIENCE, sending).await.expect("it hangs");
    if let Err(error) = &result {
        assert_ne!(error.kind(), ErrorKind::DriverGone, "the task panicked");
    }
    result.map(|metadata| metadata.offset())
}

/// Tells lies in some answers of an API, counted from its first on, and otherwise the truth; sees what comes of a record meanwhile, and that the next one is delivered.
async fn lie<F>(
    name: &str,
    api: ApiKey,
    lies: Range<u32>,
    lie: F,
) -> (Result<Option<i64>, Error>, Peer)
where
    F: Fn(&Asked, Bytes) -> Reply + Send + Sync + 'static,
{
    let peer = Peer::start(move |asked, honest| {
        if asked.api == api && lies.contains(&asked.nth) {
            lie(asked, honest)
        } else {
            Reply::Send(honest)
        }
    })
    .await;
    let producer = builder(&peer).build().await.unwrap();
    let first = send(&producer).await;
    assert!(peer.count(api) > 0, "{name}");
    // It may take until the lies are told.
    let mut tries = 0;
    while let Err(error) = send(&producer).await {
        tries += 1;
        assert!(tries < 20, "{name}: {error}");
    }
    // What was said to be written is there, what was not is not: no lie here claims that something was done which was not.
    let written = peer.log(0).len();
    match &first {
        Ok(_) => assert!(written >= 2, "{name}: {written}"),
        Err(error) if error.outcome() == Outcome::NotWritten => {
            assert_eq!(written, 1, "{name}: {error}");
        }
        Err(_) => {}
    }
    timeout(PATIENCE, producer.close(PATIENCE)).await.expect("the close hangs").unwrap();
    let stats = producer.stats();
    assert_eq!((stats.buffered_bytes_now, stats.requests_in_flight_now), (0, 0), "{name}");
    (first, peer)
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_something_else_is_not_believed() {
    for api in [ApiKey::ApiVersions, ApiKey::Metadata, ApiKey::InitProducerId, ApiKey::Produce] {
        for other in [|id: i32| id + 1, |id: i32| id - 1, |_| -1, |_| i32::MIN, |id: i32| !id] {
            let (first, peer) = lie("correlation id", api, 0..3, move |asked, honest| {
                let mut bytes = honest.to_vec();
                bytes[4..8].copy_from_slice(&other(asked.correlation_id).to_be_bytes());
                Reply::Send(bytes.into())
            })
            .await;
            assert_eq!(first.unwrap(), Some(0), "{api:?}");
            assert_eq!(peer.log(0).len(), 2);
            assert!(peer.count(api) >= 4, "{api:?}");
        }
    }
}

/// The handshake, and everything else, cut behind each byte.
#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_anywhere_is_no_answer() {
    for (api, nth) in [
        // The first question is put in a version that the broker does not know, and the second in one that it does.
        (ApiKey::ApiVersions, 0),
        (ApiKey::ApiVersions, 1),
        (ApiKey::Metadata, 0),
        (ApiKey::InitProducerId, 0),
        (ApiKey::Produce, 0),
    ] {
        let mut at = 0;
        loop {
            let length = Arc::new(AtomicU32::new(0));
            let whole = length.clone();
            let (first, peer) = lie("cut", api, nth..nth + 1, move |_, honest| {
                whole.store(honest.len() as u32, Ordering::Relaxed);
                Reply::SendAndClose(honest.slice(..at.min(honest.len())))
            })
            .await;
            assert_eq!(first.unwrap(), Some(0), "{api:?} cut behind {at} bytes");
            assert_eq!(peer.log(0).len(), 2);
            at += 1;
            if at >= length.load(Ordering::Relaxed) as usize {
                break;
            }
        }
        assert!(at > 10, "{api:?}");
    }
}

/// Any byte of an answer may be any other one.
#[tokio::test(start_paused = true)]
async fn an_answer_with_a_wrong_byte_does_no_harm() {
    for (api, nth) in [
        (ApiKey::ApiVersions, 0),
        (ApiKey::ApiVersions, 1),
        (ApiKey::Metadata, 0),
        (ApiKey::InitProducerId, 0),
        (ApiKey::Produce, 0),
    ] {
        let mut at = 0;
        loop {
            let length = Arc::new(AtomicU32::new(0));
            let whole = length.clone();
            let peer = Peer::start(move |asked, honest| {
                if asked.api != api || asked.nth != nth {
                    return Reply::Send(honest);
                }
                whole.store(honest.len() as u32, Ordering::Relaxed);
                let mut bytes = honest.to_vec();
                bytes[at] ^= if at % 2 == 0 { 0xff } else { 0x01 };
                Reply::SendAndClose(bytes.into())
            })
            .await;
            let producer = builder(&peer).build().await.unwrap();
            drop(send(&producer).await);
            drop(send(&producer).await);
            let closed = timeout(PATIENCE, producer.close(PATIENCE)).await;
            closed.unwrap_or_else(|_| panic!("{api:?}, byte {at}: the close hangs")).unwrap();
            assert_eq!(producer.stats().buffered_bytes_now, 0);
            at += 1;
            if at >= length.load(Ordering::Relaxed) as usize {
                break;
            }
        }
    }
}

/// Changes what the first Produce request is answered, which it has carried out.
async fn lie_about_produce(
    name: &str,
    change: impl Fn(&mut ProduceResponse) + Send + Sync + 'static,
) -> Result<Option<i64>, Error> {
    let (first, _) = lie(name, ApiKey::Produce, 0..1, move |asked, honest| {
        Reply::Send(changed::<ProduceResponse>(asked, &honest, |response| change(response)))
    })
    .await;
    first
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_something_else_is_no_answer_about_the_record() {
    type Change = fn(&mut ProduceResponse);
    let changes: [(&str, Change); 8] = [
        ("nothing", |response| response.responses.clear()),
        ("no partition", |response| response.responses[0].partition_responses.clear()),
        ("another partition", |response| response.responses[0].partition_responses[0].index = 1),
        ("a negative partition", |response| {
            response.responses[0].partition_responses[0].index = -1;
        }),
        ("a partition that there is not", |response| {
            response.responses[0].partition_responses[0].index = i32::MAX;
        }),
        ("another topic", |response| {
            response.responses[0].topic_id = Uuid::from_u128(7);
            response.responses[0].name = "other".into();
        }),
        ("no topic", |response| {
            response.responses[0].topic_id = Uuid::NIL;
            response.responses[0].name = "".into();
        }),
        ("much else", |response| {
            let other = TopicProduceResponse {
                name: "other".into(),
                topic_id: Uuid::from_u128(9),
                partition_responses: (-500..500)
                    .map(|index| PartitionProduceResponse { index, ..Default::default() })
                    .collect(),
                ..Default::default()
            };
            response.responses = vec![other; 10];
        }),
    ];
    for (name, change) in changes {
        // It is sent again, and found to be there.
        assert_eq!(lie_about_produce(name, change).await.unwrap(), Some(0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_contradicts_itself_ends_the_record_once() {
    type Change = fn(&mut ProduceResponse);
    let changes: [(&str, Change); 7] = [
        ("twice", |response| {
            let again = response.responses[0].clone();
            response.responses.push(again);
        }),
        ("appended and refused", |response| {
            let mut again = response.responses[0].partition_responses[0].clone();
            again.error_code = ErrorCode::INVALID_RECORD;
            response.responses[0].partition_responses.push(again);
        }),
        ("at another offset too", |response| {
            let mut again = response.responses[0].partition_responses[0].clone();
            again.base_offset = 77;
            response.responses[0].partition_responses.push(again);
        }),
        ("with errors of records that there are not", |response| {
            let of = |batch_index| BatchIndexAndErrorMessage { batch_index, ..Default::default() };
            let errors = [-1, 5, i32::MAX, i32::MIN].map(of);
            response.responses[0].partition_responses[0].record_errors = errors.to_vec();
        }),
        ("with a leader that there is not", |response| {
            response.responses[0].partition_responses[0].current_leader =
                LeaderIdAndEpoch { leader_id: 99, leader_epoch: i32::MAX, ..Default::default() };
        }),
        ("with a leader nowhere", |response| {
            response.responses[0].partition_responses[0].current_leader =
                LeaderIdAndEpoch { leader_id: -9, leader_epoch: -9, ..Default::default() };
            response.node_endpoints = [-9, 1, 1]
                .map(|node_id| NodeEndpoint {
                    node_id,
                    host: "".into(),
                    port: -1,
                    ..Default::default()
                })
                .to_vec();
        }),
        ("with a log that begins behind it", |response| {
            response.responses[0].partition_responses[0].log_start_offset = i64::MIN;
            response.responses[0].partition_responses[0].log_append_time_ms = i64::MIN;
        }),
    ];
    for (name, change) in changes {
        assert_eq!(lie_about_produce(name, change).await.unwrap(), Some(0), "{name}");
    }
    for base_offset in [-1, -2, i64::MIN] {
        let lied = lie_about_produce("a negative offset", move |response| {
            response.responses[0].partition_responses[0].base_offset = base_offset;
        });
        // Where the true answer came in time after all, that one counts.
        let offset = lied.await.unwrap();
        assert!(offset.is_none_or(|offset| offset == 0), "{base_offset}: {offset:?}");
    }
    // A code that nobody knows says nothing about what was done.
    let unknown = lie_about_produce("an unknown code", |response| {
        response.responses[0].partition_responses[0].error_code = ErrorCode(9_999);
    });
    if let Err(error) = unknown.await {
        assert_ne!(error.outcome(), Outcome::NotWritten, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_cannot_be_is_asked_for_again() {
    type Change = fn(&mut MetadataResponse);
    let changes: [(&str, Change); 20] = [
        ("no brokers", |response| response.brokers.clear()),
        ("no topics", |response| response.topics.clear()),
        ("no partitions", |response| response.topics[0].partitions.clear()),
        ("another topic", |response| response.topics[0].name = Some("other".into())),
        ("a nameless topic", |response| response.topics[0].name = None),
        ("a topic twice", |response| {
            let mut again = response.topics[0].clone();
            again.topic_id = Uuid::from_u128(5);
            again.partitions.truncate(1);
            response.topics.push(again);
        }),
        ("a topic that is and is not", |response| {
            let mut again = response.topics[0].clone();
            again.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            response.topics.push(again);
        }),
        ("a negative broker", |response| response.brokers[0].node_id = -1),
        ("the least broker", |response| response.brokers[0].node_id = i32::MIN),
        ("a broker at two places", |response| {
            let mut again = response.brokers[0].clone();
            again.port = 1;
            response.brokers.push(again);
        }),
        ("a broker at no port", |response| response.brokers[0].port = 0),
        ("a broker at a negative port", |response| response.brokers[0].port = -5),
        ("a broker at a port beyond all", |response| response.brokers[0].port = 70_000),
        ("a broker at no host", |response| response.brokers[0].host = "".into()),
        ("a broker at a host that is none", |response| {
            response.brokers[0].host = "no such host\n".into();
        }),
        ("a leader that there is not", |response| {
            response.topics[0].partitions[0].leader_id = 99;
        }),
        ("a negative leader", |response| response.topics[0].partitions[0].leader_id = -7),
        ("a negative partition", |response| {
            response.topics[0].partitions[0].partition_index = -3;
        }),
        ("the last of all partitions", |response| {
            response.topics[0].partitions[3].partition_index = i32::MAX;
        }),
        ("a partition twice, under two leaders", |response| {
            let mut again: MetadataResponsePartition = response.topics[0].partitions[0].clone();
            again.leader_id = 99;
            response.topics[0].partitions.insert(0, again);
        }),
    ];
    for (name, change) in changes {
        for lies in [1, 3] {
            let (first, peer) = lie(name, ApiKey::Metadata, 0..lies, move |asked, honest| {
                Reply::Send(changed::<MetadataResponse>(asked, &honest, |response| {
                    change(response);
                }))
            })
            .await;
            if let Err(error) = first {
                panic!("{name}, {lies} times: {error}");
            }
            assert_eq!(peer.log(0).len(), 2, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_id_that_cannot_be_is_asked_for_again_or_used_but_never_a_panic() {
    for (producer_id, producer_epoch) in
        [(-1, 0), (-1, -1), (i64::MIN, 0), (7, -1), (7, i16::MIN), (i64::MAX, i16::MAX)]
    {
        let (first, _) = lie("producer id", ApiKey::InitProducerId, 0..1, move |asked, honest| {
            Reply::Send(changed::<InitProducerIdResponse>(asked, &honest, |response| {
                (response.producer_id, response.producer_epoch) = (producer_id, producer_epoch);
            }))
        })
        .await;
        drop(first);
    }
}

/// `throttle_time_ms` is believed, within reason.
#[tokio::test(start_paused = true)]
async fn a_pause_of_weeks_ends_after_minutes() {
    for (api, pause) in [
        (ApiKey::ApiVersions, i32::MAX),
        (ApiKey::Metadata, i32::MAX),
        (ApiKey::InitProducerId, i32::MAX),
        (ApiKey::Produce, i32::MAX),
        (ApiKey::Produce, i32::MIN),
        (ApiKey::Metadata, -1),
    ] {
        let peer = Peer::start(move |asked, honest| {
            Reply::Send(match asked.api {
                _ if asked.api != api || asked.nth > 1 => honest,
                ApiKey::ApiVersions if asked.nth == 0 => honest,
                ApiKey::ApiVersions => changed::<ApiVersionsResponse>(asked, &honest, |response| {
                    response.throttle_time_ms = pause;
                }),
                ApiKey::Metadata => changed::<MetadataResponse>(asked, &honest, |response| {
                    response.throttle_time_ms = pause;
                }),
                ApiKey::InitProducerId => {
                    changed::<InitProducerIdResponse>(asked, &honest, |response| {
                        response.throttle_time_ms = pause;
                    })
                }
                _ => changed::<ProduceResponse>(asked, &honest, |response| {
                    response.throttle_time_ms = pause;
                }),
            })
        })
        .await;
        // Idle connections are closed, and a pause ends with its connection: not here.
        let producer = builder(&peer)
            .property("connections.max.idle.ms", "-1")
            .max_block(PATIENCE)
            .delivery_timeout(PATIENCE)
            .build()
            .await
            .unwrap();
        if pause < 0 {
            // No pause at all, by any clock.
            tokio::time::resume();
        }
        let start = Instant::now();
        for offset in 0..4 {
            let sent = send(&producer).await;
            assert_eq!(sent.unwrap(), Some(offset), "{api:?} {pause}");
        }
        let took = start.elapsed();
        let reason = if pause > 0 { Duration::from_secs(30 * 60) } else { Duration::from_secs(20) };
        assert!(took < reason, "{api:?} {pause}: {took:?}");
        if pause < 0 {
            tokio::time::pause();
        }
    }
}

/// A frame says how long it is, and so do the strings and lists in it. What is allocated follows what has come, not what is said.
#[test]
fn a_claimed_frame_of_two_gibibytes_costs_nothing() {
    let claims: [&'static [u8]; 6] = [
        // The largest length that there is, and one that is within what is taken; no more comes.
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x07, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0x80, 0, 0, 0],
        // A list of 2,147,483,647 APIs in a frame of 14 bytes, as version 0 has it,
        &[0, 0, 0, 14, 0, 0, 0, 0, 0, 35, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        // and of 4,294,967,295, as versions from 3 on have it.
        &[0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0],
    ];
    for claim in claims {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut request = [0; 1_024];
                    while stream.read(&mut request).is_ok_and(|read| read > 0) {
                        let _ = stream.write_all(claim);
                    }
                });
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let counts = allocation_counter::measure(|| {
            runtime.block_on(async {
                let builder = Producer::builder().bootstrap_servers(&server);
                let producer = builder.max_block(Duration::from_millis(300)).build().await.unwrap();
                let error = producer.send(record()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
            });
        });
        assert!(counts.bytes_max < 1 << 20, "{claim:?}: {counts:?}");
    }
}
