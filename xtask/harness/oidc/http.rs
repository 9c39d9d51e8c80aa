//! As much of HTTP/1.1 as asking for a token takes: one request a connection.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde_json::{Value, json};

use super::jwt::decode_base64;

/// No request for a token is larger.
const MOST_BYTES: u64 = 64 << 10;

/// A request.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// `Authorization: Basic`, as user and password.
    pub(super) basic: Option<(String, String)>,
    /// The body's fields.
    pub(super) form: BTreeMap<String, String>,
}

impl Request {
    /// Reads one; `None` if the client closed before it said anything.
    pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream.take(MOST_BYTES));
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let mut request = Self { method, path, ..Self::default() };
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => request.basic = basic(value.trim()),
                _ => {}
            }
        }
        let mut body = vec![0; usize::min(length, MOST_BYTES as usize)];
        reader.read_exact(&mut body)?;
        request.form = form(&String::from_utf8_lossy(&body));
        Ok(Some(request))
    }
}

/// Reads `Basic …`. Java sends the secret as it is, RFC 6749 wants it encoded as in a form: both are
/// the same for what has no special characters.
fn basic(value: &str) -> Option<(String, String)> {
    let bytes = decode_base64(value.strip_prefix("Basic ")?)?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'?'));
                let digits = String::from_utf8_lossy(&digits).into_owned();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Response {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string() }
    }

    /// An error as in section 5.2 of RFC 6749.
    pub(super) fn error(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &json!({"error": error, "error_description": description}))
    }

    pub(super) fn page(body: &str) -> Self {
        Self { status: 200, content_type: "text/html", body: body.to_owned() }
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (u16, Value) {
        (self.status, serde_json::from_str(&self.body).unwrap())
    }

    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let Self { status, content_type, body } = self;
        write!(
            stream,
            "HTTP/1.1 {status} As said\r\nContent-Type: {content_type}\r\nCache-Control: no-store\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_request_for_a_token() {
        let text = "POST /token?x=y HTTP/1.1\r\nHost: localhost\r\nauthorization: Basic YTpiOmM=\r\n\
                    Content-Length: 41\r\n\r\ngrant_type=client%5Fcredentials&scope=a+b&cut";
        let request = Request::read(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"));
        assert_eq!(request.basic, Some(("a".to_owned(), "b:c".to_owned())));
        assert_eq!(request.form["grant_type"], "client_credentials");
        assert!(Request::read(&mut &b""[..]).unwrap().is_none());
    }
}
