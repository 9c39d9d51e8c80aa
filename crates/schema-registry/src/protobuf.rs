//! Protocol Buffers: [`ProtobufSerializer`], [`ReflectSerializer`], [`ProtobufDeserializer`].

mod compatibility;
mod deserializer;
mod dynamic;
mod files;
mod indexes;
mod shapes;
mod vetting;

use std::fmt;
use std::sync::Arc;

use prost::Message;
use prost_reflect::{MessageDescriptor, ReflectMessage};
use rohrpost_serializer::{BoxError, Output, Part, Preparation, Serializer};

use crate::resolver::{Format, OwnSchema, Resolved, Resolver};
use crate::writer::Writer;
use crate::{Dependency, Schema, SchemaRegistry, SchemaType, SerializerError, SerializerOptions};
pub use deserializer::ProtobufDeserializer;

const CLASS: &str = "io.confluent.kafka.serializers.protobuf.KafkaProtobufSerializer";

/// Messages of prost's, all of one type: Confluent's `KafkaProtobufSerializer`. Cheap to clone. Feature `protobuf`.
///
/// The schema is the descriptor of the message's file, in base64, as Confluent's clients register it; each file that it imports is a subject of its own, by its name
/// (`google/protobuf/*` is known everywhere). A prost message does not know its descriptor: it comes from the file descriptor set that prost-build writes, or from prost-reflect's
/// derive ([`of`](Self::of)).
///
/// ```no_run
/// use prost_reflect::DescriptorPool;
/// use rohrpost_schema_registry::{ProtobufSerializer, SchemaRegistry, SerializerOptions};
///
/// # let file_descriptor_set: &[u8] = &[];
/// // include_bytes!(concat!(env!("OUT_DIR"), "/file_descriptor_set.bin"))
/// let pool = DescriptorPool::decode(file_descriptor_set)?;
/// let descriptor = pool.get_message_by_name("shop.Order").ok_or("no such message")?;
/// let registry = SchemaRegistry::new("http://localhost:8081")?;
/// let serializer = ProtobufSerializer::new(&registry, descriptor, SerializerOptions::new());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProtobufSerializer {
    writer: Arc<Writer<ProtobufFormat>>,
    descriptor: MessageDescriptor,
}

impl ProtobufSerializer {
    /// For messages of this type. That the values are of it is for the caller to see to: prost's do not say what they are. [`ReflectSerializer`] takes those that do.
    pub fn new(
        registry: &SchemaRegistry,
        descriptor: MessageDescriptor,
        options: SerializerOptions,
    ) -> Self {
        let own = files::own_schema(&descriptor);
        let name = Some(descriptor.full_name().to_owned());
        let writer = Writer::new(registry, own, name, options, ProtobufFormat);
        Self { writer: Arc::new(writer), descriptor }
    }

    /// For messages of a type that knows its descriptor (`#[derive(prost_reflect::ReflectMessage)]`).
    pub fn of<M: ReflectMessage + Default>(
        registry: &SchemaRegistry,
        options: SerializerOptions,
    ) -> Self {
        Self::new(registry, M::default().descriptor(), options)
    }

    /// The type of the messages.
    pub fn descriptor(&self) -> &MessageDescriptor {
        &self.descriptor
    }
}

impl<M: Message> Serializer<M> for ProtobufSerializer {
    type Error = SerializerError;

    #[inline]
    fn serialize(&self, value: &M, output: &mut Output<'_>) -> Result<(), SerializerError> {
        write(&*self.writer.resolved(output)?, value, output)
    }

    fn size_hint(&self, value: &M) -> usize {
        value.encoded_len() + PREFIX
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        _: &'a M,
    ) -> Option<Preparation<'a, SerializerError>> {
        self.writer.look_up(topic, part)
    }

    fn java_class(&self) -> Option<&'static str> {
        Some(CLASS)
    }
}

impl fmt::Debug for ProtobufSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtobufSerializer")
            .field("message", &self.descriptor.full_name())
            .finish_non_exhaustive()
    }
}

/// Messages that know their descriptors, of one type or of many: prost-reflect's `DynamicMessage`, and what derives `ReflectMessage`. Cheap to clone. Feature `protobuf`.
///
/// As [`ProtobufSerializer`], with the schema of each message's own type. Types are told apart by their full names.
#[derive(Clone)]
pub struct ReflectSerializer {
    resolver: Arc<Resolver<ProtobufFormat>>,
}

impl ReflectSerializer {
    /// For any message.
    pub fn new(registry: &SchemaRegistry, options: SerializerOptions) -> Self {
        let resolver = Resolver::new(registry.clone(), options, ProtobufFormat);
        Self { resolver: Arc::new(resolver) }
    }
}

impl<M: ReflectMessage> Serializer<M> for ReflectSerializer {
    type Error = SerializerError;

    #[inline]
    fn serialize(&self, value: &M, output: &mut Output<'_>) -> Result<(), SerializerError> {
        let descriptor = value.descriptor();
        let record = Some(descriptor.full_name());
        let resolved = self.resolver.prepared(output.topic(), output.part(), record)?;
        write(&resolved, value, output)
    }

    fn size_hint(&self, value: &M) -> usize {
        value.encoded_len() + PREFIX
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a M,
    ) -> Option<Preparation<'a, SerializerError>> {
        let descriptor = value.descriptor();
        if self.resolver.get(topic, part, Some(descriptor.full_name())).is_some() {
            return None;
        }
        Some(Box::pin(async move {
            let own = files::own_schema(&descriptor);
            self.resolver.resolve(topic, part, Some(descriptor.full_name()), &own).await.map(drop)
        }))
    }

    fn java_class(&self) -> Option<&'static str> {
        Some(CLASS)
    }
}

impl fmt::Debug for ReflectSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReflectSerializer").finish_non_exhaustive()
    }
}

/// About as many bytes come before a message.
const PREFIX: usize = 8;

fn write<M: Message>(
    resolved: &Resolved<Parsed>,
    value: &M,
    output: &mut Output<'_>,
) -> Result<(), SerializerError> {
    resolved.begin(output);
    value
        .encode(output.buffer())
        .map_err(|error| SerializerError::Value { path: String::new(), detail: error.to_string() })
}

struct ProtobufFormat;

struct Parsed {
    message: MessageDescriptor,
}

impl Format for ProtobufFormat {
    type Parsed = Parsed;

    const SCHEMA_TYPE: SchemaType = SchemaType::Protobuf;

    fn parse(
        &self,
        record: Option<&str>,
        schema: &Schema,
        dependencies: &[Dependency],
    ) -> Result<Parsed, BoxError> {
        let dependencies = dependencies.iter().map(|of| (&*of.name, &*of.registered.schema.text));
        let file = files::file(&schema.text, dependencies)?;
        let name = record.unwrap_or_default();
        let message = file.parent_pool().get_message_by_name(name);
        let message = message.filter(|message| message.parent_file() == file);
        let message = message.ok_or_else(|| format!("it has no message {name}"))?;
        Ok(Parsed { message })
    }

    fn check_compatible(&self, own: &OwnSchema, theirs: &Parsed) -> Result<(), BoxError> {
        let imports = own.imports.iter().map(|import| (&*import.name, &*import.text));
        let own = files::file(&own.text, imports)?;
        let name = theirs.message.full_name();
        let own = own
            .parent_pool()
            .get_message_by_name(name)
            .ok_or_else(|| format!("the program's own file has no message {name}"))?;
        Ok(compatibility::check(&own, &theirs.message)?)
    }

    fn suffix(&self, parsed: &Parsed) -> Vec<u8> {
        indexes::of(&parsed.message)
    }
}
