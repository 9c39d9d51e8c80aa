#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

#[cfg(feature = "msk-iam")]
mod aws;
#[cfg(feature = "oauthbearer")]
mod bearer;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam", feature = "gssapi"))]
mod clock;
mod credentials;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam", feature = "gssapi"))]
mod file;
#[cfg(any(feature = "oauth", feature = "msk-iam"))]
mod form;
#[cfg(any(feature = "oauth", feature = "msk-iam"))]
mod http;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam", feature = "gssapi"))]
mod keeper;
#[cfg(feature = "gssapi")]
mod kerberos;
#[cfg(feature = "msk-iam")]
mod msk;
#[cfg(feature = "oauth")]
mod oauth;
mod plain;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam", feature = "gssapi"))]
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
pub use credentials::{BoxFuture, Credentials};
#[cfg(feature = "gssapi")]
pub use kerberos::{KerberosCredentials, KerberosEnvironment, KerberosLogin};
#[cfg(feature = "msk-iam")]
pub use msk::MskIamCredentials;
#[cfg(feature = "oauth")]
pub use oauth::{Assertion, AssertionAlgorithm, ClientCredentials, JwtBearer, TokenEndpoint};
pub use plain::PlainCredentials;
#[cfg(any(feature = "oauthbearer", feature = "msk-iam", feature = "gssapi"))]
pub use refresh::RefreshSettings;
#[cfg(feature = "oauthbearer")]
pub use rohrpost_sasl::ClaimNames;
pub use rohrpost_sasl::CredentialsError;
#[cfg(feature = "scram")]
pub use scram::ScramCredentials;
#[cfg(feature = "oauthbearer")]
pub use token::{Token, TokenProvider};
