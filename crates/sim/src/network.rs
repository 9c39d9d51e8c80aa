//! Connections between the engine and the model: frames take their time, in order; connections break with frames on the way.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rohrpost_cluster::{ConnectionId, LostError, NetworkInput, Time};
use rohrpost_codec::Bytes;
use rohrpost_testkit::model::{Answer, Model, Now, SessionId, Waiting};

/// A connection, both ends of it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) broker: i32,
    /// The broker's end, while it has one.
    pub(crate) session: Option<SessionId>,
    /// Whether the engine's end is open.
    pub(crate) is_open: bool,
    /// Frames told as written.
    pub(crate) written: u64,
    /// Frames that arrived and are not served yet.
    inbox: VecDeque<Bytes>,
    serving: Serving,
    /// When the last frame arrives, each way: none overtakes.
    pub(crate) last_up: Time,
    pub(crate) last_down: Time,
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

#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
}

impl Network {
    pub(crate) fn open(&mut self, id: ConnectionId, broker: i32, session: Option<SessionId>) {
        let connection = Connection {
            broker,
            session,
            is_open: session.is_some(),
            written: 0,
            inbox: VecDeque::new(),
            serving: Serving::Free,
            last_up: Time::ZERO,
            last_down: Time::ZERO,
        };
        self.connections.insert(id, connection);
    }

    pub(crate) fn arrive(&mut self, id: ConnectionId, frame: Bytes) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.inbox.push_back(frame);
        }
    }

    /// Lets every broker's end do what it can do now.
    pub(crate) fn serve(&mut self, now: Time, model: &mut Model) -> Vec<Deed> {
        let mut deeds = Vec::new();
        loop {
            let before = deeds.len();
            let mut has_served = false;
            for (&id, connection) in &mut self.connections {
                has_served |= connection.serve(id, now, model, &mut deeds);
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

impl Connection {
    fn serve(
        &mut self,
        id: ConnectionId,
        now: Time,
        model: &mut Model,
        deeds: &mut Vec<Deed>,
    ) -> bool {
        let Some(session) = self.session else { return false };
        if !model.is_connected(session) {
            self.session = None;
            deeds.push(Deed::Close { connection: id });
            return true;
        }
        let elapsed = now.as_duration();
        let model_now = Now { elapsed, wall_ms: 1_700_000_000_000 + elapsed.as_millis() as i64 };
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
                let is_due = waiting.deadline().is_some_and(|deadline| deadline <= elapsed);
                if !is_due && waiting.changes() == model.changes() {
                    self.serving = Serving::Waiting(waiting);
                    return false;
                }
                model.resume(model_now, session, waiting)
            }
            Serving::Free | Serving::Until(_) => {
                let Some(frame) = self.inbox.pop_front() else { return false };
                model.handle(model_now, session, &frame)
            }
        };
        match answer {
            Answer::Send(frame) => deeds.push(Deed::Send { connection: id, frame, at: now }),
            Answer::SendAt { at, frame } => {
                let at = Time::from_duration(at);
                self.serving = Serving::Until(at);
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
