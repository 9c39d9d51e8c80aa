//! Certificates that are not accepted end what waits at once (KIP-152), and never the producer. In the time of the tests, which stands still while there is
//! anything to do: `max.block.ms` and `delivery.timeout.ms` are over only where nothing happens any more.

use std::time::Duration;

use rohrpost::{Error, ErrorKind, Outcome, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{
    ApiKey, CertificateFlaw, ClientAuth, Cluster, ConnectionFault, Fault, Identity, Tls,
};

const HOUR: Duration = Duration::from_secs(3_600);

async fn cluster(brokers: i32, tls: Option<Tls>) -> Cluster {
    let builder = Cluster::builder().brokers(brokers);
    let builder = match tls {
        Some(tls) => builder.tls(tls),
        None => builder,
    };
    let cluster = builder.start().await.unwrap();
    cluster.create_topic("t", brokers).unwrap();
    cluster
}

/// Whoever waits for a time-out waits for an hour.
fn patient(cluster: &Cluster) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .property("security.protocol", "SSL")
        .property("ssl.truststore.type", "PEM")
        .property("ssl.truststore.certificates", cluster.ca_pem())
        .max_block(HOUR)
        .delivery_timeout(HOUR)
}

fn showing(builder: ProducerBuilder, of: &Identity) -> ProducerBuilder {
    builder
        .property("ssl.keystore.type", "PEM")
        .property("ssl.keystore.key", of.key_pem())
        .property("ssl.keystore.certificate.chain", of.certificate_pem())
}

async fn send(producer: &Producer) -> Result<(), Error> {
    producer.send(ProducerRecord::new("t").value("v")).await?.await.map(drop)
}

/// Why nobody gets in: the same for all who wait.
async fn refusal(producer: &Producer) -> String {
    let (sent, other, looked) =
        tokio::join!(send(producer), send(producer), producer.partitions_for("t"));
    let errors = [sent.unwrap_err(), other.unwrap_err(), looked.unwrap_err()];
    for error in &errors {
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert!(!error.is_retriable() && !error.is_fatal(), "{error}");
        assert!(error.broker().is_some(), "{error}");
    }
    errors[0].to_string()
}

#[tokio::test(start_paused = true)]
async fn a_brokers_certificate_that_is_not_accepted_fails_who_waits_and_a_new_one_mends_it() {
    for (flaw, words) in [
        (CertificateFlaw::Expired, "expired"),
        (CertificateFlaw::NotYetValid, "valid from"),
        (CertificateFlaw::WrongHost, "elsewhere.invalid"),
        // One of its name is trusted, with another key.
        (CertificateFlaw::UnknownIssuer, "issuer"),
        (CertificateFlaw::SelfSigned, "not trusted"),
        (CertificateFlaw::CommonNameOnly, "common name"),
        (CertificateFlaw::Authority, "authority"),
        (CertificateFlaw::WrongUsage, "serverAuth"),
    ] {
        for tls in [Tls::new().only_tls12(), Tls::new().only_tls13()] {
            let cluster = cluster(1, Some(tls.clone().flaw(flaw))).await;
            let producer = patient(&cluster).build().await.unwrap();
            for _ in 0..2 {
                let why = refusal(&producer).await;
                assert!(why.contains(words) && why.contains("127.0.0.1"), "{flaw:?}: {why}");
            }
            cluster.set_tls(Some(tls));
            send(&producer).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clients_certificate_that_is_refused_fails_who_waits() {
    for tls in [Tls::new().only_tls12(), Tls::new().only_tls13()] {
        let tls = tls.client_auth(ClientAuth::Required);
        let cluster = cluster(1, Some(tls.clone())).await;
        let nobody = patient(&cluster).build().await.unwrap();
        let why = refusal(&nobody).await;
        assert!(why.contains("wants a certificate of the client"), "{why}");
        for flaw in [CertificateFlaw::Expired, CertificateFlaw::UnknownIssuer] {
            let of = cluster.flawed_client_certificate("alice", flaw).unwrap();
            let producer = showing(patient(&cluster), &of).build().await.unwrap();
            let why = refusal(&producer).await;
            assert!(why.contains("refuses the client's certificate"), "{flaw:?}: {why}");
            assert!(why.contains("CN=alice"), "{flaw:?}: {why}");
        }
        let alice = cluster.client_certificate("alice").unwrap();
        let producer = showing(patient(&cluster), &alice).build().await.unwrap();
        send(&producer).await.unwrap();
        // The broker changes its mind, and so does nobody's producer: it was never dead.
        cluster.set_tls(Some(tls.client_auth(ClientAuth::None)));
        send(&nobody).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_two_have_not_in_common_fails_who_waits() {
    let cluster = cluster(1, Some(Tls::new().only_tls13())).await;
    let old = patient(&cluster).property("ssl.enabled.protocols", "TLSv1.2").build().await.unwrap();
    let why = refusal(&old).await;
    assert!(why.contains("TLSv1.2") && why.contains("ssl.enabled.protocols"), "{why}");
    // Whatever the reason is that a handshake is ended with.
    for (alert, words) in [(40, "in common"), (80, "internal_error"), (112, "unrecognized_name")] {
        cluster.inject(Fault::connection(ConnectionFault::TlsAlert(alert)));
        let producer = patient(&cluster).build().await.unwrap();
        let why = refusal(&producer).await;
        assert!(why.contains(words), "{alert}: {why}");
        send(&producer).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn records_whose_leader_refuses_fail_before_their_time_and_the_others_do_not() {
    let cluster = cluster(2, Some(Tls::new())).await;
    let producer = patient(&cluster).build().await.unwrap();
    let to = |partition| ProducerRecord::new("t").partition(partition).value("v");
    for partition in 0..2 {
        producer.send(to(partition)).await.unwrap().await.unwrap();
    }
    // One of the brokers comes back with another's certificate.
    let leader = cluster.leader("t", 0).unwrap();
    cluster.inject(Fault::connection(ConnectionFault::TlsAlert(42)).broker(leader).always());
    let fault = Fault::disconnect_before().on(ApiKey::Produce).broker(leader);
    cluster.inject(fault);
    let (its, others) = tokio::join!(async { producer.send(to(0)).await.unwrap().await }, async {
        producer.send(to(1)).await.unwrap().await
    },);
    let error = its.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    // It was under way when the connection ended.
    assert_ne!(error.outcome(), Outcome::Written);
    others.unwrap();
    cluster.clear_faults();
    producer.send(to(0)).await.unwrap().await.unwrap();
}

/// The connection is tried again, and the last trouble stands in the error when the time is over.
#[tokio::test(start_paused = true)]
async fn tls_or_not_is_told_when_the_time_is_over_and_tried_again_until_then() {
    let cluster = cluster(1, None).await;
    let secured = patient(&cluster).max_block(Duration::from_secs(60)).build().await.unwrap();
    let error = send(&secured).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
    assert!(error.to_string().contains("security.protocol"), "{error}");

    cluster.set_tls(Some(Tls::new()));
    let plain = || Producer::builder().bootstrap_servers(cluster.bootstrap_servers());
    let producer = plain().max_block(Duration::from_secs(60)).build().await.unwrap();
    let error = send(&producer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{error}");
    let text = error.to_string();
    assert!(text.contains("it answered TLS") && text.contains("security.protocol"), "{text}");

    let (secured, _) = (patient(&cluster).build().await.unwrap(), cluster.set_tls(None));
    let waiting = send(&secured);
    let mended = async {
        tokio::time::sleep(Duration::from_secs(100)).await; // tidy: may sleep: the clock is paused
        cluster.set_tls(Some(Tls::new()));
    };
    let (sent, ()) = tokio::join!(waiting, mended);
    sent.unwrap();
}
