//! schema_registry_converter, by its asynchronous encoders and decoders, as its documentation uses them.

use prost::Message;
use prost_reflect::Value as ReflectValue;
use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::json::{JsonDecoder, JsonEncoder};
use schema_registry_converter::async_impl::proto_decoder::ProtoDecoder;
use schema_registry_converter::async_impl::proto_raw::{ProtoRawDecoder, ProtoRawEncoder};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::SubjectNameStrategy;

use crate::cell::Form;
use crate::load::{Load, MESSAGE, Order, proto};
use crate::meter::{cost, cost_of_reading};
use crate::ours::transcoded;

pub(crate) struct Converter<'l> {
    load: &'l Load,
    avro: AvroEncoder,
    protobuf: ProtoRawEncoder,
    json: JsonEncoder,
    from_avro: AvroDecoder,
    from_protobuf: ProtoRawDecoder,
    from_dynamic: ProtoDecoder,
    from_json: JsonDecoder,
}

impl<'l> Converter<'l> {
    pub(crate) fn new(url: &str, load: &'l Load) -> Self {
        let settings = || SrSettings::new(url.to_owned());
        Self {
            load,
            avro: AvroEncoder::new(settings()),
            protobuf: ProtoRawEncoder::new(settings()),
            json: JsonEncoder::new(settings()),
            from_avro: AvroDecoder::new(settings()),
            from_protobuf: ProtoRawDecoder::new(settings()),
            from_dynamic: ProtoDecoder::new(settings()),
            from_json: JsonDecoder::new(settings()),
        }
    }

    /// What serializing costs, and the bytes. It validates all JSON, and knows no type of the program's there. The schema is the subject's latest one: one's own would be
    /// copied for each record of Protocol Buffers and JSON.
    pub(crate) async fn write(&self, form: Form) -> Option<(f64, Vec<u8>)> {
        let Self { load, avro: to_avro, protobuf, json: to_json, .. } = self;
        let Load { order, avro, json, message, .. } = load;
        let by = SubjectNameStrategy::TopicNameStrategy(form.topic().to_owned(), false);
        Some(match form {
            Form::Avro => write(|| (), async |()| to_avro.encode_struct(order, &by).await).await,
            Form::AvroValue => {
                write(|| avro.clone(), async |value| to_avro.encode_value(value, &by).await).await
            }
            Form::Protobuf => {
                let encode =
                    async |()| protobuf.encode(&message.encode_to_vec(), MESSAGE, by.clone()).await;
                write(|| (), encode).await
            }
            Form::Json => {
                let encode = async |()| {
                    let value = serde_json::to_value(order).expect("JSON");
                    to_json.encode(&value, by.clone()).await
                };
                write(|| (), encode).await
            }
            Form::JsonValue => {
                write(|| (), async |()| to_json.encode(json, by.clone()).await).await
            }
            Form::Dynamic | Form::JsonUnchecked => return None,
        })
    }

    /// What deserializing costs. Of Avro it knows apache_avro's `Value` alone, of JSON serde_json's.
    pub(crate) async fn read(&self, form: Form, bytes: &[u8]) -> f64 {
        let Self { load, from_avro, from_protobuf, from_dynamic, from_json, .. } = self;
        let Load { order, avro, json, message, .. } = load;
        let bytes = Some(bytes);
        let tree = async |validates: bool| -> Result<serde_json::Value, SRCError> {
            let read = from_json.decode(bytes).await?.expect("a value");
            if validates {
                from_json.validate(&read.schema, &read.value)?;
            }
            Ok(read.value)
        };
        let typed = async |validates| -> Result<Order, SRCError> {
            Ok(serde_json::from_value(tree(validates).await?).expect("an order"))
        };
        match form {
            Form::Avro => {
                let read = async || -> Result<Order, SRCError> {
                    let read = from_avro.decode(bytes).await?;
                    Ok(apache_avro::from_value(&read.value).expect("an order"))
                };
                cost_of_reading(order, read).await
            }
            Form::AvroValue => {
                let read = async || Ok::<_, SRCError>(from_avro.decode(bytes).await?.value);
                cost_of_reading(avro, read).await
            }
            Form::Protobuf => {
                let read = async || -> Result<proto::Order, SRCError> {
                    let read = from_protobuf.decode(bytes).await?.expect("a message");
                    Ok(Message::decode(&*read.bytes).expect("an order"))
                };
                cost_of_reading(message, read).await
            }
            Form::Dynamic => {
                let read = async || from_dynamic.decode(bytes).await;
                let ReflectValue::Message(once) = read().await.expect("a message") else {
                    unreachable!("bytes of a message");
                };
                assert_eq!(&transcoded(&once), message);
                cost(|| (), async |()| read().await).await
            }
            Form::Json => cost_of_reading(order, async || typed(true).await).await,
            Form::JsonValue => cost_of_reading(json, async || tree(true).await).await,
            Form::JsonUnchecked => cost_of_reading(order, async || typed(false).await).await,
        }
    }
}

async fn write<I>(
    item: impl Fn() -> I,
    mut encode: impl AsyncFnMut(I) -> Result<Vec<u8>, SRCError>,
) -> (f64, Vec<u8>) {
    let bytes = encode(item()).await.expect("a record");
    (cost(item, encode).await, bytes)
}
