//! Batches of every kind of wrongness, and those that are right.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use rohrpost_codec::Uuid;
use rohrpost_codec::messages::produce_response::PartitionProduceResponse;
use rohrpost_records::{
    BatchBuilder, Codec, Compression, Compressor, ProducerEpoch, ProducerId, ProducerStamp,
    RecordHeader, Sequence,
};

use crate::client::{Client, Outcome, batch, idempotent, partition_of, produce_request, stamped};
use crate::damage::{corrupted, damaged};

const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const BASE_SEQUENCE: usize = 53;
const COUNT: usize = 57;
const FIRST_RECORD: usize = 61;

/// More than the hour that a producer's clock may be ahead.
const TOMORROW: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn ask(client: &mut Client, prefix: &str) -> Outcome {
    let plain = format!("{prefix}-plain");
    for (what, batch) in wrong() {
        say(client, &format!("wrong, {what}"), &plain, -1, 12, batch).await?;
    }
    for (what, id, epoch, sequence, records) in idempotent_cases() {
        let values: Vec<_> = (0..records).map(|_| "v").collect();
        let batch = idempotent(&values, id, epoch, sequence);
        say(client, &format!("idempotent, {what}"), &plain, -1, 12, batch).await?;
    }
    for (topic, what, batch) in special() {
        let topic = format!("{prefix}-{topic}");
        say(
            client,
            &format!("{topic_kind}, {what}", topic_kind = kind(&topic)),
            &topic,
            -1,
            12,
            batch,
        )
        .await?;
    }
    for acks in [-2, 2, 0x7fff] {
        say(client, &format!("acks {acks}"), &plain, acks, 12, batch(&["a"])).await?;
    }
    for acks in [-1, 1] {
        say(client, &format!("acks {acks}"), &plain, acks, 12, batch(&["a"])).await?;
    }
    for version in 3..=12 {
        say(client, &format!("version {version}"), &plain, -1, version, batch(&["a"])).await?;
        let zstd = stamped(&["z"], None, Compression::new(Codec::Zstd)?);
        say(client, &format!("zstd in {version}"), &plain, -1, version, zstd).await?;
        let wrong = corrupted(&batch(&["a"]), 66, 0xff);
        say(client, &format!("corrupt in {version}"), &plain, -1, version, wrong).await?;
    }
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let packed = stamped(&["a", "b"], None, Compression::new(codec)?);
        say(client, &format!("{codec:?}"), &plain, -1, 12, packed.clone()).await?;
        // The first bytes of what is compressed are its own header.
        let broken = damaged(&packed, FIRST_RECORD, &[0xee; 4]);
        say(client, &format!("{codec:?}, broken"), &plain, -1, 12, broken).await?;
    }
    say(client, "unknown topic", "interrogate-nowhere", -1, 12, batch(&["a"])).await?;
    let id = produce_request("", Uuid([7; 16]), 0, -1, batch(&["a"]));
    let answer = partition_of(client.call(&id, 13).await?)?;
    print("unknown topic id", &answer);
    for index in [2, -1] {
        let answer = client.produce(&plain, index, -1, batch(&["a"])).await?;
        print(&format!("partition {index}"), &answer);
    }
    Ok(())
}

fn wrong() -> Vec<(&'static str, Bytes)> {
    let good = batch(&["a", "b"]);
    let mut transactional =
        builder().seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity).unwrap();
    let stamp = ProducerStamp {
        producer_id: ProducerId(990_099),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(0),
    };
    let transactional = transactional.stamp(Some(stamp), true).unwrap().to_bytes();
    vec![
        ("nothing", Bytes::new()),
        ("cut in the header", good.slice(..50)),
        ("cut in the length", good.slice(..10)),
        ("cut in the records", good.slice(..good.len() - 1)),
        ("two batches", [good.clone(), good.clone()].concat().into()),
        ("bytes behind", [good.clone(), Bytes::from_static(b"xyz")].concat().into()),
        ("another CRC", corrupted(&good, 66, 0xff)),
        ("magic 0", corrupted(&good, 16, 0)),
        ("magic 1", corrupted(&good, 16, 1)),
        ("magic 3", corrupted(&good, 16, 3)),
        ("a base offset", corrupted(&good, 7, 5)),
        ("a leader epoch", corrupted(&good, 12, 0)),
        ("a count too many", damaged(&good, COUNT, &3_i32.to_be_bytes())),
        ("a count too few", damaged(&good, COUNT, &1_i32.to_be_bytes())),
        ("no count", damaged(&good, COUNT, &0_i32.to_be_bytes())),
        ("a negative count", damaged(&good, COUNT, &(-1_i32).to_be_bytes())),
        ("a last offset too high", damaged(&good, LAST_OFFSET_DELTA, &2_i32.to_be_bytes())),
        ("a last offset too low", damaged(&good, LAST_OFFSET_DELTA, &0_i32.to_be_bytes())),
        ("a control batch", damaged(&good, ATTRIBUTES, &0x20_i16.to_be_bytes())),
        ("the broker's time", damaged(&good, ATTRIBUTES, &0x08_i16.to_be_bytes())),
        ("codec 7", damaged(&good, ATTRIBUTES, &7_i16.to_be_bytes())),
        ("a record's length", damaged(&good, FIRST_RECORD, &[0x7e])),
        ("a transactional batch", transactional),
        (
            "a producer id without a sequence",
            damaged(&idempotent(&["a"], 990_001, 0, 0), BASE_SEQUENCE, &(-1_i32).to_be_bytes()),
        ),
    ]
}

/// What, producer id, epoch, sequence, records.
fn idempotent_cases() -> Vec<(&'static str, i64, i16, i32, usize)> {
    let max = i32::MAX;
    vec![
        ("an unknown producer at 5", 990_010, 3, 5, 2),
        ("a gap", 990_010, 3, 8, 1),
        ("going on", 990_010, 3, 7, 1),
        ("the same again", 990_010, 3, 7, 1),
        ("the first again", 990_010, 3, 5, 2),
        ("a part of the first", 990_010, 3, 5, 1),
        ("a new epoch at 1", 990_010, 4, 1, 1),
        ("a new epoch at 0", 990_010, 4, 0, 1),
        ("the old epoch", 990_010, 3, 8, 1),
        ("the old epoch's batch again", 990_010, 3, 7, 1),
        ("two", 990_010, 4, 1, 1),
        ("three", 990_010, 4, 2, 1),
        ("four", 990_010, 4, 3, 1),
        ("five", 990_010, 4, 4, 1),
        ("the fifth last again", 990_010, 4, 0, 1),
        ("six", 990_010, 4, 5, 1),
        ("the sixth last again", 990_010, 4, 0, 1),
        ("the fifth last again", 990_010, 4, 1, 1),
        ("up to the last sequence", 990_020, 0, max - 1, 2),
        ("beyond it", 990_020, 0, 0, 2),
        ("the first at zero again", 990_020, 0, 0, 2),
        ("across the last sequence", 990_030, 0, max, 3),
        ("behind it", 990_030, 0, 2, 1),
        ("across it again", 990_030, 0, max, 3),
        ("the last epoch", 990_030, i16::MAX, 0, 1),
    ]
}

fn special() -> Vec<(&'static str, &'static str, Bytes)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    let at = |timestamps: &[i64], key: Option<&[u8]>| {
        let mut builder = BatchBuilder::new(BytesMut::new());
        for &timestamp in timestamps {
            builder.append(timestamp, key, Some(b"v"), []).unwrap();
        }
        seal(&mut builder)
    };
    let mut keyless = builder();
    keyless.append(now, None, Some(b"v"), []).unwrap();
    let mut headers = BatchBuilder::new(BytesMut::new());
    let header = RecordHeader::new("h", None);
    headers.append(now, None, None, [header, header]).unwrap();
    vec![
        ("small", "too large", batch(&[&"x".repeat(50)])),
        ("small", "small enough", batch(&["x"])),
        ("compact", "the second without a key", seal(&mut keyless)),
        ("compact", "with keys", batch(&["a"])),
        ("stamped", "yesterday", at(&[now - TOMORROW], None)),
        ("stamped", "tomorrow", at(&[now + TOMORROW], None)),
        ("stamped", "an idempotent one", idempotent(&["a"], 990_040, 0, 0)),
        ("plain", "tomorrow", at(&[now, now + TOMORROW, now], None)),
        ("plain", "no time", at(&[-1], None)),
        ("plain", "headers and nulls", seal(&mut headers)),
    ]
}

fn builder() -> BatchBuilder {
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append(1_700_000_000_000, Some(b"k"), Some(b"v"), []).unwrap();
    builder
}

fn seal(builder: &mut BatchBuilder) -> Bytes {
    let sealed = builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity);
    sealed.unwrap().stamp(None, false).unwrap().to_bytes()
}

fn kind(topic: &str) -> &str {
    topic.rsplit('-').next().unwrap_or_default()
}

async fn say(
    client: &mut Client,
    what: &str,
    topic: &str,
    acks: i16,
    version: i16,
    batch: Bytes,
) -> Outcome {
    let request = produce_request(topic, Uuid::NIL, 0, acks, batch);
    let answer = partition_of(client.call(&request, version).await?)?;
    print(what, &answer);
    Ok(())
}

fn print(what: &str, answer: &PartitionProduceResponse) {
    let time = match answer.log_append_time_ms {
        // The brokers' clock is ours.
        1_750_000_000_000.. => "now".to_owned(),
        time => time.to_string(),
    };
    let faulty: Vec<_> = answer.record_errors.iter().map(|error| error.batch_index).collect();
    println!(
        "Produce, {what}: {:?} {} {time} {} {faulty:?} leader {}",
        answer.error_code,
        answer.base_offset,
        answer.log_start_offset,
        answer.current_leader.leader_id,
    );
}
