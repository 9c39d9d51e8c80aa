//! What a configuration says, for programs that need to know it too.

use std::time::Duration;

use super::{Dialect, ProducerConfig, SerializerClass};

impl ProducerConfig {
    /// The brokers to begin with (`bootstrap.servers`); empty while none are set.
    pub fn bootstrap_servers(&self) -> &[String] {
        &self.bootstrap_servers
    }

    /// Bytes of a request, and of a record before compression, at most (`max.request.size`).
    pub fn max_request_size(&self) -> usize {
        self.max_request_size
    }

    /// How long a send waits for room and for knowledge of its topic, at most (`max.block.ms`).
    pub fn max_block(&self) -> Duration {
        self.max_block
    }

    /// From the send until a record is acknowledged or failed, at most (`delivery.timeout.ms`). Where it was not set, the default gives way to
    /// a longer linger and request timeout.
    pub fn delivery_timeout(&self) -> Duration {
        self.effective_delivery_timeout()
    }

    /// How long the answer to a request may take (`request.timeout.ms`).
    pub fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// How long a batch that is not full waits for more records (`linger.ms`).
    pub fn linger(&self) -> Duration {
        self.linger
    }

    /// The name that brokers log and apply quotas to (`client.id`); `None` if it was not set, and each producer gets one of its own.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The name under which the brokers know a producer of transactions (`transactional.id`), if that was set.
    pub fn transactional_id(&self) -> Option<&str> {
        self.transactional_id.as_deref()
    }

    /// What makes bytes of a key (`key.serializer`), if that was set.
    pub fn key_serializer(&self) -> Option<SerializerClass> {
        self.key_serializer
    }

    /// What makes bytes of a value (`value.serializer`), if that was set.
    pub fn value_serializer(&self) -> Option<SerializerClass> {
        self.value_serializer
    }

    /// The names that it was read by.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}
