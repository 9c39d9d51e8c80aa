//! Which partition a record goes to: the partitioners' state, shared by all senders of a topic.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;

use rohrpost_partitioner::{
    Choice, Hashed, Partitioner, Query, RoundRobin, Spread, Table, UniformSticky,
};

use crate::append::Record;
use crate::failure::PartitionerFault;
use crate::lock;

/// How partitions are chosen for records that name none.
#[derive(Clone)]
pub struct ChooserConfig {
    /// The program's own; `keys`, `round_robin` and `ignore_keys` mean nothing then.
    pub custom: Option<Arc<dyn Partitioner>>,
    /// How keys decide.
    pub keys: Hashed,
    /// One partition after another, whatever the key.
    pub round_robin: bool,
    /// `partitioner.ignore.keys`.
    pub ignore_keys: bool,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive: bool,
    /// `partitioner.availability.timeout.ms`; zero is off.
    pub availability_timeout: Duration,
    /// `client.rack`, where `partitioner.rack.aware` is set: what no key decides goes to leaders there (KIP-1123).
    pub rack: Option<Arc<str>>,
    /// `batch.size`: after so many bytes a record without a key goes elsewhere.
    pub batch_size: usize,
    /// Of all chance.
    pub seed: u64,
}

impl Default for ChooserConfig {
    fn default() -> Self {
        Self {
            custom: None,
            keys: Hashed::JAVA,
            round_robin: false,
            ignore_keys: false,
            adaptive: true,
            availability_timeout: Duration::ZERO,
            rack: None,
            batch_size: 16_384,
            seed: 0,
        }
    }
}

impl fmt::Debug for ChooserConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChooserConfig")
            .field("custom", &self.custom.is_some())
            .field("keys", &self.keys)
            .field("round_robin", &self.round_robin)
            .field("ignore_keys", &self.ignore_keys)
            .field("adaptive", &self.adaptive)
            .field("availability_timeout", &self.availability_timeout)
            .field("rack", &self.rack)
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .finish()
    }
}

/// A topic's partitioner. What is done per record is a load, or a hash; the rest happens once a batch.
pub(crate) struct Chooser {
    strategy: Strategy,
    sticky: UniformSticky,
    /// The sticky partition of each stripe, for a look without the table.
    current: [AtomicU32; UniformSticky::STRIPES],
    /// How many stripes are in use: one, until threads meet in a partition.
    stripes: AtomicUsize,
    batch_size: usize,
    /// The topic's partitions, weighed by what waits for them.
    table: Mutex<Option<Arc<Table>>>,
}

enum Strategy {
    Hashed(Hashed),
    Sticky,
    RoundRobin(RoundRobin),
    Custom(Arc<dyn Partitioner>),
}

/// Why no partition was chosen.
pub(crate) enum NoChoice {
    /// Nothing is known of the topic's partitions yet.
    NoTable,
    /// The program's own partitioner is to blame.
    Fault(PartitionerFault),
}

/// No partition yet.
const NONE: u32 = u32::MAX;

impl Chooser {
    pub(crate) fn new(config: &ChooserConfig, topic: &str) -> Self {
        let strategy = match config {
            ChooserConfig { custom: Some(custom), .. } => Strategy::Custom(custom.clone()),
            ChooserConfig { round_robin: true, .. } => Strategy::RoundRobin(RoundRobin::new()),
            ChooserConfig { ignore_keys: true, .. } => Strategy::Sticky,
            _ => Strategy::Hashed(config.keys),
        };
        let batch_size = u32::try_from(config.batch_size).unwrap_or(u32::MAX);
        // Topics go their own ways.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let seed = config.seed ^ hasher.hash_one(topic);
        Self {
            strategy,
            sticky: UniformSticky::new(batch_size, seed),
            current: [const { AtomicU32::new(NONE) }; UniformSticky::STRIPES],
            stripes: AtomicUsize::new(1),
            batch_size: config.batch_size,
            table: Mutex::new(None),
        }
    }

    /// The partition for a record, of a topic with so many partitions.
    #[inline]
    pub(crate) fn choose(&self, record: &Record<'_>, count: NonZeroU32) -> Result<u32, NoChoice> {
        match &self.strategy {
            Strategy::Hashed(hashed) => match hashed.of_key_in(record.key, count) {
                Choice::Partition(partition) => Ok(partition),
                Choice::Sticky => self.sticky(),
            },
            Strategy::Sticky => self.sticky(),
            Strategy::RoundRobin(robin) => {
                self.with_table(|table| robin.next(table)).ok_or(NoChoice::NoTable)
            }
            Strategy::Custom(custom) => self.ask(&**custom, record),
        }
    }

    /// Whether choosing runs no code of others, and can be done again with the same result as long as nothing is appended.
    pub(crate) fn is_steady(&self) -> bool {
        matches!(self.strategy, Strategy::Hashed(_) | Strategy::Sticky)
    }

    /// Whether the record goes to whatever partition has its turn.
    pub(crate) fn is_sticky(&self, record: &Record<'_>) -> bool {
        match &self.strategy {
            Strategy::Hashed(hashed) => hashed.is_spread(record.key),
            Strategy::Sticky => true,
            Strategy::RoundRobin(_) | Strategy::Custom(_) => false,
        }
    }

    #[inline]
    fn sticky(&self) -> Result<u32, NoChoice> {
        let stripe = match self.stripes.load(Ordering::Relaxed) {
            1 => 0,
            stripes => stripe_of_thread() % stripes,
        };
        let current = self.current[stripe].load(Ordering::Relaxed);
        if current == NONE {
            self.with_table(|table| self.turn_to(stripe, table)).ok_or(NoChoice::NoTable)
        } else {
            Ok(current)
        }
    }

    /// Asks the program's own partitioner, which is trusted with nothing.
    fn ask(&self, custom: &dyn Partitioner, record: &Record<'_>) -> Result<u32, NoChoice> {
        let asked = self.with_table(|table| {
            let query = Query::new(record.topic(), record.key, record.value, table);
            let choice = catch_unwind(AssertUnwindSafe(|| custom.choose(&query)));
            (choice, table.count().get())
        });
        match asked.ok_or(NoChoice::NoTable)? {
            (Ok(Choice::Partition(partition)), count) if partition < count => Ok(partition),
            (Ok(Choice::Partition(partition)), count) => {
                Err(NoChoice::Fault(PartitionerFault::NoSuchPartition { partition, count }))
            }
            (Ok(Choice::Sticky), _) => self.sticky(),
            (Err(_), _) => Err(NoChoice::Fault(PartitionerFault::Panicked)),
        }
    }

    /// Two threads met in a sticky partition: from now on more of them have partitions of their own, as far as there are partitions and threads that run at the
    /// same time. Returns whether choosing again helps.
    #[cold]
    pub(crate) fn contended(&self, count: NonZeroU32) -> bool {
        let most = UniformSticky::STRIPES.min(2 * processors()).min(count.get() as usize);
        let stripes = self.stripes.load(Ordering::Relaxed);
        let more = (2 * stripes).min(most);
        let order = Ordering::Relaxed;
        more > stripes && self.stripes.compare_exchange(stripes, more, order, order).is_ok()
    }

    /// A partition's batch was closed before it was full, with so many bytes of records: time for another partition, if enough went there. Counting
    /// a batch at a time is enough, because only between batches the partition may change.
    pub(crate) fn batch_ended(&self, partition: u32, bytes: usize) {
        // The fewer the partitions, the fuller the batches.
        let stripes = self.stripes.load(Ordering::Relaxed);
        if stripes > 1 {
            self.stripes.store(stripes / 2, Ordering::Relaxed);
        }
        self.count(partition, bytes);
    }

    fn count(&self, partition: u32, bytes: usize) {
        if !self.is_used() {
            // Every record so far had a key or named its partition.
            return;
        }
        self.with_table(|table| match self.sticky.appended(partition, bytes, true, table) {
            Some(stripe) => {
                self.turn_to(stripe, table);
            }
            None => self.catch_up(partition, table),
        });
    }

    /// A partition is nobody's turn. Where senders are sent there all the same, two threads took a turn at the same time, and the earlier one was the last to
    /// say so: nothing would ever count there.
    fn catch_up(&self, partition: u32, table: &Table) {
        for (stripe, current) in self.current.iter().enumerate() {
            if current.load(Ordering::Relaxed) == partition {
                self.turn_to(stripe, table);
            }
        }
    }

    fn is_used(&self) -> bool {
        self.current[0].load(Ordering::Relaxed) != NONE
    }

    /// A partition's batch was closed because it was full.
    pub(crate) fn batch_filled(&self, partition: u32) {
        self.count(partition, self.batch_size);
    }

    /// Whether it matters what waits for each partition: not where every record has a key or names its partition.
    pub(crate) fn uses_weights(&self) -> bool {
        match &self.strategy {
            Strategy::Hashed(Hashed { spread: Spread::Nothing, .. }) => false,
            Strategy::Hashed(_) | Strategy::Sticky => self.is_used(),
            Strategy::RoundRobin(_) => false,
            Strategy::Custom(_) => true,
        }
    }

    /// The topic's partitions changed, or what waits for them (KIP-794).
    pub(crate) fn update(&self, table: Table) {
        self.sticky.refresh(&table);
        *lock(&self.table) = Some(Arc::new(table));
        self.with_table(|table| {
            for stripe in 0..UniformSticky::STRIPES {
                // Where nothing was sent yet, nothing is chosen yet.
                if self.current[stripe].load(Ordering::Relaxed) != NONE {
                    self.turn_to(stripe, table);
                }
            }
        });
    }

    fn turn_to(&self, stripe: usize, table: &Table) -> u32 {
        let current = self.sticky.current_of(stripe, table);
        self.current[stripe].store(current, Ordering::Relaxed);
        current
    }

    fn with_table<T>(&self, look: impl FnOnce(&Table) -> T) -> Option<T> {
        let table = lock(&self.table).clone()?;
        Some(look(&table))
    }
}

/// How many threads run at the same time.
fn processors() -> usize {
    // Asking reads files.
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Threads count themselves, so that those of a pool have numbers that follow each other.
fn stripe_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // A thread that is being torn down may send, too.
    STRIPE.try_with(|stripe| *stripe).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    const TWELVE: NonZeroU32 = NonZeroU32::new(12).unwrap();

    fn chooser() -> Chooser {
        let chooser = Chooser::new(&ChooserConfig::default(), "t");
        chooser.update(Table::all(TWELVE));
        chooser
    }

    /// The partitions that twenty threads choose for a record without a key.
    fn chosen(chooser: &Chooser) -> BTreeSet<u32> {
        let choose = || chooser.choose(&Record::default(), TWELVE).ok().unwrap();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(choose)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn threads_that_met_in_a_partition_have_more_of_them_until_batches_do_not_fill() {
        let chooser = chooser();
        let one = chosen(&chooser);
        assert_eq!(one.len(), 1);
        assert!(chooser.contended(TWELVE));
        let two = chosen(&chooser);
        assert_eq!(two.len(), 2, "{two:?}");
        assert!(two.is_superset(&one));
        // A full batch is no reason to go back: that stripe takes another turn.
        chooser.batch_filled(*one.first().unwrap());
        assert_eq!(chosen(&chooser).intersection(&two).count(), 1);
        chooser.batch_ended(*chosen(&chooser).first().unwrap(), 100);
        assert_eq!(chosen(&chooser).len(), 1);
    }

    #[test]
    fn a_turn_that_senders_did_not_see_is_made_up_for_with_the_next_batch() {
        let (chooser, table) = (chooser(), Table::all(TWELVE));
        let first = *chosen(&chooser).first().unwrap();
        // Two threads take a turn each, and the first of them is the last to say so.
        chooser.sticky.appended(first, 16_384, true, &table);
        assert_eq!(*chosen(&chooser).first().unwrap(), first);
        chooser.batch_filled(first);
        assert_eq!(*chosen(&chooser).first().unwrap(), chooser.sticky.current_of(0, &table));
        assert_ne!(*chosen(&chooser).first().unwrap(), first);
    }

    #[test]
    fn there_are_no_more_current_partitions_than_threads_can_use_or_than_there_are() {
        let chooser = chooser();
        while chooser.contended(TWELVE) {}
        let most = UniformSticky::STRIPES.min(2 * processors()).min(12);
        assert_eq!(chooser.stripes.load(Ordering::Relaxed), most);
        assert!(!self::chooser().contended(NonZeroU32::MIN));
    }
}
