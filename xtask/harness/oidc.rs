//! A small OpenID provider: tokens for client credentials and for signed assertions, the keys that
//! check them, and every way to fail.
//!
//! | request | answer |
//! |---|---|
//! | `GET /jwks` | the public key (ES256) |
//! | `GET /count/…` | how often `/…` was asked |
//! | `POST /token` | a token of five minutes for who shows the right secret or assertion |
//! | `POST /token/lifetime/N` | one of `N` seconds |
//! | `POST /token/expired` | one that expired a minute ago |
//! | `POST /token/audience` | one for another audience |
//! | `POST /token/forged` | one that another key signed |
//! | `POST /token/flaky/N/NAME` | 503 for the first `N` requests of that path, then a token |
//! | `POST /token/status/N` | that status, with an error in JSON |
//! | `POST /token/page` | 200, and a web page |
//! | `POST /token/nothing` | 200, and `{}` |
//! | `POST /token/endless` | a body without an end |
//! | `POST /token/silent` | nothing, until the client gives up |
//!
//! No test waits in here: what goes wrong is in the path, so that a client's properties alone say it.

mod http;
mod jwt;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use self::http::{Request, Response};
use self::jwt::{AssertionKey, SigningKey};

/// For whom tokens are.
pub const AUDIENCE: &str = "kafka";
/// The one client, and the subject of its tokens.
pub const CLIENT_ID: &str = "alice";
/// Its secret.
pub const CLIENT_SECRET: &str = "alice-secret";

/// The grant of RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFETIME: u64 = 300;

/// The provider.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    key: SigningKey,
    other_key: SigningKey,
    assertions: Option<AssertionKey>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Provider {
    /// A provider whose key is kept in `folder`, and made if it is not there. `client_key` is the file with
    /// the public key (RSA, `SubjectPublicKeyInfo` in DER) that checks assertions; without one, none is taken.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, written or understood.
    pub fn new(port: u16, folder: &Path, client_key: Option<&Path>) -> io::Result<Self> {
        let path = folder.join("key.pk8");
        if !path.exists() {
            fs::write(&path, SigningKey::generate()?)?;
        }
        let assertions = client_key.map(|path| AssertionKey::new(&fs::read(path)?)).transpose()?;
        Ok(Self {
            issuer: format!("http://localhost:{port}"),
            key: SigningKey::new(&fs::read(path)?)?,
            other_key: SigningKey::new(&SigningKey::generate()?)?,
            assertions,
            counts: Mutex::default(),
        })
    }

    /// Listens on loopback, and answers for ever, each connection on a thread of its own.
    ///
    /// # Errors
    ///
    /// The port is taken.
    pub fn serve(self, port: u16) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let provider = Arc::new(self);
        for stream in listener.incoming().flatten() {
            let provider = provider.clone();
            // A client that goes away in the middle is no matter of this server.
            thread::spawn(move || provider.answer_one(stream));
        }
        Ok(())
    }

    fn answer_one(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
        let nth = self.count(&request.path);
        match request.path.as_str() {
            "/token/silent" => stream.read(&mut [0]).map(|_| ()),
            "/token/endless" => {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"x\":\"",
                )?;
                loop {
                    stream.write_all(&[b'x'; 65_536])?;
                }
            }
            _ => self.respond(&request, nth).write(&mut stream),
        }
    }

    fn count(&self, path: &str) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(path.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// The answer to a request that is the `nth` for its path, from 1.
    fn respond(&self, request: &Request, nth: u64) -> Response {
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["jwks"]) => Response::json(200, &self.key.jwks()),
            ("GET", ["count", rest @ ..]) => {
                let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                let count = counts.get(&format!("/{}", rest.join("/"))).copied();
                Response::json(200, &json!(count.unwrap_or_default()))
            }
            ("POST", ["token", kind @ ..]) => self.token(kind, request, nth),
            _ => Response::error(404, "invalid_request", "no such resource"),
        }
    }

    fn token(&self, kind: &[&str], request: &Request, nth: u64) -> Response {
        match kind {
            ["status", status] => {
                let status = status.parse().unwrap_or(500);
                return Response::error(status, "server_error", "as it was asked for");
            }
            ["flaky", times, _] if times.parse().is_ok_and(|times| nth <= times) => {
                return Response::error(503, "temporarily_unavailable", "as it was asked for");
            }
            ["page"] => return Response::page("<html><body>It works!</body></html>"),
            ["nothing"] => return Response::json(200, &json!({})),
            _ => {}
        }
        if let Err(refusal) = self.authenticate(request) {
            return refusal;
        }
        let now = now();
        let lifetime = match kind {
            ["lifetime", seconds] => seconds.parse().unwrap_or(LIFETIME),
            _ => LIFETIME,
        };
        let expired = *kind == ["expired"];
        let (issued, expires) = if expired { (now - 360, now - 60) } else { (now, now + lifetime) };
        let audience = if *kind == ["audience"] { "another" } else { AUDIENCE };
        let mut claims = json!({
            "iss": self.issuer, "sub": CLIENT_ID, "aud": audience, "iat": issued, "exp": expires,
        });
        if let Some(scope) = request.form.get("scope") {
            claims["scope"] = json!(scope);
        }
        let key = if *kind == ["forged"] { &self.other_key } else { &self.key };
        match key.sign(&claims) {
            Ok(token) => Response::json(
                200,
                &json!({"access_token": token, "token_type": "Bearer", "expires_in": expires.saturating_sub(now)}),
            ),
            Err(e) => Response::error(500, "server_error", &e.to_string()),
        }
    }

    /// Looks at the secret (RFC 6749, section 2.3.1: by Basic, or in the form) or at the assertion.
    fn authenticate(&self, request: &Request) -> Result<(), Response> {
        let field = |name: &str| request.form.get(name).map(String::as_str);
        match field("grant_type") {
            Some("client_credentials") => {
                let shown =
                    request.basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
                let shown = shown.or(field("client_id").zip(field("client_secret")));
                if shown == Some((CLIENT_ID, CLIENT_SECRET)) {
                    return Ok(());
                }
                Err(Response::error(401, "invalid_client", "unknown client or wrong secret"))
            }
            Some(JWT_BEARER) => {
                let refuse = |why: &str| Err(Response::error(400, "invalid_grant", why));
                let Some(key) = &self.assertions else { return refuse("no assertions here") };
                let claims = match key.verify(field("assertion").unwrap_or_default()) {
                    Ok(claims) => claims,
                    Err(why) => return refuse(&why),
                };
                if claims["sub"] != CLIENT_ID && claims["iss"] != CLIENT_ID {
                    return refuse("unknown subject");
                }
                match claims["exp"].as_f64() {
                    Some(expires) if expires > now() as f64 => Ok(()),
                    _ => refuse("the assertion has expired"),
                }
            }
            _ => Err(Response::error(
                400,
                "unsupported_grant_type",
                "client_credentials or jwt-bearer",
            )),
        }
    }
}

/// Asks a provider on this machine for a token by the client's secret, and gives the token.
///
/// # Errors
///
/// No provider, or no token.
pub fn ask(port: u16, path: &str) -> io::Result<String> {
    let body = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
    );
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let token = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|body| Some(body["access_token"].as_str()?.to_owned()));
    token.ok_or_else(|| io::Error::other(answer))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn provider() -> Provider {
        // The tests run at the same time, and each makes a key there.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rohrpost-oidc-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let provider = Provider::new(1, &folder, None).unwrap();
        fs::remove_dir_all(folder).unwrap();
        provider
    }

    fn ask(provider: &Provider, path: &str, secret: &str) -> (u16, serde_json::Value) {
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID)];
        let form = form.into_iter().chain([("client_secret", secret)]);
        let request = Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            form: form.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            basic: None,
        };
        let nth = provider.count(path);
        provider.respond(&request, nth).parts()
    }

    #[test]
    fn a_token_is_for_who_knows_the_secret() {
        let provider = provider();
        let (status, token) = ask(&provider, "/token/lifetime/60", CLIENT_SECRET);
        assert_eq!((status, token["expires_in"].as_u64()), (200, Some(60)));
        assert_eq!(token["access_token"].as_str().unwrap().split('.').count(), 3);
        let (status, refusal) = ask(&provider, "/token", "wrong");
        assert_eq!((status, refusal["error"].as_str()), (401, Some("invalid_client")));
    }

    #[test]
    fn it_fails_as_often_as_its_path_says() {
        let provider = provider();
        let statuses: Vec<u16> =
            (0..4).map(|_| ask(&provider, "/token/flaky/2/x", CLIENT_SECRET).0).collect();
        assert_eq!(statuses, [503, 503, 200, 200]);
        assert_eq!(ask(&provider, "/token/status/429", CLIENT_SECRET).0, 429);
        let count = Request {
            method: "GET".to_owned(),
            path: "/count/token/flaky/2/x".to_owned(),
            ..Request::default()
        };
        assert_eq!(provider.respond(&count, 1).parts(), (200, json!(4)));
    }
}
