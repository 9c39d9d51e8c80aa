//! Values that batches refer to.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use rohrpost_cluster::Time;
use rohrpost_codec::{Bytes, ErrorCode};
use rohrpost_records::{BatchBytes, Codec, Compression, Compressor, RecordBatch};

use super::broker::Fate;
use super::world::{World, config};
use crate::{
    AppenderConfig, Budget, EngineConfig, FilledBatch, Grant, PartitionAppender, PartitionIndex,
    Placed, Refused, SharedRatio, Unpooled, Value,
};

const CONFIG: AppenderConfig = AppenderConfig {
    batch_size: 4096,
    max_request_size: 100_000,
    buffer_memory: 1 << 20,
    compression: Compression::NONE,
    reference_from: 1000,
};

struct Lane {
    appender: PartitionAppender,
    budget: Budget,
}

impl Lane {
    fn new(config: AppenderConfig) -> Self {
        let ratio = Arc::new(SharedRatio::new());
        let appender = PartitionAppender::new(PartitionIndex(3), config, ratio);
        Self { appender, budget: Budget::new(config.buffer_memory) }
    }

    fn try_append(&mut self, value: Value<'_>, grant: &mut Grant) -> Result<Placed, Refused> {
        self.appender.append(|| Time::ZERO, 1, Some(b"key"), value, [], grant, &mut Unpooled)
    }

    /// With no more than what is asked for at least, if `is_poor`.
    fn append(&mut self, value: Value<'_>, is_poor: bool) -> Placed {
        let mut grant = Grant::NONE;
        let placed = match self.try_append(value, &mut grant) {
            Err(Refused::NeedRoom { least, wanted }) => {
                assert!(least <= wanted, "{least} {wanted}");
                let wanted = if is_poor { least } else { wanted };
                grant = self.budget.try_reserve(least, wanted).unwrap();
                self.try_append(value, &mut grant).unwrap()
            }
            other => other.unwrap(),
        };
        self.budget.restore(grant);
        placed
    }

    fn shared(&mut self, value: &Bytes) -> Placed {
        self.append(Value::Shared(value), false)
    }
}

fn stamped(filled: FilledBatch) -> (BatchBytes, usize) {
    let charge = filled.charge();
    let (mut sealed, freed) = filled.seal(&mut Compressor::new(), &mut Unpooled);
    assert_eq!(sealed.charge() + freed, charge);
    (sealed.records.as_mut().unwrap().stamp(None, false).unwrap(), charge)
}

fn values(batch: &BatchBytes) -> Vec<Vec<u8>> {
    let bytes = batch.to_bytes();
    let records = RecordBatch::parse(&bytes).unwrap().0.records(1 << 30).unwrap();
    records.map(|record| record.unwrap().value.unwrap().to_vec()).collect()
}

fn refers_to(batch: &BatchBytes, value: &Bytes) -> bool {
    batch.segments().any(|part| (part.as_ptr(), part.len()) == (value.as_ptr(), value.len()))
}

#[test]
fn batches_end_where_they_would_with_copies_and_memory_counts_what_they_refer_to() {
    for is_poor in [false, true] {
        let (mut copying, mut referring) = (Lane::new(CONFIG), Lane::new(CONFIG));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for at in 0..3000_usize {
            // Mostly small, some larger than a batch.
            let len = if at % 5 == 0 { 900 + at * 37 % 2000 } else { at * 7 % 90 };
            let len = if at % 333 == 332 { 5000 } else { len };
            let value = Bytes::from(vec![at as u8; len]);
            let copied = copying.append(Value::Copied(Some(&value)), is_poor);
            let referred = referring.append(Value::Shared(&value), is_poor);
            assert_eq!((copied.slot, copied.index), (referred.slot, referred.index));
            assert_eq!((copied.opened, copied.filled), (referred.opened, referred.filled));
            for (lane, batches) in [(&mut copying, &mut expected), (&mut referring, &mut found)] {
                while let Some(filled) = lane.appender.take_filled() {
                    let (batch, charge) = stamped(filled);
                    assert!(charge >= batch.len(), "{charge} for {}", batch.len());
                    lane.budget.release(charge);
                    batches.push(batch);
                }
                let open = lane.appender.open_bytes();
                assert!(lane.budget.used() >= open, "{} for {open}", lane.budget.used());
            }
        }
        assert_eq!(found, expected);
        assert!(found.iter().filter(|batch| batch.segments().count() > 1).count() > 100);
        for mut lane in [copying, referring] {
            let open = lane.appender.take_any().map_or(0, |filled| filled.charge());
            lane.budget.release(open);
            assert_eq!(lane.budget.used(), 0);
        }
    }
}

#[test]
fn a_value_that_is_referred_to_takes_no_buffer_and_what_it_takes_of_the_memory_is_its_length() {
    let mut lane = Lane::new(CONFIG);
    let value = Bytes::from(vec![7; 50_000]);
    let placed = lane.shared(&value);
    assert!(placed.filled);
    assert!((50_000..51_000).contains(&lane.budget.used()), "{}", lane.budget.used());
    let filled = lane.appender.take_filled().unwrap();
    assert!(filled.builder.capacity() < 1000, "{}", filled.builder.capacity());
    let (batch, charge) = stamped(filled);
    assert_eq!(charge, lane.budget.used());
    assert!(refers_to(&batch, &value));
}

#[test]
fn small_values_and_those_for_a_codec_are_copied() {
    let lz4 = Compression::new(Codec::Lz4).unwrap();
    for (config, len) in [(CONFIG, 999), (AppenderConfig { compression: lz4, ..CONFIG }, 50_000)] {
        let mut lane = Lane::new(config);
        let value = Bytes::from(vec![7; len]);
        let _ = lane.shared(&value);
        assert!(value.is_unique());
        let filled = lane.appender.take_filled().or_else(|| lane.appender.take_any()).unwrap();
        assert_eq!(values(&stamped(filled).0), [value]);
    }
}

/// What it copies, and what it leaves to the long way, which looks whether the value is shared.
#[test]
fn the_short_way_takes_no_large_value() {
    let mut lane = Lane::new(CONFIG);
    let mut short = |len: usize| {
        let _ = lane.append(Value::Copied(Some(&vec![1; 1500])), false);
        let _ = lane.append(Value::Copied(Some(b"small")), false);
        let index = lane.appender.append_to_open(1, None, Some(&vec![2; len]), []);
        let _ = lane.appender.take_any();
        index.is_some()
    };
    assert!(short(100));
    assert!(!short(1000));
}

#[test]
fn a_grant_of_least_suffices_for_a_value_to_refer_to_whatever_happened_meanwhile() {
    for meanwhile in 0..5 {
        let mut lane = Lane::new(CONFIG);
        let (value, other) = (Bytes::from(vec![1; 1900]), Bytes::from(vec![2; 1200]));
        let small = Value::Copied(Some(&[0; 100]));
        for _ in 0..4 {
            let _ = lane.append(small, true);
        }
        let refusal = lane.try_append(Value::Shared(&value), &mut Grant::default()).unwrap_err();
        let Refused::NeedRoom { least, .. } = refusal else { panic!("{refusal:?}") };
        match meanwhile {
            0 => {}
            1 => drop(lane.appender.take_any()),
            2 => drop(lane.shared(&other)),
            3 => {
                for _ in 0..20 {
                    let _ = lane.append(small, true);
                }
            }
            _ => drop(lane.append(Value::Copied(Some(&[2; 3000])), true)),
        }
        let used = lane.budget.used();
        let mut grant = lane.budget.try_reserve(least, least).unwrap();
        let placed = lane.try_append(Value::Shared(&value), &mut grant);
        assert!(placed.is_ok(), "{meanwhile}: {placed:?}");
        lane.budget.restore(grant);
        assert!(lane.budget.used() >= used + value.len(), "it is not paid for");
    }
}

#[test]
fn a_refusal_holds_on_to_nothing() {
    let mut lane = Lane::new(CONFIG);
    let _ = lane.append(Value::Copied(Some(b"open")), false);
    let value = Bytes::from(vec![1; 2000]);
    assert!(lane.try_append(Value::Shared(&value), &mut Grant::default()).is_err());
    assert!(value.is_unique());
    let too_large = Bytes::from(vec![1; 100_000]);
    let refusal = lane.try_append(Value::Shared(&too_large), &mut Grant::default());
    assert!(matches!(refusal, Err(Refused::TooLarge { .. })), "{refusal:?}");
    assert!(too_large.is_unique());
}

fn large_batches() -> EngineConfig {
    let mut config = config();
    config.batch_size = 256 * 1024;
    config
}

fn large_values() -> Vec<Bytes> {
    (1..=6).map(|at| Bytes::from(vec![at; 20_000 + usize::from(at)])).collect()
}

/// Places and lengths of the segments of all Produce requests since the last call.
fn segments(world: &mut World) -> Vec<(usize, usize)> {
    core::mem::take(&mut world.segments)
}

#[test]
fn every_attempt_sends_the_callers_own_bytes_and_the_last_one_lets_go_of_them() {
    let mut world = World::new(large_batches(), 1);
    world.establish(0);
    let values = large_values();
    let place = |value: &Bytes| (value.as_ptr() as usize, value.len());
    world.plan(0, [Fate::Cut, Fate::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS), Fate::Judge]);
    segments(&mut world);
    let sends: Vec<usize> =
        values.iter().map(|value| world.send_shared(0, value).unwrap()).collect();
    assert!(world.budget.used() > 120_000);
    world.run(10_000);
    let segments = segments(&mut world);
    for value in &values {
        let times = segments.iter().filter(|&&segment| segment == place(value)).count();
        assert_eq!(times, 3, "attempts of the same bytes");
    }
    world.assert_delivered(sends);
    assert!(values.iter().all(Bytes::is_unique));
    world.end();
}

#[test]
fn a_batch_that_refers_is_divided_without_a_copy_of_its_values() {
    let mut config = large_batches();
    config.retries = 0;
    let mut world = World::new(config, 1);
    world.establish(0);
    world.brokers.max_message_bytes = 50_000;
    let values = large_values();
    segments(&mut world);
    let sends: Vec<usize> =
        values.iter().map(|value| world.send_shared(0, value).unwrap()).collect();
    world.run(20_000);
    world.assert_delivered(sends);
    assert!(world.engine.stats().splits >= 2);
    let segments = segments(&mut world);
    let place = |value: &Bytes| (value.as_ptr() as usize, value.len());
    for value in &values {
        assert!(segments.iter().filter(|&&segment| segment == place(value)).count() >= 2);
    }
    // Nothing else is large: what was not referred to are headers.
    let others = segments.iter().filter(|segment| !values.iter().any(|v| place(v) == **segment));
    assert!(others.clone().all(|segment| segment.1 < 1000), "{others:?}");
    assert!(values.iter().all(Bytes::is_unique));
    world.end();
}
