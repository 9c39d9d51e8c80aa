//! Lives of the producer under faults, each from its seed.

use rohrpost_sim::{Options, Report, Totals, live};

fn life(seed: u64) -> Report {
    live(&Options { seed, ..Options::default() })
}

#[test]
fn whatever_goes_wrong_the_invariants_hold() {
    let mut broken = Vec::new();
    let mut totals = Totals::default();
    for seed in 1_000_000..1_000_060 {
        let life = life(seed);
        totals.add(&life);
        broken.extend(life.violations.iter().take(3).map(|what| format!("seed {seed}: {what}")));
    }
    assert!(broken.is_empty(), "{broken:#?}");
    // The faults do bite.
    assert!(totals.meagre <= totals.lives / 10, "{totals:?}");
}

fn life_of_transactions(seed: u64) -> Report {
    live(&Options { seed, transactional: true, ..Options::default() })
}

#[test]
fn whatever_goes_wrong_transactions_are_all_or_nothing_and_exactly_once() {
    let mut broken = Vec::new();
    let mut counts = [0; 3];
    for seed in 1_000_000..1_000_100 {
        let life = life_of_transactions(seed);
        for (total, of) in counts.iter_mut().zip(life.transactions.unwrap_or_default()) {
            *total += of;
        }
        broken.extend(life.violations.iter().take(3).map(|what| format!("seed {seed}: {what}")));
    }
    assert!(broken.is_empty(), "{broken:#?}");
    // Transactions are committed, aborted, and given up with their outcome unknown.
    assert!(counts[0] > 500 && counts[1] > 250 && counts[2] > 5, "{counts:?}");
}

#[test]
fn a_life_of_transactions_lived_twice_leaves_the_same_trace() {
    for seed in 1_000_100..1_000_110 {
        let (first, second) = (life_of_transactions(seed), life_of_transactions(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.transactions, second.transactions, "seed {seed}");
    }
}

#[test]
fn a_life_lived_twice_leaves_the_same_trace() {
    for seed in 1_000_100..1_000_110 {
        let (first, second) = (life(seed), life(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.stats, second.stats, "seed {seed}");
    }
    assert_ne!(life(1_000_100).trace, life(1_000_101).trace);
}

/// What the simulator found once.
#[test]
fn what_was_broken_once_stays_mended() {
    for (seed, what) in [
        (
            277_997_259_791_058,
            "an epoch began before the doubts that an answer could settle were settled",
        ),
        (
            9_006_277,
            "a late frame that names its topic came into the topic's new log, and its batch was sent again under a new epoch",
        ),
        (
            103_032_258_429_423,
            "a refusal counted as a doubt, since a later batch was taken: by another log of that name",
        ),
        (57, "a batch stood twice in one request after its leader had gone away and come back"),
        (52, "the same, with idempotence"),
        (74, "batches went out without an identity while a new producer id was asked for"),
        (1929, "a batch in doubt overtook others in a topic that was created anew"),
        (2640, "the same, with several in doubt"),
    ] {
        assert_eq!(life(seed).violations, [""; 0], "seed {seed}: {what}");
    }
}
