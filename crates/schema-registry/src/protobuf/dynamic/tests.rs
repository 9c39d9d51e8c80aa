//! prost-reflect is the judge: what it reads is read alike, what it refuses is refused.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;
use prost::encoding::{encode_key, encode_varint};
use prost_reflect::DescriptorPool;

use super::*;

const FILE: &str = r#"syntax = "proto3"; package t;
    message All {
        double double = 1; float float = 2; int32 int32 = 3; int64 int64 = 4; uint32 uint32 = 5;
        uint64 uint64 = 6; sint32 sint32 = 7; sint64 sint64 = 8; fixed32 fixed32 = 9; fixed64 fixed64 = 10;
        sfixed32 sfixed32 = 11; sfixed64 sfixed64 = 12; bool bool = 13; string string = 14; bytes bytes = 15;
        Colour colour = 16; All inner = 17; repeated sint32 numbers = 18; repeated string texts = 19;
        repeated All inners = 20; map<string, All> map = 21; map<int32, Colour> colours = 22;
        oneof one { string text = 23; All all = 24; int64 number = 25; }
        optional int32 maybe = 26; repeated fixed64 wide = 27; map<bool, bytes> switches = 28;
    }
    enum Colour { RED = 0; BLUE = 1; }"#;

/// Of an older syntax: defaults, groups, an enum whose first value is not 0, lists that are not packed.
const OLD: &str = r#"syntax = "proto2"; package t;
    message Old {
        optional int32 number = 1 [default = 7]; optional group Part = 2 { optional int32 of = 1; }
        map<string, Colour> colours = 3; repeated int32 list = 4; repeated Old olds = 5; required bool is = 6;
        extensions 100 to 200;
    }
    enum Colour { BLUE = 5; }
    extend Old { optional string more = 100; }"#;

fn shapes(text: &str) -> Shapes {
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(protox_parse::parse("t.proto", text).unwrap()).unwrap();
    Shapes::new(&pool.get_file_by_name("t.proto").unwrap())
}

fn field(number: u32, wire_type: WireType, number_or_length: u64, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    encode_key(number, wire_type, &mut field);
    match wire_type {
        WireType::ThirtyTwoBit => field.extend_from_slice(&number_or_length.to_le_bytes()[..4]),
        WireType::SixtyFourBit => field.extend_from_slice(&number_or_length.to_le_bytes()),
        WireType::LengthDelimited => {
            encode_varint(bytes.len() as u64, &mut field);
            field.extend_from_slice(bytes);
        }
        _ => encode_varint(number_or_length, &mut field),
    }
    field
}

/// As the schema has it.
fn scalar() -> impl Strategy<Value = Vec<u8>> {
    (1..=30_u32, any::<u64>(), "[a-zé]{0,9}").prop_map(|(number, value, text)| {
        let wire_type = match number {
            1 | 10 | 12 | 27 => WireType::SixtyFourBit,
            2 | 9 | 11 => WireType::ThirtyTwoBit,
            14 | 15 | 17..=24 | 28 => WireType::LengthDelimited,
            _ => WireType::Varint,
        };
        match number {
            17 | 20..=22 | 24 | 28 => field(number, wire_type, 0, &[]),
            // Small ones have one byte each.
            18 => field(number, wire_type, 0, &value.to_le_bytes().map(|byte| byte & 0x7f)),
            _ => field(number, wire_type, value >> (value % 60), text.as_bytes()),
        }
    })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let flat = vec(scalar(), 0..6).prop_map(|fields| fields.concat());
    flat.prop_recursive(4, 32, 4, |inner| {
        let nested = (0..4_usize, "[a-z]{0,3}", inner).prop_map(|(which, key, inner)| {
            if which == 3 {
                let key = field(1, WireType::LengthDelimited, 0, key.as_bytes());
                let entry = [key, field(2, WireType::LengthDelimited, 0, &inner)].concat();
                return field(21, WireType::LengthDelimited, 0, &entry);
            }
            field([17, 20, 24][which], WireType::LengthDelimited, 0, &inner)
        });
        vec(prop_oneof![scalar(), nested], 0..6).prop_map(|fields| fields.concat())
    })
}

fn read_alike(shapes: &Shapes, bytes: &[u8]) -> Result<(), TestCaseError> {
    let judge = DynamicMessage::decode(shapes.messages[0].descriptor.clone(), bytes);
    // Messages are not printed: prost-reflect prints their types, and does not end where one has itself as a field.
    match (read(shapes, 0, bytes), judge) {
        // A NaN is not itself.
        (Ok(ours), Ok(judged)) if judged != judged.clone() => {
            prop_assert_eq!(ours.encoded_len(), judged.encoded_len());
        }
        (Ok(ours), Ok(judged)) => prop_assert!(ours == judged, "read otherwise: {bytes:?}"),
        (Err((_, ours)), Err(judged)) => prop_assert_eq!(ours.to_string(), judged.to_string()),
        (Ok(_), Err(judged)) => prop_assert!(false, "{bytes:?} is read despite {judged}"),
        (Err((_, ours)), Ok(_)) => prop_assert!(false, "{bytes:?} is refused: {ours}"),
    }
    Ok(())
}

fn quickly(shapes: &Shapes, bytes: &[u8]) -> Result<DynamicMessage, Stop> {
    let mut message = DynamicMessage::new(shapes.messages[0].descriptor.clone());
    Reader { shapes }.message(0, &mut message, bytes, DEEPEST).map(|()| message)
}

proptest! {
    #[test]
    fn what_is_well_formed_is_read_as_prost_reflect_reads_it(bytes in message()) {
        read_alike(&shapes(FILE), &bytes)?;
    }

    #[test]
    fn what_is_not_is_read_or_refused_as_prost_reflect_does_it(
        bytes in message(),
        others in vec((any::<Index>(), any::<u8>()), 0..4),
        end in any::<Index>(),
    ) {
        let mut bytes = bytes;
        for (index, byte) in others {
            if !bytes.is_empty() {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
        }
        bytes.truncate(bytes.len() - end.index(bytes.len() + 1) / 8);
        read_alike(&shapes(FILE), &bytes)?;
        read_alike(&shapes(OLD), &bytes)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused_as_prost_reflect_does_it(bytes in vec(any::<u8>(), 0..40)) {
        read_alike(&shapes(FILE), &bytes)?;
        read_alike(&shapes(OLD), &bytes)?;
    }
}

#[test]
fn usual_messages_are_read_without_prost_reflect() {
    let shapes = shapes(FILE);
    let inner = field(14, WireType::LengthDelimited, 0, b"inner");
    let entry = field(2, WireType::LengthDelimited, 0, &inner);
    let parts = [
        field(1, WireType::SixtyFourBit, 1_f64.to_bits(), &[]),
        field(4, WireType::Varint, u64::MAX, &[]),
        field(17, WireType::LengthDelimited, 0, &inner),
        field(18, WireType::LengthDelimited, 0, &[1, 2, 3]),
        field(18, WireType::Varint, 4, &[]),
        field(20, WireType::LengthDelimited, 0, &inner),
        field(20, WireType::LengthDelimited, 0, &[]),
        field(21, WireType::LengthDelimited, 0, &entry),
        field(23, WireType::LengthDelimited, 0, b"taken back by the next"),
        field(24, WireType::LengthDelimited, 0, &inner),
        field(17, WireType::LengthDelimited, 0, &field(13, WireType::Varint, 1, &[])),
        field(27, WireType::LengthDelimited, 0, &[0; 16]),
    ];
    let bytes = parts.concat();
    let judged = DynamicMessage::decode(shapes.messages[0].descriptor.clone(), &*bytes).unwrap();
    assert!(quickly(&shapes, &bytes).ok() == Some(judged));
}

#[test]
fn groups_extensions_and_defaults_are_read_by_prost_reflect() {
    let shapes = shapes(OLD);
    let group = [&[0x13][..], &field(1, WireType::Varint, 3, &[]), &[0x14]].concat();
    let key = field(1, WireType::LengthDelimited, 0, b"key");
    for bytes in [
        group,
        field(100, WireType::LengthDelimited, 0, b"more"),
        field(3, WireType::LengthDelimited, 0, &key),
        field(3, WireType::LengthDelimited, 0, &[key.clone(), key].concat()),
        field(4, WireType::LengthDelimited, 0, &[1, 2, 3]),
        field(77, WireType::Varint, 1, &[]),
    ] {
        read_alike(&shapes, &bytes).unwrap();
        assert!(read(&shapes, 0, &bytes).is_ok(), "{bytes:?}");
    }
}

#[test]
fn values_that_come_twice_and_numbers_too_large_are_as_prost_reflect_has_them() {
    let shapes = shapes(FILE);
    let of = |number, bytes: &[u8]| field(number, WireType::LengthDelimited, 0, bytes);
    let (text, number) = (of(14, b"text"), field(3, WireType::Varint, 1, &[]));
    let twice = of(21, &[of(2, &text), of(2, &number)].concat());
    let key_twice = of(21, &[of(1, b"a"), of(1, b"b"), of(2, &text)].concat());
    let entry_twice = [of(21, &of(2, &text)), of(21, &of(2, &number))].concat();
    for bytes in [twice, key_twice, entry_twice] {
        read_alike(&shapes, &bytes).unwrap();
        assert!(read(&shapes, 0, &bytes).is_ok(), "{bytes:?}");
    }
    for last in 0..=3 {
        let bytes = [&[0x20][..], &[0xff; 9], &[last]].concat();
        read_alike(&shapes, &bytes).unwrap();
        assert_eq!(read(&shapes, 0, &bytes).is_ok(), last < 2);
    }
}

#[test]
fn messages_are_as_deep_as_prost_has_them() {
    let shapes = shapes(FILE);
    let mut bytes = Vec::new();
    for depth in 1..=102 {
        bytes = field(17, WireType::LengthDelimited, 0, &bytes);
        read_alike(&shapes, &bytes).unwrap();
        assert_eq!(quickly(&shapes, &bytes).is_ok(), depth <= 100, "{depth}");
    }
}

#[test]
fn what_is_refused_has_its_place() {
    let shapes = shapes(FILE);
    let inside = |outer, bytes: &[u8]| field(outer, WireType::LengthDelimited, 0, bytes);
    let not_text = field(14, WireType::LengthDelimited, 0, &[0xff]);
    let (key, fine) = (field(1, WireType::LengthDelimited, 0, b"k"), inside(20, &[]));
    for (bytes, place) in [
        (not_text.clone(), "string"),
        (inside(17, &not_text), "inner.string"),
        ([fine.clone(), inside(20, &inside(17, &not_text))].concat(), "inners[1].inner.string"),
        (inside(21, &[key, inside(2, &not_text)].concat()), "map.string"),
        (field(3, WireType::ThirtyTwoBit, 0, &[]), "int32"),
        (fine[..2].to_vec(), "inners[0]"),
        (vec![0x80], ""),
    ] {
        let (found, _) = read(&shapes, 0, &bytes).err().unwrap();
        assert_eq!(found, place, "{bytes:?}");
    }
}

#[test]
fn what_is_read_again_is_not_in_memory_twice() {
    let shapes = shapes(FILE);
    let descriptor = shapes.messages[0].descriptor.clone();
    let list = field(18, WireType::LengthDelimited, 0, &[1; 100_000]);
    let bytes = [list, field(99, WireType::Varint, 1, &[])].concat();
    let once = allocation_counter::measure(|| {
        DynamicMessage::decode(descriptor, &*bytes).unwrap();
    });
    let both = allocation_counter::measure(|| {
        read(&shapes, 0, &bytes).unwrap();
    });
    assert!(both.bytes_max < once.bytes_max * 5 / 4, "{both:?}, {once:?}");
}
