//! The loop: lines in, fates out.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use rohrpost::{Error, ErrorKind, Outcome, Producer};

use crate::failures::Failures;
use crate::in_flight::{Fate, InFlight, Ticket};
use crate::input::{Event, Places, Reader};
use crate::ledger::{Ledger, Written, digest};
use crate::lines::{Line, LineSplitter};
use crate::plan::Plan;
use crate::progress::{Figures, Progress, done};
use crate::stop::{Signal, Stop};
use crate::summary::Tally;
use crate::wake::{Wake, wait, wait_unless};
use crate::watch::Watch;

/// So many records are in flight at most, whatever `buffer.memory` holds: a fate that is waited for costs memory too.
const MOST_IN_FLIGHT: usize = 1 << 19;

/// After so many records it is time to look whose fate is known.
const SETTLE_EVERY: u32 = 512;

/// The clock is read once for so many records.
const STAMP_EVERY: u32 = 64;

/// When reading stops early, so many chunks that were read already are counted as failed.
const CHUNKS_TO_COUNT: usize = 8;

/// So much longer than it asked for may the producer take to close.
const GRACE: Duration = Duration::from_secs(5);

/// What a partition waits for is known at once, unless the producer is gone.
const ANSWER: Duration = Duration::from_secs(1);

/// Who stops what did not move for so long wants to know why it did not.
const STANDSTILL: Duration = Duration::from_secs(1);

type BoxedClose<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The input is at its end.
    Complete,
    /// Somebody asked to stop.
    Interrupted(Signal),
    /// It is pointless to go on: why.
    GaveUp(String),
    /// An input could not be read on: why.
    Unreadable(String),
}

/// Sends lines and learns their fates.
#[derive(Debug)]
pub(crate) struct Pump<'a> {
    pub(crate) failures: Failures,
    pub(crate) tally: Tally,
    pub(crate) places: Places,
    /// Only where somebody compares.
    pub(crate) ledger: Option<Ledger>,
    pub(crate) progress: Progress,
    plan: &'a Plan,
    producer: &'a Producer,
    stop: Stop,
    watch: Watch,
    in_flight: InFlight,
    /// A line waits for room, or for knowledge of the topic.
    is_held: bool,
    splitter: LineSplitter,
    max_record: usize,
    /// Lines that were taken from the input: the running number of the next one.
    taken: u64,
    /// Bytes of those lines, with their ends.
    taken_bytes: u64,
    /// Nothing of the input is left.
    all_read: bool,
    start: Instant,
    /// In nanoseconds since the start: the last look at the clock, the first line, the last fate, the last acknowledgement.
    now: u64,
    first: Option<u64>,
    last: u64,
    acknowledged_at: Option<u64>,
    until_stamp: u32,
    until_settle: u32,
    hopeless: Option<String>,
}

impl<'a> Pump<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        producer: &'a Producer,
        stop: Stop,
        places: Places,
        max_record: usize,
        progress: Progress,
        watch: Watch,
    ) -> Self {
        Self {
            failures: Failures::default(),
            tally: Tally::new(),
            places,
            ledger: None,
            progress,
            plan,
            producer,
            stop,
            watch,
            in_flight: InFlight::default(),
            is_held: false,
            splitter: LineSplitter::new(plan.longest_line(max_record)),
            max_record,
            taken: 0,
            taken_bytes: 0,
            all_read: false,
            start: Instant::now(),
            now: 0,
            first: None,
            last: 0,
            acknowledged_at: None,
            until_stamp: 0,
            until_settle: SETTLE_EVERY,
            hopeless: None,
        }
    }

    /// From the first line to the last fate.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_nanos(self.last.saturating_sub(self.first.unwrap_or(self.last)))
    }

    /// The line that was not taken, in words.
    pub(crate) fn next_line(&self) -> String {
        let place = self.places.of(self.taken);
        match self.places.are_several() {
            true => format!("line {} of {}", place.line, self.places.name(place.input)),
            false => format!("line {}", place.line),
        }
    }

    /// Takes lines until the input ends, or something else does.
    pub(crate) async fn run(&mut self, reader: &mut Reader) -> Ending {
        let ending = self.take_all(reader).await;
        if let Ending::GaveUp(_) = ending {
            self.count_what_was_read(reader);
        }
        ending
    }

    async fn take_all(&mut self, reader: &mut Reader) -> Ending {
        loop {
            let event = tokio::select! {
                biased;
                event = reader.next() => event,
                wake = wait(&mut self.in_flight, &mut self.stop, &mut self.progress, &mut self.watch) => {
                    match self.woken(wake).await {
                        ControlFlow::Continue(()) => continue,
                        ControlFlow::Break(ending) => return ending,
                    }
                }
            };
            self.stamp();
            let flow = match event {
                Some(Event::Chunk(chunk)) => {
                    let flow = self.send_lines(&chunk).await;
                    reader.recycle(chunk);
                    flow
                }
                Some(Event::End) => self.end_input().await,
                Some(Event::Failed(error)) => {
                    // What was read of its last line is not all of it: it is not sent.
                    ControlFlow::Break(Ending::Unreadable(format!(
                        "cannot read {}: {error}",
                        self.places.present()
                    )))
                }
                None => {
                    self.all_read = true;
                    ControlFlow::Break(Ending::Complete)
                }
            };
            if let ControlFlow::Break(ending) = flow {
                return ending;
            }
            // An input that is never waited for must not drown the one who asks to stop.
            if let Some(signal) = self.stop.signal() {
                return Ending::Interrupted(signal);
            }
            self.report();
            self.show();
        }
    }

    /// Whether every line of the input was taken.
    pub(crate) fn has_read_all(&self) -> bool {
        self.all_read
    }

    async fn send_lines(&mut self, chunk: &[u8]) -> ControlFlow<Ending> {
        // Out of the way, so that a line that lies in it can be sent while the rest of the pump works.
        let mut splitter = std::mem::replace(&mut self.splitter, LineSplitter::new(0));
        let mut at = 0;
        let mut flow = ControlFlow::Continue(());
        while let Some(line) = splitter.next(chunk, &mut at) {
            flow = self.take(line).await;
            if flow.is_break() {
                break;
            }
        }
        if let ControlFlow::Break(Ending::GaveUp(_)) = flow {
            while splitter.next(chunk, &mut at).is_some() {
                self.note_not_sent();
            }
        }
        self.splitter = splitter;
        flow
    }

    async fn end_input(&mut self) -> ControlFlow<Ending> {
        let mut splitter = std::mem::replace(&mut self.splitter, LineSplitter::new(0));
        let mut flow = ControlFlow::Continue(());
        if let Some(line) = splitter.finish() {
            flow = self.take(line).await;
        }
        self.splitter = LineSplitter::new(self.plan.longest_line(self.max_record));
        self.places.begin_next(self.taken);
        flow
    }

    #[inline]
    async fn take(&mut self, line: Line<'_>) -> ControlFlow<Ending> {
        if self.until_stamp == 0 {
            self.stamp();
        }
        self.until_stamp -= 1;
        self.first.get_or_insert(self.now);
        let flow = match line {
            Line::Whole(line) => {
                let bytes = line.len() as u64 + 1;
                let flow = self.send(line).await;
                self.taken_bytes += bytes;
                flow
            }
            Line::TooLong { bytes } => {
                self.taken_bytes += bytes + 1;
                self.note_too_long(bytes);
                ControlFlow::Continue(())
            }
        };
        if let ControlFlow::Break(Ending::GaveUp(_)) = flow {
            // It waited for room while an earlier one failed.
            self.note_not_sent();
        }
        flow?;
        self.until_settle -= 1;
        if self.until_settle == 0 {
            self.settle();
        }
        self.go_on()
    }

    fn go_on(&mut self) -> ControlFlow<Ending> {
        match self.hopeless.take() {
            Some(reason) => ControlFlow::Break(Ending::GaveUp(reason)),
            None => ControlFlow::Continue(()),
        }
    }

    #[inline]
    async fn send(&mut self, line: &[u8]) -> ControlFlow<Ending> {
        if self.in_flight.len() >= MOST_IN_FLIGHT {
            self.make_room().await?;
        }
        let record = self.plan.record(line);
        let digest = match &self.ledger {
            Some(_) => {
                let headers = record.headers().map(|(name, value)| (name.as_bytes(), value));
                digest(record.key_bytes(), record.value_bytes(), headers)
            }
            None => 0,
        };
        let ticket = Ticket { line: self.taken, sent: self.now, digest };
        let mut send = pin!(self.producer.send(record));
        let first = poll_fn(|cx| Poll::Ready(send.as_mut().poll(cx))).await;
        let result = match first {
            Poll::Ready(result) => result,
            Poll::Pending => loop {
                // No room, or nothing known of the topic yet.
                self.is_held = true;
                tokio::select! {
                    biased;
                    result = &mut send => break result,
                    wake = wait(&mut self.in_flight, &mut self.stop, &mut self.progress, &mut self.watch) => {
                        self.woken(wake).await?;
                    }
                }
            },
        };
        self.is_held = false;
        self.taken += 1;
        match result {
            Ok(delivery) => self.in_flight.push(delivery, ticket),
            Err(error) => {
                self.stamp();
                self.last = self.now;
                self.judge(&error, ticket.sent, true);
                self.failures.note_error(ticket.line, &error);
            }
        }
        ControlFlow::Continue(())
    }

    /// Waits until half of the records in flight have their fates.
    async fn make_room(&mut self) -> ControlFlow<Ending> {
        // A linger that is longer than this takes would never end.
        let producer = self.producer;
        let mut flush = pin!(producer.flush());
        let mut flushed = false;
        self.settle();
        while self.in_flight.len() > MOST_IN_FLIGHT / 2 {
            tokio::select! {
                biased;
                wake = wait(&mut self.in_flight, &mut self.stop, &mut self.progress, &mut self.watch) => {
                    self.woken(wake).await?;
                }
                result = &mut flush, if !flushed => {
                    flushed = true;
                    if let Err(error) = result {
                        return ControlFlow::Break(Ending::GaveUp(error.to_string()));
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    async fn woken(&mut self, wake: Wake) -> ControlFlow<Ending> {
        self.stamp();
        match wake {
            Wake::Settled => self.settle(),
            Wake::Draw => self.show(),
            Wake::Look => self.look().await,
            Wake::Stop(signal) => return ControlFlow::Break(Ending::Interrupted(signal)),
        }
        self.go_on()
    }

    /// Says why nothing moves, if nothing does.
    async fn look(&mut self) {
        let fates = self.fates();
        if !self.watch.is_stuck(Instant::now(), fates, self.waits()) {
            return;
        }
        if let Some(reason) = self.why().await.filter(|reason| self.watch.is_news(reason)) {
            self.progress.complain(&format!("nothing is acknowledged: {reason}"));
        }
    }

    /// What keeps the records that have not moved of late, for whoever stops them.
    pub(crate) async fn why_it_stands_still(&mut self) -> Option<String> {
        let moved = self.acknowledged_at.map(Duration::from_nanos);
        if moved.is_some_and(|at| self.start.elapsed().saturating_sub(at) < STANDSTILL) {
            return None;
        }
        self.why().await
    }

    async fn why(&self) -> Option<String> {
        if !self.waits() {
            return None;
        }
        let partition = self.in_flight.oldest().or(self.plan.partition()).unwrap_or(0);
        let why = self.producer.why(self.plan.topic(), partition);
        tokio::time::timeout(ANSWER, why).await.ok().flatten()
    }

    fn waits(&self) -> bool {
        self.is_held || self.in_flight.len() > 0
    }

    fn fates(&self) -> u64 {
        self.tally.acknowledged + self.failures.count()
    }

    /// Closes the producer and learns the fates of all that is in flight: within `deadline`, or within `hurry` where it did not come to the end of
    /// the input, or from when somebody asks to stop.
    pub(crate) async fn finish(
        &mut self,
        mut ending: Ending,
        deadline: Duration,
        hurry: Duration,
    ) -> Ending {
        let producer = self.producer;
        let mut asked = matches!(ending, Ending::Interrupted(_));
        let timeout = if ending == Ending::Complete { deadline } else { hurry };
        let mut close: BoxedClose<'_> = Box::pin(producer.close(timeout));
        // The producer keeps its own deadlines; its word is not waited for much longer.
        let mut overdue = pin!(tokio::time::sleep(timeout.saturating_add(GRACE)));
        let left = loop {
            let wake = tokio::select! {
                biased;
                result = &mut close => break result.err().map(|error| error.to_string()),
                wake = wait_unless(asked, &mut self.in_flight, &mut self.stop, &mut self.progress, &mut self.watch) => wake,
                () = &mut overdue => break Some("it does not close".to_owned()),
            };
            if let ControlFlow::Break(now @ Ending::Interrupted(_)) = self.woken(wake).await {
                asked = true;
                ending = now;
                // The shorter time counts.
                close = Box::pin(producer.close(hurry));
                overdue.set(tokio::time::sleep(hurry.saturating_add(GRACE)));
            }
        };
        self.settle();
        self.abandon(&left.unwrap_or_default());
        self.report();
        self.progress.finish();
        ending
    }

    /// Takes in the fates that are known.
    fn settle(&mut self) {
        self.until_settle = SETTLE_EVERY;
        self.stamp();
        let mut in_flight = std::mem::take(&mut self.in_flight);
        let before = in_flight.len();
        in_flight.settle(|partition, ticket, fate| self.learn(partition, ticket, fate, ""));
        if in_flight.len() < before {
            self.last = self.now;
        }
        self.in_flight = in_flight;
        self.report();
    }

    /// Gives up what has no fate, though the producer has ended.
    fn abandon(&mut self, why: &str) {
        let mut in_flight = std::mem::take(&mut self.in_flight);
        in_flight.abandon(|partition, ticket, fate| {
            self.learn(partition, ticket, fate, why);
        });
    }

    #[inline]
    fn learn(&mut self, partition: i32, ticket: Ticket, fate: Fate, why: &str) {
        let Ticket { line, sent, digest } = ticket;
        let written = match fate {
            Some(Ok(metadata)) => {
                self.acknowledged_at = Some(self.now);
                self.tally.add(partition, &metadata, self.now.saturating_sub(sent));
                metadata.offset().map_or(Written::Somewhere, Written::At)
            }
            Some(Err(error)) => {
                self.judge(&error, sent, false);
                self.failures.note_error(line, &error);
                match error.outcome() {
                    Outcome::NotWritten => return,
                    Outcome::MaybeWritten | Outcome::Written => Written::Maybe,
                }
            }
            None => {
                let text = || format!("the producer did not say what became of it: {why}");
                self.failures.note(line, "closed", Outcome::MaybeWritten, text);
                Written::Maybe
            }
        };
        if let Some(ledger) = &mut self.ledger {
            ledger.add(partition, line, digest, written);
        }
    }

    /// Decides whether the next line can fare better than the one that failed.
    fn judge(&mut self, error: &Error, sent: u64, at_send: bool) {
        let hopeless = match error.kind() {
            ErrorKind::UnknownTopic
            | ErrorKind::Authorization
            | ErrorKind::Authentication
            | ErrorKind::Closed
            | ErrorKind::DriverGone
            | ErrorKind::Fatal => true,
            // All lines go to the same topic, and if to one partition, then to the same.
            ErrorKind::MetadataTimeout | ErrorKind::UnknownPartition => at_send,
            // One partition may be stuck; where none takes anything, lines would only be thrown away.
            ErrorKind::DeliveryTimeout | ErrorKind::MemoryTimeout | ErrorKind::Connection => {
                self.acknowledged_at.is_none_or(|at| at < sent)
            }
            _ => error.is_fatal(),
        };
        if hopeless && self.hopeless.is_none() {
            self.hopeless = Some(error.reason().to_owned());
        }
    }

    fn note_too_long(&mut self, bytes: u64) {
        let most = self.max_record;
        let text = || {
            format!(
                "the line has {bytes} bytes, and a record at most {most}: raise max.request.size \
                 if the brokers take more (message.max.bytes)"
            )
        };
        let kind = ErrorKind::RecordTooLarge.name();
        self.failures.note(self.taken, kind, Outcome::NotWritten, text);
        self.taken += 1;
    }

    fn note_not_sent(&mut self) {
        let text = || "not sent, because an earlier line had failed for good".to_owned();
        self.failures.note(self.taken, "not_sent", Outcome::NotWritten, text);
        self.taken += 1;
    }

    /// Lines that were read, but that nobody will send any more, have failed too.
    fn count_what_was_read(&mut self, reader: &mut Reader) {
        for _ in 0..CHUNKS_TO_COUNT {
            match reader.try_next() {
                Some(Event::Chunk(chunk)) => {
                    let mut at = 0;
                    while self.splitter.next(&chunk, &mut at).is_some() {
                        self.note_not_sent();
                    }
                    reader.recycle(chunk);
                }
                Some(Event::End) => {
                    if self.splitter.finish().is_some() {
                        self.note_not_sent();
                    }
                    self.places.begin_next(self.taken);
                }
                Some(Event::Failed(_)) => break,
                None => {
                    self.all_read = reader.is_at_end();
                    break;
                }
            }
        }
        self.report();
    }

    fn report(&mut self) {
        let messages = self.failures.report(&self.places);
        if !messages.is_empty() {
            // What stands below the messages is to know of them.
            self.progress.hurry();
            self.show();
        }
        for message in messages {
            self.progress.complain(&message);
        }
    }

    fn stamp(&mut self) {
        self.until_stamp = STAMP_EVERY;
        // 584 years fit.
        self.now = self.start.elapsed().as_nanos() as u64;
    }

    fn show(&mut self) {
        let now = self.start + Duration::from_nanos(self.now);
        let fates = self.fates();
        let figures = || Figures {
            acknowledged: self.tally.acknowledged,
            bytes: self.tally.bytes,
            in_flight: self.in_flight.len() as u64,
            failed: self.failures.count(),
            done: done(self.taken_bytes, fates, self.taken),
        };
        self.progress.show(now, figures);
    }
}
