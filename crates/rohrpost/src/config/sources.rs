//! Where configurations come from.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use super::librdkafka::Draft;
use super::{ConfigError, ProducerConfig, text};
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
    /// [`ErrorKind::Config`]: see [`set`](Self::set).
    pub fn from_java<N: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut config = Self::new();
        for (name, value) in properties {
            config.set_typed(name.as_ref(), value.as_ref())?;
        }
        Ok(config)
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
    /// [`ErrorKind::Config`]: as for [`set`](Self::set), and for settings that exclude each other.
    pub fn from_librdkafka<N: AsRef<str>, V: AsRef<str>>(
        properties: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut draft = Draft::new();
        for (name, value) in properties {
            draft.set(name.as_ref(), value.as_ref())?;
        }
        Ok(draft.finish()?)
    }

    /// Java's defaults, changed by the text of a `.properties` file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the line in the text.
    pub fn from_properties(text: &str) -> Result<Self, Error> {
        let mut config = Self::new();
        config.set_properties(text)?;
        Ok(config)
    }

    /// Java's defaults, changed by a `.properties` file, which is UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the file's name, and the line if it could be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Config, format!("cannot read {}: {error}", path.display()))
        })?;
        Self::from_properties(&text).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            let told = Error::new(ErrorKind::Config, message);
            match error.config_error() {
                Some(cause) => told.with_source(cause.clone()),
                None => told,
            }
        })
    }

    /// Java's defaults, changed by the environment variables whose names begin with this prefix: with the prefix `ROHRPOST_`,
    /// `ROHRPOST_BATCH_SIZE` sets `batch.size`. See [`set_environment`](Self::set_environment).
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the variable's name.
    pub fn from_env(prefix: &str) -> Result<Self, Error> {
        let mut config = Self::new();
        config.set_environment(prefix, std::env::vars_os())?;
        Ok(config)
    }

    /// Sets all properties of the text of a `.properties` file, as Java reads it: a line is `name=value`, `name: value` or `name value`, `#` and `!`
    /// begin comments, a backslash continues a line or escapes a character (`\u00e9`), and of two lines for one name the later one counts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the line in the text; the properties before that line are set.
    pub fn set_properties(&mut self, text: &str) -> Result<(), Error> {
        for (line, name, value) in text::parse(text)? {
            self.set_typed(&name, &value)
                .map_err(|error| at(format_args!("line {line}"), error))?;
        }
        Ok(())
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
    /// [`ErrorKind::Config`], with the variable's name: no such property, a value that is not valid or not UTF-8. The variables are
    /// taken in the order of their names, so it is always the same one that is named.
    pub fn set_environment(
        &mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), Error> {
        let mut ours: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, value)| name.starts_with(prefix) && !value.is_empty())
            .collect();
        ours.sort();
        for (variable, value) in ours {
            let name = variable[prefix.len()..].to_ascii_lowercase().replace('_', ".");
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::NotText { name: variable }.into());
            };
            self.set_typed(&name, &value).map_err(|error| at(&variable, error))?;
        }
        Ok(())
    }
}

/// An error with the place where it was made.
fn at(place: impl Display, error: ConfigError) -> Error {
    Error::new(ErrorKind::Config, format!("{place}: {error}")).with_source(error)
}
