//! Serializing costs no allocation, and lent bytes no copy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rohrpost_serializer::{
    DynSerializer, IntegerSerializer, ListSerializer, LongSerializer, Output, Part, Scratch,
    Serializer, StringSerializer, UuidSerializer,
};

struct WithHeader;

impl Serializer<str> for WithHeader {
    type Error = std::convert::Infallible;

    fn serialize(&self, value: &str, output: &mut Output<'_>) -> Result<(), Self::Error> {
        output.header("length", Some(&[value.len() as u8]));
        output.write(value.as_bytes());
        Ok(())
    }
}

fn size<T: ?Sized, S: Serializer<T>>(scratch: &mut Scratch, serializer: &S, value: &T) -> usize {
    let Ok(made) = scratch.serialize(serializer, "t", Part::Value, value) else { panic!("no") };
    made.content.into_bytes().map_or(0, <[u8]>::len)
}

#[test]
fn memory_that_was_used_is_used_again() {
    let mut scratch = Scratch::new();
    let long = DynSerializer::<i64>::new(LongSerializer);
    let text = DynSerializer::<str>::new(StringSerializer);
    let list = ListSerializer::new(IntegerSerializer);
    let mut round = || {
        allocation_counter::measure(|| {
            assert_eq!(size(&mut scratch, &long, &7), 8);
            assert_eq!(size(&mut scratch, &text, "text that is lent"), 17);
            assert_eq!(size(&mut scratch, &UuidSerializer, &[7; 16]), 36);
            assert_eq!(size(&mut scratch, &list, &[1, 2, 3][..]), 21);
            assert_eq!(size(&mut scratch, &WithHeader, "text"), 4);
        })
    };
    assert!(round().count_total > 0);
    assert_eq!(round().count_total, 0);
}

#[test]
fn a_size_hint_makes_room_once_and_a_wild_one_harms_nothing() {
    struct Hint(usize);
    impl Serializer<str> for Hint {
        type Error = std::convert::Infallible;
        fn serialize(&self, value: &str, output: &mut Output<'_>) -> Result<(), Self::Error> {
            for byte in value.as_bytes() {
                output.write(&[*byte]);
            }
            Ok(())
        }
        fn size_hint(&self, _: &str) -> usize {
            self.0
        }
    }
    let value = "x".repeat(10_000);
    let allocations = |hint| {
        let counts = allocation_counter::measure(|| {
            let mut scratch = Scratch::new();
            assert_eq!(size(&mut scratch, &Hint(hint), value.as_str()), value.len());
        });
        counts.count_total
    };
    assert_eq!(allocations(value.len()), 1);
    assert!(allocations(0) > 5);
    assert!(allocations(usize::MAX) >= 1);
}

#[cfg(feature = "avro")]
#[test]
fn avro_allocates_nothing_where_fields_come_in_the_schemas_order() {
    use rohrpost_serializer::{AvroDeserializer, AvroSchema, AvroSerializer};

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Reading<'a> {
        sensor: &'a str,
        values: [f32; 2],
        unit: Option<&'a str>,
    }
    let schema = AvroSchema::parse(
        r#"{"type": "record", "name": "Reading", "fields": [
            {"name": "sensor", "type": "string"},
            {"name": "values", "type": {"type": "array", "items": "float"}},
            {"name": "unit", "type": ["null", "string"]}]}"#,
    )
    .unwrap();
    let deserializer = AvroDeserializer::new(&schema);
    let serializer = AvroSerializer::single_object(schema);
    let reading = Reading { sensor: "s", values: [1.0, 2.0], unit: Some("K") };
    let mut scratch = Scratch::new();
    assert_eq!(size(&mut scratch, &serializer, &reading), 25);
    let counts = allocation_counter::measure(|| {
        let made = scratch.serialize(&serializer, "t", Part::Value, &reading).unwrap();
        let bytes = made.content.into_bytes().unwrap();
        assert_eq!(deserializer.deserialize_single_object::<Reading<'_>>(bytes).unwrap(), reading);
    });
    assert_eq!(counts.count_total, 0);
}
