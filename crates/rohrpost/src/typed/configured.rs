//! What a configuration says of serializers, held against those that a producer is given.

use rohrpost_serializer::{Encoding, Serializer};

use crate::config::{ConfigError, SerializerClass};

const TEXT_AS_IT_IS: &str = "this producer sends text as it is, which is UTF-8: make a typed one with StringSerializer::with_encoding (ProducerBuilder::build_typed), or remove it";
const NO_TEXT: &str = "Java hands it to the serializer's class, and this producer is given a serializer of one's own, which has its settings from the program: remove it";

/// What `key.serializer`, `value.serializer` and the keys of Java's `StringSerializer` say.
#[derive(Clone, Copy)]
pub(crate) struct ConfiguredSerializers {
    pub(crate) key: ConfiguredSerializer,
    pub(crate) value: ConfiguredSerializer,
}

/// What is said of keys, or of values.
#[derive(Clone, Copy)]
pub(crate) struct ConfiguredSerializer {
    /// `key.serializer`, or the other one.
    pub(crate) name: &'static str,
    pub(crate) class: Option<SerializerClass>,
    /// The character set of text, and what said so.
    pub(crate) encoding: Option<(&'static str, Encoding)>,
}

impl ConfiguredSerializers {
    /// Checks that records of bytes and text are what the configured ones would make.
    pub(crate) fn check_raw(self) -> Vec<ConfigError> {
        each([self.key, self.value].map(ConfiguredSerializer::check_raw))
    }

    /// Checks that these make the bytes that those make that were configured.
    pub(crate) fn check<K: ?Sized, V: ?Sized>(
        self,
        key: &impl Serializer<K>,
        value: &impl Serializer<V>,
    ) -> Vec<ConfigError> {
        each([self.key.check(key), self.value.check(value)])
    }
}

/// What is wrong with both is told once.
fn each(checked: [Result<(), ConfigError>; 2]) -> Vec<ConfigError> {
    let mut errors: Vec<ConfigError> = checked.into_iter().filter_map(Result::err).collect();
    errors.dedup();
    errors
}

impl ConfiguredSerializer {
    fn check_raw(self) -> Result<(), ConfigError> {
        if let Some(class) = self.class.filter(|class| !class.is_plain()) {
            return Err(ConfigError::NotSupported {
                name: self.name,
                value: Some(class.to_string()),
                reason: "this producer sends bytes and text as they are: make a typed one with such a serializer (ProducerBuilder::build_typed), or serialize before the send, and remove it",
            });
        }
        match self.encoding {
            Some((name, encoding))
                if encoding != Encoding::Utf8
                    && matches!(self.class, None | Some(SerializerClass::String)) =>
            {
                let value = Some(encoding.to_string());
                Err(ConfigError::NotSupported { name, value, reason: TEXT_AS_IT_IS })
            }
            _ => Ok(()),
        }
    }

    fn check<T: ?Sized>(self, serializer: &impl Serializer<T>) -> Result<(), ConfigError> {
        let given = serializer.java_class().and_then(SerializerClass::of_class);
        if let Some(configured) = self.class {
            let is_same = given.is_some_and(|given| {
                given == configured || given.is_plain() && configured.is_plain()
            });
            if !is_same {
                let accepted = match given {
                    Some(given) => format!("{given}, which this producer is given, or remove it"),
                    None => "none of Kafka's where a producer is given one's own: remove it".into(),
                };
                let value = Some(configured.to_string());
                return Err(ConfigError::InvalidValue { name: self.name, value, accepted });
            }
        }
        match (self.encoding, serializer.encoding()) {
            (Some((name, configured)), Some(given)) if given != configured => {
                let accepted = format!(
                    "{given}, which the serializer that this producer is given writes; StringSerializer::with_encoding writes others"
                );
                let value = Some(configured.to_string());
                Err(ConfigError::InvalidValue { name, value, accepted })
            }
            // Java has UTF-8 where nothing else is said.
            (None, Some(given))
                if given != Encoding::Utf8 && self.class == Some(SerializerClass::String) =>
            {
                let accepted = format!(
                    "StringSerializer in UTF-8, unless {}.encoding says otherwise: set that to {given}, which this producer is given",
                    self.name
                );
                let value = Some(SerializerClass::String.to_string());
                Err(ConfigError::InvalidValue { name: self.name, value, accepted })
            }
            // It has no effect on Kafka's other serializers in Java either.
            (Some((name, configured)), None)
                if serializer.java_class().is_none() && name != "serializer.encoding" =>
            {
                let value = Some(configured.to_string());
                Err(ConfigError::NotSupported { name, value, reason: NO_TEXT })
            }
            _ => Ok(()),
        }
    }
}
