//! `cargo xtask bench`: client CPU per million records, beside other clients driven the same way.

mod build;
mod cells;
mod codec;
mod drivers;
mod figures;
mod html;
mod measure;
mod options;
mod outcome;
mod plot;
mod records;
mod schema_registry;
mod table;
mod target;

use std::fs;
use std::time::Instant;

use self::drivers::Driver;
use self::options::{Options, To};
use self::outcome::Measured;
use self::target::Target;
use crate::args::Args;
use crate::{Result, workspace};

pub(crate) fn run(args: &[String]) -> Result {
    match args.split_first().map(|(part, rest)| (part.as_str(), rest)) {
        Some(("codec", rest)) => return codec::run(rest),
        Some(("records", rest)) => return records::run(rest),
        Some(("schema-registry", rest)) => return schema_registry::run(rest),
        Some(("build", rest)) => return build::run(rest),
        _ => {}
    }
    let mut args = Args::new(args);
    if args.help() {
        print!("{}", options::help());
        return Ok(());
    }
    let options = Options::read(args)?;
    let (drivers, left_out) = build_drivers(&options)?;
    let mut target = match &options.to {
        To::Discard => Target::discard(options.tls)?,
        To::Real => Target::real(options.tls)?,
        To::Given(address) => Target::Given { address: address.clone() },
    };
    let start = Instant::now();
    let mut all: Vec<Measured> = Vec::new();
    for (number, cell) in (1..).zip(&options.cells) {
        eprintln!("cell {number} of {}: {cell}", options.cells.len());
        let measured = match measure::cell(&drivers, &mut target, cell, &options) {
            Ok(measured) => measured,
            Err(error) => {
                // One cell that cannot be measured does not cost the others.
                eprintln!("{cell}: {error}");
                continue;
            }
        };
        print!("{}", table::render(&measured));
        all.push(measured);
    }
    let figures = match options.to {
        To::Discard if !options.tls => figures::judge(&all),
        // They are said of the discard broker alone, and of the whole matrix; another one's speed would hide the client's.
        To::Discard | To::Real | To::Given(_) => Vec::new(),
    };
    if !figures.is_empty() {
        print!("{}", table::figures(&figures));
    }
    for reason in &left_out {
        println!("\nLeft out: {reason}");
    }
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!("\n{:.1} minutes, {} runs of each, {}.", minutes, options.runs, target.name());
    let folder = workspace::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let (json, page) = (folder.join("results.json"), folder.join("report.html"));
    let results = serde_json::json!({
        "target": target.name(),
        "runs": options.runs,
        "left_out": left_out,
        "cells": all.iter().map(|measured| serde_json::json!({
            "cell": measured.cell.to_string(),
            "clients": measured.rows.iter().map(|row| serde_json::json!({
                "client": row.client,
                "role": row.role,
                "records": row.records,
                "failure": row.failure,
                "medians": row.summary(),
                "runs": row.runs,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "figures": figures,
    });
    fs::write(&json, serde_json::to_vec_pretty(&results)?)?;
    fs::write(&page, html::page(&all, &figures, &left_out, target.name(), options.runs))?;
    println!("{}\n{}", json.display(), page.display());
    Ok(())
}

/// The drivers, and why others are missing. Who is asked for by name has to be there.
fn build_drivers(options: &Options) -> Result<(Vec<Driver>, Vec<String>)> {
    let (mut drivers, mut left_out) = (Vec::new(), Vec::new());
    for name in &options.clients {
        match Driver::build(name, options.tls) {
            Ok(driver) => drivers.push(driver),
            Err(error) if options.asked_for_clients => {
                return Err(format!("{name}: {error}").into());
            }
            Err(error) => {
                eprintln!("{name} is left out: {error}");
                left_out.push(format!("{name}: {error}"));
            }
        }
    }
    Ok((drivers, left_out))
}
