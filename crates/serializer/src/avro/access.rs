//! The parts of what is read: entries of arrays and maps, fields of records, types of unions.

use alloc::format;

use serde_core::de::value::BorrowedStrDeserializer;
use serde_core::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::decode::Decoder;
use super::error::{AvroError, AvroErrorKind};
use super::input::Input;
use super::resolve::{At, Branch, Plan, RecordPlan, Step};

/// A value whose type in the union was read already.
pub(crate) struct Chosen<'i, 'de> {
    pub(crate) own: Decoder<'i, 'de>,
    pub(crate) branch: &'de Branch,
}

impl<'i, 'de> Chosen<'i, 'de> {
    fn content(self) -> Decoder<'i, 'de> {
        Decoder { at: self.branch.step, ..self.own }
    }

    /// The variant's number is the type's: see [`AvroSchema::BRANCH`](super::AvroSchema::BRANCH).
    pub(crate) fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
        let called = Called::Number(self.branch.index as u32);
        visitor.visit_enum(Variant { called, content: self.content() })
    }

    /// The enum's variant that the type is: by its name, or else by its number.
    fn variant(&self, variants: &[&'static str]) -> Option<&'static str> {
        let name = &*self.branch.name;
        let simple = super::schema::simple(name);
        let is_primitive = !matches!(
            self.own.plan.step(self.branch.step),
            Step::Record(_) | Step::Fixed(_) | Step::Enum(_)
        );
        let called = variants.iter().find(|variant| {
            **variant == name
                || **variant == simple
                || (is_primitive && variant.eq_ignore_ascii_case(name))
        });
        called.or_else(|| variants.get(self.branch.index)).copied()
    }
}

impl<'de> Deserializer<'de> for Chosen<'_, 'de> {
    type Error = AvroError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, AvroError> {
        self.content().any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        let step = self.own.plan.step(self.branch.step);
        let is_variant = |symbol: &alloc::sync::Arc<str>| variants.contains(&&**symbol);
        if matches!(step, Step::Enum(symbols) if symbols.iter().flatten().all(is_variant)) {
            return self.content().plain_enum(visitor);
        }
        if matches!(step, Step::Text)
            && !self.variant(variants).is_some_and(|variant| variant.eq_ignore_ascii_case("string"))
        {
            let own = self.content();
            let text = own.input.text()?;
            return visitor.visit_enum(BorrowedStrDeserializer::new(text));
        }
        match self.variant(variants) {
            Some(name) => {
                visitor.visit_enum(Variant { called: Called::Name(name), content: self.content() })
            }
            None => Err(self.content().mismatch("an enum without a variant for it")),
        }
    }

    serde_core::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Variant<'i, 'de> {
    called: Called,
    content: Decoder<'i, 'de>,
}

enum Called {
    Name(&'static str),
    Number(u32),
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = AvroError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), AvroError> {
        let called = match self.called {
            Called::Name(name) => seed.deserialize(name.into_deserializer())?,
            Called::Number(number) => seed.deserialize(number.into_deserializer())?,
        };
        Ok((called, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = AvroError;

    fn unit_variant(self) -> Result<(), AvroError> {
        self.content.skip()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, AvroError> {
        let mut content = self.content;
        let own = match self.called {
            Called::Name(name) => content.step().content_of(name),
            Called::Number(_) => None,
        };
        if let Some(own) = own {
            content.at = own;
        }
        seed.deserialize(content)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.content.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, AvroError> {
        self.content.any(visitor)
    }
}

/// An array's entries, or a map's.
pub(crate) struct Entries<'i, 'de> {
    plan: &'de Plan,
    of: At,
    input: &'i mut Input<'de>,
    /// How many of the block are left.
    left: u64,
    is_over: bool,
    /// Whether an entry may take no bytes.
    is_empty: bool,
    index: usize,
    key: &'de str,
}

impl<'i, 'de> Entries<'i, 'de> {
    pub(crate) fn array(
        plan: &'de Plan,
        of: At,
        input: &'i mut Input<'de>,
    ) -> Result<Self, AvroError> {
        Self::new(plan, of, input, plan.empty[of.0 as usize])
    }

    pub(crate) fn map(
        plan: &'de Plan,
        of: At,
        input: &'i mut Input<'de>,
    ) -> Result<Self, AvroError> {
        // The keys take bytes.
        Self::new(plan, of, input, false)
    }

    /// With the first block's number read: whoever takes the entries may want to make room.
    fn new(
        plan: &'de Plan,
        of: At,
        input: &'i mut Input<'de>,
        is_empty: bool,
    ) -> Result<Self, AvroError> {
        let left = input.block(is_empty)?;
        Ok(Self { plan, of, input, left, is_over: left == 0, is_empty, index: 0, key: "" })
    }

    fn next(&mut self) -> Result<bool, AvroError> {
        if self.is_over {
            return Ok(false);
        }
        if self.left == 0 {
            self.left = self.input.block(self.is_empty)?;
            self.is_over = self.left == 0;
        }
        self.left = self.left.saturating_sub(1);
        Ok(!self.is_over)
    }

    fn value(&mut self) -> Decoder<'_, 'de> {
        Decoder { plan: self.plan, at: self.of, input: self.input }
    }

    /// An array of Rust's takes as many entries as it has, and asks for no more.
    pub(crate) fn finish(&mut self) -> Result<(), AvroError> {
        if !self.next()? {
            return Ok(());
        }
        let message = format!("the array has more than {} entries", self.index);
        Err(AvroError::new(AvroErrorKind::Type(message)))
    }
}

impl<'de> SeqAccess<'de> for &mut Entries<'_, 'de> {
    type Error = AvroError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, AvroError> {
        if !self.next()? {
            return Ok(None);
        }
        let index = self.index;
        self.index += 1;
        seed.deserialize(self.value()).map(Some).map_err(|error| error.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = AvroError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, AvroError> {
        if !self.next()? {
            return Ok(None);
        }
        self.key = self.input.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(self.key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, AvroError> {
        let key = self.key;
        seed.deserialize(self.value()).map_err(|error| error.at_key(key))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// A record's fields: the writer's in their order, and then the defaults of those that it lacks.
pub(crate) struct Fields<'i, 'de> {
    own: Decoder<'i, 'de>,
    record: &'de RecordPlan,
    next: usize,
    default: usize,
}

impl<'i, 'de> Fields<'i, 'de> {
    pub(crate) fn new(own: Decoder<'i, 'de>, record: &'de RecordPlan) -> Self {
        Self { own, record, next: 0, default: 0 }
    }

    /// Skips what the reader lacks.
    #[inline]
    fn next(&mut self) -> Result<Option<&'de str>, AvroError> {
        while let Some(field) = self.record.fields.get(self.next) {
            if let Some(name) = &field.name {
                return Ok(Some(name));
            }
            self.next += 1;
            self.own.nested(field.step).skip()?;
        }
        Ok(self.record.defaults.get(self.default).map(|(name, ..)| &**name))
    }

    #[inline]
    fn value<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, AvroError> {
        if let Some(field) = self.record.fields.get(self.next) {
            self.next += 1;
            let value = seed.deserialize(self.own.nested(field.step));
            return value
                .map_err(|error| error.in_field(field.name.as_deref().unwrap_or_default()));
        }
        let Some((name, bytes, at)) = self.record.defaults.get(self.default) else {
            return Err(AvroError::new(AvroErrorKind::End));
        };
        self.default += 1;
        let (plan, at) = (self.own.plan, *at);
        self.own
            .input
            .aside(bytes, |input| seed.deserialize(Decoder { plan, at, input }))
            .map_err(|error| error.in_field(name))
    }

    /// What the visitor did not ask for is read all the same.
    pub(crate) fn finish(&mut self) -> Result<(), AvroError> {
        while let Some(field) = self.record.fields.get(self.next) {
            self.next += 1;
            self.own.nested(field.step).skip()?;
        }
        Ok(())
    }
}

impl<'de> MapAccess<'de> for &mut Fields<'_, 'de> {
    type Error = AvroError;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, AvroError> {
        match self.next()? {
            Some(name) => seed.deserialize(name.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, AvroError> {
        self.value(seed)
    }
}

impl<'de> SeqAccess<'de> for &mut Fields<'_, 'de> {
    type Error = AvroError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, AvroError> {
        match self.next()? {
            Some(_) => self.value(seed).map(Some),
            None => Ok(None),
        }
    }
}
