//! Many records at once: those that follow each other in a partition are appended under one lock.

use std::sync::MutexGuard;

use rohrpost_records::RecordHeader;

use crate::append::Record;
use crate::clock::wall_milliseconds;
use crate::deliveries::Deliveries;
use crate::lock;
use crate::shared::Shared;
use crate::topics::{Lane, Open};

impl Shared {
    /// Appends records from the front, as long as nothing but writing them has to be done. Returns how many; the next one is for
    /// [`append`](Self::append).
    pub(crate) fn append_run<'h, H>(
        &self,
        records: &[(Record<'_>, H)],
        deliveries: &mut Deliveries,
    ) -> usize
    where
        H: IntoIterator<Item = RecordHeader<'h>, IntoIter: ExactSizeIterator + Clone> + Clone,
    {
        let mut held: Option<(&Lane, MutexGuard<'_, Open>)> = None;
        for (at, (record, headers)) in records.iter().enumerate() {
            let appended = self.lane_of(record).and_then(|lane| {
                let open = match &mut held {
                    Some((of, open)) if std::ptr::eq(*of, lane) => open,
                    other => {
                        // Never two lanes' locks at a time.
                        *other = None;
                        &mut other.insert((lane, lock(&lane.open))).1
                    }
                };
                if open.closed || self.is_closing() {
                    return None;
                }
                let timestamp = record.timestamp.unwrap_or_else(wall_milliseconds);
                let (key, value) = (record.key, record.value);
                let index = open.appender.append_to_open(timestamp, key, value, headers.clone())?;
                deliveries.note(open.completion.as_ref()?, index);
                Some(())
            });
            if appended.is_none() {
                return at;
            }
        }
        records.len()
    }

    /// The lane of a record's partition, where choosing it is neither foreign code nor a step that cannot be taken back.
    fn lane_of<'a>(&'a self, record: &Record<'a>) -> Option<&'a Lane> {
        let topic = self.topic(record)?;
        let number = match record.partition {
            Some(partition) => u32::try_from(partition).ok()?,
            None if topic.chooser.is_steady() => {
                topic.chooser.choose(record, topic.count()?).ok()?
            }
            None => return None,
        };
        topic.lane(number).map(|lane| &**lane)
    }
}
