//! A field's default, as it would be written.

use alloc::vec::Vec;

use serde_json::Value;

use super::schema::{Default, Id, Kind, Table};
use super::varint;

/// A record whose default lacks fields takes those of its type, which may be its own.
const DEEPEST: usize = 64;

/// What all defaults of a schema may cost: looks at values, of which unions of records take many, and bytes of defaults in defaults, which double from record to
/// record where each has two fields of the one before.
pub(crate) struct Budget(usize);

impl Budget {
    /// For a schema of so many bytes of text. What is written out in it is paid for many times over.
    pub(crate) fn new(text: usize) -> Self {
        Self((1 << 20) + text.saturating_mul(16))
    }

    fn pay(&mut self, cost: usize) -> bool {
        let left = self.0.checked_sub(cost);
        self.0 = left.unwrap_or_default();
        left.is_some()
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// The bytes of a default, or `None` where it does not match the type, or the budget is spent.
pub(crate) fn encode(
    table: &Table,
    of: Id,
    default: &Value,
    budget: &mut Budget,
) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    put(table, of, default, 0, budget, &mut bytes).then_some(bytes)
}

fn put(
    table: &Table,
    of: Id,
    default: &Value,
    depth: usize,
    budget: &mut Budget,
    out: &mut Vec<u8>,
) -> bool {
    if depth > DEEPEST || !budget.pay(1) {
        return false;
    }
    let nested = |of, value: &Value, budget: &mut Budget, out: &mut _| {
        put(table, of, value, depth + 1, budget, out)
    };
    match (table.kind(of), default) {
        (Kind::Null, Value::Null) => true,
        (Kind::Boolean, Value::Bool(value)) => {
            out.push(u8::from(*value));
            true
        }
        (Kind::Int, Value::Number(number)) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map(|number| varint::put(i64::from(number), out)).is_some()
        }
        (Kind::Long, Value::Number(number)) => {
            number.as_i64().map(|number| varint::put(number, out)).is_some()
        }
        (Kind::Float, Value::Number(number)) => number
            .as_f64()
            .map(|number| out.extend_from_slice(&(number as f32).to_le_bytes()))
            .is_some(),
        (Kind::Double, Value::Number(number)) => {
            number.as_f64().map(|number| out.extend_from_slice(&number.to_le_bytes())).is_some()
        }
        (Kind::String, Value::String(text)) => {
            varint::put(text.len() as i64, out);
            out.extend_from_slice(text.as_bytes());
            true
        }
        (Kind::Bytes, Value::String(text)) => {
            varint::put(text.chars().count() as i64, out);
            code_points(text, out)
        }
        (Kind::Fixed(fixed), Value::String(text)) => {
            text.chars().count() == fixed.size && code_points(text, out)
        }
        (Kind::Enum(of), Value::String(symbol)) => {
            let index = of.symbols.iter().position(|known| known == symbol);
            index.map(|index| varint::put(index as i64, out)).is_some()
        }
        (Kind::Array(of), Value::Array(items)) => {
            if !items.is_empty() {
                varint::put(items.len() as i64, out);
            }
            let all = items.iter().all(|item| nested(*of, item, budget, out));
            out.push(0);
            all
        }
        (Kind::Map(of), Value::Object(entries)) => {
            if !entries.is_empty() {
                varint::put(entries.len() as i64, out);
            }
            let all = entries.iter().all(|(key, value)| {
                varint::put(key.len() as i64, out);
                out.extend_from_slice(key.as_bytes());
                nested(*of, value, budget, out)
            });
            out.push(0);
            all
        }
        (Kind::Union(union), value) => {
            let begin = out.len();
            union.branches.iter().enumerate().any(|(index, branch)| {
                out.truncate(begin);
                varint::put(index as i64, out);
                nested(*branch, value, budget, out)
            })
        }
        (Kind::Record(record), Value::Object(fields)) => {
            record.fields.iter().all(|field| match (fields.get(&field.name), &field.default) {
                (Some(value), _) => nested(field.of, value, budget, out),
                (None, Default::Bytes(bytes)) if budget.pay(bytes.len() + 1) => {
                    out.extend_from_slice(bytes);
                    true
                }
                (None, _) => false,
            })
        }
        _ => false,
    }
}

/// A default of bytes is text, each character of which is a byte.
fn code_points(text: &str, out: &mut Vec<u8>) -> bool {
    text.chars().all(|character| match u8::try_from(u32::from(character)) {
        Ok(byte) => {
            out.push(byte);
            true
        }
        Err(_) => false,
    })
}
