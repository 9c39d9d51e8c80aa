//! What was done in each transaction, what its application was told of its end, and what readers of committed records see of it: I7.

use std::collections::{BTreeMap, BTreeSet};

use rohrpost_engine::{Outcome, Time};
use rohrpost_records::Sequence;
use rohrpost_testkit::model::Model;

use super::client::Client;
use super::{GROUP, INPUT};
use crate::ledger::{Ending, Ledger};

/// How a transaction ended, for its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was never asked to be committed.
    Open,
    Committed,
    Aborted,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Transaction {
    client: usize,
    pub(super) began: Time,
    pub(super) told: Told,
    pub(super) is_spoiled: bool,
    /// Whether it consumes inputs.
    pub(super) consumes: bool,
    /// The first input that it consumes.
    first_input: i64,
    /// The offset that it commits for the group.
    pub(super) offset: Option<i64>,
}

/// A producer id, an epoch, a sequence.
type Stamp = (i64, i16, i32);

#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) transactions: Vec<Transaction>,
    /// The transaction of each record, by the record's number.
    of: Vec<Option<usize>>,
    /// The records that each identity was given to, by topic and partition.
    identities: BTreeMap<((usize, i32), Stamp), Vec<u64>>,
}

impl Accounts {
    pub(super) fn begin(
        &mut self,
        client: usize,
        consumes: bool,
        first_input: i64,
        began: Time,
    ) -> usize {
        let (told, is_spoiled, offset) = (Told::Open, false, None);
        let new = Transaction { client, began, told, is_spoiled, consumes, first_input, offset };
        self.transactions.push(new);
        self.transactions.len() - 1
    }

    /// A record is sent in a transaction, or outside of all.
    pub(super) fn send(&mut self, number: usize, transaction: Option<usize>) {
        self.of.resize(number, None);
        self.of.push(transaction);
    }

    /// Whether an identity goes to these records only; or to the first of them, where the batch was too large and is divided.
    pub(super) fn identify(&mut self, place: (usize, i32), stamp: Stamp, numbers: &[u64]) -> bool {
        let known = self.identities.entry((place, stamp)).or_insert_with(|| numbers.to_vec());
        let is_it = known.starts_with(numbers);
        known.truncate(numbers.len());
        is_it
    }

    /// Transactions committed, aborted, and of unknown outcome, as their applications were told.
    pub(super) fn counts(&self) -> [u64; 3] {
        let count = |told| self.transactions.iter().filter(|of| of.told == told).count() as u64;
        [count(Told::Committed), count(Told::Aborted) + count(Told::Open), count(Told::Unknown)]
    }

    /// Everything, held against what the brokers have in the end.
    pub(super) fn check(&self, model: &Model, ledger: &Ledger, clients: &[Client]) -> Vec<String> {
        let logs = Logs::read(model, ledger);
        let mut found = logs.found.clone();
        let mut by_transaction: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, record) in ledger.records.iter().enumerate() {
            let name = || format!("record {at} in {}", ledger.name(record.lane));
            let transaction = self.transaction_of(&record.value);
            let client = transaction.and_then(|at| clients.get(self.transactions[at].client));
            let is_crashed = client.is_some_and(|client| client.is_dead);
            if record.endings != 1 && !(is_crashed && record.endings == 0) {
                found.push(format!("I6: ended {} times ({})", record.endings, name()));
            }
            let copies = logs.written.get(&at).map_or(&[][..], Vec::as_slice);
            if copies.len() > 1 {
                found.push(format!("I1/I2: in the log at {copies:?} ({})", name()));
            }
            match &record.ending {
                Some(Ending::Acked(told))
                    if copies.is_empty() || told.is_some_and(|told| told != copies[0]) =>
                {
                    found.push(format!(
                        "I1: acknowledged at {told:?}, it is at {copies:?} ({})",
                        name()
                    ));
                }
                Some(Ending::Failed(Outcome::NotWritten, error)) if !copies.is_empty() => {
                    found.push(format!("I2: written, but: {error} ({})", name()));
                }
                _ => {}
            }
            match transaction {
                Some(transaction) => by_transaction.entry(transaction).or_default().push(at),
                None if logs.visible.contains(&at) => {
                    found.push(format!("I7: visible, and of no transaction ({})", name()));
                }
                None => {}
            }
        }
        let mut next_input = 0;
        for (number, transaction) in self.transactions.iter().enumerate() {
            let records = by_transaction.get(&number).map_or(&[][..], Vec::as_slice);
            let visible = records.iter().filter(|at| logs.visible.contains(at)).count();
            let what = format!(
                "transaction {number} of producer {} begun at {}: {visible} of {} records are visible",
                transaction.client,
                transaction.began,
                records.len()
            );
            let is_it = match transaction.told {
                Told::Committed => visible == records.len() && !transaction.is_spoiled,
                Told::Aborted | Told::Open => visible == 0,
                Told::Unknown => visible == 0 || visible == records.len(),
            };
            if !is_it {
                found.push(format!("I7: {:?}, but {what}", transaction.told));
            }
            let is_committed = transaction.told == Told::Committed || visible > 0;
            if let Some(offset) = transaction.offset.filter(|_| is_committed) {
                if transaction.first_input != next_input {
                    found.push(format!("I7: input {next_input} should be next ({what})"));
                }
                next_input = offset;
            }
        }
        let offsets = model.group_offsets(GROUP);
        let committed = offsets.get(&(INPUT.to_owned(), 0)).map_or(0, |of| of.offset);
        if committed != next_input {
            found.push(format!("I7: the group is at {committed}, not at {next_input}"));
        }
        if !model.pending_group_offsets(GROUP).is_empty() {
            found.push("I7: offsets wait for a transaction".into());
        }
        found.extend(exactly_once(ledger, &logs, next_input));
        found
    }

    fn transaction_of(&self, value: &[u8]) -> Option<usize> {
        let number = u64::from_be_bytes(*value.first_chunk()?);
        self.of.get(number as usize).copied().flatten()
    }
}

/// From end to end: every input has one output that is committed, and nothing else has.
fn exactly_once(ledger: &Ledger, logs: &Logs, inputs: i64) -> Option<String> {
    let mut seen = BTreeMap::new();
    for &at in &logs.visible {
        let value = &ledger.records[at].value;
        let input = value.get(8..16).and_then(|bytes| bytes.first_chunk());
        let input = input.map_or(-1, |input| i64::from_be_bytes(*input));
        if input >= 0 {
            *seen.entry(input).or_insert(0) += 1;
        }
    }
    let is_once = seen.values().all(|count| *count == 1);
    let expected = 0..inputs;
    (!is_once || !seen.keys().copied().eq(expected))
        .then(|| format!("I7: {inputs} inputs are consumed, and their outputs are {seen:?}"))
}

/// What is in the logs.
#[derive(Debug, Default)]
struct Logs {
    /// The offsets at which each record is, of whatever became of its transaction.
    written: BTreeMap<usize, Vec<i64>>,
    /// The records that readers of committed records see.
    visible: BTreeSet<usize>,
    found: Vec<String>,
}

impl Logs {
    fn read(model: &Model, ledger: &Ledger) -> Self {
        let mut logs = Self::default();
        for (name, topic) in model.topics().filter(|(name, _)| name.starts_with("topic-")) {
            for (number, partition) in topic.partitions.iter().enumerate() {
                let log = &partition.log;
                let place = format!("{name}-{number}");
                let (stable, end) = (log.last_stable_offset(), log.high_watermark());
                if stable != end || log.open_transactions().next().is_some() {
                    let open: Vec<_> = log.open_transactions().collect();
                    logs.found.push(format!(
                        "I7: {place} is stable up to {stable} of {end}, open are {open:?}"
                    ));
                }
                let mut next: BTreeMap<_, Sequence> = BTreeMap::new();
                // The last record of each producer id, epoch by epoch: what one producer sends stays in its order.
                let mut last: BTreeMap<_, usize> = BTreeMap::new();
                for batch in log.batches() {
                    let header = &batch.header;
                    if header.attributes.is_control() {
                        continue;
                    }
                    let epoch = (header.producer_id, header.producer_epoch);
                    let expected = next.insert(epoch, header.last_sequence().add(1));
                    if expected.is_some_and(|expected| expected != header.base_sequence) {
                        logs.found.push(format!("I5: {place} has a gap in {epoch:?}"));
                    }
                    for record in batch.records() {
                        let value = record.value.unwrap_or_default();
                        let at = ledger.of_value(&value);
                        let at = at.filter(|&at| ledger.records[at].value == value[..]);
                        match at {
                            Some(at) if ledger.name(ledger.records[at].lane) == place => {
                                logs.written.entry(at).or_default().push(record.offset);
                                if last.insert(epoch, at).is_some_and(|before| before > at) {
                                    logs.found.push(format!("I4: {at} is behind its successor"));
                                }
                            }
                            _ => logs.found.push(format!(
                                "I1: what nobody sent there, at {} of {place}",
                                record.offset
                            )),
                        }
                    }
                }
                for batch in log.committed_batches() {
                    let values = batch.records().filter_map(|record| record.value);
                    logs.visible.extend(values.filter_map(|value| ledger.of_value(&value)));
                }
            }
        }
        logs
    }
}
