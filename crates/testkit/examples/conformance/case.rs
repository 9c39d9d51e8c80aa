//! One sequence: topics of its own, some requests, and what both sides made of them.

use std::cmp::Ordering;
use std::error::Error;

use rohrpost_testkit::model::ModelConfig;

use crate::dice::Dice;
use crate::draw::{Drawer, topics};
use crate::run::{create, delete, offset, run};
use crate::sides::{Kafka, Modelled, Names};
use crate::steps::{Denial, Step, Topic};

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
    let topics = topics(&mut dice, &format!("c-{run_id}-{number}"));
    let model = Modelled::new(ModelConfig { brokers: 1, ..ModelConfig::default() });
    let mut drawer = Drawer::new(&mut dice, number, run_id);
    let length = drawer.length;
    play(kafka, model, topics, trace, |turn, topics, model| match turn.cmp(&length) {
        Ordering::Less => Some(drawer.draw(&mut dice, topics, model)),
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
                topics[topic].partitions = count;
            }
        }
        if let Step::Deny(Denial::Describe(topic)) = step {
            topics[topic].is_hidden = true;
        }
        if matches!(step, Step::Grow { .. } | Step::Recreate { .. }) {
            wait_for(kafka, &topics)?;
        }
        steps.push((step, wanted));
    }
    delete(kafka, &topics)?;
    Ok(Told { requests: steps.len() as u64, mismatch })
}

/// A cluster needs a moment until it leads what it has created.
fn wait_for(kafka: &mut Kafka, topics: &[Topic]) -> Result<(), Box<dyn Error>> {
    for topic in topics.iter().filter(|topic| !topic.is_hidden) {
        for partition in 0..topic.partitions {
            kafka.until(&topic.name, |kafka| {
                Ok(offset(kafka, &topic.name, partition, -1)?.0 == "NONE")
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
