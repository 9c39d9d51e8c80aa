//! JSON that is looked at once, to be validated, and borrows from its text where it can: what a `serde_json::Value` costs is mostly memory for its parts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// Objects of more members are for a `Value`, which finds them faster than one by one.
const MOST_MEMBERS: usize = 64;
/// Of so few members each is compared with each.
const FEW_MEMBERS: usize = 16;

/// A part of a document.
#[derive(Default)]
pub(super) enum Document<'d> {
    #[default]
    Null,
    Boolean(bool),
    Number(Number),
    Text(Cow<'d, str>),
    Array(Vec<Self>),
    Object(Vec<(Cow<'d, str>, Self)>),
}

impl<'d> Document<'d> {
    /// `None` where a `Value` is to be made instead: of objects that are large or have a member twice (the last counts), of numbers that are no primitive ones (serde_json's
    /// feature `arbitrary_precision`), and of what is no JSON, about which it has something to say.
    pub(super) fn parse(text: &'d str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl<'de: 'd, 'd> Deserialize<'de> for Document<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Document<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Document::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Number::from_f64(value).map(Document::Number).ok_or_else(|| E::custom("no number of JSON"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = items.next_element()? {
            elements.push(element);
        }
        Ok(Document::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Document<'de>)> = Vec::new();
        while let Some(Name(name)) = entries.next_key()? {
            if members.len() == MOST_MEMBERS || name.starts_with("$serde_json::private::") {
                return Err(A::Error::custom("this is for a value"));
            }
            members.push((name, entries.next_value()?));
        }
        if has_twice(&members) {
            return Err(A::Error::custom("a member twice"));
        }
        Ok(Document::Object(members))
    }
}

fn has_twice(members: &[(Cow<'_, str>, Document<'_>)]) -> bool {
    if members.len() > FEW_MEMBERS {
        let mut names = BTreeSet::new();
        return !members.iter().all(|(name, _)| names.insert(&**name));
    }
    members
        .iter()
        .enumerate()
        .any(|(index, (name, _))| members[..index].iter().any(|(other, _)| other == name))
}

/// Borrowed where it can be, as `Cow` of itself is not.
struct Name<'d>(Cow<'d, str>);

impl<'de: 'd, 'd> Deserialize<'de> for Name<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(Reading)? {
            Document::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("no name")),
        }
    }
}

/// The way in which validators look at documents.
pub(super) struct Documents;

impl Json for Documents {
    type Node<'a> = &'a Document<'a>;
    type PreparedKey = String;
    type StringBuffer = Document<'static>;

    // Members are looked through one by one.
    const KEYS_PER_LOOKUP: usize = 4;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Document<'static>,
        string: &str,
        f: impl FnOnce(Self::Node<'_>) -> T,
    ) -> T {
        *buffer = Document::Text(Cow::Owned(string.to_owned()));
        f(buffer)
    }
}

impl<'a> Node<'a, Documents> for &'a Document<'a> {
    type Object = &'a [(Cow<'a, str>, Document<'a>)];
    type Array = &'a [Document<'a>];
    type Number = &'a Number;

    fn as_object(&self) -> Option<Self::Object> {
        match self {
            Document::Object(members) => Some(members),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Self::Array> {
        match self {
            Document::Array(elements) => Some(elements),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Document::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self {
            Document::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Document::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Document::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Document::Null => JsonType::Null,
            Document::Boolean(_) => JsonType::Boolean,
            Document::Number(_) => JsonType::Number,
            Document::Text(_) => JsonType::String,
            Document::Array(_) => JsonType::Array,
            Document::Object(_) => JsonType::Object,
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self {
            Document::Null => Value::Null,
            Document::Boolean(value) => Value::Bool(*value),
            Document::Number(number) => Value::Number(number.clone()),
            Document::Text(text) => Value::String(text.clone().into_owned()),
            Document::Array(elements) => {
                elements.iter().map(|element| element.to_value().into_owned()).collect()
            }
            Document::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone().into_owned(), member.to_value().into_owned()))
                .collect(),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Document<'_>>(self) as usize))
    }
}

impl<'a> Object<'a, Documents> for &'a [(Cow<'a, str>, Document<'a>)] {
    type Node = &'a Document<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Document<'a>> {
        self.iter().find(|(name, _)| name == key).map(|(_, member)| member)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

pub(super) struct Members<'a>(std::slice::Iter<'a, (Cow<'a, str>, Document<'a>)>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Document<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, member)| (&**name, member))
    }
}

impl<'a> Array<'a, Documents> for &'a [Document<'a>] {
    type Node = &'a Document<'a>;
    type ElementsIter = std::slice::Iter<'a, Document<'a>>;

    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_what_a_value_would_be() {
        let text = r#"{"a": [1, -2, 0.5, 1e300, 18446744073709551615, 99999999999999999999], "b\n": {"c": "\u00e9x", "d": null, "": true}}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(*(&document).to_value(), serde_json::from_str::<Value>(text).unwrap());
        let Document::Object(members) = &document else { panic!("an object") };
        assert!(matches!(members[0].0, Cow::Borrowed("a")), "it borrows what it can");
    }

    #[test]
    fn what_only_a_value_can_tell_is_left_to_it() {
        let members = |count: usize| {
            let all: Value = (0..count).map(|number| (format!("m{number}"), json!(1))).collect();
            all.to_string()
        };
        assert!(Document::parse(&members(MOST_MEMBERS)).is_some());
        assert!(Document::parse(&members(MOST_MEMBERS + 1)).is_none());
        for text in
            [r#"{"a": 1, "b": 2, "a": 3}"#, r#"[{"$serde_json::private::Number": "1"}]"#, "{"]
        {
            assert!(Document::parse(text).is_none(), "{text}");
        }
        let twice = members(FEW_MEMBERS + 5).replacen("m1\"", "m2\"", 1);
        assert!(Document::parse(&twice).is_none(), "{twice}");
        // As deep as serde_json lets any value be.
        assert!(Document::parse(&"[".repeat(1_000)).is_none());
    }
}
