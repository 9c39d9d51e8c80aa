//! Tokens of an authorization server, by OpenID Connect and OAuth 2.0.

mod assertion;
mod client_credentials;
mod endpoint;
mod jwt_bearer;

pub use assertion::{Assertion, AssertionAlgorithm};
pub use client_credentials::ClientCredentials;
pub use endpoint::TokenEndpoint;
pub use jwt_bearer::JwtBearer;

#[cfg(test)]
mod tests;
