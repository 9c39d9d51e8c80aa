//! rohrpost-schema-registry, as a producer uses it: prepare, then serialize into memory that is used again.

use std::borrow::Borrow;

use prost_reflect::DynamicMessage;
use rohrpost_schema_registry::{
    AvroDeserializer, AvroSerializer, JsonDeserializer, JsonSerializer, ProtobufDeserializer,
    ProtobufSerializer, Schema, SchemaId, SchemaRegistry, SchemaSource, SerializerError,
    SerializerOptions,
};
use rohrpost_serializer::{Part, Scratch, Serializer, encode};

use crate::cell::Form;
use crate::load::{self, Load, Order, proto};
use crate::meter::{cost, cost_of_reading};

pub(crate) struct Ours<'l> {
    load: &'l Load,
    avro: AvroSerializer,
    protobuf: ProtobufSerializer,
    json: JsonSerializer,
    from_avro: AvroDeserializer,
    from_protobuf: ProtobufDeserializer,
    from_json: JsonDeserializer,
}

impl<'l> Ours<'l> {
    pub(crate) fn new(registry: &SchemaRegistry, load: &'l Load, protobuf: SchemaId) -> Self {
        let options = SerializerOptions::new;
        // The text that the peer reads: by itself, this client registers the descriptor.
        let pinned = options().source(SchemaSource::Id { id: protobuf, strict: true });
        let avro = AvroSerializer::new(registry, Schema::avro(load::AVRO), options());
        let json = JsonSerializer::new(registry, Schema::json(load::JSON), options());
        Self {
            load,
            avro: avro.expect("an Avro schema"),
            protobuf: ProtobufSerializer::new(registry, load.descriptor.clone(), pinned),
            json: json.expect("a JSON Schema"),
            from_avro: AvroDeserializer::new(registry),
            from_protobuf: ProtobufDeserializer::new(registry),
            from_json: JsonDeserializer::new(registry),
        }
    }

    /// What serializing costs, and the bytes.
    pub(crate) async fn write(&self, form: Form) -> Option<(f64, Vec<u8>)> {
        let Load { order, avro, json, message, .. } = self.load;
        let topic = form.topic();
        Some(match form {
            Form::Avro => write(&self.avro, topic, order, || order).await,
            // Given away, as the peer wants it.
            Form::AvroValue => write(&self.avro.values(), topic, avro, || avro.clone()).await,
            Form::Protobuf => write(&self.protobuf, topic, message, || message).await,
            Form::Dynamic => return None,
            Form::Json => write(&self.json, topic, order, || order).await,
            Form::JsonValue => write(&self.json.values(), topic, json, || json).await,
            Form::JsonUnchecked => {
                write(&self.json.clone().validate(false), topic, order, || order).await
            }
        })
    }

    /// What deserializing costs.
    pub(crate) async fn read(&self, form: Form, bytes: &[u8]) -> f64 {
        let Self { load, from_avro, from_protobuf, from_json, .. } = self;
        let Load { order, avro, json, message, .. } = load;
        match form {
            Form::Avro => {
                cost_of_reading(order, async || from_avro.deserialize(None, bytes).await).await
            }
            Form::AvroValue => {
                cost_of_reading(avro, async || from_avro.deserialize_value(None, bytes).await).await
            }
            Form::Protobuf => {
                cost_of_reading(message, async || from_protobuf.deserialize(None, bytes)).await
            }
            Form::Dynamic => {
                let read = async || from_protobuf.deserialize_dynamic(None, bytes).await;
                let known: proto::Order = transcoded(&read().await.expect("a message"));
                assert_eq!(&known, message);
                cost(|| (), async |()| read().await).await
            }
            Form::Json => {
                cost_of_reading(order, async || from_json.deserialize(None, bytes).await).await
            }
            Form::JsonValue => {
                cost_of_reading(json, async || from_json.deserialize_value(None, bytes).await).await
            }
            Form::JsonUnchecked => {
                let unchecked = from_json.clone().validate(false);
                cost_of_reading(order, async || unchecked.deserialize(None, bytes).await).await
            }
        }
    }

    /// Whether bytes of whoever's are the order.
    pub(crate) async fn knows(&self, form: Form, bytes: &[u8]) -> bool {
        let Load { order, message, .. } = self.load;
        let read: Option<Order> = match form {
            Form::Avro | Form::AvroValue => self.from_avro.deserialize(None, bytes).await.ok(),
            Form::Protobuf | Form::Dynamic => {
                return self.from_protobuf.deserialize(None, bytes).as_ref().ok() == Some(message);
            }
            Form::Json | Form::JsonValue | Form::JsonUnchecked => {
                self.from_json.deserialize(None, bytes).await.ok()
            }
        };
        read.as_ref() == Some(order)
    }
}

pub(crate) fn transcoded(message: &DynamicMessage) -> proto::Order {
    message.transcode_to().expect("the same schema")
}

async fn write<T, I, S>(
    serializer: &S,
    topic: &str,
    value: &T,
    item: impl Fn() -> I,
) -> (f64, Vec<u8>)
where
    I: Borrow<T>,
    S: Serializer<T, Error = SerializerError>,
{
    let mut scratch = Scratch::new();
    let cost = cost(item, async |item: I| {
        let value = item.borrow();
        if let Some(look_up) = serializer.prepare(topic, Part::Value, value) {
            look_up.await.expect("a schema");
        }
        let made = scratch.serialize(serializer, topic, Part::Value, value);
        std::hint::black_box(made.expect("a record"));
    });
    let cost = cost.await;
    let made = encode(serializer, topic, Part::Value, value).expect("a record");
    (cost, made.into_bytes().unwrap_or_default())
}
