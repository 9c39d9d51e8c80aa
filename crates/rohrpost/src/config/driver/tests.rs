//! What properties say of sockets is what the driver is told. That sockets are so, its own tests show.

use rohrpost_driver::{AddressFamily, SocketOptions};

use crate::ProducerConfig;

fn of(config: Result<ProducerConfig, crate::Error>) -> SocketOptions {
    config.unwrap().to_driver().unwrap().sockets
}

fn java(name: &str, value: &str) -> SocketOptions {
    of(ProducerConfig::from_java([("bootstrap.servers", "a:1"), (name, value)]))
}

fn librdkafka(name: &str, value: &str) -> SocketOptions {
    of(ProducerConfig::from_librdkafka([("bootstrap.servers", "a:1"), (name, value)]))
}

#[test]
fn sockets_by_javas_names() {
    for (value, bytes) in [("-1", None), ("65536", Some(65_536)), ("20000", Some(20_000))] {
        assert_eq!(java("send.buffer.bytes", value).send_buffer, bytes);
        assert_eq!(java("receive.buffer.bytes", value).receive_buffer, bytes);
    }
    let default = java("send.buffer.bytes", "131072");
    assert_eq!((default.send_buffer, default.receive_buffer), (Some(131_072), Some(32_768)));
    assert!(default.keepalive && default.nodelay);
}

#[test]
fn sockets_by_librdkafkas_names() {
    for (value, bytes) in [("0", None), ("65536", Some(65_536)), ("20000", Some(20_000))] {
        assert_eq!(librdkafka("socket.send.buffer.bytes", value).send_buffer, bytes);
        assert_eq!(librdkafka("socket.receive.buffer.bytes", value).receive_buffer, bytes);
    }
    for (value, on) in [("false", false), ("true", true)] {
        assert_eq!(librdkafka("socket.keepalive.enable", value).keepalive, on);
        assert_eq!(librdkafka("socket.nagle.disable", value).nodelay, on);
    }
    for (value, bytes) in [("1000", 1_000), ("70000", 70_000)] {
        assert_eq!(librdkafka("receive.message.max.bytes", value).max_answer, bytes);
    }
    for (value, family) in
        [("any", AddressFamily::Any), ("v4", AddressFamily::V4), ("v6", AddressFamily::V6)]
    {
        assert_eq!(librdkafka("broker.address.family", value).address_family, family);
    }
}
