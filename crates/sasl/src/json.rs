//! The few fields that are wanted of a JSON object, in memory bounded by theirs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// A field's value, as far as anybody here asks for it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(feature = "oauthbearer"), allow(dead_code, reason = "only tokens have these"))]
pub(crate) enum Value {
    Text(String),
    /// A number without sign, fraction and exponent.
    Integer(u64),
    Number(f64),
    Texts(Vec<String>),
    /// An object, a Boolean, null, or a list of anything but texts.
    Other,
}

/// The values of the fields named; `None` for bytes that are not one JSON object, that nest too deep, or that have one
/// of these fields twice.
pub(crate) fn fields<const N: usize>(json: &[u8], names: [&str; N]) -> Option<[Option<Value>; N]> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let fields = reader.deserialize_map(Fields { names }).ok()?;
    reader.end().ok()?;
    Some(fields)
}

struct Fields<'n, const N: usize> {
    names: [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = [Option<Value>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { None }; N];
        while let Some(index) = map.next_key_seed(Name { names: &self.names })? {
            match index {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(index) if found[index].is_some() => {
                    return Err(A::Error::custom("a field comes twice"));
                }
                Some(index) => found[index] = Some(map.next_value()?),
            }
        }
        Ok(found)
    }
}

/// Which of the names a field's name is.
struct Name<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|wanted| *wanted == name))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut texts = Vec::new();
        loop {
            match list.next_element()? {
                None => return Ok(Value::Texts(texts)),
                Some(Value::Text(text)) => texts.push(text),
                Some(_) => break,
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn what_is_wanted_is_found_and_the_rest_skipped() {
        let json = br#"{"a":{"b":[1,{}]},"b":"x\u0041","c":["p","q"],"d":7,"e":-1.5,"f":["p",1],"g":null}"#;
        let texts = Value::Texts(vec!["p".into(), "q".into()]);
        assert_eq!(
            fields(json, ["g", "b", "c", "d", "e", "f", "none"]).unwrap(),
            [
                Some(Value::Other),
                Some(Value::Text("xA".into())),
                Some(texts),
                Some(Value::Integer(7)),
                Some(Value::Number(-1.5)),
                Some(Value::Other),
                None,
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = ["{\"x\":", &"[".repeat(100_000)].concat();
        for json in ["", "[]", "{", "{}x", "\"x\"", "{\"b\":1,\"b\":2}", "{\"b\":1e999}", &deep] {
            assert_eq!(fields(json.as_bytes(), ["b"]), None, "{json:.20}");
        }
        assert_eq!(fields(b" {} ", ["b"]), Some([None]));
        assert_eq!(fields(b"{\"b\":\"\xff\"}", ["b"]), None);
    }
}
