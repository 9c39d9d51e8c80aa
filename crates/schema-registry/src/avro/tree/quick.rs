//! The short way: values as they were written, straight from the bytes. What is not quite usual (blocks with their sizes, many parts that take no bytes) and what is wrong is left
//! to the other way, which has the words for it.

use std::collections::HashMap;

use apache_avro::types::Value;

use super::{At, MOST_RESERVED, Shape, Tree};

/// As deep as the other way goes.
const DEEPEST: usize = 64;
/// More parts that take no bytes are rare.
const MOST_EMPTY: usize = 1_000;

impl Tree {
    /// `None`: the other way is to be gone.
    pub(in crate::avro) fn read(&self, bytes: &[u8]) -> Option<Value> {
        let mut input = Input { rest: bytes, depth: 0, empty: 0 };
        let value = self.part(0, &mut input)?;
        input.rest.is_empty().then_some(value)
    }

    fn part(&self, at: At, input: &mut Input<'_>) -> Option<Value> {
        Some(match &self.shapes[at] {
            Shape::Open => return None,
            Shape::Null => {
                input.nothing()?;
                Value::Null
            }
            Shape::Boolean => match input.take(1)? {
                [0] => Value::Boolean(false),
                [1] => Value::Boolean(true),
                _ => return None,
            },
            Shape::Int(of) => of(i32::try_from(input.number()?).ok()?),
            Shape::Long(of) => of(input.number()?),
            Shape::Float => Value::Float(f32::from_le_bytes(input.array()?)),
            Shape::Double => Value::Double(f64::from_le_bytes(input.array()?)),
            Shape::Text(of) => return of(input.text()?),
            Shape::Bytes(of) => {
                let length = input.length()?;
                return of(input.take(length)?);
            }
            Shape::Fixed(0, _) => return None,
            Shape::Fixed(size, of) => return of(input.take(*size)?),
            Shape::Enum(symbols) => {
                let index = input.number()?;
                let symbol = symbols.get(usize::try_from(index).ok()?)?;
                Value::Enum(index as u32, symbol.clone())
            }
            Shape::Union(branches) => {
                let index = input.number()?;
                let of = *branches.get(usize::try_from(index).ok()?)?;
                Value::Union(index as u32, Box::new(self.part(of, input)?))
            }
            Shape::Record(fields) => {
                if fields.is_empty() {
                    input.nothing()?;
                }
                input.deeper()?;
                let mut values = Vec::with_capacity(fields.len());
                for (name, of) in fields {
                    values.push((name.clone(), self.part(*of, input)?));
                }
                input.depth -= 1;
                Value::Record(values)
            }
            Shape::Array(of) => {
                input.deeper()?;
                let mut values = Vec::new();
                loop {
                    let count = input.length()?;
                    if count == 0 {
                        break;
                    }
                    values.reserve_exact(count.min(MOST_RESERVED));
                    for _ in 0..count {
                        values.push(self.part(*of, input)?);
                    }
                }
                input.depth -= 1;
                Value::Array(values)
            }
            Shape::Map(of) => {
                input.deeper()?;
                let mut values = HashMap::new();
                loop {
                    let count = input.length()?;
                    if count == 0 {
                        break;
                    }
                    values.reserve(count.min(MOST_RESERVED));
                    for _ in 0..count {
                        let key = input.text()?.to_owned();
                        values.insert(key, self.part(*of, input)?);
                    }
                }
                input.depth -= 1;
                Value::Map(values)
            }
        })
    }
}

struct Input<'b> {
    rest: &'b [u8],
    depth: usize,
    /// How many parts took no bytes.
    empty: usize,
}

impl<'b> Input<'b> {
    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEEPEST).then_some(())
    }

    fn nothing(&mut self) -> Option<()> {
        self.empty += 1;
        (self.empty <= MOST_EMPTY).then_some(())
    }

    #[inline]
    fn number(&mut self) -> Option<i64> {
        let mut number = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return None;
            }
            number |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Some((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        None
    }

    /// Of bytes, or of entries, each of which mostly takes one at the least: no more than there are.
    #[inline]
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|length| *length <= self.rest.len())
    }

    #[inline]
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    #[inline]
    fn text(&mut self) -> Option<&'b str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok()
    }
}
