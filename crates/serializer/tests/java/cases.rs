//! A language for values, which the Java program beside the tests against a real Kafka reads too: SERIALIZER SPACE VALUE.
//!
//! SERIALIZER is a name without its `Serializer`, with `@` and a character set behind it for text in another than UTF-8, and behind `List:` for each list around it. VALUE is `~` for null; `[`, each entry with `,` behind it, `]` for a list;
//! else decimal digits for a whole number, hexadecimal ones for text, bytes, a UUID, and the bits of a number with a point.

use rohrpost_serializer::{
    BooleanSerializer, ByteArraySerializer, ByteBufferSerializer, BytesSerializer,
    DoubleSerializer, Encoding, FloatSerializer, IntegerSerializer, ListSerializer, LongSerializer,
    Nullable, Part, Serializer, ShortSerializer, StringSerializer, UuidSerializer, VoidSerializer,
    encode,
};

/// What the serializer of a case makes of its value, in hexadecimal digits; `~` for null.
pub(crate) fn answer(case: &str) -> String {
    let (serializer, value) = case.split_once(' ').unwrap();
    let lists = serializer.matches("List:").count();
    let value = read(value);
    let name = serializer.trim_start_matches("List:");
    if let Some(encoding) = name.strip_prefix("String@") {
        let encoded = StringSerializer::with_encoding(Encoding::of_name(encoding).unwrap());
        return made(lists, encoded, text, &value).map_or_else(|| "~".to_owned(), |b| hex(&b));
    }
    let bytes = match name {
        "String" => made(lists, StringSerializer, text, &value),
        "ByteArray" => made(lists, ByteArraySerializer, bytes, &value),
        "ByteBuffer" => made(lists, ByteBufferSerializer, bytes, &value),
        "Bytes" => made(lists, BytesSerializer, |value| bytes(value).into(), &value),
        "Short" => made(lists, ShortSerializer, whole::<i16>, &value),
        "Integer" => made(lists, IntegerSerializer, whole::<i32>, &value),
        "Long" => made(lists, LongSerializer, whole::<i64>, &value),
        "Float" => made(
            lists,
            FloatSerializer,
            |bits| f32::from_bits(u32::from_str_radix(bits, 16).unwrap()),
            &value,
        ),
        "Double" => made(
            lists,
            DoubleSerializer,
            |bits| f64::from_bits(u64::from_str_radix(bits, 16).unwrap()),
            &value,
        ),
        "Boolean" => made(lists, BooleanSerializer, |value| value == "true", &value),
        "UUID" => made(lists, UuidSerializer, uuid, &value),
        "Void" => made(lists, VoidSerializer, |_| (), &value),
        other => panic!("{other}"),
    };
    bytes.map_or_else(|| "~".to_owned(), |bytes| hex(&bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

enum Value<'a> {
    Null,
    Text(&'a str),
    List(Vec<Value<'a>>),
}

fn read(text: &str) -> Value<'_> {
    fn entry<'a>(rest: &mut &'a str) -> Value<'a> {
        if let Some(entries) = rest.strip_prefix('[') {
            *rest = entries;
            let mut list = Vec::new();
            while !rest.starts_with(']') {
                list.push(entry(rest));
                *rest = rest.strip_prefix(',').unwrap();
            }
            *rest = &rest[1..];
            return Value::List(list);
        }
        let (text, after) = rest.split_at(rest.find([',', ']']).unwrap_or(rest.len()));
        *rest = after;
        if text == "~" { Value::Null } else { Value::Text(text) }
    }
    let mut rest = text;
    let value = entry(&mut rest);
    assert_eq!(rest, "", "{text}");
    value
}

fn made<T, S>(
    lists: usize,
    serializer: S,
    parse: fn(&str) -> T,
    value: &Value<'_>,
) -> Option<Vec<u8>>
where
    T: Sync,
    S: Serializer<T> + Copy + Sync,
{
    let one = move |value: &Value<'_>| match value {
        Value::Text(text) => Some(parse(text)),
        _ => None,
    };
    let list = move |value: &Value<'_>| match value {
        Value::List(entries) => Some(entries.iter().map(one).collect::<Vec<Option<T>>>()),
        _ => None,
    };
    let of_lists = |value: &Value<'_>| match value {
        Value::List(entries) => Some(entries.iter().map(list).collect::<Vec<_>>()),
        _ => None,
    };
    let inner = ListSerializer::nullable(serializer);
    match lists {
        0 => bytes_of(&Nullable(serializer), &one(value)),
        1 => bytes_of(&Nullable(inner), &list(value)),
        _ => bytes_of(&Nullable(ListSerializer::nullable(inner)), &of_lists(value)),
    }
}

fn bytes_of<T, S: Serializer<T>>(serializer: &S, value: &T) -> Option<Vec<u8>> {
    let encoded = encode(serializer, "t", Part::Value, value);
    encoded.map_err(Into::into).unwrap().into_bytes()
}

fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn text(digits: &str) -> String {
    String::from_utf8(bytes(digits)).unwrap()
}

fn uuid(digits: &str) -> [u8; 16] {
    bytes(digits).try_into().unwrap()
}

fn whole<T: std::str::FromStr<Err = std::num::ParseIntError>>(digits: &str) -> T {
    digits.parse().unwrap()
}
