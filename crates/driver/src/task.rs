//! The driver's task: one engine, all of its connections, one timer.
//!
//! A round takes what the senders said, polls what has raised its flag, hands all of it to the engine, does what the engine asks, writes, and wakes
//! those whose deliveries are done. When a round leaves nothing to do the task sleeps. It decides nothing itself.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rohrpost_cluster::{
    ConnectionId, CredentialsError, LookupId, NetworkInput, NetworkOutput, SaslClient,
};
use rohrpost_engine::{BatchId, Engine, FlushId, Input, Output, SealedBatch, Time};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::awaits::{Changes, Wish};
use crate::bell::Flag;
use crate::calls::Calls;
use crate::completion::{Completion, News, Verdict};
use crate::failure::Failure;
use crate::handle::GivenUp;
use crate::in_flight::InFlight;
use crate::lanes::Lanes;
use crate::lock;
use crate::lookups::look_up;
use crate::network;
use crate::running::Running;
use crate::scales::Scales;
use crate::shared::{Message, Shared};
use crate::socket::{Socket, SocketOptions};
use crate::trace::{self, Outage, Span};

/// Rounds in one poll, before other tasks of the runtime get their turn.
const ROUNDS: usize = 16;

/// Bytes that are read from a socket at once.
const READ_SIZE: usize = 64 * 1024;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    engine: Engine,
    options: SocketOptions,
    sockets: Vec<(ConnectionId, Socket)>,
    lookups: Running<LookupId, io::Result<Vec<IpAddr>>>,
    #[cfg(feature = "sasl")]
    credentials: Option<Arc<dyn rohrpost_auth::Credentials>>,
    /// Credentials on their way to connections.
    clients: Running<ConnectionId, Result<Box<dyn SaslClient>, CredentialsError>>,
    lanes: Lanes,
    scales: Scales,
    in_flight: InFlight,
    timer: Timer,
    flushes: Vec<(FlushId, oneshot::Sender<()>)>,
    next_flush: u64,
    calls: Calls,
    closers: Vec<oneshot::Sender<GivenUp>>,
    /// Records that were given up because the producer closed.
    given_up: GivenUp,
    batches_completed: u64,
    connections_opened: u64,
    /// What the engine was told of the want of memory.
    under_pressure: bool,
    /// Messages of this round; kept for its room.
    messages: Vec<Message>,
    inputs: Vec<NetworkInput>,
    /// Verdicts of this round, to be announced at its end.
    verdicts: Vec<(BatchId, Range<u32>, Verdict)>,
    /// Of this round, too.
    news: Vec<News>,
    scratch: Box<[u8]>,
    /// There is something for another round, that no flag tells of.
    again: bool,
    ended: bool,
    span: Span,
    /// Batches that were sent again, as far as that was told.
    retries_told: u64,
    outage: Outage,
}

/// The one timer, for everything.
struct Timer {
    flag: Arc<Flag>,
    waker: Waker,
    sleep: Pin<Box<Sleep>>,
    /// When it goes off; `None`: it has gone off, or never was set.
    set_to: Option<Time>,
}

impl Driver {
    /// Must be called on the runtime that polls it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        engine: Engine,
        lanes: Lanes,
        scales: Scales,
        options: SocketOptions,
    ) -> Self {
        let flag = Flag::raised(&shared.bell);
        let timer = Timer {
            waker: Waker::from(flag.clone()),
            flag,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            set_to: None,
        };
        let span = Span::new(&engine.config().cluster.client_id);
        Self {
            shared,
            engine,
            options,
            sockets: Vec::new(),
            lookups: Running::new(),
            #[cfg(feature = "sasl")]
            credentials: None,
            clients: Running::new(),
            lanes,
            scales,
            in_flight: InFlight::default(),
            timer,
            flushes: Vec::new(),
            next_flush: 0,
            calls: Calls::default(),
            closers: Vec::new(),
            given_up: GivenUp::default(),
            batches_completed: 0,
            connections_opened: 0,
            under_pressure: false,
            messages: Vec::new(),
            inputs: Vec::new(),
            verdicts: Vec::new(),
            news: Vec::new(),
            scratch: vec![0; READ_SIZE].into_boxed_slice(),
            again: false,
            ended: false,
            span,
            retries_told: 0,
            outage: Outage::default(),
        }
    }

    #[cfg(feature = "sasl")]
    pub(crate) fn with_credentials(
        mut self,
        credentials: Option<Arc<dyn rohrpost_auth::Credentials>>,
    ) -> Self {
        self.credentials = credentials;
        self
    }

    /// One round. Returns when there has to be another one.
    fn round(&mut self) -> Option<Time> {
        let now = self.shared.now();
        self.take_messages(now);
        self.look_at_memory(now);
        self.poll_network(now);
        let until = self.obey(now);
        self.outage.look(now, self.engine.cluster());
        self.write(now);
        self.announce(now);
        self.scales.weigh(now, &self.shared.topics, &self.in_flight);
        let look_again = self.shared.memory.hand_out(now, self.engine.charged());
        [until, look_again].into_iter().flatten().min()
    }

    fn take_messages(&mut self, now: Time) {
        let mut messages = std::mem::take(&mut self.messages);
        self.shared.inbox.take(&mut messages);
        for message in messages.drain(..) {
            self.take_message(now, message);
        }
        self.messages = messages;
    }

    fn take_message(&mut self, now: Time, message: Message) {
        let input = match message {
            Message::Opened { batch, at } => Input::Opened { batch, at },
            Message::Sealed { batch, completion } => return self.sealed(now, batch, completion),
            Message::AwaitsChanged => return self.look_at_awaits(now),
            // Every round looks at the memory.
            Message::MemoryWanted => return,
            Message::Flush { done } => {
                let flush = FlushId(self.next_flush);
                self.next_flush += 1;
                self.flushes.push((flush, done));
                Input::Flush { flush }
            }
            Message::Transaction { what, deadline, done } => {
                let call = self.calls.note(done);
                Input::Transaction { call, deadline, what }
            }
            Message::Close { deadline, done } => {
                self.closers.extend(done);
                Input::Close { deadline }
            }
            Message::Why { topic, partition, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(self.engine.explain(now, &topic, partition));
                return;
            }
        };
        self.engine.handle(now, input);
    }

    fn sealed(&mut self, now: Time, batch: SealedBatch, completion: Arc<Completion>) {
        trace::sealed(&batch, &completion);
        self.in_flight.insert(now, batch.id(), completion);
        if let Some(lane) = self.lanes.get(batch.id().partition) {
            self.scales.stir(lane);
        }
        self.engine.handle(now, Input::Sealed(batch));
    }

    fn look_at_awaits(&mut self, now: Time) {
        let Changes { wishes, given_up } = self.shared.awaits.take();
        for (waiter, Wish { topic, partition, deadline }) in wishes {
            self.engine.handle(now, Input::Await { waiter, topic, partition, deadline });
        }
        for waiter in given_up {
            self.engine.handle(now, Input::CancelAwait { waiter });
        }
    }

    /// Sends those home who have waited for memory too long, and tells the engine when somebody begins or ceases to wait.
    fn look_at_memory(&mut self, now: Time) {
        let wanted = self.shared.memory.look(now);
        if wanted != self.under_pressure {
            self.under_pressure = wanted;
            trace::memory(wanted);
            let input = if wanted { Input::MemoryPressure } else { Input::MemoryRelieved };
            self.engine.handle(now, input);
        }
    }

    fn poll_network(&mut self, now: Time) {
        let inputs = &mut self.inputs;
        let family = self.options.address_family;
        self.lookups.poll(|lookup, result| inputs.push(network::resolved(lookup, family, result)));
        self.clients.poll(|connection, result| {
            inputs.push(NetworkInput::Credentials { connection, result });
        });
        #[cfg(feature = "sasl")]
        for connection in self.clients.ids() {
            // Whoever gives up waiting in this round is told.
            let delay = self.credentials.as_ref().and_then(|source| source.last_failure());
            let Some(error) = delay else { break };
            self.engine.credentials_delayed(connection, error);
        }
        for (id, socket) in &mut self.sockets {
            let id = *id;
            socket.poll(&mut self.scratch, &mut |event| inputs.push(network::input(id, event)));
        }
        self.hand_in(now);
    }

    fn hand_in(&mut self, now: Time) {
        for input in self.inputs.drain(..) {
            trace::network(&input);
            if let NetworkInput::ConnectFailed { connection, .. }
            | NetworkInput::Lost { connection, .. } = input
            {
                // It is over, and the engine says no more about it.
                self.sockets.retain(|(id, _)| *id != connection);
                self.clients.stop(connection);
            }
            self.engine.handle(now, Input::Network(input));
        }
    }

    /// Does what the engine asks until it asks for nothing.
    fn obey(&mut self, now: Time) -> Option<Time> {
        loop {
            match self.engine.poll(now) {
                Output::Network(output) => self.obey_network(output),
                Output::Topic(change) => {
                    trace::topic(&change);
                    self.lanes.update(&self.shared, &change);
                }
                Output::Awaited { waiter, result } => self.shared.awaits.answer(waiter, result),
                Output::Seal { batch } => self.seal(now, batch),
                Output::Complete { batch, records, result } => {
                    let verdict = self.verdict(batch, &records, result);
                    self.verdicts.push((batch, records, verdict));
                }
                Output::Release { bytes, buffer } => {
                    let available = self.shared.memory.release(bytes);
                    if let Some(buffer) = buffer {
                        self.shared.pool.give_within(buffer, available);
                    }
                }
                Output::Flushed { flush } => {
                    // Its callbacks have to have run.
                    self.announce(now);
                    if let Some(at) = self.flushes.iter().position(|(id, _)| *id == flush) {
                        let _ = self.flushes.swap_remove(at).1.send(());
                    }
                }
                Output::Transaction { call, result } => {
                    // The deliveries that it waited for come first, and their callbacks.
                    self.announce(now);
                    self.calls.answer(call, result);
                }
                Output::Closed => self.ended = true,
                Output::Idle(until) => return until,
            }
        }
    }

    fn obey_network(&mut self, output: NetworkOutput) {
        match output {
            NetworkOutput::Resolve { lookup, host } => {
                self.lookups.start(lookup, Box::pin(look_up(host)), &self.shared.bell);
            }
            NetworkOutput::Connect { connection, address, host, .. } => {
                trace::connecting(address);
                let socket = Socket::connect(address, host, &self.options, &self.shared.bell);
                self.sockets.push((connection, socket));
                self.connections_opened += 1;
            }
            NetworkOutput::Authenticate { connection, host, .. } => {
                let client = self.client(&host);
                self.clients.start(connection, client, &self.shared.bell);
            }
            NetworkOutput::Ready { connection } => {
                if let Some(socket) = self.socket(connection) {
                    socket.set_ready();
                }
            }
            NetworkOutput::Transmit { connection, frame } => {
                if let Some(socket) = self.socket(connection) {
                    socket.push(frame);
                }
            }
            NetworkOutput::Disconnect { connection } => {
                self.sockets.retain(|(id, _)| *id != connection);
                self.clients.stop(connection);
            }
        }
    }

    fn socket(&mut self, connection: ConnectionId) -> Option<&mut Socket> {
        self.sockets.iter_mut().find(|(id, _)| *id == connection).map(|(_, socket)| socket)
    }

    #[cfg(feature = "sasl")]
    fn client(&self, host: &str) -> network::ClientFuture {
        network::client(self.credentials.as_ref(), host)
    }

    #[cfg(not(feature = "sasl"))]
    fn client(&self, _: &str) -> network::ClientFuture {
        network::no_client()
    }

    /// Takes a partition's open batch, if it is still the one that the engine means.
    fn seal(&mut self, now: Time, batch: BatchId) {
        let Some((filled, completion)) = self.lanes.take_open(batch) else { return };
        completion.close(filled.record_count().unsigned_abs());
        let (sealed, freed) = self.shared.pool.seal(filled);
        if freed > 0 {
            self.shared.memory.give_back(freed);
        }
        self.sealed(now, sealed, completion);
    }

    fn verdict(
        &mut self,
        batch: BatchId,
        records: &Range<u32>,
        result: Result<rohrpost_engine::Appended, rohrpost_engine::DeliveryError>,
    ) -> Verdict {
        if let Some(completion) = self.in_flight.get(batch) {
            trace::completed(completion, records.end - records.start, result.as_ref());
        }
        result.map_err(|error| {
            if error.is_closed() {
                if let Some(lane) = self.lanes.get(batch.partition) {
                    let (topic, records) = (lane.topic.clone(), records.end - records.start);
                    let maybe = !error.is_not_written();
                    self.given_up.add(topic, lane.partition, records.into(), maybe);
                }
            }
            Arc::new(Failure::Delivery(error))
        })
    }

    /// Writes what the engine had to send, and tells it what went out.
    fn write(&mut self, now: Time) {
        let inputs = &mut self.inputs;
        for (id, socket) in &mut self.sockets {
            let id = *id;
            socket.write(&mut |event| inputs.push(network::input(id, event)));
        }
        // What the engine makes of it is done in the next round.
        self.again = !self.inputs.is_empty();
        self.hand_in(now);
    }

    /// Resolves the deliveries of this round: wakes their tasks and runs their callbacks.
    fn announce(&mut self, now: Time) {
        if self.verdicts.is_empty() {
            return;
        }
        for (batch, records, verdict) in self.verdicts.drain(..) {
            let Some(completion) = self.in_flight.get(batch) else { continue };
            let news = completion.resolve(records, verdict);
            if news.is_done {
                self.in_flight.remove(now, batch);
                self.batches_completed += 1;
            }
            self.news.push(news);
        }
        // Before anybody is woken: who looks then sees what has happened.
        self.publish_stats();
        for news in self.news.drain(..) {
            news.tell();
        }
    }

    /// Whether anything is left to do now.
    fn is_busy(&self) -> bool {
        self.again
            || self.timer.flag.is_raised()
            || self.lookups.is_ready()
            || self.clients.is_ready()
            || self.sockets.iter().any(|(_, socket)| socket.is_ready())
            || !self.shared.inbox.sleep()
    }

    fn publish_stats(&mut self) {
        let mut stats = lock(&self.shared.stats);
        let engine = self.engine.totals();
        stats.take_engine(&engine);
        let told = std::mem::replace(&mut self.retries_told, engine.retries);
        trace::retries(engine.retries.saturating_sub(told));
        stats.batches_completed = self.batches_completed;
        stats.connections_opened = self.connections_opened;
        stats.connections_failed = self.engine.cluster().connections_failed();
        for (_, socket) in &mut self.sockets {
            let (written, read) = socket.take_traffic();
            stats.bytes_sent += written;
            stats.bytes_received += read;
        }
    }

    /// The engine is closed: nothing is under way any more.
    fn end(&mut self) {
        self.publish_stats();
        trace::closed(&self.given_up);
        self.shared.note_closed_in_order(self.given_up.clone());
        self.end_shared();
        for done in self.closers.drain(..) {
            let _ = done.send(self.given_up.clone());
        }
    }

    /// Fails whatever is still there, and turns away whoever comes. Returns how many records that are.
    fn end_shared(&mut self) -> u64 {
        let mut records = 0;
        let in_order = self.ended;
        let gone =
            |sent| Arc::new(if in_order { Failure::Closed } else { Failure::DriverGone { sent } });
        // Whose batches are freed at the very end: the values that they refer to may be owned by something of the program's that panics then.
        //
        // First the inbox: batches that are on their way into it are failed by those who carry them.
        let messages = self.shared.inbox.close();
        for message in &messages {
            if let Message::Sealed { batch, completion } = message {
                self.shared.memory.release(batch.charge());
                records += u64::from(completion.unresolved());
                completion.resolve_rest(gone(false));
            }
        }
        let open_batches = self.lanes.close();
        for (batch, completion) in &open_batches {
            self.shared.memory.release(batch.charge());
            records += batch.record_count() as u64;
            completion.resolve_rest(gone(false));
        }
        self.announce(self.shared.now());
        for (batch, completion) in self.in_flight.drain() {
            records += u64::from(completion.unresolved());
            completion.resolve_rest(gone(!self.engine.is_unwritten(batch)));
        }
        self.shared.memory.release(self.engine.charged());
        self.shared.memory.close();
        self.shared.awaits.close();
        records
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let span = this.span.clone();
        span.within(|| this.run(cx))
    }
}

impl Driver {
    /// Some rounds.
    fn run(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let this = self;
        this.shared.bell.listen(cx.waker());
        for _ in 0..ROUNDS {
            let until = this.round();
            if this.ended {
                this.end();
                return Poll::Ready(());
            }
            this.timer.set(&this.shared, until);
            if !this.is_busy() {
                this.publish_stats();
                return Poll::Pending;
            }
        }
        this.publish_stats();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The runtime was shut down, or something panicked: nobody may be left waiting.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.ended {
            self.span.clone().within(|| trace::gone(self.end_shared()));
        }
    }
}

impl Timer {
    /// Sees to it that the flag is raised at `until`. A timer that goes off too early does no harm, so it is moved to an earlier time only: resetting
    /// it for every batch would cost more than the one round in vain.
    fn set(&mut self, shared: &Shared, until: Option<Time>) {
        let mut cx = Context::from_waker(&self.waker);
        if self.flag.take() && self.sleep.as_mut().poll(&mut cx).is_ready() {
            self.set_to = None;
        }
        let earlier = |until: &Time| self.set_to.is_none_or(|set_to| *until < set_to);
        let Some(until) = until.filter(earlier) else { return };
        // What the system cannot express never comes.
        let Some(instant) = shared.clock.instant(until.as_duration()) else { return };
        self.sleep.as_mut().reset(instant);
        self.set_to = Some(until);
        if self.sleep.as_mut().poll(&mut cx).is_ready() {
            self.set_to = None;
            self.flag.raise();
        }
    }
}
