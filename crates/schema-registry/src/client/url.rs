//! The registry's addresses.

use std::fmt;

use hyper::Uri;
use zeroize::Zeroizing;

/// An `http` or `https` address, with a path that all requests begin with. `Display` and `Debug` show no user and no password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url {
    is_https: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    /// Host and port as written, for the header field Host.
    authority: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
    user_info: Option<Zeroizing<String>>,
}

impl Url {
    /// Says what is wrong with it, in words that end a sentence about it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.trim().parse().map_err(|_| "is not an URL")?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err("is neither an http nor an https URL"),
            None => return Err("has no http:// or https:// in front"),
        };
        let whole = uri.authority().ok_or("names no host")?;
        let (user_info, authority) = match whole.as_str().rsplit_once('@') {
            Some((user_info, authority)) => (Some(decoded(user_info)?), authority),
            None => (None, whole.as_str()),
        };
        let host = whole.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() {
            return Err("names no host");
        }
        let port = match whole.port() {
            Some(port) => port.as_str().parse().map_err(|_| "has a port that is none")?,
            // A colon and no number that a port could be.
            None if authority.len() > host.len() => return Err("has a port that is none"),
            None => {
                if is_https {
                    443
                } else {
                    80
                }
            }
        };
        if uri.query().is_some() {
            return Err("has a query, which no registry's address has");
        }
        Ok(Self {
            is_https,
            host: bare.to_owned(),
            authority: authority.to_owned(),
            port,
            path: uri.path().trim_end_matches('/').to_owned(),
            user_info,
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.is_https
    }

    /// A name, or an address without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What the header field Host wants.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// What requests begin with: empty, or `/a/path`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// `user:password`, if it has any.
    pub(super) fn user_info(&self) -> Option<&Zeroizing<String>> {
        self.user_info.as_ref()
    }
}

/// Without its percent signs.
fn decoded(text: &str) -> Result<Zeroizing<String>, &'static str> {
    const WRONG: &str = "has a user or password with a percent sign that encodes nothing";
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit =
            || char::from(rest.next()?).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(WRONG) };
        bytes.push(high << 4 | low);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| WRONG)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Appends a part of a path or query, with all but unreserved characters (RFC 3986, section 2.3) encoded.
pub(super) fn encode(text: &str, into: &mut String) {
    use fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
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
        for (text, https, host, port, authority, path) in [
            ("http://sr:8081", false, "sr", 8081, "sr:8081", ""),
            ("https://sr.example/registry/", true, "sr.example", 443, "sr.example", "/registry"),
            ("http://[::1]:8081/", false, "::1", 8081, "[::1]:8081", ""),
            (" HTTP://me:pw@sr ", false, "sr", 80, "sr", ""),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.is_https(), url.host(), url.port(), url.authority(), url.path()),
                (https, host, port, authority, path),
                "{text}"
            );
        }
    }

    #[test]
    fn a_user_in_it_is_taken_out_and_never_shown() {
        let url = Url::parse("https://me:p%40ss%3aw@sr.example:8081/x").unwrap();
        assert_eq!(url.user_info().unwrap().as_str(), "me:p@ss:w");
        assert_eq!(format!("{url} {url:?}"), ["https://sr.example:8081/x"; 2].join(" "));
    }

    #[test]
    fn what_is_no_address_of_a_registry_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "URL"),
            ("sr:8081/x", "URL"),
            ("/subjects", "in front"),
            ("ftp://sr", "neither"),
            ("http://sr:65536/", "port"),
            ("http://sr:x/", "port"),
            ("http://:80/", "host"),
            ("http://sr/?a=b", "query"),
            ("http://me:%zz@sr/", "percent"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn parts_of_a_path_are_encoded() {
        let mut path = String::new();
        encode(":.ctx:a/b ü-~", &mut path);
        assert_eq!(path, "%3A.ctx%3Aa%2Fb%20%C3%BC-~");
    }
}
