//! How trouble comes and goes.

use std::time::Duration;

use rohrpost_cluster::{ConnectionId, LostError, NetworkInput};
use rohrpost_codec::ApiKey;
use rohrpost_engine::{FlushId, Input};
use rohrpost_testkit::TopicSpec;
use rohrpost_testkit::model::{BrokerId, Permission};

use crate::dice::Dice;
use crate::guards::Guards;
use crate::life::{Event, Life};
use crate::network::{Connection, model_time};
use crate::plan::{PASSWORD, USER};
use crate::trouble::Trouble;

impl Life {
    /// Lets something go wrong.
    pub(crate) fn trouble(&mut self, trouble: Trouble) {
        self.note("trouble", || format!("{trouble:?}"), trouble.kind().as_bytes());
        self.model.advance(model_time(self.now));
        let in_flight = self.are_batches_in_flight();
        let kind = trouble.kind();
        let Some(lasts) = self.begin(&trouble) else { return };
        self.report.count_fault(kind, in_flight && !matches!(trouble, Trouble::Inject { .. }));
        if let Some(lasts) = lasts {
            self.after(lasts, Event::Relief(trouble));
        }
        self.logs.look(&self.model, &mut self.ledger);
    }

    /// Begins a trouble: `None` where there is nothing to begin, else how long until it has to be ended, if it has to be.
    fn begin(&mut self, trouble: &Trouble) -> Option<Option<Duration>> {
        match trouble {
            &Trouble::Kill { broker, lasts } => {
                self.model.stop_broker(broker).then_some(Some(lasts))
            }
            &Trouble::Pause { broker, lasts } => {
                self.model.pause_broker(broker).then_some(Some(lasts))
            }
            &Trouble::Isolate { broker, fenced, lasts } => {
                let begins = self.model.isolate_broker(broker);
                if begins && fenced {
                    self.model.fence_broker(broker);
                }
                begins.then_some(Some(lasts))
            }
            &Trouble::Rehouse { broker, silent, resolver } => {
                self.network.old_homes_are_silent = silent;
                self.rehouse(broker, silent, resolver);
                Some(None)
            }
            &Trouble::RehouseAll { silent, resolver } => {
                self.network.old_homes_are_silent = silent;
                for broker in 1..=self.plan.model.brokers {
                    self.rehouse(broker, silent, resolver);
                }
                Some(None)
            }
            &Trouble::Cut { broker, delivers } => self.cut(broker, delivers).then_some(None),
            &Trouble::GoDead { broker } => self.go_dead(broker).then_some(None),
            &Trouble::Unreachable { broker, lasts } => {
                self.network.unreachable.insert(broker).then_some(Some(lasts))
            }
            &Trouble::Refuse { broker, lasts } => {
                self.network.refusing.insert(broker).then_some(Some(lasts))
            }
            &Trouble::Slow { by, lasts } => {
                self.slow = by;
                Some(Some(lasts))
            }
            &Trouble::NoNames { lasts } => {
                self.network.is_mute = true;
                Some(Some(lasts))
            }
            Trouble::Inject { faults, .. } => {
                for fault in faults {
                    self.model.inject(fault.clone());
                }
                Some(None)
            }
            Trouble::Suspend { lasts } => {
                // Whatever was due in the meantime comes late.
                self.now += *lasts;
                self.ledger.jumped = self.now;
                Some(None)
            }
            &Trouble::SetClock { ms } => {
                self.clock = ms;
                Some(Some(Duration::from_millis(300)))
            }
            _ => self.begin_with_topic(trouble).unwrap_or_else(|| self.begin_with_user(trouble)),
        }
    }

    /// `None` if it has nothing to do with a topic.
    fn begin_with_topic(&mut self, trouble: &Trouble) -> Option<Option<Option<Duration>>> {
        let name = |life: &Self, topic: usize| life.plan.topics[topic].name.clone();
        Some(match *trouble {
            Trouble::Move { topic, partition, to } => {
                let name = name(self, topic);
                self.model.move_leader(&name, partition, to).ok().map(|()| None)
            }
            Trouble::Election { topic, partition, lasts } => {
                let name = name(self, topic);
                self.model.hold_election(&name, partition).ok().map(|()| Some(lasts))
            }
            Trouble::Unclean { topic, partition, to } => {
                let name = name(self, topic);
                let lane = self.ledger.lane(topic, partition);
                let is_done = self.model.elect_unclean(&name, partition, to).ok();
                self.ledger.lanes[lane].is_unclean |= is_done.is_some();
                is_done.map(|()| None)
            }
            Trouble::Behind { topic, partition, lasts } => {
                let name = name(self, topic);
                self.model.hold_replication(&name, partition).ok().map(|()| Some(lasts))
            }
            Trouble::Recreate { topic, lasts } => {
                let name = name(self, topic);
                self.logs.look(&self.model, &mut self.ledger);
                let begins = self.model.delete_topic(&name).ok();
                if begins.is_some() {
                    self.logs.deleted(topic, &mut self.ledger);
                    // A request that names a topic by its name cannot tell the new one, and that takes any first sequence.
                    if self.plan.model.versions.contains_key(&ApiKey::Produce) {
                        for &lane in &self.ledger.lanes_of(topic).to_vec() {
                            self.ledger.lanes[lane].is_unclean = true;
                        }
                    }
                }
                begins.map(|()| Some(lasts))
            }
            Trouble::AddPartitions { topic, more } => {
                let name = name(self, topic);
                let count = self.plan.topics[topic].partitions + more;
                let begins = self.model.add_partitions(&name, count).ok();
                if begins.is_some() {
                    self.plan.topics[topic].partitions = count;
                }
                begins.map(|()| None)
            }
            Trouble::Forget { topic, partition } => {
                let name = name(self, topic);
                let lane = self.ledger.lane(topic, partition);
                // A broker that forgets what is in doubt breaks Kafka's promise, not ours.
                if !self.ledger.is_quiet(lane) {
                    return Some(None);
                }
                self.model.forget_producers(&name, partition).ok().map(|()| None)
            }
            Trouble::Trim { topic, partition } => {
                let name = name(self, topic);
                let end = self.model.partition(&name, partition).map(|of| of.log.high_watermark());
                let end = end.unwrap_or_default();
                self.model.delete_records(&name, partition, end / 2).ok().map(|_| None)
            }
            Trouble::Deny { topic, lasts } => {
                let name = name(self, topic);
                self.model.deny(Permission::WriteTopic(name));
                Some(Some(lasts))
            }
            _ => return None,
        })
    }

    fn begin_with_user(&mut self, trouble: &Trouble) -> Option<Option<Duration>> {
        match *trouble {
            Trouble::Stale { broker, lasts } => {
                self.model.hold_metadata(broker);
                Some(Some(lasts))
            }
            Trouble::Blank { broker, lasts } => {
                let view = self.model.metadata_view().without_topics();
                self.model.show_metadata(broker, view);
                Some(Some(lasts))
            }
            Trouble::DenyId { lasts } => {
                self.model.deny(Permission::IdempotentWrite);
                Some(Some(lasts))
            }
            Trouble::ForgetPassword { lasts } => {
                self.model.sasl_mut()?.set_password(USER, "another");
                Some(Some(lasts))
            }
            Trouble::NoCredentials { lasts } => {
                self.guards.are_empty_handed = true;
                Some(Some(lasts))
            }
            Trouble::SlowCredentials { by, lasts } => {
                self.guards.take = by;
                Some(Some(lasts))
            }
            _ if self.is_closing => None,
            Trouble::Flood { records } => {
                let mut dice = Dice::of(self.plan.seed, 4, self.report.faults);
                for _ in 0..records {
                    self.send_any(&mut dice);
                }
                Some(None)
            }
            Trouble::Flush => {
                let flush = FlushId(self.next_event);
                self.next_event += 1;
                self.flushes.insert(flush, self.ledger.records.len());
                self.input(Input::Flush { flush });
                Some(None)
            }
            Trouble::GiveUp { all } => {
                let waiting = self.senders.for_memory.len() + self.senders.for_metadata.len();
                // Somebody may give up who was granted memory just now and has not looked.
                let freed = (self.dice.below(3) == 0).then(|| self.senders.budget.next_deadline());
                for _ in 0..if all { waiting } else { waiting.min(1) } {
                    let pick = self.dice.below(1000) as usize;
                    if let Some(input) = self.senders.give_up(pick) {
                        self.input(input);
                    }
                }
                (waiting > 0 && freed.is_none_or(|at| at.is_some() || waiting > 0)).then_some(None)
            }
            Trouble::Close { .. } if !self.is_full() => None,
            Trouble::Close { within } => {
                self.close(Some(self.now + within));
                Some(None)
            }
            _ => None,
        }
    }

    /// Ends what a trouble began.
    pub(crate) fn relieve(&mut self, trouble: &Trouble) {
        self.model.advance(model_time(self.now));
        match *trouble {
            Trouble::Kill { broker, .. } => drop(self.model.start_broker(broker)),
            Trouble::Pause { broker, .. } => drop(self.model.resume_broker(broker)),
            Trouble::Isolate { broker, .. } => drop(self.model.heal_broker(broker)),
            Trouble::Unreachable { broker, .. } => drop(self.network.unreachable.remove(&broker)),
            Trouble::Refuse { broker, .. } => drop(self.network.refusing.remove(&broker)),
            Trouble::Slow { .. } => self.slow = Duration::ZERO,
            Trouble::NoNames { .. } => self.network.is_mute = false,
            Trouble::ForgetPassword { .. } => self.remember_password(),
            Trouble::NoCredentials { .. } => self.guards.are_empty_handed = false,
            Trouble::SlowCredentials { .. } => self.guards.take = Duration::ZERO,
            Trouble::Election { topic, partition, .. } => {
                drop(self.model.release_election(&self.plan.topics[topic].name, partition));
            }
            Trouble::Behind { topic, partition, .. } => {
                drop(self.model.release_replication(&self.plan.topics[topic].name, partition));
            }
            Trouble::Recreate { topic, .. } => self.create(topic),
            Trouble::Stale { broker, .. } | Trouble::Blank { broker, .. } => {
                let is_isolated = self.model.broker(broker).is_some_and(|of| of.is_isolated);
                if !is_isolated {
                    self.model.release_metadata(broker);
                }
            }
            Trouble::Deny { topic, .. } => {
                let name = self.plan.topics[topic].name.clone();
                self.model.allow(&Permission::WriteTopic(name));
            }
            Trouble::DenyId { .. } => drop(self.model.allow(&Permission::IdempotentWrite)),
            Trouble::SetClock { .. } => self.clock = 0,
            _ => {}
        }
        self.logs.look(&self.model, &mut self.ledger);
    }

    /// Ends all trouble.
    pub(crate) fn heal(&mut self) {
        self.model.advance(model_time(self.now));
        self.model.clear_faults();
        (self.slow, self.clock) = (Duration::ZERO, 0);
        self.network.is_mute = false;
        self.guards = Guards::default();
        self.remember_password();
        self.network.unreachable.clear();
        self.network.refusing.clear();
        for id in 1..=self.plan.model.brokers {
            let broker = BrokerId(id);
            self.model.start_broker(broker);
            self.model.resume_broker(broker);
            self.model.heal_broker(broker);
            self.model.release_metadata(broker);
            self.network.rename(id);
        }
        self.model.allow(&Permission::IdempotentWrite);
        for topic in 0..self.plan.topics.len() {
            self.create(topic);
            let name = self.plan.topics[topic].name.clone();
            self.model.allow(&Permission::WriteTopic(name.clone()));
            for partition in 0..self.plan.topics[topic].partitions {
                drop(self.model.release_replication(&name, partition));
                drop(self.model.release_election(&name, partition));
            }
        }
        self.logs.look(&self.model, &mut self.ledger);
    }

    fn remember_password(&mut self) {
        if let Some(sasl) = self.model.sasl_mut() {
            sasl.set_password(USER, PASSWORD);
        }
    }

    /// Creates a topic that was deleted, as large as it was.
    fn create(&mut self, topic: usize) {
        let of = &self.plan.topics[topic];
        let spec: TopicSpec = of.spec.clone().partitions(of.partitions);
        if let Ok(id) = self.model.create_topic(&spec) {
            self.ledger.ids.push((id, topic));
            // Elsewhere than before, as a rule.
            let brokers = self.plan.model.brokers;
            for partition in 0..of.partitions {
                let to = 1 + (partition + self.ledger.ids.len() as i32) % brokers;
                drop(self.model.move_leader(&of.name, partition, to));
            }
        }
    }

    fn rehouse(&mut self, broker: i32, silent: bool, resolver: Duration) {
        self.network.rehouse(broker);
        let ids = self.connections_to(broker);
        for connection in ids {
            match silent {
                true => self.kill_silently(connection),
                false => self.lose(connection, false),
            }
        }
        self.after(resolver, Event::Rename(broker));
    }

    /// Breaks every connection to a broker. Whether there was any.
    fn cut(&mut self, broker: i32, delivers: bool) -> bool {
        let ids = self.connections_to(broker);
        for &connection in &ids {
            self.lose(connection, delivers);
        }
        !ids.is_empty()
    }

    fn go_dead(&mut self, broker: i32) -> bool {
        let ids = self.connections_to(broker);
        for &connection in &ids {
            self.kill_silently(connection);
        }
        !ids.is_empty()
    }

    fn kill_silently(&mut self, connection: ConnectionId) {
        if let Some(of) = self.network.connections.get_mut(&connection) {
            of.is_dead = true;
        }
    }

    fn lose(&mut self, connection: ConnectionId, delivers: bool) {
        let error = LostError::Broken { detail: "cut".into() };
        self.network_input(NetworkInput::Lost { connection, error });
        if let Some(of) = self.network.connections.get_mut(&connection) {
            of.is_dead |= !delivers;
        }
    }

    fn connections_to(&self, broker: i32) -> Vec<ConnectionId> {
        let is_to = |of: &Connection| of.broker == broker && of.is_open && !of.is_dead;
        let all = self.network.connections.iter();
        all.filter(|(_, of)| is_to(of)).map(|(&id, _)| id).collect()
    }
}
