//! The message definitions as they stand in the jar: JSON with `//` comments.

use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    pub(super) api_key: Option<i16>,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) valid_versions: Versions,
    pub(super) flexible_versions: Option<Versions>,
    #[serde(default)]
    pub(super) latest_version_unstable: bool,
    #[serde(default)]
    pub(super) fields: Vec<FieldDefinition>,
    #[serde(default)]
    pub(super) common_structs: Vec<StructDefinition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Request,
    Response,
    Header,
    Data,
}

/// A structure that several fields have as their type.
#[derive(Debug, Deserialize)]
pub(super) struct StructDefinition {
    pub(super) name: String,
    pub(super) fields: Vec<FieldDefinition>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldDefinition {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) field_type: String,
    pub(super) versions: Versions,
    pub(super) nullable_versions: Option<Versions>,
    pub(super) tag: Option<u32>,
    pub(super) tagged_versions: Option<Versions>,
    pub(super) flexible_versions: Option<Versions>,
    #[serde(default)]
    pub(super) ignorable: bool,
    pub(super) default: Option<serde_json::Value>,
    pub(super) entity_type: Option<String>,
    #[serde(default)]
    pub(super) map_key: bool,
    #[serde(default)]
    pub(super) fields: Vec<FieldDefinition>,
}

/// The versions `min` to `max`; none if `min` is above `max`. Open ends reach `i16::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Versions {
    pub(super) min: i16,
    pub(super) max: i16,
}

impl Versions {
    pub(super) const NONE: Self = Self { min: 0, max: -1 };

    pub(super) fn is_none(self) -> bool {
        self.min > self.max
    }

    pub(super) fn intersect(self, other: Self) -> Self {
        let both = Self { min: self.min.max(other.min), max: self.max.min(other.max) };
        if both.is_none() { Self::NONE } else { both }
    }

    /// The smallest range that has both.
    pub(super) fn hull(self, other: Self) -> Self {
        if self.is_none() {
            other
        } else if other.is_none() {
            self
        } else {
            Self { min: self.min.min(other.min), max: self.max.max(other.max) }
        }
    }

    pub(super) fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    pub(super) fn covers(self, other: Self) -> bool {
        self.intersect(other) == other
    }
}

/// As the definitions write versions: `none`, `3`, `3-5`, `3+`.
impl TryFrom<String> for Versions {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |part: &str| part.parse::<i16>().map_err(|e| format!("versions {text}: {e}"));
        if text == "none" {
            Ok(Self::NONE)
        } else if let Some(min) = text.strip_suffix('+') {
            Ok(Self { min: number(min)?, max: i16::MAX })
        } else if let Some((min, max)) = text.split_once('-') {
            Ok(Self { min: number(min)?, max: number(max)? })
        } else {
            Ok(Self { min: number(&text)?, max: number(&text)? })
        }
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self { min, max } if min > max => f.write_str("none"),
            Self { min, max: i16::MAX } => write!(f, "{min}+"),
            Self { min, max } if min == max => write!(f, "{min}"),
            Self { min, max } => write!(f, "{min}-{max}"),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Definition, String> {
    serde_json::from_str(&without_comments(text)).map_err(|e| e.to_string())
}

/// Cuts `// …` to the end of its line, where it stands outside of a string.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => {
                out.push(character);
                out.extend(characters.next());
                continue;
            }
            '"' => in_string = !in_string,
            '/' if !in_string && characters.peek() == Some(&'/') => {
                while characters.next_if(|&next| next != '\n').is_some() {}
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_cut_and_strings_kept() {
        let text = "// a\n{ \"x\": \"y // z\\\" //\", // b\n\"u\": 1 }";
        assert_eq!(without_comments(text), "\n{ \"x\": \"y // z\\\" //\", \n\"u\": 1 }");
    }

    #[test]
    fn versions_are_read_as_the_definitions_write_them() {
        for text in ["none", "3", "3-5", "3+"] {
            assert_eq!(Versions::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert!(Versions::try_from("x+".to_owned()).is_err());
    }

    #[test]
    fn ranges_meet_and_join() {
        let range = |min, max| Versions { min, max };
        assert_eq!(range(0, 5).intersect(range(3, i16::MAX)), range(3, 5));
        assert_eq!(range(0, 2).intersect(range(3, 5)), Versions::NONE);
        assert_eq!(range(0, 2).hull(range(5, 6)), range(0, 6));
        assert_eq!(Versions::NONE.hull(range(5, 6)), range(5, 6));
        assert!(range(0, 5).covers(range(2, 3)) && !range(0, 5).covers(range(2, 6)));
    }
}
