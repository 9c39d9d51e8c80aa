//! How a life ends: the faults stop, it is seen that everything works again, and the producer closes.

use rohrpost_engine::{Input, Time};

use super::{EXTENSIONS, Event, GRACE, Life};

impl Life {
    /// The faults stop, if there were enough of them.
    pub(super) fn peace(&mut self) {
        let wants_more = !self.is_full();
        let may_extend = self.plan.fault_pause < self.plan.trouble
            && self.left.is_none()
            && self.plan.records > 0;
        if wants_more && may_extend && self.extensions < EXTENSIONS && !self.is_closing {
            self.extensions += 1;
            // Among so many faults that next to nothing is ever on its way, more of them alone would not do.
            self.heal();
            let more = self.plan.trouble / 4;
            return self.after(more, Event::Peace);
        }
        self.note("peace", String::new, &[]);
        self.report.trouble = self.now.since(Time::from_millis(1));
        self.is_peace = true;
        self.heal();
        if self.plan.close_at_peace || self.is_closing {
            return self.close(None);
        }
        let request_timeout = self.plan.engine.cluster.request_timeout;
        let mut calm = self.plan.delivery_timeout() + request_timeout * 3 + GRACE / 4;
        if self.plan.model.sasl.is_some() {
            // Whoever was refused pauses for long.
            calm += self.plan.engine.cluster.reconnect_backoff_max * 20;
        }
        self.after(calm, Event::Probe { must_arrive: false });
        self.after(calm * 2, Event::Probe { must_arrive: true });
        self.after(calm * 3, Event::Close);
    }

    /// A record to every partition.
    pub(super) fn probe(&mut self, must_arrive: bool) {
        self.note("probe", || must_arrive.to_string(), &[]);
        // Without retries a connection that went dead long ago takes a record with it.
        if must_arrive && self.plan.engine.retries > 3 {
            self.must_arrive = Some(self.ledger.records.len());
        }
        let refused = self.senders.refused;
        for topic in 0..self.plan.topics.len() {
            for partition in 0..self.plan.topics[topic].partitions {
                self.send(topic, partition, 0);
            }
        }
        if must_arrive && self.senders.refused > refused {
            self.violation("I8: refused although all is well again");
        }
    }

    pub(crate) fn close(&mut self, deadline: Option<Time>) {
        if let Some(first) = self.must_arrive.filter(|_| !self.is_closing) {
            for record in &self.ledger.records[first..] {
                if !matches!(record.ending, Some(crate::ledger::Ending::Acked(_))) {
                    let name = self.ledger.name(record.lane);
                    let what = format!(
                        "I8: not delivered although all is well again: {:?} ({name})",
                        record.ending
                    );
                    self.report.violations.push(what);
                }
            }
            if !self.senders.for_memory.is_empty() || !self.senders.for_metadata.is_empty() {
                self.violation("I8: somebody still waits although all is well again");
            }
        }
        self.report.closed_at =
            self.report.closed_at.max(self.now).max(deadline.unwrap_or(self.now));
        if std::mem::replace(&mut self.is_closing, true) {
            return;
        }
        self.note("close", || format!("{deadline:?}"), &[]);
        // Nobody waits for memory while the producer closes.
        while !self.senders.for_memory.is_empty() {
            if let Some(input) = self.senders.give_up(0) {
                self.input(input);
            }
        }
        self.input(Input::Close { deadline });
    }
}
