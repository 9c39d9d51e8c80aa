//! What cannot be serialized says so by the serializer's own error; and what other formats make is what their libraries make.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::error::Error;

use rohrpost_serializer::{
    BoxError, DynSerializer, ListError, ListSerializer, Nullable, Output, Part, Preparation,
    Serializer, encode,
};

/// Refuses what is empty.
#[derive(Clone, Copy)]
struct NotEmpty;

impl<'b> Serializer<&'b str> for NotEmpty {
    type Error = String;

    fn serialize<'a>(&self, value: &'a &'b str, output: &mut Output<'a>) -> Result<(), String> {
        output.lend(value.as_bytes());
        if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(()) }
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        value: &'a &'b str,
    ) -> Option<Preparation<'a, String>> {
        let error = format!("{topic} {part}");
        (*value == "prepare").then(|| Box::pin(std::future::ready(Err(error))) as _)
    }
}

#[test]
fn an_entry_that_cannot_be_serialized_is_named_by_the_lists_error() {
    let list = ListSerializer::nullable(NotEmpty);
    let entries = [Some("a"), None, Some(""), Some("b")];
    let error = encode(&list, "t", Part::Value, &entries[..]).unwrap_err();
    assert_eq!(error.to_string(), "entry 2 of the list: it is empty");
    assert!(matches!(error, ListError::Entry { index: 2, .. }));
    assert_eq!(error.source().unwrap().to_string(), "it is empty");
}

#[test]
fn a_serializer_without_its_type_is_the_same_serializer() {
    let serializer = DynSerializer::new(Nullable(NotEmpty));
    let made = encode(&serializer, "t", Part::Value, &Some("a")).unwrap();
    assert_eq!(made.bytes(), Some(&b"a"[..]));
    let error: BoxError = encode(&serializer, "t", Part::Value, &Some("")).unwrap_err();
    assert_eq!(error.to_string(), "it is empty");
    assert_eq!(serializer.java_class(), None);
    assert!(serializer.prepare("t", Part::Key, &Some("a")).is_none());
    assert!(serializer.prepare("t", Part::Key, &None).is_none());
    let mut look_up = serializer.prepare("t", Part::Key, &Some("prepare")).unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = look_up.as_mut().poll(&mut context) else {
        panic!("it is ready");
    };
    assert_eq!(result.unwrap_err().to_string(), "t key");
}

#[cfg(feature = "json")]
#[test]
fn json_is_what_serde_json_makes_and_its_error_comes_back() {
    use std::collections::BTreeMap;

    use rohrpost_serializer::JsonSerializer;

    let value = serde_json::json!({ "a": [1, null, "ü\n"], "b": { "c": 1.5 } });
    let made = encode(&JsonSerializer, "t", Part::Value, &value).unwrap();
    assert_eq!(made.into_bytes(), Some(serde_json::to_vec(&value).unwrap()));
    let no_text = BTreeMap::from([((1, 2), 3)]);
    let error = encode(&JsonSerializer, "t", Part::Value, &no_text).unwrap_err();
    assert_eq!(error.to_string(), "key must be a string");
}

#[cfg(feature = "protobuf")]
#[test]
fn protobuf_is_what_prost_makes_and_its_size_is_known_before() {
    use prost::Message;
    use rohrpost_serializer::ProtobufSerializer;

    for value in ["", "Grüße"].map(str::to_owned) {
        let made = encode(&ProtobufSerializer, "t", Part::Value, &value).unwrap();
        assert_eq!(made.into_bytes(), Some(value.encode_to_vec()));
        assert_eq!(ProtobufSerializer.size_hint(&value), value.encoded_len());
    }
}

#[cfg(feature = "uuid")]
#[test]
fn a_uuid_is_its_own_text() {
    use rohrpost_serializer::UuidSerializer;

    let id = uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    let made = encode(&UuidSerializer, "t", Part::Key, &id).unwrap();
    assert_eq!(made.bytes(), Some(id.to_string().as_bytes()));
}
