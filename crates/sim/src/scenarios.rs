//! The known ways in which producers lose, double, reorder or hang, one by one: each a script that an honest engine survives, and that
//! shows the naive behaviour at once.

use std::time::Duration;

use rohrpost_codec::{ApiKey, ErrorCode};
use rohrpost_engine::{Acks, Plant, TopicOverrides};
use rohrpost_testkit::{Fault, TopicSpec};

use crate::life::{Life, Options};
use crate::plan::{Deed, Plan, TopicPlan};
use crate::report::Report;
use crate::trouble::Trouble;

/// A known way to go wrong.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its number; 0 for a rule that no scenario stands for.
    pub number: u8,
    /// What happens.
    pub name: &'static str,
    /// The naive behaviours that it shows.
    pub plants: &'static [Plant],
    script: fn(&mut Script),
}

/// A script that is being written: three brokers, a topic of three partitions, led by broker 1, 2 and 3.
struct Script {
    plan: Plan,
    deeds: Vec<(u64, Deed)>,
}

impl Scenario {
    /// Lives it, with a plant or without.
    #[must_use]
    pub fn live(&self, plant: Option<Plant>) -> Report {
        let mut script =
            Script { plan: Plan::calm(u64::from(self.number), 3, true), deeds: Vec::new() };
        // So that what is sent at about the same time is in flight together.
        script.at(0, Trouble::Slow { by: ms(10), lasts: ms(100_000) });
        for partition in 0..3 {
            script.send(100, partition, 1);
        }
        (self.script)(&mut script);
        let Script { mut plan, deeds } = script;
        plan.script = Some(deeds);
        Life::new(plan, &Options { plant, keep: 60, ..Options::default() }).live_on()
    }
}

impl Script {
    fn send(&mut self, at: u64, partition: i32, count: usize) {
        self.deeds.push((at, Deed::Send { topic: 0, partition, count }));
    }

    /// Another topic of three partitions, with acks of its own.
    fn other_topic(&mut self, acks: Acks) {
        let (topic, name) = (self.plan.topics.len(), format!("topic-{}", self.plan.topics.len()));
        let spec = TopicSpec::new(name.clone()).partitions(3).replication_factor(3);
        self.plan.topics.push(TopicPlan { name, partitions: 3, spec });
        let mut overrides = TopicOverrides::default();
        overrides.acks = Some(acks);
        self.plan.override_topic(topic, overrides);
    }

    fn at(&mut self, at: u64, trouble: Trouble) {
        self.deeds.push((at, Deed::Trouble(trouble)));
    }

    fn inject(&mut self, at: u64, partition: i32, faults: impl IntoIterator<Item = Fault>) {
        let here = |fault: Fault| fault.on(ApiKey::Produce).topic("topic-0").partition(partition);
        let faults = faults.into_iter().map(here).collect();
        self.at(at, Trouble::Inject { what: "scripted", faults });
    }

    /// Partition 0 has a batch in doubt at 500 ms, which waits for 600 ms before it is sent again.
    fn doubt(&mut self) {
        self.plan.engine.cluster.retry_backoff = ms(600);
        self.plan.engine.cluster.retry_backoff_max = ms(600);
        self.inject(490, 0, [Fault::error_after(ErrorCode::REQUEST_TIMED_OUT)]);
        self.send(500, 0, 1);
    }

    /// Partition 0 has a batch that expires in doubt at 1,500 ms, and another record at 3 s.
    fn expire_in_doubt(&mut self) {
        self.plan.engine.delivery_timeout = ms(1000);
        self.inject(490, 0, [Fault::error_after(ErrorCode::REQUEST_TIMED_OUT).times(40)]);
        self.send(500, 0, 1);
        self.send(3000, 0, 1);
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        number: 1,
        name: "an appended batch is given up, and its sequence is not the next one's",
        plants: &[Plant::ReuseSequence],
        script: Script::expire_in_doubt,
    },
    Scenario {
        number: 2,
        name: "a starting broker knows no topics, and the sequences go on",
        plants: &[Plant::ResetOnMissingTopic],
        script: |script| {
            script.plan.engine.cluster.metadata_max_age = ms(200);
            script.send(500, 0, 1);
            for broker in 1..=3 {
                script.at(1000, Trouble::Blank { broker, lasts: ms(900) });
            }
            script.send(2500, 0, 1);
        },
    },
    Scenario {
        number: 3,
        name: "a batch is in doubt, and another partition's new epoch leaves it alone",
        plants: &[Plant::RestampOthers],
        script: |script| {
            script.doubt();
            script.inject(540, 1, [Fault::error(OUT_OF_ORDER)]);
            script.send(550, 1, 1);
        },
    },
    Scenario {
        number: 4,
        name: "a batch is in doubt, a later one is refused for good, and the first keeps its identity",
        plants: &[Plant::RestampDoubtful],
        script: |script| {
            script.doubt();
            script.inject(490, 0, [Fault::error(ErrorCode::INVALID_RECORD).skip(1)]);
            script.send(503, 0, 1);
        },
    },
    Scenario {
        number: 5,
        name: "a batch is in doubt, the leader moves, its sequence is refused, and it gets no second identity",
        plants: &[Plant::MoveClearsDoubt],
        script: |script| {
            script.doubt();
            script.inject(490, 0, [Fault::error(OUT_OF_ORDER).skip(1)]);
            script.at(510, Trouble::Move { topic: 0, partition: 0, to: 2 });
        },
    },
    Scenario {
        number: 6,
        name: "a partition takes up a new epoch, and begins at sequence 0",
        plants: &[Plant::KeepSequences],
        script: |script| {
            script.inject(490, 1, [Fault::error(OUT_OF_ORDER)]);
            script.send(500, 1, 1);
            script.send(1500, 0, 1);
        },
    },
    Scenario {
        number: 7,
        name: "a batch of several is sent again as it was",
        plants: &[Plant::SplitRetries],
        script: |script| {
            script.plan.engine.linger = ms(5);
            script.inject(490, 0, [Fault::error_after(ErrorCode::REQUEST_TIMED_OUT)]);
            script.send(500, 0, 4);
        },
    },
    Scenario {
        number: 8,
        name: "a batch is given up in doubt, and nothing follows its sequence",
        plants: &[Plant::DoubtIsWritten, Plant::IgnoreLost],
        script: Script::expire_in_doubt,
    },
    Scenario {
        number: 9,
        name: "a record that was never sent takes no sequence with it",
        plants: &[Plant::SpendUnsentSequences],
        script: |script| {
            script.plan.engine.delivery_timeout = ms(1000);
            script.plan.engine.batch_size = 0;
            script.plan.engine.cluster.metadata_max_age = ms(100);
            script.at(400, Trouble::Election { topic: 0, partition: 0, lasts: ms(2500) });
            script.send(700, 0, 2);
            script.send(3500, 0, 1);
        },
    },
    Scenario {
        number: 10,
        name: "the sequences come to their end, and to 0",
        plants: &[Plant::SequenceOverflow],
        script: |script| {
            script.plan.first_sequence = i32::MAX - 1;
            (0..5).for_each(|nth| script.send(500 + nth * 100, 0, 1));
        },
    },
    Scenario {
        number: 10,
        name: "the epochs come to their end, and to a new producer id",
        plants: &[Plant::EpochOverflow],
        script: end_of_epochs,
    },
    Scenario {
        number: 11,
        name: "an expired batch holds its memory while its request is out",
        plants: &[Plant::RecycleInFlight],
        script: |script| {
            script.plan.engine.delivery_timeout = ms(1000);
            script.inject(490, 0, [Fault::delay(ms(1800))]);
            script.send(500, 0, 1);
        },
    },
    Scenario {
        number: 12,
        name: "an expired batch succeeds, and its user hears of it once",
        plants: &[Plant::CompleteTwice],
        script: |script| {
            script.plan.engine.delivery_timeout = ms(1000);
            script.inject(490, 0, [Fault::delay(ms(1800))]);
            script.send(500, 0, 1);
            script.send(4000, 0, 1);
        },
    },
    Scenario {
        number: 13,
        name: "a connection breaks under several batches, and they go again in their order",
        plants: &[Plant::RetryOutOfOrder],
        script: |script| {
            (0..4).for_each(|nth| script.send(500 + nth * 2, 0, 1));
            script.at(509, Trouble::Cut { broker: 1, delivers: true });
        },
    },
    Scenario {
        number: 13,
        name: "a batch waits to be sent again, and nothing new overtakes it",
        plants: &[Plant::OvertakeRetry],
        script: |script| {
            script.doubt();
            script.send(700, 0, 1);
        },
    },
    Scenario {
        number: 14,
        name: "a topic is created anew with lower leader epochs, and its leaders are followed",
        plants: &[Plant::IgnoreLowerEpoch],
        script: |script| {
            script.plan.engine.cluster.metadata_max_age = ms(100);
            for (at, to) in [(300, 2), (400, 3), (500, 1), (600, 2), (700, 1)] {
                script.at(at, Trouble::Move { topic: 0, partition: 0, to });
            }
            script.send(900, 0, 1);
            script.at(1500, Trouble::Recreate { topic: 0, lasts: ms(100) });
            script.send(2000, 0, 1);
        },
    },
    Scenario {
        number: 15,
        name: "a topic's id changes under a request, and its answer is understood",
        plants: &[Plant::MatchByCurrentId],
        script: |script| {
            script.plan.engine.cluster.metadata_max_age = ms(200);
            script.at(490, Trouble::Pause { broker: 1, lasts: ms(1200) });
            script.send(500, 0, 1);
            script.at(600, Trouble::Recreate { topic: 0, lasts: ms(100) });
        },
    },
    Scenario {
        number: 16,
        name: "a producer id is replaced, and nothing more begins under the old one",
        plants: &[Plant::StaleProducerId],
        script: end_of_epochs,
    },
    Scenario {
        number: 22,
        name: "a broker has forgotten the producer, and a new epoch goes on",
        plants: &[Plant::RetryUnknownProducer],
        script: |script| {
            script.at(480, Trouble::Forget { topic: 0, partition: 0 });
            script.inject(490, 0, [Fault::error(ErrorCode::UNKNOWN_PRODUCER_ID)]);
            script.send(500, 0, 1);
        },
    },
    Scenario {
        number: 23,
        name: "a success names no offset, and none is told",
        plants: &[Plant::BelieveOffset],
        script: |script| {
            script.inject(490, 0, [Fault::error_after(ErrorCode::NONE)]);
            script.send(500, 0, 1);
        },
    },
    Scenario {
        number: 24,
        name: "a close comes to its deadline with records queued, and every one of them hears of it",
        plants: &[Plant::DropOnClose],
        script: |script| {
            script.plan.engine.batch_size = 0;
            script.at(490, Trouble::Election { topic: 0, partition: 0, lasts: ms(3000) });
            (0..6).for_each(|nth| script.send(800 + nth * 10, 0, 1));
            script.deeds.push((1000, Deed::Close { within_ms: 300 }));
        },
    },
    Scenario {
        number: 25,
        name: "senders give up waiting for memory, and the memory comes back",
        plants: &[Plant::CancelKeepsMemory],
        script: |script| {
            script.plan.engine.buffer_memory = 6000;
            script.plan.engine.batch_size = 200;
            script.plan.largest_value = 1200;
            for partition in 0..3 {
                script.at(490, Trouble::Election { topic: 0, partition, lasts: ms(3000) });
            }
            for nth in 0..8 {
                script.at(800 + nth * 100, Trouble::Flood { records: 40 });
                script.at(850 + nth * 100, Trouble::GiveUp { all: true });
            }
        },
    },
    Scenario {
        number: 26,
        name: "an answer comes while the producer closes, and the close ends",
        plants: &[Plant::DeafWhileClosing],
        script: |script| {
            script.inject(490, 0, [Fault::delay(ms(300))]);
            script.send(500, 0, 1);
            script.deeds.push((550, Deed::Close { within_ms: 60_000 }));
        },
    },
    Scenario {
        number: 27,
        name: "all brokers move and leave dead connections behind, and are found again",
        plants: &[Plant::KeepDeadSockets],
        script: |script| {
            script.at(480, Trouble::RehouseAll { silent: true, resolver: ms(500) });
            (0..3).for_each(|partition| script.send(500, partition, 1));
        },
    },
    Scenario {
        number: 28,
        name: "a broker freezes, and the delivery timeout holds",
        plants: &[Plant::ExpireOnlyUnsent],
        script: |script| {
            script.plan.engine.delivery_timeout = ms(1000);
            script.at(490, Trouble::Pause { broker: 1, lasts: ms(3500) });
            script.send(500, 0, 1);
        },
    },
    Scenario {
        number: 29,
        name: "an election takes 30 s, and the other partitions go on",
        plants: &[Plant::StallTogether],
        script: |script| {
            script.plan.trouble = ms(35_000);
            script.at(480, Trouble::Election { topic: 0, partition: 0, lasts: ms(30_000) });
            for second in 1..30 {
                (0..3).for_each(|partition| script.send(second * 1000, partition, 1));
            }
        },
    },
    Scenario {
        number: 29,
        name: "a partition is refused for long, and is asked with pauses",
        plants: &[Plant::RetryWithoutPause],
        script: |script| {
            script.inject(490, 0, [Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).always()]);
            script.send(500, 0, 1);
        },
    },
    Scenario {
        number: 30,
        name: "a batch is too large, and its records go in smaller ones",
        plants: &[Plant::NeverSplit, Plant::SplitLosesTail],
        script: |script| {
            let spec = TopicSpec::new("topic-0").partitions(3).replication_factor(3);
            script.plan.topics[0].spec = spec.max_message_bytes(400);
            script.plan.engine.linger = ms(5);
            script.send(500, 0, 41);
        },
    },
    Scenario {
        number: 31,
        name: "the answers to a batch are lost twice, and it stays within the brokers' window",
        plants: &[Plant::WideWindow],
        script: |script| {
            script.plan.engine.cluster.max_in_flight = 20;
            script.inject(490, 0, [Fault::error_after(ErrorCode::REQUEST_TIMED_OUT).times(2)]);
            (0..15).for_each(|nth| script.send(500 + nth, 0, 1));
        },
    },
    Scenario {
        number: 0,
        name: "a batch in doubt has its sequence refused, and gets no second identity",
        plants: &[Plant::RenewThoughDoubtful],
        script: |script| {
            script.doubt();
            script.inject(490, 0, [Fault::error(OUT_OF_ORDER).skip(1)]);
        },
    },
    Scenario {
        number: 0,
        name: "topics of all three acks are sent to at once, and each goes with its own",
        plants: &[Plant::MixAcks],
        script: |script| {
            script.other_topic(Acks::Leader);
            script.other_topic(Acks::None);
            script.plan.engine.linger = ms(5);
            for at in [100, 500, 600] {
                for (topic, partition) in (0..9).map(|nth| (nth / 3, (nth % 3) as i32)) {
                    script.deeds.push((at, Deed::Send { topic, partition, count: 2 }));
                }
            }
        },
    },
];

fn end_of_epochs(script: &mut Script) {
    script.plan.first_epoch = i16::MAX;
    script.send(500, 0, 1);
    script.inject(590, 0, [Fault::error(OUT_OF_ORDER)]);
    script.send(600, 0, 1);
    script.send(650, 0, 1);
}
