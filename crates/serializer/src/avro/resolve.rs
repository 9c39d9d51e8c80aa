//! How a writer's bytes become what a reader's schema has: a plan, made once for a pair of schemas (the specification's "Schema Resolution").

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::error::{AvroError, AvroErrorKind};
use super::schema::{Default, Id, Kind, Logical, Named, Record, Table};

/// A step's number in its [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) u32);

pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) root: At,
    /// Steps that may read nothing at all.
    pub(crate) empty: Vec<bool>,
}

impl Plan {
    fn new(steps: Vec<Step>, root: At) -> Self {
        let mut empty = alloc::vec![false; steps.len()];
        loop {
            let mut changed = false;
            for (index, step) in steps.iter().enumerate() {
                let is_empty = |at: At| empty[at.0 as usize];
                let now = match step {
                    Step::Null | Step::Fixed(0) => true,
                    Step::Into(branch) => is_empty(branch.step),
                    Step::Record(record) => record.fields.iter().all(|field| is_empty(field.step)),
                    _ => false,
                };
                changed |= now != empty[index];
                empty[index] = now;
            }
            if !changed {
                return Self { steps, root, empty };
            }
        }
    }

    #[inline]
    pub(crate) fn step(&self, at: At) -> &Step {
        &self.steps[at.0 as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Int,
    Long,
    Float,
    Double,
}

pub(crate) enum Step {
    /// In the making: only where a type contains itself without anything between.
    Open,
    Null,
    Boolean,
    Number {
        wire: Number,
        read: Number,
    },
    /// Bytes with their length before them, as text.
    Text,
    /// Text that is a UUID.
    Uuid,
    Bytes,
    Fixed(usize),
    /// The reader's symbols by the writer's numbers.
    Enum(Vec<Option<Arc<str>>>),
    Array(At),
    Map(At),
    Record(RecordPlan),
    Union(Vec<Branch>),
    /// The reader has a union, the writer has not.
    Into(Branch),
    /// Nothing that the reader could take.
    Never(String),
}

impl Step {
    /// The only field of a record that is called so, which is what a newtype of Rust's is to apache_avro's derive.
    pub(crate) fn content_of(&self, name: &str) -> Option<At> {
        match self {
            Self::Record(record) if record.name == name && record.is_same => {
                if let [field] = &record.fields[..] { Some(field.step) } else { None }
            }
            _ => None,
        }
    }
}

pub(crate) struct RecordPlan {
    /// The reader's name, without the namespace.
    pub(crate) name: String,
    /// In the writer's order.
    pub(crate) fields: Vec<FieldPlan>,
    /// The reader's fields that the writer lacks, with their defaults' bytes.
    pub(crate) defaults: Vec<(Arc<str>, Vec<u8>, At)>,
    /// Whether the reader's fields are the writer's, in the same order.
    pub(crate) is_same: bool,
}

pub(crate) struct FieldPlan {
    /// The reader's name; none where the reader has no such field.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) step: At,
}

#[derive(Clone)]
pub(crate) struct Branch {
    pub(crate) step: At,
    /// Its number and its name in the reader's union, or in the writer's where the reader has none.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) is_null: bool,
}

/// The plan, or why no value of the writer's could ever be read: a part that only some values reach is refused when one does.
pub(crate) fn plan(writer: &Table, reader: &Table) -> Result<Plan, AvroError> {
    let mut planner = Planner::default();
    let root = planner.plan(&Pair { writer, reader, side: Side::Both }, writer.root, reader.root);
    match &planner.steps[root.0 as usize] {
        Step::Never(why) => Err(AvroError::new(AvroErrorKind::Unresolvable(why.clone()))),
        _ => Ok(Plan::new(planner.steps, root)),
    }
}

/// Every schema can read itself.
pub(crate) fn same(schema: &Table) -> Plan {
    let mut planner = Planner::default();
    let pair = Pair { writer: schema, reader: schema, side: Side::Writer };
    let root = planner.plan(&pair, schema.root, schema.root);
    Plan::new(planner.steps, root)
}

/// Why not every value of the writer's can be read.
pub(crate) fn refusal(writer: &Table, reader: &Table) -> Option<String> {
    let mut planner = Planner::default();
    planner.plan(&Pair { writer, reader, side: Side::Both }, writer.root, reader.root);
    planner.strict
}

#[derive(Clone, Copy)]
struct Pair<'t> {
    writer: &'t Table,
    reader: &'t Table,
    side: Side,
}

/// Whose schemas a pair is of: numbers of types are those of their schema.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Both,
    /// What is skipped is read by its own schema.
    Writer,
    /// Defaults are.
    Reader,
}

/// Pairs of types within pairs of types: they may go round in circles of different lengths before one comes again.
const DEEPEST: usize = 512;

#[derive(core::default::Default)]
struct Planner {
    steps: Vec<Step>,
    known: BTreeMap<(Id, Id, Side), At>,
    depth: usize,
    /// The first thing that could not be read.
    strict: Option<String>,
}

impl Planner {
    fn plan(&mut self, pair: &Pair<'_>, writer: Id, reader: Id) -> At {
        let key = (writer, reader, pair.side);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let at = At(self.steps.len() as u32);
        self.steps.push(Step::Open);
        self.known.insert(key, at);
        self.depth += 1;
        let step = match self.depth > DEEPEST {
            true => self.never(String::from("types that are nested too deeply to be compared")),
            false => self.step(pair, writer, reader),
        };
        self.depth -= 1;
        self.steps[at.0 as usize] = step;
        at
    }

    fn never(&mut self, why: String) -> Step {
        self.strict.get_or_insert_with(|| why.clone());
        Step::Never(why)
    }

    fn step(&mut self, pair: &Pair<'_>, writer: Id, reader: Id) -> Step {
        let (from, to) = (pair.writer.get(writer), pair.reader.get(reader));
        match (&from.kind, &to.kind) {
            (Kind::Union(union), _) => {
                let branches = union
                    .branches
                    .iter()
                    .enumerate()
                    .map(|(index, branch)| self.branch(pair, *branch, reader, index));
                Step::Union(branches.collect())
            }
            (_, Kind::Union(_)) => {
                let branch = self.branch(pair, writer, reader, 0);
                match &self.steps[branch.step.0 as usize] {
                    Step::Never(why) => Step::Never(why.clone()),
                    _ => Step::Into(branch),
                }
            }
            (Kind::Null, Kind::Null) => Step::Null,
            (Kind::Boolean, Kind::Boolean) => Step::Boolean,
            (Kind::Array(from), Kind::Array(to)) => Step::Array(self.plan(pair, *from, *to)),
            (Kind::Map(from), Kind::Map(to)) => Step::Map(self.plan(pair, *from, *to)),
            (Kind::String, Kind::String) if to.logical == Logical::Uuid => Step::Uuid,
            (Kind::String | Kind::Bytes, Kind::String) => Step::Text,
            (Kind::String | Kind::Bytes, Kind::Bytes) => Step::Bytes,
            (Kind::Fixed(from), Kind::Fixed(to))
                if from.size == to.size && is_same_name(&from.name, &to.name) =>
            {
                Step::Fixed(from.size)
            }
            (Kind::Enum(from), Kind::Enum(to)) if is_same_name(&from.name, &to.name) => {
                let otherwise = to.default.and_then(|index| to.symbols.get(index));
                let symbols: Vec<_> = from
                    .symbols
                    .iter()
                    .map(|symbol| {
                        let known = to.symbols.iter().find(|known| *known == symbol);
                        known.or(otherwise).map(|symbol| Arc::from(symbol.as_str()))
                    })
                    .collect();
                if let Some(lost) = symbols.iter().position(Option::is_none) {
                    let why = format!("enum {} lacks symbol {}", to.name.full, from.symbols[lost]);
                    self.strict.get_or_insert(why);
                }
                Step::Enum(symbols)
            }
            (Kind::Record(from), Kind::Record(to)) if is_same_name(&from.name, &to.name) => {
                self.record(pair, from, to)
            }
            (from, to) => match (number(from), number(to)) {
                (Some(wire), Some(read)) if wire as u8 <= read as u8 => Step::Number { wire, read },
                _ => self.never(format!("{} as {}", from.branch_name(), to.branch_name())),
            },
        }
    }

    /// What of the reader's takes one of the writer's types: the reader itself, or the first of its union's types.
    fn branch(&mut self, pair: &Pair<'_>, writer: Id, reader: Id, index: usize) -> Branch {
        let kind = pair.writer.kind(writer);
        let is_null = matches!(kind, Kind::Null);
        let Kind::Union(union) = pair.reader.kind(reader) else {
            let name = kind.branch_name().to_string();
            let step = self.plan(pair, writer, reader);
            return Branch { step, index, name, is_null };
        };
        // The very same type before one that is called so elsewhere, and that before one that it could be promoted to.
        let is_exact =
            |branch: &&(usize, Id)| kind.branch_name() == pair.reader.kind(branch.1).branch_name();
        let is_same =
            |branch: &&(usize, Id)| match (kind.named(), pair.reader.kind(branch.1).named()) {
                (Some(from), Some(to)) => is_same_name(from, to),
                _ => false,
            };
        let branches: Vec<_> = union.branches.iter().copied().enumerate().collect();
        let (exact, same) = (branches.iter().filter(is_exact), branches.iter().filter(is_same));
        for (index, branch) in exact.chain(same).chain(branches.iter()) {
            let strict = self.strict.clone();
            let step = self.plan(pair, writer, *branch);
            if matches!(self.steps[step.0 as usize], Step::Never(_)) {
                self.strict = strict;
                continue;
            }
            let name = pair.reader.kind(*branch).branch_name().to_string();
            return Branch { step, index: *index, name, is_null };
        }
        let why = format!("{} as {}", kind.branch_name(), pair.reader.describe(reader));
        let step = At(self.steps.len() as u32);
        let never = self.never(why);
        self.steps.push(never);
        Branch { step, index, name: kind.branch_name().to_string(), is_null }
    }

    fn record(&mut self, pair: &Pair<'_>, from: &Record, to: &Record) -> Step {
        let side = if pair.side == Side::Reader { Side::Reader } else { Side::Writer };
        let own = Pair { writer: pair.writer, reader: pair.writer, side };
        let mut taken = alloc::vec![false; to.fields.len()];
        let mut fields = Vec::new();
        for field in &from.fields {
            let known = to.fields.iter().position(|known| known.name == field.name);
            let known = known
                .or_else(|| to.fields.iter().position(|known| known.aliases.contains(&field.name)));
            fields.push(match known.filter(|index| !taken[*index]) {
                Some(index) => {
                    taken[index] = true;
                    let step = self.plan(pair, field.of, to.fields[index].of);
                    FieldPlan { name: Some(Arc::from(to.fields[index].name.as_str())), step }
                }
                None => FieldPlan { name: None, step: self.plan(&own, field.of, field.of) },
            });
        }
        let own = Pair { writer: pair.reader, reader: pair.reader, side: Side::Reader };
        let mut defaults = Vec::new();
        for (field, _) in to.fields.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            let Default::Bytes(bytes) = &field.default else {
                let why = format!(
                    "record {} has a field {}, which the writer lacks, without a usable default",
                    to.name.full, field.name
                );
                return self.never(why);
            };
            let step = self.plan(&own, field.of, field.of);
            defaults.push((Arc::from(field.name.as_str()), bytes.clone(), step));
        }
        let is_same = defaults.is_empty()
            && fields.len() == to.fields.len()
            && fields
                .iter()
                .zip(&to.fields)
                .all(|(field, to)| field.name.as_deref() == Some(to.name.as_str()));
        Step::Record(RecordPlan { name: to.name.simple().to_string(), fields, defaults, is_same })
    }
}

/// Names are compared without their namespaces, as Java's library does; aliases with them or without.
fn is_same_name(writer: &Named, reader: &Named) -> bool {
    writer.simple() == reader.simple()
        || reader
            .aliases
            .iter()
            .any(|alias| *alias == writer.full || super::schema::simple(alias) == writer.simple())
}

fn number(kind: &Kind) -> Option<Number> {
    match kind {
        Kind::Int => Some(Number::Int),
        Kind::Long => Some(Number::Long),
        Kind::Float => Some(Number::Float),
        Kind::Double => Some(Number::Double),
        _ => None,
    }
}
