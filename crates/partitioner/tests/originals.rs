//! Keys go where the other clients put them: 12,000 keys, of which some are empty and some are none, in topics of 1 to 2,147,483,647 partitions,
//! beside what Kafka's Java client, librdkafka and Sarama say themselves (`originals/README.md`).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroU32;

use rohrpost_partitioner::{Choice, Hashed, KeyHash, RoundRobin, Table, murmur2};

#[path = "originals/keys.rs"]
mod keys;
use keys::{Question, digest, grown, has_leader, questions};

const JAVA: &str = include_str!("originals/java.txt");
const LIBRDKAFKA: &str = include_str!("originals/librdkafka.txt");
const SARAMA: &str = include_str!("originals/sarama.txt");

/// Compares one partitioner's answers to all questions.
fn assert_equal(file: &str, partitioner: &str, ours: impl Fn(usize, &Question) -> String) {
    let mut lines = file.lines().skip(1);
    let mut words = || lines.next().unwrap().split(' ');
    let column = words().position(|name| name == partitioner).unwrap();
    let expected = words().nth(column).unwrap();
    let answers: Vec<String> =
        questions().enumerate().map(|(number, question)| ours(number, &question)).collect();
    let mut compared = 0;
    for (number, line) in lines.enumerate() {
        let theirs = line.split(' ').nth(column).unwrap();
        assert_eq!(answers[number], theirs, "{partitioner}, key {number}");
        compared += 1;
    }
    assert!(compared >= 100 && answers.len() >= 10_000);
    let found = format!("{:016x}", digest(answers.iter().map(String::as_str)));
    assert_eq!(found, expected, "{partitioner}, beyond the first {compared}");
}

fn chosen(hashed: Hashed, key: Option<&[u8]>, count: u32) -> String {
    // Nobody has a leader: that is none of a key's business.
    let table = Table::new(NonZeroU32::new(count).unwrap(), []);
    match hashed.of_key(key, &table) {
        Choice::Partition(partition) => partition.to_string(),
        Choice::Sticky => "-".to_owned(),
    }
}

fn assert_all_equal(file: &str, partitioners: &[(&str, Hashed)]) {
    for (name, hashed) in partitioners {
        assert_equal(file, name, |_, question| {
            chosen(*hashed, question.key.as_deref(), question.count)
        });
    }
}

#[test]
fn murmur2_is_javas() {
    assert_equal(JAVA, "murmur2", |_, Question { key, .. }| {
        key.as_ref().map_or_else(|| "-".to_owned(), |key| (murmur2(key) as i32).to_string())
    });
    assert_equal(JAVA, "partitionForKey", |_, Question { key, count }| {
        let partition = |key: &Vec<u8>| {
            KeyHash::Murmur2.partition(key, NonZeroU32::new(*count).unwrap()).to_string()
        };
        key.as_ref().map_or_else(|| "-".to_owned(), partition)
    });
}

#[test]
fn keys_go_where_javas_producer_puts_them_and_the_others_are_left_to_the_sticky_partitioner() {
    assert_equal(JAVA, "KafkaProducer", |_, Question { key, count }| {
        chosen(Hashed::JAVA, key.as_deref(), (count - 1) % 64 + 1)
    });
    // Every key is left to it where keys are ignored.
    assert_equal(JAVA, "partitioner.ignore.keys", |_, _| "-".to_owned());
}

#[test]
fn round_robin_is_javas_in_a_topic_that_grows_and_whose_leaders_come_and_go() {
    let robin = RoundRobin::new();
    assert_equal(JAVA, "RoundRobinPartitioner", |number, _| {
        let count = NonZeroU32::new(grown(number)).unwrap();
        let led = (0..count.get()).filter(|&partition| has_leader(partition, number));
        robin.next(&Table::new(count, led)).to_string()
    });
}

#[test]
fn keys_go_where_librdkafka_puts_them() {
    assert_all_equal(
        LIBRDKAFKA,
        &[
            ("consistent", Hashed::CONSISTENT),
            ("consistent_random", Hashed::CONSISTENT_RANDOM),
            ("murmur2", Hashed::MURMUR2),
            ("murmur2_random", Hashed::JAVA),
            ("fnv1a", Hashed::FNV1A),
            ("fnv1a_random", Hashed::FNV1A_RANDOM),
        ],
    );
}

#[test]
fn keys_go_where_sarama_puts_them() {
    assert_all_equal(
        SARAMA,
        &[
            ("NewHashPartitioner", Hashed::FNV1A_RANDOM),
            ("NewReferenceHashPartitioner", Hashed::SARAMA_REFERENCE),
            ("NewConsistentCRCHashPartitioner", Hashed::SARAMA_CRC32),
            ("NewMurmur2Partitioner", Hashed::JAVA),
        ],
    );
}
