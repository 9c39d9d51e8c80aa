//! Connections between the engine and the model: frames take their time, in order; connections break with frames on the way, or go
//! silent without breaking; names lead to addresses, and addresses to brokers, or no longer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use rohrpost_cluster::{ConnectionId, LostError, NetworkInput, Time};
use rohrpost_codec::messages::InitProducerIdResponse;
use rohrpost_codec::{ApiKey, Bytes, decode_response, encode_response, peek_request};
use rohrpost_testkit::model::{Answer, Model, Now, SessionId, Waiting};

/// A connection, both ends of it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) broker: i32,
    /// The broker's end, while it has one.
    pub(crate) session: Option<SessionId>,
    /// Whether the engine's end is open.
    pub(crate) is_open: bool,
    /// Half-open: nothing passes any more, and nobody is told.
    pub(crate) is_dead: bool,
    /// Frames told as written.
    pub(crate) written: u64,
    /// Batches were sent over it: it is ready.
    pub(crate) has_carried: bool,
    /// Frames that arrived and are not served yet.
    inbox: VecDeque<Bytes>,
    serving: Serving,
    /// When the last frame arrives, each way: none overtakes.
    pub(crate) last_up: Time,
    pub(crate) last_down: Time,
    /// The version of an InitProducerId request whose answer is to come, with its correlation id.
    asked_for_id: Option<(i32, i16)>,
}

#[derive(Debug)]
enum Serving {
    Free,
    /// Until its answer is out.
    Until(Time),
    Waiting(Waiting),
    Stalled,
}

/// What a broker's end does.
#[derive(Debug)]
pub(crate) enum Deed {
    Send { connection: ConnectionId, frame: Bytes, at: Time },
    Close { connection: ConnectionId },
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    /// The last part but one of each broker's address.
    homes: Vec<u8>,
    /// What the resolver says, which may be behind.
    pub(crate) names: Vec<u8>,
    /// Nobody resolves anything.
    pub(crate) is_mute: bool,
    /// Brokers that no frame reaches, and from which none comes.
    pub(crate) unreachable: BTreeSet<i32>,
    /// Brokers that refuse connections.
    pub(crate) refusing: BTreeSet<i32>,
    /// Addresses that were left behind swallow what is sent there, instead of refusing.
    pub(crate) old_homes_are_silent: bool,
    pub(crate) first_epoch: i16,
}

impl Network {
    pub(crate) fn new(brokers: i32, first_epoch: i16) -> Self {
        Self {
            connections: BTreeMap::new(),
            homes: vec![0; brokers as usize + 1],
            names: vec![0; brokers as usize + 1],
            is_mute: false,
            unreachable: BTreeSet::new(),
            refusing: BTreeSet::new(),
            old_homes_are_silent: false,
            first_epoch,
        }
    }

    /// Whether the engine has a connection to a broker over which it sent batches.
    pub(crate) fn is_connected(&self, broker: i32) -> bool {
        self.connections.values().any(|of| of.broker == broker && of.is_open && of.has_carried)
    }

    /// Where the resolver sends those who ask for a broker's name.
    pub(crate) fn resolve(&self, host: &str) -> Option<Ipv4Addr> {
        let id: usize = host.strip_prefix("broker-")?.parse().ok()?;
        Some(Ipv4Addr::new(10, 0, *self.names.get(id)?, id as u8))
    }

    /// Who lives at an address; `Err` with the broker that did.
    pub(crate) fn at_home(&self, address: Ipv4Addr) -> Result<i32, i32> {
        let [_, _, home, id] = address.octets();
        let is_home = self.homes.get(usize::from(id)) == Some(&home);
        if is_home { Ok(id.into()) } else { Err(id.into()) }
    }

    /// A broker moves; its new address.
    pub(crate) fn rehouse(&mut self, broker: i32) -> Ipv4Addr {
        let home = &mut self.homes[broker as usize];
        *home = home.wrapping_add(1);
        Ipv4Addr::new(10, 0, *home, broker as u8)
    }

    /// The resolver hears of a broker's move.
    pub(crate) fn rename(&mut self, broker: i32) {
        self.names[broker as usize] = self.homes[broker as usize];
    }

    pub(crate) fn open(&mut self, id: ConnectionId, broker: i32, session: Option<SessionId>) {
        let connection = Connection {
            broker,
            session,
            is_open: session.is_some(),
            is_dead: false,
            written: 0,
            has_carried: false,
            inbox: VecDeque::new(),
            serving: Serving::Free,
            last_up: Time::ZERO,
            last_down: Time::ZERO,
            asked_for_id: None,
        };
        self.connections.insert(id, connection);
    }

    pub(crate) fn arrive(&mut self, id: ConnectionId, frame: Bytes) {
        if let Some(connection) = self.connections.get_mut(&id) {
            if !connection.is_dead && !self.unreachable.contains(&connection.broker) {
                connection.inbox.push_back(frame);
            }
        }
    }

    /// Whether what a connection's broker sends arrives.
    pub(crate) fn is_cut_off(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_none_or(|of| of.is_dead || self.unreachable.contains(&of.broker))
    }

    /// Lets every broker's end do what it can do now.
    pub(crate) fn serve(&mut self, now: Time, model: &mut Model) -> Vec<Deed> {
        let mut deeds = Vec::new();
        loop {
            let before = deeds.len();
            let mut has_served = false;
            for (&id, connection) in &mut self.connections {
                has_served |= connection.serve(id, now, model, &mut deeds, self.first_epoch);
            }
            if !has_served && deeds.len() == before {
                return deeds;
            }
        }
    }

    /// When a broker's end has something to do by itself.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let deadlines = self.connections.values().filter(|c| c.session.is_some()).filter_map(|c| {
            match &c.serving {
                Serving::Until(at) if !c.inbox.is_empty() => Some(*at),
                Serving::Waiting(waiting) => waiting.deadline().map(Time::from_duration),
                _ => None,
            }
        });
        deadlines.min()
    }

    /// Forgets connections that nobody holds any more.
    pub(crate) fn sweep(&mut self) {
        self.connections.retain(|_, connection| connection.is_open || connection.session.is_some());
    }
}

/// The brokers' clock.
pub(crate) fn model_time(now: Time) -> Now {
    let elapsed = now.as_duration();
    Now { elapsed, wall_ms: 1_700_000_000_000 + elapsed.as_millis() as i64 }
}

impl Connection {
    fn serve(
        &mut self,
        id: ConnectionId,
        now: Time,
        model: &mut Model,
        deeds: &mut Vec<Deed>,
        first_epoch: i16,
    ) -> bool {
        let Some(session) = self.session else { return false };
        if !model.is_connected(session) {
            self.session = None;
            deeds.push(Deed::Close { connection: id });
            return true;
        }
        let answer = match std::mem::replace(&mut self.serving, Serving::Free) {
            Serving::Stalled => {
                self.serving = Serving::Stalled;
                return false;
            }
            Serving::Until(at) if at > now => {
                self.serving = Serving::Until(at);
                return false;
            }
            Serving::Waiting(waiting) => {
                let is_due = waiting.deadline().is_some_and(|due| due <= now.as_duration());
                if !is_due && waiting.changes() == model.changes() {
                    self.serving = Serving::Waiting(waiting);
                    return false;
                }
                model.resume(model_time(now), session, waiting)
            }
            Serving::Free | Serving::Until(_) => {
                let Some(frame) = self.inbox.pop_front() else { return false };
                if first_epoch > 0 {
                    self.asked_for_id = asks_for_id(&frame).or(self.asked_for_id);
                }
                model.handle(model_time(now), session, &frame)
            }
        };
        match answer {
            Answer::Send(frame) => {
                let frame = self.age_id(frame, first_epoch);
                deeds.push(Deed::Send { connection: id, frame, at: now });
            }
            Answer::SendAt { at, frame } => {
                let at = Time::from_duration(at);
                self.serving = Serving::Until(at);
                let frame = self.age_id(frame, first_epoch);
                deeds.push(Deed::Send { connection: id, frame, at });
            }
            Answer::Wait(waiting) => self.serving = Serving::Waiting(waiting),
            Answer::Nothing => {}
            Answer::Stall => self.serving = Serving::Stalled,
            Answer::Close => {
                model.disconnect(session);
                self.session = None;
                deeds.push(Deed::Close { connection: id });
            }
        }
        true
    }

    /// Has a new producer id begin with an epoch that it would come to after a long life.
    fn age_id(&mut self, frame: Bytes, first_epoch: i16) -> Bytes {
        let Some((correlation_id, version)) = self.asked_for_id else { return frame };
        let body = frame.slice(4.min(frame.len())..);
        let Ok((found, mut answer)) = decode_response::<InitProducerIdResponse>(&body, version)
        else {
            return frame;
        };
        if found != correlation_id {
            return frame;
        }
        self.asked_for_id = None;
        if answer.error_code.is_none() {
            answer.producer_epoch = first_epoch;
        }
        encode_response(found, &answer, version).map_or(frame, |frame| frame.to_bytes())
    }
}

fn asks_for_id(frame: &Bytes) -> Option<(i32, i16)> {
    let preamble = peek_request(frame).ok()?;
    (preamble.api_key == i16::from(ApiKey::InitProducerId))
        .then_some((preamble.correlation_id, preamble.api_version))
}

/// What the engine hears of a frame that a broker sent: the frame, if it is one.
pub(crate) fn received(connection: ConnectionId, frame: &Bytes) -> NetworkInput {
    let is_frame = frame
        .first_chunk::<4>()
        .is_some_and(|prefix| u32::from_be_bytes(*prefix) as usize == frame.len() - 4);
    if is_frame {
        NetworkInput::Received { connection, frame: frame.slice(4..) }
    } else {
        let detail = "the bytes are no frame".to_owned();
        NetworkInput::Lost { connection, error: LostError::Broken { detail } }
    }
}

/// A time not before `earliest`, and later than what went before.
pub(crate) fn in_order(last: &mut Time, earliest: Time) -> Time {
    *last = earliest.max(*last + Duration::from_nanos(1));
    *last
}
