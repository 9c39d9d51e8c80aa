//! Promises of the hot path.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use rohrpost_cluster::Time;
use rohrpost_records::{Codec, Compression, Compressor, RecordBatch};

use crate::{
    AppenderConfig, Budget, FilledBatch, Grant, PartitionAppender, PartitionIndex, Placed, Refused,
    SharedRatio, Slot, Unpooled,
};

const CONFIG: AppenderConfig = AppenderConfig {
    batch_size: 4096,
    max_request_size: 100_000,
    buffer_memory: 1 << 20,
    compression: Compression::NONE,
    reference_from: 1000,
};

fn no_grant() -> Grant {
    Grant::NONE
}

struct Lane {
    appender: PartitionAppender,
    budget: Budget,
    charged: usize,
}

impl Lane {
    fn new(config: AppenderConfig) -> Self {
        let ratio = Arc::new(SharedRatio::new());
        let appender = PartitionAppender::new(PartitionIndex(3), config, ratio);
        Self { appender, budget: Budget::new(config.buffer_memory), charged: 0 }
    }

    fn try_append(&mut self, value: &[u8], grant: &mut Grant) -> Result<Placed, Refused> {
        self.appender.append(
            || Time::from_millis(9),
            1,
            None,
            Some(value).into(),
            [],
            grant,
            &mut Unpooled,
        )
    }

    fn append(&mut self, value: &[u8]) -> Placed {
        let mut grant = Grant::NONE;
        let placed = match self.try_append(value, &mut grant) {
            Err(Refused::NeedRoom { least, wanted }) => {
                assert!(least <= wanted, "{least} {wanted}");
                grant = self.budget.try_reserve(least, wanted).unwrap();
                self.try_append(value, &mut grant).unwrap()
            }
            other => other.unwrap(),
        };
        self.budget.restore(grant);
        self.charged = self.budget.used();
        placed
    }
}

fn values(filled: FilledBatch) -> Vec<Vec<u8>> {
    let (mut sealed, _) = filled.seal(&mut Compressor::new(), &mut Unpooled);
    let bytes = sealed.records.as_mut().unwrap().stamp(None, false).unwrap().to_bytes();
    let (batch, _) = RecordBatch::parse(&bytes).unwrap();
    let records = batch.records(1 << 30).unwrap();
    records.map(|record| record.unwrap().value.unwrap().to_vec()).collect()
}

#[test]
fn a_batch_fills_to_batch_size_and_not_a_byte_more() {
    let mut lane = Lane::new(CONFIG);
    let mut sizes = Vec::new();
    let mut indices = Vec::new();
    for _ in 0..200 {
        let placed = lane.append(&[7; 100]);
        assert_eq!(placed.opened.is_some(), placed.index == 0);
        indices.push((placed.slot, placed.index));
        while let Some(filled) = lane.appender.take_filled() {
            sizes.push(filled.builder.size());
            lane.budget.release(filled.charge);
        }
    }
    assert!(sizes.len() >= 5, "{sizes:?}");
    assert!(sizes.iter().all(|&size| size > 4096 - 110 && size <= 4096), "{sizes:?}");
    let per_batch = indices.iter().filter(|(slot, _)| *slot == Slot(0)).count();
    let expected: Vec<_> =
        (0..200).map(|at| (Slot((at / per_batch) as u64), (at % per_batch) as u32)).collect();
    assert_eq!(indices, expected);
}

#[test]
fn the_short_way_writes_what_the_long_way_writes_and_leaves_the_rest_to_it() {
    let (mut long, mut lane) = (Lane::new(CONFIG), Lane::new(CONFIG));
    let (mut expected, mut found, mut short) = (Vec::new(), Vec::new(), 0);
    for at in 0..2000_usize {
        // One of them as large as a batch.
        let value = vec![at as u8; if at == 999 { 5000 } else { at * 7 % 300 }];
        let _ = long.append(&value);
        match lane.appender.append_to_open(1, None, Some(&value), []) {
            Some(index) => {
                short += 1;
                assert!(index > 0);
            }
            None => {
                let _ = lane.append(&value);
            }
        }
        expected.extend(core::iter::from_fn(|| long.appender.take_filled()).map(values));
        found.extend(core::iter::from_fn(|| lane.appender.take_filled()).map(values));
    }
    assert_eq!(found, expected);
    assert!(short > 1600, "{short}");
    // Nothing that append refuses.
    assert!(lane.appender.append_to_open(-2, None, None, []).is_none());
    let _ = lane.appender.take_any();
    assert!(lane.appender.append_to_open(1, None, None, []).is_none());
}

#[test]
fn growth_is_paid_for_before_it_happens_and_a_refusal_changes_nothing() {
    let mut lane = Lane::new(CONFIG);
    let _ = lane.append(&[1; 200]);
    let charged = lane.charged;
    assert_eq!(charged, 512);
    // 200 + 300 + header and overheads do not fit into 512.
    let refusal = lane.try_append(&[2; 300], &mut no_grant()).unwrap_err();
    assert!(matches!(refusal, Refused::NeedRoom { .. }), "{refusal:?}");
    assert_eq!(lane.appender.open_slot(), Some(Slot(0)));
    let _ = lane.append(&[2; 300]);
    assert_eq!(lane.charged, 1024);
    let filled = lane.appender.take_open(Slot(0)).unwrap();
    assert_eq!(filled.charge, 1024);
    assert_eq!(values(filled), [vec![1; 200], vec![2; 300]]);
    assert_eq!(lane.appender.open_slot(), None);
    assert!(lane.appender.take_open(Slot(0)).is_none());
    assert!(lane.appender.take_open(Slot(1)).is_none());
}

#[test]
fn a_grant_of_least_suffices_whatever_happened_to_the_partition_meanwhile() {
    for meanwhile in 0..4 {
        let mut lane = Lane::new(CONFIG);
        for _ in 0..35 {
            let _ = lane.append(&[0; 100]);
        }
        let Err(Refused::NeedRoom { least, .. }) = lane.try_append(&[1; 900], &mut no_grant())
        else {
            panic!("there is room")
        };
        match meanwhile {
            0 => {}
            1 => drop(lane.appender.take_any()),
            2 => drop(lane.append(&[2; 350])),
            _ => drop(lane.append(&[2; 3000])),
        }
        let mut grant = lane.budget.try_reserve(least, least).unwrap();
        let placed = lane.try_append(&[1; 900], &mut grant);
        assert!(placed.is_ok(), "{meanwhile}: {placed:?}");
    }
}

#[test]
fn a_record_larger_than_a_batch_goes_alone_and_at_once() {
    let mut lane = Lane::new(CONFIG);
    let _ = lane.append(&[1; 10]);
    let placed = lane.append(&[2; 50_000]);
    assert_eq!((placed.slot, placed.index), (Slot(1), 0));
    assert!(placed.opened.is_some());
    let mut filled = || values(lane.appender.take_filled().unwrap());
    assert_eq!((filled(), filled()), (vec![vec![1; 10]], vec![vec![2; 50_000]]));
    assert!(lane.appender.take_filled().is_none());
    let placed = lane.append(&[3; 10]);
    assert_eq!((placed.slot, placed.index), (Slot(2), 0));
    // The large one does not make the next buffers large.
    let filled = lane.appender.take_any().unwrap();
    assert!(filled.charge <= 4096, "{}", filled.charge);
}

#[test]
fn the_limit_of_a_record_is_its_exact_upper_bound() {
    let bound = rohrpost_records::batch_size_upper_bound(None, Some(1000), []);
    for (limit, fits) in [(bound, true), (bound - 1, false)] {
        let mut lane = Lane::new(AppenderConfig { max_request_size: limit, ..CONFIG });
        let mut grant = lane.budget.try_reserve(5000, 5000).unwrap();
        let result = lane.try_append(&[0; 1000], &mut grant);
        if fits {
            assert!(result.is_ok(), "{result:?}");
        } else {
            let refusal = Refused::TooLarge { size: bound, limit, is_memory: false };
            assert_eq!(result.unwrap_err(), refusal);
        }
        let mut lane = Lane::new(AppenderConfig { buffer_memory: limit, ..CONFIG });
        let result = lane.try_append(&[0; 1000], &mut no_grant());
        let is_memory = matches!(result, Err(Refused::TooLarge { is_memory: true, .. }));
        assert_eq!(is_memory, !fits, "{result:?}");
    }
}

#[test]
fn without_batching_every_record_is_a_batch() {
    let mut lane = Lane::new(AppenderConfig { batch_size: 0, ..CONFIG });
    for slot in 0..3 {
        let placed = lane.append(b"x");
        assert_eq!((placed.slot, placed.index), (Slot(slot), 0));
        assert!(placed.filled);
        assert_eq!(values(lane.appender.take_filled().unwrap()), [b"x".to_vec()]);
    }
}

#[test]
fn a_bad_timestamp_is_refused_before_anything_is_paid() {
    let mut lane = Lane::new(CONFIG);
    let mut grant = lane.budget.try_reserve(5000, 5000).unwrap();
    let result = lane.appender.append(
        || Time::ZERO,
        -2,
        None,
        Some(&[1][..]).into(),
        [],
        &mut grant,
        &mut Unpooled,
    );
    assert_eq!(result.unwrap_err(), Refused::NegativeTimestamp { timestamp: -2 });
    assert_eq!(grant.bytes(), 5000);
    assert_eq!(lane.appender.open_slot(), None);
}

#[test]
fn batches_of_a_topic_that_compresses_well_come_to_hold_more_and_the_sealed_charge_is_smaller() {
    let compression = Compression::new(Codec::Lz4).unwrap();
    let mut lane = Lane::new(AppenderConfig { compression, ..CONFIG });
    let mut counts = Vec::new();
    let mut compressor = Compressor::new();
    for _ in 0..100_000 {
        let _ = lane.append(&[b'a'; 100]);
        while let Some(filled) = lane.appender.take_filled() {
            counts.push(filled.record_count());
            let charge = filled.charge;
            let (sealed, freed) = filled.seal(&mut compressor, &mut Unpooled);
            assert_eq!(sealed.charge + freed, charge);
            assert!(sealed.charge <= sealed.size().max(512), "{sealed:?}");
            assert!(sealed.size() <= 4096);
            lane.budget.release(charge);
        }
    }
    assert!(counts[0] < 45, "{counts:?}");
    assert!(*counts.last().unwrap() > 100, "{counts:?}");
}

#[test]
fn a_record_that_may_go_elsewhere_ends_a_batch_only_if_it_does_not_fit_into_it() {
    let mut lane = Lane::new(CONFIG);
    let end = |lane: &mut Lane, value: &[u8], timestamp: i64| {
        lane.appender.end_unless_fits(timestamp, None, Some(value), [])
    };
    assert!(!end(&mut lane, &[7; 5_000], 1), "nothing is open");
    let _ = lane.append(&[7; 3_000]);
    assert!(!end(&mut lane, &[7; 900], 1), "it fits");
    assert!(!end(&mut lane, &[7; 2_000], -2), "it fits nowhere");
    assert!(!end(&mut lane, &vec![7; 1 << 20], 1), "nor does this");
    assert!(!end(&mut lane, &[7; 2_000], 1), "it takes half a batch wherever it goes");
    assert_eq!(lane.appender.open_slot(), Some(Slot(0)));
    assert!(end(&mut lane, &[7; 1_500], 1));
    assert_eq!(values(lane.appender.take_filled().unwrap()), [vec![7; 3_000]]);
    assert!(lane.appender.open_slot().is_none() && lane.appender.take_filled().is_none());
}
