//! Whether messages that one file describes can be read by another.

use std::collections::BTreeSet;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

/// Whether `reader` can read what `writer` writes: fields of the same number are of types with the same encoding, and what the reader requires is there. Fields that one of them lacks
/// are no contradiction.
pub(super) fn check(writer: &MessageDescriptor, reader: &MessageDescriptor) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    // It does not recur: messages may go round in circles of any lengths before a pair of them comes again.
    let mut waiting = vec![(writer.clone(), reader.clone())];
    while let Some((writer, reader)) = waiting.pop() {
        if seen.insert((writer.full_name().to_owned(), reader.full_name().to_owned())) {
            compare(&writer, &reader, &mut waiting)?;
        }
    }
    Ok(())
}

/// Those that the two have in themselves are compared later.
fn compare(
    writer: &MessageDescriptor,
    reader: &MessageDescriptor,
    later: &mut Vec<(MessageDescriptor, MessageDescriptor)>,
) -> Result<(), String> {
    for field in writer.fields() {
        let Some(other) = reader.get_field(field.number()) else { continue };
        if field.is_list() != other.is_list() && !is_length_delimited(&field) {
            return Err(format!(
                "field {} of {} is repeated in one of them only",
                field.number(),
                writer.full_name()
            ));
        }
        match (field.kind(), other.kind()) {
            (Kind::Message(own), Kind::Message(other)) => later.push((own, other)),
            (own, other) if class(&own) == class(&other) => {}
            (own, other) => {
                return Err(format!(
                    "field {} of {} is {own:?}, in the other one {other:?}",
                    field.number(),
                    writer.full_name()
                ));
            }
        }
    }
    let missing = reader.fields().find(|field| {
        field.cardinality() == Cardinality::Required && writer.get_field(field.number()).is_none()
    });
    match missing {
        Some(field) => Err(format!(
            "{} requires the field {}, which the program's own one lacks",
            reader.full_name(),
            field.name()
        )),
        None => Ok(()),
    }
}

/// Repeated and single fields of such types can be read as each other.
fn is_length_delimited(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Message(_))
}

/// Types of a class have encodings that can be read as each other's.
fn class(kind: &Kind) -> u8 {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => 0,
        Kind::Sint32 | Kind::Sint64 => 1,
        Kind::Fixed32 | Kind::Sfixed32 => 2,
        Kind::Fixed64 | Kind::Sfixed64 => 3,
        Kind::String | Kind::Bytes => 4,
        Kind::Float => 5,
        Kind::Double => 6,
        Kind::Message(_) => 7,
    }
}
