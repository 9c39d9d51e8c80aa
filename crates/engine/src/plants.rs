//! Naive behaviours that other clients had or have, to be put into an engine on purpose: the simulator must catch each.
//!
//! Without the feature `plants`, which is for the simulator alone, [`Planted::is`] is constant `false`, and the compiler leaves nothing of
//! them. At the place of each decision stands one question; what is more than a line of naive behaviour is here.

#![cfg_attr(
    not(feature = "plants"),
    allow(unreachable_pub, reason = "exported by the feature alone")
)]

use rohrpost_records::{ProducerStamp, Sequence};

use crate::engine::Engine;
use crate::identity::Epoch;
use crate::ids::PartitionIndex;
use crate::partition::Partition;
use crate::window::State;

macro_rules! plants {
    (
        $($(#[$doc:meta])* $name:ident $scenario:literal,)*;
        $($(#[$of_transactions:meta])* $transactional:ident $shows:literal,)*
    ) => {
        /// A naive behaviour. The number is that of the scenario in which it shows; 0 for a rule that no scenario stands for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Plant {
            $($(#[$doc])* $name,)*
            $($(#[$of_transactions])* $transactional,)*
        }

        #[cfg(feature = "plants")]
        impl Plant {
            /// All that show without transactions.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Those that show in transactions alone.
            pub const TRANSACTIONAL: &'static [Self] = &[$(Self::$transactional,)*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    $(Self::$transactional => stringify!($transactional),)*
                }
            }

            /// The scenario in which it shows; 0 for none.
            pub const fn scenario(self) -> u8 {
                match self {
                    $(Self::$name => $scenario,)*
                    $(Self::$transactional => $shows,)*
                }
            }
        }
    };
}

plants! {
    /// The sequences of a batch that was given up go to the next one, whether or not it was appended.
    ReuseSequence 1,
    /// A topic that seems to be missing begins at sequence 0 again.
    ResetOnMissingTopic 2,
    /// A new epoch is given to what waits in every partition, in doubt or not.
    RestampOthers 3,
    /// A new epoch begins before the fate of batches in doubt is known, and takes them along.
    RestampDoubtful 4,
    /// A new leader is taken not to have what the old one may have appended.
    MoveClearsDoubt 5,
    /// A partition takes a new epoch up without beginning at sequence 0.
    KeepSequences 6,
    /// A batch of several records is divided when it is sent again.
    SplitRetries 7,
    /// A batch that was given up in doubt counts as appended.
    DoubtIsWritten 8,
    /// A batch that expires before it was sent uses up its sequences.
    SpendUnsentSequences 9,
    /// Sequences run modulo 2^31 - 1.
    SequenceOverflow 10,
    /// Epoch 32767 is followed by epoch 0 of the same producer id.
    EpochOverflow 10,
    /// An expired batch's memory is free while its request is still out.
    RecycleInFlight 11,
    /// A batch that has expired completes once more when its answer comes.
    CompleteTwice 12,
    /// Of the batches that are to be sent again the newest goes first.
    RetryOutOfOrder 13,
    /// A leader epoch that is lower than the last is ignored, in another topic of the same name too.
    IgnoreLowerEpoch 14,
    /// Answers are matched by what the topics' ids are now.
    MatchByCurrentId 15,
    /// While a new producer id is asked for, a new epoch begins under the old one.
    StaleProducerId 16,
    /// A batch whose sequence or producer is refused is sent again unchanged.
    RetryUnknownProducer 22,
    /// Whatever offset a success names is the offset.
    BelieveOffset 23,
    /// What is queued at the end of a close is dropped.
    DropOnClose 24,
    /// Whoever gives up waiting for memory keeps what was granted.
    CancelKeepsMemory 25,
    /// Answers that come while the producer closes are not looked at.
    DeafWhileClosing 26,
    /// A request that gets no answer keeps its connection for an hour.
    KeepDeadSockets 27,
    /// What is in flight does not expire.
    ExpireOnlyUnsent 28,
    /// Nothing is sent while some partition has no leader.
    StallTogether 29,
    /// A batch that failed is sent again at once, however often.
    RetryWithoutPause 29,
    /// A batch that is too large is sent again as it is.
    NeverSplit 30,
    /// The last part of a divided batch is lost.
    SplitLosesTail 30,
    /// Fifty batches may follow the oldest one in doubt.
    WideWindow 31,
    /// A batch in doubt whose sequence is refused gets a new epoch: what the Java client does.
    RenewThoughDoubtful 0,
    /// New batches follow a lost sequence.
    IgnoreLost 0,
    /// New batches overtake one that waits to be sent again.
    OvertakeRetry 0,
    /// A request takes whoever is next in line, and has the acks of the first.
    MixAcks 0,
    ;
    /// A transaction is committed though a record of it was not delivered.
    CommitDespiteFailures 17,
    /// A batch whose sequence is refused within a transaction has a new producer id asked for, and goes on with it.
    RenewInTransaction 18,
    /// Whatever a commit is answered, it counts as committed.
    SwallowEndFailure 19,
    /// The end of a transaction that is not answered counts as done.
    BeginBeforeTheEnd 20,
    /// An epoch goes on though requests of its transactions may still be on their way to the coordinator, or to partitions.
    KeepEpochInDoubt 20,
    /// The end of a transaction does not wait for its batches.
    ProduceWhileEnding 21,
}

/// What is planted into an engine: nothing, outside of the simulator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted {
    #[cfg(feature = "plants")]
    plant: Option<Plant>,
    #[cfg(feature = "plants")]
    first_sequence: i32,
}

#[cfg(feature = "plants")]
impl Planted {
    /// Nothing.
    pub(crate) const NONE: Self = Self { plant: None, first_sequence: 0 };

    /// This plant.
    pub(crate) const fn set(&mut self, plant: Option<Plant>) {
        self.plant = plant;
    }

    /// Where the first epoch of each partition begins.
    pub(crate) const fn begin_at(&mut self, sequence: i32) {
        self.first_sequence = sequence;
    }

    pub(crate) fn is(self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub(crate) const fn first_sequence(self) -> Sequence {
        Sequence(self.first_sequence)
    }
}

#[cfg(not(feature = "plants"))]
#[allow(clippy::unused_self, reason = "the same calls with and without the feature")]
impl Planted {
    pub(crate) const NONE: Self = Self {};

    pub(crate) const fn is(self, _: Plant) -> bool {
        false
    }

    pub(crate) const fn first_sequence(self) -> Sequence {
        Sequence::ZERO
    }
}

impl Partition {
    /// [`Plant::ReuseSequence`].
    pub(crate) fn reuse_sequence(&mut self, at: usize) {
        if let Some(stamp) = self.window.remove(at).and_then(|sent| sent.stamp) {
            self.next_sequence = stamp.base_sequence;
        }
    }
}

impl Engine {
    /// [`Plant::ResetOnMissingTopic`].
    pub(crate) fn reset_topic(&mut self, partitions: &[PartitionIndex]) {
        for index in partitions {
            self.partitions[index.at()].next_sequence = Sequence::ZERO;
        }
    }

    /// [`Plant::RestampOthers`].
    pub(crate) fn restamp_all(&mut self, epoch: Epoch) {
        for partition in &mut self.partitions {
            if partition.epoch.is_none() || partition.window.in_flight() > 0 {
                continue;
            }
            partition.window.begin_epoch();
            partition.epoch = Some(epoch);
            let mut next = Sequence::ZERO;
            for sent in partition.window.iter_mut() {
                if let State::Waiting { .. } = sent.state {
                    sent.stamp = Some(ProducerStamp {
                        producer_id: epoch.producer_id,
                        producer_epoch: epoch.epoch,
                        base_sequence: next,
                    });
                    next = next.add(sent.count as i32);
                }
            }
            partition.next_sequence = next;
        }
    }
}
