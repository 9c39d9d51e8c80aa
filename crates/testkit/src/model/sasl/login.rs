//! How a connection gets from its first byte to being somebody's, and back there before its time is up.
//!
//! ```text
//!  Connected ──ApiVersions──▶ Told ──SaslHandshake──▶ Exchange ──tokens──▶ Done ──┐
//!      │                                  ▲    ▲                                  │ SaslHandshake, once
//!      └──────────SaslHandshake───────────┘    └──────────────────────────────────┘ there is a lifetime
//! ```
//!
//! Whatever else is sent on the way closes the connection without an answer, as `SaslServerAuthenticator` does.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use rohrpost_codec::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, peek_request};

use super::oauth::OAuth;
use super::scram::Scram;
use super::{Sasl, SaslMechanism, plain};
use crate::model::fault::{SaslFault, SaslStep, Verdict};
use crate::model::request::{Call, Reply};
use crate::model::{Answer, Model, Now, SessionId};

/// Bytes of the largest request before the client is known (`sasl.server.max.receive.size`).
const MAX_RECEIVE: usize = 512 << 10;

/// A connection may not authenticate again more often than that.
const MIN_REAUTH: Duration = Duration::from_secs(1);

/// How far a connection has come.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Login {
    stage: Stage,
    /// What it came in with.
    mechanism: Option<SaslMechanism>,
    /// Until when what it sends is served, but for authentication.
    expires_at: Option<Duration>,
    /// When it began to authenticate again, the last time.
    began_again_at: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
enum Stage {
    #[default]
    Connected,
    /// ApiVersions was answered, which it is once.
    Told,
    Exchange(Exchange),
    /// It wants to authenticate again with another mechanism, which is answered only with the end.
    OtherMechanism,
    /// It has sent something else in the middle of an exchange, which is refused, and the end.
    Strayed,
    Done,
}

#[derive(Clone, Debug)]
struct Exchange {
    mechanism: SaslMechanism,
    /// Whether tokens are in SaslAuthenticate requests: since SaslHandshake 1.
    has_requests: bool,
    server: Server,
}

#[derive(Clone, Debug)]
enum Server {
    Plain,
    Scram(Scram),
    OAuth(OAuth),
}

/// What a mechanism makes of a client's token.
pub(super) enum Outcome {
    /// The client is to answer this.
    Challenge(Vec<u8>),
    /// The client is who it says.
    Accepted { answer: Vec<u8>, principal: String, expires_ms: Option<i64> },
}

/// Why a client does not come in.
pub(super) enum Refusal {
    /// For a reason that is nobody's business.
    Credentials,
    Said(String),
    /// For one that the broker itself stumbles over: the connection is closed.
    Unsaid,
}

/// What is answered to a token.
struct Told {
    token: Bytes,
    lifetime_ms: i64,
}

impl Refusal {
    pub(super) fn saying(message: impl Into<String>) -> Self {
        Self::Said(message.into())
    }

    pub(super) fn other_id() -> Self {
        Self::saying(
            "Authentication failed: Client requested an authorization id that is different from username",
        )
    }
}

impl Model {
    /// The settings of SASL; `None` where the brokers take anybody.
    #[must_use]
    pub fn sasl(&self) -> Option<&Sasl> {
        self.config.sasl.as_ref()
    }

    /// The settings of SASL, to change them: passwords, mechanisms, tokens, lifetimes.
    pub fn sasl_mut(&mut self) -> Option<&mut Sasl> {
        self.config.sasl.as_mut()
    }

    /// What is to be done at once about a frame; `None` for one that goes the way of all requests.
    pub(in crate::model) fn admit(
        &mut self,
        now: Now,
        session: SessionId,
        frame: &Bytes,
    ) -> Option<Answer> {
        self.config.sasl.as_ref()?;
        let login = &mut self.sessions.get_mut(&session)?.login;
        if !matches!(login.stage, Stage::Done) && frame.len() > MAX_RECEIVE {
            return Some(self.turn_away());
        }
        let key = peek_request(frame).ok().and_then(|said| ApiKey::try_from(said.api_key).ok());
        let may = match &login.stage {
            Stage::Connected => matches!(key, Some(ApiKey::ApiVersions | ApiKey::SaslHandshake)),
            Stage::Told => key == Some(ApiKey::SaslHandshake),
            Stage::Exchange(exchange) if exchange.has_requests => {
                if key != Some(ApiKey::SaslAuthenticate) {
                    login.stage = Stage::Strayed;
                    self.stats.failed_authentications += 1;
                }
                true
            }
            Stage::Exchange(_) => return Some(self.take_bare_token(now, session, frame)),
            Stage::OtherMechanism | Stage::Strayed => false,
            Stage::Done => {
                if key == Some(ApiKey::SaslHandshake) && login.may_begin_again(now.elapsed) {
                    login.began_again_at = Some(now.elapsed);
                    login.stage = Stage::Told;
                } else if login.expires_at.is_some_and(|at| now.elapsed > at) {
                    self.stats.expired_connections += 1;
                    return Some(Answer::Close);
                }
                true
            }
        };
        (!may).then(|| self.turn_away())
    }

    /// ApiVersions was answered on a connection.
    pub(in crate::model) fn told_versions(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.get_mut(&session) {
            if matches!(session.login.stage, Stage::Connected) {
                session.login.stage = Stage::Told;
            }
        }
    }

    /// Whether a request is to be refused as it came in the middle of an exchange.
    pub(in crate::model) fn has_strayed(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|open| matches!(open.login.stage, Stage::Strayed))
    }

    /// Where a connection's exchange is, for faults.
    pub(in crate::model) fn sasl_step(&self, session: SessionId) -> Option<SaslStep> {
        match &self.sessions.get(&session)?.login.stage {
            Stage::Exchange(exchange) => Some(match &exchange.server {
                Server::Scram(scram) if scram.is_begun() => SaslStep::ScramLast,
                Server::Scram(_) => SaslStep::ScramFirst,
                Server::Plain | Server::OAuth(_) => SaslStep::Other,
            }),
            _ => None,
        }
    }

    /// Answers SaslHandshake.
    pub(in crate::model) fn shake_hands(
        &mut self,
        call: &Call,
        request: &SaslHandshakeRequest,
    ) -> Reply<SaslHandshakeResponse> {
        let mut response = SaslHandshakeResponse::default();
        let (Some(sasl), Some(session)) =
            (self.config.sasl.as_ref(), self.sessions.get_mut(&call.session))
        else {
            response.error_code = ErrorCode::ILLEGAL_SASL_STATE;
            return Reply::With(response);
        };
        let login = &mut session.login;
        if !matches!(login.stage, Stage::Connected | Stage::Told) {
            response.error_code = ErrorCode::ILLEGAL_SASL_STATE;
            return Reply::With(response);
        }
        let names = sasl.mechanisms.iter().map(|mechanism| ByteStr::from_static(mechanism.name()));
        response.mechanisms = names.collect();
        let verdict = &call.verdict;
        let faulted = verdict.refusal_of(None).or_else(|| verdict.disguise_of(None));
        let asked = sasl.mechanisms.iter().find(|known| known.name() == &*request.mechanism);
        let refused = match asked {
            None => faulted.or(Some(ErrorCode::UNSUPPORTED_SASL_MECHANISM)),
            Some(_) => faulted,
        };
        if let Some(code) = refused {
            response.error_code = code;
            self.stats.failed_authentications += 1;
            self.disconnect(call.session);
            return Reply::With(response);
        }
        if let Some(&mechanism) = asked {
            login.stage = if login.mechanism.is_some_and(|before| before != mechanism) {
                Stage::OtherMechanism
            } else {
                let server = match mechanism {
                    SaslMechanism::Plain => Server::Plain,
                    SaslMechanism::OAuthBearer => Server::OAuth(OAuth::default()),
                    _ => Server::Scram(Scram::new(mechanism)),
                };
                Stage::Exchange(Exchange { mechanism, has_requests: call.version > 0, server })
            };
        }
        Reply::With(response)
    }

    /// Answers SaslAuthenticate.
    pub(in crate::model) fn authenticate(
        &mut self,
        call: &Call,
        request: &SaslAuthenticateRequest,
    ) -> Reply<SaslAuthenticateResponse> {
        let mut response = SaslAuthenticateResponse::default();
        if self.sasl_step(call.session).is_none() {
            response.error_code = ErrorCode::ILLEGAL_SASL_STATE;
            let message = "SaslAuthenticate request received after successful authentication";
            response.error_message = Some(ByteStr::from_static(message));
            return Reply::With(response);
        }
        let verdict = &call.verdict;
        let taken = match verdict.refusal_of(None) {
            Some(code) => Err((code, "refused by a fault".to_owned())),
            None => match self.take_token(call.now, call.session, &request.auth_bytes, verdict) {
                Ok(told) => Ok(told),
                Err(Some(message)) => Err((ErrorCode::SASL_AUTHENTICATION_FAILED, message)),
                Err(None) => {
                    self.stats.failed_authentications += 1;
                    return Reply::Close;
                }
            },
        };
        let taken = match verdict.disguise_of(None) {
            Some(code) => Err((code, "refused by a fault".to_owned())),
            None => taken,
        };
        match taken {
            Ok(told) => {
                response.auth_bytes = told.token;
                response.session_lifetime_ms = told.lifetime_ms;
            }
            Err((code, message)) => {
                response.error_code = code;
                response.error_message = Some(message.into());
                self.stats.failed_authentications += 1;
                self.disconnect(call.session);
            }
        }
        Reply::With(response)
    }

    /// Takes a token that came as a frame of its own, after SaslHandshake 0: a failure is a closed connection.
    fn take_bare_token(&mut self, now: Now, session: SessionId, token: &Bytes) -> Answer {
        let Some(broker) = self.sessions.get(&session).map(|session| session.broker) else {
            return Answer::Close;
        };
        let step = self.sasl_step(session);
        let verdict = self.faults.judge(ApiKey::SaslAuthenticate, broker, &[], step);
        self.stats.faults += verdict.count();
        if verdict.closes_before() {
            return Answer::Close;
        }
        let faulted = verdict.refusal_of(None).or_else(|| verdict.disguise_of(None));
        let taken = self.take_token(now, session, token, &verdict).ok();
        let Some(told) = taken.filter(|_| faulted.is_none()) else { return self.turn_away() };
        let mut frame = BytesMut::with_capacity(4 + told.token.len());
        frame.put_u32(told.token.len() as u32);
        frame.put_slice(&told.token);
        let call = Call::of_bare_token(now, session, broker, token.len(), verdict);
        self.deliver(&call, Some(frame.freeze()))
    }

    /// Goes on with an exchange, or gives the words of its failure, if there are any.
    fn take_token(
        &mut self,
        now: Now,
        session: SessionId,
        token: &[u8],
        verdict: &Verdict,
    ) -> Result<Told, Option<String>> {
        let fault = verdict.sasl();
        let mut random = self.random;
        let Self { config, sessions, credentials, .. } = self;
        let (Some(sasl), Some(open)) = (config.sasl.as_ref(), sessions.get_mut(&session)) else {
            return Err(None);
        };
        let Stage::Exchange(exchange) = &mut open.login.stage else {
            return Err(None);
        };
        let mechanism = exchange.mechanism;
        if let Some(outcome) = hostile(mechanism, fault) {
            return Ok(self.conclude(now, session, mechanism, outcome, fault));
        }
        let mut draw = || crate::model::next_random(&mut random);
        let outcome = match &mut exchange.server {
            Server::Plain => plain::evaluate(sasl, token),
            Server::Scram(scram) => scram.evaluate(sasl, credentials, &mut draw, token, fault),
            Server::OAuth(oauth) => oauth.evaluate(sasl, now.wall_ms, token),
        };
        let before = open.login.mechanism.and(open.principal.as_deref());
        let outcome = outcome.map_err(|refusal| match refusal {
            Refusal::Unsaid => None,
            Refusal::Said(message) => Some(message),
            Refusal::Credentials => Some(format!(
                "Authentication failed during {} due to invalid credentials with SASL mechanism {mechanism}",
                if before.is_some() { "re-authentication" } else { "authentication" },
            )),
        })?;
        if let (Some(before), Outcome::Accepted { principal, .. }) = (before, &outcome) {
            if before != principal {
                return Err(Some(format!(
                    "Cannot change principals during re-authentication from User.{before}: User.{principal}"
                )));
            }
        }
        self.random = random;
        Ok(self.conclude(now, session, mechanism, outcome, fault))
    }

    /// Lets a client in, if it is through.
    fn conclude(
        &mut self,
        now: Now,
        session: SessionId,
        mechanism: SaslMechanism,
        outcome: Outcome,
        fault: Option<SaslFault>,
    ) -> Told {
        let (answer, principal, expires_ms) = match outcome {
            Outcome::Challenge(challenge) => {
                return Told { token: challenge.into(), lifetime_ms: 0 };
            }
            Outcome::Accepted { answer, principal, expires_ms } => (answer, principal, expires_ms),
        };
        let max_reauth = self.config.sasl.as_ref().and_then(|sasl| sasl.max_reauth);
        let token = expires_ms.map(|at| {
            Duration::from_millis(u64::try_from(at.saturating_sub(now.wall_ms)).unwrap_or(0))
        });
        let lifetime = match (max_reauth.filter(|lifetime| !lifetime.is_zero()), token) {
            (Some(max), Some(token)) => Some(max.min(token)),
            (max, token) => max.or(token),
        };
        if let Some(open) = self.sessions.get_mut(&session) {
            match open.login.mechanism {
                Some(_) => self.stats.reauthentications += 1,
                None => self.stats.authentications += 1,
            }
            open.principal = Some(principal);
            open.login.mechanism = Some(mechanism);
            open.login.expires_at = lifetime.map(|lifetime| now.elapsed.saturating_add(lifetime));
            open.login.stage = Stage::Done;
        }
        let honest = lifetime.map_or(0, |lifetime| lifetime.as_millis());
        let lifetime_ms = match fault {
            Some(SaslFault::Lifetime(told)) => told,
            _ => i64::try_from(honest).unwrap_or(i64::MAX),
        };
        Told { token: answer.into(), lifetime_ms }
    }

    /// Closes the connection of a client that is not let in.
    fn turn_away(&mut self) -> Answer {
        self.stats.failed_authentications += 1;
        Answer::Close
    }
}

impl Login {
    fn may_begin_again(&self, now: Duration) -> bool {
        self.expires_at.is_some()
            && self.began_again_at.is_none_or(|at| now.saturating_sub(at) >= MIN_REAUTH)
    }
}

/// What a server says that does not look at what it was sent.
fn hostile(mechanism: SaslMechanism, fault: Option<SaslFault>) -> Option<Outcome> {
    match fault? {
        SaslFault::Nonsense => Some(Outcome::Challenge(b"\xff\xfe\0{{{,,,===".to_vec())),
        SaslFault::EndlessChallenges => Some(Outcome::Challenge(match mechanism {
            SaslMechanism::Plain => b"once more".to_vec(),
            SaslMechanism::OAuthBearer => b"{\"status\":\"invalid_token\"}".to_vec(),
            _ => b"r=0123456789abcdef,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096".to_vec(),
        })),
        SaslFault::AcceptsAnything => Some(Outcome::Accepted {
            answer: Vec::new(),
            principal: "ANONYMOUS".into(),
            expires_ms: None,
        }),
        _ => None,
    }
}
