use rohrpost_serializer::Scratch;
use tokio::time::advance;

use super::*;
use crate::{CompatibilityLevel, Guid, SchemaId, TestRegistry};

/// Avro by name: what is parsed is the text and the names of what it uses.
struct Plain;

impl Format for Plain {
    type Parsed = (String, Vec<String>);

    const SCHEMA_TYPE: SchemaType = SchemaType::Avro;

    fn parse(
        &self,
        _: Option<&str>,
        schema: &Schema,
        dependencies: &[Dependency],
    ) -> Result<Self::Parsed, BoxError> {
        let names = dependencies.iter().map(|dependency| dependency.name.clone()).collect();
        Ok((schema.text.clone(), names))
    }

    fn check_compatible(&self, own: &OwnSchema, theirs: &Self::Parsed) -> Result<(), BoxError> {
        if own.text == theirs.0 { Ok(()) } else { Err("it is another one".into()) }
    }
}

const TEXT: &str = r#"{"type":"enum","name":"E","symbols":["A"]}"#;
const NEXT: &str = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;

fn own(text: &str) -> OwnSchema {
    OwnSchema { text: text.to_owned(), ..OwnSchema::default() }
}

fn resolver(server: &TestRegistry, options: SerializerOptions) -> Resolver<Plain> {
    let registry = SchemaRegistry::builder().url(&server.url()).retries(0).build().unwrap();
    Resolver::new(registry, options, Plain)
}

/// Bytes and headers before a value.
fn begun(
    resolved: &Resolved<(String, Vec<String>)>,
    part: Part,
) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    struct Begin<'a>(&'a Resolved<(String, Vec<String>)>);
    impl rohrpost_serializer::Serializer<()> for Begin<'_> {
        type Error = std::convert::Infallible;
        fn serialize(&self, (): &(), output: &mut Output<'_>) -> Result<(), Self::Error> {
            self.0.begin(output);
            Ok(())
        }
    }
    let mut scratch = Scratch::new();
    let Ok(serialized) = scratch.serialize(&Begin(resolved), "t", part, &());
    let headers = serialized.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.unwrap().to_vec())).collect();
    (serialized.content.into_bytes().unwrap().to_vec(), headers)
}

#[tokio::test]
async fn a_crowd_resolves_once_and_then_it_is_at_hand() {
    let server = TestRegistry::start().await.unwrap();
    let resolver = Arc::new(resolver(&server, SerializerOptions::new()));
    assert!(resolver.get("t", Part::Value, Some("E")).is_none());
    assert!(matches!(
        resolver.prepared("t", Part::Value, Some("E")).err().unwrap(),
        SerializerError::NotPrepared { topic, part: Part::Value } if topic == "t"
    ));
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let resolver = Arc::clone(&resolver);
            tokio::spawn(async move {
                resolver.resolve("t", Part::Value, Some("E"), &own(TEXT)).await.map(drop)
            })
        })
        .collect();
    for task in crowd {
        task.await.unwrap().unwrap();
    }
    assert_eq!(server.requests(), ["POST /subjects/t-value/versions?normalize=false"]);
    let resolved = resolver.get("t", Part::Value, Some("E")).unwrap();
    assert_eq!(resolved.registered.id, Some(SchemaId(1)));
    assert_eq!(begun(&resolved, Part::Value), (vec![0, 0, 0, 0, 1], Vec::new()));
    // Another part, another type, another topic are others.
    for (topic, part, record) in
        [("t", Part::Key, Some("E")), ("t", Part::Value, None), ("u", Part::Value, Some("E"))]
    {
        assert!(resolver.get(topic, part, record).is_none());
    }
}

#[tokio::test]
async fn framing_by_headers_leaves_the_bytes_alone() {
    let server = TestRegistry::start().await.unwrap();
    let resolver = resolver(&server, SerializerOptions::new().key_framing(Framing::Header));
    let key = resolver.resolve("t", Part::Key, None, &own(TEXT)).await.unwrap();
    let Guid(guid) = key.registered.guid.unwrap();
    let header = ("__key_schema_id".to_owned(), [&[1][..], &guid].concat());
    assert_eq!(begun(&key, Part::Key), (Vec::new(), vec![header]));
    let value = resolver.resolve("t", Part::Value, None, &own(TEXT)).await.unwrap();
    assert_eq!(begun(&value, Part::Value).0, [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn each_source_gives_the_schema_that_it_names() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    let with = |source| resolver(&server, SerializerOptions::new().source(source));
    let missing = with(SchemaSource::LookUp);
    let error = missing.resolve("t", Part::Value, None, &own(TEXT)).await.err().unwrap();
    let subject = "t-value".to_owned();
    assert_eq!(error, SerializerError::Registry(RegistryError::SubjectNotFound { subject }));
    registry.register("t-value", &Schema::avro(TEXT), false).await.unwrap();
    let second = registry.register("t-value", &Schema::avro(NEXT), false).await.unwrap();
    let guid = second.guid.unwrap();
    for (source, id, text) in [
        (SchemaSource::LookUp, 1, TEXT),
        (SchemaSource::Latest { strict: false }, 2, NEXT),
        (SchemaSource::Id { id: SchemaId(2), strict: false }, 2, NEXT),
        (SchemaSource::Id { id: SchemaId(1), strict: true }, 1, TEXT),
        (SchemaSource::Guid { guid, strict: false }, 2, NEXT),
    ] {
        let resolver = with(source);
        let resolved = resolver.resolve("t", Part::Value, None, &own(TEXT)).await.unwrap();
        assert_eq!(resolved.registered.id, Some(SchemaId(id)), "{source:?}");
        assert_eq!(resolved.parsed.0, text, "{source:?}");
        assert_eq!(begun(&resolved, Part::Value).0[4], u8::try_from(id).unwrap());
    }
    for strict in [
        SchemaSource::Latest { strict: true },
        SchemaSource::Id { id: SchemaId(2), strict: true },
        SchemaSource::Guid { guid, strict: true },
    ] {
        let error = with(strict).resolve("t", Part::Value, None, &own(TEXT)).await.err().unwrap();
        assert!(matches!(error, SerializerError::Drift { .. }), "{error}");
    }
}

#[tokio::test]
async fn normal_forms_are_compared_where_that_is_wanted() {
    let server = TestRegistry::start().await.unwrap();
    let by_name = SerializerOptions::from_properties([("normalize.schemas", "true")]).unwrap();
    for options in [SerializerOptions::new().normalize(true), by_name] {
        resolver(&server, options.clone())
            .resolve("t", Part::Value, None, &own(TEXT))
            .await
            .unwrap();
        let looks_up = resolver(&server, options.source(SchemaSource::LookUp));
        looks_up.resolve("t", Part::Value, None, &own(TEXT)).await.unwrap();
        let asked = ["/versions?normalize=true", "?normalize=true&deleted=false"];
        assert_eq!(server.requests(), asked.map(|rest| format!("POST /subjects/t-value{rest}")));
    }
}

#[tokio::test]
async fn what_is_imported_is_registered_first_or_looked_up() {
    let server = TestRegistry::start().await.unwrap();
    let import = |name: &str, text: &str, imported: &[&str]| Import {
        name: name.to_owned(),
        text: text.to_owned(),
        imported: imported.iter().map(|name| (*name).to_owned()).collect(),
    };
    let record = |name: &str, of: &str| {
        format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"f","type":"{of}"}}]}}"#)
    };
    let own = OwnSchema {
        text: record("C", "B"),
        imports: vec![
            import("A", &record("A", "int"), &[]),
            import("B", &record("B", "A"), &["A"]),
        ],
        imported: vec!["B".to_owned()],
        ..OwnSchema::default()
    };
    let looks_up = resolver(&server, SerializerOptions::new().source(SchemaSource::LookUp));
    assert!(looks_up.resolve("t", Part::Value, None, &own).await.is_err());
    let registers = resolver(&server, SerializerOptions::new());
    let resolved = registers.resolve("t", Part::Value, None, &own).await.unwrap();
    assert_eq!(resolved.registered.schema.references, [Reference::new("B", "B", 1)]);
    assert_eq!(resolved.parsed.1, ["A", "B"]);
    let looks_up = resolver(&server, SerializerOptions::new().source(SchemaSource::LookUp));
    let found = looks_up.resolve("t", Part::Value, None, &own).await.unwrap();
    assert_eq!(found.registered.id, resolved.registered.id);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_hammered_and_passes() {
    let server = TestRegistry::start().await.unwrap();
    let resolver = resolver(&server, SerializerOptions::new());
    server.fail_next(1, 500);
    for _ in 0..100 {
        let error = resolver.resolve("t", Part::Value, None, &own(TEXT)).await.err().unwrap();
        assert!(error.is_retriable(), "{error}");
    }
    assert_eq!(server.requests().len(), 1);
    advance(FAILURE_REMEMBERED).await;
    assert!(resolver.resolve("t", Part::Value, None, &own(TEXT)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_latest_version_is_asked_for_anew_after_its_time_and_stays_while_the_registry_is_down()
{
    let server = TestRegistry::start().await.unwrap();
    let life = Duration::from_secs(60);
    let registry =
        SchemaRegistry::builder().url(&server.url()).retries(0).latest_ttl(life).build().unwrap();
    registry.set_compatibility_level(None, CompatibilityLevel::None).await.unwrap();
    registry.register("t-value", &Schema::avro(TEXT), false).await.unwrap();
    let options = SerializerOptions::new().source(SchemaSource::Latest { strict: false });
    let resolver = Resolver::new(registry.clone(), options, Plain);
    let own = own(TEXT);
    let resolve = || resolver.resolve("t", Part::Value, None, &own);
    assert_eq!(resolve().await.unwrap().parsed.0, TEXT);
    registry.register("t-value", &Schema::avro(NEXT), false).await.unwrap();
    assert_eq!(resolve().await.unwrap().parsed.0, TEXT);
    advance(life).await;
    // Between a value's preparation and its serialization nothing expires.
    assert!(resolver.get("t", Part::Value, None).is_none());
    assert!(resolver.prepared("t", Part::Value, None).is_ok());
    server.fail_next(1, 503);
    assert_eq!(resolve().await.unwrap().parsed.0, TEXT);
    assert_eq!(resolve().await.unwrap().parsed.0, TEXT);
    advance(life).await;
    assert_eq!(resolve().await.unwrap().parsed.0, NEXT);
}

#[tokio::test]
async fn a_schema_of_another_kind_or_without_a_name_is_refused() {
    let server = TestRegistry::start().await.unwrap();
    let registry = SchemaRegistry::new(&server.url()).unwrap();
    registry.register("t-value", &Schema::json("{}"), false).await.unwrap();
    let latest = SerializerOptions::new().source(SchemaSource::Latest { strict: true });
    let error = resolver(&server, latest).resolve("t", Part::Value, None, &own(TEXT)).await;
    let error = error.err().unwrap().to_string();
    assert!(error.contains("JSON, not AVRO") && error.contains("t-value"), "{error}");
    let named = SerializerOptions::new().value_subject(crate::SubjectNameStrategy::Record);
    let error = resolver(&server, named).resolve("t", Part::Value, None, &own(TEXT)).await;
    assert!(matches!(error.err().unwrap(), SerializerError::Subject(_)));
}
