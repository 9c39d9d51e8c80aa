//! `sasl.jaas.config`, as Java writes and reads it.

mod tokens;

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use crate::Secret;

use tokens::{Token, Tokens};

/// A login module's line: `Class required option="value" ... ;`, as `sasl.jaas.config` has it (KIP-85).
///
/// The text is read as Java's client does, by the rules of `java.io.StreamTokenizer`: values stand in double or single
/// quotes with C's escapes (`\"`, `\\`, `\n`, `\101`), or are words that begin with a letter, `_` or `$`; comments are
/// those of Java; the control flag is in any case; of an option that comes twice the last counts. Where Java guesses
/// (at a quote that does not close, or a `/` outside of quotes, which it takes for a comment), this is an error.
///
/// ```
/// use rohrpost_sasl::{JaasConfig, LoginModule};
///
/// let text = r#"org.apache.kafka.common.security.plain.PlainLoginModule required
///     username="alice" password="back\\slash";"#;
/// let jaas = JaasConfig::parse(text)?;
/// assert_eq!(jaas.module(), LoginModule::Plain);
/// assert_eq!(jaas.option("username"), Some("alice"));
/// assert_eq!(jaas.option("password"), Some(r"back\slash"));
///
/// let error = JaasConfig::parse("PlainLoginModule required\n username=alice password=7days;").unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 26: a value that does not begin with a letter must be in quotes");
/// # Ok::<(), rohrpost_sasl::JaasError>(())
/// ```
#[derive(Clone)]
pub struct JaasConfig {
    class: String,
    flag: ControlFlag,
    options: BTreeMap<String, Secret>,
}

/// The login modules that Kafka's mechanisms come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginModule {
    /// Kafka's `PlainLoginModule`: `username`, `password`.
    Plain,
    /// Kafka's `ScramLoginModule`: `username`, `password`, `tokenauth`.
    Scram,
    /// Kafka's `OAuthBearerLoginModule`.
    OAuthBearer,
    /// `Krb5LoginModule`: `useKeyTab`, `keyTab`, `principal`, `useTicketCache` and others.
    Kerberos,
    /// `IAMLoginModule` of `aws-msk-iam-auth`: `awsProfileName`, `awsRoleArn` and others.
    MskIam,
    /// Any other: see [`JaasConfig::class`].
    Other,
}

/// How much a login module counts among several. With Kafka's client there is only one: it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlFlag {
    /// `required`
    Required,
    /// `requisite`
    Requisite,
    /// `sufficient`
    Sufficient,
    /// `optional`
    Optional,
}

/// Where a text is no login module's line, and why. It repeats nothing of the text, which may be a password whose
/// quotes are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JaasError {
    /// From 1 on.
    pub line: usize,
    /// From 1 on, in characters.
    pub column: usize,
    /// What is wrong there.
    pub kind: JaasErrorKind,
}

/// What is wrong with a login module's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JaasErrorKind {
    /// There is no login module.
    NoModule,
    /// The control flag is missing, or none of the four.
    NoControlFlag,
    /// An option's name is missing.
    NoOption,
    /// There is no `=` after an option's name.
    NoEquals,
    /// There is no value after the `=`.
    NoValue,
    /// A value that begins with a digit, a dot or a hyphen stands without quotes.
    NotQuoted,
    /// A character that means nothing outside of quotes.
    Character,
    /// A quote is not closed on its line.
    OpenQuote,
    /// A comment is not closed.
    OpenComment,
    /// There is no `;` at the end.
    NoSemicolon,
    /// A second login module follows the first.
    SecondModule,
}

impl JaasConfig {
    /// Reads the text of `sasl.jaas.config`.
    ///
    /// # Errors
    ///
    /// With the place at which it is not one login module's line.
    pub fn parse(text: &str) -> Result<Self, JaasError> {
        let mut tokens = Tokens::new(text);
        let class = match tokens.next()? {
            Token::Text(class) => text_of(&class),
            _ => return Err(tokens.error(JaasErrorKind::NoModule)),
        };
        let flag = match tokens.next()? {
            Token::Text(flag) => ControlFlag::of(&text_of(&flag)),
            _ => None,
        };
        let flag = flag.ok_or_else(|| tokens.error(JaasErrorKind::NoControlFlag))?;
        let mut options = BTreeMap::new();
        loop {
            let name = match tokens.next()? {
                Token::Text(name) => text_of(&name),
                Token::Semicolon => break,
                Token::End => return Err(tokens.error(JaasErrorKind::NoSemicolon)),
                Token::Equals | Token::Number => {
                    return Err(tokens.error(JaasErrorKind::NoOption));
                }
            };
            let Token::Equals = tokens.next()? else {
                return Err(tokens.error(JaasErrorKind::NoEquals));
            };
            match tokens.next()? {
                Token::Text(value) => drop(options.insert(name, value)),
                Token::Number => return Err(tokens.error(JaasErrorKind::NotQuoted)),
                _ => return Err(tokens.error(JaasErrorKind::NoValue)),
            }
        }
        match tokens.next()? {
            Token::End => Ok(Self { class, flag, options }),
            _ => Err(tokens.error(JaasErrorKind::SecondModule)),
        }
    }

    /// Which of the known login modules it is.
    pub fn module(&self) -> LoginModule {
        match self.class.as_str() {
            "org.apache.kafka.common.security.plain.PlainLoginModule" => LoginModule::Plain,
            "org.apache.kafka.common.security.scram.ScramLoginModule" => LoginModule::Scram,
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule" => {
                LoginModule::OAuthBearer
            }
            "com.sun.security.auth.module.Krb5LoginModule"
            | "com.ibm.security.auth.module.Krb5LoginModule" => LoginModule::Kerberos,
            "software.amazon.msk.auth.iam.IAMLoginModule" => LoginModule::MskIam,
            _ => LoginModule::Other,
        }
    }

    /// The login module's Java class.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The control flag.
    pub fn flag(&self) -> ControlFlag {
        self.flag
    }

    /// An option's value, which may be a secret.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.secret(name)?.expose_str()
    }

    /// The same, wrapped so that it is not shown.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.options.get(name)
    }

    /// All options by name and value, in the order of their names.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| {
            (name.as_str(), value.expose_str().expect("it is made of characters"))
        })
    }
}

impl ControlFlag {
    fn of(text: &str) -> Option<Self> {
        let names = ["required", "requisite", "sufficient", "optional"];
        let flags = [Self::Required, Self::Requisite, Self::Sufficient, Self::Optional];
        let index = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        Some(flags[index])
    }
}

fn text_of(secret: &Secret) -> String {
    secret.expose_str().expect("it is made of characters").into()
}

impl fmt::Debug for JaasConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JaasConfig")
            .field("class", &self.class)
            .field("flag", &self.flag)
            .field("options", &self.options)
            .finish()
    }
}

impl core::error::Error for JaasError {}

impl fmt::Display for JaasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)
    }
}

impl fmt::Display for JaasErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoModule => "a login module's class should stand here",
            Self::NoControlFlag => {
                "required, requisite, sufficient or optional should stand here, after the class"
            }
            Self::NoOption => "an option's name should stand here",
            Self::NoEquals => {
                "= should stand here, after an option's name; a value with spaces must be in quotes"
            }
            Self::NoValue => "an option's value should stand here; an empty one is written \"\"",
            Self::NotQuoted => "a value that does not begin with a letter must be in quotes",
            Self::Character => "this character must be in quotes",
            Self::OpenQuote => "this quote is not closed on its line",
            Self::OpenComment => "this comment is not closed",
            Self::NoSemicolon => "a ; should stand at the end",
            Self::SecondModule => "only one login module may be named, and this begins another",
        })
    }
}

#[cfg(test)]
mod tests;
