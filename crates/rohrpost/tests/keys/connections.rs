//! Who is connected to, how fast, and for how long.

use std::time::Duration;

use rohrpost::Producer;
use rohrpost_codec::messages::ProduceRequest;
use tokio::net::{TcpSocket, TcpStream};

use crate::wire::Wire;
use crate::{Setting, both, builder, cluster, pass, record, settle, warm};

#[test]
fn bootstrap_servers() {
    let logs = crate::live(|| async {
        let (one, other) = (cluster(1).await, cluster(1).await);
        let mut lengths = Vec::new();
        for servers in [one.bootstrap_servers(), other.bootstrap_servers()] {
            let builder = Producer::builder().property("bootstrap.servers", servers);
            let producer = builder.build().await.unwrap();
            producer.send(record()).await.unwrap().await.unwrap();
            lengths.push((one.log("t", 0).len(), other.log("t", 0).len()));
        }
        lengths
    });
    assert_eq!(logs, [(1, 0), (1, 1)]);
}

#[test]
fn bootstrap_resolve_timeout() {
    // Nothing is resolved by such a name, and no name server is asked.
    let times = both("bootstrap.resolve.timeout.ms", ["0", "900"], |setting| async move {
        let builder = Producer::builder().bootstrap_servers("nobody..here:9092");
        let start = std::time::Instant::now();
        builder.property(setting.key, setting.value).build().await.unwrap_err();
        start.elapsed()
    });
    assert!(times[0] < times[1] && times[1] >= Duration::from_millis(600), "{times:?}");
}

#[test]
fn client_dns_lookup() {
    // Who could not be reached is told by the name that was used.
    const VALUES: [&str; 2] = ["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"];
    let tried = both("client.dns.lookup", VALUES, |setting| async move {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        drop(listener);
        let builder = Producer::builder().bootstrap_servers(server.to_string());
        let builder = builder.max_block(Duration::from_millis(300));
        let producer = builder.property(setting.key, setting.value).build().await.unwrap();
        let error = producer.send(record()).await.unwrap_err();
        let address = error.broker().unwrap().address().unwrap().to_owned();
        (address == server.to_string(), address.ends_with(&format!(":{}", server.port())))
    });
    // Every machine calls that address localhost, or by a name of its own.
    assert_eq!(tried, [(true, true), (false, true)]);
}

#[test]
fn client_id() {
    let ids = both("client.id", ["one", "the other"], |setting| async move {
        let wire = Wire::start().await;
        let builder = Producer::builder().bootstrap_servers(wire.address());
        drop(warm(builder.property(setting.key, setting.value)).await);
        let requests = wire.requests::<ProduceRequest>();
        requests.iter().map(|(id, _)| id.as_ref().map(ToString::to_string)).collect::<Vec<_>>()
    });
    assert_eq!(ids, [vec![Some("one".to_owned())], vec![Some("the other".to_owned())]]);
}

#[test]
fn connections_max_idle() {
    let open = both("connections.max.idle.ms", ["5000", "-1"], |setting| async move {
        let cluster = cluster(1).await;
        let _producer =
            warm(builder(&cluster, setting).metadata_max_age(Duration::from_secs(1 << 30))).await;
        pass(Duration::from_secs(5_000)).await;
        cluster.stats().open_connections
    });
    assert_eq!((open[0], open[1] > 0), (0, true));
}

/// How many attempts to connect fail within a time, where nobody listens.
async fn attempts(setting: Setting, more: &[(&str, &str)], time: Duration) -> u64 {
    let cluster = cluster(1).await;
    let producer = warm(builder(&cluster, setting).properties(more.iter().copied())).await;
    cluster.stop_broker(1).await;
    drop(producer.send(record()).await.unwrap());
    let before = producer.stats().connections_failed;
    pass(time).await;
    producer.stats().connections_failed - before
}

#[test]
fn reconnect_backoff() {
    let [often, seldom] = both("reconnect.backoff.ms", ["100", "10000"], |setting| {
        let more = &[("reconnect.backoff.max.ms", "10000"), ("metadata.recovery.strategy", "none")];
        attempts(setting, more, Duration::from_secs(5))
    });
    assert!(often >= 4 && seldom <= 1, "{often} {seldom}");
}

#[test]
fn reconnect_backoff_max() {
    let [often, seldom] = both("reconnect.backoff.max.ms", ["100", "50000"], |setting| {
        let more = &[("reconnect.backoff.ms", "100"), ("metadata.recovery.strategy", "none")];
        attempts(setting, more, Duration::from_secs(60))
    });
    assert!(often >= 400 && seldom <= 12, "{often} {seldom}");
}

/// How many attempts to connect there are within 100 s, where nobody accepts.
async fn unaccepted(setting: Setting, more: &[(&str, &str)]) -> u64 {
    tokio::time::pause();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Fill the queue of those who wait to be accepted.
    let mut waiting = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
    }
    let producer = Producer::builder()
        .bootstrap_servers(address.to_string())
        .property(setting.key, setting.value)
        .properties(more.iter().copied())
        .properties([("reconnect.backoff.ms", "0"), ("max.block.ms", "0")])
        .build()
        .await
        .unwrap();
    drop(producer.send(record()).await);
    settle().await;
    pass(Duration::from_secs(100)).await;
    let stats = producer.stats();
    // All but the last have failed, and that may have too.
    assert!((0..2).contains(&(stats.connections_opened - stats.connections_failed)), "{stats:?}");
    stats.connections_opened
}

#[test]
fn connection_setup_timeout() {
    let [often, seldom] =
        both("socket.connection.setup.timeout.ms", ["1000", "30000"], |setting| {
            unaccepted(setting, &[("socket.connection.setup.timeout.max.ms", "30000")])
        });
    assert!(often >= 5 && (2..=4).contains(&seldom) && often > seldom, "{often} {seldom}");
}

#[test]
fn connection_setup_timeout_max() {
    let [often, seldom] =
        both("socket.connection.setup.timeout.max.ms", ["1000", "1000000"], |setting| {
            unaccepted(setting, &[("socket.connection.setup.timeout.ms", "1000")])
        });
    assert!(often >= 80 && seldom <= 8, "{often} {seldom}");
}
