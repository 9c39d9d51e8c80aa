//! What the registry holds: contexts with numbers, subjects with versions, settings.

use std::collections::BTreeMap;

use super::answer::Refusal;
use super::content::Content;
use crate::{CompatibilityLevel, Guid};

/// Everything.
#[derive(Default)]
pub(super) struct Store {
    pub(super) contexts: BTreeMap<String, Context>,
    /// By subject, by context (`:.context:`), and for all under the empty name.
    pub(super) levels: BTreeMap<String, CompatibilityLevel>,
    pub(super) modes: BTreeMap<String, Mode>,
}

/// A part with numbers of its own.
#[derive(Default)]
pub(super) struct Context {
    pub(super) schemas: BTreeMap<i32, Content>,
    pub(super) subjects: BTreeMap<String, Subject>,
    /// No number is given twice.
    pub(super) last_id: i32,
}

/// Its versions, the oldest first.
#[derive(Default)]
pub(super) struct Subject {
    pub(super) versions: Vec<Version>,
}

#[derive(Clone, Copy)]
pub(super) struct Version {
    pub(super) number: i32,
    pub(super) id: i32,
    pub(super) is_deleted: bool,
}

/// What may be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ReadWrite,
    ReadOnly,
    /// Numbers and versions come with the schemas.
    Import,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::Import => "IMPORT",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::ReadWrite, Self::ReadOnly, Self::Import].into_iter().find(|mode| mode.name() == name)
    }
}

/// A subject's name in its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Qualified {
    /// With its dot; the default one is a dot alone.
    pub(super) context: String,
    /// As in the context.
    pub(super) subject: String,
}

impl Qualified {
    pub(super) fn parse(name: &str) -> Self {
        if let Some(rest) = name.strip_prefix(":.") {
            let (context, subject) = rest.split_once(':').unwrap_or((rest, ""));
            return Self { context: format!(".{context}"), subject: subject.to_owned() };
        }
        Self { context: ".".to_owned(), subject: name.to_owned() }
    }

    /// The other subject, in this one's context unless it names one.
    pub(super) fn beside(&self, name: &str) -> Self {
        match name.starts_with(":.") {
            true => Self::parse(name),
            false => Self { context: self.context.clone(), subject: name.to_owned() },
        }
    }

    /// As users write it.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.prefix(), self.subject)
    }

    /// The context, as in front of subjects.
    pub(super) fn prefix(&self) -> String {
        if self.context == "." { String::new() } else { format!(":{}:", self.context) }
    }
}

/// Which version is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Latest,
    Number(i32),
}

impl Wanted {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        match text.parse() {
            _ if text == "latest" => Ok(Self::Latest),
            // As in Confluent's registry.
            Ok(-1) => Ok(Self::Latest),
            Ok(number) if number >= 1 => Ok(Self::Number(number)),
            _ => Err(Refusal::invalid_version(text)),
        }
    }
}

impl Store {
    pub(super) fn context(&self, name: &Qualified) -> Option<&Context> {
        self.contexts.get(&name.context)
    }

    /// The subject, if it has versions, those that are deleted counting or not.
    pub(super) fn subject(&self, name: &Qualified, deleted: bool) -> Result<&Subject, Refusal> {
        self.context(name)
            .and_then(|context| context.subjects.get(&name.subject))
            .filter(|subject| subject.live(deleted).next().is_some())
            .ok_or_else(|| Refusal::subject(&name.name()))
    }

    pub(super) fn version(
        &self,
        name: &Qualified,
        wanted: Wanted,
        deleted: bool,
    ) -> Result<(Version, &Content), Refusal> {
        let subject = self.subject(name, deleted)?;
        let mut live = subject.live(deleted);
        let (version, shown) = match wanted {
            Wanted::Latest => (live.last(), "latest".to_owned()),
            Wanted::Number(number) => {
                (live.find(|version| version.number == number), number.to_string())
            }
        };
        let version = version.ok_or_else(|| Refusal::version(&shown))?;
        let content = self.content(name, version.id)?;
        Ok((version, content))
    }

    pub(super) fn content(&self, name: &Qualified, id: i32) -> Result<&Content, Refusal> {
        self.context(name)
            .and_then(|context| context.schemas.get(&id))
            .ok_or_else(|| Refusal::schema(&id.to_string()))
    }

    /// All versions of all subjects in which a number, or a GUID, is.
    pub(super) fn subjects_of(
        &self,
        context: &str,
        id: i32,
        deleted: bool,
    ) -> Vec<(Qualified, Version)> {
        let Some(of) = self.contexts.get(context) else { return Vec::new() };
        let subjects = of.subjects.iter().flat_map(|(name, subject)| {
            let name = Qualified { context: context.to_owned(), subject: name.clone() };
            subject.live(deleted).map(move |version| (name.clone(), version))
        });
        subjects.filter(|(_, version)| version.id == id).collect()
    }

    /// A schema by its GUID, with the contexts that have it and its numbers there.
    pub(super) fn by_guid(&self, guid: Guid) -> Vec<(&str, i32, &Content)> {
        self.contexts
            .iter()
            .flat_map(|(name, context)| {
                let schemas = context.schemas.iter();
                schemas.map(move |(id, content)| (name.as_str(), *id, content))
            })
            .filter(|(_, _, content)| content.guid() == guid)
            .collect()
    }

    /// The numbers of the schemas that refer to a version.
    pub(super) fn referred_to_by(&self, name: &Qualified, number: i32) -> Vec<i32> {
        let Some(context) = self.context(name) else { return Vec::new() };
        let refers = |content: &Content| {
            content.references.iter().any(|reference| {
                reference.version == number && name.beside(&reference.subject) == *name
            })
        };
        let is_live = |id: i32| {
            let versions = context.subjects.values().flat_map(|subject| subject.live(false));
            versions.into_iter().any(|version| version.id == id)
        };
        let ids = context.schemas.iter().filter(|(_, content)| refers(content));
        ids.map(|(id, _)| *id).filter(|id| is_live(*id)).collect()
    }

    pub(super) fn level(&self, name: &Qualified) -> CompatibilityLevel {
        let found = [name.name(), name.prefix(), String::new()];
        let mut found = found.iter().filter_map(|name| self.levels.get(name));
        found.next().copied().unwrap_or(CompatibilityLevel::Backward)
    }

    pub(super) fn mode(&self, name: &Qualified) -> Mode {
        let found = [name.name(), name.prefix(), String::new()];
        let mut found = found.iter().filter_map(|name| self.modes.get(name));
        found.next().copied().unwrap_or(Mode::ReadWrite)
    }
}

impl Subject {
    /// Its versions, without those that are deleted, or with them.
    pub(super) fn live(&self, deleted: bool) -> impl Iterator<Item = Version> {
        self.versions.iter().copied().filter(move |version| deleted || !version.is_deleted)
    }
}
