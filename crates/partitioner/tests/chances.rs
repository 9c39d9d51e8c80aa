//! Where chance decides, it decides as often as it should: chi-square tests at one in a thousand, from fixed seeds, so that they say the same every
//! time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroU32;

use rohrpost_partitioner::{Load, Random, Table, UniformSticky};

/// What Java's `BuiltInPartitioner` chose, see `originals/README.md`.
const JAVA: &str = include_str!("originals/chances.txt");

fn count(count: usize) -> NonZeroU32 {
    NonZeroU32::new(count as u32).unwrap()
}

/// How often each partition is chosen, if each choice is followed by a full batch.
fn choices(table: &Table, seed: u64, choices: usize) -> Vec<f64> {
    let sticky = UniformSticky::new(1, seed);
    let mut chosen = vec![0.0; table.count().get() as usize];
    for _ in 0..choices {
        let partition = sticky.current(table);
        chosen[partition as usize] += 1.0;
        sticky.appended(partition, 1, true, table);
    }
    chosen
}

/// The value of chi-square that chance exceeds once in a thousand (Wilson and Hilferty's approximation).
fn critical(freedom: usize) -> f64 {
    let spread = 2.0 / (9.0 * freedom as f64);
    freedom as f64 * (1.0 - spread + 3.09 * spread.sqrt()).powi(3)
}

/// Whether these numbers may come from these shares.
fn fits(found: &[f64], shares: &[f64]) -> bool {
    let (drawn, total): (f64, f64) = (found.iter().sum(), shares.iter().sum());
    let cells = found.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    let statistic: f64 = cells
        .clone()
        .map(|(found, share)| {
            let expected = drawn * share / total;
            (found - expected).powi(2) / expected
        })
        .sum();
    let impossible = found.iter().zip(shares).any(|(found, share)| *share == 0.0 && *found > 0.0);
    let freedom = cells.count() - 1;
    !impossible && if freedom == 0 { true } else { statistic < critical(freedom) }
}

/// Whether two series may come from the same chances.
fn agree(one: &[f64], other: &[f64]) -> bool {
    let (n, m): (f64, f64) = (one.iter().sum(), other.iter().sum());
    let cells = one.iter().zip(other).filter(|(a, b)| **a + **b > 0.0);
    let statistic: f64 = cells
        .clone()
        .map(|(a, b)| (a * (m / n).sqrt() - b * (n / m).sqrt()).powi(2) / (a + b))
        .sum();
    let never = one.iter().zip(other).any(|(a, b)| (*a == 0.0) != (*b == 0.0));
    let freedom = cells.count() - 1;
    !never && if freedom == 0 { true } else { statistic < critical(freedom) }
}

#[test]
fn the_test_can_tell_right_from_wrong() {
    assert!((critical(1) - 10.83).abs() < 0.4 && (critical(10) - 29.59).abs() < 0.3);
    assert!(fits(&[5_010.0, 4_990.0], &[1.0, 1.0]) && !fits(&[5_300.0, 4_700.0], &[1.0, 1.0]));
    assert!(!fits(&[1.0, 99.0], &[0.0, 1.0]));
    assert!(
        agree(&[5_010.0, 4_990.0], &[501.0, 499.0])
            && !agree(&[5_300.0, 4_700.0], &[4_700.0, 5_300.0])
    );
}

#[test]
fn every_partition_is_chosen_as_often_as_java_chooses_it_by_queue_latency_and_rack() {
    let mut cases = 0;
    for (line, seed) in JAVA.lines().skip(1).zip(0..) {
        let (question, answer) = line.split_once(" = ").unwrap();
        let mut words = question.split(' ');
        let rack = words.next().filter(|rack| *rack != "-");
        let partitions: Vec<(&str, &str)> =
            words.map(|word| word.split_once(':').unwrap()).collect();
        let near = partitions.iter().zip(0..).filter(|((_, of), _)| rack == Some(of));
        let mut table = Table::all(count(partitions.len())).near(near.map(|(_, p)| p));
        if !partitions.iter().any(|(queue, _)| *queue == "none") {
            let loads: Vec<Load> = partitions
                .iter()
                .zip(0..)
                .filter_map(|((queue, _), partition)| {
                    Some(Load { partition, queue: queue.parse().ok()? })
                })
                .collect();
            table = table.weighted(&loads);
        }
        let java: Vec<f64> = answer.split(' ').map(|times| times.parse().unwrap()).collect();
        let ours = choices(&table, seed, 200_000);
        assert!(agree(&ours, &java), "{line}: {ours:?}");
        cases += 1;
    }
    assert!(cases >= 15);
}

#[test]
fn weights_are_those_of_kip_794_however_many_partitions_there_are() {
    for partitions in [2_usize, 3, 12, 100] {
        let queue = |partition: u32| partition * 7 % 11;
        let longest = (0..partitions as u32).map(queue).max().unwrap();
        let loads: Vec<Load> = (0..partitions as u32)
            .map(|partition| Load { partition, queue: queue(partition) })
            .collect();
        let shares: Vec<f64> =
            loads.iter().map(|load| f64::from(longest - load.queue + 1)).collect();
        let table = Table::all(count(partitions)).weighted(&loads);
        let found = choices(&table, 5, 100_000);
        assert!(fits(&found, &shares), "{partitions}: {found:?}");
        // Equal shares would not pass for these.
        assert!(!fits(&found, &vec![1.0; partitions]), "{partitions}");
    }
}

#[test]
fn seeds_begin_with_every_partition_as_often_and_go_on_with_every_other() {
    let table = Table::all(count(12));
    let mut first = vec![0.0; 12];
    let mut distance = vec![0.0; 12];
    for seed in 0..24_000 {
        let sticky = UniformSticky::new(1, seed);
        let one = sticky.current(&table);
        sticky.appended(one, 1, true, &table);
        let two = sticky.current(&table);
        first[one as usize] += 1.0;
        distance[((two + 12 - one) % 12) as usize] += 1.0;
    }
    assert!(fits(&first, &[1.0; 12]), "{first:?}");
    assert!(distance[0] == 0.0, "no partition has two turns in a row of a cycle: {distance:?}");
}

#[test]
fn random_takes_every_partition_as_often_and_those_without_a_leader_seldom() {
    let draw = |table: &Table| {
        let random = Random::new(7);
        let mut drawn = vec![0.0; table.count().get() as usize];
        for _ in 0..120_000 {
            drawn[random.next(table) as usize] += 1.0;
        }
        drawn
    };
    let all = draw(&Table::all(count(12)));
    assert!(fits(&all, &[1.0; 12]), "{all:?}");
    // 1 of 4 has no leader: it is drawn twice in a row once in 16, and so is each other the second time.
    let some = draw(&Table::new(count(4), [0, 1, 3]));
    assert!(fits(&some, &[5.0, 5.0, 1.0, 5.0]), "{some:?}");
    let none = draw(&Table::new(count(4), []));
    assert!(fits(&none, &[1.0; 4]), "{none:?}");
}
