//! Whether the default of each field is a value of the field's type.

use serde_json::Value;

use super::{AvroSchema, Field, InvalidAvro, Primitive, Type};

/// Defaults are values in JSON: how deep they go is the JSON's own affair.
pub(super) fn check(schema: &AvroSchema) -> Result<(), InvalidAvro> {
    for of in &schema.types {
        let Type::Record { name, fields, .. } = of else { continue };
        for Field { name: field, of, default, .. } in fields {
            let Some(default) = default else { continue };
            if !is_valid(schema, *of, default) {
                let place = format!("{}.{field}", name.simple());
                let problem = format!("the default {default} is no value of its type");
                return Err(InvalidAvro { place, problem });
            }
        }
    }
    Ok(())
}

fn is_valid(schema: &AvroSchema, of: usize, value: &Value) -> bool {
    match schema.at(of) {
        Type::Primitive(primitive, _) => match primitive {
            Primitive::Null => value.is_null(),
            Primitive::Boolean => value.is_boolean(),
            Primitive::Int => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
            Primitive::Long => value.is_i64(),
            Primitive::Float | Primitive::Double => {
                value.is_number()
                    || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
            }
            Primitive::Bytes | Primitive::String => value.is_string(),
        },
        Type::Enum { symbols, .. } => {
            value.as_str().is_some_and(|value| symbols.iter().any(|symbol| symbol == value))
        }
        Type::Fixed { size, .. } => {
            // A character is a byte.
            value.as_str().is_some_and(|text| text.chars().count() as u64 == *size)
        }
        Type::Array(items, _) => value
            .as_array()
            .is_some_and(|list| list.iter().all(|value| is_valid(schema, *items, value))),
        Type::Map(values, _) => value
            .as_object()
            .is_some_and(|map| map.values().all(|value| is_valid(schema, *values, value))),
        Type::Union(branches) => branches.iter().any(|branch| is_valid(schema, *branch, value)),
        Type::Record { fields, .. } => value.as_object().is_some_and(|object| {
            fields.iter().all(|field| match object.get(&field.name) {
                Some(value) => is_valid(schema, field.of, value),
                // Whether the default itself is valid is looked at where it stands.
                None => field.default.is_some(),
            })
        }),
        Type::Pending(_) => false,
    }
}
