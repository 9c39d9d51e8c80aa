//! kcat, a consumer on librdkafka, reads what was appended. It must be installed (`apt-get install kcat`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "wire/client.rs"]
mod client;

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bytes::BytesMut;
use client::{Client, Outcome};
use rohrpost_codec::messages::InitProducerIdRequest;
use rohrpost_records::{BatchBuilder, Codec, Compression, Compressor, ProducerStamp, RecordHeader};
use rohrpost_testkit::{
    ApiKey, Bytes, Cluster, ErrorCode, Fault, ProducerEpoch, ProducerId, Sequence, Uuid,
};

/// What kcat prints, with these arguments behind its brokers.
fn kcat(servers: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new("kcat").args(["-b", servers]).args(arguments).output();
    let output = output.map_err(|error| format!("kcat cannot run ({error}): is it installed?"))?;
    if !output.status.success() {
        return Err(format!("kcat failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn batch(codec: Codec, records: i64) -> Result<Bytes, Box<dyn Error>> {
    let mut builder = BatchBuilder::new(BytesMut::new());
    for index in 0..records {
        let (key, value) = (format!("k{index}"), format!("{codec:?}-{index}"));
        let header = RecordHeader::new("n", Some(b"7"));
        builder.append(
            1_700_000_000_000 + index,
            Some(key.as_bytes()),
            Some(value.as_bytes()),
            [header],
        )?;
    }
    let mut sealed =
        builder.seal(Compression::new(codec)?, &mut Compressor::new(), BytesMut::with_capacity)?;
    Ok(sealed.stamp(None, false)?.to_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_reads_every_codec_across_a_change_of_the_leader() -> Outcome {
    let cluster = Cluster::builder().start().await?;
    cluster.create_topic("t", 2)?;
    let mut wanted = String::new();
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    for (at, codec) in (0..).zip(codecs) {
        if codec == Codec::Lz4 {
            cluster.stop_broker(2).await;
        }
        let mut client = Client::to_leader(&cluster, "t", 1).await?;
        let answer = client.produce("t", 1, -1, batch(codec, 3)?).await?;
        client::assert_appended(&answer, at * 3);
        for index in 0..3 {
            let (offset, timestamp) = (at * 3 + index, 1_700_000_000_000 + index);
            wanted += &format!("1 {offset} {timestamp} n=7 k{index} {codec:?}-{index}\n");
        }
    }
    let servers = cluster.bootstrap_servers();
    let format = "%p %o %T %h %k %s\n";
    let read = tokio::task::spawn_blocking(move || {
        let arguments = ["-C", "-q", "-e", "-t", "t", "-p", "1", "-o", "beginning", "-f", format];
        kcat(&servers, &arguments).map_err(|error| error.to_string())
    });
    assert_eq!(read.await??, wanted);
    Ok(())
}

#[test]
fn kcat_lists_and_seeks() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start_blocking()?;
    cluster.create_topic("t", 1)?;
    cluster.block_on(async {
        let mut client = Client::to_leader(&cluster, "t", 0).await?;
        client.produce("t", 0, -1, batch(Codec::None, 5)?).await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let servers = cluster.bootstrap_servers();
    let listed = kcat(&servers, &["-L", "-t", "t"])?;
    assert!(listed.contains("2 brokers:"), "{listed}");
    assert!(listed.contains("partition 0, leader 1, replicas: 1,2, isrs: 1,2"), "{listed}");
    let last = kcat(&servers, &["-C", "-q", "-e", "-t", "t", "-o", "-2", "-f", "%o "])?;
    assert_eq!(last, "3 4 ");
    let since =
        kcat(&servers, &["-C", "-q", "-e", "-t", "t", "-o", "s@1700000000002", "-f", "%o "])?;
    assert_eq!(since, "2 3 4 ");
    Ok(())
}

#[test]
fn kcat_produces() -> Outcome {
    let cluster = Cluster::builder().brokers(1).auto_create_topics(true).start_blocking()?;
    let servers = cluster.bootstrap_servers();
    let file = std::env::temp_dir().join(format!("rohrpost-testkit-{}", std::process::id()));
    std::fs::write(&file, "one\ntwo\nthree\n")?;
    let path = file.to_str().ok_or("a path in UTF-8")?;
    let produced = kcat(
        &servers,
        &["-P", "-X", "enable.idempotence=true", "-z", "zstd", "-t", "t", "-l", path],
    );
    std::fs::remove_file(&file)?;
    produced?;
    assert_eq!(client::values(&cluster, "t", 0), ["one", "two", "three"]);
    let log = cluster.log("t", 0);
    assert!(log.iter().all(|record| record.producer_id.is_some() && record.key.is_none()));
    assert_eq!(log.iter().map(|record| record.sequence.0).collect::<Vec<_>>(), [0, 1, 2]);
    Ok(())
}

/// Not by SCRAM: librdkafka before 2.6.1 says its nonce twice, which Kafka has refused since 3.7.2, and so does the testkit.
#[cfg(all(feature = "sasl", feature = "tls"))]
#[test]
fn kcat_comes_in_with_a_password_or_a_token_over_tls() -> Outcome {
    use rohrpost_testkit::{Sasl, SaslMechanism, Tls};

    let sasl = Sasl::new(SaslMechanism::ALL).user("alice", "alice-secret");
    let cluster = Cluster::builder().brokers(1).sasl(sasl).tls(Tls::new()).start_blocking()?;
    cluster.create_topic("t", 1)?;
    let servers = cluster.bootstrap_servers();
    let list = |mechanism: SaslMechanism, password: &str| {
        let settings = [
            "security.protocol=sasl_ssl".to_owned(),
            format!("ssl.ca.pem={}", cluster.ca_pem()),
            format!("sasl.mechanism={mechanism}"),
        ];
        let who = match mechanism {
            SaslMechanism::OAuthBearer => [
                "enable.sasl.oauthbearer.unsecure.jwt=true".to_owned(),
                "sasl.oauthbearer.config=principal=alice".to_owned(),
            ],
            _ => ["sasl.username=alice".to_owned(), format!("sasl.password={password}")],
        };
        let settings = settings.iter().chain(&who);
        let settings = settings.flat_map(|setting| ["-X", setting.as_str()]);
        // Refused, it tries again until it has waited so many seconds.
        let patience = if password == "wrong" { "1" } else { "10" };
        kcat(&servers, &settings.chain(["-L", "-t", "t", "-m", patience]).collect::<Vec<_>>())
    };
    for mechanism in [SaslMechanism::Plain, SaslMechanism::OAuthBearer] {
        let listed = list(mechanism, "alice-secret")?;
        assert!(listed.contains("partition 0, leader 1"), "{mechanism}: {listed}");
        if mechanism != SaslMechanism::OAuthBearer {
            let refused = list(mechanism, "wrong").err().map(|error| error.to_string());
            assert!(refused.is_some_and(|said| said.contains("Authentication failed")));
        }
    }
    Ok(())
}

/// A producer of kcat, one transaction for all that it is given; it is asked to end by the end of its input.
fn produce_in_a_transaction(servers: &str, lines: &str) -> Result<(), Box<dyn Error>> {
    let mut child = Command::new("kcat")
        .args(["-P", "-b", servers, "-t", "t", "-X", "transactional.id=kcat", "-K", ":"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("kcat: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_produces_in_transactions_and_reads_what_is_committed() -> Outcome {
    for version in [1, 2] {
        let cluster = Cluster::builder().transaction_version(version).start().await?;
        cluster.create_topic("t", 2)?;
        let servers = cluster.bootstrap_servers();
        // The commit is made, and its answer lost; the coordinator has moved when it is asked again.
        cluster.inject(Fault::disconnect_after().on(ApiKey::EndTxn));
        produce_in_a_transaction(&servers, "a:1\nb:2\nc:3\n")?;
        cluster.move_coordinator("kcat", 3);
        produce_in_a_transaction(&servers, "d:4\n")?;
        let committed = cluster.committed_records("t");
        assert_eq!(committed.len(), 4, "under version {version}");
        assert!(cluster.ongoing_transactions().is_empty());
        assert_eq!(cluster.stats().transactions_committed, 2);

        // Another client's open transaction hides what is behind it, and an aborted one is left out.
        let mut client = Client::to_leader(&cluster, "t", 0).await?;
        begin(&cluster, &mut client).await?;
        client.produce("t", 0, -1, batch(Codec::None, 1)?).await?;
        let read = |level: &str| {
            let level = format!("isolation.level={level}");
            kcat(&servers, &["-C", "-t", "t", "-e", "-q", "-f", "%s\n", "-X", &level])
        };
        let in_order = |text: String| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines.join(" ")
        };
        assert_eq!(in_order(read("read_committed")?), "1 2 3 4");
        assert_eq!(in_order(read("read_uncommitted")?), "1 2 3 4 None-0 open");
        assert!(cluster.time_out_transaction("open"));
        assert_eq!(in_order(read("read_committed")?), "1 2 3 4 None-0");
    }
    Ok(())
}

/// Begins a transaction of the transactional id `open` in partition 0, and leaves it open.
async fn begin(cluster: &Cluster, leader: &mut Client) -> Outcome {
    let coordinator = cluster.coordinator_of("open").ok_or("no coordinator")?;
    let init = InitProducerIdRequest {
        transactional_id: Some("open".into()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdRequest::default()
    };
    let given = Client::to(cluster, coordinator.0).await?.call(&init, 5).await?;
    let mut builder = BatchBuilder::new(BytesMut::new());
    builder.append(1_700_000_000_000, None, Some(b"open"), [])?;
    let mut sealed =
        builder.seal(Compression::NONE, &mut Compressor::new(), BytesMut::with_capacity)?;
    let stamp = ProducerStamp {
        producer_id: ProducerId(given.producer_id),
        producer_epoch: ProducerEpoch(given.producer_epoch),
        base_sequence: Sequence::ZERO,
    };
    let batch = sealed.stamp(Some(stamp), true)?.to_bytes();
    let mut request = client::produce_request("t", Uuid::NIL, 0, -1, batch);
    request.transactional_id = Some("open".into());
    let answer = client::partition_of(leader.call(&request, 12).await?)?;
    assert_eq!(answer.error_code, ErrorCode::NONE);
    Ok(())
}
