//! All that is wrong with a configuration, told at once.

use std::fmt;

use super::{ConfigError, ConfigPlace, nearest};
use crate::error::{Error, ErrorKind};

/// All that is wrong with a configuration: at least one mistake, each on a line of its own. It is the [`source`](std::error::Error::source) of an
/// [`Error`](crate::Error) of the kind [`Config`](crate::ErrorKind::Config).
///
/// ```
/// use rohrpost::ProducerConfig;
///
/// let text = "acks=1\nlinger.sm=5\nbatch.size=big\nenable.idempotence=true\n";
/// let error = ProducerConfig::from_properties(text).unwrap_err();
/// let told: Vec<String> = error.config_errors().unwrap().errors().map(ToString::to_string).collect();
/// assert_eq!(told.len(), 3);
/// assert!(told[0].starts_with(r#"line 2: there is no producer property "linger.sm""#));
/// assert!(told[1].starts_with(r#"line 3: batch.size="big" is not valid"#));
/// assert!(told[2].starts_with("enable.idempotence (line 4) and acks (line 1) contradict each other"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// At least one.
    mistakes: Vec<ConfigMistake>,
}

impl ConfigErrors {
    /// The mistakes: those of the texts in their order, then those of settings that do not go together.
    pub fn errors(&self) -> impl Iterator<Item = &ConfigMistake> {
        self.mistakes.iter()
    }

    /// These and those that were found later, but for what may only seem wrong because one of these is: settings that would go together without it.
    #[must_use]
    pub fn and_later(mut self, later: Self) -> Self {
        add_unless_they_follow(&mut self.mistakes, later.mistakes);
        self
    }

    /// The first of them.
    pub(crate) fn first(&self) -> Option<&ConfigError> {
        self.mistakes.first().map(ConfigMistake::error)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [mistake] = self.mistakes.as_slice() {
            return mistake.fmt(f);
        }
        write!(f, "{} mistakes in the configuration:", self.mistakes.len())?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n{mistake}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// One thing that is wrong with a configuration, and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMistake {
    error: Box<ConfigError>,
    /// By the properties that the error names; the name does not matter where the error itself is of one place.
    places: Vec<(String, ConfigPlace)>,
}

impl ConfigMistake {
    pub(super) fn new(error: ConfigError, places: Vec<(String, ConfigPlace)>) -> Self {
        Self { error: Box::new(error), places }
    }

    /// A value that was refused when it was said.
    pub(super) fn at(error: ConfigError, name: &str, place: Option<&ConfigPlace>) -> Self {
        let place = place.map(|place| (nearest::shown(name).to_owned(), place.clone()));
        Self::new(error, place.into_iter().collect())
    }

    pub(super) fn of_topic(self, topic: &str) -> Self {
        Self { error: Box::new(self.error.of_topic(topic)), ..self }
    }

    /// What is wrong.
    pub fn error(&self) -> &ConfigError {
        &self.error
    }

    /// Where each property that it is about was set, as far as that is known: name and place. What the program set by itself has no place.
    pub fn places(&self) -> impl Iterator<Item = (&str, &ConfigPlace)> {
        self.places.iter().map(|(name, place)| (&**name, place))
    }

    /// Whether it may be that this only seems wrong because one of those is: it is about the same property.
    fn may_follow_from(&self, earlier: &[Self]) -> bool {
        let names = self.error.properties();
        earlier.iter().any(|of| of.error.properties().iter().any(|name| names.contains(name)))
    }
}

impl fmt::Display for ConfigMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.error.names_places() {
            if let Some((_, place)) = self.places.first() {
                write!(f, "{place}: ")?;
            }
        }
        self.error.tell(f, &self.places)
    }
}

impl std::error::Error for ConfigMistake {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl From<ConfigError> for ConfigMistake {
    fn from(error: ConfigError) -> Self {
        Self::new(error, Vec::new())
    }
}

/// Adds what is wrong with settings together, but for what may only be wrong because one of them is.
pub(crate) fn add_unless_they_follow(mistakes: &mut Vec<ConfigMistake>, later: Vec<ConfigMistake>) {
    let earlier = mistakes.len();
    for mistake in later {
        if !mistake.may_follow_from(&mistakes[..earlier]) {
            mistakes.push(mistake);
        }
    }
}

/// An error, if there is a mistake.
pub(crate) fn told(mistakes: Vec<ConfigMistake>) -> Result<(), Error> {
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(ConfigErrors { mistakes }.into())
}

impl From<ConfigErrors> for Error {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(ErrorKind::Config, errors.to_string()).with_source(errors)
    }
}

impl From<ConfigMistake> for Error {
    fn from(mistake: ConfigMistake) -> Self {
        ConfigErrors { mistakes: vec![mistake] }.into()
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        ConfigMistake::from(error).into()
    }
}

#[cfg(test)]
mod tests;
