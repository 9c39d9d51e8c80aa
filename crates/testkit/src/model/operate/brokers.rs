//! What becomes of brokers and their connections.

use std::time::Duration;

use crate::model::{BrokerId, ConnectionFault, Model, Partition, Session, SessionId};

impl Model {
    /// Tells clients where a broker is.
    pub fn set_address(&mut self, broker: impl Into<BrokerId>, host: impl Into<String>, port: u16) {
        if let Some(broker) = self.brokers.get_mut(&broker.into()) {
            broker.host = host.into();
            broker.port = port;
        }
    }

    /// Puts a broker into a rack.
    pub fn set_rack(&mut self, broker: impl Into<BrokerId>, rack: Option<String>) {
        if let Some(broker) = self.brokers.get_mut(&broker.into()) {
            broker.rack = rack;
        }
    }

    /// Opens a connection to a broker; `None` if it is down, or there is none.
    pub fn connect(&mut self, broker: impl Into<BrokerId>) -> Option<SessionId> {
        let broker = broker.into();
        if !self.is_up(broker) {
            return None;
        }
        self.last_session += 1;
        self.stats.connections += 1;
        self.stats.open_connections += 1;
        let session = SessionId(self.last_session);
        let open = Session {
            broker,
            muted_until: None,
            pace: None,
            principal: None,
            #[cfg(feature = "sasl")]
            login: Default::default(),
        };
        self.sessions.insert(session, open);
        Some(session)
    }

    /// What goes wrong with a new connection to a broker, if a fault strikes it ([`Fault::connection`](crate::Fault::connection)), for
    /// whoever drives the model to do.
    pub fn connection_fault(&mut self, broker: impl Into<BrokerId>) -> Option<ConnectionFault> {
        let fault = self.faults.judge_connection(broker.into())?;
        self.stats.faults += 1;
        Some(fault)
    }

    /// The pause before each byte that is sent on a connection, while a fault slows it ([`Fault::trickle`](crate::Fault::trickle)), for
    /// whoever drives the model to make.
    #[must_use]
    pub fn trickle(&self, session: SessionId) -> Option<Duration> {
        self.sessions.get(&session)?.pace
    }

    /// Says who a client is: what its TLS certificate names, for listeners with client authentication and without SASL.
    pub fn identify(&mut self, session: SessionId, principal: impl Into<String>) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.principal = Some(principal.into());
        }
    }

    /// Who a client is: the name that it has authenticated as; `None` for one that nobody knows, which Kafka calls `ANONYMOUS`.
    #[must_use]
    pub fn principal(&self, session: SessionId) -> Option<&str> {
        self.sessions.get(&session)?.principal.as_deref()
    }

    /// Closes a connection. What waits on it is forgotten, what was appended stays.
    pub fn disconnect(&mut self, session: SessionId) {
        if self.sessions.remove(&session).is_some() {
            self.stats.open_connections -= 1;
        }
    }

    /// Whether a connection is open: it is not any more once its broker has stopped, or has cut an answer short.
    #[must_use]
    pub fn is_connected(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Stops a broker: its connections close, and the next replica in sync leads what it led. Says whether it was up.
    pub fn stop_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let id = broker.into();
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        (broker.is_up, broker.is_paused, broker.is_isolated) = (false, false, false);
        (broker.is_fenced, broker.silent_since, broker.hears_at) = (false, None, None);
        let before = self.sessions.len();
        self.sessions.retain(|_, session| session.broker != id);
        self.stats.open_connections -= (before - self.sessions.len()) as u64;
        self.views.remove(&id);
        self.unwedge(Some(id));
        let now = self.elapsed;
        self.each_partition(|partition| {
            partition.set_away(id, true);
            partition.forget_replaced(id) + partition.fence(id, now, false)
        });
        true
    }

    /// Starts a broker that is down: it catches up, and leads nothing that another leads. Says whether it was down.
    pub fn start_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let id = broker.into();
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| !broker.is_up) else {
            return false;
        };
        broker.is_up = true;
        self.is_back(id);
        true
    }

    /// Freezes a broker, as SIGSTOP does: connections stay, requests wait, it copies nothing as a follower. Nobody takes over, but
    /// after [`ModelConfig::broker_session_timeout`](super::super::ModelConfig::broker_session_timeout). Says whether there is such
    /// a broker, up.
    pub fn pause_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let (id, now) = (broker.into(), self.elapsed);
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        broker.is_paused = true;
        broker.silent_since.get_or_insert(now);
        self.is_gone(id);
        true
    }

    /// Lets a frozen broker go on with the requests that wait: as the leader that it was, for
    /// [`ModelConfig::zombie_time`](super::super::ModelConfig::zombie_time), if it was replaced meanwhile. Says whether there is such a broker, up.
    pub fn resume_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let (id, now, zombie_time) = (broker.into(), self.elapsed, self.config.zombie_time);
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        broker.is_paused = false;
        self.changes += 1;
        if broker.is_fenced && !broker.is_isolated && !zombie_time.is_zero() {
            broker.is_isolated = true;
            broker.hears_at = Some(now.saturating_add(zombie_time));
        } else if broker.is_here() {
            self.is_back(id);
        }
        true
    }

    /// Cuts a broker off from the other brokers and the controller, while clients still reach it. Until
    /// [`Model::heal_broker`] it knows nothing new: what it tells of the cluster is as it was, and what it leads it takes itself to
    /// lead, even after others do. Appends with acks=1 to it are lost then; those with acks=all wait in vain, as nobody copies them.
    /// Says whether there is such a broker, up.
    pub fn isolate_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let (id, now) = (broker.into(), self.elapsed);
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        broker.is_isolated = true;
        broker.silent_since.get_or_insert(now);
        if !self.views.contains_key(&id) {
            self.hold_metadata(id);
        }
        self.is_gone(id);
        true
    }

    /// Ends what [`Model::isolate_broker`] began. Says whether there is such a broker, up.
    pub fn heal_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let id = broker.into();
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| broker.is_up) else {
            return false;
        };
        (broker.is_isolated, broker.hears_at) = (false, None);
        let is_here = broker.is_here();
        self.release_metadata(id);
        if is_here {
            self.is_back(id);
        }
        true
    }

    /// Has the controller take a broker for dead, which it may not be: others lead what it led, and clients are not told of it until
    /// it is started, resumed or healed. A broker that is isolated or paused does not hear of it. Says whether there is such a broker.
    pub fn fence_broker(&mut self, broker: impl Into<BrokerId>) -> bool {
        let (id, now) = (broker.into(), self.elapsed);
        let Some(broker) = self.brokers.get_mut(&id).filter(|broker| !broker.is_fenced) else {
            return false;
        };
        let may_go_on = broker.is_up && !broker.is_here();
        broker.is_fenced = broker.is_up;
        if may_go_on && !self.views.contains_key(&id) {
            self.hold_metadata(id);
        }
        self.each_partition(|partition| partition.fence(id, now, may_go_on));
        true
    }

    /// The controller fences brokers that have been silent for too long.
    pub(in crate::model) fn fence_silent(&mut self) {
        let Some(timeout) = self.config.broker_session_timeout else { return };
        let now = self.elapsed;
        let is_due = |since: Duration| since.saturating_add(timeout) <= now;
        let due =
            self.brokers.values().filter(|b| !b.is_fenced && b.silent_since.is_some_and(is_due));
        let due: Vec<_> = due.map(|broker| broker.id).collect();
        for broker in due {
            self.fence_broker(broker);
        }
    }

    fn is_gone(&mut self, broker: BrokerId) {
        self.each_partition(|partition| {
            partition.set_away(broker, true);
            0
        });
    }

    /// Brokers that were replaced while they slept hear of it.
    pub(in crate::model) fn wake_zombies(&mut self) {
        let now = self.elapsed;
        let due = self.brokers.values().filter(|b| b.hears_at.is_some_and(|at| at <= now));
        let due: Vec<_> = due.map(|broker| broker.id).collect();
        for broker in due {
            self.heal_broker(broker);
        }
    }

    fn is_back(&mut self, id: BrokerId) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            let was_fenced = std::mem::replace(&mut broker.is_fenced, false);
            broker.silent_since = None;
            if was_fenced {
                self.release_metadata(id);
            }
        }
        let now = self.elapsed;
        self.each_partition(|partition| {
            partition.set_away(id, false);
            partition.forget_replaced(id) + partition.fill_vacancy(now)
        });
        self.replicate_all();
    }

    /// Changes every partition, and counts the records that are lost by it.
    fn each_partition(&mut self, change: impl FnMut(&mut Partition) -> u64) {
        let partitions = self.topics.values_mut().flat_map(|topic| &mut topic.partitions);
        self.stats.lost_records += partitions.map(change).sum::<u64>();
        self.replicate_all();
        self.changes += 1;
    }
}
