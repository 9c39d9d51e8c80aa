//! Lives of the producer under faults, each from its seed.

use rohrpost_sim::live;

#[track_caller]
fn all_is_well(seeds: impl IntoIterator<Item = u64>) {
    let mut broken = Vec::new();
    let (mut delivered, mut retries, mut splits, mut bumps) = (0, 0, 0, 0);
    for seed in seeds {
        let life = live(seed);
        delivered += life.delivered;
        retries += life.stats.retries;
        splits += life.stats.splits;
        bumps += life.stats.epoch_bumps;
        for violation in life.violations.iter().take(3) {
            broken.push(format!("seed {seed}: {violation}"));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    // The faults do bite.
    assert!(delivered > 0 && retries > 0, "{delivered} delivered, {retries} retries");
    assert!(splits > 0 && bumps > 0, "{splits} splits, {bumps} bumps");
}

#[test]
fn whatever_goes_wrong_the_invariants_hold() {
    all_is_well(1000..1080);
}

#[test]
fn and_in_other_lives() {
    all_is_well(2000..2080);
}

#[test]
fn a_life_lived_twice_leaves_the_same_trace() {
    for seed in 3000..3010 {
        let (first, second) = (live(seed), live(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.stats, second.stats, "seed {seed}");
    }
    assert_ne!(live(3000).trace, live(3001).trace);
}
