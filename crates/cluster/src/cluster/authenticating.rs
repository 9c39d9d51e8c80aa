//! How connections say who the client is, at first and again (KIP-43, KIP-152, KIP-368): what [`session`](crate::session) draws.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::mem::replace;

use rohrpost_codec::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use rohrpost_codec::{
    ApiKey, ByteStr, Bytes, ErrorCode, Message, Request, Response, VersionRange, decode_response,
};
use rohrpost_sasl::{SaslClient, SaslError, Step};

use super::Cluster;
use crate::authentication::{shown, shown_names};
use crate::connection::{Call, Purpose};
use crate::node::{Addresses, Node, State, Timer};
use crate::session::{Duty, Exchange, Renewal, Stage};
use crate::trouble::TroubleKind;
use crate::versions::Versions;
use crate::{
    AuthenticationError, ClusterEvent, ConnectionId, CredentialsError, NetworkOutput, NodeId, Time,
};

/// The first version of SaslHandshake after which tokens are carried by requests (KIP-152).
const CARRIED_TOKENS: i16 = 1;

impl Cluster {
    /// The versions are known: asks for credentials where they are needed, else the connection is ready.
    pub(super) fn identify(&mut self, now: Time, id: NodeId, versions: Versions) {
        if self.config.sasl_mechanism.is_none() {
            return self.set_ready(id, versions);
        }
        if let Some(error) = too_old(&versions) {
            return self.authentication_failed(now, id, error);
        }
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match replace(&mut node.state, State::Disconnected) {
            State::Negotiating { connection, since, rest } => {
                let timer = Timer { since, timeout: self.config.request_timeout };
                let exchange = Exchange::new(now);
                node.state = State::Authenticating {
                    connection,
                    versions,
                    exchange,
                    timer,
                    rest,
                    renews: None,
                };
                self.ask_for_credentials(id);
            }
            other => node.state = other,
        }
    }

    fn ask_for_credentials(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        let Some(connection) = node.connection().map(|connection| connection.id) else { return };
        let host = node.address.host().to_owned();
        self.outputs.push_back(NetworkOutput::Authenticate { connection, node: id, host });
    }

    /// Credentials that were asked for are still not there, because of this, and whoever was asked tries again: what is said to those who give up waiting meanwhile. Says nothing
    /// about a connection that waits for none.
    pub fn credentials_delayed(&mut self, connection: ConnectionId, error: CredentialsError) {
        let Some(id) = self.connections.get(&connection) else { return };
        match self.nodes.get_mut(id).map(|node| &mut node.state) {
            Some(State::Authenticating { exchange, .. }) => exchange.delay(error),
            Some(State::Ready { session: Some(session), .. })
                if matches!(session.renewal, Renewal::Asked) =>
            {
                session.delay(error);
            }
            _ => {}
        }
    }

    pub(super) fn credentials(
        &mut self,
        now: Time,
        connection: ConnectionId,
        result: Result<Box<dyn SaslClient>, CredentialsError>,
    ) {
        let Some(&id) = self.connections.get(&connection) else { return };
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match (&mut node.state, result) {
            (State::Authenticating { exchange, .. }, result) => {
                if !matches!(exchange.stage, Stage::Credentials) {
                    return;
                }
                match result {
                    Ok(client) => self.shake_hands(now, id, client),
                    Err(error) if error.is_retriable => {
                        self.disconnect(now, id, TroubleKind::Credentials(error));
                    }
                    Err(error) => {
                        let error = AuthenticationError::Credentials(error);
                        self.authentication_failed(now, id, error);
                    }
                }
            }
            (State::Ready { session: Some(session), .. }, result)
                if matches!(session.renewal, Renewal::Asked) =>
            {
                match result {
                    Ok(client) => session.renewal = Renewal::Granted { client, since: now },
                    Err(error) => {
                        let pause =
                            self.credentials_backoff.after(session.failures(), &mut self.random);
                        session.put_off(now, pause, error);
                    }
                }
            }
            _ => {}
        }
    }

    /// Does what is due about a node's session. Whether anything was.
    pub(super) fn renew_session(&mut self, now: Time, id: NodeId) -> bool {
        let Some(node) = self.nodes.get_mut(&id) else { return false };
        let Some(duty) = node.duty(now) else { return false };
        let State::Ready { session: Some(session), .. } = &mut node.state else { return false };
        match duty {
            Duty::Ask => {
                session.ask(now);
                self.ask_for_credentials(id);
            }
            Duty::End => {
                let credentials = session.last_error().cloned();
                self.disconnect(now, id, TroubleKind::SessionEnded { credentials });
            }
            Duty::Renew => self.begin_renewal(now, id),
        }
        true
    }

    /// All is answered, and new credentials are there: runs the exchange again.
    fn begin_renewal(&mut self, now: Time, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let timer = Timer { since: now, timeout: self.config.request_timeout };
        match replace(&mut node.state, State::Disconnected) {
            State::Ready { connection, versions, session: Some(session) } => {
                let renews = Some(connection.last_used());
                let exchange = Exchange::new(now);
                let rest = Addresses::new();
                node.state =
                    State::Authenticating { connection, versions, exchange, timer, rest, renews };
                if let Renewal::Granted { client, .. } = session.renewal {
                    self.shake_hands(now, id, client);
                }
            }
            other => node.state = other,
        }
    }

    /// Names the mechanism to the broker.
    fn shake_hands(&mut self, now: Time, id: NodeId, client: Box<dyn SaslClient>) {
        let given = ByteStr::from_static(client.mechanism());
        let configured = self.config.sasl_mechanism.clone().unwrap_or_default();
        if given != configured {
            let error = AuthenticationError::OtherMechanism { configured, given };
            return self.authentication_failed(now, id, error);
        }
        self.set_stage(id, Stage::Handshake(client));
        let request = SaslHandshakeRequest { mechanism: given, ..Default::default() };
        self.say(now, id, &request);
    }

    pub(super) fn authentication_answered(
        &mut self,
        now: Time,
        id: NodeId,
        frame: &Bytes,
        version: i16,
    ) {
        match self.take_stage(id) {
            Stage::Handshake(client) => self.hands_shaken(now, id, client, frame, version),
            Stage::Tokens(client) => self.token_answered(now, id, client, frame, version),
            // Nothing is asked in these.
            stage @ (Stage::Credentials | Stage::Over) => self.set_stage(id, stage),
        }
    }

    fn hands_shaken(
        &mut self,
        now: Time,
        id: NodeId,
        client: Box<dyn SaslClient>,
        frame: &Bytes,
        version: i16,
    ) {
        let response: Option<SaslHandshakeResponse> = self.read(now, id, frame, version);
        let Some(response) = response else { return };
        match response.error_code {
            ErrorCode::NONE => {
                if let Some(exchange) = self.exchange(id) {
                    exchange.agree(now);
                }
                self.step(now, id, client, None);
            }
            ErrorCode::UNSUPPORTED_SASL_MECHANISM => {
                let mechanism = ByteStr::from_static(client.mechanism());
                let enabled = shown_names(&response.mechanisms);
                let error = AuthenticationError::UnsupportedMechanism { mechanism, enabled };
                self.authentication_failed(now, id, error);
            }
            code => self.turned_away(now, id, ApiKey::SaslHandshake, code, None),
        }
    }

    fn token_answered(
        &mut self,
        now: Time,
        id: NodeId,
        client: Box<dyn SaslClient>,
        frame: &Bytes,
        version: i16,
    ) {
        let response: Option<SaslAuthenticateResponse> = self.read(now, id, frame, version);
        let Some(response) = response else { return };
        let message = response.error_message.as_deref().map(shown);
        match response.error_code {
            ErrorCode::NONE => {
                let Some(exchange) = self.exchange(id) else { return };
                exchange.set_lifetime(response.session_lifetime_ms);
                match exchange.count(response.auth_bytes.len()) {
                    Ok(()) => self.step(now, id, client, Some(&response.auth_bytes)),
                    Err((challenges, bytes)) => {
                        let error = AuthenticationError::Endless { challenges, bytes };
                        self.authentication_failed(now, id, error);
                    }
                }
            }
            ErrorCode::SASL_AUTHENTICATION_FAILED => {
                let mechanism = ByteStr::from_static(client.mechanism());
                let refusal = client.refusal().cloned();
                let error = AuthenticationError::Refused { mechanism, message, refusal };
                self.authentication_failed(now, id, error);
            }
            code => self.turned_away(now, id, ApiKey::SaslAuthenticate, code, message),
        }
    }

    /// An answer of the exchange. One that cannot be read costs the connection.
    fn read<R: Response>(
        &mut self,
        now: Time,
        id: NodeId,
        frame: &Bytes,
        version: i16,
    ) -> Option<R> {
        match decode_response(frame, version) {
            Ok((_, response)) => Some(response),
            Err(error) => {
                self.disconnect(now, id, TroubleKind::Unreadable(error));
                None
            }
        }
    }

    /// The broker answered with an error that is neither about the mechanism nor about the credentials.
    fn turned_away(
        &mut self,
        now: Time,
        id: NodeId,
        api_key: ApiKey,
        code: ErrorCode,
        message: Option<String>,
    ) {
        if code.is_retriable() {
            return self.disconnect(now, id, TroubleKind::Refused { api_key, code });
        }
        let error = AuthenticationError::Code { api_key, code, message };
        self.authentication_failed(now, id, error);
    }

    /// Lets the mechanism take the challenge, and sends what it answers.
    fn step(
        &mut self,
        now: Time,
        id: NodeId,
        mut client: Box<dyn SaslClient>,
        challenge: Option<&[u8]>,
    ) {
        match client.step(challenge) {
            Ok(Step::Send(auth_bytes)) => {
                self.set_stage(id, Stage::Tokens(client));
                let request = SaslAuthenticateRequest { auth_bytes, ..Default::default() };
                self.say(now, id, &request);
            }
            Ok(Step::Complete) => self.authenticated(now, id),
            Err(SaslError::Provider { detail, is_retriable: true, .. }) => {
                let error = CredentialsError { detail, is_retriable: true };
                self.disconnect(now, id, TroubleKind::Credentials(error));
            }
            Err(error) => {
                self.authentication_failed(now, id, AuthenticationError::Mechanism(error));
            }
        }
    }

    /// Sends a request of the exchange, in the newest version that both sides speak.
    fn say<R: Request>(&mut self, now: Time, id: NodeId, request: &R) {
        let Some(State::Authenticating { versions, timer, .. }) = self.state(id) else { return };
        let version = versions.newest(R::API_KEY, R::VERSIONS);
        let call = Call {
            purpose: Purpose::Authentication,
            api_key: R::API_KEY,
            // That there is one was looked at before.
            version: version.unwrap_or_default(),
            expects_answer: true,
            timeout: timer.deadline().since(now),
        };
        if let Err(crate::SendError::Encode(error)) = self.transmit_secret(now, id, request, call) {
            self.disconnect(now, id, TroubleKind::Unsendable(error));
        }
    }

    fn authenticated(&mut self, now: Time, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        match replace(&mut node.state, State::Disconnected) {
            State::Authenticating { mut connection, versions, exchange, renews, .. } => {
                let session = exchange.session(now, &mut self.random);
                if let Some(last_used) = renews {
                    connection.set_last_used(last_used);
                }
                node.state = State::Ready { connection, versions, session };
                match renews {
                    Some(_) => {
                        self.sessions_renewed += 1;
                        self.events.push_back(ClusterEvent::SessionRenewed(id));
                    }
                    None => self.became_ready(id),
                }
            }
            other => node.state = other,
        }
    }

    /// The broker and the client do not agree on who the client is. Of a renewal, that is only a reason to connect anew.
    pub(super) fn authentication_failed(
        &mut self,
        now: Time,
        id: NodeId,
        error: AuthenticationError,
    ) {
        let renews = self.nodes.get(&id).is_some_and(|node| node.renewing_since().is_some());
        let kind = match renews {
            true => TroubleKind::NotRenewed(error),
            false => TroubleKind::Authentication(error),
        };
        self.disconnect(now, id, kind);
    }

    /// After this failure, a node was given up: tells those above, and does nothing by itself until somebody wants something.
    pub(super) fn tell_of_failed_authentication(&mut self, id: NodeId, error: AuthenticationError) {
        // Credentials are the cluster's: who is refused by one broker need not bother the others with them. Certificates are each broker's own.
        let has_hope = error.is_tls() && self.nodes.values().any(Node::may_still_answer);
        let is_cut_off = !has_hope && !self.nodes.values().any(Node::is_up);
        if is_cut_off {
            self.refresh.sleep();
        }
        self.events.push_back(ClusterEvent::AuthenticationFailed { node: id, error, is_cut_off });
    }

    fn state(&self, id: NodeId) -> Option<&State> {
        self.nodes.get(&id).map(|node| &node.state)
    }

    fn exchange(&mut self, id: NodeId) -> Option<&mut Exchange> {
        match self.nodes.get_mut(&id).map(|node| &mut node.state) {
            Some(State::Authenticating { exchange, .. }) => Some(exchange),
            _ => None,
        }
    }

    fn set_stage(&mut self, id: NodeId, stage: Stage) {
        if let Some(exchange) = self.exchange(id) {
            exchange.stage = stage;
        }
    }

    fn take_stage(&mut self, id: NodeId) -> Stage {
        self.exchange(id).map_or(Stage::Over, |exchange| replace(&mut exchange.stage, Stage::Over))
    }
}

/// Why a broker cannot be told who the client is, if it cannot.
fn too_old(versions: &Versions) -> Option<AuthenticationError> {
    let handshakes = VersionRange::new(CARRIED_TOKENS, SaslHandshakeRequest::VERSIONS.max);
    let needed = [
        (ApiKey::SaslHandshake, handshakes),
        (ApiKey::SaslAuthenticate, SaslAuthenticateRequest::VERSIONS),
    ];
    let lacking = needed.into_iter().find(|&(key, ours)| versions.newest(key, ours).is_none());
    lacking
        .map(|(api_key, _)| AuthenticationError::TooOld { api_key, theirs: versions.of(api_key) })
}
