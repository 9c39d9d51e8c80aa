//! Frames between the engine and the brokers: what they carry is noted as it leaves, as it is answered, and when its connection ends.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use rohrpost_cluster::{
    ConnectError, ConnectErrorKind, ConnectionId, LookupError, LostError, NetworkInput,
    NetworkOutput, Time,
};
use rohrpost_codec::messages::{ProduceRequest, ProduceResponse};
use rohrpost_codec::{
    ApiKey, Bytes, ErrorCode, decode_request, decode_response, peek_correlation_id, peek_request,
};
use rohrpost_engine::{Acks, Input};
use rohrpost_records::RecordBatch;
use rohrpost_testkit::model::BrokerId;

use crate::ledger::Part;
use crate::life::{Event, Life};
use crate::network::{Deed, in_order, received};

/// Requests whose answers are awaited.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    open: BTreeMap<ConnectionId, VecDeque<Request>>,
    /// Bytes of the batches in them.
    pub(crate) bytes: usize,
    /// Until when brokers asked not to be sent anything.
    throttled: BTreeMap<i32, Time>,
}

impl Frames {
    /// Whether a broker asked for a pause that is not over.
    pub(crate) fn is_throttled(&self, broker: i32, now: Time) -> bool {
        self.throttled.get(&broker).is_some_and(|&until| until > now)
    }

    /// How many requests wait for their answers on a connection.
    pub(crate) fn open_on(&self, connection: ConnectionId) -> usize {
        self.open.get(&connection).map_or(0, VecDeque::len)
    }
}

#[derive(Debug)]
struct Request {
    correlation_id: i32,
    version: i16,
    /// Of a request to produce; -1 for others.
    acks: i16,
    is_written: bool,
    bytes: usize,
    /// Each with its topic's place in the request, and its number.
    parts: Vec<(Part, usize, i32)>,
}

impl Life {
    pub(crate) fn network_output(&mut self, output: NetworkOutput) {
        match output {
            NetworkOutput::Resolve { lookup, host } => {
                let known = self.network.resolve(&host).filter(|_| !self.network.is_mute);
                let result = known.map(|address| vec![IpAddr::V4(address)]);
                let result =
                    result.ok_or_else(|| LookupError { detail: "no such name".to_owned() });
                let latency = self.latency();
                // A resolver that is away says so, or nothing.
                if !self.network.is_mute || self.dice.percent(50) {
                    self.after(latency, Event::Input(NetworkInput::Resolved { lookup, result }));
                }
            }
            NetworkOutput::Connect { connection, address, .. } => {
                let IpAddr::V4(ip) = address.ip() else { return };
                self.connect(connection, ip);
            }
            NetworkOutput::Authenticate { connection, .. } => self.fetch_credentials(connection),
            // Nobody here announces frames that do not come.
            NetworkOutput::Ready { .. } => {}
            NetworkOutput::Transmit { connection, frame } => {
                let frame = frame.to_bytes().slice(4..);
                self.note("transmit", || format!("{connection:?} {}", describe(&frame)), &frame);
                self.transmitted(connection, &frame);
                let pause = self.dice.millis(0, 1);
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_up, self.now + pause);
                self.at(at, Event::Leave { connection, frame });
            }
            NetworkOutput::Disconnect { connection } => {
                self.note("disconnect", || format!("{connection:?}"), &[]);
                self.ended(connection, true);
                let delivers = self.dice.percent(70);
                self.hang_up(connection, delivers);
            }
        }
    }

    fn connect(&mut self, connection: ConnectionId, ip: std::net::Ipv4Addr) {
        let home = self.network.at_home(ip);
        let broker = home.unwrap_or_else(|broker| broker);
        let is_silent = home.is_err() && self.network.old_homes_are_silent
            || self.network.unreachable.contains(&broker);
        let is_refused = home.is_err()
            || self.network.refusing.contains(&broker)
            || !self.is_peace && self.dice.percent(3);
        let session = match is_silent || is_refused {
            true => None,
            false => self.model.connect(BrokerId(broker)),
        };
        self.note("connect", || format!("{connection:?} {ip} {session:?}"), &ip.octets());
        self.network.open(connection, broker, session);
        let input = match session {
            Some(_) => NetworkInput::Connected { connection },
            None => {
                let (kind, detail) = (ConnectErrorKind::Refused, "down".to_owned());
                NetworkInput::ConnectFailed { connection, error: ConnectError { kind, detail } }
            }
        };
        if !is_silent {
            let latency = self.latency();
            self.after(latency, Event::Input(input));
        }
    }

    /// A frame is with the operating system.
    pub(crate) fn leave(&mut self, connection: ConnectionId, frame: Bytes) {
        let latency = self.latency();
        let Some(of) = self.network.connections.get_mut(&connection) else { return };
        // What was not written when the connection ended never leaves.
        if !of.is_open {
            return;
        }
        of.written += 1;
        let frames = of.written;
        let at = in_order(&mut of.last_up, self.now + latency);
        let correlation_id = peek_request(&frame).map(|preamble| preamble.correlation_id).ok();
        self.at(at, Event::Arrive { connection, frame });
        let open = self.frames.open.entry(connection).or_default();
        let produce = open.iter().position(|of| Some(of.correlation_id) == correlation_id);
        if let Some(place) = produce {
            open[place].is_written = true;
            if open[place].acks == 0 {
                if let Some(produce) = open.remove(place) {
                    self.frames.bytes -= produce.bytes;
                    for (part, ..) in produce.parts {
                        self.ledger.answered(self.now, part, Some(ErrorCode::NONE));
                    }
                }
            }
        }
        self.input(Input::Network(NetworkInput::Written { connection, frames }));
    }

    pub(crate) fn deed(&mut self, deed: Deed) {
        let (Deed::Send { connection, .. } | Deed::Close { connection }) = &deed;
        if self.network.is_cut_off(*connection) {
            return;
        }
        let latency = self.latency();
        match deed {
            Deed::Send { connection, frame, at } => {
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_down, at + latency);
                self.at(at, Event::Input(received(connection, &frame)));
            }
            Deed::Close { connection } => {
                let Some(of) = self.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_down, self.now + latency);
                let error = LostError::Closed;
                self.at(at, Event::Input(NetworkInput::Lost { connection, error }));
            }
        }
    }

    pub(crate) fn network_input(&mut self, input: NetworkInput) {
        let connection = match &input {
            NetworkInput::Received { connection, .. } | NetworkInput::Lost { connection, .. } => {
                Some(*connection)
            }
            _ => None,
        };
        if let Some(connection) = connection {
            let Some(of) = self.network.connections.get_mut(&connection) else { return };
            if !of.is_open || of.is_dead {
                return;
            }
            match &input {
                NetworkInput::Received { frame, .. } => {
                    self.note(
                        "received",
                        || format!("{connection:?} {} bytes", frame.len()),
                        frame,
                    );
                    self.answered(connection, frame);
                }
                _ => {
                    self.note("lost", || format!("{connection:?}"), &[]);
                    self.report.has_seen_garbage |= matches!(&input, NetworkInput::Lost { error: LostError::Broken { detail }, .. } if detail.starts_with("the bytes"));
                    self.ended(connection, false);
                    let delivers = self.dice.percent(70);
                    self.hang_up(connection, delivers);
                }
            }
        }
        self.input(Input::Network(input));
    }

    /// The engine's end is closed. What left it before is still on its way, or lost.
    pub(crate) fn hang_up(&mut self, connection: ConnectionId, delivers: bool) {
        let linger = self.dice.millis(0, 2000);
        if let Some(of) = self.network.connections.get_mut(&connection) {
            of.is_open = false;
            of.is_dead |= !delivers;
            self.after(linger, Event::Hangup(connection));
        }
    }

    /// Whether batches are between the engine and its answers; without answers, between the engine and the brokers.
    pub(crate) fn are_batches_in_flight(&self) -> bool {
        let is_under_way = |event: &Event| match event {
            Event::Leave { frame, .. } | Event::Arrive { frame, .. } => is_produce(frame),
            _ => false,
        };
        self.engine.requests_in_flight() > 0
            || self.plan.has_acks(Acks::None) && self.events.values().any(is_under_way)
    }

    /// A frame goes out.
    fn transmitted(&mut self, connection: ConnectionId, frame: &Bytes) {
        let Ok(preamble) = peek_request(frame) else { return };
        if !is_produce(frame) {
            // Answers come in the order of the requests: one that comes before this one's is none.
            let (correlation_id, version) = (preamble.correlation_id, preamble.api_version);
            let (acks, is_written, bytes, parts) = (-1, false, 0, Vec::new());
            let other = Request { correlation_id, version, acks, is_written, bytes, parts };
            self.frames.open.entry(connection).or_default().push_back(other);
            return;
        }
        self.report.produce_requests += 1;
        if let Some(of) = self.network.connections.get_mut(&connection) {
            of.has_carried = true;
        }
        let (header, request) = match decode_request::<ProduceRequest>(frame) {
            Ok(decoded) => decoded,
            Err(error) => return self.violation(&format!("I1: an unreadable request: {error}")),
        };
        let version = header.request_api_version;
        let mut produce = Request {
            correlation_id: preamble.correlation_id,
            version,
            acks: request.acks,
            is_written: false,
            bytes: 0,
            parts: Vec::new(),
        };
        for (at, of) in request.topic_data.into_iter().enumerate() {
            let topic = match version {
                13.. => {
                    self.ledger.ids.iter().find(|(id, _)| *id == of.topic_id).map(|(_, at)| *at)
                }
                _ => self.plan.topics.iter().position(|topic| *topic.name == *of.name),
            };
            let Some(topic) = topic else {
                self.violation("I1: a topic that there never was");
                continue;
            };
            for data in of.partition_data {
                let bytes = data.records.unwrap_or_default().to_bytes();
                let lane = self.ledger.lane(topic, data.index);
                match self.read_batch(lane, &bytes) {
                    Ok((place, count, stamp)) => {
                        let part = Part { lane, place };
                        let name = self.ledger.name(lane);
                        let last = place + count - 1;
                        self.note(
                            "send",
                            || format!("{name} records {place} to {last} as {stamp:?}"),
                            &[],
                        );
                        self.ledger.transmitted(self.now, part, count, stamp, produce.acks);
                        produce.bytes += bytes.len();
                        produce.parts.push((part, at, data.index));
                    }
                    Err(error) => self.violation(&format!("I1: in a request: {error}")),
                }
            }
        }
        self.frames.bytes += produce.bytes;
        self.frames.open.entry(connection).or_default().push_back(produce);
    }

    /// The place of a batch's first record in its partition, how many there are, and its identity.
    #[allow(clippy::type_complexity, reason = "read at one place")]
    fn read_batch(
        &self,
        lane: usize,
        bytes: &Bytes,
    ) -> Result<(usize, usize, Option<(i64, i16, i32)>), String> {
        let (batch, size) = RecordBatch::parse(bytes).map_err(|error| error.to_string())?;
        if size != bytes.len() {
            return Err("more than one batch for a partition".into());
        }
        let header = *batch.header();
        let mut first = None;
        let mut count = 0;
        for record in batch.records(1 << 26).map_err(|error| error.to_string())? {
            let value = record.map_err(|error| error.to_string())?.value.unwrap_or_default();
            let at = self.ledger.of_value(&value).ok_or("a record that nobody sent")?;
            let record = &self.ledger.records[at];
            let first = *first.get_or_insert(record.place);
            if record.lane != lane {
                return Err(format!("a record of {}", self.ledger.name(record.lane)));
            }
            if record.place != first + count {
                return Err(format!("record {} behind record {}", record.place, first + count));
            }
            count += 1;
        }
        let first = first.ok_or("a batch without records")?;
        let stamp = header.producer_id.is_some().then_some((
            header.producer_id.0,
            header.producer_epoch.0,
            header.base_sequence.0,
        ));
        Ok((first, count, stamp))
    }

    /// An answer reaches the engine.
    fn answered(&mut self, connection: ConnectionId, frame: &Bytes) {
        let Some(open) = self.frames.open.get_mut(&connection) else { return };
        let found = peek_correlation_id(frame).ok();
        if open.front().map(|of| of.correlation_id) != found {
            return;
        }
        let Some(produce) = open.pop_front() else { return };
        self.frames.bytes -= produce.bytes;
        let answer = decode_response::<ProduceResponse>(frame, produce.version);
        self.report.has_seen_garbage |= answer.is_err() && !produce.parts.is_empty();
        let throttle = answer.as_ref().map_or(0, |(_, answer)| answer.throttle_time_ms);
        if let (Ok(throttle @ 1..), Some(of)) =
            (u64::try_from(throttle), self.network.connections.get(&connection))
        {
            let until = self.now + Duration::from_millis(throttle);
            let known = self.frames.throttled.entry(of.broker).or_insert(until);
            *known = until.max(*known);
        }
        for (part, topic, number) in produce.parts {
            let reply = answer.as_ref().ok().and_then(|(_, answer)| {
                // The model answers topics in the order in which they were asked about.
                let of = answer.responses.get(topic)?;
                of.partition_responses.iter().find(|reply| reply.index == number)
            });
            let code = reply.map_or(ErrorCode::NETWORK_EXCEPTION, |reply| reply.error_code);
            let name = self.ledger.name(part.lane);
            self.note(
                "answer",
                || format!("{name} record {}: {code}", part.place),
                &code.0.to_be_bytes(),
            );
            self.ledger.answered(self.now, part, Some(code));
        }
    }

    /// A connection ends, by the engine's will or not. What was not written then is known not to be with the broker.
    fn ended(&mut self, connection: ConnectionId, by_engine: bool) {
        for produce in self.frames.open.remove(&connection).unwrap_or_default() {
            self.frames.bytes -= produce.bytes;
            for (part, ..) in produce.parts {
                let is_there = produce.is_written || by_engine;
                self.ledger.answered(
                    self.now,
                    part,
                    is_there.then_some(ErrorCode::NETWORK_EXCEPTION),
                );
            }
        }
    }
}

fn is_produce(frame: &Bytes) -> bool {
    peek_request(frame).is_ok_and(|preamble| preamble.api_key == i16::from(ApiKey::Produce))
}

fn describe(frame: &Bytes) -> String {
    let Ok(preamble) = peek_request(frame) else { return "?".into() };
    let api = ApiKey::try_from(preamble.api_key).map_or("?", |api| api.name());
    format!("{api} v{} #{}, {} bytes", preamble.api_version, preamble.correlation_id, frame.len())
}
