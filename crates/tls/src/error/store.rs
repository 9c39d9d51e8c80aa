//! What can be wrong with a store of keys and certificates.

use std::fmt;

use crate::certificate::shown;

/// What is wrong with a store of keys and certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreProblem {
    /// It is of another type than was said.
    WrongType {
        /// What was said.
        expected: &'static str,
        /// What it seems to be.
        found: &'static str,
    },
    /// Nothing that is known.
    UnknownType,
    /// It is cut off, or something in it is not what it should be.
    Broken {
        /// What, and where.
        detail: String,
    },
    /// The password is not the store's. A store that somebody changed looks the same.
    WrongPassword,
    /// The password is not the private key's.
    WrongKeyPassword {
        /// The key's alias, if it has one.
        alias: Option<String>,
    },
    /// It is encrypted, and no password was given.
    PasswordMissing,
    /// Its private key is encrypted, and no password was given.
    KeyPasswordMissing {
        /// The key's alias, if it has one.
        alias: Option<String>,
    },
    /// A password for a store that has none, such as PEM: only its key may have one.
    PasswordOfPem,
    /// It is protected in a way that is not supported.
    Unsupported {
        /// Which.
        what: String,
        /// How to change the store.
        remedy: &'static str,
    },
    /// It asks for more work than is sane to find out what it is protected by.
    TooManyIterations {
        /// How much work: the iterations of its key derivation.
        iterations: u64,
        /// The most that is allowed.
        most: u32,
    },
    /// There is no private key with a certificate in it.
    NoKey {
        /// How many certificates there are.
        certificates: usize,
    },
    /// There is more than one private key where only one can be, or more than a store may have.
    SeveralKeys {
        /// How many.
        keys: usize,
    },
    /// A private key without a certificate.
    NoCertificate,
    /// There is no certificate in it to be trusted.
    NothingTrusted {
        /// How many certificates there are that are not marked as trusted.
        unmarked: usize,
    },
    /// A private key of a kind or size that is not supported.
    Key {
        /// What is wrong with it.
        detail: String,
    },
    /// None of its certificates can be used.
    Certificates {
        /// Whose, and what is wrong.
        detail: String,
    },
}

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = |alias: &Option<String>| match alias {
            Some(alias) => format!("private key \"{}\"", shown(alias)),
            None => "private key".to_owned(),
        };
        match self {
            Self::WrongType { expected, found } => {
                write!(f, "it is said to be {expected}, and seems to be {found}: set its type")
            }
            Self::UnknownType => f.write_str("it is neither JKS nor PKCS12 nor PEM"),
            Self::Broken { detail } => write!(f, "it is broken or cut off: {detail}"),
            Self::WrongPassword => f.write_str(
                "the password is wrong, or somebody changed the store after it was made",
            ),
            Self::WrongKeyPassword { alias: key } => write!(
                f,
                "the password of the {} is wrong: set ssl.key.password if it is not the store's",
                alias(key)
            ),
            Self::PasswordMissing => {
                f.write_str("it is encrypted, and there is no password for it")
            }
            Self::KeyPasswordMissing { alias: key } => {
                write!(
                    f,
                    "the {} is encrypted, and there is no password for it: set ssl.key.password",
                    alias(key)
                )
            }
            Self::PasswordOfPem => f.write_str(
                "PEM has no password of its own: the one of its private key is ssl.key.password",
            ),
            Self::Unsupported { what, remedy } => write!(f, "{what} is not supported: {remedy}"),
            Self::TooManyIterations { iterations, most } => write!(
                f,
                "its key derivation has {iterations} iterations, and {most} are the most in one store: make it anew with \
                 fewer"
            ),
            Self::NoKey { certificates } => write!(
                f,
                "there is no private key in it, only {certificates} certificates: is it the truststore?"
            ),
            Self::SeveralKeys { keys } => {
                write!(f, "there are {keys} or more private keys in it, which is too many")
            }
            Self::NoCertificate => f.write_str("there is no certificate for the private key"),
            Self::NothingTrusted { unmarked: 0 } => f.write_str("there is no certificate in it"),
            Self::NothingTrusted { unmarked } => write!(
                f,
                "none of its {unmarked} certificates is marked as trusted: add them by `keytool -importcert`, or use \
                 PEM"
            ),
            Self::Key { detail } => write!(f, "the private key cannot be used: {detail}"),
            Self::Certificates { detail } => {
                write!(f, "none of its certificates can be used: {detail}")
            }
        }
    }
}
