//! Servers that lie, stutter or never end while it is not clear yet who is who: a typed error within the time that setting a connection up has, and memory that
//! follows nobody's claims. In the time of the tests, which stands still while there is anything to do.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::sasl::{BoxFuture, CredentialsError, Sasl, Token, TokenProvider};
use rohrpost::tls::{Store, TlsSettings};
use rohrpost::{Error, ErrorKind, Producer, ProducerBuilder, ProducerRecord};
use rohrpost_testkit::{
    ApiKey, Cluster, ConnectionFault, Fault, Sasl as Listener, SaslFault, SaslMechanism, Tls,
    Tokens,
};

const USER: &str = "alice";
const PASSWORD: &str = "hunter2-hunter2";
const TOKEN: &str = "one.two.three";

/// What setting a connection up takes at the most: `socket.connection.setup.timeout.ms` with its jitter, or `request.timeout.ms`.
const SETUP: Duration = Duration::from_secs(30);

/// More than an attempt takes that fails, whichever way, and its pause.
const MAX_BLOCK: Duration = Duration::from_secs(45);

#[derive(Debug)]
struct Known;

impl TokenProvider for Known {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        Box::pin(ready(Ok(Token::new(TOKEN))))
    }
}

fn credentials(mechanism: SaslMechanism) -> Sasl {
    match mechanism {
        SaslMechanism::Plain => Sasl::plain(USER, PASSWORD),
        SaslMechanism::ScramSha256 => Sasl::scram_sha_256(USER, PASSWORD),
        SaslMechanism::ScramSha512 => Sasl::scram_sha_512(USER, PASSWORD),
        _ => Sasl::oauthbearer(Arc::new(Known)),
    }
}

async fn cluster(by_tls: bool) -> Cluster {
    let tokens = Tokens::list([(TOKEN, USER)]);
    let listener = Listener::new(SaslMechanism::ALL).user(USER, PASSWORD).tokens(tokens);
    let builder = Cluster::builder().brokers(1).sasl(listener);
    let builder = if by_tls { builder.tls(Tls::new()) } else { builder };
    let cluster = builder.start().await.unwrap();
    cluster.create_topic("t", 1).unwrap();
    cluster
}

fn builder(cluster: &Cluster, by_tls: bool, mechanism: SaslMechanism) -> ProducerBuilder {
    let builder = Producer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .sasl(credentials(mechanism))
        .max_block(MAX_BLOCK);
    let trusted = || Store::bytes(cluster.ca_pem().into_bytes());
    if by_tls { builder.tls(TlsSettings::new().truststore(trusted())) } else { builder }
}

async fn send(producer: &Producer) -> Result<(), Error> {
    producer.send(ProducerRecord::new("t").value("v")).await?.await.map(drop)
}

/// What comes of a fault that strikes each time, with and without TLS; and that all is well when it is over.
async fn struck(mechanism: SaslMechanism, fault: &Fault, check: impl Fn(&Error)) {
    for by_tls in [false, true] {
        let cluster = cluster(by_tls).await;
        cluster.inject(fault.clone().always());
        let producer = builder(&cluster, by_tls, mechanism).build().await.unwrap();
        let error = send(&producer).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(PASSWORD) && !text.contains(TOKEN), "{text}");
        assert!(cluster.stats().faults > 0, "{fault:?} struck nothing");
        check(&error);
        cluster.clear_faults();
        send(&producer).await.unwrap();
    }
}

/// As [`struck`]: who waits is told at once, and nothing goes out to whoever has not shown that it knows the password.
async fn refused(mechanism: SaslMechanism, fault: SaslFault, words: &str) {
    struck(mechanism, &Fault::sasl(fault), |error| {
        assert_eq!(error.kind(), ErrorKind::Authentication, "{mechanism} {fault:?}: {error}");
        let text = error.to_string();
        assert!(text.contains(words), "{mechanism} {fault:?}: {text}");
    })
    .await;
}

const SCRAM: [SaslMechanism; 2] = [SaslMechanism::ScramSha256, SaslMechanism::ScramSha512];

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_the_password_is_refused() {
    for mechanism in SCRAM {
        for fault in [SaslFault::WrongSignature, SaslFault::NoSignature, SaslFault::AcceptsAnything]
        {
            refused(mechanism, fault, mechanism.name()).await;
        }
        refused(mechanism, SaslFault::ServerError, "other-error").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_not_ones_own_is_refused() {
    for mechanism in SCRAM {
        for fault in [SaslFault::ForeignNonce, SaslFault::BareNonce] {
            refused(mechanism, fault, "nonce").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_of_an_earlier_exchange_is_refused() {
    for mechanism in SCRAM {
        let cluster = cluster(false).await;
        let honest = builder(&cluster, false, mechanism).build().await.unwrap();
        send(&honest).await.unwrap();
        cluster.inject(Fault::sasl(SaslFault::ReplayedNonce).always());
        let producer = builder(&cluster, false, mechanism).build().await.unwrap();
        let error = send(&producer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert!(error.to_string().contains("nonce"), "{error}");
    }
}

/// A minute of a processor's time and more, if they were computed.
#[tokio::test(start_paused = true)]
async fn a_thousand_million_iterations_are_not_computed() {
    for mechanism in SCRAM {
        for count in [1_000_000_000, u32::MAX, 1] {
            refused(mechanism, SaslFault::Iterations(count), "iterations").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn challenges_without_end_and_without_sense_are_left() {
    for mechanism in SaslMechanism::ALL {
        for fault in [SaslFault::EndlessChallenges, SaslFault::Nonsense] {
            refused(mechanism, fault, "").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mechanism_that_shows_the_password_is_not_fallen_back_to() {
    for by_tls in [false, true] {
        let cluster = cluster(by_tls).await;
        cluster.change_sasl(|sasl| sasl.set_mechanisms([SaslMechanism::Plain])).unwrap();
        for mechanism in SCRAM {
            let producer = builder(&cluster, by_tls, mechanism).build().await.unwrap();
            let error = send(&producer).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
            assert!(error.to_string().contains("PLAIN"), "{error}");
        }
        assert_eq!(cluster.stats().authentications, 0);
    }
}

/// A gibibyte, and what would do after the authentication: neither is waited for, and no room is made for it.
#[test]
fn a_frame_that_is_too_large_for_who_is_not_known_yet_is_refused_at_its_first_byte() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    for mechanism in SaslMechanism::ALL {
        for api in [ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate] {
            for bytes in [1 << 30, 100 << 20, (1 << 20) + 1] {
                let counts = allocation_counter::measure(|| {
                    runtime().unwrap().block_on(struck(
                        mechanism,
                        &Fault::announce(bytes).on(api),
                        |error| {
                            let text = error.to_string();
                            let announced = format!("a frame of {bytes} bytes is announced");
                            assert!(text.contains(&announced), "{mechanism} {api:?}: {text}");
                        },
                    ));
                });
                // All of it: brokers, producers, TLS.
                assert!(counts.bytes_max < 8 << 20, "{mechanism} {api:?} {bytes}: {counts:?}");
            }
        }
    }
}

/// Each byte comes in time, and all of them do not.
#[tokio::test(start_paused = true)]
async fn bytes_that_drip_are_not_waited_for_longer_than_setting_up_may_take() {
    for mechanism in SaslMechanism::ALL {
        for pause in [Duration::from_millis(400), Duration::from_secs(7)] {
            for fault in [
                Fault::trickle(pause).on(ApiKey::ApiVersions),
                Fault::trickle(pause).on(ApiKey::SaslHandshake),
                Fault::connection(ConnectionFault::Trickle(pause)),
            ] {
                struck(mechanism, &fault, |error| {
                    assert_eq!(error.kind(), ErrorKind::MetadataTimeout, "{mechanism}: {error}");
                    let text = error.to_string();
                    assert!(text.contains(" within "), "{mechanism} {fault:?}: {text}");
                })
                .await;
            }
        }
    }
}

/// The connection of an attempt that hangs is closed by the end of its time, whatever the producer waits for.
#[tokio::test(start_paused = true)]
async fn whoever_is_silent_is_left_when_the_time_is_over() {
    for by_tls in [false, true] {
        for fault in [
            Fault::connection(ConnectionFault::Silence),
            Fault::stall().on(ApiKey::SaslHandshake),
            Fault::stall().on(ApiKey::SaslAuthenticate),
        ] {
            let cluster = cluster(by_tls).await;
            cluster.inject(fault.clone());
            let producer = builder(&cluster, by_tls, SaslMechanism::ScramSha512);
            let producer = producer.max_block(SETUP * 3).build().await.unwrap();
            // The second attempt is met by nobody's fault.
            send(&producer).await.unwrap();
            assert!(cluster.stats().faults > 0, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handshakes_that_go_wrong_in_any_way_are_typed() {
    for (fault, kind) in [
        (ConnectionFault::Close, ErrorKind::MetadataTimeout),
        (ConnectionFault::CloseAfterHello, ErrorKind::MetadataTimeout),
        (ConnectionFault::Silence, ErrorKind::MetadataTimeout),
        // What is no TLS at all, Java too takes for a refusal.
        (ConnectionFault::Garbage, ErrorKind::Authentication),
        (ConnectionFault::TlsAlert(0), ErrorKind::Authentication),
        (ConnectionFault::TlsAlert(70), ErrorKind::Authentication),
        (ConnectionFault::TlsAlert(255), ErrorKind::Authentication),
    ] {
        let cluster = cluster(true).await;
        cluster.inject(Fault::connection(fault).always());
        let producer = builder(&cluster, true, SaslMechanism::Plain).build().await.unwrap();
        let error = send(&producer).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        cluster.clear_faults();
        send(&producer).await.unwrap();
    }
}
