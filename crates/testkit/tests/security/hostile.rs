//! Servers that lie, as the client sees it.

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::MetadataRequest;
use rohrpost_testkit::{Cluster, ConnectionFault, Fault, Sasl, SaslFault, SaslMechanism};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, Outcome, address};
use crate::exchange::{NONCE, plain, scram, send_token, shake_hands};

async fn cluster() -> std::io::Result<Cluster> {
    let sasl = Sasl::new([SaslMechanism::Plain, SaslMechanism::ScramSha256]);
    Cluster::builder().brokers(1).sasl(sasl.user("alice", "alice-secret")).start().await
}

async fn challenge(cluster: &Cluster, fault: SaslFault) -> std::io::Result<String> {
    cluster.inject(Fault::sasl(fault));
    let mut client = Client::to(cluster, 1).await?;
    shake_hands(&mut client, "SCRAM-SHA-256").await?;
    let answer = send_token(&mut client, format!("n,,n=alice,r={NONCE}")).await?;
    assert_eq!(answer.error_code, ErrorCode::NONE);
    Ok(String::from_utf8_lossy(&answer.auth_bytes).into_owned())
}

#[tokio::test]
async fn a_challenge_is_forged_as_it_was_asked() -> Outcome {
    let cluster = cluster().await?;
    let ours = format!("r={NONCE}");
    let foreign = challenge(&cluster, SaslFault::ForeignNonce).await?;
    assert!(!foreign.starts_with(&ours), "{foreign}");
    let bare = challenge(&cluster, SaslFault::BareNonce).await?;
    assert!(bare.starts_with(&format!("{ours},s=")), "{bare}");
    let many = challenge(&cluster, SaslFault::Iterations(1_000_000_000)).await?;
    assert!(many.starts_with(&ours) && many.ends_with(",i=1000000000"), "{many}");
    // Another client's exchange is overheard.
    let mut other = Client::to(&cluster, 1).await?;
    shake_hands(&mut other, "SCRAM-SHA-256").await?;
    let heard = send_token(&mut other, *b"n,,n=alice,r=other").await?;
    let replayed = challenge(&cluster, SaslFault::ReplayedNonce).await?;
    assert_eq!(replayed.as_bytes(), heard.auth_bytes);
    assert_eq!(cluster.stats().faults, 4);
    Ok(())
}

#[tokio::test]
async fn a_server_without_the_password_takes_the_client_all_the_same() -> Outcome {
    let cluster = cluster().await?;
    let faults = [
        SaslFault::WrongSignature,
        SaslFault::NoSignature,
        SaslFault::ServerError,
        SaslFault::Lifetime(-1),
    ];
    for fault in faults {
        cluster.inject(Fault::sasl(fault));
        let mut client = Client::to(&cluster, 1).await?;
        let (last, right) =
            scram(&mut client, "SCRAM-SHA-256", "alice", "alice-secret", "").await?;
        assert_eq!(last.error_code, ErrorCode::NONE);
        assert_eq!(last.auth_bytes == right, fault == SaslFault::Lifetime(-1), "{fault:?}");
        let lifetime = if fault == SaslFault::Lifetime(-1) { -1 } else { 0 };
        assert_eq!(last.session_lifetime_ms, lifetime);
        client.call(&MetadataRequest::default(), 12).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_exchange_can_go_on_for_ever() -> Outcome {
    let cluster = cluster().await?;
    cluster.inject(Fault::sasl(SaslFault::EndlessChallenges).always());
    for (mechanism, first) in [("PLAIN", "\0alice\0alice-secret"), ("SCRAM-SHA-256", "n,,n=a,r=b")]
    {
        let mut client = Client::to(&cluster, 1).await?;
        shake_hands(&mut client, mechanism).await?;
        for _ in 0..10 {
            let answer = send_token(&mut client, first).await?;
            assert_eq!(answer.error_code, ErrorCode::NONE);
            assert!(!answer.auth_bytes.is_empty());
        }
    }
    assert_eq!(cluster.stats().authentications, 0);
    Ok(())
}

#[tokio::test]
async fn anybody_is_let_in_or_told_nonsense() -> Outcome {
    let cluster = cluster().await?;
    cluster.inject(Fault::sasl(SaslFault::AcceptsAnything));
    let mut client = Client::to(&cluster, 1).await?;
    shake_hands(&mut client, "SCRAM-SHA-256").await?;
    let answer = send_token(&mut client, *b"n,,n=nobody,r=x").await?;
    assert_eq!((answer.error_code, answer.auth_bytes.len()), (ErrorCode::NONE, 0));
    client.call(&MetadataRequest::default(), 12).await?;

    cluster.inject(Fault::sasl(SaslFault::Nonsense));
    let mut client = Client::to(&cluster, 1).await?;
    let answer = plain(&mut client, "alice", "alice-secret").await?;
    assert!(core::str::from_utf8(&answer.auth_bytes).is_err());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn bytes_come_one_at_a_time() -> Outcome {
    let cluster = cluster().await?;
    cluster.inject(Fault::trickle(Duration::from_secs(1)));
    let start = tokio::time::Instant::now();
    let mut client = Client::to(&cluster, 1).await?;
    plain(&mut client, "alice", "alice-secret").await?;
    // Two answers: the mechanisms, and version 2 of an acceptance.
    let bytes = (4 + 4 + 2 + 4 + 7 + 15) + (4 + 5 + 2 + 1 + 1 + 8 + 1);
    assert_eq!(start.elapsed().as_secs(), bytes);

    cluster.inject(Fault::connection(ConnectionFault::Trickle(Duration::from_secs(1))));
    let start = tokio::time::Instant::now();
    let mut client = Client::to(&cluster, 1).await?;
    plain(&mut client, "alice", "alice-secret").await?;
    assert_eq!(start.elapsed().as_secs(), bytes);
    Ok(())
}

#[tokio::test]
async fn connections_go_wrong_before_anything_is_asked() -> Outcome {
    let cluster = Cluster::builder().brokers(2).start().await?;
    let faults = [
        (ConnectionFault::Close, None),
        (ConnectionFault::CloseAfterHello, Some(vec![])),
        (ConnectionFault::TlsAlert(40), Some(vec![21, 3, 3, 0, 2, 2, 40])),
    ];
    for (fault, answer) in faults {
        cluster.inject(Fault::connection(fault).broker(2));
        Client::to(&cluster, 1).await?.call(&MetadataRequest::default(), 12).await?;
        let mut stream = TcpStream::connect(address(&cluster, 2)).await?;
        if answer.is_some() {
            stream.write_all(b"hello").await?;
        }
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await?;
        assert_eq!(read, answer.unwrap_or_default(), "{fault:?}");
    }
    cluster.inject(Fault::connection(ConnectionFault::Garbage));
    let mut client = Client::to(&cluster, 1).await?;
    assert!(client.call(&MetadataRequest::default(), 12).await.is_err());
    assert_eq!(cluster.stats().faults, 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_keeps_the_connection() -> Outcome {
    let cluster = Cluster::builder().brokers(1).start().await?;
    cluster.inject(Fault::connection(ConnectionFault::Silence));
    let mut client = Client::to(&cluster, 1).await?;
    let request = MetadataRequest::default();
    let asked = tokio::time::timeout(Duration::from_secs(3600), client.call(&request, 12));
    assert!(asked.await.is_err(), "it waits for an hour");
    Ok(())
}
