//! A listener that wants to know who comes, with the rules of Kafka's; and a mechanism and credentials for it.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost_cluster::{
    ConnectionId, CredentialsError, NetworkInput, SaslClient, SaslError, Step, Time,
};
use rohrpost_codec::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use rohrpost_codec::{ApiKey, ByteStr, Bytes, ErrorCode, decode_request};

use crate::world::{Seen, World, api, encode};

/// The mechanism of these tests: `rounds` messages, each answered, then complete.
#[derive(Debug)]
pub(crate) struct Rounds {
    rounds: u32,
    said: u32,
    /// What it makes of the last answer.
    verdict: Option<SaslError>,
}

impl SaslClient for Rounds {
    fn mechanism(&self) -> &'static str {
        "ROUNDS"
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        assert_eq!(challenge.is_none(), self.said == 0, "nothing was sent that could be answered");
        assert!(self.said <= self.rounds, "called after its end");
        self.said += 1;
        if self.said > self.rounds {
            return self.verdict.take().map_or(Ok(Step::Complete), Err);
        }
        Ok(Step::Send(format!("round {}", self.said).into()))
    }
}

/// Where credentials come from.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) rounds: u32,
    pub(crate) verdict: Option<SaslError>,
    /// Why there are none.
    pub(crate) error: Option<CredentialsError>,
    /// They come when the test says so.
    pub(crate) are_slow: bool,
    /// Who asked, and for which host.
    pub(crate) asked: Vec<(Time, ConnectionId, String)>,
}

impl Credentials {
    pub(crate) fn client(&self) -> Box<dyn SaslClient> {
        let (rounds, verdict) = (self.rounds.max(1), self.verdict.clone());
        Box::new(Rounds { rounds, said: 0, verdict })
    }

    pub(crate) fn give(
        &mut self,
        now: Time,
        connection: ConnectionId,
        host: String,
    ) -> Option<Result<Box<dyn SaslClient>, CredentialsError>> {
        self.asked.push((now, connection, host));
        if self.are_slow {
            return None;
        }
        Some(self.error.clone().map_or_else(|| Ok(self.client()), Err))
    }
}

/// What a listener does with a frame.
pub(crate) enum Reply {
    /// Hands it on to the broker behind it.
    Pass,
    Answer(Bytes),
    Nothing,
    HangUp,
}

/// How a listener behaves.
#[derive(Clone, Debug)]
pub(crate) struct SaslListener {
    pub(crate) enabled: Vec<ByteStr>,
    /// Messages that it wants of the client.
    pub(crate) rounds: u32,
    pub(crate) lifetime_ms: i64,
    pub(crate) handshake_error: ErrorCode,
    /// Its answer to the last message.
    pub(crate) error: ErrorCode,
    pub(crate) message: Option<ByteStr>,
    /// It refuses renewals only.
    pub(crate) refuses_renewals: bool,
    /// What it answers to a message.
    pub(crate) challenge: Bytes,
    /// It does not answer these.
    pub(crate) silent_on: Option<ApiKey>,
    /// It hangs up at these.
    pub(crate) hangs_up_on: Option<ApiKey>,
    guests: BTreeMap<ConnectionId, Guest>,
}

#[derive(Clone, Debug, Default)]
struct Guest {
    shook_hands: bool,
    said: u32,
    is_known: bool,
    expires: Option<Time>,
    renewed_at: Option<Time>,
}

impl Default for SaslListener {
    fn default() -> Self {
        Self {
            enabled: vec!["ROUNDS".into(), "OTHER".into()],
            rounds: 1,
            lifetime_ms: 0,
            handshake_error: ErrorCode::NONE,
            error: ErrorCode::NONE,
            message: None,
            refuses_renewals: false,
            challenge: Bytes::new(),
            silent_on: None,
            hangs_up_on: None,
            guests: BTreeMap::new(),
        }
    }
}

impl SaslListener {
    pub(crate) fn receive(&mut self, connection: ConnectionId, seen: &Seen) -> Reply {
        let key = ApiKey::try_from(seen.api_key).unwrap();
        if self.hangs_up_on == Some(key) {
            return Reply::HangUp;
        }
        if self.silent_on == Some(key) {
            return Reply::Nothing;
        }
        let now = seen.at;
        let guest = self.guests.entry(connection).or_default();
        let is_expired = guest.expires.is_some_and(|expires| expires <= now);
        match key {
            ApiKey::ApiVersions if !guest.is_known && !guest.shook_hands => Reply::Pass,
            ApiKey::SaslHandshake if !guest.shook_hands => {
                let (_, request) = decode_request::<SaslHandshakeRequest>(&seen.frame).unwrap();
                let mut error_code = self.handshake_error;
                if guest.is_known {
                    let too_soon = |last: Time| now.since(last) < Duration::from_secs(1);
                    if guest.expires.is_none() || guest.renewed_at.is_some_and(too_soon) {
                        error_code = ErrorCode::ILLEGAL_SASL_STATE;
                    }
                    guest.renewed_at = Some(now);
                }
                if error_code.is_none() && !self.enabled.contains(&request.mechanism) {
                    error_code = ErrorCode::UNSUPPORTED_SASL_MECHANISM;
                }
                (guest.shook_hands, guest.said) = (error_code.is_none(), 0);
                let mechanisms = self.enabled.clone();
                let response =
                    SaslHandshakeResponse { error_code, mechanisms, ..Default::default() };
                Reply::Answer(encode(seen, &response, seen.version))
            }
            ApiKey::SaslAuthenticate if guest.shook_hands => {
                let (_, request) = decode_request::<SaslAuthenticateRequest>(&seen.frame).unwrap();
                guest.said += 1;
                assert_eq!(request.auth_bytes, format!("round {}", guest.said));
                let mut response = SaslAuthenticateResponse {
                    auth_bytes: self.challenge.clone(),
                    ..Default::default()
                };
                if guest.said >= self.rounds {
                    let refuses = !self.refuses_renewals || guest.is_known;
                    if refuses && !self.error.is_none() {
                        response.error_code = self.error;
                        response.error_message = self.message.clone();
                        return Reply::Answer(encode(seen, &response, seen.version));
                    }
                    (guest.is_known, guest.shook_hands) = (true, false);
                    let lifetime = u64::try_from(self.lifetime_ms).ok().filter(|ms| *ms > 0);
                    guest.expires = lifetime.map(|ms| now + Duration::from_millis(ms));
                    if seen.version >= 1 {
                        response.session_lifetime_ms = self.lifetime_ms;
                    }
                }
                Reply::Answer(encode(seen, &response, seen.version))
            }
            _ if !guest.is_known || guest.shook_hands || is_expired => Reply::HangUp,
            _ => Reply::Pass,
        }
    }
}

impl World {
    /// Brokers 1 to `count`, whose listeners want SASL.
    pub(crate) fn guarded(count: i32) -> Self {
        Self::guarded_with(count, |_| {})
    }

    pub(crate) fn guarded_with(
        count: i32,
        configure: impl FnOnce(&mut rohrpost_cluster::ClusterConfig),
    ) -> Self {
        let mut world = Self::brokers_with(count, |config| {
            config.sasl_mechanism = Some("ROUNDS".into());
            configure(config);
        });
        world.speak_sasl(1, 2);
        world.sasl = Some(SaslListener::default());
        world
    }

    /// Brokers speak SaslHandshake and SaslAuthenticate up to these versions; -1: not at all.
    pub(crate) fn speak_sasl(&mut self, handshake: i16, authenticate: i16) {
        let mut apis = vec![
            api(ApiKey::Produce, 3, 13),
            api(ApiKey::Metadata, 0, 13),
            api(ApiKey::SaslHandshake, 0, handshake),
            api(ApiKey::SaslAuthenticate, 0, authenticate),
        ];
        apis.retain(|&(_, _, max)| max >= 0);
        self.speak(&apis);
    }

    pub(crate) fn listener(&mut self) -> &mut SaslListener {
        self.sasl.as_mut().unwrap()
    }

    /// Credentials that were slow are there.
    pub(crate) fn credentials_come(&mut self, connection: ConnectionId) {
        let result =
            self.credentials.error.clone().map_or_else(|| Ok(self.credentials.client()), Err);
        self.input(NetworkInput::Credentials { connection, result });
    }

    /// Has broker 1 connected to once more.
    pub(crate) fn connect_again(&mut self) {
        self.cluster.ensure_connected(self.now, rohrpost_cluster::NodeId(1));
        self.pass(Duration::from_secs(2));
        self.cluster.ensure_connected(self.now, rohrpost_cluster::NodeId(1));
        self.pass(Duration::from_secs(2));
    }

    /// The keys of what was sent, in order.
    pub(crate) fn keys_seen(&self) -> Vec<ApiKey> {
        self.seen.iter().map(|seen| ApiKey::try_from(seen.api_key).unwrap()).collect()
    }
}
