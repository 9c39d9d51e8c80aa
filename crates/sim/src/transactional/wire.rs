//! Frames between the producers and the brokers.

use std::net::IpAddr;
use std::time::Duration;

use rohrpost_cluster::{
    ConnectError, ConnectErrorKind, ConnectionId, LookupError, NetworkInput, NetworkOutput,
};
use rohrpost_codec::messages::ProduceRequest;
use rohrpost_codec::{ApiKey, Bytes, decode_request, peek_request};
use rohrpost_engine::Input;
use rohrpost_records::RecordBatch;
use rohrpost_testkit::model::BrokerId;

use super::{Event, Life};
use crate::network::{Deed, in_order, received};

impl Life {
    pub(super) fn network_output(&mut self, client: usize, output: NetworkOutput) {
        match output {
            NetworkOutput::Resolve { lookup, .. } => {
                let result = Err(LookupError { detail: "no such name".to_owned() });
                let latency = self.latency();
                let input = NetworkInput::Resolved { lookup, result };
                self.after(latency, Event::Input(client, input));
            }
            NetworkOutput::Connect { connection, address, .. } => {
                if let IpAddr::V4(ip) = address.ip() {
                    self.connect(client, connection, i32::from(ip.octets()[3]));
                }
            }
            NetworkOutput::Authenticate { .. } | NetworkOutput::Ready { .. } => {}
            NetworkOutput::Transmit { connection, frame } => {
                let frame = frame.to_bytes().slice(4..);
                self.note(client, "transmit", || describe(&frame), &frame);
                self.transmitted(&frame);
                let mut pause = self.dice.millis(0, 1);
                let of = &mut self.clients[client];
                if is_of(&frame, ApiKey::EndTxn) {
                    pause += of.late_end.take().unwrap_or_default();
                }
                let Some(of) = of.network.connections.get_mut(&connection) else { return };
                let at = in_order(&mut of.last_up, self.now + pause);
                // What is late is in the network, not in the producer's socket.
                let leaves = at.min(self.now + Duration::from_millis(1));
                self.at(leaves, Event::Leave(client, connection, frame));
            }
            NetworkOutput::Disconnect { connection } => {
                let delivers = self.dice.percent(70);
                self.hang_up(client, connection, delivers);
            }
        }
    }

    fn connect(&mut self, client: usize, connection: ConnectionId, broker: i32) {
        let network = &self.clients[client].network;
        let is_silent = network.unreachable.contains(&broker);
        let is_refused = network.refusing.contains(&broker);
        let session = match is_silent || is_refused {
            true => None,
            false => self.model.connect(BrokerId(broker)),
        };
        self.clients[client].network.open(connection, broker, session);
        let input = match session {
            Some(_) => NetworkInput::Connected { connection },
            None => {
                let (kind, detail) = (ConnectErrorKind::Refused, "down".to_owned());
                NetworkInput::ConnectFailed { connection, error: ConnectError { kind, detail } }
            }
        };
        if !is_silent {
            let latency = self.latency();
            self.after(latency, Event::Input(client, input));
        }
    }

    /// A frame is with the operating system.
    pub(super) fn leave(&mut self, client: usize, connection: ConnectionId, frame: Bytes) {
        let latency = self.latency();
        let of = &mut self.clients[client];
        let is_dead = of.is_dead;
        let Some(of) = of.network.connections.get_mut(&connection) else { return };
        // What was not written when the connection ended never leaves.
        if !of.is_open {
            return;
        }
        of.written += 1;
        let frames = of.written;
        let at = in_order(&mut of.last_up, self.now + latency);
        self.at(at, Event::Arrive(client, connection, frame));
        if !is_dead {
            let input = NetworkInput::Written { connection, frames };
            self.input(client, Input::Network(input));
        }
    }

    pub(super) fn deed(&mut self, client: usize, deed: Deed) {
        let (Deed::Send { connection, .. } | Deed::Close { connection }) = &deed;
        let connection = *connection;
        if self.clients[client].network.is_cut_off(connection) {
            return;
        }
        let latency = self.latency();
        let of = self.clients[client].network.connections.get_mut(&connection);
        let Some(of) = of else { return };
        let (at, input) = match deed {
            Deed::Send { frame, at, .. } => (at, received(connection, &frame)),
            Deed::Close { .. } => {
                let error = rohrpost_cluster::LostError::Closed;
                (self.now, NetworkInput::Lost { connection, error })
            }
        };
        let at = in_order(&mut of.last_down, at + latency);
        self.at(at, Event::Input(client, input));
    }

    pub(super) fn network_input(&mut self, client: usize, input: NetworkInput) {
        if self.clients[client].is_dead {
            return;
        }
        let (connection, is_lost) = match &input {
            NetworkInput::Received { connection, .. } => (Some(*connection), false),
            NetworkInput::Lost { connection, .. } => (Some(*connection), true),
            _ => (None, false),
        };
        if let Some(connection) = connection {
            let of = self.clients[client].network.connections.get_mut(&connection);
            let Some(of) = of else { return };
            if !of.is_open || of.is_dead {
                return;
            }
            if is_lost {
                self.note(client, "lost", || format!("{connection:?}"), &[]);
                let delivers = self.dice.percent(70);
                self.hang_up(client, connection, delivers);
            }
        }
        if let NetworkInput::Received { frame, .. } = &input {
            self.note(client, "received", || format!("{} bytes", frame.len()), frame);
        }
        self.input(client, Input::Network(input));
    }

    /// The producer's end is closed. What left it before is still on its way, or lost.
    pub(super) fn hang_up(&mut self, client: usize, connection: ConnectionId, delivers: bool) {
        let linger = self.dice.millis(0, 2000);
        let now = self.now;
        let of = self.clients[client].network.connections.get_mut(&connection);
        if let Some(of) = of {
            of.is_open = false;
            of.is_dead |= !delivers && of.last_up <= now + Duration::from_millis(100);
            // What is late arrives all the same.
            let until = (now + linger).max(of.last_up + Duration::from_millis(1));
            self.at(until, Event::Hangup(client, connection));
        }
    }

    /// I3: an identity carries one payload for ever, and everything is part of a transaction.
    fn transmitted(&mut self, frame: &Bytes) {
        if !is_of(frame, ApiKey::Produce) {
            return;
        }
        self.report.produce_requests += 1;
        let Ok((header, request)) = decode_request::<ProduceRequest>(frame) else {
            return self.violation("I1: an unreadable request");
        };
        for topic in request.topic_data {
            let ids = &self.ledger.ids;
            let number = match header.request_api_version {
                13.. => ids.iter().find(|(id, _)| *id == topic.topic_id).map(|(_, at)| *at),
                _ => self.plan.base.topics.iter().position(|of| *of.name == *topic.name),
            };
            for data in topic.partition_data {
                let bytes = data.records.unwrap_or_default().to_bytes();
                let Ok((batch, _)) = RecordBatch::parse(&bytes) else {
                    self.violation("I1: an unreadable batch");
                    continue;
                };
                let of = *batch.header();
                let records = batch.records(1 << 26).ok().into_iter().flatten().flatten();
                let numbers = records
                    .filter_map(|record| Some(u64::from_be_bytes(*record.value?.first_chunk()?)));
                let numbers: Vec<u64> = numbers.collect();
                if !of.attributes.is_transactional() {
                    self.violation("I7: a batch outside of every transaction");
                }
                let stamp = (of.producer_id.0, of.producer_epoch.0, of.base_sequence.0);
                let place = (number.unwrap_or(usize::MAX), data.index);
                self.note(0, "send", || format!("{place:?} {stamp:?} {numbers:?}"), &[]);
                if !self.accounts.identify(place, stamp, &numbers) {
                    let what = format!("I3: its identity was another's ({place:?}, {stamp:?})");
                    self.violation(&what);
                }
            }
        }
    }
}

fn is_of(frame: &Bytes, api: ApiKey) -> bool {
    peek_request(frame).is_ok_and(|preamble| preamble.api_key == i16::from(api))
}

fn describe(frame: &Bytes) -> String {
    let Ok(preamble) = peek_request(frame) else { return "?".into() };
    let api = ApiKey::try_from(preamble.api_key).map_or("?", |api| api.name());
    format!("{api} v{} #{}, {} bytes", preamble.api_version, preamble.correlation_id, frame.len())
}
