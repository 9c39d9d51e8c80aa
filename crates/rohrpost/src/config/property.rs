//! One property: its name, what it takes, and what it does to the configuration.

use std::fmt;
use std::time::Duration;

use rohrpost_serializer::Encoding;

use super::password::Password;
use super::{ConfigError, Dialect};

/// What properties of one dialect are set on.
pub(crate) trait Target: 'static {
    const DIALECT: Dialect;
}

/// One row of a table of properties: all that there is to know of it, for reading it, for its errors and for the documentation.
pub(crate) struct Property<C: Target> {
    /// Its names: the first is the one to use, the others are aliases.
    pub(crate) names: &'static [&'static str],
    pub(crate) kind: PropertyType,
    /// The default, as one would write it. Empty: none, or the empty text.
    pub(crate) default: &'static str,
    pub(crate) about: &'static str,
    /// Since which KIP it is there, or means what it means. Empty: from the beginning, or from no KIP.
    pub(crate) kips: &'static [u16],
    /// What means about the same in the other dialect; written down in librdkafka's table alone.
    pub(crate) counterparts: &'static [&'static str],
    /// The builder's method that sets it.
    pub(crate) method: Option<&'static str>,
    /// What is not as the other client has it, and why.
    pub(crate) differs: Option<&'static str>,
    pub(crate) setter: Setter<C>,
}

/// What a property takes, and where it goes.
pub(crate) enum Setter<C> {
    Flag(fn(&mut C, bool)),
    /// An integer from `min` to `max`.
    Number {
        min: i64,
        max: i64,
        set: fn(&mut C, i64),
    },
    /// As `Number`, or this one value below `min`.
    NumberOr {
        or: i64,
        min: i64,
        max: i64,
        set: fn(&mut C, i64),
    },
    /// Milliseconds from `min` to `max`.
    Millis {
        min: i64,
        max: i64,
        set: fn(&mut C, Duration),
    },
    /// Milliseconds, where a negative number means for ever.
    MillisOrNever(fn(&mut C, Option<Duration>)),
    /// Milliseconds with a fraction, from 0 to `max`.
    Fraction {
        max: u32,
        set: fn(&mut C, Duration),
    },
    /// One of these, each of which may have several names; the setter gets its position.
    Named {
        of: &'static [&'static [&'static str]],
        any_case: bool,
        /// Why there is nothing else; `None`: anything else is a mistake.
        otherwise: Option<&'static str>,
        set: fn(&mut C, usize),
    },
    /// A character set, by any of Java's names; else the reason why it is not supported.
    Encoding(fn(&mut C, Encoding), &'static str),
    Text(fn(&mut C, String)),
    /// A text that nobody is to see.
    Secret(fn(&mut C, Password)),
    /// What has rules of its own.
    Parsed {
        accepted: &'static str,
        set: fn(&mut C, &str) -> Result<(), Refusal>,
    },
    /// Separated by commas. `blanks`: empty items do not count; else they are a mistake.
    List {
        blanks: bool,
        set: fn(&mut C, Vec<String>),
    },
    /// These values are what this producer does anyway; any other is not supported, for this reason.
    Only {
        values: &'static [&'static str],
        any_case: bool,
        reason: &'static str,
    },
    /// Not supported at all, for this reason.
    Refused(&'static str),
}

/// Why a [`Setter::Parsed`] does not take a text. Of a secret, no part of it is in here.
pub(crate) enum Refusal {
    /// What is wrong with it.
    Invalid(String),
    /// Kafka has it, and this producer has not: why, and what to do.
    Unsupported(&'static str),
}

/// The type of a property's value, in its dialect's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyType {
    /// `true` or `false`.
    Boolean,
    /// A number of 16 bits.
    Short,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// A text.
    String,
    /// Texts, separated by commas.
    List,
    /// The name of a class of a JVM.
    Class,
    /// A secret: its value is never shown.
    Password,
    /// A function of a C program; no text can set it.
    Callback,
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Boolean => "boolean",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::String => "string",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
            Self::Callback => "callback",
        })
    }
}

impl<C: Target> Property<C> {
    pub(crate) const fn new(
        names: &'static [&'static str],
        kind: PropertyType,
        default: &'static str,
        setter: Setter<C>,
        about: &'static str,
    ) -> Self {
        Self {
            names,
            kind,
            default,
            about,
            kips: &[],
            counterparts: &[],
            method: None,
            differs: None,
            setter,
        }
    }

    pub(crate) const fn kip(mut self, kips: &'static [u16]) -> Self {
        self.kips = kips;
        self
    }

    pub(crate) const fn java(mut self, counterparts: &'static [&'static str]) -> Self {
        self.counterparts = counterparts;
        self
    }

    pub(crate) const fn method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    pub(crate) const fn differs(mut self, how: &'static str) -> Self {
        self.differs = Some(how);
        self
    }

    /// The name to use.
    pub(crate) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// The name among its names that is spelt so.
    pub(crate) fn named(&self, name: &str) -> Option<&'static str> {
        self.names.iter().copied().find(|own| *own == name)
    }

    /// Why it is not supported, or only some of its values.
    pub(crate) fn unsupported(&self) -> Option<&'static str> {
        match self.setter {
            Setter::Only { reason, .. } | Setter::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    /// Sets the property, under one of its names, from a text. Spaces around it do not count, where the dialect has it so: librdkafka's words and
    /// flags have none.
    pub(crate) fn set(
        &self,
        name: &'static str,
        config: &mut C,
        text: &str,
    ) -> Result<(), ConfigError> {
        use PropertyType::{Boolean, String};
        let text = match (C::DIALECT, &self.setter, self.kind) {
            (Dialect::Librdkafka, Setter::Text(_) | Setter::Secret(_), _) => text.trim_start(),
            (Dialect::Librdkafka, Setter::List { .. }, _) => text.trim(),
            (Dialect::Librdkafka, _, Boolean | String) => text,
            _ => text.trim(),
        };
        let invalid = || self.invalid(name, text);
        let number = |min, max, or| number(C::DIALECT, text, min, max, or).ok_or_else(invalid);
        match &self.setter {
            Setter::Flag(set) => set(config, flag(C::DIALECT, text).ok_or_else(invalid)?),
            Setter::Number { min, max, set } => set(config, number(*min, *max, None)?),
            Setter::NumberOr { or, min, max, set } => set(config, number(*min, *max, Some(*or))?),
            Setter::Millis { min, max, set } => set(config, millis(number(*min, *max, None)?)),
            Setter::MillisOrNever(set) => {
                let number = number(i64::MIN, i64::MAX, None)?;
                set(config, (number >= 0).then(|| millis(number)));
            }
            Setter::Fraction { max, set } => {
                let valid = |millis: &f64| (0.0..=f64::from(*max)).contains(millis);
                let millis = text.parse().ok().filter(valid).ok_or_else(invalid)?;
                set(config, Duration::from_secs_f64(millis / 1000.0));
            }
            Setter::Named { of, any_case, otherwise, set } => {
                let same =
                    |name: &&str| *name == text || (*any_case && name.eq_ignore_ascii_case(text));
                match of.iter().position(|names| names.iter().any(same)) {
                    Some(position) => set(config, position),
                    None => {
                        return Err(otherwise.map_or_else(invalid, |r| self.refusal(name, text, r)));
                    }
                }
            }
            Setter::Encoding(set, reason) => match Encoding::of_name(text) {
                Some(encoding) => set(config, encoding),
                None => return Err(self.refusal(name, text, reason)),
            },
            Setter::Text(set) => set(config, text.to_owned()),
            Setter::Secret(set) => set(config, Password::new(text)),
            Setter::Parsed { accepted, set } => set(config, text).map_err(|why| match why {
                Refusal::Unsupported(reason) => self.refusal(name, text, reason),
                Refusal::Invalid(why) => {
                    let accepted = format!("{accepted} ({why})");
                    ConfigError::InvalidValue { name, value: self.shown(text), accepted }
                }
            })?,
            Setter::List { blanks, set } => {
                let mut items: Vec<&str> = text.split(',').map(str::trim).collect();
                match blanks {
                    true => items.retain(|item| !item.is_empty()),
                    false if items.contains(&"") => return Err(invalid()),
                    false => {}
                }
                set(config, items.into_iter().map(str::to_owned).collect());
            }
            Setter::Only { values, any_case, reason } => {
                let same = |value: &&str| {
                    *value == text || (*any_case && value.eq_ignore_ascii_case(text))
                };
                if !values.iter().any(same) {
                    return Err(self.refusal(name, text, reason));
                }
            }
            Setter::Refused(reason) => {
                return Err(ConfigError::NotSupported { name, value: None, reason });
            }
        }
        Ok(())
    }

    fn refusal(&self, name: &'static str, text: &str, reason: &'static str) -> ConfigError {
        ConfigError::NotSupported { name, value: self.shown(text), reason }
    }

    /// The error for a value that the property does not take.
    fn invalid(&self, name: &'static str, text: &str) -> ConfigError {
        ConfigError::InvalidValue { name, value: self.shown(text), accepted: self.accepted() }
    }

    /// A value as errors may show it.
    fn shown(&self, text: &str) -> Option<String> {
        (self.kind != PropertyType::Password).then(|| text.to_owned())
    }

    /// What the property takes, in words.
    pub(crate) fn accepted(&self) -> String {
        match &self.setter {
            Setter::Flag(_) => "true or false".to_owned(),
            Setter::Number { min, max, .. } => format!("a number {}", range(*min, *max)),
            Setter::NumberOr { or, min, max, .. } => {
                format!("{or} or a number {}", range(*min, *max))
            }
            Setter::Millis { min, max, .. } => format!("milliseconds {}", range(*min, *max)),
            Setter::MillisOrNever(_) => "milliseconds, or -1 for never".to_owned(),
            Setter::Fraction { max, .. } => {
                format!("milliseconds from 0 to {max}, a fraction too")
            }
            Setter::Named { of, .. } => {
                let names = of.iter().copied().flatten().copied();
                let (long, short): (Vec<_>, Vec<_>) =
                    names.partition(|name| name.starts_with("org.apache."));
                let with =
                    if long.is_empty() { "" } else { "; Java's classes with their package, too" };
                format!("{}{with}", short.join(", "))
            }
            Setter::Encoding(..) => one_of(&Encoding::ALL.map(Encoding::name)),
            Setter::Text(_) => "a text".to_owned(),
            Setter::Secret(_) => "a text, which is never shown".to_owned(),
            Setter::Parsed { accepted, .. } => (*accepted).to_owned(),
            Setter::List { blanks: true, .. } => "a list separated by commas".to_owned(),
            Setter::List { blanks: false, .. } => {
                "a list separated by commas, nothing between them being empty".to_owned()
            }
            Setter::Only { values, .. } => one_of(values),
            Setter::Refused(_) => "nothing".to_owned(),
        }
    }
}

/// Of 64 bits, all numbers are meant.
fn range(min: i64, max: i64) -> String {
    if max == i64::MAX { format!("from {min}") } else { format!("from {min} to {max}") }
}

fn one_of(options: &[&str]) -> String {
    let mut words: Vec<&str> =
        options.iter().copied().filter(|option| !option.is_empty()).collect();
    if words.len() < options.len() {
        words.push("nothing");
    }
    words.join(", ")
}

fn flag(dialect: Dialect, text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    let short = dialect == Dialect::Librdkafka;
    if is("true") || (short && (is("t") || text == "1")) {
        Some(true)
    } else if is("false") || (short && (is("f") || text == "0")) {
        Some(false)
    } else {
        None
    }
}

/// A number as the dialect writes it: librdkafka's may be octal (`017`) or hexadecimal (`0xf`).
fn number(dialect: Dialect, text: &str, min: i64, max: i64, or: Option<i64>) -> Option<i64> {
    let number = match dialect {
        Dialect::Java => text.parse().ok()?,
        Dialect::Librdkafka => c_number(text)?,
    };
    ((min..=max).contains(&number) || or == Some(number)).then_some(number)
}

/// As C's `strtol` with base 0, but to the end of the text.
fn c_number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => (16, hexadecimal),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    // A second sign is none.
    let starts_well = digits.starts_with(|digit: char| digit.is_digit(radix));
    starts_well.then(|| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()).flatten()
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_c_in_the_dialect_of_c() {
        for (text, number) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("+17", Some(17)),
            ("-17", Some(-17)),
            ("017", Some(15)),
            ("0x1F", Some(31)),
            ("-0x10", Some(-16)),
            ("", None),
            ("0x", None),
            ("08", None),
            ("--1", None),
            ("0x-1", None),
            ("17k", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(c_number(text), number, "{text:?}");
        }
    }
}
