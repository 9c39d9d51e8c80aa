//! TLS: whom to trust, who one is, what is allowed. For [`ProducerBuilder::tls`](crate::ProducerBuilder::tls) and
//! [`tls_client`](crate::ProducerBuilder::tls_client), with the feature `tls` or `tls-aws-lc-rs`. The properties `ssl.*` say the same by Java's or librdkafka's names.

pub use rohrpost_tls::{
    CertificateInfo, CertificateProblem, CipherSuite, Store, StoreProblem, StoreType, TlsClient,
    TlsError, TlsSettings, TlsVersion,
};
