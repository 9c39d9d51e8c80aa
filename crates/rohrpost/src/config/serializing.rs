//! The properties of Java's `StringSerializer`, which its producer hands on. They are none of the producer's own, and no part of its table.

use rohrpost_serializer::Encoding;

use super::ProducerConfig;
use super::property::{Property, PropertyType, Setter};
use super::reasons::ENCODING;
use crate::typed::{ConfiguredSerializer, ConfiguredSerializers};

/// The character sets of text, as far as they are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encodings {
    /// `serializer.encoding`
    both: Option<Encoding>,
    /// `key.serializer.encoding`
    key: Option<Encoding>,
    /// `value.serializer.encoding`
    value: Option<Encoding>,
}

const fn row(
    name: &'static [&'static str; 1],
    set: fn(&mut ProducerConfig, Encoding),
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, PropertyType::String, "UTF-8", Setter::Encoding(set, ENCODING), about)
}

pub(super) static PROPERTIES: &[Property<ProducerConfig>] = &[
    row(
        &["serializer.encoding"],
        |c, v| c.encodings.both = Some(v),
        "The character set of text, where nothing else is said of keys or values",
    ),
    row(
        &["key.serializer.encoding"],
        |c, v| c.encodings.key = Some(v),
        "The character set of keys that are text",
    ),
    row(
        &["value.serializer.encoding"],
        |c, v| c.encodings.value = Some(v),
        "The character set of values that are text",
    ),
];

impl ProducerConfig {
    pub(crate) fn serializers(&self) -> ConfiguredSerializers {
        let Encodings { both, key, value } = self.encodings;
        let both = both.map(|encoding| ("serializer.encoding", encoding));
        let key = key.map(|encoding| ("key.serializer.encoding", encoding));
        let value = value.map(|encoding| ("value.serializer.encoding", encoding));
        let of = |name, class, encoding| ConfiguredSerializer { name, class, encoding };
        ConfiguredSerializers {
            key: of("key.serializer", self.key_serializer, key.or(both)),
            value: of("value.serializer", self.value_serializer, value.or(both)),
        }
    }
}
