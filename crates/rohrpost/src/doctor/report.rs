//! [`Report`]: what was found.

use std::fmt;
use std::time::Duration;

/// What an examination has found: nine stages, always all of them and in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) stages: Vec<StageReport>,
    pub(super) elapsed: Duration,
}

/// What was found in one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// Each thing that was looked at, or was not and why: at least one.
    pub checks: Vec<Check>,
}

/// What is looked at, one after the other: each stands on the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// What the settings mean together, and the files that they name.
    Configuration,
    /// The names of the bootstrap servers.
    Resolve,
    /// TCP, to each of their addresses.
    Connect,
    /// TLS: what was agreed on, and the broker's certificates.
    Tls,
    /// What the brokers speak.
    ApiVersions,
    /// Who the client is.
    Sasl,
    /// The cluster, its brokers, and the topic if one was named.
    Metadata,
    /// The brokers that lead, at the addresses that they tell clients.
    Brokers,
    /// What a producer may do: its identity, and a test record if that was asked for.
    Produce,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What it is about: an address, a broker, a topic, a property.
    pub subject: String,
    /// How it is.
    pub status: Status,
    /// What was found, in a sentence.
    pub detail: String,
    /// What to do about it, where something is wrong.
    pub remedy: Option<String>,
    /// What else there is to know, each by a name of its own.
    pub facts: Vec<Fact>,
    /// How long it took, if it took any time.
    pub elapsed: Option<Duration>,
}

/// Something that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// Its name, in lower case with underscores; no other fact of the check has it.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It was not looked at: the configuration has no need of it, or what it stands on does not hold.
    Skipped,
    /// It holds.
    Ok,
    /// It holds, and may not for long, or not for everybody.
    Warning,
    /// It does not hold.
    Failed,
}

impl Report {
    /// The stages.
    pub fn stages(&self) -> &[StageReport] {
        &self.stages
    }

    /// One stage.
    pub fn stage(&self, stage: Stage) -> Option<&StageReport> {
        self.stages.iter().find(|report| report.stage == stage)
    }

    /// Every finding, with its stage.
    pub fn checks(&self) -> impl Iterator<Item = (Stage, &Check)> {
        self.stages.iter().flat_map(|of| of.checks.iter().map(|check| (of.stage, check)))
    }

    /// The worst of all.
    pub fn status(&self) -> Status {
        self.stages.iter().map(StageReport::status).max().unwrap_or(Status::Skipped)
    }

    /// Whether nothing has failed. Warnings are none.
    pub fn holds(&self) -> bool {
        self.status() != Status::Failed
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// All in a sentence: the first failure, if there is any.
    pub fn verdict(&self) -> String {
        let count = |status| self.checks().filter(|(_, check)| check.status == status).count();
        let plural = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let warnings = match count(Status::Warning) {
            0 => String::new(),
            warnings => format!(", with {}", plural(warnings, "warning")),
        };
        let Some((stage, first)) = self.checks().find(|(_, check)| check.status == Status::Failed)
        else {
            return format!("everything that was looked at holds{warnings}");
        };
        let failures = plural(count(Status::Failed), "failure");
        format!(
            "{failures}{warnings}; the first is of the stage {stage}: {}: {}",
            first.subject, first.detail
        )
    }
}

impl StageReport {
    /// The worst of its checks.
    pub fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::Skipped)
    }
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Configuration,
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::ApiVersions,
        Self::Sasl,
        Self::Metadata,
        Self::Brokers,
        Self::Produce,
    ];

    /// Its name for machines: `configuration`, `resolve`, `connect`, `tls`, `api_versions`, `sasl`, `metadata`, `brokers`, `produce`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ApiVersions => "api_versions",
            Self::Sasl => "sasl",
            Self::Metadata => "metadata",
            Self::Brokers => "brokers",
            Self::Produce => "produce",
        }
    }
}

impl Status {
    /// Its name for machines: `ok`, `warning`, `failed`, `skipped`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Check {
    pub(super) fn new(subject: impl AsRef<str>, status: Status, detail: impl AsRef<str>) -> Self {
        Self {
            subject: shown(subject.as_ref()),
            status,
            detail: shown(detail.as_ref()),
            remedy: None,
            facts: Vec::new(),
            elapsed: None,
        }
    }

    pub(super) fn ok(subject: impl AsRef<str>, detail: impl AsRef<str>) -> Self {
        Self::new(subject, Status::Ok, detail)
    }

    pub(super) fn skipped(subject: impl AsRef<str>, detail: impl AsRef<str>) -> Self {
        Self::new(subject, Status::Skipped, detail)
    }

    pub(super) fn warning(
        subject: impl AsRef<str>,
        detail: impl AsRef<str>,
        remedy: impl AsRef<str>,
    ) -> Self {
        Self::new(subject, Status::Warning, detail).with_remedy(remedy)
    }

    pub(super) fn failed(subject: impl AsRef<str>, finding: Finding) -> Self {
        Self::new(subject, Status::Failed, finding.detail).with_remedy(finding.remedy)
    }

    pub(super) fn with_remedy(mut self, remedy: impl AsRef<str>) -> Self {
        self.remedy = Some(shown(remedy.as_ref())).filter(|remedy| !remedy.is_empty());
        self
    }

    pub(super) fn fact(mut self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.facts.push(Fact { name: name.into(), value: shown(value.as_ref()) });
        self
    }

    pub(super) fn after(mut self, elapsed: Duration) -> Self {
        self.elapsed = Some(elapsed);
        self
    }
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) detail: String,
    pub(super) remedy: String,
}

impl Finding {
    pub(super) fn new(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { detail: detail.into(), remedy: remedy.into() }
    }
}

/// The longest text that is shown, in characters.
const LONGEST: usize = 2_000;

/// A text that may come from anybody, as it may stand on a terminal.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(statuses: &[Status]) -> Report {
        let checks = statuses.iter().map(|status| Check::new("subject", *status, "detail"));
        let stages = vec![StageReport { stage: Stage::Resolve, checks: checks.collect() }];
        Report { stages, elapsed: Duration::ZERO }
    }

    #[test]
    fn the_worst_finding_decides() {
        use Status::{Failed, Ok, Skipped, Warning};
        for (statuses, worst, verdict) in [
            (&[Skipped, Ok][..], Ok, "everything that was looked at holds"),
            (
                &[Ok, Warning, Skipped],
                Warning,
                "everything that was looked at holds, with 1 warning",
            ),
            (
                &[Ok, Failed, Warning, Failed],
                Failed,
                "2 failures, with 1 warning; the first is of the stage resolve: subject: detail",
            ),
        ] {
            let report = report(statuses);
            assert_eq!((report.status(), report.holds()), (worst, worst != Failed));
            assert_eq!(report.verdict(), verdict);
        }
    }

    #[test]
    fn what_others_say_cannot_steer_a_terminal_nor_fill_it() {
        let long = "x".repeat(10_000);
        let check = Check::ok("a\x1b[2Jb", long).fact("name", "c\r\nd");
        assert_eq!(check.subject, "a [2Jb");
        assert_eq!(check.detail.chars().count(), LONGEST + 1);
        assert_eq!(check.facts[0].value, "c  d");
    }
}
