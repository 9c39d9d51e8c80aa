//! What a configuration shows of itself.

use std::fmt;

use super::ProducerConfig;

/// Values that stand elsewhere (`config.providers`) are not shown, as those of passwords.
impl fmt::Debug for ProducerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProducerConfig");
        // A field that is left out here does not compile: it may hold what stands elsewhere.
        macro_rules! fields {
            ($($field:ident of $properties:expr,)*) => {
                let Self { $($field),* } = self;
                $(if self.providers.refer($properties) {
                    shown.field(stringify!($field), &format_args!("[hidden]"));
                } else {
                    shown.field(stringify!($field), $field);
                })*
            };
        }
        fields! {
            bootstrap_servers of &["bootstrap.servers"],
            bootstrap_resolve_timeout of &["bootstrap.resolve.timeout.ms"],
            dns_lookup of &["client.dns.lookup"],
            client_id of &["client.id"],
            transactional_id of &["transactional.id"],
            transaction_timeout of &["transaction.timeout.ms"],
            has_transaction_timeout of &["transaction.timeout.ms"],
            two_phase_commit of &["transaction.two.phase.commit.enable"],
            acks of &["acks"],
            idempotence of &["enable.idempotence"],
            retries of &["retries"],
            max_in_flight of &["max.in.flight.requests.per.connection"],
            delivery_timeout of &["delivery.timeout.ms"],
            request_timeout of &["request.timeout.ms"],
            retry_backoff of &["retry.backoff.ms"],
            retry_backoff_max of &["retry.backoff.max.ms"],
            batch_size of &["batch.size"],
            linger of &["linger.ms"],
            compression of &["compression.type"],
            gzip_level of &["compression.gzip.level"],
            lz4_level of &["compression.lz4.level"],
            zstd_level of &["compression.zstd.level"],
            buffer_memory of &["buffer.memory"],
            max_block of &["max.block.ms"],
            max_request_size of &["max.request.size"],
            partitioning of &["partitioner.class"],
            partitioner of &[],
            interceptors of &[],
            ignore_keys of &["partitioner.ignore.keys"],
            adaptive_partitioning of &["partitioner.adaptive.partitioning.enable"],
            availability_timeout of &["partitioner.availability.timeout.ms"],
            rack_aware of &["partitioner.rack.aware"],
            rack of &["client.rack"],
            metadata_max_age of &["metadata.max.age.ms"],
            metadata_max_idle of &["metadata.max.idle.ms"],
            metadata_recovery of &["metadata.recovery.strategy"],
            rebootstrap_trigger of &["metadata.recovery.rebootstrap.trigger.ms"],
            cluster_check of &["metadata.cluster.check.enable"],
            reconnect_backoff of &["reconnect.backoff.ms"],
            reconnect_backoff_max of &["reconnect.backoff.max.ms"],
            connection_setup_timeout of &["socket.connection.setup.timeout.ms"],
            connection_setup_timeout_max of &["socket.connection.setup.timeout.max.ms"],
            connections_max_idle of &["connections.max.idle.ms"],
            send_buffer of &["send.buffer.bytes"],
            receive_buffer of &["receive.buffer.bytes"],
            keepalive of &[],
            nodelay of &[],
            address_family of &[],
            receive_message_max of &[],
            ack_timeout of &[],
            auto_create_topics of &[],
            security of &self.providers.referring_to_security(),
            topics of &[],
            encodings of &["key.serializer.encoding", "value.serializer.encoding", "serializer.encoding"],
            key_serializer of &["key.serializer"],
            value_serializer of &["value.serializer"],
            places of &[],
            providers of &[],
            dialect of &[],
            own_thread of &[],
        }
        shown.finish()
    }
}
