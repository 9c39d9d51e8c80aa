//! Messages as JSON, in the form of Kafka's own converters.

use rohrpost_codec::{ByteStr, Bytes, ErrorCode, Int32Array, Segments, Uuid};
use serde_json::Value;

/// A value that has a form in JSON.
pub(crate) trait Json {
    /// All of it; or only the fields that are in `version`.
    fn json(&self, version: Option<i16>) -> Value;
}

/// Implements [`Sample`](crate::Sample) and [`Json`] for structures.
macro_rules! with_json {
    ($(
        $(#[$cfg:meta])*
        $module:ident::$name:ident {
            $($field:ident $json:literal: $versions:expr, $nullable:expr;)*
        }
    )*) => {$(
        impl Sample for messages::$module::$name {
            fn sample(source: &mut Source, _: bool) -> Self {
                let default = Self::default();
                Self {
                    $($field: source.field($versions, $nullable, default.$field),)*
                    unknown_tagged_fields: source.unknown(),
                }
            }
        }

        impl crate::json::Json for messages::$module::$name {
            fn json(&self, version: Option<i16>) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $(if crate::json::is_in($versions, version) {
                    let value = crate::json::Json::json(&self.$field, version);
                    object.insert($json.to_owned(), value);
                })*
                object.into()
            }
        }
    )*};
}
pub(crate) use with_json;

pub(crate) fn is_in((min, max): (i16, i16), version: Option<i16>) -> bool {
    version.is_none_or(|version| min <= version && version <= max)
}

/// Whether both are the same value. Java has a field more for what only versions had that Kafka has
/// given up: it holds nothing.
pub(crate) fn agree(ours: &Value, java: &Value) -> bool {
    match (ours, java) {
        (Value::Object(ours), Value::Object(java)) => {
            let given_up = java.iter().filter(|(name, _)| !ours.contains_key(*name));
            given_up.map(|(_, value)| value).all(|value| value.as_i64() == Some(0))
                && ours.iter().all(|(name, value)| java.get(name).is_some_and(|j| agree(value, j)))
        }
        (Value::Array(ours), Value::Array(java)) => {
            ours.len() == java.len() && ours.iter().zip(java).all(|(ours, java)| agree(ours, java))
        }
        (ours, java) => ours == java,
    }
}

macro_rules! as_they_are {
    ($($type:ty),*) => {$(
        impl Json for $type {
            fn json(&self, _: Option<i16>) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

as_they_are!(i8, i16, u16, i32, u32, i64, f64, bool);

impl Json for ErrorCode {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(self.0)
    }
}

impl Json for Uuid {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(self.to_string())
    }
}

impl Json for ByteStr {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(self.as_str())
    }
}

impl Json for Bytes {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(base64(self))
    }
}

impl Json for Segments {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(base64(&self.to_bytes()))
    }
}

impl Json for Int32Array {
    fn json(&self, _: Option<i16>) -> Value {
        Value::from(self.to_vec())
    }
}

impl<T: Json> Json for Vec<T> {
    fn json(&self, version: Option<i16>) -> Value {
        self.iter().map(|element| element.json(version)).collect()
    }
}

impl<T: Json> Json for Option<T> {
    fn json(&self, version: Option<i16>) -> Value {
        self.as_ref().map_or(Value::Null, |value| value.json(version))
    }
}

/// The standard alphabet, padded, as Jackson has it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= three.len() { ALPHABET[value as usize] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_must_be_the_same_and_one_more_must_be_empty() {
        use serde_json::json;
        let ours = json!({"a": [{"b": 1, "c": null}]});
        assert!(agree(&ours, &json!({"a": [{"b": 1, "c": null, "d": 0}]})));
        for java in [
            json!({"a": [{"b": 2, "c": null}]}),
            json!({"a": [{"b": 1, "c": 0}]}),
            json!({"a": [{"b": 1}]}),
            json!({"a": [{"b": 1, "c": null, "d": 3}]}),
            json!({"a": [{"b": 1, "c": null}, {"b": 1, "c": null}]}),
            json!({"a": null}),
        ] {
            assert!(!agree(&ours, &java), "{java}");
        }
    }

    #[test]
    fn bytes_have_the_standard_alphabet_and_padding() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (&[0xfb, 0xff, 0xbf], "+/+/"),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }
}
