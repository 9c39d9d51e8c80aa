//! The way of a request: from the frame through faults to its API and back.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rohrpost_codec::{
    ApiKey, Message, Request, VersionRange, decode_request, encode_response, messages as m,
    peek_request,
};

use super::answer::WaitingKind;
use super::fault::{Target, Verdict};
use super::{Answer, BrokerId, Model, Now, SessionId, Waiting, api};

/// The version that is told where two-phase commit is known of.
const UNSTABLE_INIT: Option<i16> = <m::InitProducerIdRequest as Message>::UNSTABLE_VERSION;

/// A request apart from its content.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) now: Now,
    pub(super) session: SessionId,
    pub(super) broker: BrokerId,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    /// Empty for a client that does not say.
    pub(super) client_id: String,
    /// Bytes of the request.
    pub(super) size: usize,
    pub(super) verdict: Verdict,
}

/// What an API makes of a request.
pub(super) enum Reply<R> {
    /// Answer with this.
    With(R),
    /// There is no answer to this request.
    None,
    /// Close the connection.
    Close,
    /// Answer neither this nor anything that follows.
    Stall,
    /// The answer is not known yet.
    Wait { deadline: Option<Duration>, kind: Box<WaitingKind> },
}

/// A request that the model serves.
pub(super) trait Serve: Request {
    /// The topics and partitions that it is about.
    fn targets(&self, model: &Model, version: i16) -> Vec<Target>;

    /// Does what it asks for.
    fn serve(self, model: &mut Model, call: &Call) -> Reply<Self::Response>;
}

impl Model {
    /// Takes a request, a frame without its length prefix, that came on a connection.
    ///
    /// Like a broker, it closes the connection on a frame that it cannot read, and on an API or version that it does not speak,
    /// but for ApiVersions (KIP-511).
    pub fn handle(&mut self, now: Now, session: SessionId, frame: &Bytes) -> Answer {
        self.advance(now);
        let Some(open) = self.sessions.get_mut(&session) else { return Answer::Close };
        let broker = open.broker;
        if let Some(until) = open.muted_until {
            if now.elapsed < until {
                return self.wait(Some(until), Box::new(WaitingKind::Request(frame.clone())));
            }
            open.muted_until = None;
        }
        if self.is_paused(broker) {
            return self.wait(None, Box::new(WaitingKind::Request(frame.clone())));
        }
        #[cfg(feature = "sasl")]
        if let Some(answer) = self.admit(now, session, frame) {
            return answer;
        }
        let Ok(preamble) = peek_request(frame) else { return Answer::Close };
        let Ok(key) = ApiKey::try_from(preamble.api_key) else { return Answer::Close };
        *self.stats.requests.entry(key).or_default() += 1;
        let is_spoken = self.versions_of(key).is_some_and(|v| v.contains(preamble.api_version));
        if !is_spoken {
            return match key {
                ApiKey::ApiVersions => api::versions::unsupported(self, preamble.correlation_id),
                _ => Answer::Close,
            };
        }
        let call = Call {
            now,
            session,
            broker,
            version: preamble.api_version,
            correlation_id: preamble.correlation_id,
            client_id: String::new(),
            size: frame.len(),
            verdict: Verdict::default(),
        };
        match key {
            #[cfg(feature = "sasl")]
            ApiKey::SaslHandshake => self.run::<m::SaslHandshakeRequest>(call, frame),
            #[cfg(feature = "sasl")]
            ApiKey::SaslAuthenticate => self.run::<m::SaslAuthenticateRequest>(call, frame),
            ApiKey::ApiVersions => self.run::<m::ApiVersionsRequest>(call, frame),
            ApiKey::Metadata => self.run::<m::MetadataRequest>(call, frame),
            ApiKey::Produce => self.run::<m::ProduceRequest>(call, frame),
            ApiKey::InitProducerId => self.run::<m::InitProducerIdRequest>(call, frame),
            ApiKey::Fetch => self.run::<m::FetchRequest>(call, frame),
            ApiKey::ListOffsets => self.run::<m::ListOffsetsRequest>(call, frame),
            ApiKey::OffsetForLeaderEpoch => self.run::<m::OffsetForLeaderEpochRequest>(call, frame),
            ApiKey::FindCoordinator => self.run::<m::FindCoordinatorRequest>(call, frame),
            ApiKey::AddPartitionsToTxn => self.run::<m::AddPartitionsToTxnRequest>(call, frame),
            ApiKey::AddOffsetsToTxn => self.run::<m::AddOffsetsToTxnRequest>(call, frame),
            ApiKey::EndTxn => self.run::<m::EndTxnRequest>(call, frame),
            ApiKey::TxnOffsetCommit => self.run::<m::TxnOffsetCommitRequest>(call, frame),
            ApiKey::OffsetCommit => self.run::<m::OffsetCommitRequest>(call, frame),
            ApiKey::OffsetFetch => self.run::<m::OffsetFetchRequest>(call, frame),
            ApiKey::DescribeTransactions => self.run::<m::DescribeTransactionsRequest>(call, frame),
            ApiKey::ListTransactions => self.run::<m::ListTransactionsRequest>(call, frame),
            ApiKey::DescribeProducers => self.run::<m::DescribeProducersRequest>(call, frame),
            ApiKey::DescribeCluster => self.run::<m::DescribeClusterRequest>(call, frame),
            ApiKey::DescribeTopicPartitions => {
                self.run::<m::DescribeTopicPartitionsRequest>(call, frame)
            }
            ApiKey::DescribeConfigs => self.run::<m::DescribeConfigsRequest>(call, frame),
            ApiKey::CreatePartitions => self.run::<m::CreatePartitionsRequest>(call, frame),
            ApiKey::CreateTopics => self.run::<m::CreateTopicsRequest>(call, frame),
            ApiKey::DeleteTopics => self.run::<m::DeleteTopicsRequest>(call, frame),
            ApiKey::DeleteRecords => self.run::<m::DeleteRecordsRequest>(call, frame),
            _ => Answer::Close,
        }
    }

    /// Takes up an answer that waited. It may have to wait again.
    pub fn resume(&mut self, now: Now, session: SessionId, waiting: Waiting) -> Answer {
        self.advance(now);
        let Some(open) = self.sessions.get(&session) else { return Answer::Close };
        if self.is_paused(open.broker) {
            return self.wait(None, waiting.kind);
        }
        match *waiting.kind {
            WaitingKind::Request(frame) => self.handle(now, session, &frame),
            WaitingKind::Produce { call, response, open, until } => {
                let call = Call { now, ..call };
                let reply = api::produce::await_followers(self, &call, response, open, until);
                self.answer::<m::ProduceRequest>(&call, reply)
            }
            WaitingKind::Fetch { call, request, until } => {
                let call = Call { now, ..call };
                let reply = api::fetch::fetch(self, &call, request, until);
                self.answer::<m::FetchRequest>(&call, reply)
            }
        }
    }

    /// The versions of an API that the brokers say and serve; `None` for an API that they lack.
    pub(super) fn versions_of(&self, key: ApiKey) -> Option<VersionRange> {
        let (_, mut ours) = *api::SERVED.iter().find(|(served, _)| *served == key)?;
        let is_unstable = key == ApiKey::InitProducerId
            && self.two_phase_commit() != super::TwoPhaseCommit::Unknown;
        if let Some(unstable) = UNSTABLE_INIT.filter(|_| is_unstable) {
            ours.max = unstable;
        }
        self.config.versions.get(&key).map_or(Some(ours), |limit| ours.intersect(*limit))
    }

    fn run<R: Serve>(&mut self, mut call: Call, frame: &Bytes) -> Answer {
        let Ok((header, request)) = decode_request::<R>(frame) else { return Answer::Close };
        call.client_id = header.client_id.as_deref().unwrap_or_default().to_owned();
        let targets = request.targets(self, call.version);
        #[cfg(feature = "sasl")]
        let step = self.sasl_step(call.session);
        #[cfg(not(feature = "sasl"))]
        let step = None;
        call.verdict = self.faults.judge(R::API_KEY, call.broker, &targets, step);
        self.stats.faults += call.verdict.count();
        if call.verdict.closes_before() {
            return Answer::Close;
        }
        #[cfg(feature = "sasl")]
        if self.has_strayed(call.session) {
            call.verdict.refuse(rohrpost_codec::ErrorCode::ILLEGAL_SASL_STATE);
            let reply = request.serve(self, &call);
            self.disconnect(call.session);
            return self.answer::<R>(&call, reply);
        }
        let reply = request.serve(self, &call);
        self.answer::<R>(&call, reply)
    }

    /// Makes an answer of a reply, and lets the faults at it.
    pub(super) fn answer<R: Request>(&mut self, call: &Call, reply: Reply<R::Response>) -> Answer {
        let frame = match reply {
            Reply::Wait { deadline, kind } => return self.wait(deadline, kind),
            Reply::Close => return Answer::Close,
            Reply::Stall => return Answer::Stall,
            Reply::None => None,
            Reply::With(response) => {
                match encode_response(call.correlation_id, &response, call.version) {
                    Ok(frame) => Some(frame.to_bytes()),
                    Err(_) => return Answer::Close,
                }
            }
        };
        self.deliver(call, frame)
    }

    /// Lets the faults at a frame, or at there being none.
    pub(super) fn deliver(&mut self, call: &Call, frame: Option<Bytes>) -> Answer {
        let verdict = &call.verdict;
        if !verdict.throttle().is_zero() {
            let pause = verdict.delay().saturating_add(verdict.throttle());
            self.mute(call.session, call.now.elapsed.saturating_add(pause));
        }
        if verdict.closes_after() {
            return Answer::Close;
        }
        if verdict.stalls() {
            return Answer::Stall;
        }
        let Some(frame) = frame.filter(|_| !verdict.swallows()) else { return Answer::Nothing };
        if let (Some(pace), Some(session)) =
            (verdict.trickle(), self.sessions.get_mut(&call.session))
        {
            session.pace = Some(pace);
        }
        let frame = if verdict.garbles() { garbage(frame.len()) } else { frame };
        let frame = stretch(frame, verdict);
        let frame = match verdict.cut() {
            Some(bytes) => {
                // The connection is over, once these bytes are out.
                self.disconnect(call.session);
                frame.slice(..bytes.min(frame.len() - 1))
            }
            None => frame,
        };
        if verdict.delay().is_zero() {
            Answer::Send(frame)
        } else {
            Answer::SendAt { at: call.now.elapsed.saturating_add(verdict.delay()), frame }
        }
    }

    /// Serves a connection nothing until then.
    pub(super) fn mute(&mut self, session: SessionId, until: Duration) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.muted_until = session.muted_until.max(Some(until));
        }
    }

    fn is_paused(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.is_paused)
    }

    fn wait(&self, deadline: Option<Duration>, kind: Box<WaitingKind>) -> Answer {
        Answer::Wait(Waiting { deadline, changes: self.changes, kind })
    }
}

impl Call {
    /// The call that a token of its own stands for.
    #[cfg(feature = "sasl")]
    pub(super) fn of_bare_token(
        now: Now,
        session: SessionId,
        broker: BrokerId,
        size: usize,
        verdict: Verdict,
    ) -> Self {
        let client_id = String::new();
        Self { now, session, broker, version: 0, correlation_id: 0, client_id, size, verdict }
    }
}

/// A frame with what faults put behind its end, or have its prefix say.
fn stretch(frame: Bytes, verdict: &Verdict) -> Bytes {
    if verdict.appended() == 0 && verdict.announced().is_none() {
        return frame;
    }
    let mut frame = BytesMut::from(&frame[..]);
    frame.resize(frame.len() + verdict.appended(), 0);
    let length = verdict.announced().unwrap_or((frame.len() - 4) as u32);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

/// Bytes that announce no frame of any sense.
fn garbage(len: usize) -> Bytes {
    Bytes::from(vec![0xfe; len.max(8)])
}
