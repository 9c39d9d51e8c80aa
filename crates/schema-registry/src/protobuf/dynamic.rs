//! Messages by their schema, straight from the bytes: descriptors are not looked up, and not counted, for each field.
//!
//! prost-reflect stays the judge. What is not quite usual (fields that the schema has not, groups, entries of maps with a part twice) and what is wrong is read by it, from the
//! beginning; of what it refuses this reader knows the place.

use bytes::Bytes;
use prost::DecodeError;
use prost::encoding::WireType;
use prost_reflect::{DynamicMessage, MapKey, Value};

use super::shapes::{At, Field, Form, Part, Scalar, Shapes};

/// As deep as prost reads.
const DEEPEST: u32 = 100;

/// Reads the message that is at this place among the shapes.
///
/// # Errors
///
/// prost's, and where it is: `lines[1].price`, or nothing where that is not known.
pub(super) fn read(
    shapes: &Shapes,
    at: At,
    bytes: &[u8],
) -> Result<DynamicMessage, (String, DecodeError)> {
    let descriptor = &shapes.messages[at].descriptor;
    let mut message = DynamicMessage::new(descriptor.clone());
    let place = match (Reader { shapes }).message(at, &mut message, bytes, DEEPEST) {
        Ok(()) => return Ok(message),
        Err(Stop::Unusual) => String::new(),
        Err(Stop::Wrong(place)) => place,
    };
    // What was read so far is not kept beside what is read now.
    drop(message);
    DynamicMessage::decode(descriptor.clone(), bytes).map_err(|error| (place, error))
}

/// Why the reader stopped.
enum Stop {
    Unusual,
    /// And where.
    Wrong(String),
}

impl Stop {
    const HERE: Self = Self::Wrong(String::new());

    fn inside(self, outer: &str) -> Self {
        match self {
            Self::Unusual => self,
            Self::Wrong(inner) if inner.is_empty() => Self::Wrong(outer.to_owned()),
            Self::Wrong(inner) => Self::Wrong(format!("{outer}.{inner}")),
        }
    }
}

struct Reader<'s> {
    shapes: &'s Shapes,
}

impl Reader<'_> {
    /// The fields of a message, which may have some already.
    fn message(
        &self,
        at: At,
        message: &mut DynamicMessage,
        bytes: &[u8],
        depth: u32,
    ) -> Result<(), Stop> {
        let fields = &self.shapes.messages[at].fields;
        let mut input = Input { rest: bytes };
        // Most are the same as the one before, or the next.
        let mut guess = 0;
        while !input.rest.is_empty() {
            let (number, wire_type) = input.key()?;
            let is_other = |at: usize| fields.get(at).is_none_or(|field| field.number != number);
            if is_other(guess) {
                guess += 1;
            }
            if is_other(guess) {
                let found = fields.binary_search_by_key(&number, |field| field.number);
                guess = found.map_err(|_| Stop::Unusual)?;
            }
            let field = &fields[guess];
            let slot = message.get_field_mut(&field.descriptor);
            let inner = self.field(field, wire_type, &mut input, slot, depth);
            inner.map_err(|stop| match (&field.form, slot) {
                (Form::Many(_), Value::List(values)) => {
                    stop.inside(&format!("{}[{}]", field.descriptor.name(), values.len()))
                }
                _ => stop.inside(field.descriptor.name()),
            })?;
        }
        Ok(())
    }

    #[inline]
    fn field(
        &self,
        field: &Field,
        wire_type: WireType,
        input: &mut Input<'_>,
        slot: &mut Value,
        depth: u32,
    ) -> Result<(), Stop> {
        match (&field.form, slot) {
            (Form::One(Part::Scalar(scalar)), slot) => {
                *slot = input.scalar_of(*scalar, wire_type)?;
            }
            (Form::One(Part::Message(at)), Value::Message(message)) => {
                self.inner(*at, message, input, wire_type, depth)?;
            }
            (Form::Many(Part::Scalar(scalar)), Value::List(values)) => {
                if wire_type == WireType::LengthDelimited && scalar.wire_type() != wire_type {
                    let mut packed = Input { rest: input.delimited()? };
                    while !packed.rest.is_empty() {
                        values.push(packed.scalar(*scalar)?);
                    }
                } else {
                    values.push(input.scalar_of(*scalar, wire_type)?);
                }
            }
            (Form::Many(Part::Message(at)), Value::List(values)) => {
                values.push(self.new_inner(*at, input, wire_type, depth)?);
            }
            (Form::Map { key, value, absent }, Value::Map(entries)) => {
                let mut entry = Input { rest: input.delimited_of(wire_type)? };
                let (mut found_key, mut found_value) = (None, None);
                while !entry.rest.is_empty() {
                    match entry.key()? {
                        (1, wire_type) => {
                            found_key = Some(map_key(entry.scalar_of(*key, wire_type)?)?);
                        }
                        (2, wire_type) if found_value.is_none() => {
                            found_value = Some(match value {
                                Part::Scalar(scalar) => entry.scalar_of(*scalar, wire_type)?,
                                Part::Message(at) => {
                                    self.new_inner(*at, &mut entry, wire_type, depth)?
                                }
                            });
                        }
                        _ => return Err(Stop::Unusual),
                    }
                }
                entries.insert(
                    found_key.unwrap_or_else(|| absent.0.clone()),
                    found_value.unwrap_or_else(|| absent.1.clone()),
                );
            }
            _ => return Err(Stop::Unusual),
        }
        Ok(())
    }

    fn new_inner(
        &self,
        at: At,
        input: &mut Input<'_>,
        wire_type: WireType,
        depth: u32,
    ) -> Result<Value, Stop> {
        let mut message = DynamicMessage::new(self.shapes.messages[at].descriptor.clone());
        self.inner(at, &mut message, input, wire_type, depth)?;
        Ok(Value::Message(message))
    }

    fn inner(
        &self,
        at: At,
        message: &mut DynamicMessage,
        input: &mut Input<'_>,
        wire_type: WireType,
        depth: u32,
    ) -> Result<(), Stop> {
        let bytes = input.delimited_of(wire_type)?;
        self.message(at, message, bytes, depth.checked_sub(1).ok_or(Stop::HERE)?)
    }
}

fn map_key(value: Value) -> Result<MapKey, Stop> {
    Ok(match value {
        Value::Bool(value) => MapKey::Bool(value),
        Value::I32(value) => MapKey::I32(value),
        Value::I64(value) => MapKey::I64(value),
        Value::U32(value) => MapKey::U32(value),
        Value::U64(value) => MapKey::U64(value),
        Value::String(value) => MapKey::String(value),
        _ => return Err(Stop::Unusual),
    })
}

struct Input<'b> {
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    #[inline]
    fn key(&mut self) -> Result<(u32, WireType), Stop> {
        let key = u32::try_from(self.varint()?).map_err(|_| Stop::HERE)?;
        let wire_type = WireType::try_from(u64::from(key & 7)).map_err(|_| Stop::HERE)?;
        Ok((key >> 3, wire_type))
    }

    #[inline]
    fn scalar_of(&mut self, scalar: Scalar, wire_type: WireType) -> Result<Value, Stop> {
        if scalar.wire_type() != wire_type {
            return Err(Stop::HERE);
        }
        self.scalar(scalar)
    }

    #[inline]
    fn scalar(&mut self, scalar: Scalar) -> Result<Value, Stop> {
        Ok(match scalar {
            Scalar::Double => Value::F64(f64::from_le_bytes(self.array()?)),
            Scalar::Float => Value::F32(f32::from_le_bytes(self.array()?)),
            Scalar::Int32 => Value::I32(self.varint()? as i32),
            Scalar::Int64 => Value::I64(self.varint()? as i64),
            Scalar::Uint32 => Value::U32(self.varint()? as u32),
            Scalar::Uint64 => Value::U64(self.varint()?),
            Scalar::Sint32 => {
                let number = self.varint()? as u32;
                Value::I32((number >> 1) as i32 ^ -((number & 1) as i32))
            }
            Scalar::Sint64 => {
                let number = self.varint()?;
                Value::I64((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            Scalar::Fixed32 => Value::U32(u32::from_le_bytes(self.array()?)),
            Scalar::Fixed64 => Value::U64(u64::from_le_bytes(self.array()?)),
            Scalar::Sfixed32 => Value::I32(i32::from_le_bytes(self.array()?)),
            Scalar::Sfixed64 => Value::I64(i64::from_le_bytes(self.array()?)),
            Scalar::Bool => Value::Bool(self.varint()? != 0),
            Scalar::String => {
                let text = std::str::from_utf8(self.delimited()?).map_err(|_| Stop::HERE)?;
                Value::String(text.to_owned())
            }
            Scalar::Bytes => Value::Bytes(Bytes::copy_from_slice(self.delimited()?)),
            Scalar::Enum => Value::EnumNumber(self.varint()? as i32),
        })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Stop> {
        let mut number = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(Stop::HERE);
            }
            number |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        Err(Stop::HERE)
    }

    #[inline]
    fn delimited_of(&mut self, wire_type: WireType) -> Result<&'b [u8], Stop> {
        if wire_type != WireType::LengthDelimited {
            return Err(Stop::HERE);
        }
        self.delimited()
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'b [u8], Stop> {
        let length = usize::try_from(self.varint()?).map_err(|_| Stop::HERE)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Stop::HERE)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Stop::HERE)?;
        self.rest = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests;
