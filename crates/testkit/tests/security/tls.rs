//! TLS, by a client of rustls.

use std::io;
use std::sync::Arc;

use rohrpost_codec::messages::MetadataRequest;
use rohrpost_codec::{ErrorCode, decode_response, encode_request};
use rohrpost_testkit::{
    CertificateFlaw, ClientAuth, Cluster, Identity, Permission, Sasl, SaslMechanism, Tls,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, Outcome, address};

fn config(ca: &str, identity: Option<&Identity>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(io::Error::other)?;
    roots.add(ca).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    Ok(Arc::new(match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let pem = identity.certificate_pem().as_bytes();
            let certificate = CertificateDer::from_pem_slice(pem).map_err(io::Error::other)?;
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem().as_bytes());
            let key = key.map_err(io::Error::other)?;
            config.with_client_auth_cert(vec![certificate], key).map_err(io::Error::other)?
        }
    }))
}

async fn connect(
    cluster: &Cluster,
    ca: &str,
    identity: Option<&Identity>,
    host: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address(cluster, 1)).await?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config(ca, identity)?).connect(name, stream).await
}

/// Asks for metadata, and says whether it got any.
async fn ask(cluster: &Cluster, identity: Option<&Identity>, host: &str) -> io::Result<()> {
    let mut stream = connect(cluster, &cluster.ca_pem(), identity, host).await?;
    let request = encode_request(1, None, &MetadataRequest::default(), 12);
    stream.write_all(&request.map_err(io::Error::other)?.to_bytes()).await?;
    let size = stream.read_u32().await?;
    let mut frame = vec![0; size as usize];
    stream.read_exact(&mut frame).await?;
    let answer = decode_response::<rohrpost_codec::messages::MetadataResponse>(&frame.into(), 12);
    assert_eq!(answer.map_err(io::Error::other)?.0, 1);
    Ok(())
}

/// What the client says that could not connect.
async fn refusal(cluster: &Cluster, identity: Option<&Identity>) -> String {
    ask(cluster, identity, "127.0.0.1")
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[tokio::test]
async fn brokers_are_who_they_say_by_name_and_by_address() -> Outcome {
    for tls in [Tls::new(), Tls::new().only_tls12(), Tls::new().only_tls13()] {
        let cluster = Cluster::builder().brokers(1).tls(tls).start().await?;
        ask(&cluster, None, "127.0.0.1").await?;
        ask(&cluster, None, "localhost").await?;
        let error = ask(&cluster, None, "example.org").await.err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("not valid for name")));
        assert_eq!(cluster.stats().requests.values().sum::<u64>(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_flaw_of_the_brokers_certificate_is_seen() -> Outcome {
    let cluster = Cluster::builder().brokers(1).tls(Tls::new()).start().await?;
    let cases = [
        (CertificateFlaw::Expired, "expired"),
        (CertificateFlaw::NotYetValid, "not valid yet"),
        (CertificateFlaw::WrongHost, "not valid for name"),
        (CertificateFlaw::UnknownIssuer, "BadSignature"),
        (CertificateFlaw::CommonNameOnly, "not valid for name"),
        (CertificateFlaw::Authority, "CaUsedAsEndEntity"),
        (CertificateFlaw::WrongUsage, "does not allow extended key usage"),
        (CertificateFlaw::SelfSigned, "UnknownIssuer"),
    ];
    for (flaw, said) in cases {
        cluster.set_tls(Some(Tls::new().flaw(flaw)));
        let error = refusal(&cluster, None).await;
        assert!(error.contains(said), "{flaw:?}: {error}");
    }
    cluster.set_tls(Some(Tls::new()));
    assert_eq!(refusal(&cluster, None).await, "");
    Ok(())
}

#[tokio::test]
async fn clients_need_a_certificate_where_it_is_required() -> Outcome {
    let tls = Tls::new().client_auth(ClientAuth::Required);
    for tls in [tls.clone(), tls.only_tls12()] {
        let cluster = Cluster::builder().brokers(1).tls(tls).start().await?;
        let alice = cluster.client_certificate("alice")?;
        assert_eq!(refusal(&cluster, Some(&alice)).await, "");
        let without = refusal(&cluster, None).await;
        let is_told =
            ["CertificateRequired", "HandshakeFailure"].iter().any(|&a| without.contains(a));
        assert!(is_told, "{without}");
        let cases = [
            (CertificateFlaw::Expired, "CertificateExpired"),
            (CertificateFlaw::NotYetValid, "CertificateExpired"),
            (CertificateFlaw::UnknownIssuer, "DecryptError"),
            (CertificateFlaw::SelfSigned, "UnknownCA"),
            (CertificateFlaw::WrongUsage, "UnsupportedCertificate"),
            (CertificateFlaw::WrongHost, ""),
            (CertificateFlaw::CommonNameOnly, ""),
        ];
        for (flaw, said) in cases {
            let bad = cluster.flawed_client_certificate("alice", flaw)?;
            let error = refusal(&cluster, Some(&bad)).await;
            assert!(
                error.contains(said) && error.is_empty() == said.is_empty(),
                "{flaw:?}: {error}"
            );
        }
        cluster.set_tls(Some(Tls::new().client_auth(ClientAuth::Requested)));
        assert_eq!(refusal(&cluster, None).await, "");
        let expired = cluster.flawed_client_certificate("alice", CertificateFlaw::Expired)?;
        assert!(!refusal(&cluster, Some(&expired)).await.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn certificates_are_replaced_while_it_runs() -> Outcome {
    let tls = Tls::new().client_auth(ClientAuth::Required);
    let cluster = Cluster::builder().brokers(1).tls(tls).start().await?;
    let (ca, alice) = (cluster.ca_pem(), cluster.client_certificate("alice")?);
    cluster.renew_authority()?;
    assert!(connect(&cluster, &ca, Some(&alice), "localhost").await.is_err(), "the old authority");
    assert!(!refusal(&cluster, Some(&alice)).await.is_empty(), "the old certificate");
    let alice = cluster.client_certificate("alice")?;
    assert_eq!(refusal(&cluster, Some(&alice)).await, "");
    cluster.set_tls(None);
    Client::to(&cluster, 1).await?.call(&MetadataRequest::default(), 12).await?;
    Ok(())
}

#[tokio::test]
async fn whoever_speaks_plain_text_is_answered_with_an_alert() -> Outcome {
    let cluster = Cluster::builder().brokers(1).tls(Tls::new()).start().await?;
    let mut stream = TcpStream::connect(address(&cluster, 1)).await?;
    let request = encode_request(1, None, &MetadataRequest::default(), 12)?;
    stream.write_all(&request.to_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert_eq!(answer[..6], [21, 3, 3, 0, 2, 2], "a fatal alert");
    Ok(())
}

/// Without SASL, the certificate says who a client is.
#[tokio::test]
async fn a_certificates_subject_is_a_principal() -> Outcome {
    let tls = Tls::new().client_auth(ClientAuth::Required);
    let cluster = Cluster::builder().brokers(1).tls(tls).start().await?;
    cluster.create_topic("t", 1)?;
    cluster.deny_to("CN=bob", Permission::DescribeTopic("t".into()));
    for (name, topics) in [("alice", 1), ("bob", 0)] {
        let identity = cluster.client_certificate(name)?;
        let mut stream = connect(&cluster, &cluster.ca_pem(), Some(&identity), "localhost").await?;
        let all = MetadataRequest { topics: None, ..Default::default() };
        stream.write_all(&encode_request(1, None, &all, 12)?.to_bytes()).await?;
        let size = stream.read_u32().await?;
        let mut frame = vec![0; size as usize];
        stream.read_exact(&mut frame).await?;
        let (_, answer) =
            decode_response::<rohrpost_codec::messages::MetadataResponse>(&frame.into(), 12)?;
        assert_eq!(answer.topics.len(), topics, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn sasl_goes_through_tls() -> Outcome {
    let sasl = Sasl::new([SaslMechanism::Plain]).user("alice", "alice-secret");
    let cluster = Cluster::builder().brokers(1).tls(Tls::new()).sasl(sasl).start().await?;
    assert!(ask(&cluster, None, "localhost").await.is_err(), "not yet authenticated");
    let mut stream = connect(&cluster, &cluster.ca_pem(), None, "localhost").await?;
    let handshake = rohrpost_codec::messages::SaslHandshakeRequest {
        mechanism: "PLAIN".into(),
        ..Default::default()
    };
    let token = rohrpost_codec::messages::SaslAuthenticateRequest {
        auth_bytes: rohrpost_testkit::Bytes::from_static(b"\0alice\0alice-secret"),
        ..Default::default()
    };
    stream.write_all(&encode_request(1, None, &handshake, 1)?.to_bytes()).await?;
    stream.write_all(&encode_request(2, None, &token, 1)?.to_bytes()).await?;
    for id in 1..=2 {
        let size = stream.read_u32().await?;
        let mut frame = vec![0; size as usize];
        stream.read_exact(&mut frame).await?;
        assert_eq!(frame[..4], [0, 0, 0, id]);
        assert_eq!(ErrorCode::from(i16::from_be_bytes([frame[4], frame[5]])), ErrorCode::NONE);
    }
    Ok(())
}
