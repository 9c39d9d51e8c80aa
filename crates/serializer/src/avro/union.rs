//! Which of a union's types a value has.

use super::error::{AvroError, AvroErrorKind};
use super::schema::{Id, Kind, Logical, Table, Union};

/// What is known of a value before it is written.
#[derive(Clone, Copy)]
pub(crate) enum Hint<'a> {
    Null,
    Boolean,
    Integer { number: i64, wide: bool },
    Float { wide: bool },
    Text(&'a str),
    Bytes(usize),
    Fixed(usize),
    Sequence(Option<usize>),
    Map,
    Struct(&'a str),
    Empty(&'a str),
}

/// The type that suits a value best: a smaller rank is better, and the first of equals counts, except among records, which are told apart by their names.
pub(crate) fn choose(
    table: &Table,
    of: Id,
    union: &Union,
    hint: Hint<'_>,
) -> Result<usize, AvroError> {
    if let (Hint::Null, Some(null)) = (hint, union.null) {
        return Ok(null);
    }
    let mut best: Option<(u8, usize)> = None;
    let mut is_ambiguous = false;
    // Records of one name in two namespaces: a struct has the name alone.
    let by_struct = matches!(hint, Hint::Struct(_) | Hint::Empty(_));
    for (index, branch) in union.branches.iter().enumerate() {
        let Some(rank) = rank(table, *branch, hint) else { continue };
        match best {
            Some((least, _)) if least < rank => {}
            Some((least, _)) if least == rank => is_ambiguous |= rank == BY_SHAPE || by_struct,
            _ => (best, is_ambiguous) = (Some((rank, index)), false),
        }
    }
    match best {
        Some(_) if is_ambiguous => {
            Err(AvroError::new(AvroErrorKind::Ambiguous(table.describe(of))))
        }
        Some((_, index)) => Ok(index),
        None => Err(AvroError::mismatch(table.describe(of), found(hint))),
    }
}

/// A record that would be chosen only since nothing else is one.
const BY_SHAPE: u8 = 9;

fn rank(table: &Table, branch: Id, hint: Hint<'_>) -> Option<u8> {
    let of = table.get(branch);
    match (hint, &of.kind) {
        (Hint::Null, Kind::Null) | (Hint::Boolean, Kind::Boolean) => Some(0),
        (Hint::Integer { wide, .. }, Kind::Long) => Some(u8::from(!wide)),
        (Hint::Integer { number, wide }, Kind::Int) if i32::try_from(number).is_ok() => {
            Some(u8::from(wide))
        }
        (Hint::Integer { number, .. }, Kind::Double) if number.unsigned_abs() <= 1 << 53 => Some(2),
        (Hint::Integer { number, .. }, Kind::Float) if number.unsigned_abs() <= 1 << 24 => Some(3),
        (Hint::Float { wide }, Kind::Double) => Some(u8::from(!wide)),
        (Hint::Float { wide }, Kind::Float) => Some(u8::from(wide)),
        (Hint::Text(_), Kind::String) => Some(1),
        (Hint::Text(text), Kind::Enum(of)) => {
            of.symbols.iter().any(|known| known == text).then_some(0)
        }
        (Hint::Text(text), Kind::Fixed(_)) if of.logical == Logical::Uuid => {
            super::uuids::parse(text).map(|_| 0)
        }
        (Hint::Bytes(size), Kind::Fixed(of)) if of.size == size => Some(0),
        (Hint::Bytes(_), Kind::Bytes) => Some(1),
        (Hint::Bytes(16), Kind::String) if of.logical == Logical::Uuid => Some(2),
        (Hint::Bytes(_), Kind::Fixed(_)) if of.logical == Logical::Decimal => Some(2),
        (Hint::Fixed(size), Kind::Fixed(of)) if of.size == size => Some(0),
        (Hint::Sequence(_), Kind::Array(_)) => Some(0),
        (Hint::Sequence(length), Kind::Fixed(of)) if length == Some(of.size) => Some(1),
        (Hint::Sequence(_), Kind::Bytes) => Some(2),
        (Hint::Sequence(length), Kind::Record(of)) if length == Some(of.fields.len()) => {
            Some(BY_SHAPE)
        }
        (Hint::Map, Kind::Map(_)) => Some(0),
        (Hint::Struct(name), Kind::Record(of)) if of.name.simple() == name => Some(0),
        (Hint::Map | Hint::Struct(_), Kind::Record(_)) => Some(BY_SHAPE),
        (Hint::Struct(_), Kind::Map(_)) => Some(BY_SHAPE + 1),
        (Hint::Empty(name), Kind::Record(of)) if of.name.simple() == name => Some(0),
        (Hint::Empty(_), Kind::Null) => Some(1),
        _ => None,
    }
}

fn found(hint: Hint<'_>) -> alloc::string::String {
    match hint {
        Hint::Null => "null".into(),
        Hint::Boolean => "a truth value".into(),
        Hint::Integer { number, .. } => alloc::format!("the integer {number}"),
        Hint::Float { .. } => "a number".into(),
        Hint::Text(_) => "text".into(),
        Hint::Bytes(size) => alloc::format!("{size} bytes"),
        Hint::Fixed(size) => alloc::format!("an integer of {size} bytes"),
        Hint::Sequence(_) => "a sequence".into(),
        Hint::Map => "a map".into(),
        Hint::Struct(name) | Hint::Empty(name) => alloc::format!("the struct {name}"),
    }
}

/// The type of a union that an enum's variant stands for: by its name, or else by its number.
pub(crate) fn variant(table: &Table, union: &Union, index: u32, variant: &str) -> Option<usize> {
    by_name(table, union, variant)
        .or_else(|| Some(index as usize).filter(|index| *index < union.branches.len()))
}

/// A record's name with or without the namespace, a primitive type's in any case.
pub(crate) fn by_name(table: &Table, union: &Union, variant: &str) -> Option<usize> {
    union.branches.iter().position(|branch| is_called(table.kind(*branch), variant))
}

fn is_called(kind: &Kind, variant: &str) -> bool {
    match kind.named() {
        Some(name) => name.simple() == variant || name.full == variant,
        None => kind.branch_name().eq_ignore_ascii_case(variant),
    }
}

/// The type for a variant without content: an enum that has it as a symbol, what is called so, text, or null of the variant's number.
pub(crate) fn unit_variant(
    table: &Table,
    of: Id,
    union: &Union,
    index: u32,
    variant: &str,
) -> Result<Option<usize>, AvroError> {
    let with = |is: &dyn Fn(&Kind) -> bool| {
        union.branches.iter().position(|branch| is(table.kind(*branch)))
    };
    let symbol = with(
        &|kind| matches!(kind, Kind::Enum(of) if of.symbols.iter().any(|known| known == variant)),
    );
    let called =
        with(&|kind| matches!(kind, Kind::Null | Kind::Record(_)) && is_called(kind, variant));
    if let Some(branch) = symbol.or(called) {
        return Ok(Some(branch));
    }
    let text = with(&|kind| matches!(kind, Kind::String));
    let null = union.null.filter(|null| *null == index as usize);
    match (text, null) {
        // `Missing` beside `Text(String)`, or `Red` beside `Green`?
        (Some(_), Some(_)) => Err(AvroError::new(AvroErrorKind::Ambiguous(table.describe(of)))),
        (Some(branch), None) | (None, Some(branch)) => Ok(Some(branch)),
        // An enum that lacks the symbol says so.
        (None, None) => Ok(with(&|kind| matches!(kind, Kind::Enum(_)))),
    }
}
