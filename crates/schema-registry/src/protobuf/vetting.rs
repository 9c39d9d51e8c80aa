//! Files that prost-reflect can be given. Over what no compiler makes, but a registry may have all the same, it panics, recurs without end, or takes memory and time out of all
//! proportion: that is refused here, or taken out where it is for compilers only.

use std::collections::{BTreeSet, HashMap};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions,
};

/// The most bytes of a name with those of all that it is in: a name is looked for in each of them.
const LONGEST_NAME: usize = 1_000;
/// The most bytes of all such names of a file, each of which has its own.
const MOST_NAMED: usize = 32 << 20;
/// The most ranges of extensions of a message: each field is looked for in all of them.
const MOST_RANGES: usize = 1_000;
/// The most files that those of a schema see, together.
const MOST_SEEN: usize = 100_000;

/// The files of a schema, one after the other: each after those that it imports.
#[derive(Default)]
pub(super) struct Vetting {
    /// What is seen by those who import a file, besides it.
    exports: HashMap<String, BTreeSet<String>>,
    seen: usize,
}

impl Vetting {
    /// The file without what is for compilers only: comments and positions, reserved numbers, and whose imports are public. It imports itself what it sees through others.
    pub(super) fn vet(
        &mut self,
        mut file: FileDescriptorProto,
    ) -> Result<FileDescriptorProto, String> {
        if !matches!(file.syntax.as_deref(), None | Some("proto2" | "proto3")) {
            let known = "its syntax is neither proto2 nor proto3 (files of editions are not read)";
            return Err(known.to_owned());
        }
        let mut names = Names { total: 0 };
        names.inside(0, file.name())?;
        self.imports(&mut file)?;
        file.source_code_info = None;
        let package = names.inside(0, file.package())?;
        for message in &mut file.message_type {
            names.message(package, message)?;
        }
        for of in &mut file.enum_type {
            names.values(package, of)?;
        }
        for extension in &file.extension {
            names.field(package, extension)?;
        }
        for service in &file.service {
            let inner = names.inside(package, service.name())?;
            for method in &service.method {
                names.inside(inner, method.name())?;
            }
        }
        Ok(file)
    }

    /// prost-reflect goes through public imports as often as there are ways to them, and not through those of the third level.
    fn imports(&mut self, file: &mut FileDescriptorProto) -> Result<(), String> {
        let public = std::mem::take(&mut file.public_dependency);
        let public =
            public.into_iter().filter_map(|at| file.dependency.get(usize::try_from(at).ok()?));
        let exported = self.through(public.cloned().collect());
        file.weak_dependency.clear();
        let imported = self.through(std::mem::take(&mut file.dependency).into_iter().collect());
        self.seen += exported.len() + imported.len();
        if self.seen > MOST_SEEN {
            return Err(format!("it and those that it imports see more than {MOST_SEEN} files"));
        }
        file.dependency = imported.into_iter().collect();
        self.exports.insert(file.name().to_owned(), exported);
        Ok(())
    }

    /// With what is seen through them.
    fn through(&self, files: BTreeSet<String>) -> BTreeSet<String> {
        let further: BTreeSet<&String> =
            files.iter().filter_map(|file| self.exports.get(file)).flatten().collect();
        let further: Vec<String> = further.into_iter().cloned().collect();
        files.into_iter().chain(further).collect()
    }
}

/// Goes through all that has a name.
struct Names {
    total: usize,
}

impl Names {
    /// The length of a name in one of this length.
    fn inside(&mut self, outer: usize, name: &str) -> Result<usize, String> {
        let length = outer + 1 + name.len();
        self.total += length;
        if length > LONGEST_NAME {
            return Err(format!(
                "a name in it has more than {LONGEST_NAME} bytes, with those of all that it is in"
            ));
        }
        if self.total > MOST_NAMED {
            return Err(format!("the names in it have more than {MOST_NAMED} bytes"));
        }
        Ok(length)
    }

    fn message(&mut self, outer: usize, message: &mut DescriptorProto) -> Result<(), String> {
        let length = self.inside(outer, message.name())?;
        message.reserved_range.clear();
        if message.extension_range.len() > MOST_RANGES {
            let name = message.name();
            return Err(format!(
                "the message {name} has more than {MOST_RANGES} ranges of extensions"
            ));
        }
        if !message.options.as_ref().is_none_or(|options| is_fit(options, &message.field)) {
            return Err(format!(
                "the message {} is an entry of a map, and cannot be one",
                message.name()
            ));
        }
        for field in message.field.iter().chain(&message.extension) {
            self.field(length, field)?;
        }
        for oneof in &message.oneof_decl {
            self.inside(length, oneof.name())?;
        }
        for of in &mut message.enum_type {
            self.values(length, of)?;
        }
        message.nested_type.iter_mut().try_for_each(|inner| self.message(length, inner))
    }

    fn values(&mut self, outer: usize, of: &mut EnumDescriptorProto) -> Result<(), String> {
        self.inside(outer, of.name())?;
        of.reserved_range.clear();
        of.value.iter().try_for_each(|value| self.inside(outer, value.name()).map(drop))
    }

    fn field(&mut self, outer: usize, field: &FieldDescriptorProto) -> Result<(), String> {
        self.inside(outer, field.name())?;
        match field.r#type() == Type::Bytes && !is_escaped(field.default_value()) {
            true => Err(format!("the default of the field {} is no escaped bytes", field.name())),
            false => Ok(()),
        }
    }
}

/// Whether a message is what its options say: entries of maps have a key and a value.
fn is_fit(options: &MessageOptions, fields: &[FieldDescriptorProto]) -> bool {
    let by_hand = options.uninterpreted_option.iter().any(|option| {
        matches!(&*option.name, [part] if part.name_part == "map_entry" && !part.is_extension)
    });
    if by_hand || !options.map_entry() {
        return !by_hand;
    }
    let is_single = |field: &FieldDescriptorProto| field.label() != Label::Repeated;
    match fields {
        [one, other] => {
            let (key, value) = if one.number() == 1 { (one, other) } else { (other, one) };
            let is_key = !matches!(
                key.r#type(),
                Type::Double | Type::Float | Type::Bytes | Type::Message | Type::Group | Type::Enum
            );
            let is_scalar = key.type_name().is_empty() && is_key;
            let is_value = value.r#type() != Type::Group;
            let are_numbered = (key.number(), value.number()) == (1, 2);
            are_numbered && is_single(key) && is_single(value) && is_scalar && is_value
        }
        _ => false,
    }
}

/// Whether these are bytes as compilers write them.
fn is_escaped(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        // More than a byte has.
        if matches!(escape, [b'4'..=b'7', b'0'..=b'7', b'0'..=b'7', ..]) {
            return false;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    text.is_ascii()
}

#[cfg(test)]
mod tests;
