//! The registry for tests does as Confluent's: numbers, versions, rules, deletions, settings, codes of errors.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rohrpost_schema_registry::{
    CompatibilityLevel, Reference, RegistryError, Schema, SchemaId, SchemaRegistry, TestRegistry,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and JSON of a request, as any client of HTTP would make it.
async fn ask(server: &TestRegistry, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

async fn start() -> (TestRegistry, SchemaRegistry) {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    (server, registry)
}

fn record(fields: &str) -> Schema {
    Schema::avro(format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#))
}

const A: &str = r#"{"name":"a","type":"int"}"#;
const B: &str = r#"{"name":"b","type":"int"}"#;
const B_DEFAULT: &str = r#"{"name":"b","type":"int","default":0}"#;

#[tokio::test]
async fn a_number_is_the_contents_own_and_versions_are_the_subjects() {
    let (_server, registry) = start().await;
    let (one, two) = (record(A), record(&format!("{A},{B_DEFAULT}")));
    let first = registry.register("x-value", &one, false).await.unwrap();
    assert_eq!((first.id, first.version), (Some(SchemaId(1)), Some(1)));
    let second = registry.register("x-value", &two, false).await.unwrap();
    assert_eq!((second.id, second.version), (Some(SchemaId(2)), Some(2)));
    // The same contents, written otherwise, in another subject.
    let spaced = Schema::avro(one.text.replace(',', " , "));
    let same = registry.register("y-value", &spaced, false).await.unwrap();
    assert_eq!((same.id, same.version, same.guid), (Some(SchemaId(1)), Some(1), first.guid));
    assert_ne!(first.guid, second.guid);
    // Once more is the same.
    assert_eq!(registry.register("x-value", &one, true).await.unwrap().version, Some(1));
    assert_eq!(registry.versions("x-value").await.unwrap(), [1, 2]);
    assert_eq!(registry.subjects().await.unwrap(), ["x-value", "y-value"]);
    let found = registry.by_guid(first.guid.unwrap()).await.unwrap();
    assert_eq!(found.schema.text, one.text);
    assert_eq!(registry.by_id(SchemaId(2), None).await.unwrap().schema.text, two.text);
    assert_eq!(registry.latest("x-value").await.unwrap().id, Some(SchemaId(2)));
    assert_eq!(registry.version("x-value", 1).await.unwrap().id, Some(SchemaId(1)));
    assert_eq!(registry.look_up("x-value", &spaced, false).await.unwrap().version, Some(1));
    assert_eq!(registry.id_of(first.guid.unwrap(), None).await.unwrap(), SchemaId(1));
}

#[tokio::test]
async fn each_level_allows_what_it_says_and_tells_what_it_does_not() {
    use CompatibilityLevel::{
        Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive, None,
    };
    let (a, ab, ab_default) =
        (record(A), record(&format!("{A},{B}")), record(&format!("{A},{B_DEFAULT}")));
    let b_default = record(B_DEFAULT);
    for (level, old, new, is_allowed) in [
        (Backward, &[&a][..], &ab_default, true),
        (Backward, &[&a], &ab, false),
        (Backward, &[&ab], &a, true),
        (Forward, &[&a], &ab, true),
        (Forward, &[&ab], &a, false),
        (Full, &[&a], &ab_default, true),
        (Full, &[&a], &ab, false),
        (Full, &[&ab], &a, false),
        // The last one has what the first one lacks.
        (Backward, &[&a, &ab_default], &ab, true),
        (BackwardTransitive, &[&a, &ab_default], &ab, false),
        (Forward, &[&ab, &ab_default], &a, true),
        (ForwardTransitive, &[&ab, &ab_default], &a, false),
        (Full, &[&ab, &ab_default], &b_default, false),
        (FullTransitive, &[&a, &ab_default], &ab, false),
        (None, &[&a], &b_default, true),
        (None, &[&a], &Schema::avro("\"string\""), true),
    ] {
        let (_server, registry) = start().await;
        registry.set_compatibility_level(Option::None, None).await.unwrap();
        for old in old {
            registry.register("s", old, false).await.unwrap();
        }
        registry.set_compatibility_level(Some("s"), level).await.unwrap();
        assert_eq!(registry.compatibility_level(Some("s")).await.unwrap(), level);
        assert_eq!(registry.compatibility_level(Some("other")).await.unwrap(), None);
        let checked = registry.check_compatibility("s", new, Option::None).await.unwrap();
        assert_eq!(checked.is_compatible, is_allowed, "{level} {old:?} {new:?}");
        assert_eq!(checked.messages.is_empty(), is_allowed);
        match registry.register("s", new, false).await {
            Ok(_) => assert!(is_allowed, "{level} {old:?} {new:?}"),
            Err(RegistryError::Incompatible { subject, message }) => {
                assert!(!is_allowed, "{level} {old:?} {new:?}");
                assert_eq!(subject, "s");
                assert!(message.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{message}");
                assert!(message.contains("/fields/"), "{message}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_is_deleted_softly_can_be_read_by_number_until_it_is_deleted_for_good() {
    let (server, registry) = start().await;
    let (one, two) = (record(A), record(&format!("{A},{B_DEFAULT}")));
    registry.register("s", &one, false).await.unwrap();
    registry.register("s", &two, false).await.unwrap();
    let code = |error: RegistryError| match error {
        RegistryError::Refused { code, .. } => code.unwrap(),
        other => panic!("{other}"),
    };
    let early = registry.delete_version("s", 1, true).await.unwrap_err();
    assert_eq!(code(early), 40407);
    assert_eq!(registry.delete_version("s", 1, false).await.unwrap(), 1);
    assert_eq!(registry.versions("s").await.unwrap(), [2]);
    let again = registry.delete_version("s", 1, false).await.unwrap_err();
    assert_eq!(code(again), 40406);
    let (status, versions) =
        ask(&server, "GET", "/subjects/s/versions?deleted=true", &json!(null)).await;
    assert_eq!((status, versions), (200, json!([1, 2])));
    let fresh = SchemaRegistry::new(&server.url()).unwrap();
    assert_eq!(fresh.by_id(SchemaId(1), None).await.unwrap().schema.text, one.text);
    // Registered again, it is a new version with the old number.
    let back = registry.register("s", &one, false).await.unwrap();
    assert_eq!((back.id, back.version), (Some(SchemaId(1)), Some(3)));
    let early = registry.delete_subject("s", true).await.unwrap_err();
    assert_eq!(code(early), 40405);
    assert_eq!(registry.delete_subject("s", false).await.unwrap(), [2, 3]);
    assert!(registry.subjects().await.unwrap().is_empty());
    let gone = registry.latest("s").await.unwrap_err();
    assert_eq!(gone, RegistryError::SubjectNotFound { subject: "s".to_owned() });
    let again = registry.delete_subject("s", false).await.unwrap_err();
    assert_eq!(code(again), 40404);
    assert_eq!(registry.delete_subject("s", true).await.unwrap(), [1, 2, 3]);
    let fresh = SchemaRegistry::new(&server.url()).unwrap();
    let gone = fresh.by_id(SchemaId(1), None).await.unwrap_err();
    assert!(matches!(gone, RegistryError::SchemaNotFound { .. }), "{gone}");
    // No number is given twice.
    let next = registry.register("s", &one, false).await.unwrap();
    assert_eq!((next.id, next.version), (Some(SchemaId(3)), Some(1)));
}

#[tokio::test]
async fn references_are_resolved_and_hold_what_they_are_to() {
    let (server, registry) = start().await;
    let address = Schema::avro(r#"{"type":"record","name":"a.Address","fields":[]}"#);
    let order = Schema::avro(
        r#"{"type":"record","name":"a.Order","fields":[{"name":"to","type":"a.Address"}]}"#,
    );
    let missing = registry.register("order", &order, false).await.unwrap_err();
    assert!(matches!(missing, RegistryError::InvalidSchema { .. }), "{missing}");
    registry.register("address", &address, false).await.unwrap();
    let order = order.with_reference(Reference::new("a.Address", "address", 1));
    let registered = registry.register("order", &order, false).await.unwrap();
    assert_eq!(
        registry.by_id(registered.id.unwrap(), None).await.unwrap().schema.references,
        order.references
    );
    let top = Schema::avro(
        r#"{"type":"record","name":"a.Top","fields":[{"name":"o","type":"a.Order"},{"name":"a","type":"a.Address"}]}"#,
    )
    .with_reference(Reference::new("a.Order", "order", 1))
    .with_reference(Reference::new("a.Address", "address", 1));
    registry.register("top", &top, false).await.unwrap();
    let names: Vec<String> = registry
        .references(&top, None)
        .await
        .unwrap()
        .into_iter()
        .map(|dependency| dependency.name)
        .collect();
    assert_eq!(names, ["a.Address", "a.Order"]);
    let (_, ids) =
        ask(&server, "GET", "/subjects/address/versions/1/referencedby", &json!(null)).await;
    assert_eq!(ids, json!([2, 3]));
    for held in [
        registry.delete_subject("address", false).await.map(|_| ()),
        registry.delete_version("address", 1, false).await.map(|_| ()),
    ] {
        let error = held.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { code: Some(42206), .. }), "{error}");
    }
    registry.delete_subject("top", false).await.unwrap();
    registry.delete_subject("order", false).await.unwrap();
    registry.delete_subject("address", false).await.unwrap();
}

#[tokio::test]
async fn contexts_have_numbers_of_their_own() {
    let (server, registry) = start().await;
    let sales = SchemaRegistry::builder().url(&server.url()).context("sales").build().unwrap();
    let (one, two) = (Schema::avro("\"string\""), Schema::avro("\"int\""));
    registry.register("s", &one, false).await.unwrap();
    let in_sales = sales.register("s", &two, false).await.unwrap();
    assert_eq!(in_sales.id, Some(SchemaId(1)));
    assert_eq!(in_sales.subject.as_deref(), Some(":.sales:s"));
    assert_eq!(registry.by_id(SchemaId(1), None).await.unwrap().schema.text, one.text);
    assert_eq!(sales.by_id(SchemaId(1), None).await.unwrap().schema.text, two.text);
    let named = registry.by_id(SchemaId(1), Some(":.sales:s")).await.unwrap();
    assert_eq!(named.schema.text, two.text);
    assert_eq!(registry.latest(":.sales:s").await.unwrap().schema.text, two.text);
    assert_eq!(registry.subjects().await.unwrap(), ["s"]);
    assert_eq!(sales.subjects().await.unwrap(), [":.sales:s"]);
    let (_, contexts) = ask(&server, "GET", "/contexts", &json!(null)).await;
    assert_eq!(contexts, json!([".", ".sales"]));
    let (_, latest) =
        ask(&server, "GET", "/contexts/.sales/subjects/s/versions/latest", &json!(null)).await;
    assert_eq!(latest["schema"], two.text);
    // A GUID is the same everywhere, the number is not.
    sales.register("t", &one, false).await.unwrap();
    let guid = registry.latest("s").await.unwrap().guid.unwrap();
    assert_eq!(sales.id_of(guid, None).await.unwrap(), SchemaId(2));
    assert_eq!(registry.id_of(guid, None).await.unwrap(), SchemaId(1));
    let only_here = registry.id_of(in_sales.guid.unwrap(), None).await.unwrap_err();
    assert!(matches!(only_here, RegistryError::NoId { .. }), "{only_here}");
}

#[tokio::test]
async fn errors_have_confluents_codes() {
    let (server, registry) = start().await;
    registry.register("s", &Schema::avro("\"string\""), false).await.unwrap();
    let none = json!(null);
    let schema = |text: &str| json!({ "schema": text });
    let cases = [
        ("GET", "/subjects/t/versions", &none, 404, 40401),
        ("GET", "/subjects/t/versions/1", &none, 404, 40401),
        ("GET", "/subjects/s/versions/2", &none, 404, 40402),
        ("GET", "/subjects/s/versions/x", &none, 422, 42202),
        ("GET", "/subjects/s/versions/0", &none, 422, 42202),
        ("GET", "/schemas/ids/7", &none, 404, 40403),
        ("GET", "/schemas/guids/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", &none, 404, 40403),
        ("POST", "/subjects/t", &schema("\"string\""), 404, 40401),
        ("POST", "/subjects/s", &schema("\"int\""), 404, 40403),
        ("POST", "/subjects/s/versions", &schema("{"), 422, 42201),
        ("POST", "/subjects/s/versions", &schema(""), 422, 42201),
        (
            "POST",
            "/subjects/s/versions",
            &json!({"schema": "x", "schemaType": "THRIFT"}),
            422,
            42201,
        ),
        ("POST", "/subjects/s/versions", &json!({"schema": "x", "schemaType": "JSON"}), 422, 42201),
        ("POST", "/subjects/s/versions", &schema("\"int\""), 409, 409),
        ("POST", "/subjects/s/versions", &json!([]), 400, 400),
        ("POST", "/subjects/s/versions", &json!({"schema": "\"string\"", "id": 9}), 422, 42205),
        ("POST", "/compatibility/subjects/s/versions/7", &schema("\"int\""), 404, 40402),
        ("PUT", "/config", &json!({"compatibility": "SOMEHOW"}), 422, 42203),
        ("PUT", "/mode", &json!({"mode": "SOMEHOW"}), 422, 42204),
        ("GET", "/config/s", &none, 404, 40408),
        ("GET", "/mode/s", &none, 404, 40409),
        ("GET", "/nowhere", &none, 404, 404),
    ];
    for (method, target, body, status, code) in cases {
        let (answered, error) = ask(&server, method, target, body).await;
        assert_eq!(
            (answered, &error["error_code"]),
            (status, &json!(code)),
            "{method} {target}: {error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

#[tokio::test]
async fn modes_forbid_and_let_numbers_be_brought() {
    let (server, registry) = start().await;
    let put = |mode: &str| json!({ "mode": mode });
    assert_eq!(ask(&server, "GET", "/mode", &json!(null)).await.1, put("READWRITE"));
    ask(&server, "PUT", "/mode/s", &put("READONLY")).await;
    let refused = registry.register("s", &Schema::avro("\"int\""), false).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { code: Some(42205), .. }), "{refused}");
    ask(&server, "PUT", "/mode/s", &put("IMPORT")).await;
    let brought = json!({ "schema": "\"int\"", "id": 40, "version": 7 });
    let (status, answer) = ask(&server, "POST", "/subjects/s/versions", &brought).await;
    assert_eq!((status, &answer["id"], &answer["version"]), (200, &json!(40), &json!(7)));
    ask(&server, "DELETE", "/mode/s", &json!(null)).await;
    let next = registry.register("t", &Schema::avro("\"long\""), false).await.unwrap();
    assert_eq!(next.id, Some(SchemaId(41)));
}

#[tokio::test]
async fn json_schemas_are_compared_without_white_space_and_by_keys_only_in_normal_form() {
    let (_server, registry) = start().await;
    registry.set_compatibility_level(None, CompatibilityLevel::None).await.unwrap();
    let plain = Schema::json(r#"{"type":"object","title":"a b"}"#);
    let spaced = Schema::json("{ \"type\" : \"object\",\n \"title\": \"a b\" }");
    let turned = Schema::json(r#"{"title":"a b","type":"object"}"#);
    let first = registry.register("s", &plain, false).await.unwrap();
    assert_eq!(registry.register("s", &spaced, false).await.unwrap().id, first.id);
    assert_ne!(registry.register("s", &turned, false).await.unwrap().id, first.id);
    let normal = registry.register("t", &plain, true).await.unwrap();
    assert_eq!(registry.register("t", &turned, true).await.unwrap().id, normal.id);
}

#[tokio::test]
async fn the_list_of_subjects_knows_prefixes_and_what_is_deleted() {
    let (server, registry) = start().await;
    for subject in ["a-1", "a-2", "b"] {
        registry.register(subject, &Schema::avro("\"int\""), false).await.unwrap();
    }
    registry.delete_subject("a-2", false).await.unwrap();
    for (query, expected) in [
        ("", json!(["a-1", "b"])),
        ("?subjectPrefix=a", json!(["a-1"])),
        ("?deleted=true", json!(["a-1", "a-2", "b"])),
        ("?deletedOnly=true", json!(["a-2"])),
    ] {
        let (_, subjects) = ask(&server, "GET", &format!("/subjects{query}"), &json!(null)).await;
        assert_eq!(subjects, expected, "{query}");
    }
    let (_, subjects) = ask(&server, "GET", "/schemas/ids/1/subjects", &json!(null)).await;
    assert_eq!(subjects, json!(["a-1", "b"]));
}

/// The examples of the API's reference (Confluent Platform, "Schema Registry API Reference"), one after the other, with all that they show.
#[tokio::test]
async fn the_examples_of_the_api_reference_are_answered_as_it_says() {
    let (server, _registry) = start().await;
    let none = json!(null);
    let text = r#"{"type":"record","name":"test","fields":[{"type":"string","name":"field1"},{"type":"int","name":"field2"}]}"#;
    let kept = r#"{"type":"record","name":"test","fields":[{"name":"field1","type":"string"},{"name":"field2","type":"int"}]}"#;
    let schema = json!({ "schema": text });
    let examples = [
        ("GET", "/subjects", &none, json!([])),
        ("GET", "/schemas/types", &none, json!(["JSON", "PROTOBUF", "AVRO"])),
        ("POST", "/subjects/test/versions", &schema, json!({ "id": 1 })),
        ("POST", "/subjects/test2/versions", &schema, json!({ "id": 1 })),
        ("GET", "/schemas/ids/1", &none, json!({ "schema": kept })),
        (
            "GET",
            "/schemas/ids/1/versions",
            &none,
            json!([{ "subject": "test", "version": 1 }, { "subject": "test2", "version": 1 }]),
        ),
        ("GET", "/subjects", &none, json!(["test", "test2"])),
        ("GET", "/subjects/test/versions", &none, json!([1])),
        (
            "GET",
            "/subjects/test/versions/1",
            &none,
            json!({ "subject": "test", "version": 1, "id": 1, "schema": kept }),
        ),
        ("GET", "/subjects/test/versions/latest", &none, json!({ "version": 1, "schema": kept })),
        (
            "GET",
            "/subjects/test/versions/latest/schema",
            &none,
            json!({ "type": "record", "name": "test" }),
        ),
        ("GET", "/subjects/test/versions/1/referencedby", &none, json!([])),
        (
            "POST",
            "/subjects/test",
            &schema,
            json!({ "subject": "test", "id": 1, "version": 1, "schema": kept }),
        ),
        (
            "POST",
            "/compatibility/subjects/test/versions/latest",
            &schema,
            json!({ "is_compatible": true }),
        ),
        ("GET", "/mode", &none, json!({ "mode": "READWRITE" })),
        ("PUT", "/mode", &json!({ "mode": "READONLY" }), json!({ "mode": "READONLY" })),
        ("PUT", "/mode", &json!({ "mode": "READWRITE" }), json!({ "mode": "READWRITE" })),
        ("GET", "/config", &none, json!({ "compatibilityLevel": "BACKWARD" })),
        ("PUT", "/config", &json!({ "compatibility": "FULL" }), json!({ "compatibility": "FULL" })),
        ("GET", "/config", &none, json!({ "compatibilityLevel": "FULL" })),
        (
            "PUT",
            "/config/test",
            &json!({ "compatibility": "NONE" }),
            json!({ "compatibility": "NONE" }),
        ),
        ("GET", "/config/test", &none, json!({ "compatibilityLevel": "NONE" })),
        ("GET", "/contexts", &none, json!(["."])),
        ("DELETE", "/subjects/test/versions/1", &none, json!(1)),
        ("DELETE", "/subjects/test2", &none, json!([1])),
        ("DELETE", "/subjects/test2?permanent=true", &none, json!([1])),
    ];
    for (method, target, body, expected) in examples {
        let (status, answer) = ask(&server, method, target, body).await;
        assert_eq!(status, 200, "{method} {target}: {answer}");
        match expected.as_object() {
            // More fields than the reference shows are what newer registries have.
            Some(fields) => {
                for (name, value) in fields {
                    assert_eq!(&answer[name], value, "{method} {target}: {answer}");
                }
            }
            None => assert_eq!(answer, expected, "{method} {target}"),
        }
    }
}

#[tokio::test]
async fn references_to_the_newest_version_may_go_in_a_circle() {
    let (_server, registry) = start().await;
    let of = |title: &str, subject: &str| {
        let schema = Schema::json(json!({ "title": title }).to_string());
        schema.with_reference(Reference::new(subject, subject, -1))
    };
    registry.register("s", &Schema::json("{}"), false).await.unwrap();
    registry.register("t", &of("t", "s"), false).await.unwrap();
    // Now that "s" refers to "t", its newest version refers to itself.
    let circle = of("s", "t");
    assert_eq!(registry.register("s", &circle, false).await.unwrap().version, Some(2));
    let third = registry.register("u", &of("u", "s"), false).await.unwrap();
    assert_eq!(third.version, Some(1));
    let error = registry.references(&circle, None).await.unwrap_err();
    assert!(matches!(error, RegistryError::References { .. }), "{error}");
}
