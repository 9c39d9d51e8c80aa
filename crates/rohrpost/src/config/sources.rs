//! Where configurations come from.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::librdkafka::Draft;
use super::{
    ConfigError, ConfigMistake, ConfigPlace, ProducerConfig, add_unless_they_follow,
    providers_first, text, told,
};
use crate::error::{Error, ErrorKind};

impl ProducerConfig {
    /// Java's defaults, changed by properties under their Java names. Of two values for one property the later one counts.
    ///
    /// ```
    /// use rohrpost::ProducerConfig;
    ///
    /// let config = ProducerConfig::from_java([("bootstrap.servers", "broker:9092"), ("linger.ms", "20")])?;
    /// assert_eq!(config.linger().as_millis(), 20);
    /// # Ok::<(), rohrpost::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong ([`Error::config_errors`]): see [`set`](Self::set).
    pub fn from_java<N: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut config = Self::new();
        let mut mistakes = Vec::new();
        let properties = properties.into_iter().collect();
        for (name, value) in providers_first(properties, |(name, _)| name.as_ref().to_owned()) {
            mistakes.extend(config.try_set(None, name.as_ref(), value.as_ref()).err());
        }
        config.unless(mistakes)
    }

    /// librdkafka's defaults, changed by properties under librdkafka's names, those of topics among them. Of two values for one property the
    /// later one counts. What librdkafka has and this producer has not is refused, never ignored: see
    /// [`librdkafka_properties`](crate::librdkafka_properties).
    ///
    /// The result can be changed by a builder's typed methods, and no longer by names.
    ///
    /// ```
    /// use rohrpost::{Producer, ProducerBuilder, ProducerConfig};
    ///
    /// let config = ProducerConfig::from_librdkafka([
    ///     ("metadata.broker.list", "broker:9092"),
    ///     ("queue.buffering.max.kbytes", "65536"),
    ///     ("message.timeout.ms", "5000"),
    /// ])?;
    /// let builder = ProducerBuilder::from_config(config);
    /// # Ok::<(), rohrpost::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong: as for [`set`](Self::set), and for settings that exclude each other.
    pub fn from_librdkafka<N: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut draft = Draft::new();
        let mut mistakes = Vec::new();
        for (name, value) in properties {
            let set = draft.set(name.as_ref(), value.as_ref());
            mistakes.extend(set.err().map(ConfigMistake::from));
        }
        let (config, together) = draft.finish();
        add_unless_they_follow(&mut mistakes, together.into_iter().map(Into::into).collect());
        told(mistakes)?;
        Ok(config)
    }

    /// Java's defaults, changed by the text of a `.properties` file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong, and the lines in the text.
    pub fn from_properties(text: &str) -> Result<Self, Error> {
        let mut config = Self::new();
        let mistakes = config.read_properties(None, text);
        config.unless(mistakes)
    }

    /// Java's defaults, changed by a `.properties` file, which is UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the file's name, and all that is wrong with its line if it could be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Config, format!("cannot read {}: {error}", path.display()))
        })?;
        let mut config = Self::new();
        let mistakes = config.read_properties(Some(path), &text);
        config.unless(mistakes)
    }

    /// Java's defaults, changed by the environment variables whose names begin with this prefix: with the prefix `ROHRPOST_`,
    /// `ROHRPOST_BATCH_SIZE` sets `batch.size`. See [`set_environment`](Self::set_environment).
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong, and the variables' names.
    pub fn from_env(prefix: &str) -> Result<Self, Error> {
        let mut config = Self::new();
        let mistakes = config.read_environment(prefix, std::env::vars_os());
        config.unless(mistakes)
    }

    /// The configuration, if there is no mistake in what it is made of. If there is one, what is wrong with all of it together is told too.
    fn unless(self, mut mistakes: Vec<ConfigMistake>) -> Result<Self, Error> {
        if !mistakes.is_empty() {
            add_unless_they_follow(&mut mistakes, self.check_what_is_there());
        }
        told(mistakes)?;
        Ok(self)
    }

    /// Sets all properties of the text of a `.properties` file, as Java reads it: a line is `name=value`, `name: value` or `name value`, `#` and `!`
    /// begin comments, a backslash continues a line or escapes a character (`\u00e9`), and of two lines for one name the later one counts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong, and the lines in the text; the properties of the other lines are set.
    pub fn set_properties(&mut self, text: &str) -> Result<(), Error> {
        told(self.read_properties(None, text))
    }

    /// As [`set_properties`](Self::set_properties), of a file that was read already: errors name it.
    ///
    /// # Errors
    /// As there.
    pub fn set_properties_of(&mut self, file: impl AsRef<Path>, text: &str) -> Result<(), Error> {
        told(self.read_properties(Some(file.as_ref()), text))
    }

    pub(crate) fn read_properties(
        &mut self,
        file: Option<&Path>,
        text: &str,
    ) -> Vec<ConfigMistake> {
        let at = |line| ConfigPlace::Line { file: file.map(Path::to_owned), line };
        let mut mistakes = Vec::new();
        let name = |pair: &Result<(usize, String, String), ConfigError>| match pair {
            Ok((_, name, _)) => name.clone(),
            Err(_) => String::new(),
        };
        for pair in providers_first(text::parse(text).into_iter().collect(), name) {
            mistakes.extend(match pair {
                Ok((line, name, value)) => self.try_set(Some(&at(line)), &name, &value).err(),
                Err(ConfigError::Malformed { line, reason }) => {
                    let error = ConfigError::Malformed { line, reason };
                    Some(ConfigMistake::at(error, "", Some(&at(line))))
                }
                Err(error) => Some(error.into()),
            });
        }
        mistakes
    }

    /// Sets a property from each variable whose name begins with this prefix; what follows is the property's Java name in any case, with `_` for
    /// each dot. Other variables do not count, nor do empty ones.
    ///
    /// ```
    /// use rohrpost::ProducerConfig;
    ///
    /// let mut config = ProducerConfig::new();
    /// let variables = [("KAFKA_LINGER_MS", "20"), ("PATH", "/bin"), ("KAFKA_ACKS", "")];
    /// config.set_environment("KAFKA_", variables.map(|(name, value)| (name.into(), value.into())))?;
    /// assert_eq!(config.linger().as_millis(), 20);
    /// # Ok::<(), rohrpost::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with all that is wrong, and the variables' names: no such property, a value that is not valid or not UTF-8. The variables
    /// are taken in the order of their names; those without a mistake are set.
    pub fn set_environment(
        &mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), Error> {
        told(self.read_environment(prefix, variables))
    }

    pub(crate) fn read_environment(
        &mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Vec<ConfigMistake> {
        let mut ours: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, value)| name.starts_with(prefix) && !value.is_empty())
            .collect();
        ours.sort();
        let mut mistakes = Vec::new();
        let named = ours.into_iter().map(|(variable, value)| {
            (variable[prefix.len()..].to_ascii_lowercase().replace('_', "."), variable, value)
        });
        for (name, variable, value) in providers_first(named.collect(), |(name, ..)| name.clone()) {
            mistakes.extend(match value.into_string() {
                Ok(value) => {
                    let place = ConfigPlace::Variable { name: variable };
                    self.try_set(Some(&place), &name, &value).err()
                }
                Err(_) => Some(ConfigError::NotText { name: variable }.into()),
            });
        }
        mistakes
    }
}
