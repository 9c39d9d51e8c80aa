//! The engine: its state, its two functions, and the order in which things are looked at.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use rohrpost_cluster::{
    Backoff, Cluster, ClusterEvent, ConnectionId, CredentialsError, NodeId, Random, RequestId, Time,
};
use rohrpost_codec::{ApiKey, VersionRange};
use rohrpost_records::Compressor;

use crate::config::EngineConfig;
use crate::identity::Identity;
use crate::ids::{BatchId, PartitionIndex};
use crate::io::{Input, Output};
use crate::lifecycle::Lifecycle;
use crate::partition::{Circumstances, Partition, Step};
use crate::pending::Pending;
use crate::plants::Plant;
use crate::request::ProduceInFlight;
use crate::sealed::SealedBatch;
use crate::sender::NodeLane;
use crate::stages::Stages;
use crate::stats::{EngineStats, NodeStats};
use crate::topics::Topics;
use crate::transaction::{Gate, Transactions};
use crate::waiters::Waiters;
use crate::why::Waiting;

/// A Kafka producer as a state machine. See the crate's page for how to drive it.
///
/// There are three kinds of methods: [`handle`](Self::handle) says what happened, [`poll`](Self::poll) says what to do, and
/// the others look.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) cluster: Cluster,
    pub(crate) topics: Topics,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) identity: Identity,
    /// Boxed: most producers have none.
    pub(crate) transactions: Option<Box<Transactions>>,
    pub(crate) requests: BTreeMap<RequestId, ProduceInFlight>,
    /// Which partitions can send, per node; and what is counted per node.
    pub(crate) lanes: BTreeMap<NodeId, NodeLane>,
    /// Partitions whose next step is to be looked at again; first come, first served, so that those who share a request take turns.
    pub(crate) dirty: VecDeque<PartitionIndex>,
    pub(crate) timers: BTreeSet<(Time, PartitionIndex)>,
    pub(crate) pending: Pending,
    pub(crate) waiters: Waiters,
    pub(crate) backoff: Backoff,
    pub(crate) random: Random,
    /// For batches that have to be divided.
    pub(crate) compressor: Compressor,
    pub(crate) under_pressure: bool,
    /// No broker takes this client for who it says it is: nothing is tried for nobody.
    pub(crate) is_cut_off: bool,
    pub(crate) lifecycle: Lifecycle,
    /// Bytes of the budget that batches in here hold.
    pub(crate) charged: usize,
    pub(crate) outputs: VecDeque<Output>,
    /// Something happened that may let a node send.
    pub(crate) is_stirred: bool,
    /// When the nodes were looked at last.
    pub(crate) drained_at: Time,
    pub(crate) stats: EngineStats,
    pub(crate) stages: Arc<Stages>,
    #[cfg(feature = "plants")]
    pub(crate) journal: crate::Journal,
}

impl Engine {
    /// An engine that knows nothing yet. `now` is the time of its birth, on the clock that all later times are read from.
    pub fn new(config: EngineConfig, now: Time) -> Self {
        let cluster = Cluster::new(config.cluster.clone(), now);
        let backoff = Backoff::new(config.cluster.retry_backoff, config.cluster.retry_backoff_max);
        // Not the cluster's own sequence.
        let random = Random::new(!config.cluster.seed);
        Self {
            cluster,
            topics: Topics::default(),
            partitions: Vec::new(),
            identity: Identity::new(config.needs_producer_id()),
            transactions: config
                .transactional
                .clone()
                .map(|of| Box::new(Transactions::new(of, config.planted))),
            requests: BTreeMap::new(),
            lanes: BTreeMap::new(),
            dirty: VecDeque::new(),
            timers: BTreeSet::new(),
            pending: Pending::default(),
            waiters: Waiters::default(),
            backoff,
            random,
            compressor: Compressor::new(),
            under_pressure: false,
            is_cut_off: false,
            lifecycle: Lifecycle::Running,
            charged: 0,
            outputs: VecDeque::new(),
            is_stirred: true,
            drained_at: now,
            stats: EngineStats::default(),
            stages: Arc::default(),
            #[cfg(feature = "plants")]
            journal: crate::Journal::default(),
            config,
        }
    }

    /// Counts the stages of its batches here, where others may look. To be said before anything else.
    #[must_use]
    pub fn with_stages(self, stages: Arc<Stages>) -> Self {
        Self { stages, ..self }
    }

    /// How long the stages of its batches took.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// Takes in what happened. Then drain [`poll`](Self::poll).
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Network(input) => {
                self.cluster.handle(now, input);
                self.take_events(now);
            }
            Input::Opened { batch, at } => self.batch_opened(now, batch, at),
            Input::Sealed(batch) => self.batch_sealed(now, batch),
            Input::Await { waiter, topic, partition, deadline } => {
                self.await_topic(now, waiter, &topic, partition, deadline);
            }
            Input::CancelAwait { waiter } => self.waiters.cancel(waiter),
            Input::MemoryPressure => {
                if !core::mem::replace(&mut self.under_pressure, true) {
                    self.mark_all();
                }
            }
            Input::MemoryRelieved => self.under_pressure = false,
            Input::Flush { flush } => {
                self.pending.flush(flush);
                self.mark_all();
            }
            Input::Transaction { call, deadline, what } => {
                self.transaction_called(call, deadline, what);
            }
            Input::CancelCall { call } => self.cancel_call(call),
            Input::Close { deadline } => self.begin_close(deadline),
        }
    }

    /// Says what to do next. Call it until it answers [`Output::Idle`], after every input and when that time has come.
    pub fn poll(&mut self, now: Time) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            self.advance(now);
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            if let Some(output) = self.cluster.poll_transmit(now) {
                return Output::Network(output);
            }
            // Time alone can have made events (a request timed out), and events work.
            if self.take_events(now) {
                continue;
            }
            if self.say_farewell() {
                continue;
            }
            if self.finish_close() {
                return Output::Closed;
            }
            return Output::Idle(self.next_deadline(now));
        }
    }

    /// What a partition waits for: the answer to "why is it not sent?".
    pub fn why(&self, now: Time, partition: PartitionIndex) -> Waiting {
        let Some(partition) = self.partitions.get(partition.at()) else { return Waiting::Nothing };
        match partition.next_step(self.circumstances(now)) {
            Step::Wait { why, .. } => why,
            Step::Renew => Waiting::UnresolvedSequence,
            Step::Resend { node, .. } | Step::Send { node, .. } | Step::Seal { node, .. } => {
                if self.cluster.is_renewing(node, now) {
                    Waiting::Session { node }
                } else if !self.is_connected(node) {
                    Waiting::Connection { node }
                } else if !self.cluster.can_send(node, now) {
                    Waiting::Node { node }
                } else {
                    Waiting::Turn { node }
                }
            }
        }
    }

    fn is_connected(&self, node: NodeId) -> bool {
        let any = VersionRange::new(0, i16::MAX);
        self.cluster.api_version(node, ApiKey::Produce, any).is_some()
    }

    /// Counters, and what is under way.
    pub fn stats(&self) -> EngineStats {
        let mut stats = self.totals();
        stats.nodes = self.lanes.values().map(|lane| lane.stats).collect();
        for request in self.requests.values() {
            let of_node = |node: &&mut NodeStats| node.node == request.node;
            if let Some(node) = stats.nodes.iter_mut().find(of_node) {
                node.in_flight += 1;
            }
        }
        stats
    }

    /// The same without the nodes: allocates nothing, so it can be asked for often.
    pub fn totals(&self) -> EngineStats {
        // Of `self.stats` the nodes are empty.
        let mut stats = self.stats.clone();
        stats.requests_in_flight = self.requests.len();
        stats.batches_pending = self.pending.open();
        stats
    }

    /// Bytes of `buffer.memory` that it holds, in batches that it has and in those that it awaits answers about.
    pub const fn charged(&self) -> usize {
        self.charged
    }

    /// Whether a batch that it was given, and has not completed, is in no log for certain: for a driver that ends at once and has to say what it leaves behind.
    pub fn is_unwritten(&self, batch: BatchId) -> bool {
        let Some(partition) = self.partitions.get(batch.partition.at()) else { return true };
        partition.queue.is_ahead(batch.slot) || partition.window.is_unwritten(batch.slot)
    }

    /// As [`Cluster::credentials_delayed`].
    pub fn credentials_delayed(&mut self, connection: ConnectionId, error: CredentialsError) {
        self.cluster.credentials_delayed(connection, error);
    }

    /// The network below: metadata, connections and their troubles.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The configuration.
    pub const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Does everything that can be done now without the network's or the driver's help.
    fn advance(&mut self, now: Time) {
        self.check_close_deadline(now);
        self.run_timers(now);
        self.expire_waiters(now);
        loop {
            self.look_at_dirty(now);
            if self.transactions.is_some() {
                self.steer_transactions(now);
                if !self.dirty.is_empty() {
                    continue;
                }
            }
            self.ask_for_identity(now);
            if !(self.is_stirred || now > self.drained_at) {
                break;
            }
            self.is_stirred = false;
            self.drained_at = now;
            self.drain_nodes(now);
            if self.dirty.is_empty() || !self.outputs.is_empty() {
                break;
            }
        }
        while let Some(flush) = self.pending.next_flushed() {
            self.outputs.push_back(Output::Flushed { flush });
        }
    }

    /// Takes in what the cluster has to say. Whether there was anything.
    pub(crate) fn take_events(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(event) = self.cluster.poll_event() {
            any = true;
            match event {
                ClusterEvent::MetadataUpdated => self.metadata_updated(now),
                ClusterEvent::NodeReady(node) => self.node_ready(now, node),
                ClusterEvent::NodeLost(node) => {
                    self.node_lost(node);
                    self.coordinator_lost(now, node);
                }
                ClusterEvent::AuthenticationFailed { node, error, is_cut_off } => {
                    self.authentication_failed(node, &error, is_cut_off);
                }
                ClusterEvent::Answered(answer) => {
                    self.is_stirred = true;
                    if self.identity.is_asked(answer.request) {
                        self.identity_answered(now, &answer);
                    } else if self.is_of_transactions(answer.request) {
                        self.transaction_answered(now, &answer);
                    } else {
                        self.produce_answered(now, &answer);
                    }
                }
                ClusterEvent::Written { request, .. } => {
                    self.is_stirred = true;
                    self.produce_written(now, request);
                }
                ClusterEvent::Failed { request, error, maybe_processed, .. } => {
                    self.is_stirred = true;
                    let how = crate::request::failure_of(error);
                    if self.identity.is_asked(request) {
                        self.identity_failed(now, how);
                    } else if self.is_of_transactions(request) {
                        self.transaction_unanswered(now, how, maybe_processed);
                    } else {
                        self.produce_failed(now, request, how, maybe_processed);
                    }
                }
                _ => self.is_stirred = true,
            }
        }
        any
    }

    fn is_of_transactions(&self, request: RequestId) -> bool {
        self.transactions.as_ref().is_some_and(|of| of.is_asked(request))
    }

    /// A connection is there. If it took more than one attempt, its broker was gone for a while and is back: what failed because of that need not
    /// pause any longer. A connection that is lost and made again at once proves nothing: its broker may break it over what it was sent.
    fn node_ready(&mut self, now: Time, node: NodeId) {
        self.is_stirred = true;
        self.is_cut_off = false;
        let Some(lane) = self.lanes.get_mut(&node) else { return };
        if core::mem::take(&mut lane.losses) < 2 {
            return;
        }
        for at in 0..self.partitions.len() {
            let partition = &mut self.partitions[at];
            if partition.leader == Some(node) && !partition.window.is_empty() {
                partition.window.iter_mut().for_each(|sent| sent.hurry(now));
                self.mark(self.partitions[at].index);
            }
        }
    }

    fn node_lost(&mut self, node: NodeId) {
        self.is_stirred = true;
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.losses = lane.losses.saturating_add(1);
        }
    }

    fn batch_opened(&mut self, now: Time, batch: BatchId, at: Time) {
        let Some(partition) = self.partitions.get_mut(batch.partition.at()) else { return };
        if partition.queue.opened(batch.slot, at, self.pending.next()) {
            self.pending.born();
            if self.lifecycle.is_over() {
                // Too late: it fails when it comes in.
                partition.queue.ask_all().for_each(drop);
                self.outputs.push_back(Output::Seal { batch });
                return;
            }
            let topic = partition.topic;
            self.mark(batch.partition);
            self.want_topic(now, topic);
        }
    }

    fn batch_sealed(&mut self, now: Time, mut batch: SealedBatch) {
        let id = batch.id();
        batch.arrived = now;
        self.stages.linger.count(now.since(batch.created));
        self.charged += batch.charge;
        self.stats.batches_sealed += 1;
        self.stats.records_sealed += u64::from(batch.record_count().unsigned_abs());
        self.stats.bytes_sealed += batch.size() as u64;
        self.stats.batch_bytes_max = self.stats.batch_bytes_max.max(batch.size() as u64);
        self.stats.bytes_uncompressed += batch.uncompressed as u64;
        if self.lifecycle.is_over() || self.partitions.get(id.partition.at()).is_none() {
            self.refuse_late(batch);
            return;
        }
        let born = self.pending.next();
        let partition = &mut self.partitions[id.partition.at()];
        match partition.queue.sealed(batch, born) {
            Ok(is_new) => {
                let topic = partition.topic;
                if is_new {
                    self.pending.born();
                    self.want_topic(now, topic);
                }
                self.mark(id.partition);
            }
            // A slot that was handed in before: the caller's mistake, and no records are lost by it.
            Err(batch) => self.release(batch.charge, None),
        }
    }

    /// Notes that a partition's next step is to be looked at again.
    pub(crate) fn mark(&mut self, index: PartitionIndex) {
        let partition = &mut self.partitions[index.at()];
        if !core::mem::replace(&mut partition.is_dirty, true) {
            self.dirty.push_back(index);
        }
    }

    /// Marks every partition that has anything to do.
    pub(crate) fn mark_all(&mut self) {
        for at in 0..self.partitions.len() {
            if !self.partitions[at].is_idle() {
                self.mark(self.partitions[at].index);
            }
        }
    }

    fn look_at_dirty(&mut self, now: Time) {
        while let Some(index) = self.dirty.pop_front() {
            if self.transactions.is_some() {
                self.turn_down(index);
            }
            self.end_doomed(index);
            // What comes in sealed may be overdue already.
            self.expire(now, index);
            let around = self.circumstances(now);
            let partition = &mut self.partitions[index.at()];
            partition.is_dirty = false;
            let delivery_timeout = partition.settings.delivery_timeout;
            let mut timer = partition.oldest().map(|oldest| oldest + delivery_timeout);
            if self.config.planted.is(Plant::ExpireOnlyUnsent) {
                timer = timer.filter(|&timer| timer > now);
            }
            match partition.next_step(around) {
                Step::Resend { node, .. } | Step::Send { node, .. } | Step::Seal { node, .. } => {
                    if partition.listed != Some(node) {
                        partition.listed = Some(node);
                        self.lane(node).can_send.push_back(index);
                        self.is_stirred = true;
                    }
                }
                Step::Renew if self.transactions.is_some() => self.renew_in_transaction(index),
                Step::Renew => self.renew(now, index),
                Step::Wait { why, until } => {
                    if let Some(until) = until {
                        timer = Some(timer.map_or(until, |timer| timer.min(until)));
                    }
                    match why {
                        Waiting::Leader => self.cluster.request_update(now),
                        Waiting::Transaction => self.want_in_transaction(index),
                        _ => {}
                    }
                }
            }
            self.set_timer(index, timer);
        }
    }

    fn set_timer(&mut self, index: PartitionIndex, timer: Option<Time>) {
        let partition = &mut self.partitions[index.at()];
        if partition.timer != timer {
            if let Some(old) = partition.timer {
                self.timers.remove(&(old, index));
            }
            if let Some(new) = timer {
                self.timers.insert((new, index));
            }
            partition.timer = timer;
        }
    }

    fn run_timers(&mut self, now: Time) {
        while let Some(&(at, index)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            self.partitions[index.at()].timer = None;
            self.mark(index);
        }
    }

    pub(crate) fn circumstances(&self, now: Time) -> Circumstances {
        Circumstances {
            now,
            identity: self.identity.current(),
            gate: self.transactions.as_ref().map_or(Gate::Free, |of| of.gate()),
            one_in_flight: self.config.cluster.max_in_flight <= 1,
            hurry: self.under_pressure || !self.lifecycle.is_running(),
            flush_before: self.pending.flush_before(),
            planted: self.config.planted,
        }
    }

    /// When a batch that has failed so often may be sent again.
    pub(crate) fn pause(&mut self, now: Time, failures: u32) -> Time {
        now + self.backoff.after(failures.saturating_sub(1), &mut self.random)
    }

    pub(crate) fn lane(&mut self, node: NodeId) -> &mut NodeLane {
        self.lanes.entry(node).or_insert_with(|| NodeLane::new(node))
    }

    fn next_deadline(&self, now: Time) -> Option<Time> {
        let deadlines = [
            self.timers.first().map(|&(at, _)| at),
            self.cluster.next_deadline(),
            self.waiters.next_deadline(),
            self.identity.next_deadline(now),
            self.lifecycle.deadline(),
            self.transactions.as_ref().and_then(|of| of.next_deadline(now)),
        ];
        deadlines.into_iter().flatten().min()
    }
}
