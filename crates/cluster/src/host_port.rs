//! [`HostPort`], an address as people write it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// A host, by name or IP address, and a port.
///
/// Reads `host:9092`, `[::1]:9092` and, as Kafka does, both behind a listener's name (`PLAINTEXT://host:9092`), which is dropped.
///
/// ```
/// use rohrpost_cluster::HostPort;
///
/// let address: HostPort = "PLAINTEXT://[::1]:9092".parse()?;
/// assert_eq!((address.host(), address.port()), ("::1", 9092));
/// assert_eq!(address.to_string(), "[::1]:9092");
/// # Ok::<(), rohrpost_cluster::ParseHostPortError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// An address of its parts; an IPv6 address without brackets.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads a list of addresses between commas, the form of `bootstrap.servers`. Spaces and empty entries are skipped.
    ///
    /// # Errors
    ///
    /// The first entry that is no address.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, ParseHostPortError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect()
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host as an IP address, where it is one and needs no look-up.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = ParseHostPortError;

    fn from_str(text: &str) -> Result<Self, ParseHostPortError> {
        let error = |kind| ParseHostPortError { input: text.to_owned(), kind };
        let (scheme, address) = text.split_once("://").unwrap_or(("", text));
        if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
            return Err(error(HostPortErrorKind::Http));
        }
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) =
                    rest.split_once(']').ok_or_else(|| error(HostPortErrorKind::Bracket))?;
                (host, port.strip_prefix(':').ok_or_else(|| error(HostPortErrorKind::NoPort))?)
            }
            None => {
                let (host, port) =
                    address.rsplit_once(':').ok_or_else(|| error(HostPortErrorKind::NoPort))?;
                if host.contains(':') {
                    return Err(error(HostPortErrorKind::Bracket));
                }
                (host, port)
            }
        };
        if host.is_empty() || !host.chars().all(is_host_char) {
            return Err(error(HostPortErrorKind::Host));
        }
        // A sign is no digit; zero is no port that anybody listens at.
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if digits && port != 0 => Ok(Self::new(host, port)),
            _ => Err(error(HostPortErrorKind::Port)),
        }
    }
}

/// What a host name or an IP address with its scope is made of; as Java's client has it, and letters of any script besides.
fn is_host_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%')
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseHostPortError {
    input: String,
    kind: HostPortErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostPortErrorKind {
    Host,
    NoPort,
    Port,
    Bracket,
    Http,
}

impl ParseHostPortError {
    /// The text.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }
}

impl fmt::Display for ParseHostPortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            HostPortErrorKind::Host => "its host is empty or has characters that no host name has",
            HostPortErrorKind::NoPort => "it has no port",
            HostPortErrorKind::Port => "its port is not a number from 1 to 65535",
            HostPortErrorKind::Http => "brokers do not speak HTTP",
            HostPortErrorKind::Bracket => "its IPv6 address is not between brackets",
        };
        write!(f, "{:?} is no address: {problem} (write host:9092 or [::1]:9092)", self.input)
    }
}

impl core::error::Error for ParseHostPortError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn addresses_are_read_as_kafka_writes_them() {
        for (text, host, port) in [
            ("localhost:9092", "localhost", 9092),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:65535", "::1", 65535),
            ("[fe80::1%eth0]:9092", "fe80::1%eth0", 9092),
            ("SASL_SSL://b-1.example_x.org:9094", "b-1.example_x.org", 9094),
            ("größe.example:9092", "größe.example", 9092),
        ] {
            let read: HostPort = text.parse().unwrap();
            assert_eq!((read.host(), read.port()), (host, port));
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        assert_eq!(HostPort::parse_list(" a:1, ,b:2,").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_address_is_named_with_its_fault() {
        for (text, fault) in [
            ("localhost", "no port"),
            ("localhost:", "not a number"),
            ("localhost:0", "not a number"),
            ("localhost:65536", "not a number"),
            ("localhost:+80", "not a number"),
            (":9092", "host is empty"),
            ("a b:9092", "characters"),
            ("::1:9092", "brackets"),
            ("[::1:9092", "brackets"),
            ("[::1]9092", "no port"),
            ("https://localhost:9092", "HTTP"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.contains(fault) && error.contains(text), "{error}");
        }
        assert!(HostPort::parse_list("a:1,b").is_err());
    }
}
