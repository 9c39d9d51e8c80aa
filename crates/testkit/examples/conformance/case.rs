//! One sequence: topics of its own, some requests, and what both sides made of them.

use std::cmp::Ordering;
use std::error::Error;
use std::time::{Duration, Instant};

use rohrpost_testkit::model::ModelConfig;

use crate::dice::Dice;
use crate::draw::{Drawer, topics};
use crate::draw_transactions::Transactions;
use crate::run::{create, delete, is_led, leaders, offset, run};
use crate::sides::{Kafka, Modelled, Names, Side};
use crate::steps::{Denial, Step, Topic};

/// How long followers may take; after that, the comparison says what is different.
const FOLLOWERS: Duration = Duration::from_secs(3);

/// As many as the tests' clusters have (`offsets.topic.num.partitions`).
pub(crate) const OFFSETS_PARTITIONS: i32 = 3;

/// The transaction version of a new cluster.
const NEWEST: i16 = 2;

pub(crate) struct Told {
    pub(crate) requests: u64,
    /// What was answered differently, and what came before.
    pub(crate) mismatch: Option<String>,
}

/// Asks both sides the sequence of this number, until they differ.
pub(crate) fn compare(
    kafka: &mut Kafka,
    seed: u64,
    number: u64,
    run_id: u128,
    trace: bool,
) -> Result<Told, Box<dyn Error>> {
    let mut dice = Dice::new(seed, number);
    let brokers = kafka.brokers();
    let topics = topics(&mut dice, &format!("c-{run_id}-{number}"), brokers);
    let model = Modelled::new(ModelConfig {
        brokers,
        offsets_partitions: OFFSETS_PARTITIONS,
        ..ModelConfig::default()
    });
    let mut drawer = Drawer::new(&mut dice, number, run_id);
    let length = drawer.length;
    // Every other sequence is about transactions.
    let mut of_transactions =
        (number % 2 == 1).then(|| Transactions::new(&mut dice, number, run_id));
    if of_transactions.is_none() {
        kafka.agree(NEWEST)?;
    }
    play(kafka, model, topics, trace, |turn, topics, model| match turn.cmp(&length) {
        Ordering::Less => Some(match &mut of_transactions {
            Some(drawer) => drawer.draw(&mut dice, topics, model),
            None => drawer.draw(&mut dice, topics, model),
        }),
        Ordering::Equal => Some(Step::ReadBack),
        Ordering::Greater => None,
    })
}

/// Has both sides do the steps that `next` says, until there are none, or they differ.
pub(crate) fn play(
    kafka: &mut Kafka,
    mut model: Modelled,
    mut topics: Vec<Topic>,
    trace: bool,
    mut next: impl FnMut(u64, &[Topic], &Modelled) -> Option<Step>,
) -> Result<Told, Box<dyn Error>> {
    kafka.names = Names::default();
    let created = (create(kafka, &topics)?, create(&mut model, &topics)?);
    if created.0 != created.1 {
        let mismatch = format!("creating {topics:?}: {created:?}");
        return Ok(Told { requests: 1, mismatch: Some(mismatch) });
    }
    wait_for(kafka, &topics)?;
    let mut steps: Vec<(Step, Vec<String>)> = Vec::new();
    let mut mismatch = None;
    while let Some(step) = next(steps.len() as u64, &topics, &model) {
        if trace {
            println!("{} {step:?}", steps.len());
        }
        // What followers lack is lost when the leader moves, as seen with acks=1 on Kafka 4.3.1; it depends on their speed alone.
        let is_about_followers =
            matches!(step, Step::ReadBack | Step::DeleteRecords { .. } | Step::MoveLeader { .. });
        if is_about_followers && kafka.brokers() > 1 {
            wait_for_followers(kafka, &model, &topics)?;
        }
        let failed = |side, error| format!("{side}, {step:?}: {error}");
        let wanted = run(kafka, &step, &topics).map_err(|error| failed("Kafka", error))?;
        let got = run(&mut model, &step, &topics).map_err(|error| failed("the model", error))?;
        if trace {
            println!("  {}", wanted.join("\n  "));
        }
        if wanted != got {
            mismatch = Some(describe(&steps, &step, &wanted, &got));
            break;
        }
        if let Step::Grow { topic, count } = step {
            if wanted == ["NONE"] {
                let brokers = kafka.brokers();
                let topic = &mut topics[topic];
                let leaders = (topic.partitions..count).map(|p| topic.replicas_of(p, brokers)[0]);
                let leaders: Vec<_> = leaders.collect();
                topic.leaders.extend(leaders);
                topic.partitions = count;
            }
        }
        match step {
            Step::Deny(Denial::Describe(topic)) => topics[topic].is_hidden = true,
            Step::MoveLeader { topic, partition, to } => {
                topics[topic].leaders[partition as usize] = to;
                wait_for(kafka, &topics)?;
            }
            Step::Recreate { topic } => {
                let brokers = kafka.brokers();
                let topic = &mut topics[topic];
                let leaders = (0..topic.partitions).map(|p| topic.replicas_of(p, brokers)[0]);
                topic.leaders = leaders.collect();
                wait_for(kafka, &topics)?;
            }
            Step::Grow { .. } => wait_for(kafka, &topics)?,
            _ => {}
        }
        steps.push((step, wanted));
    }
    delete(kafka, &topics)?;
    Ok(Told { requests: steps.len() as u64, mismatch })
}

/// A cluster needs a moment until it leads what it has created, and until every broker knows it.
fn wait_for(kafka: &mut Kafka, topics: &[Topic]) -> Result<(), Box<dyn Error>> {
    for topic in topics.iter().filter(|topic| !topic.is_hidden) {
        let id = kafka.names.topics.get(&topic.name).and_then(|ids| ids.last()).copied();
        kafka.until_all(&topic.name, |kafka| {
            let (told, leaders) = leaders(kafka, &topic.name)?;
            Ok(Some(told) == id && leaders == topic.leaders)
        })?;
        for partition in 0..topic.partitions {
            kafka.turn_to(topic.leader(partition));
            kafka.until(&topic.name, |kafka| is_led(kafka, id.unwrap_or_default(), partition))?;
        }
    }
    if kafka.brokers() > 1 {
        // A follower names no leader until it has heard of it itself, which nothing else shows.
        kafka.wait(FOLLOWERS / 100);
    }
    Ok(())
}

/// Waits until consumers see in Kafka what they see in the model.
fn wait_for_followers(
    kafka: &mut Kafka,
    model: &Modelled,
    topics: &[Topic],
) -> Result<(), Box<dyn Error>> {
    for topic in topics.iter().filter(|topic| !topic.is_hidden) {
        for partition in 0..topic.partitions {
            let seen = model.model.partition(&topic.name, partition);
            let end = seen.map_or(0, |partition| partition.log.high_watermark());
            kafka.turn_to(topic.leader(partition));
            let start = Instant::now();
            kafka.until(&topic.name, |kafka| {
                let is_late = start.elapsed() > FOLLOWERS;
                Ok(is_late || offset(kafka, &topic.name, partition, -1)?.1 >= end)
            })?;
        }
    }
    Ok(())
}

fn describe(
    steps: &[(Step, Vec<String>)],
    step: &Step,
    wanted: &[String],
    got: &[String],
) -> String {
    let mut text = String::new();
    for (step, answers) in &steps[steps.len().saturating_sub(6)..] {
        text += &format!("\n  {step:?}\n    {}", answers.join("\n    "));
    }
    let only = |these: &[String], those: &[String]| {
        let lines: Vec<_> = these.iter().filter(|line| !those.contains(line)).cloned().collect();
        lines.join("\n    ")
    };
    let (kafka, model) = (only(wanted, got), only(got, wanted));
    format!("{text}\n  {step:?}\n  Kafka:\n    {kafka}\n  model:\n    {model}")
}
