//! `rohrpost-sim`: lives by seeds, and lives with plants. `cargo xtask sim` runs it.

use std::cell::RefCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rohrpost_sim::{Options, Plant, Report, Totals, live, shrink};

const USAGE: &str = "\
cargo xtask sim [--seeds A..B | --seed N] [--transactions] [--minutes M] [--plant NAME|all|list] [--trace] [--twice]
                [--steps N] [--pairs]

Lives of the producer under faults, each drawn from its seed, on one core. Of a life that breaks an invariant (I1 to I8 in
ARCHITECTURE.md) the seed is printed, what was broken, and how a shorter life that breaks the same came to it; the command fails.

  --seeds A..B   these lives, without B (0..5000)
  --seed N       this life; the same commit lives it again to the letter
  --transactions lives of transactions alone: an application that consumes, transforms and produces. Without it every fourth seed
                 has one besides its other life
  --minutes M    as many lives as fit in, from A on, whatever B is
  --plant NAME   a naive behaviour is put into the engine: lives from A on until one shows it; with --seed N that life alone, shortened.
                 Fails if it is not shown. `all`: one after another; `list`: their names and scenarios (crates/sim/src/scenarios.rs)
  --trace        print every step of each life, not shortened
  --twice        every life twice: both must leave the same trace
  --steps N      of a life that broke an invariant, shortened, the last steps before that (40)
  --pairs        print every pair of a batch's state and an ending that was reached; of one life, always
";

/// How many lives a plant may take before it counts as not caught.
const MOST_LIVES_FOR_A_PLANT: u64 = 20_000;

/// How many lives are spent on shortening one.
const TRIES: usize = 300;

/// How many of the last steps before a violation are shown.
const STEPS: usize = 40;

thread_local! {
    /// What the last panic said, and where.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

#[derive(Default)]
struct Args {
    seeds: Option<Range<u64>>,
    minutes: Option<f64>,
    plant: Option<String>,
    is_one: bool,
    transactions: bool,
    trace: bool,
    twice: bool,
    pairs: bool,
    steps: Option<usize>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Some(args)) => {
            // A panic is caught and reported with its life. What it says, and where, only the hook is told.
            std::panic::set_hook(Box::new(|panic| LAST_PANIC.set(panic.to_string())));
            if run(&args) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(None) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut parsed = Args::default();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let number = |text: &str| {
            text.parse::<u64>().map_err(|error| format!("{arg}: `{text}` is no number: {error}"))
        };
        match arg.as_str() {
            "--seed" => {
                let seed = number(&value()?)?;
                parsed.seeds = Some(seed..seed + 1);
                parsed.is_one = true;
            }
            "--seeds" => {
                let text = value()?;
                let (from, to) =
                    text.split_once("..").ok_or(format!("--seeds: `{text}` is not A..B"))?;
                parsed.seeds = Some(number(from)?..number(to)?);
            }
            "--minutes" => {
                let text = value()?;
                parsed.minutes =
                    Some(text.parse().map_err(|error| format!("--minutes: `{text}`: {error}"))?);
            }
            "--plant" => parsed.plant = Some(value()?),
            "--steps" => parsed.steps = Some(number(&value()?)? as usize),
            "--trace" => parsed.trace = true,
            "--transactions" => parsed.transactions = true,
            "--twice" => parsed.twice = true,
            "--pairs" => parsed.pairs = true,
            "--help" => return Ok(None),
            _ => return Err(format!("`{arg}` means nothing here")),
        }
    }
    Ok(Some(parsed))
}

fn run(args: &Args) -> bool {
    match args.plant.as_deref() {
        None => lives(args, None),
        Some("list") => {
            for plant in all_plants() {
                println!("{} (scenario {})", plant.name(), plant.scenario());
            }
            true
        }
        Some("all") => plants(args, &all_plants().collect::<Vec<_>>()),
        Some(name) => match all_plants().find(|plant| plant.name() == name) {
            Some(plant) if args.is_one => !lives(args, Some(plant)),
            Some(plant) => plants(args, &[plant]),
            None => {
                eprintln!("no plant `{name}`: --plant list names them");
                false
            }
        },
    }
}

fn all_plants() -> impl Iterator<Item = Plant> {
    Plant::ALL.iter().chain(Plant::TRANSACTIONAL).copied()
}

/// Lives of these seeds; whether all is well.
fn lives(args: &Args, plant: Option<Plant>) -> bool {
    let seeds = args.seeds.clone().unwrap_or(0..5000);
    let end = if args.minutes.is_some() { u64::MAX } else { seeds.end };
    let began = Instant::now();
    let until = args.minutes.map(|minutes| began + Duration::from_secs_f64(minutes * 60.0));
    let mut totals = Totals::default();
    for seed in seeds.start..end {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let has_other = !args.transactions && !plant.is_some_and(shows_in_transactions);
        let has_transactions = !has_other || (seed % 4 == 3 && plant.is_none() && !args.is_one);
        for transactional in [false, true] {
            if if transactional { has_transactions } else { has_other } {
                let print = args.trace;
                life(
                    &Options { seed, plant, print, transactional, ..Options::default() },
                    args,
                    &mut totals,
                );
            }
        }
    }
    let took = began.elapsed().as_secs_f64();
    totals.print(args.pairs || args.is_one);
    let unreached = totals.unreached_arms();
    if !unreached.is_empty() && totals.lives >= 1000 {
        println!("decisions that no life has come to: {}", unreached.join(", "));
    }
    println!("{:.0} lives a minute", totals.lives as f64 * 60.0 / took);
    println!("{} lives, {} violations", totals.lives, totals.broken);
    totals.broken == 0
}

/// A life, and what is to be said of it.
fn life(options: &Options, args: &Args, totals: &mut Totals) {
    let Some(mut life) = live_safely(options) else {
        totals.lives += 1;
        totals.broken += 1;
        println!("{}: {}", name_of(options), LAST_PANIC.take());
        return;
    };
    if args.twice && live_safely(options).is_none_or(|again| again.trace != life.trace) {
        life.violations.push("a second life was another".into());
    }
    totals.add(&life);
    if !life.violations.is_empty() {
        show(options, &life, args.steps);
    }
}

/// What has the command live this life again.
fn name_of(options: &Options) -> String {
    format!("seed {}{}", options.seed, if options.transactional { " --transactions" } else { "" })
}

fn shows_in_transactions(plant: Plant) -> bool {
    Plant::TRANSACTIONAL.contains(&plant)
}

fn live_safely(options: &Options) -> Option<Report> {
    catch_unwind(AssertUnwindSafe(|| live(options))).ok()
}

/// What was broken, and the shortest life found that breaks it.
fn show(options: &Options, life: &Report, steps: Option<usize>) {
    let steps = steps.unwrap_or(STEPS);
    let name = name_of(options);
    for violation in life.violations.iter().take(5) {
        println!("{name}: {violation}");
    }
    let shrunk = catch_unwind(AssertUnwindSafe(|| shrink(options, life, TRIES)));
    let Ok(shrunk) = shrunk else {
        println!("{name}: shortened, it {}", LAST_PANIC.take());
        return;
    };
    println!(
        "{name}: shortened from {} faults and {} bursts of records to {} and {}; its last steps:",
        life.fault_count(),
        life.burst_count(),
        shrunk.faults,
        shrunk.bursts
    );
    let last = live(&Options { keep: steps, ..shrunk.options });
    for step in &last.last_steps {
        println!("  {step}");
    }
    for violation in last.violations.iter().take(5) {
        println!("{name}, shortened: {violation}");
    }
}

/// Lives with each of these plants, until one shows it.
fn plants(args: &Args, plants: &[Plant]) -> bool {
    let first = args.seeds.clone().map_or(0, |seeds| seeds.start);
    let mut taken: Vec<u64> = Vec::new();
    let mut missed = 0;
    for &plant in plants {
        let caught = (first..first + MOST_LIVES_FOR_A_PLANT).find_map(|seed| {
            let transactional = shows_in_transactions(plant);
            let options = Options { seed, plant: Some(plant), transactional, ..Options::default() };
            match live_safely(&options) {
                None => Some((seed, LAST_PANIC.take())),
                Some(life) => life.violations.first().map(|first| (seed, first.clone())),
            }
        });
        match caught {
            Some((seed, violation)) => {
                let lives = seed - first + 1;
                taken.push(lives);
                println!(
                    "{} (scenario {}): {lives} lives; seed {seed}: {violation}",
                    plant.name(),
                    plant.scenario()
                );
            }
            None => {
                missed += 1;
                taken.push(u64::MAX);
                println!(
                    "{} (scenario {}): not caught in {MOST_LIVES_FOR_A_PLANT} lives",
                    plant.name(),
                    plant.scenario()
                );
            }
        }
    }
    taken.sort_unstable();
    let median = taken.get(taken.len() / 2).copied().unwrap_or_default();
    println!("{} plants, {missed} not caught, median {median} lives", plants.len());
    missed == 0
}
