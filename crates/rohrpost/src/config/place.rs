//! Where the values of properties were said, so that a mistake that shows late still has its place.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::password::Password;
use super::{ConfigError, ConfigMistake, ProducerConfig};

/// Where the value of a property was said. [`ProducerConfig::from_file`] and [`ProducerConfig::from_env`] know, and whoever reads configurations from elsewhere tells it
/// by [`ProducerConfig::set_from`]. Errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigPlace {
    /// A line of the text of a `.properties` file.
    Line {
        /// The file, if it is one.
        file: Option<PathBuf>,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// Somewhere else, in words: `the option --acks`.
    Named(String),
}

impl fmt::Display for ConfigPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file: Some(file), line } => write!(f, "{}, line {line}", file.display()),
            Self::Line { file: None, line } => write!(f, "line {line}"),
            Self::Variable { name } => f.write_str(name),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// The place and the text of each property that was last set from a place that is known.
#[derive(Clone, Default)]
pub(super) struct Places(BTreeMap<&'static str, (ConfigPlace, Password)>);

/// Where a value comes from makes no other configuration of it.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, (place, _))| (name, place))).finish()
    }
}

impl Places {
    /// Notes where a property was set just now; `None`: nobody knows.
    pub(super) fn note(&mut self, name: &'static str, place: Option<&ConfigPlace>, value: &str) {
        match place {
            Some(place) => drop(self.0.insert(name, (place.clone(), Password::new(value)))),
            None => drop(self.0.remove(name)),
        }
    }
}

impl ProducerConfig {
    /// A mistake with the places of the properties that it is about.
    pub(crate) fn locate(&self, error: ConfigError) -> ConfigMistake {
        let mut places: Vec<(String, ConfigPlace)> = Vec::new();
        for name in error.properties().into_iter().chain(self.named_by_tls(&error)) {
            if let Some(place) = self.place_of(name) {
                places.push((name.to_owned(), place.clone()));
            }
        }
        ConfigMistake::new(error, places)
    }

    /// The place that a property's value was last set from, unless the program has set it otherwise since: a typed method notes no place, but setting
    /// the noted value again changes something then.
    fn place_of(&self, name: &str) -> Option<&ConfigPlace> {
        let (place, value) = self.places.0.get(name)?;
        let mut again = self.clone();
        (again.set_in_java(name, value).is_ok() && again == *self).then_some(place)
    }

    /// The properties with the files that an error of TLS is about.
    #[cfg(feature = "_tls")]
    fn named_by_tls(&self, error: &ConfigError) -> Vec<&'static str> {
        let ConfigError::Tls { error } = error else { return Vec::new() };
        let told = error.to_string();
        let named = self.places.0.iter().filter(|(name, (_, value))| {
            name.ends_with(".location") && !value.trim().is_empty() && told.contains(value.trim())
        });
        named.map(|(name, _)| *name).collect()
    }

    #[cfg(not(feature = "_tls"))]
    #[allow(clippy::unused_self, reason = "with TLS it looks")]
    fn named_by_tls(&self, _: &ConfigError) -> Vec<&'static str> {
        Vec::new()
    }
}
