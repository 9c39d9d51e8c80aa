//! For machines: one document, whose shape the README tells.

use std::time::Duration;

use rohrpost::doctor::{Check, Fact, Report, StageReport};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Grows when the document's shape changes so that readers would notice.
const FORMAT: u32 = 1;

#[derive(serde::Serialize)]
struct Document<'a> {
    format: u32,
    status: &'static str,
    verdict: String,
    ms: f64,
    stages: Vec<Stage<'a>>,
}

#[derive(serde::Serialize)]
struct Stage<'a> {
    stage: &'static str,
    status: &'static str,
    checks: Vec<Finding<'a>>,
}

#[derive(serde::Serialize)]
struct Finding<'a> {
    subject: &'a str,
    status: &'static str,
    detail: &'a str,
    remedy: Option<&'a str>,
    /// Null where nothing took any time.
    ms: Option<f64>,
    facts: Facts<'a>,
}

/// An object, in the order in which the facts are told.
struct Facts<'a>(&'a [Fact]);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for fact in self.0 {
            map.serialize_entry(&fact.name, &fact.value)?;
        }
        map.end()
    }
}

/// The document, on lines of its own.
pub(super) fn document(report: &Report) -> String {
    let document = Document {
        format: FORMAT,
        status: report.status().name(),
        verdict: report.verdict(),
        ms: millis(report.elapsed()),
        stages: report.stages().iter().map(stage).collect(),
    };
    // Texts and numbers alone: nothing in it can fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn stage(of: &StageReport) -> Stage<'_> {
    Stage {
        stage: of.stage.name(),
        status: of.status().name(),
        checks: of.checks.iter().map(finding).collect(),
    }
}

fn finding(of: &Check) -> Finding<'_> {
    Finding {
        subject: &of.subject,
        status: of.status.name(),
        detail: &of.detail,
        remedy: of.remedy.as_deref(),
        ms: of.elapsed.map(millis),
        facts: Facts(&of.facts),
    }
}

/// To a thousandth.
fn millis(of: Duration) -> f64 {
    (of.as_secs_f64() * 1e6).round() / 1e3
}
