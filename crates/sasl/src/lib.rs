#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod client;
mod credentials;
mod error;
mod gssapi;
mod jaas;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
mod json;
#[cfg(feature = "oauthbearer")]
mod jwt;
#[cfg(feature = "msk-iam")]
mod msk_iam;
#[cfg(feature = "oauthbearer")]
mod oauthbearer;
mod plain;
#[cfg(feature = "scram")]
mod scram;
mod secret;
#[cfg(feature = "msk-iam")]
mod sigv4;
#[cfg(any(feature = "scram", feature = "oauthbearer", feature = "msk-iam"))]
mod text;
#[cfg(feature = "oauthbearer")]
mod unsecured;

pub use bytes::Bytes;
pub use client::{SaslClient, Step};
pub use credentials::CredentialsError;
pub use error::{Blame, Fault, Problem, Refusal, SaslError};
pub use gssapi::{GssContext, GssError, GssToken, Gssapi};
pub use jaas::{ControlFlag, JaasConfig, JaasError, JaasErrorKind, LoginModule};
#[cfg(feature = "oauthbearer")]
pub use jwt::{ClaimNames, Jwt, JwtError};
#[cfg(feature = "msk-iam")]
pub use msk_iam::{AwsCredentials, MskIam, region_of_host};
#[cfg(feature = "oauthbearer")]
pub use oauthbearer::OAuthBearer;
pub use plain::Plain;
#[cfg(feature = "scram")]
pub use scram::{ClientNonce, Scram, ScramHash};
pub use secret::Secret;
#[cfg(feature = "oauthbearer")]
pub use unsecured::{Claim, OptionError, UnsecuredToken};
