//! `config.providers` (KIP-297, KIP-421): values that stand elsewhere, in the environment or in files.

mod pattern;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use places::Place;

use super::password::Password;
use super::property::{Property, Refusal};
use super::{ConfigError, ProducerConfig, java, reasons, serializing};

const PREFIX: &str = "config.providers.";
/// Java's system property, which has no place here: classes cannot be loaded by their names, so that there is nothing to allow.
const ALLOWED_CLASSES: &str = "org.apache.kafka.automatic.config.providers";

/// The providers, and what came of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Providers {
    /// `config.providers`, in order.
    names: Vec<String>,
    defined: BTreeMap<String, Definition>,
    /// The properties whose values stand elsewhere: nobody is to see them.
    referring: BTreeSet<&'static str>,
}

/// `config.providers.<name>.class` and `.param.<parameter>`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Definition {
    class: Option<Class>,
    parameters: BTreeMap<String, String>,
}

/// The classes of Kafka's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// KIP-887.
    Environment,
    File,
    Directory,
}

impl Class {
    const ALL: [(Self, &str); 3] = [
        (Self::Environment, "EnvVarConfigProvider"),
        (Self::File, "FileConfigProvider"),
        (Self::Directory, "DirectoryConfigProvider"),
    ];

    /// By Java's name, with the package or without.
    fn parse(name: &str) -> Option<Self> {
        let simple = name.strip_prefix("org.apache.kafka.common.config.provider.").unwrap_or(name);
        Self::ALL.into_iter().find(|(_, known)| *known == simple).map(|(class, _)| class)
    }

    /// Its one parameter.
    const fn parameter(self) -> &'static str {
        match self {
            Self::Environment => "allowlist.pattern",
            Self::File | Self::Directory => "allowed.paths",
        }
    }
}

/// A value as it was written, or as it stands elsewhere.
pub(super) enum Value<'a> {
    Literal(&'a str),
    Referred(Password),
}

/// `${provider:path:key}` or `${provider:key}`, as Java's `ConfigTransformer` finds it.
struct Reference<'a> {
    provider: &'a str,
    path: &'a str,
    key: &'a str,
}

impl Providers {
    /// Sets a property whose name begins as the providers' do; `None` if it is another one.
    pub(super) fn define(&mut self, name: &str, value: &str) -> Option<Result<(), ConfigError>> {
        let (name, value) = (name.trim(), value.trim());
        if name == ALLOWED_CLASSES {
            let reason = reasons::ALLOWED_PROVIDERS;
            return Some(Err(ConfigError::NotSupported {
                name: ALLOWED_CLASSES,
                value: None,
                reason,
            }));
        }
        let rest = name.strip_prefix(PREFIX)?;
        let wrong = |detail: String| ConfigError::Reference { name: name.to_owned(), detail };
        let (provider, what) = match rest.split_once('.') {
            Some((provider, what)) if !provider.is_empty() => (provider, what),
            _ => {
                return Some(Err(wrong(
                    "a provider has .class, and .param. with the name of a parameter".into(),
                )));
            }
        };
        let definition = self.defined.entry(provider.to_owned()).or_default();
        Some(match (what, what.strip_prefix("param.")) {
            ("class", _) => match Class::parse(value) {
                Some(class) => {
                    definition.class = Some(class);
                    Ok(())
                }
                None => {
                    let known = Class::ALL.map(|(_, name)| name).join(", ");
                    Err(wrong(format!(
                        "{value:?} is a class of a JVM, and cannot run here: there are {known}; or set what it would give by the program itself"
                    )))
                }
            },
            (_, Some(parameter)) => {
                definition.parameters.insert(parameter.to_owned(), value.to_owned());
                Ok(())
            }
            _ => {
                Err(wrong("a provider has .class, and .param. with the name of a parameter".into()))
            }
        })
    }

    /// `config.providers`.
    pub(super) fn name(&mut self, text: &str) -> Result<(), Refusal> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        match names[..] {
            [""] => self.names.clear(),
            _ if names.contains(&"") => return Err(Refusal::Invalid("one is empty".to_owned())),
            _ => self.names = names.into_iter().map(str::to_owned).collect(),
        }
        Ok(())
    }

    /// What a value refers to. Without providers nothing is a reference, as in Java.
    pub(super) fn resolve<'a>(
        &self,
        property: &str,
        value: &'a str,
    ) -> Result<Value<'a>, ConfigError> {
        if self.names.is_empty() {
            return Ok(Value::Literal(value));
        }
        let (mut text, mut rest, mut refers) = (String::new(), value, false);
        while let Some((before, reference, after)) = find(rest) {
            // What it leaves behind when it grows is not wiped, hence room for what there is.
            text.push_str(before);
            let found = self.look_up(&reference).map_err(|detail| ConfigError::Reference {
                name: property.trim().to_owned(),
                detail,
            })?;
            text.push_str(&found);
            (rest, refers) = (after, true);
        }
        if !refers {
            return Ok(Value::Literal(value));
        }
        text.push_str(rest);
        Ok(Value::Referred(Password::from(text)))
    }

    /// Why it cannot be had, or what stands there.
    fn look_up(&self, reference: &Reference<'_>) -> Result<Password, String> {
        let Reference { provider, path, key } = *reference;
        let place = if path.is_empty() {
            format!("${{{provider}:{key}}}")
        } else {
            format!("${{{provider}:{path}:{key}}}")
        };
        let failed = |detail: String| format!("{place} cannot be had: {detail}");
        if !self.names.iter().any(|name| name == provider) {
            let names = self.names.join(", ");
            return Err(failed(format!("config.providers has {names}, and no {provider:?}")));
        }
        let found = self.place(provider)?.get(path, key).map_err(failed)?;
        found.ok_or_else(|| failed("there is no such key there".into()))
    }

    /// A provider as it is set up, or what is wrong with that.
    fn place(&self, provider: &str) -> Result<Place, String> {
        let definition = self.defined.get(provider).filter(|of| of.class.is_some());
        let Some((class, parameters)) = definition.and_then(|of| Some((of.class?, &of.parameters)))
        else {
            return Err(format!(
                "{PREFIX}{provider}.class is not set: set it to {}",
                Class::ALL.map(|(_, name)| name).join(" or ")
            ));
        };
        let known = class.parameter();
        if let Some(unknown) = parameters.keys().find(|name| *name != known) {
            return Err(format!(
                "{PREFIX}{provider}.param.{unknown} means nothing to its class, which has {known}: remove it"
            ));
        }
        let parameter = parameters.get(known).map(String::as_str);
        Place::new(class, parameter)
            .map_err(|detail| format!("{PREFIX}{provider}.param.{known}: {detail}"))
    }

    /// That each provider that is named is set up, and each that is set up is named.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |name: String, detail: String| ConfigError::Reference { name, detail };
        if let Some(provider) = self.defined.keys().find(|name| !self.names.contains(name)) {
            return Err(wrong(
                format!("{PREFIX}{provider}"),
                format!(
                    "config.providers does not name {provider:?}, so that nothing refers to it: add it there, or remove this"
                ),
            ));
        }
        for name in &self.names {
            self.place(name).map_err(|detail| wrong("config.providers".into(), detail))?;
        }
        Ok(())
    }

    /// Remembers whether the value of a property stands elsewhere.
    pub(super) fn remember(&mut self, property: &str, refers: bool) {
        let known = rows().find_map(|row| row.named(property.trim()));
        match known {
            Some(name) if refers => drop(self.referring.insert(name)),
            Some(name) => drop(self.referring.remove(name)),
            None => {}
        }
    }

    /// Whether the value of one of these stands elsewhere.
    pub(super) fn refer(&self, properties: &[&str]) -> bool {
        properties.iter().any(|name| self.referring.contains(name))
    }

    /// Those of the properties of TLS and SASL whose values stand elsewhere.
    pub(super) fn referring_to_security(&self) -> Vec<&'static str> {
        let is_security = |name: &&str| {
            ["security.", "ssl.", "sasl."].iter().any(|prefix| name.starts_with(prefix))
        };
        self.referring.iter().copied().filter(is_security).collect()
    }

    /// An error without a value that stands elsewhere.
    pub(super) fn hide(&self, error: ConfigError) -> ConfigError {
        match error {
            ConfigError::InvalidValue { name, .. } if self.refer(&[name]) => without_value(error),
            ConfigError::NotSupported { name, .. } if self.refer(&[name]) => without_value(error),
            _ => error,
        }
    }
}

/// All that can be set.
fn rows() -> impl Iterator<Item = &'static Property<ProducerConfig>> {
    java().chain(serializing::PROPERTIES)
}

/// An error without the value, and without words that may repeat it.
pub(super) fn without_value(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::InvalidValue { name, .. } => {
            let row = rows().find(|row| row.name() == name);
            let accepted = row.map_or_else(|| "another value".to_owned(), |row| row.accepted());
            ConfigError::InvalidValue { name, value: None, accepted }
        }
        ConfigError::NotSupported { name, reason, .. } => {
            ConfigError::NotSupported { name, value: None, reason }
        }
        other => other,
    }
}

/// In the order in which they are to be set: what says where values stand comes first.
pub(crate) fn providers_first<T>(mut properties: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    properties.sort_by_key(|property| !name(property).trim().starts_with("config.providers"));
    properties
}

/// Whether there is anything in it that providers could look up.
pub(super) fn refers(value: &str) -> bool {
    find(value).is_some()
}

/// The first reference, with what stands before and after it.
fn find(text: &str) -> Option<(&str, Reference<'_>, &str)> {
    let mut from = 0;
    while let Some(start) = text[from..].find("${").map(|at| from + at) {
        let inner = start + 2;
        let end = inner + text[inner..].find('}')?;
        if let Some((provider, rest)) = text[inner..end].split_once(':') {
            let (path, key) = rest.split_once(':').unwrap_or(("", rest));
            return Some((&text[..start], Reference { provider, path, key }, &text[end + 1..]));
        }
        from = inner;
    }
    None
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal(_) => "Literal",
            Self::Referred(_) => "Referred",
        })
    }
}

#[cfg(test)]
mod tests;
