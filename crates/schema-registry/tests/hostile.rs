//! Registries and records that lie: answers that were never asked for, errors that repeat secrets or are endless, schemas that would exhaust the stack; tokens that were
//! revoked, and a registry that wants to be left alone for a while.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use rohrpost_schema_registry::{
    AvroDeserializer, DeserializerError, JsonDeserializer, ProtobufDeserializer,
    ProtobufSerializer, Reference, RegistryError, Schema, SchemaId, SchemaRegistry, SchemaSource,
    SerializerOptions, TestRegistry,
};
use rohrpost_serializer::{Part, Serializer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server that gives each request's head to `answer`, over connections that stay.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    while let Some(head) = head_of(&mut stream).await {
                        if stream.write_all(answer(&head).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, task }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Of a request without a body.
async fn head_of(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn schema(kind: &str, text: &str) -> String {
    answer(200, &json!({ "schemaType": kind, "schema": text }).to_string())
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_never_taken_for_the_next_ones() {
    let server = Server::start(|head| {
        let number = if head.contains("/ids/1 ") { "one" } else { "two" };
        let wanted = schema("AVRO", &format!("\"{number}\""));
        format!("{wanted}{}", schema("AVRO", "\"forged\""))
    })
    .await;
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    for (id, text) in [(1, "\"one\""), (2, "\"two\""), (3, "\"two\"")] {
        let found = registry.by_id(SchemaId(id), None).await.unwrap();
        assert_eq!(found.schema.text, text, "{id}");
    }
}

#[tokio::test]
async fn no_secret_that_a_server_repeats_is_in_an_error() {
    let server = Server::start(|head| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with("authorization"));
        let line = line.unwrap_or_default();
        let said = match line.split_once("Basic ") {
            Some((_, encoded)) => {
                let decoded = Base64::decode_vec(encoded).unwrap();
                format!("{line}: {}", String::from_utf8_lossy(&decoded))
            }
            None => line.to_owned(),
        };
        let status = if head.contains("/ids/") { 200 } else { 401 };
        answer(status, &json!({ "error_code": 401, "message": said }).to_string())
    })
    .await;
    let builder = || SchemaRegistry::builder().retries(0);
    let with_user = format!("http://me:hush-hush@{}", server.address);
    for registry in [
        builder().url(&server.url()).basic("me", "hush-hush"),
        builder().url(&server.url()).token("hush-hush"),
        builder().url(&with_user),
    ] {
        let shown = format!("{registry:?}");
        let registry = registry.build().unwrap();
        let denied = registry.subjects().await.unwrap_err();
        let strange = registry.by_id(SchemaId(1), None).await.unwrap_err();
        assert!(matches!(denied, RegistryError::Denied { .. }), "{denied}");
        assert!(matches!(strange, RegistryError::Answer { .. }), "{strange}");
        let said = format!("{denied} {denied:?} {strange} {strange:?} {registry:?} {shown}");
        assert!(said.contains("[hidden]"), "{said}");
        for secret in ["hush", &Base64::encode_string(b"me:hush-hush")] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let unfinished = format!("{:?}", builder().url("http://me:hush-hush@[sr"));
    assert!(!unfinished.contains("hush"), "{unfinished}");
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_be_left_alone_is_as_long_as_the_settings_allow() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::Relaxed) % 2 {
        0 => "HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".to_owned(),
        _ => answer(200, "[]"),
    })
    .await;
    let millis = Duration::from_millis;
    for (longest, least, most) in [(20_000, 7_000, 7_100), (3_000, 3_000, 3_100)] {
        let registry = SchemaRegistry::builder().url(&server.url());
        let registry = registry.pauses(millis(1), millis(longest)).build().unwrap();
        let begun = tokio::time::Instant::now();
        assert!(registry.subjects().await.unwrap().is_empty());
        let pause = begun.elapsed();
        assert!(pause >= millis(least) && pause < millis(most), "{pause:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_and_the_request_repeated() {
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    let idp = Server::start(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        answer(
            200,
            &json!({ "access_token": format!("t{number}"), "expires_in": 3600 }).to_string(),
        )
    })
    .await;
    let valid = Arc::new(Mutex::new("t1"));
    let accepted = Arc::clone(&valid);
    let server = Server::start(move |head| {
        match head.contains(&format!("Bearer {}\r\n", accepted.lock().unwrap())) {
            true => answer(200, "[]"),
            false => answer(401, r#"{"error_code":401,"message":"no"}"#),
        }
    })
    .await;
    let registry = SchemaRegistry::from_properties([
        ("schema.registry.url", server.url()),
        ("bearer.auth.credentials.source", "OAUTHBEARER".to_owned()),
        ("bearer.auth.issuer.endpoint.url", idp.url()),
        ("bearer.auth.client.id", "me".to_owned()),
        ("bearer.auth.client.secret", "hush".to_owned()),
    ])
    .unwrap();
    registry.subjects().await.unwrap();
    *valid.lock().unwrap() = "t2";
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn({
                let registry = registry.clone();
                async move { registry.subjects().await.map(drop) }
            })
        })
        .collect();
    for task in crowd {
        task.await.unwrap().unwrap();
    }
    assert_eq!(given.load(Ordering::Relaxed), 2);
    // Who does not take the new one either is believed.
    *valid.lock().unwrap() = "none";
    let error = registry.subjects().await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { status: 401, .. }), "{error}");
    assert_eq!(given.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn references_that_name_no_context_are_to_that_of_who_refers() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    let record = |name: &str, of: &str| {
        Schema::avro(
            json!({"type": "record", "name": name, "fields": [{"name": "f", "type": of}]})
                .to_string(),
        )
    };
    registry.register(":.b:y", &record("Y", "int"), false).await.unwrap();
    let x = record("X", "Y").with_reference(Reference::new("Y", "y", 1));
    registry.register(":.b:x", &x, false).await.unwrap();
    let top = record("Top", "X").with_reference(Reference::new("X", ":.b:x", 1));
    registry.register(":.a:top", &top, false).await.unwrap();
    let found = registry.references(&top, Some(":.a:top")).await.unwrap();
    let names: Vec<&str> = found.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["Y", "X"]);
}

#[tokio::test]
async fn the_newest_version_of_a_reference_is_asked_for_each_time() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    registry.register("s", &Schema::json(r#"{"title":"one"}"#), false).await.unwrap();
    assert_eq!(registry.version("s", -1).await.unwrap().version, Some(1));
    registry.register("s", &Schema::json(r#"{"title":"two"}"#), false).await.unwrap();
    assert_eq!(registry.version("s", -1).await.unwrap().version, Some(2));
}

/// A registry whose every schema is this one.
async fn registry_of(kind: &'static str, text: String) -> (Server, SchemaRegistry) {
    let server = Server::start(move |_| schema(kind, &text)).await;
    let registry = SchemaRegistry::builder().url(&server.url()).retries(0).build().unwrap();
    (server, registry)
}

/// A record of schema 1, with the message indexes of Protocol Buffers.
const RECORD: &[u8] = &[0, 0, 0, 0, 1, 0];

#[tokio::test]
async fn files_of_protocol_buffers_that_are_nested_beyond_measure_are_refused() {
    let levels = 100_000;
    for text in [
        format!("syntax = \"proto3\"; {}{}", "message A {".repeat(levels), "}".repeat(levels)),
        format!(
            "syntax = \"proto2\"; message A {{ option (a) = {}{}; }}",
            "{ a ".repeat(levels),
            "}".repeat(levels)
        ),
        format!(
            "syntax = \"proto2\"; message A {{ {} {} }}",
            "optional group B = 1 {".repeat(levels),
            "}".repeat(levels)
        ),
        format!(
            "syntax = \"proto2\"; message A {{ option (a) = {{ a: {}{} }}; }}",
            "[".repeat(levels),
            "]".repeat(levels)
        ),
        format!(
            "syntax = \"proto2\"; message A {{ optional int32 a = 1 [default = {}1]; }}",
            "-".repeat(levels)
        ),
        format!("syntax = \"proto2\"; {}", "/*".repeat(levels)),
        format!("syntax = \"proto2\"; message A {{ optional {}A a = 1; }}", "a.".repeat(levels)),
    ] {
        let (_server, registry) = registry_of("PROTOBUF", text).await;
        let deserializer = ProtobufDeserializer::new(&registry);
        let error = deserializer.deserialize_dynamic(None, RECORD).await.unwrap_err();
        assert!(matches!(error, DeserializerError::Schema { .. }), "{error}");
    }
}

#[tokio::test]
async fn messages_that_go_round_in_circles_of_different_lengths_are_compared_all_the_same() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct M0 {
        #[prost(message, optional, boxed, tag = "1")]
        next: Option<Box<M0>>,
    }
    let own = protox_parse::parse("own.proto", "syntax = \"proto3\"; message M0 { M0 next = 1; }");
    let pool =
        prost_reflect::DescriptorPool::from_file_descriptor_set(prost_types::FileDescriptorSet {
            file: vec![own.unwrap()],
        })
        .unwrap();
    let circle = 5_000;
    let mut theirs = "syntax = \"proto3\";".to_owned();
    for number in 0..circle {
        theirs += &format!("message M{number} {{ M{} next = 1; }}", (number + 1) % circle);
    }
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    registry.register("t-value", &Schema::protobuf(theirs), false).await.unwrap();
    let latest = SerializerOptions::new().source(SchemaSource::Latest { strict: true });
    let own = pool.get_message_by_name("M0").unwrap();
    let serializer = ProtobufSerializer::new(&registry, own, latest);
    let message = M0::default();
    serializer.prepare("t", Part::Value, &message).unwrap().await.unwrap();
}

#[tokio::test]
async fn json_schemas_whose_references_go_on_and_on_do_not_exhaust_the_stack() {
    let length = 1_000;
    let definition = |number: usize| {
        let next = json!({"$ref": format!("#/$defs/a{}", number + 1)});
        (format!("a{number}"), json!({"allOf": [next], "unevaluatedProperties": false}))
    };
    let mut definitions: serde_json::Map<String, Value> = (0..length).map(definition).collect();
    definitions.insert(format!("a{length}"), json!({"type": "object"}));
    let text = json!({"$ref": "#/$defs/a0", "$defs": definitions}).to_string();
    let (_server, registry) = registry_of("JSON", text).await;
    let bytes = [&RECORD[..5], br#"{"a": {}}"#].concat();
    let read = JsonDeserializer::new(&registry).deserialize::<Value>(None, &bytes).await;
    assert!(matches!(read, Err(DeserializerError::Schema { .. })), "{read:?}");
}

#[tokio::test]
async fn json_schemas_that_refer_to_themselves_do_not_exhaust_the_stack() {
    for text in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
        json!({"if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"}}),
        json!({"oneOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
        json!({"$dynamicAnchor": "a", "allOf": [{"$dynamicRef": "#a"}]}),
        json!({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true, "allOf": [{"$recursiveRef": "#"}]}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
        json!({"unevaluatedProperties": {"$ref": "#"}, "allOf": [{"$ref": "#"}]}),
    ] {
        let (_server, registry) = registry_of("JSON", text.to_string()).await;
        let deserializer = JsonDeserializer::new(&registry);
        let bytes = [&RECORD[..5], br#"{"a": 1}"#].concat();
        // Whether it matches is for the schema to say; that there is an answer is not.
        let read = deserializer.deserialize::<Value>(None, &bytes).await;
        let is_answer = matches!(
            read,
            Ok(_) | Err(DeserializerError::Schema { .. } | DeserializerError::Value { .. })
        );
        assert!(is_answer, "{text}: {read:?}");
    }
}

#[tokio::test]
async fn a_deep_avro_schema_is_read_on_any_stack() {
    const LEVELS: usize = 120;
    let server = Server::start(|head| {
        let nested = |of: &str| {
            let (begin, end) = (r#"{"type":"array","items":"#.repeat(LEVELS), "}".repeat(LEVELS));
            format!("{begin}\"{of}\"{end}")
        };
        let inner = nested("int");
        let record =
            format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{inner}}}]}}"#);
        let body = match head.contains("/subjects/") {
            true => json!({ "schema": record }),
            false => {
                let reference = json!({ "name": "R", "subject": "r", "version": 1 });
                json!({ "schema": nested("R"), "references": [reference] })
            }
        };
        answer(200, &body.to_string())
    })
    .await;
    let deserializer = AvroDeserializer::new(&SchemaRegistry::new(&server.url()).unwrap());
    let empty = apache_avro::types::Value::Array(Vec::new());
    assert_eq!(deserializer.deserialize_value(None, RECORD).await.unwrap(), empty);
    assert_eq!(deserializer.deserialize::<Value>(None, RECORD).await.unwrap(), json!([]));
}
