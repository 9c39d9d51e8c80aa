//! The addresses of servers.

use std::fmt;

use hyper::Uri;

/// An `http` or `https` address. What `Display` and `Debug` show is without the query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    is_https: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    /// As written, for the header field Host.
    authority: String,
    port: u16,
    target: String,
}

impl Url {
    /// Says what is wrong with it, in words that end a sentence about it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.trim().parse().map_err(|_| "is not an URL")?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err("is neither an http nor an https URL"),
            None => return Err("has no https:// in front"),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("has a user or a password in it, which belong into settings of their own");
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("names no host");
        }
        let default = if is_https { 443 } else { 80 };
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| "has a port that is none")?,
            // A colon and no number that a port could be.
            None if authority.as_str().len() > authority.host().len() => {
                return Err("has a port that is none");
            }
            None => default,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self {
            is_https,
            host: host.to_owned(),
            authority: authority.as_str().to_owned(),
            port,
            target,
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// A name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the header field Host wants.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The same server's other path.
    #[cfg(feature = "msk-iam")]
    pub(crate) fn with_target(&self, target: &str) -> Result<Self, &'static str> {
        Self::parse(&format!("{}{target}", self.origin()))
    }

    /// Scheme and authority alone.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.origin())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (text, https, host, port, authority, target) in [
            ("https://idp.example/token", true, "idp.example", 443, "idp.example", "/token"),
            ("http://idp.example:8080", false, "idp.example", 8080, "idp.example:8080", "/"),
            ("http://[fd00:ec2::23]/x?y=z", false, "fd00:ec2::23", 80, "[fd00:ec2::23]", "/x?y=z"),
            (" HTTPS://a?b ", true, "a", 443, "a", "/?b"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.is_https(), url.host(), url.port(), url.authority(), url.target()),
                (https, host, port, authority, target),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "URL"),
            ("idp.example/token", "URL"),
            ("/token", "https:// in front"),
            ("ftp://idp.example", "neither"),
            ("file:///tmp/token", "URL"),
            ("https://user:password@idp.example/", "password"),
            ("https://idp.example:65536/", "port"),
            ("https://idp.example:x/", "port"),
            ("https://:80/", "host"),
            ("https://a b/", "URL"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let url = Url::parse("https://idp.example/token?key=hush").unwrap();
        assert_eq!(format!("{url} {url:?}"), ["https://idp.example/token"; 2].join(" "));
    }
}
