//! What reading a file's messages needs of their descriptors, looked up once.

use std::collections::HashMap;

use prost::encoding::WireType;
use prost_reflect::{FieldDescriptor, FileDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// Where a message's shape is among the [`Shapes`].
pub(super) type At = usize;

/// The messages of a file, and those that they have as fields.
pub(super) struct Shapes {
    pub(super) messages: Vec<Shape>,
    /// Those that are in no other.
    outermost: Vec<At>,
}

pub(super) struct Shape {
    pub(super) descriptor: MessageDescriptor,
    /// By their numbers.
    pub(super) fields: Vec<Field>,
    /// The messages that are declared in this one.
    children: Vec<At>,
}

pub(super) struct Field {
    pub(super) number: u32,
    pub(super) form: Form,
    pub(super) descriptor: FieldDescriptor,
}

pub(super) enum Form {
    One(Part),
    Many(Part),
    Map {
        key: Scalar,
        value: Part,
        absent: (MapKey, Value),
    },
    /// What only prost-reflect reads.
    Group,
}

#[derive(Clone, Copy)]
pub(super) enum Part {
    Scalar(Scalar),
    Message(At),
}

/// As the specification's section on scalar types has them, and enums.
#[derive(Clone, Copy)]
pub(super) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum,
}

impl Scalar {
    pub(super) fn wire_type(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::SixtyFourBit,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::ThirtyTwoBit,
            Self::String | Self::Bytes => WireType::LengthDelimited,
            _ => WireType::Varint,
        }
    }
}

impl Shapes {
    pub(super) fn new(file: &FileDescriptor) -> Self {
        let mut making = Making::default();
        let outermost = file.messages().map(|message| making.at(&message)).collect();
        let mut messages = Vec::new();
        // Messages refer to each other in circles, so that each has its place before its fields are looked at.
        while let Some(descriptor) = making.found.get(messages.len()).cloned() {
            messages.push(making.shape(descriptor));
        }
        Self { messages, outermost }
    }

    /// The message that indexes name.
    pub(super) fn find(&self, path: &[usize]) -> Option<At> {
        let (first, inner) = path.split_first()?;
        inner.iter().try_fold(*self.outermost.get(*first)?, |at, index| {
            self.messages[at].children.get(*index).copied()
        })
    }
}

#[derive(Default)]
struct Making {
    found: Vec<MessageDescriptor>,
    places: HashMap<String, At>,
}

impl Making {
    fn at(&mut self, message: &MessageDescriptor) -> At {
        *self.places.entry(message.full_name().to_owned()).or_insert_with(|| {
            self.found.push(message.clone());
            self.found.len() - 1
        })
    }

    fn shape(&mut self, descriptor: MessageDescriptor) -> Shape {
        let children = descriptor.child_messages().map(|child| self.at(&child)).collect();
        let mut fields: Vec<Field> = descriptor
            .fields()
            .map(|field| Field {
                number: field.number(),
                form: self.form(&field),
                descriptor: field,
            })
            .collect();
        fields.sort_by_key(|field| field.number);
        Shape { descriptor, fields, children }
    }

    fn form(&mut self, field: &FieldDescriptor) -> Form {
        match field.kind() {
            _ if field.is_group() => Form::Group,
            Kind::Message(entry) if field.is_map() => {
                let value = entry.map_entry_value_field();
                let absent_key = MapKey::default_value(&entry.map_entry_key_field().kind());
                match self.part(entry.map_entry_key_field().kind()) {
                    Part::Scalar(key) if !value.is_group() => Form::Map {
                        key,
                        value: self.part(value.kind()),
                        absent: (absent_key, value.default_value()),
                    },
                    _ => Form::Group,
                }
            }
            kind if field.is_list() => Form::Many(self.part(kind)),
            kind => Form::One(self.part(kind)),
        }
    }

    fn part(&mut self, kind: Kind) -> Part {
        Part::Scalar(match kind {
            Kind::Message(message) => return Part::Message(self.at(&message)),
            Kind::Double => Scalar::Double,
            Kind::Float => Scalar::Float,
            Kind::Int32 => Scalar::Int32,
            Kind::Int64 => Scalar::Int64,
            Kind::Uint32 => Scalar::Uint32,
            Kind::Uint64 => Scalar::Uint64,
            Kind::Sint32 => Scalar::Sint32,
            Kind::Sint64 => Scalar::Sint64,
            Kind::Fixed32 => Scalar::Fixed32,
            Kind::Fixed64 => Scalar::Fixed64,
            Kind::Sfixed32 => Scalar::Sfixed32,
            Kind::Sfixed64 => Scalar::Sfixed64,
            Kind::Bool => Scalar::Bool,
            Kind::String => Scalar::String,
            Kind::Bytes => Scalar::Bytes,
            Kind::Enum(_) => Scalar::Enum,
        })
    }
}
