//! Tests against real Kafka clusters and real tools.
