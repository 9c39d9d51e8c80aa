#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

#[cfg(feature = "msk-iam")]
mod aws;
#[cfg(feature = "oauthbearer")]
mod bearer;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
mod clock;
mod credentials;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
mod file;
#[cfg(any(feature = "oauth", feature = "msk-iam"))]
mod form;
#[cfg(any(feature = "oauth", feature = "msk-iam"))]
mod http;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
mod keeper;
#[cfg(feature = "msk-iam")]
mod msk;
#[cfg(feature = "oauth")]
mod oauth;
mod plain;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
mod refresh;
#[cfg(feature = "scram")]
mod scram;
#[cfg(all(test, any(feature = "oauth", feature = "msk-iam")))]
mod testing;
#[cfg(any(feature = "oauth", feature = "msk-iam"))]
mod text;
#[cfg(feature = "oauthbearer")]
mod token;

#[cfg(feature = "msk-iam")]
pub use aws::{
    AssumedRole, AwsCredentialsProvider, AwsEnvironment, AwsSession, ContainerCredentials,
    DefaultAwsCredentials, InstanceMetadata, ProfileCredentials, WebIdentity,
};
#[cfg(feature = "oauthbearer")]
pub use bearer::BearerCredentials;
pub use credentials::{BoxFuture, Credentials, CredentialsError};
#[cfg(feature = "msk-iam")]
pub use msk::MskIamCredentials;
#[cfg(feature = "oauth")]
pub use oauth::{Assertion, AssertionAlgorithm, ClientCredentials, JwtBearer, TokenEndpoint};
pub use plain::PlainCredentials;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam"))]
pub use refresh::RefreshSettings;
#[cfg(feature = "scram")]
pub use scram::ScramCredentials;
#[cfg(feature = "oauthbearer")]
pub use token::{Token, TokenProvider};
