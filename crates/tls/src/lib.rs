#![doc = include_str!("../README.md")]

mod certificate;
mod client;
mod der;
mod error;
mod explain;
mod files;
mod identity;
mod key;
mod names;
mod provider;
mod secret;
mod session;
mod settings;
mod sign;
mod store;
mod time;
mod verify;

pub use certificate::CertificateInfo;
pub use client::TlsClient;
pub use error::{CertificateProblem, StoreProblem, TlsError};
pub use names::{CipherSuite, TlsVersion};
pub use session::TlsSession;
pub use settings::TlsSettings;
pub use sign::SignatureAlgorithm;
pub use store::{Entry, Store, StoreType};
