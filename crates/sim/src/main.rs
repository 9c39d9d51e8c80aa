//! `cargo run -p rohrpost-sim -- [--seed N] [--lives N] [--print]`: lives from a seed on, each of them twice.

use std::process::ExitCode;

use rohrpost_sim::live_aloud;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(broken) => {
            eprintln!("{broken} lives broke an invariant");
            ExitCode::FAILURE
        }
        Err(usage) => {
            eprintln!("{usage}\nusage: rohrpost-sim [--seed N] [--lives N] [--print]");
            ExitCode::from(2)
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<usize, String> {
    let (mut seed, mut lives, mut print) = (0_u64, 100_u64, false);
    while let Some(arg) = args.next() {
        let mut number = || {
            let text = args.next().ok_or(format!("{arg} needs a number"))?;
            text.parse::<u64>().map_err(|error| format!("{arg} {text}: {error}"))
        };
        match arg.as_str() {
            "--seed" => seed = number()?,
            "--lives" => lives = number()?,
            "--print" => print = true,
            _ => return Err(format!("{arg} is not known")),
        }
    }
    let mut broken = 0;
    let mut totals = [0_u64; 6];
    for seed in seed..seed + lives {
        // Printed before it is lived: a life that panics is named too.
        if print {
            println!("seed {seed}");
        }
        let life = std::panic::catch_unwind(|| live_aloud(seed, print));
        let Ok(life) = life else {
            println!("seed {seed} panicked");
            broken += 1;
            continue;
        };
        let mut violations = life.violations.clone();
        if live_aloud(seed, false).trace != life.trace {
            violations.push("a second life was another".into());
        }
        let stats = &life.stats;
        totals[0] += life.accepted as u64;
        totals[1] += life.delivered as u64;
        totals[2] += stats.retries;
        totals[3] += stats.splits;
        totals[4] += stats.epoch_bumps;
        totals[5] += life.wakes as u64;
        if print || !violations.is_empty() {
            println!(
                "seed {seed}: {} of {} delivered in {:?}, {} wakes",
                life.delivered, life.accepted, life.lasted, life.wakes
            );
        }
        broken += usize::from(!violations.is_empty());
        for violation in violations.iter().take(10) {
            println!("seed {seed}: {violation}");
        }
    }
    let [accepted, delivered, retries, splits, bumps, wakes] = totals;
    println!(
        "{lives} lives, {broken} broken; {accepted} records, {delivered} delivered, {retries} retries, {splits} splits, {bumps} epoch bumps, {wakes} wakes"
    );
    Ok(broken)
}
