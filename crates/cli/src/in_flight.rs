//! The records that were sent and whose fate is open.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::task::Poll;

use rohrpost::{Delivery, Error, RecordMetadata};

/// A partition's queue that was longer than this gives its memory back when it is empty.
const KEPT_CAPACITY: usize = 4096;

/// Deliveries in the order of sending, partition by partition, because that is the order in which they resolve: one stuck partition holds
/// none of the others up.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    queues: BTreeMap<i32, VecDeque<Sent>>,
    count: usize,
}

/// A record that was sent.
#[derive(Debug)]
struct Sent {
    delivery: Delivery,
    ticket: Ticket,
}

/// What to remember of a record until its fate is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// Its running number.
    pub(crate) line: u64,
    /// When it was sent, in nanoseconds since the start.
    pub(crate) sent: u64,
    /// What it contains; 0 where nobody compares.
    pub(crate) digest: u64,
}

/// A record's fate. `None`: the producer has ended and never said.
pub(crate) type Fate = Option<Result<RecordMetadata, Error>>;

impl InFlight {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The partition of the record that waits longest.
    pub(crate) fn oldest(&self) -> Option<i32> {
        let fronts =
            self.queues.iter().filter_map(|(partition, queue)| Some((partition, queue.front()?)));
        fronts.min_by_key(|(_, sent)| sent.ticket.line).map(|(partition, _)| *partition)
    }

    #[inline]
    pub(crate) fn push(&mut self, delivery: Delivery, ticket: Ticket) {
        self.queues.entry(delivery.partition()).or_default().push_back(Sent { delivery, ticket });
        self.count += 1;
    }

    /// Takes out the records whose fate is known, each partition's from its beginning.
    pub(crate) fn settle(&mut self, mut each: impl FnMut(i32, Ticket, Fate)) {
        for (partition, queue) in &mut self.queues {
            while let Some(result) = queue.front().and_then(|sent| sent.delivery.try_result()) {
                let Some(sent) = queue.pop_front() else { break };
                self.count -= 1;
                each(*partition, sent.ticket, Some(result));
            }
            if queue.is_empty() && queue.capacity() > KEPT_CAPACITY {
                queue.shrink_to(KEPT_CAPACITY);
            }
        }
    }

    /// Takes out all records, whether their fate is known or not.
    pub(crate) fn abandon(&mut self, mut each: impl FnMut(i32, Ticket, Fate)) {
        for (partition, queue) in std::mem::take(&mut self.queues) {
            for sent in queue {
                each(partition, sent.ticket, sent.delivery.try_result());
            }
        }
        self.count = 0;
    }

    /// Waits until [`settle`](Self::settle) has something to take; for ever while nothing is in flight. Cancel-safe.
    pub(crate) fn settled(&mut self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            let mut heads = self.queues.values_mut().filter_map(VecDeque::front_mut);
            let ready = heads.any(|sent| sent.delivery.poll_resolved(cx).is_ready());
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}
