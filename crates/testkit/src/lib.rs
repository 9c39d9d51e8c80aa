//! Kafka brokers inside your own process, for tests.
