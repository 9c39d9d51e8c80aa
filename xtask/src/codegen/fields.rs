//! Fields: their types, defaults and nulls, and how Rust says them.

use serde_json::Value;

use super::Result;
use super::definition::Versions;

/// A field of a structure, in the versions in which its structure can stand.
pub(super) struct Field {
    /// As Rust names it; a keyword is raw.
    pub(super) name: String,
    /// As Kafka's JSON converters name it.
    pub(super) json: String,
    pub(super) ty: Type,
    pub(super) versions: Versions,
    /// The versions in which it can be null.
    pub(super) nullable: Versions,
    pub(super) tag: Option<u32>,
    /// Whether its length is never compact.
    pub(super) inflexible: bool,
    pub(super) ignorable: bool,
    pub(super) default: Default,
    /// What the value identifies, such as `topicName`.
    pub(super) entity: Option<String>,
    /// Whether it is (a part of) what tells the elements of an array apart.
    pub(super) is_key: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    /// The same where it is put together: in a request.
    RecordsInPieces,
    /// An `int16` by the name of an error code.
    ErrorCode,
    Struct(String),
    Array(Box<Type>),
}

/// What a field is where it is not set, or not in the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Default {
    Null,
    /// False, zero, empty, or a structure of defaults.
    Zero,
    True,
    Number(i64),
}

impl Type {
    pub(super) fn parse(text: &str, field: &str) -> Result<Self> {
        if let Some(element) = text.strip_prefix("[]") {
            return Ok(Self::Array(Box::new(Self::parse(element, field)?)));
        }
        Ok(match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" if field.ends_with("ErrorCode") => Self::ErrorCode,
            "int16" => Self::Int16,
            "uint16" => Self::Uint16,
            "int32" => Self::Int32,
            "uint32" => Self::Uint32,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "uuid" => Self::Uuid,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "records" => Self::Records,
            name if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                Self::Struct(name.to_owned())
            }
            other => return Err(format!("no type `{other}`")),
        })
    }

    /// The type itself, or that of an array's elements.
    pub(super) fn innermost(&self) -> &Self {
        match self {
            Self::Array(element) => element.innermost(),
            other => other,
        }
    }

    /// The type as Rust writes it.
    pub(super) fn rust(&self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Int8 => "i8".to_owned(),
            Self::Int16 => "i16".to_owned(),
            Self::Uint16 => "u16".to_owned(),
            Self::Int32 => "i32".to_owned(),
            Self::Uint32 => "u32".to_owned(),
            Self::Int64 => "i64".to_owned(),
            Self::Float64 => "f64".to_owned(),
            Self::Uuid => "Uuid".to_owned(),
            Self::String => "ByteStr".to_owned(),
            Self::Bytes | Self::Records => "Bytes".to_owned(),
            Self::RecordsInPieces => "Segments".to_owned(),
            Self::ErrorCode => "ErrorCode".to_owned(),
            Self::Struct(name) => name.clone(),
            Self::Array(element) if **element == Self::Int32 => "Int32Array".to_owned(),
            Self::Array(element) => format!("Vec<{}>", element.rust()),
        }
    }

    /// The type as the protocol's definitions write it, for a doc comment.
    pub(super) fn protocol(&self) -> String {
        match self {
            Self::Bool => "`bool`".to_owned(),
            Self::Int8 => "`int8`".to_owned(),
            Self::Int16 | Self::ErrorCode => "`int16`".to_owned(),
            Self::Uint16 => "`uint16`".to_owned(),
            Self::Int32 => "`int32`".to_owned(),
            Self::Uint32 => "`uint32`".to_owned(),
            Self::Int64 => "`int64`".to_owned(),
            Self::Float64 => "`float64`".to_owned(),
            Self::Uuid => "`uuid`".to_owned(),
            Self::String => "`string`".to_owned(),
            Self::Bytes => "`bytes`".to_owned(),
            Self::Records | Self::RecordsInPieces => "`records`".to_owned(),
            Self::Struct(name) => format!("[`{name}`]"),
            Self::Array(element) => format!("array of {}", element.protocol()),
        }
    }

    /// The coder's method for a value of the type.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Uuid => "uuid",
            Self::String => "string",
            Self::Bytes | Self::Records => "bytes",
            Self::RecordsInPieces => "records",
            Self::ErrorCode => "error_code",
            Self::Struct(_) => "structure",
            Self::Array(element) if **element == Self::Int32 => "int32_array",
            Self::Array(_) => "array",
        }
    }

    /// Whether encoding a value takes it by value and cannot fail.
    pub(super) fn is_fixed_size(&self) -> bool {
        !matches!(
            self,
            Self::String
                | Self::Bytes
                | Self::Records
                | Self::RecordsInPieces
                | Self::Struct(_)
                | Self::Array(_)
        )
    }
}

impl Default {
    pub(super) fn parse(value: Option<&Value>, ty: &Type, nullable: bool) -> Result<Self> {
        // A field of records is null where nothing else is said; any other one is not.
        let Some(value) = value else {
            return Ok(if *ty == Type::Records && nullable { Self::Null } else { Self::Zero });
        };
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let unfit = || format!("`{text}` is no default for {}", ty.protocol());
        match (text.as_str(), ty) {
            ("null", _) if nullable => Ok(Self::Null),
            ("true", Type::Bool) => Ok(Self::True),
            ("false", Type::Bool) | ("", Type::String) => Ok(Self::Zero),
            (_, Type::Bool | Type::String) => Err(unfit()),
            _ if ty.is_fixed_size() && *ty != Type::Uuid && *ty != Type::Float64 => {
                let number = match text.strip_prefix("0x") {
                    Some(digits) => i64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                let number = number.map_err(|_| unfit())?;
                Ok(if number == 0 { Self::Zero } else { Self::Number(number) })
            }
            _ => Err(unfit()),
        }
    }
}

impl Field {
    pub(super) fn is_nullable(&self) -> bool {
        !self.nullable.is_none()
    }

    /// Whether no condition is needed to say whether it can be null.
    pub(super) fn nullable_in_all_or_none(&self) -> bool {
        !self.is_nullable() || self.nullable == self.versions
    }

    /// The name without the mark of a raw identifier.
    pub(super) fn plain_name(&self) -> &str {
        self.name.trim_start_matches("r#")
    }

    /// The field's type in Rust.
    pub(super) fn rust_type(&self) -> String {
        let ty = self.ty.rust();
        if self.is_nullable() { format!("Option<{ty}>") } else { ty }
    }

    /// Whether the protocol's default is also that of Rust's `Default`.
    pub(super) fn has_rusts_default(&self) -> bool {
        match self.default {
            Default::Null => true,
            Default::Zero => !self.is_nullable(),
            Default::True | Default::Number(_) => false,
        }
    }

    /// The default as an expression.
    pub(super) fn default_value(&self) -> String {
        let value = match (&self.default, &self.ty) {
            (Default::Null, _) => return "None".to_owned(),
            (Default::True, _) => "true".to_owned(),
            (Default::Number(number), Type::ErrorCode) => format!("ErrorCode({number})"),
            (Default::Number(number), ty) => number_literal(*number, ty),
            (Default::Zero, Type::Bool) => "false".to_owned(),
            (Default::Zero, Type::Float64) => "0.0".to_owned(),
            (Default::Zero, Type::Uuid) => "Uuid::NIL".to_owned(),
            (Default::Zero, Type::ErrorCode) => "ErrorCode::NONE".to_owned(),
            (Default::Zero, Type::String) => "ByteStr::new()".to_owned(),
            (Default::Zero, Type::Bytes | Type::Records) => "Bytes::new()".to_owned(),
            (Default::Zero, Type::RecordsInPieces) => "Segments::new()".to_owned(),
            (Default::Zero, ty @ Type::Array(_)) => {
                // Without the type of the elements, which goes without saying.
                format!("{}::new()", ty.rust().split('<').next().unwrap_or_default())
            }
            (Default::Zero, Type::Struct(name)) => format!("{name}::default()"),
            (Default::Zero, _) => "0".to_owned(),
        };
        if self.is_nullable() { format!("Some({value})") } else { value }
    }

    /// An expression that says whether the field of `self` has its default.
    pub(super) fn is_default(&self) -> String {
        let place = format!("self.{}", self.name);
        match (&self.default, &self.ty) {
            (Default::Null, _) => format!("{place}.is_none()"),
            (
                Default::Zero,
                Type::String | Type::Bytes | Type::Records | Type::RecordsInPieces | Type::Array(_),
            ) => {
                if self.is_nullable() {
                    format!("{place}.as_ref().is_some_and(|value| value.is_empty())")
                } else {
                    format!("{place}.is_empty()")
                }
            }
            (Default::Zero, Type::Bool) => format!("!{place}"),
            (Default::True, _) => place,
            (Default::Zero, Type::Uuid) => format!("{place}.is_nil()"),
            (Default::Zero, Type::ErrorCode) => format!("{place}.is_none()"),
            _ => format!("{place} == {}", self.default_value()),
        }
    }

    /// The default as the documentation says it; `None` where it goes without saying.
    pub(super) fn documented_default(&self) -> Option<String> {
        match &self.default {
            Default::Null => Some("null".to_owned()),
            Default::Zero if self.is_nullable() => Some("empty".to_owned()),
            Default::Zero => None,
            Default::True => Some("true".to_owned()),
            Default::Number(number) => Some(number.to_string()),
        }
    }
}

/// The ends of a type's range by their names.
fn number_literal(number: i64, ty: &Type) -> String {
    match (number, ty) {
        (i64::MAX, Type::Int64) => "i64::MAX".to_owned(),
        (n, Type::Int32) if n == i64::from(i32::MAX) => "i32::MAX".to_owned(),
        (n, Type::Int32) if n == i64::from(i32::MIN) => "i32::MIN".to_owned(),
        (n, _) => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_are_read_as_the_definitions_write_them() {
        for (value, ty, nullable, expected) in [
            (None, Type::Int32, false, Ok(Default::Zero)),
            (None, Type::String, true, Ok(Default::Zero)),
            (None, Type::Records, true, Ok(Default::Null)),
            (Some(json!("null")), Type::String, true, Ok(Default::Null)),
            (Some(json!("null")), Type::String, false, Err(())),
            (Some(json!("0x7fffffff")), Type::Int32, false, Ok(Default::Number(0x7fff_ffff))),
            (Some(json!("-1")), Type::Int64, false, Ok(Default::Number(-1))),
            (Some(json!(false)), Type::Bool, false, Ok(Default::Zero)),
            (Some(json!("true")), Type::Bool, false, Ok(Default::True)),
            (Some(json!("x")), Type::Int8, false, Err(())),
        ] {
            let parsed = Default::parse(value.as_ref(), &ty, nullable).map_err(drop);
            assert_eq!(parsed, expected, "{value:?} for {ty:?}");
        }
    }
}
