//! A call: one of the registry's servers after the other until one answers, with pauses, within a time.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::answer::{self, ErrorBody};
use super::credentials::{Authorization, Shown};
use super::http::{Answer, Message, Server};
use super::url;
use crate::error::is_retriable_status;
use crate::{Attempt, Problem, RegistryError};

/// The most attempts that an error tells of.
const MOST_TOLD: usize = 8;

/// What is asked.
#[derive(Clone)]
pub(super) struct Request {
    method: Method,
    /// Path and query.
    target: String,
    body: Option<Bytes>,
    /// For errors: whom it is about.
    subject: Option<String>,
    version: Option<String>,
}

impl Request {
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        let mut target = String::new();
        for segment in path {
            target.push('/');
            url::encode(segment, &mut target);
        }
        Self { method, target, body: None, subject: None, version: None }
    }

    pub(super) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    pub(super) fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(name);
        self.target.push('=');
        url::encode(&value.to_string(), &mut self.target);
        self
    }

    pub(super) fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(Bytes::from(body.to_string()));
        self
    }

    pub(super) fn of_subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    pub(super) fn of_version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Method and path.
    pub(super) fn asked(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// How often, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How many rounds over all servers follow the first one.
    pub(super) retries: u32,
    /// The pause before the second round is at most so long, before each further one at most twice as long as before the last.
    pub(super) pause: Duration,
    pub(super) longest_pause: Duration,
    /// All of it.
    pub(super) call_timeout: Duration,
}

impl Patience {
    /// The pause after so many rounds; `chance` is between 0 and 1.
    fn after(&self, rounds: u32, chance: f64) -> Duration {
        let factor = 2_u32.saturating_pow(rounds.saturating_sub(1));
        self.pause.saturating_mul(factor).min(self.longest_pause).mul_f64(chance)
    }
}

pub(super) struct Caller {
    servers: Vec<Server>,
    /// The one that answered last.
    preferred: AtomicUsize,
    patience: Patience,
    headers: Vec<(HeaderName, HeaderValue)>,
    authorization: Authorization,
}

impl Caller {
    pub(super) fn new(
        servers: Vec<Server>,
        first: usize,
        patience: Patience,
        headers: Vec<(HeaderName, HeaderValue)>,
        authorization: Authorization,
    ) -> Self {
        let preferred = AtomicUsize::new(first);
        Self { servers, preferred, patience, headers, authorization }
    }

    /// The one that answered last.
    pub(super) fn url(&self) -> String {
        let at = self.preferred.load(Ordering::Relaxed) % self.servers.len().max(1);
        self.servers.get(at).map(|server| server.url.to_string()).unwrap_or_default()
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<T, RegistryError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(RegistryError::NoRuntime);
        }
        let mut attempts = Vec::new();
        let after = self.patience.call_timeout;
        let outcome = timeout(after, self.rounds(request, &mut attempts)).await;
        outcome.unwrap_or_else(|_| {
            let problem = Problem::Timeout { what: "answer in all", after };
            attempts.push(Attempt { url: self.url(), problem });
            Err(RegistryError::Down { asked: request.asked(), attempts })
        })
    }

    async fn rounds<T: DeserializeOwned>(
        &self,
        request: &Request,
        attempts: &mut Vec<Attempt>,
    ) -> Result<T, RegistryError> {
        let mut refusal = None;
        let mut is_renewed = false;
        let mut wished = Duration::ZERO;
        for round in 0..=self.patience.retries {
            if round > 0 {
                let pause = self.patience.after(round, chance());
                sleep(pause.max(wished.min(self.patience.longest_pause))).await;
            }
            wished = Duration::ZERO;
            let first = self.preferred.load(Ordering::Relaxed);
            for offset in 0..self.servers.len() {
                let index = first.wrapping_add(offset) % self.servers.len();
                let Some(server) = self.servers.get(index) else { continue };
                let (outcome, shown) = self.attempt(server, request, &mut is_renewed).await?;
                let problem = match outcome {
                    Ok(answer) if (200..300).contains(&answer.status) => {
                        self.preferred.store(index, Ordering::Relaxed);
                        let parsed = answer::parse(&answer.body, |said| shown.hide(said));
                        return parsed.map_err(|detail| {
                            let url = server.url.to_string();
                            RegistryError::Answer { url, asked: request.asked(), detail }
                        });
                    }
                    Ok(Answer { status, body, retry_after }) => {
                        let said = ErrorBody::parse(&body, |said| shown.hide(said));
                        let message = said.message.clone();
                        let error = refused(server, request, status, said);
                        if !is_retriable_status(status) {
                            self.preferred.store(index, Ordering::Relaxed);
                            return Err(error);
                        }
                        refusal = Some(error);
                        wished = wished.max(retry_after);
                        Problem::Status { status, message }
                    }
                    Err(problem) => {
                        refusal = None;
                        problem
                    }
                };
                if attempts.len() == MOST_TOLD {
                    attempts.remove(0);
                }
                attempts.push(Attempt { url: server.url.to_string(), problem });
            }
        }
        // Who answered with an error is not down.
        Err(refusal.unwrap_or_else(|| RegistryError::Down {
            asked: request.asked(),
            attempts: std::mem::take(attempts),
        }))
    }

    /// Asks one server: once more, with another token, where it refuses a token that is valid by its claims, and might have been revoked.
    async fn attempt(
        &self,
        server: &Server,
        request: &Request,
        is_renewed: &mut bool,
    ) -> Result<(Result<Answer, Problem>, Shown), RegistryError> {
        let mut shown = self.authorization.shown(&server.url).await?;
        loop {
            let message = Message {
                method: &request.method,
                target: &request.target,
                headers: &self.headers,
                authorization: shown.header.clone(),
                body: request.body.clone(),
            };
            let outcome = server.send(&message).await;
            let is_refused = outcome.as_ref().is_ok_and(|answer| answer.status == 401);
            if !is_refused || std::mem::replace(is_renewed, true) {
                return Ok((outcome, shown));
            }
            match self.authorization.instead_of(&shown).await? {
                Some(other) => shown = other,
                None => return Ok((outcome, shown)),
            }
        }
    }
}

/// What an answer that is none of success means.
fn refused(server: &Server, request: &Request, status: u16, said: ErrorBody) -> RegistryError {
    let ErrorBody { code, message } = said;
    let (url, asked) = (server.url.to_string(), request.asked());
    let subject = || request.subject.clone();
    match (status, code, subject()) {
        (401 | 403, ..) => RegistryError::Denied { url, asked, status, message },
        (404, Some(40401), Some(subject)) => RegistryError::SubjectNotFound { subject },
        (404, Some(40402), Some(subject)) => {
            let version = request.version.clone().unwrap_or_default();
            RegistryError::VersionNotFound { subject, version }
        }
        (404, Some(40403), _) => RegistryError::SchemaNotFound { asked, message },
        (409, _, Some(subject)) => RegistryError::Incompatible { subject, message },
        (422, Some(42201), Some(subject)) => RegistryError::InvalidSchema { subject, message },
        _ => RegistryError::Refused { url, asked, status, code, message },
    }
}

/// Between 0 and 1, for jitter.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0) >> 11;
    random as f64 / (1_u64 << 53) as f64
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<&url::Url> = self.servers.iter().map(|server| &server.url).collect();
        f.debug_struct("Caller")
            .field("urls", &urls)
            .field("authorization", &self.authorization)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let patience = Patience {
            retries: 9,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(20),
            call_timeout: Duration::MAX,
        };
        let pauses: Vec<u64> =
            [1, 2, 3, 5, 6, 40].map(|rounds| patience.after(rounds, 1.0).as_secs()).to_vec();
        assert_eq!(pauses, [1, 2, 4, 16, 20, 20]);
        assert_eq!(patience.after(2, 0.25), Duration::from_millis(500));
    }

    #[test]
    fn paths_and_queries_are_encoded() {
        let request = Request::get(&["subjects", ":.a:b/c", "versions"])
            .query("subject", ":.a:")
            .query("deleted", true);
        assert_eq!(
            request.target,
            "/subjects/%3A.a%3Ab%2Fc/versions?subject=%3A.a%3A&deleted=true"
        );
        assert_eq!(request.asked(), "GET /subjects/%3A.a%3Ab%2Fc/versions");
    }
}
