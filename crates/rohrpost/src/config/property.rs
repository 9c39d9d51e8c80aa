//! One property: its name, what it takes, and what it does to the configuration.

use std::time::Duration;

use super::{ConfigError, ProducerConfig};

/// One row of the table of properties.
pub(crate) struct Property {
    /// Java's name.
    pub(crate) name: &'static str,
    /// Java's default, as one would write it. Empty: none, or the empty text.
    pub(crate) default: &'static str,
    pub(crate) about: &'static str,
    pub(crate) setter: Setter,
}

/// What a property takes, and where it goes.
pub(crate) enum Setter {
    Flag(fn(&mut ProducerConfig, bool)),
    /// An integer from `min` to `max`.
    Number {
        min: i64,
        max: i64,
        set: fn(&mut ProducerConfig, i64),
    },
    /// As `Number`, or this one value below `min`.
    NumberOr {
        or: i64,
        min: i64,
        max: i64,
        set: fn(&mut ProducerConfig, i64),
    },
    /// Milliseconds from `min` to `max`.
    Millis {
        min: i64,
        max: i64,
        set: fn(&mut ProducerConfig, Duration),
    },
    /// Milliseconds, where a negative number means for ever.
    MillisOrNever(fn(&mut ProducerConfig, Option<Duration>)),
    /// One of these; the setter gets its position. Upper and lower case are the same if `any_case`.
    Choice {
        of: &'static [&'static str],
        any_case: bool,
        set: fn(&mut ProducerConfig, usize),
    },
    Text(fn(&mut ProducerConfig, String)),
    /// Separated by commas.
    List(fn(&mut ProducerConfig, Vec<String>)),
    /// These values are what this producer does anyway; any other is not supported, for this reason.
    Only {
        values: &'static [&'static str],
        reason: &'static str,
    },
    /// Not supported at all, for this reason.
    Refused(&'static str),
}

impl Property {
    /// Sets the property in `config` from a text. Spaces around it do not count, as in Java.
    pub(crate) fn set(&self, config: &mut ProducerConfig, text: &str) -> Result<(), ConfigError> {
        let text = text.trim();
        match &self.setter {
            Setter::Flag(set) => match () {
                () if text.eq_ignore_ascii_case("true") => set(config, true),
                () if text.eq_ignore_ascii_case("false") => set(config, false),
                () => return Err(self.invalid(text)),
            },
            Setter::Number { min, max, set } => set(config, self.number(text, *min, *max, None)?),
            Setter::NumberOr { or, min, max, set } => {
                set(config, self.number(text, *min, *max, Some(*or))?);
            }
            Setter::Millis { min, max, set } => {
                set(config, millis(self.number(text, *min, *max, None)?));
            }
            Setter::MillisOrNever(set) => {
                let number = self.number(text, i64::MIN, i64::MAX, None)?;
                set(config, (number >= 0).then(|| millis(number)));
            }
            Setter::Choice { of, any_case, set } => {
                let same = |option: &&str| {
                    *option == text || (*any_case && option.eq_ignore_ascii_case(text))
                };
                set(config, of.iter().position(same).ok_or_else(|| self.invalid(text))?);
            }
            Setter::Text(set) => set(config, text.to_owned()),
            Setter::List(set) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                set(config, items.map(str::to_owned).collect());
            }
            Setter::Only { values, reason } => {
                if !values.iter().any(|value| value.eq_ignore_ascii_case(text)) {
                    return Err(ConfigError::NotSupported {
                        name: self.name,
                        value: Some(text.to_owned()),
                        reason,
                    });
                }
            }
            Setter::Refused(reason) => {
                return Err(ConfigError::NotSupported { name: self.name, value: None, reason });
            }
        }
        Ok(())
    }

    fn number(&self, text: &str, min: i64, max: i64, or: Option<i64>) -> Result<i64, ConfigError> {
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) || or == Some(number) => Ok(number),
            Ok(_) | Err(_) => Err(self.invalid(text)),
        }
    }

    /// The error for a value that the property does not take.
    pub(crate) fn invalid(&self, text: &str) -> ConfigError {
        let accepted = self.accepted();
        ConfigError::InvalidValue { name: self.name, value: Some(text.to_owned()), accepted }
    }

    /// What the property takes, in words.
    pub(crate) fn accepted(&self) -> String {
        match &self.setter {
            Setter::Flag(_) => "true or false".to_owned(),
            Setter::Number { min, max, .. } => format!("a number from {min} to {max}"),
            Setter::NumberOr { or, min, max, .. } => {
                format!("{or} or a number from {min} to {max}")
            }
            Setter::Millis { min, max, .. } => format!("milliseconds from {min} to {max}"),
            Setter::MillisOrNever(_) => "milliseconds, or -1 for never".to_owned(),
            Setter::Choice { of, .. } => one_of(of),
            Setter::Text(_) => "a text".to_owned(),
            Setter::List(_) => "a list separated by commas".to_owned(),
            Setter::Only { values, .. } => one_of(values),
            Setter::Refused(_) => "nothing".to_owned(),
        }
    }
}

fn one_of(options: &[&str]) -> String {
    let mut words: Vec<&str> =
        options.iter().copied().filter(|option| !option.is_empty()).collect();
    if words.len() < options.len() {
        words.push("nothing");
    }
    words.join(", ")
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(number.unsigned_abs())
}
